"""What a search can find, made of the registry, of what people meet on ports, and of reports."""

from __future__ import annotations

from portbook.catalog.text_index import fold
from portbook.model import PORTS, Transport
from portbook.model.practice import UseKind
from portbook.model.search import SearchStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from portbook.catalog import Catalog
    from portbook.model import KnownService, Program, Report, Use

    Number = tuple[int, int, Transport | None]

# What outdoes what among hits that fit as well; a use has a weight of 1 to 3.
_IN_FULL, _MET, _LISTED = 4, 3, 1
_PLACES = {store: place for place, store in enumerate(SearchStore)}
# What a store of apps assigns to a product, and what measures one, are named after the product.
_OF_ANOTHER = (" on TrueNAS", " on Umbrel", " exporter for Prometheus")
OF_ANOTHER = frozenset(fold(" ".join(_OF_ANOTHER)).split()) - {"on", "for"}
_TRANSPORTS = {transport: place for place, transport in enumerate((None, *Transport))}


class Entry:
    """One thing that can be found.

    ``name`` is what it is shown as, ``called`` are names as good as that, ``aliases`` are names
    that gave way to it. ``shown`` is said of it; ``extra`` is only searched. ``rows`` are what it
    was made of, of one store.
    """

    __slots__ = (
        "_sorted", "aliases", "called", "extra", "name", "numbers", "registered", "rows", "shown",
        "store", "weight",
    )  # fmt: skip

    def __init__(
        self, store: SearchStore, name: str | None, shown: str = "", weight: int = 0
    ) -> None:
        self.store = store
        self.name = name
        self.shown = shown
        self.weight = weight
        self.registered = store is SearchStore.MATCHES  # whether the name is one of the registry's
        self.called: tuple[str, ...] = ()
        self.aliases: tuple[str, ...] = ()
        self.extra = ""
        self.numbers: dict[Number, None] = {}
        self.rows: list[Any] = []
        self._sorted: tuple[Number, ...] | None = None

    def sorted_numbers(self) -> tuple[Number, ...]:
        """Its ports in order, each with its transport."""
        if self._sorted is None:
            self._sorted = tuple(sorted(self.numbers, key=_by_number))
        return self._sorted

    @property
    def of_another(self) -> bool:
        """Whether it is named after a product and isn't that product."""
        return self.store is SearchStore.USES and (self.name or "").endswith(_OF_ANOTHER)

    @property
    def names(self) -> list[str]:
        """All that it is called, in lower case."""
        return [fold(name) for name in (self.name, *self.called, *self.aliases) if name]

    @property
    def order(self) -> tuple[int, bool, int, int, int, str, str]:
        """Its place among entries that fit as well.

        What nobody is known to meet is told by short names first, the rest by low ports.
        """
        name = self.name or self.shown
        lowest = min([first for first, _, _ in self.numbers]) if self.numbers else PORTS
        length = 0 if self.weight else len(name)
        place = _PLACES[self.store]
        return (-self.weight, lowest == PORTS, place, length, lowest, name, self.shown)


def _by_number(number: Number) -> tuple[int, int, int]:
    return (number[0], number[1], _TRANSPORTS[number[2]])


def entries_of(catalog: Catalog) -> Iterator[Entry]:
    """All that can be found in *catalog*.

    Raises DataMissing or DataCorrupt where a file is damaged.
    """
    practice = catalog.practice
    uses = list(practice.uses())
    yield from _services(catalog)
    yield from _uses(uses, {program.name: program for program in practice.programs()})
    yield from _programs(practice.programs(), uses)
    yield from _reports(practice.abuse())


def _services(catalog: Catalog) -> Iterator[Entry]:
    """The registry's services, with what is known of those that people meet; then the others."""
    entries: dict[str, Entry] = {}
    titles: dict[str, dict[str, None]] = {}
    on: dict[tuple[int, int, Transport | None], list[str]] = {}
    for name, title, number, aliases in catalog.registry.store.assigned():
        key = (name or f"\n{title}").lower()
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = Entry(SearchStore.MATCHES, name, title or "")
        entry.aliases += aliases
        if number is not None:
            entry.numbers[number] = None
            on.setdefault(number, []).append(key)
        if title:
            titles.setdefault(key, {})[title] = None
    for key, entry in entries.items():
        entry.extra = " ".join([title for title in titles.get(key, ()) if title != entry.shown])
    met: dict[str, Entry] = {}
    for known in catalog.practice.services():
        key = _key_of(known, entries, on)
        joined = entries.get(key) or met.get(key)
        if joined is None:
            joined = met[key] = Entry(SearchStore.MATCHES, known.name)
            joined.registered = False
        if not joined.registered:
            joined.numbers[known.first, known.last, known.transport] = None
        _tell(joined, known)
    yield from entries.values()
    yield from met.values()


def _key_of(known: KnownService, entries: dict[str, Entry], on: dict[Number, list[str]]) -> str:
    """The key of the registry's service that *known* is; one of its own where there is none."""
    number = (known.first, known.last, known.transport)
    here = on.get(number) or on.get((known.first, known.last, None)) or []
    covered = [name.lower() for name in (*known.registered, known.name)]
    for name in covered:
        if name in here:
            return name
    for name in covered[:-1] if known.first != known.last else ():
        if name in entries:
            return name
    return f"\n\n{known.name.lower()}"


def _tell(entry: Entry, known: KnownService) -> None:
    weight = (_IN_FULL if known.people else _MET) if known.leads else _LISTED
    said = f"{known.name}: {known.gist}" if entry.registered else known.gist
    others = (known.name, *known.also_called)
    entry.called += tuple([name for name in others if name not in entry.called])
    if weight > entry.weight:
        entry.extra = f"{entry.shown} {entry.extra}".strip()
        entry.shown, entry.weight = said, weight
    if known.description not in entry.extra:
        entry.extra = f"{entry.extra} {said} {known.description}".strip()


def _uses(uses: Iterable[Use], programs: Mapping[str, Program]) -> Iterator[Entry]:
    """Products; uses that differ in their ports alone are one."""
    entries: dict[tuple[str, ...], Entry] = {}
    for use in uses:
        key = (use.product, use.kind, use.summary, use.source)
        weight = use.weight if use.leads and use.kind is not UseKind.LEGACY else 0
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = Entry(SearchStore.USES, use.product, use.summary, weight)
        entry.weight = max(weight, entry.weight)
        entry.numbers[use.first, use.last, use.transport] = None
        names = [name for each in use.programs for name in _names_of(programs[each])]
        entry.called = tuple(dict.fromkeys((*entry.called, *use.also_called, *names)))
        entry.rows.append(use)
    return iter(entries.values())


def _names_of(program: Program) -> tuple[str, ...]:
    """What a program goes by: its name here, its others, and those of its executables."""
    files = [path.rpartition("/")[2] for path in program.executables]
    return (program.name, *program.also_called, *[name for name in files if "*" not in name])


def _programs(programs: Iterable[Program], uses: list[Use]) -> Iterator[Entry]:
    """Server programs, with the ports that no use of the same product tells of."""
    told = {(name, use.first) for use in uses for name in (use.product, *use.programs)}
    for program in programs:
        names = (program.product, program.name)
        ports = [
            (port, on)
            for port, on in program.ports
            if told.isdisjoint([(name, port) for name in names])
        ]
        if ports:
            entry = Entry(SearchStore.PROGRAMS, program.product, "Server program", 1)
            entry.called = _names_of(program)
            entry.numbers = {(port, port, transport): None for port, transport in ports}
            entry.rows.append(program)
            yield entry


def _reports(reports: Iterable[Report]) -> Iterator[Entry]:
    """Reports of abuse; those that differ in their ports alone are one."""
    entries: dict[tuple[str, ...], Entry] = {}
    for report in reports:
        key = (report.subject, report.threat, report.period, report.summary, report.source)
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = Entry(SearchStore.ABUSE, report.subject, report.summary, 1)
            entry.extra = str(report.threat)
            entry.called = report.also_called
        entry.numbers[report.first, report.last, report.transport] = None
        entry.rows.append(report)
    return iter(entries.values())
