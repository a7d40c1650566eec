"""Notes as text, told as whose they are, and never on a page for others."""

from __future__ import annotations

from portbook.model import Whose
from portbook.present.document import Table
from portbook.present.phrases.evidence import expected, ports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def in_a_line(notes: Iterable[Note]) -> str:
    """The first of *notes*, a trusted one before others, and how many more there are."""
    first, *more = sorted(notes, key=lambda note: not note.trusted)
    whose = of_whom(first)
    kind = "" if whose == "note" else f"{whose}: "
    return f"{kind}{in_short(first)}{f' and {len(more)} more' if more else ''}"
