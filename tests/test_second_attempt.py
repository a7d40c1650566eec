"""Which tests get a second attempt: those of real components, and under make proof none."""

from __future__ import annotations

import pytest

from tests.counts import PROOF


@pytest.mark.real
def test_none_but_real_tests_get_a_second_attempt(request: pytest.FixtureRequest) -> None:
    attempts = {
        (item.get_closest_marker("real") is not None, item.get_closest_marker("flaky") is not None)
        for item in request.session.items
    }
    assert attempts <= {(False, False), (True, not PROOF)}
    assert (True, not PROOF) in attempts  # this very test
