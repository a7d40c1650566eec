"""Rows as text at once are what their objects are as text."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.capture_judge import CaptureJudge
from portbook.app.capture_table import CaptureTable
from portbook.app.judge import Judge
from portbook.model import (
    Assessment,
    Family,
    Finding,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.render import sockets_json
from portbook.present.render.json_text import json_line
from tests.cases import for_each
from tests.counts import PROOF
from tests.strategies import listeners
from tests.values import CATALOG, still

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def texts_and_objects(rows: Sequence[Listener]) -> tuple[list[str], list[str]]:
    """Both forms of *rows*, without what the clock changes between the two."""
    texts = [json.loads(text) for text in sockets_json.listener_texts(rows, rows=True)]
    objects = [json.loads(json_line(sockets_json.of_row(row))) for row in rows]
    return [json.dumps(still(row)) for row in texts], [json.dumps(still(row)) for row in objects]


@given(st.lists(listeners(), max_size=4))
def test_whatever_a_row_holds(rows: list[Listener]) -> None:
    texts, objects = texts_and_objects([*rows, *rows[-1:]])
    assert texts == objects


# A name may hold what the text of a finding is cut at, as itself or written out.
@for_each("name", ["node", "8080", "\ue000", "\\ue000", "a\ue0008081b", "%s", "{}"])
def test_findings_that_differ_in_their_port_alone(name: str) -> None:
    owner = Process(7, name, (f"/srv/{name}", "--port", "8080"), executable=f"/srv/{name}")
    ownership = Ownership((owner,), OwnersSeen.ALL)
    judge = Judge(PortRules("linux", 1024, (32768, 60999)), CATALOG)
    ports = (*range(300, 310), *range(8078, 8084), *range(10300, 10340), 40000, 40001, 65000)
    rows = [
        judge(Listener(Socket(transport, family, address, port, SocketState.LISTEN), ownership))
        for transport in (Transport.TCP, Transport.UDP)
        for family, address in ((Family.IPV4, "127.0.0.1"), (Family.IPV6, "::"))
        for port in ports
    ]
    texts, objects = texts_and_objects(rows)
    assert texts == objects
    # Those that share their findings have the same text.
    sharing = Judge(PortRules("linux", 1024, (32768, 60999)), CATALOG, named=False)
    inodes = [None, *range(7000, 7000 + len(rows) - 1)]
    alike = [
        row._replace(socket=row.socket._replace(inode=inode))
        for row, inode in zip(rows, inodes, strict=True)
    ]
    shared = [sharing(row._replace(assessment=Assessment())) for row in alike]
    assert len({id(row.assessment.findings) for row in shared}) < len(rows)
    plain = [json_line(sockets_json.of_row(row)) for row in alike]
    assert list(sockets_json.listener_texts(shared, rows=True, named=False)) == plain


# Names, numbers and an address that stand for what is filled in, a backslash, a percent sign.
_HOSTILE = ("\ue00f", "\ue010", "480913205570", "480913205571", "%(port)s", "a\\u", "203.0.113.251")
_PROGRAMS = ("sshd", "redis-server", "Caddy", "nc", None)
_ADDRESSES = (
    "0.0.0.0",
    "127.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "10.0.0.7",
    "203.0.113.251",
    "db",
    "?",
)


def _captured(chance: Random) -> Listener:
    program = chance.choice(_HOSTILE if chance.random() < 0.05 else _PROGRAMS)
    address = chance.choice(
        (*_ADDRESSES, f"192.0.2.{chance.randrange(256)}", f"2001:db8::{chance.randrange(99)}")
    )
    owner = Process(chance.choice((0, 7, chance.randrange(1 << 22))), program)
    owners = (owner, owner._replace(pid=9))[: chance.choice((0, 1, 1, 1, 1, 2))]
    return Listener(
        Socket(
            chance.choice((Transport.TCP, Transport.UDP)),
            Family.IPV6 if ":" in address else None if address == "?" else Family.IPV4,
            address,
            chance.choice(
                (22, 6379, 8080, 31337, chance.randrange(300, 420), chance.randrange(65536))
            ),
            SocketState.LISTEN,
            interface="eth0" if chance.random() < 0.02 else None,
            inode=chance.choice((None, chance.randrange(1, 9999))),
            queue=chance.choice((None, 0, 129)),
            queue_limit=128,
            host=chance.choice((None, None, None, "db1")),
        ),
        Ownership(owners, OwnersSeen.FIRST if owners else OwnersSeen.UNASKED),
    )


def test_an_exposed_service_is_worded_alike_on_ports_that_others_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = CaptureJudge(CATALOG)
    owners = Ownership((Process(7, "redis-server"),), OwnersSeen.FIRST)
    sockets = [
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN)
        for port in range(8000, 9000)
    ]
    listeners = [
        Listener(socket, owners)
        for socket in sockets
        if judge.on_record(socket.port, Transport.TCP).uses
    ]
    worded: list[str] = []
    in_words = CaptureJudge.in_words

    def counted(*said_of: Any) -> Finding:
        worded.append((finding := in_words(*said_of)).code)
        return finding

    monkeypatch.setattr(CaptureJudge, "in_words", counted)
    texts = _lines(sockets_json.capture_texts(CATALOG)(listeners, "\n"))
    assert texts == [json_line(sockets_json.of_listener(judge(each))) for each in listeners]
    assert sum('"risky-exposed"' in text for text in texts) == len(listeners) > 100
    # Two to be sure, one with marks and those on which Redis itself, or another such, is at home.
    assert 0 < worded.count("risky-exposed") < len(listeners) / 2


def _lines(texts: Iterable[str]) -> list[str]:
    return "".join(texts).removesuffix("\n").split("\n")


@pytest.mark.parametrize("rows", [True, False])
def test_sockets_of_a_capture_that_are_alike_but_for_a_few_values(
    rows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(21)
    bare = [_captured(chance) for _ in range(4000 if PROOF else 400)]
    wordless = list(map(CaptureJudge(CATALOG, said=False), bare))
    alone = CaptureJudge(CATALOG)
    form = sockets_json.of_row if rows else sockets_json.of_listener
    expected = [json_line(form(alone(each))) for each in bare]
    texts = sockets_json.capture_texts(CATALOG, rows=rows)
    worded: list[Finding] = []
    in_words = CaptureJudge.in_words

    def counted(*said_of: Any) -> Finding:
        worded.append(finding := in_words(*said_of))
        return finding

    monkeypatch.setattr(CaptureJudge, "in_words", counted)
    assert _lines(texts(wordless, "\n")) == expected
    # Most findings were filled in.
    assert 100 < len(worded) < sum(len(each.assessment.findings) for each in wordless) / 2
    # And so it is in a table, in the order of that, and where they come together.
    table = CaptureTable(CaptureJudge(CATALOG, said=False), bare)
    told = _lines(sockets_json.capture_texts(CATALOG, rows=rows)(table, "\n"))
    assert told == [expected[at] for at in table.order]
    stream = sockets_json.capture_texts(CATALOG, rows=rows)
    count = 700 if PROOF else 140
    parts = [bare[first : first + 7] for first in range(0, count, 7)]
    told = _lines(
        text
        for part in parts
        for text in stream.of_table(stream.taken(part), range(len(part)), "\n")
    )
    assert told == expected[:count]
