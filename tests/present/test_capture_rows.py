"""The sockets of a capture in a few lines each: nothing raw, nothing wider than the terminal."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
)
from portbook.present.port.this_machine import meaning
from portbook.present.render.text import Style, columns_of
from portbook.present.views.capture_rows import rows
from tests.strategies import listeners, nasty, processes
from tests.values import CATALOG, changed, worded

TCP = Transport.TCP
NOTE, CHECK, ALERT = (worded(f"c-{level}", level, "…") for level in tuple(Level)[1:])


def socket(port: int = 8080, *owners: Process, **changes: Any) -> Listener:
    made = Listener(
        Socket(TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN, uid=33, user="www-data")
    )
    facts = {"owners": owners, "owners_seen": OwnersSeen.ALL, "findings": (NOTE,), **changes}
    return changed(made, **facts)


def standings(*some: Listener, standing: Standing | None = None) -> Any:
    return {
        (each.socket.port, each.socket.transport): standing
        or CATALOG.registry.standing(each.socket.port, each.socket.transport)
        for each in some
    }


def shown(*some: Listener, width: int = 80, standing: Standing | None = None) -> str:
    lines = rows(some, standings(*some, standing=standing), Style(width))
    return "".join(f"{line}\n" for line in lines)


WEB = Process(7, "nginx")


def test_a_wildcard_of_ipv6_says_which_families_it_takes() -> None:
    six = changed(socket(8080, WEB), family=Family.IPV6, address="::")
    assert meaning(changed(six, v6only=True)) == "every interface, IPv6 only; firewall not checked"
    both = "every interface, IPv4 and IPv6; firewall not checked"
    assert meaning(changed(six, v6only=False)) == both
    assert meaning(six) == "every interface; firewall not checked"  # not every system tells
    page = " ".join(
        shown(
            changed(six, v6only=False),
            changed(six, v6only=True),
        ).split()
    )
    assert both in page
    assert "IPv6 only" in page


def test_a_standing_made_when_asked_for_is_told_of_its_own_port_alone() -> None:
    class Made(dict[Any, Standing]):
        """Makes a standing when it is asked for, so that the next stands where it stood."""

        def __getitem__(self, key: Any) -> Standing:
            return super().__getitem__(key)._replace(text=None)

    some = [socket(port, WEB) for port in range(1, 400)]
    kept = standings(*some)
    assert rows(some, Made(kept), Style(200)) == rows(some, kept, Style(200))


def test_udplite_and_the_loopback_interface_are_told() -> None:
    assert meaning(changed(socket(8080, WEB), udplite=True)).startswith("UDP-Lite; ")
    assert meaning(changed(socket(8080, WEB), interface="lo")) == "this machine only"
    assert meaning(changed(socket(8080, WEB), interface="lo1")) == "interface lo1 only"


def test_each_socket_has_its_level_holder_meaning_and_verdict() -> None:
    page = shown(socket(8080, WEB._replace(started=0, unit="nginx.service")))
    assert page == (
        "note   tcp 0.0.0.0:8080  nginx (7), www-data\n"
        "       every interface; firewall not checked; IANA: http-alt; nginx.service;\n"
        "       since 1970-01-01T00:00:00Z\n"
        "       c-note\n"
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (OwnersSeen.KERNEL, "the kernel itself, www-data"),
        (OwnersSeen.NONE, "no process, www-data"),
        (OwnersSeen.HIDDEN, "owner hidden, www-data"),
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
    page = shown(socket(80, WEB, namespace="blue", state=SocketState.BOUND), width=160)
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
    st.integers(40, 100),
    st.booleans(),
)
def test_nothing_raw_reaches_the_terminal(
    some: list[Listener],
    owners: list[Process],
    text: str,
    width: int,
    colour: bool,
) -> None:
    some = [
        changed(each, owners=tuple(owners), namespace=text, user=text, findings=(CHECK,))
        for each in some
    ]
    page = "\n".join(rows(some, standings(*some), Style(width, colour)))
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
    lines = list(rows(plain, standings(*plain), Style(width)))
    assert bool(lines) is bool(plain)
    for line in lines:
        longest = max((columns_of(word) for word in line.split()), default=0)
        assert columns_of(line) <= max(width, longest + 7, width // 2 + 9 + 20)


def test_sockets_stand_in_a_column() -> None:
    page = shown(socket(1, WEB), socket(65535, WEB), socket(80, WEB, address="127.0.0.1"))
    places = {line.index("nginx") for line in page.split("\n") if "nginx" in line}
    assert len(places) == 1
