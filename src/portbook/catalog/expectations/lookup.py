"""Notes of one's own: what ports are for here, and which programs should be on them.

They stand in a file of the user's and in one of the project that the working directory is in;
``docs/notes.md`` has their form. A project's file may have come from anywhere: until the user has
trusted it as it is (:mod:`portbook.catalog.expectations.trust`), it gives ports labels and nothing
else.

Looking for notes takes a stat for each place where they may be: TOML is read
(:mod:`portbook.catalog.expectations.parse`) only where there is a file.
"""

from __future__ import annotations

import os
import sys

from portbook._fast_types import NamedTuple
from portbook.errors import BadNotes, Untrusted, shown
from portbook.model import Gap, GapCode, Whose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from portbook.model import Note, Transport

    # What was read of files, by what tells whether one has changed: a panel asks every second.
    Earlier = dict[tuple[object, ...], "NotesFile"]

# Names another file instead of those found, or, empty, none.
VARIABLE = "PORTBOOK_NOTES"
PROJECT_FILE = "portbook.toml"
_LARGEST = 1 << 20  # bytes
_KEPT = 16  # files, or states of one that is being edited


class Notes(NamedTuple):
    """The notes here, those that beat others first; and what was left out, and why.

    Notes that only label come last. ``problems`` are those of files that were left out whole,
    ``hints`` say what else of the notes doesn't count, and what would change that.
    ``users`` are those whose files count: root, and whoever asks. It is empty where files have no
    owner that could be told (Windows).
    """

    notes: tuple[Note, ...] = ()
    problems: tuple[str, ...] = ()
    users: frozenset[int] = frozenset()
    hints: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[Gap, ...]:
        """What of the notes was not taken into account."""
        texts = self.problems + self.hints
        return tuple([Gap(GapCode.NOTES_LEFT_OUT, detail=text) for text in texts])

    def lookup(self, port: int, transport: Transport) -> Note | None:
        """The note on *port*: a trusted project's before the user's, the narrowest of a file."""
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
        """Whether another file's note takes all that *note* is for. A label is beside others."""
        return note.trusted and any(
            other.file != note.file
            and other.first <= note.first
            and other.last >= note.last
            and other.transport in (None, note.transport)
            for other in self.notes[: self.notes.index(note)]
        )


NONE = Notes()


class Place(NamedTuple):
    """A file where notes may stand, and whose it is by that."""

    path: str
    whose: Whose

    @property
    def found(self) -> bool:
        """Whether nobody named it."""
        return self.whose is not Whose.NAMED


class NotesFile(NamedTuple):
    """One file with what stands in it.

    ``problem`` says in a line why it was left out whole. One that isn't ``trusted`` only labels;
    ``changed`` says that it was trusted as it was before. ``sha256`` is of its content.
    """

    path: str
    whose: Whose
    notes: tuple[Note, ...] = ()
    problem: str | None = None
    sha256: str = ""
    trusted: bool = True
    changed: bool = False


def read_notes(earlier: Earlier | None = None) -> Notes:
    """The notes of this user in this folder. Nothing is raised: problems are told.

    *earlier* holds what was read of files before: those that haven't changed aren't read again.
    """
    files, store_problem = read_files(earlier)
    if not files:
        return NONE
    notes = [note for file in files for note in file.notes]
    hints = [_hint(file) for file in files if file.changed]
    return Notes(
        # Where only one note can stand for a port, it is one that counts.
        tuple(sorted(notes, key=lambda note: not note.trusted)),
        tuple([file.problem for file in files if file.problem is not None]),
        trusted_users(),
        (*hints, *([store_problem] if store_problem else [])),
    )


def read_files(earlier: Earlier | None = None) -> tuple[tuple[NotesFile, ...], str | None]:
    """The files of notes that are there; and, in a line, why it can't be told which are trusted."""
    users = trusted_users()
    files = [read_file(place, users, earlier) for place in places(os.environ)]
    if not any(map(_needs_trust, files)):
        return tuple(files), None
    from portbook.catalog.expectations.trust import read_trusted

    known = read_trusted(os.environ)
    weighed = [
        _weighed(file, known.hashes.get(file.path)) if _needs_trust(file) else file
        for file in files
    ]
    return tuple(weighed), known.problem


def _needs_trust(file: NotesFile) -> bool:
    return file.whose is Whose.PROJECT and file.problem is None


def _weighed(file: NotesFile, trusted_hash: str | None) -> NotesFile:
    """*file* of a project, of which the user trusted what has *trusted_hash*, if anything."""
    trusted = file.sha256 == trusted_hash
    return file._replace(
        notes=tuple([note._replace(trusted=trusted) for note in file.notes]),
        trusted=trusted,
        changed=trusted_hash is not None and not trusted,
    )


def _hint(file: NotesFile) -> str:
    path = shown(file.path, 200)
    return (
        f"what the notes in {path} expect, because the file has changed since you trusted it "
        f"(portbook notes trust {path})"
    )


def check_named(read: Callable[[], Notes] = read_notes) -> None:
    """Raises BadNotes where the file that PORTBOOK_NOTES names can't be used; *read* reads it."""
    if os.environ.get(VARIABLE):
        for problem in read().problems:
            raise BadNotes(f"{problem} ({VARIABLE} names it)")


# -- where ------------------------------------------------------------------------------------


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """The files that are there, the project's before the user's; or the one that is named."""
    named = environ.get(VARIABLE)
    if named is not None:
        if named:
            yield Place(os.path.abspath(named), Whose.NAMED)
        return
    home = home_folder(environ)
    project = next(filter(_is_there, _up(home)), None)
    if project is not None:
        yield Place(project, Whose.PROJECT)
    own = next(filter(_is_there, own_files(environ, home)), None)
    if own is not None:
        yield Place(own, Whose.USER)


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
        yield os.path.join(folder, PROJECT_FILE)
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


def read_file(place: Place, users: frozenset[int], earlier: Earlier | None = None) -> NotesFile:
    """The notes in *place*, or the reason why there are none. *users* are those whose files count.

    Whether a project's are trusted is not looked up.
    """
    from portbook.storage.file_trust import open_own

    where = f"the notes in {shown(place.path, 200)}"
    unread = NotesFile(place.path, place.whose)
    try:
        # What the user named may be reached by any link: then naming it was the choice.
        descriptor = open_own(place.path, users if place.found else ())
    except Untrusted as error:
        return unread._replace(problem=f"{where}: {error}")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return unread._replace(problem=f"{where}: they can't be read ({why})")
    try:
        status = os.fstat(descriptor)
        refused = why_not(status, users, found=place.found)
        if refused:
            return unread._replace(problem=f"{where}: {refused}")
        key = (
            *place,
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        known = {} if earlier is None else earlier
        if key not in known:
            if len(known) > _KEPT:
                known.clear()
            known[key] = _parsed(place, os.read(descriptor, _LARGEST + 1))
        return known[key]
    except OSError as error:
        return unread._replace(problem=f"{where}: they can't be read ({error.strerror or error})")
    finally:
        os.close(descriptor)


def _parsed(place: Place, content: bytes) -> NotesFile:
    import hashlib

    from portbook.catalog.expectations.parse import parse_notes

    file = NotesFile(place.path, place.whose, sha256=hashlib.sha256(content).hexdigest())
    try:
        notes = parse_notes(content, place.path, home_folder(os.environ))
    except BadNotes as error:
        return file._replace(problem=f"the notes in {shown(place.path, 200)}: {error}")
    return file._replace(notes=tuple([note._replace(whose=place.whose) for note in notes]))


def why_not(file: os.stat_result, users: frozenset[int], *, found: bool) -> str | None:
    """Why a file's notes don't count; None where they do.

    What somebody else could have written must not make anything look expected. A file that the
    user named may belong to others: then naming it was the choice.
    """
    import stat

    if not stat.S_ISREG(file.st_mode):
        return "it is no regular file"
    if file.st_size > _LARGEST:
        return f"it is larger than {_LARGEST:,} bytes"
    if not users:  # a system on which files have no owner and mode that say anything
        return None
    if file.st_mode & 0o002:
        return "anybody may write to it (chmod o-w mends that)"
    if found and file.st_uid not in users:
        return f"it belongs to another user ({_user(file.st_uid)})"
    if found and file.st_mode & 0o020 and not private_group(file):
        return f"others in its group {file.st_gid} may write to it (chmod g-w mends that)"
    return None


def private_group(file: os.stat_result) -> bool:
    """Whether the group of *file* is its owner's alone, as user-private groups are, or root's."""
    return file.st_gid in (0, file.st_uid)


def _user(uid: int) -> str:
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name}, uid {uid}"
    except KeyError:
        return f"uid {uid}"
