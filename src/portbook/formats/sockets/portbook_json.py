"""What portbook printed itself: ``listen`` and ``explain`` with ``--json`` or ``--jsonl``.

The findings that stand in it are kept: they were made where more was known than it holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    GONE,
    REDIRECT,
    UNTOLD_ADDRESS,
    Line,
    heading,
    host,
    not_understood,
)
from portbook.formats.fields import NOT_OPEN as SCAN_STATES
from portbook.formats.json_stream import Value, values
from portbook.model.sockets import UNKNOWN_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names
    from portbook.model import Listener
    from portbook.model.scanned import ScannedPort

_LISTS = {"portbook/listen/1": "listeners", "portbook/explain/1": "sockets"}
_OWN = re.compile(r'\s*\{\s*"schema"\s*:\s*"portbook/(?:listen|explain|port)/1"')


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The sockets in portbook's own JSON."""
    for each in values(lines):
        if isinstance(each, Line):
            yield each
        elif not isinstance(each.value, dict):
            yield not_understood(each.line, each.text)
        else:
            yield from _object(each, each.value)


def _object(each: Value, value: dict[str, Any]) -> Iterator[Event]:
    kind = value.get("schema")
    found = None
    if kind == "portbook/port/1" and isinstance(value.get("host"), dict):
        found = value["host"].get("listeners")
    elif kind in _LISTS:
        found = value.get(_LISTS[kind])
    if isinstance(found, list):
        yield heading(each.line)
        for item in found:
            yield _made(each, item)
        scanned = value.get("not_open")
        for item in scanned if isinstance(scanned, list) else ():
            yield _scanned(each, item)
        redirects = value.get("redirects")
        if isinstance(redirects, list) and redirects:
            yield Line(each.line, REDIRECT, "", len(redirects))
    else:
        yield _one(each, kind, value)


def _one(each: Value, kind: Any, value: dict[str, Any]) -> Event:
    """What one row of --jsonl is."""
    if kind == "portbook/listener/1":
        return _made(each, value)
    if kind == "portbook/watch/1":
        gone = value.get("event") == "closed"
        return Line(each.line, GONE) if gone else _made(each, value.get("listener"))
    if kind == "portbook/not-open/1":
        return _scanned(each, value)
    if kind == "portbook/redirect/1":
        return Line(each.line, REDIRECT)
    if kind in ("portbook/explained/1", "portbook/not-understood/1"):
        return heading(each.line)
    return not_understood(each.line, each.text, "it is not one of portbook's lists of sockets")


def _scanned(each: Value, item: Any) -> Event:
    """A port of a scan that wasn't open."""
    from portbook.schema.captures import NOT_OPEN
    from portbook.schema.codecs import Mismatch

    try:
        port: ScannedPort = NOT_OPEN.decode(item)
    except Mismatch as error:
        return not_understood(each.line, each.text, f"{error.key or 'a port'} can't be read")
    what = next(what for what, state in SCAN_STATES.items() if state == port.state)
    return Line(each.line, what, port=port)


def _made(each: Value, item: Any) -> Event:
    from portbook.schema.codecs import Mismatch

    try:
        return _listener(item)
    except Mismatch as error:
        key = error.key or "a socket"
        return not_understood(each.line, each.text, f"{key} is not what it should be")


def _listener(item: Any) -> Listener:
    """The socket that *item* is, with what no single key tells: raises Mismatch."""
    from portbook.schema.codecs import Mismatch
    from portbook.schema.sockets import LISTENER

    listener: Listener = LISTENER.decode(item)
    socket, note = listener.socket, listener.assessment.note
    if (socket.family is None) != (socket.address == UNKNOWN_ADDRESS):
        raise Mismatch("no address", "address")
    where = UNTOLD_ADDRESS if socket.family is None else host(socket.address)
    if where is None or where.interface is not None:
        raise Mismatch("no address", "address")
    if note is not None and note.first > note.last:
        raise Mismatch("first is after last", "own_notes")
    if where.address == socket.address:
        return listener
    return listener._replace(socket=socket._replace(address=where.address))


def _begins(lines: Sequence[str]) -> bool:
    # What portbook prints with --json is one value, which may end far behind the first lines.
    return _OWN.match("".join(lines[:40])) is not None


FORMATS = (
    SocketFormat(
        "portbook", "portbook listen --json, explain --json", read, by_line=False, begins=_begins
    ),
)
