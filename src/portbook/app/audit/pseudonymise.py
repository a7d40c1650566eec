"""Addresses replaced by words: the same address by the same word, as long as the key is the same.

The word is an HMAC (RFC 2104) with SHA-256, cut to 64 bits. All addresses can be tried in hours, so
without a key a hash would hide nothing; with one, whoever lacks it can't tell.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from portbook.errors import InvalidArgument, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import AuditAnswer

_LEAST = 16


class Pseudonyms:
    """Words for addresses, by *key*."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def word(self, address: str) -> str:
        """The word for *address*.

        >>> names = Pseudonyms(b"a key for this example")
        >>> names.word("192.0.2.1") == names.word("192.0.2.1") != names.word("192.0.2.2")
        True
        """
        digest = hmac.new(self._key, address.encode(errors="surrogateescape"), hashlib.sha256)
        return f"host-{digest.hexdigest()[:16]}"

    def replace(self, answer: AuditAnswer) -> AuditAnswer:
        """*answer* with a word for each host."""
        services = tuple(
            each
            if not each.hosts
            else each._replace(
                hosts=tuple(share._replace(host=self.word(share.host)) for share in each.hosts)
            )
            for each in answer.services
        )
        return answer._replace(services=services, pseudonymised=True)


def read_key(path: str | None) -> bytes:
    """The key in the file at *path*, or a new one. Raises InvalidArgument."""
    if path is None:
        return secrets.token_bytes(32)
    try:
        with open(path, "rb") as file:
            key = file.read(1 << 16).strip()
    except OSError as error:
        raise InvalidArgument(
            "key_file", f"{shown(path)} can't be read: {error.strerror}"
        ) from error
    if len(key) < _LEAST:
        raise InvalidArgument("key_file", f"{shown(path)} has fewer than {_LEAST} bytes: give more")
    return key
