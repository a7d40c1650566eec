"""A capture in JSON Lines: its sockets as they are read, and between them what other lines are."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from portbook.app.explain import refuse_unread, stream, stream_rows
from portbook.app.socket_filter import Filter
from portbook.cli.terminal import print_json
from portbook.errors import PortbookError
from portbook.formats.fields import LEFT_OUT, NOT_UNDERSTOOD, Line, PlainRows
from portbook.formats.surroundings import is_around
from portbook.present.render import sockets_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.catalog import Catalog
    from portbook.formats.fields import Event
    from portbook.model import Listener
    from portbook.present.render.capture_texts import CaptureTexts

_TOGETHER = 1024  # sockets that are written together, where nobody waits for one


def print_rows(
    chunks: Iterable[bytes], catalog: Catalog, wanted: Filter, name: str | None, *, whole: bool
) -> Told:
    """Prints an object a line for what *wanted* keeps of a capture, which is of the format *name*,
    None finds it. Returns what was told.

    What is read of one of *chunks* is written before the next one is asked for; where all is there
    already, *whole*, more may be read before it is written.

    :raises MalformedInput: nothing can be read.
    """
    told = Told(sockets_json.capture_texts(catalog, rows=True), wanted)
    rows = whole and wanted == Filter()
    read = stream_rows if rows else stream
    form, events = read(_flushing(chunks, told), catalog, name, plugins=True)
    try:
        for event in events:
            told.add(event)
    except PortbookError:  # what was read until then is told all the same
        told.write()
        raise
    told.end(form.name)
    return told


class Told:
    """What is told of a capture as it comes: its sockets by *texts*, if *wanted* keeps them, and
    what other lines are.
    """

    def __init__(self, texts: CaptureTexts, wanted: Filter) -> None:
        self._texts, self._wanted, self._every = texts, wanted, wanted == Filter()
        self.listed = self.unread = 0
        self.most_serious = -1
        self.left_out: Counter[str] = Counter()
        self._form = ""
        self._understood = self._spoken = False
        self._early: list[Line] = []  # nothing is said of what may turn out to be no capture at all
        self._waiting: list[Listener | PlainRows] = []

    def add(self, event: Event | PlainRows) -> None:
        """Takes the next socket, or sockets, to be written soon, or tells of another line."""
        if isinstance(event, Line):
            self.write()
            self._other(event)
            return
        self._understood = True
        if isinstance(event, PlainRows):
            self._waiting.append(event)
            self.write()
        elif self._every or self._wanted.keeps(self._texts.judge(event)):
            self._waiting.append(event)
            if len(self._waiting) >= _TOGETHER:
                self.write()

    def write(self) -> None:
        """Writes what was taken."""
        if not self._waiting:
            return
        some, self._waiting = self._waiting, []
        table = self._texts.taken(some)
        self.listed += len(table)
        self.most_serious = max(self.most_serious, *[one.gravity for one, _ in table.verdicts()])
        sys.stdout.writelines(self._texts.of_table(table, range(len(table)), "\n"))

    def _other(self, line: Line) -> None:
        if line.what == NOT_UNDERSTOOD and is_around(line.text):
            return
        if line.what == NOT_UNDERSTOOD:
            self.unread += line.many
            self._early.append(line)
            if self._understood or len(self._early) > 1000:
                self._spoken = True
                self._print_early()
            return
        self._understood = True
        _print_scanned(line)
        if line.what in LEFT_OUT:
            self.left_out[line.what] += line.many
        self._print_early()

    def _print_early(self) -> None:
        if self._early:
            _print_unread(self._early)
            self._early = []

    def end(self, form: str) -> None:
        """Prints what is left. Raises NothingKnown where no line was understood."""
        self.write()
        self._form = form
        if not self._spoken:
            refuse_unread(form, "the input", self._understood, self._early)
        self._print_early()

    def counts(self) -> dict[str, Any]:
        """The last row, once all is told."""
        return sockets_json.of_explained(self._form, self.listed, self.unread, self.left_out)


def _print_unread(lines: Iterable[Line]) -> None:
    for line in lines:
        print_json(sockets_json.of_unread(line), line=True)


def _print_scanned(line: Line) -> None:
    if line.port is not None:
        print_json(sockets_json.of_not_open(line.port), line=True)


def _flushing(chunks: Iterable[bytes], told: Told) -> Iterator[bytes]:
    """*chunks*, each asked for only when all that came of the one before is written."""
    for chunk in chunks:
        yield chunk
        told.write()
        sys.stdout.flush()
