"""The verdict on sockets, weighed with all that is on record about their ports and their owners."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.host.host_reader import THIS_HOST
from portbook.model import Assessment, Finding, Listener, Subject, SubjectKind
from portbook.model.command_line import tool_names
from portbook.verdict.engine import judge
from portbook.verdict.facts import Case, note_that_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.model import (
        KnownService,
        PortRules,
        Process,
        Program,
        Report,
        Standing,
        Tool,
        Transport,
        Use,
    )
    from portbook.verdict.shadowing import Reached

# Verdicts and owners that are kept for sockets like them. A finding with its evidence takes a
# kilobyte, one without is shared.
_MOST_SAID, _MOST_BARE = 1024, 65536


class PortOnRecord(NamedTuple):
    """What is on record about one port of one transport, whatever is there.

    ``kind`` is equal for ports that are judged alike, whatever their numbers: one with a service,
    a use or a report of its own is one of a kind.
    """

    standing: Standing
    uses: tuple[Use, ...]
    abuse: tuple[Report, ...]
    browser_blocked: bool
    services: tuple[KnownService, ...]
    kind: object

    @property
    def service_names(self) -> tuple[str, ...]:
        """The services that the registry has there."""
        rows = self.standing.assignments
        return tuple(dict.fromkeys([row.service_name for row in rows if row.service_name]))


class _OwnerOnRecord(NamedTuple):
    """What is on record about the program of one owner: by its path, by its name alone, and by
    what its arguments name.
    """

    path: str | None
    programs: tuple[Program, ...]
    named: tuple[Program, ...]
    tool: Tool | None


class _OwnersOnRecord(NamedTuple):
    """What is on record about all owners of a socket.

    ``ports`` are those that are their programs' own, and ``weighed`` is equal for owners who are
    judged alike.
    """

    each: tuple[_OwnerOnRecord, ...]
    ports: frozenset[tuple[int, Transport]]
    weighed: tuple[object, ...]


class Judge:
    """The verdict on the sockets of one machine or of one capture; those alike are judged once.

    *rules* are the machine's, *trusted* the users who may put programs where a note expects them,
    which *host* is asked. Where *said* is false, findings have their codes and levels alone.
    """

    def __init__(
        self,
        rules: PortRules,
        catalog: Catalog,
        *,
        said: bool = True,
        trusted: frozenset[int] = frozenset(),
        host: HostReader = THIS_HOST,
    ) -> None:
        self._rules = rules
        self._registry, self._practice = catalog.registry, catalog.practice
        self._said = said
        self._trusted = trusted
        self._host = host
        self._most = _MOST_SAID if said else _MOST_BARE
        self._ports: dict[tuple[int, Transport], PortOnRecord] = {}
        self._owners: dict[tuple[object, ...], _OwnerOnRecord] = {}
        # Sockets of the same owners mostly follow each other.
        self._last: tuple[tuple[Process, ...], _OwnersOnRecord] | None = None
        self._judged: dict[tuple[object, ...], tuple[Finding, ...]] = {}

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        at = (port, transport)
        found = self._ports.get(at)
        if found is None:
            practice, standing = self._practice, self._registry.standing(port, transport)
            uses, abuse = practice.lookup_uses(*at), practice.lookup_abuse(*at)
            blocked, services = practice.browser_blocked(port), practice.lookup_services(*at)
            own = standing.assignments or uses or abuse or blocked or services
            kind = at if own else (standing.state, standing.listed, standing.text)
            found = self._ports[at] = PortOnRecord(standing, uses, abuse, blocked, services, kind)
        return found

    def __call__(self, listener: Listener, reached: tuple[Reached, ...] = ()) -> Listener:
        """*listener* with its findings, and where they are said, with the services registered
        there. *reached* says which addresses lead to another program that has its port too.
        """
        socket, ownership, (_, note, speaks, names, reachable) = listener
        port = self.on_record(socket.port, socket.transport)
        findings = self._findings(listener, port, reached)
        names = names or port.service_names if self._said else names
        return Listener(socket, ownership, Assessment(findings, note, speaks, names, reachable))

    def _findings(
        self, listener: Listener, port: PortOnRecord, reached: tuple[Reached, ...]
    ) -> tuple[Finding, ...]:
        processes = listener.ownership.owners
        if self._last is None or self._last[0] is not processes:
            self._last = (processes, self._owners_on_record(processes))
        owners = self._last[1]
        key = None if reached else self._key(listener, port, owners)
        if key is None:
            return judge(self._case(listener, port, owners.each, reached), said=self._said)
        findings = self._judged.get(key)
        if findings is None:
            findings = judge(self._case(listener, port, owners.each, ()), said=self._said)
            if len(self._judged) < self._most:
                self._judged[key] = findings
        elif self._said:
            subject = Subject(SubjectKind.SOCKET, listener.socket.name)
            findings = tuple(
                [
                    Finding(code, level, subject, facts, evidence)
                    for code, level, _, facts, evidence in findings
                ]
            )
        return findings

    def _key(
        self, listener: Listener, port: PortOnRecord, owners: _OwnersOnRecord
    ) -> tuple[object, ...] | None:
        """What sockets have in common that are alike; None for one that is like no other."""
        socket, (_, seen), (_, note, speaks, _, reachable) = listener
        if note is not None or speaks is not None or socket.backlog_full:
            return None
        rules, number = self._rules, socket.port
        at = (number, socket.transport)
        first_open = rules.unprivileged_first
        return (
            at if at in owners.ports else port.kind,
            owners.weighed,
            seen,
            socket.reach,
            reachable,
            socket.interface,
            socket.state,
            socket.uid,
            socket.user,
            rules.hands_out(number),
            first_open is not None and number < first_open,
        )

    def _owners_on_record(self, processes: tuple[Process, ...]) -> _OwnersOnRecord:
        each = tuple([self._owner(owner) for owner in processes])
        known = [program for owner in each for program in (*owner.programs, *owner.named)]
        return _OwnersOnRecord(
            each,
            frozenset([at for program in known for at in program.ports]),
            processes if self._said else tuple([_weighed(owner) for owner in processes]),
        )

    def _owner(self, owner: Process) -> _OwnerOnRecord:
        path, name = owner.activates_executable or owner.executable, owner.program
        key = (path, name, owner.command)
        found = self._owners.get(key)
        if found is None:
            practice = self._practice
            found = _OwnerOnRecord(
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
        owners: tuple[_OwnerOnRecord, ...],
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
        )
        at = (listener.socket.port, listener.socket.transport)
        homes = [home for some in case.programs + case.named for one in some for home in one.ports]
        for home in dict.fromkeys(homes):
            if home != at:
                more = self._practice.lookup_services(*home)
                case = case._replace(services=case.services + more)
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


def _weighed(owner: Process) -> object:
    """What of *owner* weighs in codes and levels: of one without a file hardly more than names."""
    if owner.executable is not None or owner.executable_deleted or owner.activates_executable:
        return owner
    return owner.program, owner.command, owner.packaged


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
