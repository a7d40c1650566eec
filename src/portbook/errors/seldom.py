"""Errors that an answer seldom meets: what it would cost to make them all is a dozenth of one."""

from __future__ import annotations

from portbook.errors.base import InvalidQuery, MalformedInput, PortbookError, shown


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


class NothingKnown(MalformedInput):
    """A capture that is empty, or none of whose lines a known tool prints.

    ``lines`` are the first of them, where nothing at all is known of these; ``records`` is how many
    of those are records of a log, which an audit reads.
    """

    lines: tuple[str, ...] = ()
    records: int = 0


class FormatFailed(MalformedInput):
    """A format of an installed package that raised, or returned something invalid; it is named."""


class InputUnreadable(PortbookError, OSError):
    """A file or a stream that was named and can't be read."""


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
