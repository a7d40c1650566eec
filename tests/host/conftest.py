"""What the tests of this machine's readers share."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short name: a socket's path takes no more than 108 bytes (``unix(7)``).

    That of pytest holds the test's name as well, so it fits below ``/tmp`` alone.
    """
    with tempfile.TemporaryDirectory(prefix="portbook-") as folder:
        yield Path(folder)
