"""nmap's and masscan's output, of one host or of many, read by portbook.formats.sockets.

An open port that a scan found is a service on the host that it was found at. How much traffic it
has, a scan doesn't say.
"""

from __future__ import annotations

import gzip
import zlib

from portbook.errors import MalformedInput
from portbook.formats.base import Fault
from portbook.formats.fields import NOT_UNDERSTOOD
from portbook.formats.flows.layout import Head, Layout
from portbook.formats.sockets.detect import detect, read
from portbook.model import Listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

# The formats of portbook.formats.sockets.detect that are a scan's, and what they are called here.
SCANS = {
    "nmap": "nmap",
    "nmap-grepable": "nmap or masscan, grepable",
    "nmap-xml": "nmap or masscan, XML",
    "masscan-list": "masscan, list",
    "masscan-json": "masscan, JSON",
}
COLUMNS = (("protocol", "string"), ("port", "int32"), ("host", "string"))
_STARTS = ("<?xml", "<!DOCTYPE nmaprun", "<nmaprun", "# Nmap", "Starting Nmap", "#masscan")


def recognise(head: Head) -> Layout | None:
    """By what every scan begins with, and by the reader that understands it."""
    if not head.lines:
        return None
    first = head.lines[0].lstrip()
    array = first.startswith("[") and any('"ports"' in line for line in head.lines[:5])
    if not (first.startswith(_STARTS) or array):
        return None
    try:
        name = detect(list(enumerate(head.lines, 1)))
    except MalformedInput:
        return None
    return Layout(SCANS[name], "rows", _canonical, COLUMNS) if name in SCANS else None


def _canonical(table: ir.Table) -> Columns:
    return {name: table[name] for name, _ in COLUMNS}


def read_scan(path: str, compression: str) -> tuple[list[tuple[str, int, str]], list[Fault]]:
    """The open ports that the scan at *path* found, and the lines of it that can't be read.

    Raises OSError, or MalformedInput where nothing of it can be read.
    """
    rows: list[tuple[str, int, str]] = []
    faults: list[Fault] = []
    opened = gzip.open(path) if compression == "gzip" else open(path, "rb")  # noqa: SIM115
    with opened as file:
        try:
            _, events = read(iter(lambda: file.read(1 << 16), b""))
            for event in events:
                if isinstance(event, Listener):
                    rows.append(
                        (str(event.socket.transport), event.socket.port, event.socket.address)
                    )
                elif event.what == NOT_UNDERSTOOD:
                    why = event.why or "it is not what a scan prints"
                    faults.append(Fault(path, event.number, why, max(0, event.many - 1)))
        except MalformedInput as error:
            if not rows:
                raise
            faults.append(Fault(path, None, str(error), None))
    return rows, faults


def read_scans(
    paths: tuple[str, ...], compression: str
) -> tuple[list[tuple[str, int, str]], list[Fault], tuple[str, ...]]:
    """All of :func:`read_scan` for *paths*, and which of them were read; the others are faults."""
    rows: list[tuple[str, int, str]] = []
    faults: list[Fault] = []
    good: list[str] = []
    for path in paths:
        try:
            found, wrong = read_scan(path, compression)
        except (OSError, EOFError, zlib.error, MalformedInput) as error:
            faults.append(Fault(path, None, f"can't be read: {error}", None))
            continue
        good.append(path)
        rows += found
        faults += wrong
    return rows, faults, tuple(good)
