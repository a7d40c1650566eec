"""Terms, each with the entries that have it, and what can be asked of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate

from portbook.catalog.text_index.spelling import Spellings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet


class Terms(ABC):
    """What entries are called or told by, to be asked which of them a text fits.

    No term holds a line feed, and none is asked for that is empty.
    """

    @abstractmethod
    def exact(self, term: str) -> Collection[int]:
        """The entries that have *term*."""

    @abstractmethod
    def beginning(self, prefix: str) -> AbstractSet[int]:
        """The entries that have a term which begins with *prefix*."""

    @abstractmethod
    def containing(self, part: str) -> set[int]:
        """The entries that have a term which holds *part*."""

    @abstractmethod
    def near(self, text: str, least: float) -> dict[str, float]:
        """The terms that are like *text*, with how alike they are: *least* to 1, as difflib has it.

        See :meth:`portbook.catalog.text_index.spelling.Spellings.near`.
        """

    def with_all(self, terms: Iterable[str]) -> set[int]:
        """The entries that have each of *terms*, which are one at least."""
        few, *others = sorted(map(self.exact, set(terms)), key=len)
        return set(few).intersection(*others)

    def with_all_begun(self, prefixes: Collection[str]) -> AbstractSet[int]:
        """The entries that have a term that begins with each of *prefixes*, one at least."""
        found: AbstractSet[int] | None = None
        # The rarest first: what it leaves is all that the others are asked about.
        for prefix in sorted(set(prefixes), key=self._how_common):
            begun = self.beginning(prefix)
            found = begun if found is None else found & begun
            if not found:
                break
        return found or set()

    def _how_common(self, prefix: str) -> int:
        """A number that is lower, the fewer terms are likely to begin with *prefix*."""
        return -len(prefix)


class Vocabulary(Terms):
    """The terms of some entries; *entries* has the numbers of those that have each term.

    What a question needs beyond *entries* is made when the first such
    question comes: whoever asks once pays for what is asked.

    >>> names = Vocabulary({"http": [1], "https": [2], "ssh": [3], "shell": [3]})
    >>> names.beginning("htt"), names.containing("tps"), names.exact("telnet")
    ({1, 2}, {2}, ())
    >>> names.near("htps", 0.75)
    {'http': 0.75, 'https': 0.8888888888888888}
    """

    def __init__(self, entries: Mapping[str, Sequence[int]]) -> None:
        self._entries = entries
        self._terms: list[str] = []  # sorted
        self._joined = ""  # a line for each of the terms
        self._starts = array("I")  # where each line starts
        self._by_letter: dict[
            str, AbstractSet[int]
        ] = {}  # the entries by how a term of theirs begins
        self._spellings: Spellings | None = None

    def exact(self, term: str) -> Sequence[int]:
        return self._entries.get(term, ())

    def beginning(self, prefix: str) -> AbstractSet[int]:
        kept = self._by_letter.get(prefix)
        if kept is not None:
            return kept
        found: set[int] = set()
        found.update(*map(self._entries.__getitem__, self._beginning(prefix)))
        if len(prefix) == 1 and found:  # the longest answers, of which there are few
            self._by_letter[prefix] = found
        return found

    def containing(self, part: str) -> set[int]:
        if not self._joined:
            self._join()
        found: set[int] = set()
        if "\n" in part:
            return found
        joined, starts, terms, entries = self._joined, self._starts, self._terms, self._entries
        at = joined.find(part)
        while at >= 0:
            line = bisect_right(starts, at)
            found.update(entries[terms[line - 1]])
            if line == len(starts):
                break
            at = joined.find(part, starts[line])
        return found

    def near(self, text: str, least: float) -> dict[str, float]:
        return self._spelled().near(text, least)

    def prepare(self, *, parts: bool = False, spellings: bool = False) -> None:
        """Makes now what questions need: with *parts*, those for terms that hold a text, and with
        *spellings*, those for terms that are near one.
        """
        self._sorted()
        if parts:
            self._join()
        if spellings:
            self._spelled().prepare()

    def _spelled(self) -> Spellings:
        if self._spellings is None:
            self._spellings = Spellings(self._entries)
        return self._spellings

    def _sorted(self) -> list[str]:
        if not self._terms:
            self._terms = sorted(self._entries)
        return self._terms

    def _beginning(self, prefix: str) -> Iterator[str]:
        terms = self._sorted()
        for place in range(bisect_left(terms, prefix), len(terms)):
            term = terms[place]
            if not term.startswith(prefix):
                return
            yield term

    def _how_common(self, prefix: str) -> int:
        terms = self._sorted()
        first = bisect_left(terms, prefix)
        # No letter or digit sorts behind the last code point, so that this is the end or near it.
        return bisect_left(terms, prefix + "\U0010ffff", first) - first

    def _join(self) -> None:
        terms = self._sorted()
        self._starts = array("I", accumulate(map(len, terms[:-1]), _next_start, initial=0))
        self._joined = "\n".join(terms)


def _next_start(start: int, length: int) -> int:
    """Where the line behind one starts."""
    return start + length + 1


# How alike two spellings must be (difflib's ratio): one slip in four letters, two in eight.
ALIKE = 0.75


def fold(text: str) -> str:
    """*text* in lower case, with one space where it has blanks.

    >>> fold("  Secure   SHELL ")
    'secure shell'
    """
    return " ".join(text.lower().split())


def words_of(text: str) -> list[str]:
    """The words of *text* in lower case: whatever is no letter and no digit separates them.

    >>> words_of("Node.js (dev)")
    ['node', 'js', 'dev']
    """
    return "".join([char if char.isalnum() else " " for char in text.lower()]).split()


def fold_each(texts: Sequence[str]) -> list[str]:
    """:func:`fold` for each of many *texts*, in one pass.

    >>> fold_each(["  Secure   SHELL ", ""])
    ['secure shell', '']
    """
    return _blank_in_each(texts, str.isspace)


def words_in_each(texts: Sequence[str]) -> list[str]:
    """:func:`words_of` each of many *texts*, in one pass, with a blank between words.

    >>> words_in_each(["Node.js (dev)", "", "a b"])
    ['node js dev', '', 'a b']
    """
    return _blank_in_each(texts, lambda char: not char.isalnum())


def _blank_in_each(texts: Sequence[str], is_blank: Callable[[str], bool]) -> list[str]:
    """*texts* in lower case; one space stands for a run of blanks, none at the edges of a text."""
    if not texts:
        return []
    lines = "\n".join(texts).lower()
    if lines.count("\n") >= len(texts):
        lines = "\n".join([text.replace("\n", " ") for text in texts]).lower()
    for char in set(lines) - {"\n", " "}:
        if is_blank(char):
            lines = lines.replace(char, " ")
    while "  " in lines:
        lines = lines.replace("  ", " ")
    return lines.replace(" \n", "\n").replace("\n ", "\n").strip(" ").split("\n")


class Scan(Terms):
    """*lines*, gone through for each question; line number i is one of entry *of[i]*.

    That needs nothing made beforehand: one search goes through all of it in 2 ms, and to make a
    vocabulary of the same takes 200.

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
        self._starts = array("I")  # where the line feed in front of each line stands
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

    def prepare(self) -> None:
        """Finds now where lines begin, which else the first question does."""
        if not self._starts:
            lengths = map(len, self._text.split("\n")[:-1])
            self._starts = array("I", accumulate(lengths, _next_start))

    def vocabulary(self) -> Vocabulary:
        """The same terms, ready for one question after the other."""
        entries: dict[str, Sequence[int]] = {}
        for line, entry in zip(self._lines(), self._of, strict=True):
            alone = (entry,)  # most terms are those of one entry, and share this
            for term in line.split() if self._words else (line,):
                places = entries.setdefault(term, alone)
                if places[-1] == entry:
                    continue
                if isinstance(places, list):
                    places.append(entry)
                else:
                    entries[term] = [*places, entry]
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
        self.prepare()
        starts = self._starts
        while at >= 0:
            line = bisect_right(starts, at)
            found.add(of[line - 1])
            if line == len(of):
                break
            at = text.find(part, starts[line])
        return found
