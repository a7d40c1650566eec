"""Who can change what a path leads to: owners, and whoever may write to it or to a folder above.

What is opened by name afterwards is checked here (a tool that is run, a socket that is asked). What
is held open while it is checked is :mod:`portbook.storage.file_trust`'s.

>>> only_writable_by(os.stat("/"), {0, os.stat("/").st_uid})
True
"""

from __future__ import annotations

import os
import stat

from portbook.errors import Untrusted, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

MOST_LINKS = 40  # path_resolution(7)


def only_writable_by(
    status: os.stat_result, users: Collection[int], groups: Collection[int] = ()
) -> bool:
    """Whether nobody but *users* and *groups* may write to the file or folder of this *status*.

    Others may write to a sticky folder of root's, but only owners may rename what is in it
    (unlink(2)): there the owner of what is in it decides. A user-private group has the number of
    its user.
    """
    if status.st_uid not in users:
        return False
    private = status.st_gid in (0, *users, *groups)
    if not status.st_mode & (stat.S_IWOTH if private else stat.S_IWOTH | stat.S_IWGRP):
        return True
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return bool(sticky and not status.st_uid)


def check_path(path: str, users: Collection[int], groups: Collection[int] = ()) -> None:
    """Checks that nobody but *users* and *groups* can change what the absolute *path* leads to.

    It is for what is opened by name afterwards. Every folder and every link on the way counts.
    What isn't there yet is nobody's: then the folders that are there decide. Without *users*
    nothing is checked. Raises Untrusted, which names the part that isn't trusted, or OSError where
    a part can't be looked at.
    """
    place = os.sep
    rest = path.split(os.sep)[::-1] if users else []
    links = 0
    while rest:
        name = rest.pop()
        if name == os.pardir:
            place = os.path.dirname(place)
            continue
        # The root of the file system is looked at as well: it is the first, empty part.
        here = os.path.join(place, name) if name not in ("", os.curdir) else place
        try:
            status = os.lstat(here)
        except FileNotFoundError:
            return
        _check_part(here, status, users, groups)
        if not stat.S_ISLNK(status.st_mode):
            place = here
            continue
        links += 1
        if links > MOST_LINKS:
            raise Untrusted("its path is a circle of links")
        target = os.readlink(here)
        if target.startswith(os.sep):
            place = os.sep
        rest += target.split(os.sep)[::-1]


def _check_part(
    path: str, status: os.stat_result, users: Collection[int], groups: Collection[int]
) -> None:
    link = stat.S_ISLNK(status.st_mode)
    if status.st_uid not in users:
        what = "the link " if link else ""
        raise Untrusted(f"{what}{shown(path, 200)} belongs to the user with the id {status.st_uid}")
    if not link and not only_writable_by(status, users, groups):
        raise Untrusted(f"others may write to {shown(path, 200)} (chmod go-w)")
