"""What stands around a port: facts of other ports and of programs that its page tells as well."""

from __future__ import annotations

from typing import NamedTuple

from portbook.catalog.registry.summary import shelf
from portbook.present.port.slots import own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.app.lookup import PortAnswer
    from portbook.catalog import Catalog
    from portbook.catalog.registry.lookup import Registry
    from portbook.model import Neighbour, Program, State
    from portbook.present.port.slots import Own

# More places than this of one service or one document are counted instead of shown.
MOST = 8


class Shared(NamedTuple):
    """Other ports that share something with one: the ports, and how many there are in all."""

    what: str
    ports: tuple[tuple[int, int, Neighbour], ...]
    total: int


class Around(NamedTuple):
    """What stands around one port.

    ``own`` is what follows from its number. ``counts`` are those of the port's range.
    ``programs`` have the port as a default of theirs, ``implementing`` are those that speak a
    service registered on it. ``same_service`` and ``same_document`` are other ports.
    """

    own: Own
    counts: Mapping[State, int]
    programs: tuple[Program, ...]
    implementing: tuple[Program, ...]
    same_service: tuple[Shared, ...]
    same_document: tuple[Shared, ...]


def swap_bytes(port: int) -> int:
    """The port that has the two bytes of *port* in the other order.

    >>> swap_bytes(80), swap_bytes(20480), swap_bytes(257)
    (20480, 80, 257)
    """
    return (port & 0xFF) << 8 | port >> 8


def around(answer: PortAnswer, catalog: Catalog) -> Around:
    """What stands around the port of *answer* in *catalog*."""
    book = catalog.registry
    stand = shelf(book)
    port = answer.port
    swapped = swap_bytes(port)
    rows = [row for standing in answer.standings.values() for row in standing.assignments]
    names = dict.fromkeys(row.service_name for row in rows if row.service_name)
    documents = dict.fromkeys(
        reference for row in rows for reference in row.references if reference.startswith("RFC")
    )
    by_port, by_service = catalog.derived(_programs)
    here = by_port.get(port, ())
    speaking = dict.fromkeys(
        program for name in names for program in by_service.get(name.lower(), ())
    )
    return Around(
        own(answer, book.neighbour(swapped), stand.state(swapped)),
        stand.by_range[answer.range.name],
        here,
        tuple(program for program in speaking if program not in here),
        tuple(
            shared
            for name in names
            if (shared := _shared(name, stand.named.get(name.lower(), ()), port, book)).total
        ),
        tuple(
            shared
            for each in documents
            if (shared := _shared(each, stand.citing.get(each, ()), port, book)).total
        ),
    )


def _shared(what: str, spans: tuple[tuple[int, int], ...], port: int, book: Registry) -> Shared:
    others = [span for span in spans if not span[0] <= port <= span[1]]
    shown = tuple((first, last, book.neighbour(first)) for first, last in others[:MOST])
    return Shared(what, shown, len(others))


def _programs(
    catalog: Catalog,
) -> tuple[Mapping[int, tuple[Program, ...]], Mapping[str, tuple[Program, ...]]]:
    """The programs on record by their default ports, and by the services that they speak."""
    by_port: dict[int, dict[Program, None]] = {}
    by_service: dict[str, dict[Program, None]] = {}
    for program in catalog.practice.programs():
        for port, _ in program.ports:
            by_port.setdefault(port, {})[program] = None
        for service in program.services:
            by_service.setdefault(service.lower(), {})[program] = None
    return (
        {port: tuple(programs) for port, programs in by_port.items()},
        {name: tuple(programs) for name, programs in by_service.items()},
    )
