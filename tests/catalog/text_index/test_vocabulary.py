"""A vocabulary answers as going through all of its terms would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.text_index import Vocabulary, fold, postings, words_of, words_of_each
from tests.strategies import nasty

_terms = st.text("ab-é", min_size=1, max_size=6)
_entries = st.lists(st.sets(_terms, max_size=4), max_size=12)


def _those(entries: list[set[str]], fits: object) -> set[int]:
    assert callable(fits)
    return {place for place, terms in enumerate(entries) if any(map(fits, terms))}


@given(_entries, st.text("ab-é", min_size=1, max_size=4))
def test_each_question_is_answered_as_by_looking_at_all(entries: list[set[str]], text: str) -> None:
    some = Vocabulary(postings(entries))
    assert set(some.exact(text)) == _those(entries, text.__eq__)
    for _ in range(2):  # the answer to a single letter is kept
        assert some.beginning(text) == _those(entries, lambda term: term.startswith(text))
    assert some.containing(text) == _those(entries, lambda term: text in term)


@given(_entries, st.lists(_terms, min_size=1, max_size=4))
def test_several_words_have_all_to_be_there(entries: list[set[str]], words: list[str]) -> None:
    some = Vocabulary(postings(entries))
    places = range(len(entries))
    assert some.with_all(words) == {at for at in places if set(words) <= entries[at]}
    assert some.with_all_begun(words) == {
        at
        for at in places
        if all(any(term.startswith(word) for term in entries[at]) for word in words)
    }


def test_a_vocabulary_of_nothing() -> None:
    some = Vocabulary({})
    some.prepare()
    assert (some.exact("a"), some.beginning("a"), some.containing("a")) == ((), set(), set())
    assert (some.with_all(["a"]), some.with_all_begun(["a"]), some.near("a", 0.5)) == (
        set(), set(), {},
    )  # fmt: skip


@given(st.lists(nasty))
def test_words_of_many_texts_are_those_of_each(texts: list[str]) -> None:
    assert words_of_each(texts) == [words_of(text) for text in texts]


@given(nasty)
def test_folded_text_is_folded_already(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert "\n" not in folded
