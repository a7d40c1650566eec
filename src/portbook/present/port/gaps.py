"""Unassigned ports: what that means, why there are such ports, and what may be on one.

A System Port has the reasons on its own page; what is the same for all 42,000 others stands in the
glossary. The rules are those of RFC 6335 and RFC 7605.
"""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.document import Heading, Paragraph, Points
from portbook.present.port.on_record import untold_uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.present.document import Item


def standing(answer: PortAnswer) -> str:
    """How an unassigned port stands, for its page's first sentences."""
    block = answer.block
    where = (
        f" It lies in a gap of {block.size:,} {answer.range.title}, {block.first}–{block.last}."
        if block.size > 1
        else ""
    )
    return (
        f"Port {answer.port} is unassigned: IANA, which keeps the registry of port numbers, has "
        f"assigned it to no service.{where}"
    )


def unassigned(answer: PortAnswer) -> Iterator[Item]:
    """What it means that the port is unassigned, and why; nothing for any other port."""
    if answer.state is not State.UNASSIGNED:
        return
    system = answer.range.name == "system"
    if system:
        yield Heading("What unassigned means")
    yield _MEANING
    if not system:
        yield _SPARING
        return
    yield Heading("What a System Port is")
    yield from _SYSTEM_PORT
    yield Heading(f"Why {answer.port} is unassigned")
    yield Paragraph(
        f"No source says why {answer.port} in particular was left. IANA's rules say why there are "
        "gaps among the System Ports:"
    )
    yield _REASONS
    yield Paragraph(f"So {answer.port} stays free, should a standard need it.")


_MEANING = Paragraph(
    "Unassigned means that no service is registered here, and that anybody may ask IANA for it. A "
    "reserved port is different: IANA keeps it back. Unassigned doesn't mean unused: the registry "
    "is a list, and nothing keeps a program from listening.",
    cites=("RFC 6335 §6",),
)
_SPARING = Paragraph(
    "IANA leaves such gaps on purpose. It gives a service one port, after a review, and keeps the "
    "rest for later ones.",
    cites=("RFC 6335 §7.2", "RFC 7605 §6"),
)
_SYSTEM_PORT = (
    Paragraph(
        "System Ports are 0–1023, also called well-known ports. They are meant for protocols that "
        "the IETF has reviewed: 22 is SSH, 80 is the web, 443 is the encrypted web.",
        (22, 80, 443),
    ),
    Paragraph(
        "Getting one takes IETF Review or IESG Approval, and a document that says why a User Port "
        "(1024–49151) won't do. On Linux and most Unix systems, a program also needs a privilege "
        "to listen on one. That is the system's rule, not IANA's.",
        cites=("RFC 6335 §8.1.2",),
    ),
)
_REASONS = Points(
    (
        (
            "Numbers are few: 65,536 have to last for all future services, so IANA hands them out "
            "sparingly."
        ),
        "A new service gets one port, not a second one for its secure variant or a new version.",
        (
            "A System Port takes IETF Review or IESG Approval. So most new services get a User "
            "Port, or only a name, from which clients learn the port through DNS."
        ),
        (
            "No gap is ever closed up: an assigned port stays assigned until it is returned or "
            "revoked."
        ),
    ),
    (
        ("RFC 6335 §7.2", "RFC 7605 §6"),
        ("RFC 7605 §7.2", "RFC 7605 §7.4", "RFC 7605 §7.5"),
        ("RFC 6335 §8.1.2", "RFC 6335 §5"),
        ("RFC 6335 §8.2", "RFC 6335 §8.4"),
    ),
)


def may_be_there(answer: PortAnswer, picking: Sequence[str]) -> Iterator[Item]:
    """What may be on an unassigned port of which nothing is known, where *picking* are the systems.

    :param picking: the systems that hand the port out as an ephemeral one by default
    """
    if answer.state is not State.UNASSIGNED or not untold_uses(answer):
        return
    if picking:
        yield Paragraph(
            f"A program that listens on {answer.port} chose the number, or got it as an "
            f"ephemeral port of {words.listed(picking)}."
        )
        return
    yield Paragraph(
        f"No program that we know uses {answer.port} by default, but any program can listen "
        "there. If one does, somebody chose the number:"
    )
    yield _CHOSEN
    chance = (
        " The system itself didn't pick it: by default, no system we know of uses it for outgoing "
        "connections."
        if answer.systems
        else ""
    )
    yield Paragraph(
        f"The number doesn't say which.{chance} The commands below name the program on your "
        "machine. If a scan of another machine shows it, ask its administrator."
    )


def what_a_line_means(answer: PortAnswer) -> Iterator[Item]:
    """What it means that a program is found on an unassigned port, and what to do then."""
    if answer.state is State.UNASSIGNED and untold_uses(answer):
        yield Paragraph(
            f"If a line comes back, a program holds {answer.port} although no service belongs "
            "there. Find out who started it, and why. If it isn't wanted, "
            f"`portbook stop {answer.port}` ends it."
        )


_CHOSEN = Points(
    (
        "for a tool of their own, which needed a fixed port that no known service has",
        "for a test, or to move a service away from its usual port",
        "to forward a port, through SSH, a container or a router",
        "to stay unseen, as an intruder would",
    )
)
