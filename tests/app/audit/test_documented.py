"""Every format of flow log has an example in the documentation, which is read as is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.formats.flows.detect import FORMATS, Head
from tests.app.audit.asking import ask, counts
from tests.documented import examples

if TYPE_CHECKING:
    from pathlib import Path


def test_each_example_is_read_as_its_format_and_as_what_is_shown(tmp_path: Path) -> None:
    found = examples("audit.md")
    assert [(name, title) for name, title, *_ in found] == [
        (name, form.title) for name, form in FORMATS.items()
    ]
    path = tmp_path / "log"
    for name, _, example, shown in found:
        path.write_text(example)
        head = Head("log", tuple(example.splitlines()))
        takes = (form for form in FORMATS.values() if form.recognise(head) is not None)
        assert next(takes).name == name
        answer = ask(path)
        words = [
            f"`{port}/{transport}` ({flows} flow{'s' if flows > 1 else ''})"
            for (transport, port), flows in counts(answer).items()
        ]
        services, _, refused = shown.partition("; ")
        assert sorted(services.split(", ")) == sorted(words), name
        unanswered = answer.unanswered.flows
        assert refused == (f"{unanswered} unanswered" if unanswered else ""), name
        assert (answer.undecidable.flows, answer.other_records, answer.faults) == (0, 0, ()), name
