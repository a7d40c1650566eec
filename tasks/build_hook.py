"""What the build of a wheel makes: the manual pages. hatchling runs this (pyproject.toml)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent


class ManualPages(BuildHookInterface[Any]):
    """Puts the manual pages below ``share/man`` of the wheel, where ``man`` finds them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Writes the pages; not for an editable install, which is the checkout itself."""
        if version == "editable":
            return
        sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
        from tasks.build_man import write

        for path in write():
            build_data["shared_data"][str(path)] = f"share/man/man1/{path.name}"
