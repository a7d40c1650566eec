"""One search of all that is on record: services, products, programs and reports of abuse.

Every hit says why it matched. A name comes first, then names that begin with the text, names that
hold it, descriptions with its words, and last what is of a similar spelling. A product comes before
what is named after it: its port in a store of apps, its exporter. Among hits that fit as well, what
people meet comes first, then what has a port, then short names. The site's script
(``web/assets/find.js``) has the same rule, and a test holds both to the same hits.

>>> from portbook.catalog import Catalog
>>> index(Catalog()).search("postgress")[0].name
'postgresql'
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from portbook._fast_types import NamedTuple
from portbook.catalog.search_entries import OF_ANOTHER, entries_of
from portbook.catalog.text_index import (
    ALIKE,
    Scan,
    Terms,
    fold,
    fold_each,
    words_in_each,
    words_of,
)
from portbook.model import LAST_PORT
from portbook.model.practice import WIDE
from portbook.model.search import SearchStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from portbook.catalog import Catalog
    from portbook.catalog.search_entries import Entry, Number

SIMILAR = 45  # the highest score of a similar spelling
_SIMILAR_WORD = 40  # and of a similar word of a description
_SURE = 38  # the score of a slip so small that it is worth a line beside other hits
_BEGINS = 90  # the score of a name that begins with the text
_PART, _BEST_PART = 80, 92  # the scores of names that hold the text, and are not it
_OF_ANOTHER = 79  # the score of such a name of what is named after a product
_SHORT = 3  # letters of a word in which a slip makes another word


class Match(NamedTuple):
    """A service that a search found; ``score`` is 0 to 100, ``why`` names what matched."""

    score: int
    why: str
    service_name: str | None
    description: str | None
    ports: tuple[Number, ...]


class Hit(NamedTuple):
    """One result of a search; ``rows`` are the uses, programs or reports that it stands for."""

    score: int
    why: str
    store: SearchStore
    name: str | None
    description: str | None
    ports: tuple[Number, ...]
    registered: bool = False
    rows: tuple[Any, ...] = ()


class Hits(Sequence[Hit]):
    """The hits of a search, best first; each is made when it is looked at.

    One letter finds thousands, of which nobody looks at more than a page.
    """

    __slots__ = ("_entries", "_kinds")

    def __init__(self, entries: list[Entry], kinds: list[tuple[int, str, list[int]]]) -> None:
        self._entries = entries
        self._kinds = kinds  # score, why, and the places of the entries that they hold for

    def __len__(self) -> int:
        return sum([len(places) for _, _, places in self._kinds])

    def __iter__(self) -> Iterator[Hit]:
        for score, why, places in self._kinds:
            for place in places:
                entry = self._entries[place]
                yield Hit(
                    score=score,
                    why=why,
                    store=entry.store,
                    name=entry.name,
                    description=entry.shown or None,
                    ports=entry.sorted_numbers(),
                    registered=entry.registered,
                    rows=tuple(entry.rows),
                )

    def __getitem__(self, at: Any) -> Any:  # a Hit, or for a slice a tuple of them
        if isinstance(at, slice):
            first, last, step = at.indices(len(self))
            return tuple(islice(self, first, last, step) if step > 0 else tuple(self)[at])
        place = range(len(self))[at]  # raises IndexError as any sequence does
        return next(islice(self, place, None))

    def none(self) -> Hits:
        """No hits of the same index."""
        return Hits(self._entries, [])

    def of(self, store: SearchStore) -> Hits:
        """Those of one store, in the same order."""
        entries = self._entries
        kinds = [
            (score, why, [place for place in places if entries[place].store is store])
            for score, why, places in self._kinds
        ]
        return Hits(entries, [kind for kind in kinds if kind[2]])


class Matches(Sequence[Match]):
    """The services among *hits*."""

    __slots__ = ("_hits",)

    def __init__(self, hits: Hits) -> None:
        self._hits = hits.of(SearchStore.MATCHES)

    def __len__(self) -> int:
        return len(self._hits)

    def __getitem__(self, at: Any) -> Any:
        hits = self._hits[at]
        return tuple(map(_match, hits)) if isinstance(at, slice) else _match(hits)

    def __iter__(self) -> Iterator[Match]:
        return map(_match, self._hits)


def _match(hit: Hit) -> Match:
    name = hit.name if hit.registered else None
    return Match(
        score=hit.score,
        why=hit.why,
        service_name=name,
        description=hit.description,
        ports=hit.ports,
    )


class Index:
    """*entries*, ready to be searched.

    A search takes a few ms of processor time, and once prepared some 0.5, and a few where
    thousands of entries match or hundreds of spellings come near (``benchmarks/search.py``).
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        # An entry's number is its place among entries that fit as well.
        self.entries = sorted(entries, key=lambda entry: entry.order)
        good: list[str] = []
        names: list[str] = []
        whose_good: list[int] = []
        whose: list[int] = []
        for place, entry in enumerate(self.entries):
            called = [name for name in (entry.name, *entry.called) if name]
            good += called
            whose_good += [place] * len(called)
            called += [name for name in entry.aliases if name]
            names += called
            whose += [place] * len(called)
        names = fold_each(names)
        worded = words_in_each(names)
        texts = fold_each([f"{entry.shown} {entry.extra}" for entry in self.entries])
        every = range(len(self.entries))
        self._of_another = {place for place in every if self.entries[place].of_another}
        in_names = [""] * len(every)
        for place, words in zip(whose, worded, strict=True):
            in_names[place] += f" {words}"
        self._good: Terms = Scan(fold_each(good), whose_good)
        self._names: Terms = Scan(names, whose)
        self._phrases: Terms = Scan(worded, whose)
        self._runs: Terms = Scan([words.replace(" ", "") for words in worded], whose)
        self._words: Terms = Scan(in_names, every, words=True)
        both = [f"{a} {b}" for a, b in zip(in_names, words_in_each(texts), strict=True)]
        self._all_words: Terms = Scan(both, every, words=True)
        self._texts = Scan(texts, every)

    def search(self, text: str) -> Hits:
        """All that *text* finds, best first.

        Spellings nearly so come last, and only where no name begins with the text: "P-Server" is
        part of other names, and may yet be a slip for PS-Server.
        """
        wanted = fold(text)
        kinds: list[tuple[int, str, list[int]]] = []
        if not wanted:
            return Hits(self.entries, kinds)
        matched: set[int] = set()
        for score, why, places in self._by_kind(wanted):
            new = set(places) - matched
            if new:
                matched |= new
                kinds.append((score, why, sorted(new)))
        if (not kinds or kinds[0][0] < _BEGINS) and not wanted.isdigit():
            least = _SURE if kinds else 0
            kinds += (
                (score, why, [place])
                for score, why, place in self._near(wanted)
                if score >= least and place not in matched
            )
        return Hits(self.entries, kinds)

    def prepare(self) -> None:
        """Makes ready for many searches, which then take a quarter of the time; 500 ms."""
        for entry in self.entries:
            entry.sorted_numbers()
        self._names = _ready(self._names, parts=True, spellings=True)
        self._words = _ready(self._words, spellings=True)
        self._all_words = _ready(self._all_words, spellings=True)
        self._good = _ready(self._good)
        self._phrases = _ready(self._phrases)
        self._runs = _ready(self._runs)
        self._texts.prepare()  # looked through in one pass either way

    def _by_kind(self, wanted: str) -> Iterator[tuple[int, str, Iterable[int]]]:
        """As :meth:`_exact`, with what is named after a product behind all else that is named so,
        but where it is asked for.
        """
        last = self._of_another if OF_ANOTHER.isdisjoint(words_of(wanted)) else set[int]()
        late: set[int] = set()
        for score, why, places in self._exact(wanted):
            if _PART <= score <= _BEST_PART:
                late |= last.intersection(places)
                yield score, why, set(places) - last
                continue
            if score < _PART:
                yield _OF_ANOTHER, "part of the name", late
                late = set()
            yield score, why, places
        yield _OF_ANOTHER, "part of the name", late

    def _exact(self, wanted: str) -> Iterator[tuple[int, str, Iterable[int]]]:
        """Kinds of hits, the best kind first: score, why, and the places of the entries."""
        words = words_of(wanted)
        phrase, run = " ".join(words), "".join(words)
        yield 100, "name", self._good.exact(wanted)
        yield 98, "another name of it", self._names.exact(wanted)
        if words:
            yield 97, "another name of it", self._phrases.exact(phrase)
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= 5:
            yield 95, "number", self._holding(int(wanted))
            yield 93, "number", self._holding(int(wanted), wide=True)
        # Numbers and words of two letters stand in many a text.
        telling = any(len(word) >= _SHORT and not word.isdigit() for word in words)
        if words:
            yield 92, "start of the name", self._phrases.beginning(f"{phrase} ")
        if telling:
            yield 91, "words of the name", self._words.with_all(words)
        yield _BEGINS, "start of the name", self._names.beginning(wanted)
        if len(run) > 1:
            yield 84, "start of the name", self._runs.beginning(run)
        if telling:
            yield 82, "starts of words in the name", self._words.with_all_begun(words)
        if len(wanted) > 1:
            yield 80, "part of the name", self._names.containing(wanted)
        if telling:
            yield 70, "in the description", self._all_words.with_all(words)
            yield 60, "starts of words in the description", self._all_words.with_all_begun(words)
        if len(wanted) > 2:
            yield 50, "part of the description", self._texts.containing(wanted)

    def _holding(self, port: int, *, wide: bool = False) -> list[int]:
        """The entries with *port*; of those that are no services, with *wide* those of wide spans,
        which say little of one port, and else the others.
        """
        if port > LAST_PORT:
            return []
        return [
            place
            for place, entry in enumerate(self.entries)
            if any(
                first <= port <= last
                and (last - first >= WIDE and entry.store is not SearchStore.MATCHES) is wide
                for first, last, _ in entry.numbers
            )
        ]

    def _near(self, wanted: str) -> Iterator[tuple[int, str, int]]:
        """Entries of a similar spelling, best first: the score, why, and the place of each.

        A name outdoes a word of a description; a whole name, one that holds the similar word.
        """
        best: dict[int, tuple[int, int]] = {}
        for rank, vocabulary, weight, shortest in (
            (2, self._all_words, _SIMILAR_WORD, _SHORT + 1),
            (1, self._words, SIMILAR, _SHORT + 1),
            (0, self._names, SIMILAR, 0),
        ):
            scores: dict[int, int] = {}
            for term, ratio in vocabulary.near(wanted, ALIKE).items():
                if len(term) >= shortest:
                    score = int(ratio * weight)
                    for place in vocabulary.exact(term):
                        scores[place] = max(score, scores.get(place, 0))
            for place, score in scores.items():
                held = best.get(place)
                if held is None or held[1] == 2 or score >= -held[0]:
                    best[place] = (-score, rank)
        whys = ("a similar name", "a similar name", "a similar word")
        for (score, rank), place in sorted((found, place) for place, found in best.items()):
            yield -score, whys[rank], place


def _ready(terms: Terms, *, parts: bool = False, spellings: bool = False) -> Terms:
    if isinstance(terms, Scan):
        terms = terms.vocabulary()
        terms.prepare(parts=parts, spellings=spellings)
    return terms


def index(catalog: Catalog) -> Index:
    """The index of *catalog*, made with the first search and held with it.

    Raises DataMissing or DataCorrupt where a file is damaged.
    """
    return catalog.derived(_index)


def _index(catalog: Catalog) -> Index:
    return Index(entries_of(catalog))
