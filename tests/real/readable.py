"""What every user may read: the tests' own source and folders may be private."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.real.namespace import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.namespace import Namespace


def let_through(folder: Path) -> None:
    """Lets every user pass through the folders above *folder* that belong to this one."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if parent.stat().st_uid == os.geteuid() and not mode & 0o001:
            parent.chmod(mode | 0o011)


def readable(namespace: Namespace) -> Path:
    """Copies the source into the namespace's folder, and returns where."""
    source = namespace.folder / "src"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE / "portbook", source / "portbook", ignore=without)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return source
