"""Who can change a file: its owner, whoever may write to it, and whoever could replace it.

What portbook reads decides what it says, and where it writes decides what it overwrites. A file
counts as a user's only if nobody else may write to it (its owner and mode, stat(2)) or put another
one in its place: no folder on the way to it, and no link, may be open to others.
"""

from __future__ import annotations

import errno
import os
import stat

from portbook.errors import Untrusted
from portbook.storage.path_trust import MOST_LINKS, check_path, only_writable_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

# Windows opens no folder: there files are reached by their whole names, and have the access rules
# of their user's profile.
_HOLDS = os.open in os.supports_dir_fd
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def trusted_users() -> frozenset[int]:
    """The users whose files this process takes for its own: root, and the user it acts for.

    Empty on Windows, where what stat says of owners and modes is made up.
    """
    return frozenset({0, os.geteuid()}) if hasattr(os, "geteuid") else frozenset()


def open_own(path: str, users: Collection[int]) -> int:
    """The descriptor of the file at *path*, to be read, through no link that others made.

    Without *users* every link is followed. Raises Untrusted, or OSError.
    """
    for _ in range(MOST_LINKS):
        try:
            return os.open(path, _FLAGS if users else _FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            # FreeBSD and NetBSD have error numbers of their own for a link that isn't followed.
            if not os.path.islink(path):
                raise
        target, owner = _read_link(path)
        if owner not in users:
            raise Untrusted(f"it is a link of the user with the id {owner}")
        path = os.path.join(os.path.dirname(path), target)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _read_link(path: str) -> tuple[str, int]:
    """Where the link at *path* leads, and who made it: of the very same link."""
    if not hasattr(os, "O_PATH"):  # a link can't be opened
        return os.readlink(path), os.lstat(path).st_uid
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.readlink("", dir_fd=descriptor), os.fstat(descriptor).st_uid
    finally:
        os.close(descriptor)


class TrustedFolder:
    """A folder, held open, that nobody but *users* could have written into.

    What is opened through it is looked at once it is open, never before: another folder or a link
    that takes its name meanwhile changes nothing.
    """

    def __init__(self, path: str, descriptor: int | None, users: Collection[int]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._users = users

    @classmethod
    def open(cls, path: str, users: Collection[int], *, private: bool = False) -> Self:
        """The folder at *path*. What is above the folder that it is in may be a link.

        With *private* no group may write to it, not even the user's own. Raises FileNotFoundError,
        or Untrusted.
        """
        if not _HOLDS:
            _check_folder(os.lstat(path), "it", users, private=private)
            return cls(path, None, users)
        parent = _open_folder(os.path.dirname(path), path, "the folder it is in")
        try:
            descriptor = _open_folder(os.path.basename(path), path, "it", parent)
            folder = cls(path, descriptor, users)
            try:
                _check_folder(os.fstat(descriptor), "it", users, private=private)
                # Whoever may write the folder above could put another one in this one's place,
                # but not one of this user's. A group of the user's own often may (umask 002).
                _check_folder(os.fstat(parent), "the folder it is in", users)
            except BaseException:
                folder.close()
                raise
            return folder
        finally:
            os.close(parent)

    def below(self, name: str) -> Self:
        """The folder *name* in this one. Raises FileNotFoundError, or Untrusted."""
        path = os.path.join(self.path, name)
        if self._descriptor is None:
            _check_folder(os.lstat(path), f"{name} in it", self._users)
            return type(self)(path, None, self._users)
        descriptor = _open_folder(name, path, f"{name} in it", self._descriptor)
        folder = type(self)(path, descriptor, self._users)
        try:
            _check_folder(os.fstat(descriptor), f"{name} in it", self._users)
        except BaseException:
            folder.close()
            raise
        return folder

    def open_file(self, name: str) -> int:
        """The descriptor of the file *name*, to be read. Raises Untrusted, or OSError."""
        place = name if self._descriptor is not None else os.path.join(self.path, name)
        descriptor = os.open(place, _FLAGS, dir_fd=self._descriptor)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Untrusted(f"{name} in it is no regular file")
            if self._users and not only_writable_by(status, self._users):
                raise Untrusted(
                    f"{name} in it belongs to the user with the id {status.st_uid}"
                    if status.st_uid not in self._users
                    else f"others may write to {name} in it: chmod go-w makes it yours alone"
                )
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def read(self, name: str, most: int) -> bytes:
        """What is in the file *name*, its first *most* bytes. Raises Untrusted, or OSError."""
        with open(self.open_file(name), "rb", buffering=0) as file:
            return file.read(most)

    def opener(self, path: str, _flags: int) -> int:
        """For open(): the descriptor of the file of *path*'s name in this folder."""
        return self.open_file(os.path.basename(path))

    def names(self) -> list[str]:
        """The names of all that is in it. Raises OSError."""
        return os.listdir(self.path if self._descriptor is None else self._descriptor)

    @property
    def descriptor(self) -> int | None:
        """The folder's descriptor; None where the system has none for folders."""
        return self._descriptor

    def close(self) -> None:
        """Lets go of the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _open_folder(name: str, path: str, what: str, above: int | None = None) -> int:
    """The descriptor of the folder *name*, a part of *path*. Raises OSError, or Untrusted."""
    try:
        return os.open(name, _FLAGS | os.O_DIRECTORY, dir_fd=above)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        os.lstat(path)  # FileNotFoundError where there is nothing that could be trusted
        link = stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
        raise Untrusted(f"{what} is {'a symbolic link' if link else 'not a folder'}") from error


def _check_folder(
    status: os.stat_result, what: str, users: Collection[int], *, private: bool = False
) -> None:
    if not stat.S_ISDIR(status.st_mode):
        link = stat.S_ISLNK(status.st_mode)
        raise Untrusted(f"{what} is {'a symbolic link' if link else 'not a folder'}")
    if users and status.st_uid not in users:
        raise Untrusted(
            f"{what} belongs to the user with the id {status.st_uid}, and this is {os.geteuid()}"
        )
    shared = status.st_mode & (stat.S_IWOTH | (stat.S_IWGRP if private else 0))
    if users and shared:
        raise Untrusted(f"others may write into {what}: chmod go-w makes it yours alone")


# -- the folders that libraries take from the environment ----------------------------------------

# Root can be started with somebody else's HOME and TMPDIR (su, sudo -E). Whoever owns those can put
# a library's plug-ins there, or a link in the place of what it writes.


def own_home() -> str:
    """The home folder of the user this process acts for: ``HOME``, unless it is another user's."""
    home = os.path.expanduser("~")
    if _is_own(home):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return os.sep


def scratch_folder() -> str:
    """Where temporary files go: ``TMPDIR`` and the like, unless they are another user's.

    From then on, all that this process makes with :mod:`tempfile` goes there.
    """
    import tempfile

    # Asked where they go, tempfile tries to write to all that are named.
    named = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    if tempfile.tempdir is None and not all(map(_is_own, named)):
        usual = ("/tmp", "/var/tmp")  # noqa: S108 - sticky folders of root's
        tempfile.tempdir = next(filter(_is_own, usual), own_home())
    return tempfile.gettempdir()


def _is_own(path: str) -> bool:
    try:
        check_path(os.path.abspath(path), trusted_users())
    except (Untrusted, OSError):
        return False
    return True
