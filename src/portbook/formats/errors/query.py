"""What people have at hand, read as a question.

A port, a port and a transport, an address or a URL, a pasted error, a range, a service name, or
text to search:

>>> parse_query("udp:443").first, parse_query("443/udp").transport
(443, <Transport.UDP: 'udp'>)
>>> parse_query("EADDRINUSE: address already in use :::3000").first
3000
>>> parse_query("6000-6063").last
6063
>>> parse_query("ssh").kind, parse_query("novastor backup").kind
(<QueryKind.NAME: 'name'>, <QueryKind.TEXT: 'text'>)
"""

from __future__ import annotations

from portbook import errors
from portbook._fast_types import NamedTuple, StrEnum
from portbook.errors import InvalidQuery, shown
from portbook.model import LAST_PORT, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.formats.errors.pasted import Reading

_MOST_NAMED = 12  # further ports that a note names

# What a setting or an error has between its words, and a service's name hasn't.
_SIGNS = frozenset(":=@[](){}<>,;'\"")

_GROUPING = (",", "'", "’", "_")  # between the thousands of a number
LONGEST = 4096  # characters of one word, and of a text that is searched for

_TRANSPORTS: dict[str, Transport | None] = {
    **{transport.value: transport for transport in Transport},
    "tcp4": Transport.TCP,
    "tcp6": Transport.TCP,
    "udp4": Transport.UDP,
    "udp6": Transport.UDP,
}


class QueryKind(StrEnum):
    """What a query asks for."""

    PORT = "port"
    RANGE = "range"
    NAME = "name"
    TEXT = "text"


class Query(NamedTuple):
    """What was asked, understood.

    ``transport`` narrows a port or a range; ``address`` is the host part of a pasted address,
    and ``notes`` say how a loose spelling was read. ``pasted`` is what was read in a text of
    several words: all its ports, and what failed. ``topic`` names the page that answers a question
    without a number, or with one what is asked of the port (``stop``).
    """

    kind: QueryKind
    text: str
    first: int = -1
    last: int = -1
    transport: Transport | None = None
    address: str | None = None
    notes: tuple[str, ...] = ()
    pasted: Reading | None = None
    topic: str | None = None


def parse_query(text: str) -> Query:
    """*text* understood. Raises InvalidQuery, or one of its kinds, where it can't be.

    >>> parse_query("3,000").first, parse_query("3,000").notes
    (3000, ('3,000 was read as 3000',))
    """
    if any(map(text.__contains__, _GROUPING)) and any(map(str.isdigit, text)):
        from portbook.formats.errors.numerals import join_groups

        text, joined = join_groups(text)
        if joined:
            query = _parse_query(text)
            said = [f"{each} was read as {port}" for each, port in joined if _names(query, port)]
            return query._replace(notes=(*said, *query.notes))
    return _parse_query(text)


def _names(query: Query, port: int) -> bool:
    read = query.pasted.ports if query.pasted is not None else ()
    return port in (query.first, query.last, *read)


def _parse_query(text: str) -> Query:
    words = text.split()
    if not words:
        raise InvalidQuery("the query is empty: give a port, a service name or text", text)
    if not is_short(text):
        return _parse_text(text, words)
    if len(text) > LONGEST:
        raise InvalidQuery(
            f"the query is {len(text):,} characters long: give at most {LONGEST:,}", text
        )
    if "\0" in text:
        raise InvalidQuery(f"{shown(text)} holds a NUL character: leave it out", text)
    word = "/".join(words)  # 443 udp
    return _parse_error(word) or _parse_word(word)


def split_queries(text: str) -> list[str]:
    """The queries in one argument: a list such as ``22,80,6000-6063`` holds several.

    >>> split_queries("22,80,6000-6063")
    ['22', '80', '6000-6063']
    >>> split_queries("22 80"), split_queries("443 udp")
    (['22', '80'], ['443 udp'])
    >>> split_queries("bind failed, sorry"), split_queries("3,000")
    (['bind failed, sorry'], ['3,000'])
    """
    parts = [part.strip() for part in text.split(",")] if "," in text else text.split()
    if len(parts) == 2 and text == ",".join(parts) and _is_grouped(text):
        return [text]
    parts = parts or [text]
    if len(parts) > 1 and not parts[-1]:  # "portbook 22, 80" gives "22,"
        parts.pop()
    return parts if all(map(_numeric, parts)) else [text]


def _is_grouped(text: str) -> bool:
    """Whether *text*, two numbers and a comma, is one with its thousands apart: no port is 000."""
    if text.partition(",")[2][:1] != "0":
        return False
    from portbook.formats.errors.numerals import join_groups

    return bool(join_groups(text)[1])


def is_short(text: str) -> bool:
    """Whether *text* is a query by itself, and no line of a longer text: one word, ``443 udp``."""
    words = text.split()
    return len(words) < 2 or (len(words) == 2 and words[1].lower() in _TRANSPORTS)


def _numeric(part: str) -> bool:
    number, slash, transport = part.partition("/")
    if slash and transport.lower() not in _TRANSPORTS:
        return False
    return number.replace("-", "").isdigit()


def parse_port(text: str) -> tuple[int, tuple[str, ...]]:
    """*text* as a port, and a note if it was spelled loosely. Raises InvalidPort.

    >>> parse_port("00080")
    (80, ('00080 was read as 80',))
    """
    digits = text.lstrip("0") or "0"
    # str.isdigit alone would let other scripts' digits through.
    if not (text.isascii() and text.isdigit()) or len(digits) > 5 or int(digits) > LAST_PORT:
        raise errors.InvalidPort(text)
    notes = () if digits == text else (f"{text[:20]} was read as {digits}",)
    return int(digits), notes


def parse_transport(text: str) -> Transport:
    """*text* as a transport, whatever its letter case. Raises InvalidTransport."""
    transport = _TRANSPORTS.get(text.lower())
    if transport is None:
        raise errors.InvalidTransport(text)
    return transport


def parse_range(text: str) -> tuple[int, int, tuple[str, ...]]:
    """*text* of the form ``first-last`` as a range. Raises InvalidPort or InvalidRange."""
    left, _, right = text.partition("-")
    first, notes = parse_port(left)
    last, more = parse_port(right)
    if first > last:
        raise errors.InvalidRange(
            f"{shown(text)} runs backwards: give the lower port first, {last}-{first}", text
        )
    return first, last, notes + more


def _looks_numeric(word: str) -> bool:
    return word[:1].isdigit() or (word[:1] in "-+" and word[1:2].isdigit())


def _parse_word(word: str) -> Query:
    if "://" in word:
        return _parse_url(word)
    if "->" in word:  # a container's published port
        return _parse_setting(word) or Query(QueryKind.NAME, word)
    transport, number = _split_transport(word.rstrip("/") if word[:1].isdigit() else word)
    if number.isdigit():
        return _port(number, transport)
    if number and not number.strip("0123456789-"):
        return _range(number, transport)
    first, dots, last = number.partition("..")
    if dots and first.isdigit() and last.strip(".").isdigit():  # 3000..3010
        return _range(f"{first}-{last.strip('.')}", transport)
    first, colon, last = number.partition(":")
    if colon and _rises(first, last):  # 3000:3010, as iptables has it
        return _range(f"{first}-{last}", transport)
    query = _parse_address(number)
    if query is not None:
        return query._replace(transport=transport)
    if transport is not None or (number[:1] == "+" and number[1:].isdigit()):
        raise errors.InvalidPort(number)
    host = word.removesuffix(":") if word.count(":") == 1 or word.endswith("]:") else word
    bare = host.removeprefix("[").removesuffix("]")
    from portbook.model import host_port, is_v4, is_v6

    if is_v4(bare) or is_v6(bare) or bare.lower() == "localhost":
        example = shown(host_port(bare, 8080))  # a zone may be anything
        raise InvalidQuery(
            f"{shown(word)} is an address without a port: give one with it, as in {example}", word
        )
    return _parse_setting(word) or _parse_marked(word) or Query(QueryKind.NAME, word)


def _parse_marked(word: str) -> Query | None:
    """A port with signs around it, or in another spelling: ``#3000``, ``port3000``, ``0x1F90``."""
    bare = word.strip(_MARKS).lower().removeprefix("port").lstrip(_MARKS)
    digits = bare.removeprefix("0x")
    if digits != bare and digits and len(digits) <= 4 and not digits.strip(_HEX):
        number = str(int(digits, 16))
    elif bare.isascii() and bare.isdigit() and bare != word:
        number = bare
    else:
        return None
    query = _port(number)
    return query._replace(text=number, notes=(f"{word[:20]} was read as {query.first}",))


def _parse_setting(word: str) -> Query | None:
    """The port in one word of a setting, a command or an error: ``httpPort=8080``."""
    signed = not word.isascii() or set(word) & _SIGNS
    if not (signed and any(map(str.isdigit, word))):
        return None
    query = _parse_text(word, [word])
    return query if query.kind in (QueryKind.PORT, QueryKind.RANGE) else None


def _parse_text(text: str, words: list[str]) -> Query:
    """A text: a port that it is about with what failed, a question, or words to search for."""
    # Regular expressions take longer to load than a lookup takes.
    from portbook.formats.errors.pasted import Reading, read_text
    from portbook.formats.errors.questions import read_question

    reading = read_text(text)
    question = None
    if reading.failure is None and words[1:] and len(text) <= LONGEST:
        question = read_question(words)
        if question is not None and question.ports and not reading.ports:
            reading = reading._replace(ports=question.ports)
    topic = question.topic if question else None
    if reading.ports:
        first, last = reading.ports[0], reading.ports[-1]
        kind = QueryKind.RANGE if reading.span else QueryKind.PORT
        last = last if reading.span else first
        many = len(reading.ports) > 1
        ports = f"ports {first}–{last}" if reading.span else f"port {first}"
        notes: tuple[str, ...] = ()
        if len(words) > 1 or many:
            notes = (f"read from the text: {ports}",)
        if reading.failure is None:  # an answer to a failure tells the other ports itself
            notes += _also_named(reading)
        name = str(first) if not reading.span else f"{first}-{last}"
        return Query(
            kind, name, first, last, reading.transport, reading.address, notes, reading, topic
        )
    if len(text) > LONGEST and reading == Reading():
        raise InvalidQuery(
            f"the text of {len(text):,} characters names no port and no failure of one: give the "
            "lines around the error",
            text,
        )
    pasted = None if reading == Reading() else reading
    short = " ".join(words) if len(text) <= LONGEST else " ".join(words)[:LONGEST]
    return Query(QueryKind.TEXT, short, address=reading.address, pasted=pasted, topic=topic)


def _also_named(reading: Reading) -> tuple[str, ...]:
    ports = (*reading.ports[1 + reading.span :], *reading.others)[:_MOST_NAMED]
    return (f"also in the text: {', '.join(map(str, ports))}",) if ports else ()


def _rises(first: str, last: str) -> bool:
    """Whether *first* and *last* can be the ends of a range, and are no time of day."""
    if not (f"{first}{last}".isascii() and first.isdigit() and last.isdigit()):
        return False
    return len(last) < 6 and len(first) < 6 and int(last) > max(int(first), 59)


def _split_transport(word: str) -> tuple[Transport | None, str]:
    """``443/udp``, ``udp:443`` and ``udp/443`` taken apart; None where no transport is in it."""
    head, slash, tail = word.partition("/")
    host, colon, _ = head.partition(":")
    known = tail.lower() in _TRANSPORTS if colon else _looks_numeric(head)
    if slash and (known or (host.isdigit() and colon)):
        return parse_transport(tail), head
    if not slash:
        head, slash, tail = word.partition(":")
    if slash and _looks_numeric(tail) and head.lower() in _TRANSPORTS:
        return parse_transport(head), tail
    return None, word


def _range(text: str, transport: Transport | None) -> Query:
    if text.startswith("-"):  # a negative number
        raise errors.InvalidPort(text)
    first, last, notes = parse_range(text)
    return Query(QueryKind.RANGE, text, first, last, transport, None, notes)


def _port(text: str, transport: Transport | None = None, address: str | None = None) -> Query:
    port, notes = parse_port(text)
    return Query(QueryKind.PORT, text, port, port, transport, address, notes)


def _parse_url(word: str) -> Query:
    scheme, _, rest = word.partition("://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2].rstrip(":,;.'\")")
    query = _parse_address(host)
    if query is not None:
        return query._replace(transport=_TRANSPORTS.get(scheme.lower()))
    if not scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        raise InvalidQuery(f"{shown(word)} is not a URL: give SCHEME://HOST:PORT", word)
    note = f"the URL names no port; {shown(scheme.lower())[1:-1]} is looked up instead"
    return Query(QueryKind.NAME, scheme.lower(), address=host or None, notes=(note,))


def _parse_address(word: str) -> Query | None:
    """The port in an address, however a program writes it.

    ``HOST:PORT``, ``[V6]:PORT``, ``:PORT``, ``V6:PORT`` as ss has it, ``V4.PORT`` as BSD does.
    None where *word* is none of these; raises InvalidPort where only the number is wrong.
    """
    head = word.partition("/")[0]  # a path may follow: localhost:3000/login
    word = head if ":" in head else word
    host, colon, number = word.rpartition(":")
    if not colon:
        host, _, number = word.rpartition(".")
        return _port(number, None, host) if number.isdigit() and _is_bsd_host(host) else None
    if host.isdigit() or not set(host.lower()) <= _HOST_SIGNS:  # a time of day, a setting
        return None
    if not number.isdigit():
        if _looks_numeric(number) and ":" not in host:
            raise errors.InvalidPort(number)
        return None
    if host.startswith("[") and not host.endswith("]"):
        return None
    if host.startswith("[") or host in ("", "::"):
        return _port(number, None, host.strip("[]") or None)
    from portbook.model import is_v6

    if (":" in host and not is_v6(host)) or (host[0].isalpha() and _is_file(word)):
        return None
    query = _port(number, None, host)
    if ":" in host and is_v6(word):
        # Both readings are addresses, as in 2001:db8::1:80. A port is what was asked for.
        note = "without brackets the last group of an IPv6 address is read as the port"
        return query._replace(notes=(*query.notes, note))
    return query


def _parse_error(word: str) -> Query | None:
    """``EADDRINUSE:3000``: the name of an errno, which is no host's."""
    name, colon, _ = word.partition(":")
    if not (colon and name[:1] == "E" and name[5:].isalpha() and name.isupper()):
        return None
    query = _parse_text(word, [word])
    failed = query.pasted is not None and query.pasted.failure is not None
    return query if failed else None


_MARKS = "#/?!.,;:()[]{}<>\"'`=~"
_HEX = "0123456789abcdef"
_HOST_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]%*+")


def _is_file(word: str) -> bool:
    """Whether the number after the colon of *word* is a line of a file: ``server.js:15``."""
    if "." not in word:
        return False
    from portbook.formats.errors.not_ports import blank

    return not blank(word).strip()


def _is_bsd_host(text: str) -> bool:
    from portbook.model import is_v4

    return text == "*" or is_v4(text)
