"""What an update does to the disk, step by step: the seam at which tests make it fail.

All of it is done in folders that are held open, whatever their names lead to by then.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from portbook.catalog.update.versions import File
from portbook.storage.atomic_write import Folder, unguessable

UNFINISHED = ".new-"  # what the names of half-written files and folders begin with


class Disk:
    """Everything that an update does to the disk. Every method raises OSError."""

    def make_folder(self, path: str) -> None:
        """Makes *path* and what is above it, for this user alone to write.

        The last two are portbook's: the registry is public, so everybody may read there.
        """
        missing: list[str] = []
        parent = path
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(Folder.open(parent))
            for each in reversed(missing):
                public = each in (path, os.path.dirname(path))
                try:
                    folder = opened.enter_context(self._make_in(folder, each, public=public))
                except NotADirectoryError:  # what is in its place is told by whoever opens it
                    return
                except OSError as error:
                    error.filename = each  # not the last part of it alone
                    raise

    def _make_in(self, folder: Folder, path: str, *, public: bool) -> Folder:
        name = os.path.basename(path)
        try:
            os.mkdir(folder.place(name), 0o700, dir_fd=folder.descriptor)
        except FileExistsError:  # another update was quicker, or it is no folder
            return folder.below(name, make=False)
        made = folder.below(name, make=False)
        if public:
            self._open_to_readers(made)
        return made

    def make_scratch(self, home: Folder) -> str:
        """Makes a folder in *home* for what isn't finished: its name."""
        name = unguessable(UNFINISHED)
        os.mkdir(home.place(name), 0o700, dir_fd=home.descriptor)
        return name

    def write(self, folder: Folder, name: str, content: bytes) -> File:
        """Writes *content* into the new file *name*, flushed to the disk."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        flags |= getattr(os, "O_BINARY", 0)
        descriptor = os.open(folder.place(name), flags, 0o644, dir_fd=folder.descriptor)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
            modified = os.fstat(descriptor).st_mtime_ns
        finally:
            os.close(descriptor)
        return File(name, len(content), modified, hashlib.sha256(content).hexdigest())

    def publish(self, folder: Folder) -> None:
        """Lets others read *folder*, which was made for its user alone."""
        self._open_to_readers(folder)

    def rename(self, folder: Folder, old: str, new: str) -> None:
        """Renames in one step; *new* is replaced if it is a file."""
        folder.rename(old, new)

    def flush_folder(self, folder: Folder) -> None:
        """Flushes the names in *folder* to the disk. Windows does that on its own."""
        if folder.descriptor is not None:
            os.fsync(folder.descriptor)

    def unlink(self, folder: Folder, name: str) -> None:
        """Removes one file."""
        folder.remove(name)

    def _open_to_readers(self, folder: Folder) -> None:
        place = folder.path if folder.descriptor is None else folder.descriptor
        os.chmod(place, 0o755)  # noqa: S103 - the registry is public
