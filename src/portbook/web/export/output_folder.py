"""The folder that a site is written into: only what an export wrote is ever replaced there.

The folder and those in it are held open, so a link or a folder that takes one of their names
meanwhile changes nothing (:class:`portbook.storage.atomic_write.Folder`). What was written is noted
in ``.portbook-export`` (:mod:`portbook.web.export.notes`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple, Self

from portbook.errors import NotExported, shown
from portbook.storage.atomic_write import Folder
from portbook.storage.file_trust import trusted_users
from portbook.web.export.notes import NOTES, Notes, Record, not_written, parse_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

BELOW = ("services", "ranges", "glossary", "topics", "static")
_HALF_WRITTEN = re.compile(rf"{re.escape(NOTES)}-[0-9a-f]{{16}}-[0-9a-f]{{32}}")
_LARGEST = 1 << 24  # bytes of notes
_NAMED = 20  # files that a message names


class Opened(NamedTuple):
    """What another process needs to write into the same folder, and into no other."""

    path: str
    identity: tuple[int, int]
    prefix: str
    replace: bool


class OutputFolder:
    """The folder at *opened*, and those in it, held open. Use it as a context.

    Raises NotExported where it is not the one that was opened.
    """

    def __init__(self, opened: Opened, top: Folder | None = None) -> None:
        self.opened = opened
        with self._telling(""):
            self._top = Folder.open(opened.path) if top is None else top
            self._folders = {"": self._top}
            if _identity(self._top) != opened.identity:
                raise NotExported(f"{shown(opened.path, 200)} was replaced meanwhile")
        for name in BELOW:
            with self._telling(name):
                self._folders[name] = self._top.below(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for folder in self._folders.values():
            folder.close()

    def write(self, path: str, content: bytes) -> bool:
        """Makes *path* hold *content*, whole or not at all; whether it had to be written.

        *path* has at most one folder in it, one of :data:`BELOW`. Raises NotExported.
        """
        below, _, name = path.rpartition("/")
        folder = self._folders[below]
        try:
            if self._holds(folder, name, content):
                return False
            folder.write(name, content, self.opened.prefix)
        except OSError as error:
            raise self._failure(path, error) from error
        return True

    def _holds(self, folder: Folder, name: str, content: bytes) -> bool:
        try:
            status = folder.status(name)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):  # to open a pipe or a device may wait, or do something
            if self.opened.replace:
                return False
            raise FileExistsError(errno.EEXIST, "it is no regular file, and no export wrote it")
        if status.st_size != len(content):
            return False
        descriptor = folder.open_file(name)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            return stat.S_ISREG(status.st_mode) and file.read(len(content) + 1) == content

    def statuses(self, paths: Iterable[str]) -> Iterator[os.stat_result]:
        """What each of *paths* is; of a link, the link itself. Raises OSError."""
        for path in paths:
            below, _, name = path.rpartition("/")
            yield self._folders[below].status(name)

    def names(self) -> list[str]:
        """The names of the entries of the folder itself. Raises NotExported."""
        with self._telling(""):
            return self._top.names()

    @contextlib.contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        try:
            yield
        except NotExported:
            raise
        except OSError as error:
            raise self._failure(path, error) from error

    def _failure(self, path: str, error: OSError) -> NotExported:
        where = os.path.join(self.opened.path, path)
        if path in BELOW and error.errno in (errno.ENOTDIR, errno.ELOOP):
            return NotExported(
                f"{shown(where, 200)} is a link or a file where a folder belongs: remove it, or "
                "give another folder"
            )
        return not_written(where, error)

    # -- what is there ------------------------------------------------------------------------

    def entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every entry of the folder and of those in it, by path. Raises OSError."""
        for below, folder in self._folders.items():
            place = folder.path if folder.descriptor is None else folder.descriptor
            with os.scandir(place) as found:
                for entry in found:
                    yield f"{below}/{entry.name}" if below else entry.name, entry

    def prepare(
        self,
        record: Record,
        ports: range,
        files: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        """Sees that nothing of others is in the way of *ports* and *files*; removes leftovers.

        Raises NotExported, unless replacing was chosen: then *tell* is told what will be replaced.
        """
        wrote = {port for first, last in record.ports for port in range(first, last + 1)}
        leftovers = tuple(f"{NOTES}-{run}-" for run in record.runs)
        foreign: list[str] = []
        with self._telling(""):
            for path, entry in self.entries():
                regular = entry.is_file(follow_symlinks=False)
                if leftovers and regular and entry.name.startswith(leftovers):
                    self._folders[path.rpartition("/")[0]].remove(entry.name)
                    continue
                port = _port_of(path)
                needed = port in ports if port is not None else path in files
                ours = regular and (port in wrote if port is not None else path in record.files)
                if not needed or ours:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    raise NotExported(
                        f"{shown(os.path.join(self.opened.path, path), 200)} is a folder where a "
                        "page belongs: remove it, or give another folder"
                    )
                foreign.append(path)
        if foreign and not self.opened.replace:
            raise NotExported(
                f"{shown(self.opened.path, 200)} has {_files(foreign)} that no export wrote "
                f"({_named(foreign)}): give an empty folder"
            ).helped_by("force")
        if foreign:
            tell(f"replacing {_files(foreign)} that no export wrote: {_named(foreign)}")

    def note(self, digest: str, record: Record) -> Notes:
        """Begins new notes, which take the place of those that made *record*.

        Raises NotExported.
        """
        run = self.opened.prefix.removeprefix(f"{NOTES}-").rstrip("-")
        path = os.path.join(self.opened.path, NOTES)
        with self._telling(NOTES), self._top.begin(self.opened.prefix) as (name, descriptor):
            notes = Notes(descriptor, path)
            try:
                notes.begin(digest, run, record)
                self._top.rename(name, NOTES)
            except BaseException:
                notes.close()
                raise
        return notes


def open_output(path: str, *, force: bool = False) -> tuple[OutputFolder, Record]:
    """The folder *path* to export into, made if it isn't there, and what is noted of it.

    It must be empty or an earlier export's, unless *force* is given, and no other export may be at
    work there. Raises NotExported.
    """
    path = os.path.abspath(path)
    try:
        os.makedirs(path, exist_ok=True)
        top = Folder.open(path)
    except FileExistsError as error:
        raise NotExported(f"{shown(path, 200)} is no folder: name one to write into") from error
    except OSError as error:
        raise not_written(path, error) from error
    try:
        _lock(top)
        record = _read(top)
        if record is None:
            if not force and not _is_empty(top):
                raise NotExported(
                    f"{shown(path, 200)} isn't empty, and no export wrote it: give an empty folder"
                ).helped_by("force")
            record = Record()
        prefix = f"{NOTES}-{os.urandom(8).hex()}-"
        return OutputFolder(Opened(path, _identity(top), prefix, force), top), record
    except BaseException as error:
        top.close()
        if isinstance(error, OSError) and not isinstance(error, NotExported):
            raise not_written(path, error) from error
        raise


def _is_empty(folder: Folder) -> bool:
    """Whether *folder* has nothing but what an export leaves that failed before its first note."""
    for name in folder.names():
        if name in BELOW and stat.S_ISDIR(folder.status(name).st_mode):
            with folder.below(name, make=False) as below:
                if below.names():
                    return False
        elif not _HALF_WRITTEN.fullmatch(name):
            return False
    return True


def _identity(folder: Folder) -> tuple[int, int]:
    status = os.stat(folder.path if folder.descriptor is None else folder.descriptor)
    return status.st_dev, status.st_ino


def _lock(folder: Folder) -> None:
    """Keeps other exports out for as long as the folder is open, where the system can do that."""
    if folder.descriptor is None:
        return
    import fcntl

    try:
        fcntl.flock(folder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise NotExported(
            f"another export is at work in {shown(folder.path, 200)}: let it finish first"
        ) from error
    except OSError:  # some network file systems
        pass


def _read(folder: Folder) -> Record | None:
    """What is noted in *folder*; None where there are no notes, or others could have made them."""
    try:
        if not stat.S_ISREG(folder.status(NOTES).st_mode):
            return None
        descriptor = folder.open_file(NOTES)
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        users = trusted_users()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        if users and status.st_uid not in users:
            return None
        return parse_notes(file.read(_LARGEST).decode("ascii", "replace"))


def _port_of(path: str) -> int | None:
    """The port whose page, JSON or text is at *path*."""
    stem, _, ending = path.partition(".")
    if ending not in ("html", "json", "txt") or not (stem.isascii() and stem.isdigit()):
        return None
    port = int(stem[:6])
    return port if str(port) == stem else None


def _files(names: list[str]) -> str:
    return "1 file" if len(names) == 1 else f"{len(names):,} files"


def _named(names: list[str]) -> str:
    some = ", ".join(shown(name) for name in sorted(names)[:_NAMED])
    rest = len(names) - _NAMED
    return f"{some} and {rest:,} more" if rest > 0 else some
