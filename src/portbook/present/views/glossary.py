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
        "port",
        "Port",
        "A number from 0 to 65535 that tells apart what runs at one address.",
        (
            (
                "Each packet names two ports, the sender's and the receiver's. A server waits on "
                "one that its clients know; a client's own is mostly an ephemeral one."
            ),
            (
                "The number is a label, not a place: which program has it, the operating system "
                "decides each time. Each transport has its own 65,536 ports."
            ),
        ),
        ((0, "asks for a free one"), (443, "the encrypted web"), (65535, "the highest")),
    ),
    Term(
        "iana",
        "IANA",
        "The Internet Assigned Numbers Authority, which keeps the registry of ports.",
        (
            (
                "IANA records which service has which port. A request for a User Port is reviewed "
                "by an expert, one for a System Port by the IETF (RFC 6335 §8.1)."
            ),
            (
                "It enforces nothing: a program can listen on any port, and a firewall should "
                "judge by what it knows of the traffic (RFC 6335 §10)."
            ),
        ),
    ),
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
        "system-ports",
        "System Ports",
        "0–1023, also called well-known ports: for protocols of the Internet's own standards.",
        (
            (
                "The 65,536 numbers are three ranges (RFC 6335 §6): System Ports 0–1023, User "
                "Ports 1024–49151, Dynamic Ports 49152–65535. People also say well-known, "
                "registered and private or ephemeral ports."
            ),
            (
                "A System Port is assigned by IETF Review or IESG Approval alone "
                "(RFC 6335 §8.1.2). A document says why a User Port won't do."
            ),
            "A User Port takes Expert Review as well as those, so most new services get one.",
            (
                "On most systems a program needs a privilege to bind a System Port. That is a "
                "convention of Unix, and protects little."
            ),
        ),
        ((80, "the web"), (443, "the encrypted web"), (853, "DNS over TLS")),
    ),
    Term(
        "user-ports",
        "User Ports",
        "1024–49151, also called registered ports: for the services of anyone who asks.",
        (
            (
                "IANA assigns a User Port on request: its form asks for a name, the transports and "
                "a reason, and an expert reviews it (RFC 6335 §8.1.2)."
            ),
            (
                "Registered doesn't mean in use by that service. 3000 and 8000 are registered, and "
                "people meet other programs there."
            ),
        ),
        ((3306, "MySQL"), (5432, "PostgreSQL"), (8080, "the alternate web port")),
    ),
    Term(
        "ephemeral",
        "Ephemeral ports",
        "What a system gives a client for one connection, from a range of its own.",
        (
            (
                "A client rarely chooses its port: the system picks one, and takes it back when "
                "the connection ends."
            ),
            (
                "Linux picks from 32768–60999, macOS and Windows from 49152–65535. So the range "
                "overlaps with User Ports on Linux, and a server there can find its port taken."
            ),
        ),
        ((32768, "the first on Linux"), (49152, "the first on macOS and Windows")),
    ),
    Term(
        "loopback",
        "Loopback",
        "127.0.0.1 and [::1]: the addresses at which a machine reaches itself alone.",
        (
            (
                "What listens on a loopback address answers this machine, and no other one. "
                "localhost is a name for both."
            ),
            "0.0.0.0 and [::] are the opposite: every address of the machine.",
        ),
    ),
    Term(
        "squatting",
        "Squatting",
        "Using a port that IANA hasn't assigned to the program.",
        (
            (
                "It works until IANA assigns the number to another service. Then two programs want "
                "the same port (RFC 7605 §7.8)."
            ),
            (
                "The registry notes some cases as unauthorized use. Many products do it all the "
                "same: the page of a port names them under In practice."
            ),
        ),
        ((5173, "Vite, unassigned"), (3000, "registered for home banking")),
    ),
    Term(
        "assignee",
        "Assignee",
        "The person or organisation to whom a port or a name is assigned.",
        (
            (
                "IANA lists an assignee and a contact for each row. portbook keeps assignees as "
                "the registry had them in July 2015, and no addresses."
            ),
            "An assignee can return a port, but not pass it on (RFC 6335 §8.2, RFC 6335 §8.5).",
        ),
    ),
    Term(
        "why-unassigned",
        "Why ports are unassigned",
        "Numbers are handed out sparingly: four reasons, each from a rule.",
        (
            (
                "They are few. There is one space of 65,536 for all services to come, so IANA "
                "conserves it (RFC 6335 §7.2, RFC 7605 §6)."
            ),
            (
                "One service gets one port (RFC 7605 §7.2). A second one for a secure variant or "
                "a new version is no longer given (RFC 7605 §7.4, RFC 7605 §7.5)."
            ),
            (
                "Each request is reviewed. Experts ask whether a name, a port that the service "
                "already has or a dynamic port would do (RFC 6335 §8.1)."
            ),
            (
                "Many services need no number. DNS tells their port, by SRV records or DNS-SD, and "
                "their name is enough (RFC 6335 §5)."
            ),
            "Unassigned doesn't mean unused: anything can listen there.",
        ),
        ((305, "in a gap of seven"), (1024, "reserved, at an end of its range")),
    ),
    Term(
        "transports",
        "Transports",
        "TCP, UDP, SCTP and DCCP each have ports of their own.",
        (
            (
                "A port belongs to a transport: 53/tcp and 53/udp are two ports, and two programs "
                "can hold them. The registry has a row for each (RFC 6335 §6)."
            ),
            (
                "A service that names one transport gets that one; the others are reserved for the "
                "same number and service, so that nobody else gets them (RFC 6335 §7.2)."
            ),
            "TCP makes a connection and keeps its order. UDP sends single datagrams, without one.",
            "SCTP carries signals of telephone networks, mostly. DCCP is rare.",
        ),
        ((53, "DNS, on both"), (22, "assigned on three"), (300, "reserved on UDP")),
    ),
    Term(
        "listening",
        "Listening and bound",
        "A program binds a port to an address, and then listens for connections on it.",
        (
            (
                "A socket is an end of a connection: a transport, an address and a port. bind(2) "
                "gives it the last two; listen(2) lets a TCP socket take connections. UDP sockets "
                "don't listen: once bound, they receive."
            ),
            (
                "The address decides who can reach it. On 127.0.0.1 or [::1], the loopback "
                "addresses, that is this machine alone; on 0.0.0.0 or [::] everyone whom no "
                "firewall stops."
            ),
        ),
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
