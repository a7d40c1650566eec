"""Intervals against sets of the same numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
