"""What findings carry of a socket, in groups. Pure.

:data:`portbook.verdict.rules.RULES` names the groups of each rule. Nothing here is a sentence: that
is made where it is shown.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import OwnersSeen, SubjectKind
from portbook.model.command_line import RunKind, base_name, interpreter_of, run_name, run_of
from portbook.model.practice import same_product
from portbook.model.products import rank_products
from portbook.verdict.facts import (
    deleted,
    fits,
    fitting,
    known_by_port,
    malware,
    note_that_counts,
    service_names,
    tools_of,
    unofficial,
    upgraded,
)
from portbook.verdict.risk import carried_of_reach, carried_of_risk, relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portbook.model import Fact, Facts, Process, Program, Subject
    from portbook.verdict.facts import Case
    from portbook.verdict.shadowing import Reached


class Group(NamedTuple):
    """Facts that findings carry together: the names that they can have, and those of a case.

    What is null or empty is left out.
    """

    names: tuple[str, ...]
    of: Callable[[Case], Facts]


class Carried(dict[str, "Facts"]):
    """The facts of *case* by their group, each worked out when it is first asked for.

    What *subject* says itself is left out.
    """

    __slots__ = ("_case",)

    def __init__(self, case: Case, subject: Subject) -> None:
        self._case = case
        if subject.kind is SubjectKind.SOCKET:
            self["address"] = ()

    def __missing__(self, group: str) -> Facts:
        facts = self[group] = GROUPS[group].of(self._case)
        return facts

    def of(self, groups: tuple[str, ...]) -> Facts:
        """Those of *groups*."""
        facts: Facts = ()
        for group in groups:
            facts += self[group]
        return facts


def _there(*facts: tuple[str, Fact]) -> Facts:
    """Those of *facts* that are neither null nor empty, nor false or 0."""
    return tuple([fact for fact in facts if fact[1]])


def _owners(case: Case) -> Facts:
    """Who holds the socket; a pid is 0 where not even that is known."""
    owners = case.listener.ownership.owners
    if not owners:
        return (("kernel", True),) if case.listener.ownership.seen is OwnersSeen.KERNEL else ()
    unnamed = [owner for owner in owners if not owner.program]
    if not unnamed:
        return (("programs", _programs(owners)), *_runs("runs", owners))
    contained = [owner.container_name or owner.container for owner in unnamed]
    return _there(
        ("programs", _programs(owners)),
        *_runs("runs", owners),
        ("containers", tuple(dict.fromkeys([name for name in contained if name]))),
        (
            "pids",
            _pids([owner for owner in unnamed if not (owner.container_name or owner.container)]),
        ),
    )


def _programs(owners: Iterable[Process]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([owner.program for owner in owners if owner.program]))


def _runs(fact: str, owners: Iterable[Process]) -> Facts:
    """What *owners* are called by what they run, where that isn't the name of the program."""
    named = [owner for owner in owners if owner.program]
    if not any(owner.command for owner in named):
        return ()
    runs = tuple(dict.fromkeys([run_name(owner.program, owner.command) for owner in named]))
    return () if runs == _programs(named) else ((fact, runs),)


def _pids(owners: Iterable[Process]) -> tuple[int, ...]:
    return tuple(dict.fromkeys([owner.pid for owner in owners]))


def _files(owners: Iterable[Process]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([owner.executable for owner in owners if owner.executable]))


def _user(case: Case) -> Facts:
    """Whose the socket is, where it isn't root's, and whether even root can't see more."""
    socket = case.listener.socket
    whose = _there(("uid", socket.uid), ("user", socket.user)) if socket.uid else ()
    return (*whose, *_there(("root", case.rules.root)))


def _services(case: Case) -> tuple[str, ...]:
    names = [row.service_name for row in case.standing.assignments]
    return tuple(dict.fromkeys([name for name in names if name]))


def _service(case: Case) -> Facts:
    """The services that the registry has there, or its words where it names none."""
    services = _services(case)
    return (("services", services),) if services else _text(case)


def _text(case: Case) -> Facts:
    return _there(("text", case.standing.text))


def known_programs(case: Case) -> list[Program]:
    """The programs that the owners' files are known as, of all owners."""
    return [program for programs in case.programs for program in programs]


def _elsewhere(case: Case) -> Facts:
    """What the known programs speak, the first two services of each, and on which ports."""
    known = known_programs(case)
    ports = [f"{port}/{transport}" for one in known for port, transport in one.ports]
    return _there(
        ("speaks", tuple(dict.fromkeys([name for one in known for name in one.services[:2]]))),
        ("own_ports", tuple(dict.fromkeys(ports))),
    )


def _uses(case: Case) -> Facts:
    """What is on record for the port: what fits the programs, their arguments or their names, else
    all of it.
    """
    here = (case.listener.socket.port, case.listener.socket.transport)
    products = fitting(case) or [program.product for program in known_programs(case)]
    if not products and (tools := tools_of(case)):
        on_record = [use.product for use in unofficial(case)]
        products = [
            product
            for product in on_record
            if any(same_product(tool.product, product) for tool in tools)
        ]
    if not products:
        names = [owner.program for owner in case.listener.ownership.owners if owner.program]
        names += [one.product for some in case.named for one in some]
        products = [
            product
            for product in _products(case)
            if any(same_product(product, name) for name in names)
        ]
        products += [one.product for some in case.named for one in some if here in one.ports]
    return _there(("uses", tuple(dict.fromkeys(products)) or in_practice(case)))


def _products(case: Case) -> tuple[str, ...]:
    return tuple(dict.fromkeys([use.product for use in unofficial(case)]))


def in_practice(case: Case) -> tuple[str, ...]:
    """The products that people meet on the port, in the order that every answer has."""
    names = service_names(case.standing)
    return rank_products(case.uses, case.defaults, case.services, names).products


def _practice(case: Case) -> Facts:
    """What may be behind an interpreter that runs a script of which nothing is known, or on a port
    of which no program was seen, and that lies in wide spans alone.
    """
    owners = case.listener.ownership.owners
    if not unofficial(case):
        return ()
    if not any(owner.program or owner.executable for owner in owners):
        told = known_by_port(case) or case.listener.ownership.seen is OwnersSeen.KERNEL
        return () if told else (("practice", in_practice(case)),)
    if not all(map(_runs_anything, owners)):
        return ()
    # What the registry has there is as common as what it hasn't: Redis on 6379 is a use too.
    return (("practice", in_practice(case)),)


def _runs_anything(owner: Process) -> bool:
    """Whether *owner* is an interpreter, and its arguments name no program but a script."""
    path = owner.activates_executable or owner.executable
    if path is None or interpreter_of(base_name(path)) is None:
        return False
    run = run_of(owner.command) if owner.command else None
    return run is None or run.kind in (RunKind.PROGRAM, RunKind.SCRIPT, RunKind.TITLE)


def _tool(case: Case) -> Facts:
    """What the owners' arguments say that they are, and what that speaks."""
    tools = tools_of(case)
    return _there(
        ("tools", tuple(dict.fromkeys([tool.product for tool in tools]))),
        ("tool_services", tuple(dict.fromkeys([name for one in tools for name in one.services]))),
    )


def _awaited(case: Case) -> Facts:
    """What should answer: the services registered, else those of the known programs."""
    awaited = _services(case) or tuple(
        [name for one in known_programs(case) for name in one.services]
    )
    return _there(("awaited", tuple(dict.fromkeys(awaited[:3]))))


def _spoken(case: Case) -> Facts:
    spoken = case.listener.assessment.speaks
    names = ("state", "protocol", "tls", "detail")
    return _there(*[(f"spoken_{name}", getattr(spoken, name, None)) for name in names])


def _note(case: Case) -> Facts:
    """The note that counts, and whether the owners are what it expects."""
    note = note_that_counts(case.listener)
    if note is None:
        return ()
    compared = fits(case)
    as_noted = note.expects and bool(compared) and all(fit.fits for fit in compared)
    return _there(
        ("as_noted", as_noted),
        ("note_file", note.file),
        ("note_whose", note.whose),
        ("note_label", note.label),
    )


def _expects(case: Case) -> Facts:
    """What that note expects, and the comparison that decides: with an owner that differs, else
    with one of which it can't be told.
    """
    note = note_that_counts(case.listener)
    kinds = ("executables", "units", "containers", "users")
    facts = _there(*[(f"note_{kind}", getattr(note, kind, None)) for kind in kinds])
    compared = sorted([fit for fit in fits(case) if not fit.fits], key=lambda fit: fit.fits is None)
    if not compared:
        return facts
    fit = compared[0]
    return (*facts, ("fit", fit.code), *[(f"fit_{name}", fact) for name, fact in fit.facts])


def reached_facts(reached: tuple[Reached, ...]) -> Facts:
    """The addresses that reach another program, and beside each that program.

    What the programs are called by what they run stands apart, where that is another name.
    """
    programs = tuple([each.program_name for each in reached])
    runs = tuple([each.name for each in reached])
    facts: Facts = (
        ("reached_addresses", tuple([each.address for each in reached])),
        ("reached_programs", programs),
    )
    return facts if runs == programs else (*facts, ("reached_runs", runs))


def _deleted(case: Case) -> Facts:
    owners = deleted(case.listener)
    return _there(
        ("deleted_programs", _programs(owners)),
        *_runs("deleted_runs", owners),
        ("deleted_pids", _pids([owner for owner in owners if not owner.program])),
        ("deleted_files", _files(owners)),
        ("deleted_places", tuple(dict.fromkeys([one.place for one in owners if one.place]))),
        ("upgraded", upgraded(case.listener)),
    )


def _unpackaged(case: Case) -> Facts:
    owners = case.listener.ownership.owners
    return _there(("unpackaged_files", _files([one for one in owners if one.packaged is False])))


GROUPS = {
    "risk": Group(("risk", "risk_known", "risk_advice", "risk_why"), carried_of_risk),
    "reach": Group(
        (
            "reach_scope",
            "reach_networks",
            "reach_rules",
            "reach_sent_to",
            "firewall",
            "not_evaluated",
            "not_evaluated_name",
        ),
        carried_of_reach,
    ),
    "relays": Group(("relays",), lambda case: _there(("relays", relays(case)))),
    "owners": Group(("programs", "runs", "containers", "pids", "kernel"), _owners),
    "user": Group(("uid", "user", "root"), _user),
    "address": Group(("address",), lambda case: (("address", case.listener.socket.address),)),
    "interface": Group(
        ("interface",), lambda case: _there(("interface", case.listener.socket.interface))
    ),
    "reached": Group(
        ("reached_addresses", "reached_programs", "reached_runs"),
        lambda case: reached_facts(case.reached),
    ),
    "queue": Group(("queue",), lambda case: _there(("queue", case.listener.socket.queue))),
    "state": Group(("state",), lambda case: (("state", case.standing.state),)),
    "service": Group(("services", "text"), _service),
    "text": Group(("text",), _text),
    "elsewhere": Group(("speaks", "own_ports"), _elsewhere),
    "uses": Group(("uses",), _uses),
    "practice": Group(("practice",), _practice),
    "tool": Group(("tools", "tool_services"), _tool),
    "captured": Group(("captured",), lambda case: _there(("captured", case.captured))),
    "reports": Group(
        ("reports", "periods"),
        lambda case: _there(
            ("reports", tuple([report.subject for report in malware(case.abuse)])),
            ("periods", tuple([report.period for report in malware(case.abuse)])),
        ),
    ),
    "dynamic": Group(
        ("dynamic_first", "dynamic_last"),
        lambda case: tuple(
            zip(("dynamic_first", "dynamic_last"), case.rules.dynamic or (), strict=False)
        ),
    ),
    "unprivileged": Group(
        ("unprivileged_first",),
        lambda case: (("unprivileged_first", case.rules.unprivileged_first),),
    ),
    "deleted": Group(
        (
            *("deleted_programs", "deleted_runs", "deleted_pids", "deleted_files"),
            *("deleted_places", "upgraded"),
        ),
        _deleted,
    ),
    "unpackaged": Group(("unpackaged_files",), _unpackaged),
    "spoken": Group(("spoken_state", "spoken_protocol", "spoken_tls", "spoken_detail"), _spoken),
    "awaited": Group(("awaited",), _awaited),
    "note": Group(("as_noted", "note_file", "note_whose", "note_label"), _note),
    "expects": Group(
        (
            *("note_executables", "note_units", "note_containers", "note_users", "fit"),
            *("fit_owner", "fit_pid", "fit_path", "fit_unit", "fit_container", "fit_user"),
            "fit_uid",
        ),
        _expects,
    ),
}
