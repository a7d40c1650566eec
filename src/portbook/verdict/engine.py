"""Applying the rules to one socket. Pure: everything it weighs is given to it."""

from __future__ import annotations

from portbook._fast_types import lru_cache
from portbook.model import (
    ExecutablePlace,
    Finding,
    Level,
    OwnersSeen,
    State,
    Subject,
    SubjectKind,
)
from portbook.model.practice import same_product
from portbook.verdict.facts import (
    HTTP,
    Case,
    fits,
    fitting,
    known_by_port,
    known_programs,
    malware,
    note_that_counts,
    protected,
    service_names,
    speaks,
    tools_of,
    unofficial,
    upgraded,
)
from portbook.verdict.risk import facts_of_reach, risk_facts
from portbook.verdict.rules import RULES, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from portbook.model import PortRules, Report, Tool, Use


_MANY = 5  # products: known for so many, a port says nothing of an abuse of it


def judge(case: Case, *, said: bool = True, subject: Subject | None = None) -> tuple[Finding, ...]:
    """The findings on *case*, the most serious first, then in the order of the table.

    They concern its socket, or *subject* where nobody has seen the socket. Where *said* is false
    they have their codes and levels alone: that is enough to sort or to count thousands of sockets
    by, and takes a third of the time.
    """
    facts = find_facts(case)
    return in_words(case, apply(facts), subject) if said else _bare(facts)


def in_words(
    case: Case, rules: Iterable[tuple[Rule, Level]], subject: Subject | None = None
) -> tuple[Finding, ...]:
    """The findings on *case* that *rules* give, as :func:`judge` has them where they are said."""
    # Not loaded to sort or to count.
    from portbook.verdict.evidence import RestsOn
    from portbook.verdict.finding_facts import Carried

    if subject is None:
        subject = Subject(SubjectKind.SOCKET, case.listener.socket.name)
    carried, evidence = Carried(case, subject), RestsOn(case, subject)
    return tuple(
        [
            Finding(
                code=rule.code,
                level=level,
                subject=subject,
                facts=carried.of(rule.carries),
                evidence=evidence.of(rule.rests_on),
            )
            for rule, level in rules
        ]
    )


# Of all combinations of facts few occur, and the same ones again and again.
@lru_cache(maxsize=1024)
def apply(facts: frozenset[str]) -> tuple[tuple[Rule, Level], ...]:
    """The rules that *facts* fulfil, each with its level: the most serious first, then in
    the order of the table.
    """
    known = set(facts)
    rules = []
    for rule in RULES:
        if known.issuperset(rule.needs) and known.isdisjoint(rule.unless):
            if rule.settles:
                known.add("settled")
            rules.append((rule, _level(rule, known)))
    rules.sort(key=lambda found: -found[1].rank)  # stable: the table's order within a level
    return tuple(rules)


@lru_cache(maxsize=1024)
def _bare(facts: frozenset[str]) -> tuple[Finding, ...]:
    return tuple([Finding(rule.code, level) for rule, level in apply(facts)])


def _level(rule: Rule, facts: set[str]) -> Level:
    return next((level for level, needs in rule.shifts if facts.issuperset(needs)), rule.level)


def find_facts(case: Case) -> frozenset[str]:
    """The facts of :data:`portbook.verdict.rules.FACTS` that are true of *case*."""
    listener, standing, rules = case.listener, case.standing, case.rules
    port, seen = listener.socket.port, listener.ownership.seen
    facts = [_STATES[standing.state]] if standing.state in _STATES else []
    facts += facts_of_reach(listener)
    if seen in _SEEN:
        facts.append(_SEEN[seen])
    facts += _facts_of_port(port, rules)
    facts += risk_facts(case)
    facts += ["backlog-full"] if listener.socket.backlog_full else []
    facts += ["shadowed"] if case.reached else []
    if case.browser_blocked:
        facts.append("browser-blocked")
    if malware(case.abuse):
        facts += _facts_of_abuse(case)
    if listener.ownership.owners:
        facts += _facts_of_owners(case)
    elif known_by_port(case):
        facts.append("known-use")
    facts += _facts_of_note(case)
    facts += _facts_heard(case, noted="as-noted" in facts)
    if "implements" in facts or "as-noted" in facts:
        facts.append("belongs")
    if "as-noted" not in facts and _stranger(case):
        facts.append("unknown-program")
    known = frozenset(facts)
    return known | {"use-fits"} if "known-use" in known and "hidden" not in known else known


def weight_of_port(
    names: AbstractSet[str], uses: Sequence[Use], abuse: Sequence[Report]
) -> tuple[bool, ...]:
    """What the uses and the abuse of a port weigh that is assigned to the services *names*, for
    owners who are called like none of them.

    Ports for which it is equal, and of which all else is, have the same facts.
    """
    others = [use for use in uses if not use.speaks(names)] if names else uses
    leading = {use.product for use in uses if use.leads}
    return (
        bool(leading),
        any(use.leads for use in others),
        len(others) == len(uses),
        bool(malware(abuse)),
        len(leading) < _MANY,
    )


def _facts_of_abuse(case: Case) -> list[str]:
    products = {use.product for use in case.uses if use.leads}
    return ["abuse-on-record", *(["few-uses"] if len(products) < _MANY else [])]


def _facts_of_note(case: Case) -> list[str]:
    note = note_that_counts(case.listener)
    if note is None:
        return []
    if not note.expects:
        return ["noted", "labelled"]
    compared = fits(case)
    if any(fit.fits is False for fit in compared):
        return ["noted", "not-as-noted"]
    return ["noted", "as-noted"] if compared and all(fit.fits for fit in compared) else ["noted"]


_STATES = {
    State.ASSIGNED: "assigned",
    State.RESERVED: "reserved",
    State.UNASSIGNED: "unassigned",
}
_SEEN = {
    OwnersSeen.HIDDEN: "hidden",
    OwnersSeen.KERNEL: "kernel",
    OwnersSeen.UNASKED: "unasked",
}


def _facts_of_port(port: int, rules: PortRules) -> list[str]:
    first_open = rules.unprivileged_first
    facts = []
    if rules.hands_out(port):
        facts.append("in-dynamic-range")
    if first_open is not None and port < first_open:
        facts.append("privileged")
    return facts


def _facts_of_owners(case: Case) -> list[str]:
    truths: dict[str, bool] = {}
    for owner in case.listener.ownership.owners:
        if owner.packaged is False:
            truths["unpackaged"] = True
        if owner.executable_deleted:
            truths["deleted"] = True
            truths["upgraded"] = upgraded(case.listener)
            if owner.place in (ExecutablePlace.MEMORY, ExecutablePlace.TEMPORARY):
                truths["ephemeral"] = True
    if not any(owner.executable for owner in case.listener.ownership.owners):
        truths.update(_facts_of_names(case))
    if known := known_programs(case):
        names = service_names(case.standing)
        here = (case.listener.socket.port, case.listener.socket.transport)
        implements = all(speaks(each) & names for each in known)
        own = any(here in program.ports for each in known for program in each)
        truths["known-program"] = truths["known-server"] = True
        truths["implements"] = implements
        truths["default-port"] = own
        truths["speaks-http"] = any(speaks(each) & HTTP for each in known)
        truths["known-use"] = not implements and (own or bool(fitting(case)))
    elif tools := tools_of(case):
        truths.update(_facts_of_tools(case, tools))
    return [fact for fact, true in truths.items() if true]


def _facts_of_tools(case: Case, tools: list[Tool]) -> dict[str, bool]:
    """What interpreters' arguments say."""
    names = service_names(case.standing)
    fits_by_name = all(speaks((tool,)) & names for tool in tools)
    others = unofficial(case)
    products = [use.product for use in others if use.leads]
    return {
        "known-server": True,
        "says-otherwise": not fits_by_name,
        "fits-by-name": fits_by_name,
        "known-use": any(same_product(tool.product, each) for tool in tools for each in products),
        "used-otherwise": bool(products) and len(others) == len(case.uses),
        "speaks-http": any(speaks((tool,)) & HTTP for tool in tools),
    }


def _facts_of_names(case: Case) -> dict[str, bool]:
    """What names alone say, where no executable could be seen: a name proves nothing.

    An owner without even a name (a container, a number) leaves the port to speak for itself.
    """
    owners = case.listener.ownership.owners
    if not any(owner.program for owner in owners):
        return {"known-use": known_by_port(case)}
    named = case.named + ((),) * (len(owners) - len(case.named))
    names = service_names(case.standing)
    here = (case.listener.socket.port, case.listener.socket.transport)
    by_name = all(speaks(each) & names for each in named)
    uses = any(
        same_product(use.product, product)
        for use in unofficial(case)
        for owner, programs in zip(owners, named, strict=True)
        for product in (owner.program or "", *(program.product for program in programs))
    )
    own = any(here in program.ports for programs in named for program in programs)
    return {"fits-by-name": by_name, "known-use": not by_name and (uses or own)}


def _stranger(case: Case) -> bool:
    """Whether an owner's executable was seen, and isn't a known program's in its own place.

    One that couldn't be seen may be anything: it is hidden, not unknown.
    """
    owners = case.listener.ownership.owners
    programs = case.programs + ((),) * (len(owners) - len(case.programs))
    return any(
        owner.executable is not None and not (known and protected(owner))
        for owner, known in zip(owners, programs, strict=False)
    )


def _facts_heard(case: Case, *, noted: bool) -> list[str]:
    """Whether what it answered contradicts what is registered here, or the known programs.

    Where an own note has the program here (*noted*), the registry has no say.
    """
    if case.listener.assessment.speaks is None:
        return []
    from portbook.verdict.expectation_match import speaks_otherwise

    registered = set() if noted else service_names(case.standing)
    programs = {name for each in known_programs(case) for name in speaks(each)}
    otherwise = speaks_otherwise(case.listener.assessment.speaks, registered, programs)
    return ["speaks-otherwise"] if otherwise else []
