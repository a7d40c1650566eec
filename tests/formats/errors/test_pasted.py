"""What people paste: each text with the ports that it is about, their address and what failed.

The tables stand in tests/formats/pasted: one row a text, with ``\\n``, ``\\t`` and ``\\\\`` for
the characters. ``-`` is none; several ports are in the order of the text.
"""

from __future__ import annotations

import re
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.formats.errors.pasted import WHOLE, Reading, read_text
from portbook.formats.errors.query import QueryKind, parse_query
from portbook.model import Failure, Transport
from tests.cases import for_each
from tests.counts import PROOF
from tests.strategies import any_port, nasty

FOLDER = Path(__file__).parents[1] / "pasted"
_CHARACTERS = {"n": "\n", "t": "\t", "\\": "\\"}


def _rows(name: str) -> list[tuple[str, ...]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    rows = [tuple(line.split("\t")) for line in lines[1:] if line]
    assert rows
    assert all(len(row) == 5 for row in rows)
    return rows


def _text(escaped: str) -> str:
    return re.sub(r"\\([nt\\])", lambda match: _CHARACTERS[match[1]], escaped)


REPORTED, SOFTWARE, COMMANDS = map(_rows, ("reported.tsv", "software.tsv", "commands.tsv"))
ROWS = REPORTED + SOFTWARE + COMMANDS


def _read(row: tuple[str, ...]) -> tuple[str, ...]:
    query = parse_query(_text(row[4]))
    reading = query.pasted or Reading()
    ports = " ".join(map(str, reading.ports))
    assert query.first == (reading.ports[0] if ports else -1)
    assert (query.kind in (QueryKind.PORT, QueryKind.RANGE)) == bool(ports)
    return (
        ports or "-",
        str(reading.transport or "-"),
        str(reading.failure or "-"),
        reading.address or "-",
        row[4],
    )


def test_there_are_enough_texts() -> None:
    assert len(REPORTED) >= 70
    assert len(SOFTWARE) >= 150
    assert len(COMMANDS) >= 50


@for_each("row", ROWS, name=itemgetter(4))
def test_a_text_is_read_whole(row: tuple[str, ...]) -> None:
    assert _read(row) == row


# Lines of a log that name no port and no failure.
_LOG = (
    "2026-11-20 10:00:00,123 INFO  [main] (pid 4711) app.js:80:12 started in 3000 ms",
    "    at java.base/java.lang.Thread.run(Thread.java:1583)",
    '  File "/srv/shop/app.py", line 443, in <module>',
    "Nov 20 10:00:00 gate cron[8080]: job 22 done, 443 rows, version 1.2.3",
    "[10:00:00 INF] image postgres:16 ready (node:12345)",
    "",
    "goroutine 1 [running]:",
    "step 80/443 of build #8080: 100 %",
)


_SOME = ROWS if PROOF else ROWS[::6]


@pytest.mark.proof
@for_each("row", _SOME, name=itemgetter(4))
def test_a_line_of_log_between_changes_nothing(row: tuple[str, ...]) -> None:
    lines = _text(row[4]).split("\n")
    expected = read_text("\n".join(lines))
    for at in {0, len(lines) // 2, len(lines)}:
        assert read_text("\n".join([*lines[:at], *_LOG, *lines[at:]])) == expected, at


@given(
    st.sampled_from(ROWS),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(_LOG)), max_size=6),
)
def test_lines_of_log_anywhere_change_nothing(
    row: tuple[str, ...], logs: list[tuple[int, str]]
) -> None:
    lines = _text(row[4]).split("\n")
    expected = read_text("\n".join(lines))
    for at, log in logs:
        lines.insert(at, log)
    assert read_text("\n".join(lines)) == expected


@given(st.sampled_from(ROWS), st.sampled_from(["\x1b[31m", "\x1b[0m", "\x07", "\x00", "\u200b"]))
def test_colours_and_control_characters_change_nothing(row: tuple[str, ...], sign: str) -> None:
    lines = _text(row[4]).split("\n")
    assert read_text("\n".join(sign + line for line in lines)) == read_text(_text(row[4]))


@given(any_port, st.sampled_from(["0.0.0.0", "127.0.0.1", "192.0.2.7", "::1", "2001:db8::5"]))
def test_address_and_port_of_a_clause_stay_together(port: int, address: str) -> None:
    shown = f"[{address}]" if ":" in address else address
    extra = ", 0, 0" if ":" in address else ""
    for text in (
        f"('{address}', {port}{extra}): cannot assign requested address",
        f"bind() to {shown}:{port} failed (99: Cannot assign requested address)",
        f"{{address:'{address}', port:{port}}} EADDRNOTAVAIL",
        f"Bind to port {port} on {address} failed: Cannot assign requested address.",
    ):
        reading = read_text(text)
        assert (reading.ports, reading.address) == ((port,), address), text
        assert reading.failure is Failure.UNAVAILABLE


@given(st.one_of(nasty, st.text(max_size=300)))
def test_any_text_has_one_reading(text: str) -> None:
    reading = read_text(text)
    assert all(0 <= port <= 65535 for port in (*reading.ports, *reading.others))
    assert len(set(reading.ports)) == len(reading.ports)
    assert not set(reading.ports) & set(reading.others)


def test_a_long_text_is_cut_around_the_failure() -> None:
    log = "2026-11-20 10:00:00 INFO GET /items 200 in 12 ms, 5 rows\n"
    error = "Error: listen EADDRINUSE: address already in use 127.0.0.1:3000\n at Server.listen\n"
    expected = read_text(error)
    for before, after in ((0, 40_000), (20_000, 20_000), (40_000, 0)):
        text = log * before + error + log * after
        assert len(text) > 10 * WHOLE
        assert read_text(text) == expected
    one_line = read_text((log * 20_000 + error + log * 20_000).replace("\n", " "))
    assert (one_line.ports, one_line.failure) == ((3000,), Failure.IN_USE)


@pytest.mark.parametrize(
    "place", ["8080.Dockerfile:12", "docker/web-8080.Makefile:37:1", "a Dockerfile:80", "hosts:80"]
)
def test_a_place_in_a_file_without_an_ending_is_no_port(place: str) -> None:
    assert read_text(f"{place}: cannot bind port: address already in use").ports == ()


def test_a_hundred_thousand_numbers_are_no_port() -> None:
    assert read_text(" ".join(map(str, range(100_000)))) == Reading()
    assert read_text("\n".join(map(str, range(100_000)))) == Reading()


def test_a_trace_of_java_names_its_port() -> None:
    frames = "".join(
        f"\tat org.example.shop.Step{at}.run(Step{at}.java:{8000 + at})\n" for at in range(300)
    )
    text = (
        f"org.apache.catalina.LifecycleException: Protocol handler start failed\n{frames}"
        "Caused by: java.net.BindException: Address already in use\n"
        "\tat java.base/sun.nio.ch.Net.bind0(Native Method)\n"
        'Failed to start component [Connector["http-nio-192.0.2.4-8443"]]\n'
    )
    reading = read_text(text)
    assert (reading.ports, reading.address) == ((8443,), "192.0.2.4")
    assert reading.failure is Failure.IN_USE


def test_the_text_says_who_has_the_port() -> None:
    for text, process in (
        ('tcp LISTEN 0 511 *:80 *:* users:(("nginx",pid=812,fd=6))', "nginx"),
        ("Port 8080 is in use by java (pid 4711)", "java"),
        ("Port 8080 is in use by another program", None),
        ("Port 80 is used by process 4711", None),
    ):
        assert read_text(text).process == process, text


def test_a_number_in_brackets_before_its_word() -> None:
    assert read_text("启动显示 DNS（53）端口被占用").ports == (53,)


def test_a_cause_is_no_holder() -> None:
    text = "localhost:8000 (Caused by NewConnectionError: Connection refused)"
    assert read_text(text).process is None


def test_the_port_that_asks_for_any_is_not_named_besides() -> None:
    text = "exposing port TCP 0.0.0.0:50070 -> 0.0.0.0:0: listen tcp 0.0.0.0:50070: bind: in use"
    reading = read_text(text)
    assert (reading.ports, reading.others) == ((50070,), ())


def test_a_transport_stands_in_the_clause_of_its_port() -> None:
    assert read_text("listen udp :53: bind: address already in use").transport is Transport.UDP
    assert read_text("tcp and udp port 53 are in use").transport is None
    text = "Bind on TCP/IP port: Address already in use\nrunning on port: 3306 ?"
    assert read_text(text).transport is None
