"""Lore: what people do with ports, whatever the registry says.

Which server programs there are and what they speak, what ports are used for in practice, what
abuse of them was reported, which ports browsers refuse, and what each operating system does by
default. Every line has a source and the day it was read. The lines are edited as TOML beside this
file, and compiled by ``tasks/build_lore.py`` into the sorted text files that are read here.

>>> practice = Practice()
>>> [each.name for each in practice.lookup_programs("/usr/lib/postgresql/17/bin/postgres")]
['postgresql']
>>> practice.lookup_programs("/home/eve/bin/postgres")
()
>>> practice.browser_blocked(6667), practice.browser_blocked(443)
(True, False)
"""

from __future__ import annotations

import os

from portbook.catalog.practice.by_port import BY_PORT, PORTS_UNTIL_HELD, ByPort
from portbook.catalog.practice.rows import COLUMNS, cells_in, cells_of, number_of, use_of
from portbook.errors import DataCorrupt
from portbook.model import Source, Transport
from portbook.storage.sorted_tsv import SortedFile, number, word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from portbook.catalog.practice.use_names import UseNames
    from portbook.model import (
        KnownService,
        Program,
        Report,
        SystemListener,
        SystemRule,
        Tool,
        Use,
    )

DATA = os.path.join(os.path.dirname(__file__), "data")

_NAMES_HELD = 4096  # names and paths of programs, of which captures may have any number

# What each file is, for a reader of the list of sources.
SUBJECTS = {
    "programs": "server programs, the services they implement and where their executables live",
    "uses": "what ports are used for in practice",
    "abuse": "reported abuse of ports",
    "browsers": "ports to which browsers make no request (the fetch standard's bad ports)",
    "services": "what the services are that people meet on ports",
    "names": "names that systems give to ports beside the registry's",
    "systems": "dynamic ranges and privileged-port rules of operating systems",
}


def _reported(report: Report) -> str:
    """When *report* was made; the day of the list where it says "then or earlier"."""
    return report.period.removeprefix("../")


_TRANSPORTS = list(Transport)


def place_on_its_port(service: KnownService) -> tuple[bool, bool, bool, int, int, str]:
    """The place of *service* among those of a port, the first least."""
    return (
        not service.leads,
        service.people is None,
        service.successor is not None,
        _TRANSPORTS.index(service.transport),
        service.last - service.first,
        service.name,
    )


def _programs_of(rows: Sequence[list[str]], path: str) -> list[Program]:
    """The programs of *rows* of the file *path*; where there are none, nothing is loaded."""
    if not rows:
        return []
    from portbook.catalog.practice.program_rows import program_of

    return [program_of(row, path) for row in rows]


class Practice:
    """The compiled lore in one folder; each file is opened when it is first asked.

    Every method raises DataMissing where its file can't be opened, and DataCorrupt where the
    file isn't what it should be.
    """

    def __init__(self, folder: str = DATA) -> None:
        self.folder = folder
        self._files: dict[str, SortedFile] = {}
        self._rules: tuple[SystemRule, ...] | None = None
        self._sources: tuple[Source, ...] | None = None
        self._programs: tuple[Program, ...] | None = None
        self._programs_at: dict[str, tuple[Program, ...]] = {}
        self._programs_named: dict[str, tuple[Program, ...]] = {}
        self._by_port = ByPort(self._file)
        self._asked = 0  # for the programs of a port
        self._programs_on: dict[int, list[Program]] | None = None
        self._last_programs: tuple[int, list[Program]] | None = None
        self._called: dict[str, tuple[KnownService, ...]] | None = None
        self._use_names: UseNames | None = None

    def _file(self, kind: str) -> SortedFile:
        file = self._files.get(kind)
        if file is None:
            key = number if kind in BY_PORT else word
            file = SortedFile(os.path.join(self.folder, f"{kind}.tsv"), f"{kind}/1", key)
            if file.header.get("columns") != "\t".join(COLUMNS[kind]):
                raise DataCorrupt(file.path, "its columns are not the ones expected")
            self._files[kind] = file
        return file

    def lookup_programs(self, executable: str) -> tuple[Program, ...]:
        """The programs whose executable may stand at the absolute path *executable*.

        Several programs may share a path (two NTP servers are both ``/usr/sbin/ntpd``); they
        come sorted by name. The path must be the file's own, no symbolic link. On systems
        that keep ``/bin``, ``/sbin`` and ``/lib`` apart from ``/usr``, these count as ``/usr``'s.
        """
        found = self._programs_at.get(executable)
        if found is None:
            from portbook.catalog.practice.path_patterns import path_matches

            path = executable
            if path.startswith(("/bin/", "/sbin/", "/lib/", "/lib64/")):
                path = "/usr" + path
            found = tuple(
                program
                for program in self.programs_named(path.rpartition("/")[2])
                if any(path_matches(pattern, path) for pattern in program.executables)
            )
            if len(self._programs_at) < _NAMES_HELD:
                self._programs_at[executable] = found
        return found

    def programs_named(self, name: str) -> tuple[Program, ...]:
        """The programs whose executable is called *name* on any system, sorted by name.

        Anyone can give a file that name: where the path is known, :meth:`lookup_programs`
        is the one to ask.
        """
        found = self._programs_named.get(name)
        if found is None:
            found = self._search_programs(name)
            if len(self._programs_named) < _NAMES_HELD:
                self._programs_named[name] = found
        return found

    def _search_programs(self, name: str) -> tuple[Program, ...]:
        file = self._file("programs")
        found = []
        for row in file.backward(file.after(name.encode(errors="replace"))):
            if row[0] != name:
                break
            found.append(row)
        return tuple(_programs_of(found[::-1], file.path))

    def programs(self) -> tuple[Program, ...]:
        """Every program, sorted by name. Reads the whole file, once."""
        if self._programs is None:
            file = self._file("programs")
            found = {row[1]: row for row in file.rows()}
            rows = [found[name] for name in sorted(found)]
            self._programs = tuple(_programs_of(rows, file.path))
        return self._programs

    def programs_for(self, service_name: str) -> tuple[Program, ...]:
        """The programs that implement an IANA service, in any letter case, sorted by name."""
        file = self._file("programs")
        name = service_name.lower()
        rows = {row[1]: row for row in file.containing(name.encode(errors="replace"))}
        made = _programs_of([rows[each] for each in sorted(rows)], file.path)
        return tuple([each for each in made if name in map(str.lower, each.services)])

    def programs_on(self, port: int, transport: Transport | None = None) -> tuple[Program, ...]:
        """The programs that have *port* as a default, on *transport* or on any, sorted by name."""
        last = self._last_programs
        if last is not None and last[0] == port:  # the verdict and the answer ask for the same
            programs = last[1]
        elif self._asked < PORTS_UNTIL_HELD:
            self._asked += 1
            file = self._file("programs")
            rows = {row[1]: row for row in file.containing(b"%d/" % port)}
            programs = _programs_of([rows[name] for name in sorted(rows)], file.path)
            self._last_programs = (port, programs)
        else:
            if self._programs_on is None:
                held: dict[int, list[Program]] = {}
                for program in self.programs():
                    for default in dict.fromkeys([number for number, _ in program.ports]):
                        held.setdefault(default, []).append(program)
                self._programs_on = held
            programs = self._programs_on.get(port, [])
        defaults = [(port, kind) for kind in ([transport] if transport else Transport)]
        return tuple([each for each in programs if any(one in defaults for one in each.ports)])

    def tool_named(self, names: Sequence[str]) -> Tool | None:
        """The first of *names* that is a server which an interpreter runs."""
        if not names:
            return None
        file = self._file("tools")
        for name in names:
            row = next(file.backward(file.after(name.encode(errors="replace"))), None)
            if row is not None and row[0] == name:
                from portbook.model.programs import Tool

                _, product, services, source, read = cells_of([*row], "tools", file.path)
                return Tool(
                    name=name,
                    product=product,
                    services=tuple(services.split()),
                    source=source,
                    read=read,
                )
        return None

    def lookup_uses(self, port: int, transport: Transport | None = None) -> tuple[Use, ...]:
        """What *port* is used for in practice, on *transport* or on any, by :attr:`Use.rank`."""
        found: list[Use] = self._by_port.spanning("uses", port, transport)
        if len(found) < 2:  # most ports have none, and captures ask for thousands
            return tuple(found)
        return tuple(sorted(found, key=lambda use: (use.rank, use.first, use.transport)))

    def uses_within(
        self, first: int, last: int, transport: Transport | None = None
    ) -> tuple[Use, ...]:
        """What the ports from *first* to *last* are used for, by port, the narrowest first."""
        uses: list[Use] = self._by_port.within("uses", first, last)
        uses.sort(key=lambda use: (use.first, use.last, use.product, use.transport))
        return tuple([use for use in uses if transport in (None, use.transport)])

    def uses(self) -> Iterator[Use]:
        """Every use, by port."""
        file = self._file("uses")
        for line in file.texts(file.start, file.end):
            yield use_of(cells_in(line, "uses", file.path), file.path)

    def used_spans(self) -> Iterator[tuple[Transport, int, int, tuple[str, ...]]]:
        """Of each use, by port: transport, first and last port, and the services that it is of."""
        return self._by_port.used_spans()

    def uses_of(self, name: str) -> tuple[Use, ...]:
        """The uses of the products that are called *name*, in any letter case, by port.

        So are those with a maker's name before it, or a part's behind it: "Ory Hydra" of "hydra".
        """
        if self._use_names is None:
            from portbook.catalog.practice.use_names import UseNames

            self._use_names = UseNames(self._file)
        return self._use_names.uses_of(name)

    def lookup_abuse(self, port: int, transport: Transport | None = None) -> tuple[Report, ...]:
        """What abuse of *port* was reported, on *transport* or on any.

        Malware with the port as its own comes first, then the oldest period.
        """
        found: list[Report] = self._by_port.spanning("abuse", port, transport)
        if len(found) < 2:
            return tuple(found)
        order = [
            (not each.accuses, _reported(each), each.subject, each.transport, at)
            for at, each in enumerate(found)
        ]
        return tuple([found[at] for *_, at in sorted(order)])

    def abuse_within(
        self, first: int, last: int, transport: Transport | None = None
    ) -> tuple[Report, ...]:
        """What abuse of the ports from *first* to *last* was reported, by port."""
        reports: list[Report] = self._by_port.within("abuse", first, last)
        reports.sort(key=lambda each: (each.first, _reported(each), each.subject, each.transport))
        return tuple([each for each in reports if transport in (None, each.transport)])

    def abuse(self) -> Iterator[Report]:
        """Every report of abuse, by port."""
        from portbook.catalog.practice.report_rows import report_of

        file = self._file("abuse")
        for row in file.rows():
            yield report_of(cells_of(row, "abuse", file.path), file.path)

    def expect(self, ports: int) -> None:
        """Reads a file at once, and not when it was searched often, where so many are asked for."""
        self._by_port.expect(ports)

    def expect_at(self, ports: Collection[int]) -> None:
        """As :meth:`expect`, of *ports*, of which little is read where they are near each other."""
        self._by_port.expect_at(ports)

    def lookup_services(
        self, port: int, transport: Transport | None = None
    ) -> tuple[KnownService, ...]:
        """What the services are that people meet on *port*, on *transport* or on any.

        Those known from a list of ports alone come last, before them those that nobody is known to
        use, then those with a successor; then by transport, in the registry's order.
        """
        services: list[KnownService] = self._by_port.spanning("services", port, transport)
        return tuple(services if len(services) < 2 else sorted(services, key=place_on_its_port))

    def services(self) -> Iterator[KnownService]:
        """Every service, by port: one that has several spans of ports comes once for each."""
        from portbook.catalog.practice.service_rows import service_of

        file = self._file("services")
        for row in file.rows():
            yield service_of(cells_of(row, "services", file.path), file.path)

    def services_called(self, text: str) -> tuple[KnownService, ...]:
        """The services that people call *text*, in any letter case, by port; reads all, once."""
        if self._called is None:
            called: dict[str, tuple[KnownService, ...]] = {}
            for each in self.services():
                names = [name.casefold() for name in (each.name, *each.also_called)]
                for name in dict.fromkeys(names):
                    called[name] = (*called.get(name, ()), each)
            self._called = called
        return self._called.get(" ".join(text.casefold().split()), ())

    def browser_blocked(self, port: int) -> bool:
        """Whether browsers refuse HTTP to *port* (https://fetch.spec.whatwg.org/#port-blocking)."""
        return self._by_port.browser_blocked(port)

    def silent(self, port: int, transport: Transport) -> bool:
        """Whether no use, report or service is of *port* over *transport*, and browsers take it.

        It is told once many ports were asked for; False before, which is no denial.
        """
        return self._by_port.silent(port, transport)

    def on_each(
        self, ports: Sequence[int]
    ) -> Iterator[tuple[list[Use], list[Report], list[KnownService], bool]]:
        """For each of *ports*, which rise: the uses, the reports and the services of any transport,
        in no order, to be read alone, and whether browsers refuse it. Reads and holds all files by
        port.
        """
        return self._by_port.on_each(ports)

    def run_starts(self) -> set[int]:
        """The ports at which other uses, reports and services are than at the port before, or
        which browsers alone tell apart. Reads and holds all files by port.
        """
        return self._by_port.run_starts()

    def run_starts_around(self, port: int) -> tuple[range, set[int]]:
        """Ports that *port* is among, and of these what :meth:`run_starts` has, and others."""
        return self._by_port.run_starts_around(port)

    def port_named(self, name: str, transport: Transport) -> int | None:
        """The port over *transport* that systems call *name* (lower case), None where none does.

        The names are those of services(5) files that the registry doesn't have, or has for
        several ports.
        """
        file = self._file("names")
        for row in file.backward(file.after(name.encode(errors="replace"))):
            if row[0] != name:
                break
            if cells_of(row, "names", file.path)[1] == transport:
                return number_of(row[2], file.path)
        return None

    def system_rules(self) -> tuple[SystemRule, ...]:
        """What each operating system does with ports by default, sorted by system."""
        if self._rules is None:
            from portbook.catalog.practice.program_rows import system_rule_of

            file = self._file("systems")
            self._rules = tuple(system_rule_of(row, file.path) for row in file.rows())
        return self._rules

    def system_listeners(self) -> tuple[SystemListener, ...]:
        """What listens on each system for something else, sorted by system and name."""
        from portbook.catalog.practice.program_rows import system_listener_of

        file = self._file("system_listeners")
        return tuple([system_listener_of(row, file.path) for row in file.rows()])

    def sources(self) -> tuple[Source, ...]:
        """What the lore consists of; ``as_of`` is the newest day on which a source was read."""
        if self._sources is not None:
            return self._sources
        found = []
        for kind, subject in SUBJECTS.items():
            header = self._file(kind).header
            what = f"{subject}: {header.get('entries', '0')} entries"
            oldest, newest = header.get("oldest") or None, header.get("newest") or None
            if oldest != newest:
                what += f", the oldest read on {oldest}"
            found.append(Source(f"lore-{kind}", newest, what, header.get("source") or None))
        self._sources = tuple(found)
        return self._sources
