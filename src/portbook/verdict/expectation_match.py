"""Notes of one's own held against what is here. Pure.

>>> from portbook.model import Note, Process
>>> note = Note(8305, 8305, None, "/srv/shop/portbook.toml", executables=("/srv/shop/api",))
>>> compare(note, Process(7, "api", executable="/srv/shop/api"), True, frozenset({1000})).fits
True
>>> compare(note, Process(8, "api", executable="/tmp/api"), True, frozenset({1000})).why
'api runs /tmp/api'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.practice.path_patterns import path_matches
from portbook.model import ExecutablePlace, Whose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portbook.model import Note, Process


class Fit(NamedTuple):
    """Whether a process is what a note expects, None where that can't be told; and why not."""

    fits: bool | None
    why: str = ""


_FITS = Fit(True)
_ANYBODY = (ExecutablePlace.TEMPORARY, ExecutablePlace.WORLD_WRITABLE)
_ARRANGED = (ExecutablePlace.MEMORY, ExecutablePlace.MOUNTED)


def compare(
    note: Note,
    owner: Process,
    kept: bool | None,
    trusted: frozenset[int],
    system: str = "linux",
) -> Fit:
    """Whether *owner* is what *note* expects, which has to hold for each kind that it names.

    *kept* says whether nobody but root and the *trusted* users could have put its executable
    where it is. What differs counts before what can't be told.
    """
    found = []
    if note.executables:
        found.append(_by_executable(note, owner, kept, trusted))
    if note.units:
        found.append(_by_unit(note, owner, trusted, system))
    if note.containers:
        found.append(_by_container(note, owner, trusted))
    if note.users:
        found.append(_by_user(note, owner))
    for fits in (False, None):
        for fit in found:
            if fit.fits is fits:
                return fit
    return _FITS


def _by_executable(note: Note, owner: Process, kept: bool | None, trusted: frozenset[int]) -> Fit:
    name, path = _name(owner), owner.activates_executable or owner.executable
    if path is None:
        return Fit(None, f"which file {name} runs isn't visible")
    if not any(path_matches(pattern, path) for pattern in note.executables):
        return Fit(False, f"{name} runs {path}")
    if owner.activates_executable is not None:  # read where only root can have put it
        return _FITS
    if owner.executable_deleted:
        return Fit(None, f"{path}, which {name} runs, has been deleted since")
    # A folder where anybody may put files tells nothing of a stranger's process: it may see
    # another folder there.
    strange = owner.place in _ANYBODY and owner.uid not in trusted
    if kept is False or strange or owner.place in _ARRANGED:
        return Fit(False, f"others could have put {path}, which {name} runs, where it is")
    return _FITS if kept else Fit(None, f"who could have put {path} where it is can't be told")


def _by_unit(note: Note, owner: Process, trusted: frozenset[int], system: str) -> Fit:
    name = _name(owner)
    if system not in ("linux", ""):
        return Fit(None, "only Linux has units")
    units = [unit for unit in (owner.unit, owner.activates) if unit is not None]
    if not any(path_matches(pattern, unit) for pattern in note.units for unit in units):
        return Fit(False, f"{name} runs in {owner.unit or 'no unit'}")
    if owner.cgroup_uid not in trusted:
        return Fit(False, f"the {owner.unit} that {name} runs in is neither the system's nor yours")
    return _FITS


def _by_container(note: Note, owner: Process, trusted: frozenset[int]) -> Fit:
    name = _name(owner)
    if owner.container is None:
        return Fit(False, f"{name} runs in no container")
    number = owner.container.rpartition(":")[2]
    # Ids are cut to twelve characters wherever they are shown.
    known = any(
        wanted in (owner.container, number, owner.container_name) for wanted in note.containers
    )
    known = known or any(number == wanted[:12] and len(wanted) >= 12 for wanted in note.containers)
    if not known and owner.container_name is not None:
        known = any(path_matches(wanted, owner.container_name) for wanted in note.containers)
    if not known:
        if owner.container_name is None:
            return Fit(None, f"what the container {owner.container} is called isn't known")
        return Fit(False, f"{name} runs in the container {owner.container_name}")
    if owner.cgroup_uid not in trusted:
        return Fit(False, f"the container that {name} runs in is neither the system's nor yours")
    return _FITS


def _by_user(note: Note, owner: Process) -> Fit:
    if owner.uid is None and owner.user is None:
        return Fit(None, f"whose {_name(owner)} is isn't visible")
    if owner.user in note.users or str(owner.uid) in note.users:
        return _FITS
    return Fit(False, f"{_name(owner)} runs for {owner.user or f'user {owner.uid}'}")


def _name(owner: Process) -> str:
    return owner.program or f"process {owner.pid}"


def expected(note: Note) -> str:
    """What *note* expects, in words; empty where it expects nothing.

    >>> from portbook.model import Note
    >>> expected(Note(1, 1, None, "f", executables=("/a", "/b"), units=("c.service",)))
    '/a or /b in c.service'
    """
    parts = []
    if note.executables:
        parts.append(_any(note.executables))
    if note.units:
        parts.append(("in " if parts else "") + _any(note.units))
    if note.containers:
        words = f"the container {_any(note.containers)}"
        parts.append(f"in {words}" if parts else words)
    if note.users:
        parts.append(f"run by {_any(note.users)}")
    return " ".join(parts)


def _any(words: Iterable[str]) -> str:
    return " or ".join(words)


def ports(note: Note) -> str:
    """The ports that *note* is for, as ``8000–8009/tcp``."""
    span = str(note.first) if note.first == note.last else f"{note.first}–{note.last}"
    return span if note.transport is None else f"{span}/{note.transport}"


def describe(note: Note) -> str:
    """*note* in one line, but for its file and its text."""
    return f"{ports(note)} {gist(note)}"


def gist(note: Note) -> str:
    """What *note* says of its ports, in a line."""
    said = [note.label or note.text, f"expects {expected(note)}" if note.expects else None]
    return ", ".join(filter(None, said))


_NOTES_OF = {
    Whose.USER: "your notes",
    Whose.PROJECT: "the project's notes",
    Whose.NAMED: "your notes",
}


def notes_of(note: Note) -> str:
    """Whose notes *note* is one of, in words that stand in a sentence.

    >>> from portbook.model import Note
    >>> notes_of(Note(1, 1, None, "portbook.toml", whose=Whose.PROJECT))
    "the project's notes"
    """
    return _NOTES_OF[note.whose]


def words_of(
    note: Note | None, fits: list[Fit], program: str, service: str
) -> Mapping[str, object]:
    """The words about *note*, the one that counts, that the rules' sentences are filled with."""
    if note is None:
        return {
            "belongs": f"implements {service}, which is registered here",
            "then": f"Find out who started {program}",
            **dict.fromkeys(("label", "expected", "for_label", "not_as_noted", "undecided"), ""),
            "note_file": "",
            "Notes": "",
        }
    as_noted = note.expects and bool(fits) and all(fit.fits for fit in fits)
    label = f'"{note.label}"' if note.label else ""
    of_whom = notes_of(note)
    where = ", ".join(filter(None, (label, note.file)))
    return {
        "belongs": f"is what {of_whom} expect here ({where})"
        if as_noted
        else f"implements {service}, which is registered here",
        "then": f"{_capital(of_whom)} have it so: another port would be safer"
        if as_noted
        else f"Find out who started {program}",
        "label": label or (expected(note) if note.expects else "a note"),
        "expected": expected(note),
        "for_label": f" for {label}" if label else "",
        "not_as_noted": next((fit.why for fit in fits if fit.fits is False), ""),
        "undecided": _undecided(note, fits),
        "note_file": note.file,
        "Notes": _capital(of_whom),
    }


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _undecided(note: Note, fits: list[Fit]) -> str:
    if not note.expects:
        return ", and don't say which program should be here"
    why = next((fit.why for fit in fits if fit.fits is None), "who holds the socket isn't visible")
    return f", and expect {expected(note)}; whether this is it isn't known: {why}"
