"""What readers of all formats have in common."""

from __future__ import annotations

from portbook._fast_types import NamedTuple


class Fault(NamedTuple):
    """Something in a source that couldn't be taken: where, why, and how many rows it was.

    ``row`` counts from 1; None where the whole file, or no single row, is meant. ``more`` is how
    many rows beyond this one have the same fault; None where that wasn't counted.
    """

    file: str
    row: int | None
    reason: str
    more: int | None = 0
