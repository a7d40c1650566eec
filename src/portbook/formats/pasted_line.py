"""A line as somebody pasted it, on its way to a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook._fast_types import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Pasted(NamedTuple):
    """A line as it was pasted, what is left of it without decorations, and the host they named."""

    number: int
    whole: str
    bare: str
    host: str | None = None
    removed: bool = False  # a line that a diff takes away


if TYPE_CHECKING:
    Decoration = Callable[[Iterable[Pasted]], Iterable[Pasted]]
