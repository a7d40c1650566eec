"""What somebody else's tool printed, with the verdict: each socket as if it were listed here.

A capture comes from anywhere, so nothing of this machine goes into its verdict: its dynamic range
and its privileged ports are not known, and of a program hardly more than the name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from portbook._fast_types import NamedTuple
from portbook.app.capture_changes import PORTBOOK, Changes, Listed, compare
from portbook.app.capture_judge import CaptureJudge
from portbook.app.capture_table import FAMILIES, CaptureTable, judge_all, rank_of
from portbook.app.other_logs import naming_logs
from portbook.app.socket_columns import TRANSPORT_BITS
from portbook.app.socket_filter import Filter
from portbook.errors import MalformedInput, NothingKnown
from portbook.formats.fields import LEFT_OUT, NOT_UNDERSTOOD, Line, PlainRows, not_understood
from portbook.formats.lines import numbered
from portbook.formats.sockets.detect import installed, read, read_rows
from portbook.formats.surroundings import without_surroundings
from portbook.model import Listener, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from portbook.catalog import Catalog
    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Event
    from portbook.model import Source, Standing, Use
    from portbook.model.scanned import ScannedPort

_OnRecord = TypeVar("_OnRecord")
_Sockets = TypeVar("_Sockets", bound="Sequence[Listener]")
_MOST_KEPT = 65536  # names of services, by which tools print ports


class ExplainAnswer(NamedTuple):
    """A capture explained: its sockets, the most serious first, and what became of its other lines.

    ``format`` is empty where none was found, and ``title`` what people call it. ``left_out`` counts
    sockets and ports that aren't listening, by the words of
    :data:`portbook.formats.fields.LEFT_OUT`. ``uses`` are those on record for each socket's port.
    """

    format: str
    sockets: Sequence[Listener]
    not_understood: tuple[Line, ...]
    left_out: Mapping[str, int]
    standings: Mapping[tuple[int, Transport], Standing]
    uses: Mapping[tuple[int, Transport], tuple[Use, ...]]
    sources: tuple[Source, ...]
    changes: Changes | None = None
    title: str = ""
    total: int = 0  # sockets in the capture, those that were not asked for included
    formats: tuple[str, ...] = ()  # all of them, where one input holds several tools' output
    not_open: tuple[ScannedPort, ...] = ()  # ports that a scan lists by number, and found not open

    @property
    def unread(self) -> int:
        """How many lines were not understood."""
        return sum(line.many for line in self.not_understood)


def explain(
    chunks: Iterable[bytes],
    wanted: Filter,
    catalog: Catalog,
    name: str | None = None,
    old: Iterable[bytes] | None = None,
    *,
    said: bool = True,
    most: int | None = None,
    plugins: bool = False,
) -> ExplainAnswer:
    """What *wanted* keeps of a capture, with its verdict; *name* is its format, None finds it.

    With *most*, one of more sockets than that is refused. *old* is an older capture, in any
    format, to say what changed since. With *plugins*, formats of installed packages are read too;
    their code runs then.

    :raises MalformedInput: nothing can be read.
    :raises InvalidArgument: there is no format called *name*.
    """
    before = (
        None
        if old is None
        else _collect(old, catalog, None, "the older capture", plugins=plugins, into=list)
    )
    judge = CaptureJudge(catalog, said=said)
    kept: Sequence[Listener]
    total: int
    if said or old is not None or wanted != Filter():
        form, sockets, lines = _collect(
            chunks, catalog, name, most=most, plugins=plugins, into=list
        )
        total, judged = len(sockets), judge_all(judge, sockets)
        kept = _sorted(judged if wanted == Filter() else list(filter(wanted.keeps, judged)))
    else:
        # No value is made for each of all sockets: whoever prints a table needs none.
        table = partial(CaptureTable, judge)
        form, kept, lines = _collect(
            chunks, catalog, name, most=most, plugins=plugins, into=table, rows=True
        )
        total = len(kept)
    changes = None
    if before is not None:
        past = tuple(filter(wanted.keeps, judge_all(judge, before[1])))
        whole = [each == PORTBOOK for each in (before[0].name, form.name)]
        changes = compare(past, kept, Listed.of(before[1], whole[0]), Listed.of(sockets, whole[1]))
    book, practice = catalog.registry, catalog.practice
    shown = kept if changes is None else (*kept, *changes.closed, *changes.not_compared)
    return ExplainAnswer(
        format=form.name,
        sockets=kept,
        not_understood=tuple([line for line in lines if line.what == NOT_UNDERSTOOD]),
        left_out=tally(lines),
        standings=_ByPort(shown, lambda *port: judge.on_record(*port).standing),
        uses=_ByPort(shown, lambda *port: judge.on_record(*port).uses),
        sources=(*book.sources(), *practice.sources()),
        changes=changes,
        title=form.title,
        total=total,
        formats=(form.name, *form.also) if form.also else (),
        not_open=tuple([line.port for line in lines if line.port is not None]),
    )


class _ByPort(Mapping[tuple[int, Transport], _OnRecord]):
    """What is on record for the ports of *sockets*, looked up when it is asked for.

    A table of 100,000 ports needs a part of it, and most output none. Its keys are the ports of
    the sockets; what is on record for another one is told as well.
    """

    def __init__(
        self, sockets: Iterable[Listener], look_up: Callable[[int, Transport], _OnRecord]
    ) -> None:
        self._sockets, self._look_up = sockets, look_up

    @cached_property
    def _ports(self) -> dict[tuple[int, Transport], None]:
        return dict.fromkeys([(each.socket.port, each.socket.transport) for each in self._sockets])

    def __getitem__(self, port: tuple[int, Transport]) -> _OnRecord:
        return self._look_up(*port)

    def get(self, port: tuple[int, Transport], _default: object = None) -> _OnRecord:
        """What is on record for *port*: there is always something."""
        return self._look_up(*port)

    def __iter__(self) -> Iterator[tuple[int, Transport]]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)


def _sorted(listeners: Sequence[Listener]) -> tuple[Listener, ...]:
    """The most serious first, then by port: each place as one number, which sorts the fastest."""
    verdicts = list(map(_ASSESSMENT, listeners))
    ranks = {
        number: rank_of(verdict)
        for number, verdict in dict(zip(map(id, verdicts), verdicts, strict=True)).items()
    }
    places = [
        ranks[id(verdict)] + ((port << 2 | TRANSPORT_BITS[transport]) << 2) + FAMILIES[family]
        for verdict, (port, transport, family) in zip(verdicts, map(_PLACE, listeners), strict=True)
    ]
    order = sorted(range(len(places)), key=places.__getitem__)
    return tuple([listeners[at] for at in order])


_ASSESSMENT = attrgetter("assessment")
_PLACE = attrgetter("socket.port", "socket.transport", "socket.family")


def unread(text: bytes, catalog: Catalog) -> ExplainAnswer:
    """The answer to what no tool printed: every line of it is not understood."""
    lines = tuple([not_understood(*each) for each in numbered([text]) if each[1].strip()])
    sources = (*catalog.registry.sources(), *catalog.practice.sources())
    return ExplainAnswer("", (), lines, {}, standings={}, uses={}, sources=sources)


def _collect(
    chunks: Iterable[bytes],
    catalog: Catalog,
    name: str | None,
    what: str = "the input",
    most: int | None = None,
    *,
    plugins: bool,
    into: Callable[[Iterable[Listener]], _Sockets],
    rows: bool = False,
) -> tuple[SocketFormat, _Sockets, list[Line]]:
    """The format, the sockets, which *into* takes as they are read, and the lines that hold none
    and have to be told. With *rows*, what is read by rows comes so.
    """
    reading = read_rows if rows else read
    more = installed if plugins else dict
    form, events = naming_logs(reading, chunks, name, _resolver(catalog), more)
    lines: list[Line] = []
    read_any = False

    def listeners() -> Iterator[Any]:
        nonlocal read_any
        count = 0
        for event in events:
            if not isinstance(event, Line):
                count += len(event.ports) if isinstance(event, PlainRows) else 1
                if most is not None and count > most:
                    raise MalformedInput(
                        f"{what} has more than {most:,} sockets: give it to portbook explain, "
                        "which takes any number"
                    )
                yield event
            elif event.what == NOT_UNDERSTOOD or event.what in LEFT_OUT:
                lines.append(event)
            else:
                read_any = True

    sockets = into(merge(listeners()) if form.per_process else listeners())
    refuse_unread(form.name, what, read_any or bool(sockets), lines)
    return form, sockets, without_surroundings(lines)


def refuse_unread(form: str, what: str, read_any: bool, lines: Iterable[Line]) -> None:
    """Raises NothingKnown where no line at all was understood."""
    if read_any or any(line.what != NOT_UNDERSTOOD for line in lines):
        return
    why = next((f": {line.why}" for line in lines if line.why), "")
    failed = NothingKnown(f"nothing in {what} could be read as {form}{why}")
    raise failed.helped_by("format")


def tally(lines: Iterable[Line]) -> dict[str, int]:
    """How many sockets and ports were left out, by why."""
    counted: Counter[str] = Counter()
    for line in lines:
        if line.what in LEFT_OUT:
            counted[line.what] += line.many
    return {what: counted[what] for what in LEFT_OUT if counted[what]}


def stream(
    chunks: Iterable[bytes], catalog: Catalog, name: str | None = None, *, plugins: bool = False
) -> tuple[SocketFormat, Iterator[Event]]:
    """The format of a capture, and its sockets and lines as they come, not judged.

    Raises as :func:`explain` does.
    """
    return naming_logs(read, chunks, name, _resolver(catalog), installed if plugins else dict)


def stream_rows(
    chunks: Iterable[bytes], catalog: Catalog, name: str | None = None, *, plugins: bool = False
) -> tuple[SocketFormat, Iterator[Event | PlainRows]]:
    """As :func:`stream`, but what can be read by rows comes so, and later than each by itself.

    Raises as :func:`explain` does.
    """
    return naming_logs(read_rows, chunks, name, _resolver(catalog), installed if plugins else dict)


def merge(sockets: Iterable[Listener]) -> list[Listener]:
    """*sockets* with those put together that several processes hold."""
    groups: dict[tuple[object, ...], list[Listener]] = {}
    for each in sockets:
        key = (
            each.socket.transport,
            each.socket.family,
            each.socket.address,
            each.socket.port,
            each.socket.state,
            each.socket.inode,
            each.socket.host,
        )
        groups.setdefault(key, []).append(each)
    return [_together(group) for group in groups.values()]


def _together(group: list[Listener]) -> Listener:
    """One socket with the owners of all that are listed of it."""
    if len(group) == 1:
        return group[0]
    owners = dict.fromkeys(owner for listener in group for owner in listener.ownership.owners)
    owned = [listener.ownership.seen for listener in group[1:] if listener.ownership.owners]
    first = group[0]
    if not owned:
        return first
    return first._replace(ownership=first.ownership._replace(owners=tuple(owners), seen=owned[-1]))


def _resolver(catalog: Catalog) -> Callable[[str, Transport], int | None]:
    kept: dict[tuple[str, Transport], int | None] = {}

    def named(name: str, transport: Transport) -> int | None:
        """The port that a tool meant by a service's *name*; None where that can't be told.

        The registry's, if it has one port for it, else the one that systems call so. This
        machine's own services file isn't asked: it needn't be that of the capture's machine.
        """
        key = (name, transport)
        if key not in kept:
            found = _look_up(catalog, name, transport) if 0 < len(name) <= 64 else None
            if len(kept) >= _MOST_KEPT:
                return found
            kept[key] = found
        return kept[key]

    return named


def _look_up(catalog: Catalog, name: str, transport: Transport) -> int | None:
    ports = {
        row.first
        for row in catalog.registry.named(name)
        if row.first is not None and row.first == row.last and row.transport in (transport, None)
    }
    if len(ports) == 1:
        return ports.pop()
    return catalog.practice.port_named(name.lower(), transport)
