"""What people write into the cells of a table: several values in one, and states in their language.

The words for states are those that Windows' netstat has in these languages, and what people call
the same.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from portbook.formats.sockets.record_names import (
    ADDRESS,
    PID,
    PORT,
    PROGRAM,
    PROTOCOL,
    STATE,
    WITH_PORT,
    bare,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    Record = Mapping[str, str]

LISTENS, IDLE, CONNECTED, NOT_THERE = "listens", "idle", "connected", "not there"
_LISTENING = (
    "abhören abhoeren lauscht lauschend àlécoute alécoute àl'écoute enécoute écoute escucha "
    "escuchando àescuta escuta escutando ouvindo inascolto ascolto nasłuchiwanie nasłuchuje "
    "luisteren luistert bezigmetluisteren прослушивание слушает 监听 侦听 正在监听 正在侦听 聆聽 "
    "リッスン リスニング 待ち受け 待機 수신대기 active up running inuse used yes"
)
_CONNECTIONS = (
    "connected closing closed deletetcb hergestellt verbunden wartend schliessenwarten etablie "
    "établie établi connecté connectée establecido establecida conectado conectada estabelecido "
    "estabelecida stabilita stabilito connesso ustanowiono nawiązane verbonden установлено "
    "已建立 已建立连接 已连接 確立 接続 연결됨 설정됨"
)
_IN_ENGLISH = re.compile(
    r"estab|syn(?:sent|recv|rcvd|received)|newsynrecv|finwait|timewait|closewait|lastack"
)
_GONE = "free unused down stopped inactive notlistening no none frei libre libero livre"
_KINDS = {
    word: kind
    for kind, words in ((LISTENS, _LISTENING), (CONNECTED, _CONNECTIONS), (NOT_THERE, _GONE))
    for word in words.split()
} | {"unconn": IDLE, "unconnected": IDLE, "bound": IDLE}
_NO_SIGN = re.compile(r"[\W_]+")
_LOWEST_DYNAMIC = 32768  # where Linux begins to give ports to clients


def kind_of_state(text: str) -> str | None:
    """What the word of a state says; None of one that isn't known.

    >>> kind_of_state("LISTENING"), kind_of_state("TIME_WAIT"), kind_of_state("ABHÖREN")
    ('listens', 'connected', 'listens')
    """
    word = _NO_SIGN.sub("", text.lower())
    if word.startswith("listen"):
        return LISTENS
    return CONNECTED if _IN_ENGLISH.match(word) else _KINDS.get(word)


_EVERYWHERE = frozenset({"*", "0.0.0.0", "::", "[::]"})
_OWN = re.compile(
    r"(?:^|[\s,;|\"'])(?:\*|0\.0\.0\.0|127(?:\.[0-9]{1,3}){3}|\[?::1?\]?|localhost)"
    r"(?::[0-9]{1,5})?(?:$|[\s,;|\"'])"
)


def has_own_address(line: str) -> bool:
    """Whether an address in *line* is one that only a list of the machine itself has.

    >>> has_own_address("tcp,0.0.0.0,22"), has_own_address("tcp,192.0.2.5,22")
    (True, False)
    """
    return _OWN.search(line[:_LONGEST]) is not None


_LONGEST = 2048  # characters of a row


def is_servers(address: str, port: int) -> bool:
    """Whether a list of a machine's own has such an end of a server, and hardly of a client."""
    return address in _EVERYWHERE or port < _LOWEST_DYNAMIC


_BETWEEN_PORTS = re.compile(r"[ \t]{0,4}[,;][ \t]{0,4}|[ \t]{1,4}(?:and|&|\+|/)[ \t]{1,4}")
_BETWEEN_ADDRESSES = re.compile(r"[ \t]{0,4}[,;][ \t]{0,4}|[ \t]{1,4}(?:and|&|\+|/)?[ \t]{0,4}")
_PORTS = re.compile(r"[0-9]{1,5}(?:/[A-Za-z]{3,4})?")
_BOTH = re.compile(
    r"(tcp[46]?)[ \t]{0,4}(?:[/,;&+]|and|und|et|y|e)[ \t]{0,4}(udp[46]?)", re.IGNORECASE
)
_BOTH_TURNED = re.compile(
    _BOTH.pattern.replace("tcp", "x").replace("udp", "tcp").replace("x", "udp")
)
_REVERSED = re.compile(r"(tcp|udp|sctp)[/: ]([0-9]{1,5})", re.IGNORECASE)
_CALLED = re.compile(r"([0-9]{1,5}(?:/[A-Za-z]{3,4})?)[ \t]{1,4}\([\w ./+-]{1,40}\)")
_MOST = 64  # sockets of a row


def rows_in(record: Record) -> list[dict[str, str]]:
    """The rows that *record* stands for, where a cell of it holds several ports or protocols.

    >>> [(row["port"], row["proto"]) for row in rows_in({"port": "80, 443", "proto": "TCP/UDP"})]
    [('80', 'TCP'), ('80', 'UDP'), ('443', 'TCP'), ('443', 'UDP')]
    """
    parts = {name: _parts(name, cell) for name, cell in record.items()}
    several = {name: cells for name, cells in parts.items() if cells != [record[name]]}
    many = 1
    for cells in several.values():
        many *= len(cells)
    if not several or many > _MOST:
        return [dict(record)]
    return [
        {**record, **dict(zip(several, cells, strict=True))} for cells in product(*several.values())
    ]


_PAIR = re.compile(r"([A-Za-z_.-]{2,20})=(?:\"([^\"]{0,80})\"|([^\s\"=]{1,80}))(?=[\s,;]|$)")
_FEWEST_PAIRS = 3
_SAID_BY = {"yes": "listen", "true": "listen", "no": "closed", "false": "closed"}
_MACHINES = ("hostname", "computername", "pscomputername", "machine", "server", "node")


def of_pairs(text: str) -> dict[str, str]:
    """The cells of a row that names each (``proto=tcp local=0.0.0.0:22 pid=812``); else none.

    >>> of_pairs("proto=tcp local=0.0.0.0:22 pid=812")["local"]
    '0.0.0.0:22'
    """
    if text.count("=") < _FEWEST_PAIRS or len(text) > _LONGEST:
        return {}
    record = {bare(name): quoted or plain for name, quoted, plain in _PAIR.findall(text)}
    placed = not record.keys().isdisjoint((*ADDRESS, *WITH_PORT))
    there = not record.keys().isdisjoint((*STATE, *PID, *PROGRAM))
    told = placed and there and not record.keys().isdisjoint(PROTOCOL)
    return record if told and len(record) >= _FEWEST_PAIRS else {}


def with_state(record: dict[str, str]) -> dict[str, str]:
    """*record*, with its state where a column only asks whether anything listens."""
    said = _SAID_BY.get(record.get("listening", "").lower())
    return record if said is None else {**record, "state": said}


def machine_in(record: Record) -> str | None:
    """The machine whose row *record* is, where a column names it."""
    return next((record[name] for name in _MACHINES if record.get(name)), None)


def _parts(name: str, cell: str) -> list[str]:
    """The values in a *cell* of the column *name*."""
    if name in PORT:
        called, turned = _CALLED.fullmatch(cell), _REVERSED.fullmatch(cell)
        if turned is not None:
            return [f"{turned[2]}/{turned[1].lower()}"]
        ports = [each for each in _BETWEEN_PORTS.split(called[1] if called else cell) if each]
        return ports if ports and all(map(_PORTS.fullmatch, ports)) else [cell]
    if name in PROTOCOL:
        both = _BOTH.fullmatch(cell) or _BOTH_TURNED.fullmatch(cell)
        return list(both.groups()) if both is not None else [cell]
    if name in ADDRESS or name in WITH_PORT:
        places = [each for each in _BETWEEN_ADDRESSES.split(cell) if each]
        return places if len(places) > 1 and all(map(_PLACE.fullmatch, places)) else [cell]
    return [cell]


_PLACE = re.compile(
    r"(?:\*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,40}\]?)(?::[0-9]{1,5})?"
)


# zmap's CSV has the address and the port that answered as its source, and how.
OF_ZMAP = {"saddr", "sport", "classification"}
_HEARD = {"synack": ("tcp", "open"), "rst": ("tcp", "closed"), "udp": ("udp", "open")}


def of_zmap(row: Record) -> dict[str, str]:
    """A row of zmap's as records have it."""
    protocol, state = _HEARD.get(row["classification"], ("", ""))
    return {
        "address": row["saddr"], "port": row["sport"], "protocol": protocol, "state": state,
    }  # fmt: skip
