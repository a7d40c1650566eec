"""Messages of netlink (netlink(7)): one dump asked for, and the attributes of what comes."""

from __future__ import annotations

import _struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Netlink(Protocol):
        """The part of a socket that a dump needs."""

        def send(self, data: bytes, /) -> int: ...
        def recv(self, size: int, /) -> bytes: ...


# linux/netlink.h
_DONE, _ERROR = 3, 2
_DUMP, _INTERRUPTED = 0x301, 0x10
_RECEIVE = 1 << 16  # the kernel fills at most 32 kB a read


def dump(
    netlink: Netlink, question: int, answer: int, asked: bytes, size: int | None = None
) -> Iterator[tuple[bytes, dict[int, bytes]]]:
    """The messages of one dump: the fixed part, of *size* or as long as *asked*, and attributes.

    Raises OSError, or ValueError for what is no answer.
    """
    size = len(asked) if size is None else size
    netlink.send(_struct.pack("=IHHII", 16 + len(asked), question, _DUMP, question, 0) + asked)
    while True:
        data = netlink.recv(_RECEIVE)
        place = 0
        while place + 16 <= len(data):
            length, kind, flags, sequence, _ = _struct.unpack_from("=IHHII", data, place)
            if length < 16 or place + length > len(data) or sequence != question:
                raise ValueError("no answer to the question")
            if kind == _DONE:
                return
            if kind == _ERROR or flags & _INTERRUPTED:
                raise ValueError("it changed while it was read" if flags else "it refuses")
            if kind == answer and length >= 16 + size:
                start = place + 16
                yield data[start : start + size], attributes_of(data[start + size : place + length])
            place += length + 3 & ~3
        if place < len(data) or not data:
            raise ValueError("a message is cut short")


def attributes_of(data: bytes) -> dict[int, bytes]:
    """The attributes in *data*, by kind. Raises ValueError where one is cut short."""
    found, place = {}, 0
    while place + 4 <= len(data):
        length, kind = _struct.unpack_from("=HH", data, place)
        if length < 4 or place + length > len(data):
            raise ValueError("an attribute is cut short")
        found[kind & 0x3FFF] = data[place + 4 : place + length]
        place += length + 3 & ~3
    return found


def int_of(data: bytes) -> int:
    """The number that an attribute holds; 0 for none."""
    return int(_struct.unpack("=I", data)[0]) if len(data) == 4 else 0


def name_of(data: bytes) -> str:
    """The name that an attribute holds."""
    return data.rstrip(b"\0").decode("utf-8", "surrogateescape")
