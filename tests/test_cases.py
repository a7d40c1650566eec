"""Of cases that are one test, each is tried, and each failure has its name."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import for_each


def test_each_case_is_tried_and_those_that_fail_are_named() -> None:
    tried = []

    @for_each("number", [1, 2, 3, 4], name=lambda number: f"number {number}")
    def checked(number: int) -> None:
        tried.append(number)
        assert number % 2

    with pytest.raises(ExceptionGroup, match="2 of 4 cases failed") as caught:
        checked()
    assert tried == [1, 2, 3, 4]
    notes = [error.__notes__ for error in caught.value.exceptions]
    assert notes == [["the case: number 2"], ["the case: number 4"]]


def test_fixtures_are_asked_for_and_the_cases_are_not() -> None:
    @for_each("left, right", [(1, 2), (3, 4)])
    def checked(fixture: str, left: int, right: int) -> None:
        assert (fixture, right) == ("given", left + 1)

    assert list(inspect.signature(checked).parameters) == ["fixture"]
    checked(fixture="given")


def test_no_case_and_an_argument_of_another_name_are_refused() -> None:
    with pytest.raises(AssertionError, match="no case of number"):
        for_each("number", [])
    with pytest.raises(AssertionError, match="isn't the test's"):

        @for_each("number", [1])
        def _(count: int) -> None:
            assert count


def test_a_failure_is_shown_with_its_case(tmp_path: Path) -> None:
    (tmp_path / "test_made.py").write_text(
        "from tests.cases import for_each\n\n"
        "@for_each('word', ['one', 'two', 'three'])\n"
        "def test_it(word):\n"
        "    assert len(word) == 3\n"
    )
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    argv += ["-p", "no:schemathesis", str(tmp_path)]  # which takes a second to load
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        cwd=tmp_path,
    )
    assert "1 of 3 cases failed" in done.stdout
    assert "assert 5 == 3" in done.stdout
    assert "the case: 'three'" in done.stdout
