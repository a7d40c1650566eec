"""The rules of the verdict, as data.

A rule applies to a socket when every fact it needs is true of it and none that it excludes is.
Facts are plain words with a stated meaning, so that the same table can judge one socket here, a
pasted capture, or a table of flows in a database. The order is the order in which findings are
shown, and the one in which the documentation lists them.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Level

FACTS = {
    "assigned": "the registry gives the port to a service, for this transport",
    "reserved": "the registry reserves the port, for this transport",
    "unassigned": "the registry gives the port to nobody, or has no row for this transport",
    "loopback": "the socket is bound to a loopback address",
    "wildcard": "the socket is bound to every address, on every interface",
    "in-dynamic-range": "the port is in the range that this machine picks ports from",
    "privileged": "this machine asks for a privilege to bind the port",
    "hidden": "a socket is there, its owner not visible to this user",
    "kernel": "the kernel holds the socket itself",
    "unasked": "what was read, a scan or a flow log, says nothing of owners",
    "known-program": "every owner seen runs a known server program from its own, protected place",
    "implements": "every owner seen implements a service that is registered here",
    "fits-by-name": "every owner seen is called like a program that implements a service "
    "registered here, and of none could more be seen than its name",
    "default-port": "the port is one of the known program's own default ports",
    "known-use": "a use on record fits the program (its name, where only that could be seen) or, "
    "where none was seen, the port",
    "abuse-on-record": "abuse of the port was reported, for this transport, by a source on record",
    "unknown-program": "an owner's executable was seen, is no known server's in its place, and "
    "none that an own note expects",
    "deleted": "an owner's executable has been deleted since it was started",
    "ephemeral": "a deleted executable was in memory only, or in a temporary folder",
    "upgraded": "the package of every deleted executable is newer than the process",
    "unpackaged": "the package database was asked, and no package owns an owner's executable",
    "backlog-full": "as many connections wait to be accepted as the socket allows",
    "speaks-http": "the known program serves HTTP",
    "speaks-otherwise": "asked, it answered in a protocol that is neither the program's nor spoken "
    "by a service that is registered here",
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
    """One line of the table; ``say`` is filled in from the judge's words for the socket.

    ``level`` holds where nothing else is said: each of ``shifts`` is another level and the facts
    that, all true, give it, and the first that applies decides. ``settles`` marks the rules that
    say whether the socket belongs here.
    """

    code: str
    level: Level
    when: str
    needs: tuple[str, ...]
    unless: tuple[str, ...]
    say: str
    shifts: tuple[tuple[Level, tuple[str, ...]], ...] = ()
    settles: bool = False


# An exposure that reaches nobody else, or a use that people know, asks for less.
_SOFTER = (
    (Level.NOTE, ("known-use",)),
    (Level.NOTE, ("loopback",)),
    (Level.NOTE, ("labelled",)),
)

RULES = (
    Rule(
        "expected",
        Level.OK,
        "the program, known by its executable's path and owner (not by its name alone), "
        "implements the service registered here, or is what a note of your own expects",
        ("belongs",),
        ("not-as-noted", "speaks-otherwise"),
        "{program} {belongs}: as it should be.",
        settles=True,
    ),
    Rule(
        "unexpected-program",
        Level.CHECK,
        "a note of your own expects another program here",
        ("not-as-noted",),
        (),
        "{Notes} expect {expected} here{for_label}, but {not_as_noted}. Find out who started "
        "it; if it is meant, change {note_file}.",
        settles=True,
    ),
    Rule(
        "noted",
        Level.NOTE,
        "a note of your own names the port, and doesn't decide whether what is here belongs",
        ("noted",),
        ("belongs", "not-as-noted"),
        "{Notes} have {label} here ({note_file}){undecided}.",
        settles=True,
    ),
    Rule(
        "speaks-otherwise",
        Level.CHECK,
        "asked, it answers in another protocol than the one that belongs here; note if loopback",
        ("speaks-otherwise",),
        (),
        "Asked, {program} answers with {spoken}, where {awaited} belongs: make sure that you know "
        "what is behind it.",
        shifts=((Level.NOTE, ("loopback",)),),
        settles=True,
    ),
    Rule(
        "registered-port",
        Level.OK,
        "the port is registered for a service, and what was read can't say which program answers",
        ("assigned", "unasked"),
        (),
        "{port}/{transport} is registered for {service}. Which program answers can't be told from "
        "here: to know, ask on the host itself.",
        settles=True,
    ),
    Rule(
        "fits-by-name",
        Level.NOTE,
        "a program of that name implements the service registered here, and only its name could "
        "be seen",
        ("assigned", "fits-by-name"),
        (),
        "A program called {program} implements {service}, which is registered here. Only the name "
        "could be seen, and anything may be called that.",
        settles=True,
    ),
    Rule(
        "loopback-only",
        Level.OK,
        "reachable from this machine only",
        ("loopback",),
        (),
        "Bound to {address}: only this machine can reach it.",
    ),
    Rule(
        "exposed",
        Level.NOTE,
        "bound to every interface; firewalls were not examined",
        ("wildcard",),
        (),
        "Bound to every interface ({address}); firewalls were not examined. If only this machine "
        "needs it, bind it to a loopback address.",
    ),
    Rule(
        "known-use",
        Level.NOTE,
        "an unofficial use on record fits the program or, unseen, the port",
        ("known-use",),
        ("belongs",),
        "On record for this port in practice: {use}{beside}.",
        settles=True,
    ),
    Rule(
        "service-elsewhere",
        Level.NOTE,
        "a known service on a port that isn't its own",
        ("known-program",),
        ("belongs", "default-port"),
        "{program} speaks {speaks}, whose own port is {own_ports}; here it is on {port}. If "
        "that is meant, nothing is to be done; if not, look at its configuration.",
        settles=True,
    ),
    Rule(
        "foreign-service",
        Level.CHECK,
        "the port is registered for something else; note if `known-use`, loopback or labelled in "
        "your notes",
        ("assigned", "known-program"),
        ("belongs",),
        "{port}/{transport} is registered for {service}, which {program} isn't known to speak. "
        "Move it, or make sure that nobody here expects {service}.",
        shifts=_SOFTER,
        settles=True,
    ),
    Rule(
        "unregistered-port",
        Level.CHECK,
        "the port is unassigned; note if `known-use`, loopback or labelled in your notes",
        ("unassigned",),
        ("as-noted",),
        "{port}/{transport} is not registered for any service, so this is not a standard "
        "service: find out who started {program} and why it chose this port{practice}.",
        shifts=_SOFTER,
        settles=True,
    ),
    Rule(
        "reserved-port",
        Level.CHECK,
        "the port is reserved; note if the program is what your notes expect",
        ("reserved",),
        (),
        "{port}/{transport} is reserved (the registry says {text}): no service should be here. "
        "{then}.",
        shifts=((Level.NOTE, ("as-noted",)),),
        settles=True,
    ),
    Rule(
        "dynamic-port",
        Level.NOTE,
        "in this machine's dynamic range: may be chance, may clash",
        ("in-dynamic-range",),
        (),
        "{port} is in {dynamic}, from which this machine hands out ports: it may be here by "
        "chance, and another program may be given it first after a restart.",
        settles=True,
    ),
    Rule(
        "privileged-bind",
        Level.NOTE,
        "bound by a privilege that this machine really asks for",
        ("privileged",),
        (),
        "Binding {port} takes a privilege on this machine (ports below {unprivileged} do).",
    ),
    Rule(
        "browser-blocked",
        Level.NOTE,
        "HTTP on a port that browsers refuse",
        ("browser-blocked", "speaks-http"),
        (),
        "Browsers refuse to open port {port}: a page served here can't be visited with one.",
    ),
    Rule(
        "abuse-on-record",
        Level.NOTE,
        "abuse of the port was reported, at a stated time, which accuses nobody; check with an "
        "unknown program on an exposed socket",
        ("abuse-on-record",),
        (),
        "Reported on this port: {abuse}. That says nothing against {program}: make sure that it "
        "is what you mean to run.",
        shifts=((Level.CHECK, ("unknown-program", "wildcard")),),
    ),
    Rule(
        "deleted-executable",
        Level.CHECK,
        "the executable was deleted; note if its package was upgraded since, alert if it ran from "
        "memory or a temporary folder",
        ("deleted",),
        (),
        "{deleted_by} runs {deleted}, which has been deleted{deleted_why}.",
        shifts=((Level.ALERT, ("ephemeral",)), (Level.NOTE, ("upgraded",))),
    ),
    Rule(
        "unpackaged-executable",
        Level.NOTE,
        "no package owns the executable; only where the package database was asked",
        ("unpackaged",),
        (),
        "{unpackaged} belongs to no installed package: make sure that you know where it came from.",
    ),
    Rule(
        "backlog-full",
        Level.CHECK,
        "the accept queue is at its limit",
        ("backlog-full",),
        (),
        "{queue} connections wait for {program} to accept them, and no more may: it is too slow or "
        "stuck, and new clients are turned away as long as that lasts.",
    ),
    Rule(
        "owner-hidden",
        Level.NOTE,
        "a socket is there, its owner not visible to this user",
        ("hidden",),
        (),
        "Something is bound here, but which program it is is not visible to you: run portbook as "
        "{who_sees}, if it doesn't run so already.",
        settles=True,
    ),
    Rule(
        "unknown",
        Level.NOTE,
        "nothing on record fits",
        (),
        ("settled",),
        "Nothing on record says whether {program} belongs on {port}/{transport}"
        "{registered_for}{practice}.",
    ),
)
