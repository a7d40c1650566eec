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

from portbook.errors.base import (
    NO_ROOM,
    BadNotes,
    DataCorrupt,
    DataMissing,
    HostUnreadable,
    InvalidArgument,
    InvalidQuery,
    MalformedInput,
    PortbookError,
    Untrusted,
    UsageError,
    shown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.errors.seldom import (
        EngineFailed,
        FeedbackUnavailable,
        FormatFailed,
        FormatWarning,
        Implausible,
        InputUnreadable,
        InvalidPort,
        InvalidRange,
        InvalidTransport,
        MissingExtra,
        NotExported,
        NotFetched,
        NothingKnown,
        NotKept,
        NotReserved,
        NotThisMachine,
    )

__all__ = [
    "NO_ROOM",
    "BadNotes",
    "DataCorrupt",
    "DataMissing",
    "EngineFailed",
    "FeedbackUnavailable",
    "FormatFailed",
    "FormatWarning",
    "HostUnreadable",
    "Implausible",
    "InputUnreadable",
    "InvalidArgument",
    "InvalidPort",
    "InvalidQuery",
    "InvalidRange",
    "InvalidTransport",
    "MalformedInput",
    "MissingExtra",
    "NotExported",
    "NotFetched",
    "NotKept",
    "NotReserved",
    "NotThisMachine",
    "NothingKnown",
    "PortbookError",
    "Untrusted",
    "UsageError",
    "shown",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(__import__(f"{__name__}.seldom", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
