"""What each column of the list of sockets holds, and a line a socket for other programs."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.socket_columns import TRANSPORTS, ByColumns, columns_of, port_at
from portbook.errors import InvalidArgument, shown
from portbook.model import Level, OwnersSeen, State, Transport
from portbook.model.sockets import bracketed
from portbook.present.escape import one_line, plain
from portbook.present.owners import age, owner_line, runs_unnamed_code, short_folder, viewer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.app.socket_columns import Numbers
    from portbook.model import Listener, Standing
    from portbook.present.owners import Viewer

    Standings = Mapping[tuple[int, Transport], Standing]

NONE = "-"  # a field that has nothing, or of which nothing is known
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


class Words(NamedTuple):
    """What stands in a column, escaped, and for each socket the place of its word among these.

    ``places`` is None where there is a word for each: most sockets have a pid of their own.
    """

    words: list[str]
    places: Sequence[int] | None = None

    def of_each(self, words: Sequence[str] | None = None) -> Iterable[str]:
        """The word of each socket, or of *words*, what was made of each."""
        words = self.words if words is None else words
        return words if self.places is None else map(words.__getitem__, self.places)


class Cells:
    """What stands in the columns, for one reader."""

    def __init__(self, standings: Standings, to: Viewer) -> None:
        self._standings = standings
        self._to = to

    def columns(self, names: Sequence[str], listeners: Sequence[Listener]) -> list[Words]:
        """What stands in the columns *names* for *listeners*; for those whose columns are
        known, in the order of these.

        Many sockets are alike in a column: what is said of them is put together once.
        """
        table = listeners if isinstance(listeners, ByColumns) else None
        alike = columns_of(listeners) if table is None else table.columns
        socket = listeners.__getitem__ if table is None else table.judged
        known = {
            "port": _port_words(alike.places),
            "pid": Words(_pid_words(alike.pids)),
        }
        if table is None:
            services = self._services(alike.service, socket)
        else:
            services = [
                one_line(
                    self.service(socket(*key))
                    if standing is None
                    else _service(standing.names, standing.state, listed=standing.listed)
                )
                for key, standing in zip(alike.service, table.standings, strict=True)
            ]
            known["address"] = Words(self._addresses(table), alike.address.of_each)
        known["service"] = Words(services, alike.service.of_each)
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
                field, places = _READ_BY[name], shared.get(name)
                asked = range(len(listeners)) if places is None else places.firsts
                some = map(socket, asked)
                words = [one_line(field(self, listener)) for listener in some]
                known[name] = Words(words, None if places is None else places.of_each)
        return [known[name] for name in names]

    def _addresses(self, table: ByColumns) -> list[str]:
        """As :meth:`address` has it for the first socket of each address of *table*."""
        keys = table.columns.address
        return [
            one_line(bracketed(key[0]) if len(key) == 2 else self.address(table.judged(first)))
            for key, first in zip(keys, keys.firsts, strict=True)
        ]

    def _services(self, places: Numbers, socket: Callable[[int], Listener]) -> list[str]:
        """As :meth:`service` has it for the first socket of each of *places*.

        Ports that nobody registered share what is said of them.
        """
        known: dict[int, str] = {}
        words = []
        for place, first in zip(places, places.firsts, strict=True):
            standing = self._standings.get(port_at(place)) if isinstance(place, int) else None
            word = known.get(id(standing))
            if word is None or standing is None:
                word = one_line(self.service(socket(first)))
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


# Plain text: to write a member of an enum takes as long as all the rest.
_BEHIND_PORT = tuple([f"/{transport}" for transport in TRANSPORTS])


def _service(names: Collection[str], state: State, *, listed: bool) -> str:
    if names:
        return ", ".join(names)
    return "not listed" if state is State.UNASSIGNED and not listed else str(state)


def _port_words(places: Sequence[int]) -> Words:
    """The port and the transport at each of *places*."""
    return Words([f"{place >> 2}{_BEHIND_PORT[place & 3]}" for place in places])


def _pid_words(pids: Sequence[int | tuple[int, ...]]) -> list[str]:
    """The number of each socket's owner, or of several with commas between."""
    if all(pids) and set(map(type, pids)) == {int}:
        return list(map(str, pids))
    return [_pid_word(each) for each in pids]


def _pid_word(pids: int | tuple[int, ...]) -> str:
    numbers = (pids,) if isinstance(pids, int) else pids
    return ",".join([str(pid) for pid in numbers if pid]) or NONE


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
    "pid": lambda _, each: _pid_word(tuple([owner.pid for owner in each.ownership.owners])),
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
    columns = [column.of_each() for column in cells.columns(names, listeners)]
    yield from map("\t".join, zip(*columns, strict=True))
