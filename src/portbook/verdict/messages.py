"""The words that the rules' sentences are filled with. Pure."""

from __future__ import annotations

from portbook.model import (
    ExecutablePlace,
    OwnersSeen,
    State,
)
from portbook.verdict.expectation_match import words_of
from portbook.verdict.facts import (
    deleted,
    fits,
    fitting,
    known_programs,
    note_that_counts,
    upgraded,
)
from portbook.verdict.protocol_match import said_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portbook.model import Listener, Process, Standing
    from portbook.verdict.facts import Case


def _in_use(case: Case) -> str:
    """What is on record for the port: what fits the known programs, else all that is."""
    here = (case.listener.socket.port, case.listener.socket.transport)
    by_name = [program.product for each in case.named for program in each if here in program.ports]
    known = [program.product for each in case.programs for program in each] or by_name
    products = fitting(case) or known or list(dict.fromkeys(use.product for use in case.uses))
    return _some(products) or "a use"


def _practice(case: Case) -> str:
    """What may be behind a program that isn't known (an interpreter, say), in a sentence."""
    products = list(dict.fromkeys(use.product for use in case.uses))
    if not (products and case.listener.ownership.owners) or known_programs(case):
        return ""
    which = "this" if len(products) == 1 else "one of these"
    return f"; in practice it is on record for {_some(products)}, and may be {which}"


def _some(words: list[str], most: int = 3) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _beside(standing: Standing, service: str) -> str:
    """What the registry has, where it is another thing than the use on record."""
    if standing.state is State.ASSIGNED:
        return f"; the registry has it for {service}"
    if standing.state is State.RESERVED:
        return ", though the registry reserves it"
    if standing.state is State.DYNAMIC:
        return ", though ports from 49152 on are assigned to nobody"
    return ", though the registry gives it to nobody"


def words_for(case: Case) -> Mapping[str, object]:
    """The words that the rules' sentences are filled with."""
    listener, standing, rules = case.listener, case.standing, case.rules
    known = [program for each in case.programs for program in each]
    services = list(dict.fromkeys(row.service_name for row in standing.assignments))
    service = " or ".join(filter(None, services)) or standing.text or "a service"
    programs = _names_of(listener.ownership.owners)
    kernel = listener.ownership.seen is OwnersSeen.KERNEL
    own = dict.fromkeys(f"{port}/{transport}" for each in known for port, transport in each.ports)
    first, last = rules.dynamic or (0, 0)
    awaited = [name for name in services if name] or [s for each in known for s in each.services]
    reports = [f"{report.subject} ({report.when})" for report in case.abuse]
    return {
        "address": _bound_to(listener),
        "port": listener.socket.port,
        "transport": listener.socket.transport,
        "program": programs or ("the kernel" if kernel else "the program that holds it"),
        "service": service,
        "registered_for": f" ({service})" if standing.state is State.ASSIGNED else "",
        "text": f'"{standing.text}"' if standing.text else "nothing",
        "speaks": " and ".join(dict.fromkeys(s for each in known for s in each.services[:2]))
        or "a service",
        "own_ports": ", ".join(own) or "another one",
        "use": _in_use(case),
        "practice": _practice(case),
        "beside": _beside(standing, service),
        "abuse": _some(reports),
        "dynamic": f"{first}–{last}",
        "unprivileged": rules.unprivileged_first,
        "who_sees": _who_sees(listener),
        "deleted_by": _names_of(deleted(listener)),
        "deleted": _files_of(deleted(listener)),
        "deleted_why": _deleted_why(listener),
        "unpackaged": _files_of(
            each for each in listener.ownership.owners if each.packaged is False
        ),
        "queue": listener.socket.queue,
        "spoken": said_of(listener),
        "awaited": " or ".join(dict.fromkeys(awaited[:3])) or "something else",
        **words_of(note_that_counts(listener), fits(case), programs or "the program", service),
    }


def _names_of(owners: Iterable[Process]) -> str:
    return ", ".join(dict.fromkeys(map(_name_of, owners)))


def _name_of(owner: Process) -> str:
    if owner.program or not (owner.container_name or owner.container):
        return owner.program or (f"process {owner.pid}" if owner.pid else "a process")
    return f"the container {owner.container_name or owner.container}"


def _files_of(owners: Iterable[Process]) -> str:
    return ", ".join(dict.fromkeys(filter(None, (each.executable for each in owners)))) or "a file"


def _deleted_why(listener: Listener) -> str:
    places = {owner.place for owner in deleted(listener)}
    if ExecutablePlace.MEMORY in places:
        return ": it ran from memory alone, as hardly any server does. Find out who started it"
    if ExecutablePlace.TEMPORARY in places:
        return ", from a temporary folder. Find out who started it"
    if upgraded(listener):
        return " by an upgrade of its package: restart it to run the new one"
    if ExecutablePlace.WORLD_WRITABLE in places:
        return ", from a folder where anybody can put files. Find out who started it"
    return ": restart it if it was replaced on purpose, and find out who did if not"


def _who_sees(listener: Listener) -> str:
    if not listener.socket.uid:  # root's own, or nobody knows whose
        return "root"
    return f"root, or as {listener.socket.user or f'user {listener.socket.uid}'}"


def _bound_to(listener: Listener) -> str:
    """The bound address, and the interface where that is what limits who can reach it."""
    if listener.socket.interface is None:
        return listener.socket.address
    return f"{listener.socket.address} on the interface {listener.socket.interface}"
