"""The words in a column of a table of sockets: those alike once, numbers when they are needed."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.socket_columns import SEVERAL, TRANSPORTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NONE = "-"  # a field that has nothing, or of which nothing is known
# Plain text: to write a member of an enum takes as long as all the rest.
_BEHIND_PORT = tuple([f"/{transport}" for transport in TRANSPORTS])


class Words(NamedTuple):
    """What stands in a column, escaped, and for each socket the place of its word among these.

    With ``spell``, ``places`` are numbers instead, of which it makes the words: most sockets have a
    pid of their own, and nobody holds all of them as text. ``words`` are the widest of them then.
    """

    words: list[str]
    places: Sequence[int]
    spell: Callable[[Sequence[int]], list[str]] | None = None

    def of_each(self) -> Iterable[str]:
        """The word of each socket."""
        if self.spell is not None:
            return self.spell(self.places)
        return map(self.words.__getitem__, self.places)


def port_words(places: Sequence[int]) -> Words:
    """The port and the transport at each of *places*."""
    kinds = {place & 3 for place in places}
    if len({len(_BEHIND_PORT[kind]) for kind in kinds}) == 1:
        widest = [max(places)]
    else:
        widest = [max([place for place in places if place & 3 == kind]) for kind in kinds]
    return Words(_spell_ports(widest), places, _spell_ports)


def _spell_ports(places: Sequence[int]) -> list[str]:
    return [f"{place >> 2}{_BEHIND_PORT[place & 3]}" for place in places]


def pid_words(pids: Sequence[int], of_several: Callable[[int], str]) -> Words:
    """The number of each socket's owner; *of_several* has those of a socket by its own number."""
    highest = max(pids, default=0)
    if highest < SEVERAL and all(pids):
        return Words([str(highest)], pids, _spell_numbers)

    def spell(some: Sequence[int]) -> list[str]:
        return [
            (str(pid) if pid < SEVERAL else of_several(pid ^ SEVERAL)) if pid else NONE
            for pid in some
        ]

    one = max([pid for pid in pids if pid < SEVERAL], default=0)
    return Words(spell([one, *[pid for pid in pids if pid >= SEVERAL]]), pids, spell)


def _spell_numbers(numbers: Sequence[int]) -> list[str]:
    return list(map(str, numbers))
