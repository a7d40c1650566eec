"""Finding services by what people remember of them: a name, part of one, words, a typo.

Every result says why it matched. Exact names come first, then names that begin with the text,
names that hold it, descriptions that hold every word, and last what is of a similar spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from portbook._fast_types import NamedTuple
from portbook.catalog.text_index import ALIKE, Vocabulary, fold, postings, words_of_each
from portbook.model import LAST_PORT, PORTS, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from typing import Any

    from portbook.catalog.registry.lookup import Registry
    from portbook.catalog.registry.tsv_reader import Store

    Number = tuple[int, int, Transport | None]

_SURE = 38  # the score of a slip so small that it is worth a line beside other matches
SIMILAR = 45  # the highest score of a similar spelling
_BEGINS = 90  # the score of a name that begins with the text
_SHORT = 3  # letters of a word in which a slip makes another word


class Match(NamedTuple):
    """One result of a search, best first by ``score`` (0 to 100); ``why`` names what matched."""

    score: int
    why: str
    service_name: str | None
    description: str | None
    ports: tuple[Number, ...]


class _Service:
    """The rows of one service, or of one description where there is no name, as one entry."""

    __slots__ = ("_numbers", "_sorted", "aliases", "description", "lowest", "name", "text")

    def __init__(self, name: str | None, description: str | None) -> None:
        self.name = name
        self.description = description
        self.aliases: tuple[str, ...] = ()
        self.lowest = PORTS  # one more than the last port, where there is no number
        self.text = ""
        self._numbers: list[Number] = []
        self._sorted: tuple[Number, ...] | None = None

    def add(self, title: str | None, number: Number | None, aliases: tuple[str, ...]) -> None:
        """Adds a row of it."""
        if aliases:
            self.aliases += aliases
        if number is not None:
            self._numbers.append(number)
            self.lowest = min(self.lowest, number[0])
        if title:
            text = title.lower()
            if text not in self.text:
                self.text = f"{self.text} {text}".strip()

    def sorted_numbers(self) -> tuple[Number, ...]:
        """Its ports in order, each with its transport."""
        if self._sorted is None:
            self._sorted = tuple(sorted(set(self._numbers), key=_by_number))
        return self._sorted

    @property
    def names(self) -> set[str]:
        """All that it is called, in lower case."""
        return {name.lower() for name in (self.name, *self.aliases) if name}

    @property
    def order(self) -> tuple[int, int, str]:
        """Its place among services that match as well: short names first, then low ports."""
        name = self.name or self.description or ""
        return (len(name), self.lowest, name)


class Index:
    """The services of the registry in *store*, ready to be searched.

    A search takes some 0.3 ms of processor time, and under 2 ms where thousands of services match
    or hundreds of spellings come near (``benchmarks/search.py``). Raises DataCorrupt where *store*
    is damaged.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        services: dict[str, _Service] = {}
        for name, title, number, aliases in store.assigned():
            key = _key(name, title)
            service = services.get(key)
            if service is None:
                service = services[key] = _Service(name, title)
            service.add(title, number, aliases)
        entries = sorted(services.items(), key=lambda entry: entry[1].order)
        # An entry's number is its place among entries that match as well.
        self._services = [service for _, service in entries]
        self._places = {key: place for place, (key, _) in enumerate(entries)}
        self._names = Vocabulary(postings([service.names for service in self._services]))
        texts = [service.text for service in self._services]
        self._texts = Vocabulary(postings([(text,) for text in texts]))
        self._words = Vocabulary(postings([set(words) for words in words_of_each(texts)]))

    def search(self, text: str) -> Matches:
        """All that matches *text*, best first.

        Spellings nearly so come last, and only where no name begins with the text: "P-Server" is
        part of other names, and may yet be a slip for PS-Server.
        """
        wanted = fold(text)
        kinds: list[tuple[int, str, list[int]]] = []
        if not wanted:
            return Matches(self._match, kinds)
        matched: set[int] = set()
        for score, why, places in self._exact(wanted):
            new = places - matched
            if new:
                matched |= new
                kinds.append((score, why, sorted(new)))
        if not kinds or kinds[0][0] < _BEGINS:
            near = sorted((-score, place, why) for place, (score, why) in self._near(wanted))
            least = _SURE if kinds else 0
            kinds += (
                (-score, why, [place])
                for score, place, why in near
                if -score >= least and place not in matched
            )
        return Matches(self._match, kinds)

    def prepare(self) -> None:
        """Makes now what searches would make when they first need it; 100 ms."""
        for service in self._services:
            service.sorted_numbers()
        for vocabulary in (self._names, self._words):
            vocabulary.prepare()
        self._texts.prepare(spellings=False)

    def _exact(self, wanted: str) -> Iterator[tuple[int, str, AbstractSet[int]]]:
        """Kinds of matches, the best kind first: score, why, and the places of the services."""
        words = wanted.split()
        place = self._places.get(wanted)
        yield 100, "name", set() if place is None else {place}
        yield 98, "another name of it", set(self._names.exact(wanted))
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= 5:
            yield 95, "number", self._holding(int(wanted))
        yield _BEGINS, "start of the name", self._names.beginning(wanted)
        if len(wanted) > 1:
            yield 80, "part of the name", self._names.containing(wanted)
        yield 70, "in the description", self._words.with_all(words)
        yield 60, "starts of words in the description", self._words.with_all_begun(words)
        if len(wanted) > 2:
            yield 50, "part of the description", self._texts.containing(wanted)

    def _holding(self, port: int) -> set[int]:
        rows = self._store.covering(port) if port <= LAST_PORT else ()
        assigned = [row for row in rows if row.state is State.ASSIGNED]
        return {self._places[_key(row.service_name, row.title)] for row in assigned}

    def _near(self, wanted: str) -> Iterable[tuple[int, tuple[int, str]]]:
        """Services of a similar spelling: the place of each, with the score and why."""
        near: dict[int, tuple[int, str]] = {}
        for vocabulary, shortest, weight, why in (
            (self._words, _SHORT + 1, 40, "a similar word"),
            (self._names, 0, SIMILAR, "a similar name"),
        ):
            best: dict[int, float] = {}
            for term, ratio in vocabulary.near(wanted, ALIKE).items():
                if len(term) >= shortest:
                    for place in vocabulary.exact(term):
                        best[place] = max(ratio, best.get(place, 0.0))
            # A name outdoes a word, whatever its score.
            near.update({place: (int(ratio * weight), why) for place, ratio in best.items()})
        return near.items()

    def _match(self, place: int, score: int, why: str) -> Match:
        service = self._services[place]
        return Match(score, why, service.name, service.description, service.sorted_numbers())


class Matches(Sequence[Match]):
    """The matches of a search, best first; each is made when it is looked at.

    One letter matches thousands of services, of which nobody looks at more than a page.
    """

    __slots__ = ("_kinds", "_make")

    def __init__(
        self, make: Callable[[int, int, str], Match], kinds: list[tuple[int, str, list[int]]]
    ) -> None:
        self._make = make
        self._kinds = kinds  # score, why, and the places of the services that they hold for

    def __len__(self) -> int:
        return sum([len(places) for _, _, places in self._kinds])

    def __iter__(self) -> Iterator[Match]:
        for score, why, places in self._kinds:
            for place in places:
                yield self._make(place, score, why)

    def __getitem__(self, at: Any) -> Any:  # a Match, or for a slice a tuple of them
        if isinstance(at, slice):
            first, last, step = at.indices(len(self))
            return tuple(islice(self, first, last, step) if step > 0 else tuple(self)[at])
        place = range(len(self))[at]  # raises IndexError as any sequence does
        return next(islice(self, place, None))


def _key(name: str | None, title: str | None) -> str:
    """What the rows of one service have in common."""
    return (name or f"\n{title}").lower()


def _by_number(number: Number) -> tuple[int, int, str]:
    return (number[0], number[1], number[2] or "")


def index(registry: Registry) -> Index:
    """The index of *registry*, made with the first search and held with it."""
    return registry.derived(_index)


def _index(registry: Registry) -> Index:
    return Index(registry.store)


def search(registry: Registry, text: str) -> Matches:
    """What *text* finds in *registry*, best first."""
    return index(registry).search(text)
