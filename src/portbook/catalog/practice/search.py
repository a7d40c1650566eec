"""Finding uses by what people remember of them: a product's name, part of one, words, a typo."""

from __future__ import annotations

from portbook.catalog.text_index import ALIKE, Vocabulary, postings, words_of, words_of_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.model import Use

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
        """The uses of products with a name or a word similar to *text*, by rank."""
        near = self._spelled.near(" ".join(words_of(text)), ALIKE)
        places = {place for word in near for place in self._spelled.exact(word)}
        return tuple([self._uses[place] for place in sorted(places)])

    def prepare(self) -> None:
        """Makes now what searches would make when they first need it."""
        self._spelled.prepare()
