"""This machine with the verdict: what is kept, in which order, and how deep it looks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.judge import judge_listener
from portbook.app.list_lookup import RangeAnswer
from portbook.app.listen import ScanOptions, answer_here, look, prepare, watch_here
from portbook.app.lookup import answer
from portbook.app.on_record import PortsOnRecord
from portbook.app.port_lookup import PortAnswer
from portbook.app.socket_filter import Filter, PortSpan
from portbook.app.socket_order import sort_by_gravity, sort_sockets
from portbook.app.watch import Change
from portbook.catalog import Catalog
from portbook.catalog.practice.lookup import Practice
from portbook.errors import DataCorrupt
from portbook.formats.errors.query import parse_query
from portbook.host.firewall.redirects import Redirect
from portbook.host.host_reader import HostReader
from portbook.model import (
    Family,
    Finding,
    Gap,
    GapCode,
    Host,
    Level,
    Listener,
    Note,
    OwnerSearch,
    OwnersSeen,
    PortRules,
    Process,
    Reach,
    Report,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from tests.cases import for_each
from tests.strategies import listeners
from tests.values import CATALOG, changed, gap, sentences, with_notes, worded

TCP, UDP = Transport.TCP, Transport.UDP
LINUX = PortRules("linux", 1024, (32768, 60999))
WEB = Process(7, "nginx", executable="/usr/sbin/nginx", uid=33, user="www-data")


def socket(port: int = 8080, **changes: Any) -> Listener:
    made = Listener(
        Socket(
            TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN, inode=port, uid=0, user="root"
        )
    )
    return changed(made, owners=(WEB,), owners_seen=OwnersSeen.ALL, **changes)


def finding(level: Level) -> Finding:
    return worded("exposed", level, "…")


# -- filters -----------------------------------------------------------------------------------


@for_each(
    "wanted, kept",
    [
        (Filter(), True),
        (Filter(transport=TCP), True),
        (Filter(transport=UDP), False),
        (Filter(ports=(8080, 8080)), True),
        (Filter(ports=(1, 8080)), True),
        (Filter(ports=(8080, 9000)), True),
        (Filter(ports=(8081, 9000)), False),
        (Filter(program="nginx"), True),
        (Filter(program="NGIN"), True),
        (Filter(program="ng*x"), True),
        (Filter(program="ngin?"), True),
        (Filter(program="g*x"), False),
        (Filter(program="httpd"), False),
        (Filter(ports=(80, 9000), spans=(PortSpan(80, 80), PortSpan(8080, 8080, TCP))), True),
        (Filter(ports=(80, 9000), spans=(PortSpan(80, 80), PortSpan(9000, 9000))), False),
        (Filter(user="root"), True),
        (Filter(user="0"), True),
        (Filter(user="www-data"), True),
        (Filter(user="33"), True),
        (Filter(user="34"), False),
        (Filter(user="None"), False),
        (Filter(reach=Reach.EVERYWHERE), True),
        (Filter(reach=Reach.LOOPBACK), False),
        (Filter(level=Level.OK), True),
        (Filter(level=Level.CHECK), True),
        (Filter(level=Level.ALERT), False),
        (Filter(TCP, (1, 9999), "nginx", "33", Reach.EVERYWHERE, Level.CHECK), True),
        (Filter(TCP, (1, 9999), "nginx", "33", Reach.EVERYWHERE, Level.ALERT), False),
    ],
)
def test_what_a_filter_keeps(wanted: Filter, kept: bool) -> None:
    asked = socket(findings=(finding(Level.OK), finding(Level.CHECK)))
    assert wanted.keeps(asked) is kept


def test_nobody_is_not_a_user_called_none() -> None:
    unseen = changed(socket(uid=None, user=None), owners=())
    assert not Filter(user="None").keeps(unseen)
    assert Filter(user="None").keeps(changed(unseen, user="None"))
    assert not Filter(program="nginx").keeps(unseen)


@for_each(
    "address, interface, reach",
    [
        ("0.0.0.0", None, "everywhere"),
        ("0.0.0.0", "eth0", "interface"),
        ("192.0.2.7", None, "address"),
        ("fe80::1", None, "link"),
        ("169.254.1.1", None, "link"),
        ("::1", None, "loopback"),
        ("127.0.0.1", "lo", "loopback"),
    ],
)
def test_reach(address: str, interface: str | None, reach: str) -> None:
    asked = socket(address=address, interface=interface)
    assert [each for each in Reach if Filter(reach=each).keeps(asked)] == [reach]


@given(listeners())
def test_no_filter_keeps_everything_and_one_of_its_own_keeps_it(asked: Listener) -> None:
    assert Filter().keeps(asked)
    assert Filter(
        asked.socket.transport, (asked.socket.port, asked.socket.port), reach=asked.socket.reach
    ).keeps(asked)


# -- order -------------------------------------------------------------------------------------


def test_the_most_serious_come_first_then_ports() -> None:
    some = [
        socket(80, findings=(finding(Level.NOTE),)),
        socket(22, findings=(finding(Level.NOTE), finding(Level.OK))),
        socket(9000, findings=(finding(Level.ALERT),)),
        socket(53, transport=UDP, findings=(finding(Level.NOTE),)),
        socket(53, findings=(finding(Level.NOTE),)),
        socket(1),
    ]
    order = [(each.socket.port, each.socket.transport) for each in sort_by_gravity(some)]
    assert order == [(9000, TCP), (22, TCP), (53, TCP), (53, UDP), (80, TCP), (1, TCP)]


@given(st.lists(listeners(), max_size=6))
def test_sorting_keeps_every_socket(some: list[Listener]) -> None:
    found = sort_by_gravity(some)
    assert sorted(found, key=repr) == sorted(some, key=repr)
    gravities = [each.assessment.gravity for each in found]
    assert gravities == sorted(gravities, reverse=True)


# -- depth -------------------------------------------------------------------------------------


class Machine(HostReader):
    """A host to look at, which notes how it is asked."""

    def __init__(self, *found: Listener) -> None:
        self.found = found
        self.missing: tuple[Gap, ...] = ()
        self.asked: list[Any] = []
        self.calls: list[str] = []
        self.elsewhere: tuple[tuple[tuple[str, Host], ...], tuple[Gap, ...]] = ((), ())
        self.redirects: tuple[tuple[Redirect, ...], tuple[Gap, ...]] = ((), ())
        self.unknown: tuple[Gap, ...] = ()
        self.readable = True

    def may_read_redirects(self) -> bool:
        return self.readable

    def read_host(self, *asked: Any) -> Host:
        self.asked.append(asked)
        visibility = Visibility.PARTIAL if self.missing else Visibility.FULL
        bare = self.found
        if asked[2] == "none":
            bare = tuple(
                changed(each, owners=(), owners_seen=OwnersSeen.HIDDEN) for each in self.found
            )
        return Host(bare, visibility, self.missing, LINUX)

    def read_elsewhere(self, *asked: Any) -> Any:
        self.calls.append("elsewhere")
        return self.elsewhere

    def read_redirects(self, *asked: Any) -> Any:
        self.calls.append("redirects")
        return self.redirects

    def add_details(self, found: tuple[Listener, ...]) -> Any:
        self.calls.append("details")
        return found, self.unknown

    def add_names(self, found: tuple[Listener, ...]) -> Any:
        self.calls.append("names")
        return found, self.unknown

    def add_upgrades(self, found: tuple[Listener, ...]) -> Any:
        self.calls.append("upgrades")
        return found


def test_a_plain_look_asks_for_nothing_dear() -> None:
    machine = Machine(socket())
    seen = look((1, 9999), TCP, ScanOptions(), CATALOG, host=machine)
    assert machine.asked == [((1, 9999), TCP, "first")]
    assert machine.calls == []
    assert seen.listeners[0].assessment.findings
    answer_here(Filter(), ScanOptions(OwnerSearch.ALL), CATALOG, host=machine)
    assert machine.calls == []
    assert machine.asked[-1] == (None, None, "all")


def test_details_and_other_namespaces_are_asked_for_where_they_are_wanted() -> None:
    machine = Machine(socket())
    look(None, None, ScanOptions(detail=True), CATALOG, host=machine)
    assert machine.calls == ["details"]
    answer_here(Filter(), ScanOptions(everywhere=True), CATALOG, host=machine)
    assert machine.calls == ["details", "elsewhere", "redirects"]


def test_a_container_is_named_without_being_asked_for() -> None:
    inside = changed(socket(), owners=(WEB._replace(container="docker:0123456789ab"),))
    machine = Machine(inside)
    machine.unknown = (gap("docker did not answer"),)
    seen = look(None, None, ScanOptions(), CATALOG, host=machine)
    assert machine.calls == ["names"]
    assert (seen.visibility, seen.missing) == (Visibility.PARTIAL, machine.unknown)
    look(None, None, ScanOptions(detail=True), CATALOG, host=machine)
    assert machine.calls == ["names", "details"]


def test_a_port_on_which_nothing_is_bound_may_be_redirected() -> None:
    rule = Redirect(TCP, 8080, 8080, "172.17.0.2", 80, None, Family.IPV4, "nftables", "c", "text")
    machine = Machine()
    machine.redirects = ((rule,), (gap("not all rules were read"),))
    for query in ("8080", "8000-8090"):
        found = answer(parse_query(query), CATALOG, ScanOptions(), host=machine)
        assert isinstance(found, PortAnswer | RangeAnswer)
        assert found.redirects == (rule,)
        assert found.host is not None
        # What was not asked for is not missed.
        assert found.host.visibility is Visibility.FULL
    found = answer(parse_query("8081"), CATALOG, ScanOptions(everywhere=True), host=machine)
    assert isinstance(found, PortAnswer)
    assert found.redirects == ()
    assert found.host is not None
    assert sentences(found.host.missing) == ("not all rules were read",)
    assert found.host.visibility is Visibility.PARTIAL


def test_redirects_are_not_looked_for_where_something_listens() -> None:
    machine = Machine(socket(80))
    answer(parse_query("80"), CATALOG, ScanOptions(), host=machine)
    assert machine.calls == []
    answer(parse_query("80"), CATALOG, ScanOptions(everywhere=True), host=machine)
    assert machine.calls == ["elsewhere", "redirects"]
    machine.readable = False
    machine.found = ()
    answer(parse_query("80"), CATALOG, ScanOptions(), host=machine)
    assert machine.calls == ["elsewhere", "redirects"]


def test_a_deleted_executable_decides_and_is_always_looked_into() -> None:
    deleted = changed(socket(), owners=(WEB._replace(executable_deleted=True),))
    machine = Machine(deleted)
    (found,) = look(None, None, ScanOptions(), CATALOG, host=machine).listeners
    assert machine.calls == ["upgrades"]
    assert "deleted-executable" in [each.code for each in found.assessment.findings]


def test_what_a_detail_lacks_makes_the_answer_partial() -> None:
    machine = Machine(socket())
    machine.unknown = (gap("the name of docker:0123456789ab is not known: no answer"),)
    seen = look(None, None, ScanOptions(detail=True), CATALOG, host=machine)
    assert (seen.visibility, seen.missing) == (Visibility.PARTIAL, machine.unknown)
    assert look(None, None, ScanOptions(), CATALOG, host=machine).visibility is Visibility.FULL


def test_listeners_elsewhere_are_marked_and_judged_by_the_rules_there() -> None:
    machine = Machine(socket(80))
    there = Host((socket(81),), Visibility.FULL, (), PortRules("linux", 0, (32768, 60999)))
    machine.elsewhere = ((("docker:0123456789ab", there),), (gap("one was closed to us"),))
    seen = look(None, None, ScanOptions(everywhere=True), CATALOG, host=machine)
    assert [(each.socket.port, each.socket.namespace) for each in seen.listeners] == [
        (80, None),
        (81, "docker:0123456789ab"),
    ]
    codes = [{finding.code for finding in each.assessment.findings} for each in seen.listeners]
    assert "privileged-bind" in codes[0]
    assert "privileged-bind" not in codes[1]
    assert sentences(seen.missing) == ("one was closed to us",)
    assert seen.visibility is Visibility.PARTIAL


def test_what_details_lack_elsewhere_is_told_once() -> None:
    machine = Machine(socket(80))
    there = Host((socket(81),), Visibility.PARTIAL, (gap("x"),), LINUX)
    machine.elsewhere = ((("blue", there),), (gap("x")._replace(namespace="blue"),))
    machine.unknown = (gap("docker did not answer"),)
    seen = look(None, None, ScanOptions(detail=True, everywhere=True), CATALOG, host=machine)
    assert sentences(seen.missing) == ("docker did not answer", "in the network namespace blue, x")


def test_redirects_are_those_of_the_ports_asked_for() -> None:
    def redirect(first: int, last: int) -> Redirect:
        return Redirect(
            TCP, first, last, "192.0.2.7", 80, None, Family.IPV4, "nftables", "c", "text"
        )

    machine = Machine()
    machine.redirects = (
        (redirect(8080, 8080), redirect(1, 8079), redirect(8090, 9000)),
        (gap("y"),),
    )
    machine.missing = (gap("x"), gap("y"))
    answer = answer_here(
        Filter(ports=(8080, 8089)),
        ScanOptions(OwnerSearch.ALL, everywhere=True),
        CATALOG,
        host=machine,
    )
    assert [each.first for each in answer.redirects] == [8080]
    assert sentences(answer.missing) == ("x", "y")
    assert answer.visibility is Visibility.PARTIAL


def test_an_answer_has_what_is_kept_and_how_it_stands() -> None:
    machine = Machine(socket(80), socket(305))
    answer = answer_here(
        Filter(ports=(300, 310)), ScanOptions(OwnerSearch.ALL), CATALOG, host=machine
    )
    assert [each.socket.port for each in answer.listeners] == [305]
    assert {key: str(value.state) for key, value in answer.standings.items()} == {
        (305, TCP): "unassigned"
    }
    assert answer.sources[-1].id == "host"
    assert answer.visibility is Visibility.FULL


def test_a_socket_is_judged_with_what_is_on_record() -> None:
    trusted = WEB._replace(executable_uid=0, executable_mode=0o755)
    codes = [
        finding.code
        for finding in judge_listener(
            changed(socket(80), owners=(trusted,)),
            LINUX,
            CATALOG,
        )
    ]
    assert codes == ["exposed", "privileged-bind", "expected"]


# -- following ---------------------------------------------------------------------------------


def test_a_watch_looks_without_owners_and_explains_with_all() -> None:
    machine = Machine(socket(80), socket(9000))
    watch = watch_here(Filter(transport=TCP), CATALOG, host=machine)
    assert machine.asked == [(None, TCP, "none"), ((80, 9000), TCP, "all")]
    assert [each.ownership.owners for each in watch.listeners] == [(WEB,), (WEB,)]
    assert all(each.assessment.findings for each in watch.listeners)
    assert watch.step() == ()
    assert len(machine.asked) == 3
    machine.found = (socket(80), socket(9000), socket(81))
    (event,) = watch.step()
    assert machine.asked[-1] == ((81, 81), TCP, "all")
    assert (event.change, event.listener.socket.port) == (Change.OPENED, 81)


def test_a_watch_keeps_what_the_filter_keeps() -> None:
    machine = Machine(socket(80))
    watch = watch_here(Filter(program="sshd"), CATALOG, host=machine)
    assert watch.listeners == ()
    sshd = changed(socket(22), owners=(Process(9, "sshd"),))
    machine.found = (socket(80), sshd)
    (event,) = watch.step()
    assert event.listener.socket.port == 22


def test_what_is_gone_when_its_owner_is_looked_for_is_told_all_the_same() -> None:
    bare = changed(socket(81), owners=(), owners_seen=OwnersSeen.HIDDEN)
    missing: list[Gap] = []

    class Leaving(HostReader):
        def read_host(self, ports: Any, transport: Any, owners: str) -> Host:
            seen = (bare,) if owners == "none" else ()
            return Host(seen, Visibility.FULL, tuple(missing), LINUX)

    machine = Leaving()
    (told,) = watch_here(Filter(), CATALOG, host=machine).listeners
    assert told == changed(bare, owners_seen=OwnersSeen.NONE)
    # Where not everything can be seen, it may only be out of sight.
    missing.append(Gap(GapCode.PROCESSES_UNREAD, detail="no"))
    assert watch_here(Filter(), CATALOG, host=machine).listeners == (bare,)


def test_only_the_asked_sockets_are_judged() -> None:
    weighed: list[int] = []

    class Recording(Practice):
        def lookup_abuse(self, port: int, transport: Transport | None = None) -> tuple[Report, ...]:
            weighed.append(port)
            return super().lookup_abuse(port, transport)

    machine = Machine(socket(80))
    watch = watch_here(Filter(), Catalog(CATALOG.registry, Recording()), host=machine)
    weighed.clear()
    machine.found = (socket(80), socket(79), socket(81))
    watch.step()
    assert weighed == [79, 81]


# -- notes of one's own ------------------------------------------------------------------------


SHOP = Note(8080, 8080, None, "/srv/portbook.toml", "shop", executables=("/usr/sbin/nginx",))
WORKERS = Note(9000, 9009, UDP, "/srv/portbook.toml", "workers")
LEFT_OUT = "the notes in 'x': left out"
NOTED = with_notes(SHOP, WORKERS, problems=(LEFT_OUT,))


def test_notes_come_with_the_sockets_and_the_ports_they_are_on() -> None:
    machine = Machine(socket(8080), socket(9000))
    seen = look((0, 65535), None, ScanOptions(), NOTED, host=machine)
    assert [each.assessment.note for each in seen.listeners] == [SHOP, None]
    assert seen.notes == (SHOP, WORKERS)
    assert look((9000, 9000), TCP, ScanOptions(), NOTED, host=machine).notes == ()
    assert look((9005, 9005), None, ScanOptions(), NOTED, host=machine).notes == (WORKERS,)
    # What was left out is told, and isn't a part of this machine that wasn't seen.
    assert sentences(seen.missing) == (LEFT_OUT,)
    assert seen.visibility is Visibility.FULL
    here = answer_here(Filter(), ScanOptions(OwnerSearch.ALL), NOTED, host=machine)
    assert (here.notes, sentences(here.missing)) == ((SHOP, WORKERS), (LEFT_OUT,))


def test_notes_can_be_left_out() -> None:
    machine = Machine(socket(8080))
    seen = look(None, None, ScanOptions(notes=False), NOTED, host=machine)
    assert (seen.notes, seen.missing, seen.listeners[0].assessment.note) == ((), (), None)
    (watched,) = watch_here(Filter(), NOTED, notes=False, host=machine).listeners
    assert watched.assessment.note is None
    (watched,) = watch_here(Filter(), NOTED, host=machine).listeners
    assert watched.assessment.note == SHOP


def test_notes_are_not_about_other_namespaces() -> None:
    machine = Machine()
    machine.elsewhere = (("blue", Host((socket(8080),), Visibility.FULL, (), LINUX)),), ()
    (there,) = look(None, None, ScanOptions(everywhere=True), NOTED, host=machine).listeners
    assert (there.socket.namespace, there.assessment.note) == ("blue", None)


@pytest.mark.parametrize("kept", [True, False, None])
def test_who_could_have_put_a_noted_program_there_is_asked(kept: bool | None) -> None:
    asked: list[Any] = []

    class Asked(Machine):
        def put_there_by(self, *arguments: Any) -> bool | None:
            asked.append(arguments)
            return kept

    machine = Asked(socket(8080), socket(9000))
    noted, _ = look(None, None, ScanOptions(), NOTED, host=machine).listeners
    assert asked == [(7, "/usr/sbin/nginx", frozenset({0}))]
    code = {True: "expected", False: "unexpected-program", None: "noted"}[kept]
    assert code in {finding.code for finding in noted.assessment.findings}


def test_a_program_is_also_what_an_interpreter_runs() -> None:
    node = WEB._replace(program="node", command=("node", "/srv/node_modules/.bin/next", "dev"))
    served = changed(socket(3000), owners=(node,))
    assert Filter(program="next").keeps(served)
    assert Filter(program="next*").keeps(served)
    assert Filter(program="node").keeps(served)
    assert not Filter(program="vite").keeps(served)


def test_the_order_that_is_asked_for() -> None:
    old = WEB._replace(pid=9, program="b", started=100.0)
    new = WEB._replace(pid=8, program="a", started=200.0)
    first = changed(socket(1), owners=(old,), findings=(finding(Level.OK),))
    second = changed(socket(2), owners=(new,), findings=(finding(Level.ALERT),))
    unseen = changed(socket(3), owners=(), findings=(finding(Level.NOTE),))
    ports = {
        order: [each.socket.port for each in sort_sockets((first, second, unseen), order)]
        for order in ("level", "port", "program", "pid", "uptime")
    }
    assert ports == {
        "level": [2, 3, 1],
        "port": [1, 2, 3],
        "program": [2, 1, 3],
        "pid": [2, 1, 3],
        "uptime": [2, 1, 3],
    }


def test_the_total_counts_what_was_not_asked_for() -> None:
    """Whichever part of the filter the kernel was asked with."""

    class Kernel(Machine):
        def read_host(self, *asked: Any) -> Host:
            first, last = asked[0] or (0, 65535)
            host = super().read_host(*asked)
            kept = [each for each in host.listeners if first <= each.socket.port <= last]
            return host._replace(listeners=tuple(kept))

    host = Kernel(socket(80), socket(8080), socket(9000))
    for wanted in (Filter(ports=(80, 80)), Filter(program="nginx"), Filter(TCP), Filter()):
        here = answer_here(wanted, ScanOptions(), CATALOG, host)
        assert here.total == 3, wanted
    assert len(answer_here(Filter(ports=(80, 80)), ScanOptions(), CATALOG, host).listeners) == 1


@pytest.mark.parametrize("said", [True, False])
def test_what_is_prepared_tells_no_error_itself(said: bool) -> None:
    """Where data are corrupt, the command says so where it needs them."""

    def corrupt(*_: object) -> None:
        asked.append(True)
        raise DataCorrupt("registry.tsv", "it is cut short")

    asked: list[bool] = []
    catalog: Any = SimpleNamespace(
        registry=SimpleNamespace(standing=corrupt),
        practice=SimpleNamespace(expect_at=lambda ports: None, silent=corrupt),
    )
    prepare({(80, Transport.TCP)}, PortsOnRecord(catalog, said=said), catalog)
    assert asked == [True]
