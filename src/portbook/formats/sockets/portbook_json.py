"""What portbook printed itself: ``listen`` and ``explain`` with ``--json`` or ``--jsonl``.

The findings that stand in it are kept: they were made where more was known than it holds.
"""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING, Any

from portbook.formats.fields import GONE, REDIRECT, Line, heading, host, not_understood
from portbook.formats.json_stream import Value, values, whole_number
from portbook.model import (
    LAST_PORT,
    Assessment,
    ExecutablePlace,
    Finding,
    Level,
    Listener,
    Note,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    Spoken,
    SpokenState,
    Transport,
    Whose,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

_LISTS = {"portbook/listen/1": "listeners", "portbook/explain/1": "sockets"}
_MOST = 1 << 64


class _Unfit(ValueError):
    """A value that isn't what its key says."""


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
    if kind == "portbook/redirect/1":
        return Line(each.line, REDIRECT)
    if kind in ("portbook/explained/1", "portbook/not-understood/1"):
        return heading(each.line)
    return not_understood(each.line, each.text, "it is none of portbook's lists of sockets")


def _made(each: Value, item: Any) -> Event:
    try:
        return _listener(item)
    except _Unfit as error:
        return not_understood(each.line, each.text, f"{error} is not what it should be")


def _listener(item: Any) -> Listener:
    if not isinstance(item, dict):
        raise _Unfit("a socket")
    where = host(_text(item, "address") or "")
    port = whole_number(item.get("port"), LAST_PORT)
    family = item.get("family")
    if where is None or where.interface is not None or family not in ("ipv4", "ipv6"):
        raise _Unfit("address")
    if port is None or isinstance(item.get("port"), str):
        raise _Unfit("port")
    if item.get("state") not in ("listen", "bound"):
        raise _Unfit("state")
    owners = tuple([_process(owner) for owner in _list(item, "owners")])
    return Listener(
        Socket(
            _one_of(item, "transport", Transport),
            str(family),
            where.address,
            port,
            str(item["state"]),
            interface=_text(item, "interface"),
            inode=_number(item, "inode"),
            uid=_number(item, "uid"),
            user=_text(item, "user"),
            v6only=_flag(item, "v6only"),
            queue=_number(item, "queue"),
            queue_limit=_number(item, "queue_limit"),
            udplite=_flag(item, "udplite") or False,
            namespace=_text(item, "namespace"),
            sharing=_number(item, "sharing") or 1,
            scanned=_flag(item, "scanned") or False,
        ),
        Ownership(owners, _one_of(item, "owners_seen", OwnersSeen)),
        Assessment(
            tuple([_finding(each) for each in _list(item, "findings")]),
            note=_note(_list(item, "own_notes")),
            speaks=_spoken(item.get("speaks")),
        ),
    )


def _process(item: Any) -> Process:
    if not isinstance(item, dict):
        raise _Unfit("an owner")
    command = item.get("command")
    place = item.get("executable_place")
    if place is not None:
        place = _one_of(item, "executable_place", ExecutablePlace)
    above = [
        (_number(each, "pid") or 0, _text(each, "program") or "")
        for each in _list(item, "ancestors")
        if isinstance(each, dict)
    ]
    return Process(
        _number(item, "pid") or 0,
        _text(item, "program"),
        command=None if command is None else tuple(_texts(item, "command")),
        executable=_text(item, "executable"),
        executable_deleted=_flag(item, "executable_deleted"),
        uid=_number(item, "uid"),
        user=_text(item, "user"),
        started=_moment(item, "started"),
        parent=_number(item, "parent"),
        ancestors=tuple(above),
        unit=_text(item, "unit"),
        container=_text(item, "container"),
        package=_text(item, "package"),
        container_name=_text(item, "container_name"),
        place=place,
        packaged=_flag(item, "packaged"),
        activates=_text(item, "activates"),
    )


def _finding(item: Any) -> Finding:
    if not isinstance(item, dict):
        raise _Unfit("a finding")
    code, message = _text(item, "code"), _text(item, "message")
    if code is None or message is None or len(code) > 40 or not code.replace("-", "").isalnum():
        raise _Unfit("a finding's code")
    level = _one_of(item, "level", Level)
    return Finding(code, level, message, tuple(_texts(item, "evidence")), _text(item, "socket"))


def _note(notes: list[Any]) -> Note | None:
    """The note that holds for a socket: there is at most one."""
    if not notes:
        return None
    item = notes[0]
    if len(notes) > 1 or not isinstance(item, dict):
        raise _Unfit("own_notes")
    first, last = (whole_number(item.get(key), LAST_PORT) for key in ("first", "last"))
    file = _text(item, "file")
    if first is None or last is None or first > last or file is None:
        raise _Unfit("own_notes")
    return Note(
        first,
        last,
        None if item.get("transport") is None else _one_of(item, "transport", Transport),
        file,
        _text(item, "label"),
        _text(item, "note"),
        tuple(_texts(item, "executables")),
        tuple(_texts(item, "units")),
        tuple(_texts(item, "containers")),
        tuple(_texts(item, "users")),
        # What an older portbook wrote doesn't say.
        _one_of(item, "whose", Whose) if "whose" in item else Whose.USER,
        _flag(item, "trusted") is not False,
    )


def _spoken(item: Any) -> Spoken | None:
    if item is None:
        return None
    if not isinstance(item, dict) or item.get("state") not in tuple(SpokenState):
        raise _Unfit("speaks")
    return Spoken(
        SpokenState(item["state"]),
        _text(item, "protocol"),
        _text(item, "detail"),
        _flag(item, "tls") or False,
        _text(item, "alpn"),
        tuple(_texts(item, "certificate_names")),
    )


def _text(item: dict[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise _Unfit(key)
    return value


def _list(item: dict[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    if value is not None and not isinstance(value, list):
        raise _Unfit(key)
    return value or []


def _texts(item: dict[str, Any], key: str) -> list[str]:
    value = _list(item, key)
    if not all(isinstance(each, str) for each in value):
        raise _Unfit(key)
    return value


def _number(item: dict[str, Any], key: str) -> int | None:
    value = item.get(key)
    if value is None:
        return None
    number = whole_number(value, _MOST)
    if number is None or isinstance(value, str):
        raise _Unfit(key)
    return number


def _flag(item: dict[str, Any], key: str) -> bool | None:
    value = item.get(key)
    if value is not None and not isinstance(value, bool):
        raise _Unfit(key)
    return value


def _one_of(item: dict[str, Any], key: str, kind: Any) -> Any:
    try:
        return kind(_text(item, key))
    except ValueError:
        raise _Unfit(key) from None


def _moment(item: dict[str, Any], key: str) -> float | None:
    text = _text(item, key)
    if text is None:
        return None
    try:
        return float(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        raise _Unfit(key) from None
