"""The XML of ``nmap -oX`` and of ``masscan -oX``, which has the same elements.

A DOCTYPE is refused before anything of it is read: it is what entity attacks are made of, and a
scan's own, ``<!DOCTYPE nmaprun>``, is taken out as the one exception, because it declares nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from portbook.errors import MalformedInput
from portbook.formats.base import Scan, SocketFormat
from portbook.formats.fields import (
    MOST_IN_RANGES,
    UNTOLD_ADDRESS,
    Host,
    Line,
    heading,
    host,
    not_open,
    not_understood,
)
from portbook.formats.sockets.nmap import STATES, answered, with_spoken
from portbook.model import LAST_PORT, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names

_DEEPEST = 64  # elements in one another; a scan has six
# The parser begins a tag anew with every line that it goes on for (CVE-2023-52425), so both its
# length and its lines are bounded.
_LONGEST, _MOST_LINES = 1 << 20, 100
_SPAN = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_OWN_DOCTYPE = re.compile(r"\s*<!DOCTYPE nmaprun>\s*$")
_CUT_OUT = re.compile(r"\s*<(?:port|ports|host|address)[\s>]")
_DECLARATION = re.compile(r"<\?xml[^<>]{0,200}\?>")


class _Scan:
    """What is known while a document is read."""

    def __init__(self) -> None:
        self.found: list[Event] = []
        self.line = 0
        self.path: list[str] = []
        self.host: Host | None = None
        self.port: tuple[str, str] | None = None
        self.root = ""
        self.others: tuple[str, int] | None = None  # the state of ports that have no element
        self.left = MOST_IN_RANGES

    def start(self, name: str, given: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > _DEEPEST:
            raise MalformedInput(f"the XML has elements {_DEEPEST} deep: no scan has")
        if len(self.path) == 1:
            self.root = name
        if name == "host":
            self.host = self.port = None
        elif name == "address" and given.get("addrtype", "ipv4") in ("ipv4", "ipv6"):
            self.host = host(given.get("addr", "")) or self.host
        elif name == "port":
            self.port = given.get("portid", ""), given.get("protocol", "")
        elif name == "state" and self.port is not None:
            self._port(given.get("state", ""))
        elif name == "service" and self.found and given.get("method") == "probed":
            self.found[-1] = _with_spoken(self.found[-1], given)
        else:
            self._of_others(name, given)

    def end(self, name: str) -> None:
        del self.path[-1]
        if name == "extraports" and self.others is not None:
            what, count = self.others
            self.others = None
            if count > 0:
                self.found.append(Line(self.line, what, "", count))

    def _of_others(self, name: str, given: dict[str, str]) -> None:
        """The ports that have no element of their own."""
        if name == "extraports":
            count, what = given.get("count", ""), STATES.get(given.get("state", ""), "open")
            if count.isascii() and count.isdigit() and len(count) < 10 and what != "open":
                self.others = what, int(count)
        elif name == "extrareasons":
            self._listed(given.get("ports", ""), given.get("proto", ""))

    def _listed(self, ports: str, word: str) -> None:
        """Tells of the ports of ``extraports`` one by one, where they are named."""
        if self.others is None or self.host is None or word not in ("tcp", "udp", "sctp"):
            return
        what, count = self.others
        for part in ports.split(","):
            bounds = _SPAN.fullmatch(part)
            first, last = (int(bounds[1]), int(bounds[2] or bounds[1])) if bounds else (1, 0)
            many = last - first + 1
            if not 0 < many <= min(count, self.left) or last > LAST_PORT:
                continue  # what isn't told one by one is counted
            self.left -= many
            count -= many
            self.found += [
                not_open(self.line, what, self.host, port, Transport(word))
                for port in range(first, last + 1)
            ]
        self.others = what, count

    def _port(self, state: str) -> None:
        assert self.port is not None
        port, transport = self.port
        text = f"{port}/{transport} {state}"
        if self.host is None:
            self.found.append(not_understood(self.line, text, "a port without an address"))
        else:
            self.found.append(answered(self.line, text, self.host, (port, transport, state)))
        self.port = None


def _with_spoken(event: Event, given: dict[str, str]) -> Event:
    """*event* with what the service answered, where nmap asked it.

    What nmap only reads from its table of ports (``method="table"``) says nothing of the service.
    """
    detail = " ".join(filter(None, (given.get("product"), given.get("version"))))
    return with_spoken(event, given.get("name", ""), detail, tls=given.get("tunnel") == "ssl")


def read(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in a scan's XML.

    What follows the place where it is broken isn't read, and is told as one that ends early.
    Raises MalformedInput for a DOCTYPE, an entity, and for what is deeper than any scan.
    """
    document = _Document()
    for number, line in lines:
        if not line.strip():
            continue
        if document.broken:
            yield not_understood(number, line, "it follows XML that is broken")
            continue
        why = document.feed(number, line)
        found = document.scan.found
        if found:
            document.scan.found = []
            yield from found
        if why:
            yield not_understood(number, line, why)
        elif not found:
            yield heading(number)
    why = document.end()
    if why:
        yield not_understood(max(1, document.scan.line), f"<{document.scan.root[:40]}>", why)


class _Document:
    """A document on its way through the parser."""

    def __init__(self) -> None:
        self.scan, self.parser = _Scan(), _parser()
        self.parser.StartElementHandler = self.scan.start
        self.parser.EndElementHandler = self.scan.end
        self.begun = self.broken = self.cut_out = False
        self.size = self.going_on = 0

    def feed(self, number: int, line: str) -> str | None:
        """Reads one line; why it can't be read, where it can't."""
        self.scan.line = number
        text = "" if _OWN_DOCTYPE.match(line) else line
        if not self.begun:
            # The declaration names the encoding that the text has been read from already.
            text = _DECLARATION.sub("", text.lstrip("\ufeff \t"))
            self.begun = bool(text.strip())
            if _CUT_OUT.match(text):
                self._begin_outside()
        if not text:
            return None
        at = self.parser.CurrentByteIndex
        try:
            self.parser.Parse(text.encode("utf-8", "backslashreplace") + b"\n", False)
        except expat.ExpatError as error:
            self.broken = True
            return f"it is no XML: {expat.ErrorString(error.code) or 'it can not be read'}"
        moved = self.parser.CurrentByteIndex != at
        self.size, self.going_on = (0, 0) if moved else (self.size + len(text), self.going_on + 1)
        if self.size > _LONGEST or self.going_on > _MOST_LINES:
            raise MalformedInput(
                f"the XML has a tag of more than {_LONGEST:,} characters or {_MOST_LINES:,} lines"
            )
        return None

    def _begin_outside(self) -> None:
        """Begins the scan that somebody has cut lines out of: they may tell no address."""
        self.parser.Parse(b"<nmaprun>", False)
        self.cut_out, self.scan.host = True, UNTOLD_ADDRESS

    def end(self) -> str | None:
        """Why the document as a whole is no scan, where it is none."""
        if self.broken or not self.begun:
            return None
        try:
            self.parser.Parse(b"</nmaprun>" if self.cut_out else b"", True)
        except expat.ExpatError:
            return "the XML ends in the middle"
        root = self.scan.root
        return None if root == "nmaprun" else "it is no scan's XML: its root is not nmaprun"


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = False

    def refuse(*_: object) -> int:
        raise MalformedInput(
            "the XML has a DOCTYPE or an entity, which is not read: take it out, or use -oG"
        )

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser


def _begins(lines: Sequence[str]) -> bool:
    return lines[0].lstrip().startswith(("<?xml", "<!DOCTYPE nmaprun", "<nmaprun"))


FORMATS = (
    SocketFormat(
        "nmap-xml",
        "nmap -oX, masscan -oX",
        read,
        by_line=False,
        scan=Scan("nmap or masscan, XML", _begins),
    ),
)
