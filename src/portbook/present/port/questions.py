"""The questions that people ask about a port, answered from its facts; none without an answer."""

from __future__ import annotations

from portbook.model import Encryption, State
from portbook.present import words
from portbook.present.document import Question
from portbook.present.port.background import pickers
from portbook.present.port.on_record import (
    OWN_USE,
    assigned_names,
    in_practice,
    is_own_site,
    untold_uses,
)
from portbook.present.port.registry import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer


# Where most clients run: a port that these hand out is in a log because of that.
_COMMON = frozenset(("Linux", "macOS", "Windows"))


def questions(answer: PortAnswer) -> Iterator[Question]:
    """Questions that the facts of this port answer."""
    port = answer.port
    yield Question(f"Is {port} a TCP or a UDP port?", _transports(answer))
    if port == 0:
        yield Question(
            "How do I use port 0?",
            "Bind it, then ask getsockname() which port the system gave you. No privilege is "
            "needed.",
        )
        return
    yield Question(f"Which program uses port {port}?", _program(answer))
    if answer.range.name == "system" and answer.systems:
        yield Question(
            f"Does listening on {port} need root or an administrator?",
            "On Linux, yes: root or CAP_NET_BIND_SERVICE, unless "
            "net.ipv4.ip_unprivileged_port_start is lower. On macOS, only for a single address. On "
            "Windows, no.",
        )
    yield Question(f"May I use {port} for my own software?", _mine(answer))
    if answer.browser_blocked:
        yield Question(
            f"Why doesn't http://localhost:{port}/ open in a browser?",
            f"Because browsers block {port}, so that no web page can reach the service there. Use "
            "curl, or move your web server to another port.",
        )
    picking, others = pickers(answer)
    if picking:
        no = f" On {words.listed(others)}, no." if others else ""
        yield Question(
            f"Can the system hand out {port} as an ephemeral port?",
            f"On {words.listed(picking)}, yes, by default.{no}",
        )
    if _COMMON.intersection(picking) or (untold_uses(answer) and answer.systems):
        yield Question(f"Why is {port} in my firewall's log?", _logged(answer, picking))
    yield Question(f"Is it dangerous to have {port} open?", _danger(answer))


def _transports(answer: PortAnswer) -> str:
    port = answer.port
    if port == 0:
        return "Neither: on every transport, 0 only asks for a free port."
    apart = f"{port}/tcp and {port}/udp are two different ports."
    if answer.state is State.DYNAMIC:
        return f"Either: a program can use it on any transport. {apart}"
    assigned = [
        str(transport).upper()
        for transport, standing in answer.standings.items()
        if standing.state is State.ASSIGNED
    ]
    if assigned:
        only = " only" if len(assigned) == 1 else ""
        return f"IANA has assigned it on {words.listed(assigned)}{only}. {apart}"
    return f"Neither: IANA has assigned {port} to no service on any transport. {apart}"


def _program(answer: PortAnswer) -> str:
    speaking = answer.related.implementing if answer.related else ()
    met_there = in_practice(answer)
    # A server that speaks the service on a port of its own is none that people meet on this one.
    spoken = [program.product for program in speaking if not program.ports]
    products = list(met_there.leading or dict.fromkeys(spoken))
    shown = f"To see what holds it on your machine, run `portbook {answer.port}`."
    if products:
        beside = len(met_there.wide) if met_there.leading else 0
        return f"{words.few(products, 6, beside)}. {shown}"
    names = [row.service_name for row, _ in services(answer.standings) if row.service_name]
    names = names or [service.name for service in answer.services]
    said = []
    if names:
        said.append(f"Any server that speaks {words.listed(list(dict.fromkeys(names))[:4])}.")
    subjects = list(dict.fromkeys([report.subject for report in answer.abuse]))
    if subjects:
        said.append(f"Reported abuse: {words.few(subjects)}.")
    if said:
        return " ".join([*said, shown])
    if met_there.wide:
        return f"{words.few(list(met_there.wide), 6)} may, as one of many ports. {shown}"
    if is_own_site(answer):
        return f"{OWN_USE} {shown}"
    notes = [standing.notes or "" for standing in answer.standings.values()]
    if any(
        "unauthorized use" in note.casefold() and not words.names_others(note, answer.port)
        for note in notes
    ):
        return f"The registry notes an unauthorized use, but names no program. {shown}"
    known = "" if answer.range.name == "dynamic" else "No program that we know. "
    return f"{known}Only your machine can tell: run `portbook {answer.port}`."


def _mine(answer: PortAnswer) -> str:
    if answer.state is State.DYNAMIC:
        return (
            "For a while, yes. Not as a fixed number: another program may hold it when yours "
            "starts."
        )
    if answer.state is State.RESERVED:
        return (
            "Better not: IANA keeps it for special purposes. `portbook pick` suggests a free one."
        )
    if answer.state is State.ASSIGNED:
        who = next((f" to {name}" for name in assigned_names(answer)), "")
        return (
            f"On your own network, yes. Not in software that others run: it is assigned{who}. "
            "`portbook pick` suggests a free one."
        )
    if answer.range.name == "system":
        return (
            "On your own network, yes. For software that others run, ask IANA for a User Port "
            "instead."
        )
    picking, _ = pickers(answer)
    if _COMMON.intersection(picking):
        return (
            f"Better not: {words.listed(picking)} may hand it out as an ephemeral port. "
            "`portbook pick` suggests another."
        )
    return (
        "On your own network, yes. For software that others run, ask IANA first: it may assign "
        f"{answer.port} to someone else."
    )


def _logged(answer: PortAnswer, picking: Sequence[str]) -> str:
    """What a line of a log with the port says, and what it can't; *picking* are systems."""
    port = answer.port
    if _COMMON.intersection(picking):
        return (
            "As the source port, most likely because the system handed it to a client: the other "
            "port of the line names the service. As the destination port, most likely in a reply "
            "to such a client."
        )
    source = "a program or address translation chose it: no system we know of hands it out"
    if picking:
        source = f"{words.listed(picking)} may have handed it to a client"
    elif 512 <= port <= 1023:  # the r commands and NFS bind one of these
        source = "it may be a privileged client's: bindresvport(3) hands out 512–1023"
    return (
        f"As the destination port: somebody sent a packet to {port}. That doesn't mean that "
        "anything listens there; one address that tries many ports looks like a scan. If your own "
        f"machine sends to {port}, find the program that does. As the source port: {source} by "
        "default."
    )


def _danger(answer: PortAnswer) -> str:
    """What its makers advise, or plain text, or what it depends on; then reported abuse."""
    exposed = next((one for one in answer.services if one.exposure is not None), None)
    plain = next((one for one in answer.services if one.encryption is Encryption.NONE), None)
    parts = []
    if exposed is not None and exposed.exposure is not None:
        parts.append(
            f"Yes, if it is {exposed.name}. {exposed.exposure.advice} {exposed.exposure.why}"
        )
    elif plain is not None:
        instead = f" The encrypted port is {plain.twin}." if plain.twin else ""
        parts.append(
            f"It can be: {plain.name} isn't encrypted, so anyone on the path can read it.{instead}"
        )
    if untold_uses(answer) and answer.state is State.UNASSIGNED:
        parts.append(
            "No registered service needs it open: close it, unless you know the program behind it."
        )
        parts.append(f"`portbook {answer.port}` shows that, and who can reach it.")
    elif plain is not None or exposed is not None:
        parts.append(f"`portbook {answer.port}` shows the program behind it and who can reach it.")
    else:
        parts.append("It depends on the program behind it and on who can reach it.")
        parts.append(f"`portbook {answer.port}` shows both.")
    if answer.abuse:
        reports = list(
            dict.fromkeys([f"{one.subject} ({words.period(one.period)})" for one in answer.abuse])
        )
        parts.append(f"Reported abuse: {words.few(reports)}.")
    return " ".join(parts)
