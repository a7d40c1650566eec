r"""What Windows' ``netsh`` prints about ports, read. Pure.

It speaks the language of its Windows, and no word of it is relied on: numbers, dashes and the
asterisk are the same in all of them.

>>> found = parse_excluded_ranges('''
... Protocol tcp Port Exclusion Ranges
...
... Start Port    End Port
... ----------    --------
...       5357        5357
...      50000       50059     *
...
... * - Administered port exclusions.
... ''')
>>> [(each.first, each.last, each.administered) for each in found]
[(5357, 5357, False), (50000, 50059, True)]
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class ExcludedRange(NamedTuple):
    """Ports that Windows gives to nobody who doesn't hold the reservation.

    A bind there fails with WSAEACCES although nothing listens. ``administered`` ones were made
    by an administrator and stay; the others come from services, such as Hyper-V's, and move at
    each start of the system.
    """

    first: int
    last: int
    administered: bool = False


def parse_excluded_ranges(text: str) -> tuple[ExcludedRange, ...]:
    """What ``netsh interface ipv4 show excludedportrange protocol=tcp`` prints, in any language.

    Raises MalformedInput for text without the table's line of dashes, or a row that is no range.
    """
    lines = iter(text.replace("\r", "\n").split("\n"))
    for line in lines:
        words = line.split()
        if len(words) == 2 and not "".join(words).strip("-"):
            break
    else:
        raise MalformedInput("it is not a list of excluded port ranges as netsh prints it")
    return tuple(_rows(lines))


def _rows(lines: Iterator[str]) -> Iterator[ExcludedRange]:
    for line in lines:
        words = line.split()
        if not words:
            continue
        if not words[0].isdecimal():
            return  # the legend, or what was typed next
        numbers = [_port(word) for word in words[:2]]
        if len(words) > 3 or len(numbers) != 2 or words[2:] not in ([], ["*"]):
            raise MalformedInput("a row of netsh's excluded port ranges can't be read")
        if numbers[0] > numbers[1]:
            raise MalformedInput("a row of netsh's excluded port ranges runs backwards")
        yield ExcludedRange(numbers[0], numbers[1], len(words) == 3)


def _port(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 5 and int(word) <= 65535):
        raise MalformedInput("a row of netsh's excluded port ranges holds no port")
    return int(word)


def parse_dynamic_range(text: str) -> tuple[int, int]:
    r"""What ``netsh int ipv4 show dynamicport tcp`` prints, in any language: first and last port.

    Raises MalformedInput for text without two lines that end in a colon and a number.

    >>> parse_dynamic_range("Start Port      : 49152\nNumber of Ports : 16384\n")
    (49152, 65535)
    """
    numbers = []
    for line in text.replace("\r", "\n").split("\n"):
        # Some languages write a full-width colon.
        _, colon, value = line.replace("\uff1a", ":").rpartition(":")
        value = value.strip()
        if colon and value.isascii() and value.isdecimal() and len(value) <= 5:
            numbers.append(int(value))
    if len(numbers) != 2 or not numbers[1] or sum(numbers) > 65536:
        raise MalformedInput("it is not a dynamic port range as netsh prints it")
    start, count = numbers
    return start, start + count - 1
