"""Terms, scanned or held as a vocabulary, answer as going through each of them would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.text_index import (
    Scan,
    Terms,
    Vocabulary,
    fold,
    fold_each,
    words_in_each,
    words_of,
)
from tests.strategies import nasty

_terms = st.text("ab-é", min_size=1, max_size=6)
_entries = st.lists(st.sets(_terms, max_size=4), max_size=12)


def _those(entries: list[set[str]], fits: object) -> set[int]:
    assert callable(fits)
    return {place for place, terms in enumerate(entries) if any(map(fits, terms))}


def _lines(entries: list[set[str]]) -> Scan:
    """Each term on a line of its own."""
    terms = [(term, place) for place, some in enumerate(entries) for term in sorted(some)]
    return Scan([term for term, _ in terms], [place for _, place in terms])


def _words(entries: list[set[str]]) -> Scan:
    """The terms of an entry as the words of one line."""
    return Scan([" ".join(sorted(some)) for some in entries], range(len(entries)), words=True)


_made = pytest.mark.parametrize(
    "made",
    [
        _lines,
        _words,
        lambda entries: _lines(entries).vocabulary(),
        lambda entries: _words(entries).vocabulary(),
    ],
    ids=["lines", "words", "lines held", "words held"],
)
_Made = Callable[[list[set[str]]], Terms]


@_made
@given(entries=_entries, text=st.text("ab-é", min_size=1, max_size=4))
def test_each_question_is_answered_as_by_looking_at_all(
    made: _Made, entries: list[set[str]], text: str
) -> None:
    some = made(entries)
    assert set(some.exact(text)) == _those(entries, text.__eq__)
    for _ in range(2):  # the answer to a single letter is kept
        assert some.beginning(text) == _those(entries, lambda term: term.startswith(text))
    assert some.containing(text) == _those(entries, lambda term: text in term)
    assert set(some.near(text, 1.0)) == {term for one in entries for term in one if term == text}


@_made
@given(entries=_entries, words=st.lists(_terms, min_size=1, max_size=4))
def test_several_words_have_all_to_be_there(
    made: _Made, entries: list[set[str]], words: list[str]
) -> None:
    some = made(entries)
    places = range(len(entries))
    assert some.with_all(words) == {at for at in places if set(words) <= entries[at]}
    assert some.with_all_begun(words) == {
        at
        for at in places
        if all(any(term.startswith(word) for term in entries[at]) for word in words)
    }


@pytest.mark.parametrize("some", [Vocabulary({}), Scan([], []), Scan([""], [1], words=True)])
def test_terms_of_nothing(some: Terms) -> None:
    if isinstance(some, Vocabulary):
        some.prepare(parts=True, spellings=True)
    assert not {*some.exact("a"), *some.beginning("a"), *some.containing("a")}
    assert (some.with_all(["a"]), some.with_all_begun(["a"]), some.near("a", 0.5)) == (
        set(), set(), {},
    )  # fmt: skip


@given(st.lists(nasty))
def test_many_texts_are_folded_as_each_is(texts: list[str]) -> None:
    folded = fold_each(texts)
    assert folded == [fold(text) for text in texts]
    assert words_in_each(folded) == [" ".join(words_of(text)) for text in folded]


@given(nasty)
def test_folded_text_is_folded_already(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert "\n" not in folded
