"""What every user may read: the tests' own source may be private."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.real.namespace import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.namespace import Namespace


def readable(namespace: Namespace) -> Path:
    """Copies the source into the namespace's folder, and returns where."""
    source = namespace.folder / "src"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE / "portbook", source / "portbook", ignore=without)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return source
