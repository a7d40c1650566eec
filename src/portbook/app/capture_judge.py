"""The verdict on the sockets of a capture, of which there may be hundreds of thousands."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, ClassVar

from portbook._fast_types import NamedTuple
from portbook.app.judge import Judge
from portbook.model import DYNAMIC_PORTS, PORTS, Assessment, Family, Listener, PortRules, Reach
from portbook.verdict.engine import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portbook.app.judge import OwnersOnRecord, PortOnRecord
    from portbook.catalog import Catalog
    from portbook.model import Finding, Process, Transport
    from portbook.verdict.shadowing import Reached

_NOTHING_KNOWN = PortRules("")
# What stands for the values in which sockets differ that are else alike: numbers and text that
# nothing has but by malice, and addresses that are documentation's (RFC 5737, RFC 3849).
_PORT, _PID, _INODE = 480913205570, 480913205571, 480913205572
_ADDRESSES = {Family.IPV4: "203.0.113.251", Family.IPV6: "2001:db8:4809:1320:5570::fb"}
_MARKS = {
    "port": str(_PORT),
    "pid": str(_PID),
    "inode": str(_INODE),
    **{str(family): address for family, address in _ADDRESSES.items()},
}
_TEXT, _NAMES = "\ue00f", 0xE010
_MOST_OWNERS = 4096
_tuple: Any = tuple.__new__


class Likeness(NamedTuple):
    """What a socket of a capture has in common with those of which all is the same but for a few
    values: ``key`` is equal for them.

    ``values`` and ``texts`` are its own, by what stands for each where it is :meth:`marked
    <CaptureJudge.marked>`; the texts are those of its ``port``, and so are the same for each of one
    ``kind``.
    """

    key: tuple[object, ...]
    values: dict[str, object]
    texts: dict[str, str]
    port: PortOnRecord
    owners: OwnersOnRecord


class CaptureJudge(Judge):
    """The verdict on captured sockets.

    A note in a capture was written for another machine: it is shown, and no finding here depends
    on it. What portbook itself found before is kept.
    """

    marks: ClassVar[Mapping[str, str]] = _MARKS

    def __init__(self, catalog: Catalog, *, said: bool = True) -> None:
        super().__init__(_NOTHING_KNOWN, catalog, said=said)
        self.said = said
        self._run_starts: Sequence[int] = ()
        self._by_name: dict[tuple[object, ...], OwnersOnRecord] = {}
        self._shapes: dict[int, tuple[object, dict[str, str]]] = {}

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

    def likeness(self, listener: Listener) -> Likeness | None:
        """What *listener* has in common with others; None for one that is like no other.

        What was found without a word is not kept: see :meth:`marked`.
        """
        socket, (owners, seen), assessment = listener
        if len(owners) > 1 or _has_own(assessment):
            return None
        more: list[Any]  # fields that no column is of
        (
            transport, family, address, port, state, interface, inode, uid, user, v6only, queue,
            limit, udplite, namespace, sharing, scanned, host, first, last, *more,
        ) = socket  # fmt: skip
        pid, rest = (owners[0][0], owners[0][1:]) if owners else (0, ())
        owned = self._by_name.get(rest) or self._owned(owners)
        if owned is None or (queue and limit is not None and queue > limit):
            return None
        values: dict[str, object] = {"pid": pid, "inode": inode}
        at, reaches = (address, interface, scanned), self._reach
        if at not in reaches:
            reaches[at] = socket.reach
        reach, where = reaches[at], address
        if reach is Reach.ADDRESS and (":" in address) is (family is Family.IPV6):
            values[str(family)], where = address, ""
        on_record = self.on_record(port, transport)
        kind, texts = self._shape_of(on_record)
        if kind is None or port in owned.ports or not owned.words.isdisjoint(on_record.words):
            kind, texts = port, {}
        else:
            values["port"] = port
        key = (
            transport, kind, rest, not pid, seen, family, where, reach, state, interface,
            inode is None, uid, user, v6only, queue, limit, udplite, namespace, sharing, scanned,
            host, first, last, *more,
        )  # fmt: skip
        like: Likeness = _tuple(Likeness, (key, values, texts, on_record, owned))
        return like

    def _owned(self, owners: tuple[Process, ...]) -> OwnersOnRecord | None:
        """What is on record of an only owner; None for one of whom more than the name weighs."""
        if owners and not _named_alone(owners[0]):
            return None
        owned = self.owners_on_record(owners)
        if len(self._by_name) < _MOST_OWNERS:
            self._by_name[owners[0][1:] if owners else ()] = owned
        return owned

    def _shape_of(self, port: PortOnRecord) -> tuple[object, dict[str, str]]:
        shape = self._shapes.get(port.kind)
        if shape is None:
            shape = self._shapes[port.kind] = _shape(port)
        return shape

    def worded(self, listener: Listener) -> Listener:
        """*listener* with its findings in words, where it has been judged without."""
        if _is_bare(listener.assessment.findings):
            assessment = listener.assessment._replace(findings=())
            listener = listener._replace(assessment=assessment)
        return self(listener)

    def marked(self, listener: Listener, like: Likeness) -> Listener:
        """*listener* with its findings in words, and a mark in place of each value that is its own.

        ``marks`` has those of values; those of texts are the texts' keys.
        """
        values, port = like.values, like.port
        socket, ownership, _ = listener
        if values["pid"]:
            owner = ownership.owners[0]._replace(pid=_PID)
            ownership = ownership._replace(owners=(owner,))
        if values["inode"] is not None:
            socket = socket._replace(inode=_INODE)
        if str(socket.family) in values:
            socket = socket._replace(address=_ADDRESSES[socket.family or Family.IPV4])
        if "port" in values:
            socket, port = socket._replace(port=_PORT), _marked(port)
        bare = Listener(socket, ownership)
        findings = judge(self._case(bare, port, like.owners.each, ()))
        return bare._replace(assessment=Assessment(findings, service_names=port.service_names))


def _has_own(assessment: Assessment) -> bool:
    """Whether anything but findings without a word is known of a socket."""
    found, note, speaks, names, reachable = assessment
    if note is not None or speaks is not None or names or reachable is not None:
        return True
    return bool(found) and not _is_bare(found)


def _is_bare(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is said in *findings*: they have codes and levels alone."""
    return bool(findings) and findings[0].subject is None and not findings[0].facts


def _named_alone(owner: Process) -> bool:
    """Whether no more of *owner* than its name weighs."""
    return (
        bool(owner.program)
        and owner.command is None
        and owner.executable is None
        and not owner.executable_deleted
        and owner.started is None
        and owner.activates_executable is None
    )


def _shape(port: PortOnRecord) -> tuple[object, dict[str, str]]:
    """What *port* has in common with those of which the number, the names of the services and the
    description alone differ, which are returned by their marks; None where that isn't all.
    """
    standing, names = port.standing, port.service_names
    rows = standing.assignments
    practice = (*port.uses, *port.abuse, *port.services)
    if not rows:
        # The very same rows of practice, which are held with their ports.
        same = (*map(id, practice), port.browser_blocked)
        return (standing.state, standing.listed, standing.text, same), {}
    # A use beside a service may be a use of that.
    if practice or port.browser_blocked or not standing.text:
        return None, {}
    if not all(row.service_name for row in rows):
        return None, {}
    texts = {chr(_NAMES + number): name for number, name in enumerate(names)}
    return (standing.state, standing.listed, len(names)), {_TEXT: standing.text, **texts}


def _marked(port: PortOnRecord) -> PortOnRecord:
    """*port* with marks for its description and its services."""
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
