"""Intervals against sets of the same numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.host.firewall import intervals
from portbook.host.firewall.intervals import Intervals

NUMBERS = range(24)
some = st.lists(st.sampled_from(NUMBERS), max_size=12, unique=True).map(
    lambda numbers: Intervals.of([(number, number) for number in numbers])
)
one = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)).map(
    lambda ends: Intervals.of([(min(ends), max(ends))])
)


def numbers_of(intervals: Intervals) -> set[int]:
    bounds = intervals.bounds
    assert bounds == sorted(set(bounds))
    return {number for number in NUMBERS if number in intervals}


@given(some | one, some | one)
def test_what_two_have_in_common_and_what_one_has_alone(ours: Intervals, theirs: Intervals) -> None:
    assert numbers_of(ours & theirs) == numbers_of(ours) & numbers_of(theirs)
    assert numbers_of(ours - theirs) == numbers_of(ours) - numbers_of(theirs)
    assert numbers_of(ours | theirs) == numbers_of(ours) | numbers_of(theirs)
    assert ours.size() == len(numbers_of(ours))


@given(some, st.lists(some | one, max_size=12))
def test_what_is_taken_from_a_long_list_piece_by_piece(
    whole: Intervals, pieces: list[Intervals]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, bounds in (("_LONG", 6), ("_SHORT", 8), ("_MOST_TAKEN", 6)):
            patch.setattr(intervals, name, bounds)
        left, numbers = whole, numbers_of(whole)
        for piece in pieces:
            gone = numbers & numbers_of(piece)
            assert numbers_of(left & piece) == gone
            taken, left = left.parted(piece)
            numbers -= gone
            assert numbers_of(taken) == gone
            assert (left.size(), bool(left)) == (len(numbers), bool(numbers))
        assert numbers_of(left) == numbers
