"""Formats that are read by rows: the same sockets and lines, in the same order, as one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from portbook.app.explain import explain
from portbook.app.socket_filter import Filter
from portbook.formats.fields import PlainRows, no_names
from portbook.formats.lines import numbered
from portbook.formats.parts import steps_of
from portbook.formats.sockets.detect import FORMATS, read, read_rows
from portbook.formats.sockets.readers import reader
from portbook.formats.sockets.worth import weigh
from tests.values import CATALOG

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from portbook.formats.fields import Event

_PLAIN = (
    'tcp   LISTEN 0      128     0.0.0.0:{port}  0.0.0.0:*  users:(("sshd",pid={pid},fd=3))',
    "udp   UNCONN 0      0          127.0.0.1:{port}    0.0.0.0:*",
    'tcp   LISTEN 0      511        [::]:{port}     [::]:*  users:(("java",pid={pid},fd=9))',
    "LISTEN 0      128    10.0.0.7:{port}    0.0.0.0:*",
)
# What is no plain row, or only looks so.
_OTHER = (
    "tcp   LISTEN 129    128          0.0.0.0:{port}    0.0.0.0:*",
    "tcp   UNCONN 0      0            0.0.0.0:{port}    0.0.0.0:*",
    "tcp   LISTEN 0      128     [10.0.0.1]:{port}    0.0.0.0:*",
    "tcp   LISTEN 0      128       0.0.0.0:7{port:05}    0.0.0.0:*",
    "tcp   LISTEN 0      128  127.0.0.53%lo:{port}    0.0.0.0:*",
    "tcp   LISTEN 0      128              *:{port}          *:*",
    'tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("a",pid={pid},fd=3),("b",pid=2,fd=3))',
    '\t users:(("late",pid={pid},fd=3))',
    "\t skmem:(r0,rb131072,t0)",
    "uid:33 ino:{pid}",
    "tcp   ESTAB  0      0         10.0.0.7:{port}    10.0.0.9:443",
    "u_str LISTEN 0      4096 /run/{port} 1 * 0",
    "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process",
    "",
    "what is this",
)


def capture(chance: random.Random, lines: int, plain: float) -> bytes:
    """Rows of ss with others between them, about so many of which are *plain*."""
    some = [
        chance.choice(_PLAIN if chance.random() < plain else _OTHER).format(
            port=chance.randrange(65536), pid=chance.randrange(1, 1 << 22)
        )
        for _ in range(lines)
    ]
    return "\n".join([_PLAIN[0].format(port=22, pid=1), *some]).encode()


def _line_by_line(data: bytes) -> list[Event]:
    return list(FORMATS["ss"].read(numbered([data]), no_names))


def _taken_apart(events: list[Event | PlainRows]) -> list[Event]:
    """*events* with a listener for each row; there may be none that stand together."""
    apart: list[Event] = []
    for event in events:
        if isinstance(event, PlainRows):
            for at, port in enumerate(event.ports):
                listener = event.listener(at)
                socket = listener.socket
                assert (socket.port, (socket.address, socket.family)) == (
                    port,
                    event.address(event.addresses[at]),
                )
                assert sum(owner.pid for owner in listener.ownership.owners) == event.pids[at]
                apart.append(listener)
            assert apart[-len(event.ports) :] == list(event.listeners())
        else:
            apart.append(event)
    return apart


@pytest.mark.parametrize("plain", [0.5, 0.97, 0.999, 1.0])
def test_what_is_read_together_is_what_is_read_one_by_one(
    plain: float, chance: random.Random
) -> None:
    data = capture(chance, 6000, plain)
    by_line = _line_by_line(data)
    for size in (len(data), 65536, 4096, 100):
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        for name in (None, "ss"):
            assert _taken_apart(list(read_rows(chunks, name)[1])) == by_line
            assert list(read(chunks, name)[1]) == by_line


def test_a_row_comes_before_the_next_lines_are_asked_for() -> None:
    """Of what came so far only the last row waits, which may go on."""
    row = _PLAIN[0].format(port=22, pid=1).encode() + b"\n"
    for many in (1, 30):  # a row alone, and rows that come together
        asked = 0

        def chunks(many: int = many) -> Iterator[bytes]:
            nonlocal asked
            for _ in range(9):
                asked += 1
                yield row * many

        read_yet = 0
        for event in read_rows(chunks(), "ss")[1]:
            read_yet += len(event.ports) if isinstance(event, PlainRows) else 1
            assert read_yet > (asked - 1) * many - 2
        assert read_yet == 9 * many


@pytest.mark.parametrize("between", [0, 1, 20, 300])
def test_plain_rows_in_a_row_come_together(between: int, chance: random.Random) -> None:
    """Whatever is drawn: those that stand alone are too few to be worth it, 300 are not."""
    plain, other = (
        "\n".join(each.format(port=80, pid=chance.randrange(1, 1 << 22)) for each in kinds)
        for kinds in (chance.choices(_PLAIN, k=between), [_OTHER[-1]])
    )
    data = "\n".join([_PLAIN[0].format(port=22, pid=1), *[plain, other] * 20]).encode()
    together = list(read_rows([data], "ss")[1])
    assert _taken_apart(together) == _line_by_line(data)
    rows = [len(event.ports) for event in together if isinstance(event, PlainRows)]
    assert sum(rows) >= (between - 1) * 20 if between >= 20 else not rows


def test_a_row_that_goes_on_is_not_read_again_and_again() -> None:
    row = _PLAIN[0].format(port=22, pid=1)
    data = "\n".join([row, *["\t skmem:(r0)"] * 20_000, row]).encode()
    assert _taken_apart(list(read_rows([data])[1])) == _line_by_line(data)


def test_an_answer_by_rows_is_the_same(chance: random.Random) -> None:
    """Without a filter, rows are read together; with one that keeps all, one by one."""
    data = capture(chance, 6000, 0.99)
    every = Filter(ports=(0, 65535))
    fast = explain([data], Filter(), CATALOG, said=False)
    slow = explain([data], every, CATALOG, said=False)
    assert len(fast.sockets) > 5000
    assert tuple(fast.sockets) == tuple(slow.sockets)
    assert fast.not_understood == slow.not_understood
    assert fast.left_out == slow.left_out


def test_a_format_is_read_by_rows() -> None:
    assert [form.name for form in FORMATS.values() if form.read_rows is not None] == ["ss"]


@pytest.mark.parametrize("titled", [False, True])
def test_where_one_format_is_sure_no_other_reads_more(titled: bool, chance: random.Random) -> None:
    """Its names are those of other tools and their words; then no other reader is asked."""
    programs = ("sshd", "netstat", "udp", "LISTEN", "1.2.3.4", "80-90", "ESTAB", "docker-proxy")
    rows = [
        f"{chance.choice(_SURE_KINDS)} {chance.randrange(4)} 128 {chance.choice(_SURE_PLACES)}:"
        f"{chance.randrange(1, 65536)} {chance.choice(('0.0.0.0', '[::]', '*'))}:* "
        f'users:(("{chance.choice(programs)}",pid={chance.randrange(1 << 22)},fd=3))'
        for _ in range(40)
    ]
    lines = [_OTHER[-3]] * titled + rows
    sample = list(enumerate(lines, 1))
    first, *others = FORMATS.values()
    assert others
    assert first.sure is not None
    assert first.sure(lines)
    assert not steps_of(lines)
    most = weigh(partial(reader(first), sample, no_names), sample, whole=True)
    assert (most.sockets, most.unread) == (40, 0)
    for form in others:
        worth = weigh(partial(reader(form), sample, no_names), sample, whole=True)
        assert worth.points <= most.points, form.name


@pytest.mark.parametrize(
    "line",
    [
        *_OTHER[7:12],
        _OTHER[-1],
        "> tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*",
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("a 0.0.0.0:80->80/tcp",pid=1,fd=3))',
        "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* tcp LISTEN 0 128 0.0.0.0:23 0.0.0.0:*",
    ],
)
def test_no_format_is_sure_of_what_another_may_read(line: str) -> None:
    first = next(iter(FORMATS.values()))
    assert first.sure is not None
    assert not first.sure([_PLAIN[1].format(port=53), line])


_SURE_KINDS = ("tcp   LISTEN", "udp   UNCONN", "tcp   UNCONN")
_SURE_PLACES = ("0.0.0.0", "127.0.0.53%lo", "[::]", "[fe80::1]%eth0", "*", "10.0.0.7")
