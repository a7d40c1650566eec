"""What a machine lacks is looked for in one place, which can be told to find nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.real import needs

TESTS = Path(__file__).resolve().parent.parent
SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception


def machine(monkeypatch: pytest.MonkeyPatch, *, bare: bool, required: bool = False) -> None:
    """What the two variables say of the machine."""
    monkeypatch.setenv("PORTBOOK_TEST_BARE", str(int(bare)))
    monkeypatch.setenv("PORTBOOK_REQUIRE_REAL", str(int(required)))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, bare=True)


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, bare=False, required=True)


def test_no_test_looks_for_them_by_itself() -> None:
    looks = re.compile(r"\bwhich\(|importorskip|find_spec\(|environ.*PORTBOOK_REQUIRE_REAL")
    others = [path for path in TESTS.rglob("*.py") if not path.name.endswith("needs.py")]
    assert len(others) > 100
    assert [path.name for path in others if looks.search(path.read_text("utf-8"))] == []


@pytest.mark.usefixtures("bare")
def test_on_a_bare_machine_nothing_is_found() -> None:
    assert needs.find_program("sh") is None
    assert needs.find_program("/bin/s*") is None
    for look in (
        lambda: needs.need_program("sh"),
        lambda: needs.need_any_program("sh", "env"),
        lambda: needs.need_module("pytest"),
        lambda: needs.need_file(Path(__file__), "itself"),
        lambda: needs.need_kernel(True, "a feature"),
        lambda: needs.need_downloads("packages"),
    ):
        with pytest.raises(SKIPPED):
            look()


def test_roots_programs_are_found_and_started_with_a_path_of_the_basics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, bare=False)
    monkeypatch.setenv("PATH", "/bin:/usr/sbin")
    needs.extend_path()
    assert os.environ["PATH"] == "/bin:/usr/sbin:/sbin"
    machine(monkeypatch, bare=True)
    monkeypatch.setenv("PATH", "/bin")
    needs.extend_path()
    assert os.environ["PATH"] == "/bin"


@pytest.mark.usefixtures("required")
def test_what_can_be_installed_is_required_and_what_the_kernel_does_is_not() -> None:
    assert needs.find_program("sh")
    assert needs.need_any_program("no such program", "sh") == needs.find_program("sh")
    needs.need_module("pytest")
    assert needs.need_file(Path(__file__), "itself") == Path(__file__)
    for look in (
        lambda: needs.need_program("no such program"),
        lambda: needs.need_any_program("no such program", "nor this one"),
        lambda: needs.need_module("no_such_package"),
        lambda: needs.need_file(TESTS / "no such file", "a file"),
    ):
        with pytest.raises(FAILED, match="PORTBOOK_REQUIRE_REAL"):
            look()
    with pytest.raises(SKIPPED):
        needs.need_kernel(False, "a feature")


def test_the_variable_for_a_bare_machine_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, bare=True, required=True)
    assert (needs.is_bare(), needs.is_required()) == (True, False)
    machine(monkeypatch, bare=False, required=True)
    assert (needs.is_bare(), needs.is_required()) == (False, True)
