"""Fixtures of the real tests."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        yield made


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """A folder that every user can get through, in which each server keeps its data.

    It lives as long as the session: a database is made once and started on many ports.
    """
    folder = Path(tempfile.mkdtemp(prefix="portbook-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
