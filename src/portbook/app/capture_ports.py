"""What is on record of the ports of a capture: which are judged alike, and for which owners not."""

from __future__ import annotations

from array import array
from collections import defaultdict
from itertools import chain, repeat
from typing import TYPE_CHECKING

from portbook.app.socket_columns import TRANSPORT_BITS, port_at
from portbook.model import PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.app.capture_judge import CaptureJudge, PortInShort
    from portbook.app.on_record import OwnersOnRecord
    from portbook.catalog.registry.outlines import Outline

_SOME_PORTS = 300  # so many, and it pays to read what all are learned from
_MANY_PORTS = 3500  # so many, and it pays to learn of all
_PLACE_BITS = 18  # of a port and its transport
_PLACES = (1 << _PLACE_BITS) - 1
_OF_EACH = TRANSPORT_BITS.values()


class CapturePorts:
    """What *judge* has on record of ports, by their places (:func:`port_at`).

    ``weighs`` is for each place a number above three bits: the same where ports are judged alike,
    and of its own where a port is any owner's own; 0 is none yet. In ``service_at`` is the number
    of what the column of services has for it, and in ``standings`` that. ``learned`` are ports as
    they were learned, with the first place and the count of each run.
    """

    def __init__(self, judge: CaptureJudge) -> None:
        self._judge = judge
        self.weighs, self.service_at, self._alike = [_numbers() for _ in range(3)]
        self.standings: list[Outline] = []
        self.learned: list[tuple[PortInShort, int, int]] = []
        self._first: dict[int, int] = {}
        self._numbers: dict[object, int] = {}
        self._known = 0
        self._whole: set[int] = set()  # the bits of transports of which all ports are known
        # The words of owners, and of runs of ports, and the ports that are an owner's own by these
        # or by their number.
        self._speakers: dict[str, list[int]] = {}
        self._spoken: defaultdict[str, list[range]] = defaultdict(list)
        self._own: set[int] = set()
        self._shared = bytearray(PORTS << 2)  # 1 for each place that is any owner's own

    def alike(self, by: int, place: int) -> tuple[int, int]:
        """What the port at *place* weighs for owner number *by*, and a place of the same transport
        that weighs the same for it: the first asked about, most often.
        """
        if by << _PLACE_BITS | place in self._own:
            return self.weighs[place], place
        weight = self._alike[place]
        first = self._first.setdefault(weight | place & 3, place)
        return weight, place if by << _PLACE_BITS | first in self._own else first

    def own_places(
        self, bys: Iterable[int], places: Iterable[int], alike: Sequence[int]
    ) -> list[int]:
        """For owners and places, what is in *alike* for these; the place itself where that is 0, or
        where it is the owner's own.
        """
        own, shared = self._own, self._shared
        return [
            place if shared[place] and by << _PLACE_BITS | place in own else alike[place] or place
            for by, place in zip(bys, places, strict=True)
        ]

    def learn(self, places: Sequence[int], transports: Iterable[int]) -> None:
        """Takes what is on record of the ports at *places*, which are of *transports*; of all
        ports, where there are many.
        """
        if self._whole.issuperset(transports):
            return
        judge, alike = self._judge, self._alike
        new = [place for place in dict.fromkeys(places) if not alike[place]]
        self._known += len(new)
        if not self._whole and self._known >= _MANY_PORTS:
            for place in {place & 3: place for place in new}.values():
                judge.on_record(*port_at(place))  # it learns of the transports it was asked about
            for transport, runs in judge.learn_runs().items():
                self._learn_all(TRANSPORT_BITS[transport], runs)
        elif self._known >= _SOME_PORTS:
            judge.expect_many()
        for place in new:
            if not alike[place]:
                found = judge.in_short(*port_at(place))
                alike[place] = self.weighs[place] = _weight(found)
                self._learn(found, place, 1)
                if self._shared[place]:
                    self.weighs[place] = place << 3
                self.service_at[place] = self.service(found.standing)

    def _learn_all(self, bits: int, runs: Sequence[tuple[PortInShort, int]]) -> None:
        """Takes what is on record of all ports of the transport *bits*."""
        self._whole.add(bits)
        sizes = [size for _, size in runs]
        weights = [_weight(found) for found, _ in runs]
        self._alike[bits::4] = self.weighs[bits::4] = _repeated(weights, sizes)
        services = [self.service(found.standing) for found, _ in runs]
        self.service_at[bits::4] = _repeated(services, sizes)
        for place in {each & _PLACES for each in self._own}:
            self.weighs[place] = place << 3
        place = bits
        for found, size in runs:
            self._learn(found, place, size)
            place += size << 2

    def _learn(self, found: PortInShort, first: int, size: int) -> None:
        self.learned.append((found, first, size))
        if not found.words:
            return
        spoken, speakers = self._spoken, self._speakers
        places = range(first, first + (size << 2), 4)
        for name in found.words:
            spoken[name].append(places)
            if name in speakers:
                for by in speakers[name]:
                    self._claim(by, places)

    def learn_owner(self, by: int, owned: OwnersOnRecord) -> None:
        """Takes what is on record of owner number *by*."""
        self._claim(by, [port << 2 | bit for port in owned.ports for bit in _OF_EACH])
        for name in owned.words:
            self._speakers.setdefault(name, []).append(by)
            for places in self._spoken.get(name, ()):
                self._claim(by, places)

    def _claim(self, by: int, places: Iterable[int]) -> None:
        """Takes the ports at *places* for those of owner number *by*."""
        for place in places:
            self._own.add(by << _PLACE_BITS | place)
            self._shared[place] = 1
            self.weighs[place] = place << 3

    def service(self, standing: Outline) -> int:
        """The number of what the column of services has for a port's *standing*."""
        key = standing.names or (standing.state, standing.listed)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.standings)
            self.standings.append(standing)
        return number


def _numbers() -> array[int]:
    """A number for each place: together in memory, as all of them are looked up at random."""
    return array("I", bytes(4 * (PORTS << 2)))


def _repeated(numbers: Iterable[int], sizes: Iterable[int]) -> array[int]:
    """Each of *numbers* as often as *sizes* say."""
    return array("I", list(chain.from_iterable(map(repeat, numbers, sizes))))


def _weight(found: PortInShort) -> int:
    """Above any place, so that no port of its own has it."""
    return found.kind + (PORTS << 2) << 3
