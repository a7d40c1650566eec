"""``tests.web.serving``, with times that a test can wait for except under ``make proof``."""

from __future__ import annotations

import runpy

from portbook.web.http import connections
from portbook.web.http.connections import Phase
from tests.counts import PROOF

if not PROOF:
    connections.Connections.interval = 0.1
    short = {Phase.IDLE: 1.5, Phase.HEAD: 1.0, Phase.REST: 1.0, Phase.UNREAD: 2.0}
    assert set(short) == set(connections.SECONDS)
    connections.SECONDS.update(short)

if __name__ == "__main__":
    runpy.run_module("tests.web.serving", run_name="__main__")
