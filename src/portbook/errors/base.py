"""The root of portbook's errors, and those that an answer meets or looks out for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_PACKAGE = __file__.rpartition("errors")[0]


class PortbookError(Exception):
    """The root of the tree. ``str(error)`` is one line, fit to be shown."""

    remedy = ""

    def helped_by(self, argument: str) -> Self:
        """The error itself, whose ``remedy`` is now the name of *argument*."""
        self.remedy = argument
        return self

    def __str__(self) -> str:  # OSError would print an errno and a file name of its own
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is copied by calling its class with its message, which isn't what ours take.
        return _restore, (type(self), self.args, vars(self))


class InvalidQuery(PortbookError, ValueError):
    """A query that can't be read; ``value`` is what was given."""

    def __init__(self, message: str, value: str) -> None:
        super().__init__(message)
        self.value = value


class UsageError(PortbookError, ValueError):
    """A command line that can't be read."""


class InvalidArgument(PortbookError, ValueError):
    """What a use case was given can't be used.

    ``argument`` is its name, empty where the value speaks for itself; ``reason`` says what is wrong
    with it and what to give instead.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument} {reason}" if argument else reason)
        self.argument = argument
        self.reason = reason


class MalformedInput(PortbookError, ValueError):
    """Text or bytes from outside that are not in the form they claim to be."""


class BadNotes(PortbookError, ValueError):
    """A file of notes that isn't what it should be: the message names the line or the key."""


class Untrusted(PortbookError, PermissionError):
    """A file or folder that isn't used, because somebody else could have changed it.

    The message follows its name, as in "the registry in X is not used: …".
    """


class DataMissing(PortbookError, FileNotFoundError):
    """A data file that isn't there or can't be opened; ``path`` names it.

    *number* is the error's, where the system gave one: the fix depends on it.
    """

    def __init__(self, path: str, why: str, number: int | None = None) -> None:
        mend = _MENDS.get(number or 0, "reinstall portbook")
        super().__init__(f"the data file {shown(path, 200)} can't be read ({why}): {mend}")
        self.path = path
        self.why = why


# What helps where there is no room, by errno.h; the numbers are the same on Linux, macOS, the BSDs
# and Windows.
NO_ROOM = {
    12: "free some memory, or raise the limit (ulimit -v)",  # ENOMEM
    23: "the system has too many files open: close some programs",  # ENFILE
    24: "raise the limit of open files (ulimit -n)",  # EMFILE
}
_MENDS = {**NO_ROOM, 13: "let this user read it, or reinstall portbook"}  # EACCES


class DataCorrupt(PortbookError, ValueError):
    """A data file that isn't what it should be; ``path`` names it."""

    def __init__(self, path: str, why: str) -> None:
        own = path.startswith(_PACKAGE)
        mend = "reinstall portbook" if own else "portbook update fetches it again"
        super().__init__(f"the data file {shown(path, 200)} is damaged ({why}): {mend}")
        self.path = path
        self.why = why


class HostUnreadable(PortbookError, OSError):
    """What this machine doesn't show: no /proc, netlink refused, a system without support."""


def _restore(
    kind: type[PortbookError], args: tuple[object, ...], state: dict[str, object]
) -> PortbookError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


def shown(value: str, limit: int = 60) -> str:
    r"""*value* as it may stand in a message: ASCII, quoted, escaped, at most *limit* characters.

    >>> shown("80\x1b[2J")
    "'80\\x1b[2J'"
    >>> shown("x" * 10_000, 8)
    "'xxxxxxxx…' (10,000 characters)"
    """
    if len(value) <= limit:
        return ascii(value)
    return f"{ascii(value[:limit])[:-1]}…' ({len(value):,} characters)"
