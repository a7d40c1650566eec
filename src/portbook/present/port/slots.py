"""What a page says of its number alone, and how it can be left out.

Of the 65,536 ports nine in ten have a page that differs from those beside it in little else than
the number. Such a page is composed once with its number left :class:`Blank`, and with :data:`BLANK`
for what follows from the number; whoever shows it fills in each slot
(:mod:`portbook.web.pages.views`).

>>> f"Port {Blank(305)} is unassigned" == f"Port {slot('port')} is unassigned", Blank(305) < 1024
(True, True)
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.present import words
from portbook.present.port.entry import PortRow, Ports, Slot, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from portbook.app.lookup import PortAnswer
    from portbook.model import Neighbour, State

# What a slot is written between.
OPEN, CLOSE = "⟦", "⟧"


def slot(name: str) -> str:
    """Where what is called *name* goes."""
    return f"{OPEN}{name}{CLOSE}"


def _refuse(_number: object, *_others: object) -> NoReturn:
    raise TypeError("a number that is left blank can't be reckoned with")


class Blank(int):
    """A port that is compared as the number it stands for, and written as a slot.

    Whatever is reckoned from it would stand on the page of another port as well: that is refused
    with TypeError, and belongs to :class:`Own`.
    """

    def __str__(self) -> str:
        return slot("port")

    def __format__(self, spec: str) -> str:
        return slot("port") if not spec else _refuse(self)

    if not TYPE_CHECKING:
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = _refuse
        __mod__ = __divmod__ = __lshift__ = __rshift__ = __and__ = __or__ = __xor__ = _refuse
        __neg__ = __invert__ = __truediv__ = _refuse


class Own(NamedTuple):
    """What is reckoned from a port's number.

    ``in_range`` and ``in_block`` are its places there, ``packet`` its bytes, ``on_map`` its row
    and column. ``swapped`` tells of the port with the same bytes in the other order, ``mirror``
    leads there unless it is the port itself.
    """

    in_range: str
    in_block: str
    packet: str
    on_map: str
    swapped: Text | Slot
    mirror: Ports | Slot | None


BLANK = Own(
    slot("in_range"), slot("in_block"), slot("packet"), slot("on_map"),
    Slot("swapped"), Slot("mirror"),
)  # fmt: skip


def own(answer: PortAnswer, swapped: Neighbour, state: State) -> Own:
    """What is reckoned from the number of *answer*; *swapped* stands in *state*."""
    port, block = answer.port, answer.block
    return Own(
        f"{port - answer.range.first + 1:,}",
        _within(port, block.first, block.last),
        f"{port >> 8:02x} {port & 255:02x} (0x{port:04x}), high byte first",
        f"row {port >> 8}, column {port & 255}, counted from 0",
        Text(_swapped(port, swapped, state), (swapped.port,), swapped.service_names[:1]),
        _mirror(port, swapped, state),
    )


def _within(port: int, first: int, last: int) -> str:
    if port == first:
        return "the first"
    if port == last:
        return "the last"
    return f"the {words.ordinal(port - first + 1)}"


def _swapped(port: int, swapped: Neighbour, state: State) -> str:
    other = swapped.port
    if port == other:
        return (
            f"Its two bytes are the same: {port} is read alike in either byte order, so a program "
            "that forgets htons(3) still binds it."
        )
    names = swapped.service_names
    who = f"{state}{f' ({names[0]})' if names else ''}"
    return (
        f"With its bytes swapped it would be {other}, which is {who}: there a program on a "
        "little-endian machine listens if it forgets htons(3)."
    )


def _mirror(port: int, swapped: Neighbour, state: State) -> Ports | None:
    other = swapped.port
    if other == port:
        return None
    said = swapped.description or str(state)
    return Ports(
        "The same bytes in the other order",
        (PortRow(other, other, swapped.service_names, said),),
    )
