"""What is installed: bounded for users, light for a bare ``make test``, pinned for development."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.dependencies import (
    CONSTRAINTS,
    canonical,
    groups,
    newest,
    pins,
    runtime,
    without_upper_bounds,
)
from tests.cases import for_each

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def constraints() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = [line.split("==") for line in lines if not line.startswith("#")]
    return dict(pinned)


@for_each("line", runtime())
def test_a_runtime_dependency_is_bounded_below_and_above(line: str) -> None:
    from packaging.requirements import Requirement

    operators = {bound.operator for bound in Requirement(line).specifier}
    assert operators >= {">=", "<"}, line


def test_a_bare_make_test_fetches_no_browser_no_spark_and_no_compiler() -> None:
    from packaging.requirements import Requirement

    text = MAKEFILE.read_text(encoding="utf-8")
    assert re.search(r"^test: \$\(VENV\)/\.ready-test ", text, re.MULTILINE)
    assert re.search(r"^EXTRAS := \[web,postgres,audit\]$", text, re.MULTILINE)
    lines = [*groups()["test"], *(line for line in runtime() if "pyspark" not in line)]
    names = {canonical(Requirement(line).name) for line in lines}
    assert "pytest" in names
    assert not names & {"playwright", "pyspark", "atheris", "mypy", "ruff"}
    assert not [line for line in groups()["test"] if "pyspark" in line]


def test_make_knows_every_group() -> None:
    listed = re.search(r"^GROUPS := (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == set(groups())


def test_the_constraints_are_versions_alone_and_fit_every_requirement() -> None:
    from packaging.requirements import Requirement

    pinned = constraints()
    assert list(pinned) == sorted(pinned)
    for name, version in pinned.items():
        assert name == canonical(name)
        assert re.fullmatch(r"[0-9a-z.+!]+", version), (name, version)
    assert runtime()
    for line in [*runtime(), *(line for lines in groups().values() for line in lines)]:
        requirement = Requirement(line)
        version = pinned[canonical(requirement.name)]
        assert requirement.specifier.contains(version), (line, version)


def test_the_newest_keep_their_lower_bounds_alone() -> None:
    from packaging.requirements import Requirement

    lines = newest()
    assert {Requirement(line).name for line in lines} == {
        Requirement(line).name
        for line in [*runtime(), *(line for lines in groups().values() for line in lines)]
    }
    for line in lines:
        assert {bound.operator for bound in Requirement(line).specifier} <= {">="}, line


def test_what_is_no_requirement_by_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no requirement"):
        without_upper_bounds("-e .")


def test_the_pins_are_what_is_installed_here_without_what_installs_it() -> None:
    lines = pins()
    assert f"pytest=={pytest.__version__}" in lines
    assert not {line.split("==")[0] for line in lines} & {"pip", "portbook", "setuptools"}
