"""What listens, as a table: nothing raw, nothing wider than the terminal, nothing made up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.listen import HereAnswer, sort_by_gravity
from portbook.host.firewall.rules import Redirect
from portbook.model import (
    Family,
    Level,
    Listener,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Standing,
    State,
    Transport,
    Visibility,
)
from portbook.present.port.this_machine import meaning
from portbook.present.render.text import Style, columns_of
from portbook.present.views.listen import render_here
from tests.strategies import listeners, nasty, processes
from tests.values import CATALOG, changed, gap, worded

TCP = Transport.TCP
FULL, PARTIAL = Visibility.FULL, Visibility.PARTIAL
NOTE, CHECK, ALERT = (worded(f"c-{level}", level, "…") for level in tuple(Level)[1:])


def socket(port: int = 8080, *owners: Process, **changes: Any) -> Listener:
    made = Listener(
        Socket(TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN, uid=33, user="www-data")
    )
    facts = {"owners": owners, "owners_seen": OwnersSeen.ALL, "findings": (NOTE,), **changes}
    return changed(made, **facts)


def answer(
    *some: Listener,
    missing: tuple[str, ...] = (),
    redirects: tuple[Redirect, ...] = (),
    standing: Standing | None = None,
) -> HereAnswer:
    book = CATALOG.registry
    return HereAnswer(
        some,
        PARTIAL if missing else FULL,
        tuple(map(gap, missing)),
        {
            (each.socket.port, each.socket.transport): standing
            or book.standing(each.socket.port, each.socket.transport)
            for each in some
        },
        redirects,
        (),
    )


def shown(*some: Listener, width: int = 80, **more: Any) -> str:
    return render_here(answer(*some, **more), Style(width))


WEB = Process(7, "nginx")


def test_a_wildcard_of_ipv6_says_which_families_it_takes() -> None:
    six = changed(socket(8080, WEB), family="ipv6", address="::")
    assert meaning(changed(six, v6only=True)) == "every interface, IPv6 only; firewall not examined"
    both = "every interface, IPv4 and IPv6; firewall not examined"
    assert meaning(changed(six, v6only=False)) == both
    assert meaning(six) == "every interface; firewall not examined"  # not every system tells
    page = " ".join(
        shown(
            changed(six, v6only=False),
            changed(six, v6only=True),
        ).split()
    )
    assert both in page
    assert "IPv6 only" in page


def test_udplite_and_the_loopback_interface_are_told() -> None:
    assert meaning(changed(socket(8080, WEB), udplite=True)).startswith("UDP-Lite; ")
    assert meaning(changed(socket(8080, WEB), interface="lo")) == "this machine only"
    assert meaning(changed(socket(8080, WEB), interface="lo1")) == "interface lo1 only"


def test_each_socket_has_its_level_holder_meaning_and_verdict() -> None:
    page = shown(socket(8080, WEB._replace(started=0, unit="nginx.service")))
    assert page == (
        "1 socket that listens or is bound: 1 note\n"
        "\n"
        "note   tcp 0.0.0.0:8080  nginx (7), www-data\n"
        "       every interface; firewall not examined; IANA: http-alt; nginx.service;\n"
        "       since 1970-01-01T00:00:00Z\n"
        "       c-note\n"
    )


def test_nothing() -> None:
    assert shown() == "0 sockets that listen or are bound\n\n"
    partial = shown(missing=("sctp",))
    assert partial.startswith("0 sockets that listen or are bound could be seen\n")
    assert partial.endswith("Not seen: sctp\n")


def test_levels_are_counted_from_the_gravest() -> None:
    some = (
        socket(1, WEB, findings=(ALERT, NOTE)),
        socket(2, WEB, findings=(CHECK,)),
        socket(3, WEB),
        socket(4, WEB),
    )
    page = shown(*some)
    assert page.startswith("4 sockets that listen or are bound: 1 alert, 1 check, 2 note\n")
    assert [line.split()[0] for line in page.split("\n") if "nginx" in line] == [
        "alert",
        "check",
        "note",
        "note",
    ]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (OwnersSeen.KERNEL, "the kernel itself, www-data"),
        (OwnersSeen.NONE, "no process, www-data"),
        (OwnersSeen.HIDDEN, "owner not visible, www-data"),
        (OwnersSeen.INFERRED, "nginx (7), inferred, www-data"),
    ],
)
def test_who_holds_it_and_how_that_is_known(seen: OwnersSeen, said: str) -> None:
    owners = (WEB,) if seen is OwnersSeen.INFERRED else ()
    assert f"tcp 0.0.0.0:8080  {said}\n" in shown(socket(8080, *owners, owners_seen=seen))


def test_many_owners_are_counted() -> None:
    workers = [Process(pid, "nginx") for pid in range(1, 6)]
    assert "nginx (1), nginx (2), nginx (3) and 2 more, www-data" in shown(socket(80, *workers))
    assert "? (9)" in shown(socket(80, Process(9, None)))


def test_a_user_without_a_name_is_a_number() -> None:
    assert "nginx (7), 4000\n" in shown(socket(80, WEB, user=None, uid=4000))
    assert "nginx (7)\n" in shown(socket(80, WEB, user=None, uid=None))


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(State.UNASSIGNED, False, None), "IANA: not listed"),
        (Standing(State.UNASSIGNED, True, "Unassigned"), "IANA: unassigned"),
        (Standing(State.RESERVED, True, "Reserved"), "IANA: reserved"),
        (Standing(State.DYNAMIC, False, None), "IANA: dynamic"),
    ],
)
def test_the_book(standing: Standing, said: str) -> None:
    assert said in shown(socket(80, WEB), standing=standing)


def test_where_it_is_and_what_it_is_in() -> None:
    page = shown(socket(80, WEB, namespace="blue", state="bound"), width=160)
    assert "in the network namespace blue; bound, doesn't listen; every interface" in page
    container = WEB._replace(container="docker:0123456789ab", unit="docker.service")
    assert "; docker:0123456789ab\n" in shown(socket(80, container), width=160)
    named = container._replace(container_name="web")
    assert "; docker:0123456789ab (web)\n" in shown(socket(80, named), width=160)
    systemd = Process(1, "systemd", unit="ssh.socket", activates="ssh.service")
    assert "; ssh.socket for ssh.service\n" in shown(socket(80, systemd), width=160)


def test_the_package_where_it_was_asked_for() -> None:
    assert "package" not in shown(socket(80, WEB))
    packaged = WEB._replace(packaged=True, package="nginx 1.22.1-9")
    assert "; package nginx 1.22.1-9\n" in shown(socket(80, packaged), width=160)
    assert "; in no package\n" in shown(socket(80, WEB._replace(packaged=False)), width=160)


def redirect(**changes: Any) -> Redirect:
    made = Redirect(
        TCP, 8080, 8080, "172.17.0.2", 80, None, Family.IPV4, "nftables", "c", "dnat to …"
    )
    return made._replace(**changes)


def test_redirects() -> None:
    page = shown(redirects=(redirect(), redirect(last=8090, transport=None)))
    assert "Redirected: 8080/tcp to 172.17.0.2:80 (nftables: dnat to …)\n" in page
    assert "Redirected: 8080–8090/any to 172.17.0.2:80" in page


def test_a_name_of_a_hundred_kilobytes_stays_in_its_lines() -> None:
    long = Process(7, "x" * 100_000)
    page = shown(socket(80, long), socket(81, WEB))
    assert "x" * 100_000 in page, "it can be copied whole"
    assert max(len(line) for line in page.split("\n") if "xx" not in line) <= 80


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
    st.lists(nasty, max_size=2),
    st.integers(40, 100),
    st.booleans(),
)
def test_nothing_raw_reaches_the_terminal(
    some: list[Listener],
    owners: list[Process],
    text: str,
    missing: list[str],
    width: int,
    colour: bool,
) -> None:
    some = [
        changed(each, owners=tuple(owners), namespace=text, user=text, findings=(CHECK,))
        for each in some
    ]
    rule = redirect(text=text, to_address=text)
    page = render_here(
        answer(*sort_by_gravity(some), missing=tuple(missing), redirects=(rule,)),
        Style(width, colour),
    )
    bare = ESCAPES.sub("", page) if colour else page
    assert all(line.isprintable() for line in bare.split("\n"))
    for each in some:
        assert each.socket.name in bare


@given(st.lists(listeners(), max_size=4), st.integers(40, 100))
def test_only_words_that_are_too_long_stand_out(some: list[Listener], width: int) -> None:
    plain = [
        changed(each, owners=(WEB, Process(8, "worker process")), user="www-data", interface=None)
        for each in some
    ]
    for line in render_here(answer(*plain), Style(width)).split("\n"):
        longest = max((columns_of(word) for word in line.split()), default=0)
        assert columns_of(line) <= max(width, longest + 7, width // 2 + 9 + 20)


def test_the_levels_stand_below_a_head_that_is_too_narrow_for_them() -> None:
    some = answer(changed(socket(1), findings=(CHECK,)), socket(2))
    wide, narrow = (render_here(some, Style(width)).split("\n") for width in (80, 50))
    assert wide[0] == "2 sockets that listen or are bound: 1 check, 1 note"
    assert narrow[:2] == ["2 sockets that listen or are bound:", " " * 7 + "1 check, 1 note"]


def test_sockets_stand_in_a_column() -> None:
    page = shown(socket(1, WEB), socket(65535, WEB), socket(80, WEB, address="127.0.0.1"))
    places = {line.index("nginx") for line in page.split("\n") if "nginx" in line}
    assert len(places) == 1


def test_where_only_some_were_asked_for_none_is_not_nothing() -> None:
    whole = render_here(answer(), Style(80))
    assert whole.startswith("0 sockets that listen or are bound\n")
    assert render_here(answer(), Style(80), some=True).startswith(
        "0 sockets fit what was asked for\n"
    )
    hidden = render_here(answer(missing=("a reason",)), Style(80), some=True)
    assert hidden.startswith("0 sockets fit what was asked for")
    assert "Not seen: a reason" in hidden
