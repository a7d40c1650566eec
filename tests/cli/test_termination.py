"""Being told to end, wherever Python happens to be when the signal comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from portbook.cli.termination import cleaned_up
from tests.patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

# What a child process begins with; *number* is the signal that is sent.
BEGUN = """
import os, signal, sys, threading, time, weakref
from portbook.cli import termination

number = getattr(signal, sys.argv[1])

def wait():
    until = time.monotonic() + 600
    while time.monotonic() < until:
        time.sleep(0.01)

class Destroyed:
    def __del__(self):
        signal.raise_signal(number)

class Slow:
    def __del__(self):
        time.sleep(0.1)

class Target:
    pass
"""
# Each ends with the exception of the signal, or prints "went on".
SWALLOWED = {
    "in a destructor": """
        with termination.cleaned_up():
            Destroyed()
            wait()
    """,
    "in the callback of a weak reference": """
        with termination.cleaned_up():
            target = Target()
            kept = weakref.ref(target, lambda _: signal.raise_signal(number))
            del target
            wait()
    """,
    "where the main thread waits": """
        with termination.cleaned_up():
            Destroyed()
            threading.Event().wait(600)
    """,
    "several times": """
        with termination.cleaned_up():
            Destroyed()
            for _ in range(5):
                Slow()
            wait()
    """,
    "in the hook as well": """
        begin = termination._thread.start_new_thread
        def slowly(*call):
            begin(*call)
            time.sleep(0.2)
        termination._thread.start_new_thread = slowly
        with termination.cleaned_up():
            Destroyed()
            wait()
    """,
    "by one who is impatient": """
        with termination.cleaned_up():
            Destroyed()
            for _ in range(3):
                signal.raise_signal(number)
            wait()
    """,
    "with no room for a thread": """
        def full(*call):
            raise RuntimeError("can't start new thread")
        termination._thread.start_new_thread = full
        with termination.cleaned_up():
            Destroyed()
    """,
    "by a library": """
        with termination.cleaned_up():
            try:
                signal.raise_signal(number)
            except BaseException:
                pass
    """,
    "by a library that raises something else": """
        with termination.cleaned_up():
            try:
                signal.raise_signal(number)
            except BaseException:
                raise ValueError("stopped") from None
    """,
}


def _ended(script: str, number: str) -> tuple[int, str, str]:
    """The exit status of *script*, what it printed, and what stands on standard error."""
    ends = """
        except KeyboardInterrupt:
            sys.exit(130)
    """
    body = f"try:\n{textwrap.indent(textwrap.dedent(script), '    ')}\n    print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", f"{BEGUN}\n{body}\n{textwrap.dedent(ends)}", number],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("where", SWALLOWED)
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_is_swallowed_ends_it_all_the_same(
    where: str, number: str, status: int
) -> None:
    assert _ended(SWALLOWED[where], number) == (status, "", "")


def test_what_comes_later_is_ignored_until_the_process_ends() -> None:
    script = """
        try:
            with termination.cleaned_up():
                signal.raise_signal(number)
        except KeyboardInterrupt:
            for late in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.raise_signal(late)
            sys.exit(130)
    """
    assert _ended(script, "SIGINT") == (130, "", "")


def test_nothing_is_sent_again_once_the_block_has_ended() -> None:
    script = """
        begin = termination._thread.start_new_thread
        def later(send, _):
            begin(lambda: (time.sleep(0.2), send()), ())
        termination._thread.start_new_thread = later
        try:
            with termination.cleaned_up():
                Destroyed()
        except KeyboardInterrupt:
            time.sleep(1)
            sys.exit(3)
    """
    assert _ended(script, "SIGINT") == (3, "", "")


def test_what_others_can_not_raise_is_told() -> None:
    script = """
        class Broken:
            def __del__(self):
                raise ValueError("of its own")
        with termination.cleaned_up():
            Broken()
    """
    status, said, told = _ended(script, "SIGINT")
    assert (status, said) == (0, "went on\n")
    assert "ValueError: of its own" in told


def test_all_is_as_before_where_nothing_was_told() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    hook = sys.unraisablehook
    with cleaned_up():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before
    assert sys.unraisablehook is hook
