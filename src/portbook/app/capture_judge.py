"""The verdict on the sockets of a capture, of which there may be hundreds of thousands."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
from portbook.app.judge import Judge
from portbook.catalog.registry.outlines import Outline, Outlines, outline_of
from portbook.model import PORTS, Family, KnownService, Listener, PortRules, Report, State
from portbook.verdict.engine import in_words
from portbook.verdict.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.on_record import OwnersOnRecord, PortOnRecord
    from portbook.catalog import Catalog
    from portbook.model import Finding, Process, Transport
    from portbook.verdict.shadowing import Reached

_NOTHING_KNOWN = PortRules("")
_RULES = {rule.code: rule for rule in RULES}
# What stands for the values in which sockets differ that are else alike: numbers and text that
# nothing has but by malice, and addresses that are documentation's (RFC 5737, RFC 3849).
_PORT, _PID, _INODE = 480913205570, 480913205571, 480913205572
_ADDRESSES = {Family.IPV4: "203.0.113.251", Family.IPV6: "2001:db8:4809:1320:5570::fb"}
_MOST_NAMES = 16
OWNER, _TEXT, _NAMES = "\ue00e", "\ue00f", 0xE010
# What the values are known by in text: the port, the pid, the inode, the address of either family;
# then the port's description and the names of its services.
MARKS = (
    (str(_PORT),),
    (str(_PID),),
    (str(_INODE),),
    tuple(_ADDRESSES.values()),
    (_TEXT,),
    *[(chr(_NAMES + number),) for number in range(_MOST_NAMES)],
)


_REFUSED: tuple[tuple[object, ...], ...] = ((), ("by browsers",))
_new: Any = tuple.__new__


class PortInShort(NamedTuple):
    """What is on record about one port of one transport, as far as a table of sockets shows it.

    ``practice`` are its uses, reports and services, and whether browsers refuse it. For ``kind``
    and ``words`` see :class:`~portbook.app.on_record.PortOnRecord`.
    """

    standing: Outline
    practice: tuple[object, ...]
    kind: int
    words: frozenset[str]


class CaptureJudge(Judge):
    """The verdict on captured sockets.

    A note in a capture was written for another machine: it is shown, and no finding here depends
    on it. What portbook itself found before is kept.
    """

    captured = True

    def __init__(self, catalog: Catalog, *, said: bool = True) -> None:
        super().__init__(_NOTHING_KNOWN, catalog, said=said)
        self.said = said
        self._run_starts: Sequence[int] = ()
        self._registry = catalog.registry
        self._outlines = Outlines(self._registry.store)

    def __call__(self, listener: Listener, reached: tuple[Reached, ...] = ()) -> Listener:
        """*listener* with its findings."""
        if listener.assessment.findings:
            return listener
        note = listener.assessment.note
        if note is None:
            return super().__call__(listener, reached)
        bare = listener._replace(assessment=listener.assessment._replace(note=None))
        judged = super().__call__(bare, reached)
        return judged._replace(assessment=judged.assessment._replace(note=note))

    def learn_runs(self) -> dict[Transport, list[tuple[PortInShort, int]]]:
        """What is on record of each run of ports of which the very same is, where nothing is said,
        with the number of ports of each run, by the transports met so far.

        There are 10,000 runs. For tens of thousands of ports that takes a tenth of the time that
        asking for each would: in their order they are found much faster, and few cells are read.
        """
        met = self.ports.transports
        stands = self._outlines.of_runs(met)
        starts = self._practice.run_starts().union(stands)
        self._run_starts = sorted([start for start in starts if start < PORTS])
        found: list[list[tuple[PortInShort, int]]] = [[] for _ in met]
        standing = stands[0]
        for first, end, (*practice, blocked) in zip(
            self._run_starts,
            (*self._run_starts[1:], PORTS),
            self._practice.on_each(self._run_starts),
            strict=True,
        ):
            standing = stands.get(first, standing)
            some = blocked or any(practice)
            for at, transport in enumerate(met):
                outline = standing[at]
                if some:
                    one = self._used(outline, transport, practice, blocked=blocked)
                else:
                    one = self._unused(outline)
                found[at].append((one, end - first))
        return dict(zip(met, found, strict=True))

    def expect_many(self) -> None:
        """Reads all files by port at once, as many ports are asked for."""
        self._registry.store.hold()
        self._practice.expect(PORTS)

    def in_short(self, at: int, transport: Transport) -> PortInShort:
        """What is on record about the port *at*, as :meth:`learn_runs` has it."""
        if self._registry.store.held:
            outline = self._outlines.on(at, transport)
            looking, of_port = self._practice, (at, transport)
            if looking.silent(*of_port):
                return self._unused(outline)
            found = looking.lookup_uses(*of_port), looking.lookup_abuse(*of_port)
            services, blocked = looking.lookup_services(*of_port), looking.browser_blocked(at)
            return self._used(outline, transport, (*found, services), blocked=blocked)
        port = self.on_record(at, transport)
        practice = (*port.uses, *port.abuse, *port.services, *_REFUSED[port.browser_blocked])
        return PortInShort(outline_of(port.standing), practice, port.kind, port.words)

    def _unused(self, outline: Outline) -> PortInShort:
        """A port like *outline*, of which practice has nothing."""
        kind = self.ports.bare_kind(outline.state, outline.spoken, (), (), (), blocked=False)
        made: PortInShort = _new(PortInShort, (outline, (), kind, outline.spoken))
        return made

    def _used(
        self, outline: Outline, transport: Transport, practice: Sequence[Any], *, blocked: bool
    ) -> PortInShort:
        """As :meth:`_unused`, with the uses, the reports and the services in *practice*."""
        uses, abuse, services = [
            [each for each in entries if each.transport is transport] if entries else ()
            for entries in practice
        ]
        if not (uses or abuse or services or blocked):
            return self._unused(outline)
        spoken = words = outline.spoken
        kind = self.ports.bare_kind(outline.state, spoken, uses, abuse, services, blocked=blocked)
        if uses:
            words = words.union(*[use.product.lower().split() for use in uses])
        same = (*uses, *abuse, *services, *_REFUSED[blocked])
        made: PortInShort = _new(PortInShort, (outline, same, kind, words))
        return made

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        starts = self._run_starts
        if not starts:
            return self.ports.on_record(port, transport)
        # That of its run's first port, which has the same rows of everything.
        first = starts[bisect_right(starts, port) - 1]
        return self.ports.found(port, transport) or self.ports.on_record(first, transport)

    def worded(self, listener: Listener) -> Listener:
        """*listener* with its findings in words, where it has been judged without."""
        if is_bare(listener.assessment.findings):
            assessment = listener.assessment._replace(findings=())
            listener = listener._replace(assessment=assessment)
        return self(listener)

    def in_words(
        self, listener: Listener, finding: Finding, port: PortOnRecord, owners: OwnersOnRecord
    ) -> Finding:
        """*finding* on *listener*, which was made without a word, in words: by what is on record of
        its port and owners.
        """
        rules = [(_RULES[finding.code], finding.level)]
        return in_words(self._case(listener, port, owners.each, ()), rules)[0]


def is_bare(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is said in *findings*: they have codes and levels alone."""
    return bool(findings) and findings[0].subject is None and not findings[0].facts


def named_alone(owners: tuple[Process, ...]) -> bool:
    """Whether there is one of *owners* at most, and no more of it than its name weighs."""
    if not owners:
        return True
    owner = owners[0]
    return (
        len(owners) == 1
        and bool(owner.program)
        and owner.command is None
        and owner.executable is None
        and not owner.executable_deleted
        and owner.started is None
        and owner.activates_executable is None
    )


def shape_of(port: PortInShort) -> tuple[object, tuple[str, ...]]:
    """What *port* has in common with those of which the number, the description and the names of
    the services alone differ, which are returned in this order; None where that isn't all.
    """
    shape, texts = standing_shape(port.standing)
    if port.standing.state is not State.ASSIGNED:
        # The very same entries, which are held with their ports.
        return (shape, *sorted(map(id, port.practice))), ()
    # A use beside a service may be a use of that.
    return (None, texts) if port.practice else (shape, texts)


def advised_of(port: PortInShort) -> bool:
    """Whether a service of *port* is one that somebody advises not to expose."""
    found = [each for each in port.practice if isinstance(each, KnownService)]
    return any(each.exposure is not None for each in found)


def reports_of(port: PortInShort) -> tuple[Report, ...]:
    """The reports of abuse on *port*."""
    return tuple([each for each in port.practice if isinstance(each, Report)])


def standing_shape(standing: Outline) -> tuple[object, tuple[str, ...]]:
    """As :func:`shape_of`, by what the registry has of a port alone."""
    if standing.state is not State.ASSIGNED:
        return (standing.state, standing.listed, standing.text), ()
    names = standing.names
    if not standing.text or len(names) > _MOST_NAMES or not standing.whole:
        return None, ()
    return (standing.state, standing.listed, len(names)), (standing.text, *names)


def marked(listener: Listener, *, numbered: bool, placed: bool, named: bool = False) -> Listener:
    """*listener* with one of :data:`MARKS` in place of each value that may be another's: its port
    where it is *numbered*, its address where it is *placed*. Where it is *named*, its owner is
    called :data:`OWNER`.
    """
    socket, ownership, assessment = listener
    if named and ownership.owners:
        ownership = ownership._replace(owners=(ownership.owners[0]._replace(program=OWNER),))
    if ownership.owners and ownership.owners[0].pid:
        ownership = ownership._replace(owners=(ownership.owners[0]._replace(pid=_PID),))
    if socket.inode is not None:
        socket = socket._replace(inode=_INODE)
    if placed:
        socket = socket._replace(address=_ADDRESSES[socket.family or Family.IPV4])
    if numbered:
        socket = socket._replace(port=_PORT)
    return Listener(socket, ownership, assessment)


def marked_port(port: PortOnRecord) -> PortOnRecord:
    """*port* with marks for its description and the names of its services."""
    standing = port.standing
    if not standing.assignments:
        return port
    marks = {name: chr(_NAMES + number) for number, name in enumerate(port.service_names)}
    rows = [
        row._replace(service_name=marks[row.service_name or ""], aliases=())
        for row in standing.assignments
    ]
    standing = standing._replace(text=_TEXT, assignments=tuple(rows))
    return port._replace(standing=standing, words=frozenset(marks.values()))
