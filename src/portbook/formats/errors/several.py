"""Questions about several ports, such as the difference between two: each has its answer."""

from __future__ import annotations

from portbook.formats.errors.query import Query, QueryKind, parse_port, parse_query
from portbook.model import LAST_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_ASKED = 4  # ports of a question that are answered one after the other
# What stands between ports that are asked about together: "80 vs 8080".
_BETWEEN = frozenset(("vs", "vs.", "versus", "and", "or", "port", "ports", "&", "compared", "to"))


def parse_questions(text: str) -> tuple[Query, ...]:
    """The queries in *text*: one for each port of a question about several.

    Raises InvalidQuery, or one of its kinds, where it can't be understood.

    >>> [each.first for each in parse_questions("difference between 80 and 8080")]
    [80, 8080]
    >>> [each.first for each in parse_questions("443 vs 8443")]
    [443, 8443]
    >>> [each.first for each in parse_questions("bind failed on port 80, retrying on 8080")]
    [80]
    """
    listed = listed_ports(text.split())
    if listed:
        return tuple(map(_port, listed))
    query = parse_query(text)
    reading = query.pasted
    if reading is None or query.kind is not QueryKind.PORT or query.topic is not None:
        return (query,)
    if reading.failure is not None or reading.address is not None:
        return (query,)
    from portbook.formats.errors.questions import ASKING

    asks = text.split(maxsplit=1)[0].lower() in ASKING or text.rstrip().endswith("?")
    named = {*reading.ports, *reading.others}
    if not asks or not 1 < len(named) <= _MOST_ASKED:
        return (query,)
    ports = sorted(named, key=lambda port: text.find(str(port)))
    return tuple([_port(port)._replace(pasted=reading) for port in ports])


def listed_ports(words: Sequence[str]) -> list[int]:
    """The ports of *words* that are nothing but ports and what stands between them, if so.

    >>> listed_ports("ports 22 and 2222".split()), listed_ports("22 2222".split())
    ([22, 2222], [])
    """
    numbers = [word for word in words if word.isascii() and word.isdigit() and len(word) <= 5]
    between = {word.lower() for word in words} - set(numbers)
    ports = [parse_port(each)[0] for each in dict.fromkeys(numbers) if int(each) <= LAST_PORT]
    if not between or between - _BETWEEN or len(ports) < len(set(numbers)):
        return []
    return ports if 1 < len(ports) <= _MOST_ASKED else []


def _port(port: int) -> Query:
    return Query(QueryKind.PORT, str(port), port, port)
