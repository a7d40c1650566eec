"""Finding uses and reports by what people remember of them: a name, part of one, words, a typo."""

from __future__ import annotations

from portbook.catalog.text_index import ALIKE, Vocabulary, postings, words_of, words_of_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.model import Report, Use

_SHORT = 3  # letters of a word in which a slip makes another word


class UseIndex:
    """*uses*, ready to be searched.

    >>> from portbook.model import Transport, Use
    >>> where = ("https://example.org/", "2026-11-21")
    >>> use = Use("AirPlay Receiver", "default", Transport.TCP, 5000, 5000, "RTSP.", *where)
    >>> index = UseIndex([use])
    >>> [found.first for found in index.search("airplay")], index.search("air plane")
    ([5000], ())
    >>> [found.first for found in index.near("recever")]
    [5000]
    """

    def __init__(self, uses: Iterable[Use]) -> None:
        # An entry's number is its place among uses that fit as well.
        self._uses = sorted(uses, key=lambda use: (use.rank, use.first, use.transport))
        names = [use.product for use in self._uses]
        products = words_of_each(names)
        summaries = words_of_each([use.summary for use in self._uses])
        self._products = Vocabulary(postings([(" ".join(words),) for words in products]))
        self._runs = Vocabulary(postings([("".join(words),) for words in products]))
        self._words = Vocabulary(postings(map(set, products)))
        self._all_words = Vocabulary(
            postings([{*product, *rest} for product, rest in zip(products, summaries, strict=True)])
        )
        self._spelled = Vocabulary(
            postings(
                [
                    {word for word in (name.lower(), *words) if len(word) > _SHORT}
                    for name, words in zip(names, products, strict=True)
                ]
            )
        )

    def search(self, text: str) -> tuple[Use, ...]:
        """The uses that *text* finds: best first, then by :attr:`Use.rank`.

        A product that is called so comes first, then names that begin with the text, names that
        hold its words, and summaries that do.
        """
        words = words_of(text)
        if not words:
            return ()
        found: dict[int, None] = {}
        for places in self._ranked(words):
            found.update(dict.fromkeys(sorted(places)))
        return tuple([self._uses[place] for place in found])

    def _ranked(self, words: list[str]) -> Iterator[Iterable[int]]:
        """The places of the uses that fit, those that fit best first; some come again."""
        phrase, run = " ".join(words), "".join(words)
        yield self._products.exact(phrase)
        yield self._products.beginning(f"{phrase} ")
        yield self._words.with_all(words)
        if len(run) > 1:
            yield self._runs.beginning(run)
            yield self._words.with_all_begun(words)
        # Ports and short words stand in many a summary: the registry's index finds a number.
        if all(len(word) > _SHORT - 1 for word in words):
            yield self._all_words.with_all(words)

    def near(self, text: str) -> tuple[Use, ...]:
        """The uses of products with a name or a word similar to *text*, the most alike first.

        Of those, short names come before longer ones that hold the same word.
        """
        alike: dict[int, float] = {}
        for word, ratio in self._spelled.near(" ".join(words_of(text)), ALIKE).items():
            for place in self._spelled.exact(word):
                alike[place] = max(ratio, alike.get(place, 0.0))
        uses = self._uses
        order = [
            (-ratio, len(words_of(uses[place].product)), place) for place, ratio in alike.items()
        ]
        return tuple([uses[place] for *_, place in sorted(order)])

    def prepare(self) -> None:
        """Makes now what searches would make when they first need it."""
        self._spelled.prepare()


class ReportIndex:
    """*reports* of abuse, ready to be searched by what they are called and of what sort they are.

    >>> from portbook.model import Report, ReportKind, Threat, Transport
    >>> sorts = (ReportKind.PAPER, Threat.WORM, Transport.TCP)
    >>> where = ("2003", "Reported.", "https://example.org/", "2026-11-21")
    >>> index = ReportIndex([Report("Sasser", *sorts, 445, 445, *where)])
    >>> [len(index.search(text)) for text in ("sasser", "worm", "sas")], len(index.near("saser"))
    ([1, 1, 0], 1)
    """

    def __init__(self, reports: Iterable[Report]) -> None:
        self._reports = tuple(reports)
        subjects = words_of_each([report.subject for report in self._reports])
        sorts = [report.threat for report in self._reports]
        self._subjects = Vocabulary(postings([(" ".join(words),) for words in subjects]))
        self._words = Vocabulary(
            postings([{*words, sort} for words, sort in zip(subjects, sorts, strict=True)])
        )
        self._spelled = Vocabulary(
            postings([{word for word in words if len(word) > _SHORT} for words in subjects])
        )

    def search(self, text: str) -> tuple[Report, ...]:
        """The reports with each word of *text* in what they name or in its sort, by port.

        Those that are called *text* and nothing else come first. Numbers and words of two letters
        find a subject only where *text* is all of it.
        """
        words = words_of(text)
        if not words:
            return ()
        places = dict.fromkeys(self._subjects.exact(" ".join(words)))
        if all(len(word) > _SHORT - 1 and not word.isdigit() for word in words):
            places.update(dict.fromkeys(sorted(self._words.with_all(words))))
        return tuple([self._reports[place] for place in places])

    def near(self, text: str) -> tuple[Report, ...]:
        """The reports with a word similar to each word of *text* in what they name, by port."""
        found: set[int] | None = None
        words = words_of(text)
        for word in words if any(len(word) > _SHORT for word in words) else ():
            similar = {word: 1.0} if len(word) <= _SHORT else self._spelled.near(word, ALIKE)
            places = {place for term in similar for place in self._words.exact(term)}
            found = places if found is None else found & places
        return tuple([self._reports[place] for place in sorted(found or ())])
