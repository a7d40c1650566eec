"""The verdict on sockets, weighed with all that is on record about their ports and their owners."""

from __future__ import annotations

from portbook.app.on_record import OwnerOnRecord, OwnersOnRecord, PortOnRecord, PortsOnRecord
from portbook.host.host_reader import THIS_HOST
from portbook.model import (
    Assessment,
    Evidence,
    EvidenceCode,
    Finding,
    Listener,
    Subject,
    SubjectKind,
    Transport,
)
from portbook.model.command_line import tool_names
from portbook.verdict.engine import judge
from portbook.verdict.facts import Case, note_that_counts, speaks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.model import (
        PortRules,
        Process,
        Program,
        Reach,
        Tool,
    )
    from portbook.verdict.shadowing import Reached

# Verdicts and owners that are kept for sockets like them. A finding with its evidence takes a
# kilobyte, one without is shared.
_MOST_SAID, _MOST_BARE = 1024, 8192
# What makes the named tuples of every socket: their own constructors take four times as long.
_new: Any = tuple.__new__
_NO_WORDS: frozenset[str] = frozenset()


class Judge:
    """The verdict on the sockets of one machine or of one capture; those alike are judged once.

    *rules* are the machine's, *trusted* the users who may put programs where a note expects them,
    which *host* is asked. Where *said* is false, findings have their codes and levels alone. Where
    *named* is, sockets that are judged alike share their findings, which have no subject: it is the
    socket that they stand with.
    """

    captured = False

    def __init__(
        self,
        rules: PortRules,
        catalog: Catalog,
        *,
        said: bool = True,
        named: bool = True,
        trusted: frozenset[int] = frozenset(),
        host: HostReader = THIS_HOST,
        ports: PortsOnRecord | None = None,
    ) -> None:
        self._rules = rules
        self._practice = catalog.practice
        self._said, self._named = said, named
        self.ports = PortsOnRecord(catalog, said=said) if ports is None else ports
        self._trusted = trusted
        self._host = host
        self._most = _MOST_SAID if said else _MOST_BARE
        self._owners: dict[tuple[object, ...], OwnerOnRecord] = {}
        # A number for what weighs of owners: to compare it takes no time.
        self._weights: dict[tuple[object, ...], int] = {}
        # Sockets of the same owners mostly follow each other.
        self._last: tuple[tuple[Process, ...], OwnersOnRecord] | None = None
        self._judged: dict[tuple[object, ...], tuple[Finding, ...]] = {}
        self._reach: dict[tuple[object, ...], Reach | None] = {}

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        return self.ports.on_record(port, transport)

    def __call__(self, listener: Listener, reached: tuple[Reached, ...] = ()) -> Listener:
        """*listener* with its findings, and where they are said, with the services registered
        there. *reached* says which addresses lead to another program that has its port too.
        """
        socket, ownership, (_, note, speaks, names, reachable) = listener
        port = self.on_record(socket.port, socket.transport)
        findings = self.findings(listener, port, reached)
        names = names or port.service_names if self._said else names
        assessment = _new(Assessment, (findings, note, speaks, names, reachable))
        judged: Listener = _new(Listener, (socket, ownership, assessment))
        return judged

    def findings(
        self,
        listener: Listener,
        port: PortOnRecord,
        reached: tuple[Reached, ...],
        owners: OwnersOnRecord | None = None,
    ) -> tuple[Finding, ...]:
        """What the verdict says of *listener*, whose port stands on record as *port*, and its
        owners as *owners* where they were looked up.

        *reached* says which program each address of the port reaches, where several sockets have
        it. Sockets that differ in nothing that is weighed get the same findings, made once.
        """
        processes = listener.ownership.owners
        if owners is None:
            if self._last is None or self._last[0] is not processes:
                self._last = (processes, self.owners_on_record(processes))
            owners = self._last[1]
        key = None if reached else self._key(listener, port, owners)
        if key is None:
            return judge(self._case(listener, port, owners.each, reached), said=self._said)
        findings = self._judged.get(key)
        if findings is None:
            findings = judge(self._case(listener, port, owners.each, ()), said=self._said)
            if not self._named:
                findings = tuple([finding._replace(subject=None) for finding in findings])
            if len(self._judged) < self._most:
                self._judged[key] = findings
        elif self._said and self._named:
            subject = _new(Subject, (SubjectKind.SOCKET, listener.socket.name))
            pid = processes[0].pid if len(processes) == 1 else 0
            findings = tuple(
                [
                    _new(Finding, (code, level, subject, facts, _of_process(evidence, pid)))
                    for code, level, _, facts, evidence in findings
                ]
            )
        return findings

    def _key(
        self, listener: Listener, port: PortOnRecord, owners: OwnersOnRecord
    ) -> tuple[object, ...] | None:
        """What sockets have in common that are alike; None for one that is like no other."""
        socket, (_, seen, _), (_, note, speaks, _, reachable) = listener
        if note is not None or speaks is not None or (socket.queue and socket.backlog_full):
            return None
        rules, number = self._rules, socket.port
        # Many sockets have one address: from where it can be reached is worked out once.
        place = (socket.address, socket.interface, socket.scanned)
        if place not in self._reach:
            self._reach[place] = socket.reach
        alike = number not in owners.ports and owners.words.isdisjoint(port.words)
        first_open = rules.unprivileged_first
        return (
            port.kind if alike else (number, socket.transport),
            owners.weighed,
            seen,
            self._reach[place],
            reachable,
            socket.interface,
            socket.state,
            socket.uid,
            socket.user,
            rules.hands_out(number),
            first_open is not None and number < first_open,
        )

    def owners_on_record(self, processes: tuple[Process, ...]) -> OwnersOnRecord:
        """What is on record about the programs of *processes*, in their order."""
        each = tuple([self._owner(owner) for owner in processes])
        known = [program for owner in each for program in (*owner.programs, *owner.named)]
        weighed: tuple[object, ...]
        if not self._said:
            weighed = tuple([_weighed(owner) for owner in processes])
        elif self._named and len(processes) == 1:
            weighed = (_but_pid(processes[0]),)
        else:
            weighed = processes
        number = self._weights.get(weighed)
        if number is None and len(self._weights) < self._most:
            number = self._weights[weighed] = len(self._weights)
        return OwnersOnRecord(
            each,
            frozenset([port for program in known for port, _ in program.ports]),
            _words_of_owners(processes, (*known, *[owner.tool for owner in each if owner.tool])),
            weighed if number is None else number,
        )

    def _owner(self, owner: Process) -> OwnerOnRecord:
        path, name = owner.activates_executable or owner.executable, owner.program
        key = (path, name, owner.command)
        found = self._owners.get(key)
        if found is None:
            practice = self._practice
            found = OwnerOnRecord(
                path,
                practice.lookup_programs(path) if path else (),
                practice.programs_named(name) if name is not None and not path else (),
                practice.tool_named(tool_names(path or name or "", owner.command or ())),
            )
            if len(self._owners) < _MOST_SAID:
                self._owners[key] = found
        return found

    def _case(
        self,
        listener: Listener,
        port: PortOnRecord,
        owners: tuple[OwnerOnRecord, ...],
        reached: tuple[Reached, ...],
    ) -> Case:
        seen, tools = any(each.path for each in owners), tuple([each.tool for each in owners])
        case = Case(
            listener,
            port.standing,
            tuple([each.programs for each in owners]),
            port.uses,
            self._rules,
            port.browser_blocked,
            port.abuse,
            # The name is all that could be seen of an owner.
            named=() if seen else tuple([each.named for each in owners]),
            tools=tools if any(tools) else (),
            reached=reached,
            trusted=self._trusted,
            services=port.services,
            captured=self.captured,
        )
        at = (listener.socket.port, listener.socket.transport)
        homes = [home for some in case.programs + case.named for one in some for home in one.ports]
        for home in dict.fromkeys(homes):
            if home != at:
                more = self._practice.lookup_services(*home)
                case = case._replace(services=case.services + more)
        if self._said and port.uses and not (homes or case.tools):
            case = case._replace(defaults=self._practice.programs_on(*at))
        if port.browser_blocked and self._said:
            sources = self._practice.sources()
            case = case._replace(
                browsers=tuple([each for each in sources if each.id == "lore-browsers"])
            )
        note = note_that_counts(listener)
        if note is not None and note.executables:
            kept = [
                self._host.put_there_by(owner.pid, each.path, self._trusted) if each.path else None
                for owner, each in zip(listener.ownership.owners, owners, strict=True)
            ]
            case = case._replace(kept=tuple(kept))
        return case


def _words_of_owners(
    owners: tuple[Process, ...], programs: tuple[Program | Tool, ...]
) -> frozenset[str]:
    """The services that *programs*, those of *owners*, implement, and the words in all names."""
    names = [owner.program or "" for owner in owners] + [each.product for each in programs]
    return frozenset(speaks(programs)).union(*[name.lower().split() for name in names])


def _weighed(owner: Process) -> object:
    """What of *owner* weighs in codes and levels: of one without a file hardly more than names."""
    if owner.executable is not None or owner.executable_deleted or owner.activates_executable:
        return owner
    return owner.program, owner.command, owner.packaged


def _but_pid(owner: Process) -> object:
    """What of an only *owner* weighs where findings are said: all but the number, which
    :func:`_of_process` puts in, of one that is known by its name alone.
    """
    if owner.executable is not None or owner.executable_deleted or not owner.program:
        return owner
    return bool(owner.pid), owner[1:]


def _of_process(evidence: tuple[Evidence, ...], pid: int) -> tuple[Evidence, ...]:
    """*evidence* of one process, for one that is like it and has the number *pid*."""
    unseen = EvidenceCode.EXECUTABLE_UNSEEN
    if not pid or all(each.code is not unseen for each in evidence):
        return evidence
    own = Evidence(unseen, (("pid", pid),))
    return tuple([own if each.code is unseen else each for each in evidence])


def judge_listener(
    listener: Listener,
    rules: PortRules,
    catalog: Catalog,
    *,
    said: bool = True,
    trusted: frozenset[int] = frozenset(),
    host: HostReader = THIS_HOST,
    reached: tuple[Reached, ...] = (),
) -> tuple[Finding, ...]:
    """The findings on one socket, as a :class:`Judge` has them."""
    judged = Judge(rules, catalog, said=said, trusted=trusted, host=host)(listener, reached)
    return judged.assessment.findings
