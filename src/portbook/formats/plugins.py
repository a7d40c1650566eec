"""Formats that installed packages bring, as entry points.

A list of sockets is one of the group ``portbook.formats``, a flow log one of
``portbook.flow_formats``: which of the two a format is can be told without importing it. What a
plug-in does wrong costs nobody but itself: it is left out with a
:class:`~portbook.errors.FormatWarning`, or, where it was chosen already, refused with
:class:`~portbook.errors.FormatFailed`. Both name its package.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from portbook.errors import FormatFailed, FormatWarning, PortbookError, shown
from portbook.formats.base import FlowFormat, SocketFormat
from portbook.formats.fields import (
    DETAIL,
    HEADING,
    LEFT_OUT,
    NOT_UNDERSTOOD,
    UNTOLD_ADDRESS,
    Line,
    host,
)
from portbook.formats.flows.layout import Layout
from portbook.model import (
    LAST_PORT,
    Assessment,
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.model.scanned import ScannedPort, ScanState

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from importlib.metadata import EntryPoint
    from typing import Any

    from portbook.formats.base import Begins
    from portbook.formats.fields import Event, Lines, Names
    from portbook.formats.flows.layout import Head

SOCKETS, FLOWS = "portbook.formats", "portbook.flow_formats"
_LONGEST_NAME = 40
_KINDS = (HEADING, DETAIL, NOT_UNDERSTOOD, *LEFT_OUT)
_PLAIN = str | int | None  # what a socket's fields are
# What a plug-in can raise that isn't the user's own interruption.
_FOREIGN = (Exception, SystemExit)


def socket_formats(built_in: Container[str]) -> dict[str, SocketFormat]:
    """The formats for lists of sockets that installed packages bring, by name."""
    return {
        name: form._replace(
            read=_Reader(form, package), begins=form.begins and _beginning(form.begins, package)
        )
        for name, (package, form) in _load(SOCKETS, SocketFormat, built_in).items()
    }


def flow_formats(built_in: Container[str]) -> dict[str, FlowFormat]:
    """The formats for flow logs that installed packages bring, by name."""
    return {
        name: form._replace(recognise=_Recogniser(form, package), explain_refusal=None)
        for name, (package, form) in _load(FLOWS, FlowFormat, built_in).items()
    }


def _load(group: str, kind: Any, built_in: Container[str]) -> dict[str, tuple[str, Any]]:
    """The formats of *group* by name, each with the package that it is from."""
    from importlib.metadata import entry_points

    try:
        points = sorted(entry_points(group=group), key=lambda point: (point.name, _package(point)))
    except _FOREIGN as error:
        _leave_out("the formats of installed packages", _reason(error))
        return {}
    loaded: dict[str, tuple[str, Any]] = {}
    for point in points:
        title = f"the format {shown(point.name, _LONGEST_NAME)} of {_package(point)}"
        if point.name in built_in:
            _leave_out(title, "portbook has a format of that name")
            continue
        if point.name in loaded:
            _leave_out(title, f"{loaded[point.name][0]} has one of that name")
            continue
        try:
            form = point.load()
        except _FOREIGN as error:
            _leave_out(title, _reason(error))
            continue
        if not isinstance(form, kind) or form.name != point.name or not _is_sound(form):
            _leave_out(title, f"{point.value} is no sound {kind.__name__} of that name")
            continue
        loaded[point.name] = _package(point), form
    return loaded


def _is_sound(form: Any) -> bool:
    """Whether *form* has a name to be given and a title to be printed, and what it does is code."""
    plain = form.name.replace("-", "")
    named = plain.isascii() and plain.isalnum() and len(form.name) <= _LONGEST_NAME
    titled = isinstance(form.title, str) and form.title.isprintable()
    code = (form.read, form.begins) if isinstance(form, SocketFormat) else (form.recognise,)
    return named and titled and all(each is None or callable(each) for each in code)


def _beginning(begins: Begins, package: str) -> Begins:
    def guarded(lines: Sequence[str]) -> bool:
        try:
            return bool(begins(lines))
        except _FOREIGN as error:
            _leave_out(f"a format of {package}", _reason(error))
            return False

    return guarded


def _package(point: EntryPoint) -> str:
    try:
        return f"{point.dist.name} {point.dist.version}" if point.dist else point.module
    except _FOREIGN:  # its METADATA is broken
        return f"the package of {point.value}"


def leave_out(why: str) -> None:
    """Says, as a FormatWarning, *why* a format is not used."""
    warnings.warn(FormatWarning(why), stacklevel=2)


def _leave_out(title: str, reason: str) -> None:
    leave_out(f"{title} is left out: {reason}")


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error!s:.200}".rstrip(": ")


class _Reader:
    """A plug-in's reader, of which nothing comes but events, PortbookError and FormatFailed."""

    def __init__(self, form: SocketFormat, package: str) -> None:
        self._form = form
        self._title = f"the format {form.name} of {package}"

    def __call__(self, lines: Lines, names: Names) -> Iterator[Event]:
        """The events of the plug-in, each looked at."""
        at = 0

        def counted() -> Iterator[tuple[int, str]]:
            nonlocal at
            for number, line in lines:
                at = number
                yield number, line

        try:
            for event in self._form.read(counted(), names):
                wrong = _wrong_with(event)
                if wrong is not None:
                    raise FormatFailed(f"{self._title} fails at line {at}: it returned {wrong}")
                yield event
        except PortbookError:
            raise
        except _FOREIGN as error:
            raise FormatFailed(f"{self._title} fails at line {at}: {_reason(error)}") from error


def _wrong_with(event: Any) -> str | None:
    """What *event* is, where it is no event that others can rely on."""
    if isinstance(event, Line):
        return None if _is_line(event) else "a Line with a wrong field"
    if not isinstance(event, Listener):
        return f"a value of type {type(event).__name__}, no Listener or Line"
    if not isinstance(event.socket, Socket):
        return "a Listener without a Socket"
    if event.assessment != Assessment():
        return "a Listener with findings, which aren't a reader's"
    return _wrong_with_socket(event.socket) or _wrong_with_owners(event.ownership)


def _is_line(line: Any) -> bool:
    number, what, text, many, why, port = line
    whole = isinstance(number, int) and isinstance(many, int) and many >= 0
    words = isinstance(text, str) and isinstance(why, str | None)
    return whole and what in _KINDS and words and _is_port(port)


def _is_port(port: Any) -> bool:
    if port is None:
        return True
    known = isinstance(port, ScannedPort) and isinstance(port.transport, Transport)
    return known and type(port.port) is int and port.state in ScanState


def _wrong_with_socket(socket: Any) -> str | None:
    if not isinstance(socket.transport, Transport):
        return f"transport {socket.transport!r:.40}, which is none"
    if type(socket.port) is not int or not 0 < socket.port <= LAST_PORT:
        return f"port {socket.port!r:.40}, which is none"
    address = host(socket.address) if isinstance(socket.address, str) else None
    known = address is not None and socket.family in Family
    if not known and (socket.family, socket.address) != UNTOLD_ADDRESS[:2]:
        return f"address {socket.address!r:.60}, which is none"
    if socket.state not in SocketState:
        return f"state {socket.state!r:.40}, which is neither listen nor bound"
    return None if all(isinstance(value, _PLAIN) for value in socket) else "a Socket of odd fields"


def _wrong_with_owners(ownership: Any) -> str | None:
    if not isinstance(ownership, Ownership) or not isinstance(ownership.seen, OwnersSeen):
        return "a Listener without an Ownership"
    owners: Any = ownership.owners
    for owner in owners:
        named = isinstance(owner, Process) and isinstance(owner.program, str | None)
        if not named or not isinstance(owner.pid, int):
            return "an owner that is no Process with a number and a name"
    return None


class _Recogniser:
    """A plug-in's recogniser: whatever it raises or returns, a Layout comes of it or None."""

    def __init__(self, form: FlowFormat, package: str) -> None:
        self._form = form
        self._title = f"the format {form.name} of {package}"

    def __call__(self, head: Head) -> Layout | None:
        """The layout that the plug-in sees in *head*; what fails in it later names the plug-in."""
        layout: Any
        try:
            layout = self._form.recognise(head)
        except _FOREIGN as error:
            _leave_out(self._title, _reason(error))
            return None
        if layout is None:
            return None
        if not isinstance(layout, Layout) or not _is_readable(layout):
            _leave_out(self._title, f"it returned a {type(layout).__name__} that can't be used")
            return None
        made: Layout = layout
        canonical, prepare = made.canonical, made.prepare
        return made._replace(
            canonical=lambda table: self._call(dict, canonical, table),
            prepare=prepare
            and (lambda table: self._call(lambda prepared: prepared, prepare, table)),
        )

    def _call(self, kind: Callable[[Any], Any], function: Callable[[Any], Any], table: Any) -> Any:
        try:
            return kind(function(table))
        except _FOREIGN as error:
            raise FormatFailed(f"{self._title} fails: {_reason(error)}") from error


def _is_readable(layout: Any) -> bool:
    """Whether the engines can be given *layout*: what its values mean, they find out."""
    texts = [layout.format, layout.delimiter, layout.comment, layout.null, layout.quote]
    if not isinstance(layout.columns, tuple) or layout.reader not in ("csv", "json", "parquet"):
        return False
    for pair in layout.columns:
        if not isinstance(pair, tuple) or len(pair) != 2:
            return False
        texts += pair
    numbers = (layout.skip, layout.lead)
    return (
        callable(layout.canonical)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in numbers)
    )
