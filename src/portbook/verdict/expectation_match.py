"""Notes of one's own held against what is here. Pure.

>>> from portbook.model import Note, Process
>>> note = Note(8305, 8305, None, "/srv/shop/portbook.toml", executables=("/srv/shop/api",))
>>> compare(note, Process(7, "api", executable="/srv/shop/api"), True, frozenset({1000})).fits
True
>>> compare(note, Process(8, "api", executable="/tmp/api"), True, frozenset({1000})).code
<FitCode.EXECUTABLE_OTHER: 'executable-other'>
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.catalog.practice.path_patterns import path_matches
from portbook.model import ExecutablePlace
from portbook.model.protocols import NEVER_TLS, PROBED, SERVICES, TLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from portbook.model import Facts, Note, Process, Spoken


class FitCode(StrEnum):
    """How a process compares with what a note expects.

    Each has the name of the ``owner`` that it speaks of, or its ``pid`` where it has none, and the
    facts that stand beside the code.
    """

    FITS = "fits"
    EXECUTABLE_UNSEEN = "executable-unseen"
    EXECUTABLE_OTHER = "executable-other"  # path
    EXECUTABLE_DELETED = "executable-deleted"  # path
    EXECUTABLE_REPLACEABLE = "executable-replaceable"  # path: others could have put it there
    EXECUTABLE_UNSURE = "executable-unsure"  # path: who could have put it there can't be told
    UNITS_UNSUPPORTED = "units-unsupported"  # only Linux has them
    UNIT_OTHER = "unit-other"  # unit, where there is one
    UNIT_FOREIGN = "unit-foreign"  # unit: neither the system's nor the user's
    CONTAINER_NONE = "container-none"
    CONTAINER_UNNAMED = "container-unnamed"  # container: its id, of which the name isn't known
    CONTAINER_OTHER = "container-other"  # container: its name
    CONTAINER_FOREIGN = "container-foreign"
    USER_UNSEEN = "user-unseen"
    USER_OTHER = "user-other"  # user, uid


class Fit(NamedTuple):
    """Whether a process is what a note expects, None where that can't be told, and which facts
    decide.
    """

    fits: bool | None
    code: FitCode
    facts: Facts = ()


_FITS = Fit(True, FitCode.FITS)


def _fit(fits: bool | None, code: FitCode, owner: Process, **facts: str | int | None) -> Fit:
    name = ("owner", owner.program) if owner.program else ("pid", owner.pid)
    known = [(key, value) for key, value in facts.items() if value is not None]
    return Fit(fits, code, (name, *known))


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
    path = owner.activates_executable or owner.executable
    if path is None:
        return _fit(None, FitCode.EXECUTABLE_UNSEEN, owner)
    if not any(path_matches(pattern, path) for pattern in note.executables):
        return _fit(False, FitCode.EXECUTABLE_OTHER, owner, path=path)
    if owner.activates_executable is not None:  # read where only root can have put it
        return _FITS
    if owner.executable_deleted:
        return _fit(None, FitCode.EXECUTABLE_DELETED, owner, path=path)
    # A folder where anybody may put files tells nothing of a stranger's process: it may see
    # another folder there.
    strange = owner.place in _ANYBODY and owner.uid not in trusted
    if kept is False or strange or owner.place in _ARRANGED:
        return _fit(False, FitCode.EXECUTABLE_REPLACEABLE, owner, path=path)
    return _FITS if kept else _fit(None, FitCode.EXECUTABLE_UNSURE, owner, path=path)


def _by_unit(note: Note, owner: Process, trusted: frozenset[int], system: str) -> Fit:
    if system not in ("linux", ""):
        return Fit(None, FitCode.UNITS_UNSUPPORTED)
    units = [unit for unit in (owner.unit, owner.activates) if unit is not None]
    if not any(path_matches(pattern, unit) for pattern in note.units for unit in units):
        return _fit(False, FitCode.UNIT_OTHER, owner, unit=owner.unit)
    if owner.cgroup_uid not in trusted:
        return _fit(False, FitCode.UNIT_FOREIGN, owner, unit=owner.unit or owner.activates)
    return _FITS


def _by_container(note: Note, owner: Process, trusted: frozenset[int]) -> Fit:
    if owner.container is None:
        return _fit(False, FitCode.CONTAINER_NONE, owner)
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
            return _fit(None, FitCode.CONTAINER_UNNAMED, owner, container=owner.container)
        return _fit(False, FitCode.CONTAINER_OTHER, owner, container=owner.container_name)
    if owner.cgroup_uid not in trusted:
        return _fit(False, FitCode.CONTAINER_FOREIGN, owner)
    return _FITS


def _by_user(note: Note, owner: Process) -> Fit:
    if owner.uid is None and owner.user is None:
        return _fit(None, FitCode.USER_UNSEEN, owner)
    if owner.user in note.users or str(owner.uid) in note.users:
        return _FITS
    return _fit(False, FitCode.USER_OTHER, owner, user=owner.user, uid=owner.uid)


def speaks_otherwise(
    spoken: Spoken, registered: AbstractSet[str], programs: AbstractSet[str]
) -> bool:
    """Whether *spoken* contradicts the names *registered* for the port, and the program.

    *programs* are the services that the known programs speak, none where no program is known. What
    fits the port is no contradiction, whoever says it: a proxy speaks what it is told to.

    >>> from portbook.model import Spoken, SpokenState
    >>> speaks_otherwise(Spoken(SpokenState.IDENTIFIED, "ssh"), {"http"}, {"http", "https"})
    True
    >>> speaks_otherwise(Spoken(SpokenState.IDENTIFIED, "http"), {"ipp"}, {"ipp"})
    False

    TLS alone contradicts only what never begins with it:

    >>> speaks_otherwise(Spoken(SpokenState.IDENTIFIED, "tls"), {"http-alt"}, set())
    False
    """
    if spoken.protocol == TLS:
        return not programs and not registered.isdisjoint(NEVER_TLS)
    plain, encrypted = SERVICES.get(spoken.protocol or "", ((), ()))
    services = {*plain, *encrypted}
    if not services or registered & services:
        return False
    # The services whose protocol can be told from what they answer. Of others (printing, metrics,
    # an API of a product's own) an answer by HTTP says nothing: they are built on it.
    told = {name for some, others in SERVICES.values() for name in (*some, *others)}
    if programs:
        # Programs do more than what is on record of them, say serve pages of their own by HTTP:
        # only of what a probe recognises they are known well enough.
        told = {name for some, others in PROBED.values() for name in (*some, *others)}
        at_home = bool(registered & programs)
        # A known program away from home may speak what it always speaks: another rule says that.
        return bool(programs & told) and (not programs & services or at_home)
    return bool(registered & told)
