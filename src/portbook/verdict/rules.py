"""The rules of the verdict, as data.

A rule applies to a socket when every fact it needs is true of it and none that it excludes is.
Facts are plain words with a stated meaning, so that the same table can judge one socket here, a
pasted capture, or a table of flows in a database. Findings are shown by level, and those of one
level in this order, which is the one in which the documentation lists them.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import EvidenceCode, Level

FACTS = {
    "assigned": "the registry gives the port to a service, for this transport",
    "reserved": "the registry reserves the port, for this transport",
    "unassigned": "the registry gives the port to nobody, or has no row for this transport",
    "loopback": "the socket is bound to a loopback address",
    "wildcard": "the socket is bound to every address, on every interface, and not firewalled",
    "exposed": "wildcard, or the socket is bound to one address or interface, and other machines "
    "were found to reach it there, or it can't be told whether they do",
    "reachable": "the socket is bound to more than loopback, and not firewalled",
    "firewalled": "the socket is bound to more than loopback; the firewall was read, and lets "
    "nothing in from other machines",
    "risky-service": "the program, or where it can't be told the port, is that of a service that "
    "its own documentation or a public authority says not to expose",
    "asks-nobody": "risky-service by a known program, and that service asks for no authentication "
    "by default",
    "dangerous": "the program hands a shell to anyone who connects; or no owner could be seen, and "
    "the port is known for reported malware alone",
    "in-dynamic-range": "the port is in the range that this machine picks ports from",
    "privileged": "this machine asks for a privilege to bind the port",
    "hidden": "a socket is there, its owner not visible to this user",
    "kernel": "the kernel holds the socket itself",
    "unasked": "what was read, a scan or a flow log, says nothing of owners",
    "known-program": "every owner seen runs a known server program from its own, protected place",
    "known-server": "known-program, or every owner is an interpreter whose arguments name a known "
    "server",
    "says-otherwise": "none of the servers that interpreters' arguments name speaks a service "
    "registered here",
    "used-otherwise": "the port has known uses, and none is of a service registered here",
    "few-uses": "fewer than five known products use the port, without those of wide spans",
    "implements": "every owner seen implements a service that is registered here",
    "fits-by-name": "every owner seen is called like a program that implements a service "
    "registered here, and of none could more be seen than its name; or is an interpreter, and its "
    "arguments name such a program",
    "default-port": "the port is one of the known program's own default ports",
    "known-use": "a use on record fits the program (its name, where only that was seen) or, "
    "where none was seen, the port, for which a span of more than 16 doesn't speak",
    "use-fits": "known-use, and the owner isn't hidden: what couldn't be seen fits nothing",
    "abuse-on-record": "malware was reported on the port, for this transport",
    "unknown-program": "an owner's executable was seen, is no known server's in its place, and "
    "none that an own note expects",
    "deleted": "an owner's executable has been deleted since it was started",
    "ephemeral": "a deleted executable was in memory only, or in a temporary folder",
    "upgraded": "the package of every deleted executable is newer than the process",
    "unpackaged": "the package database was asked, and no package owns an owner's executable",
    "backlog-full": "as many connections wait to be accepted as the socket allows",
    "shadowed": "another program holds the same port on a more specific address or on the other "
    "family, so that localhost, 127.0.0.1 or ::1 reaches that one",
    "speaks-http": "the known program serves HTTP",
    "speaks-otherwise": "asked, or seen in a log, it spoke a protocol that is neither the "
    "program's nor spoken by a service that is registered here",
    "browser-blocked": "browsers refuse to open the port",
    "belongs": "implements, or as-noted",
    "noted": "a note of the user's own names the port",
    "labelled": "that note says what the port is for, and not which program should be there",
    "as-noted": "every owner seen is what that note expects there, and nobody but root and the "
    "user could have put it in its place",
    "not-as-noted": "an owner seen isn't what that note expects, or others could have put it there",
    "settled": "another rule has said whether the socket belongs here",
}


class Rule(NamedTuple):
    """One line of the table.

    ``carries`` names the groups of facts that its finding has of the socket
    (:data:`portbook.verdict.finding_facts.GROUPS`), ``rests_on`` what it rests on. ``level`` holds
    where nothing else is said: each of ``shifts`` is another level and the facts that, all true,
    give it, and the first that applies decides. ``settles`` marks the rules that say whether the
    socket belongs here.
    """

    code: str
    level: Level
    when: str
    needs: tuple[str, ...]
    unless: tuple[str, ...]
    carries: tuple[str, ...]
    rests_on: tuple[EvidenceCode, ...]
    shifts: tuple[tuple[Level, tuple[str, ...]], ...] = ()
    settles: bool = False


# An exposure that reaches nobody else, or a use that people know, asks for less.
_SOFTER = (
    (Level.NOTE, ("use-fits",)),
    (Level.NOTE, ("loopback",)),
    (Level.NOTE, ("labelled",)),
)

_SOCKET, _REGISTRY, _ASKED = EvidenceCode.SOCKET, EvidenceCode.REGISTRY, EvidenceCode.ASKED
_EXECUTABLE, _PROGRAM = EvidenceCode.EXECUTABLE, EvidenceCode.PROGRAM
_OWN_NOTE, _BROWSERS = EvidenceCode.NOTE, EvidenceCode.BROWSERS
_USE, _REPORT, _TOOL = EvidenceCode.USE, EvidenceCode.REPORT, EvidenceCode.TOOL

RULES = (
    Rule(
        "risky-exposed",
        Level.CHECK,
        "a service that its own documentation or a public authority says not to expose, bound to "
        "more than loopback; alert if the program is known to be that service and asks for no "
        "authentication by default",
        ("risky-service", "reachable"),
        (),
        ("risk",),
        (_SOCKET, EvidenceCode.FIREWALL, EvidenceCode.SERVICE, _EXECUTABLE, _PROGRAM),
        shifts=((Level.ALERT, ("asks-nobody",)),),
    ),
    Rule(
        "dangerous-port",
        Level.CHECK,
        "bound to more than loopback, by a program that hands a shell to anyone who connects (nc, "
        "ncat, socat, busybox), or by an owner that is hidden on a port that is known for "
        "reported malware alone",
        ("dangerous", "reachable"),
        ("as-noted",),
        ("relays", "reports"),
        (_SOCKET, _EXECUTABLE, _REPORT),
    ),
    Rule(
        "expected",
        Level.OK,
        "the program, known by its executable's path and owner (not by its name alone), "
        "implements the service registered here, or is what a note of your own expects",
        ("belongs",),
        ("not-as-noted", "speaks-otherwise"),
        ("owners", "service", "note"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _OWN_NOTE, _PROGRAM),
        settles=True,
    ),
    Rule(
        "unexpected-program",
        Level.CHECK,
        "a note of your own expects another program here",
        ("not-as-noted",),
        (),
        ("note", "expects"),
        (_EXECUTABLE, _OWN_NOTE),
        settles=True,
    ),
    Rule(
        "noted",
        Level.NOTE,
        "a note of your own names the port, and doesn't decide whether what is here belongs",
        ("noted",),
        ("belongs", "not-as-noted"),
        ("note", "expects"),
        (_EXECUTABLE, _OWN_NOTE),
        settles=True,
    ),
    Rule(
        "speaks-otherwise",
        Level.CHECK,
        "asked, or seen in a log, it speaks another protocol than the one that belongs here; note "
        "if loopback",
        ("speaks-otherwise",),
        (),
        ("owners", "spoken", "awaited"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _PROGRAM),
        shifts=((Level.NOTE, ("loopback",)),),
        settles=True,
    ),
    Rule(
        "registered-port",
        Level.OK,
        "the port is registered for a service, and what was read can't say which program answers",
        ("assigned", "unasked"),
        ("speaks-otherwise",),
        ("service",),
        (_REGISTRY,),
        settles=True,
    ),
    Rule(
        "fits-by-name",
        Level.NOTE,
        "a program of that name implements the service registered here, and only its name could "
        "be seen, or an interpreter's arguments name it",
        ("assigned", "fits-by-name"),
        (),
        ("owners", "service", "tool"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
        settles=True,
    ),
    Rule(
        "loopback-only",
        Level.OK,
        "reachable from this machine only",
        ("loopback",),
        (),
        ("address", "interface"),
        (_SOCKET,),
    ),
    Rule(
        "exposed",
        Level.NOTE,
        "bound to every interface, and not blocked by a firewall that could be read; or bound to "
        "one address or interface, where networks and firewall let other machines reach it",
        ("exposed",),
        (),
        ("address", "interface", "reach"),
        (_SOCKET, EvidenceCode.FIREWALL),
    ),
    Rule(
        "firewalled",
        Level.OK,
        "bound beyond loopback, and the firewall lets nothing in from other machines",
        ("firewalled",),
        (),
        ("address", "reach"),
        (_SOCKET, EvidenceCode.FIREWALL),
    ),
    Rule(
        "shadowed",
        Level.NOTE,
        "another program holds the same port on a more specific address or family: which one "
        "localhost and other names reach",
        ("shadowed",),
        (),
        ("reached",),
        (_SOCKET, EvidenceCode.REACHED),
    ),
    Rule(
        "known-use",
        Level.NOTE,
        "an unofficial use on record fits the program or, unseen, the port, unless that only lies "
        "in a span of more than 16 that the use can take",
        ("known-use",),
        ("belongs",),
        ("uses", "state", "service"),
        (_REGISTRY, _EXECUTABLE, _PROGRAM, _USE),
        settles=True,
    ),
    Rule(
        "service-elsewhere",
        Level.NOTE,
        "a known service on a port that isn't its own",
        ("known-program",),
        ("belongs", "default-port"),
        ("owners", "elsewhere"),
        (_ASKED, _EXECUTABLE, _PROGRAM),
        settles=True,
    ),
    Rule(
        "foreign-service",
        Level.CHECK,
        "the port is registered for something else than the program, or than the server that an "
        "interpreter's arguments name; note if `known-use`, loopback or labelled in your notes, or "
        "if the port isn't known to be used as registered and only arguments say so",
        ("assigned", "known-server"),
        ("belongs", "fits-by-name"),
        ("owners", "service", "tool"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _PROGRAM, _TOOL),
        shifts=(*_SOFTER, (Level.NOTE, ("says-otherwise", "used-otherwise"))),
        settles=True,
    ),
    Rule(
        "unregistered-port",
        Level.CHECK,
        "the port is unassigned; note if loopback, labelled in your notes or `known-use`, unless "
        "the owner is hidden",
        ("unassigned",),
        ("as-noted",),
        ("owners", "practice", "tool"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
        shifts=_SOFTER,
        settles=True,
    ),
    Rule(
        "reserved-port",
        Level.CHECK,
        "the port is reserved; note if the program is what your notes expect",
        ("reserved",),
        (),
        ("owners", "text", "note"),
        (_REGISTRY,),
        shifts=((Level.NOTE, ("as-noted",)),),
        settles=True,
    ),
    Rule(
        "dynamic-port",
        Level.NOTE,
        "in this machine's dynamic range: may be chance, may clash",
        ("in-dynamic-range",),
        (),
        ("dynamic",),
        (_SOCKET,),
        settles=True,
    ),
    Rule(
        "privileged-bind",
        Level.NOTE,
        "bound by a privilege that this machine really asks for",
        ("privileged",),
        (),
        ("unprivileged",),
        (_SOCKET,),
    ),
    Rule(
        "browser-blocked",
        Level.NOTE,
        "HTTP on a port that browsers refuse",
        ("browser-blocked", "speaks-http"),
        (),
        (),
        (_EXECUTABLE, _PROGRAM, _BROWSERS),
    ),
    Rule(
        "abuse-on-record",
        Level.NOTE,
        "malware was reported on the port, at a stated time, which accuses nobody; check with an "
        "unknown or hidden program on an exposed socket, where few products use the port",
        ("abuse-on-record",),
        (),
        ("owners", "reports"),
        (_SOCKET, _EXECUTABLE, _REPORT),
        shifts=(
            (Level.CHECK, ("unknown-program", "wildcard", "few-uses")),
            (Level.CHECK, ("hidden", "wildcard", "few-uses")),
        ),
    ),
    Rule(
        "deleted-executable",
        Level.CHECK,
        "the executable was deleted; note if its package was upgraded since, alert if it ran from "
        "memory or a temporary folder",
        ("deleted",),
        (),
        ("deleted",),
        (_EXECUTABLE,),
        shifts=((Level.ALERT, ("ephemeral",)), (Level.NOTE, ("upgraded",))),
    ),
    Rule(
        "unpackaged-executable",
        Level.NOTE,
        "no package owns the executable; only where the package database was asked",
        ("unpackaged",),
        (),
        ("unpackaged",),
        (_EXECUTABLE,),
    ),
    Rule(
        "backlog-full",
        Level.CHECK,
        "the accept queue is at its limit",
        ("backlog-full",),
        (),
        ("owners", "queue"),
        (_SOCKET,),
    ),
    Rule(
        "owner-hidden",
        Level.NOTE,
        "a socket is there, its owner not visible to this user",
        ("hidden",),
        (),
        ("user",),
        (_SOCKET,),
        settles=True,
    ),
    Rule(
        "unknown",
        Level.NOTE,
        "nothing on record fits",
        (),
        ("settled",),
        ("owners", "state", "service", "practice", "tool", "spoken"),
        (_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
    ),
)
