"""The table of a capture: the columns of ``listen``, nothing raw, and what many sockets share."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.explain import ExplainAnswer
from portbook.model import (
    Family,
    Level,
    Listener,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.owners import Viewer
from portbook.present.port.this_machine import meaning
from portbook.present.render.text import Style, columns_of
from portbook.present.views.column_words import NONE
from portbook.present.views.explain import render_explained
from portbook.present.views.listen_fields import COLUMNS, REACHABLE, Cells
from tests.strategies import listeners, nasty, processes
from tests.values import CATALOG, changed, worded

TCP = Transport.TCP
NOTE, CHECK, ALERT = (worded(f"c-{level}", level, "…") for level in tuple(Level)[1:])
WEB = Process(7, "nginx")


def socket(port: int = 8080, *owners: Process, **changes: Any) -> Listener:
    made = Listener(
        Socket(TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN, uid=33, user="www-data")
    )
    facts = {"owners": owners, "owners_seen": OwnersSeen.ALL, "findings": (NOTE,), **changes}
    return changed(made, **facts)


def explained(*some: Listener) -> ExplainAnswer:
    keys = {(each.socket.port, each.socket.transport) for each in some}
    return ExplainAnswer(
        "ss",
        some,
        (),
        {},
        {key: CATALOG.registry.standing(*key) for key in keys},
        {key: CATALOG.practice.lookup_uses(*key) for key in keys},
        (),
        title="ss of Linux",
    )


def shown(*some: Listener, width: int = 80, verbose: bool = False) -> str:
    return render_explained(explained(*some), Style(width), verbose=verbose)


def row(listener: Listener, width: int = 160) -> str:
    return " ".join(shown(listener, width=width).splitlines()[3].split())


def test_a_wildcard_of_ipv6_says_which_families_it_takes() -> None:
    six = changed(socket(8080, WEB), family=Family.IPV6, address="::")
    assert meaning(changed(six, v6only=True)) == "every interface, IPv6 only; firewall not checked"
    both = "every interface, IPv4 and IPv6; firewall not checked"
    assert meaning(changed(six, v6only=False)) == both
    assert meaning(six) == "every interface; firewall not checked"  # not every system tells
    page = shown(changed(six, v6only=False), changed(six, v6only=True), verbose=True)
    assert both in " ".join(page.split())
    assert "IPv6 only" in page


def test_udplite_and_the_loopback_interface_are_told() -> None:
    assert meaning(changed(socket(8080, WEB), udplite=True)).startswith("UDP-Lite; ")
    assert meaning(changed(socket(8080, WEB), interface="lo")) == "this machine only"
    assert meaning(changed(socket(8080, WEB), interface="lo1")) == "interface lo1 only"


def test_no_uptime_and_nobody_is_you() -> None:
    """A capture was made at some time, on some machine."""
    old = WEB._replace(started=0, uid=0, user="root", unit="nginx.service")
    page = shown(socket(8080, old, user="root", uid=0), verbose=True)
    assert "UPTIME" not in page
    words = " ".join(page.split())
    assert "pid 7; root; nginx.service; since 1970-01-01T00:00:00Z" in words


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (OwnersSeen.KERNEL, "(kernel)"),
        (OwnersSeen.NONE, "(no process)"),
        (OwnersSeen.HIDDEN, "(not visible)"),
        (OwnersSeen.UNASKED, "(unknown)"),
        (OwnersSeen.INFERRED, "nginx (inferred) 7"),
    ],
)
def test_who_holds_it_and_how_that_is_known(seen: OwnersSeen, said: str) -> None:
    owners = (WEB,) if seen is OwnersSeen.INFERRED else ()
    line = row(socket(8080, *owners, owners_seen=seen))
    assert line == f"note 8080/tcp 0.0.0.0 {said} www-data http-alt c-note"


def test_many_owners_are_counted() -> None:
    workers = [Process(pid, "nginx") for pid in range(1, 6)]
    assert "nginx +4 1 www-data" in row(socket(80, *workers))
    assert "process 9 9" in row(socket(80, Process(9, None)))


def test_a_user_without_a_name_is_a_number() -> None:
    assert " 4000 " in row(socket(80, WEB, user=None, uid=4000))
    assert " nginx 7 http, www" in row(socket(80, WEB, user=None, uid=None))


def test_where_it_is_and_what_it_is_in() -> None:
    container = WEB._replace(container="docker:0123456789ab", container_name="web")
    line = row(socket(80, container, namespace="blue", state=SocketState.BOUND), 200)
    assert "0.0.0.0 (bound)" in line
    assert "nginx in web" in line
    assert line.endswith(" blue")


def test_the_package_and_the_practice_of_a_port() -> None:
    packaged = WEB._replace(packaged=True, package="nginx 1.22.1-9")
    page = shown(socket(80, packaged), verbose=True)
    assert "; package nginx 1.22.1-9\n" in page
    assert "; in no package\n" in shown(socket(80, WEB._replace(packaged=False)), verbose=True)
    assert re.search(r"\n       In practice: .+ and \d+ more\n", shown(socket(8080), verbose=True))
    assert "In practice" not in shown(socket(8080))


def test_nothing_is_none_of_all() -> None:
    some = explained()._replace(total=9)
    assert render_explained(some, Style()) == (
        "None of the 9 sockets matches (read as ss of Linux).\n"
    )


ESCAPES = re.compile(r"\x1b\[(?:0|1|2|38;5;\d+)m")

hostile = st.tuples(processes(), nasty, st.none() | st.booleans()).map(
    lambda drawn: drawn[0]._replace(
        container_name=drawn[1], activates=drawn[1], packaged=drawn[2], unit=drawn[1]
    )
)


@given(
    st.lists(listeners(), max_size=4),
    st.lists(hostile, max_size=4),
    nasty,
    st.integers(20, 240),
    st.booleans(),
    st.booleans(),
)
def test_nothing_raw_reaches_the_terminal(
    some: list[Listener],
    owners: list[Process],
    text: str,
    width: int,
    colour: bool,
    verbose: bool,
) -> None:
    some = [
        changed(each, owners=tuple(owners), namespace=text, user=text, findings=(CHECK,))
        for each in some
    ]
    page = render_explained(explained(*some), Style(width, colour), verbose=verbose)
    bare = ESCAPES.sub("", page) if colour else page
    assert all(line.isprintable() for line in bare.split("\n"))
    for each in some:
        assert f"{each.socket.port}/{each.socket.transport}" in bare


@given(st.lists(listeners(), min_size=1, max_size=4), st.integers(60, 240))
def test_no_row_is_wider_than_the_terminal(some: list[Listener], width: int) -> None:
    # The title takes two lines where it is wider.
    table = shown(*some, width=width).partition("\n\n")[2].splitlines()
    assert len(table) == 1 + len(some)
    assert max(map(columns_of, table)) <= width


plain_owners = st.builds(
    lambda pid, program, command, uid, user, container: Process(
        pid, program, command, uid=uid, user=user, container=container
    ),
    st.integers(0, 3),
    st.sampled_from([None, "", "a", "b"]),
    st.none() | st.just(("a", "b")),
    st.none() | st.integers(0, 2),
    st.sampled_from([None, "", "root", "1"]),
    st.none() | st.just("docker:1"),
)


@given(
    st.lists(
        st.builds(
            lambda each, owners, seen, user, uid: changed(
                each, owners=tuple(owners), owners_seen=seen, user=user, uid=uid
            ),
            listeners(),
            st.lists(plain_owners, max_size=2),
            st.sampled_from(tuple(OwnersSeen)),
            st.sampled_from([None, "", "root", "1"]),
            st.none() | st.integers(0, 2),
        ),
        max_size=6,
    )
)
def test_what_sockets_share_is_what_is_said_of_each(some: list[Listener]) -> None:
    keys = {(each.socket.port, each.socket.transport) for each in some}
    cells = Cells({key: CATALOG.registry.standing(*key) for key in keys}, Viewer())
    for column in (*COLUMNS, REACHABLE):
        alone = [*chain(*[cells.columns([column.name], [each])[0].of_each() for each in some])]
        assert list(cells.columns([column.name], some)[0].of_each()) == alone
        if column.name == "uptime":
            assert set(alone) <= {NONE}
