"""The rules of the verdict, as data.

A rule applies to a socket when every fact it needs is true of it and none that it excludes is.
Facts are plain words with a stated meaning, so that the same table can judge one socket here, a
pasted capture, or a table of flows in a database. Findings are shown by level, and those of one
level in this order, which is the one in which the documentation lists them: risks to act on, then
whether the program belongs on the port, then what else is to be said. So every answer leads with
the same finding.
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
        code="risky-exposed",
        level=Level.CHECK,
        when="a service that its own documentation or a public authority says not to expose, bound "
        "to more than loopback; alert if the program is known to be that service and asks for no "
        "authentication by default",
        needs=("risky-service", "reachable"),
        unless=(),
        carries=("risk",),
        rests_on=(_SOCKET, EvidenceCode.FIREWALL, EvidenceCode.SERVICE, _EXECUTABLE, _PROGRAM),
        shifts=((Level.ALERT, ("asks-nobody",)),),
    ),
    Rule(
        code="dangerous-port",
        level=Level.CHECK,
        when="bound to more than loopback, by a program that hands a shell to anyone who connects "
        "(nc, ncat, socat, busybox), or by an owner that is hidden on a port that is known for "
        "reported malware alone",
        needs=("dangerous", "reachable"),
        unless=("as-noted",),
        carries=("relays", "reports"),
        rests_on=(_SOCKET, _EXECUTABLE, _REPORT),
    ),
    Rule(
        code="unexpected-program",
        level=Level.CHECK,
        when="a note of your own expects another program here",
        needs=("not-as-noted",),
        unless=(),
        carries=("note", "expects"),
        rests_on=(_EXECUTABLE, _OWN_NOTE),
        settles=True,
    ),
    Rule(
        code="speaks-otherwise",
        level=Level.CHECK,
        when="asked, or seen in a log, it speaks another protocol than the one that belongs here; "
        "note if loopback",
        needs=("speaks-otherwise",),
        unless=(),
        carries=("owners", "spoken", "awaited"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _PROGRAM),
        shifts=((Level.NOTE, ("loopback",)),),
        settles=True,
    ),
    Rule(
        code="expected",
        level=Level.OK,
        when="the program, known by its executable's path and owner (not by its name alone), "
        "implements the service registered here, or is what a note of your own expects",
        needs=("belongs",),
        unless=("not-as-noted", "speaks-otherwise"),
        carries=("owners", "service", "note"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _OWN_NOTE, _PROGRAM),
        settles=True,
    ),
    Rule(
        code="owner-hidden",
        level=Level.NOTE,
        when="a socket is there, its owner not visible to this user",
        needs=("hidden",),
        unless=(),
        carries=("user",),
        rests_on=(_SOCKET,),
        settles=True,
    ),
    Rule(
        code="foreign-service",
        level=Level.CHECK,
        when="the port is registered for something else than the program, or than the server that "
        "an interpreter's arguments name; note if `known-use`, loopback or labelled in your notes, "
        "or if the port isn't known to be used as registered and only arguments say so",
        needs=("assigned", "known-server"),
        unless=("belongs", "fits-by-name"),
        carries=("owners", "service", "tool", "spoken", "captured"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _PROGRAM, _TOOL),
        shifts=(*_SOFTER, (Level.NOTE, ("says-otherwise", "used-otherwise"))),
        settles=True,
    ),
    Rule(
        code="reserved-port",
        level=Level.CHECK,
        when="the port is reserved; note if the program is what your notes expect",
        needs=("reserved",),
        unless=(),
        carries=("owners", "text", "note"),
        rests_on=(_REGISTRY,),
        shifts=((Level.NOTE, ("as-noted",)),),
        settles=True,
    ),
    Rule(
        code="unregistered-port",
        level=Level.CHECK,
        when="the port is unassigned; note if loopback, labelled in your notes or `known-use`, "
        "unless the owner is hidden",
        needs=("unassigned",),
        unless=("as-noted",),
        carries=("owners", "practice", "tool"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
        shifts=_SOFTER,
        settles=True,
    ),
    Rule(
        code="service-elsewhere",
        level=Level.NOTE,
        when="a known service on a port that isn't its own",
        needs=("known-program",),
        unless=("belongs", "default-port"),
        carries=("owners", "elsewhere"),
        rests_on=(_ASKED, _EXECUTABLE, _PROGRAM),
        settles=True,
    ),
    Rule(
        code="fits-by-name",
        level=Level.NOTE,
        when="a program of that name implements the service registered here, and only its name "
        "could be seen, or an interpreter's arguments name it",
        needs=("assigned", "fits-by-name"),
        unless=(),
        carries=("owners", "service", "tool", "spoken", "captured"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
        settles=True,
    ),
    Rule(
        code="known-use",
        level=Level.NOTE,
        when="an unofficial use on record fits the program or, unseen, the port, unless that only "
        "lies in a span of more than 16 that the use can take",
        needs=("known-use",),
        unless=("belongs",),
        carries=("uses", "state", "service"),
        rests_on=(_REGISTRY, _EXECUTABLE, _PROGRAM, _USE),
        settles=True,
    ),
    Rule(
        code="registered-port",
        level=Level.OK,
        when="the port is registered for a service, and what was read can't say which program "
        "answers",
        needs=("assigned", "unasked"),
        unless=("speaks-otherwise",),
        carries=("service",),
        rests_on=(_REGISTRY,),
        settles=True,
    ),
    Rule(
        code="noted",
        level=Level.NOTE,
        when="a note of your own names the port, and doesn't decide whether what is here belongs",
        needs=("noted",),
        unless=("belongs", "not-as-noted"),
        carries=("note", "expects"),
        rests_on=(_EXECUTABLE, _OWN_NOTE),
        settles=True,
    ),
    Rule(
        code="dynamic-port",
        level=Level.NOTE,
        when="in this machine's dynamic range: may be chance, may clash",
        needs=("in-dynamic-range",),
        unless=(),
        carries=("dynamic",),
        rests_on=(_SOCKET,),
        settles=True,
    ),
    Rule(
        code="unknown",
        level=Level.NOTE,
        when="nothing on record fits",
        needs=(),
        unless=("settled",),
        carries=("owners", "state", "service", "practice", "tool", "spoken", "captured"),
        rests_on=(_REGISTRY, _ASKED, _EXECUTABLE, _TOOL),
    ),
    Rule(
        code="exposed",
        level=Level.NOTE,
        when="bound to every interface, and not blocked by a firewall that could be read; or bound "
        "to one address or interface, where networks and firewall let other machines reach it",
        needs=("exposed",),
        unless=(),
        carries=("address", "interface", "reach"),
        rests_on=(_SOCKET, EvidenceCode.FIREWALL),
    ),
    Rule(
        code="shadowed",
        level=Level.NOTE,
        when="another program holds the same port on a more specific address or family: which one "
        "localhost and other names reach",
        needs=("shadowed",),
        unless=(),
        carries=("reached",),
        rests_on=(_SOCKET, EvidenceCode.REACHED),
    ),
    Rule(
        code="loopback-only",
        level=Level.OK,
        when="reachable from this machine only",
        needs=("loopback",),
        unless=(),
        carries=("address", "interface"),
        rests_on=(_SOCKET,),
    ),
    Rule(
        code="firewalled",
        level=Level.OK,
        when="bound beyond loopback, and the firewall lets nothing in from other machines",
        needs=("firewalled",),
        unless=(),
        carries=("address", "reach"),
        rests_on=(_SOCKET, EvidenceCode.FIREWALL),
    ),
    Rule(
        code="privileged-bind",
        level=Level.NOTE,
        when="bound by a privilege that this machine really asks for",
        needs=("privileged",),
        unless=(),
        carries=("unprivileged",),
        rests_on=(_SOCKET,),
    ),
    Rule(
        code="browser-blocked",
        level=Level.NOTE,
        when="HTTP on a port that browsers refuse",
        needs=("browser-blocked", "speaks-http"),
        unless=(),
        carries=(),
        rests_on=(_EXECUTABLE, _PROGRAM, _BROWSERS),
    ),
    Rule(
        code="abuse-on-record",
        level=Level.NOTE,
        when="malware was reported on the port, at a stated time, which accuses nobody; check with "
        "an unknown or hidden program on an exposed socket, where few products use the port",
        needs=("abuse-on-record",),
        unless=(),
        carries=("owners", "reports"),
        rests_on=(_SOCKET, _EXECUTABLE, _REPORT),
        shifts=(
            (Level.CHECK, ("unknown-program", "wildcard", "few-uses")),
            (Level.CHECK, ("hidden", "wildcard", "few-uses")),
        ),
    ),
    Rule(
        code="deleted-executable",
        level=Level.CHECK,
        when="the executable was deleted; note if its package was upgraded since, alert if it ran "
        "from memory or a temporary folder",
        needs=("deleted",),
        unless=(),
        carries=("deleted",),
        rests_on=(_EXECUTABLE,),
        shifts=((Level.ALERT, ("ephemeral",)), (Level.NOTE, ("upgraded",))),
    ),
    Rule(
        code="unpackaged-executable",
        level=Level.NOTE,
        when="no package owns the executable; only where the package database was asked",
        needs=("unpackaged",),
        unless=(),
        carries=("unpackaged",),
        rests_on=(_EXECUTABLE,),
    ),
    Rule(
        code="backlog-full",
        level=Level.CHECK,
        when="the accept queue is at its limit",
        needs=("backlog-full",),
        unless=(),
        carries=("owners", "queue"),
        rests_on=(_SOCKET,),
    ),
)
