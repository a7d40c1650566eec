"""The user's own notes, as text and as JSON: told as theirs, and never on a page for others."""

from __future__ import annotations

from portbook.pages.document import Table
from portbook.pages.escape import unbyte
from portbook.verdict.own import expected, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.model import Note

TITLE = "Your notes"


def tables(notes: Iterable[Note]) -> Iterator[Table]:
    """Each note as labels and values."""
    for note in notes:
        rows = [("for", ports(note))]
        if note.label:
            rows.insert(0, ("label", note.label))
        if note.expects:
            rows.append(("expects", expected(note)))
        if note.text:
            rows.append(("note", note.text))
        yield Table((*rows, ("in", note.file)))


def in_short(note: Note) -> str:
    """*note* in a word or a few: its label, or what stands for one."""
    return note.label or note.text or expected(note)


def of_notes(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """*notes* as JSON objects; texts are the user's own, escaped where they aren't text."""
    return [
        {
            "first": note.first,
            "last": note.last,
            "transport": note.transport,
            "label": None if note.label is None else unbyte(note.label),
            "note": None if note.text is None else unbyte(note.text),
            "executables": [unbyte(word) for word in note.executables],
            "units": [unbyte(word) for word in note.units],
            "containers": [unbyte(word) for word in note.containers],
            "users": [unbyte(word) for word in note.users],
            "file": unbyte(note.file),
        }
        for note in notes
    ]
