"""The registries that ``portbook update`` put beside the shipped one: which of them to read.

A folder of kept registries holds one folder for each version (``0007-2026-11-14``) and the file
``current``, which names the one in use with the sizes, times and hashes of its files. That file
alone is replaced by an update, in one step: a reader sees the old version or the new one.

Whoever can write a registry decides what portbook says of a port. So a folder is only read if
nobody but this user and root can have written it, and it is no symbolic link. What can't be
trusted or read is left out with a note, and the shipped registry answers.

A lookup takes a file of the size and the time that were written for the one that was written. A
disk can lose bytes without changing either: what runs for longer asks for every byte to be checked
against its hash (*whole*).
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import Untrusted, shown
from portbook.storage.user_dirs import registry_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.storage.file_trust import TrustedFolder

POINTER = "current"
REGISTRY, BLOCKS, HISTORY, ORIGIN = "registry.tsv", "blocks.tsv", "history.tsv", "origin.json"
_KIND = "#portbook\tkept/1"
_LONGEST = 1 << 16  # bytes of a pointer
_CHECKED_ALWAYS = (REGISTRY, BLOCKS)  # the others are checked by whoever reads them


class File(NamedTuple):
    """One file of a version as it was written: its size in bytes, its time in ns, its SHA-256."""

    name: str
    size: int
    mtime: int
    sha256: str


class Pointer(NamedTuple):
    """What ``current`` says: the version in use, and the shipped registry's date at that time."""

    number: int
    as_of: str
    shipped: str
    files: tuple[File, ...]

    @property
    def version(self) -> str:
        """The name of the version's folder."""
        return f"{self.number:04d}-{self.as_of}"


def folder(env: Mapping[str, str], *, system: bool = False) -> str:
    """The folder of the user's kept registries, or of the system's."""
    return registry_folders(env)[system]


def find(
    env: Mapping[str, str], shipped: str, *, whole: bool = False
) -> tuple[TrustedFolder | None, tuple[str, ...]]:
    """The folder of the version to read, or None for the *shipped* one; and notes, a line each.

    The user's own goes before the system's. A shipped registry that is newer than both the kept
    one and the one shipped when that was chosen came with a newer portbook, and goes before it.
    ``PORTBOOK_REGISTRY=shipped`` leaves the kept ones out.
    """
    if env.get("PORTBOOK_REGISTRY") == "shipped":
        return None, ()
    notes = []
    for home in registry_folders(env):
        try:
            os.lstat(home)
        except FileNotFoundError:
            continue
        except OSError:  # opening it will say so
            pass
        try:
            version = find_in(home, shipped, whole=whole)
        except Untrusted as why:
            notes.append(f"the registry in {shown(home, 200)} is not used: {why}")
            continue
        if version is not None:
            return version, tuple(notes)
    return None, tuple(notes)


def find_in(home: str, shipped: str, *, whole: bool = False) -> TrustedFolder | None:
    """The folder of the version in use among those kept in *home*; None for the *shipped* one.

    Raises Untrusted.
    """
    try:
        with open_home(home) as kept:
            pointer = pointer_in(kept)
            if pointer is None:
                return None
            version = _below(kept, pointer.version)
    except FileNotFoundError:
        return None
    try:
        for file in pointer.files:
            if file.name in _CHECKED_ALWAYS:
                check(version, file, whole=whole)
        now = shipped_date(shipped)
    except BaseException:
        version.close()
        raise
    if now > pointer.as_of and now > pointer.shipped:
        version.close()
        return None
    return version


def open_home(home: str) -> TrustedFolder:
    """The folder *home* of kept registries, which nobody but this user and root can write into.

    Raises Untrusted, and FileNotFoundError where *home* isn't there. What is above portbook's own
    folder is the user's business: it may be a link.
    """
    from portbook.storage.file_trust import TrustedFolder, trusted_users

    try:
        return TrustedFolder.open(home, trusted_users(), private=True)
    except (FileNotFoundError, Untrusted):
        raise
    except OSError as error:
        raise Untrusted(f"it can't be read ({error.strerror or error})") from error


def open_version(path: str) -> TrustedFolder:
    """The folder of a version among those kept in the folder that it is in. Raises Untrusted."""
    try:
        with open_home(os.path.dirname(path)) as home:
            return _below(home, os.path.basename(path))
    except FileNotFoundError as error:
        raise Untrusted("it isn't there") from error


def _below(home: TrustedFolder, version: str) -> TrustedFolder:
    try:
        return home.below(version)
    except Untrusted:
        raise
    except OSError as error:
        raise Untrusted(f"{version} in it can't be read ({error.strerror or error})") from error


def read_pointer(home: str) -> Pointer | None:
    """What is in use among the registries kept in *home*; None where there are none.

    Raises Untrusted.
    """
    try:
        with open_home(home) as folder:
            return pointer_in(folder)
    except FileNotFoundError:
        return None


def pointer_in(home: TrustedFolder) -> Pointer | None:
    """What is in use among the registries kept in *home*; None where none is. Raises Untrusted."""
    try:
        text = home.read(POINTER, _LONGEST + 1)
    except FileNotFoundError:
        return None
    except Untrusted:
        raise
    except OSError as error:
        raise Untrusted(f"it can't be read ({error.strerror or error})") from error
    if len(text) > _LONGEST:
        raise Untrusted(f"{POINTER} in it is not a file that portbook wrote")
    return parse_pointer(text)


def parse_pointer(text: bytes) -> Pointer:
    """What the bytes of ``current`` say. Raises Untrusted where portbook didn't write them."""
    try:
        head, version, shipped, *files, end = text.decode("ascii").splitlines()
        _, number, as_of = version.split("\t")
        if head != _KIND or end != "#end" or not is_date(as_of):
            raise ValueError
        read = []
        for line in files:
            _, name, size, mtime, sha256 = line.split("\t")
            if name not in (REGISTRY, BLOCKS, HISTORY, ORIGIN):
                raise ValueError
            read.append(File(name, int(size), int(mtime), sha256))
        if {file.name for file in read} < set(_CHECKED_ALWAYS):
            raise ValueError
        return Pointer(int(number), as_of, shipped.partition("\t")[2], tuple(read))
    except ValueError:
        raise Untrusted(f"{POINTER} in it is damaged") from None


def render_pointer(pointer: Pointer) -> bytes:
    """The bytes of ``current``."""
    lines = [
        _KIND,
        f"version\t{pointer.number}\t{pointer.as_of}",
        f"shipped\t{pointer.shipped}",
        *(f"file\t{each.name}\t{each.size}\t{each.mtime}\t{each.sha256}" for each in pointer.files),
        "#end",
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def is_date(text: str) -> bool:
    """Whether *text* is a day as registries have it: digits and hyphens, nothing for a path.

    >>> is_date("2026-11-14"), is_date("../2026-11"), is_date("")
    (True, False, False)
    """
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()


def check(version: TrustedFolder, file: File, *, whole: bool = False) -> None:
    """Checks that *file* in the folder *version* is what was written. Raises Untrusted.

    A file of the same size and time is taken for the same, but for a check of the *whole*; any
    other one is read, and its hash decides: a copy put back from a backup is as good.
    """
    try:
        with open(version.open_file(file.name), "rb", buffering=0) as content:
            status = os.fstat(content.fileno())
            if status.st_size == file.size and status.st_mtime_ns == file.mtime and not whole:
                return
            if status.st_size == file.size:
                import hashlib

                if hashlib.sha256(content.readall()).hexdigest() == file.sha256:
                    return
    except Untrusted:
        raise
    except OSError as error:
        raise Untrusted(f"{file.name} can't be read ({error.strerror or error})") from error
    raise Untrusted(
        f"{file.name} is not what portbook update wrote: portbook update fetches it again"
    )


def shipped_date(shipped: str) -> str:
    """The date of the *shipped* registry, from the first lines of its file; empty if unreadable."""
    try:
        with open(os.path.join(shipped, REGISTRY), "rb", buffering=0) as file:
            lines = file.read(128).decode("ascii", "replace").split("\n")
    except OSError:  # the store will say so
        return ""
    return next((line[7:] for line in lines if line.startswith("#as_of\t")), "")
