"""Queries by chance: what people paste, broken, and what nobody would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.inputs import COUNTER, UNITS

if TYPE_CHECKING:
    import random

_WORDS = (
    "80", "443", "65535", "65536", "-1", "00080", "٨٠", "²", "99999999", "9" * 400, "9-3", "1-2",
    "6000-6063", "tcp", "UDP", "sctp", "dccp", "tcp6", "443/udp", "udp:443", "port", "port=8080",
    "PORT:", '"httpPort":8080', "http", "https://localhost:8443/x", "localhost", "127.0.0.1:80",
    "0.0.0.0", "[::1]:5432", "::ffff:192.0.2.1:53", "fe80::1%eth0", "2001:db8::1:80", ":::3000",
    "bind(", "EADDRINUSE", "address already in use", "listen", "Error:", "ssh", "postgress", "nfs",
    "domain", "x11", "('192.0.2.1', 8000)", "errno:98", "server.js:15", "(98:", "12:30:59",
    "java.net.BindException", "Only one usage of each socket address", "react", "novastor backup",
)  # fmt: skip
_SIGNS = (
    ":", "::", "/", "//", "://", ".", ",", "-", "+", "*", "[", "]", "@", "#", "?", "%", "(", ")",
    "'", '"', "=", " ", "\t", "\n", "\0", "\x1b[2J", "\x07", "\x9b31m", "\u202e", "\ud800",
    "\udcff", "\u200b", "\ufeff", "端", "e\u0301", "\U0001f1e9", "\\", "|", ";", "&", "<", ">",
    "$(id)", "%s", "{}", "--json", "--", "-x",
)  # fmt: skip
_RUNS = tuple(
    unit.decode("utf-8", "surrogateescape") for unit in UNITS.values() if COUNTER not in unit
)
_LONGEST = 6000  # a little more than a query may have


def drawn(chance: random.Random) -> str:
    """One query."""
    kind = chance.randrange(10)
    if kind == 0:
        return chance.choice(_RUNS) * chance.choice((1, 7, 300, _LONGEST))
    if kind == 1:
        return "".join(chr(_character(chance)) for _ in range(chance.randrange(12)))
    pieces = [
        chance.choice(_WORDS if chance.random() < 0.6 else _SIGNS)
        for _ in range(chance.randrange(1, 9))
    ]
    text = chance.choice(("", "", " ")).join(pieces)
    if kind == 2 and text:  # a character of it is another
        at = chance.randrange(len(text))
        text = text[:at] + chr(_character(chance)) + text[at + 1 :]
    return text[:_LONGEST]


def _character(chance: random.Random) -> int:
    """A code point: of a keyboard, a control character, or any."""
    return chance.randrange(chance.choice((0x20, 0x80, 0x80, 0x300, 0x110000)))
