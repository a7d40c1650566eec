"""Terms found by going through all of the text, which needs nothing made beforehand.

One search goes through it in 2 ms; to make a vocabulary of the same takes 200.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from portbook.catalog.text_index.spelling import Spellings
from portbook.catalog.text_index.vocabulary import Terms, Vocabulary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Scan(Terms):
    """*lines*, and which entry each is of: line number i is one of entry *of[i]*.

    A term is a whole line, or with *words* one of its words, which single blanks separate. No line
    holds a line feed.

    >>> names = Scan(["http", "https", "ssh", "secure shell"], [1, 2, 3, 3])
    >>> names.beginning("htt"), names.containing("tps"), names.exact("shell")
    ({1, 2}, {2}, set())
    >>> Scan(["http", "https", "ssh", "secure shell"], [1, 2, 3, 3], words=True).exact("shell")
    {3}
    """

    def __init__(self, lines: Sequence[str], of: Sequence[int], *, words: bool = False) -> None:
        self._of = of
        self._words = words
        self._edge = " " if words else "\n"
        between = " \n " if words else "\n"
        self._text = between + between.join(lines) + between
        self._starts: list[int] = []  # where the line feed in front of each line stands
        self._spellings: Spellings | None = None

    def exact(self, term: str) -> set[int]:
        return self._holding(f"{self._edge}{term}{self._edge}")

    def beginning(self, prefix: str) -> set[int]:
        return self._holding(f"{self._edge}{prefix}")

    def containing(self, part: str) -> set[int]:
        return set() if "\n" in part else self._holding(part)

    def near(self, text: str, least: float) -> dict[str, float]:
        if self._spellings is None:
            self._spellings = Spellings(self._terms())
        return self._spellings.near(text, least)

    def vocabulary(self) -> Vocabulary:
        """The same terms, ready for one question after the other."""
        entries: dict[str, list[int]] = {}
        for line, entry in zip(self._lines(), self._of, strict=True):
            for term in line.split() if self._words else (line,):
                places = entries.setdefault(term, [])
                if not places or places[-1] != entry:
                    places.append(entry)
        return Vocabulary(entries)

    def _lines(self) -> list[str]:
        return self._text.split("\n")[1:-1] if self._of else []

    def _terms(self) -> Iterable[str]:
        return set(self._text.split() if self._words else self._lines())

    def _holding(self, part: str) -> set[int]:
        """The entries with a line that holds *part*, in which a line feed is where lines begin."""
        text, of = self._text, self._of
        found: set[int] = set()
        at = text.find(part)
        if at < 0:
            return found
        if not self._starts:
            lengths = map(len, text.split("\n")[:-1])
            self._starts = list(accumulate(lengths, lambda at, length: at + length + 1))
        starts = self._starts
        while at >= 0:
            line = bisect_right(starts, at)
            found.add(of[line - 1])
            if line == len(of):
                break
            at = text.find(part, starts[line])
        return found
