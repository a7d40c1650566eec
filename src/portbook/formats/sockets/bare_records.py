"""Records that say by themselves what each part of them is: psutil, TCPView, lsfd and others.

Each becomes a record as one below a header is, by the names of its columns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.fields import NO_PORT, Line, detail, heading, not_understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    # A record with the number and the text of its line, or what else a line is.
    Told = tuple[int, str, dict[str, str]] | Line

# What Python prints of psutil's net_connections(), of which many may stand in one line.
_END = (
    r"(?:addr\(ip=)?\(?'([0-9A-Fa-f:.%\w]{1,60})', (?:port=)?([0-9]{1,5})\)|\(\)|'[^']{0,200}'|None"
)
_PSUTIL = re.compile(
    r"(?:sconn|pconn|connection)\((?:fd=-?[0-9]{1,9}, )?family=(?:<[\w.]{0,40}?(AF_\w{2,9}): )?"
    rf"([0-9]{{1,2}})>?, type=(?:<[\w.]{{0,40}}: )?([0-9])>?, laddr=(?:{_END}), raddr=(?:{_END}), "
    r"status='(\w{0,20})'(?:, pid=([0-9]{1,10}|None))?\)"
)
_OF_SOCKETS = {"1": "tcp", "2": "udp"}  # SOCK_STREAM and SOCK_DGRAM
# A row of TCPView, as it is copied and saved: version 4 has the state in front of the addresses.
_TCPVIEW = re.compile(
    r"(?P<program>[^\t]{1,64})(?:\t|:(?=[0-9]))(?P<pid>[0-9]{1,10})\t"
    r"(?P<protocol>(?:TCP|UDP)(?:[Vv]6)?)\t(?:(?P<state>[A-Z][A-Za-z_ 0-9]{0,16})?\t)?"
    r"(?P<localaddress>[^\t]{1,64})\t(?P<localport>[0-9]{1,5})"
    r"\t(?P<remoteaddress>[^\t]{0,64})(?:\t(?P<remoteport>[0-9]{1,5}|\*|))?"
    r"(?:\t(?P<last>[A-Z_0-9]{5,16}))?(?=\t|$)"
)


# tcpvcon, and its CSV (-c); portqry -local.
_ENDPOINT = re.compile(r"\[((?:TCP|UDP)(?:V6)?)\] (\S.{0,200})$")
_PART = re.compile(r"(PID|State|Local|Remote):\s+(\S.{0,300})$")
_TCPVCON = re.compile(
    r"((?:TCP|UDP)(?:V6)?),([^,]{1,200}),([0-9]{1,10}),([A-Z_0-9*]{0,16}),([^,\s]{1,300}:[^,\s]{1,40})"
    r",(\S{1,300})$"
)
_PORTQRY = re.compile(
    r"([0-9]{1,10})(?::(\S.{0,80}?))?\s+(TCP|UDP) ([0-9]{1,5})\s+(\S{1,60})\s+"
    r"(?:([A-Z][A-Z_ 0-9]{2,16}?)\s+)?(\S{1,60}:(?:[0-9]{1,5}|\*))$"
)
_OF_PORTQRY = re.compile(
    r"PID(?::Process)?\s+Port\s+Local IP\s+State|TCP/UDP Port to Process Mappings"
    r"|[0-9]{1,6} mappings found"
)


# util-linux' lsfd: what it says of a socket stands in its last column.
_LSFD = re.compile(
    r"\s{0,40}(?P<program>\S{1,64})\s{1,12}(?P<pid>[0-9]{1,10})\s{1,12}(?:(?P<user>[\w.-]{1,32})\s)?"
    r".{0,120}?\s(?P<protocol>(?:TCP|UDP)(?:v6)?)\s.{0,120}?\bstate=(?P<state>[a-z0-9_-]{1,16}) "
    r"laddr=(?P<localaddress>\S{1,60}):(?P<localport>[0-9]{1,5})"
    r"(?: raddr=\S{1,60}:(?P<remoteport>[0-9]{1,5}))?$"
)
_OF_LSFD = re.compile(r"\s{0,40}COMMAND\s{1,12}PID\s.{0,60}\bASSOC\s")
# Pi-hole's report for support.
_IN_USE = re.compile(
    r"(?:\[.\] )?\s{0,8}(?P<protocol>tcp|udp):"
    r"(?P<localaddress>\*|\[[0-9A-Fa-f:.]{2,60}\]|[0-9.]{7,15}):"
    r"(?P<localport>[0-9]{1,5}) is in use by (?P<program>[\w.@/+-]{1,64})$"
)


def _of_lists(number: int, text: str) -> Iterator[Told]:
    """A row of lsfd, or of Pi-hole's report."""
    if "laddr=" in text and (row := _LSFD.match(text)) is not None:
        cells = row.groupdict("")
        if cells["protocol"].startswith("UDP"):
            cells["state"] = ""  # which the kernel has for TCP alone
        yield number, text, cells
    elif " is in use by " in text and (used := _IN_USE.match(text)) is not None:
        yield number, text, used.groupdict("")
    elif "ASSOC" in text and _OF_LSFD.match(text):
        yield heading(number)


def _of_windows(number: int, text: str) -> Iterator[Told]:
    """A row of tcpvcon's CSV or of what portqry lists."""
    row, mapped = _TCPVCON.match(text), _PORTQRY.match(text)
    if row is not None:
        word, program, pid, state, local, remote = row.groups()
        record = _of_ends(word, local, remote, state) | {"pid": pid, "program": program}
        yield number, text, record
    elif mapped is not None:
        pid, program, word, port, address, state, remote = mapped.groups("")
        record = _of_ends(word, f"{address}:{port}", remote, state)
        yield number, text, record | {"pid": pid, "program": program}
    elif _OF_PORTQRY.match(text):
        yield heading(number)


def _bare(number: int, text: str) -> Iterator[Told]:
    """What a line holds that says by itself what each part of it is."""
    if "conn" in text and "laddr=" in text:
        unread = text.count("conn(") + text.count("connection(")
        for found in _PSUTIL.finditer(text):
            unread -= 1
            named, family, kind, address, port, _, peer, state, pid = found.groups("")
            if not address or kind not in _OF_SOCKETS:
                yield Line(number, NO_PORT)
                continue
            six = named == "AF_INET6" or (not named and family != "2")
            record = {
                "localaddress": address, "localport": port, "remoteport": peer,
                "protocol": _OF_SOCKETS[kind] + ("6" if six else "4"), "pid": pid,
                "state": "" if state == "NONE" else state,
            }  # fmt: skip
            yield number, found[0], record
        if unread > 0:
            yield not_understood(number, text)._replace(many=unread)
    elif "\t" in text and (row := _TCPVIEW.match(text)) is not None:
        cells = row.groupdict("")
        cells["state"] = cells["state"] or cells["last"]
        yield number, text, cells
    elif "TCP" in text or "UDP" in text or text.startswith("PID") or "mappings" in text:
        yield from _of_windows(number, text)


_UNNAMED = "?"  # until its name follows
_TARGET = re.compile(r"[\w.:-]{1,255}$")
_RESOLVED = re.compile(r"Name resolved to ([0-9A-Fa-f.:]{2,60})$")
_ANSWER = re.compile(
    r"(TCP|UDP) port ([0-9]{1,5}) \([^()]{1,60} service\): "
    r"(LISTENING or FILTERED|NOT LISTENING|LISTENING|FILTERED)$"
)
_OF_ASKING = re.compile(
    r"Attempting to resolve|IP address resolved|querying|Using ephemeral|Failed"
)
_HEARD = {
    "LISTENING": "open", "NOT LISTENING": "closed", "FILTERED": "filtered",
    "LISTENING or FILTERED": "open|filtered",
}  # fmt: skip


class WithoutHeader:
    """Rows and endpoints that need no header; tcpvcon has a line for each part of one."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}
        self._began = 0
        self._target = ""

    def take(self, number: int, text: str) -> list[Told]:
        """What one line holds; nothing where it says nothing by itself."""
        return (
            list(self._part(number, text))
            or list(_bare(number, text))
            or list(_of_lists(number, text))
        )

    def _part(self, number: int, text: str) -> Iterator[Told]:
        begins = _ENDPOINT.match(text)
        part = _PART.match(text) if self._parts else None
        if part is not None:
            self._parts[part[1]] = part[2]
            yield detail(number)
            return
        yield from self.end()
        yield from self._asked(number, text)
        if begins is not None:
            self._parts, self._began = {"is": begins[1], "program": begins[2]}, number
            yield heading(number)

    def _asked(self, number: int, text: str) -> Iterator[Told]:
        """What portqry heard of the ports of another machine."""
        answer = _ANSWER.match(text) if self._target else None
        resolved = _RESOLVED.match(text)
        if answer is not None:
            word, port, heard = answer.groups()
            record = {"protocol": word.lower(), "port": port, "state": _HEARD[heard]}
            yield number, text, record | {"address": self._target}
        elif text.startswith("Querying target system called:"):
            self._target = _UNNAMED
            yield heading(number)
        elif resolved is not None or (self._target == _UNNAMED and _TARGET.match(text)):
            self._target = resolved[1] if resolved is not None else text
            yield heading(number)
        elif self._target and _OF_ASKING.match(text):
            yield heading(number)

    def end(self) -> Iterator[Told]:
        """The endpoint whose last line was read."""
        parts, self._parts = self._parts, {}
        if parts:
            ends = parts.get("Local", ""), parts.get("Remote", "")
            record = _of_ends(parts["is"], *ends, parts.get("State", ""))
            record |= {"pid": parts.get("PID", ""), "program": parts["program"]}
            yield self._began, f"{parts['program']} {ends[0]}", record


def _of_ends(protocol: str, local: str, remote: str, state: str) -> dict[str, str]:
    """A record by what Windows' tools call both ends and the state."""
    address, _, port = local.strip().rpartition(":")
    return {
        "protocol": protocol.lower(), "localaddress": address, "localport": port,
        "remoteport": remote.strip().rpartition(":")[2], "state": state.strip(" *"),
    }  # fmt: skip
