"""``masscan``: its list (``-oL``), its JSON (``-oJ``, ``-oD``), and what it prints as it goes.

naabu's JSON is read with it, an object for each port with the same names for the address and port,
and zgrab2's, where it tells the port of each module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.base import Scan, SocketFormat
from portbook.formats.fields import Line, detail, heading, host, not_understood
from portbook.formats.json_stream import scalar, values, words
from portbook.formats.sockets.nmap import answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.formats.fields import Event, Lines, Names

_ROW = re.compile(r"(open|closed) ([a-z]{2,8}) ([0-9]{1,9}) (\S+)(?: [0-9]+)?\s*$")
_BANNER = re.compile(r"banner [a-z]{2,8} [0-9]{1,9} \S+ ")
_DISCOVERED = re.compile(r"Discovered (open|closed) port ([0-9]{1,9})/([a-z]{2,8}) on (\S+)\s*$")
_SAID = re.compile(r"Starting masscan |Initiating SYN |Scanning [0-9]+ hosts|rate: |\s*-- forced")


def read_list(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in the list of ``masscan -oL``, or in what it prints on a terminal."""
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        row, discovered = _ROW.match(text), _DISCOVERED.match(text)
        if row is not None:
            state, word, port, address = row.groups()
        elif discovered is not None:
            state, port, word, address = discovered.groups()
        else:
            if text.startswith("#masscan") or text == "# end" or _SAID.match(text):
                yield heading(number)
            else:
                yield detail(number) if _BANNER.match(text) else not_understood(number, line)
            continue
        scanned = host(address)
        if scanned is None:
            yield not_understood(number, line, "its address can't be read")
        else:
            yield answered(number, text, scanned, (port, word, state))


def read_json(lines: Lines, names: Names) -> Iterator[Event]:
    """The ports in the JSON of ``masscan -oJ``.

    Its older versions end the list with ``{finished: 1}``, which is no JSON.
    """
    for each in values(lines):
        if isinstance(each, Line):
            ends = each.text.replace(" ", "").startswith("{finished:")
            yield heading(each.number) if ends else each
            continue
        value = each.value
        told = value if isinstance(value, dict) else {}
        listed, scanned = _ports(told), host(words(told.get("ip")) or "")
        if not isinstance(listed, list) or not listed or scanned is None:
            yield not_understood(each.line, each.text)
            continue
        yield heading(each.line)
        for port in listed:
            if not isinstance(port, dict):
                yield not_understood(each.line, each.text)
            elif "service" in port and "status" not in port:
                yield detail(each.line)  # a banner of a port that is listed on its own
            else:
                yield answered(each.line, each.text, scanned, _told(port))


def _ports(value: dict[str, Any]) -> Any:
    """The ports of one object: masscan's list, or the only one that naabu tells of."""
    if value.get("rec_type") == "banner":  # masscan -oD: of a port that has a record of its own
        return [{"service": value.get("data")}]
    port, told = value.get("port"), value.get("protocol", "tcp")
    if isinstance(port, dict):  # naabu until version 2.1
        told = "udp" if port.get("Protocol") else "tcp"
        port = port.get("Port")
    if "ports" not in value and isinstance(port, int):
        return [{"port": port, "proto": told, "status": "open"}]
    data = value.get("data")
    if "ports" not in value and isinstance(data, dict):
        return [_grabbed(each) for each in data.values() if isinstance(each, dict)]
    return value.get("ports")


# What zgrab2 says of a port where no connection was made; with any other, one was.
_NOT_MADE = {"connection-refused": "closed", "connection-timeout": "filtered"}


def _grabbed(told: dict[str, Any]) -> dict[str, Any]:
    """A port that zgrab2 asked."""
    status = _NOT_MADE.get(words(told.get("status")) or "", "open")
    return {"port": told.get("port"), "proto": "tcp", "status": status}


def _told(port: dict[str, Any]) -> tuple[str, str, str]:
    return scalar(port.get("port")), scalar(port.get("proto")), scalar(port.get("status"))


def _begins_list(lines: Sequence[str]) -> bool:
    return lines[0].lstrip().startswith("#masscan")


def _begins_json(lines: Sequence[str]) -> bool:
    return lines[0].lstrip().startswith("[") and any('"ports"' in line for line in lines[:5])


FORMATS = (
    SocketFormat(
        "masscan-list",
        "masscan -oL, or its output as it goes",
        read_list,
        scan=Scan("masscan, list", _begins_list),
    ),
    SocketFormat(
        "masscan-json",
        "masscan -oJ, naabu -json",
        read_json,
        by_line=False,
        scan=Scan("masscan, JSON", _begins_json),
    ),
)
