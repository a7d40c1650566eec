r"""How text and moments are written wherever portbook writes them: valid UTF-8, and UTC.

>>> unbyte("a\udcff"), moment(0)
('a\\xff', '1970-01-01T00:00:00Z')
"""

from __future__ import annotations


def unbyte(text: str) -> str:
    r"""*text* with the stray bytes that ``surrogateescape`` kept (PEP 383) written as ``\xff``.

    Other surrogates, which no encoding has, become ``\udcff`` and the like.
    """
    if text.isascii():  # most is
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        if all("\udc80" <= char <= "\udcff" for char in text if "\ud800" <= char <= "\udfff"):
            return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return text.encode(errors="backslashreplace").decode()
    return text


def moment(seconds: float) -> str:
    """*seconds* since the epoch as ISO 8601 in UTC, to the second."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
