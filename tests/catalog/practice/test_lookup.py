"""What the lore answers, from the committed files and from small ones made here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import portbook
from portbook.catalog.practice import lookup as practice
from portbook.catalog.practice.lookup import DATA, Practice
from portbook.catalog.practice.path_patterns import path_matches
from portbook.catalog.practice.rows import COLUMNS
from portbook.errors import DataCorrupt, DataMissing
from portbook.model import KnownService, Program, Report, Tool, Transport, Use
from portbook.present.words import when
from tasks.build_lore import widths
from tests.cases import for_each
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Sequence

PRACTICE = CATALOG.practice

FOLDER = Path(practice.__file__).parent


@cache
def entries() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = tomllib.loads((FOLDER / "programs.toml").read_text("utf-8"))[
        "program"
    ]
    return read


USES = [
    ("3000", "3000", "tcp", "default", "monitoring", "Grafana", "The web interface."),
    ("5900", "5999", "tcp", "default", "remote-access", "VNC", "One port a display."),
    ("5900", "5900", "udp", "alternative", "games", "Other", "Something else."),
    ("6000", "6063", "tcp", "legacy", "remote-access", "X11", "One port a display."),
]


def write_uses(folder: Path, rows: Sequence[tuple[str, ...]]) -> Practice:
    lines = ["#portbook\tuses/1", "\t".join(("#columns", *COLUMNS["uses"]))]
    lines += [f"#{key}\t{value}" for key, value in widths([list(row) for row in rows]).items()]
    rest = ("https://example.org/", "2026-11-21", "", "", "", "1", "", "", "1")
    lines += ["\t".join((*row, *rest)) for row in rows]
    (folder / "uses.tsv").write_text("\n".join([*lines, "#end", ""]), "utf-8", newline="\n")
    return Practice(str(folder))


# -- programs -----------------------------------------------------------------------------------


@for_each(
    "executable, name",
    [
        ("/usr/sbin/sshd", "openssh"),
        ("/usr/bin/sshd", "openssh"),  # where sbin is a link to bin
        ("/usr/lib/postgresql/15/bin/postgres", "postgresql"),
        ("/usr/lib/erlang/erts-13.1.5/bin/epmd", "epmd"),
        ("/sbin/rpcbind", "rpcbind"),  # where /sbin is not /usr/sbin
        ("/lib/systemd/systemd-resolved", "systemd-resolved"),
        # Debian's redis-server is a link: this is the file that the kernel names.
        ("/usr/bin/redis-check-rdb", "redis"),
    ],
)
def test_a_program_is_known_by_its_path(executable: str, name: str) -> None:
    assert [program.name for program in PRACTICE.lookup_programs(executable)] == [name]


@for_each(
    "executable",
    [
        "sshd",
        "",
        "/",
        "/home/eve/sshd",
        "/usr/sbin/sshd/",
        "/usr/sbin/sshd2",
        "/usr/local/sbin/sshd",
        "/usr/lib/postgresql/1/5/bin/postgres",
        "/usr/lib/postgresql/bin/postgres",
        "/usr/lib/postgresql//bin/postgres",
        "/usr/lib/postgresql/../bin/postgres",
        "/usr/lib/postgresql/15/bin/postgres\n",
        "/usr/sbin/\udcff",
        "/usr/bin/python3",
    ],
)
def test_a_name_in_another_place_is_not_the_program(executable: str) -> None:
    assert PRACTICE.lookup_programs(executable) == ()


def test_two_programs_may_share_a_path() -> None:
    names = [program.name for program in PRACTICE.lookup_programs("/usr/sbin/ntpd")]
    assert names == ["ntpsec", "openntpd"]


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("mDNSResponder", "mdnsresponder"),
        ("mDNSRespo", "mdnsresponder"),  # as lsof has it
        ("ControlCenter", "airplay-receiver"),
        ("sqlservr.exe", "mssql"),
        ("sshd.exe", "openssh"),
    ],
)
def test_programs_of_other_systems_go_by_their_names(name: str, program: str) -> None:
    assert [each.name for each in PRACTICE.programs_named(name)] == [program]
    # No path on this system is theirs.
    assert PRACTICE.lookup_programs(f"/usr/sbin/{name}") == ()


def test_a_name_without_a_path_finds_every_program_of_that_name() -> None:
    assert [program.name for program in PRACTICE.programs_named("nginx.exe")] == ["nginx"]
    assert [program.name for program in PRACTICE.programs_named("ntpd")] == [
        "ntpsec",
        "openntpd",
    ]
    assert PRACTICE.programs_named("no-such-program") == ()


def test_a_program_says_what_it_is() -> None:
    (program,) = PRACTICE.lookup_programs("/usr/sbin/named")
    assert program == Program(
        name="bind",
        product="BIND",
        executables=("/usr/sbin/named", "/usr/bin/named"),
        services=("domain", "domain-s"),
        ports=((53, Transport.TCP), (53, Transport.UDP)),
        source="https://manpages.debian.org/bookworm/bind9/named.8.en.html",
        read="2026-11-21",
        units=("named.service",),
        package="bind9",
        also_called=("bind9", "named"),
    )


def test_who_implements_a_service() -> None:
    names = [program.name for program in PRACTICE.programs_for("ssh")]
    assert names == ["dropbear", "lshd", "openssh", "tinysshd"]
    assert PRACTICE.programs_for("no-such-service") == ()


def test_every_program_is_found_by_its_service_and_listed_once() -> None:
    assert [program.name for program in PRACTICE.programs()] == [
        entry["name"] for entry in entries()
    ]
    for program in PRACTICE.programs():
        for service in program.services:
            assert program in PRACTICE.programs_for(service)


def as_regex(pattern: str) -> str:
    """The pattern, said a second way."""
    parts = [re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split("/")]
    return "/".join(parts)


def scan(executable: str) -> list[str]:
    """The programs of the TOML whose paths fit, found by reading all of it."""
    found = []
    for entry in entries():
        paths = list(entry["executables"])
        paths += [path.replace("/usr/sbin/", "/usr/bin/", 1) for path in paths]
        if any(re.fullmatch(as_regex(path), executable) for path in paths):
            found.append(entry["name"])
    return found


filling = st.text("abc019.-_", min_size=1, max_size=4).filter(lambda text: set(text) != {"."})
patterns: st.SearchStrategy[str] = st.deferred(
    lambda: st.sampled_from([path for entry in entries() for path in entry["executables"]])
)


@st.composite
def executables(draw: st.DrawFn) -> str:
    """A path that fits some program, or one that nearly does."""
    path = draw(patterns)
    while "*" in path:
        path = path.replace("*", draw(filling), 1)
    match draw(st.sampled_from(["as it is", "bin", "longer", "deeper", "other name"])):
        case "bin":
            return path.replace("/sbin/", "/bin/")
        case "longer":
            return path + draw(filling)
        case "deeper":
            folder, _, name = path.rpartition("/")
            return f"{folder}/{draw(filling)}/{name}"
        case "other name":
            return path.rpartition("/")[0] + "/" + draw(patterns).rpartition("/")[2]
        case _:
            return path


@given(executables())
def test_the_compiled_lookup_is_a_scan_of_the_toml(executable: str) -> None:
    assert [program.name for program in PRACTICE.lookup_programs(executable)] == scan(executable)


@given(st.text())
def test_any_text_may_be_asked(executable: str) -> None:
    assert PRACTICE.lookup_programs(executable) == () or executable.startswith("/")


@given(st.lists(st.sampled_from(["*", "a", "b", "."]), min_size=1, max_size=6), st.text("ab."))
def test_a_star_stays_inside_its_component(pieces: list[str], part: str) -> None:
    pattern = "".join(pieces)
    fits = re.fullmatch(as_regex(pattern), part) is not None
    if "*" in pattern and part in ("", ".", ".."):
        fits = False
    assert path_matches(f"/x/{pattern}/y", f"/x/{part}/y") is fits


def test_what_a_star_stands_between_does_not_overlap() -> None:
    assert path_matches("/x/ab*ba", "/x/abba")
    assert not path_matches("/x/ab*ba", "/x/aba")
    assert not path_matches("/x/a*b*b", "/x/ab")


# -- uses ---------------------------------------------------------------------------------------


def test_a_use_is_found_by_its_port(tmp_path: Path) -> None:
    made = write_uses(tmp_path, USES)
    (use,) = made.lookup_uses(3000)
    assert (use.product, use.kind, use.family) == ("Grafana", "default", "monitoring")
    assert (use.first, use.last, use.transport) == (3000, 3000, Transport.TCP)
    assert (use.summary, use.read) == ("The web interface.", "2026-11-21")


def test_a_range_answers_for_each_of_its_ports_and_the_narrowest_comes_first(
    tmp_path: Path,
) -> None:
    made = write_uses(tmp_path, USES)
    assert [use.product for use in made.lookup_uses(5900)] == ["Other", "VNC"]
    assert [use.product for use in made.lookup_uses(5900, Transport.TCP)] == ["VNC"]
    assert [use.product for use in made.lookup_uses(5999)] == ["VNC"]
    assert [use.product for use in made.lookup_uses(6063)] == ["X11"]
    assert made.lookup_uses(6064) == ()
    assert made.lookup_uses(5900, Transport.SCTP) == ()
    assert [use.product for use in made.uses()] == ["Grafana", "VNC", "Other", "X11"]


spans = st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from(["tcp", "udp"]))


@given(st.lists(spans), st.integers(0, 90), st.sampled_from([None, *Transport]))
def test_the_lookup_of_a_port_is_a_scan_of_the_uses(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[int, int, str]],
    port: int,
    transport: Transport | None,
) -> None:
    rows = [
        (str(first), str(first + more), used, "default", "web", f"P{place}", "A use.")
        for place, (first, more, used) in enumerate(sorted(made))
    ]
    folder = tmp_path_factory.mktemp("uses")
    found = write_uses(folder, rows).lookup_uses(port, transport)
    expected = {
        row[5]
        for row in rows
        if int(row[0]) <= port <= int(row[1]) and transport in (None, Transport(row[2]))
    }
    assert {use.product for use in found} == expected
    assert len(found) == len(expected)


# -- reports of abuse ---------------------------------------------------------------------------

REPORTS = [
    ("135", "135", "tcp", "advisory", "worm", "2003-08", "A worm", "Reported to spread by it."),
    (
        "1434",
        "1434",
        "udp",
        "paper",
        "worm",
        "2003-01",
        "Another worm",
        "Reported to spread by it.",
    ),
    (
        "6660",
        "6669",
        "tcp",
        "analysis",
        "malware",
        "1999/2004",
        "Bots",
        "Reported to take orders there.",
    ),
    (
        "6667",
        "6667",
        "tcp",
        "cve",
        "backdoor",
        "2010",
        "A backdoor",
        "Reported in a server's source.",
    ),
]


def write_reports(folder: Path) -> Practice:
    head = ["#portbook\tabuse/1", "\t".join(("#columns", *COLUMNS["abuse"])), "#widest\t9"]
    rows = ["\t".join((*row, "https://example.org/", "2026-11-21", "", "")) for row in REPORTS]
    (folder / "abuse.tsv").write_text("\n".join([*head, *rows, "#end", ""]), "utf-8", newline="\n")
    return Practice(str(folder))


def test_a_report_is_found_by_its_port_and_the_oldest_comes_first(tmp_path: Path) -> None:
    made = write_reports(tmp_path)
    (worm,) = made.lookup_abuse(1434)
    assert (worm.subject, worm.kind, worm.period) == ("Another worm", "paper", "2003-01")
    assert (worm.first, worm.last, worm.transport) == (1434, 1434, Transport.UDP)
    assert (worm.summary, when(worm.period)) == ("Reported to spread by it.", "in January 2003")
    assert made.lookup_abuse(1434, Transport.TCP) == ()
    assert [report.subject for report in made.lookup_abuse(6667)] == ["Bots", "A backdoor"]
    assert [report.subject for report in made.lookup_abuse(6660)] == ["Bots"]
    assert made.lookup_abuse(6670) == ()
    assert [report.first for report in made.abuse()] == [135, 1434, 6660, 6667]


def test_the_committed_reports_are_found_by_each_of_their_ports_and_say_when() -> None:
    reports = list(PRACTICE.abuse())
    assert len(reports) >= 39
    for report in reports:
        for port in {report.first, report.last}:
            assert report in PRACTICE.lookup_abuse(port, report.transport)
        assert when(report.period).startswith(("in ", "on ", "from "))


# -- browsers and systems -----------------------------------------------------------------------


def test_browsers_refuse_the_fetch_standard_s_83_bad_ports() -> None:
    refused = [port for port in range(65_536) if PRACTICE.browser_blocked(port)]
    # The review draft of June 2026 lists 83; undici 7.30 lists the same without port 0, thus 82.
    assert len(refused) == 83
    assert refused[:3] == [0, 1, 7]
    assert {22, 6000, 6665, 6669, 10080} <= set(refused)
    assert not {80, 443, 3000, 8080, 6063, 65_535} & set(refused)


def test_what_each_system_does_by_default() -> None:
    rules = {rule.system: rule for rule in PRACTICE.system_rules()}
    ranges = {name: (rule.dynamic_first, rule.dynamic_last) for name, rule in rules.items()}
    assert ranges == {
        "FreeBSD": (10_000, 65_535),
        "Linux": (32_768, 60_999),
        "OpenBSD": (1_024, 49_151),
        "Windows": (49_152, 65_535),
        "illumos": (32_768, 65_535),
        "macOS": (49_152, 65_535),
    }
    assert rules["macOS"].since == "10.14"
    assert rules["illumos"].since is None
    assert rules["Windows"].privileged.startswith("Any user may bind")
    assert all(len(rule.privileged) <= 140 for rule in rules.values())


def test_what_listens_on_a_system_for_something_else() -> None:
    found = PRACTICE.system_listeners()
    (airplay,) = [each for each in found if each.ports]
    assert airplay.ports == ((5000, Transport.TCP), (7000, Transport.TCP))
    assert (airplay.system, airplay.programs[0]) == ("macos", "controlcenter")
    assert {each.name for each in found if each.system == "windows"} == {
        "Docker Desktop", "Docker Desktop (VPNKit)", "WSL localhost relay",
    }  # fmt: skip


def test_the_sources_say_how_fresh_they_are() -> None:
    sources = {source.id: source for source in PRACTICE.sources()}
    assert list(sources) == [
        "lore-programs", "lore-uses", "lore-abuse", "lore-browsers", "lore-services",
        "lore-names", "lore-systems",
    ]  # fmt: skip
    assert sources["lore-programs"].as_of == max(entry["read"] for entry in entries())
    assert f"{len(entries())} entries" in sources["lore-programs"].what
    assert sources["lore-browsers"].url == "https://fetch.spec.whatwg.org/#port-blocking"


# -- damage and cost ----------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    made = Practice(str(tmp_path))
    for ask in (made.programs, made.system_rules, made.system_listeners, made.sources):
        with pytest.raises(DataMissing, match="reinstall portbook"):
            ask()
    with pytest.raises(DataMissing, match=r"uses\.tsv"):
        made.lookup_uses(80)
    with pytest.raises(DataMissing, match=r"abuse\.tsv"):
        made.lookup_abuse(80)
    with pytest.raises(DataMissing, match=r"browsers\.tsv"):
        made.browser_blocked(80)
    with pytest.raises(DataMissing, match=r"programs\.tsv"):
        made.lookup_programs("/usr/sbin/sshd")


@pytest.mark.parametrize(
    "damage",
    [
        ("uses/1", "uses/2"),
        ("\tkind\t", "\tsort\t"),
        ("#end\n", ""),
        ("#widest\t0\n", ""),
        ("#wide\t5900-5999", "#wide\t5900-many"),
        ("\tudp\t", "\tquic\t"),
        ("5900\t5999", "5900\tmany"),
        ("6000\t", "none\t"),
        ("\tOther\t", "\t"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: tuple[str, str]) -> None:
    write_uses(tmp_path, USES)
    path = tmp_path / "uses.tsv"
    whole = path.read_text("utf-8")
    assert damage[0] in whole
    path.write_text(whole.replace(*damage), "utf-8", newline="\n")
    made = Practice(str(tmp_path))
    with pytest.raises(DataCorrupt, match=r"uses\.tsv"):
        made.lookup_uses(5900)


HEAVY = frozenset(
    {
        *("re", "typing", "enum", "dataclasses", "collections", "functools", "socket", "pathlib"),
        *("json", "ipaddress", "datetime", "contextlib", "textwrap", "shutil", "subprocess"),
        *("argparse", "tomllib"),
    }
)


def test_reading_the_lore_imports_nothing_heavy() -> None:
    source = str(Path(portbook.__file__).parents[1])
    ask = (
        f"import sys; sys.path.insert(0, {source!r}); "
        "from portbook.catalog.practice.lookup import Practice; made = Practice(); "
        "made.lookup_programs('/usr/sbin/sshd'); made.lookup_uses(80); made.browser_blocked(80); "
        "made.lookup_abuse(80); made.system_rules(); made.sources(); print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(ran.stdout.split())


# -- tools ----------------------------------------------------------------------------------------


def test_every_tool_is_found_by_its_name_and_no_other() -> None:
    tools = tomllib.loads((FOLDER / "tools.toml").read_text("utf-8"))["tool"]
    assert len(tools) > 40
    for entry in tools:
        found = PRACTICE.tool_named(("no such tool", entry["name"]))
        assert found == Tool(*entry.values())._replace(services=tuple(entry["services"]))
    for names in ((), ("",), ("http",), ("http.server2",), ("zzz",), ("\udcff",)):
        assert PRACTICE.tool_named(names) is None


# -- what services are ----------------------------------------------------------------------------


def test_a_service_that_people_meet_has_a_meaning() -> None:
    https, http3 = PRACTICE.lookup_services(443)
    assert (https.name, https.gist, https.twin) == ("HTTPS", "the encrypted web", "80/tcp")
    assert (http3.name, http3.transport) == ("HTTP/3", Transport.UDP)
    assert PRACTICE.lookup_services(443, Transport.UDP) == (http3,)
    assert PRACTICE.lookup_services(305) == ()
    for called, port in (("rdp", 3389), ("Remote Desktop", 3389), ("SMB", 445), ("dns", 53)):
        assert {each.first for each in PRACTICE.services_called(called)} == {port}
    assert PRACTICE.services_called("") == ()


def test_every_service_is_found_on_its_ports() -> None:
    entries = tomllib.loads((FOLDER / "services.toml").read_text("utf-8"))["service"]
    assert len(entries) >= 400
    for entry in entries:
        assert entry["ports"]
        for span in entry["ports"]:
            port, _, transport = span.partition("/")
            first, _, last = port.partition("-")
            for number in {int(first), int(last or first)}:
                found = PRACTICE.lookup_services(number, Transport(transport))
                assert entry["name"] in [each.name for each in found]
                rows = CATALOG.registry.lookup(number, Transport(transport))
                names = {row.service_name for row in rows}
                assert names & {*entry.get("registered", ())} or not entry.get("registered"), span


def test_a_service_that_a_list_alone_names_leads_on_no_port() -> None:
    (proxy,) = PRACTICE.lookup_services(8081)
    assert (proxy.name, proxy.leads) == ("Transparent proxy", False)
    (hylafax,) = PRACTICE.lookup_services(4559)
    assert hylafax.leads


@for_each("near", [True, False])
def test_many_ports_are_told_the_same_as_each_alone(near: bool) -> None:
    many = Practice()
    many.expect_at([22] * 1000 if near else range(0, 65536, 50))  # part by part, or whole files
    spans = {(each.first, each.last) for each in many.uses()}
    spans |= {(each.first, each.last) for each in many.abuse()}
    spans |= {(each.first, each.last) for each in many.services()}
    ports = sorted({port for first, last in spans for port in (first, last, last + 1)} - {65536})
    drawn = ports[::23]
    assert drawn
    for port in drawn:
        alone = Practice()  # a file that is searched, as one query does
        assert many.lookup_uses(port) == alone.lookup_uses(port)
        assert many.lookup_abuse(port) == alone.lookup_abuse(port)
        assert many.lookup_services(port) == alone.lookup_services(port)


def _same(entries: Sequence[object], others: Sequence[object]) -> bool:
    """Whether they are the very same, in any order."""
    return sorted([id(each) for each in entries]) == sorted([id(each) for each in others])


def test_ports_in_their_order_are_told_the_same_as_each() -> None:
    many = Practice()
    ports = sorted(many.run_starts() - {65536})
    assert len(ports) > 5000
    blocked = set()
    for port, entries in zip(ports, many.on_each(ports), strict=True):
        uses, reports, services, refused = entries
        assert _same(uses, many.lookup_uses(port))
        assert _same(reports, many.lookup_abuse(port))
        assert _same(services, many.lookup_services(port))
        blocked |= {port} if refused else set()
    assert blocked == {port for port in range(65536) if many.browser_blocked(port)}


@for_each("near", [True, False])
def test_the_starts_around_a_port_are_all_of_its_part(near: bool) -> None:
    starts = Practice().run_starts()
    for port in (0, 4095, 4096, 10_500, 65_535):
        practice = Practice()
        practice.expect_at([port] * 1000 if near else range(0, 65536, 50))
        ports, found = practice.run_starts_around(port)
        assert port in ports
        assert (len(ports) == 65536) is not near
        assert found.intersection(ports) == starts.intersection(ports) | {ports.start}


@for_each("near", [True, False])
def test_silence_is_that_of_a_port_and_its_transport(near: bool) -> None:
    many = Practice()
    assert not many.silent(49200, Transport.TCP)  # not yet known
    many.expect_at([22] * 1000 if near else range(0, 65536, 50))
    entries: list[Use | Report | KnownService]
    entries = [*many.uses(), *many.abuse(), *many.services()]
    for transport in Transport:
        told = {
            port
            for each in entries
            if each.transport is transport
            for port in range(each.first, each.last + 1)
        }
        told |= {port for port in range(65536) if many.browser_blocked(port)}
        assert {port for port in range(65536) if not many.silent(port, transport)} == told


def test_a_row_of_no_known_transport_is_no_silence(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    folder = write_uses(tmp_path, [*USES, ("49200", "49200", "sctpp", "default")])
    folder.expect(1000)
    assert not folder.silent(49200, Transport.DCCP)
    assert folder.silent(49201, Transport.DCCP)


def test_a_row_that_is_cut_short_is_refused_when_its_port_is_asked_for(tmp_path: Path) -> None:
    short = ("22", "22", "tcp", "default")
    folder = write_uses(tmp_path, [short, *USES])
    folder.expect(1000)
    assert [use.product for use in folder.lookup_uses(3000)] == ["Grafana"]
    with pytest.raises(DataCorrupt, match="cells"):
        folder.lookup_uses(22)
