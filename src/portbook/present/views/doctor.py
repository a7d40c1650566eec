"""What portbook can see on this machine, as text."""

from __future__ import annotations

from portbook.app.doctor import OLD_DAYS
from portbook.model import Need, Whose
from portbook.model.gap import OF_OWNERS
from portbook.present.document import Paragraph, Table
from portbook.present.phrases import gap_sentence
from portbook.present.render.document_text import render_item
from portbook.present.words import day, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.doctor import Checkup, RegistryInUse
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.present.document import Item
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style

_FOR = {
    "web": "portbook serve and export",
    "audit": "portbook audit",
    "postgres": "readers' votes in PostgreSQL",
    "spark": "portbook audit --engine spark",
}
_WHOSE = {Whose.USER: "yours", Whose.PROJECT: "the project's", Whose.NAMED: "yours (named)"}


def render_checkup(
    checkup: Checkup, version: str, to: Viewer, style: Style, user: str | None = None
) -> str:
    """First whether anything is hidden, then what the answers rest on; *user* is who asks."""
    lines = [style.bold(_headline(checkup))]
    for title, items in _sections(checkup, version, to, user):
        lines += ["", style.bold(title)]
        for item in items:
            lines += render_item(item, style)
    return "".join(f"{line}\n" for line in lines)


def _headline(checkup: Checkup) -> str:
    hidden = checkup.sockets - checkup.owned
    if any(gap.code not in OF_OWNERS for gap in checkup.missing):
        return "portbook sees part of this machine."
    if hidden:
        owners = "1 owner is" if hidden == 1 else f"{hidden:,} owners are"
        return f"portbook sees all {checkup.sockets:,} sockets; {owners} hidden."
    return "portbook sees everything that listens on this machine, and who owns it."


def _sections(
    checkup: Checkup, version: str, to: Viewer, user: str | None
) -> Iterator[tuple[str, list[Item]]]:
    number = "you" if checkup.uid is None else f"user {checkup.uid}"
    who = "root" if to.is_root else f"{user} ({checkup.uid})" if user else number
    machine = [
        ("sockets", f"{checkup.sockets:,}, {_owned(checkup)}"),
        ("running as", who),
    ]
    if checkup.rules.unprivileged_first is not None:
        first = checkup.rules.unprivileged_first
        machine.append(("privilege", f"needed below {first}" if first else "never needed"))
    if checkup.rules.dynamic is not None:
        low, high = checkup.rules.dynamic
        machine.append(("ephemeral", f"{low}–{high}"))
    yield "This machine", [Table(tuple(machine))]
    if checkup.missing:
        yield "Not seen", [Paragraph(_whole(gap_sentence(gap))) for gap in checkup.missing]
    if not to.is_root and any(gap.needs is Need.ROOT for gap in checkup.missing):
        yield "Fix", [Paragraph("See more: sudo portbook doctor")]
    yield "Registry", list(_registry(checkup.registry))
    yield "Your notes", list(_notes(checkup.notes, checkup.notes_problem))
    yield "Installed", [Table(tuple(_installed(checkup, version)))]


def _owned(checkup: Checkup) -> str:
    if checkup.owned == checkup.sockets:
        return "all owners visible"
    return f"{plural(checkup.owned, 'owner')} visible"


def _whole(gap: str) -> str:
    """What was not seen, as a sentence of its own; a program's name stays as it is."""
    named = gap.startswith(("portbook ", "nft "))
    return f"{gap if named else gap[:1].upper() + gap[1:]}."


def _registry(registry: RegistryInUse) -> Iterator[Item]:
    kept = "kept by portbook update" if registry.kept else "shipped with portbook"
    age = "" if registry.days is None else f", {registry.days:,} days old"
    yield Paragraph(f"IANA registry, {day(registry.as_of)}, {kept}{age}.")
    for note in registry.notes:
        yield Paragraph(f"{note}.")
    if registry.days is not None and registry.days >= OLD_DAYS:
        yield Paragraph("Get a newer one: portbook update")


def _notes(files: tuple[NotesFile, ...], problem: str | None) -> Iterator[Item]:
    if not files:
        yield Paragraph('None. Write one: portbook note 3000 "shop API"')
    rows = []
    for file in files:
        count = f"{len(file.notes)} {'note' if len(file.notes) == 1 else 'notes'}"
        state = "" if file.trusted else ", labels only until you trust it"
        told = f"left out: {file.problem}" if file.problem else f"{count}{state}"
        rows.append((file.path, f"{_WHOSE[file.whose]}, {told}"))
    if rows:
        yield Table(tuple(rows))
    if problem is not None:
        yield Paragraph(f"{problem}.")


def _installed(checkup: Checkup, version: str) -> Iterator[tuple[str, str]]:
    yield "portbook", f"{version}, Python {checkup.python}, {checkup.system}"
    for extra in checkup.extras:
        if extra.lacking:
            command = f"pip install 'portbook[{extra.name}]'"
            yield extra.name, f"not installed; for {_FOR[extra.name]}: {command}"
        else:
            yield extra.name, f"installed, for {_FOR[extra.name]}"
