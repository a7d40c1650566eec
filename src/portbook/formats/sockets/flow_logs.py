"""Zeek's ``conn.log`` and Suricata's ``eve.json``: the services that connections went to.

A few lines of such a log stand in a ticket; ``portbook audit`` reads whole logs, of any size. As
with a scan, that something answered at an address says neither what it is bound to nor which
program it is. What the log saw spoken there is told: each protocol of a service once.

The fields are those of :mod:`portbook.formats.flows.zeek` and :mod:`.suricata`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from portbook.formats.base import SocketFormat
from portbook.formats.fields import Line, heading, host, not_understood
from portbook.formats.json_stream import scalar, values
from portbook.formats.sockets.nmap import answered, with_spoken
from portbook.model import Listener
from portbook.model.protocols import TLS, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.formats.fields import Event, Lines, Names

_UNANSWERED = ("S0", "REJ", "SH", "RSTOS0")  # as in an audit: nothing accepted these
_ZEEK = {"id.resp_h", "id.resp_p", "proto"}


_MOST_HELD = 65_536  # services; of 500 bytes each


class _Services:
    """The services of a log: each with the protocols that were spoken there.

    At most *most* are held; of more, that which was met first is told of, and counts as a new one
    if it comes again.
    """

    def __init__(self, most: int = _MOST_HELD) -> None:
        self._most = most
        self._found: OrderedDict[tuple[str, str, str], tuple[Event, set[str]]] = OrderedDict()

    def add(self, number: int, text: str, to: tuple[str, str, str], spoken: str) -> Event | None:
        """Takes a connection *to* an address, a port and a transport; what is wrong with it."""
        known = self._found.get(to)
        if known is None:
            address, port, transport = to
            at = host(address)
            if at is None:
                return not_understood(number, text, "its address can't be read")
            event = answered(number, text, at, (port, transport, "open"))
            if not isinstance(event, Listener):
                return event
            known = self._found[to] = (event, set())
        if spoken.lower() in WORDS:
            known[1].add(WORDS[spoken.lower()])
        return None

    def over(self) -> Iterator[Event]:
        """The first of the services, where more are held than may be."""
        if len(self._found) > self._most:
            _, first = self._found.popitem(last=False)
            yield from self._told(*first)

    def events(self) -> Iterator[Event]:
        """The services in the order in which they were met."""
        for event, protocols in self._found.values():
            yield from self._told(event, protocols)

    def _told(self, event: Event, protocols: set[str]) -> Iterator[Event]:
        # TLS is what another protocol of the same service was spoken in.
        told = sorted(protocols - {TLS}) or sorted(protocols)
        for protocol in told:
            yield with_spoken(event, protocol, "", tls=False)
        if not told:
            yield event


def read_zeek(lines: Lines, names: Names) -> Iterator[Event]:
    """The services in the TSV of ``conn.log``, by its ``#fields``."""
    services, separator = _Services(), "\t"
    fields: list[str] = []
    for number, line in lines:
        text = line.rstrip("\r\n")
        if not text.strip():
            continue
        if text.startswith("#fields"):
            separator = text[7:8] or "\t"
            fields = text.split(separator)[1:]
        cells = text.split(separator)
        if text.startswith("#"):
            if text.startswith("#separator") or fields or "\t" in text:
                yield heading(number)
            else:
                yield not_understood(number, line)
        elif not _ZEEK.issubset(fields) or len(cells) != len(fields):
            yield not_understood(number, line)
        else:
            yield _zeek(services, number, text, dict(zip(fields, cells, strict=True)))
            yield from services.over()
    yield from services.events()


def _zeek(services: _Services, number: int, text: str, row: Mapping[str, Any]) -> Event:
    transport = scalar(row.get("proto"))
    refused = transport == "tcp" and row.get("conn_state") in _UNANSWERED
    if refused or transport not in ("tcp", "udp"):
        return heading(number)
    to = (scalar(row.get("id.resp_h")), scalar(row.get("id.resp_p")), transport)
    return services.add(number, text, to, scalar(row.get("service"))) or heading(number)


def read_json(lines: Lines, names: Names, most: int = _MOST_HELD) -> Iterator[Event]:
    """The services in Zeek's JSON, and in the flows of ``eve.json``; its other records are none.

    At most *most* services are held until the end.
    """
    services = _Services(most)
    for each in values(lines):
        row = each.value if not isinstance(each, Line) else None
        if isinstance(each, Line):
            yield each
        elif isinstance(row, dict) and row.keys() >= _ZEEK | {"conn_state"}:
            yield _zeek(services, each.line, each.text, row)
        elif isinstance(row, dict) and {"event_type", "timestamp"} <= row.keys():
            yield _suricata(services, each.line, each.text, row)
        else:
            yield not_understood(each.line, each.text)
        yield from services.over()
    yield from services.events()


def _suricata(services: _Services, number: int, text: str, row: Mapping[str, Any]) -> Event:
    transport, flow = scalar(row.get("proto")).lower(), row.get("flow")
    silent = isinstance(flow, dict) and flow.get("pkts_toclient") == 0
    known = transport in ("tcp", "udp", "sctp")
    if row.get("event_type") != "flow" or not known or (silent and transport == "tcp"):
        return heading(number)
    to = (scalar(row.get("dest_ip")), scalar(row.get("dest_port")), transport)
    return services.add(number, text, to, scalar(row.get("app_proto"))) or heading(number)


FORMATS = (
    # The services of a log are held, many of them until its end.
    SocketFormat("zeek", "Zeek's conn.log", read_zeek, by_line=False),
    SocketFormat(
        "flow-json", "Zeek's conn.log as JSON, Suricata's eve.json", read_json, by_line=False
    ),
)
