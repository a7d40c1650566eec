"""Ranges of ports in a capture: a few characters must not become a quarter of a million sockets."""

from __future__ import annotations

import json

import pytest

from portbook.formats.fields import MOST_IN_RANGES, NOT_UNDERSTOOD, Line, host
from portbook.formats.sockets.detect import read
from portbook.model import Listener
from tests.cases import for_each

_EVERY_PORT = ", ".join(f"[::]:0-65535->0-65535/{word}" for word in ("tcp", "udp", "sctp"))
_TABLE = "CONTAINER ID   PORTS                                                     NAMES\n"


def events(text: str) -> tuple[list[Listener], list[Line]]:
    every = list(read([text.encode()], "docker")[1])
    lines = [each for each in every if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    return [each for each in every if isinstance(each, Listener)], lines


def row(ports: str) -> str:
    return json.dumps({"Names": "web", "Ports": ports}) + "\n"


@pytest.mark.parametrize("times", [1, 20])
def test_ranges_past_the_limit_are_one_note(times: int) -> None:
    text = row("0.0.0.0:53->53/udp") + row(_EVERY_PORT) * times + row("0.0.0.0:80->80/tcp")
    sockets, lines = events(text)
    assert len(sockets) == 65536 + 2
    assert [each.socket.port for each in (sockets[0], sockets[-1])] == [53, 80]
    assert [(line.number, line.many) for line in lines] == [(2, 3 * times - 1)]
    assert f"more than {MOST_IN_RANGES:,} ports in ranges" in str(lines[0].why)


def test_they_are_counted_over_a_table_as_well() -> None:
    text = (
        _TABLE
        + "0123456789ab   0.0.0.0:1-40000->1-40000/tcp                              web\n" * 3
    )
    sockets, lines = events(text)
    assert len(sockets) == 40000
    assert [(line.number, line.many) for line in lines] == [(3, 2)]


def test_ports_that_stand_there_one_by_one_have_no_limit() -> None:
    text = "".join(row(f"0.0.0.0:{port}->80/tcp, [::]:{port}->80/tcp") for port in range(40_000))
    sockets, lines = events(text)
    assert (len(sockets), lines) == (80_000, [])


@for_each(
    "written, address",
    [
        ("0:0:0:0:0:0:0:0", "::"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80:0:0:0:0:0:0:1%en0", "fe80::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
        ("1:0:2:3:4:5:6:77777", "1:0:2:3:4:5:6:77777"),
    ],
)
def test_an_ipv6_address_of_eight_groups_is_written_as_others_write_it(
    written: str, address: str
) -> None:
    place = host(written)
    assert place is not None
    assert place.address == address
