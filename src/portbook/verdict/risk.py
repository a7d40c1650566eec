"""What is exposed that its own makers, or a public authority, say not to expose. Pure."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Evidence, EvidenceCode, OwnersSeen, Reach, Scope
from portbook.model.command_line import base_name
from portbook.model.practice import same_product
from portbook.verdict.facts import known_programs, malware, speaks, tools_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import Fact, Facts, KnownService, Listener, Program, Report, Use
    from portbook.verdict.facts import Case

# Programs that hand whatever they are told to, often a shell, to anyone who connects.
_RELAYS = {"nc", "nc.openbsd", "nc.traditional", "netcat", "ncat", "socat", "busybox"}


_REACHES = {Reach.LOOPBACK: "loopback", Reach.EVERYWHERE: "wildcard"}


class Risk(NamedTuple):
    """A service that is advised against, and whether the program is *known* to be it."""

    service: KnownService
    known: bool


def risk_of(case: Case) -> Risk | None:
    """The service that shouldn't be exposed and that *case* is, as far as can be told.

    Where nothing tells what the program is, the port says it.
    """
    advised = [known for known in case.services if known.exposure is not None]
    if not advised:
        return None
    socket = case.listener.socket
    if known := known_programs(case):
        return _first(advised, [program for each in known for program in each], known=True)
    named = [program for programs in case.programs + case.named for program in programs]
    if named:
        return _first(advised, named, known=False)
    if tools := tools_of(case):
        names = speaks(tuple(tools))
        advised = [each for each in advised if names & {*map(str.lower, each.registered)}]
    here = [
        each
        for each in advised
        if each.transport is socket.transport and each.first <= socket.port <= each.last
    ]
    return Risk(here[0], known=False) if here else None


def _first(
    services: Sequence[KnownService], programs: Sequence[Program], *, known: bool
) -> Risk | None:
    for service in services:
        if any(_is(program, service) for program in programs):
            return Risk(service, known)
    return None


def _is(program: Program, service: KnownService) -> bool:
    if same_product(program.product, service.name):
        return True
    if service.registered:
        return bool(speaks((program,)) & {*map(str.lower, service.registered)})
    return any(
        transport is service.transport and service.first <= port <= service.last
        for port, transport in program.ports
    )


def relays(case: Case) -> tuple[str, ...]:
    """The owners, by name, that hand a shell or anything else to anyone who connects."""
    names = [
        base_name(owner.executable) if owner.executable else owner.program or ""
        for owner in case.listener.ownership.owners
    ]
    return tuple(dict.fromkeys([name for name in names if name in _RELAYS]))


def one_purpose(
    uses: Iterable[Use], abuse: Sequence[Report], services: Sequence[KnownService]
) -> bool:
    """Whether a port is known for reported malware alone: for no use of it, and no service."""
    met = any(known.leads for known in services) or any(use.leads for use in uses)
    return bool(malware(abuse)) and not met


def firewalled(listener: Listener) -> bool:
    """Whether the firewall was read, and lets nothing in from other machines to this socket."""
    reachable = listener.assessment.reachable
    return reachable is not None and (
        reachable.scope is Scope.BLOCKED or reachable.sent_to is not None
    )


def let_in(listener: Listener) -> bool:
    """Whether networks and firewall were read, and other machines may reach it."""
    reachable = listener.assessment.reachable
    scopes = (Scope.ANYWHERE, Scope.NETWORKS, Scope.UNKNOWN)
    return reachable is not None and reachable.scope in scopes and not firewalled(listener)


def facts_of_reach(listener: Listener) -> list[str]:
    """The facts of :data:`portbook.verdict.rules.FACTS` about its address and the firewall."""
    if firewalled(listener):
        return ["firewalled"]
    reach = listener.socket.reach
    facts = [_REACHES[reach]] if reach in _REACHES else []
    if reach is Reach.LOOPBACK and let_in(listener):
        return ["exposed"]  # an interface lets packets to it in
    return [*facts, "exposed"] if let_in(listener) or "wildcard" in facts else facts


def carried_of_reach(case: Case) -> Facts:
    """What a finding says of who is let in; nothing where that wasn't asked."""
    reachable = case.listener.assessment.reachable
    if reachable is None:
        return ()
    facts: list[tuple[str, Fact]] = [("reach_scope", reachable.scope)]
    facts += [("reach_networks", reachable.networks)] if reachable.networks else []
    facts += [("reach_rules", reachable.rules)] if reachable.rules else []
    facts += [("firewall", reachable.firewall)] if reachable.firewall is not None else []
    facts += [("reach_sent_to", reachable.sent_to)] if reachable.sent_to is not None else []
    if reachable.not_evaluated:
        kind, name = reachable.not_evaluated[0]
        facts += [("not_evaluated", kind), ("not_evaluated_name", name)]
    return tuple(facts)


def evidence_of_firewall(case: Case) -> tuple[Evidence, ...]:
    """The rules that decide; else that there are none, or that they could not be read."""
    reachable = case.listener.assessment.reachable
    if reachable is None:
        return ()
    doubts = tuple(
        [
            Evidence(EvidenceCode.FIREWALL, (("not_evaluated", kind), ("name", name)))
            for kind, name in reachable.not_evaluated
        ]
    )
    if not reachable.rules:
        state = {True: "no rule applies", False: "none", None: "unread"}[reachable.firewall]
        return (Evidence(EvidenceCode.FIREWALL, (("state", state),)), *doubts)
    rules = [
        Evidence(EvidenceCode.FIREWALL, (("text", text), ("where", where)))
        for text, where in zip(reachable.rules, reachable.chains, strict=False)
    ]
    return (*rules, *doubts)


def risk_facts(case: Case) -> list[str]:
    """The facts of :data:`portbook.verdict.rules.FACTS` about the risk of being reached."""
    facts = []
    if case.listener.socket.reach is not Reach.LOOPBACK and not firewalled(case.listener):
        facts.append("reachable")
    if (risk := risk_of(case)) is not None:
        facts.append("risky-service")
        if risk.known:
            from portbook.model.services import Authentication

            if risk.service.authentication is Authentication.NONE:
                facts.append("asks-nobody")
    unseen = not case.listener.ownership.owners
    unseen = unseen and case.listener.ownership.seen is not OwnersSeen.KERNEL
    if relays(case) or (unseen and one_purpose(case.uses, case.abuse, case.services)):
        facts.append("dangerous")
    return facts


def carried_of_risk(case: Case) -> Facts:
    """What a finding says of the service: its name, the advice, and whether it is known."""
    risk = risk_of(case)
    if risk is None or risk.service.exposure is None:
        return ()
    advice, why = risk.service.exposure
    known: Facts = (("risk_known", True),) if risk.known else ()
    return (("risk", risk.service.name), *known, ("risk_advice", advice), ("risk_why", why))


def evidence_of_risk(case: Case) -> tuple[Evidence, ...]:
    """Who says that the service shouldn't be exposed."""
    risk = risk_of(case)
    if risk is None:
        return ()
    source, read = risk.service.source_of("exposure")
    facts = (("name", risk.service.name), ("source", source), ("read", read))
    return (Evidence(EvidenceCode.SERVICE, facts),)
