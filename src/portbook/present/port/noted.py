"""Notes as text and as JSON, told as whose they are, and never on a page for others."""

from __future__ import annotations

from portbook.model import Whose
from portbook.present.document import Table
from portbook.present.escape import unbyte
from portbook.verdict.expectation_match import expected, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.model import Note
    from portbook.present.document import Item

_TITLES = {
    (Whose.USER, True): "Your notes",
    (Whose.NAMED, True): "Your notes",
    (Whose.PROJECT, True): "The project's notes",
}
_LABELS_ONLY = "The project's notes (not trusted: labels only)"


def sections(notes: Iterable[Note]) -> Iterator[tuple[str, tuple[Item, ...]]]:
    """*notes* under a title that says whose they are, the user's own first."""
    grouped: dict[str, list[Note]] = {}
    for note in sorted(notes, key=lambda note: (not note.trusted, note.whose is Whose.PROJECT)):
        title = _TITLES.get((note.whose, note.trusted), _LABELS_ONLY)
        grouped.setdefault(title, []).append(note)
    for title, together in grouped.items():
        yield title, tuple(tables(together))


def of_whom(note: Note) -> str:
    """What stands before *note* where there is one line for it."""
    if note.whose is not Whose.PROJECT:
        return "note"
    return "project note" if note.trusted else "project note, not trusted"


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
            "whose": str(note.whose),
            "trusted": note.trusted,
        }
        for note in notes
    ]
