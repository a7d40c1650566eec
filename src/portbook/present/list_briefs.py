"""The short answer to a name or a range, in the shape of a port's; and to whatever was asked."""

from __future__ import annotations

from portbook.app.list_lookup import RangeAnswer
from portbook.app.port_lookup import PortAnswer
from portbook.model import RANGES, State, Visibility
from portbook.model.gap import hide_sockets
from portbook.present.brief import (
    COLUMNS,
    LABEL,
    Brief,
    PortLine,
    compose_brief,
    groups_of,
    unseen_sentences,
    who_holds,
)
from portbook.present.owners import owner_name
from portbook.present.port.agreement import Agreement, BriefVerdict, verdict_of
from portbook.present.port.on_record import (
    fitted,
    practice_line,
    short_title,
)
from portbook.present.words import NextStep, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.list_lookup import ServiceAnswer
    from portbook.model import Assignment, Block, Host, Level, Listener
    from portbook.present.brief import Group
    from portbook.present.owners import Viewer

_ROOM = COLUMNS - LABEL - 2
_MOST_ROWS = 5  # ports of a name that stand in its table
_MOST_IN_USE = 3  # ports of a range of which it is told who holds them
_MOST_BLOCKS = 4
_LONGEST_OWNER = 22  # columns
_SYSTEM = RANGES[0].last  # portbook pick never picks a System Port of itself


def brief_of(answer: PortAnswer | ServiceAnswer | RangeAnswer, to: Viewer) -> Brief:
    """The short answer to *answer* for *to*."""
    if isinstance(answer, PortAnswer):
        return compose_brief(answer, to)
    if isinstance(answer, RangeAnswer):
        return _of_range(answer, to)
    if len(answer.ports) == 1:
        (only,) = answer.ports
        if isinstance(only, PortAnswer):
            brief = compose_brief(only, to)
            return brief._replace(remarks=(*brief.remarks, *same_spelling(answer)))
        brief = _of_range(only, to)
        return brief._replace(next=(*brief.next[:-1], _more(answer.name)))
    return _of_ports(answer, to) if answer.ports else _of_portless(answer)


def same_spelling(answer: ServiceAnswer) -> tuple[str, ...]:
    """That what was asked for is a registered name too, of another service without a port."""
    others = [row for row in answer.portless if row.service_name != answer.name]
    if not others:
        return ()
    titles = list(dict.fromkeys(row.title for row in others if row.title))
    title = f": {listed(titles)}" if titles else ""
    return (f"{others[0].service_name} is also a registered name without a port{title}",)


def _more(query: str) -> NextStep:
    return NextStep("More", f"portbook {query} --full")


# -- a name of several ports ------------------------------------------------------------------


def _of_ports(answer: ServiceAnswer, to: Viewer) -> Brief:
    leading = max(answer.ports, key=_prominence)
    in_use = [each for each in answer.ports if each.host is not None and each.host.listeners]
    numbers = [_span(each) for each in answer.ports]
    rows_there = [row for row in answer.assignments if row.first == _first(leading)]
    title = short_title(rows_there[0]) if rows_there else None
    name = f"{answer.name} · {title}" if title else answer.name
    machine = None if answer.host is None else _of_machine(answer.host, in_use)
    transports = dict.fromkeys(row.transport or "any" for row in answer.assignments)
    order = sorted(answer.ports, key=_prominence, reverse=True)[:_MOST_ROWS]
    rows = [_port_line(each, to) for each in answer.ports if each in order]
    left = len(answer.ports) - len(rows)
    registry = f"{fitted(numbers, 40)}, {listed(transports)}"
    also = "; also without a port (DNS-SD)" if answer.portless else ""
    return Brief(
        f"{name}: {machine or f'ports {fitted(numbers, 40)}'}",
        machine,
        f"{left} more ports: --full lists them" if left else None,
        f"{registry}{also}",
        _verdict(answer.host, in_use),
        None,
        (*_next(in_use, _first(leading)), _more(answer.name)),
        note=None,
        remarks=(*answer.query.notes, *same_spelling(answer)),
        unseen=unseen_sentences(answer.host),
        ports=tuple(rows),
    )


def leading_port(answer: ServiceAnswer) -> int:
    """The port of the name that people use most: it is in use here, or most programs use it."""
    return _first(max(answer.ports, key=_prominence))


def _first(answer: PortAnswer | RangeAnswer) -> int:
    return answer.port if isinstance(answer, PortAnswer) else answer.first


def _span(answer: PortAnswer | RangeAnswer) -> str:
    return str(answer.port) if isinstance(answer, PortAnswer) else f"{answer.first}–{answer.last}"


def _prominence(answer: PortAnswer | RangeAnswer) -> tuple[bool, int, int]:
    """How much a port of a name matters to whoever asks: in use here, then in practice."""
    in_use = answer.host is not None and bool(answer.host.listeners)
    narrow = {use.product for use in answer.uses if use.leads}
    return in_use, len(narrow), -_first(answer)


def _port_line(answer: PortAnswer | RangeAnswer, to: Viewer) -> PortLine:
    practice = practice_line(answer, 36) if isinstance(answer, PortAnswer) else _practice(answer)
    return PortLine(_span(answer), _cell(answer, to), practice)


def _cell(answer: PortAnswer | RangeAnswer, to: Viewer) -> str | None:
    """What a port is to this machine, in a cell of a table."""
    host = answer.host
    if host is None:
        return None
    groups = groups_of(host.listeners)
    if len(groups) == 1:
        (group,) = groups
        state = "in use" if group.listens else "bound"
        return f"{state}: {_in_short(group, to)}"
    if groups:
        return f"in use by {len(groups)} programs"
    if answer.redirects:
        return f"redirected to {answer.redirects[0].to}"
    if isinstance(answer, PortAnswer) and answer.connections:
        return "held by a connection"
    return "free" if not hide_sockets(host.missing) else "nothing seen"


def _in_short(group: Group, to: Viewer) -> str:
    owners = group.first.ownership.owners
    if not owners:
        return who_holds(group, to)
    name = owner_name(owners[0])
    name = name if len(name) <= _LONGEST_OWNER else f"{name[: _LONGEST_OWNER - 1]}…"
    return f"{name} (pid {owners[0].pid})" if owners[0].pid else name


def _of_machine(host: Host, in_use: Sequence[PortAnswer | RangeAnswer]) -> str:
    if in_use:
        return f"in use on {fitted([_span(each) for each in in_use], 40)}"
    if host.visibility is Visibility.FULL or not hide_sockets(host.missing):
        return "not in use on this machine"
    return "not seen in use on this machine"


def _verdict(host: Host | None, in_use: Sequence[PortAnswer | RangeAnswer]) -> BriefVerdict | None:
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
    return verdict._replace(sentence=f"{verdict.sentence} ({one.port})")


def _rank(level: Level | None) -> int:
    return -1 if level is None else level.rank


def _bound(answer: PortAnswer) -> list[Listener]:
    """The sockets on the port, those of its first program first."""
    if answer.host is None:
        return []
    return [each for group in groups_of(answer.host.listeners) for each in group.listeners]


def _next(in_use: Sequence[PortAnswer | RangeAnswer], leading: int) -> Iterator[NextStep]:
    for one in in_use if len(in_use) == 1 else ():
        listeners = one.host.listeners if one.host is not None else ()
        if any(each.ownership.owners for each in listeners):
            yield NextStep("Stop it", f"portbook stop {_first(one)}")
    yield NextStep("One of them", f"portbook {leading}")


# -- a name without a port --------------------------------------------------------------------


def _of_portless(answer: ServiceAnswer) -> Brief:
    title = next((row.title for row in answer.portless if row.title), None)
    name = f"{answer.name} · {title}" if title else answer.name
    products = [each.product for each in answer.programs]
    steps = (NextStep("Search", f"portbook search {answer.name}"), _more(answer.name))
    return Brief(
        f"{name}: a name without a port",
        None,
        fitted(products, _ROOM) if products else None,
        "no port; found through DNS (SRV records or DNS-SD)",
        None,
        None,
        steps,
        remarks=answer.query.notes,
    )


# -- a range ----------------------------------------------------------------------------------


def _of_range(answer: RangeAnswer, to: Viewer) -> Brief:
    bound = _by_port(answer.host)
    machine = None if answer.host is None else _use_of_range(answer.host, bound)
    asked = _asked(answer)
    headline = f"{answer.first}–{answer.last}{_of(answer)} · {_character(answer)}"
    return Brief(
        headline if machine is None else f"{headline}: {machine}",
        machine,
        _practice(answer),
        _registry(answer),
        _verdict(answer.host, [answer] if bound else []),
        None,
        tuple(_next_in_range(answer, bound, asked)),
        tuple(_in_use_lines(bound, to)),
        _binding(answer),
        _abuse(answer),
        None,
        answer.query.notes,
        unseen=unseen_sentences(answer.host),
        blocks=_blocks(answer),
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
    """The sockets by port, in order."""
    ports: dict[int, list[Listener]] = {}
    for listener in host.listeners if host is not None else ():
        ports.setdefault(listener.socket.port, []).append(listener)
    return dict(sorted(ports.items()))


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


def _practice(answer: RangeAnswer) -> str | None:
    """The commonest uses of the range's ports, each with its port; those of wide spans last."""
    products: dict[str, str] = {}
    for use in sorted(answer.uses, key=lambda use: use.rank):
        products.setdefault(use.product, f"{use.product} ({_ports(use.first, use.last)})")
    if products:
        return fitted(list(products.values()), _ROOM)
    if answer.programs:
        return fitted([each.product for each in answer.programs], _ROOM)
    return None if answer.abuse else "no known use, no reported abuse"


def _ports(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _registry(answer: RangeAnswer) -> str:
    """The services of the range, each with its first port, or that there is none."""
    spanning = _spanning(answer)
    if spanning is not None:
        transports = dict.fromkeys(row.transport or "any" for row in answer.assignments)
        span = _ports(answer.first, answer.last)
        return f"{spanning.service_name or spanning.title}, {listed(transports)}, {span}"
    names: dict[str, str] = {}
    for row in answer.assignments:
        name = row.service_name or row.title
        if name and row.first is not None:
            span = _ports(row.first, row.first if row.last is None else row.last)
            names.setdefault(name, f"{span} {name}")
    if not names:
        return "no service is assigned in it"
    return fitted(list(names.values()), _ROOM)


def _blocks(answer: RangeAnswer) -> str:
    """The blocks of the range in order; where they are many, how many, and the largest gap."""
    shown = [
        f"{_ports(block.first, block.last)} {block.state}{_rest(block, answer)}"
        for block in answer.blocks[: _MOST_BLOCKS + 1]
    ]
    if len(shown) <= _MOST_BLOCKS:
        return ", ".join(shown)
    gaps = [each for each in answer.blocks if each.state is State.UNASSIGNED]
    largest = max(gaps, key=lambda block: (block.size, -block.first), default=None)
    gap = (
        ""
        if largest is None
        else f"; the longest gap is {_ports(largest.first, largest.last)} ({largest.size:,})"
    )
    return f"{len(answer.blocks):,}{gap}"


def _rest(block: Block, answer: RangeAnswer) -> str:
    inside = answer.first <= block.first and block.last <= answer.last
    return "" if inside else f" ({block.size:,} ports)"


def _abuse(answer: RangeAnswer) -> str | None:
    if not answer.abuse:
        return None
    subjects = dict.fromkeys(
        f"{each.subject} ({_ports(each.first, each.last)})" for each in answer.abuse
    )
    return fitted(list(subjects), _ROOM)


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
        yield NextStep("Look closer", f"portbook {next(iter(bound))}")
    elif answer.host is not None and answer.last > _SYSTEM and answer.counts[State.UNASSIGNED]:
        span = f"{answer.first}-{answer.last}"
        yield NextStep("Pick one", f"portbook pick --range {span}")
    yield _more(asked)
