"""Answers as objects: whatever a process wrote, the JSON of it is ASCII and reads back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from portbook.app.lookup import answer
from portbook.errors import InvalidQuery
from portbook.formats.errors.query import parse_query
from portbook.model import (
    Family,
    Level,
    Listener,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Subject,
    SubjectKind,
    Transport,
)
from portbook.present.render import port_json, sockets_json
from tests.cases import for_each
from tests.strategies import listeners, nasty, queryish
from tests.values import CATALOG, changed, worded

if TYPE_CHECKING:
    from portbook.formats.errors.query import Query


def _query(text: str) -> Query | None:
    try:
        return parse_query(text)
    except InvalidQuery:
        return None


@given(st.one_of(nasty, queryish))
def test_any_answer_is_ascii_and_reads_back(text: str) -> None:
    query = _query(text)
    if query is None:
        return
    made = port_json.of(answer(query, CATALOG))
    written = json.dumps(made)
    assert written.isascii()
    assert json.dumps(json.loads(written)) == written
    assert made["schema"].startswith("portbook/")
    json.dumps(made, ensure_ascii=False).encode()  # no stray byte is left


@given(listeners(), nasty)
def test_any_socket_is_text(listener: Listener, message: str) -> None:
    of_socket = Subject(SubjectKind.SOCKET, listener.socket.name)
    finding = worded("unknown", Level.NOTE, message, message)._replace(subject=of_socket)
    made = sockets_json.of_listener(changed(listener, findings=(finding,)))
    written = json.dumps(made, ensure_ascii=False, allow_nan=False)
    written.encode()
    assert json.loads(written) == made


def test_what_a_service_speaks_is_text() -> None:
    """A capture may name a protocol with bytes that are no text."""
    spoken = Spoken(SpokenState.IDENTIFIED, protocol="ssh\udcff")
    socket = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN)
    made = sockets_json.of_listener(changed(Listener(socket), speaks=spoken))
    assert made["speaks"]["protocol"] == "ssh\\xff"


@for_each(
    "query, kind",
    [
        ("305", "port"),
        ("ssh", "service"),
        ("6000-6063", "range"),
        ("novastor backup", "search"),
        ("no-such-service", "search"),
        ("https://localhost/", "service"),
    ],
)
def test_each_kind_of_answer_has_its_schema(query: str, kind: str) -> None:
    assert port_json.of(answer(parse_query(query), CATALOG))["schema"] == f"portbook/{kind}/1"


def test_notes_are_carried_over() -> None:
    assert port_json.of(answer(parse_query("00080"), CATALOG))["notes"] == ["00080 was read as 80"]
