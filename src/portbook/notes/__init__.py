"""Notes of one's own: what ports are for here, and which programs should be on them.

They stand in a file of the user's and in one of the project that the working directory is in;
``docs/notes.md`` has their form. Looking for them takes a stat for each place where one may be:
TOML is read (:mod:`portbook.notes.form`) only where there is a file.
"""

from __future__ import annotations

import os
import sys

from portbook._lean import NamedTuple
from portbook.errors import BadNotes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.model import Note, Transport

# Names another file instead of those found, or, empty, none.
VARIABLE = "PORTBOOK_NOTES"
_LARGEST = 1 << 20  # bytes
_KEPT = 16  # files, or states of one that is being edited


class Notes(NamedTuple):
    """The notes that count here, those that beat others first; and what was left out, and why.

    ``trusted`` are the users whose files count: root, and whoever asks. It is empty where files
    have no owner that could be told (Windows).
    """

    notes: tuple[Note, ...] = ()
    problems: tuple[str, ...] = ()
    trusted: frozenset[int] = frozenset()

    def lookup(self, port: int, transport: Transport) -> Note | None:
        """The note on *port*: the project's before the user's, the narrowest of a file."""
        for note in self.notes:
            if note.first <= port <= note.last and note.transport in (None, transport):
                return note
        return None

    def within(self, ports: tuple[int, int], transport: Transport | None) -> tuple[Note, ...]:
        """The notes that hold for any of *ports*, both ends included, in the order of ports."""
        found = [
            note
            for note in self.notes
            if note.first <= ports[1]
            and note.last >= ports[0]
            and (None in (transport, note.transport) or note.transport == transport)
            and not self._beaten(note)
        ]
        return tuple(sorted(found, key=lambda note: (note.first, note.last, note.transport or "")))

    def _beaten(self, note: Note) -> bool:
        """Whether another file's note takes all that *note* is for."""
        return any(
            other.file != note.file
            and other.first <= note.first
            and other.last >= note.last
            and other.transport in (None, note.transport)
            for other in self.notes[: self.notes.index(note)]
        )


NONE = Notes()


class Place(NamedTuple):
    """A file where notes may stand; ``found`` says that nobody named it."""

    path: str
    found: bool = True


def read_notes() -> Notes:
    """The notes that count for this user in this folder. Nothing is raised: problems are told."""
    trusted = trusted_users()
    # The environment as this process has it now.
    found: list[Note] = []
    problems: list[str] = []
    for place in places(os.environ):
        notes, problem = _read(place, trusted)
        found += notes
        problems += [problem] if problem else []
    if not found and not problems:
        return NONE
    return Notes(tuple(found), tuple(problems), trusted)


def check_named() -> None:
    """Raises BadNotes where the file that PORTBOOK_NOTES names can't be used."""
    if os.environ.get(VARIABLE):
        for problem in read_notes().problems:
            raise BadNotes(f"{problem} ({VARIABLE} names it)")


# -- where ------------------------------------------------------------------------------------


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """The files that are there, the project's before the user's; or the one that is named."""
    named = environ.get(VARIABLE)
    if named is not None:
        if named:
            yield Place(os.path.abspath(named), found=False)
        return
    home = home_folder(environ)
    project = next(filter(_is_there, _up(home)), None)
    if project is not None:
        yield Place(project)
    own = next(filter(_is_there, own_files(environ, home)), None)
    if own is not None:
        yield Place(own)


def own_files(environ: Mapping[str, str], home: str, system: str = sys.platform) -> Iterator[str]:
    """Where a user's notes may stand: the first that is there counts.

    The XDG Base Directory Specification has ``XDG_CONFIG_HOME`` ignored where it is relative.
    """
    if system == "win32":
        folder = environ.get("APPDATA") or os.path.join(home, "AppData", "Roaming")
        yield os.path.join(folder, "portbook", "ports.toml")
        return
    folder = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):
        folder = os.path.join(home, ".config")
    yield os.path.join(folder, "portbook", "ports.toml")
    if system == "darwin":
        yield os.path.join(home, "Library", "Application Support", "portbook", "ports.toml")


def _up(home: str) -> Iterator[str]:
    """The project's file in the working directory and each folder above, as far as home."""
    try:
        folder = os.getcwd()
    except OSError:  # it has been removed
        return
    home = os.path.realpath(home)  # as the system tells the working directory
    while True:
        yield os.path.join(folder, "portbook.toml")
        above = os.path.dirname(folder)
        if folder in (above, home):
            return
        folder = above


def home_folder(environ: Mapping[str, str]) -> str:
    """The home of whoever asks: under sudo, of the user who called it."""
    caller = _caller(environ)
    if caller is not None:
        import pwd

        try:
            return pwd.getpwuid(caller).pw_dir
        except KeyError:
            pass
    return os.path.expanduser("~")


def trusted_users() -> frozenset[int]:
    """The users whose files count: root, the user who asks, and under sudo the one who called."""
    if not hasattr(os, "geteuid"):
        return frozenset()
    caller = _caller(os.environ)
    return frozenset({0, os.geteuid()} | ({caller} if caller is not None else set()))


def _caller(environ: Mapping[str, str]) -> int | None:
    """Who called sudo, where this is root's process by way of it (sudo(8))."""
    uid = environ.get("SUDO_UID", "")
    if not hasattr(os, "geteuid") or os.geteuid() or not (uid.isascii() and uid.isdecimal()):
        return None
    return int(uid[:10])


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except PermissionError:
        return False  # nobody can tell
    except (OSError, ValueError):
        return False
    return True


# -- one file ---------------------------------------------------------------------------------

# What was read of a file, by what tells whether it has changed: a panel asks every second.
_read_before: dict[tuple[object, ...], tuple[tuple[Note, ...], str | None]] = {}


def _read(place: Place, trusted: frozenset[int]) -> tuple[tuple[Note, ...], str | None]:
    """The notes in *place*, or none and the reason in a line."""
    from portbook.errors import shown

    where = f"the notes in {shown(place.path, 200)}"
    try:
        # A pipe that nobody writes to would be waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(place.path, flags)
    except (OSError, ValueError) as error:
        return (), f"{where}: they can't be read ({getattr(error, 'strerror', None) or error})"
    try:
        file = os.fstat(descriptor)
        refused = why_not(file, trusted, found=place.found)
        if place.found and not refused:
            refused = _strange_link(place.path, trusted)
        if refused:
            return (), f"{where}: left out, because {refused}"
        key = (
            place.path,
            file.st_dev,
            file.st_ino,
            file.st_size,
            file.st_mtime_ns,
            file.st_ctime_ns,
        )
        if key not in _read_before:
            from portbook.notes.form import parse_notes

            if len(_read_before) > _KEPT:
                _read_before.clear()
            try:
                text = os.read(descriptor, _LARGEST + 1)
                _read_before[key] = parse_notes(text, place.path, home_folder(os.environ)), None
            except BadNotes as error:
                _read_before[key] = (), f"{where}: {error}"
        return _read_before[key]
    except OSError as error:
        return (), f"{where}: they can't be read ({error.strerror or error})"
    finally:
        os.close(descriptor)


def why_not(file: os.stat_result, trusted: frozenset[int], *, found: bool) -> str | None:
    """Why a file's notes don't count; None where they do.

    What somebody else could have written must not make anything look expected. A file that the
    user named may belong to others: then naming it was the choice.
    """
    import stat

    if not stat.S_ISREG(file.st_mode):
        return "it is no regular file"
    if file.st_size > _LARGEST:
        return f"it is larger than {_LARGEST:,} bytes"
    if not trusted:  # a system on which files have no owner and mode that say anything
        return None
    if file.st_mode & 0o002:
        return "anybody may write to it (chmod o-w mends that)"
    if found and file.st_uid not in trusted:
        return f"it belongs to another user ({_user(file.st_uid)})"
    if found and file.st_mode & 0o020 and not private_group(file):
        return f"others in its group {file.st_gid} may write to it (chmod g-w mends that)"
    return None


def _strange_link(path: str, trusted: frozenset[int]) -> str | None:
    """Why a file doesn't count by that name: somebody else made it lead to one that would."""
    import stat

    link = os.lstat(path)
    if not trusted or not stat.S_ISLNK(link.st_mode) or link.st_uid in trusted:
        return None
    return f"it is a link of another user's ({_user(link.st_uid)})"


def private_group(file: os.stat_result) -> bool:
    """Whether the group of *file* is its owner's alone, as user-private groups are, or root's."""
    return file.st_gid in (0, file.st_uid)


def _user(uid: int) -> str:
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name}, uid {uid}"
    except KeyError:
        return f"uid {uid}"
