"""From where a port can be reached, and who answers: one page for every form."""

from __future__ import annotations

from portbook.app.origins import ANYWHERE, THIS_MACHINE
from portbook.app.reachable import reachable_of
from portbook.model import Family, GapCode, Scope, Transport, host_port
from portbook.model.gap import OF_OWNERS
from portbook.model.reach import Barrier, Outcome
from portbook.present.document import Page, Paragraph, Section, Table
from portbook.present.owners import owner_phrase, unseen_owner
from portbook.present.phrases import filter_words, unseen_of_socket
from portbook.present.phrases.firewall_commands import firewall_command, is_limited
from portbook.present.phrases.firewalld_commands import firewall_question
from portbook.present.phrases.reach import BEYOND, NO_MANAGER, configured_words, reachable_words
from portbook.present.render.brief_text import steps_line
from portbook.present.render.document_text import render_page
from portbook.present.words import NextStep, few

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from portbook.app.origins import Origin
    from portbook.app.reach import Answer, ReachReport, SocketReach
    from portbook.model import Listener, Reachable
    from portbook.model.reach import RuleText
    from portbook.present.document import Item
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style


_BARRIERS = {
    Barrier.LOOPBACK: "no: bound to loopback",
    Barrier.LINK_LOCAL: "no: bound to a link-local address",
    Barrier.NOT_HERE: "no: no interface has the bound address",
    Barrier.DOWN: "no: the interface is down",
    Barrier.NO_ADDRESS: "no: {place} no {family} address{beyond}",
    Barrier.NO_ROUTE: "no: answers have no route there",
    Barrier.STRICT_SOURCE: "no: rp_filter drops it, answers would leave by another interface",
}
_ANSWERS = {
    Outcome.OPEN: "yes",
    Outcome.DROPPED: "no: dropped",
    Outcome.REJECTED: "no: rejected",
    Outcome.UNKNOWN: "can't tell",
}


_FAMILIES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}
# What may be unseen where all chains of the firewall were read.
_BESIDE = OF_OWNERS | {GapCode.NOT_EVALUATED, GapCode.FIREWALL_SET_UNREAD}
_UNMANAGED = (("nftables",), ("iptables",))


def render_reach(report: ReachReport, style: Style, to: Viewer) -> str:
    """The page as text, and the commands to go on with."""
    steps = steps_line(next_steps(report, to), style)
    return (
        render_page(compose_reach(report, to), style)
        + "\n"
        + "".join(f"{line}\n" for line in steps)
    )


def compose_reach(report: ReachReport, to: Viewer) -> Page:
    """Who answers where a name was asked about, then each socket with its origins."""
    sections = []
    if report.answers is not None:
        rows = tuple([(each.address, _who(each, report, to)) for each in report.answers])
        sections.append(Section(f"Who answers on {report.name}", (Table(rows),)))
    # A program may have several sockets on one address (SO_REUSEPORT): they are alike.
    sections += dict.fromkeys(
        [
            Section(_title(each, report, to), (_origins(each, report, to),))
            for each in report.sockets
        ]
    )
    more: list[Item] = [
        Paragraph(configured_words(each, as_root=to.is_root)) for each in report.configured
    ]
    named = [each for each in report.missing if each.code is not GapCode.NOT_EVALUATED]
    more += [Paragraph(f"Not seen: {gap}") for gap in unseen_of_socket(named)]
    if report.filters[:1] in _UNMANAGED and all(each.code in _BESIDE for each in report.missing):
        more.append(Paragraph(NO_MANAGER))
    more += [Paragraph(f"Not evaluated: {_beside(report)}.")] if report.not_evaluated else []
    if any(each.answer is Outcome.OPEN and each.source == ANYWHERE for each in report.origins):
        more.append(Paragraph(BEYOND))
    if more:
        sections.append(Section("Notes", tuple(more)))
    subject = f"{report.port}/{report.transport}"
    return Page(
        title=subject,
        character=_character(report, to),
        states=(),
        range="",
        notes=(),
        sections=tuple(sections),
    )


def _character(report: ReachReport, to: Viewer) -> str:
    listens = report.sockets[0].listener is not None
    sent = [] if listens else [each for each in report.origins if _arrives_beyond(each)]
    if sent:  # whoever else is let in would need a server here
        report = report._replace(sockets=(report.sockets[0]._replace(origins=(*sent,)),))
        ends = few([*dict.fromkeys([_end(each) for each in sent])])
        return f"redirected to {ends}; {reachable_words(whole(report), as_root=to.is_root)}"
    here = [each for each in report.origins if each.source == THIS_MACHINE]
    own = all(each.answer is Outcome.OPEN for each in here)
    words = reachable_words(whole(report), listens=listens, as_root=to.is_root, own=own)
    return words if listens else f"nothing listens; {words}"


def _arrives_beyond(origin: Origin) -> bool:
    return origin.answer is Outcome.OPEN and origin.forwarded and origin.source != THIS_MACHINE


def _end(origin: Origin) -> str:
    return host_port(origin.delivered_address or "", origin.delivered_to or 0)


def whole(report: ReachReport) -> Reachable:
    """What the origins of all sockets come to."""
    read = all(each.code in _BESIDE for each in report.missing)
    firewall = bool(report.filters) if read else None
    return reachable_of(report.origins, firewall=firewall, port=report.port)


def _beside(report: ReachReport) -> str:
    """What else handles packets here, whether or not it may decide about this port."""
    return few([filter_words(*each) for each in report.not_evaluated])


def _title(each: SocketReach, report: ReachReport, to: Viewer) -> str:
    if each.listener is None:
        sent = any(_arrives_beyond(origin) for origin in each.origins)
        return f"A server on 0.0.0.0 and [::]{' (none listens now)' if sent else ''}"
    place = host_port(each.listener.socket.address, report.port)
    inside = each.listener.socket.interface
    return f"{place}{f' on {inside}' if inside else ''}, {_holder(each.listener, to)}"


def _names(listeners: Iterable[Listener], to: Viewer) -> str:
    """The programs of *listeners*, of which any may answer."""
    return " or ".join([*dict.fromkeys([_holder(each, to) for each in listeners])][:3])


def _holder(listener: Listener, to: Viewer) -> str:
    owners = listener.ownership.owners
    return owner_phrase(owners[0], to) if owners else unseen_owner(listener, to)


def _origins(each: SocketReach, report: ReachReport, to: Viewer) -> Table:
    ends = {(end.address, end.port): _names(end.listeners, to) for end in report.ends}
    answers: dict[str, dict[Family, set[str]]] = {}
    told = []
    for origin in each.origins:
        more = f", and {origin.further:,} more networks" if origin.further else ""
        end = ends.get((origin.delivered_address or "", origin.delivered_to or report.port), "")
        words = answer_words(origin, end, report.port) + more
        told.append((origin, words))
        by_family = answers.setdefault(origin.source, {})
        if origin.barrier is not Barrier.NO_ADDRESS:  # which names the family itself
            by_family.setdefault(origin.family, set()).add(words)
    # Over one family it may not be as over the other.
    apart = [source for source, by in answers.items() if len({*map(frozenset, by.values())}) > 1]
    rows = dict.fromkeys(
        [(source_words(origin, apart=origin.source in apart), words) for origin, words in told]
    )
    return Table(tuple(_folded(rows, each.origins)))


def _folded(
    rows: Collection[tuple[str, str]], origins: Sequence[Origin]
) -> Iterator[tuple[str, str]]:
    """*rows*, of *origins*, with all other machines in one where the same becomes of them all."""
    here = [row for row in rows if row[0].startswith("this machine")]
    others = [row for row in rows if row not in here]
    answers = {words for _, words in others}
    if not any(origin.source == ANYWHERE for origin in origins) or len(answers) != 1:
        yield from rows
    elif {words for _, words in here} == answers:
        yield "everywhere", next(iter(answers))
    else:
        yield from here
        yield "anywhere else", next(iter(answers))


def _who(answer: Answer, report: ReachReport, to: Viewer) -> str:
    if answer.outcome in (Outcome.DROPPED, Outcome.REJECTED):
        rule = f": {answer.rules[-1].text}" if answer.rules else ""
        return f"{answer.outcome} by the firewall{rule}"
    sent = ""
    if answer.delivered_address is not None:
        port = answer.delivered_to or report.port
        sent = f"redirected to {host_port(answer.delivered_address, port)}"
    elif answer.delivered_to is not None:
        sent = f"redirected to {answer.delivered_to}"
    if answer.listeners:
        who = _names(answer.listeners, to)
    elif answer.delivered_address is not None:
        return sent
    elif answer.foreign:
        return "not an address of this machine"
    elif answer.outcome is Outcome.UNKNOWN and not report.missing:
        who = "can't tell"
    else:
        who = "nothing listens: refused" if report.transport is Transport.TCP else "nothing listens"
    if answer.outcome is Outcome.UNKNOWN and answer.rules and not answer.not_evaluated:
        who += f"; it depends on a firewall rule ({cited(answer.rules[-1])})"
    if answer.not_evaluated:
        who += f"; {filter_words(*answer.not_evaluated[0])} may decide otherwise"
    return f"{sent}: {who}" if sent else who


def next_steps(report: ReachReport, to: Viewer) -> Iterator[NextStep]:
    """The commands to go on with, among them that of the firewall in charge: none is run."""
    name = f"{report.port}/{report.transport}"
    if report.missing and not to.is_root:
        yield NextStep("See the rules", f"sudo portbook reach {name}")
    reach = whole(report)
    others = [origin for origin in report.origins if origin.source != THIS_MACHINE]
    opens = reach.scope is Scope.BLOCKED
    # UFW's limit is in its hands alone where nothing else may decide.
    limited = is_limited(others) and not any(origin.not_evaluated for origin in others)
    stopped = [*others, *report.behind] if opens else others
    if opens or limited or reach.scope in (Scope.ANYWHERE, Scope.NETWORKS):
        command = firewall_command(
            report.filters,
            report.port,
            report.transport,
            stopped,
            opens=opens,
            legacy=report.legacy,
        )
        question = firewall_question(report.filters, others)
        if command:
            yield NextStep("Open it" if opens else "Close it", command)
        elif question:
            yield NextStep("See what decides", question)
    yield NextStep("More", f"portbook {name} --full")


def answer_words(origin: Origin, end: str = "", port: int | None = None) -> str:
    """What becomes of connections from *origin* to *port*, and the rule that decides.

    *end* is the program that answers where they are sent on to another address or port.
    """
    if origin.barrier is Barrier.NO_LISTENER:
        at = _place(origin, port)
        rule = f" ({cited(origin.rules[-1])})" if origin.rules else ""
        return f"no: refused, nothing listens on {at}{rule}"
    if origin.barrier is not None:
        return _BARRIERS[origin.barrier].format(
            place=f"{origin.interface} has" if origin.interface else "this machine has",
            family=_FAMILIES[origin.family],
            beyond="" if origin.interface else " beyond loopback",
        )
    words = _ANSWERS[origin.answer]
    if origin.unanswered and origin.answer is Outcome.DROPPED:
        words = "no: its answers are dropped"
    if origin.forwarded and origin.answer is Outcome.OPEN:
        place = _end(origin)
        words += f", by {end} on {place}" if end else f", by {place}"
    elif origin.answer is Outcome.OPEN and origin.redirected:
        words += f", by {end} on" if end else ", but to"
        words += f" {_place(origin, port)}"
    if origin.not_evaluated:
        words += f": {filter_words(*origin.not_evaluated[0])} may decide"
    if origin.answers_by is not None:
        words += f": answers leave by {origin.answers_by}, which may be another link"
    words += _later_words(origin)
    if origin.source_ports:
        words += f"; other source ports: {cited(origin.source_ports[0])}"
    return words


def _later_words(origin: Origin) -> str:
    """The rule that decides, and what becomes of packets behind the first one."""
    rule = f" ({cited(origin.rules[-1])})" if origin.rules else ""
    if not origin.later:
        return rule
    if origin.answer is Outcome.UNKNOWN:
        return f": the first packet passes, later ones may not{rule}"
    return f"{rule}; then stopped by {cited(origin.later[0])}"


def _place(origin: Origin, port: int | None) -> str:
    """The other port or address of this machine to which rules send connections to *port*."""
    if origin.delivered_to != port:
        return f"port {origin.delivered_to}"
    return _end(origin)


def source_words(origin: Origin, *, apart: bool = False) -> str:
    """Where connections come from, and through which interface; over which family, if *apart*."""
    names = {THIS_MACHINE: "this machine", ANYWHERE: "anywhere else"}
    beside = [] if origin.interface is None or origin.source == THIS_MACHINE else [origin.interface]
    beside += [_FAMILIES[origin.family]] if apart and "/" not in origin.source else []
    place = names.get(origin.source, origin.source)
    return f"{place} ({', '.join(beside)})" if beside else place


def cited(rule: RuleText) -> str:
    """A rule and where it stands."""
    return f"{rule.text} in {rule.where}" if rule.where else rule.text
