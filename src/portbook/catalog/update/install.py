"""Putting a registry in use, and taking it back, so that a reader never sees half of one.

A version is written into a folder of its own, every file and the folder flushed to the disk; then
one file, ``current``, is replaced, which POSIX rename(2) does in one step. Whatever stops an update
on its way, the version in use before still is. :mod:`portbook.catalog.update.versions` reads.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING, NamedTuple, Self

from portbook.catalog.update import versions as kept
from portbook.catalog.update.disk import UNFINISHED, Disk
from portbook.catalog.update.origin import UNRECORDED, Origin, parse_origin, read_origin
from portbook.catalog.update.versions import File, Pointer, pointer_in, read_pointer, render_pointer
from portbook.errors import NotKept, Untrusted, shown
from portbook.storage.atomic_write import Folder, unguessable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from portbook.storage.file_trust import TrustedFolder

MOST = 10  # versions that are kept, the one in use among them

_LOCK = ".lock"


class Version(NamedTuple):
    """One kept version: its place in the order of updates, its date, and where it came from."""

    number: int
    as_of: str
    path: str
    origin: Origin
    in_use: bool = False


class Keeper:
    """The registries kept in *home*, for whoever may write there. Use it as a context: it locks.

    Raises NotKept where the folder isn't to be trusted or written, or another update is at work.
    """

    def __init__(self, home: str, disk: Disk | None = None) -> None:
        self.home = home
        self.disk = disk or Disk()
        self._opened: TrustedFolder | None = None
        self._lock: int | None = None
        self._before = self.pointer()

    def __enter__(self) -> Self:
        try:
            with self._telling():
                self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        self.disk.make_folder(self.home)
        try:
            self._opened = kept.open_home(self.home)
        except Untrusted as why:
            raise NotKept(f"{shown(self.home, 200)} is not written to: {why}") from why
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        folder = self._folder
        self._lock = os.open(folder.place(_LOCK), flags, 0o644, dir_fd=folder.descriptor)
        try:
            _lock(self._lock)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise
            raise NotKept(
                f"another update is at work in {shown(self.home, 200)}: let it finish first"
            ) from error
        self._sweep()

    def __exit__(self, *_error: object) -> None:
        if self._lock is not None:
            os.close(self._lock)  # which unlocks
            self._lock = None
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _folder(self) -> Folder:
        """The folder that was looked at and is held open since: all is written through it."""
        assert self._opened is not None
        return Folder(self.home, self._opened.descriptor)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, NotKept):
                raise
            now = self.pointer()
            which = "the one from before" if now == self._before else "the new one all the same"
            name = error.filename if isinstance(error.filename, str) else ""
            raise NotKept(
                f"{shown(os.path.join(self.home, name), 200)} can't be written "
                f"({error.strerror or error}): the registry in use is {which}"
            ) from error

    # -- what is there ------------------------------------------------------------------------

    def pointer(self) -> Pointer | None:
        """What is in use here; None where it is the shipped registry, or what there is can't be."""
        try:
            return read_pointer(self.home)
        except Untrusted:
            return None

    def versions(self) -> tuple[Version, ...]:
        """The versions kept here, the oldest first."""
        return versions(self.home)

    # -- changing it --------------------------------------------------------------------------

    def keep(
        self, contents: Mapping[str, bytes], as_of: str, origin: Mapping[str, Any], shipped: str
    ) -> Version:
        """Writes the files *contents* as a new version of the day *as_of*, and puts it in use.

        *origin* says where it came from, *shipped* is the date of the shipped registry.
        """
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        told = json.dumps({**origin, "files": hashes}, indent=1).encode()
        files = {**contents, kept.ORIGIN: told}
        with self._telling():
            number = max((each.number for each in self.versions()), default=0) + 1
            home = self._folder
            scratch = self.disk.make_scratch(home)
            try:
                with home.below(scratch, make=False) as new:
                    written = tuple(
                        self.disk.write(new, name, content) for name, content in files.items()
                    )
                    self.disk.publish(new)
                    self.disk.flush_folder(new)
                pointer = Pointer(number, as_of, shipped, written)
                self.disk.rename(home, scratch, pointer.version)
            except BaseException:
                _remove_folder(home, scratch)
                raise
            self.disk.flush_folder(home)
            try:
                self._point(pointer)
            except BaseException:
                if self.pointer() != pointer:
                    _remove_folder(home, pointer.version)
                raise
        path = os.path.join(self.home, pointer.version)
        self._prune(number)
        return Version(number, as_of, path, parse_origin(told), in_use=True)

    def _point(self, pointer: Pointer) -> None:
        """Puts a version that is there in use."""
        home, scratch = self._folder, unguessable(UNFINISHED)
        try:
            self.disk.write(home, scratch, render_pointer(pointer))
            self.disk.rename(home, scratch, kept.POINTER)
        except BaseException:
            with contextlib.suppress(OSError):
                home.remove(scratch)
            raise
        self.disk.flush_folder(home)

    def confirm(self) -> None:
        """Notes that the version in use was still the newest today: its file's time tells when."""
        home = self._folder
        with contextlib.suppress(OSError):
            os.utime(home.place(kept.POINTER), dir_fd=home.descriptor)

    def roll_back(self, shipped: str) -> Version | None:
        """Puts the version before the one in use in use again; None where that is the shipped one.

        Raises NotKept where nothing older is kept.
        """
        now = self.pointer()
        if now is None and kept.POINTER not in self._folder.names():
            raise NotKept("nothing to go back to: the shipped registry is in use")
        for version in reversed(self.versions()):
            if now is not None and version.number >= now.number:
                continue
            pointer = _pointer_to(version, shipped)
            if pointer is not None:
                with self._telling():
                    self._point(pointer)
                return Version(
                    number=version.number,
                    as_of=version.as_of,
                    path=version.path,
                    origin=version.origin,
                    in_use=True,
                )
        with self._telling():
            self.disk.unlink(self._folder, kept.POINTER)
            self.disk.flush_folder(self._folder)
        return None

    def _prune(self, newest: int) -> None:
        """Removes the oldest versions beyond :data:`MOST`; what can't be removed stays."""
        for version in self.versions()[:-MOST]:
            if version.number != newest:
                _remove_folder(self._folder, os.path.basename(version.path))

    def _sweep(self) -> None:
        """Removes what an update that was killed left unfinished."""
        home = self._folder
        for name in home.names():
            if name.startswith(UNFINISHED):
                if stat.S_ISDIR(home.status(name).st_mode):
                    _remove_folder(home, name)
                else:
                    with contextlib.suppress(OSError):
                        home.remove(name)


def _remove_folder(home: Folder, name: str) -> None:
    """Removes the folder *name* and all in it, as far as it can be."""
    shutil.rmtree(home.place(name), ignore_errors=True, dir_fd=home.descriptor)


def versions(home: str) -> tuple[Version, ...]:
    """The versions kept in *home*, the oldest first; none where it isn't there or not trusted."""
    try:
        with kept.open_home(home) as folder:
            try:
                now = pointer_in(folder)
            except Untrusted:
                now = None
            return tuple(sorted(_versions(folder, now), key=lambda version: version.number))
    except OSError:
        return ()


def _versions(home: TrustedFolder, now: Pointer | None) -> Iterator[Version]:
    for name in home.names():
        number, _, as_of = name.partition("-")
        if not (number.isascii() and number.isdigit() and kept.is_date(as_of)):
            continue
        origin = UNRECORDED
        try:
            with home.below(name) as folder:
                origin = read_origin(folder)
        except Untrusted:  # it counts as damaged
            pass
        except OSError:
            continue
        in_use = now is not None and now.version == name
        yield Version(
            number=int(number),
            as_of=as_of,
            path=os.path.join(home.path, name),
            origin=origin,
            in_use=in_use,
        )


def damaged_file(home: str, version: Version) -> str | None:
    """The name of the first file of *version* that isn't what an update wrote; None if all are.

    The hashes stand in ``current`` for the version in use, else in ``origin.json``.
    """
    pointer = read_pointer(home) if version.in_use else None
    listed = version.origin.files
    written: Mapping[str, str] = {kept.ORIGIN: ""} if listed is None else listed
    if pointer is not None:
        written = {file.name: file.sha256 for file in pointer.files}
    try:
        with kept.open_version(version.path) as folder:
            for name in (kept.REGISTRY, kept.BLOCKS, kept.HISTORY, kept.ORIGIN):
                if name in written and _hash_of(folder, name) != written[name]:
                    return name
    except Untrusted:
        return kept.ORIGIN
    return None


def _hash_of(folder: TrustedFolder, name: str) -> str | None:
    try:
        with open(folder.open_file(name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def _pointer_to(version: Version, shipped: str) -> Pointer | None:
    """A pointer to *version* as its files are now; None where they aren't what was written.

    ``origin.json`` has the hashes: the sizes and times stood in the pointer that is gone. Without
    hashes nothing says that the files are whole.
    """
    written = version.origin.files
    if written is None:
        return None
    files = []
    try:
        with kept.open_version(version.path) as folder:
            for name in (kept.REGISTRY, kept.BLOCKS, kept.HISTORY, kept.ORIGIN):
                try:
                    descriptor = folder.open_file(name)
                except FileNotFoundError:
                    if name in (kept.HISTORY, kept.ORIGIN):
                        continue
                    raise
                with open(descriptor, "rb") as file:
                    content, status = file.read(), os.fstat(descriptor)
                hashed = hashlib.sha256(content).hexdigest()
                files.append(File(name, len(content), status.st_mtime_ns, hashed))
    except OSError:
        return None
    if any(written.get(file.name, file.sha256) != file.sha256 for file in files):
        return None
    return Pointer(version.number, version.as_of, shipped, tuple(files))


def _lock(descriptor: int) -> None:
    """Locks the file for as long as it is open; OSError where another process has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
