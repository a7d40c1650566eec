"""What each column of the list of sockets holds, and a line a socket for other programs."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.socket_columns import ByColumns, columns_of, port_at
from portbook.errors import InvalidArgument, shown
from portbook.model import Level, Listener, OwnersSeen, State, Transport
from portbook.model.sockets import bracketed
from portbook.present.escape import one_line, plain
from portbook.present.owners import age, owner_line, runs_unnamed_code, short_folder, viewer
from portbook.present.views.column_words import NONE, Words, pid_words, port_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.app.socket_columns import SocketColumns
    from portbook.model import Standing
    from portbook.present.owners import Viewer

    Standings = Mapping[tuple[int, Transport], Standing]

ONLY_BOUND = " (bound)"  # behind an address where nothing listens
UNSEEN = "(not visible)"  # a program that can't be seen
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
REACHABLE = Column("reachable", 12, 20)


class Cells:
    """What stands in the columns, for one reader."""

    def __init__(self, standings: Standings, to: Viewer) -> None:
        self._standings = standings
        self._to = to

    def columns(
        self, names: Sequence[str], listeners: Sequence[Listener], *, workers: bool = False
    ) -> list[Words]:
        """What stands in the columns *names* for *listeners*; for those whose columns are known, in
        the order of these. With *workers*, the numbers of all owners, not only of the first.

        Many sockets are alike in a column: what is said of them is put together once.
        """
        table = listeners if isinstance(listeners, ByColumns) else None
        alike = columns_of(listeners) if table is None else table.columns
        socket = listeners.__getitem__ if table is None else table.judged

        def several(number: int) -> str:
            pids = _every_pid(socket(number))
            return pids if workers else pids.partition(",")[0]

        known = {
            "port": port_words(alike.places),
            "pid": pid_words(alike.pids, several),
        }
        if table is None:
            known["service"] = Words(self._services(alike, listeners), alike.service.of_each)
        else:
            known["address"] = Words(self._addresses(table), alike.address.of_each)
            known["service"] = Words(self._outlined(table), alike.service.of_each)
        if self._to.now is None:
            known["uptime"] = Words([NONE], [0] * len(listeners))
        shared = {
            "level": alike.level,
            "address": alike.address,
            "program": alike.program,
            "user": alike.user,
            "finding": alike.level,
        }
        for name in names:
            if name not in known:
                field, column = _READ_BY[name], shared.get(name)
                every = range(len(listeners))
                some = map(socket, every if column is None else column.firsts)
                words = [one_line(field(self, listener)) for listener in some]
                known[name] = Words(words, every if column is None else column.of_each)
        return [known[name] for name in names]

    def _addresses(self, table: ByColumns) -> list[str]:
        """As :meth:`address` has it for the sockets of each address of *table*."""
        return [
            one_line(bracketed(key[0]) if len(key) == 2 else self.address(table.alone[key[0]]))
            for key in table.addresses
        ]

    def _outlined(self, table: ByColumns) -> list[str]:
        """As :meth:`service` has it for each of the standings of *table* that a socket has."""
        shown = {*table.columns.service.of_each}
        words = [NONE] * len(table.standings)
        for number in shown:
            one = table.standings[number]
            if isinstance(one, Listener):
                words[number] = one_line(self.service(one))
            else:
                words[number] = one_line(_service(one.names, one.state, listed=one.listed))
        return words

    def _services(self, alike: SocketColumns, listeners: Sequence[Listener]) -> list[str]:
        """As :meth:`service` has it for the first of *listeners* of each service.

        Ports that nobody registered share what is said of them.
        """
        known: dict[int, str] = {}
        words = []
        for place, first in zip(alike.service, alike.service.firsts, strict=True):
            standing = self._standings.get(port_at(place)) if isinstance(place, int) else None
            word = known.get(id(standing))
            if word is None or standing is None:
                word = one_line(self.service(listeners[first]))
                if standing is not None:
                    known[id(standing)] = word
            words.append(word)
        return words

    def field(self, name: str, listener: Listener) -> str:
        """One of :data:`FIELDS`, escaped."""
        return one_line(_READ_BY[name](self, listener))

    def address(self, listener: Listener) -> str:
        """The bound address, with its interface, and whether it is bound alone."""
        socket = listener.socket
        words = bracketed(socket.address)
        if socket.interface is not None:
            words += f"%{socket.interface}"
        return words if socket.listens else f"{words}{ONLY_BOUND}"

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
            return _UNSEEN.get(listener.ownership.seen, UNSEEN)
        words = owner_line(owners[0])
        first = owners[0]
        others = [owner for owner in owners[1:] if owner.pid != first.pid]
        if not (first.pid or others):  # a sheet names several, and numbers none
            words = ", ".join(dict.fromkeys(map(owner_line, owners)))
        if others:
            words += f" +{len(others)}"
        if listener.ownership.seen is OwnersSeen.INFERRED:
            words += " (inferred)"
        # One that is named by its container alone is in no other.
        if owners[0].container and (owners[0].program or owners[0].command):
            words += f" in {owners[0].container_name or owners[0].container}"
        elif runs_unnamed_code(owners[0]) and (folder := self.directory(listener)) != NONE:
            words += f" in {folder}"
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
        return _service(dict.fromkeys(names), standing.state, listed=standing.listed)

    def directory(self, listener: Listener) -> str:
        """Where the first owner works."""
        folder = next((owner.cwd for owner in listener.ownership.owners[:1]), None)
        return (folder and short_folder(folder, self._to.home)) or NONE


def _service(names: Collection[str], state: State, *, listed: bool) -> str:
    if names:
        return ", ".join(names)
    return "not listed" if state is State.UNASSIGNED and not listed else str(state)


def _every_pid(listener: Listener) -> str:
    numbers = [str(owner.pid) for owner in listener.ownership.owners if owner.pid]
    return ",".join(numbers) or NONE


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
    "`anywhere`, a network, `blocked`, `nowhere` or `?`",
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


# Functions of the class, not of one of its objects: an object that holds its own methods is freed
# by a search for cycles alone, and it holds all sockets.
_READ_BY: dict[str, Callable[[Cells, Listener], str]] = {
    "level": lambda _, each: str(LEVELS[max(0, each.assessment.gravity)]),
    "port": lambda _, each: str(each.socket.port),
    "transport": lambda _, each: str(each.socket.transport),
    "address": Cells.address,
    "reach": lambda _, each: str(each.socket.reach or NONE),
    "reachable": Cells.reachable,
    "state": lambda _, each: str(each.socket.state),
    "program": Cells.program,
    "pid": lambda _, each: _every_pid(each),
    "user": Cells.user,
    "uptime": Cells.uptime,
    "directory": Cells.directory,
    "service": Cells.service,
    "finding": lambda _, each: (
        ", ".join([finding.code for finding in each.assessment.findings]) or NONE
    ),
    "speaks": lambda _, each: _speaks(each),
    "namespace": lambda _, each: each.socket.namespace or NONE,
}


def _speaks(listener: Listener) -> str:
    if listener.assessment.speaks is None:
        return NONE
    from portbook.present.phrases.evidence import heard

    return heard(listener.assessment.speaks)


# -- rows for programs --------------------------------------------------------------------------


class Template:
    r"""What ``--format`` asks for: text with fields in braces, ``\t`` and ``\n`` as themselves.

    Raises InvalidArgument where a field is none of :data:`FIELDS`, a brace has no partner, or
    every line would be the same.
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
        if not any(name for _, name, _, _ in pieces):
            raise InvalidArgument(
                "format", f"{shown(text)} names no field: the fields are {', '.join(FIELDS)}"
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
    columns = [column.of_each() for column in cells.columns(names, listeners, workers=True)]
    yield from map("\t".join, zip(*columns, strict=True))
