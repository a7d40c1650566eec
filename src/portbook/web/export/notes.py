"""What an export notes of the files that it wrote: which are its own, and as they were left.

The notes are a head with the digest of what the pages were made of, then lines of words:

- ``run ID``: names of files half-written begin with ``.portbook-export-ID-``
- ``KEY NOTE PATH…``: the files of a row, which are the ports ``pFIRST-LAST`` or those of the paths,
  were begun (``-``) or written; the note is a digest of their sizes and times
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple, Self

from portbook.errors import NotExported, shown
from portbook.model import LAST_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTES = ".portbook-export"
BEGUN = "-"
_KIND = "portbook-export/2"


class Record(NamedTuple):
    """What is noted of earlier exports into a folder.

    ``ports`` and ``files`` (paths) are what they wrote or began, ``notes`` those of the rows that
    were made of what ``digest`` stands for, ``runs`` what names of files half-written have in them.
    """

    digest: str = ""
    ports: frozenset[tuple[int, int]] = frozenset()
    files: frozenset[str] = frozenset()
    notes: Mapping[str, str] = {}
    runs: tuple[str, ...] = ()


class Notes:
    """The notes of an export that goes on, written line by line. Use it as a context."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._file = open(descriptor, "w", encoding="ascii")  # noqa: SIM115 - closed by close()
        self._path = path

    def begin(self, digest: str, run: str, record: Record) -> None:
        """Writes the head of notes on pages made of *digest*, and what *record* has of others.

        Raises NotExported.
        """
        self.add(_KIND, digest)
        self.add("run", run)
        if record.files:
            self.add("before", BEGUN, sorted(record.files))
        notes = record.notes if record.digest == digest else {}
        for first, last in sorted(record.ports):
            self.add(f"p{first}-{last}", notes.get(f"p{first}-{last}", BEGUN))
        for key, note in notes.items():
            if _span(key) is None:
                self.add(key, note)

    def add(self, key: str, note: str, paths: Iterable[str] = ()) -> None:
        """Notes *note* of the row *key*, which has the files *paths*. Raises NotExported."""
        try:
            self._file.write(" ".join([key, note, *paths]) + "\n")
            self._file.flush()
        except OSError as error:
            raise not_written(self._path, error) from error

    def close(self) -> None:
        """Closes the file. What couldn't be written was told by then."""
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def not_written(path: str, error: OSError) -> NotExported:
    """What to raise where *path* can't be written."""
    return NotExported(f"{shown(path, 200)} can't be written: {error.strerror or error}")


def parse_notes(text: str) -> Record | None:
    r"""What the text of a file of notes says; None where no export wrote it. Pure.

    A last line that breaks off says nothing.

    >>> parse_notes("portbook-export/2 abc\nrun 12\np0-255 -\np0-255 9f\np256").ports
    frozenset({(0, 255)})
    """
    head, *lines = text.split("\n")[:-1] or [""]
    kind, _, digest = head.partition(" ")
    if kind != _KIND or not digest:
        return None
    ports: set[tuple[int, int]] = set()
    files: set[str] = set()
    notes: dict[str, str] = {}
    runs: list[str] = []
    for line in lines:
        key, _, rest = line.partition(" ")
        note, *paths = rest.split(" ")
        if key == "run":
            runs += [note] if note.isalnum() else []
            continue
        if (span := _span(key)) is not None:
            ports.add(span)
        files.update(paths)
        if note and note != BEGUN:
            notes[key] = note
        else:
            notes.pop(key, None)
    return Record(digest, frozenset(ports), frozenset(files), notes, tuple(runs))


def _span(key: str) -> tuple[int, int] | None:
    first, dash, last = key.removeprefix("p").partition("-")
    digits = (first + last).isascii() and first.isdigit() and last.isdigit()
    if not key.startswith("p") or not dash or not digits or len(key) > 12:
        return None
    span = int(first), int(last)
    return span if span[0] <= span[1] <= LAST_PORT else None
