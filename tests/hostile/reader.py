"""What the tests of hostile input know of one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.hostile.inputs import Input, all_kinds, few_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Reader(NamedTuple):
    """One function that reads text from outside.

    *call* gives it bytes and uses up all that comes of it; it raises what is wrong about that.
    *refuses* are the errors that its documentation names. *samples* are what it is made for, and
    *inputs* are slow inputs that aren't made by changing those. The product never gives it more
    than *longest* bytes, where that is a number.
    """

    call: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = ()
    samples: tuple[bytes, ...] = ()
    inputs: tuple[Input, ...] = ()
    longest: int | None = None

    def read(self, data: bytes) -> None:
        """Reads *data*; a refusal is an answer as well."""
        try:
            self.call(data if self.longest is None else data[: self.longest])
        except self.refuses:
            pass

    def kinds(self, *, every: bool = True) -> Iterator[Input]:
        """The kinds of slow input for it: *every* one, or the few that take seconds."""
        yield from self.inputs
        yield from (all_kinds if every else few_kinds)(self.samples)


def text_of(data: bytes) -> str:
    """*data* as text that a tool printed or a person typed: stray bytes stay, as surrogates."""
    return data.decode("utf-8", "surrogateescape")
