"""One socket with all that is on record about it, and what follows from that alone. Pure."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import PortRules
from portbook.model.practice import same_product

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import (
        KnownService,
        Listener,
        Note,
        Process,
        Program,
        Report,
        Source,
        Standing,
        Tool,
        Use,
    )
    from portbook.verdict.expectation_match import Fit
    from portbook.verdict.shadowing import Reached

# RFC 6335 and the registry have HTTP under several names; a server that speaks one speaks all.
HTTP = {"http", "https", "http-alt", "https-alt", "www", "www-http", "webcache"}


class Case(NamedTuple):
    """One socket with all that is on record about it.

    ``programs`` holds, for each owner in order, the known programs whose place its executable
    is in; ``uses`` the uses and ``abuse`` the reports on record for the socket's port and
    transport. ``kept`` holds, for each owner in order, whether nobody but root and the
    ``trusted`` users could have put its executable where it is, None where that isn't known: it
    is wanted where the listener's own note names an executable. ``browsers`` is the source of
    ``browser_blocked``. ``reached`` are the addresses that lead to another program on the same
    port. ``named`` holds, for each owner of which no executable could be seen, the programs
    that go by its name. ``tools`` holds, for each owner in order, the server on record that its
    arguments name where it is an interpreter, and else None. ``services`` are those that people
    meet on the port, and on the default ports of the known programs. ``defaults`` are the programs
    that have the port as a default, where no owner is known to be one of them. ``captured`` says
    that another tool printed the socket, of a machine that may be another.
    """

    listener: Listener
    standing: Standing
    programs: tuple[tuple[Program, ...], ...] = ()
    uses: tuple[Use, ...] = ()
    rules: PortRules = PortRules("")
    browser_blocked: bool = False
    abuse: tuple[Report, ...] = ()
    kept: tuple[bool | None, ...] = ()
    trusted: frozenset[int] = frozenset()
    browsers: tuple[Source, ...] = ()
    named: tuple[tuple[Program, ...], ...] = ()
    tools: tuple[Tool | None, ...] = ()
    reached: tuple[Reached, ...] = ()
    services: tuple[KnownService, ...] = ()
    defaults: tuple[Program, ...] = ()
    captured: bool = False


def note_that_counts(listener: Listener) -> Note | None:
    """The note on *listener*'s port, unless it comes from a project that nobody has trusted.

    What a folder brings along, when it was fetched from somewhere, must make nothing look better.
    """
    note = listener.assessment.note
    return note if note is not None and note.trusted else None


def fits(case: Case) -> list[Fit]:
    """How each owner compares with the note on the socket's port."""
    listener = case.listener
    note = note_that_counts(listener)
    if note is None:
        return []
    from portbook.verdict.expectation_match import compare

    kept = case.kept + (None,) * (len(listener.ownership.owners) - len(case.kept))
    return [
        compare(note, owner, each, case.trusted, case.rules.system)
        for owner, each in zip(listener.ownership.owners, kept, strict=False)
    ]


def deleted(listener: Listener) -> list[Process]:
    """The owners of which the executable is gone from its place."""
    return [owner for owner in listener.ownership.owners if owner.executable_deleted]


def upgraded(listener: Listener) -> bool:
    """Whether an upgrade of its package explains each executable that is gone."""
    gone = deleted(listener)
    return bool(gone) and all(owner.upgraded for owner in gone)


def known_programs(case: Case) -> list[tuple[Program, ...]]:
    """The programs of each owner, if every owner is known and to be trusted; else nothing."""
    if not any(case.programs):
        return []
    owners = case.listener.ownership.owners
    known = [
        programs
        for owner, programs in zip(owners, case.programs, strict=False)
        if programs and protected(owner)
    ]
    return known if len(known) == len(owners) else []


def protected(process: Process) -> bool:
    """Whether only root could have put *process*'s executable where it is.

    A name proves nothing: anything can be called ``sshd``. A path proves something where the
    file belongs to root, nobody else may write to it, it is still the file that runs, and the
    path is none that a user arranged with mounts of their own.
    """
    uid, mode = process.executable_uid, process.executable_mode
    if process.executable_deleted or process.place is not None:
        return False
    return uid == 0 and mode is not None and not mode & 0o022


def tools_of(case: Case) -> list[Tool]:
    """The servers that the owners' arguments name, if those of every owner do; else nothing.

    Arguments are what a program says that it is: no proof that it belongs anywhere.
    """
    tools = [tool for tool in case.tools if tool is not None]
    return tools if len(tools) == len(case.listener.ownership.owners) else []


def speaks(programs: tuple[Program | Tool, ...]) -> set[str]:
    """The services that *programs* implement, in lower case."""
    services = {service.lower() for program in programs for service in program.services}
    return services | HTTP if services & HTTP else services


def service_names(standing: Standing) -> set[str]:
    """The names that the registry has for a (port, transport), in lower case."""
    # RFC 6335 §5.1: letter case doesn't tell service names apart.
    rows = standing.assignments
    return {name.lower() for row in rows for name in (row.service_name, *row.aliases) if name}


def unofficial(case: Case) -> list[Use]:
    """The uses on record that are of no service registered there."""
    if not case.uses:
        return []
    names = service_names(case.standing)
    return [use for use in case.uses if not use.speaks(names)]


def known_by_port(case: Case) -> bool:
    """Whether a use on record speaks for the port, where nothing says which program is there.

    A use of a wide span doesn't: it takes a few of thousands of ports, whatever holds the others.
    """
    return any(use.leads for use in unofficial(case))


def malware(reports: Iterable[Report]) -> list[Report]:
    """Those of *reports* that are of malware with the port as its own.

    The others are of worms, floods and campaigns, which attack or misuse the very service that
    belongs on the port: finding it there is no sign of them.
    """
    return [report for report in reports if report.accuses]


def fitting(case: Case) -> list[str]:
    """The products of the uses on record that fit one of the known programs."""
    programs = [program.product for each in case.programs for program in each]
    return [
        product
        for product in dict.fromkeys(use.product for use in unofficial(case))
        if any(same_product(product, program) for program in programs)
    ]
