"""One test of hundreds of cases that are alike: each is tried, and each that fails is named.

What ``pytest.mark.parametrize`` makes of a list is a test for each of its items, with fixtures and
a report of its own, which takes longer than most of these cases. :func:`for_each` makes one of all.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def for_each(
    names: str, cases: Iterable[Any], name: Callable[[Any], str] = repr
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Calls a test with each of *cases* as its argument *names*; as several where it has commas.

    A case that fails stops no other one: the test fails at its end and names all that did, each by
    its *name*. All are given the same fixtures, so these are such that no case changes.
    """
    arguments = [argument.strip() for argument in names.split(",")]
    tried = tuple(cases)
    assert tried, f"no case of {names}"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def test_for_each(**fixtures: Any) -> None:
            failed, names_of_failed = [], []
            for case in tried:
                values = case if len(arguments) > 1 else (case,)
                try:
                    test(**fixtures, **dict(zip(arguments, values, strict=True)))
                except Exception as error:  # noqa: BLE001 - whatever it is, the others are tried
                    error.add_note(f"the case: {name(case)}")
                    failed.append(error)
                    names_of_failed.append(name(case))
            if failed:  # of many exceptions a traceback shows the first ones
                told = f"{len(failed)} of {len(tried)} cases failed: {', '.join(names_of_failed)}"
                raise ExceptionGroup(told, failed)

        given = inspect.signature(test)
        left = [value for key, value in given.parameters.items() if key not in arguments]
        assert len(left) + len(arguments) == len(given.parameters), "an argument isn't the test's"
        vars(test_for_each)["__signature__"] = given.replace(parameters=left)
        return test_for_each

    return decorate
