"""Changes between registries as words."""

from __future__ import annotations

from portbook.model import ChangeKind, State
from portbook.present.document import Facts, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portbook.app.lookup import PortAnswer, ServiceAnswer
    from portbook.catalog.registry.history import Change, Compared, Side

_SAID = {
    "name-added": "a further name",
    "name-removed": "one name fewer",
}


def beyond(answer: PortAnswer) -> str:
    """How far back the copies go, and what they don't tell of a port."""
    if answer.compared is None:
        return (
            "A Dynamic Port has none in the registry: these ports were set aside, and are never "
            "assigned (RFC 6335 §6)."
        )
    return _reach(answer.compared, answer.history, "its state or its names")


def beyond_name(answer: ServiceAnswer) -> str:
    """How far back the copies go, and what they don't tell of a service name; empty without any."""
    if answer.compared is None:
        return ""
    return _reach(answer.compared, answer.history, "this name or its ports")


def _reach(days: Compared, changes: Sequence[Change], subject: str) -> str:
    if changes:
        head = (
            "Each change lies between two copies of the registry that were compared, the last with "
            f"what was before and the first with what came; {days.first} is the oldest, "
            f"{days.last} the newest."
        )
    else:
        head = (
            f"No change of {subject} between the copies of the registry of {days.first} and "
            f"{days.last}."
        )
    return f"{head} {unseen(days)}"


def unseen(days: Compared) -> str:
    """What copies of some days can't tell."""
    return (
        "Not in our sources, which doesn't mean that it wasn't there: what was before "
        f"{days.first}, and what came and went between two copies, of which those of "
        f"{days.gap[0]} and {days.gap[1]} are furthest apart."
    )


def facts(changes: Sequence[Change]) -> Facts:
    """*changes* as between which dates, and what happened where."""
    rows = [
        (f"{change.since} – {change.until}", f"{place(change)}: {said(change)}.")
        for change in changes
    ]
    ports = dict.fromkeys([change.first for change in changes if change.first is not None])
    return Facts(tuple(rows), tuple(ports))


def table(changes: Sequence[Change], *, dates: bool = True) -> Table:
    """*changes* as rows: where, what happened, between which dates, and the words of it."""
    rows = []
    for change in changes:
        when = (f"{change.since} – {change.until}",) if dates else ()
        rows.append((place(change), *when, f"{said(change)}."))
    return Table(tuple(rows))


def place(change: Change) -> str:
    """What changed, in a word: ``300/tcp``, ``301–307/tcp,udp``, or that no port is concerned."""
    over = f"/{','.join(change.transports)}" if change.transports else ""
    if change.first is None or change.last is None:
        return f"no port{over}"
    ports = f"{change.first}" if change.first == change.last else f"{change.first}–{change.last}"
    return ports + over


def said(change: Change) -> str:
    """What happened, in a clause.

    >>> from portbook.catalog.registry.history import Side
    >>> from portbook.catalog.registry.history import Change as C
    >>> free, held = Side(State.UNASSIGNED), Side(State.ASSIGNED, ("x",), "The X")
    >>> said(C(ChangeKind.ASSIGNED, 1, 1, (), free, held, "2015-07-30", "2023-07-09"))
    'assigned to x (The X), unassigned before'
    """
    before, after = change.before, change.after
    if change.first is None:
        return f"the service name {_names(after if after.names else before)} " + (
            "appeared, without a port" if change.kind is ChangeKind.ASSIGNED else "is gone"
        )
    if change.kind is ChangeKind.ASSIGNED:
        return f"assigned to {_who(after)}, {before.state} before"
    if change.kind is ChangeKind.RESERVED:
        return f"reserved, {_was(before)} before"
    if change.kind is ChangeKind.REMOVED:
        return f"unassigned, {_was(before)} before"
    if change.kind is ChangeKind.RENAMED:
        return f"renamed from {_names(before)} to {_who(after)}"
    if change.kind is ChangeKind.REASSIGNED:
        return f"from {_who(before)} to {_who(after)}"
    return f"{_SAID[change.kind]}: {_names(after) or 'none'}, {_names(before) or 'none'} before"


def _was(side: Side) -> str:
    return f"assigned to {_who(side)}" if side.state is State.ASSIGNED else str(side.state)


def _names(side: Side) -> str:
    if not side.names:
        return ""
    *most, last = side.names
    return f"{', '.join(most)} and {last}" if most else last


def _who(side: Side) -> str:
    names, about = _names(side), side.said or ""
    if not names:
        return about or "a service without a name"
    return f"{names} ({about})" if about and about.lower() != names.lower() else names


def tally(counts: Mapping[ChangeKind, int]) -> str:
    """How many changes of each kind, in words; the kinds that there are none of left out."""
    parts = [f"{count:,} {_SAID.get(kind, kind)}" for kind, count in counts.items() if count]
    return ", ".join(parts) or "no change of a port, a state or a name"
