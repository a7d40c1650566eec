"""Putting a registry in use, and taking it back, so that a reader never sees half of one.

A version is written into a folder of its own, every file and the folder flushed to the disk; then
one file, ``current``, is replaced, which POSIX rename(2) does in one step. Whatever stops an
update on its way, the version in use before still is. :mod:`portbook.registry.kept` reads.
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
import tempfile
from typing import TYPE_CHECKING, NamedTuple, Self

from portbook.errors import NotKept, shown
from portbook.registry import kept
from portbook.registry.kept import File, Pointer, Untrusted, read_pointer, render_pointer
from portbook.registry.origin import Origin, parse_origin, read_origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

MOST = 10  # versions that are kept, the one in use among them

_UNFINISHED = ".new-"
_LOCK = ".lock"


class Version(NamedTuple):
    """One kept version: its place in the order of updates, its date, and where it came from."""

    number: int
    as_of: str
    path: str
    origin: Origin
    in_use: bool = False


class Disk:
    """Everything that an update does to the disk: the seam at which tests make it fail."""

    def make_folder(self, path: str) -> None:
        """Makes *path* and what is above it, for this user alone to write.

        The last two are portbook's: the registry is public, so everybody may read there.
        """
        missing: list[str] = []
        parent = path
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        for each in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(each, 0o700)
                if each in (path, os.path.dirname(path)):
                    os.chmod(each, 0o755)  # noqa: S103 - the registry is public

    def make_scratch(self, home: str) -> str:
        """Makes a folder in *home* for what isn't finished."""
        return tempfile.mkdtemp(prefix=_UNFINISHED, dir=home)

    def write(self, path: str, content: bytes) -> File:
        """Writes *content* into the new file *path*, flushed to the disk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        status = os.stat(path)
        sha256 = hashlib.sha256(content).hexdigest()
        return File(os.path.basename(path), len(content), status.st_mtime_ns, sha256)

    def publish(self, path: str) -> None:
        """Lets others read the folder *path*, which mkdtemp keeps to its user."""
        os.chmod(path, 0o755)  # noqa: S103 - the registry is public

    def rename(self, old: str, new: str) -> None:
        """Renames in one step; *new* is replaced if it is a file."""
        os.replace(old, new)

    def flush_folder(self, path: str) -> None:
        """Flushes the names in *path* to the disk. Windows has no such call, and does it itself."""
        if os.name == "nt":
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: str) -> None:
        """Removes one file."""
        os.unlink(path)


class Keeper:
    """The registries kept in *home*, for whoever may write there. Use it as a context: it locks.

    Raises NotKept where the folder isn't to be trusted or written, or another update is at work.
    """

    def __init__(self, home: str, disk: Disk | None = None) -> None:
        self.home = home
        self.disk = disk or Disk()
        self._lock: int | None = None
        self._before = self.pointer()

    def __enter__(self) -> Self:
        with self._telling():
            self.disk.make_folder(self.home)
            self._inspect()
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._lock = os.open(os.path.join(self.home, _LOCK), flags, 0o644)
            try:
                _lock(self._lock)
            except OSError as error:
                os.close(self._lock)
                self._lock = None
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                    raise
                raise NotKept(
                    f"another update is at work in {shown(self.home, 200)}: let it finish first"
                ) from error
            self._sweep()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._lock is not None:
            os.close(self._lock)  # which unlocks
            self._lock = None

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, NotKept):
                raise
            now = self.pointer()
            which = "the one from before" if now == self._before else "the new one all the same"
            raise NotKept(
                f"{shown(error.filename or self.home, 200)} can't be written "
                f"({error.strerror or error}): the registry in use is {which}"
            ) from error

    def _inspect(self) -> None:
        try:
            kept.inspect(self.home)
        except Untrusted as why:
            raise NotKept(f"{shown(self.home, 200)} is not written to: {why}") from why

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
            scratch = self.disk.make_scratch(self.home)
            try:
                written = tuple(
                    self.disk.write(os.path.join(scratch, name), content)
                    for name, content in files.items()
                )
                self.disk.publish(scratch)
                self.disk.flush_folder(scratch)
                pointer = Pointer(number, as_of, shipped, written)
                path = os.path.join(self.home, pointer.version)
                self.disk.rename(scratch, path)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
            self.disk.flush_folder(self.home)
            try:
                self._point(pointer)
            except BaseException:
                if self.pointer() != pointer:
                    shutil.rmtree(path, ignore_errors=True)
                raise
        self._prune(number)
        return Version(number, as_of, path, parse_origin(told), in_use=True)

    def _point(self, pointer: Pointer) -> None:
        """Puts a version that is there in use."""
        scratch = os.path.join(self.home, f"{_UNFINISHED}{kept.POINTER}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
        try:
            self.disk.write(scratch, render_pointer(pointer))
            self.disk.rename(scratch, os.path.join(self.home, kept.POINTER))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(scratch)
            raise
        self.disk.flush_folder(self.home)

    def confirm(self) -> None:
        """Notes that the version in use was still the newest today: its file's time tells when."""
        with contextlib.suppress(OSError):
            os.utime(os.path.join(self.home, kept.POINTER))

    def roll_back(self, shipped: str) -> Version | None:
        """Puts the version before the one in use in use again; None where that is the shipped one.

        Raises NotKept where nothing older is kept.
        """
        now = self.pointer()
        if now is None and not os.path.lexists(os.path.join(self.home, kept.POINTER)):
            raise NotKept("nothing to go back to: the shipped registry is in use")
        for version in reversed(self.versions()):
            if now is not None and version.number >= now.number:
                continue
            pointer = _pointer_to(version, shipped)
            if pointer is not None:
                with self._telling():
                    self._point(pointer)
                return Version(version.number, version.as_of, version.path, version.origin, True)
        with self._telling():
            self.disk.unlink(os.path.join(self.home, kept.POINTER))
            self.disk.flush_folder(self.home)
        return None

    def _prune(self, newest: int) -> None:
        """Removes the oldest versions beyond :data:`MOST`; what can't be removed stays."""
        for version in self.versions()[:-MOST]:
            if version.number != newest:
                shutil.rmtree(version.path, ignore_errors=True)

    def _sweep(self) -> None:
        """Removes what an update that was killed left unfinished."""
        for name in os.listdir(self.home):
            if name.startswith(_UNFINISHED):
                path = os.path.join(self.home, name)
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(path)


def versions(home: str) -> tuple[Version, ...]:
    """The versions kept in *home*, the oldest first; none where it isn't there or not trusted."""
    try:
        kept.inspect(home)
        names = os.listdir(home)
    except (Untrusted, OSError):
        return ()
    try:
        now = read_pointer(home)
    except Untrusted:
        now = None
    found = []
    for name in names:
        number, _, as_of = name.partition("-")
        path = os.path.join(home, name)
        if number.isascii() and number.isdigit() and kept.is_date(as_of) and os.path.isdir(path):
            in_use = now is not None and now.version == name
            found.append(Version(int(number), as_of, path, read_origin(path), in_use))
    return tuple(sorted(found, key=lambda version: version.number))


def damaged_file(home: str, version: Version) -> str | None:
    """The name of the first file of *version* that isn't what an update wrote; None if all are.

    The hashes stand in ``current`` for the version in use, else in ``origin.json``.
    """
    pointer = read_pointer(home) if version.in_use else None
    listed = version.origin.files
    written: Mapping[str, str] = {kept.ORIGIN: ""} if listed is None else listed
    if pointer is not None:
        written = {file.name: file.sha256 for file in pointer.files}
    for name in (kept.REGISTRY, kept.BLOCKS, kept.HISTORY, kept.ORIGIN):
        if name in written and _hash_of(os.path.join(version.path, name)) != written[name]:
            return name
    return None


def _hash_of(path: str) -> str | None:
    try:
        return hashlib.sha256(_content_of(path)).hexdigest()
    except OSError:
        return None


def _content_of(path: str) -> bytes:
    """What is in the file at *path*. Raises OSError; a pipe of that name isn't waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return file.read()


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
        for name in (kept.REGISTRY, kept.BLOCKS, kept.HISTORY, kept.ORIGIN):
            path = os.path.join(version.path, name)
            if not os.path.exists(path) and name in (kept.HISTORY, kept.ORIGIN):
                continue
            content = _content_of(path)
            status = os.stat(path)
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
