r"""A text that somebody pasted, read as one: which port it is about, and what went wrong with it.

The text is split into clauses. The ports of a clause are read together with the address and the
transport beside them (:mod:`portbook.formats.errors.forms`), after what is no port was blanked
(:mod:`portbook.formats.errors.not_ports`). Of all ports, those that failed come first: the words
of failure in their own clause decide (:mod:`portbook.formats.errors.failures`), then the part
that a port plays. Only the order of lines counts, never how far they are apart: a line of a log
between two others changes nothing.

>>> reading = read_text("Proxy on :9090\nlisten tcp 192.0.2.1:80: bind: address already in use")
>>> reading.ports, reading.others, reading.address, reading.failure
((80,), (9090,), '192.0.2.1', <Failure.IN_USE: 'in-use'>)
"""

from __future__ import annotations

import re

from portbook._fast_types import NamedTuple
from portbook.formats.errors.clauses import (
    CLASSES,
    Clause,
    holder,
    one_transport,
    place_of,
    read_clause,
)
from portbook.formats.errors.failures import WINDOWS, classify, lacks_local_port, places
from portbook.formats.errors.forms import Mention, Part
from portbook.model import Failure, Transport, is_v4, is_v6

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Characters of a text that are read whole; a longer one is read around what failed.
WHOLE = 1 << 16
_AROUND, _ENDS, _SPOTS = 2000, 4000, 12
_LONGEST_LINE = 8192  # of one line; the rest of it is read as lines of its own
_MOST = 64  # ports of a text that are kept


class Reading(NamedTuple):
    """What a text says: the ports that it is about, the others, and what failed.

    ``span`` says that ``ports`` are the ends of a range. ``address`` is the first port's, or the
    one that failed where no port is named; it stands as the text has it, whatever it is.
    ``process`` is who the text says has the port. ``peers`` are the ports of clients; ``windows``
    says that the failure is in Windows' own words or numbers, ``file`` that it is about a socket
    file, and the port, if any, no more than a part of its name; ``outgoing`` that a connection got
    no local port, and ``ports`` are what it was for.
    """

    ports: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    span: bool = False
    transport: Transport | None = None
    address: str | None = None
    process: str | None = None
    failure: Failure | None = None
    peers: tuple[int, ...] = ()
    windows: bool = False
    file: bool = False
    outgoing: bool = False


def read_text(text: str) -> Reading:
    """*text* understood: linear in its length, whatever is in it."""
    clauses = [read_clause(clause) for clause in _clauses(_cut(_cleaned(text)))]
    failure = next((clause.failure for clause in clauses if clause.failure), None)
    presumed = next((clause.presumed for clause in clauses if clause.presumed), None)
    windows = any(clause.failure and WINDOWS.search(clause.text) for clause in clauses)
    outgoing = any(lacks_local_port(clause.text, clause.failure) for clause in clauses)
    ranked = _ranked(clauses, failure or presumed, outgoing or (failure or presumed) in _CONNECTING)
    process = next(filter(None, map(holder, (clause.text for clause in clauses))), None)
    mentions = [mention for clause in clauses for mention in clause.mentions]
    clients = [mention for mention in mentions if mention.part is Part.PEER]
    peers = tuple(dict.fromkeys(port for mention in clients for port in mention.ports))
    if not ranked:
        address = next(filter(None, (place_of(each) for each in clauses if each.failure)), None)
        return Reading(
            transport=_transport(clauses, failure),
            address=address,
            process=process,
            failure=failure or presumed,
            peers=peers,
            windows=windows,
            file=any(each.failure and _FILE.search(each.text) for each in clauses),
            outgoing=outgoing,
        )
    best = max(rank for rank, _, _ in ranked)
    chosen = [(clause, mention) for rank, clause, mention in ranked if rank == best]
    ports = tuple(dict.fromkeys(port for _, mention in chosen for port in mention.ports))
    others = dict.fromkeys(port for _, _, mention in ranked for port in mention.ports)
    clause, first = chosen[0]
    own = [(part, mention) for _, part, mention in ranked if first.ports[0] in mention.ports]
    address = _address(own, clause, first, clauses)
    transport = first.transport or next(
        filter(None, (mention.transport for _, mention in own)), None
    )
    transport = (
        transport
        or one_transport(clause.text)
        or next(filter(None, (one_transport(part.text) for part, _ in own if part.failure)), None)
    )
    reason = next((part.failure for part, _ in own if part.failure), None) or failure
    return Reading(
        ports[:_MOST],
        tuple(port for port in others if port and port not in ports)[:_MOST],
        first.span and len(ports) == 2,
        transport or _transport(clauses, failure),
        address,
        process,
        reason or presumed,
        peers,
        windows,
        all(_SOCKET_FILE.search(part.text) for part, _ in own),
        outgoing,
    )


_SOCKET_FILE = re.compile(r"\.s\.PGSQL\.\d")
# listen unix /run/x.sock, unix:/run/php/php8.3-fpm.sock, unix:///var/run/docker.sock
_FILE = re.compile(
    r"(?i)(?<![a-z])unix(?: socket)?[: ]{1,2}[\"'(]?[/@]"
    r"|(?<![\w:/])/[^\s\"',;]{1,200}\.sock(?![\w.])"
)

# -- the text ---------------------------------------------------------------------------------

_ESCAPES = re.compile(
    r"\x1b\[[0-9;:?]{0,40}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)|\x1b.?"
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN: dict[int, int | str] = {
    **_FULL_WIDTH, 0x3000: " ", 0xA0: " ", 0x2018: "'", 0x201C: '"', 0x201D: '"', 0xFEFF: " ",
    0x200B: "", 0x3002: ". ", 0x202F: " ",
}  # fmt: skip
_CONTROLS: dict[int, int | str] = {
    code: " " for code in (*range(32), *range(127, 160)) if code != 10
}
# What docker compose, kubectl logs and the like print before every line.
_PREFIX = re.compile(r"^[\w.@/-]{1,60}\s{0,30}\|\s", re.MULTILINE)


_WRAPPED_PACKET = re.compile(r"\n(?=(?:IN|OUT|MAC|SRC|DST|LEN|PROTO|SPT|DPT)=|\[UFW )")


def _cleaned(text: str) -> str:
    """*text* without colours and control characters, and with the signs of a plain keyboard."""
    text = _ESCAPES.sub("", text) if "\x1b" in text else text
    text = text.replace("\r\n", "\n").translate(_CONTROLS | _PLAIN)
    if "DPT=" in text:  # a page broke the kernel's line of a packet between its fields
        text = _WRAPPED_PACKET.sub(" ", text)
    return re.sub(r"\\r?\\n(?=[\s\\A-Z]|at )", "\n", text) if "\\n" in text else text


def _cut(text: str) -> str:
    """*text*, if it is long what stands around its failures, its beginning and its end."""
    if len(text) <= WHOLE:
        return text
    pieces = [(0, _ENDS), (len(text) - _ENDS, len(text))]
    pieces += [(max(0, at - _AROUND), at + _AROUND) for at in _spread(places(text))]
    kept, reached = [], 0
    for start, end in sorted(pieces):
        if end > reached:
            # Whole lines, where they aren't longer than a piece.
            line = text.rfind("\n", max(0, start - _AROUND), start) + 1
            stop = text.find("\n", end, end + _AROUND)
            kept.append(text[max(reached, line or start) : end if stop < 0 else stop])
            reached = end if stop < 0 else stop
    return "\n".join(kept)


def _spread(starts: list[int]) -> Iterator[int]:
    """The first of *starts*, none of them within what another has around it."""
    last = -_AROUND
    left = _SPOTS
    for at in starts:
        if at - last >= _AROUND and left:
            left -= 1
            last = at
            yield at


_SENTENCE = re.compile(r"(?<=[\w)\]\"'%][.!?;])\s{1,4}(?=[A-ZÀ-ÞА-Я*#\[\"'(])|;\s")


def _clauses(text: str) -> Iterator[str]:
    for line in _PREFIX.sub("", text).split("\n"):
        if not line.strip():
            continue
        for start in range(0, len(line), _LONGEST_LINE):
            yield from filter(None, _SENTENCE.split(line[start : start + _LONGEST_LINE]))


# What systems wrote before UTF-8, in the order in which a text is tried.
_LEGACY = ("gb18030", "cp932", "cp949", "cp1251", "cp1252")


def decode_text(data: bytes) -> str:
    """*data* as text, in whatever encoding: stray bytes stay, as surrogates.

    >>> decode_text("端口 80".encode("utf-16")), decode_text("地址已在使用".encode("gb18030"))
    ('端口 80', '地址已在使用')
    """
    from portbook.formats.lines import encoding_of

    name, mark = encoding_of(data)
    if name != "utf-8" and b"\0" not in data:  # its first two bytes only look like a mark
        name, mark = "utf-8", 0
    text = data[mark:].decode(name, "surrogateescape" if name == "utf-8" else "replace")
    if name != "utf-8" or not any("\udc80" <= letter <= "\udcff" for letter in text[:WHOLE]):
        return text
    for legacy in _LEGACY:
        told = data.decode(legacy, "replace")
        if not told.isascii() and any(
            classify(line) for line in told[:WHOLE].splitlines() if not line.isascii()
        ) and read_text(text).failure is None:  # fmt: skip
            return told
    return text


# -- which port -------------------------------------------------------------------------------


def _ranked(
    clauses: list[Clause], failure: Failure | None, connecting: bool
) -> list[tuple[int, Clause, Mention]]:
    """Every port that may be the one, with its rank: the highest failed.

    *connecting* says that a client failed, and no server.
    """
    ranks = {Part.PLAIN: 3, Part.LISTEN: 4, Part.CONNECT: 2, Part.NEXT: 1, Part.LOOSE: 0}
    if connecting:
        ranks |= {Part.CONNECT: 4, Part.LISTEN: 2}
    strong = any(
        clause.failure and any(mention.part in _OWN for mention in clause.mentions)
        for clause in clauses
    )
    ranked = []
    for clause in clauses:
        failed = clause.failure if strong else clause.failure or clause.presumed
        for mention in clause.mentions:
            if mention.part is Part.PEER:
                continue
            rank = ranks[mention.part]
            if failed and mention.part not in (Part.NEXT, Part.LOOSE):
                main = connecting or mention.part is not Part.CONNECT
                rank = _FAILED if main or failed in _CONNECTING else _FAILED - 1
            # A whole range, or the 0 that asks for any port, is the one if no other is.
            if (mention.span and rank < _FAILED) or mention.ports == (0,):
                rank = min(rank, 1)
            ranked.append((rank, clause, mention))
    if not any(rank for rank, _, _ in ranked) and failure is None:
        # A bare number is a port only where something says that one failed.
        ranked = [row for row in ranked if row[2].transport is not None]
    return ranked


_FAILED = 6
_CONNECTING = (Failure.REFUSED, Failure.TIMEOUT, Failure.UNREACHABLE)
_OWN = (Part.PLAIN, Part.LISTEN, Part.CONNECT)


# -- what stands beside a port ------------------------------------------------------------------


def _transport(clauses: Iterable[Clause], failure: Failure | None) -> Transport | None:
    """The transport that the failing clauses name, or the server class of a traceback."""
    if failure is None:
        return None
    failing = " \n".join(clause.text for clause in clauses if clause.failure)
    classes = {name.lower() for clause in clauses for name in CLASSES.findall(clause.text)}
    return one_transport(failing) or (Transport(classes.pop()) if len(classes) == 1 else None)


def _address(
    own: list[tuple[Clause, Mention]], clause: Clause, first: Mention, clauses: list[Clause]
) -> str | None:
    if first.address is not None:
        # Beside the name that was asked for stands the address that it led to.
        same = [mention.address for part, mention in own if part is clause and mention.address]
        return next(filter(_numeric, same), first.address)
    for part, mention in own:
        if mention.address is not None and (part.failure or part is clause):
            return mention.address
    beside = place_of(clause)
    if beside is not None:
        return beside
    if clause.failure is None or len(own) == 1:
        # The address and the port of one message, on two lines of it.
        for part in clauses:
            if (part.failure or _RUNNING.search(part.text)) and not part.mentions:
                place = place_of(part)
                if place is not None:
                    return place
    if clause.failure:  # listen tcp :8080 says that every address failed
        return None
    return next((mention.address for _, mention in own if mention.address is not None), None)


def _numeric(address: str) -> bool:
    return is_v4(address) or is_v6(address)


_RUNNING = re.compile(
    r"(?i)\bis the server running|running on (?:that )?host"
    r"|^\s*(?:bind|bind[-_]address|listen_address(?:es)?|host|address|interface)\s?[=: ]"
)
