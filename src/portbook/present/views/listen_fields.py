"""What each column of the list of sockets holds, and a line a socket for other programs."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.errors import InvalidArgument, shown
from portbook.model import Level, OwnersSeen, State, Transport
from portbook.model.seen import bracketed
from portbook.present.escape import one_line, plain
from portbook.present.owners import age, owner_line, short_folder, viewer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.model import Listener, Socket, Standing
    from portbook.present.owners import Viewer

    Standings = Mapping[tuple[int, Transport], Standing]

NONE = "-"  # a field that has nothing, or of which nothing is known
LEVELS = tuple(Level)


class Column(NamedTuple):
    """A column of the table: the least columns that it needs, what is fair to the others, its side.

    Beyond *fair* it grows into what is left alone.
    """

    name: str
    least: int
    fair: int
    right: bool = False


COLUMNS = (
    Column("level", 5, 5),
    Column("port", 11, 11),
    Column("address", 15, 24),
    Column("program", 18, 40),
    Column("pid", 11, 11, right=True),
    Column("user", 8, 16),
    Column("uptime", 7, 7, right=True),
    Column("service", 10, 16),
    Column("finding", 18, 30),
)


# Of the table alone: a line for programs keeps its fields.
REACHABLE = Column("reachable", 8, 20)

# What sockets have in common that say the same in a column.
_ALIKE: dict[str, Callable[[Listener], object]] = {
    "level": lambda each: id(each.assessment.findings),
    "address": lambda each: (each.socket.address, each.socket.interface, each.socket.state),
    "reachable": lambda each: (id(each.assessment.reachable), each.socket.loopback),
    "program": lambda each: _plain_owner(each) or (id(each.ownership),),
    "pid": lambda each: _only_pid(each) or (id(each.ownership),),
    "user": lambda each: each.socket.user or _plain_user(each),
    "uptime": lambda each: id(each.ownership),
    "service": lambda each: (
        _plain_port(each.socket) if each.assessment.note is None else (id(each),)
    ),
    "finding": lambda each: id(each.assessment.findings),
    "speaks": id,
    "namespace": lambda each: each.socket.namespace,
}


def _plain_port(socket: Socket) -> object:
    """The port and its transport: a number alone, most often, is found the fastest."""
    tcp = socket.transport is Transport.TCP
    return socket.port if tcp else (socket.port, socket.transport)


def _plain_user(listener: Listener) -> object:
    """The number of the socket's user, else the first owner's user."""
    owners, number = listener.ownership.owners, listener.socket.uid
    return (owners[0].user, owners[0].uid) if owners and number is None else number


def _only_pid(listener: Listener) -> int | None:
    owners = listener.ownership.owners
    return owners[0].pid if len(owners) == 1 else None


def _plain_owner(listener: Listener) -> object:
    """What is alike of owners who are called the same; None where more is known of them."""
    owners, seen = listener.ownership
    if not owners:
        return (seen,)
    owner = owners[0]
    alone = len(owners) == 1 and seen is not OwnersSeen.INFERRED
    bare = owner.command is None and owner.container is None and owner.container_name is None
    return owner.program if alone and bare else None


class Cells:
    """What stands in the columns, for one reader."""

    def __init__(self, standings: Standings, to: Viewer) -> None:
        self._standings = standings
        self._to = to
        self._fields = _fields(self)

    def column(self, name: str, listeners: Sequence[Listener]) -> list[str]:
        """What stands in one column for each of *listeners*, escaped.

        Many sockets are alike in a column: what is said of them is put together once.
        """
        if name == "port":
            kinds = {kind: f"/{kind}" for kind in Transport}
            return [f"{each.socket.port}{kinds[each.socket.transport]}" for each in listeners]
        if name == "uptime" and self._to.now is None:
            return [NONE] * len(listeners)
        field = self._fields[name]
        keys = list(map(_ALIKE[name], listeners))
        one_of_each = dict(zip(keys, listeners, strict=True))
        words = {key: one_line(field(listener)) for key, listener in one_of_each.items()}
        return [words[key] for key in keys]

    def field(self, name: str, listener: Listener) -> str:
        """One of :data:`FIELDS`, escaped."""
        return one_line(self._fields[name](listener))

    def address(self, listener: Listener) -> str:
        """The bound address, with its interface, and whether it is bound alone."""
        socket = listener.socket
        words = bracketed(socket.address)
        if socket.interface is not None:
            words += f"%{socket.interface}"
        return words if socket.listens else f"{words} (bound)"

    def reachable(self, listener: Listener) -> str:
        """From where it can be reached, by networks and firewall."""
        if listener.assessment.reachable is None:
            return "this machine" if listener.socket.loopback else NONE
        from portbook.present.phrases.reach import reach_cell

        return reach_cell(listener.assessment.reachable)

    def program(self, listener: Listener) -> str:
        """The first owner with its arguments, how many others, and where it runs."""
        owners = listener.ownership.owners
        if not owners:
            return _UNSEEN.get(listener.ownership.seen, "(not visible)")
        words = owner_line(owners[0])
        others = [owner for owner in owners[1:] if owner.pid != owners[0].pid]
        if others:
            words += f" +{len(others)}"
        if listener.ownership.seen is OwnersSeen.INFERRED:
            words += " (inferred)"
        if owners[0].container:
            words += f" in {owners[0].container_name or owners[0].container}"
        return words

    def user(self, listener: Listener) -> str:
        """The user who made the socket, else the first owner's."""
        socket = listener.socket
        if socket.user or socket.uid is not None:
            return socket.user or str(socket.uid)
        owner = next(iter(listener.ownership.owners), None)
        if owner is None or (owner.user is None and owner.uid is None):
            return NONE
        return owner.user or str(owner.uid)

    def uptime(self, listener: Listener) -> str:
        """How long the first owner has run."""
        started = next((owner.started for owner in listener.ownership.owners[:1]), None)
        if started is None or self._to.now is None:
            return NONE
        return age(max(0.0, self._to.now - started))

    def service(self, listener: Listener) -> str:
        """What your note calls the port, else what is registered there, else its state.

        The label of a note that isn't trusted stands among the sentences alone, where it is said.
        """
        note = listener.assessment.note
        if note is not None and note.trusted and note.label:
            return f'"{note.label}"'
        standing = self._standings.get((listener.socket.port, listener.socket.transport))
        if standing is None:
            return NONE
        names = [row.service_name for row in standing.assignments if row.service_name]
        if names:
            return ", ".join(dict.fromkeys(names))
        return "not listed" if _unlisted(standing) else str(standing.state)

    def directory(self, listener: Listener) -> str:
        """Where the first owner works."""
        folder = next((owner.cwd for owner in listener.ownership.owners[:1]), None)
        return (folder and short_folder(folder, self._to.home)) or NONE


def _unlisted(standing: Standing) -> bool:
    return standing.state is State.UNASSIGNED and not standing.listed


_UNSEEN = {
    OwnersSeen.KERNEL: "(kernel)",
    OwnersSeen.NONE: "(no process)",
    OwnersSeen.UNASKED: "(unknown)",
}

# Every field of --format, with what it holds: docs/machine.md has this table.
FIELDS = {
    "level": "the level of the most serious finding: `ok`, `note`, `check` or `alert`",
    "port": "the number",
    "transport": "`tcp`, `udp`, `sctp` or `dccp`",
    "address": "the bound address, with `%` and the interface where it is bound to one",
    "reach": "from where its address can be reached: `everywhere`, `address`, `link`, `interface` "
    "or `loopback`",
    "reachable": "from where it can be reached, by networks and firewall: `this machine`, "
    "`anywhere`, a network, `blocked` or `?`",
    "state": "`listen`, or `bound` where it is bound and doesn't listen",
    "program": "the program with its arguments; `+2` for two other processes",
    "pid": "the number of each process that holds it, with commas between",
    "user": "the user who made it",
    "uptime": "how long its process has run",
    "directory": "the working directory of its process",
    "service": "your label for the port, else the registered services",
    "finding": "the code of each finding, the most serious first",
    "speaks": "what it answered to `--probe`",
    "namespace": "its network namespace, where that is another",
}


def _fields(cells: Cells) -> dict[str, Callable[[Listener], str]]:
    return {
        "level": lambda each: str(LEVELS[max(0, each.assessment.gravity)]),
        "port": lambda each: str(each.socket.port),
        "transport": lambda each: str(each.socket.transport),
        "address": cells.address,
        "reach": lambda each: str(each.socket.reach or NONE),
        "reachable": cells.reachable,
        "state": lambda each: str(each.socket.state),
        "program": cells.program,
        "pid": lambda each: (
            ",".join([str(owner.pid) for owner in each.ownership.owners if owner.pid]) or NONE
        ),
        "user": cells.user,
        "uptime": cells.uptime,
        "directory": cells.directory,
        "service": cells.service,
        "finding": lambda each: (
            ", ".join([finding.code for finding in each.assessment.findings]) or NONE
        ),
        "speaks": _speaks,
        "namespace": lambda each: each.socket.namespace or NONE,
    }


def _speaks(listener: Listener) -> str:
    if listener.assessment.speaks is None:
        return NONE
    from portbook.present.phrases.evidence import heard

    return heard(listener.assessment.speaks)


# -- rows for programs --------------------------------------------------------------------------


class Template:
    r"""What ``--format`` asks for: text with fields in braces, ``\t`` and ``\n`` as themselves.

    Raises InvalidArgument where a field is none of :data:`FIELDS` or a brace has no partner.
    """

    def __init__(self, text: str) -> None:
        from string import Formatter

        text = text.replace("\\t", "\t").replace("\\n", "\n")
        try:
            pieces = list(Formatter().parse(text))
        except ValueError:
            raise InvalidArgument(
                "format", f"{shown(text)} has a brace without its partner: write {{{{ for a brace"
            ) from None
        for _, name, spec, conversion in pieces:
            if name is not None and (name not in FIELDS or spec or conversion):
                wrong = (
                    f"{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}"
                )
                raise InvalidArgument(
                    "format", f"has no field {shown(wrong)}: the fields are {', '.join(FIELDS)}"
                )
        # What the format itself says is shown as text too: it may be another's, from a script.
        self._pieces = [
            ("".join(char if char in "\t\n" else plain(char) for char in literal), name)
            for literal, name, _, _ in pieces
        ]

    def fill(self, cells: Cells, listener: Listener) -> str:
        """The line of one socket."""
        return "".join(
            [
                literal + (cells.field(name, listener) if name else "")
                for literal, name in self._pieces
            ]
        )


def record_lines(answer: HereAnswer, template: Template | None = None) -> Iterator[str]:
    """A line a socket: as *template* says, else :data:`COLUMNS` with tabs between them."""
    cells = Cells(answer.standings, viewer())
    listeners = answer.listeners
    if template is not None:
        for listener in listeners:
            yield template.fill(cells, listener)
        return
    names = [column.name for column in COLUMNS]
    names += ["speaks"] * any(each.assessment.speaks is not None for each in listeners)
    names += ["namespace"] * any(each.socket.namespace is not None for each in listeners)
    yield from map("\t".join, zip(*[cells.column(name, listeners) for name in names], strict=True))
