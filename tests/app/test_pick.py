"""Picking a port: the criteria, the order, and what a name leads to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.pick.criteria import (
    COMMON,
    CRITERIA,
    EXPERIMENTS,
    FIRST,
    LAST,
    MOST,
    Check,
    Criterion,
    HintCode,
    Wanted,
    by_the_book,
    canonical,
    pick,
)
from portbook.app.pick.host_checks import ThisMachine
from portbook.errors import InvalidQuery
from portbook.host import etc_services
from portbook.host.bind_probe import PLACES, BindTry
from portbook.host.host_reader import HostReader
from portbook.model import (
    Family,
    Host,
    Listener,
    Note,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    State,
    Transport,
    Visibility,
    Whose,
)
from portbook.present.phrases.picks import _WORDS, EVIDENCE, HINTS, check_evidence, pick_notes
from tests.cases import for_each
from tests.command_line import run
from tests.strategies import any_port, nasty
from tests.values import CATALOG, placeholders, with_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.catalog import Catalog

PRACTICE = CATALOG.practice

TCP, UDP = Transport.TCP, Transport.UDP


class Machine:
    """A machine that has something against *taken* and nothing against the rest."""

    def __init__(self, *taken: int) -> None:
        self.taken = taken
        self.asked: list[int] = []

    def checks(self, port: int) -> Iterator[Check]:
        self.asked.append(port)
        unread = (("why", "unread"), ("path", "services"), ("error", "not to be read"))
        yield Check(Criterion.NO_LOCAL_NAME, None, unread)
        fails = (("why", "fails"), ("transport", TCP), ("error", "asked"))
        yield Check(Criterion.FREE_HERE, port not in self.taken, fails)


def test_what_is_picked_fulfils_every_criterion_by_an_independent_look() -> None:
    uses = [range(use.first, use.last + 1) for use in PRACTICE.uses()]
    used = {port for ports in uses if len(ports) <= 4096 for port in ports}
    abused = {port for each in PRACTICE.abuse() for port in range(each.first, each.last + 1)}
    for seed in range(0, 2**63, 2**63 // 60):
        (choice,) = pick(Wanted(), Machine(), CATALOG, seed).choices
        port = choice.port
        assert FIRST <= port <= LAST
        for transport in (TCP, UDP):
            assert CATALOG.registry.standing(port, transport).state is State.UNASSIGNED
        assert port not in used | abused
        assert not PRACTICE.browser_blocked(port)
        assert not choice.failed
        assert [check.code for check in choice.checks] == [
            "unassigned", "not-dynamic", "browser-opens", "no-known-use", "no-abuse",
            "no-local-name", "free-here",
        ]  # fmt: skip


@for_each(
    "port, code, said",
    [
        (8080, "unassigned", "tcp: assigned to http-alt"),
        (853, "unassigned", "domain-s"),
        (1023, "unassigned", "reserved"),
        (45000, "not-dynamic", "Linux 32768–60999"),
        (65000, "not-dynamic", "Windows 49152–65535"),
        (6697, "browser-opens", "refuse"),
        (30500, "no-known-use", "Kubernetes"),
        (4905, "no-known-use", "portbook serve"),
        (27374, "no-abuse", "reported abuse"),
    ],
)
def test_each_criterion_of_the_book_can_fail(port: int, code: str, said: str) -> None:
    found = {str(check.code): check for check in by_the_book(port, CATALOG)}
    assert found[code].ok is False
    assert said in check_evidence(found[code])


@given(any_port)
def test_the_book_answers_every_criterion_of_its_own(port: int) -> None:
    found = list(by_the_book(port, CATALOG))
    assert [check.code for check in found] == list(CRITERIA)[:5]
    assert all(map(said_whole, found))
    assert all(map(check_evidence, found))


def test_the_default_range_is_outside_what_common_systems_hand_out() -> None:
    rules = {rule.system: rule for rule in PRACTICE.system_rules()}
    assert min(rules[name].dynamic_first or 0 for name in COMMON) == LAST + 1


def test_the_ports_for_experiments_are_the_registrys() -> None:
    for number, port in enumerate(EXPERIMENTS, 1):
        for transport in Transport:
            (row,) = CATALOG.registry.lookup(port, transport)
            assert row.service_name == f"exp{number}"
            assert "RFC4727" in row.references


# -- the order --------------------------------------------------------------------------------


@given(st.integers(1, 65535), st.integers(0, 300), st.integers(0, 2**64 - 1))
def test_chance_meets_every_port_of_a_range_once(first: int, more: int, seed: int) -> None:
    last = min(65535, first + more)
    machine = Machine(*range(first, last + 1))
    despite = tuple(code for code in CRITERIA if code != "free-here")
    found = pick(Wanted(first, last, despite=despite), machine, CATALOG, seed)
    assert sorted(machine.asked) == list(range(first, last + 1))
    assert not found.choices
    assert found.left_out_by == {"free-here": last - first + 1}
    assert not found.good


def test_chance_differs() -> None:
    assert len({pick(Wanted(), Machine(), CATALOG).choices[0].port for _ in range(12)}) > 1


# A name's port is a promise: these may change only where a port gets an owner or a use.
NAMES = {"web": 23965, "billing api": 12354, "x": 12584}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_to_the_same_port_everywhere(name: str) -> None:
    assert pick(Wanted(name=name), Machine(), CATALOG).choices[0].port == NAMES[name]


def test_a_use_of_thousands_of_ports_claims_none_of_them() -> None:
    (check,) = [each for each in by_the_book(12354, CATALOG) if each.code == "no-known-use"]
    assert check.ok
    assert "Asterisk" in check_evidence(check)
    (check,) = [each for each in by_the_book(31000, CATALOG) if each.code == "no-known-use"]
    assert not check.ok  # a node of Kubernetes may have any of 2,768


@given(nasty.filter(str.strip))
def test_a_name_leads_to_one_port_however_it_is_spelled(name: str) -> None:
    port = pick(Wanted(name=name), Machine(), CATALOG).choices[0].port
    again = Wanted(name=f"  {canonical(name)}\t")
    assert pick(again, Machine(), CATALOG).choices[0].port == port
    assert not [check for check in by_the_book(port, CATALOG) if not check.ok]


def test_a_name_keeps_its_port_where_the_machine_has_something_against_it() -> None:
    found = pick(Wanted(name="web"), Machine(NAMES["web"]), CATALOG)
    assert [choice.port for choice in found.choices] == [NAMES["web"]]
    assert not found.good
    assert [check.code for check in found.choices[0].failed] == ["free-here"]


def test_several_ports_of_a_name_start_with_its_one() -> None:
    three = [choice.port for choice in pick(Wanted(many=3, name="web"), Machine(), CATALOG).choices]
    assert three[0] == NAMES["web"]
    assert len(set(three)) == 3


def test_a_name_searches_a_small_range_to_its_end() -> None:
    machine = Machine()
    found = pick(Wanted(8000, 8100, 40, "web"), machine, CATALOG)
    chosen = [choice.port for choice in found.choices]
    assert len(chosen) == len(set(chosen))
    whole = {
        port
        for port in range(8000, 8101)
        if all(check.ok is not False for check in by_the_book(port, CATALOG))
    }
    assert set(chosen) == whole or len(chosen) == 40


def test_a_service_with_a_port_of_its_own_is_named() -> None:
    found = pick(Wanted(name="PostgreSQL"), Machine(), CATALOG)
    assert [hint.code for hint in found.hints] == [HintCode.SERVICE]
    assert "5432" in pick_notes(found)[0]
    assert not pick(Wanted(name="no such service"), Machine(), CATALOG).hints


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(many=0),
        Wanted(many=MOST + 1),
        Wanted(0, 10),
        Wanted(8000, 8001, 3),
        Wanted(name="  "),
    ],
)
def test_what_cannot_be_served_is_refused(wanted: Wanted) -> None:
    with pytest.raises(InvalidQuery):
        pick(wanted, Machine(), CATALOG)


def test_the_whole_of_a_hopeless_range_is_counted() -> None:
    found = pick(Wanted(40000, 40010), Machine(), CATALOG)
    assert not found.choices
    assert sum(found.left_out_by.values()) == 11


# -- this machine -----------------------------------------------------------------------------


class Kernel(HostReader):
    """Stands in for what ThisMachine asks."""

    def __init__(self) -> None:
        self.error = 0
        self.reuse_error = 0
        self.listeners: tuple[Listener, ...] = ()
        self.rules = PortRules("linux", 1024, (32768, 60999), ((40000, 40001),))
        self.names: dict[int, tuple[str, ...]] | OSError = {9999: ("distinct",)}

    def read_rules(self) -> PortRules:
        return self.rules

    def read_host(self, *_: Any) -> Host:
        return Host(self.listeners, Visibility.FULL, ())

    def read_services(self) -> dict[int, tuple[str, ...]]:
        if isinstance(self.names, OSError):
            raise self.names
        return self.names

    def try_binds(self, *_: Any) -> tuple[BindTry, ...]:
        return tuple(
            BindTry(family, place, reuse, only, self.reuse_error if reuse else self.error)
            for family, place, only in PLACES
            for reuse in (False, True)
        )


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def asked(port: int, kernel: Kernel, catalog: Catalog = CATALOG) -> dict[str, Check]:
    checks = list(ThisMachine(catalog, host=kernel).checks(port))
    assert checks
    assert all(map(said_whole, checks))
    return {check.code: check for check in checks}


def said_whole(check: Check) -> bool:
    """Whether all that its sentence names is known."""
    facts = dict(check.facts)
    template = EVIDENCE[f"{check.code} {facts['why']}"]
    return placeholders(template) <= {*facts, *_WORDS}


def test_each_check_has_its_sentence() -> None:
    assert set(CRITERIA) == set(Criterion) == {key.partition(" ")[0] for key in EVIDENCE}
    assert set(HINTS) == set(HintCode)


def test_a_free_port_here(kernel: Kernel) -> None:
    found = asked(5000, kernel)
    assert list(found) == list(CRITERIA)[5:]
    assert all(check.ok for check in found.values())


def test_this_machines_own_dynamic_range_counts(kernel: Kernel) -> None:
    assert asked(33000, kernel)["not-dynamic-here"].ok is False
    assert asked(40000, kernel)["not-dynamic-here"].ok is True
    kernel.rules = PortRules("linux")
    assert asked(33000, kernel)["not-dynamic-here"].ok is None


def test_the_services_file_counts(kernel: Kernel) -> None:
    assert check_evidence(asked(9999, kernel)["no-local-name"]).endswith("calls it distinct")
    kernel.names = PermissionError(13, "Permission denied")
    assert asked(9999, kernel)["no-local-name"].ok is None
    kernel.names = FileNotFoundError(2, "No such file")
    assert asked(9999, kernel)["no-local-name"].ok is True


def test_ones_own_notes_count(kernel: Kernel) -> None:
    note = Note(5000, 5001, TCP, "/etc/ports.toml", label="Billing API")
    noted = with_notes(note)
    assert asked(5000, kernel, noted)["not-noted"].ok is False
    assert "Billing API" in check_evidence(asked(5001, kernel, noted)["not-noted"])
    assert asked(5002, kernel, noted)["not-noted"].ok is True
    own = {
        str(check.code): check for check in ThisMachine(noted, " billing  api", kernel).checks(5000)
    }
    assert own["not-noted"].ok is True
    theirs = note._replace(whose=Whose.PROJECT, trusted=False)
    unweighed = with_notes(theirs)
    assert asked(5000, kernel, unweighed)["not-noted"].ok is True
    assert "which you haven't trusted" in check_evidence(
        asked(5000, kernel, unweighed)["not-noted"]
    )
    assert asked(5000, kernel, with_notes(problems=("can't be read",)))["not-noted"].ok is None


def test_a_privilege_that_is_missing(kernel: Kernel) -> None:
    kernel.error = kernel.reuse_error = 13
    found = asked(80, kernel)
    assert found["unprivileged"].ok is False
    assert "below 1024" in check_evidence(found["unprivileged"])
    assert "free-here" not in found


def test_who_has_it_is_named(kernel: Kernel) -> None:
    kernel.error = kernel.reuse_error = 98
    owner = Process(7, "node")
    kernel.listeners = (
        Listener(
            Socket(TCP, Family.IPV4, "0.0.0.0", 5000, SocketState.LISTEN),
            Ownership((owner,), OwnersSeen.ALL),
        ),
    )
    assert (
        check_evidence(asked(5000, kernel)["free-here"])
        == "node (pid 7) listens on tcp 0.0.0.0:5000"
    )
    kernel.listeners = ()
    assert check_evidence(asked(5000, kernel)["free-here"]) == "tcp: a bind fails (EADDRINUSE)"


def test_a_connection_that_still_waits(kernel: Kernel) -> None:
    kernel.error = 98
    found = asked(5000, kernel)["free-here"]
    assert found.ok is False
    assert "closed connection" in check_evidence(found)


def test_no_room_for_a_socket_is_not_a_free_port(kernel: Kernel) -> None:
    kernel.error = kernel.reuse_error = 24
    assert asked(5000, kernel)["free-here"].ok is None


@pytest.mark.real
def test_this_machine_itself_is_asked() -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        found = list(ThisMachine(CATALOG).checks(server.getsockname()[1]))
        assert found[-1].code == "free-here"
        assert found[-1].ok is False
    assert Path(etc_services.services_path()).name == "services"


# -- beside a port ----------------------------------------------------------------------------


def test_near_a_port_it_is_that_one_or_the_next() -> None:
    assert [c.port for c in pick(Wanted(3000, 4000, near=3000), Machine(), CATALOG).choices] == [
        3000
    ]
    found = pick(Wanted(3000, 4000, 2, near=3000), Machine(3000, 3001, 3003), CATALOG)
    assert [choice.port for choice in found.choices] == [3002, 3004]
    assert [choice.port for choice in found.left_out] == [3000, 3001, 3003]
    codes = [check.code for check in found.choices[0].checks]
    assert codes == ["browser-opens", "free-here"], "that others use it is known by then"


def test_near_a_port_that_browsers_refuse_another_is_given() -> None:
    (choice,) = pick(Wanted(6665, 6700, near=6665), Machine(), CATALOG).choices
    assert choice.port == 6670


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--near", "3000", "--for", "web"], "--near and --for"),
        (["--near=3000", "--range", "1-9"], "--near and --range"),
        (["--near", "0"], "--near 0"),
        (["--near", "nosuch"], "names no single port"),
        (["--near", "70000"], "70000"),
        (["3000", "--near", "4000"], "'3000' and --near '4000': give one of them"),
        (["--near=4000", "3000"], "'3000' and --near '4000': give one of them"),
        (["nosuch"], "names no single port"),
        (["3000", "--for", "web"], "--near and --for"),
        (["3000", "3001"], "unrecognized arguments: 3001"),
    ],
)
def test_near_what_it_can_not_be(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(["pick", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [["305", "-q"], ["-q", "305"], ["--near", "305", "-q"]])
def test_a_port_alone_is_where_to_begin(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["pick", *words]) in (0, 1)
    assert capsys.readouterr().out == "305\n"


def test_a_port_with_a_service_on_record_has_a_known_use() -> None:
    assert CATALOG.practice.lookup_uses(9851) == ()  # unassigned, and Tile38 has it
    (check,) = [each for each in by_the_book(9851, CATALOG) if each.code == "no-known-use"]
    assert not check.ok
    assert dict(check.facts)["products"] == ("Tile38",)
