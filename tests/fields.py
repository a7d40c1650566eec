"""Strategies for the model's values, derived from the types of their fields."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from portbook._fast_types import NamedTuple, StrEnum

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


def types_of(kind: type) -> dict[str, Any]:
    """The type of every field of *kind*, in the order of the fields."""
    return typing.get_type_hints(kind)


def strategy_for(
    annotation: Any, leaves: dict[type, SearchStrategy[Any]], kinds: Callable[[type], Any]
) -> SearchStrategy[Any]:
    """Values of the type *annotation*: of *leaves* for ``str`` and the like.

    *kinds* gives the strategy for a class that has fields of its own. Raises TypeError for a type
    that nothing is known for, so that a field of it is not left out unnoticed.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return st.none()
    if origin in (typing.Union, types.UnionType):
        # None first: an example is the simpler, the fewer facts it has.
        ordered = sorted(arguments, key=lambda one: one is not type(None))
        return st.one_of([strategy_for(one, leaves, kinds) for one in ordered])
    if origin is tuple and arguments[1:] == (...,):
        return st.lists(strategy_for(arguments[0], leaves, kinds), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*[strategy_for(one, leaves, kinds) for one in arguments])
    if annotation in leaves:
        return leaves[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(tuple(annotation))
    if isinstance(annotation, type) and issubclass(annotation, NamedTuple):
        return typing.cast("SearchStrategy[Any]", kinds(annotation))
    raise TypeError(f"no values are known for the type {annotation!r}")
