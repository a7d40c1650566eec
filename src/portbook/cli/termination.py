"""Being told to end: what was begun is cleaned up first."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Not on every system are all of them.
_SIGNALS = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))
)
_AGAIN = 0.02  # seconds between two attempts to raise what was swallowed


@contextlib.contextmanager
def cleaned_up() -> Iterator[None]:
    """In the block, SIGTERM and SIGHUP raise SystemExit as Ctrl-C raises KeyboardInterrupt, so that
    what the block holds open is taken away.

    Only the first of such signals counts: another would end the cleaning up, so the others are
    ignored until the process ends. The block never ends as if nothing had been told: what a
    destructor or a callback swallows is raised again. A signal that the caller ignores (nohup, a
    shell's background) stays ignored. The exit status is 128 and the signal's number, as a shell
    has it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # None: whoever embeds Python set it, and Python could not set it back.
    taken = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    interruption = _Interruption()
    hook, sys.unraisablehook = sys.unraisablehook, interruption.on_unraisable
    try:
        for number in taken:
            signal.signal(number, interruption.on_signal)
        try:
            yield
        except Exception:
            interruption.raise_anyway()  # the error may be how a library passes it on
            raise
        interruption.raise_anyway()
    finally:
        sys.unraisablehook = hook
        if interruption.raised is None:
            for number in taken:
                signal.signal(number, before[number])


class _Interruption:
    """Raises the first signal as an exception, again and again until it isn't swallowed.

    Python runs a signal handler between any two of its instructions. In a destructor or the
    callback of a weak reference, what it raises goes to sys.unraisablehook and no further.
    """

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self._number = 0
        self._swallowed = False
        self._over = False  # nothing is left to be ended
        self._hook = sys.unraisablehook

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        if self._over or (self.raised is not None and not self._swallowed):
            return
        while frame is not None:
            if frame.f_code is _Interruption.on_unraisable.__code__:
                return  # the hook would swallow it too; it is sent again
            frame = frame.f_back
        self._number = self._number or number
        self._swallowed = False
        self.raised = self._error()
        raise self.raised

    def on_unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        """The hook for what can't be raised: sends the signal again if it is our exception."""
        if self.raised is None or unraisable.exc_value is not self.raised:
            self._hook(unraisable)
            return
        # Whoever was interrupted may hold the locks of the threading module.
        with contextlib.suppress(RuntimeError):  # no room for a thread: raise_anyway remains
            _thread.start_new_thread(self._send_again, ())

    def raise_anyway(self) -> None:
        """Raises at the end of the block what should have ended it before."""
        self._over = self.raised is not None
        if self.raised is not None:
            raise self._error()

    def _error(self) -> BaseException:
        if self._number == signal.SIGINT:
            return KeyboardInterrupt()
        return SystemExit(128 + self._number)

    def _send_again(self) -> None:
        self._swallowed = True
        main = threading.main_thread().ident
        while self._swallowed and not self._over:
            if main is not None and hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main, self._number)  # this ends what it waits for as well
            else:
                _thread.interrupt_main(signal.Signals(self._number))
            time.sleep(_AGAIN)
