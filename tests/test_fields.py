"""What the property tests draw: every field of a value, by its type, and nothing left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import Phase, find, settings

import portbook.model
from portbook._fast_types import NamedTuple, StrEnum
from portbook.model import Process, Spoken
from tests.cases import for_each
from tests.fields import types_of
from tests.strategies import listeners, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

VALUES = [
    kind
    for kind in (getattr(portbook.model, name) for name in portbook.model.__all__)
    if isinstance(kind, type) and hasattr(kind, "_fields")
]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wider(NamedTuple):
    """Fields of every sort that a value may get."""

    word: str
    colour: Colour = Colour.RED
    number: int | None = None
    pair: tuple[int, str] = (0, "")
    pairs: tuple[tuple[int, str], ...] = ()
    answer: Spoken | None = None
    since: float | None = None
    sure: bool = False


class Unknown(NamedTuple):
    """A field of which nobody said what it may be."""

    raw: memoryview


def first(strategy: SearchStrategy[T], condition: Callable[[T], bool]) -> T:
    """The first value drawn that *condition* holds for, however large; fails where none comes."""
    once = settings(phases=[Phase.generate], database=None, max_examples=500)
    return find(strategy, condition, settings=once)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_every_field_has_a_type(kind: Any) -> None:
    assert tuple(types_of(kind)) == kind._fields


@for_each("field", Wider._fields)
def test_a_field_is_drawn_by_its_type(field: str) -> None:
    usual = Wider("")
    drawn = first(values_of(Wider), lambda value: getattr(value, field) != getattr(usual, field))
    assert getattr(drawn, field) is not None


def test_a_type_that_nothing_is_known_for_is_refused() -> None:
    with pytest.raises(TypeError, match="memoryview"):
        values_of(Unknown)


def test_a_field_that_a_value_has_not_is_refused() -> None:
    with pytest.raises(AssertionError, match="Process has no colour"):
        values_of(Process, colour=values_of(Wider))


def test_what_is_narrower_is_so_within_others_too() -> None:
    owned = first(listeners(), lambda listener: bool(listener.ownership.owners))
    assert owned.ownership.owners[0].pid >= 1
    noted = first(listeners(), lambda listener: listener.assessment.note is not None)
    assert noted.assessment.note is not None
    assert noted.assessment.note.first <= noted.assessment.note.last
