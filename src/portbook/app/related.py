"""What is beside a port: other ports and programs that its whole page tells of as well."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.summary import counts_in, spans_citing, spans_named
from portbook.model import PortRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portbook.catalog import Catalog
    from portbook.catalog.registry.lookup import Registry
    from portbook.model import Neighbour, Program, Standing, State, Transport

# More places than this of one service or one document are counted instead of shown.
MOST = 8


class Shared(NamedTuple):
    """Other ports that share something with one: the ports, and how many there are in all."""

    what: str
    ports: tuple[tuple[int, int, Neighbour], ...]
    total: int


class Related(NamedTuple):
    """What is beside a port in the registry and in practice.

    ``counts`` are those of the port's range. ``implementing`` are programs that speak a service
    registered on it and have another default. ``same_service`` and ``same_document`` are other
    ports; ``swapped`` is the one that has the same two bytes in the other order, with its state.
    """

    counts: Mapping[State, int]
    implementing: tuple[Program, ...]
    same_service: tuple[Shared, ...]
    same_document: tuple[Shared, ...]
    swapped: Neighbour
    swapped_state: State


def swap_bytes(port: int) -> int:
    """The port that has the two bytes of *port* in the other order.

    >>> swap_bytes(80), swap_bytes(20480), swap_bytes(257)
    (20480, 80, 257)
    """
    return (port & 0xFF) << 8 | port >> 8


def related(
    port: int, standings: Mapping[Transport, Standing], here: Iterable[Program], catalog: Catalog
) -> Related:
    """What is beside *port*, which has *standings* in *catalog*, and *here* as its programs."""
    book = catalog.registry
    rows = [row for standing in standings.values() for row in standing.assignments]
    names = dict.fromkeys([row.service_name for row in rows if row.service_name])
    documents = dict.fromkeys(
        [reference for row in rows for reference in row.references if reference[:3] == "RFC"]
    )
    swapped = swap_bytes(port)
    return Related(
        counts_in(book, PortRange.of(port).name),
        _implementing(names, {*here}, catalog),
        _all_shared(names, spans_named, port, book),
        _all_shared(documents, spans_citing, port, book),
        book.neighbour(swapped),
        book.state(swapped),
    )


def _implementing(
    names: Iterable[str], here: set[Program], catalog: Catalog
) -> tuple[Program, ...]:
    """The programs of *names*, each once, without those that are *here*."""
    if catalog.registry.store.held:  # many ports are asked for
        by_service = catalog.derived(_by_service)
        speaking = [program for name in names for program in by_service.get(name.lower(), ())]
    else:
        speaking = [each for name in names for each in catalog.practice.programs_for(name)]
    return tuple(dict.fromkeys([program for program in speaking if program not in here]))


def _all_shared(
    subjects: Iterable[str],
    spans: Callable[[Registry, str], tuple[tuple[int, int], ...]],
    port: int,
    book: Registry,
) -> tuple[Shared, ...]:
    made = [_shared(each, spans(book, each), port, book) for each in subjects]
    return tuple([shared for shared in made if shared.total])


def _shared(what: str, spans: tuple[tuple[int, int], ...], port: int, book: Registry) -> Shared:
    others = [span for span in spans if not span[0] <= port <= span[1]]
    shown = tuple((first, last, book.neighbour(first)) for first, last in others[:MOST])
    return Shared(what, shown, len(others))


def _by_service(catalog: Catalog) -> Mapping[str, tuple[Program, ...]]:
    """The programs on record by the services that they speak."""
    speaking: dict[str, dict[Program, None]] = {}
    for program in catalog.practice.programs():
        for service in program.services:
            speaking.setdefault(service.lower(), {})[program] = None
    return {name: tuple(programs) for name, programs in speaking.items()}
