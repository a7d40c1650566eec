"""Everything that portbook raises on purpose.

Each class is also the closest built-in exception, so that a caller who does not know
portbook's names still catches what it expects::

    PortbookError
     ├── InvalidQuery (ValueError)         what was asked can't be read
     │    ├── InvalidPort
     │    ├── InvalidRange
     │    └── InvalidTransport
     ├── UsageError (ValueError)           the command line can't be read
     ├── InvalidArgument (ValueError)      what a use case was given can't be used
     ├── MalformedInput (ValueError)       a capture, a registry file or a kernel answer
     │    ├── NothingKnown                 a capture that is empty, or that no known tool printed
     │    └── FormatFailed                 a format of an installed package that fails
     ├── BadNotes (ValueError)             notes of one's own that can't be used
     ├── InputUnreadable (OSError)         a file or a stream that was named can't be read
     ├── Untrusted (PermissionError)       a file or folder that somebody else could have changed
     ├── DataMissing (FileNotFoundError)   a data file isn't there or can't be opened
     ├── DataCorrupt (ValueError)          a data file isn't what it should be
     ├── NotFetched (OSError)              a registry that can't be downloaded or read
     ├── Implausible (ValueError)          a file that doesn't look like the registry
     ├── NotKept (OSError)                 a registry, or a list of the user's, can't be written
     ├── NotExported (OSError)             a site that can't be written as files
     ├── HostUnreadable (OSError)          what this machine doesn't show
     ├── NotThisMachine (ValueError)       an address that isn't this machine's own
     ├── NotReserved (OSError)             a port that can't be kept for a command
     ├── FeedbackUnavailable (OSError)     readers' votes that can't be kept or read
     ├── EngineFailed (RuntimeError)       a database engine couldn't do what it was asked
     └── MissingExtra (ImportError)        an optional part isn't installed

The message of each is one line that names the value and the fix. Where an argument of the use case
would help, ``remedy`` is its name; who knows how it is given there says so.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_PACKAGE = __file__.removesuffix("errors.py")


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


class InvalidPort(InvalidQuery):
    """A number that isn't a port; ``first`` and ``last`` bound what is allowed."""

    first = 0
    last = 65535

    def __init__(self, value: str) -> None:
        super().__init__(
            f"{shown(value)} is not a port number: give a whole number "
            f"from {self.first} to {self.last}",
            value,
        )


class InvalidRange(InvalidQuery):
    """A range that runs backwards or leaves the port space."""


class InvalidTransport(InvalidQuery):
    """A transport that IANA's registry does not have."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"{shown(value)} is not a transport: give one of tcp, udp, sctp or dccp", value
        )


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


class NothingKnown(MalformedInput):
    """A capture that is empty, or none of whose lines a known tool prints.

    ``lines`` are the first of them, where nothing at all is known of these; ``records`` is how many
    of those are records of a log, which an audit reads.
    """

    lines: tuple[str, ...] = ()
    records: int = 0


class FormatFailed(MalformedInput):
    """A format of an installed package that raised, or returned something invalid; it is named."""


class BadNotes(PortbookError, ValueError):
    """A file of notes that isn't what it should be: the message names the line or the key."""


class InputUnreadable(PortbookError, OSError):
    """A file or a stream that was named and can't be read."""


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


class NotFetched(PortbookError, OSError):
    """A registry that can't be downloaded or read; ``url`` has no password, and may be a file."""

    def __init__(self, url: str, why: str, *, local: bool = False) -> None:
        what = "can't be read" if local else "could not be fetched"
        super().__init__(f"{shown(url, 200)} {what}: {why}")
        self.url = url


class Implausible(PortbookError, ValueError):
    """A file that was read whole and doesn't look like the registry; ``reasons`` say why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(f"this doesn't look like the registry: {'; '.join(reasons)}")
        self.reasons = reasons
        self.remedy = "force"


class NotKept(PortbookError, OSError):
    """A registry, or a list of the user's, that can't be written: what was in use still is."""


class NotExported(PortbookError, OSError):
    """A site that can't be written as files, or not into the folder that was named."""


class HostUnreadable(PortbookError, OSError):
    """What this machine doesn't show: no /proc, netlink refused, a system without support."""


class NotThisMachine(PortbookError, ValueError):
    """An address that isn't this machine's own: nothing is ever sent there."""


class NotReserved(PortbookError, OSError):
    """A port that can't be kept; ``taken`` says that somebody else has it."""

    def __init__(self, message: str, *, taken: bool) -> None:
        super().__init__(message)
        self.taken = taken


class FeedbackUnavailable(PortbookError, OSError):
    """The store can't be opened, read or written; nothing of the vote was kept."""


class EngineFailed(PortbookError, RuntimeError):
    """A database engine couldn't be reached, or couldn't do what it was asked."""


class MissingExtra(PortbookError, ImportError):
    """An optional part that isn't installed; ``extra`` is its name."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'portbook[{extra}]'")
        self.extra = extra


class FormatWarning(UserWarning):
    """A format of an installed package is left out; the message names the package and says why."""


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
