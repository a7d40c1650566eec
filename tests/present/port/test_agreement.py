"""The verdict of the short answer is the finding that every other answer leads with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.listen import ScanOptions, look
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.app.socket_order import sort_by_gravity
from portbook.formats.errors.query import parse_query
from portbook.model import Listener, Process
from portbook.present.brief import compose_brief
from portbook.present.document import Table, Verdict
from portbook.present.phrases.findings import finding_message
from portbook.present.port.on_record import in_practice, practice_line
from portbook.present.port.page import compose
from portbook.present.render import port_json
from portbook.present.render.document_text import render_answer
from portbook.present.render.text import Style
from tests.machine import SERVER, TO, Machine, bound
from tests.values import CATALOG

SCRIPT = Process(
    17580, "node", ("node", "server.js"), executable="/usr/bin/node", uid=1000, user="ada",
    started=12_800.0, cwd="/home/ada/shop",
)  # fmt: skip
KNOWN = [
    Process(
        700 + at, path.rpartition("/")[2], (path,), executable=path, executable_uid=0,
        executable_mode=0o755, uid=0, user="root", started=100.0,
    )
    for at, path in enumerate(("/usr/sbin/nginx", "/usr/sbin/sshd", "/usr/bin/redis-server"))
]  # fmt: skip
GONE = SERVER._replace(pid=900, executable_deleted=True)
PORTS = (22, 80, 3000, 5000, 5432, 6379, 7777, 8080, 8443, 9999, 31337, 40000, 60001)
owners = st.sampled_from([None, SERVER, SCRIPT, GONE, *KNOWN])
places = st.sampled_from(("0.0.0.0", "127.0.0.1", "::", "::1", "192.0.2.7"))


@given(
    st.sampled_from(PORTS) | st.integers(1, 65535),
    st.lists(st.tuples(owners, places), min_size=1, max_size=3, unique_by=lambda each: each[1]),
)
def test_the_verdict_is_the_finding_that_every_answer_leads_with(
    port: int, held: list[tuple[Process | None, str]]
) -> None:
    machine = Machine(
        [bound(port, *([owner] if owner else []), address=place) for owner, place in held]
    )
    depth = ScanOptions(notes=False)
    found = answer(parse_query(str(port)), CATALOG, depth, host=machine)
    assert isinstance(found, PortAnswer)
    brief = compose_brief(found, TO)
    assert brief.verdict is not None
    listening = sort_by_gravity(look((port, port), None, depth, CATALOG, machine).listeners)
    first = listening[0].assessment.findings[0]
    assert (brief.verdict.code, brief.verdict.level) == (first.code, first.level)
    page = [item for section in compose(found).sections for item in section.items]
    told = [item for item in page if isinstance(item, Verdict)]
    assert told[0].findings[0] == first
    sent = json.loads(json.dumps(port_json.of(found, TO)))
    assert sent["findings"][0]["code"] == sent["brief"]["verdict"]["code"] == first.code
    assert sent["host"]["listeners"][0]["findings"][0]["code"] == first.code


def _told_of(port: int, owner: Process | None) -> tuple[PortAnswer, tuple[str, ...], str]:
    """The answer, what its findings say is common on the port, and their sentences."""
    machine = Machine([bound(port, *([owner] if owner else []))])
    found = answer(parse_query(f"{port}/tcp"), CATALOG, ScanOptions(notes=False), host=machine)
    assert isinstance(found, PortAnswer)
    facts = {name: fact for finding in found.findings for name, fact in finding.facts}
    told = facts.get("uses" if owner is None else "practice", ())
    assert isinstance(told, tuple)
    said = " ".join([finding_message(finding) for finding in found.findings])
    return found, tuple(map(str, told)), said


@given(st.sampled_from(PORTS) | st.integers(1, 65535), st.sampled_from([None, SCRIPT]))
def test_findings_tell_the_products_that_the_answer_tells(port: int, owner: Process | None) -> None:
    found, told, _ = _told_of(port, owner)
    assert told in ((), in_practice(found).products)


@pytest.mark.parametrize("port", [3000, 5000, 7777, 8080, 8443, 9999])
@pytest.mark.parametrize("owner", [None, SCRIPT])
def test_findings_count_the_products_that_the_answer_counts(
    port: int, owner: Process | None
) -> None:
    found, told, said = _told_of(port, owner)
    assert told == in_practice(found).products
    assert f"Commonly on {port}/tcp: {', '.join(told[:3])} and {len(told) - 3} more" in said
    assert told[0] in (practice_line(found, 400) or "")


@pytest.mark.parametrize(
    ("owner", "name"), [(SERVER, "python3 -m http.server"), (SCRIPT, "node server.js")]
)
@pytest.mark.parametrize("port", [305, 3000, 5432, 9999])
def test_an_owner_has_one_name_in_an_answer(port: int, owner: Process, name: str) -> None:
    machine = Machine([bound(port, owner._replace(executable_deleted=port == 3000))])
    found = answer(parse_query(str(port)), CATALOG, ScanOptions(notes=False), host=machine)
    assert isinstance(found, PortAnswer)
    said = [compose_brief(found, TO).headline, *map(finding_message, found.findings)]
    said += [value for key, value in _facts_of(found) if key in ("owner", "process")]
    named = [each for each in said if str(owner.program) in each]
    assert len(named) >= 4
    assert [each for each in named if name not in each] == []


def _facts_of(found: PortAnswer) -> list[tuple[str, str]]:
    items = [item for section in compose(found).sections for item in section.items]
    return [(row[0], row[-1]) for item in items if isinstance(item, Table) for row in item.rows]


@pytest.mark.parametrize("text", ["305", "22", "3000", "5432", "EADDRINUSE: :::3000"])
@pytest.mark.parametrize("held", [[], [bound(3000, SCRIPT), bound(5432, SERVER)]])
def test_the_whole_page_begins_with_the_short_answer_and_this_machine(
    text: str, held: list[Listener]
) -> None:
    found = answer(parse_query(text), CATALOG, ScanOptions(notes=False), host=Machine(held))
    assert isinstance(found, PortAnswer)
    headline = compose_brief(found, TO).headline
    lines = render_answer(compose(found), headline, Style(200)).splitlines()
    titles = [section.title for section in compose(found).sections]
    shown = [line for line in lines if line in titles]
    assert lines[:3] == [headline, "", "This machine"]
    assert shown == titles
    assert lines.count(headline) == 1
    about = next(line for line in lines if line.startswith(("assigned: ", "unassigned: ")))
    after = shown[2 if found.findings else 1]
    assert lines.index(titles[0]) < lines.index(about) < lines.index(after)


@pytest.mark.parametrize(
    ("port", "owner", "address", "sentence"),
    [
        (6379, KNOWN[2], "0.0.0.0", "Redis is exposed, and shouldn't be"),
        (6379, None, "0.0.0.0", "if this is Redis, it shouldn't be exposed"),
        (6380, KNOWN[2], "127.0.0.1", "unassigned port; redis-server is usually on 6379/tcp"),
        (5173, SERVER, "127.0.0.1", "unassigned port; check that you started it"),
        (5173, SCRIPT, "127.0.0.1", "unassigned port; check that you started node server.js"),
    ],
)
def test_a_verdict_fits_in_its_line(
    port: int, owner: Process | None, address: str, sentence: str
) -> None:
    machine = Machine([bound(port, *([owner] if owner else []), address=address)])
    found = answer(parse_query(str(port)), CATALOG, ScanOptions(notes=False), host=machine)
    assert isinstance(found, PortAnswer)
    verdict = compose_brief(found, TO).verdict
    assert verdict is not None
    assert verdict.sentence == sentence
