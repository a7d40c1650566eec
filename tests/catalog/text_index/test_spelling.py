"""What is spelled nearly so is exactly what difflib says of each word."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.text_index.spelling import Spellings

# Few letters, so that words have much in common in every order.
_letters = st.sampled_from(["ab", "abc", "aé√", "abcdefgh"])
_vocabularies = _letters.flatmap(
    lambda letters: st.tuples(
        st.sets(st.text(letters, max_size=12), max_size=30), st.text(letters, max_size=15)
    )
)


def _compared(words: set[str], text: str, least: float) -> dict[str, float]:
    ratios = {word: SequenceMatcher(a=word, b=text, autojunk=False).ratio() for word in words}
    return {word: ratio for word, ratio in ratios.items() if ratio >= least and (word or text)}


@given(_vocabularies, st.sampled_from([0.3, 0.5, 0.6, 0.75, 0.9, 1.0]))
def test_the_same_as_difflib_says(given_: tuple[set[str], str], least: float) -> None:
    words, text = given_
    assert Spellings(words).near(text, least) == _compared(words, text, least)


@given(_vocabularies)
def test_prepared_or_not(given_: tuple[set[str], str]) -> None:
    words, text = given_
    prepared = Spellings(words)
    prepared.prepare()
    assert prepared.near(text, 0.75) == Spellings(words).near(text, 0.75)


def test_more_of_a_letter_than_any_word_has() -> None:
    words = {"aaaa", "aab", "abab", "bbbbbbbb"}
    for text in ("a" * 9, "b" * 9, "ab" * 5, "aabb"):
        assert Spellings(words).near(text, 0.6) == _compared(words, text, 0.6)


@pytest.mark.parametrize("text", ["", "x" * 100_000, "\u4e00" * 50, "\udcff", "\n"])
def test_texts_that_are_like_nothing(text: str) -> None:
    assert Spellings(["ssh", "http", ""]).near(text, 0.75) == {}


def test_nothing_is_remembered_of_what_was_asked() -> None:
    """Else whoever asks for ever new characters fills the memory."""
    words = Spellings(["ssh", "http", "imap"])
    words.prepare()
    before = [len(group._masks) for group in words._groups]
    for number in range(0x4E00, 0x4F00):
        words.near(chr(number) + "sh", 0.3)
    assert [len(group._masks) for group in words._groups] == before
