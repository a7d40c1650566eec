"""Rows without a header whose cells say by their shapes what each is: CSV, and columns cut out.

``awk`` prints a few columns of ``ss``, ``netstat`` or ``lsof``, and a sheet is saved without its
first line. A cell is a protocol, a state, an address with a port or beside one, a process, a
number or a name; a row that has any other is none. What it says becomes a record, as one below a
header is.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROTOCOL = re.compile(r"(?:tcp|udp|sctp|dccp)(?:v?[46]|46)?", re.IGNORECASE)
_STATE = re.compile(
    r"\(?(LISTEN(?:ING)?|UNCONN|BOUND|ESTAB(?:LISHED)?|[A-Z]{3,5}[_-]WAIT[_-]?[12]?|SYN[_-]\w{4,8}"
    r"|CLOSE[_-]WAIT|CLOSING|LAST[_-]ACK|open|closed|filtered|open\|filtered)\)?",
    re.IGNORECASE,
)
_IN_BRACKETS = r"[0-9A-Fa-f:.]{2,45}"
_SIX = r"(?=[0-9A-Fa-f:]{0,40}::)[0-9A-Fa-f:.]{2,45}"  # a time has no two colons together
_FOUR = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_ADDRESS = re.compile(
    rf"\*|\[(?:{_IN_BRACKETS})\](?:%\S{{1,32}})?|(?:{_FOUR}|{_SIX})(?:%\S{{1,32}})?"
)
_END = re.compile(
    rf"(\*|localhost|\[(?:{_IN_BRACKETS})(?:%\S{{1,32}})?\](?:%\S{{1,32}})?"
    rf"|(?:{_FOUR}|{_SIX})(?:%\S{{1,32}})?):([0-9]{{1,5}})(?:/(tcp|udp|sctp))?"
)
_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp|sctp))?")
_NUMBER = re.compile(r"[0-9]{1,10}")
_OWNER = re.compile(r"([0-9]{1,10})/([\w.@+-]{1,64}):?")
_NAME = re.compile(r"[A-Za-z_][\w.@+-]{0,63}:?")
# A host of people's, as no program is called.
_HOST = re.compile(r"(?=[A-Za-z]{0,62}[0-9.-])[A-Za-z0-9][\w.-]{0,63}")
USER_OF_SS = re.compile(r'\("([^"\\]{1,64})",(?:pid=)?([0-9]{1,10}),[^()]{0,80}\)')
_SEPARATORS = ",;\t|"
_FEWEST, _MOST, _MOST_NAMES = 2, 16, 3  # cells of a row, and names on either side of its address
_LOWEST_DYNAMIC = 32768  # where Linux begins to give ports to clients
_EVERYWHERE = {"*", "0.0.0.0", "::", "[::]"}
_LONGEST = 2048  # characters of a row


class _Row:
    """The cells of a row by what they are; names and numbers before its address and behind it."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self.before: list[str] = []
        self.behind: list[str] = []
        self.apart = False  # the port has a cell of its own
        self.of_lsof = False  # by how it writes the protocol or the state

    def take(self, cell: str) -> bool:
        """Whether *cell* is a part of a socket that the row has not had yet."""
        return self._is_word(cell) or self._is_place(cell) or self._is_other(cell)

    def _is_word(self, cell: str) -> bool:
        """Whether it is the protocol or the state."""
        if "protocol" not in self.told and _PROTOCOL.fullmatch(cell):
            self.told["protocol"] = cell.lower()
            self.of_lsof = cell.isupper() and bool(self.before)  # lsof, and nobody else
            return True
        state = _STATE.fullmatch(cell) if "state" not in self.told else None
        if state is not None:
            self.told["state"] = state[1]
            self.of_lsof = self.of_lsof or cell[0] == "("
        return state is not None

    def _is_place(self, cell: str) -> bool:
        """Whether it is the end of the socket, its address, or the port that follows that."""
        told = self.told
        if "localaddress" not in told:
            end = _END.fullmatch(cell)
            if end is not None:
                told["localaddress"], told["localport"], word = end.groups()
                if word:
                    told.setdefault("protocol", word)
            elif _ADDRESS.fullmatch(cell):
                told["localaddress"] = cell
            return "localaddress" in told
        port = _PORT.fullmatch(cell) if "localport" not in told else None
        if port is None or (port[2] and "protocol" in told):
            return False
        told["localport"], self.apart = port[1], True
        if port[2]:
            told["protocol"] = port[2]
        return True

    def _is_other(self, cell: str) -> bool:
        """Whether it is a process, a number or a name."""
        owner, placed = _OWNER.fullmatch(cell), "localaddress" in self.told
        if placed and "localport" not in self.told:
            return False
        if owner is not None:
            self.told["pid"], self.told["program"] = owner.groups()
        elif (
            _NUMBER.fullmatch(cell)
            or _NAME.fullmatch(cell)
            or (not placed and _HOST.fullmatch(cell))
        ):
            (self.behind if placed else self.before).append(cell)
        else:
            return cell == "-"  # nobody was told
        return True

    def is_whole(self) -> bool:
        """Whether it has an end, and no more names than a socket has."""
        # Both queues are those of a whole row of ss or netstat, and the rest of it is cut off.
        queues = sum(map(str.isdigit, self.before)) > 1
        # Either number may be the port where one stands on each side of the address.
        first = self.before != [] and all(map(str.isdigit, self.before))
        if self.apart and first and not self.numbered_behind():
            return False
        names = max(len(self.before), len(self.behind))
        return "localport" in self.told and names <= _MOST_NAMES and not queues

    def numbered_behind(self) -> bool:
        """Whether a process's number stands behind the port, and the one before is a row's."""
        return any(map(str.isdigit, self.behind)) or "pid" in self.told

    def is_prose(self) -> bool:
        """Whether several words stand on a side of the address, and none of them is a process's, or
        one says what became of a connection.
        """
        names = [name.lower() for name in (*self.before, *self.behind)]
        if not _SAID.isdisjoint(names):
            return True
        numbered = any(map(str.isdigit, names)) or "program" in self.told
        if len(self.before) > 1 and not (self.of_lsof or numbered):
            return True
        return len(self.behind) > 1 and "state" not in self.told and not numbered


# What an error or a sentence says, and no process is called.
_SAID = frozenset({
    "accepted", "and", "at", "bind", "bound", "by", "cannot", "closed", "connect", "connected",
    "connecting", "connection", "denied", "dial", "error", "failed", "failure", "for", "from", "in",
    "is", "no", "not", "of", "on", "or", "port", "refused", "reset", "the", "time", "timed",
    "timeout", "to", "unreachable", "was", "with",
})  # fmt: skip


def records_of(text: str) -> list[dict[str, str]]:
    """The records in a row, one for each process; none where it is no such row.

    >>> records_of("tcp,0.0.0.0,22,sshd,812")[0]["program"]
    'sshd'
    """
    if ":*" in text:  # the other end of a whole row, which has a reader
        return []
    head, found, users = text[:_LONGEST].partition("users:((")
    cells = list(_cells(head.rstrip(' \t,;"')))
    if len(text) > _LONGEST or not _FEWEST <= len(cells) + bool(found) <= _MOST:
        return []
    row = _Row()
    if not all(map(row.take, cells)) or not row.is_whole() or row.is_prose():
        return []
    told = row.told
    owners = [{"pid": pid, "program": name} for name, pid in USER_OF_SS.findall(found + users)]
    if not owners:
        owners = [_owner(row)]
    told.update(_host(row, owned="program" in owners[0]))
    if "protocol" not in told:
        if not told.get("state", "").startswith("LISTEN"):  # a setting of a server is no socket
            return []
        told["protocol"] = "tcp"  # no other protocol listens
    if not _is_there(told, owned=bool(owners[0])):
        return []
    return [told | owner for owner in owners]


def _cells(head: str) -> Iterator[str]:
    separator = max(_SEPARATORS, key=head.count)
    if head.count(separator) < _FEWEST:
        yield from head.split()
        return
    try:
        for cell in next(csv.reader([head], delimiter=separator), []):
            if bare := cell.strip(" '\""):
                yield bare
    except csv.Error:
        return


def _owner(row: _Row) -> dict[str, str]:
    """The process of *row*: behind the address, or before it where its number or lsof says so."""
    told = row.told
    if "program" in told or told.get("state", "").lower() in ("open", "closed", "filtered"):
        return {}  # a scan names the service
    for cells in (row.behind, row.before):
        names = [cell for cell in cells if not cell.isdigit()]
        numbers = [cell for cell in cells if cell.isdigit()]
        if not names or len(numbers) > 1:
            continue
        if cells is row.before and not (numbers or row.of_lsof):
            continue  # it may be a host as well
        if cells is row.behind and not (numbers or "state" in told or _is_own(told)):
            continue  # or the service that a scan names
        # A number that stands first may be that of the row.
        pid = "" if cells is row.before and cells[0].isdigit() else "".join(numbers)
        owner = {"program": names[0].rstrip(":"), "pid": pid}
        return owner | ({"user": names[1]} if cells is row.before and len(names) > 1 else {})
    return {}


def _is_own(told: dict[str, str]) -> bool:
    """Whether only a list of the machine itself has such an address."""
    address = told["localaddress"].strip("[]")
    return address in _EVERYWHERE or address in ("::1", "localhost") or address.startswith("127.")


def _host(row: _Row, *, owned: bool) -> dict[str, str]:
    """The host that stands first in *row*, where another cell names the process, or none does."""
    first = row.before[0] if row.before else ""
    names = any(not cell.isdigit() for cell in row.behind) or "program" in row.told or not owned
    return {"machine": first} if names and _HOST.fullmatch(first) else {}


def _is_there(told: dict[str, str], *, owned: bool) -> bool:
    """Whether it is sure that something listens: by a state, or by what no client has."""
    if "state" in told:
        return True
    if not owned and "program" not in told:
        return False
    client = told["localaddress"] not in _EVERYWHERE and int(told["localport"]) >= _LOWEST_DYNAMIC
    return not client
