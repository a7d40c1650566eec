"""Finding one's own notes by what was written into them: the label, or words of the rest."""

from __future__ import annotations

from portbook.catalog.text_index import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Note


def search_notes(notes: Iterable[Note], text: str) -> tuple[Note, ...]:
    """The notes that *text* finds: best first, then by port.

    A label that is the text comes first, then labels in which its words stand or begin one, then
    notes whose other text holds them.

    >>> from portbook.model import Note
    >>> own = [Note(8306, 8306, None, "x.toml", "shop API"), Note(90, 90, None, "x.toml", "api")]
    >>> [note.first for note in search_notes(own, "API")], search_notes(own, "bakery")
    ([90, 8306], ())
    """
    wanted = words_of(text)
    if not wanted:
        return ()
    found = [(_rank(note, wanted), note) for note in notes]
    hits = [(rank, note) for rank, note in found if rank is not None]
    hits.sort(key=lambda hit: (hit[0], hit[1].first, hit[1].last, hit[1].transport or ""))
    return tuple(note for _, note in hits)


def _rank(note: Note, wanted: list[str]) -> int | None:
    """How well *note* fits, 0 best; None where it doesn't."""
    label = words_of(note.label or "")
    if label == wanted:
        return 0
    if all(any(each.startswith(word) for each in label) for word in wanted):
        return 1
    rest = label + words_of(note.text or "")
    for name in (*note.executables, *note.units, *note.containers):
        rest += words_of(name.rpartition("/")[2])
    # Short words stand in many a text.
    if all(len(word) > 2 and word in rest for word in wanted):
        return 2
    return None
