"""What a test makes of its surroundings: whose process it is, its standard input, its folders.

Each of these is the system's own, so that no argument of portbook's could hand it in.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class User(Protocol):
    """Lets this process look like that of another user, by its number."""

    def __call__(self, uid: int) -> None: ...


class StandardInput(Protocol):
    """Gives commands *data* to read, as from a pipe."""

    def __call__(self, data: bytes) -> None: ...


@pytest.fixture
def looks_like(monkeypatch: pytest.MonkeyPatch) -> User:
    """This process looks like that of whom the test names."""

    def become(uid: int) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: uid)

    return become


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> StandardInput:
    """What commands read from standard input."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))

    return give


@pytest.fixture
def own_registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this user's kept registries, which is empty; the system has none."""
    monkeypatch.delenv("PORTBOOK_REGISTRY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    name = "portbook.storage.user_dirs.system_folder"
    monkeypatch.setattr(name, lambda _env: str(tmp_path / "system"))
    return tmp_path / "portbook" / "registry"
