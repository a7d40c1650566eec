"""How much a test tries: enough to notice a fault in each run, all of it under ``make proof``."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    T = TypeVar("T")

PROOF = os.environ.get("PORTBOOK_PROOF") == "1"
_STRIDE = 97  # of the ports between which nothing changes; a prime shares no pattern with blocks


@functools.cache
def every_port() -> tuple[int, ...]:
    """The ports of a test that says something of every port, in order.

    Under make proof they are all there are. Else they are those at which something changes - the
    ends of blocks and ranges, the ports with a use on record - and one in 97 of the others.
    """
    from portbook.model import PORTS, State

    if PROOF:
        return tuple(range(PORTS))
    chosen = set(range(0, PORTS, _STRIDE))
    for edge in (0, 1, 512, 1024, 32768, 49152, 61000, PORTS):
        chosen |= {edge - 1, edge}
    for block in CATALOG.registry.blocks():
        if block.size > 2 and block.state is not State.ASSIGNED:
            chosen |= {block.first - 1, block.first, block.first + 1, block.last}
    chosen.update(use.first for use in CATALOG.practice.uses())
    return tuple(sorted(chosen & set(range(PORTS))))


def one_in(count: int, cases: Iterable[T]) -> tuple[T, ...]:
    """The first of each *count* of *cases*; under make proof all of them."""
    return tuple(cases)[:: 1 if PROOF else count]


def examples(count: int) -> Callable[[Any], Any]:
    """So many examples of a property, where one is slow; under make proof as many as of others."""
    from hypothesis import settings

    return settings() if PROOF else settings(max_examples=count)
