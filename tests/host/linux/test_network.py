"""The kernel's interfaces and routes: what it answers, and bytes that are no answer."""

from __future__ import annotations

import struct

import pytest

from portbook.host.linux.netlink import attributes_of, dump, int_of, name_of
from portbook.host.linux.network import read_network
from tests.cases import for_each
from tests.real.needs import need_linux

GET, NEW, DONE, ERROR = 18, 16, 3, 2
INTERRUPTED = 0x10


class Answering:
    """A kernel that answers with *data*, once."""

    def __init__(self, *data: bytes) -> None:
        self.data = list(data)
        self.asked = b""

    def send(self, data: bytes, /) -> int:
        self.asked = data
        return len(data)

    def recv(self, _: int, /) -> bytes:
        return self.data.pop(0)


def message(kind: int, body: bytes = b"", *, sequence: int = GET, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def answers(*data: bytes) -> list[tuple[bytes, dict[int, bytes]]]:
    return list(dump(Answering(*data), GET, NEW, bytes(16)))


LINK = message(NEW, bytes(16) + attribute(3, b"eth0\0") + attribute(4, struct.pack("=I", 1500)))


def test_messages_come_in_several_parts_and_end_with_done() -> None:
    (first, second) = answers(LINK, LINK + message(DONE, bytes(4)))
    assert first == second
    body, attributes = first
    assert len(body) == 16
    assert (name_of(attributes[3]), int_of(attributes[4])) == ("eth0", 1500)


def test_other_messages_and_short_ones_are_passed_over() -> None:
    assert answers(message(NEW, bytes(8)) + message(99, bytes(16)) + message(DONE)) == []


@for_each(
    "data",
    [
        LINK[:-1] + message(DONE)[:3],
        LINK + message(DONE)[:15],
        b"",
        message(NEW, bytes(16), sequence=7),
        message(ERROR, bytes(4)),
        message(NEW, bytes(16), flags=INTERRUPTED),
        struct.pack("=IHHII", 3, NEW, 0, GET, 0),
        message(NEW, bytes(16) + struct.pack("=HH", 400, 3)),
        message(NEW, bytes(16) + struct.pack("=HH", 2, 3)),
    ],
)  # fmt: skip
def test_damaged_bytes_are_no_answer(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        answers(data, message(DONE))


def test_a_truncated_attribute_is_never_read_beyond_its_end() -> None:
    whole = attribute(3, b"eth0\0")
    assert [attributes_of(whole[:length]) for length in range(4)] == [{}] * 4
    for length in (4, 5, 6, 7, 8):
        with pytest.raises(ValueError, match="cut short"):
            attributes_of(whole[:length])
    assert (int_of(b"\1"), name_of(b"\xff\0")) == (0, "\udcff")


def test_this_machine_has_a_loopback() -> None:
    need_linux()
    network = read_network()
    assert any(each.loopback for each in network.interfaces)
    assert network.has("127.0.0.1")


def test_what_an_interface_is_is_told() -> None:
    need_linux()
    (loopback,) = [each for each in read_network().interfaces if each.loopback]
    assert loopback.traits == ("", 772, 0)  # ARPHRD_LOOPBACK
