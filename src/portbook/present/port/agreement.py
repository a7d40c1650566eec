"""The one verdict of a short answer: whether what runs here and what is on record agree."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.app.socket_order import sort_by_gravity
from portbook.model import SpokenState, Transport
from portbook.present.owners import owner_name
from portbook.present.port.on_record import service_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Finding, Level, Listener, Spoken


class Agreement(StrEnum):
    """Whether what runs here and what is on record for the port agree."""

    AGREE = "agree"
    DIFFER = "differ"
    NOTHING = "nothing"  # nothing is bound
    UNKNOWN = "unknown"  # nobody can tell by what could be seen


class BriefVerdict(NamedTuple):
    """The one verdict: whether things agree, how much it asks of the reader, and why.

    ``level``, ``sentence`` and ``code``, that of the finding, are None where nothing is bound. What
    is ``told`` already, with who holds the port, has no line of its own.
    """

    agreement: Agreement
    level: Level | None = None
    sentence: str | None = None
    code: str | None = None
    told: bool = False


def verdict_of(answer: PortAnswer, listeners: Sequence[Listener]) -> BriefVerdict:
    """The verdict on *listeners*, those on the port of *answer*."""
    return verdict_on(listeners, service_names(answer))


def verdict_on(
    listeners: Sequence[Listener], services: Sequence[str], *, here: bool = True
) -> BriefVerdict:
    """The verdict on *listeners* of a port that is registered for *services*.

    It is the first finding on the most urgent of them, as in every list of findings, in short.
    What isn't *here*, on this machine, can't be asked by a probe.
    """
    if not listeners:
        return BriefVerdict(Agreement.NOTHING)
    urgent_first = sort_by_gravity(listeners)
    findings = [each for one in urgent_first for each in one.assessment.findings]
    if not findings:
        return BriefVerdict(Agreement.UNKNOWN)
    settling = next((each for each in findings if each.code in _SETTLES), None)
    agreement = Agreement.UNKNOWN if settling is None else _SETTLES[settling.code][0]
    first = findings[0]
    sentence = _sentence(first, services, urgent_first, here=here)
    told = first.code == "owner-hidden"
    return BriefVerdict(agreement, first.level, sentence, first.code, told=told)


# What says whether a program belongs on the port.
_SETTLES = {
    "unexpected-program": (Agreement.DIFFER, "your notes expect another program here"),
    "speaks-otherwise": (Agreement.DIFFER, "{program} speaks {spoken}, not {awaited}"),
    "expected": (Agreement.AGREE, "{program} belongs here"),
    "owner-hidden": (Agreement.UNKNOWN, "you can't see which program this is"),
    "foreign-service": (Agreement.DIFFER, "not the registered service ({service}){common}"),
    "reserved-port": (Agreement.DIFFER, "IANA reserves the port; make sure you meant it"),
    "unregistered-port": (
        Agreement.DIFFER,
        "unassigned port{common}; check that you started {program}",
    ),
    "service-elsewhere": (Agreement.DIFFER, "{program} isn't on its own port"),
    "fits-by-name": (Agreement.UNKNOWN, "the name fits, and only the name could be seen"),
    "known-use": (Agreement.AGREE, "a common use of the port"),
    "registered-port": (Agreement.UNKNOWN, "which program it is can't be seen from here"),
    "noted": (Agreement.UNKNOWN, "your notes name this port, but no program"),
    "unknown": (Agreement.UNKNOWN, "{program} isn't a server portbook recognises{answers}"),
}
_OTHERS = {
    "risky-exposed": "{risk} is exposed, and shouldn't be",
    "dangerous-port": "known for backdoors; find out who started {program}",
    "deleted-executable": "{program} runs a file that has been deleted",
    "backlog-full": "{program} accepts no more connections: its queue is full",
    "abuse-on-record": "malware has used this port; make sure you started {program}",
    "unpackaged-executable": "no package owns the file that {program} runs",
    "dynamic-port": "an ephemeral port: another program may get it after a restart",
    "browser-blocked": "browsers refuse to open this port",
    "exposed": "other machines may reach it",
    "firewalled": "the firewall keeps other machines out",
    "shadowed": "two programs have this port: name the address you mean",
    "loopback-only": "only this machine can reach it",
    "privileged-bind": "binding it took root or CAP_NET_BIND_SERVICE",
}


_ROOM = 58  # columns that a line of the short answer has behind the longest level


def _sentence(
    finding: Finding, services: Sequence[str], listeners: Sequence[Listener], *, here: bool
) -> str:
    settling = _SETTLES.get(finding.code)
    facts = dict(finding.facts)
    tools = facts.get("tools")
    if finding.code == "foreign-service" and isinstance(tools, tuple):
        settling = (Agreement.DIFFER, "{tool}, not {service}{common}{ask}{answers}")
    elif finding.code == "fits-by-name" and isinstance(tools, tuple):
        said = (
            "by its arguments{answers}" if _asked(listeners) else "judging by its arguments alone"
        )
        settling = (Agreement.UNKNOWN, f"{{tool}}, {said}")
    elif finding.code == "unknown" and "spoken_protocol" in facts:
        settling = (Agreement.UNKNOWN, "{program} speaks {spoken}")
    elif finding.code == "unknown" and not any(each.socket.listens for each in listeners):
        settling = (Agreement.UNKNOWN, "{program} holds the port, and serves nothing on it")
    elif finding.code == "unknown" and any(map(_is_interpreter, listeners)):
        settling = (Agreement.UNKNOWN, "can't tell what {program} serves{asks}{answers}")
    template = settling[1] if settling else _OTHERS.get(finding.code, finding.code)
    elsewhere = next(
        (each for each in listeners[0].assessment.findings if each.code == "service-elsewhere"),
        None,
    )
    if finding.code == "unregistered-port" and elsewhere is not None:
        template = "unassigned port; {program} is usually on {home}"
    if finding.code == "risky-exposed" and "risk_known" not in facts:
        template = "if this is {risk}, it shouldn't be exposed"
    owner = next((each.ownership.owners[0] for each in listeners if each.ownership.owners), None)
    program = "the program" if owner is None else owner_name(owner)
    codes = {each.code for each in listeners[0].assessment.findings}
    asks = "; --probe asks it" if here else ""
    words = {
        "program": program,
        "risk": facts.get("risk"),
        "home": _first(dict(elsewhere.facts).get("own_ports")) if elsewhere else "another port",
        "spoken": facts.get("spoken_protocol") or "TLS",
        "awaited": _first(facts.get("awaited")) or next(iter(services), "what belongs here"),
        "service": next(iter(services), "another service"),
        "common": ", but a common use of the port" if "known-use" in codes else "",
        "tool": _first(tools) or "",
        "ask": asks if "known-use" not in codes and not _asked(listeners) else "",
        "asks": asks if any(map(may_be_asked, listeners)) else "",
        "answers": _answers(listeners),
    }
    sentence = template.format_map(words)
    if len(sentence) > _ROOM and template.endswith(" started {program}"):
        return template.format_map(words | {"program": "it"})  # the answer names it already
    if "expected" in codes and not settling:
        belongs = f"{sentence.partition(';')[0]}; {program} belongs here"
        return belongs if len(belongs) <= _ROOM else sentence
    return sentence


def _is_interpreter(listener: Listener) -> bool:
    """Whether the first owner is named by what it runs, and not by its program alone."""
    owners = listener.ownership.owners
    return bool(owners) and owner_name(owners[0]) != owners[0].program


def may_be_asked(listener: Listener) -> bool:
    """Whether only its owner's arguments say what it speaks, or nothing, and a probe would tell."""
    findings = listener.assessment.findings
    named = any("tools" in dict(finding.facts) for finding in findings)
    unknown = any(each.code == "unknown" for each in findings) and _is_interpreter(listener)
    socket = listener.socket
    tcp = socket.transport is Transport.TCP and socket.listens and socket.namespace is None
    return (named or unknown) and tcp and listener.assessment.speaks is None


def _first(fact: object) -> str | None:
    """The first of several words that a finding carries; None where there is none."""
    return str(fact[0]) if isinstance(fact, tuple) and fact else None


# What a probe heard of a program that nothing is known of.
_HEARD = {
    SpokenState.UNRECOGNISED: "; unknown answer",
    SpokenState.SILENT: "; no answer",
    SpokenState.REFUSED: "; it refuses",
}


def _asked(listeners: Sequence[Listener]) -> Spoken | None:
    """What came of a probe; None where none was asked for."""
    return next((each.assessment.speaks for each in listeners if each.assessment.speaks), None)


def _why_unasked(listeners: Sequence[Listener]) -> str:
    """Why a probe left *listeners* alone, in as few words as the line has room for."""
    if any(each.socket.queue for each in listeners):
        return "clients wait"
    if any(each.socket.queue_limit == 0 for each in listeners):
        return "it takes one client"
    return "not at this machine's address"


def _answers(listeners: Sequence[Listener]) -> str:
    """What came of a probe, behind a sentence; empty where none was asked for."""
    spoken = _asked(listeners)
    if spoken is None:
        return ""
    if spoken.state is SpokenState.IDENTIFIED:
        return f"; it speaks {spoken.protocol or 'TLS'}"
    if spoken.state is SpokenState.UNASKED:
        return f"; not asked: {_why_unasked(listeners)}"
    return _HEARD[spoken.state]


def localhost_line(listeners: Iterable[Listener]) -> str | None:
    """Which of several programs on one port ``localhost`` reaches; None where it is no question."""
    for listener in listeners:
        for finding in listener.assessment.findings:
            facts = dict(finding.facts)
            places = facts.get("reached_addresses")
            programs = facts.get("reached_runs") or facts.get("reached_programs")
            if isinstance(places, tuple) and isinstance(programs, tuple) and "localhost" in places:
                return f"reaches {programs[places.index('localhost')]}"
    return None
