from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def require() -> Callable[[bool, str], None]:
    """Skips where a real part isn't there, or fails where PORTBOOK_REQUIRE_REAL=1 demands it."""

    def check(there: bool, what: str) -> None:
        if not there:
            if os.environ.get("PORTBOOK_REQUIRE_REAL") == "1":
                pytest.fail(f"{what} is required and not here")
            pytest.skip(f"{what} is not here")

    return check
