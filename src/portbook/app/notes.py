"""Writing down what ports are for: one by one, or what this machine runs now."""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.catalog.expectations.write import (
    Entry,
    own_file,
    read_own,
    with_entries,
    with_label,
    write_own,
)
from portbook.errors import BadNotes, InvalidArgument, shown
from portbook.host.host_reader import THIS_HOST
from portbook.model import OwnerSearch, Transport, Whose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.catalog import Catalog
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.host.host_reader import HostReader
    from portbook.model import Gap, Listener

_LONGEST_LABEL = 80  # characters, as a file of notes may have


class Written(NamedTuple):
    """What was written down, and into which file."""

    path: str
    entries: tuple[Entry, ...]
    missing: tuple[Gap, ...] = ()


class NotesInForce(NamedTuple):
    """The files of notes that are read, the strongest first; and, in a line, why it can't be told
    which of them are trusted.
    """

    files: tuple[NotesFile, ...]
    problem: str | None


def read_notes_in_force() -> NotesInForce:
    """The notes that are read in this folder."""
    from portbook.catalog.expectations.lookup import read_files

    return NotesInForce(*read_files())


def note_port(
    port: int,
    label: str,
    transport: Transport | None = None,
    environ: Mapping[str, str] | None = None,
) -> Written:
    """Writes *label* for *port* into the user's own file of notes, in place of the one before.

    :raises InvalidArgument: the text is empty, too long, or holds what a terminal obeys.
    :raises BadNotes: the file holds what isn't a note, or can't be changed safely.
    :raises NotKept: it can't be read or written.
    """
    label = label.strip()
    if not label:
        raise InvalidArgument("text", "is empty: say what the port is for")
    if not label.isprintable():
        raise InvalidArgument("text", f"{shown(label)} holds characters that can't be shown")
    if len(label) > _LONGEST_LABEL:
        raise InvalidArgument(
            "text", f"has {len(label):,} characters: {_LONGEST_LABEL} are the most"
        )
    path = own_file(os.environ if environ is None else environ)
    entry = Entry(port, transport, label)
    write_own(path, with_label(read_own(path), entry))
    return Written(path, (entry,))


def adopt(
    catalog: Catalog,
    host: HostReader = THIS_HOST,
    environ: Mapping[str, str] | None = None,
) -> Written:
    """Writes down what listens now: a label and the program for each port that has no note yet.

    Left out are ports that the system hands out by chance, and sockets whose program isn't seen.
    ``missing`` is what could not be seen. Raises as :func:`note_port`, and HostUnreadable.
    """
    path = own_file(os.environ if environ is None else environ)
    text = read_own(path)
    seen = host.read_host(None, None, OwnerSearch.ALL)
    rules = host.read_rules()
    notes = catalog.expectations()
    entries: dict[tuple[int, Transport], Entry] = {}
    for listener in seen.listeners:
        socket = listener.socket
        key = (socket.port, socket.transport)
        if socket.state != "listen" or socket.namespace is not None or key in entries:
            continue
        if rules.hands_out(socket.port) or notes.lookup(*key) is not None:
            continue
        entry = _entry(listener)
        if entry is not None:
            entries[key] = entry
    added = tuple(entries.values())
    if added:
        write_own(path, with_entries(text, added))
    return Written(path, added, seen.missing)


def _entry(listener: Listener) -> Entry | None:
    """What to write down of *listener*; None where nothing is known of its program."""
    socket = listener.socket
    if not listener.ownership.owners:
        return None
    owner = listener.ownership.owners[0]
    more: list[tuple[str, str]] = []
    container = owner.container_name or owner.container
    path = owner.executable or ""
    if container:
        more.append(("container", container))
    elif owner.unit and owner.unit.endswith(".service"):
        more.append(("unit", owner.unit))
    if path.startswith("/") and "*" not in path and not owner.executable_deleted and not container:
        more.append(("executable", path))
        if owner.user and not owner.unit:
            more.append(("user", owner.user))
    more = [(key, word) for key, word in more if word.isprintable()]
    if "executable" not in dict(more):
        more = [(key, word) for key, word in more if key != "user"]
    from portbook.model.command_line import run_of

    run = run_of(owner.command) if owner.command else None
    label = (run.title if run else "") or owner.program or ""
    label = "".join(char for char in label if char.isprintable()).strip()[:_LONGEST_LABEL]
    return Entry(socket.port, socket.transport, label or f"port {socket.port}", tuple(more))


# -- notes of projects ------------------------------------------------------------------------


def project_file(name: str) -> str:
    """The file that *name* means, by the path that is found when the user stands in its folder."""
    from portbook.catalog.expectations.lookup import PROJECT_FILE

    path = os.path.abspath(name)
    if os.path.isdir(path):
        path = os.path.join(path, PROJECT_FILE)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def trust_project(name: str) -> NotesFile:
    """Lets the notes in a project's file or folder count, as they are now.

    :raises InvalidArgument: it is no project's.
    :raises BadNotes: it can't be read safely, or holds what isn't a note.
    :raises NotKept: that can't be written down.
    """
    from portbook.catalog.expectations.lookup import (
        PROJECT_FILE,
        Place,
        places,
        read_file,
        trusted_users,
    )
    from portbook.catalog.expectations.trust import trust

    path = project_file(name)
    own = next((each for each in places(os.environ) if each.path == path), None)
    if own is not None and own.whose is not Whose.PROJECT:
        why = f"{shown(path, 200)} is your own file: its notes count already"
        raise InvalidArgument("", why)
    if os.path.basename(path) != PROJECT_FILE:
        why = f"{shown(path, 200)} is never read: a project's notes stand in {PROJECT_FILE}"
        raise InvalidArgument("", why)
    file = read_file(Place(path, Whose.PROJECT), trusted_users())
    if file.problem is not None:
        raise BadNotes(f"{file.problem}: it can't be trusted")
    trust(os.environ, path, file.sha256)
    return file


def distrust_project(name: str) -> bool:
    """Lets the notes in a project's file only label ports; whether they counted. Raises NotKept."""
    from portbook.catalog.expectations.trust import distrust

    return distrust(os.environ, project_file(name))
