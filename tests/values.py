"""Values that tests make: a listener with some facts, wherever in it they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog import Catalog
from portbook.catalog.expectations.lookup import Notes
from portbook.model import (
    Evidence,
    EvidenceCode,
    Facts,
    Finding,
    Gap,
    GapCode,
    Level,
    Listener,
    Subject,
)
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.evidence import evidence_lines
from portbook.present.phrases.findings import finding_message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from portbook.model import Note


# The shipped data, opened once a process. What a test changes, it makes for itself.
CATALOG = Catalog()
AS_OF = CATALOG.registry.store.as_of


def with_notes(*notes: Note, problems: tuple[str, ...] = ()) -> Catalog:
    """The shipped data, and *notes* of the user's own, whose files root may write."""
    own = Notes(notes, problems, frozenset({0}))
    return Catalog(CATALOG.registry, CATALOG.practice, read_notes=lambda: own)


def changed(listener: Listener, **facts: Any) -> Listener:
    """*listener* with *facts* about its socket, its ownership (``owners``, ``owners_seen``) and its
    assessment.
    """
    if "owners_seen" in facts:
        facts["seen"] = facts.pop("owners_seen")

    def own(part: NamedTuple) -> dict[str, Any]:
        return {name: facts.pop(name) for name in part._fields if name in facts}

    made = Listener(
        listener.socket._replace(**own(listener.socket)),
        listener.ownership._replace(**own(listener.ownership)),
        listener.assessment._replace(**own(listener.assessment)),
    )
    assert not facts, f"a listener has no {', '.join(facts)}"
    return made


def placeholders(template: str) -> set[str]:
    """What stands in braces in *template*."""
    return {piece.partition("}")[0] for piece in template.split("{")[1:]}


def gap(text: str) -> Gap:
    """A gap whose sentence is *text*."""
    return Gap(GapCode.CONTAINERS_UNASKED, detail=text)


def sentences(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """What users read of *gaps*."""
    return tuple(gap_sentences(gaps))


def worded(code: str, level: Level, text: str, *lines: str) -> Finding:
    """A finding as another run made it: with the sentence *text*, and *lines* of evidence."""
    evidence = [Evidence(EvidenceCode.TEXT, (("text", line),)) for line in lines]
    return Finding(code, level, facts=(("message", text),), evidence=tuple(evidence))


class Told(NamedTuple):
    """A finding with what users read of it."""

    code: str
    level: Level
    subject: Subject | None
    facts: Facts
    message: str
    evidence: tuple[str, ...]


def told(findings: Iterable[Finding]) -> dict[str, Told]:
    """*findings* with what users read of them, by their codes."""
    return {
        each.code: Told(
            each.code,
            each.level,
            each.subject,
            each.facts,
            finding_message(each),
            tuple(evidence_lines(each)),
        )
        for each in findings
    }


def still(item: Any) -> Any:
    """*item* without what the clock changes from one moment to the next."""
    if isinstance(item, dict):
        return {key: still(value) for key, value in item.items() if key != "uptime_s"}
    return [still(each) for each in item] if isinstance(item, list) else item
