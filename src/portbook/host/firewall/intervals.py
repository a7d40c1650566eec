"""Sets of addresses, ports and marks as intervals of numbers: immutable, in order, disjoint.

>>> private = Intervals.of([(10, 19), (30, 39)])
>>> (private & Intervals.of([(15, 34)])).pairs()
((15, 19), (30, 34))
>>> (private - Intervals.of([(12, 12)])).pairs()
((10, 11), (13, 19), (30, 39))
>>> (private | Intervals.of([(20, 29)])).pairs()
((10, 39),)
>>> 35 in private, 20 in private
(True, False)
"""

from __future__ import annotations

import gc

try:  # what bisect gives out, for half of what it takes to load
    from _bisect import bisect_left, bisect_right
except ImportError:  # another Python than CPython
    from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


class Intervals:
    """Half-open bounds in one flat list: first, end, first, end.

    What is taken from a long list piece by piece is only noted, and taken out once that is much:
    a ruleset may drop thousands of addresses one by one from all that a large set left over.
    """

    __slots__ = ("_bounds", "_left", "_taken")

    def __init__(self, bounds: list[int], taken: list[int] | None = None, left: int = -1) -> None:
        self._bounds, self._taken, self._left = bounds, taken, left

    @property
    def bounds(self) -> list[int]:
        """All bounds, with nothing still to be taken out."""
        if self._taken:
            self._bounds, self._taken = _without(self._bounds, self._taken), None
        return self._bounds

    def size(self) -> int:
        """How many numbers it has."""
        if self._left < 0:
            bounds = self.bounds
            if len(bounds) == 2:
                return bounds[1] - bounds[0]
            self._left = sum(bounds[1::2]) - sum(bounds[::2])
        return self._left

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Intervals:
        """Of inclusive intervals in any order, which may overlap."""
        bounds: list[int] = []
        for first, last in sorted(pairs):
            if bounds and first <= bounds[-1]:
                if last >= bounds[-1]:
                    bounds[-1] = last + 1
            else:
                bounds += (first, last + 1)
        return cls(bounds)

    @classmethod
    def in_order(cls, pairs: Collection[tuple[int, int]]) -> Intervals:
        """Of inclusive intervals as :meth:`pairs` gives them; intervals are what they are."""
        return pairs if isinstance(pairs, Intervals) else cls.of(pairs)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The inclusive intervals."""
        bounds = self.bounds
        return tuple(zip(bounds[::2], [end - 1 for end in bounds[1::2]], strict=True))

    def __len__(self) -> int:
        return len(self.bounds) // 2

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.pairs())

    def __bool__(self) -> bool:
        return self._left != 0 if self._taken else bool(self._bounds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self.bounds == other.bounds

    def __hash__(self) -> int:
        return hash(tuple(self.bounds))

    def __repr__(self) -> str:
        return f"Intervals.of({list(self.pairs())})"

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return number in self.pairs()
        return bisect_right(self.bounds, number) % 2 == 1

    def covers(self, other: Intervals) -> bool:
        """Whether all of *other* is in it."""
        return not other.bounds or (self & other).bounds == other.bounds

    def is_near(self, other: Intervals) -> bool:
        """Whether it reaches into the span of *other*: of thousands of rules, few may do.

        >>> Intervals.of([(1, 9)]).is_near(Intervals.of([(0, 0), (20, 29)]))
        True
        """
        ours, theirs = self.bounds, other.bounds
        return bool(ours and theirs) and ours[0] < theirs[-1] and theirs[0] < ours[-1]

    def __and__(self, other: Intervals) -> Intervals:
        few, many = (self, other) if len(self._bounds) < len(other._bounds) else (other, self)
        if many._taken:
            common = Intervals(_common(few.bounds, many._bounds))
            return common - Intervals(many._taken) if common._bounds else common
        return Intervals(_common(few.bounds, many._bounds))

    def __sub__(self, other: Intervals) -> Intervals:
        if not other or not self:
            return self
        if len(self._bounds) < _LONG or len(other._bounds) > _SHORT:
            return Intervals(_without(self.bounds, other.bounds))
        return self.parted(other)[1]

    def parted(self, other: Intervals) -> tuple[Intervals, Intervals]:
        """What of it is in *other*, and what isn't."""
        if len(self._bounds) < _LONG or len(other._bounds) > _SHORT or not self:
            return self & other, self - other
        taken = self._taken or []
        piece = _common(other.bounds, self._bounds)
        if taken:
            piece = _without(piece, taken)
        both = Intervals(piece)
        if not piece:
            return both, self
        left = self.size() - both.size()
        if len(taken) > _MOST_TAKEN:
            return both, Intervals(_without(self.bounds, piece), None, left)
        return both, Intervals(self._bounds, _joined(taken, piece) if taken else piece, left)

    def __or__(self, other: Intervals) -> Intervals:
        if not self.bounds or not other.bounds:
            return other if other.bounds else self
        return Intervals(_joined(self.bounds, other.bounds))


_LONG, _SHORT, _MOST_TAKEN = 2_000, 64, 1_000  # bounds


# Two lists of bounds are gone through run by run: of those of one that lie between two neighbours
# of the other, all have the same fate. At an even place a list has nothing, at an odd one it does.


# Where one has a single interval, which is so of most, its two bounds are looked up in the other.


def _common(ours: list[int], theirs: list[int]) -> list[int]:
    if len(ours) == 2 or len(theirs) == 2:
        return _within(ours, theirs) if len(theirs) == 2 else _within(theirs, ours)
    common: list[int] = []
    our, their = 0, 0
    while our < len(ours) and their < len(theirs):
        if ours[our] < theirs[their]:
            end = bisect_left(ours, theirs[their], our)
            if their % 2:
                common += ours[our:end]
            our = end
        elif ours[our] > theirs[their]:
            end = bisect_left(theirs, ours[our], their)
            if our % 2:
                common += theirs[their:end]
            their = end
        else:
            if our % 2 == their % 2:
                common.append(ours[our])
            our, their = our + 1, their + 1
    return common


def _within(bounds: list[int], span: list[int]) -> list[int]:
    first, end = span
    low = bisect_right(bounds, first)
    high = bisect_left(bounds, end, low)
    return [first] * (low % 2) + bounds[low:high] + [end] * (high % 2)


def _without(bounds: list[int], taken: list[int]) -> list[int]:
    if len(taken) == 2:
        first, end = taken
        low = bisect_left(bounds, first)
        high = bisect_right(bounds, end, low)
        return bounds[:low] + [first] * (low % 2) + [end] * (high % 2) + bounds[high:]
    rest: list[int] = []
    place, other = 0, 0
    while place < len(bounds) and other < len(taken):
        if bounds[place] < taken[other]:
            end = bisect_left(bounds, taken[other], place)
            if not other % 2:
                rest += bounds[place:end]
            place = end
        elif bounds[place] > taken[other]:
            end = bisect_left(taken, bounds[place], other)
            if place % 2:
                rest += taken[other:end]
            other = end
        else:
            if place % 2 != other % 2:
                rest.append(bounds[place])
            place, other = place + 1, other + 1
    rest += bounds[place:]
    return rest


def _joined(ours: list[int], theirs: list[int]) -> list[int]:
    if len(theirs) == 2:
        first, end = theirs
        low = bisect_left(ours, first)
        high = bisect_right(ours, end, low)
        return ours[:low] + [first] * (1 - low % 2) + [end] * (1 - high % 2) + ours[high:]
    joined: list[int] = []
    our, their = 0, 0
    while our < len(ours) and their < len(theirs):
        if ours[our] < theirs[their]:
            end = bisect_left(ours, theirs[their], our)
            if not their % 2:
                joined += ours[our:end]
            our = end
        elif ours[our] > theirs[their]:
            end = bisect_left(theirs, ours[our], their)
            if not our % 2:
                joined += theirs[their:end]
            their = end
        else:
            if our % 2 == their % 2:
                joined.append(ours[our])
            our, their = our + 1, their + 1
    joined += ours[our:]
    joined += theirs[their:]
    return joined


NOTHING = Intervals([])
EVERY_NUMBER = Intervals([0, 1 << 128])
ADDRESSES = {"ipv4": Intervals([0, 1 << 32]), "ipv6": EVERY_NUMBER}


class Uncollected:
    """Without garbage collection: it takes a third of the time, and rules form no circles.

    *for_good*: what there is now isn't looked through later either, in a process of one command.
    """

    def __init__(self, *, for_good: bool = False) -> None:
        self._for_good = for_good

    def __enter__(self) -> None:
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._for_good:
            gc.freeze()
        if self._collects:
            gc.enable()
