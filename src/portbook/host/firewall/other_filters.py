"""What may decide over packets beside the rules that are followed: found, named, not evaluated.

XDP and tc programs stand before all rules, cgroup filters (systemd's ``IPAddressDeny``) behind
them; IPVS takes packets to other machines.
"""

from __future__ import annotations

from portbook.host.firewall.nft_text import listed
from portbook.host.firewall.values import NotEvaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# linux/bpf.h
_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_GET_NEXT_ID, _GET_FD_BY_ID, _GET_INFO = 11, 13, 15
_CGROUP_FILTER = 8  # BPF_PROG_TYPE_CGROUP_SKB
_NAME_AT, _INFO_SIZE = 64, 232
_MOST_PROGRAMS = 4096


def other_filters(run: Callable[..., str | None], proc: str = "/proc") -> tuple[NotEvaluated, ...]:
    """All that is found; *run* runs a tool and gives what it printed."""
    return (
        *_programs_of_interfaces(run("ip", "-json", "-details", "link", "show"), "xdp"),
        *_programs_of_interfaces(run("tc", "-json", "qdisc", "show"), "tc"),
        *_virtual_servers(proc),
        *_cgroup_filters(),
    )


def _programs_of_interfaces(text: str | None, kind: str) -> Iterator[NotEvaluated]:
    import json

    try:
        rows = listed(json.loads(text or "[]"))
    except ValueError:
        return
    for row in rows:
        if not isinstance(row, dict):
            continue
        if kind == "xdp" and row.get("xdp"):
            yield NotEvaluated("xdp", str(row.get("ifname")))
        # Filters of incoming packets hang from one of these.
        if kind == "tc" and row.get("kind") in ("clsact", "ingress"):
            yield NotEvaluated("tc", str(row.get("dev")))


def _virtual_servers(proc: str) -> Iterator[NotEvaluated]:
    try:
        with open(f"{proc}/thread-self/net/ip_vs", encoding="ascii", errors="replace") as file:
            for line in file.readlines()[3:]:  # after the head
                if not line.startswith("  ->"):
                    yield NotEvaluated("ipvs", " ".join(line.split()[:2]))
    except OSError:
        return


def _cgroup_filters() -> Iterator[NotEvaluated]:
    """Programs that filter the packets of a control group, by the names they were loaded with.

    The kernel lists them to CAP_BPF or CAP_SYS_ADMIN alone, and those of all namespaces.
    """
    import ctypes
    import os
    import struct

    number = _BPF_SYSCALL.get(os.uname().machine)
    if number is None:
        return
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long

    def ask(command: int, attributes: bytes) -> tuple[int, bytes]:
        buffer = ctypes.create_string_buffer(attributes, 128)
        result = syscall(number, command, buffer, 128)
        return int(result), buffer.raw

    last = 0
    names: dict[str, None] = {}
    for _ in range(_MOST_PROGRAMS):
        result, answer = ask(_GET_NEXT_ID, struct.pack("=I", last))
        if result < 0:
            break
        (last,) = struct.unpack_from("=I", answer, 4)
        descriptor, _ = ask(_GET_FD_BY_ID, struct.pack("=I", last))
        if descriptor < 0:
            continue
        info = ctypes.create_string_buffer(_INFO_SIZE)
        asked = struct.pack("=IIQ", descriptor, _INFO_SIZE, ctypes.addressof(info))
        result, _ = ask(_GET_INFO, asked)
        os.close(descriptor)
        (kind,) = struct.unpack_from("=I", info.raw)
        if result == 0 and kind == _CGROUP_FILTER:
            text = info.raw[_NAME_AT : _NAME_AT + 16].rstrip(b"\0")
            names[text.decode("ascii", "replace")] = None
    for name in names:
        yield NotEvaluated("cgroup", name)
