"""The processes of a control group, by the group's id.

The kernel tells of each socket in which control group it was made; that id is the inode of a
folder in the cgroup2 file system (Documentation/admin-guide/cgroup-v2.rst).
"""

from __future__ import annotations

import os

from portbook.errors import MalformedInput
from portbook.host.linux import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def read_members(
    sockets: Mapping[int, tuple[int, int | None]],
    root: str,
    mount: str | None,
) -> dict[int, tuple[int, ...]]:
    """Cgroup id -> the processes in it, for the cgroups in which *sockets* were made.

    The root cgroup is left out: to look there is to look everywhere.
    """
    wanted = {cgroup for _, cgroup in sockets.values() if cgroup}
    if not wanted or (mount := mount or find_mount(root)) is None:
        return {}
    try:
        wanted.discard(os.stat(mount).st_ino)
    except OSError:
        return {}
    members = {}
    for cgroup, path in find_cgroups(mount, wanted).items():
        try:
            with open(f"{path}/cgroup.procs", "rb") as file:
                pids = procfs.parse_numbers(file.read())
        except (OSError, MalformedInput):
            continue  # gone, or of the threaded kind, whose processes are listed above it
        members[cgroup] = tuple(pid for pid in pids if pid)  # 0: in no pid namespace seen here
    return members


def find_mount(root: str) -> str | None:
    """Where cgroup2 is mounted."""
    # The two usual places first: the list of mounts is long where containers run.
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(f"{path}/cgroup.controllers"):
            return path
    try:
        with open(f"{root}/self/mounts", "rb") as file:
            mounts = procfs.parse_mounts(file.read())
    except (OSError, MalformedInput):
        return None
    return next((mount.path for mount in mounts if mount.type == "cgroup2"), None)


def find_cgroups(mount: str, wanted: set[int]) -> dict[int, str]:
    """The folders whose inode is a cgroup's id: level by level, until all are found.

    open_by_handle_at(2) would go there straight, but Python has no such call. A folder lists
    some sixty control files beside its children, so those without children (two links) are
    not opened.
    """
    found: dict[int, str] = {}
    wanted = set(wanted)
    level = [mount]
    while level and wanted:
        below = []
        for path in level:
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.path)
                            if entry.inode() in wanted:
                                found[entry.inode()] = entry.path
                                wanted.discard(entry.inode())
            except OSError:
                continue
            if not wanted:
                return found
        level = [path for path in below if _has_children(path)]
    return found


def _has_children(path: str) -> bool:
    try:
        return os.stat(path).st_nlink != 2
    except OSError:
        return False
