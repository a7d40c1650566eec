"""A question at a terminal: what is a yes, and Ctrl-C whenever it comes."""

from __future__ import annotations

import os
import pty
import signal
import sys

from portbook.cli.terminal import can_ask, confirmed
from tests.cases import for_each

YES, NO, INTERRUPTED = 10, 11, 12


def answered(keys: bytes) -> tuple[int, bytes]:
    """How a process ends that asks on a terminal where *keys* are typed once it has asked.

    With the status comes what it printed after the question.
    """
    child, terminal = pty.fork()
    if child == 0:
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(60)
        try:
            os._exit(YES if confirmed("Stop it?") else NO)
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
    printed = b""
    while b"[y/N] " not in printed:
        printed += os.read(terminal, 100)
    os.write(terminal, keys)
    while True:
        try:
            printed += os.read(terminal, 100)
        except OSError:  # the end
            break
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), printed.partition(b"[y/N] ")[2]


@for_each(
    "keys, ending",
    [
        (b"y\n", YES),
        (b"Yes\n", YES),
        (b"\n", NO),
        (b"yess\n", NO),
        (b"\x04", NO),  # Ctrl-D
        (b"\x03", INTERRUPTED),
    ],
)
def test_what_is_typed(keys: bytes, ending: int) -> None:
    status, printed = answered(keys)
    assert status == ending
    # The shell's next prompt begins a line of its own; the terminal may echo ^C behind it.
    assert b"\r\n" in printed


def test_where_standard_input_is_closed_nobody_is_asked() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.close(0)
        sys.stdin, sys.stdout = None, os.fdopen(1, "w")
        os._exit(YES if can_ask() else NO)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == NO
