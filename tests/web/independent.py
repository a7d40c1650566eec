"""What stands on all ports, worked out from the data file by a reader that shares no code."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import portbook.catalog.registry.lookup

DATA = Path(portbook.catalog.registry.lookup.__file__).parent / "data" / "registry.tsv"
TRANSPORTS = ("tcp", "udp", "sctp", "dccp")


class Row(NamedTuple):
    """One row of the file, as far as a page shows it; an empty transport is none stated."""

    transport: str
    state: str
    service_name: str | None
    description: str | None


@cache
def rows() -> dict[int, list[Row]]:
    """Of each port, the rows that cover it."""
    found: dict[int, list[Row]] = {port: [] for port in range(65536)}
    with DATA.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        for cells in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if cells[0] == "-":
                continue
            row = Row(cells[2], cells[3], _text(cells[4]), _text(cells[5]))
            for port in range(int(cells[0]), int(cells[1]) + 1):
                found[port].append(row)
    return found


def _text(cell: str) -> str | None:
    """The text of a cell in which backslashes stand for what would end it."""
    for escaped, char in (
        ("\\\\", "\0"),
        ("\\t", "\t"),
        ("\\n", "\n"),
        ("\\r", "\r"),
        ("\0", "\\"),
    ):
        cell = cell.replace(escaped, char)
    return cell or None


def state_of(port: int, transport: str) -> str:
    """assigned, reserved, unassigned or dynamic, by the rules of the contract."""
    if port >= 49152:
        return "dynamic"
    own = [row.state for row in rows()[port] if row.transport == transport]
    loose = [row.state for row in rows()[port] if row.transport == ""]
    if own:
        candidates = own
    elif "assigned" in loose and transport in ("tcp", "udp"):
        candidates = ["assigned"]
    else:
        candidates = [state for state in loose if state != "assigned"]
    return min(candidates, default="unassigned", key=("assigned", "reserved", "unassigned").index)


def services_of(port: int, transport: str) -> set[tuple[str | None, str | None]]:
    """The names and descriptions that *port* is assigned to, for *transport*."""
    if state_of(port, transport) != "assigned":
        return set()
    own = [row for row in rows()[port] if row.transport == transport]
    taken = own or [row for row in rows()[port] if row.transport == ""]
    return {(row.service_name, row.description) for row in taken if row.state == "assigned"}


def headline(port: int) -> str:
    """The state of a port as a whole."""
    states = {state_of(port, transport) for transport in TRANSPORTS}
    return next(
        each for each in ("assigned", "reserved", "dynamic", "unassigned") if each in states
    )
