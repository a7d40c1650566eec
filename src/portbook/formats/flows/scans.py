"""nmap's and masscan's output, of one host or of many, read by portbook.formats.sockets.

An open port that a scan found is a service on the host that it was found at. How much traffic it
has, a scan doesn't say.
"""

from __future__ import annotations

import gzip
import zlib

from portbook.errors import MalformedInput
from portbook.formats.base import Fault, FlowFormat
from portbook.formats.fields import NOT_UNDERSTOOD
from portbook.formats.flows.layout import Head, Layout
from portbook.formats.sockets.detect import FORMATS as SOCKET_FORMATS
from portbook.formats.sockets.detect import detect, read
from portbook.model import Listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

COLUMNS = (
    ("protocol", "string"), ("port", "int32"), ("host", "string"), ("spoken", "string")
)  # fmt: skip
Row = tuple[str, int, str, str | None]


def recognise(head: Head) -> Layout | None:
    """By what every scan begins with, and by the reader that understands it."""
    if not head.lines:
        return None
    scans = [form.scan for form in SOCKET_FORMATS.values() if form.scan is not None]
    if not any(scan.begins(head.lines) for scan in scans):
        return None
    try:
        scan = detect(list(enumerate(head.lines, 1))).scan
    except MalformedInput:
        return None
    return None if scan is None else Layout(scan.title, "rows", _canonical, COLUMNS)


def _canonical(table: ir.Table) -> Columns:
    return {name: table[name] for name, _ in COLUMNS}


def read_scan(path: str, compression: str) -> tuple[list[Row], list[Fault]]:
    """The open ports that the scan at *path* found, and the lines of it that can't be read.

    Raises OSError, or MalformedInput where nothing of it can be read.
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    opened = gzip.open(path) if compression == "gzip" else open(path, "rb")  # noqa: SIM115
    with opened as file:
        try:
            _, events = read(iter(lambda: file.read(1 << 16), b""))
            for event in events:
                if isinstance(event, Listener):
                    socket, speaks = event.socket, event.assessment.speaks
                    spoken = None if speaks is None else speaks.protocol
                    rows.append((str(socket.transport), socket.port, socket.address, spoken))
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
) -> tuple[list[Row], list[Fault], tuple[str, ...]]:
    """All of :func:`read_scan` for *paths*, and which of them were read; the others are faults."""
    rows: list[Row] = []
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


FORMATS = (FlowFormat("scan", "what nmap or masscan found", recognise),)
