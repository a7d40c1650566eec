"""The words of the registry, explained in short: what RFC 6335 means by them."""

from __future__ import annotations

from typing import NamedTuple

from portbook.model import State


class Term(NamedTuple):
    """A word: ``name`` is its place in an address, ``examples`` are ports to look at."""

    name: str
    title: str
    short: str
    texts: tuple[str, ...]
    examples: tuple[tuple[int, str], ...] = ()
    state: State | None = None


TERMS = (
    Term(
        "assigned",
        "Assigned",
        "A port that the registry gives to a service, transport by transport.",
        (
            (
                "A port is assigned when the registry gives it to a service for a transport "
                "(RFC 6335 §6). The same number can be assigned with tcp, reserved with udp and "
                "without a row for sctp, so portbook states each transport apart."
            ),
            (
                "One port can have several names, and a name several ports. A row can also assign "
                "without naming: 24 is for “any private mail system”."
            ),
            (
                "An assignment is a promise not to give the number to another service. It doesn't "
                "say that the service is in use, nor that what answers on the port is it "
                "(RFC 6335 §10)."
            ),
        ),
        ((22, "one service, three transports"), (80, "several names"), (24, "no name")),
        State.ASSIGNED,
    ),
    Term(
        "reserved",
        "Reserved",
        "A number that can't be had by an ordinary request.",
        (
            (
                "Reserved numbers are held by IANA for special purposes (RFC 6335 §6). The edges "
                "of "
                "the ranges are among them, so that a range could be extended one day."
            ),
            (
                "A number that was handed back is marked as reserved too (RFC 6335 §8.2), and a "
                "transport can be reserved while another one is assigned. Rows that say removed, "
                "deprecated or de-registered count as reserved here; their own words are quoted."
            ),
        ),
        ((0, "an edge"), (1023, "the other edge"), (300, "assigned with tcp, reserved with udp")),
        State.RESERVED,
    ),
    Term(
        "unassigned",
        "Unassigned",
        "A number that belongs to no service and can be requested.",
        (
            (
                "An unassigned number is available on request (RFC 6335 §6). It may be in use all "
                "the same: nothing stops a program from listening on it."
            ),
            (
                "Some unassigned ports have a row in the registry that says so, others have none "
                "at "
                "all. This book quotes the word only where the row is there, and says “not listed” "
                "elsewhere."
            ),
            (
                "Software that takes such a number without asking squats on it: IANA can't see "
                "that, "
                "and may assign it to someone else (RFC 7605 §7.8)."
            ),
        ),
        (
            (305, "one of seven in a row"),
            (916, "where the longest such row of System Ports begins"),
        ),
        State.UNASSIGNED,
    ),
    Term(
        "dynamic",
        "Dynamic",
        "The numbers from 49152 up, which are nobody's for good.",
        (
            (
                "Dynamic Ports, 49152–65535, are for local and temporary use and are never "
                "assigned "
                "(RFC 6335 §6). Older texts call them private or ephemeral ports."
            ),
            (
                "Systems pick ports for outgoing connections by themselves, but not all from this "
                "range: each page names the systems whose default range holds the port."
            ),
        ),
        ((49152, "the first"), (65535, "the last"), (32768, "not one, yet picked by Linux")),
        State.DYNAMIC,
    ),
    Term(
        "de-assignment",
        "De-assignment and transfer",
        "How a number is given back, and why it can't be passed on.",
        (
            (
                "An assignee who no longer needs a number can return it. It is then marked as "
                "reserved and isn't given away again while its range has unassigned ones; the "
                "service name normally stays (RFC 6335 §8.2)."
            ),
            (
                "IANA can take a number back by the same rules, in a process that asks the "
                "community "
                "first (RFC 6335 §8.4)."
            ),
            (
                "Assignments aren't transferred between parties, even if both agree: one hands "
                "back, "
                "the other asks, and a reason that isn't money has to be there (RFC 6335 §8.5)."
            ),
        ),
    ),
    Term(
        "privileged",
        "Privileged",
        "A port that a system lets only some of its users bind.",
        (
            (
                "That low ports take root was a convention of Unix, and is no rule of the "
                "registry. "
                "What holds today depends on the system and its settings."
            ),
            (
                "On Linux net.ipv4.ip_unprivileged_port_start decides, 1024 by default, in each "
                "network namespace separately; the capability CAP_NET_BIND_SERVICE lifts it. macOS "
                "asks for root below 1024 only where one address is bound. Windows asks for "
                "nothing."
            ),
            "So a service on a low port is no proof that an administrator started it.",
        ),
        ((1023, "the last by that convention"), (1024, "the first above")),
    ),
    Term(
        "service-names",
        "Service names",
        "What a service is called: up to 15 letters, digits and hyphens.",
        (
            (
                "A service name has 1 to 15 characters, letters, digits and hyphens, with at least "
                "one letter (RFC 6335 §5.1). Case makes no difference. Some "
                "older "
                "names break these rules; the registry keeps them as aliases of well-formed ones."
            ),
            (
                "Names, unlike ports, are given first come, first served (RFC 6335 §8.1). Many "
                "have "
                "no port: their service is found through DNS, by SRV records or DNS-SD."
            ),
        ),
    ),
)


def lookup(name: str) -> Term:
    """The term of that name; KeyError if there is none."""
    for term in TERMS:
        if term.name == name:
            return term
    raise KeyError(name)
