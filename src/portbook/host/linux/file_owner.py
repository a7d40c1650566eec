"""Who could have put a program where it is. Input and output only."""

from __future__ import annotations

import os
import sys

from portbook.storage.path_trust import only_writable_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def put_there_by(pid: int, path: str, users: Iterable[int], proc: str = "/proc") -> bool | None:
    """Whether nobody but root and *users* could have put at *path* the file that *pid* runs.

    The file and every folder above it belong to them, and nobody else may write to any of these
    (:func:`portbook.storage.file_trust.only_writable_by`). None where that can't be told.
    """
    trusted = {0, *users}
    if sys.platform == "win32":
        return None  # what stat says of owners and modes there is made up
    linux = sys.platform.startswith("linux")
    # The process's own file system: in a container the same path is another file.
    top = f"{proc}/{pid}/root" if linux else ""
    try:
        files = [os.stat(f"{proc}/{pid}/exe" if linux else path)]
        folder = os.path.dirname(path)
        while True:
            files.append(os.stat(top + folder))
            if folder in ("/", ""):
                break
            folder = os.path.dirname(folder)
    except OSError:
        return None
    return all(only_writable_by(file, trusted) for file in files)
