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
                "(RFC 6335 §6). The same number can be assigned on TCP, reserved on UDP and have "
                "no row for SCTP, so portbook states each transport separately."
            ),
            (
                "One port can have several names, and one name several ports. A row can also "
                "assign a port without a name: 24 is for “any private mail system”."
            ),
            (
                "An assignment promises that no other service gets the number. It doesn't say "
                "that the service is in use, nor that it is what answers there (RFC 6335 §10)."
            ),
        ),
        ((22, "one service, three transports"), (80, "several names"), (24, "no name")),
        State.ASSIGNED,
    ),
    Term(
        "reserved",
        "Reserved",
        "A number that IANA doesn't hand out on an ordinary request.",
        (
            (
                "IANA keeps reserved numbers for special purposes (RFC 6335 §6). The edges of the "
                "ranges are among them, so that a range could be extended one day."
            ),
            (
                "A returned number becomes reserved too (RFC 6335 §8.2). One transport can be "
                "reserved while another is assigned. Rows marked removed, deprecated or "
                "de-registered count as reserved; portbook quotes their own words."
            ),
        ),
        ((0, "an edge"), (1023, "the other edge"), (300, "assigned on TCP, reserved on UDP")),
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
                "Some unassigned ports have a row in the registry that says so; others have none. "
                "portbook says “unassigned” where the row is there, and “not listed” elsewhere."
            ),
            (
                "Software that takes such a number without asking squats on it. IANA can't see "
                "that, and may assign the number to someone else (RFC 7605 §7.8)."
            ),
        ),
        (
            (305, "one of seven in a row"),
            (916, "start of the longest such row of System Ports"),
        ),
        State.UNASSIGNED,
    ),
    Term(
        "dynamic",
        "Dynamic",
        "49152–65535: for temporary use, never assigned.",
        (
            (
                "Dynamic Ports are for local and temporary use (RFC 6335 §6). They are also called "
                "private or ephemeral ports."
            ),
            (
                "Systems hand out ports for outgoing connections automatically, and not all from "
                "this range. The page of a port names the systems whose default range holds it."
            ),
        ),
        ((49152, "the first"), (65535, "the last"), (32768, "not dynamic, but Linux hands it out")),
        State.DYNAMIC,
    ),
    Term(
        "de-assignment",
        "De-assignment and transfer",
        "How a number is given back, and why it can't be passed on.",
        (
            (
                "An assignee who no longer needs a number can return it. It becomes reserved, and "
                "isn't assigned again while its range has unassigned numbers. The service name "
                "normally stays (RFC 6335 §8.2)."
            ),
            (
                "IANA can revoke a number by the same rules, in a process that asks the community "
                "first (RFC 6335 §8.4)."
            ),
            (
                "Assignments aren't transferred between parties, even if both agree. One returns "
                "the number and the other requests it, for a technical, operational or managerial "
                "reason (RFC 6335 §8.5)."
            ),
        ),
    ),
    Term(
        "privileged",
        "Privileged",
        "A port that only some users of a system may bind.",
        (
            (
                "That low ports need root is a convention of Unix, not a rule of the registry. "
                "Today it depends on the system and its settings."
            ),
            (
                "On Linux net.ipv4.ip_unprivileged_port_start decides: 1024 by default, in each "
                "network namespace separately. The capability CAP_NET_BIND_SERVICE lifts the "
                "limit. macOS asks for root below 1024 only to bind a single address. Windows asks "
                "for nothing."
            ),
            "So a service on a low port is no proof that an administrator started it.",
        ),
        ((1023, "the last by that convention"), (1024, "the first above it")),
    ),
    Term(
        "service-names",
        "Service names",
        "What a service is called: up to 15 letters, digits and hyphens.",
        (
            (
                "A service name has 1 to 15 letters, digits and hyphens, with at least one letter "
                "(RFC 6335 §5.1). Case makes no difference. Some older names break these rules; "
                "the registry keeps them as aliases of well-formed ones."
            ),
            (
                "Names, unlike ports, are given first come, first served (RFC 6335 §8.1). Many "
                "have no port: DNS finds their service, by SRV records or DNS-SD."
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
