"""The small parts of answers: lists, ranks, references, the next step."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class NextStep(NamedTuple):
    """What to do next: a few words, and the command."""

    label: str
    command: str


def listed(words: Iterable[str]) -> str:
    """*words* as a list in a sentence.

    >>> listed(["tcp"]), listed(["tcp", "udp"]), listed(["tcp", "udp", "sctp"])
    ('tcp', 'tcp and udp', 'tcp, udp and sctp')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def few(words: Sequence[str], most: int = 3) -> str:
    """*words* in a list, or the first *most* of them and how many others there are.

    >>> few(["a", "b"]), few(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 others')
    """
    more = len(words) - most
    if more < 1:
        return listed(words)
    return f"{', '.join(words[:most])} and {more} other{'s' if more > 1 else ''}"


def with_references(text: str, references: tuple[str, ...]) -> str:
    """*text* with what the registry cites for it.

    >>> with_references("HTTP", ("RFC9110",))
    'HTTP [RFC 9110]'
    """
    if not references:
        return text
    return f"{text} [{', '.join(map(document, references))}]"


def document(reference: str) -> str:
    """A reference as one writes it.

    >>> document("RFC9110"), document("note 1")
    ('RFC 9110', 'note 1')
    """
    number = reference[3:]
    return f"RFC {number}" if reference.startswith("RFC") and number.isdigit() else reference


def ordinal(number: int) -> str:
    """*number* as a rank.

    >>> [ordinal(n) for n in (1, 2, 3, 11, 12, 21, 102)]
    ['1st', '2nd', '3rd', '11th', '12th', '21st', '102nd']
    """
    teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def when(period: str) -> str:
    """A report's period as a part of a sentence.

    >>> when("2003-01"), when("2003-01-25"), when("2003/2004")
    ('in 2003-01', 'on 2003-01-25', 'from 2003 to 2004')
    """
    since, _, until = period.partition("/")
    if until:
        return f"from {since} to {until}"
    return f"{'on' if len(since) == 10 else 'in'} {since}"
