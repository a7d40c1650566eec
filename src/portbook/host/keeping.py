"""Who could have put a program where it is. Input and output only."""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def put_there_by(pid: int, path: str, users: Iterable[int], proc: str = "/proc") -> bool | None:
    """Whether nobody but root and *users* could have put at *path* the file that *pid* runs.

    The file and every folder above it belong to them, and nobody else may write to any of these.
    Everybody may write to a sticky folder of root's, but only owners may rename what is in it
    (unlink(2)). None where that can't be told.
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
    return all(_kept(file, trusted) for file in files)


def _kept(file: os.stat_result, trusted: set[int]) -> bool:
    if file.st_uid not in trusted:
        return False
    if file.st_mode & 0o002:
        return bool(stat.S_ISDIR(file.st_mode) and file.st_mode & stat.S_ISVTX and not file.st_uid)
    # User-private groups have the number of their user.
    return not file.st_mode & 0o020 or file.st_gid in (0, file.st_uid)
