r"""Rows of the registry -> the text of ``registry.tsv`` and ``blocks.tsv``. Pure.

Both files are read by :class:`portbook.storage.sorted_tsv.SortedFile`. Cells are escaped with
``escape_cell``, and empty cells at the end of a row are left out: a reader pads them. A row's
``references`` are separated by spaces, so a space inside of one (``RFC8765, Section 6.1``)
is written as a no-break space; ``aliases`` are separated by ``|``, which no service name has.
``registration`` is the id of the source that ``assignee`` to ``service_code`` come from, and
empty where no source was joined: "not recorded" is not "none".

Rows are sorted by first port, last port, transport (tcp, udp, sctp, dccp, none stated) and name,
a well-formed name before an ill-formed one. Names without a port come last.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from portbook.catalog.registry.normalise import is_well_formed, replaced_name
from portbook.model import DYNAMIC_PORTS, PORTS, RANGES, Assignment, Block, State, Transport
from portbook.storage.sorted_tsv import escape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import Source

COLUMNS = (
    "first",
    "last",
    "transport",
    "state",
    "service_name",
    "description",
    "references",
    "aliases",
    "assignee",
    "registered",
    "modified",
    "unauthorized_use",
    "notes",
    "service_code",
    "registration",
)
BLOCK_COLUMNS = ("first", "last", "range", "state", "rank", "of")

_NO_BREAK_SPACE = "\u00a0"
_ORDER: dict[Transport | None, int] = {each: place for place, each in enumerate(Transport)}
_ORDER[None] = len(_ORDER)


class _Names(NamedTuple):
    """One place in the registry: the names of one place may be aliases of each other."""

    first: int | None
    last: int | None
    transport: Transport | None


# -- rows -------------------------------------------------------------------------------------


def link_aliases(rows: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """*rows* with their aliases filled in, in the same order.

    The registry says that a well-formed name replaces an ill-formed one in the description of
    the row that does. That row gets the other name as an alias, and the row of the other name,
    if it is there, this one.
    """
    rows = tuple(rows)
    other: dict[tuple[_Names, str], str] = {}
    for row in rows:
        replaced = replaced_name(row.description)
        if replaced and row.service_name and replaced != row.service_name:
            other[_place(row), row.service_name.lower()] = replaced
            other.setdefault((_place(row), replaced.lower()), row.service_name)
    return tuple(
        row._replace(aliases=(other[key],))
        if row.service_name and (key := (_place(row), row.service_name.lower())) in other
        else row
        for row in rows
    )


def _place(row: Assignment) -> _Names:
    return _Names(row.first, row.last, row.transport)


def sort_rows(rows: Iterable[Assignment]) -> list[Assignment]:
    """*rows* in the order of the file; the same for the same rows in any order."""
    return sorted(rows, key=_sort_key)


def _sort_key(row: Assignment) -> tuple[object, ...]:
    name = row.service_name or ""
    return (
        PORTS if row.first is None else row.first,
        PORTS if row.last is None else row.last,
        _ORDER[row.transport] if row.first is not None else 0,
        not is_well_formed(name),
        name.lower(),
        _ORDER[row.transport],
        [cell or "" for cell in _cells(row, "")],
    )


def lookback(rows: Sequence[Assignment]) -> int:
    """How many rows a reader has to look at, at most, beyond the nearest, for all of a port's.

    *rows* are sorted. It is the largest number of rows that come after one row and begin before
    that one's last port is over: whoever stands behind the last row that begins at or before a
    port finds each row that covers it at most that many rows before the nearest one.
    """
    import bisect

    firsts = [row.first for row in rows if row.first is not None]
    behind = 0
    for place, row in enumerate(rows[: len(firsts)]):
        if row.last is not None:
            behind = max(behind, bisect.bisect_right(firsts, row.last) - place - 1)
    return behind


def render_registry(rows: Iterable[Assignment], sources: Sequence[Source]) -> str:
    """The text of ``registry.tsv``: a header, the sorted *rows*, and ``#end``.

    ``sources[0]`` is the one the rows come from. A row's ``as_of["registration"]`` is the date
    of one of *sources*, which names it; ValueError if it is no source's.
    """
    ordered = sort_rows(rows)
    ids = {source.as_of: source.id for source in reversed(sources) if source.as_of}
    header = [
        ("portbook", "registry/1"),
        ("as_of", sources[0].as_of or ""),
        ("lookback", str(lookback(ordered))),
    ]
    header += [
        (f"source:{source.id}", "\t".join((source.as_of or "", source.what, source.url or "")))
        for source in sources
    ]
    header.append(("columns", "\t".join(COLUMNS)))
    lines = [f"#{name}\t{value}".rstrip("\t") for name, value in header]
    for row in ordered:
        date = row.as_of.get("registration")
        if date is not None and date not in ids:
            raise ValueError(f"no source is of {date}, as a row of port {row.first} is")
        lines.append(_line(_cells(row, "" if date is None else ids[date])))
    lines.append("#end")
    return "\n".join(lines) + "\n"


def _cells(row: Assignment, registration: str) -> list[str | None]:
    return [
        "-" if row.first is None else str(row.first),
        "-" if row.last is None else str(row.last),
        row.transport,
        row.state,
        row.service_name,
        row.description,
        " ".join(reference.replace(" ", _NO_BREAK_SPACE) for reference in row.references),
        "|".join(row.aliases),
        row.assignee,
        row.registered,
        row.modified,
        row.unauthorized_use,
        row.notes,
        row.service_code,
        registration,
    ]


def _line(cells: Sequence[str | None]) -> str:
    line = "\t".join([cell or "" for cell in cells])
    # Few rows have anything to escape.
    if "\\" in line or "\n" in line or "\r" in line or line.count("\t") >= len(cells):
        line = "\t".join([escape_cell(cell or "") for cell in cells])
    return line.rstrip("\t")


# -- states and blocks ------------------------------------------------------------------------


def states_of(rows: Iterable[Assignment], transport: Transport) -> list[State]:
    """The state of each of the 65,536 ports for one *transport*.

    A row for the transport beats a row that states none. A row that states none holds for all
    four if it names no service, else for tcp and udp. RFC 6335 §6: Dynamic Ports are never
    assigned.
    """
    return [_BY_STRENGTH[strength] for strength in _strengths(rows)[transport]]


# What says most of a port, last; what no row speaks of is unassigned as well.
_BY_STRENGTH = (
    State.UNASSIGNED,
    State.UNASSIGNED,
    State.RESERVED,
    State.ASSIGNED,
    State.DYNAMIC,
)
_STRENGTH = {state: strength for strength, state in enumerate(_BY_STRENGTH)}
# For each strength what becomes of the others beside it: a table of bytes.translate.
_STRONGER = [bytes(max(strength, other) for other in range(256)) for strength in range(5)]


def _strengths(rows: Iterable[Assignment]) -> dict[Transport, bytearray]:
    """The states of the ports by their strength, a byte each, for each transport."""
    own = {transport: bytearray(PORTS) for transport in Transport}
    everyday, shared = bytearray(PORTS), bytearray(PORTS)
    spans: list[tuple[Transport, slice]] = []
    for row in rows:
        first, last, transport = row.first, row.last, row.transport
        if first is None or last is None:
            continue
        strength = _STRENGTH[row.state]
        span = slice(first, last + 1)
        if transport is not None:
            targets: tuple[bytearray, ...] = (own[transport],)
            spans.append((transport, span))
        elif row.service_name is None:
            targets = (everyday, shared)
        else:
            targets = (everyday,)
        for target in targets:
            if first == last:
                target[first] = max(target[first], strength)
            else:
                target[span] = target[span].translate(_STRONGER[strength])
    found = {
        transport: bytearray(everyday if transport in (Transport.TCP, Transport.UDP) else shared)
        for transport in Transport
    }
    for transport, span in spans:
        found[transport][span] = own[transport][span]
    for strengths in found.values():
        strengths[DYNAMIC_PORTS.first :] = bytes([_STRENGTH[State.DYNAMIC]]) * DYNAMIC_PORTS.size
    return found


def headlines(rows: Iterable[Assignment]) -> list[State]:
    """The state of each port in one word: assigned if any transport is, else reserved if any is."""
    return [_BY_STRENGTH[strength] for strength in map(max, *_strengths(rows).values())]


def find_blocks(rows: Iterable[Assignment]) -> tuple[Block, ...]:
    """The maximal runs of one headline state inside each range, by first port.

    A block's rank is 1 and the number of strictly longer blocks of its state in its range.
    """
    states = headlines(rows)
    runs: list[tuple[str, State, int, int]] = []
    for part in RANGES:
        first = part.first
        for state, ports in groupby(states[part.first : part.last + 1]):
            last = first + sum(1 for _ in ports) - 1
            runs.append((part.name, state, first, last))
            first = last + 1
    sizes: dict[tuple[str, State], list[int]] = {}
    for name, state, first, last in runs:
        sizes.setdefault((name, state), []).append(last - first + 1)
    for each in sizes.values():
        each.sort()
    return tuple(
        Block(
            state=state,
            first=first,
            last=last,
            range=name,
            rank=1 + _longer(sizes[name, state], last - first + 1),
            of=len(sizes[name, state]),
        )
        for name, state, first, last in runs
    )


def _longer(sizes: Sequence[int], size: int) -> int:
    """How many of the sorted *sizes* are larger than *size*."""
    import bisect

    return len(sizes) - bisect.bisect_right(sizes, size)


def render_blocks(blocks: Iterable[Block]) -> str:
    """The text of ``blocks.tsv``: a header, a row a block by first port, and ``#end``."""
    lines = ["#portbook\tblocks/1", "#columns\t" + "\t".join(BLOCK_COLUMNS)]
    for block in sorted(blocks, key=lambda block: block.first):
        cells = (block.first, block.last, block.range, block.state, block.rank, block.of)
        lines.append("\t".join(map(str, cells)))
    return "\n".join([*lines, "#end"]) + "\n"
