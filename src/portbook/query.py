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
('name', 'text')
"""

from __future__ import annotations

from portbook.errors import InvalidPort, InvalidQuery, InvalidRange, InvalidTransport, shown
from portbook.model import LAST_PORT, Query, Transport

TYPE_CHECKING = False

LONGEST = 4096  # characters; a pasted error with its stack fits

_TRANSPORTS: dict[str, Transport | None] = {
    **{transport.value: transport for transport in Transport},
    "tcp4": Transport.TCP,
    "tcp6": Transport.TCP,
    "udp4": Transport.UDP,
    "udp6": Transport.UDP,
}
# What a pasted line puts around an address: quotes, brackets, commas, a closing full stop.
_AROUND = "\"'`()<>{},;.!?"


def parse_query(text: str) -> Query:
    """*text* understood. Raises InvalidQuery, or one of its kinds, where it can't be."""
    if len(text) > LONGEST:
        raise InvalidQuery(
            f"the query is {len(text):,} characters long: give at most {LONGEST:,}", text
        )
    if "\0" in text:
        raise InvalidQuery(f"{shown(text)} holds a NUL character: leave it out", text)
    words = text.split()
    if not words:
        raise InvalidQuery("the query is empty: give a port, a service name or text", text)
    if len(words) == 1:
        return _parse_word(words[0])
    if len(words) == 2 and words[1].lower() in _TRANSPORTS:  # 443 udp
        return _parse_word("/".join(words))
    return _parse_pasted(words) or Query("text", " ".join(words))


def split_queries(text: str) -> list[str]:
    """The queries in one argument: a list such as ``22,80,6000-6063`` holds several.

    >>> split_queries("22,80,6000-6063")
    ['22', '80', '6000-6063']
    >>> split_queries("bind failed, sorry")
    ['bind failed, sorry']
    """
    parts = text.split(",")
    if len(parts) > 1 and all(part.strip() and _numeric(part.strip()) for part in parts):
        return [part.strip() for part in parts]
    return [text]


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
        raise InvalidPort(text)
    notes = () if digits == text else (f"{text[:20]} was read as {digits}",)
    return int(digits), notes


def parse_transport(text: str) -> Transport:
    """*text* as a transport, whatever its letter case. Raises InvalidTransport."""
    transport = _TRANSPORTS.get(text.lower())
    if transport is None:
        raise InvalidTransport(text)
    return transport


def parse_range(text: str) -> tuple[int, int, tuple[str, ...]]:
    """*text* of the form ``first-last`` as a range. Raises InvalidPort or InvalidRange."""
    left, _, right = text.partition("-")
    first, notes = parse_port(left)
    last, more = parse_port(right)
    if first > last:
        raise InvalidRange(
            f"{shown(text)} runs backwards: give the lower port first, {last}-{first}", text
        )
    return first, last, notes + more


def _looks_numeric(word: str) -> bool:
    return word[:1].isdigit() or (word[:1] in "-+" and word[1:2].isdigit())


def _parse_word(word: str) -> Query:
    if "://" in word:
        return _parse_url(word)
    transport, number = _split_transport(word)
    if number.isdigit():
        return _port(number, transport)
    if number and not number.strip("0123456789-"):
        return _range(number, transport)
    if transport is not None or (number[:1] == "+" and number[1:].isdigit()):
        raise InvalidPort(number)
    return _parse_address(word) or Query("name", word)


def _split_transport(word: str) -> tuple[Transport | None, str]:
    """``443/udp``, ``udp:443`` and ``udp/443`` taken apart; None where no transport is in it."""
    head, slash, tail = word.partition("/")
    if slash and _looks_numeric(head):
        return parse_transport(tail), head
    if not slash:
        head, slash, tail = word.partition(":")
    if slash and _looks_numeric(tail) and head.lower() in _TRANSPORTS:
        return parse_transport(head), tail
    return None, word


def _range(text: str, transport: Transport | None) -> Query:
    if text.startswith("-"):  # a negative number
        raise InvalidPort(text)
    first, last, notes = parse_range(text)
    return Query("range", text, first, last, transport, None, notes)


def _port(text: str, transport: Transport | None = None, address: str | None = None) -> Query:
    port, notes = parse_port(text)
    return Query("port", text, port, port, transport, address, notes)


def _parse_url(word: str) -> Query:
    scheme, _, rest = word.partition("://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2].rstrip(":,;.'\")")
    query = _parse_address(host)
    if query is not None:
        return query
    if not scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        raise InvalidQuery(f"{shown(word)} is not a URL: give SCHEME://HOST:PORT", word)
    note = f"the URL names no port; {shown(scheme.lower())[1:-1]} is looked up instead"
    return Query("name", scheme.lower(), address=host or None, notes=(note,))


def _parse_address(word: str) -> Query | None:
    """The port in an address, however a program writes it.

    ``HOST:PORT``, ``[V6]:PORT``, ``:PORT``, ``V6:PORT`` as ss has it, ``V4.PORT`` as BSD does.
    None where *word* is none of these; raises InvalidPort where only the number is wrong.
    """
    host, colon, number = word.rpartition(":")
    if not colon:
        host, _, number = word.rpartition(".")
        return _port(number, None, host) if number.isdigit() and _is_bsd_host(host) else None
    if not number.isdigit():
        if _looks_numeric(number) and ":" not in host:
            raise InvalidPort(number)
        return None
    if host.startswith("[") or host in ("", "::"):
        return _port(number, None, host.strip("[]") or None)
    if ":" in host and not _is_v6(host):
        return None
    query = _port(number, None, host)
    if ":" in host and _is_v6(word):
        # Both readings are addresses, as in 2001:db8::1:80. A port is what was asked for.
        note = "without brackets the last group of an IPv6 address is read as the port"
        return query._replace(notes=(*query.notes, note))
    return query


def _is_bsd_host(text: str) -> bool:
    return text == "*" or _is_v4(text)


def _is_v4(text: str) -> bool:
    return text.count(".") == 3 and text.replace(".", "").isdigit()


def _is_v6(text: str) -> bool:
    groups = text.partition("%")[0].split(":")
    hexadecimal = set("0123456789abcdefABCDEF")
    return 3 <= len(groups) <= 8 and all(
        _is_v4(group) or (len(group) <= 4 and set(group) <= hexadecimal) for group in groups
    )


def _parse_pasted(words: list[str]) -> Query | None:
    """A line that a program printed: the port in it, and its transport where it names one."""
    bare = [word.lstrip(_AROUND).rstrip(_AROUND + ":") for word in words]
    transport = next(filter(None, (_TRANSPORTS.get(word.lower()) for word in bare)), None)
    for reader in (_pasted_address, _pasted_setting, _pasted_pair):
        for at in range(len(bare)):
            query = reader(bare[at], bare[at - 1] if at else "")
            if query is not None:
                note = f"read from the text: port {query.first}"
                return query._replace(
                    transport=query.transport or transport, notes=(*query.notes, note)
                )
    return None


def _pasted_address(word: str, _before: str) -> Query | None:
    """An address with its port, or a URL."""
    word = word.removeprefix("bind(").removeprefix("listen(")
    try:
        query = _parse_word(word)
    except InvalidQuery:
        return None
    # A bare number is no address, nor is the 98 of "(98: Address in use" or a time of day.
    bare = word.isdigit() or (query.address or "").isdigit()
    return None if query.kind != "port" or bare else query


def _pasted_setting(word: str, before: str) -> Query | None:
    """``port 8080``, ``port=8080``, ``port:8080``."""
    name, _, number = word.replace(":", "=").rpartition("=")
    if (name or before).lower().strip("=:#").endswith("port"):
        return _pasted_number(number)
    return None


def _pasted_pair(word: str, before: str) -> Query | None:
    """``('127.0.0.1', 8000)``, as Python prints an address, and ``udp 443``."""
    if _is_v4(before) or _is_v6(before) or before.lower() in _TRANSPORTS:
        return _pasted_number(word)
    return None


def _pasted_number(word: str) -> Query | None:
    return _port(word) if word.isdigit() and len(word) <= 5 and int(word) <= LAST_PORT else None
