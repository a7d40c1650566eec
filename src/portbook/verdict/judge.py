"""Applying the rules to one socket. Pure: everything it weighs is given to it."""

from __future__ import annotations

from portbook._lean import NamedTuple
from portbook.model import Finding, Level, Listener, OwnersSeen, PortRules, Standing, State
from portbook.verdict.evidence import evidence_of, sources_of
from portbook.verdict.own import compare, words_of
from portbook.verdict.rules import RULES, Rule
from portbook.verdict.spoken import said_of, speaks_otherwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portbook.model import Process, Program, Report, Source, Use
    from portbook.verdict.own import Fit

# Places of executables (portbook.model.Process) at which nothing stays.
# RFC 6335 and the registry have HTTP under several names; a server that speaks one speaks all.
_HTTP = {"http", "https", "http-alt", "https-alt", "www", "www-http", "webcache"}


class Case(NamedTuple):
    """One socket with all that is on record about it.

    ``programs`` holds, for each owner in order, the known programs whose place its executable
    is in; ``uses`` the uses and ``abuse`` the reports on record for the socket's port and
    transport. ``kept`` holds, for each owner in order, whether nobody but root and the ``trusted``
    users could have put its executable where it is, None where that isn't known: it is wanted
    where the listener's own note names an executable. ``browsers`` is the source of
    ``browser_blocked``. ``named`` holds, for each owner of which no executable could be seen, the
    programs that go by its name.
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


def judge(case: Case, *, said: bool = True) -> tuple[Finding, ...]:
    """The findings on *case*, in the order of the table.

    Where *said* is false they have their codes and levels alone: that is enough to sort or to
    count thousands of sockets by, and takes a third of the time.
    """
    facts = find_facts(case)
    if not said:
        return _bare(facts)
    words, socket = _words(case), case.listener.socket
    evidence, sources = evidence_of(case), sources_of(case)
    return tuple(
        Finding(
            rule.code,
            level,
            rule.say.format_map(words),
            evidence + tuple(line for fact in rule.needs for line in sources.get(fact, ())),
            socket,
        )
        for rule, level in apply(facts)
    )


def apply(facts: frozenset[str]) -> tuple[tuple[Rule, Level], ...]:
    """The rules that *facts* fulfil, each with its level, in the order of the table."""
    found = _applied.get(facts)
    if found is None:
        known = set(facts)
        rules = []
        for rule in RULES:
            if known.issuperset(rule.needs) and known.isdisjoint(rule.unless):
                if rule.settles:
                    known.add("settled")
                rules.append((rule, _level(rule, known)))
        found = _applied[facts] = tuple(rules)
    return found


# Of all combinations of facts few occur, and the same ones again and again.
_applied: dict[frozenset[str], tuple[tuple[Rule, Level], ...]] = {}
_bare_findings: dict[frozenset[str], tuple[Finding, ...]] = {}


def _bare(facts: frozenset[str]) -> tuple[Finding, ...]:
    found = _bare_findings.get(facts)
    if found is None:
        found = tuple(Finding(rule.code, level, "") for rule, level in apply(facts))
        _bare_findings[facts] = found
    return found


def _level(rule: Rule, facts: set[str]) -> Level:
    return next((level for level, needs in rule.shifts if facts.issuperset(needs)), rule.level)


def find_facts(case: Case) -> frozenset[str]:
    """The facts of :data:`portbook.verdict.rules.FACTS` that are true of *case*."""
    listener, standing, rules = case.listener, case.standing, case.rules
    port, reach, seen = listener.port, listener.reach, listener.owners_seen
    facts = [_STATES[standing.state]] if standing.state in _STATES else []
    if reach in _REACHES:
        facts.append(_REACHES[reach])
    if seen in _SEEN:
        facts.append(_SEEN[seen])
    facts += _facts_of_port(port, rules)
    if listener.backlog_full:
        facts.append("backlog-full")
    if case.browser_blocked:
        facts.append("browser-blocked")
    if case.abuse:
        facts.append("abuse-on-record")
    if listener.owners:
        facts += _facts_of_owners(case)
    elif case.uses:
        facts.append("known-use")
    facts += _facts_of_note(case)
    facts += _facts_heard(case, noted="as-noted" in facts)
    if "implements" in facts or "as-noted" in facts:
        facts.append("belongs")
    if "as-noted" not in facts and _stranger(case):
        facts.append("unknown-program")
    return frozenset(facts)


def _facts_of_note(case: Case) -> list[str]:
    note = case.listener.note
    if note is None:
        return []
    if not note.expects:
        return ["noted", "labelled"]
    fits = _fits(case)
    if any(fit.fits is False for fit in fits):
        return ["noted", "not-as-noted"]
    return ["noted", "as-noted"] if fits and all(fit.fits for fit in fits) else ["noted"]


def _fits(case: Case) -> list[Fit]:
    """How each owner compares with the note on the socket's port."""
    listener = case.listener
    if listener.note is None:
        return []
    kept = case.kept + (None,) * (len(listener.owners) - len(case.kept))
    return [
        compare(listener.note, owner, each, case.trusted, case.rules.system)
        for owner, each in zip(listener.owners, kept, strict=False)
    ]


_STATES = {
    State.ASSIGNED: "assigned",
    State.RESERVED: "reserved",
    State.UNASSIGNED: "unassigned",
}
_REACHES = {"loopback": "loopback", "everywhere": "wildcard"}
_SEEN = {
    OwnersSeen.HIDDEN: "hidden",
    OwnersSeen.KERNEL: "kernel",
    OwnersSeen.UNASKED: "unasked",
}


def _facts_of_port(port: int, rules: PortRules) -> list[str]:
    first_open, dynamic = rules.unprivileged_first, rules.dynamic
    facts = []
    kept = any(first <= port <= last for first, last in rules.kept)
    if dynamic is not None and dynamic[0] <= port <= dynamic[1] and not kept:
        facts.append("in-dynamic-range")
    if first_open is not None and port < first_open:
        facts.append("privileged")
    return facts


def _facts_of_owners(case: Case) -> list[str]:
    truths: dict[str, bool] = {}
    for owner in case.listener.owners:
        if owner.packaged is False:
            truths["unpackaged"] = True
        if owner.executable_deleted:
            truths["deleted"] = True
            truths["upgraded"] = _upgraded(case.listener)
            if owner.place in ("memory", "temporary"):
                truths["ephemeral"] = True
    if not any(owner.executable for owner in case.listener.owners):
        truths.update(_facts_of_names(case))
    if known := _known(case):
        names = _names(case.standing)
        here = (case.listener.port, case.listener.transport)
        implements = all(_speaks(each) & names for each in known)
        own = any(here in program.ports for each in known for program in each)
        truths["known-program"] = True
        truths["implements"] = implements
        truths["default-port"] = own
        truths["speaks-http"] = any(_speaks(each) & _HTTP for each in known)
        truths["known-use"] = not implements and (own or bool(_fitting(case)))
    return [fact for fact, true in truths.items() if true]


def _facts_of_names(case: Case) -> dict[str, bool]:
    """What names alone say, where no executable could be seen: a name proves nothing.

    An owner without even a name (a container, a number) leaves the port to speak for itself.
    """
    owners = case.listener.owners
    if not any(owner.program for owner in owners):
        return {"known-use": bool(case.uses)}
    named = case.named + ((),) * (len(owners) - len(case.named))
    names = _names(case.standing)
    here = (case.listener.port, case.listener.transport)
    fits = all(_speaks(each) & names for each in named)
    uses = any(
        _same(use.product, product)
        for use in case.uses
        for owner, programs in zip(owners, named, strict=True)
        for product in (owner.program or "", *(program.product for program in programs))
    )
    own = any(here in program.ports for programs in named for program in programs)
    return {"fits-by-name": fits, "known-use": not fits and (uses or own)}


def _deleted(listener: Listener) -> list[Process]:
    return [owner for owner in listener.owners if owner.executable_deleted]


def _upgraded(listener: Listener) -> bool:
    deleted = _deleted(listener)
    return bool(deleted) and all(owner.upgraded for owner in deleted)


def _known(case: Case) -> list[tuple[Program, ...]]:
    """The programs of each owner, if every owner is known and to be trusted; else nothing."""
    if not any(case.programs):
        return []
    owners = case.listener.owners
    known = [
        programs
        for owner, programs in zip(owners, case.programs, strict=False)
        if programs and protected(owner)
    ]
    return known if len(known) == len(owners) else []


def _stranger(case: Case) -> bool:
    """Whether an owner's executable was seen, and isn't a known program's in its own place.

    One that couldn't be seen may be anything: it is hidden, not unknown.
    """
    owners = case.listener.owners
    programs = case.programs + ((),) * (len(owners) - len(case.programs))
    return any(
        owner.executable is not None and not (known and protected(owner))
        for owner, known in zip(owners, programs, strict=False)
    )


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


def _speaks(programs: tuple[Program, ...]) -> set[str]:
    services = {service.lower() for program in programs for service in program.services}
    return services | _HTTP if services & _HTTP else services


def _facts_heard(case: Case, *, noted: bool) -> list[str]:
    """Whether what it answered contradicts what is registered here, or the known programs.

    Where an own note has the program here (*noted*), the registry has no say.
    """
    if case.listener.speaks is None:
        return []
    registered = set() if noted else _names(case.standing)
    programs = {name for each in _known(case) for name in _speaks(each)}
    otherwise = speaks_otherwise(case.listener.speaks, registered, programs)
    return ["speaks-otherwise"] if otherwise else []


def _names(standing: Standing) -> set[str]:
    # RFC 6335 §5.1: letter case doesn't tell service names apart.
    rows = standing.assignments
    return {name.lower() for row in rows for name in (row.service_name, *row.aliases) if name}


def _fitting(case: Case) -> list[str]:
    """The products of the uses on record that fit one of the known programs."""
    programs = [program.product for each in case.programs for program in each]
    return [
        product
        for product in dict.fromkeys(use.product for use in case.uses)
        if any(_same(product, program) for program in programs)
    ]


def _same(product: str, other: str) -> bool:
    """Whether one name of a product holds the other, word by word.

    >>> _same("Mosquitto", "Eclipse Mosquitto"), _same("Redis", "Rediska")
    (True, False)
    """
    one, two = set(product.lower().split()), set(other.lower().split())
    return bool(one and two) and (one <= two or two <= one)


def _in_use(case: Case) -> str:
    """What is on record for the port: what fits the known programs, else all that is."""
    here = (case.listener.port, case.listener.transport)
    by_name = [program.product for each in case.named for program in each if here in program.ports]
    known = [program.product for each in case.programs for program in each] or by_name
    products = _fitting(case) or known or list(dict.fromkeys(use.product for use in case.uses))
    return _some(products) or "a use"


def _practice(case: Case) -> str:
    """What may be behind a program that isn't known (an interpreter, say), in a sentence."""
    products = list(dict.fromkeys(use.product for use in case.uses))
    if not (products and case.listener.owners) or _known(case):
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


def _words(case: Case) -> Mapping[str, object]:
    """The words that the rules' sentences are filled with."""
    listener, standing, rules = case.listener, case.standing, case.rules
    known = [program for each in case.programs for program in each]
    services = list(dict.fromkeys(row.service_name for row in standing.assignments))
    service = " or ".join(filter(None, services)) or standing.text or "a service"
    programs = _names_of(listener.owners)
    kernel = listener.owners_seen is OwnersSeen.KERNEL
    own = dict.fromkeys(f"{port}/{transport}" for each in known for port, transport in each.ports)
    first, last = rules.dynamic or (0, 0)
    awaited = [name for name in services if name] or [s for each in known for s in each.services]
    reports = [f"{report.subject} ({report.when})" for report in case.abuse]
    return {
        "address": listener.address,
        "port": listener.port,
        "transport": listener.transport,
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
        "deleted_by": _names_of(_deleted(listener)),
        "deleted": _files_of(_deleted(listener)),
        "deleted_why": _deleted_why(listener),
        "unpackaged": _files_of(each for each in listener.owners if each.packaged is False),
        "queue": listener.queue,
        "spoken": said_of(listener),
        "awaited": " or ".join(dict.fromkeys(awaited[:3])) or "something else",
        **words_of(listener, _fits(case), programs or "the program", service),
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
    places = {owner.place for owner in _deleted(listener)}
    if "memory" in places:
        return ": it ran from memory alone, as hardly any server does. Find out who started it"
    if "temporary" in places:
        return ", from a temporary folder. Find out who started it"
    if _upgraded(listener):
        return " by an upgrade of its package: restart it to run the new one"
    if "world-writable" in places:
        return ", from a folder where anybody can put files. Find out who started it"
    return ": restart it if it was replaced on purpose, and find out who did if not"


def _who_sees(listener: Listener) -> str:
    if not listener.uid:  # root's own, or nobody knows whose
        return "root"
    return f"root, or as {listener.user or f'user {listener.uid}'}"
