"""A registry file as it comes in, from the net or from a disk, before anything is made of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from portbook.errors import NotFetched

if TYPE_CHECKING:
    from collections.abc import Callable

IANA_XML = (
    "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml"
)
TIMEOUT = 120.0  # seconds for all of a download

# IANA's XML has some 5 MB, its CSV 1 MB. What is longer is something else.
LARGEST = 16 << 20


class Validators(NamedTuple):
    """What a server said of a copy, to be asked with next time (RFC 9110 §8.8, §13.1)."""

    etag: str | None
    last_modified: str | None


class Fetched(NamedTuple):
    """A registry file as it came: its bytes, from where, and the day it bears if it has no own.

    ``url`` is the address without a password, or the file's.
    """

    content: bytes
    url: str
    day: str
    validators: Validators = Validators(None, None)
    plain: bool = False  # over http, which anybody on the way can change


if TYPE_CHECKING:
    # Called with the bytes that are there, and how many there will be if that is known.
    Progress = Callable[[int, int | None], None]


def read_file(path: str) -> Fetched:
    """The file at *path*, an air-gapped copy. Raises NotFetched where it can't be read."""
    try:
        with open(path, "rb") as file:
            # A pipe or a device may never end: as much is read as a registry can have.
            content = file.read(LARGEST + 1)
            changed = os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NotFetched(path, why, local=True) from error
    if len(content) > LARGEST:
        raise NotFetched(path, too_large(), local=True)
    import datetime as dt

    day = dt.datetime.fromtimestamp(changed, dt.UTC).date().isoformat()
    return Fetched(content, f"file:{os.path.abspath(path)}", day)


def too_large(size: int | None = None) -> str:
    """What to say of a file that is larger than :data:`LARGEST`; *size* in bytes, if known."""
    has = "" if size is None else f" ({size:,} bytes)"
    return f"it is larger{has} than any copy of the registry: more than {LARGEST:,} bytes"
