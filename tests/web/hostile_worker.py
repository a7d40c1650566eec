"""A worker that explains, whose readers also do what none may, where the capture says so.

``python -m tests.web.hostile_worker serve …`` serves a site whose workers these are.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from portbook.web.explain import explainer, workers

# One regular expression, so that the interpreter is never let go of: no thread can end it.
FOR_EVER = b"read for ever"
ALONE = FOR_EVER + b", with nobody there"  # nor does anybody wait for the worker's own alarm
MUCH_MEMORY = b"read all memory"
DEATH = b"read and die"
FAULT = b"read and fail"

PROOF = os.environ.get("PORTBOOK_PROOF") == "1"
_worker: Any = explainer
_explain = _worker.explain
_ask = workers._Worker.ask


def command(folder: str, seconds: float) -> list[str]:
    """What starts such a worker."""
    return [sys.executable, "-P", str(Path(__file__)), folder, f"{seconds:g}"]


def let(seconds: float) -> None:
    """Has the server wait so long for what is read for ever; a good capture has a minute.

    On a busy machine a worker that is well may take seconds.
    """

    def ask(self: workers._Worker, says: dict[str, Any], body: bytes, _: float) -> workers.Answer:
        return _ask(self, says, body, seconds if body.startswith(FOR_EVER) else 60.0)

    process: Any = workers._Worker
    process.ask = ask


def hostile(chunks: Any, *others: Any, **named: Any) -> Any:
    (text,) = chunks
    if text.startswith(ALONE) and not PROOF and signal.alarm(0):  # there was one
        signal.alarm(1)
    if text.startswith(FOR_EVER):
        re.match("(a|a)*$", "a" * 64 + "b")
    if text.startswith(MUCH_MEMORY):
        return b"x" * (4 * explainer.MEMORY)
    if text.startswith(DEATH):
        os.kill(os.getpid(), 9)
    if text.startswith(FAULT):
        raise LookupError(text)
    return _explain(chunks, *others, **named)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        from portbook.__main__ import main
        from portbook.web.explain import endpoints

        site: Any = endpoints
        site.SECONDS = 2.0  # after which, and some more, a worker ends by its own alarm
        let(2.0)
        _worker.command = command
        sys.exit(main())
    _worker.explain = hostile
    explainer.main(sys.argv[1:])
