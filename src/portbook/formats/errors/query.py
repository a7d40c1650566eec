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

from portbook._fast_types import NamedTuple, StrEnum
from portbook.errors import InvalidPort, InvalidQuery, InvalidRange, InvalidTransport, shown
from portbook.model import LAST_PORT, Transport, host_port

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


class QueryKind(StrEnum):
    """What a query asks for."""

    PORT = "port"
    RANGE = "range"
    NAME = "name"
    TEXT = "text"


class Query(NamedTuple):
    """What was asked, understood.

    ``transport`` narrows a port or a range; ``address`` is the host part of a pasted address,
    and ``notes`` say how a loose spelling was read.
    """

    kind: QueryKind
    text: str
    first: int = -1
    last: int = -1
    transport: Transport | None = None
    address: str | None = None
    notes: tuple[str, ...] = ()


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
    query = _parse_pasted(words)
    if query is None and any(sign in text.lower() for sign in _BUSY):
        raise InvalidQuery(
            f"{shown(text)} names no port: find the one that the program was told to use, and ask "
            "as in portbook why 8080",
            text,
        )
    return query or Query(QueryKind.TEXT, " ".join(words))


def split_queries(text: str) -> list[str]:
    """The queries in one argument: a list such as ``22,80,6000-6063`` holds several.

    >>> split_queries("22,80,6000-6063")
    ['22', '80', '6000-6063']
    >>> split_queries("22 80"), split_queries("443 udp")
    (['22', '80'], ['443 udp'])
    >>> split_queries("bind failed, sorry")
    ['bind failed, sorry']
    """
    parts = [part.strip() for part in text.split(",")] if "," in text else text.split()
    parts = parts or [text]
    if len(parts) > 1 and not parts[-1]:  # "portbook 22, 80" gives "22,"
        parts.pop()
    return parts if all(map(_numeric, parts)) else [text]


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
    query = _parse_address(word) or _pasted_setting(word, "")
    bare = word.removeprefix("[").removesuffix("]")
    if query is None and (_is_v4(bare) or _is_v6(bare)):
        example = shown(host_port(bare, 8080))  # a zone may be anything
        raise InvalidQuery(
            f"{shown(word)} is an address without a port: give one with it, as in {example}", word
        )
    return query or Query(QueryKind.NAME, word)


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
    host, colon, number = word.rpartition(":")
    if not colon:
        host, _, number = word.rpartition(".")
        return _port(number, None, host) if number.isdigit() and _is_bsd_host(host) else None
    if host.isdigit():  # a time of day
        return None
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
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts)


def _is_v6(text: str) -> bool:
    """Whether *text* is an IPv6 address in one of the forms of RFC 4291 §2.2, with a zone or not.

    >>> [_is_v6(text) for text in ("::1", "fe80::1%eth0", "::ffff:10.0.0.1", "2001:db8:", ":::1")]
    [True, True, True, False, False]
    """
    text, _, zone = text.partition("%")
    hexadecimal = set("0123456789abcdefABCDEF")
    halves = [half.split(":") if half else [] for half in text.split("::")]
    groups = [group for half in halves for group in half]
    size = len(groups) + (bool(groups) and _is_v4(groups[-1]))
    return (
        ":" in text
        and ":" not in zone
        and (size == 8 if len(halves) == 1 else len(halves) == 2 and size < 8)
        and all(
            (0 < len(group) <= 4 and set(group) <= hexadecimal)
            or (at == len(groups) - 1 and _is_v4(group))
            for at, group in enumerate(groups)
        )
    )


# -- what programs print ----------------------------------------------------------------------

# Words that end in "port" and say nothing of one; and what stands before a number without being
# its host, as in errno:98 and server.js:15.
_NO_PORT = {"airport", "export", "import", "passport", "report", "support", "transport", "viewport"}
_NO_HOST = {"code", "column", "errno", "error", "exit", "line", "pid", "row", "status"}
# What programs say of a port that is taken, in lower case, whether they name it or not.
_BUSY = ("eaddrinuse", "address already in use", "address in use", "only one usage of each socket")
_SOURCE_FILES = (
    ".c .cc .cfg .cjs .conf .cpp .cs .ex .exs .go .h .html .ini .java .js .json .jsx .kt .log .lua "
    ".mjs .php .pl .py .rb .rs .scala .sh .swift .toml .ts .tsx .vue .xml .yaml .yml "
)


def _parse_pasted(words: list[str]) -> Query | None:
    """A line that a program printed: the port in it, and its transport where it names one."""
    bare = [word.lstrip(_AROUND).rstrip(_AROUND + ":") for word in words]
    transport = next(filter(None, (_TRANSPORTS.get(word.lower()) for word in bare)), None)
    # The surest signs are tried first, each on the whole line.
    for reader in (_pasted_setting, _pasted_address, _pasted_pair, _pasted_host):
        for at in range(len(bare)):
            query = reader(bare[at], bare[at - 1] if at else "")
            if query is not None:
                note = f"read from the text: port {query.first}"
                return query._replace(
                    transport=query.transport or transport, notes=(*query.notes, note)
                )
    return None


def _pasted_address(word: str, _before: str) -> Query | None:
    """A numeric address with its port, a URL, or ``443/udp``: nothing else looks like these."""
    query = _pasted(word)
    if query is None:
        return None
    host = query.address
    sure = host is None or "://" in word or host in ("*", "localhost") or _is_v4(host)
    return query if sure or _is_v6(host or "") or host == "::" else None


def _pasted_host(word: str, _before: str) -> Query | None:
    """``db:5432``; but no ``server.js:15`` and no ``errno:98``."""
    query = _pasted(word)
    host = (query.address or "").strip(_AROUND).lower() if query else ""
    file = "." in host and f".{host.rpartition('.')[2]} " in _SOURCE_FILES
    return None if file or host in _NO_HOST else query


def _pasted(word: str) -> Query | None:
    """The port in *word* where it is more than a number."""
    word = word.removeprefix("bind(").removeprefix("listen(").partition("->")[0]
    if "://" not in word and ":" in word:  # Java prints host/address:port
        word = word.rpartition("/")[2]
    if word[:1] == "[" and word[-1:] == "]":  # HAProxy prints [address:port]
        inner = word[1:-1]
        word = inner if _is_v4(inner.rpartition(":")[0]) or inner.startswith(":::") else word
    try:
        query = _parse_word(word)
    except InvalidQuery:
        return None
    # A bare number is no address, nor is the 98 of "(98: Address in use" or a time of day.
    bare = word.isdigit() or (query.address or "").isdigit()
    return None if query.kind is not QueryKind.PORT or bare else query


def _pasted_setting(word: str, before: str) -> Query | None:
    """``port 8080``, ``port=8080``, ``"port":8080``, ``httpPort=8080``, ``server.port = 8080``."""
    name, _, number = word.replace(":", "=").rpartition("=")
    name = (name or before).strip(_AROUND + "=:#-").replace("_", ".").replace("-", ".").lower()
    name = name.rpartition(".")[2]
    return _pasted_number(number) if name.endswith("port") and name not in _NO_PORT else None


def _pasted_pair(word: str, before: str) -> Query | None:
    """``('127.0.0.1', 8000)``, as Python prints an address, and ``udp 443``."""
    if _is_v4(before) or _is_v6(before):
        return _pasted_number(word)
    # netstat's "tcp 0 0" counts what is in the queues.
    return _pasted_number(word) if before.lower() in _TRANSPORTS and word != "0" else None


def _pasted_number(word: str) -> Query | None:
    if word.isascii() and word.isdigit() and len(word) <= 5 and int(word) <= LAST_PORT:
        return _port(word)
    return None
