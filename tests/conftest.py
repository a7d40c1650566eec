"""How long the properties are searched: short in CI, long under ``make proof``."""

from __future__ import annotations

import os

from hypothesis import settings

# The tests speak of the shipped registry, whatever "portbook update" keeps for who runs them.
os.environ["PORTBOOK_REGISTRY"] = "shipped"

# Deadlines are timing assertions: a slow machine is no bug.
settings.register_profile("short", deadline=None)
settings.register_profile("proof", deadline=None, max_examples=1000)
settings.load_profile("proof" if os.environ.get("PORTBOOK_PROOF") == "1" else "short")
