"""The queries that a command was given: as arguments, and on standard input."""

from __future__ import annotations

import sys

from portbook.errors import InvalidQuery, UsageError, shown
from portbook.formats.errors.query import QueryKind, is_short, parse_query, split_queries
from portbook.model import RANGES, bracketed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.catalog import Catalog
    from portbook.formats.errors.query import Query

_TRANSPORTS = ("tcp", "udp", "sctp", "dccp")
_PORT_WORDS = ("port", "ports")
_MOST_BYTES = 1 << 28  # of standard input; what is behind them is no error message
_FIRST_LINES = 256  # if so many are queries, the others are too, and each is answered as it comes


def standard_input() -> Iterator[str]:
    """The queries on standard input: one text, unless every line is a query. Raises UsageError."""
    if sys.stdin is None:
        raise UsageError("standard input is closed: give the query as an argument")
    stream = sys.stdin.buffer
    lines: list[bytes] = []
    for line in iter(lambda: stream.readline(_MOST_BYTES), b""):
        lines.append(line)
        if b"\0" in line or not all(map(is_short, _queries(_decoded(line)))):
            yield from _queries_of(b"".join(lines) + stream.read(_MOST_BYTES))
            return
        if len(lines) == _FIRST_LINES:
            break
    for line in lines:
        yield from _queries(_decoded(line))
    if len(lines) == _FIRST_LINES:
        for line in stream:
            yield from _queries(_decoded(line))


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _queries(line: str) -> list[str]:
    return split_queries(line.strip()) if line.strip() else []


def _queries_of(data: bytes) -> list[str]:
    """The one text of *data*; several queries where only its encoding hid that they are."""
    from portbook.formats.errors.pasted import decode_text

    text = decode_text(data)
    queries = [query for line in text.splitlines() for query in _queries(line)]
    return queries if all(map(is_short, queries)) else [text]


def joined(words: Sequence[str]) -> tuple[str, ...]:
    """*words* with a port and the transport or the host beside it as one query; "port" goes.

    >>> joined(["8080", "tcp", "ssh"]), joined(["udp", "53"]), joined(["tcp", "ssh"])
    (('8080/tcp', 'ssh'), ('53/udp',), ('tcp', 'ssh'))
    >>> joined(["localhost", "8080"]), joined(["::1", "80"]), joined(["port", "3000", "udp"])
    (('localhost:8080',), ('[::1]:80',), ('3000/udp',))
    """
    queries: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if rest and word.lower() in _PORT_WORDS and _is_port(rest[0]):
            word = rest.pop(0)
        if rest and _is_port(word) and rest[0].lower() in _TRANSPORTS:
            word = f"{word}/{rest.pop(0)}"
        elif rest and word.lower() in _TRANSPORTS and _is_port(rest[0]):
            word = f"{rest.pop(0)}/{word}"
        elif rest and _is_host(word) and rest[0].isdigit():  # as nc and telnet take them
            word = f"{bracketed(word)}:{rest.pop(0)}"
        queries.append(word)
    return tuple(queries)


def _is_port(word: str) -> bool:
    return word.isascii() and word.replace("-", "").isdigit() and word[0] != "-"


def _is_host(word: str) -> bool:
    """Whether *word* is an address or localhost, without a port."""
    if word.lower() == "localhost":
        return True
    from ipaddress import ip_address

    try:
        ip_address(word)
    except ValueError:
        return False
    return not word.isdigit()


def one_text(words: Sequence[str], catalog: Catalog) -> bool:
    """Whether *words* are one text: a question, what people call a service, unknown words."""
    if "-" in words or any(" " in word for word in words):
        return False
    from portbook.formats.errors.questions import is_question
    from portbook.formats.errors.several import listed_ports

    if is_question(list(words)) or listed_ports(words):
        return True
    try:
        kinds = {parse_query(part).kind for word in words for part in split_queries(word)}
    except InvalidQuery:
        return False
    if kinds != {QueryKind.NAME}:
        return False
    if catalog.practice.services_called(" ".join(words)):
        return True
    return not any(map(catalog.registry.named, words))


def read_query(text: str) -> Query:
    """The query in *text*, or the one on standard input for ``-``. Raises InvalidQuery."""
    if text != "-":
        return parse_query(text)
    queries = list(standard_input())
    if len(queries) != 1:
        raise InvalidQuery(
            f"standard input has {len(queries)} queries: give one port, or one error message", "-"
        )
    return parse_query(queries[0])


def one_port(text: str, catalog: Catalog) -> Query:
    """The query for the one port that *text* names: by number, in an address, by a service's name.

    Raises InvalidQuery where it names none, or several.
    """
    from portbook.app.lookup import port_of_name

    query = parse_query(text)
    if query.kind is QueryKind.PORT:
        return query
    ports = port_of_name(query, catalog) if query.kind is QueryKind.NAME else ()
    if len(ports) == 1:
        return ports[0]
    if ports:
        several = ", ".join(str(each.first) for each in ports)
        raise InvalidQuery(f"{shown(text)} has several ports, {several}: give one of them", text)
    raise InvalidQuery(
        f"{shown(text)} names no single port: give one, such as 8080 or 53/udp", text
    )


def port_range(text: str) -> tuple[int, int]:
    """The first and the last port of *text*, a range, its name or one port. Raises InvalidQuery.

    >>> port_range("system"), port_range("22")
    ((0, 1023), (22, 22))
    """
    for named in RANGES:
        if text.lower() == named.name:
            return named.first, named.last
    query = parse_query(text)
    whole = query.kind in (QueryKind.PORT, QueryKind.RANGE)
    if not whole or query.transport is not None or query.address is not None:
        raise InvalidQuery(
            f"{shown(text)} is no range of ports: give one such as 0-1023, or "
            "system, user or dynamic",
            text,
        )
    return query.first, query.last
