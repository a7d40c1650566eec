"""What is beside a port: other ports and programs that its whole page tells of as well."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.catalog.registry.summary import counts_in, spans_citing, spans_named
from portbook.model import PORTS, Encryption, PortRange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.catalog import Catalog
    from portbook.catalog.registry.lookup import Registry
    from portbook.model import KnownService, Neighbour, Program, Standing, State, Transport, Use

# More places than this of one service or one document are counted instead of shown.
MOST = 8


# Documents about a transport, which say nothing of what its ports have in common.
_OF_TRANSPORTS = frozenset({"RFC4960", "RFC9260"})
# The products of a port that are looked for on others: so many, and from this weight on.
_MOST_PRODUCTS, _LEAST_WEIGHT, _GREATEST_WEIGHT = 3, 2, 3


class TieKind(StrEnum):
    """How another port is tied to one, by what people use both for."""

    ENCRYPTED = "encrypted"
    UNENCRYPTED = "unencrypted"
    OWN_PORT = "own-port"
    ELSEWHERE = "elsewhere"
    PRODUCT = "product"
    DIGITS = "digits"


class Tie(NamedTuple):
    """Another port of a service or a product, ``of``, that is met on one.

    ``kind`` says whether it is the twin with or without TLS, the service's own port, another port
    that it commonly has, one that the same product uses, or one whose number is this one's with two
    digits swapped, where people meet ``of``.
    """

    kind: TieKind
    of: str
    near: Neighbour


class Shared(NamedTuple):
    """Other ports that share something with one: the ports, and how many there are in all."""

    what: str
    ports: tuple[tuple[int, int, Neighbour], ...]
    total: int


class Related(NamedTuple):
    """What is beside a port in the registry and in practice.

    ``counts`` are those of the port's range. ``implementing`` are programs that speak a service
    registered on it and have another default. ``ties`` are the ports of the same services and
    products in practice, each once; ``same_service`` and ``same_document`` are other ports by the
    registry, without documents that add none to the ties. ``swapped`` is the one that has the same
    two bytes in the other order, with its state.
    """

    counts: Mapping[State, int]
    implementing: tuple[Program, ...]
    ties: tuple[Tie, ...]
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
    port: int,
    standings: Mapping[Transport, Standing],
    here: Iterable[Program],
    catalog: Catalog,
    *,
    uses: Iterable[Use],
    services: Iterable[KnownService],
) -> Related:
    """What is beside *port*, which has *standings* in *catalog*, *here* as its programs, and *uses*
    and *services* in practice, both as ranked there.
    """
    book = catalog.registry
    rows = [row for standing in standings.values() for row in standing.assignments]
    swapped, ties = swap_bytes(port), _ties(port, uses, services, catalog)
    beside = Related(
        counts=counts_in(book, PortRange.of(port).name),
        implementing=(),
        ties=ties,
        same_service=(),
        same_document=(),
        swapped=book.neighbour(swapped),
        swapped_state=book.state(swapped),
    )
    if not rows:  # of nine ports in ten, no more is related
        return beside
    names = dict.fromkeys([row.service_name for row in rows if row.service_name])
    documents = dict.fromkeys(
        [
            reference
            for row in rows
            for reference in row.references
            if reference[:3] == "RFC" and reference not in _OF_TRANSPORTS
        ]
    )
    tied = {tie.near.port for tie in ties}
    return beside._replace(
        implementing=_implementing(names, {*here}, catalog),
        same_service=_all_shared(names, spans_named, port, book),
        same_document=tuple(
            [
                shared
                for shared in _all_shared(documents, spans_citing, port, book)
                if not {first for first, _, _ in shared.ports} <= tied
            ]
        ),
    )


def _ties(
    port: int, uses: Iterable[Use], services: Iterable[KnownService], catalog: Catalog
) -> tuple[Tie, ...]:
    """The first :data:`MOST` ports that people use for the same as *port*, each once."""
    there: dict[int, tuple[TieKind, str]] = {}
    for known in services:
        if known.twin:
            plain = known.encryption is Encryption.ALWAYS
            kind = TieKind.UNENCRYPTED if plain else TieKind.ENCRYPTED
            there.setdefault(_span(known.twin)[0], (kind, known.name))
        for ports in known.elsewhere:
            there.setdefault(_span(ports)[0], (TieKind.ELSEWHERE, known.name))
    own, of_products, famed = catalog.derived(_elsewhere)
    for other, name in own.get(port, ()):
        there.setdefault(other, (TieKind.OWN_PORT, name))
    met = [one for one in uses if one.first == one.last and one.weight >= _LEAST_WEIGHT]
    leading = dict.fromkeys([use.product for use in met])
    for product in list(leading)[:_MOST_PRODUCTS]:
        for other in of_products[product]:
            there.setdefault(other, (TieKind.PRODUCT, product))
    there.pop(port, None)
    for other in filter(famed.__contains__, _swapped_digits(port)):
        famous = _famous(other, catalog)
        if famous is not None:
            there.setdefault(other, (TieKind.DIGITS, famous))
    shown = [*there.items()][:MOST]
    return tuple([Tie(kind, of, catalog.registry.neighbour(other)) for other, (kind, of) in shown])


def _swapped_digits(port: int) -> Iterator[int]:
    """The ports that differ from *port* by two digits beside each other.

    >>> list(_swapped_digits(3360)), list(_swapped_digits(305)), list(_swapped_digits(80))
    ([3630, 3306], [350], [])
    """
    for place in (1000, 100, 10, 1):  # of the lower of the two
        above, lower = divmod(port // place, 10)
        upper = above % 10
        if upper != lower and (lower or above >= 10) and above:
            swapped = port + (lower - upper) * 9 * place
            if swapped < PORTS:
                yield swapped


def _famous(port: int, catalog: Catalog) -> str | None:
    """What most people expect on *port*; None where that is no one thing."""
    uses = [use for use in catalog.practice.lookup_uses(port) if use.first == use.last]
    most = max([use.weight for use in uses], default=0)
    known = next(iter(catalog.practice.lookup_services(port)), None)
    if known is not None and known.leads and not known.is_outshone(uses):
        met = known.twin or known.exposure or most >= _LEAST_WEIGHT
        return known.name if met else None
    return uses[0].product if most == _GREATEST_WEIGHT else None


def _span(ports: str) -> tuple[int, int]:
    """The first of *ports* and the last, which name their transport.

    >>> _span("443/tcp"), _span("5901-5903/tcp")
    ((443, 443), (5901, 5903))
    """
    first, _, last = ports.partition("/")[0].partition("-")
    return int(first), int(last or first)


def _elsewhere(
    catalog: Catalog,
) -> tuple[Mapping[int, list[tuple[int, str]]], Mapping[str, list[int]], set[int]]:
    """By port, whose own port is another one; by product, the ports it uses alone; the ports that
    most people may expect something on.
    """
    own: dict[int, list[tuple[int, str]]] = {}
    famed: set[int] = set()
    for known in catalog.practice.services():
        famed.update(range(known.first, known.last + 1))
        for ports in known.elsewhere:
            first, last = _span(ports)
            for other in range(first, last + 1):
                own.setdefault(other, []).append((known.first, known.name))
    of_products: dict[str, list[int]] = {}
    for use in catalog.practice.uses():
        if use.first == use.last:
            of_products.setdefault(use.product, []).append(use.first)
            if use.weight == _GREATEST_WEIGHT:
                famed.add(use.first)
    return own, of_products, famed


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
