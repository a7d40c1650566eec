"""Who can change a file: its owner, whoever may write to it, and whoever could replace it.

What portbook reads decides what it says, and where it writes decides what it overwrites. A file
counts as a user's only if nobody else may write to it (its owner and mode, stat(2)) or put another
one in its place: no folder on the way to it, and no link, may be open to others.

>>> only_writable_by(os.stat("/"), {0, os.stat("/").st_uid})
True
"""

from __future__ import annotations

import os
import stat

from portbook.errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_MOST_LINKS = 40  # path_resolution(7)


class Untrusted(Exception):
    """Why a file or a folder isn't used, in words that follow its name."""


def trusted_users() -> frozenset[int]:
    """The users whose files this process takes for its own: root, and the user it acts for.

    Empty on Windows, where what stat says of owners and modes is made up.
    """
    return frozenset({0, os.geteuid()}) if hasattr(os, "geteuid") else frozenset()


def only_writable_by(status: os.stat_result, users: Collection[int]) -> bool:
    """Whether nobody but *users* may write to the file, or into the folder, of this *status*.

    Others may write to a sticky folder of root's, but only owners may rename what is in it
    (unlink(2)): there the owner of what is in it decides. A user-private group has the number of
    its user.
    """
    if status.st_uid not in users:
        return False
    private = status.st_gid in (0, *users)
    if not status.st_mode & (stat.S_IWOTH if private else stat.S_IWOTH | stat.S_IWGRP):
        return True
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    return bool(sticky and not status.st_uid)


def check_path(path: str, users: Collection[int]) -> None:
    """Checks that nobody but *users* can change what the absolute *path* leads to.

    Every folder and every link on the way counts. What isn't there yet is nobody's: then the
    folders that are there decide. Raises Untrusted, which names the part that isn't trusted, or
    OSError where a part can't be looked at.
    """
    place = os.sep
    rest = path.split(os.sep)[::-1]
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
        if stat.S_ISLNK(status.st_mode):
            if status.st_uid not in users:
                raise Untrusted(f"the link {_owner(here, status)}")
            links += 1
            if links > _MOST_LINKS:
                raise Untrusted("its path is a circle of links")
            target = os.readlink(here)
            if target.startswith(os.sep):
                place = os.sep
            rest += target.split(os.sep)[::-1]
            continue
        if status.st_uid not in users:
            raise Untrusted(_owner(here, status))
        if not only_writable_by(status, users):
            raise Untrusted(f"others may write to {shown(here, 200)} (chmod go-w)")
        place = here


def _owner(path: str, status: os.stat_result) -> str:
    return f"{shown(path, 200)} belongs to the user with the id {status.st_uid}"
