"""What an update did, as text."""

from __future__ import annotations

from portbook.app.update import UpdateStatus
from portbook.catalog.registry.diff import count_kinds
from portbook.errors import shown
from portbook.present.document import Paragraph, Table
from portbook.present.port import changes as words
from portbook.present.render.document_text import render_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portbook.app.update import Outcome
    from portbook.catalog.update.install import Version
    from portbook.present.document import Item
    from portbook.present.render.text import Style

_MOST = 20  # changes and skipped rows that are shown one by one


def render(outcome: Outcome, style: Style) -> str:
    """What *outcome* means, in a few lines."""
    lines = [line for item in _items(outcome) for line in render_item(item, style, "")]
    return "".join(f"{line}\n" for line in lines)


def _items(outcome: Outcome) -> Iterator[Item]:
    if outcome.status is UpdateStatus.SHIPPED:
        yield Paragraph(f"The shipped registry of {outcome.after} is in use again.")
        return
    if outcome.status is UpdateStatus.ROLLED_BACK:
        yield Paragraph(
            f"The registry of {outcome.after} is in use again, instead of that of {outcome.before}."
        )
        return
    if outcome.status is UpdateStatus.UNCHANGED:
        yield Paragraph(f"Nothing new: the registry of {outcome.after} is the newest there is.")
        return
    does = (
        "would take the place" if outcome.status is UpdateStatus.DIFFERENCE else "takes the place"
    )
    yield Paragraph(
        f"The registry of {outcome.after}, {outcome.rows:,} rows, {does} of that of "
        f"{outcome.before}, {outcome.rows_before:,} rows."
    )
    for reason in outcome.overruled:
        yield Paragraph(f"Overruled by --force: {reason}.")
    if outcome.skipped:
        yield Paragraph(f"{len(outcome.skipped):,} rows of the file can't be read:")
        rows = outcome.skipped[:_MOST]
        yield Table(tuple((f"row {each.row}", each.why) for each in rows))
        yield from _more(outcome.skipped)
    if outcome.unknown:
        yield Paragraph("Unknown fields, skipped:")
        some = outcome.unknown[:_MOST]
        yield Table(tuple((shown(each.name), f"in {each.rows:,} rows") for each in some))
        yield from _more(outcome.unknown)
    yield Paragraph(f"What changes: {words.tally(count_kinds(outcome.changes))}.")
    if outcome.changes:
        yield words.table(outcome.changes[:_MOST], dates=False)
        yield from _more(outcome.changes)
    if outcome.folder is not None:
        yield Paragraph(f"It is kept in {outcome.folder}; portbook update --rollback goes back.")


def _more(listed: Sequence[object]) -> Iterator[Item]:
    if len(listed) > _MOST:
        yield Paragraph(f"and {len(listed) - _MOST:,} more; --json has them all")


def render_versions(
    versions: Sequence[Version], shipped: str, damaged: Mapping[int, str], style: Style
) -> str:
    """The registries that can be used here, the newest first; *damaged* files by their number."""
    used = any(version.in_use for version in versions)
    rows = [
        (
            str(version.number),
            version.as_of,
            "in use" if version.in_use else "",
            _said_of(version, damaged.get(version.number)),
        )
        for version in reversed(versions)
    ]
    rows.append(("shipped", shipped, "" if used else "in use", "came with portbook"))
    return "".join(f"{line}\n" for line in render_item(Table(tuple(rows)), style, ""))


def _said_of(version: Version, damaged: str | None) -> str:
    if damaged is not None:
        mend = ": portbook update fetches it again" if version.in_use else ""
        return f"{damaged} is damaged{mend}"
    return version.origin.url or "where it came from is not recorded"
