"""Who may assign a port, and how one is asked for: RFC 6335 and RFC 7605 in short.

>>> who_assigns("dynamic")
'Nobody can apply for it: a service that needs a fixed number takes a User Port.'
"""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.port import page
from portbook.present.port.entry import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.lookup import PortAnswer
    from portbook.present.port.entry import Item

FORM = "https://www.iana.org/form/ports-services"


def who_assigns(range_name: str) -> str:
    """Who may assign a port of the range of that name (RFC 6335 §8.1.2, RFC 8126)."""
    return page.WHO_ASSIGNS[range_name]


def how_to_assign(answer: PortAnswer) -> Iterator[Item]:
    """How the port could be assigned, or why it can't be; by its state and its range."""
    port, name = answer.port, answer.range.name
    if answer.state is State.DYNAMIC:
        yield Text(
            f"{port} can't be had: Dynamic Ports are never assigned (RFC 6335 §6, §8.1.2). A "
            "service that can do with one asks the system for any free port, and tells its "
            "clients which it got: by DNS-SD, SRV records or a port mapper."
        )
        yield Text(
            "Before asking for a number elsewhere, RFC 7605 §7.1 wants to know whether one is "
            "needed: a service name alone can be enough."
        )
        return
    if answer.state is State.UNASSIGNED:
        yield Text(
            f"By a request to IANA ({FORM}) that names the assignee, a contact, the service name, "
            "the transports and what the port is for (RFC 6335 §8.1). A request may suggest a "
            f"number such as {port}; whether it gets that one is for IANA to say."
        )
        yield Text(_grounds(name))
        yield Text(
            "A request is for the service, not for a version or a secure twin of it: RFC 7605 "
            "§7.2, §7.4 and §7.5 ask for one port that serves them all."
        )
        yield Text(
            f"Taking {port} without asking is squatting: IANA can't see it, and may assign the "
            "number to somebody else (RFC 7605 §7.8)."
        )
        return
    if answer.state is State.RESERVED:
        yield Text(
            f"Not by an ordinary request: {port} is held back (RFC 6335 §6). A number that was "
            "taken back from a service is marked as Reserved too, and isn't given away again "
            f"while its range has unassigned ones (RFC 6335 §8.2): the {answer.range.title} have."
        )
        return
    yield Text(
        "Its assignee can hand it back. It is then marked as Reserved, and given to nobody else "
        "while its range still has unassigned ports (RFC 6335 §8.2)."
    )
    yield Text(
        "It can't be sold or passed on: assignments aren't transferred between parties. Who wants "
        "to take a service over asks anew, while the assignee lets go (RFC 6335 §8.5)."
    )
    missing = [
        str(transport)
        for transport, standing in answer.standings.items()
        if standing.state is State.UNASSIGNED
    ]
    if missing:
        yield Text(
            f"With {words.listed(missing)} it is unassigned: a service gets the transports that "
            "its request names (RFC 6335 §7.2)."
        )


def _grounds(range_name: str) -> str:
    if range_name == "system":
        return (
            "For a System Port the request goes through the IETF (IETF Review or IESG Approval) "
            "and has to say both why a Dynamic Port won't do and why a User Port won't "
            "(RFC 6335 §8.1.2)."
        )
    return (
        "For a User Port the request is judged by an expert, or comes with an IETF document, and "
        "has to say why a Dynamic Port won't do (RFC 6335 §8.1.2)."
    )
