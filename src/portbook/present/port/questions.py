"""The questions that people ask about a port, answered from its facts; none without an answer."""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.document import Question
from portbook.present.port.background import pickers
from portbook.present.port.on_record import in_practice
from portbook.present.port.registry import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.lookup import PortAnswer


def questions(answer: PortAnswer) -> Iterator[Question]:
    """Questions that the facts of this port answer."""
    port = answer.port
    yield Question(f"Is {port} a TCP or a UDP port?", _transports(answer))
    yield Question(f"Which program uses port {port}?", _program(answer))
    if answer.systems:
        yield Question(f"Does listening on {port} take root or an administrator?", _root(answer))
    yield Question(f"May I use {port} for my own software?", _mine(answer))
    if answer.browser_blocked:
        yield Question(
            f"Why doesn't http://localhost:{port}/ open in a browser?",
            f"Because {port} is on the list of ports to which browsers make no request. A tool "
            "such as curl isn't bound by it.",
        )
    if answer.systems:
        yield Question(f"Can the system pick {port} by itself?", _pick(answer))
    yield Question(f"Is it dangerous to have {port} open?", _danger(answer))
    if answer.state is State.UNASSIGNED:
        yield Question(
            f"Why has nobody got {port}?",
            "The registry gives no reasons: it says who holds a number, not why nobody does. "
            + (
                f"{answer.block.size - 1:,} other{'s' if answer.block.size > 2 else ''} in the "
                f"same block {'are' if answer.block.size > 2 else 'is'} unassigned too."
                if answer.block.size > 1
                else "It is the only one in its block."
            ),
        )


def _transports(answer: PortAnswer) -> str:
    both = "A number exists once for each transport, and they are told apart."
    if answer.state is State.DYNAMIC:
        return f"Either, for a while: Dynamic Ports are open to all transports. {both}"
    held = [str(t) for t, s in answer.standings.items() if s.state is State.ASSIGNED]
    if held:
        only = "only " if len(held) == 1 else ""
        return f"It is assigned with {only}{words.listed(held)}. {both}"
    return f"Neither, by the registry: no transport has it assigned. {both}"


def _program(answer: PortAnswer) -> str:
    speaking = answer.related.implementing if answer.related else ()
    met_there = in_practice(answer)
    spoken = [program.product for program in speaking]
    products = list(dict.fromkeys([*met_there.leading, *spoken])) or list(met_there.wide)
    here = f"What has it on your machine, portbook {answer.port} says."
    if products:
        many = f" and {len(products) - 6} more" if len(products) > 6 else ""
        shown = ", ".join(products[:6]) if many else words.listed(products)
        return f"On record here: {shown}{many}. {here}"
    names = [row.service_name for row, _ in services(answer.standings) if row.service_name]
    if names:
        unique = list(dict.fromkeys(names))
        return (
            f"No program is on record here; whatever speaks {words.listed(unique[:4])} may. {here}"
        )
    return f"No program is on record here. {here}"


def _root(answer: PortAnswer) -> str:
    if answer.range.name == "system":
        return (
            "By default on Linux, where net.ipv4.ip_unprivileged_port_start decides (1024 unless "
            "changed, and container engines set it to 0), yes: or the capability "
            "CAP_NET_BIND_SERVICE. On macOS only to bind one address, not for the wildcard "
            "address. On Windows no."
        )
    return (
        f"No: {answer.port} is above 1023, where Linux, macOS and Windows ask for no privilege by "
        "default."
    )


def _mine(answer: PortAnswer) -> str:
    if answer.state is State.DYNAMIC:
        return (
            "For a while, yes: that is what it is for. Not as a fixed number that others rely on, "
            "as anything else may hold it when your program starts."
        )
    if answer.state is State.ASSIGNED:
        names = [row.service_name for row, _ in services(answer.standings)]
        who = next((name for name in names if name), "the service it is assigned to")
        return (
            f"On a network of your own, at the risk of being taken for {who}. In software that "
            "others will run, no: it is taken, and portbook blocks lists those that aren't."
        )
    if answer.state is State.RESERVED:
        return "Better not: it is held back, and could be put to a special purpose."
    if answer.range.name == "system":
        return (
            "On a network of your own nobody stops you. In software that others will run, ask for "
            "a User Port instead: a System Port takes an IETF process, and might go to somebody "
            "else."
        )
    return (
        "On a network of your own nobody stops you. In software that others will run, request it "
        "first: otherwise IANA may assign it to somebody else (RFC 7605 §7.8)."
    )


def _pick(answer: PortAnswer) -> str:
    holding, others = pickers(answer)
    if holding and others:
        return (
            f"On {words.listed(holding)} yes, by default. On {words.listed(others)} no: it is "
            "outside their default ranges."
        )
    if holding:
        return f"Yes, on every system on record here by default: {words.listed(holding)}."
    return f"Not by default on {words.listed(others)}: it is outside their ranges."


def _danger(answer: PortAnswer) -> str:
    if answer.browser_blocked:
        return (
            "The number alone is neither safe nor unsafe. Browsers refuse it, so a web page can't "
            "be made to speak to what is there; who else can reach it, and which program answers, "
            "is what counts."
        )
    if answer.state is State.ASSIGNED:
        return (
            "The number alone is neither safe nor unsafe: who can reach it, which program answers "
            "and how up to date that is, is what counts."
        )
    return (
        "The number alone is neither safe nor unsafe. As no service is registered on it, a "
        "listener that you don't know is worth a look: which program is it, and who can reach it?"
    )
