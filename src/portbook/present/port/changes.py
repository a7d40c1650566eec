"""Changes between registries as words."""

from __future__ import annotations

from portbook._fast_types import lru_cache
from portbook.model import ChangeKind, State
from portbook.present.document import Paragraph, Table
from portbook.present.words import day, listed, month, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portbook.catalog.registry.history import Change, Compared, Side
    from portbook.present.document import Item

_KINDS = {
    ChangeKind.NAME_ADDED: "with a further name",
    ChangeKind.NAME_REMOVED: "with one name fewer",
}


@lru_cache(maxsize=4)
def unchanged(compared: Compared) -> str:
    """That nothing changed, and how far that can be told."""
    return (
        f"Unchanged from {month(compared.first)} to {month(compared.last)} "
        f"({plural(compared.copies, 'snapshot')}; earlier and short-lived changes aren't covered)."
    )


def limits(compared: Compared) -> str:
    """What snapshots of some days can tell, and what not."""
    return (
        f"Compared: {plural(compared.copies, 'snapshot')} of the registry, "
        f"{month(compared.first)} to {month(compared.last)}. Earlier and short-lived changes "
        "aren't covered."
    )


def past(changes: Sequence[Change], compared: Compared | None) -> Iterator[Item]:
    """What changed between the snapshots of the registry, or that nothing did."""
    if compared is None:
        return
    if not changes:
        yield Paragraph(unchanged(compared))
        return
    for change in changes:
        ports = () if change.first is None else (change.first,)
        dates = between(change.since, change.until).removeprefix("between")
        yield Paragraph(f"Between{dates}, {place(change)}: {said(change)}.", ports)
    yield Paragraph(limits(compared))


def between(since: str, until: str) -> str:
    """The months, or within one month the days, of the two snapshots around a change.

    >>> between("2015-07-30", "2016-12-01"), between("2026-07-30", "2026-08-13")
    ('between July 2015 and December 2016', 'between July and August 2026')
    >>> between("2026-08-05", "2026-08-13")
    'between 5 and 13 August 2026'
    """
    write = day if month(since) == month(until) else month
    first, last = write(since).split(), write(until).split()
    alike = 0  # words at the end, which need to be said once
    while alike < len(first) - 1 and first[-1 - alike] == last[-1 - alike]:
        alike += 1
    return f"between {' '.join(first[: len(first) - alike])} and {' '.join(last)}"


def dates(since: str, until: str) -> str:
    """The same for a column of a table, on one line.

    >>> dates("2018-07-18", "2023-07-09"), dates("2026-07-30", "2026-08-13")
    ('Jul 2018 – Jul 2023', '30 Jul – 13 Aug 2026')
    >>> dates("2026-08-05", "2026-08-13")
    '5–13 Aug 2026'
    """
    first, last = ([part[:3] if part.isalpha() else part for part in day(one).split()]
                   for one in (since, until))  # fmt: skip
    if len(first) < 3 or first[-1] != last[-1]:
        return f"{' '.join(first[-2:])} – {' '.join(last[-2:])}"
    if first[1:] == last[1:]:
        return f"{first[0]}–{' '.join(last)}"
    return f"{' '.join(first[:2])} – {' '.join(last)}"


def table(changes: Sequence[Change], *, dates: bool = True) -> Table:
    """*changes* as rows: where, between which dates, and what happened."""
    rows = []
    for change in changes:
        when = f"{between(change.since, change.until)}: " if dates else ""
        rows.append((place(change), f"{when}{said(change)}"))
    return Table(tuple(rows))


def place(change: Change) -> str:
    """What changed, in a word: ``300/tcp``, ``301–307/tcp,udp``, or that no port is concerned."""
    over = f"/{','.join(change.transports)}" if change.transports else ""
    if change.first is None or change.last is None:
        return f"no port{over}"
    ports = f"{change.first}" if change.first == change.last else f"{change.first}–{change.last}"
    return ports + over


def said(change: Change) -> str:
    """What happened, as state or names before and after.

    >>> from portbook.catalog.registry.history import Side
    >>> from portbook.catalog.registry.history import Change as C
    >>> free, held = Side(State.UNASSIGNED), Side(State.ASSIGNED, ("x",), "The X")
    >>> said(C(ChangeKind.ASSIGNED, 1, 1, (), free, held, "2015-07-30", "2023-07-09"))
    'unassigned → x ("The X")'
    """
    before, after = change.before, change.after
    if change.first is None:
        names = listed((after if after.names else before).names)
        return f"{'new' if change.kind is ChangeKind.ASSIGNED else 'removed'} service name {names}"
    return f"{_side(before)} → {_side(after, described=change.kind not in _KINDS)}"


def _side(side: Side, *, described: bool = False) -> str:
    """The state of *side*, or its names, with its description where it is *described*."""
    if side.state is not State.ASSIGNED:
        return str(side.state)
    names, about = listed(side.names) if side.names else "", side.said or ""
    if not names:
        return f'"{about}"' if about else "a service without a name"
    same = not about or about.casefold() == names.casefold()
    return names if same or not described else f'{names} ("{about}")'


def tally(counts: Mapping[ChangeKind, int]) -> str:
    """How many changes of each kind, in words; the kinds that there are none of left out."""
    parts = [
        f"{count:,} {_KINDS.get(ChangeKind(kind), kind)}" for kind, count in counts.items() if count
    ]
    return ", ".join(parts) or "no port, state or name"
