"""The short answer to a range, in the shape of a port's."""

from __future__ import annotations

from portbook.app.port_lookup import PortAnswer
from portbook.model import RANGES, SITE_PORT, State, Transport, Visibility
from portbook.model.gap import hide_sockets
from portbook.present.brief import (
    COLUMNS,
    LABEL,
    Brief,
    groups_of,
    who_holds,
)
from portbook.present.owners import unseen_sentences
from portbook.present.port.agreement import Agreement, BriefVerdict, verdict_of
from portbook.present.port.on_record import OWN_SITE, security_line, short_title
from portbook.present.words import NextStep, as_registered, beside, fitted, listed, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.list_lookup import RangeAnswer
    from portbook.model import Assignment, Block, Host, Level, Listener
    from portbook.present.owners import Viewer

ROOM = COLUMNS - LABEL - 2
_BOTH = (Transport.TCP, Transport.UDP)
_MOST_PORTS = 3  # of one name
_MOST_IN_USE = 3  # ports of a range of which it is told who holds them
_MOST_BLOCKS = 4
_LEAST_GAP = 3  # ports
_EPHEMERAL = 32768  # the first port that Linux hands out by default
_SYSTEM = RANGES[0].last  # portbook pick never picks a System Port of itself


def compose_range_brief(answer: RangeAnswer, to: Viewer) -> Brief:
    """The short answer about a range of ports, for *to*: who reads it, and where."""
    bound = _by_port(answer.host)
    machine = None if answer.host is None else _use_of_range(answer.host, bound)
    asked = _asked(answer)
    headline = f"{_ports(answer.first, answer.last)}{_of(answer)} · {_character(answer)}"
    return Brief(
        headline=headline if machine is None else f"{headline}: {machine}",
        machine=machine,
        practice=range_practice(answer),
        registry=_registry(answer),
        verdict=worst_verdict(answer.host, [answer] if bound else []),
        reach=None,
        next=tuple(_next_in_range(answer, bound, asked)),
        programs=tuple(_in_use_lines(bound, to)),
        binding=_binding(answer),
        abuse=_abuse(answer),
        note=None,
        remarks=answer.query.notes,
        unseen=unseen_sentences(answer.host),
        blocks=_blocks(answer),
        security=security_line(answer.services, ROOM, next(iter(answer.services), None)),
    )


def _of(answer: RangeAnswer) -> str:
    return f"/{answer.transport}" if answer.transport else ""


def _asked(answer: RangeAnswer) -> str:
    return f"{answer.first}-{answer.last}{_of(answer)}"


def _character(answer: RangeAnswer) -> str:
    """What the range is: one of RFC 6335's, one service's, or its ports by state."""
    for each in RANGES:
        if (each.first, each.last) == (answer.first, answer.last):
            return f"the {each.title}"
    known = next((each for each in answer.services if each.leads), None)
    if known is not None:
        return named(known)
    row = _spanning(answer)
    if row is not None:
        name = row.service_name or "one service"
        title = short_title(row)
        return f"{name} ({title})" if title else name
    return listed(
        [f"{count:,} {_WORDS.get(state, state)}" for state, count in answer.counts.items() if count]
    )


def _spanning(answer: RangeAnswer) -> Assignment | None:
    """The row that the whole range is assigned by, if it is by one."""
    for row in answer.assignments:
        first, last = row.first, row.last
        if first is None or last is None or first == last:
            continue
        if first <= answer.first and answer.last <= last:
            return row
    return None


_WORDS = {State.DYNAMIC: "dynamic (ephemeral)"}


def _by_port(host: Host | None) -> dict[int, list[Listener]]:
    """The sockets by port, the most serious first."""
    ports: dict[int, list[Listener]] = {}
    for listener in host.listeners if host is not None else ():
        ports.setdefault(listener.socket.port, []).append(listener)
    order = sorted(ports, key=lambda port: (-max(map(_gravity, ports[port])), port))
    return {port: ports[port] for port in order}


def _gravity(listener: Listener) -> int:
    return listener.assessment.gravity


def _use_of_range(host: Host, bound: dict[int, list[Listener]]) -> str:
    if bound:
        return f"{len(bound):,} in use on this machine"
    if host.visibility is Visibility.FULL or not hide_sockets(host.missing):
        return "none in use on this machine"
    return "none seen in use on this machine"


def _in_use_lines(bound: dict[int, list[Listener]], to: Viewer) -> Iterator[str]:
    shown = list(bound.items())[:_MOST_IN_USE]
    for port, listeners in shown:
        for group in groups_of(listeners)[:1]:
            yield f"{port}/{group.transports} on {group.place()}: {who_holds(group, to)}"
    if len(bound) > len(shown):
        yield f"and {len(bound) - len(shown):,} more"


def range_practice(answer: RangeAnswer, columns: int = ROOM) -> str | None:
    """The commonest uses of the range's ports, each with its port; those of wide spans last.

    Where one service has the whole range, who speaks it comes first.
    """
    row = _spanning(answer)
    service = row.service_name if row is not None else None
    speakers = [
        *((each.product, each.services) for each in answer.programs),
        *((each.product, each.services) for each in answer.uses),
    ]
    registered = dict.fromkeys([name for name, spoken in speakers if service in spoken])
    products = _with_ports(
        (use.product, (use.first, use.last))
        for use in sorted(answer.uses, key=lambda use: use.rank)
        if use.product not in registered
    )
    if registered:
        return as_registered(list(registered), products, columns)
    if products:
        return fitted(products, columns)
    if answer.programs:
        return fitted([each.product for each in answer.programs], columns)
    if answer.first <= SITE_PORT <= answer.last and answer.transport in (None, Transport.TCP):
        return f"{OWN_SITE} on {SITE_PORT}"
    return None if answer.abuse else "no known use, no reported abuse"


def _ports(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _registry(answer: RangeAnswer) -> str:
    """The services of the range, each with its first port, or that there is none."""
    spanning = _spanning(answer)
    if spanning is not None:
        rows = answer.assignments
        # A row that names a service and no transport holds for both.
        transports = dict.fromkeys(
            [kind for row in rows for kind in ([row.transport] if row.transport else _BOTH)]
        )
        span = _ports(answer.first, answer.last)
        return f"{spanning.service_name or spanning.title} on {listed(transports)}, {span}"
    names: dict[str, str] = {}
    for row in answer.assignments:
        name = row.service_name or row.title
        if name and row.first is not None:
            span = _ports(row.first, row.first if row.last is None else row.last)
            names.setdefault(name, f"{span} {name}")
    if not names:
        return "no service is assigned there"
    return fitted(list(names.values()), ROOM)


def _blocks(answer: RangeAnswer) -> str | None:
    """The blocks of the range in order; where they are many, how many, and the largest gap.

    None where they are many and no gap is worth a word.
    """
    shown = [
        f"{_ports(block.first, block.last)} {block.state}{_rest(block, answer)}"
        for block in answer.blocks[: _MOST_BLOCKS + 1]
    ]
    if len(shown) <= _MOST_BLOCKS and len(line := ", ".join(shown)) <= ROOM:
        return line
    gaps = [each for each in answer.blocks if each.state is State.UNASSIGNED]
    largest = max(gaps, key=lambda block: (block.size, -block.first), default=None)
    if largest is None or largest.size < _LEAST_GAP:
        return None
    gap = f"{_ports(largest.first, largest.last)} ({largest.size:,} ports)"
    return f"{len(answer.blocks):,}; longest gap {gap}"


def _rest(block: Block, answer: RangeAnswer) -> str:
    inside = answer.first <= block.first and block.last <= answer.last
    return "" if inside else f" ({block.size:,} ports)"


def _abuse(answer: RangeAnswer) -> str | None:
    if not answer.abuse:
        return None
    return fitted(
        _with_ports((each.subject, (each.first, each.last)) for each in answer.abuse), ROOM
    )


def _with_ports(named: Iterable[tuple[str, tuple[int, int]]]) -> list[str]:
    """Each name once, with its spans of ports: "Amitis (44280, 44390)"."""
    ports: dict[str, set[tuple[int, int]]] = {}
    for name, span in named:
        ports.setdefault(name, set()).add(span)
    shown = {name: [_ports(*span) for span in sorted(spans)] for name, spans in ports.items()}
    return [
        beside(name, *spans[:_MOST_PORTS], *(["…"] if spans[_MOST_PORTS:] else []))
        for name, spans in shown.items()
    ]


def _binding(answer: RangeAnswer) -> str | None:
    """What binding its ports takes, where that is more than a free port."""
    rules = None if answer.host is None else answer.host.rules
    if rules is None:
        return None
    first = rules.unprivileged_first
    if first is not None and answer.last < first:
        return "needs root or CAP_NET_BIND_SERVICE"
    if rules.dynamic is not None:
        low, high = rules.dynamic
        if low <= answer.last and high >= answer.first:
            return f"may clash: your system hands out {low}–{high} as ephemeral ports"
    return None


def _next_in_range(
    answer: RangeAnswer, bound: dict[int, list[Listener]], asked: str
) -> Iterator[NextStep]:
    if bound:
        worst = answer.most_serious
        port = next(iter(bound)) if worst is None else worst.port
        yield NextStep("Look closer", f"portbook {port}")
    elif answer.host is not None and _may_pick(answer):
        span = f"{answer.first}-{answer.last}"
        yield NextStep("Pick one", f"portbook pick --range {span}")
    yield more_step(asked)


def _may_pick(answer: RangeAnswer) -> bool:
    """Whether ``portbook pick`` can find a port there: unassigned, and ephemeral on no system."""
    return any(
        min(gap.last, answer.last) > _SYSTEM and max(gap.first, answer.first) < _EPHEMERAL
        for gap in answer.blocks
        if gap.state is State.UNASSIGNED
    )


# -- shared with names of several ports ------------------------------------------------------


def more_step(query: str) -> NextStep:
    """The step to the whole page of *query*."""
    return NextStep("More", f"portbook {query} --full")


def first_of(answer: PortAnswer | RangeAnswer) -> int:
    """The port of *answer*, or the first of its range."""
    return answer.port if isinstance(answer, PortAnswer) else answer.first


def span_of(answer: PortAnswer | RangeAnswer) -> str:
    """The port of *answer*, or its range, as people write it: ``3000–3010``."""
    return str(answer.port) if isinstance(answer, PortAnswer) else f"{answer.first}–{answer.last}"


def worst_verdict(
    host: Host | None, in_use: Sequence[PortAnswer | RangeAnswer]
) -> BriefVerdict | None:
    """The most serious verdict of all ports, with the port that it is about."""
    if host is None:
        return None
    verdicts = [
        (one, verdict_of(one, _bound(one)))
        for each in in_use
        for one in [each if isinstance(each, PortAnswer) else each.most_serious]
        if one is not None
    ]
    if not verdicts:
        return BriefVerdict(Agreement.NOTHING)
    one, verdict = max(verdicts, key=lambda pair: _rank(pair[1].level))
    return verdict._replace(sentence=f"{verdict.sentence} ({one.port})", told=False)


def _rank(level: Level | None) -> int:
    return -1 if level is None else level.rank


def _bound(answer: PortAnswer) -> list[Listener]:
    """The sockets on the port, those of its first program first."""
    if answer.host is None:
        return []
    return [each for group in groups_of(answer.host.listeners) for each in group.listeners]
