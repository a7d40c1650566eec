"""What a record says, by the names of its cells: a socket, a port of a scan, or neither."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.fields import (
    CLOSED,
    CONNECTION,
    NO_PORT,
    UNTOLD_ADDRESS,
    Host,
    Line,
    everywhere,
    host,
    listener_at,
    not_understood,
    numbered_name,
    process,
)
from portbook.formats.json_stream import whole_number
from portbook.formats.sockets.nmap import answered
from portbook.formats.sockets.record_cells import (
    IDLE,
    LISTENS,
    NOT_THERE,
    is_servers,
    kind_of_state,
)
from portbook.formats.sockets.record_names import (
    ADDRESS,
    LEARNT,
    OF_MACHINES,
    OF_PLUGINS,
    OF_PROCESSES,
    PEER_PORT,
    PID,
    PORT,
    PROGRAM,
    PROTOCOL,
    STATE,
    USER,
)
from portbook.model import (
    LAST_PORT,
    Family,
    Process,
    SocketState,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.formats.fields import Event

    Record = Mapping[str, str]

_WORD = re.compile(r"(tcp|udp|sctp|dccp)(v?4|v?6|46|l)?$")
_NUMBERS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp"}
_JOINED = re.compile(r"([0-9]{1,5})/([a-z]{3,4})$", re.IGNORECASE)
_SCANNED = {"open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered"}
_NO_PEER = ("", "0", "*", "-")


def cell_of(record: Record, names: tuple[str, ...]) -> str:
    """What *record* holds below the first of *names* that it has and that holds anything."""
    for name in names:
        cell = record.get(name)
        if cell:
            return cell
    return ""


def event_of(number: int, text: str, record: Record, *, own: bool = False) -> Event:
    """What *record*, of the line *text*, is; *own*: it is in a list of a machine's own."""
    port, word = cell_of(record, PORT), cell_of(record, PROTOCOL).lower()
    joined = _JOINED.match(port)
    if joined is not None:
        port, word = joined[1], joined[2].lower()
    kind = _WORD.match(_NUMBERS.get(word, word))
    if kind is None:
        return not_understood(number, text, "it says neither TCP nor UDP")
    family = {"6": Family.IPV6, "4": Family.IPV4}.get((kind[2] or "")[-1:])
    address = cell_of(record, ADDRESS)
    where = everywhere(family) if address == "*" else host(address, family)
    if address == UNTOLD_ADDRESS.address or not (
        joined is None or not record.keys().isdisjoint(ADDRESS)
    ):
        where = UNTOLD_ADDRESS
    if where is None:
        return not_understood(number, text, "its address can't be read")
    state = cell_of(record, STATE).lower()
    owners = _owners(record, own=own)
    if state in _SCANNED:
        return answered(number, text, where, (port, kind[1], state))
    if not state and not owners and record.keys() & (LEARNT | OF_PLUGINS):
        return answered(number, text, where, (port, kind[1], "open"))
    return _socket(number, text, record, (Transport(kind[1]), where, port), owners, own=own)


def _socket(
    number: int,
    text: str,
    record: Record,
    bound: tuple[Transport, Host, str],
    told_owners: tuple[Process, ...],
    *,
    own: bool,
) -> Event:
    """A socket of a machine's own: by its state, or where it has a process and no peer."""
    transport, where, told = bound
    port = whole_number(told, LAST_PORT)
    told_state = cell_of(record, STATE)
    state = kind_of_state(told_state) if told_state.strip("-") else ""
    if port is None:
        return not_understood(number, text, "its port is none")
    if port == 0:
        return Line(number, NO_PORT)
    unconnected = cell_of(record, PEER_PORT) in _NO_PEER
    listens = state == LISTENS or (unconnected and transport is Transport.UDP)
    if state is None and not listens:
        return not_understood(number, text, "its state isn't known")
    if state == NOT_THERE:
        return Line(number, CLOSED)
    if not (listens or state == IDLE) and (state or not unconnected):
        return Line(number, CONNECTION)
    if not state and not told_owners and record.keys().isdisjoint(OF_MACHINES):
        if not own:
            return not_understood(number, text, "it has neither a state nor a process")
        if not is_servers(where.address, port):
            return not_understood(number, text, "it may be the end of a connection")
    return listener_at(
        where,
        port,
        transport,
        told_owners,
        state=SocketState.LISTEN if listens or not state else SocketState.BOUND,
        scanned=where.family is None,  # a list of ports says nothing of addresses
    )


def _owners(record: Record, *, own: bool) -> tuple[Process, ...]:
    """The processes of *record*: several where a cell names several, as a person writes them."""
    pid = cell_of(record, PID)
    # A name alone is a process's where a state says that this is a machine's own list.
    told = not record.keys().isdisjoint(OF_PROCESSES) or cell_of(record, STATE).isupper()
    told = told or (own and _ONE_NAME.fullmatch(record.get(OWNER, "")) is not None)
    name = cell_of(record, PROGRAM) if told else ""
    user = cell_of(record, USER)
    names = _several(_BETWEEN_NAMES, name)
    pids = _several(_BETWEEN_PIDS, pid)
    if len(pids) not in (1, len(names)):
        pids = [""] * len(names)
    elif len(pids) < len(names):
        pids = [*pids, *[""] * (len(names) - 1)]
    made = [_owner(one, number, user) for one, number in zip(names, pids, strict=True)]
    return tuple([each for each in made if each is not None])


def _several(between: re.Pattern[str], cell: str) -> list[str]:
    """The parts of *cell*; all of it where it is one."""
    return [part for part in between.split(cell) if part] if between.search(cell) else [cell]


def _owner(name: str, pid: str, user: str) -> Process | None:
    name, pid = (numbered_name(name) if not pid else None) or (name, pid)
    known = whole_number(pid, 2**32) or 0
    made = process(str(known), name if name not in ("-", "N/A") else None, user)
    return made if made.pid or made.program else None


# An owner of several words is whoever has to be asked.
OWNER, _ONE_NAME = "owner", re.compile(r"[\w.@+-]{1,64}|[0-9]{1,10}/[\w.@+-]{1,64}")
# Between the names of a cell: a comma in a name has no blank behind it, a slash none around it.
_BETWEEN_NAMES = re.compile(r"[ \t]{0,4}[;\n][ \t]{0,4}|,[ \t]{1,4}|[ \t]{1,4}[/+&][ \t]{1,4}")
_BETWEEN_PIDS = re.compile(r"[ \t]{0,4}[;,/+&\n][ \t]{0,4}")
