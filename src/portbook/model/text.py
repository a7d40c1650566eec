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
    # Thousands of moments are of a few days, and strftime(3) takes three times as long as this.
    days, second = divmod(int(seconds // 1), 86_400)
    return f"{_day(days)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


_MOST_DAYS = 64
_days: dict[int, str] = {}  # as functools.lru_cache would hold them, which takes a lookup 0.5 ms


def _day(days: int) -> str:
    found = _days.get(days)
    if found is None:
        import time

        if len(_days) >= _MOST_DAYS:
            _days.clear()
        found = _days[days] = time.strftime("%Y-%m-%d", time.gmtime(days * 86_400))
    return found
