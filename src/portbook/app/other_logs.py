"""A log of flows that was given for a list of sockets: what it is, and what reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from portbook.errors import NothingKnown

if TYPE_CHECKING:
    from collections.abc import Callable

_Read = TypeVar("_Read")
_Given = ParamSpec("_Given")
# What a table or a scan looks like is read as such, or is none.
_NOT_ASKED = ("table", "scan")
_MOST_LINES = 40


def naming_logs(
    read: Callable[_Given, _Read], *given: _Given.args, **named: _Given.kwargs
) -> _Read:
    """What *read* returns of what it is *given*.

    :raises NothingKnown: as *read* does; of a log of flows it says what reads that.
    """
    try:
        return read(*given, **named)
    except NothingKnown as failed:
        told = _log_in([line for line in failed.lines if line.strip()][:_MOST_LINES])
        if told is None:
            raise
        raise NothingKnown(told) from failed


def _log_in(lines: list[str]) -> str | None:
    """What to do with *lines* where they are of a log; None where they aren't."""
    from portbook.formats.flows.detect import FORMATS, Head, explain_refusal

    if not lines:
        return None
    head = Head("", tuple(lines))
    for name, form in FORMATS.items():
        layout = form.recognise(head) if name not in _NOT_ASKED else None
        if layout is not None:
            title = layout.format.partition(",")[0]
            return f"this is a flow log ({title}), with no sockets: give its file to portbook audit"
    why = explain_refusal(head)
    return None if why is None else f"the input {why}"
