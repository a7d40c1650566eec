"""Which notes of projects the user has trusted: each file by its path and the hash of its content.

The list lies in the user's own data folder. Whoever can write to it can make any program look
expected, so it counts only if it and its folder belong to the very user who asks, and nobody else
may write to them: what a user trusts says nothing to root, nor the other way round, even where sudo
keeps the user's ``HOME``.
"""

from __future__ import annotations

import errno
import os
import stat

from portbook._fast_types import NamedTuple
from portbook.errors import NotKept, shown
from portbook.storage.path_trust import only_writable_by
from portbook.storage.sorted_tsv import escape_cell, unescape_cell
from portbook.storage.user_dirs import data_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "trusted-notes.tsv"
_HEAD, _END = "#portbook\ttrusted-notes/1", "#end"
_LARGEST = 1 << 20  # bytes
_MOST = 1000  # files; the oldest are forgotten
_DIGITS = 64  # of a SHA-256 in hexadecimal
# Windows opens no folder, and has no owners that stat tells.
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_HOLDS = os.open in os.supports_dir_fd
# A pipe in the file's place is not waited for.
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class TrustedFiles(NamedTuple):
    """The SHA-256 of each file of notes that the user trusts, by path, the oldest first.

    ``problem`` says in a line why the list can't be used; then there are none.
    """

    hashes: Mapping[str, str]
    problem: str | None = None


class _Unfit(Exception):
    """Why the list isn't used, in words that follow its path."""


def read_trusted(environ: Mapping[str, str]) -> TrustedFiles:
    """What the user trusts. Nothing is raised: what can't be used is told."""
    folder = data_folder(environ)
    try:
        return TrustedFiles(_read(folder))
    except FileNotFoundError:
        return TrustedFiles({})
    except OSError as error:
        why = f"can't be read ({error.strerror or error})"
    except _Unfit as error:
        why = str(error)
    return TrustedFiles({}, f"which project's notes you trust, because {_shown(folder)} {why}")


def trust(environ: Mapping[str, str], path: str, sha256: str) -> None:
    """Trusts the notes at the absolute *path* as long as their content has that hash.

    Raises NotKept; then the list is what it was.
    """
    _change(environ, path, sha256)


def distrust(environ: Mapping[str, str], path: str) -> bool:
    """Trusts the notes at *path* no more; whether they were. Raises NotKept."""
    known = read_trusted(environ)
    if known.problem is not None:
        raise NotKept(f"not seen: {known.problem}")
    if path not in known.hashes:
        return False
    _change(environ, path, None)
    return True


def _change(environ: Mapping[str, str], path: str, sha256: str | None) -> None:
    folder = data_folder(environ)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _check(os.lstat(folder))
        hashes = dict(_before(folder))
        hashes.pop(path, None)
        if sha256 is not None:
            hashes[path] = sha256
        _write(folder, render_trusted(hashes))
    except OSError as error:
        why = error.strerror or error
        raise NotKept(f"{_shown(folder)} can't be written ({why}): nothing was changed") from error
    except _Unfit as error:
        raise NotKept(f"{_shown(folder)} is not written: {error}") from error


def _before(folder: str) -> Mapping[str, str]:
    """What was trusted up to now; nothing where the list is damaged: it is written anew."""
    try:
        return _read(folder)
    except (FileNotFoundError, _Unfit):
        return {}


def _read(folder: str) -> Mapping[str, str]:
    if not _HOLDS:
        with open(os.path.join(folder, NAME), "rb") as file:
            return parse_trusted(file.read(_LARGEST + 1))
    held = os.open(folder, _FOLDER)
    try:
        _check(os.fstat(held))
        try:
            descriptor = os.open(NAME, _FILE, dir_fd=held)
        except OSError as error:
            if error.errno == errno.ELOOP:  # open(2) of a link with O_NOFOLLOW
                raise _Unfit("is a symbolic link") from error
            raise
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _Unfit("is not a file that portbook wrote")
            _check(status)
            return parse_trusted(file.read(_LARGEST + 1))
    finally:
        os.close(held)


def _check(status: os.stat_result) -> None:
    """Checks that a folder, or the file in it, is this user's alone. Raises _Unfit."""
    if not hasattr(os, "geteuid"):
        return
    me = os.geteuid()
    what = "is in a folder that" if stat.S_ISDIR(status.st_mode) else "is a file that"
    if stat.S_ISLNK(status.st_mode):
        raise _Unfit("is in a folder that is a symbolic link")
    if status.st_uid != me:
        raise _Unfit(f"{what} belongs to the user with the id {status.st_uid}, and this is {me}")
    if not only_writable_by(status, {me}):
        raise _Unfit(f"{what} others may write to (chmod go-w makes it yours alone)")


def _write(folder: str, content: bytes) -> None:
    from portbook.storage.atomic_write import Folder

    above, name = os.path.split(folder)
    with Folder.open(above) as parent, parent.below(name, make=False) as held:
        if held.descriptor is not None:
            _check(os.fstat(held.descriptor))
        with held.begin() as (scratch, descriptor):
            with open(descriptor, "wb") as file:
                if hasattr(os, "fchmod"):
                    os.fchmod(descriptor, 0o600)
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            held.rename(scratch, NAME)


def parse_trusted(content: bytes) -> Mapping[str, str]:
    """The hashes by path in the bytes of the list. Raises _Unfit where portbook didn't write them.

    >>> list(parse_trusted(render_trusted({"/srv/shop/portbook.toml": "ab" * 32})))
    ['/srv/shop/portbook.toml']
    """
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    if len(lines) < 3:
        lines = ["", "", ""]
    head, *rows, end, last = lines
    if head != _HEAD or end != _END or last or len(content) > _LARGEST:
        raise _Unfit("is damaged: portbook notes trust writes it anew")
    hashes = {}
    for row in rows:
        sha256, tab, path = row.partition("\t")
        if len(sha256) != _DIGITS or not tab or not path:
            raise _Unfit("is damaged: portbook notes trust writes it anew")
        hashes[unescape_cell(path)] = sha256
    return hashes


def render_trusted(hashes: Mapping[str, str], most: int = _MOST) -> bytes:
    """The bytes of the list, of the *most* newest files."""
    rows = [f"{sha256}\t{escape_cell(path)}" for path, sha256 in hashes.items()]
    lines = (_HEAD, *rows[-most:], _END)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _shown(folder: str) -> str:
    return shown(os.path.join(folder, NAME), 200)
