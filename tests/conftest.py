"""How long the properties are searched: short in CI, long under ``make proof``."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# The tests speak of the shipped registry, whatever "portbook update" keeps for who runs them.
os.environ["PORTBOOK_REGISTRY"] = "shipped"

# A shell starts what runs in its background with SIGINT ignored, and whatever is started from there
# ignores it too: the tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines are timing assertions: a slow machine is no bug.
settings.register_profile("short", deadline=None)
settings.register_profile("proof", deadline=None, max_examples=1000)
settings.load_profile("proof" if os.environ.get("PORTBOOK_PROOF") == "1" else "short")

# Whoever runs the tests may have notes of their own, which would be taken into account.
os.environ["PORTBOOK_NOTES"] = ""
