r"""A line of the kernel's socket tables: /proc/net/tcp, tcp6, udp, udp6, udplite and udplite6.

The format is that of Documentation/networking/proc_net_tcp.rst of the kernel. Both this machine's
own tables and those that somebody pasted are read with it.

>>> parse_row(b" 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:0 0 1000 0 555 1").address
'127.0.0.1'
"""

from __future__ import annotations

import _socket
import sys

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput


class Row(NamedTuple):
    """One socket. ``state`` is a number of include/net/tcp_states.h."""

    address: str
    port: int
    peer_address: str
    peer_port: int
    state: int
    waiting: int
    uid: int
    inode: int


def parse_row(line: bytes) -> Row:
    """One line. Raises MalformedInput where it is none."""
    fields = line.split(None, 10)
    try:
        address, port = _parse_address(fields[1])
        peer_address, peer_port = _parse_address(fields[2])
        row = Row(
            address,
            port,
            peer_address,
            peer_port,
            int(fields[3], 16),
            int(fields[4].partition(b":")[2], 16),
            int(fields[7]),
            int(fields[9]),
        )
        numbers = (row.waiting, row.uid, row.inode)
        if not 0 <= row.state < 32 or min(numbers) < 0 or max(numbers) >> 64:
            raise ValueError(line[:40])
        if (port | peer_port) >> 16:
            raise ValueError(line[:40])
        return row
    except (ValueError, IndexError, OSError) as error:
        raise MalformedInput("a line of the kernel's socket table can't be read") from error


def _parse_address(field: bytes) -> tuple[str, int]:
    # The kernel prints each 32-bit word of the address as a number of its own byte order.
    words, _, port = field.partition(b":")
    raw = bytes.fromhex(words.decode("ascii"))
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    family = _socket.AF_INET if len(raw) == 4 else _socket.AF_INET6
    return _socket.inet_ntop(family, raw), int(port, 16)
