"""The checks of the lore's entries, and what they are compiled to."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.practice.lookup import Practice
from portbook.catalog.practice.rows import COLUMNS
from portbook.model import Transport, Use, UseKind
from portbook.model.practice import same_product
from portbook.verdict.facts import service_names
from tasks import build_lore, lore_checks
from tasks.build_lore import parse_service_names
from tasks.lore_checks import (
    FAMILIES,
    check_browsers,
    check_entries,
    check_names,
    check_services,
)
from tasks.lore_fields import PortSpan, check_period
from tasks.use_weights import publisher, shown_by
from tests.cases import for_each
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Collection

PROGRAM: dict[str, Any] = {
    "name": "exampled",
    "product": "Example server",
    "executables": ["/usr/sbin/exampled"],
    "services": ["ssh"],
    "ports": ["22/tcp"],
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
USE: dict[str, Any] = {
    "product": "Example",
    "kind": "default",
    "family": "web",
    "ports": ["3000/tcp"],
    "summary": "Its web interface.",
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
SYSTEM: dict[str, Any] = {
    "system": "ExampleOS",
    "since": "1",
    "dynamic": "49152-65535",
    "privileged": "None.",
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
REPORT: dict[str, Any] = {
    "subject": "An example worm",
    "kind": "advisory",
    "threat": "worm",
    "ports": ["1434/udp"],
    "period": "2003-01",
    "summary": "Reported to spread by it.",
    "source": "https://example.org/advisory",
    "read": "2026-11-21",
}
TOOL: dict[str, Any] = {
    "name": "example.server",
    "product": "Example",
    "services": ["http"],
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
SYSTEM_LISTENER: dict[str, Any] = {
    "system": "macos",
    "name": "Example",
    "programs": ["example"],
    "summary": "An example listens here",
    "mend": "Turn it off",
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
SERVICE: dict[str, Any] = {
    "name": "Example",
    "ports": ["3000/tcp"],
    "gist": "an example",
    "description": "Serves as an example.",
    "source": "https://example.org/manual",
    "read": "2026-11-21",
}
GOOD = {
    "programs": PROGRAM,
    "uses": USE,
    "abuse": REPORT,
    "services": SERVICE,
    "tools": TOOL,
    "systems": SYSTEM,
    "system_listeners": SYSTEM_LISTENER,
}
NAMES = {"ports": {"imap2": ["143/tcp"]}, "source": "https://example.org/", "read": "2026-11-21"}
BROWSERS = {"ports": [1, 7], "source": "https://example.org/", "read": "2026-11-21"}


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {inline(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value)


def as_toml(entry: dict[str, Any]) -> str:
    return "".join(f"{field} = {inline(value)}\n" for field, value in entry.items())


def write_lore(folder: Path, **entries: list[dict[str, Any]]) -> Path:
    for kind, table in (
        ("programs", "program"),
        ("uses", "use"),
        ("abuse", "report"),
        ("services", "service"),
        ("tools", "tool"),
        ("systems", "system"),
        ("system_listeners", "listener"),
    ):
        text = "".join(f"[[{table}]]\n{as_toml(entry)}" for entry in entries.get(kind, []))
        (folder / f"{kind}.toml").write_text(text, "utf-8")
    (folder / "browsers.toml").write_text(as_toml(BROWSERS), "utf-8")
    listed = (
        f'{as_toml({key: NAMES[key] for key in ("source", "read")})}[ports]\nimap2 = ["143/tcp"]\n'
    )
    (folder / "names.toml").write_text(listed, "utf-8")
    registry = folder / "registry.tsv"
    registry.write_text(
        "#portbook\tregistry/1\n#columns\tfirst\tservice_name\n22\tssh\n0\t\n", "utf-8"
    )
    return registry


def run(folder: Path, *more: str) -> int:
    registry = str(folder / "registry.tsv")
    return build_lore.main(["--lore", str(folder), "--registry", registry, *more])


# -- what is committed --------------------------------------------------------------------------


def test_the_committed_entries_have_nothing_wrong_and_the_files_are_in_step() -> None:
    texts, parsed, problems = build_lore.compile_lore(build_lore.LORE)
    assert problems == []
    assert sorted(texts) == [
        "abuse.tsv", "browsers.tsv", "names.tsv", "programs.tsv", "services.tsv",
        "system_listeners.tsv", "systems.tsv", "tools.tsv", "uses.tsv",
    ]  # fmt: skip
    assert list(build_lore.check_in_step(build_lore.LORE / "data", texts)) == []
    assert len(parsed["programs"]) >= 100


def test_every_service_of_the_committed_programs_is_in_the_registry() -> None:
    known = parse_service_names(build_lore.REGISTRY.read_text("utf-8"))
    _, parsed, _ = build_lore.compile_lore(build_lore.LORE)
    assert list(check_services("programs", parsed["programs"], known)) == []


# -- what is refused ----------------------------------------------------------------------------


@for_each("kind", GOOD)
def test_a_good_entry_passes(kind: str) -> None:
    assert list(check_entries(kind, [GOOD[kind]])) == []


def wrong(kind: str, entry: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in check_entries(kind, [entry])]


@for_each("kind", GOOD)
@pytest.mark.parametrize(
    "source", ["", "example.org", "ftp://example.org/", "https://localhost/", 7]
)
def test_a_source_is_a_web_address(kind: str, source: object) -> None:
    (problem,) = wrong(kind, {**GOOD[kind], "source": source})
    assert "source" in problem
    assert "URL" in problem


@for_each("kind", GOOD)
@pytest.mark.parametrize("read", ["", "2026-11", "21.11.2026", "2026-13-01", "20261121", 2026])
def test_a_source_has_the_day_it_was_read(kind: str, read: object) -> None:
    (problem,) = wrong(kind, {**GOOD[kind], "read": read})
    assert "is not a day" in problem


@for_each("kind", GOOD)
def test_nothing_was_read_on_a_day_that_is_yet_to_come(kind: str) -> None:
    today = datetime.now(UTC).date()
    assert not wrong(kind, {**GOOD[kind], "read": today.isoformat()})
    (problem,) = wrong(kind, {**GOOD[kind], "read": (today + timedelta(days=2)).isoformat()})
    assert "read " in problem
    assert "is yet to come" in problem


@pytest.mark.parametrize("period", ["2999", "2999-01-31", "2003-08/2999-01", "../2999"])
def test_nothing_was_reported_in_a_year_that_is_yet_to_come(period: str) -> None:
    assert list(check_period(period)) == [f"{period.rsplit('/', maxsplit=1)[-1]!r} is yet to come"]


@for_each("kind, field", [(kind, field) for kind, entry in GOOD.items() for field in entry])
def test_a_missing_field_is_named(kind: str, field: str) -> None:
    entry = {name: value for name, value in GOOD[kind].items() if name != field}
    problems = wrong(kind, entry)
    if field == "since":  # illumos has no releases
        assert problems == []
    else:
        assert any(f"{field} is missing" in problem for problem in problems)


@for_each("kind", GOOD)
def test_an_unknown_field_is_named(kind: str) -> None:
    (problem,) = wrong(kind, {**GOOD[kind], "colour": "blue"})
    assert "colour is not a field" in problem


@for_each(
    "ports, what",
    [
        (["22"], "form"),
        (["tcp/22"], "form"),
        (["022/tcp"], "form"),
        (["65536/tcp"], "out of the range"),
        (["30-20/tcp"], "backwards"),
        (["20-20/tcp"], "range of one"),
        (["22/quic"], "transport"),
        (["22/tcp", "22/tcp"], "twice"),
        (["80/tcp", "22/tcp"], "not sorted"),
        ("22/tcp", "not a list"),
        ([22], "not a list of text"),
    ],
)
@pytest.mark.parametrize("kind", ["programs", "uses", "abuse"])
def test_ports_are_checked(kind: str, ports: object, what: str) -> None:
    assert any(what in problem for problem in wrong(kind, {**GOOD[kind], "ports": ports}))


def test_a_use_may_have_a_range_and_must_have_a_port_and_a_program_is_the_other_way_round() -> None:
    assert wrong("uses", {**USE, "ports": ["6000-6063/tcp"]}) == []
    assert "ports is empty" in wrong("uses", {**USE, "ports": []})[0]
    assert "one by one" in wrong("programs", {**PROGRAM, "ports": ["6000-6063/tcp"]})[0]
    assert wrong("programs", {**PROGRAM, "ports": []}) == []


@for_each(
    "executable, what",
    [
        ("sshd", "not an absolute path"),
        ("/sshd", "not an absolute path"),
        ("/usr/sbin/", "not an absolute path"),
        ("/usr//sbin/sshd", "not an absolute path"),
        ("/usr/../sbin/sshd", "not an absolute path"),
        ("/sbin/sshd", "under /usr"),
        ("/lib/x/sshd", "under /usr"),
        ("/usr/sbin/php-fpm*", "list the names"),
        ("/usr/bin/python3.11", "interpreter"),
        ("/usr/bin/node", "interpreter"),
        ("/usr/lib/jvm/*/bin/java", "interpreter"),
        ("/usr/lib/erlang/erts-*/bin/beam.smp", "interpreter"),
        ("/usr/sbin/my server", "form"),
    ],
)
def test_executables_are_checked(executable: str, what: str) -> None:
    assert any(what in text for text in wrong("programs", {**PROGRAM, "executables": [executable]}))


def test_a_program_has_an_executable() -> None:
    (problem,) = wrong("programs", {**PROGRAM, "executables": []})
    assert "executables is empty" in problem
    assert wrong("programs", {**PROGRAM, "executables": [], "macos": []})


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_a_part_of_another_system_has_its_name_alone(system: str) -> None:
    assert not wrong("programs", {**PROGRAM, "executables": [], system: ["Thing"]})


@for_each(
    "field, value, what",
    [
        ("name", "Example Server", "form"),
        ("product", "x" * 61, "61 characters, 60 are allowed"),
        ("product", " ", "not text"),
        ("product", "two  spaces", "white space"),
        ("units", ["exampled"], "form"),
        ("package", "Example_", "form"),
        ("further", ["example.org"], "URL"),
        ("services", ["ssh", "ssh"], "twice"),
        ("windows", ["my server.exe"], "form"),
    ],
)
def test_the_words_of_a_program_are_checked(field: str, value: object, what: str) -> None:
    assert any(what in problem for problem in wrong("programs", {**PROGRAM, field: value}))


EXPOSED: dict[str, Any] = {
    **SERVICE,
    "also_called": ["exampled", "the example"],
    "registered": ["ssh"],
    "people": "whoever needs an example",
    "encryption": "none",
    "authentication": "none",
    "twin": "3001/tcp",
    "successor": "Example 2, 3002/tcp",
    "elsewhere": ["3003/tcp", "3100-3110/udp"],
    "exposure": {"advice": "Keep it at home.", "why": "It asks nobody anything."},
    "amplification": "Answers with more than it was asked.",
    "references": ["RFC 854", "RFC 2525"],
    "sources": [
        {"of": ["exposure"], "source": "https://example.net/advice", "read": "2026-11-20"},
        {
            "of": ["encryption", "authentication"],
            "source": "https://example.net/",
            "read": "2026-11-22",
        },
    ],
}


def test_all_that_a_service_says_is_read_again(tmp_path: Path) -> None:
    twin = {**SERVICE, "ports": [EXPOSED["twin"]], "twin": "3000/tcp", "encryption": "always"}
    write_lore(tmp_path, services=[EXPOSED, twin])
    assert run(tmp_path) == 0
    (known,) = Practice(str(tmp_path / "data")).lookup_services(3000)
    for field in ("people", "encryption", "authentication", "twin", "successor", "amplification"):
        assert getattr(known, field) == EXPOSED[field]
    for field in ("also_called", "registered", "elsewhere", "references"):
        assert list(getattr(known, field)) == EXPOSED[field]
    assert known.exposure == ("Keep it at home.", "It asks nobody anything.")
    assert known.source_of("exposure") == ("https://example.net/advice", "2026-11-20")
    assert known.source_of("authentication") == ("https://example.net/", "2026-11-22")
    assert known.source_of("people") == (SERVICE["source"], SERVICE["read"])


@for_each(
    "field, value, what",
    [
        ("people", "Whoever needs one.", "ends without a full stop"),
        ("encryption", "some", "not one of none, optional, always"),
        ("authentication", "always", "not one of none, optional, required"),
        ("exposure", "Keep it at home.", "advice"),
        ("exposure", {"advice": "Keep it at home."}, "why"),
        ("exposure", {"advice": "Keep it at home.", "why": " "}, "why is not text"),
        ("elsewhere", ["3000"], "not of the form"),
        ("sources", [], "not a list of sources"),
        ("sources", [{"of": ["exposure"], "source": "https://example.net/"}], "read"),
        ("sources", [{**EXPOSED["sources"][0], "of": ["gist", "twins"]}], "twins is no statement"),
        ("sources", [{**EXPOSED["sources"][0], "of": ["source"]}], "source is no statement"),
        ("sources", [EXPOSED["sources"][0]] * 2, "two sources of exposure"),
        ("sources", [{**EXPOSED["sources"][0], "source": "example.net"}], "not an http"),
    ],
)
def test_what_a_service_says_is_checked(field: str, value: object, what: str) -> None:
    assert wrong("services", EXPOSED) == []
    assert any(what in problem for problem in wrong("services", {**EXPOSED, field: value}))


def test_one_use_tells_the_other_names_of_its_product() -> None:
    told: dict[str, Any] = {
        "also_called": ["exd"],
        "sources": [{**EXPOSED["sources"][0], "of": ["also_called"]}],
    }
    first, second = {**USE, "ports": ["3000/tcp"]}, {**USE, "ports": ["3001/tcp"], **told}
    assert wrong("uses", second) == []
    place = COLUMNS["uses"].index("also_called")
    cells = [row[place : place + 2] for row in build_lore.use_rows([first, second])]
    assert cells == [["exd", "also_called https://example.net/advice 2026-11-20"]] * 2
    shown = {"of": ["ports"], "source": "https://example.net/socket.c", "read": "2026-11-20"}
    third = {**second, "sources": [shown, *told["sources"]]}
    assert wrong("uses", third) == []
    assert [row[place + 1] for row in build_lore.use_rows([third])] == [cells[0][1]]
    twice = [{**first, **told}, second]
    assert any(
        "another entry tells the other names" in str(each) for each in check_entries("uses", twice)
    )


def test_a_service_covers_names_that_the_registry_has() -> None:
    (problem,) = check_services("services", [{**EXPOSED, "registered": ["ssh", "sssh"]}], {"ssh"})
    assert "registered 'sssh' is not a name in IANA's registry" in str(problem)


def test_a_use_weighs_what_independent_sources_show_of_it() -> None:
    others: list[dict[str, Any]] = [
        {"source": "https://other.example.net/docs", "read": "2026-11-22"},
        {"source": "https://github.com/acme/charts", "read": "2026-11-22", "ports": ["3000/tcp"]},
        {"source": "https://github.com/emca/compose", "read": "2026-11-22"},
    ]
    entry = {**USE, "ports": ["3000/tcp", "3001/tcp"], "further": others}
    assert wrong("uses", entry) == []
    weights = [row[-4:-2] for row in build_lore.use_rows([entry])]
    urls = [each["source"] for each in others]
    assert weights == [["3", " ".join(urls)], ["3", " ".join([urls[0], urls[2]])]]
    # How many show it is told beside the weight, which has a limit.
    assert [row[-1] for row in build_lore.use_rows([entry])] == ["4", "3"]
    assert [row[-4] for row in build_lore.use_rows([{**USE, "further": others[:1]}])] == ["2"]
    assert [row[-4] for row in build_lore.use_rows([USE])] == ["1"]


@for_each(
    "further, what",
    [
        ("https://example.net/", "is not a list"),
        ([{"source": "https://example.net/"}], "None is not a day"),
        ([{"source": "example.net", "read": "2026-11-22"}], "not an http(s) URL"),
        ([{"source": "https://www.example.org/x", "read": "2026-11-22"}], "as another source is"),
        ([{"source": "https://a.net/", "read": "2026-11-22", "weight": 3}], "has weight"),
        ([{"source": "https://a.net/", "read": "2026-11-22", "ports": ["9/tcp"]}], "not among"),
    ],
)
def test_further_sources_are_checked(further: object, what: str) -> None:
    assert any(what in problem for problem in wrong("uses", {**USE, "further": further}))


def test_who_publishes_an_address() -> None:
    assert publisher("https://docs.example.org/a") == publisher("https://www.example.org/b")
    assert publisher("https://github.com/a/x") != publisher("https://github.com/b/x")
    assert publisher("https://a.github.io/") != publisher("https://b.github.io/")


@for_each(
    "sources, expected",
    [
        (["example.org"], 1),
        (["github.com/truenas/apps"], 1),
        (["github.com/truenas/apps", "github.com/getumbrel/umbrel-apps"], 2),
        (["github.com/truenas/apps", "github.com/getumbrel/x", "github.com/runtipi/x"], 2),
        (["example.org", "github.com/truenas/apps", "github.com/getumbrel/x"], 2),
        (["github.com/truenas/apps", "example.org", "example.net"], 3),
        (["a.example", "example.org", "example.net", "github.com/acme/x"], 4),
    ],
)
def test_collections_of_applications_weigh_as_one_source(sources: list[str], expected: int) -> None:
    first, *further = [f"https://{each}/y" for each in sources]
    entry = {"source": first, "further": [{"source": each} for each in further]}
    assert shown_by(entry, PortSpan.parse("80/tcp")) == expected


def test_a_use_is_of_a_known_kind_and_family_and_one_line_long() -> None:
    assert len(UseKind) == 5
    assert list(FAMILIES) == sorted(set(FAMILIES))
    assert "kind" in wrong("uses", {**USE, "kind": "usual"})[0]
    assert "family" in wrong("uses", {**USE, "family": "other"})[0]
    assert wrong("uses", {**USE, "summary": "x" * 140}) == []
    assert "141 characters, 140 are allowed" in wrong("uses", {**USE, "summary": "x" * 141})[0]
    assert "white space" in wrong("uses", {**USE, "summary": "two\nlines"})[0]


@for_each(
    "period, good",
    [
        ("2001", True),
        ("2003-01", True),
        ("2003-01-25", True),
        ("2003/2004", True),
        ("2003-08/2004", True),
        ("../2003-08", True),
        ("..", False),
        ("../..", False),
        ("2003/..", False),
        ("", False),
        ("01", False),
        ("2003-13", False),
        ("2003-01-32", False),
        ("2004/2003", False),
        ("2003/2003", False),
        ("2001-2003", False),
        ("2001/2002/2003", False),
        (2001, False),
    ],
)
def test_a_report_has_a_period(period: object, good: bool) -> None:
    assert (wrong("abuse", {**REPORT, "period": period}) == []) is good


def test_a_report_is_of_a_known_kind_and_of_some_ports() -> None:
    assert "kind" in wrong("abuse", {**REPORT, "kind": "rumour"})[0]
    assert "threat" in wrong("abuse", {**REPORT, "threat": "virus"})[0]
    assert "ports is empty" in wrong("abuse", {**REPORT, "ports": []})[0]


@pytest.mark.parametrize(("kind", "field"), [("uses", "product"), ("abuse", "subject")])
def test_a_name_in_a_list_has_no_comma(kind: str, field: str) -> None:
    assert "as if it were two" in wrong(kind, {**GOOD[kind], field: "A, a server"})[0]
    assert wrong(kind, {**GOOD[kind], field: "A (a, b)"}) == []


@pytest.mark.parametrize("dynamic", ["", "49152", "65535-49152", "49152-70000", 49152])
def test_a_system_has_a_range(dynamic: object) -> None:
    assert "not a range" in wrong("systems", {**SYSTEM, "dynamic": dynamic})[0]


@for_each(
    "field, value, what",
    [
        ("system", "linux", "not one of macos, windows"),
        ("programs", [], "programs is empty"),
        ("programs", ["Example"], "form"),
        ("programs", ["example.exe"], "form"),
        ("ports", ["5000-5001/tcp"], "a range"),
        ("mend", "Turn it off.", "full stop"),
    ],
)
def test_a_part_of_a_system_is_refused(field: str, value: object, what: str) -> None:
    (problem,) = wrong("system_listeners", {**SYSTEM_LISTENER, field: value})
    assert what in problem


@pytest.mark.parametrize(
    ("kind", "field", "low", "high"),
    [
        ("programs", "name", "a", "b"),
        ("uses", "ports", ["80/tcp"], ["443/tcp"]),
        ("abuse", "subject", "A worm", "B worm"),
        ("systems", "system", "Linux", "illumos"),
        ("system_listeners", "programs", ["a"], ["b"]),
    ],
)
def test_entries_are_sorted_and_stand_once(kind: str, field: str, low: Any, high: Any) -> None:
    first, second = {**GOOD[kind], field: low}, {**GOOD[kind], field: high}
    assert list(check_entries(kind, [first, second])) == []
    (unsorted,) = check_entries(kind, [second, first])
    assert "not sorted" in unsorted.what
    (twice,) = check_entries(kind, [first, first])
    assert "twice" in twice.what


def test_a_product_has_a_port_once() -> None:
    def again(kind: str, *ports: list[str]) -> list[str]:
        entries = [{**GOOD[kind], "ports": each} for each in ports]
        return [problem.what for problem in check_entries(kind, entries)]

    for kind in ("uses", "abuse"):
        assert again(kind, ["80/tcp"], ["80/udp"], ["81-90/tcp"]) == []
        (twice,) = again(kind, ["80/tcp", "8080/tcp"], ["8080/tcp"])
        assert "another entry of the same name" in twice
        (within,) = again(kind, ["80-90/tcp"], ["85/tcp"])
        assert "85-85/tcp" in within


@pytest.mark.parametrize(
    ("product", "other", "same"),
    [
        ("NetScaler", "NetScaler (cluster)", True),
        ("Exchange (mail)", "Exchange (replication)", True),
        ("Canon PRISMA", "PRISMA (Canon)", True),
        ("NetScaler", "NetScaler Console", False),
        ("Unreal", "Unreal Tournament (1999)", False),
    ],
)
def test_a_part_of_a_product_is_the_same_product(product: str, other: str, same: bool) -> None:
    uses = [{**USE, "product": each} for each in sorted((product, other))]
    found = [problem.what for problem in check_entries("uses", uses)]
    assert [("of the same name" in what) for what in found] == [True] * same
    apart = [{**use, "ports": [port]} for use, port in zip(uses, ("80/tcp", "80/udp"), strict=True)]
    assert list(check_entries("uses", apart)) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, None),
        ({"twin": "5658/tcp"}, "twin 5658/tcp is no service with a twin of its own"),
        ({"twin": "3001/tcp"}, "twin 3001/tcp is no service with a twin of its own"),
        ({"encryption": "none"}, "twin 3000/tcp: neither of the two is always encrypted"),
    ],
)
def test_twins_are_two_services_and_one_is_encrypted(
    change: dict[str, Any], what: str | None
) -> None:
    plain = {**SERVICE, "twin": "3002/tcp", "encryption": "none"}
    other = {**SERVICE, "ports": ["3001/tcp"]}
    secure = {**SERVICE, "ports": ["3002/tcp"], "twin": "3000/tcp", "encryption": "always"}
    problems = lore_checks.check_twins([plain, other, secure | change])
    found = [problem.what for problem in problems]
    assert (what in found) if what else found == []


@pytest.mark.parametrize("mark", ["\x1b[31m", "\u202e", "\x00", "\u200b"])
def test_a_line_has_nothing_that_does_not_print(mark: str) -> None:
    (problem,) = wrong("uses", {**USE, "summary": f"Its web{mark} interface."})
    assert "don't print" in problem
    assert problem.isprintable()
    assert any("URL" in each for each in wrong("uses", {**USE, "source": f"https://a.org/{mark}"}))


def test_a_service_that_the_registry_lacks_is_named() -> None:
    (problem,) = check_services("programs", [{**PROGRAM, "services": ["ssh", "sssh"]}], {"ssh"})
    assert str(problem) == (
        "programs.toml: exampled: services 'sssh' is not a name in IANA's registry"
    )


@for_each(
    "change, what",
    [
        ({"ports": [7, 1]}, "not sorted"),
        ({"ports": [1, 1]}, "twice"),
        ({"ports": [65_536]}, "out of the range"),
        ({"ports": ["1"]}, "not a list"),
        ({"ports": [True]}, "not a list"),
        ({"source": "here"}, "URL"),
        ({"read": "yesterday"}, "not a day"),
        ({"name": "x"}, "not a field"),
    ],
)
def test_the_list_of_browsers_is_checked(change: dict[str, Any], what: str) -> None:
    assert list(check_browsers(BROWSERS)) == []
    (problem,) = check_browsers({**BROWSERS, **change})
    assert what in problem.what


@for_each(
    "change, what",
    [
        ({"ports": {"imap2": ["143"]}}, "is not a port"),
        ({"ports": {"imap2": [143]}}, "is not a port"),
        ({"ports": {"imap2": []}}, "is not a list"),
        ({"ports": {"IMAP2": ["143/tcp"]}}, "lower case"),
        ({"ports": {"imap2": ["143/tcp", "144/tcp"]}}, "a second port"),
        ({"ports": {"imap2": ["143-144/tcp"]}}, "a second port"),
        ({"ports": ["143/tcp"]}, "not a table"),
        ({"source": "here"}, "URL"),
        ({"read": "yesterday"}, "not a day"),
        ({"name": "x"}, "not a field"),
    ],
)
def test_the_table_of_names_is_checked(change: dict[str, Any], what: str) -> None:
    assert list(check_names(NAMES)) == []
    (problem,) = check_names({**NAMES, **change})
    assert what in problem.what


@given(st.integers(0, 65_535), st.integers(0, 65_535), st.sampled_from(["tcp", "udp", "sctp"]))
def test_a_span_is_read_as_it_is_written(one: int, other: int, transport: str) -> None:
    first, last = sorted((one, other))
    text = f"{first}/{transport}" if first == last else f"{first}-{last}/{transport}"
    span = PortSpan.parse(text)
    assert (span.first, span.last, span.transport.value) == (first, last, transport)
    assert str(span) == text


def test_the_names_of_the_registry_are_read_by_the_name_of_their_column() -> None:
    text = "#portbook\tregistry/1\n#columns\tfirst\tservice_name\n1\ttcpmux\n2\t\n3\t-\n#end\n"
    assert parse_service_names(text) == {"tcpmux"}
    with pytest.raises(ValueError, match="columns"):
        parse_service_names("1\ttcpmux\n")


# -- the task as a whole ------------------------------------------------------------------------


def test_what_is_compiled_is_what_is_read(tmp_path: Path) -> None:
    programs = [
        {**PROGRAM, "name": "a", "executables": ["/opt/*/bin/a", "/usr/sbin/b"]},
        {
            **PROGRAM,
            "name": "b",
            "executables": ["/usr/bin/b"],
            "macos": ["b"],
            "windows": ["B.exe"],
        },
    ]
    uses = [{**USE, "ports": ["80/tcp", "80/udp"]}, {**USE, "ports": ["6000-6063/tcp"]}]
    write_lore(tmp_path, programs=programs, uses=uses, abuse=[REPORT], systems=[SYSTEM])
    assert run(tmp_path) == 0
    made = Practice(str(tmp_path / "data"))
    assert [program.name for program in made.lookup_programs("/usr/bin/b")] == ["a", "b"]
    assert [program.name for program in made.lookup_programs("/opt/x/bin/a")] == ["a"]
    assert [program.name for program in made.programs_named("B.exe")] == ["b"]
    assert made.programs_named("B.exe")[0].macos == ("b",)
    assert len(made.lookup_uses(80)) == 2
    assert len(made.lookup_uses(6063)) == 1
    assert [report.subject for report in made.lookup_abuse(1434)] == ["An example worm"]
    assert made.browser_blocked(7)
    assert [rule.system for rule in made.system_rules()] == ["ExampleOS"]
    days = {source.id: source.as_of for source in made.sources()}
    assert days.pop("lore-services") is None
    assert {*days.values()} == {"2026-11-21"}


def test_nothing_is_still_a_file(tmp_path: Path) -> None:
    write_lore(tmp_path)
    assert run(tmp_path) == 0
    made = Practice(str(tmp_path / "data"))
    assert made.programs() == ()
    assert made.system_rules() == ()
    assert made.lookup_uses(80) == ()
    read = "2026-11-21"
    days = {source.id: source.as_of for source in made.sources() if source.as_of}
    assert days == {"lore-browsers": read, "lore-names": read}


def test_a_second_run_changes_no_byte(tmp_path: Path) -> None:
    write_lore(tmp_path, programs=[PROGRAM], uses=[USE], systems=[SYSTEM])
    assert run(tmp_path) == 0
    once = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    assert run(tmp_path) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == once


def test_check_fails_when_out_of_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lore(tmp_path, programs=[PROGRAM])
    assert run(tmp_path, "--check") == 1
    assert "programs.tsv: file: is missing" in capsys.readouterr().err
    assert run(tmp_path) == 0
    assert run(tmp_path, "--check") == 0
    write_lore(tmp_path, programs=[{**PROGRAM, "ports": []}])
    assert run(tmp_path, "--check") == 1
    said = capsys.readouterr().err
    assert said == "programs.tsv: file: is out of step: run python -m tasks.build_lore\n"


def test_a_bad_entry_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lore(tmp_path, programs=[{**PROGRAM, "services": ["sssh"], "ports": ["0/quic"]}])
    assert run(tmp_path) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(line.startswith("programs.toml: exampled: ") for line in said)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("programs.toml", "[[program]\n"),
        ("programs.toml", "[program]\nname = 1\n"),
        ("browsers.toml", "ports = [\n"),
        ("registry.tsv", "no columns\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, text: str
) -> None:
    write_lore(tmp_path, programs=[PROGRAM])
    (tmp_path / file).write_text(text, "utf-8")
    assert run(tmp_path) == 1
    assert capsys.readouterr().err.startswith(("programs.toml: ", "browsers.toml: "))


def test_the_documented_example_passes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "lore.md").read_text("utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```toml\n")[1:]]
    found: dict[str, list[dict[str, Any]]] = {
        "program": [], "use": [], "report": [], "service": [], "tool": [],
    }  # fmt: skip
    for block in blocks:
        for table, entries in tomllib.loads(block).items():
            found[table] += entries
    assert len(found["program"]) == 1
    assert len(found["use"]) == 1
    assert len(found["report"]) == 1
    assert len(found["tool"]) == 1
    assert list(check_entries("services", found["service"])) == []
    assert list(check_entries("tools", found["tool"])) == []
    assert list(check_entries("abuse", found["report"])) == []
    assert list(check_entries("programs", found["program"])) == []
    assert list(check_entries("uses", found["use"])) == []


@pytest.mark.parametrize(
    ("program", "what"),
    [
        ("nginx", "program 'nginx' is not in programs.toml"),
        (["other"], "program 'other' has none of these ports"),
        ("example", ""),
        (["example"], ""),
    ],
)
def test_a_use_is_joined_to_a_program_that_has_its_port(
    program: str | list[str], what: str
) -> None:
    programs = [
        {"name": "example", "ports": ["3000/tcp"]},
        {"name": "other", "ports": ["4000/tcp"]},
    ]
    found = list(lore_checks.check_joins([{**USE, "program": program}], programs))
    assert [problem.what for problem in found] == ([what] if what else [])
    (row, *_) = build_lore.use_rows([{**USE, "program": program}])
    assert row[-2] == (program if isinstance(program, str) else program[0])


def test_no_use_and_no_program_of_a_port_have_names_of_one_product() -> None:
    """What a name has in common with another shows that they are one: a use names its program."""
    practice = Practice()
    uses: dict[int, list[Use]] = {}
    for use in practice.uses():
        if use.first == use.last:
            uses.setdefault(use.first, []).append(use)
    apart = {("NBD server", "qemu-nbd")}  # other programs, although the names say otherwise
    twice = [
        f"{use.product}, {program.name}: {port}/{transport}"
        for program in practice.programs()
        for port, transport in program.ports
        for use in uses.get(port, ())
        if use.transport is transport
        and same_product(use.product, program.product)
        and program.name not in use.programs
        and (use.product, program.name) not in apart
    ]
    assert twice == []
    assert sum(bool(use.programs) for use in practice.uses()) > 150


def bare(ports: Collection[int], transport: Transport) -> list[tuple[int, str]]:
    """The uses that lead on one of *ports*, and speak no service that is registered there."""
    return [
        (use.first, use.product)
        for use in Practice().uses()
        if use.first == use.last and use.first in ports and use.transport is transport
        if use.leads
        and not use.speaks(service_names(CATALOG.registry.standing(use.first, transport)))
    ]


def test_what_is_met_on_the_ports_of_the_web_says_that_it_speaks_it() -> None:
    """Else the verdict would call every server there one of another use."""
    uses = [
        use
        for use in Practice().uses()
        if use.first == use.last and use.first in (80, 443) and use.transport is Transport.TCP
    ]
    assert len(uses) > 100
    assert [use.product for use in uses if not {"http", "https"} & {*use.services}] == []


# fmt: off
ONE_SERVICE = {
    Transport.TCP: (
        7, 13, 17, 19, 20, 21, 22, 23, 25, 53, 79, 80, 102, 110, 111, 119, 135, 139, 143, 179,
        322, 389, 443, 445, 465, 502, 515, 548, 554, 563, 587, 593, 631, 636, 853, 873, 990,
        993, 995, 1433, 1720, 1723, 1755, 1883, 2049, 2375, 2376, 2404, 2628, 2947, 3260, 3268,
        3269, 3283, 3306, 3389, 3493, 3632, 3689, 3868, 4317, 4840, 5060, 5061, 5222,
        5269, 5357, 5432, 5666, 5672, 5984, 6432, 6514, 6697, 7687, 9306, 10050, 10051,
        11434, 26257, 27017, 32400, 33060, 44818,
    ),
    Transport.UDP: (
        7, 13, 17, 19, 53, 67, 69, 88, 123, 137, 138, 161, 162, 319, 320, 389, 464, 500, 554,
        623, 1194, 1434, 1701, 1719, 1812, 1813, 2123, 2152, 3130, 3389, 3671, 3702, 4500,
        4569, 4739, 4789, 5060, 5355, 5683, 5684, 6081, 6343, 34964, 44818, 47808,
    ),
}
# fmt: on


@pytest.mark.parametrize("transport", ONE_SERVICE)
def test_what_is_met_on_the_port_of_one_service_says_that_it_speaks_it(
    transport: Transport,
) -> None:
    """Ports on which something else is met as well stand elsewhere: there nothing can be told."""
    assert bare(ONE_SERVICE[transport], transport) == []


def test_a_use_of_something_else_is_told_from_one_of_the_service() -> None:
    assert (1194, "SoftEther VPN") in bare([1194], Transport.TCP)
    assert bare([443], Transport.TCP) == []
