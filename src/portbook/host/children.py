"""What the processes that portbook starts get of its own surroundings."""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# With -c and -m, Python looks for modules in the working directory first, which may be anybody's:
# with this in its environment it doesn't (from Python 3.11 on; -P in Python's documentation).
SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@contextlib.contextmanager
def surroundings(changes: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for the processes that are started in the block.

    Afterwards they are as they were: whatever else this process starts is the user's own.
    """
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
