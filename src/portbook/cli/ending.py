"""Being told to end: what was begun is cleaned up first."""

from __future__ import annotations

import contextlib
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Not on every system are all of them.
_SIGNALS = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))
)


@contextlib.contextmanager
def cleaned_up() -> Iterator[None]:
    """In the block, SIGTERM and SIGHUP raise SystemExit as Ctrl-C raises KeyboardInterrupt, so that
    what the block holds open is taken away.

    Only the first of such signals counts: another would end the cleaning up. A signal that the
    caller ignores (nohup, a shell's background) stays ignored. The exit status is 128 and the
    signal's number, as a shell has it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = False

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        if ending:
            return
        ending = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # None: whoever embeds Python set it, and Python could not set it back.
    taken = [each for each, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    try:
        for number in taken:
            signal.signal(number, end)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
