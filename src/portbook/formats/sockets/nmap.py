"""``nmap``: what it prints, and the grepable form of ``-oG``, which masscan writes as well.

A scan finds what answers at an address. That says neither which address the socket is bound to
nor which program holds it. What nmap calls the service is by default the name that its list has for
the port; with ``-sV`` it is what the service answered, wherever a version stands beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portbook.formats.base import Scan, SocketFormat
from portbook.formats.fields import (
    CLOSED,
    FILTERED,
    UNCERTAIN,
    UNTOLD,
    UNTOLD_ADDRESS,
    Host,
    Line,
    detail,
    heading,
    host,
    not_open,
    not_understood,
)
from portbook.model import (
    LAST_PORT,
    Listener,
    Ownership,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
)
from portbook.model.protocols import protocol_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names

STATES = {
    "open": "open",
    "closed": CLOSED,
    "filtered": FILTERED,
    "unfiltered": UNCERTAIN,
    "open|filtered": UNCERTAIN,
    "closed|filtered": FILTERED,
}
_PORT = re.compile(r"([0-9]{1,9})/([a-z]{2,8})\s+([a-z|]{4,16})(?:\s+(.*))?$")
_HEAD = re.compile(r"PORT\s+STATE\s+SERVICE(\s+REASON)?\s+VERSION$", re.IGNORECASE)
_VERSION = re.compile(r"(?:ssl/)?([\w.-]{1,40})\s+(\S.*)$")
_REASON = re.compile(r"(?:[a-z][a-z-]{1,30}(?: ttl [0-9]{1,3})?)(?:\s+|$)")
_REPORT = re.compile(r"Nmap scan report for (?:.{0,255}\(([0-9A-Fa-f.:%\w]+)\)|(\S+))(?: \[.*\])?"
                     r"(?:\s+Host is up.*)?$")  # fmt: skip
# The same until nmap 5.
_INTERESTING = re.compile(r"Interesting ports on (?:.{0,255} \(([0-9A-Fa-f.:%\w]+)\)|(\S+)):")
# What stands above a host's ports in ndiff's output.
_COMPARED = re.compile(r"(?:\S{1,255} \(([0-9A-Fa-f.:%]{3,60})\)|([0-9A-Fa-f.:]{3,60})):$")
_NOT_SHOWN = re.compile(r"([0-9]{1,9}) ([a-z|]+)(?: (?:tcp|udp|sctp))? ports?\b")
_ALL_OF = re.compile(r"All ([0-9]{1,9}) scanned ports on .* are (?:in ignored states|([a-z|]+))")
_IGNORED = re.compile(r"Ignored State: ([a-z|]+) \(([0-9]{1,9})\)")
_GREPABLE = re.compile(r"(?:Timestamp: [0-9]+\s+)?Host: (\S+)(?:[ \t]\(.{0,255}?\))?(\s.*|)$")
_TOLD_OF_HOST = re.compile(r"\s*$|\s+(?:Status|Ports|Protocols|OS|Seq Index|IP ID Seq|Ignored): ?")
# The comments that nmap and masscan write themselves; another one is somebody else's.
_COMMENT = re.compile(r"# ?(?:Nmap|nmap|masscan|Masscan|Ports scanned)\b")
_DISCOVERED = re.compile(r"Discovered open port ([0-9]{1,9})/([a-z]{2,8}) on (\S+)$")
_SAID = re.compile(
    r"(?:Starting Nmap |Nmap done: |Host is up|Host seems down|Other addresses for |rDNS record "
    r"|Not shown: |(?:PORT|Port)\s+(?:STATE|State)|MAC Address: "
    r"|Device type: |Running|OS |Aggressive OS |No exact OS"
    r"|Network Distance: |Service Info: |Service detection performed|WARNING: |Note: "
    r"|Warning: (?!remote port )"
    r"|Stats: |TRACEROUTE|HOP\s+RTT|Host script results:|Pre-scan script|Post-scan script|Nmap scan"
    r"|Initiating |Completed |Scanning |NSE: |Read data files|Raw packets|Too many finger|TCP/IP "
    r"|Uptime guess|IP ID |TCP Sequence|Not scanned: |Reason: |Increasing send delay|Retrying |"
    r"Starting masscan |Initiating SYN |rate: |NSOCK |Scanned at |[A-Za-z -]{4,40} Timing: About )"
)
# Where a line that an editor joined out of several was one of its own.
_STATE = "(?:open|closed|filtered|unfiltered)"
_INSIDE = re.compile(rf"(?<!\S)[0-9]{{1,5}}/(?:tcp|udp|sctp|dccp)\s+{_STATE}(?![\w-])")
_JOINT = re.compile(
    r"(?<!\S)(?=Nmap scan report for |Host is up|Not shown: |PORT\s+STATE\s|Nmap done: "
    r"|Service Info: |MAC Address: |Service detection performed"
    rf"|[0-9]{{1,5}}/(?:tcp|udp|sctp|dccp)\s+{_STATE}(?![\w-]))"
)
_FINGERPRINT = re.compile(r"(?:SF[-:]|OS:|\s*[0-9]+ services? unrecognized|=+NEXT SERVICE)")


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in what ``nmap`` prints on a terminal."""
    scan = _Terminal()
    for number, line in lines:
        text = line.strip()
        for piece in _parted(text):
            yield from scan.take(number, line if piece == text else piece, piece)
    yield from scan.end()


def _parted(text: str) -> list[str]:
    """The lines that *text* was, where several were joined; none where it is blank."""
    if ("/tcp" in text or "/udp" in text) and text[0] != "|":
        inside = [found.start() for found in _INSIDE.finditer(text)]
        if len(inside) > 1 or (inside and inside[0] > 0 and _SAID.match(text)):
            return [piece.strip() for piece in _JOINT.split(text) if piece.strip()]
    return [text] if text else []


class _Terminal:
    """Where a scan is: whose ports come, and which it told of early."""

    def __init__(self) -> None:
        # A table that was copied without what stands above it says nothing of its address.
        self.scanned: Host | None = UNTOLD_ADDRESS
        self.after_port = False
        self.head: re.Match[str] | None = None  # of a table with versions
        # What -v tells of at once, and a scan that was interrupted never lists.
        self.early: dict[tuple[str, str, str], tuple[int, str, Host]] = {}

    def take(self, number: int, line: str, text: str) -> Iterator[Event]:
        """One line that isn't blank; *text* is it without the blanks around it."""
        port = _PORT.match(text)
        if port is not None and self.scanned is not None:
            self.early.pop((self.scanned.address, port[1], port[2]), None)
            self.after_port = True
            event = answered(number, text, self.scanned, (port[1], port[2], port[3]))
            yield self._with_version(event, port[4] or "")
        elif self._begins_report(text):
            yield not_understood(number, line) if self.scanned is None else heading(number)
        elif text.startswith("Not shown: ") or _ALL_OF.match(text):
            yield heading(number)
            yield from _counted(number, text)
        else:
            yield self._about(number, line, text)

    def _with_version(self, event: Event, rest: str) -> Event:
        """*event* with what the service answered: *rest* is what stands behind its state."""
        version = _VERSION.match(rest) if self.head is not None else None
        if self.head is None or version is None:
            return event
        told = _REASON.sub("", version[2], count=1) if self.head[1] else version[2]
        return with_spoken(event, version[1], told, tls=rest.startswith("ssl/")) if told else event

    def _begins_report(self, text: str) -> bool:
        if text.startswith("Nmap scan report for "):
            report = _REPORT.match(text)
        elif text.startswith("Interesting ports on "):
            report = _INTERESTING.match(text)
        elif (report := _COMPARED.match(text)) is None:
            return False
        self.scanned = None if report is None else host(report[1] or report[2])
        self.after_port = False
        return True

    def _about(self, number: int, line: str, text: str) -> Event:
        discovered = _DISCOVERED.match(text)
        found = host(discovered[3]) if discovered is not None else None
        if discovered is not None and found is not None:
            self.early[found.address, discovered[1], discovered[2]] = number, text, found
            return heading(number)
        self.head = _HEAD.match(text) or (None if text[:5].upper() == "PORT " else self.head)
        behind = self.after_port and line[0] in " \t"
        if text[0] == "|" or _FINGERPRINT.match(text) or behind:
            return detail(number)
        if _SAID.match(text) or _COMMENT.match(text):
            return heading(number)
        return not_understood(number, line)

    def end(self) -> Iterator[Event]:
        """What was told of and not listed."""
        for (_, port, transport), (number, text, found) in self.early.items():
            yield answered(number, text, found, (port, transport, "open"))


def _counted(number: int, text: str) -> Iterator[Line]:
    """The ports of which nmap gives the number alone."""
    every = _ALL_OF.match(text)
    pairs = [(every[1], every[2])] if every is not None and every[2] else _NOT_SHOWN.findall(text)
    for count, state in pairs:
        what = STATES.get(state)
        if what is not None and what != "open":
            yield Line(number, what, "", int(count))


def answered(number: int, text: str, scanned: Host, told: tuple[str, str, str]) -> Event:
    """One port of a scan: *told* is its number, its transport and its state."""
    port, word, state = told
    what = STATES.get(state)
    if word not in ("tcp", "udp", "sctp", "dccp") or what is None:
        return not_understood(number, text)
    if not port.isascii() or not port.isdigit() or len(port) > 9 or int(port) > LAST_PORT:
        return not_understood(number, text, f"{port[:12]} is not a port")
    if what != "open":
        return not_open(number, what, scanned, int(port), Transport(word))
    return Listener(
        Socket(
            Transport(word),
            scanned.family,
            scanned.address,
            int(port),
            SocketState.LISTEN,
            interface=scanned.interface,
            scanned=True,
        ),
        Ownership(seen=UNTOLD),
    )


def with_spoken(event: Event, name: str, detail: str, *, tls: bool) -> Event:
    """*event*, where it is a socket, with what it answered to nmap's own probe (``-sV``)."""
    if not isinstance(event, Listener):
        return event
    spoken = Spoken(SpokenState.IDENTIFIED, protocol_named(name), detail or None, tls)
    return event._replace(assessment=event.assessment._replace(speaks=spoken))


def read_grepable(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in the grepable form of ``nmap -oG`` and ``masscan -oG``."""
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        if _COMMENT.match(text):
            yield heading(number)
            continue
        found = _GREPABLE.match(text)
        scanned = host(found[1]) if found else None
        if found is None or scanned is None or not _TOLD_OF_HOST.match(found[2]):
            yield not_understood(number, line)
            continue
        yield heading(number)
        ignored = _IGNORED.search(found[2])
        if ignored is not None and STATES.get(ignored[1], "open") != "open":
            yield Line(number, STATES[ignored[1]], "", int(ignored[2]))
        _, _, listed = found[2].partition("Ports: ")
        for each in listed.partition("\t")[0].split(", "):
            cells = each.strip().split("/")
            if len(cells) >= 3:
                event = answered(number, each, scanned, (cells[0], cells[2], cells[1]))
                name = cells[4] if len(cells) > 6 and cells[6] else ""
                tls, _, inside = name.rpartition("|")
                if inside and not inside.endswith("?") and tls in ("", "ssl"):
                    event = with_spoken(event, inside, cells[6], tls=bool(tls))
                yield event
            elif each.strip():
                yield not_understood(number, each)


def _begins(lines: Sequence[str]) -> bool:
    return lines[0].lstrip().startswith(("# Nmap", "Starting Nmap", "#masscan"))


FORMATS = (
    SocketFormat("nmap", "nmap", read, scan=Scan("nmap", _begins)),
    SocketFormat(
        "nmap-grepable",
        "nmap -oG, masscan -oG",
        read_grepable,
        scan=Scan("nmap or masscan, grepable", _begins),
    ),
)
