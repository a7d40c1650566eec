"""The stand-ins of ``_fast_types`` behave as the standard library's classes do."""

from __future__ import annotations

import copy
import enum
import functools
import inspect
import json
import pickle
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook import _fast_types, model
from portbook.model import Transport
from tests.cases import for_each
from tests.values import CATALOG

PUBLIC = [getattr(model, name) for name in model.__all__]
FIELDS = {"first": "int", "second": "str", "third": "tuple[int, ...]"}


def _of(base: Any, name: str, *, future: bool = True) -> Any:
    """The same class, written once for *base*."""
    scope: dict[str, Any] = {"Base": base, "__name__": __name__}
    body = "from __future__ import annotations\n" if future else ""
    exec(body + _SOURCES[name], scope)
    return scope[name]


_SOURCES = {
    "Pair": '''
class Pair(Base):
    """A pair."""
    first: int
    second: str = "two"
    third: tuple[int, ...] = ()

    @property
    def twice(self): return self.first * 2

    @staticmethod
    def of(first): return Pair(first)

    def shout(self): return self.second.upper()
''',
    "Word": '''
class Word(Base):
    """A word."""
    ALPHA = "alpha"
    BETA = "be-ta"

    @property
    def rank(self): return tuple(Word).index(self)

    def shout(self): return self.upper()
''',
}

Pair, RealPair = _of(_fast_types.NamedTuple, "Pair"), _of(typing.NamedTuple, "Pair")
Word, RealWord = _of(_fast_types.StrEnum, "Word"), _of(enum.StrEnum, "Word")
PAIRS = pytest.mark.parametrize("pair", [Pair, RealPair], ids=["lean", "typing"])
WORDS = pytest.mark.parametrize("word", [Word, RealWord], ids=["lean", "enum"])

values = st.tuples(st.integers(), st.text(), st.lists(st.integers()).map(tuple))


# -- NamedTuple -------------------------------------------------------------------------------


@given(values)
def test_a_tuple_is_the_same_both_ways(given_values: tuple[Any, ...]) -> None:
    lean, real = Pair(*given_values), RealPair(*given_values)
    assert lean == real == given_values
    assert hash(lean) == hash(real)
    assert repr(lean) == repr(real)
    assert list(lean) == list(real)
    assert lean._asdict() == real._asdict()
    assert lean.twice == real.twice
    assert lean.shout() == real.shout()
    assert (lean[0], lean[-1], lean[1:], len(lean)) == (real[0], real[-1], real[1:], len(real))
    assert lean._replace(second="x") == real._replace(second="x")
    assert Pair(**lean._asdict()) == lean
    assert Pair._make(given_values) == lean


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_a_tuple_survives_copies(given_values: tuple[Any, ...], protocol: int) -> None:
    model_value = model.Source(*map(str, given_values))
    for made in (
        copy.copy(model_value),
        copy.deepcopy(model_value),
        pickle.loads(pickle.dumps(model_value, protocol)),
    ):
        assert made == model_value
        assert type(made) is model.Source


@PAIRS
def test_how_a_tuple_is_made(pair: Any) -> None:
    assert pair(1) == (1, "two", ())
    assert pair(1, third=(3,)) == (1, "two", (3,))
    assert pair(first=1, second="x") == (1, "x", ())
    assert pair.of(4).first == 4
    assert pair._fields == tuple(FIELDS) == pair.__match_args__
    assert pair._field_defaults == {"second": "two", "third": ()}
    assert type(pair(1)._replace(first=2)) is pair
    assert pair(1) < pair(2)
    assert 1 in pair(1)
    assert pair.__doc__ == "A pair."
    match pair(5):
        case pair(first, second, third=()):
            assert (first, second) == (5, "two")
        case _:
            pytest.fail("no match by position")


@PAIRS
@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), {}),
        ((1, "x", (), 4), {}),
        ((1,), {"first": 2}),
        ((1,), {"fourth": 4}),
        ((), {"second": "x"}),
    ],
)
def test_what_a_tuple_refuses(pair: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        pair(*args, **named)


@PAIRS
def test_a_tuple_can_only_be_made_of_as_many_values_as_it_has_fields(pair: Any) -> None:
    for wrong in ((), (1,), (1, "x", (), 4)):
        with pytest.raises(TypeError):
            pair._make(wrong)


@PAIRS
def test_a_tuple_does_not_change(pair: Any) -> None:
    made = pair(1)
    for name in ("first", "fourth"):
        with pytest.raises(AttributeError):
            setattr(made, name, 2)
    with pytest.raises(TypeError):
        made[0] = 2
    with pytest.raises((ValueError, TypeError)):  # ValueError until 3.12, TypeError from 3.13
        made._replace(fourth=4)
    assert not hasattr(made, "__dict__")


def test_every_value_of_the_model_is_a_lean_tuple_with_its_fields() -> None:
    values_of_model: list[Any] = [
        each for each in PUBLIC if isinstance(each, type) and issubclass(each, tuple)
    ]
    assert len(values_of_model) > 12
    for each in values_of_model:
        fields: tuple[str, ...] = each._fields
        assert fields == tuple(each.__annotations__)
        assert each(*fields)._asdict() == dict(zip(fields, fields, strict=True))


@PAIRS
def test_its_signature_is_its_fields(pair: Any) -> None:
    signature = inspect.signature(pair)
    assert [*signature.parameters] == list(FIELDS)
    defaults = [each.default for each in signature.parameters.values()]
    assert defaults == [inspect.Parameter.empty, "two", ()]
    assert signature.bind(1, third=(3,)).arguments == {"first": 1, "third": (3,)}


def test_a_tuple_without_fields_can_be_made_often() -> None:
    class Nothing(_fast_types.NamedTuple):
        pass

    assert [Nothing() for _ in range(1000)] == [()] * 1000


@PAIRS
def test_many_calls_by_keyword_change_nothing(pair: Any) -> None:
    for number in range(100):
        assert pair(first=number, third=(3,)) == (number, "two", (3,))
        assert type(pair(number)) is pair
        assert pair(number, "x", ()) == (number, "x", ())
    for wrong in ({}, {"second": "x"}, {"first": 1, "fourth": 4}):
        with pytest.raises(TypeError):
            pair(**wrong)
    with pytest.raises(TypeError):
        pair(1, first=2)
    assert pickle.loads(pickle.dumps(pair(1)._asdict())) == pair(1)._asdict()


VALUES: list[Any] = [each for each in PUBLIC if isinstance(each, type)]
TUPLES = [each for each in VALUES if issubclass(each, tuple)]


@pytest.mark.parametrize("value", TUPLES, ids=lambda value: value.__name__)
def test_every_value_of_the_model_tells_its_fields_and_their_types(value: Any) -> None:
    hints = typing.get_type_hints(value)
    assert [*hints] == [*inspect.signature(value).parameters] == [*value._fields]
    assert not any(isinstance(hint, str) for hint in hints.values())


for _words in VALUES:  # enum.Enum alone is known to hypothesis by itself
    if hasattr(_words, "__members__"):
        st.register_type_strategy(_words, st.sampled_from([*_words.__members__.values()]))


@given(st.data())
def test_hypothesis_builds_every_value_of_the_model(data: st.DataObject) -> None:
    """As a library that looks at types does: by the signature and the hints."""
    value: Any = data.draw(st.sampled_from(TUPLES))
    built = data.draw(st.builds(value))
    assert type(built) is value
    assert len(built) == len(value._fields)


# -- StrEnum ----------------------------------------------------------------------------------


def _facts(word: Any) -> list[Any]:
    """Everything that is asked of a closed set of words, to be compared."""
    alpha, beta = word.ALPHA, word.BETA
    return [
        [*map(str, word)],
        [member.name for member in word],
        [member.value for member in word],
        [type(member.value) for member in word],
        [type(str(member)) for member in word],
        repr(alpha),
        f"{beta}|{beta:>7}|{beta!s}|{beta!r}|",
        json.dumps({alpha: beta}),
        hash(alpha) == hash("alpha"),
        alpha == "alpha",
        alpha != beta,
        isinstance(alpha, str),
        isinstance(alpha, word),
        len(word),
        bool(word),
        alpha in word,
        {alpha: 1}["alpha"],
        word("alpha") is alpha,
        word(beta) is beta,
        word["BETA"] is beta,
        beta.rank,
        beta.shout(),
        "-".join(word),
        word.__doc__,
        copy.copy(alpha) is alpha,
        copy.deepcopy(alpha) is alpha,
        [*word.__members__],
        word.__members__["BETA"] is beta,
    ]


def test_rows_of_the_registry_can_be_counted_and_kept_in_sets() -> None:
    row, again = (CATALOG.registry.lookup(443, Transport.TCP)[0] for _ in range(2))
    assert row.as_of  # a mapping, which has no hash of its own
    assert hash(row) == hash(again)
    assert {row, again, row._replace(assignee="[Example]")} == {
        again,
        row._replace(assignee="[Example]"),
    }
    assert hash(CATALOG.registry.standing(443, Transport.TCP))


def test_a_word_is_the_same_both_ways() -> None:
    assert _facts(Word) == _facts(RealWord)


@WORDS
def test_what_words_refuse(word: Any) -> None:
    wrongs: tuple[object, ...] = ("ALPHA", "", "gamma", None, 3, [])
    for wrong in wrongs:
        with pytest.raises(ValueError, match="is not a valid Word"):
            word(wrong)
    with pytest.raises(KeyError):
        word["alpha"]
    with pytest.raises(AttributeError):
        word.ALPHA = "other"
    with pytest.raises(TypeError):
        word.__members__["GAMMA"] = word.ALPHA
    for name in ("name", "value"):
        with pytest.raises(AttributeError):
            setattr(word.ALPHA, name, "other")


@given(st.text())
def test_only_the_words_are_words(text: str) -> None:
    for each in (model.Transport, model.State, model.Level, model.OwnersSeen, model.Visibility):
        known = [str(member) for member in each]
        if text in known:
            assert each(text) == text
        else:
            with pytest.raises(ValueError, match="is not a valid"):
                each(text)


@for_each("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_words_of_the_model_survive_pickling_as_themselves(protocol: int) -> None:
    for each in (model.Transport, model.State, model.Level, model.OwnersSeen, model.Visibility):
        for member in each:
            assert pickle.loads(pickle.dumps(member, protocol)) is member


def test_levels_rise() -> None:
    assert [level.rank for level in model.Level] == [0, 1, 2, 3]
    assert [str(level) for level in model.Level] == ["ok", "note", "check", "alert"]


@pytest.mark.parametrize("lru_cache", [_fast_types.lru_cache, functools.lru_cache])
def test_what_a_function_returned_is_remembered_for_its_last_calls(lru_cache: Any) -> None:
    calls: list[tuple[object, ...]] = []

    def last_of(*given: object) -> object:
        """The last of what is given."""
        calls.append(given)
        return given[-1]

    last = lru_cache(maxsize=2)(last_of)
    assert [last(1, 2), last(3), last(1, 2), last(3)] == [2, 3, 2, 3]
    assert calls == [(1, 2), (3,)]
    assert [last(4), last(1, 2), last(3), last(4)] == [4, 2, 3, 4]
    assert calls[2] == (4,)
    assert len(calls) > 4  # no more than two are remembered
    with pytest.raises(TypeError):
        last([])
    assert (last.__name__, last.__doc__) == ("last_of", "The last of what is given.")
    assert last.__module__ == __name__
    assert inspect.unwrap(last) is last_of


def test_what_raises_is_not_remembered() -> None:
    @_fast_types.lru_cache(maxsize=2)
    def first(given: tuple[int, ...]) -> int:
        return given[0]

    for _ in range(2):
        with pytest.raises(IndexError):
            first(())
