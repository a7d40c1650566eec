"""Where a kept version of the registry came from: the file ``origin.json`` beside its data.

An update writes it, and months later something reads it that a disk, a backup or a person may have
changed meanwhile. What isn't of the type that an update writes counts as not recorded, and a list
of files that isn't one counts as damage: it is never guessed at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog.update.versions import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.storage.file_trust import TrustedFolder

_LONGEST = 1 << 20  # bytes: an update writes some 20 kB at most


class Origin(NamedTuple):
    """What an update noted of a version; None is what isn't recorded.

    ``url`` is where it came from in the end and ``asked`` where it was asked for, ``fetched`` the
    day (ISO 8601), ``etag`` and ``last_modified`` the server's words (RFC 9110 §8.8), ``files``
    the SHA-256 of each data file in hexadecimal, by name.
    """

    url: str | None = None
    asked: str | None = None
    fetched: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    files: Mapping[str, str] | None = None


UNRECORDED = Origin()


def read_origin(version: TrustedFolder) -> Origin:
    """The origin of the version in the folder *version*; UNRECORDED where it can't be read."""
    try:
        content = version.read(ORIGIN, _LONGEST + 1)
    except OSError:
        return UNRECORDED
    return UNRECORDED if len(content) > _LONGEST else parse_origin(content)


def parse_origin(content: bytes) -> Origin:
    """What the bytes of ``origin.json`` say; nothing is raised.

    >>> parse_origin(b'{"url": "https://example.org/x", "etag": [1]}').url
    'https://example.org/x'
    >>> parse_origin(b'{"files": []}').files is None, parse_origin(b"[" * 9999) == UNRECORDED
    (True, True)
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):  # the latter for thousands of brackets
        return UNRECORDED
    if not isinstance(value, dict):
        return UNRECORDED
    files = value.get("files")
    if not isinstance(files, dict) or not all(isinstance(each, str) for each in files.values()):
        files = None
    return Origin(
        url=_text(value.get("url")),
        asked=_text(value.get("asked")),
        fetched=_text(value.get("fetched")),
        etag=_field_value(value.get("etag")),
        last_modified=_field_value(value.get("last_modified")),
        files=files,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _field_value(value: object) -> str | None:
    """*value* where it can be sent back in a header: visible ASCII and spaces (RFC 9110 §5.5)."""
    text = _text(value)
    return text if text is not None and text.isascii() and text.isprintable() else None
