"""The states of all ports, worked out from the data file by a reader that shares no code."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import portbook.registry

DATA = Path(portbook.registry.__file__).parent / "data" / "registry.tsv"
TRANSPORTS = ("tcp", "udp", "sctp", "dccp")


@cache
def rows() -> dict[int, list[tuple[str, str]]]:
    """Of each port, the (transport, state) of the rows that cover it."""
    found: dict[int, list[tuple[str, str]]] = {port: [] for port in range(65536)}
    with DATA.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row[0] == "-":
                continue
            for port in range(int(row[0]), int(row[1]) + 1):
                found[port].append((row[2], row[3]))
    return found


def state_of(port: int, transport: str) -> str:
    """assigned, reserved, unassigned or dynamic, by the rules of the contract."""
    if port >= 49152:
        return "dynamic"
    own = [state for named, state in rows()[port] if named == transport]
    loose = [state for named, state in rows()[port] if named == ""]
    if own:
        candidates = own
    elif "assigned" in loose and transport in ("tcp", "udp"):
        candidates = ["assigned"]
    else:
        candidates = [state for state in loose if state != "assigned"]
    return min(candidates, default="unassigned", key=("assigned", "reserved", "unassigned").index)


def headline(port: int) -> str:
    """The state of a port as a whole."""
    states = {state_of(port, transport) for transport in TRANSPORTS}
    return next(
        each for each in ("assigned", "reserved", "dynamic", "unassigned") if each in states
    )
