"""What listens on this machine, one line a socket: a table for a terminal, rows for a pipe."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.errors import InvalidArgument, shown
from portbook.model import Level, OwnersSeen, State, Visibility
from portbook.model.seen import bracketed
from portbook.present.document import Paragraph
from portbook.present.escape import one_line, plain
from portbook.present.owners import age, owner_facts, owner_line, short_folder, viewer
from portbook.present.phrases import gap_sentences
from portbook.present.render.document_text import render_item
from portbook.present.render.text import clipped, columns_of, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.model import Listener, Standing, Transport
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style

    Standings = Mapping[tuple[int, Transport], Standing]

NONE = "-"  # a field that has nothing, or of which nothing is known
_LEVELS = tuple(Level)
_INDENT = " " * 7  # a level and two spaces


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
# Where there isn't room for the least of each column, these go, the first of them first.
_DROPPED = (
    *("namespace", "uptime", "user", "service", "speaks", "pid"),
    *("address", "finding", "level"),
)
# Where there is more room, these grow, the first of them first.
_GROWING = ("address", "finding", "program", "service", "user", "speaks", "namespace")
_NARROWEST_PROGRAM = 7


class Cells:
    """What stands in the columns, for one reader."""

    def __init__(self, standings: Standings, to: Viewer) -> None:
        self._standings = standings
        self._to = to
        self._fields = _fields(self)

    def row(self, listener: Listener) -> list[str]:
        """One socket: a cell for each of :data:`COLUMNS`, escaped."""
        cells = [one_line(self._fields[column.name](listener)) for column in COLUMNS]
        cells[1] = f"{cells[1]}/{listener.socket.transport}"
        return cells

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
        """What your note calls the port, else what is registered there, else its state."""
        note = listener.assessment.note
        if note is not None and note.label:
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
        "level": lambda each: str(_LEVELS[max(0, each.assessment.gravity)]),
        "port": lambda each: str(each.socket.port),
        "transport": lambda each: str(each.socket.transport),
        "address": cells.address,
        "reach": lambda each: str(each.socket.reach),
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
    probed = any(each.assessment.speaks is not None for each in answer.listeners)
    elsewhere = any(each.socket.namespace is not None for each in answer.listeners)
    for listener in answer.listeners:
        if template is not None:
            yield template.fill(cells, listener)
            continue
        row = cells.row(listener)
        row += [cells.field("speaks", listener)] * probed
        row += [cells.field("namespace", listener)] * elsewhere
        yield "\t".join(row)


# -- a table for people -------------------------------------------------------------------------


def render_here(
    answer: HereAnswer,
    style: Style,
    *,
    some: bool = False,
    verbose: bool = False,
    most: int = 0,
) -> str:
    """Every socket in a line, in a table as wide as *style*; *verbose* adds the sentences.

    *some* says that not all were asked for; *most* of them are shown, 0 for all.
    """
    to = viewer()
    kept = answer.listeners[: most or None]
    lines = [_title(answer, len(kept), style, some=some)]
    if kept:
        lines += ["", *table_lines(kept, Cells(answer.standings, to), style, to, verbose=verbose)]
    from portbook.present.port.this_machine import redirected

    for redirect in answer.redirects:
        lines += render_item(Paragraph(f"Redirected: {redirected(redirect)}"), style, "")
    for reason in gap_sentences(answer.missing):
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "\n".join(lines) + "\n"


def _title(answer: HereAnswer, count: int, style: Style, *, some: bool) -> str:
    """How many sockets there are, how many of them are shown, and how serious they are."""
    total = max(answer.total, len(answer.listeners))
    of_all = _sockets(total)
    hidden = [each.ownership.seen is OwnersSeen.HIDDEN for each in answer.listeners].count(True)
    if not answer.listeners:
        if total:
            none = (
                "The only socket doesn't match." if total == 1 else f"None of the {of_all} matches."
            )
            return style.bold(none)
        seen = answer.visibility is Visibility.FULL
        return style.bold("Nothing listens on this machine." if seen else "No socket can be seen.")
    title = of_all
    if some or count < total:
        title = f"{count:,} of {of_all}"
    if hidden:
        title += f" ({hidden:,} owner{'s' if hidden > 1 else ''} hidden)"
    return head(title, answer.listeners, style)


def _sockets(count: int) -> str:
    return f"{count:,} socket{'' if count == 1 else 's'}"


def head(title: str, listeners: Sequence[Listener], style: Style) -> str:
    """*title* with how many of *listeners* there are of each level, below it where it is narrow."""
    gravities = [listener.assessment.gravity for listener in listeners]
    levels = [level for level in reversed(_LEVELS) if level.rank in gravities]
    if not levels:
        return style.bold(title)
    counts = {level: gravities.count(level.rank) for level in levels}
    plain_tallies = ", ".join(f"{count} {level}" for level, count in counts.items())
    tallies = ", ".join(f"{count} {style.of(level)}" for level, count in counts.items())
    gap = " " if columns_of(f"{title}: {plain_tallies}") <= style.width else "\n" + _INDENT
    return f"{style.bold(title)}:{gap}{tallies}"


def table_lines(
    listeners: Sequence[Listener],
    cells: Cells,
    style: Style,
    to: Viewer,
    *,
    verbose: bool = False,
) -> Iterator[str]:
    """The header and a line a socket; with *verbose*, its sentences below each."""
    rows = [cells.row(listener) for listener in listeners]
    pid = COLUMNS.index(next(column for column in COLUMNS if column.name == "pid"))
    for row in rows:  # workers are counted beside the program
        row[pid] = row[pid].partition(",")[0]
    extras = [
        (name, [cells.field(name, listener) for listener in listeners])
        for name in ("speaks", "namespace")
    ]
    columns = list(COLUMNS)
    for name, words in extras:
        if any(word != NONE for word in words):
            columns.append(Column(name, 10, 24))
            for row, word in zip(rows, words, strict=True):
                row.append(word)
    widths = fit(columns, rows, style.width)
    yield style.dim(_line([column.name.upper() for column in columns], columns, widths).rstrip())
    for listener, row in zip(listeners, rows, strict=True):
        line = _line(row, columns, widths).rstrip()
        level = _LEVELS[max(0, listener.assessment.gravity)]
        if 0 in widths:
            yield style.of(level, f"{level:<5}") + line[5:]
        else:
            yield style.of(level, line[: widths[1]]) + line[widths[1] :]
        if verbose:
            yield from _sentences(listener, style, to)


def _line(row: Sequence[str], columns: Sequence[Column], widths: Mapping[int, int]) -> str:
    pieces = []
    for at, width in widths.items():
        cell = row[at]
        if columns_of(cell) > width:
            cell = _codes(cell, width) if columns[at].name == "finding" else clipped(cell, width)
        room = " " * (width - columns_of(cell))
        pieces.append(room + cell if columns[at].right else cell + room)
    return "  ".join(pieces)


def _codes(codes: str, width: int) -> str:
    """The first of *codes* and how many others there are."""
    first, *others = codes.split(", ")
    return clipped(f"{first} +{len(others)}" if others else first, width)


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """The columns that are shown at *width*, each with its own width.

    A column without anything in it goes.
    """
    taken = {}
    for at, column in enumerate(columns):
        cells = [row[at] for row in rows if row[at] != NONE]
        if cells or column.name == "level":
            taken[at] = max(len(column.name), *map(columns_of, cells), 0)
    # A port is never cut.
    widths = {at: min(size, columns[at].least) for at, size in taken.items()}
    for name in _DROPPED:
        if _spare(widths, width) >= 0:
            break
        widths = {at: size for at, size in widths.items() if columns[at].name != name}
    spare = _spare(widths, width)
    by_name = {columns[at].name: at for at in widths}
    if spare < 0:
        at = by_name["program"]
        widths[at] = max(_NARROWEST_PROGRAM, widths[at] + spare)
        return widths
    for fair in (True, False):
        for at in [by_name[name] for name in _GROWING if name in by_name]:
            most = min(taken[at], columns[at].fair) if fair else taken[at]
            more = max(0, min(spare, most - widths[at]))
            widths[at] += more
            spare -= more
    return widths


def _spare(widths: Mapping[int, int], width: int) -> int:
    return width - sum(widths.values()) - 2 * (len(widths) - 1)


def _sentences(listener: Listener, style: Style, to: Viewer) -> Iterator[str]:
    """Who can reach the socket, what runs there, and what each finding says."""
    from portbook.present.phrases.findings import finding_message
    from portbook.present.port.this_machine import meaning

    said = meaning(listener)
    for owner in listener.ownership.owners[:1]:
        said += "".join(f"; {fact}" for fact in owner_facts(owner, to))
        if owner.executable:
            said += f"; runs {owner.executable}"
        if owner.packaged is not None:
            said += f"; package {owner.package}" if owner.package else "; in no package"
    yield from wrap(said, style.width, _INDENT)
    if listener.assessment.note is not None:
        from portbook.present.port.noted import in_short, of_whom

        note = listener.assessment.note
        yield from wrap(f"{of_whom(note)}: {in_short(note)}", style.width, _INDENT)
    for finding in listener.assessment.findings:
        label = style.of(finding.level, f"{finding.level:<5}")
        body = wrap(f"{finding.code}: {finding_message(finding)}", style.width, _INDENT + " " * 7)
        yield f"{_INDENT}{label}  {body[0].lstrip()}"
        yield from body[1:]
