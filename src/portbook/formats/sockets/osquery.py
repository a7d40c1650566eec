"""osquery's table ``listening_ports``: ``osqueryi --json``, and the lines of osqueryd's log.

Its columns are pid, port, protocol, family, address, fd, socket, path and net_namespace; a query
that joins ``processes`` adds a name. Values are text or numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import (
    GONE,
    NO_PORT,
    Line,
    detail,
    everywhere,
    heading,
    host,
    listener_at,
    not_understood,
    process,
)
from portbook.formats.json_stream import Value, scalar, values, whole_number, words
from portbook.model import LAST_PORT, Family, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

# The numbers of IANA's protocol registry; 136 is UDP-Lite, whose ports are UDP's (RFC 3828).
_TRANSPORTS = {
    6: Transport.TCP,
    17: Transport.UDP,
    33: Transport.DCCP,
    132: Transport.SCTP,
    136: Transport.UDP,
}
# AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 28 on FreeBSD, 30 on macOS.
_FAMILIES = {2: Family.IPV4, 10: Family.IPV6, 23: Family.IPV6, 28: Family.IPV6, 30: Family.IPV6}


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The rows of ``listening_ports``."""
    for each in values(lines):
        if isinstance(each, Line):
            yield each
            continue
        for row, gone in _rows(each.value):
            yield Line(each.line, GONE) if gone else _row(each, row)


def _rows(value: Any) -> Iterator[tuple[Any, bool]]:
    """The rows in one value: itself, a result of osqueryd's, or a snapshot."""
    if not isinstance(value, dict):
        yield value, False
    elif isinstance(value.get("columns"), dict):
        yield value["columns"], value.get("action") == "removed"
    elif isinstance(value.get("snapshot"), list):
        for row in value["snapshot"]:
            yield row, False
    else:
        yield value, False


def _row(each: Value, row: Any) -> Event:
    if not isinstance(row, dict) or not row.keys() >= {"port", "protocol"}:
        return not_understood(each.line, each.text, "it has no port and protocol")
    port = whole_number(row["port"], LAST_PORT)
    protocol = whole_number(row["protocol"], 255)
    family = _FAMILIES.get(whole_number(row.get("family"), 255) or 0)
    if port is None:
        return not_understood(each.line, each.text, "its port is none")
    if port == 0 or protocol == 0 or (family is None and row.get("family") is not None):
        return Line(each.line, NO_PORT)  # a Unix, raw or unbound socket
    transport = _TRANSPORTS.get(protocol or 0)
    told = words(row.get("address")) or ""
    where = everywhere(family) if told in ("", "*") else host(told, family)
    if transport is None or where is None:
        return not_understood(each.line, each.text, "its protocol or address can't be read")
    pid = scalar(row.get("pid"))
    name = words(row.get("name")) or words(row.get("process_name"))
    known = pid.isascii() and pid.isdigit() and pid != "0"
    return listener_at(
        where,
        port,
        transport,
        (process(pid, name),) if known or name else (),
        inode=whole_number(row.get("socket"), 2**63) or None,
        udplite=protocol == 136,
    )


_RULE = re.compile(r"[+\-─━┼├┤┌┐└┘┬┴╭╮╰╯|]{3,400}$")
_PAIR = re.compile(r"\s*(\w{1,32}) = ?(.{0,256})$")


def read_table(lines: Lines, names: Names) -> Iterator[Event]:
    """The rows of ``listening_ports`` as osqueryi prints them: a table, ``--csv`` or ``--line``."""
    columns: list[str] = []
    pairs: dict[str, str] = {}
    began = 0
    for number, line in lines:
        text = line.strip()
        pair = _PAIR.match(line)
        if pairs and (pair is None or pair[1] in pairs):
            yield _row(Value(began, 1, pairs, _shown(pairs)), pairs)
            pairs = {}
        if not text:
            continue
        if pair is not None and "|" not in line:
            began = number if not pairs else began
            pairs[pair[1]] = pair[2].strip()
            yield detail(number)
            continue
        text = text.replace("│", "|")
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if {"port", "protocol"} <= set(cells) and len(cells) > 2:
            columns = cells
            yield heading(number)
        elif _RULE.match(text):
            yield heading(number)
        elif columns and len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            yield _row(Value(number, 1, row, text), row)
        else:
            yield not_understood(number, line)
    if pairs:
        yield _row(Value(began, 1, pairs, _shown(pairs)), pairs)


def _shown(pairs: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in pairs.items())


FORMATS = (
    SocketFormat(
        "osquery-table", "osquery's listening_ports as a table", read_table, per_process=True
    ),
    SocketFormat(
        "osquery", "osquery's listening_ports as JSON", read, by_line=False, per_process=True
    ),
)
