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
        told, records = _log_in([line for line in failed.lines if line.strip()][:_MOST_LINES])
        if told is None:
            raise
        led_on = NothingKnown(told)
        led_on.records = records
        raise led_on from failed


def _log_in(lines: list[str]) -> tuple[str | None, int]:
    """What to do with *lines* where they are of a log, and how many say so alone; None and 0 where
    they aren't of any.
    """
    from portbook.formats.flows.detect import FORMATS, Head, explain_refusal

    if not lines:
        return None, 0
    head = Head("", tuple(lines))
    for name, form in FORMATS.items():
        layout = form.recognise(head) if name not in _NOT_ASKED else None
        if layout is not None:
            title = layout.format.partition(",")[0]
            told = f"this is a flow log ({title}), with no sockets: give its file to portbook audit"
            return told, sum(form.recognise(Head("", (line,))) is not None for line in lines)
    why = explain_refusal(head)
    return (None if why is None else f"the input {why}"), 0
