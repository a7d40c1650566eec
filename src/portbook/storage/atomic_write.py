"""Files that are there whole or not at all, and land where they were meant to.

What is written goes to a new file beside the one it will replace. Its name can't be guessed, it is
made with ``O_EXCL`` and ``O_NOFOLLOW`` (open(2)), so nobody can have put a file or a link in its
place, and the folder is held open, so that a folder or link that takes its name meanwhile changes
nothing. Then rename(2) puts it in its place in one step. A link that stands there is replaced
itself: what it leads to stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

# Windows opens no folder, and there files are reached by their whole names alone.
_HOLDS = {os.open, os.rename, os.unlink, os.mkdir, os.stat} <= os.supports_dir_fd
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0)

PREFIX = ".portbook-"  # of every name that is there only while something is written


class Folder:
    """A folder that is held open: what is done in it is done there, whatever its name leads to by
    then. Close it, or use it as a context.

    Every name that its methods take is the name of one entry, without a separator.
    """

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> Self:
        """The folder that is at *path*, where links lead as well. Raises OSError."""
        path = path or os.curdir
        if not _HOLDS:
            os.scandir(path).close()
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | _FOLDER))

    def below(self, name: str, *, make: bool = True) -> Self:
        """The folder *name* in this one, made where there is none (unless *make* is false).

        Raises OSError: NotADirectoryError where *name* is something else, a link included.
        """
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.place(name), dir_fd=self.descriptor)
        if not _HOLDS:
            path = self.place(name)
            if os.path.islink(path):
                raise NotADirectoryError(20, "Not a directory", path)
            return type(self).open(path)
        flags = os.O_RDONLY | _FOLDER | _NOFOLLOW
        descriptor = os.open(name, flags, dir_fd=self.descriptor)
        return type(self)(os.path.join(self.path, name), descriptor)

    @contextlib.contextmanager
    def begin(self, prefix: str = PREFIX) -> Iterator[tuple[str, int]]:
        """A new file under a name that nobody can guess: the name, which begins with *prefix*, and
        its descriptor, which the block closes. Where the block raises, the file is removed.

        Who may read it is as with any new file. Raises OSError.
        """
        name = unguessable(prefix)
        ours = True
        try:
            try:
                descriptor = os.open(self.place(name), _NEW, 0o666, dir_fd=self.descriptor)
            except FileExistsError:
                ours = False
                raise
            yield name, descriptor
        except BaseException:
            if ours:
                with contextlib.suppress(OSError):
                    self.remove(name)
            raise

    def open_file(self, name: str) -> int:
        """The descriptor of the file *name*, to be read; it never waits for a pipe's other end.

        Raises OSError, also where *name* is a link (ELOOP). What isn't a regular file is opened as
        well: look at ``os.fstat`` before reading.
        """
        flags = os.O_RDONLY | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        flags |= getattr(os, "O_BINARY", 0)
        return os.open(self.place(name), flags, dir_fd=self.descriptor)

    def status(self, name: str) -> os.stat_result:
        """What *name* is; of a link, the link itself. Raises OSError."""
        return os.stat(self.place(name), dir_fd=self.descriptor, follow_symlinks=False)

    def names(self) -> list[str]:
        """The names of all entries. Raises OSError."""
        return os.listdir(self.path if self.descriptor is None else self.descriptor)

    def rename(self, old: str, new: str) -> None:
        """Renames *old* in one step; *new* is replaced. Raises OSError."""
        if _HOLDS:
            os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        else:
            os.replace(self.place(old), self.place(new))

    def remove(self, name: str) -> None:
        """Removes the file, or the link, *name*. Raises OSError."""
        os.unlink(self.place(name), dir_fd=self.descriptor)

    def write(self, name: str, content: bytes, prefix: str = PREFIX) -> None:
        """Makes *name* a file that holds *content*, in one step.

        Raises OSError, and then *name* is what it was before.
        """
        with self.begin(prefix) as (scratch, descriptor):
            try:
                _write_all(descriptor, content)
            finally:
                os.close(descriptor)
            self.rename(scratch, name)

    def close(self) -> None:
        """Lets go of the folder."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def place(self, name: str) -> str:
        """How the entry *name* is reached, with ``dir_fd=self.descriptor``."""
        return name if self.descriptor is not None else os.path.join(self.path, name)


class NewFile(NamedTuple):
    """A file that is being written. ``path`` opens it, for who takes paths alone; ``descriptor`` is
    open for writing.
    """

    path: str
    descriptor: int

    def write(self, content: bytes) -> None:
        """Writes *content*. Raises OSError."""
        with open(self.descriptor, "wb", closefd=False) as file:
            file.write(content)


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[NewFile]:
    """A new file that becomes *path* in one step when the block ends.

    Where the block raises, what was written is removed, and *path* is what it was. Raises OSError.
    """
    folder, name = _placed(path)
    with folder, folder.begin() as (scratch, descriptor):
        try:
            yield NewFile(_path_of(folder, scratch, descriptor), descriptor)
        finally:
            os.close(descriptor)
        folder.rename(scratch, name)


@contextlib.contextmanager
def whole_folder(path: str) -> Iterator[str]:
    """The path of a folder that isn't there yet, and that becomes *path* in one step when the block
    ends; for who makes folders by their names alone. *path* has to be free, or an empty folder.

    Where the block raises, what was made is removed. Raises OSError.
    """
    folder, name = _placed(path)
    with folder:
        scratch = unguessable()
        made = os.path.join(folder.path, scratch)
        try:
            yield made
            folder.rename(scratch, name)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def _write_all(descriptor: int, content: bytes) -> None:
    """Writes *content*; a file object does so as well, with three system calls more to make it.

    Raises OSError.
    """
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def unguessable(prefix: str = PREFIX) -> str:
    """A name that begins with *prefix* and ends in 128 random bits.

    >>> len(unguessable("x-"))
    34
    """
    return prefix + os.urandom(16).hex()  # as secrets.token_hex, which costs 20 ms to import


def _placed(path: str) -> tuple[Folder, str]:
    parent, name = os.path.split(path)
    return Folder.open(parent), name


def _path_of(folder: Folder, name: str, descriptor: int) -> str:
    """A path that opens the file behind *descriptor* and, where there is /proc, no other."""
    held = f"/proc/self/fd/{descriptor}"  # proc_pid_fd(5)
    path = held if os.path.exists(held) else os.path.join(folder.path, name)
    return os.path.abspath(path)
