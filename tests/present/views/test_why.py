"""The short answer of ``why``: who has the port, and what to do, in three to five lines."""

from __future__ import annotations

from typing import Any

import pytest

from portbook.app.bind.causes import Cause, CauseCode
from portbook.app.bind.diagnose import Why
from portbook.formats.errors.query import parse_query
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Listener,
    Need,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.owners import Viewer
from portbook.present.render.text import Style
from portbook.present.views.why import render_short
from tests.values import changed

TCP, UDP = Transport.TCP, Transport.UDP
NODE = Process(
    17580, "node", ("node", "server.js"), uid=1000, user="ada", started=100.0, cwd="/home/ada/shop"
)
ADA = Viewer(1000, "/home/ada", 7300.0)
SHOP = Listener(
    Socket(TCP, Family.IPV4, "127.0.0.1", 3000, SocketState.LISTEN, uid=1000, user="ada"),
    Ownership((NODE,), OwnersSeen.ALL),
)


def held(listener: Listener) -> Cause:
    listens = listener.socket.state is SocketState.LISTEN
    code = CauseCode.LISTENER if listens else CauseCode.BOUND_NOT_LISTENING
    return Cause(code, listener=listener)


def why(*causes: Cause, transport: Transport = TCP, query: str = "3000") -> Why:
    blocked = any(cause.blocks for cause in causes)
    found = causes or (Cause(CauseCode.FREE, blocks=False),)
    bind = Why(3000, transport, None, not blocked, not blocked, found, (), ())
    return bind._replace(query=parse_query(query))


FREE = why(transport=UDP)


def shown(*answers: Why, to: Viewer = ADA, free: int | None = 3001) -> list[str]:
    return render_short(answers, Style(80), to, free).splitlines()


def test_a_listener() -> None:
    assert shown(why(held(SHOP)), FREE) == [
        "3000/tcp is in use: node server.js (pid 17580, you, up 2 h, ~/shop) on",
        "127.0.0.1.",
        "3000/udp can be bound.",
        "Stop it: portbook stop 3000   Or use 3001: portbook pick 3000",
    ]


def test_where_there_is_room_all_steps_are_commands() -> None:
    page = render_short([why(held(SHOP)), FREE], Style(100), ADA, 3001)
    assert page.splitlines()[-1] == (
        "Stop it: portbook stop 3000   Or use 3001: portbook pick 3000   More: portbook why 3000 -v"
    )


def test_free() -> None:
    assert shown(why(), FREE, free=None) == [
        "3000/tcp and 3000/udp can be bound.",
        "More: portbook why 3000 -v",
    ]


def test_what_is_bound_alone_is_ended_by_kill() -> None:
    *lines, steps = shown(why(held(changed(SHOP, state=SocketState.BOUND))), free=None)
    assert lines[0].startswith(
        "3000/tcp is bound on 127.0.0.1, but nothing listens: node server.js"
    )
    assert steps == "Stop it: kill 17580   More: portbook why 3000 -v"


def test_one_transport_alone_is_named_in_the_commands() -> None:
    udp = why(held(changed(SHOP, transport=UDP)), transport=UDP, query="3000/udp")
    lines = shown(udp)
    assert " ".join(lines).startswith("3000/udp is in use: node server.js (pid 17580, you, up 2 h,")
    assert " on 127.0.0.1. " in " ".join(lines)
    assert lines[-1].startswith("Stop it: portbook stop 3000/udp ")
    assert shown(udp, free=None)[-1].endswith("portbook why 3000/udp -v")


def test_two_programs() -> None:
    python = Process(9, "python3", ("python3", "-m", "http.server"))
    other = changed(SHOP, address="::", family=Family.IPV6, owners=(python,))
    lines = shown(why(held(SHOP), held(other)))
    assert lines[0] == "3000/tcp is in use by 2 programs:"
    assert lines[1].startswith("  node server.js (pid 17580")
    assert lines[2] == "  python3 -m http.server (pid 9) on every interface ([::])."


def test_one_program_with_a_socket_for_each_family_is_named_once() -> None:
    four = changed(SHOP, address="0.0.0.0")
    six = changed(SHOP, address="::", family=Family.IPV6, v6only=True)
    lines = shown(why(held(four), held(six)))
    assert " ".join(lines).startswith(
        "3000/tcp is in use: node server.js (pid 17580, you, up 2 h, ~/shop) on every interface. "
    )


@pytest.mark.parametrize(
    ("to", "who"),
    [
        (ADA, "a root process you can't see"),
        (
            ADA._replace(uid=0),
            "is in use on 127.0.0.1, by a root process you can't see (not even as root)",
        ),
    ],
)
def test_who_is_not_seen(to: Viewer, who: str) -> None:
    hidden: Any = changed(SHOP, owners=(), owners_seen=OwnersSeen.HIDDEN, uid=0, user="root")
    lines = shown(why(held(hidden)), to=to)
    assert who in " ".join(lines)
    assert not any("portbook stop" in line for line in lines)


def test_of_many_network_namespaces_one_is_named_and_the_others_counted() -> None:
    facts = (("namespace", "pid 9 (web)"),)
    there = Cause(CauseCode.OTHER_NAMESPACE, listener=SHOP, facts=facts, blocks=False)
    free = why()
    lines = shown(free._replace(causes=(*free.causes, there, there, there)), free=None)
    assert " ".join(line.strip() for line in lines) == (
        "3000/tcp can be bound. node server.js (pid 17580) has tcp 127.0.0.1:3000 in the network "
        "namespace of pid 9 (web). That doesn't stop you from binding it in yours. "
        "2 more sockets in other network namespaces (listed with -v). "
        "More: portbook why 3000 -v"
    )


def test_another_cause_has_its_sentence_and_what_to_do() -> None:
    low = Cause(CauseCode.NO_PRIVILEGE, facts=(("why", "low-port"), ("unprivileged_first", 1024)))
    lines = shown(why(low), free=None)
    assert lines[0] == "3000/tcp can't be bound."
    assert any(line.startswith("Fix: Run the server as root") for line in lines)
    assert len(lines) <= 6


def test_which_program_localhost_leads_to_follows_this_machines_order() -> None:
    four = held(changed(SHOP, address="127.0.0.1"))
    other = SHOP.ownership._replace(owners=(NODE._replace(pid=9, program="vite", command=None),))
    six = held(changed(SHOP, family=Family.IPV6, address="::1")._replace(ownership=other))
    first = why(four, six)
    assert any("localhost, ::1 → vite" in line for line in shown(first))
    turned = first._replace(localhost=("127.0.0.1", "::1"))
    assert any("localhost, 127.0.0.1 → node" in line for line in shown(turned))


def test_what_is_the_same_for_tcp_and_udp_is_said_once() -> None:
    low = Cause(CauseCode.NO_PRIVILEGE, facts=(("why", "low-port"), ("unprivileged_first", 1024)))
    both = [why(low, transport=kind)._replace(address="127.0.0.1") for kind in (TCP, UDP)]
    assert shown(*both, free=None)[:3] == [
        "3000/tcp and 3000/udp on 127.0.0.1 can't be bound.",
        "  Ports below 1024 need root or CAP_NET_BIND_SERVICE on this machine",
        "  (net.ipv4.ip_unprivileged_port_start).",
    ]


NAT, NAMESPACES = Gap(GapCode.NAT_HIDDEN, needs=Need.ROOT), Gap(GapCode.NAMESPACES_HIDDEN, number=2)
UNEXPLAINED = Cause(CauseCode.UNKNOWN, facts=(("why", "unexplained"), ("errors", ("EADDRINUSE",))))


@pytest.mark.parametrize(
    ("causes", "unseen"),
    [
        ((), ["Not seen: NAT rules are visible to root only"]),
        ((held(SHOP),), []),
        (
            (UNEXPLAINED,),
            ["Not seen: the network namespaces of 2 processes are hidden even from root"],
        ),
    ],
)
def test_only_what_could_change_the_answer_is_said_to_be_unseen(
    causes: tuple[Cause, ...], unseen: list[str]
) -> None:
    lines = shown(why(*causes)._replace(missing=(NAT, NAMESPACES)))
    assert [line for line in lines if line.startswith("Not seen")] == unseen
