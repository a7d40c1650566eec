"""Which of many words are similar to a text, without comparing it to each of them.

How alike two spellings are is what ``difflib.SequenceMatcher.ratio`` says: twice the characters in
their matching blocks, of all characters of both. difflib takes 60 ms for the 7,000 names of the
registry. Here most of them are ruled out together: no more characters can match than both have in
common, wherever they stand. For words of the same length one integer tells with a bit a word
which of them hold a letter, so that a dozen operations on integers count what all of them have in
common with the text. Of thousands that leaves at most some two hundred, and fewer once the order
of the characters counts; these are compared one by one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Spellings:
    """Distinct words, to be asked which of them are nearly spelled like a text.

    >>> Spellings(["postgresql", "postscript", "ssh"]).near("postgress", 0.75)
    {'postgresql': 0.8421052631578947}
    """

    def __init__(self, words: Iterable[str]) -> None:
        # Apart, since Python translates text that is all ASCII ten times as fast.
        alike: dict[tuple[int, bool], list[str]] = {}
        for word in words:
            alike.setdefault((len(word), word.isascii()), []).append(word)
        self._groups = [_SameLength(some) for _, some in sorted(alike.items())]

    def near(self, text: str, least: float) -> dict[str, float]:
        """The words that are like *text* by *least* (above 0) or more, with how alike they are.

        Exactly what ``SequenceMatcher(a=word, b=text, autojunk=False).ratio()`` gives each word.
        """
        near: dict[str, float] = {}
        counts: dict[str, int] = {}
        places: dict[str, int] = {}
        for group in self._groups:
            both = group.length + len(text)
            needed = _needed(both, least)
            if needed > min(group.length, len(text)) or not both:
                continue
            if not counts:
                for place, char in enumerate(text):
                    counts[char] = counts.get(char, 0) + 1
                    places[char] = places.get(char, 0) | 1 << place
            for word in group.sharing(counts, needed):
                if _count_in_order(word, places, len(text)) < needed:
                    continue
                matching = _count_matching(word, text, needed)
                if matching >= needed:
                    near[word] = 2.0 * matching / both
        return near

    def prepare(self) -> None:
        """Counts the letters of all words now, which else is done as texts bring them up."""
        for group in self._groups:
            group.prepare()


def _needed(both: int, least: float) -> int:
    """How many characters have to match for a ratio of *least* where two have *both* together."""
    needed = int(least * both / 2)
    while 2.0 * needed < least * both:
        needed += 1
    return needed


class _SameLength:
    """Words of one length; bit number i of a mask stands for the word at place i."""

    def __init__(self, words: list[str]) -> None:
        self.length = len(words[0])
        self._words = words
        self._letters = frozenset("".join(words))
        # For each letter: the words that hold it once or more, those that hold it twice or more …
        self._masks: dict[str, list[int]] = {}

    def sharing(self, counts: dict[str, int], needed: int) -> Iterator[str]:
        """The words that have *needed* characters or more in common with a text.

        *counts* says how often each character stands in the text.
        """
        masks = [mask for char, count in counts.items() for mask in self._holding(char)[:count]]
        if len(masks) < needed:
            return
        # A counter a word, all side by side: slices[i] holds bit i of each. They start at what
        # is lacking to a power of two, so that its bit comes up in those that reach it.
        top = max(needed, len(masks)).bit_length()
        start = (1 << top) - needed
        everyone = (1 << len(self._words)) - 1
        slices = [everyone if start >> place & 1 else 0 for place in range(top + 1)]
        for mask in masks:
            place, carry = 0, mask
            while carry:
                held = slices[place]
                slices[place] = held ^ carry
                carry &= held
                place += 1
        bits = bin(slices[top])[:1:-1]
        place = bits.find("1")
        while place >= 0:
            yield self._words[place]
            place = bits.find("1", place + 1)

    def prepare(self) -> None:
        for char in self._letters:
            self._holding(char)

    def _holding(self, char: str) -> list[int]:
        masks = self._masks.get(char)
        if masks is None:
            if char not in self._letters:
                return []  # not remembered: a text may hold any of a million characters
            masks = self._masks[char] = self._count(char)
        return masks

    def _count(self, char: str) -> list[int]:
        joined = "".join(reversed(self._words)).translate(_Only({ord(char): "1"}))
        length = self.length
        masks: list[int] = []
        for column in range(length):
            # A word is a row of ones and zeros here, and this a column of all of them.
            carry = int(joined[column::length], 2)
            for place, mask in enumerate(masks):
                masks[place], carry = mask | carry, mask & carry
            if carry:
                masks.append(carry)
        return masks


class _Only(dict[int, str]):
    """A table for ``str.translate`` that makes a zero of every other character."""

    def __missing__(self, key: int) -> str:
        return "0"


def _count_in_order(word: str, places: dict[str, int], length: int) -> int:
    """How many characters of *word* stand in a text of *length* in the same order, at the most.

    Bit i of places[char] says that the text has *char* at i. The matching blocks have no more.
    Source: H. Hyyrö, Bit-parallel LCS-length computation revisited (2004).
    """
    every = (1 << length) - 1
    unmatched = every
    for char in word:
        here = unmatched & places.get(char, 0)
        unmatched = ((unmatched + here) | (unmatched - here)) & every
    return length - unmatched.bit_count()


def _count_matching(word: str, text: str, needed: int) -> int:
    """How many characters difflib's matching blocks of *word* and *text* have.

    The first block is the longest that both have: of several, the one that stands first in *word*,
    then first in *text*. The others are those of what stands before it and of what stands behind
    it. Where they can't be *needed*, the answer is any number below that.
    """
    for size in range(min(len(word), len(text)), 0, -1):
        for start in range(len(word) - size + 1):
            at = text.find(word[start : start + size])
            if at < 0:
                continue
            end, behind = start + size, at + size
            before = min(start, at)
            after = min(len(word) - end, len(text) - behind)
            if size + before + after < needed:
                return 0
            found = size
            if before:
                found += _count_matching(word[:start], text[:at], needed - size - after)
            if after and found + after >= needed:
                found += _count_matching(word[end:], text[behind:], needed - found)
            return found
    return 0
