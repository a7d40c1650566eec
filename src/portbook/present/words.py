"""The small words of sentences: lists, ranks, references."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """*words* as a list in a sentence.

    >>> listed(["tcp"]), listed(["tcp", "udp"]), listed(["tcp", "udp", "sctp"])
    ('tcp', 'tcp and udp', 'tcp, udp and sctp')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def shortened(text: str, most: int = 240) -> str:
    """*text*, or its beginning where it is longer than *most* characters."""
    return text if len(text) <= most else f"{text[:most].rpartition(' ')[0]} … (--json has it all)"


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
