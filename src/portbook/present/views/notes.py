"""The files of notes that are read here, as ``portbook notes`` shows them."""

from __future__ import annotations

from portbook.errors import shown
from portbook.model import Whose
from portbook.present.document import Paragraph, Table
from portbook.present.escape import one_line
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.evidence import gist, ports
from portbook.present.render.document_text import render_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.notes import Written
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.present.document import Item
    from portbook.present.render.text import Style

_WHOSE = {
    Whose.USER: "Your notes",
    Whose.PROJECT: "The project's notes",
    Whose.NAMED: "Your notes, by PORTBOOK_NOTES",
}
_NONE = (
    'There are no notes. Write one: portbook note 3000 "shop API". A project\'s stand in '
    "portbook.toml in its folder."
)


def render(files: Sequence[NotesFile], missing: Sequence[str], style: Style) -> str:
    """Each file with its notes, and whether they count."""
    lines: list[str] = []
    for file in files:
        lines += ["", style.bold(one_line(f"{_WHOSE[file.whose]} in {file.path}"))]
        for item in _about(file):
            lines += render_item(item, style)
    for reason in missing:
        lines += ["", *render_item(Paragraph(f"Not seen: {reason}"), style, "")]
    if not files:
        lines += ["", *render_item(Paragraph(_NONE), style, "")]
    return "".join(f"{line}\n" for line in lines[1:])


def _about(file: NotesFile) -> Iterator[Item]:
    if file.problem is not None:
        yield Paragraph(f"Left out: {file.problem}")
        return
    if not file.trusted:
        path = shown(file.path, 200)
        why = "It has changed since you trusted it" if file.changed else "You haven't trusted it"
        yield Paragraph(f"{why}: it only labels ports. Let it count: portbook notes trust {path}")
    if file.notes:
        yield Table(tuple([(ports(note), gist(note)) for note in file.notes]))
    else:
        yield Paragraph("It holds no notes.")


def render_written(written: Written, style: Style) -> str:
    """What was written down, and into which file."""
    lines = []
    if not written.entries:
        lines.append("Every listening port already has a note, or a program you can't see.")
    rows = [
        (
            str(entry.port) + ("" if entry.transport is None else f"/{entry.transport}"),
            ", ".join((entry.label, *(f"{key} {word}" for key, word in entry.more))),
        )
        for entry in written.entries
    ]
    if rows:
        lines += [style.bold(one_line(f"Written to {written.path}"))]
        lines += render_item(Table(tuple(rows)), style)
    for reason in gap_sentences(written.missing):
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "".join(f"{line}\n" for line in lines)


def render_trusted(file: NotesFile, style: Style) -> str:
    """What a file that was just trusted holds, and how long that lasts."""
    expecting = sum(note.expects for note in file.notes)
    count = f"{len(file.notes)} {'note' if len(file.notes) == 1 else 'notes'}"
    lines = [f"Trusted as it is now: {one_line(file.path)}, {count}, {expecting} with a program"]
    if file.notes:
        lines += render_item(
            Table(tuple([(ports(note), gist(note)) for note in file.notes])), style
        )
    lines.append("A change makes it untrusted again.")
    return "".join(f"{line}\n" for line in lines)


def render_distrusted(path: str, *, before: bool) -> str:
    """That a file only labels from now on, or did so *before*."""
    now = "no longer trusted" if before else "wasn't trusted"
    return f"{one_line(path)} {'is ' if before else ''}{now}: it only labels ports\n"
