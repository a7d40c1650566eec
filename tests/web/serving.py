"""``portbook`` with the stand-in's pages, as a process: ``python -m tests.web.serving serve``."""

from __future__ import annotations

import sys
from types import ModuleType

from tests.web.views import StandIn


def _install() -> None:
    module = ModuleType("portbook.web.views")
    pages = StandIn()
    for name in dir(pages):
        if not name.startswith("_"):
            setattr(module, name, getattr(pages, name))
    sys.modules["portbook.web.views"] = module


if __name__ == "__main__":
    _install()
    from portbook.__main__ import main

    sys.exit(main())
