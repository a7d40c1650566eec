"""Pastes of many tools, systems and languages, against what a careful reader makes of each.

``pastes.txt`` holds them, each below what is expected of it: its sockets with their owners (``=``),
what is left out and counted (``-``), and how many lines nobody understands (``?``; where that
isn't given, what stands around the rows may be more or less).
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from portbook._fast_types import NamedTuple
from portbook.app.explain import merge
from portbook.errors import NothingKnown
from portbook.formats.fields import LEFT_OUT, NOT_UNDERSTOOD, Line
from portbook.formats.sockets.detect import read
from portbook.model import Listener, SocketState, Transport
from tests.cases import for_each


class Paste(NamedTuple):
    sockets: list[str]
    left_out: dict[str, int]
    unread: int | None
    text: str


def pastes() -> dict[str, Paste]:
    content = (Path(__file__).parent / "pastes.txt").read_text(encoding="utf-8")
    found = {}
    for block in re.split(r"^=== ", content, flags=re.MULTILINE)[1:]:
        head, text = block.split("\n---\n", 1)
        name, *expected = head.split("\n")
        told: dict[str, list[str]] = {"=": [], "-": [], "?": []}
        for line in expected:
            told[line[0]].append(line[2:])
        counts = {word: int(count) for count, word in (each.split(" ") for each in told["-"])}
        unread = int(told["?"][0]) if told["?"] else None
        found[name] = Paste(sorted(told["="]), counts, unread, text)
    return found


PASTES = pastes()
REFUSED = ["REFUSED"]
NAMES = {"domain": 53, "http": 80, "https": 443, "ipp": 631, "mysql": 3306, "ntp": 123,
         "postgresql": 5432, "smtp": 25, "ssh": 22, "syslog": 514}  # fmt: skip


def port_of(name: str, transport: Transport) -> int | None:
    return NAMES.get(name)


def shown(listener: Listener) -> str:
    socket = listener.socket
    address = f"[{socket.address}]" if ":" in socket.address else socket.address
    place = f"%{socket.interface}" if socket.interface else ""
    state = "" if socket.state is SocketState.LISTEN else f"!{socket.state}"
    owners = ",".join(
        (owner.program or owner.container_name or owner.unit or "?")
        + (f"({owner.pid})" if owner.pid else "")
        for owner in listener.ownership.owners
    )
    return f"{socket.transport}/{address}{place}:{socket.port}{state}{'=' * bool(owners)}{owners}"


@for_each("name", [name for name, paste in PASTES.items() if paste[0] != REFUSED])
def test_a_paste_holds_these_sockets_and_nothing_else_is_lost(name: str) -> None:
    paste = PASTES[name]
    form, found = read([paste.text.encode()], None, port_of)
    events = list(found)
    sockets = [each for each in events if isinstance(each, Listener)]
    sockets = merge(sockets) if form.per_process else sockets
    assert sorted(map(shown, sockets)) == paste.sockets
    lines = [each for each in events if isinstance(each, Line)]
    counted: Counter[str] = Counter()
    for line in lines:
        counted[line.what] += line.many
    if paste.left_out:
        assert {what: counted[what] for what in LEFT_OUT if counted[what]} == paste.left_out
    if paste.unread is not None:
        unread = [line.text for line in lines if line.what == NOT_UNDERSTOOD]
        assert (counted[NOT_UNDERSTOOD], unread) == (paste.unread, unread)


@for_each("name", [name for name, paste in PASTES.items() if paste[0] == REFUSED])
def test_a_paste_without_sockets_is_refused(name: str) -> None:
    with pytest.raises(NothingKnown):
        list(read([PASTES[name].text.encode()], None, port_of)[1])
