"""Times as logs have them, and as seconds since the epoch."""

from __future__ import annotations

import datetime as dt
import time
from math import isfinite
from typing import SupportsFloat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

# No log that is read today can have been written later; clocks may be a day off.
_AHEAD = 86_400


def latest() -> float:
    """The latest time, in seconds since the epoch, that is still plausible."""
    return time.time() + _AHEAD


def unit_of(clock: str, values: Iterable[object]) -> int:
    """How many of a numeric time's units make a second.

    Where *clock* is ``?``, it is the one by which the middle of *values* lies nearest to the
    present: a second-count has ten digits, one of milliseconds thirteen, and so on.
    """
    if clock in _UNITS:
        return _UNITS[clock]
    numbers = sorted(
        float(each) for each in values if isinstance(each, int | float) and isfinite(each)
    )
    if not numbers:
        return 1
    middle = abs(numbers[len(numbers) // 2])
    for limit, unit in ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000)):
        if middle < limit:
            return unit
    return 1_000_000_000


def moment(value: object, unit: int) -> float | None:
    """*value* in seconds since the epoch; None where there is none. A time without zone is UTC.

    >>> moment("2026-11-21T14:00:00+0000", 1), moment(1795269600000, 1000)
    (1795269600.0, 1795269600.0)

    Raises ValueError where it can't be read.
    """
    if value is None:
        return None
    if isinstance(value, int | float):
        return value / unit
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value.strip())
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return aware.timestamp()
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC).timestamp()
    if not isinstance(value, SupportsFloat):
        raise ValueError(f"{value!r} is no time")
    return float(value) / unit
