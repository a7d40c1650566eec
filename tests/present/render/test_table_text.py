"""Rows as text at once are what their objects are as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.judge import Judge
from portbook.model import (
    Assessment,
    Family,
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
from tests.strategies import listeners
from tests.values import CATALOG, still

if TYPE_CHECKING:
    from collections.abc import Sequence


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
@pytest.mark.parametrize("name", ["node", "8080", "\ue000", "\\ue000", "a\ue0008081b", "%s", "{}"])
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
