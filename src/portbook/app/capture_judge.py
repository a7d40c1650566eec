"""The verdict on the sockets of a capture, of which there may be hundreds of thousands."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from portbook.app.judge import Judge
from portbook.model import DYNAMIC_PORTS, PORTS, Family, Listener, PortRules
from portbook.verdict.engine import in_words
from portbook.verdict.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.judge import OwnersOnRecord, PortOnRecord
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
_TEXT, _NAMES = "\ue00f", 0xE010
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

    def learn_runs(self) -> dict[Transport, list[tuple[PortOnRecord, int]]]:
        """Takes what is on record of each run of ports of which the very same is, where nothing is
        said. Returns it with the number of ports of each run, by the transports met so far.

        There are 10,000 runs. For tens of thousands of ports that takes a third of the time that
        asking for each would: in their order they are found much faster.
        """
        starts = self._registry.store.run_starts() | self._practice.run_starts()
        starts |= {0, DYNAMIC_PORTS.first}
        self._run_starts = sorted([start for start in starts if start < PORTS])
        ends = (*self._run_starts[1:], PORTS)
        sizes = [end - first for first, end in zip(self._run_starts, ends, strict=True)]
        met = {transport: ports for transport, ports in self._ports.items() if ports}
        runs: dict[Transport, list[tuple[PortOnRecord, int]]] = {each: [] for each in met}
        for first, size in zip(self._run_starts, sizes, strict=True):
            for transport, ports in met.items():  # what both have is looked for once
                found = ports.get(first) or self._on_record(first, transport)
                ports[first] = found
                runs[transport].append((found, size))
        return runs

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        ports = self._ports[transport]
        found = ports.get(port)
        if found is None:
            starts = self._run_starts
            if starts:
                # That of its run's first port, which has the same rows of everything.
                port = starts[bisect_right(starts, port) - 1]
                found = ports.get(port)
            if found is None:
                found = ports[port] = self._on_record(port, transport)
        return found

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


def shape_of(port: PortOnRecord) -> tuple[object, tuple[str, ...]]:
    """What *port* has in common with those of which the number, the description and the names of
    the services alone differ, which are returned in this order; None where that isn't all.
    """
    shape, texts = standing_shape(port)
    practice = (*port.uses, *port.abuse, *port.services)
    if not port.standing.assignments:
        # The very same rows of practice, which are held with their ports.
        return (shape, (*map(id, practice), port.browser_blocked)), ()
    # A use beside a service may be a use of that.
    return (None, texts) if practice or port.browser_blocked else (shape, texts)


def standing_shape(port: PortOnRecord) -> tuple[object, tuple[str, ...]]:
    """As :func:`shape_of`, by what the registry has of *port* alone."""
    standing = port.standing
    rows = standing.assignments
    if not rows:
        return (standing.state, standing.listed, standing.text), ()
    names = port.service_names
    if not standing.text or len(names) > _MOST_NAMES or not all(row.service_name for row in rows):
        return None, ()
    return (standing.state, standing.listed, len(names)), (standing.text, *names)


def marked(listener: Listener, *, numbered: bool, placed: bool) -> Listener:
    """*listener* with one of :data:`MARKS` in place of each value that may be another's: its port
    where it is *numbered*, its address where it is *placed*.
    """
    socket, ownership, assessment = listener
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
