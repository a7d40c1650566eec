"""The tests themselves: none passes for want of anything to look at, and chance has a seed."""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vacuous import dotted, read_source, unguarded, without_assertion

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("*.py"))


def test_no_loop_that_asserts_may_be_over_nothing() -> None:
    assert len(FILES) > 100
    assert [each for path in FILES for each in unguarded(path)] == []


def test_every_test_asserts_or_says_that_nothing_is_raised() -> None:
    assert [each for path in FILES for each in without_assertion(path)] == []


# What takes long to import: a test that needs it does so itself, or all would wait for it.
SLOW = ("ctypes", "duckdb", "ibis", "jsonschema", "markdown_it", "pandas", "playwright", "psycopg",
        "pyarrow", "pyspark", "schemathesis")  # fmt: skip


def test_collecting_the_tests_imports_nothing_slow() -> None:
    imported = {
        (path.name, name.partition(".")[0])
        for path in FILES
        for node in read_source(path).tree.body
        for name in imported_by(node)
    }
    assert ("test_honesty.py", "ast") in imported
    assert sorted(each for each in imported if each[1] in SLOW) == []


def imported_by(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize(
    "body",
    [
        "for row in rows(): assert row",
        "found = rows()\nfor row in found:\n    for one in (1, 2): assert row",
        "assert all(row for row in rows())",
        "assert not any(row for row in rows())",
        "assert other\nfor row in rows(): assert row",
        "for row in rows():\n    if row: continue\n    assert row",
        "for row in (*rows(),): assert row",
        "for row in range(0): assert row",
        "for row in [row for row in (1, 2) if row]: assert row",
        "for row in rows():\n    assert row\n    for one in row.ones: assert one",
        "found = []\nfor row in found: assert row",
        "while found: assert found.pop()",
        "assert all(map(len, rows()))",
        "assert not any(map(len, rows()))",
        "assert other and all(map(len, rows()))",
        "found = []\nfound = [*found, *rows()]\nfor row in found: assert row",
    ],
)
def test_what_may_be_over_nothing_is_told(tmp_path: Path, body: str) -> None:
    assert list(unguarded(_written(tmp_path, body)))


@pytest.mark.parametrize(
    "body",
    [
        "for row in (1, 2): assert row",
        "for row in range(3): assert row",
        "for row in enumerate(sorted([1, 2])): assert row",
        "found = rows()\nassert found\nfor row in found: assert row",
        "found = rows()\nfor row in found: assert row\nassert len(found) > 3",
        "count = 0\nfor row in rows():\n    count += 1\n    assert row\nassert count",
        "kept = []\nfor row in rows():\n    kept.append(row)\n    assert row\nassert kept == [1]",
        "found = rows()\nassert found\nassert all(row for row in found)",
        "for row in some_rows():\n    assert row.ones\n    for one in row.ones: assert one",
        "for transport in Transport: assert transport",
        "for word in text.split(','): assert word",
        "while not there(): assert running()",
        "while True:\n    assert running()",
        "for row in given_rows(): assert row",
        "for row in some_rows(): assert row",
        "found = rows()\nassert found\nassert all(map(len, found))",
        "assert all(map(len, (1, 2)))",
    ],
)
def test_what_can_not_be_over_nothing_is_not(tmp_path: Path, body: str) -> None:
    assert list(unguarded(_written(tmp_path, body))) == []


@pytest.mark.parametrize(("said", "told"), [("Asks.", True), ("Of some there may be none.", False)])
def test_a_helper_that_loops_over_nothing_is_told(tmp_path: Path, said: str, told: bool) -> None:
    path = tmp_path / "helping.py"
    path.write_text(
        f'def asked(rows):\n    """{said}"""\n    for row in rows:\n        assert row\n'
    )
    assert bool(list(unguarded(path))) is told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("read()", True),
        ('"""It reads."""\nread()', True),
        ('"""Nothing is raised."""\nread()', False),
        ("assert read()", False),
        ("some_rows()", False),
        ("subprocess.run(['x'], check=True)", False),
        ("subprocess.run(['x'], check=False)", True),
        ("with pytest.raises(ValueError):\n    read()", False),
    ],
)
def test_a_test_without_an_assertion_is_told(tmp_path: Path, body: str, told: bool) -> None:
    assert bool(list(without_assertion(_written(tmp_path, body)))) is told


def _written(folder: Path, body: str) -> Path:
    """A module with a test of this *body*, and helpers that it may call."""
    path = folder / "test_made.py"
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(
        "from portbook.model import Transport\n\n"
        "def given_rows():\n    yield 1\n\n"
        "def some_rows():\n    found = rows()\n    assert found\n    return found\n\n"
        f"def test_it():\n{indented}"
    )
    return path


CHECKED = ("src", "tasks", "tests", "benchmarks")  # by mypy
_IGNORED = re.compile(r"#\s*type:\s*ignore\b")
_IGNORED_FOR_A_REASON = re.compile(r"#\s*type:\s*ignore\b\[[a-z, -]+\]  # \w+ \w+")

# What draws another number each time, and can't be had again.
_SEEDLESS = {
    "os.urandom", "random.SystemRandom", "random.choice", "random.choices", "random.getrandbits",
    "random.randbytes", "random.randint", "random.random", "random.randrange", "random.sample",
    "random.shuffle", "random.uniform", "secrets.choice", "secrets.randbelow", "secrets.randbits",
    "secrets.token_bytes", "secrets.token_hex", "secrets.token_urlsafe", "st.randoms", "uuid.uuid1",
    "uuid.uuid4",
}  # fmt: skip


_MAY_DRAW = re.compile("random|secrets|uuid")  # a module that names none of these draws nothing
assert all(map(_MAY_DRAW.search, _SEEDLESS))


def test_chance_has_a_seed() -> None:
    """``tests/randomness.py`` has one that a failure prints; ``random.Random`` is given one."""
    seedless = []
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        if path.name == "randomness.py" or not _MAY_DRAW.search(source):
            continue
        for node in ast.walk(read_source(path).tree):
            if isinstance(node, ast.Call):
                called = dotted(node.func)
                bare = called == "random.Random" and not node.args
                if called in _SEEDLESS or bare:
                    seedless.append(f"{path.name}:{node.lineno} {called}")
    assert seedless == []


def test_a_type_error_that_is_ignored_has_a_reason() -> None:
    """It stands behind it: what the checker can't know, or whose declaration is wrong."""
    checked = [path for name in CHECKED for path in sorted((TESTS.parent / name).rglob("*.py"))]
    lines = [
        (f"{path.name}:{number}", line)
        for path in checked
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _IGNORED.search(line)
    ]
    assert lines
    assert [place for place, line in lines if not _IGNORED_FOR_A_REASON.search(line)] == []


def test_the_seed_can_be_given_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.randomness import chance\n")
    (tmp_path / "test_made.py").write_text("def test_it(chance):\n    assert chance.random() < 0\n")
    environ = {**os.environ, "PORTBOOK_SEED": "305", "PYTHONPATH": str(TESTS.parent)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    argv += ["-p", "no:schemathesis", str(tmp_path)]  # which takes a second to load
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, env=environ, cwd=tmp_path
    )
    assert f"assert {random.Random('305').random()} < 0" in done.stdout
    assert "PORTBOOK_SEED=305 draws the same again" in done.stdout
