"""One clause of a text: its ports and the parts that they play, and what failed in it.

>>> clause = read_clause("from 192.0.2.9 port 51515: bind 0.0.0.0:22 failed (98: in use)")
>>> [(mention.ports, str(mention.part)) for mention in clause.mentions], clause.failure
([((51515,), 'peer'), ((22,), 'listen')], <Failure.IN_USE: 'in-use'>)
"""

# The patterns stand whole, whatever their length.
# ruff: noqa: E501

from __future__ import annotations

import re

from portbook._fast_types import NamedTuple
from portbook.formats.errors.failures import classify, weak
from portbook.formats.errors.forms import Mention, Part, read_address, read_forms
from portbook.formats.errors.not_ports import blank
from portbook.model import SYSTEM_PORTS, Failure, Transport


class Clause(NamedTuple):
    """A sentence or a line: its ports, and what it says failed, with the reason told or not."""

    text: str
    mentions: list[Mention]
    failure: Failure | None
    presumed: Failure | None  # something failed, and the reason isn't told


_LEAD = 48  # characters before a port that tell its part
_PEER = re.compile(
    r"(?i)\bfrom\s(?:\S{1,80}\s)?$|\b(?:client|peer|src|source)(?: ip| address| port)?\W{0,4}$|"
    r"\b(?:accepted|authenticating user|invalid user)\b[^,;]{0,40}$|\blocal \($"
)
# Said by both ends: of a client's port if that is one.
_OTHER_END = re.compile(
    r"(?i)\b(?:closed by|disconnected by|reset by|remote address)\b[^,;]{0,40}$"
)
_NEXT = re.compile(r"(?i)(?:\btry(?:ing)?|attempting|retrying|now (?:on|at|listening|running|using)|instead|fall(?:ing|s)? ?back|"
                   r"next (?:free|available)|forward(?:ed|ing|s)? to|redirect(?:ed|ing|s)? to|will use|switch(?:ing|ed) to|"
                   r"valid ports|range|between|proxy(?:ing|_pass)? to|->|≥|>=|choose|e\.g\.|such as|for example|usage|see|docs|documentation|more info|visit)\b[^;]{0,24}$|, host: \"$")  # fmt: skip
_CONNECT = re.compile(r"(?i)(?:\bconnect(?:ed|ing|ion)?(?: (?:to|with|string|url))?\b|\bupstream|\bdial|\bbackend|\breach|"
                      r"\bremote\b|\btarget|\bserver for|database|redis|mongo|postgres|mysql|broker|\bGET|\bPOST|lookup)[^;]{0,32}$")  # fmt: skip
_LISTEN = re.compile(r"(?i)(?:\blisten|\bbind|\bbound|\bstart|\brunning|\bserv(?:e|ing)\b|\bserver at|\bavailable|\bexpos|\bpublish|\blocal:|"
                     r"\bport=|\bhost=)[^;]{0,40}$")  # fmt: skip
_ACCESS = re.compile(r"\s{1,4}(?:-|\[)\s?.{0,40}\"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH) ")
_INSTEAD = re.compile(r"(?i)^[^.;,]{0,12}\binstead\b|^\S{0,20} - configured port")
_LAST_SYSTEM = SYSTEM_PORTS.last  # clients don't get ports up to here
_EPHEMERAL = 32768  # where Linux begins to give ports to clients
_ROW = re.compile(r"(?i)^\s*(?:(?:tcp|udp|sctp)\w{0,3}|(?:u_str|nl)|LISTEN|ESTAB|UNCONN|\w+\s+\d+\s+\w+\s+\d+u?\s+IPv[46])\b"
                  r"|ESTABLISHED|TIME[_-]WAIT|CLOSE[_-]WAIT|SYN[_-]SENT")  # fmt: skip


def read_clause(text: str) -> Clause:
    """*text*, one sentence or line, understood."""
    failure = classify(text)
    line = blank(text)
    mentions: list[Mention] = []
    if any(map(str.isdigit, line)):
        reached = 0
        for mention in _paired(read_forms(line), line):
            before = line[max(reached, mention.start - _LEAD) : mention.start]
            mentions.append(mention._replace(part=_part(mention, before, line[mention.end :])))
            reached = mention.end
    busy = failure in (Failure.IN_USE, Failure.OTHER)
    mentions = [each for each in mentions if busy or not _needs_failure(each, line)]
    taken = _TAKEN.search(text)
    if taken is not None:  # it stands behind the one that was taken instead
        mentions.sort(key=lambda each: int(taken[1]) not in each.ports)
    presumed = None if failure else weak(text)
    if failure is None and presumed is None and _REFUSED_VALUE.search(text):
        presumed = Failure.OTHER
    return Clause(text, mentions, failure, presumed)


# Port 5501 (5500 was in use)
_TAKEN = re.compile(
    r"(?i)\((?:port )?([0-9]{1,5}) (?:is|was) (?:already )?(?:in use|taken|occupied|busy)"
)
_REFUSED_VALUE = re.compile(
    r"(?i)invalid value|missing port in address|out of range|must be between|invalid port"
)
_NUMBER_FIRST = re.compile(r"\s(?:is|was|are|ist|est|está|esta|è|jest|уже|ya|já|già|al|zaten|already|still|"
                           r"in use|taken|occupied|bereits|déjà)\b|\s?[已被はが이正]", re.IGNORECASE)  # fmt: skip


def _needs_failure(mention: Mention, line: str) -> bool:
    """Whether a bare number is one that only what is said of it makes a port."""
    bare = line[mention.start : mention.end].strip(" )").isdigit()
    lead = line[max(0, mention.start - 12) : mention.start]
    return (
        bare
        and mention.address is None
        and mention.part is Part.PLAIN
        and not re.search(
            r"(?i)port\w*\W{0,6}$|[:=]\W{0,3}$|(?:nc|telnet|ncat)\b.*$|\b(?:and|to)\s$", lead
        )
        and bool(_NUMBER_FIRST.match(line, mention.end))
    )


def _paired(mentions: list[Mention], line: str) -> list[Mention]:
    """*mentions*, with the other end of a connection or of a listed socket as a peer's."""
    row = bool(_ROW.search(line))
    for at in range(1, len(mentions)):
        near, far = mentions[at - 1], mentions[at]
        if near.address is None or far.address is None:
            continue
        between = line[near.end : far.start].strip(" []")
        arrow = between in ("->", "=>", "-->", "<->", "->[")
        if not (arrow or (row and not between)):
            continue
        # Of a connection's two ends, the one outside the ephemeral ports is the service.
        client = near.ports[0] >= _EPHEMERAL and (far.ports[0] < _EPHEMERAL or _CLIENT.search(line))
        if arrow and client:
            mentions[at - 1] = near._replace(part=Part.PEER)
            mentions[at] = far._replace(part=Part.CONNECT)
        else:
            mentions[at] = far._replace(part=Part.PEER)
    return mentions


_CLIENT = re.compile(r"\b(?:read|write|dial) (?:tcp|udp)")


def _part(mention: Mention, before: str, after: str) -> Part:
    """The part that *mention* plays, by what leads to it and what follows."""
    if mention.part in (Part.PEER, Part.LOOSE):
        return mention.part
    if _ACCESS.match(after):
        return Part.PEER
    # "from 192.0.2.4 port 51515": the address stands within the mention
    if _INSTEAD.match(after):
        return Part.NEXT
    port = mention.ports[0]
    if _PEER.search(before) and port > _LAST_SYSTEM:
        return Part.PEER
    if _OTHER_END.search(before) and port >= _EPHEMERAL:
        return Part.PEER
    if _NEXT.search(before):
        return Part.NEXT
    if _CONNECT.search(before):
        return Part.CONNECT
    if _LISTEN.search(before):
        return Part.LISTEN
    return mention.part


_TRANSPORT = re.compile(r"(?i)(?<![A-Za-z])(tcp|udp|sctp|dccp)(?:v?[46])?(?![A-Za-z]|/ip\b)")
CLASSES = re.compile(r"(?:^|[^A-Za-z])(TCP|UDP)(?:Server|Listener|Socket)\b")
_BOTH = re.compile(r"(?i)\btcp ?/ ?ip\b|\btcp ?/ ?udp\b")


def one_transport(text: str) -> Transport | None:
    """The one transport that *text* names; None where it names none, or several."""
    names = {name.lower() for name in _TRANSPORT.findall(_BOTH.sub(" ", text))}
    names |= {name.lower() for name in CLASSES.findall(text)}
    return Transport(names.pop()) if len(names) == 1 else None


def place_of(clause: Clause) -> str | None:
    """The address that *clause* names beside its ports, or without any."""
    packet = re.search(r"\bDST=([0-9A-Fa-f.:]{2,45})", clause.text)
    return packet[1] if packet else read_address(blank(clause.text))


_USERS = re.compile(r"\(\(\"([^\"]{1,64})\",pid=\d")
_HOLDER = re.compile(
    r"(?i)(?:\b(?:used|held|occupied|taken|owned|in use|listened on) by|占用者)[: ](?:the |an? )?(?:process |program |service )?"
    r"[\"'`(]{0,2}(?!another\b|other\b|some|an?\b|the\b|process\b|program\b|pid\b|\d)([\w.+-]{1,64})"
    r"|被 ?([\w.+-]{1,64})\S{0,24} ?占用"
)  # fmt: skip


def holder(text: str) -> str | None:
    """Who *text* says has the port."""
    match = _USERS.search(text)
    if match:
        return match[1]
    match = _HOLDER.search(text)
    name = (match[1] or match[2]) if match else None
    return None if name is None or name.isdigit() else name.rstrip(".")
