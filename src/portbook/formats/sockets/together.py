"""The output of several tools in one input: what one reader leaves is given to the next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from portbook.formats.fields import NOT_UNDERSTOOD, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Event, Lines, Names, Reader

_MOST_WAITING = 400  # lines of which the reader may still tell


class Shared:
    """An input of several tools: what *read* leaves of it, and all events in their order."""

    def __init__(self, read: Reader, lines: Lines, names: Names) -> None:
        self._lines = lines
        self._left: deque[Event] = deque()
        # A reader tells of a line at once, or soon: a note of it is cut, the next reader needs all.
        self._waiting: dict[int, str] = {}
        self._read = read(self._kept(), names)

    def _kept(self) -> Iterator[tuple[int, str]]:
        for number, line in self._lines:
            if line.strip():
                self._waiting[number] = line
                if len(self._waiting) > _MOST_WAITING:
                    del self._waiting[next(iter(self._waiting))]
            yield number, line

    def refused(self) -> Iterator[tuple[int, str]]:
        """The lines that the reader doesn't understand."""
        for event in self._read:
            line = self._waiting.pop(event.number, None) if isinstance(event, Line) else None
            if line is not None and isinstance(event, Line) and event.what == NOT_UNDERSTOOD:
                yield event.number, line
            else:
                self._left.append(event)

    def events(self, others: Iterator[Event]) -> Iterator[Event]:
        """Those of the reader and *others*, which the lines it refused became."""
        for event in others:
            while self._left:
                yield self._left.popleft()
            yield event
        yield from self._left


def together(forms: list[SocketFormat]) -> SocketFormat:
    """The first of *forms*, which says what others the input holds."""
    first, *others = forms
    return first._replace(
        title=" and ".join([form.title for form in forms]),
        per_process=any(form.per_process for form in forms),
        also=tuple(form.name for form in others),
    )
