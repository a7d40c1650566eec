"""What differs between two registries, port by port. Pure.

Two registries that say the same in other words are the same: letter case, the order of rows, and
how rows are gathered into ranges don't count. What counts is the state of each (port, transport)
and the names on it, and which names exist without a port.

>>> from portbook.catalog.registry.lookup import shipped
>>> compare(shipped(), shipped())
()
"""

from __future__ import annotations

from itertools import groupby

from portbook.catalog.registry.history import KINDS, Change, Side, order
from portbook.model import ChangeKind, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.catalog.registry.lookup import Registry
    from portbook.model import Assignment, Standing

    _Standings = Mapping[Transport, Standing]
    _Difference = tuple[ChangeKind, Side, Side, tuple[Transport, ...]]


def compare(old: Registry, new: Registry) -> tuple[Change, ...]:
    """What changed from *old* to *new*: ports in rising order, then names without a port."""
    ours, theirs = set(_keys(old)), set(_keys(new))
    ports: set[int] = set()
    portless: set[tuple[str, str]] = set()
    for first, last, transport, _, name in ours ^ theirs:
        if first == "-":
            portless.add((name, transport))
        else:
            ports.update(range(int(first), int(last) + 1))
    dates = (old.store.as_of, new.store.as_of)
    return (*_of_ports(sorted(ports), old, new, *dates), *_of_names(portless, old, new, *dates))


def lost_rows(old: Registry, new: Registry) -> tuple[int, int]:
    """How many rows of *old* have no like in *new*, and how many rows *old* has."""
    ours = list(_keys(old))
    return len(set(ours) - set(_keys(new))), len(set(ours))


def _keys(book: Registry) -> Iterator[tuple[str, str, str, str, str]]:
    """What tells rows apart, as text out of their cells: no row has to be made of them."""
    for first, last, transport, state, name, *_ in book.store.heads():
        yield first, last, transport, state, name.lower()


_Seen = tuple[Transport, "Side", "Side"]


def _of_ports(
    ports: Iterable[int], old: Registry, new: Registry, since: str, until: str
) -> Iterator[Change]:
    """The changes of *ports*; ports in a row that changed alike are one change."""
    found: list[tuple[str, int, _Difference]] = []
    # Ports of one row have their standing in common: most pairs of standings come up many times.
    known: dict[tuple[int, int], tuple[_Standings, _Standings, list[tuple[str, _Difference]]]] = {}
    for port in ports:
        was, now = old.standings(port), new.standings(port)
        key = id(was), id(now)
        pair = known.get(key)
        if pair is None or pair[0] is not was or pair[1] is not now:
            pair = was, now, [(repr(each), each) for each in _differences(was, now)]
            known[key] = pair
        found += [(text, port, difference) for text, difference in pair[2]]
    found.sort(key=lambda each: each[:2])
    changes = []
    for (difference, _), run in groupby(
        enumerate(found), lambda each: (each[1][2], each[1][1] - each[0])
    ):
        members = [each[1][1] for each in run]
        kind, before, after, transports = difference
        changes.append(
            Change(
                kind=kind,
                first=members[0],
                last=members[-1],
                transports=transports,
                before=before,
                after=after,
                since=since,
                until=until,
            )
        )
    return iter(sorted(changes, key=order))


def _differences(was: _Standings, now: _Standings) -> Iterator[_Difference]:
    """What tells *now* from *was*, each with all transports of which it is true."""
    alike: dict[tuple[ChangeKind, Side, Side], list[Transport]] = {}
    for transport in Transport:
        before, after = side(was[transport]), side(now[transport])
        kind = kind_of(before, after)
        if kind is not None:
            alike.setdefault((kind, before, after), []).append(transport)
    for key, transports in alike.items():
        yield (*key, tuple(transports))


def _of_names(
    names: Iterable[tuple[str, str]], old: Registry, new: Registry, since: str, until: str
) -> Iterator[Change]:
    """The names without a port that came or went, each once with all its transports."""
    alike: dict[tuple[ChangeKind, Side, Side], list[Transport]] = {}
    for name, transport in sorted(names):
        was, now = (_portless(book, name, transport) for book in (old, new))
        if bool(was) == bool(now):
            continue
        nobody = Side(State.UNASSIGNED)
        before = _side_of(was) if was else nobody
        after = _side_of(now) if now else nobody
        key = (ChangeKind.ASSIGNED if now else ChangeKind.REMOVED, before, after)
        alike.setdefault(key, []).extend([Transport(transport)] if transport else [])
    for (kind, before, after), transports in alike.items():
        yield Change(
            kind=kind,
            first=None,
            last=None,
            transports=tuple(transports),
            before=before,
            after=after,
            since=since,
            until=until,
        )


def _portless(book: Registry, name: str, transport: str) -> list[Assignment]:
    return [
        row for row in book.named(name) if row.first is None and (row.transport or "") == transport
    ]


def _side_of(rows: Iterable[Assignment]) -> Side:
    row = next(iter(rows))
    return Side(row.state, (row.service_name,) if row.service_name else (), row.title)


def side(standing: Standing) -> Side:
    """One standing as a side of a change. That it isn't listed is no difference of state."""
    rows = standing.assignments
    names = tuple(sorted({row.service_name for row in rows if row.service_name}))
    return Side(standing.state, names, next((row.title for row in rows if row.title), None))


def kind_of(before: Side, after: Side) -> ChangeKind | None:
    """What happened between *before* and *after*; None where they are the same."""
    was, now = ({name.lower() for name in each.names} for each in (before, after))
    if before.state is not after.state:
        if after.state is State.ASSIGNED:
            return ChangeKind.ASSIGNED
        return ChangeKind.RESERVED if after.state is State.RESERVED else ChangeKind.REMOVED
    if was == now:
        return None
    if was and now and not was & now:
        alike = letters(before.said) == letters(after.said)
        return ChangeKind.RENAMED if alike else ChangeKind.REASSIGNED
    return ChangeKind.NAME_ADDED if now - was else ChangeKind.NAME_REMOVED


def letters(text: str | None) -> str:
    """What is left of *text* when spelling and line breaks are left out.

    >>> letters("Multi- Word (TM)") == letters("multi-word (tm)")
    True
    """
    return "".join(char for char in (text or "").casefold() if char.isalnum())


def count_kinds(changes: Iterable[Change]) -> Mapping[ChangeKind, int]:
    """How many changes there are of each kind, in the order of :data:`KINDS`."""
    counts = dict.fromkeys(KINDS, 0)
    for change in changes:
        counts[change.kind] += 1
    return counts
