"""``portbook`` with the stand-in's pages, as a process: ``python -m tests.web.serving serve``."""

from __future__ import annotations

import sys
from types import ModuleType

from tests.web.views import StandIn, StandInFiles


def _install() -> None:
    for called, stand_in in (("views", StandIn()), ("drawn", StandInFiles())):
        module = ModuleType(f"portbook.web.{called}")
        for name in dir(stand_in):
            if not name.startswith("_"):
                setattr(module, name, getattr(stand_in, name))
        sys.modules[module.__name__] = module


if __name__ == "__main__":
    _install()
    from portbook.web import server

    # What the first search reads is read when it comes: most of these servers never see one, and
    # reading takes longer than all that they answer.
    server._warm_up = lambda *_: None
    from portbook.__main__ import main

    sys.exit(main())
