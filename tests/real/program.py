"""A BPF program that drops all packets, attached until this process ends.

Run as ``python program.py KIND TARGET``: ``xdp`` or ``tcx`` and an interface, ``cgroup`` and a
folder, ``sk-lookup`` and the file of a network namespace. It prints "ready", or the error.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_PROG_LOAD, _LINK_CREATE = 5, 28
# The program's type, where it is attached, and what it returns (linux/bpf.h).
_KINDS = {"xdp": (6, 37, 1), "tcx": (3, 46, 2), "cgroup": (8, 0, 0), "sk-lookup": (30, 36, 0)}


def bpf(command: int, attributes: bytes) -> int:
    import ctypes

    buffer = ctypes.create_string_buffer(attributes, 128)
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    result = int(syscall(_SYSCALL[os.uname().machine], command, buffer, 128))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def attach(kind: str, target: str) -> None:
    import ctypes

    program_type, attach_type, returned = _KINDS[kind]
    # Two instructions: a number into the register of results, and the end.
    code = struct.pack("=BBhi", 0xB7, 0, 0, returned) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    instructions, license_ = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    asked = struct.pack("=IIQQIIQII", program_type, 2, ctypes.addressof(instructions),
                        ctypes.addressof(license_), 0, 0, 0, 0, 0)  # fmt: skip
    asked += bytes(16) + struct.pack("=II", 0, attach_type)  # no name, no interface
    program = bpf(_PROG_LOAD, asked)
    on_interface = kind in ("xdp", "tcx")
    place = socket.if_nametoindex(target) if on_interface else os.open(target, os.O_RDONLY)
    bpf(_LINK_CREATE, struct.pack("=IIII", program, place, attach_type, 0))


if __name__ == "__main__":
    try:
        attach(*sys.argv[1:])
    except OSError as error:
        print(error, flush=True)
        sys.exit()
    print("ready", flush=True)
    sys.stdin.read()
