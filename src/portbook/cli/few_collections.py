"""Garbage that is looked for seldom, while a command reads a great deal and makes none."""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def few_collections() -> Iterator[None]:
    """Few collections of garbage: a capture or an audit is hundreds of thousands of tuples, and no
    cycles. Looking for those every 100,000 tuples takes an eighth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(2_000_000)
    try:
        yield
    finally:
        # What is held yet would be looked through once more, for nothing, as soon as they are back.
        gc.freeze()
        gc.set_threshold(*before)
