"""Chance that can be had again: a failure prints its seed, and ``PORTBOOK_SEED`` repeats it.

A test that draws asks for the fixture ``chance``. Where nothing is gained by another draw each
time, as in data that only has to be large, it takes ``random.Random`` with a number instead.
"""

from __future__ import annotations

import os
import random
import secrets

import pytest


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """A source of chance of the test's own, another one in each run."""
    seed = os.environ.get("PORTBOOK_SEED") or str(secrets.randbits(32))
    told = f"PORTBOOK_SEED={seed} draws the same again"
    request.node.add_report_section("setup", "seed", told)
    return random.Random(seed)
