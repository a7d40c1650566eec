"""What is seen of a machine, or told of one, as JSON: sockets, owners, findings, notes."""

from __future__ import annotations

from portbook.model import (
    Assessment,
    ConnectionState,
    ExecutablePlace,
    Family,
    Level,
    Listener,
    Note,
    Ownership,
    OwnersSeen,
    Process,
    Reach,
    Reachable,
    Scope,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
    Visibility,
    Whose,
)
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.model.sockets import UNKNOWN_ADDRESS
from portbook.model.text import unbyte
from portbook.schema.codecs import (
    FLAG,
    MOMENT,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    Codec,
    Mismatch,
    at_most_one,
    closed,
    list_of,
    optional,
    rounded,
)
from portbook.schema.findings import FINDING, TEXTS
from portbook.schema.records import GAPS, SOURCES
from portbook.schema.tables import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


TRANSPORT = closed(Transport)
FAMILY = closed(Family)
# What a capture doesn't tell is null; in Python it has a word of its own.
ADDRESS = optional(WORDS).but(
    write=lambda address: None if address == UNKNOWN_ADDRESS else address,
    decode=lambda value: UNKNOWN_ADDRESS if value is None else WORDS.decode(value),
)


def _decode_pid(value: Any) -> int:
    return 0 if value is None else int(NUMBER.decode(value))


def _decode_ancestors(value: Any) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, list):
        raise Mismatch("not a list")
    read = optional(TEXT).decode
    return tuple(
        [
            (_decode_pid(item.get("pid")), str(read(item.get("program")) or ""))
            for item in value
            if isinstance(item, dict)
        ]
    )


ANCESTORS = Codec(
    lambda above: [{"pid": pid, "program": unbyte(program)} for pid, program in above],
    _decode_ancestors,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"pid": {"type": "integer"}, "program": {"type": "string"}},
            "required": ["pid", "program"],
        },
    },
    "list: pid, program",
)
# A capture may name a process without its number, or a container alone: that is 0 in Python.
PID = Codec(
    lambda pid: pid or None,
    _decode_pid,
    {"type": ["integer", "null"]},
    "number, or null",
    null=True,
)
PLACE = optional(closed(ExecutablePlace))

OWNER = Table(
    "owner",
    "A process that holds a socket. Its command is null where it is not shown or not seen.",
    (
        Field("pid", PID, "null where a capture doesn't tell"),
        Field("program", optional(TEXT), "the process's own name for itself"),
        Field("command", optional(TEXTS), "its arguments, the program first; secrets are `***`"),
        Field("cwd", optional(TEXT), "its working directory"),
        Field("executable", optional(TEXT), "the path of the file that it runs"),
        Field("executable_deleted", optional(FLAG), "whether that file is gone or replaced"),
        Field("executable_place", PLACE, "where that file lies, if a server's wouldn't", "place"),
        Field("uid", optional(NUMBER), "effective user id"),
        Field("user", optional(TEXT), "that user's name"),
        Field("started", optional(MOMENT), "when it started"),
        Field("parent", optional(NUMBER), "its parent's pid"),
        Field("ancestors", ANCESTORS, "the processes above it, nearest first"),
        Field("unit", optional(TEXT), "its systemd unit"),
        Field("activates", optional(TEXT), "the service for which systemd holds the socket"),
        Field("container", optional(TEXT), "the container that it runs in: runtime and id"),
        Field("container_name", optional(TEXT), "that container's name"),
        Field("package", optional(TEXT), "the package that owns the file, and its version"),
        Field("packaged", optional(FLAG), "whether a package owns the file; null: not asked"),
    ),
    of=Process,
)

SPOKEN = Table(
    "spoken",
    "What a service answered when it was asked; null where it wasn't.",
    (
        Field("state", closed(SpokenState), "how the conversation ended"),
        Field("protocol", optional(TEXT), "what it speaks, such as `ssh`"),
        Field("detail", optional(TEXT), "what it said of itself, or why it wasn't asked"),
        Field("tls", FLAG, "whether it speaks inside of TLS"),
        Field("alpn", optional(TEXT), "the protocol agreed on (RFC 7301)"),
        Field("certificate_names", TEXTS, "the names in its certificate", "names"),
    ),
    of=Spoken,
)

NOT_EVALUATED = Table(
    "not_evaluated",
    "",
    (
        Field("kind", closed(FilterKind), "`xdp` and `tc` stand on an interface, `cgroup` "
              "on a control group (systemd's IPAddressDeny)"),
        Field("name", TEXT, "which one"),
    ),
    of=NotEvaluated,
)  # fmt: skip
REACHABLE = Table(
    "reachable",
    "From where other machines reach a socket; null: not asked, or bound to loopback alone.",
    (
        Field("scope", closed(Scope), "`networks`: those alone; `blocked`: by the firewall"),
        Field("networks", TEXTS, "the networks that are let in"),
        Field("rules", TEXTS, "the firewall's rules that decide, in its own words"),
        Field("chains", TEXTS, "the chain of each"),
        Field("firewall", optional(FLAG), "whether rules are in force; null: not readable"),
        Field("not_evaluated", list_of(NOT_EVALUATED.inline()), "what makes it unknown"),
        Field(
            "sent_to",
            optional(PORT),
            "another port of this machine to which rules send all of "
            "them; with `blocked`, nothing listens there",
        ),
    ),
    of=Reachable,
)

OWN_NOTE = Table(
    "own_note",
    "What the user of this machine, or a project of theirs, wrote down about ports.",
    (
        Field("first", PORT, "the first port that it is for"),
        Field("last", PORT, "the last one"),
        Field("transport", optional(TRANSPORT), "null: every transport"),
        Field("label", optional(TEXT), "what the port is for"),
        Field("note", optional(TEXT), "free text", "text"),
        Field("executables", TEXTS, "paths of the programs that belong there"),
        Field("units", TEXTS, "systemd units that belong there"),
        Field("containers", TEXTS, "containers that belong there"),
        Field("users", TEXTS, "users whose programs belong there"),
        Field("file", TEXT, "the file that it stands in"),
        Field("whose", closed(Whose), "who wrote it; `named`: the file of PORTBOOK_NOTES"),
        Field("trusted", FLAG, "false: it is a label alone, and weighs nothing"),
    ),
    of=Note,
)


def _cwd(owners: tuple[Process, ...]) -> str | None:
    return owners[0].cwd if owners else None


def _arguments(owners: tuple[Process, ...]) -> tuple[str, ...] | None:
    return (owners[0].command or ())[1:] or None if owners else None


def _level(listener: Listener) -> Level | None:
    gravity = listener.assessment.gravity
    return None if gravity < 0 else _LEVELS[gravity]


_LEVELS = tuple(Level)


# A socket shares at least with itself.
SHARING = NUMBER.but(decode=lambda value: NUMBER.decode(value) or 1)
LISTENER = Table(
    "listener",
    "A socket that listens, or is bound.",
    (
        Field("transport", TRANSPORT, "", "socket.transport"),
        Field("family", optional(FAMILY), "null where a capture tells no address", "socket.family",
              required=True),
        Field("address", ADDRESS,
              "the bound address; `0.0.0.0` and `::` are every address; null: not told",
              "socket.address", required=True),
        Field("port", PORT, "", "socket.port"),
        Field("state", closed(SocketState),
              "`listen` also for unconnected UDP; `bound`: bound and not listening",
              "socket.state"),
        Field("interface", optional(TEXT), "the interface that it is bound to",
              "socket.interface"),
        Field("inode", optional(NUMBER), "the socket's number in the kernel", "socket.inode"),
        Field("uid", optional(NUMBER), "the user who made it", "socket.uid"),
        Field("user", optional(TEXT), "that user's name", "socket.user"),
        Field("owners", list_of(OWNER.codec()), "the processes that hold it",
              "ownership.owners"),
        Field("owners_seen", closed(OwnersSeen), "how far the search for them went",
              "ownership.seen", required=True),
        Field("v6only", optional(FLAG), "whether an IPv6 socket leaves IPv4 out",
              "socket.v6only"),
        Field("queue", optional(NUMBER), "connections waiting to be accepted", "socket.queue"),
        Field("queue_limit", optional(NUMBER), "how many may wait (listen(2))",
              "socket.queue_limit"),
        Field("udplite", FLAG, "whether it is UDP-Lite (RFC 3828)", "socket.udplite"),
        Field("namespace", optional(TEXT), "its network namespace, if another",
              "socket.namespace"),
        Field("sharing", SHARING, "sockets bound to the same address and port", "socket.sharing"),
        Field("scanned", FLAG, "whether a scan saw it: its bound address isn't known then",
              "socket.scanned"),
        Field("host", optional(TEXT), "the machine that a capture's line named", "socket.host",
              left_out=True),
        Field("first", optional(PORT), "of a capture's range of ports: the first",
              "socket.first", left_out=True),
        Field("last", optional(PORT), "the last one of that range", "socket.last",
              left_out=True),
        Field("level", optional(closed(Level)), "of its most serious finding; null: none", _level),
        Field("reach", optional(closed(Reach)),
              "from where it can be reached, by its address alone; null: that isn't known",
              lambda listener: listener.socket.reach),
        Field("reachable", optional(REACHABLE.codec()), "by networks and firewall",
              "assessment.reachable"),
        Field("service_names", TEXTS, "the services that the registry has there",
              "assessment.service_names"),
        Field("uptime_s", optional(NUMBER),
              "how long its first owner had run, in seconds, when this was read",
              "ownership.uptime_s"),
        Field("cwd", optional(TEXT), "the working directory of its first owner",
              _cwd, of="ownership.owners"),
        Field("arguments", optional(TEXTS), "that owner's arguments, without the program",
              _arguments, of="ownership.owners"),
        Field("own_notes", at_most_one(OWN_NOTE.codec()), "your note that names the port",
              "assessment.note"),
        Field("findings", list_of(FINDING.codec()), "the verdict",
              "assessment.findings"),
        Field("speaks", optional(SPOKEN.codec()), "what it answered when it was probed",
              "assessment.speaks"),
    ),
    of=Listener,
    parts={"socket": Socket, "ownership": Ownership, "assessment": Assessment},
)  # fmt: skip

REDIRECT = Table(
    "redirect",
    "A rule of address translation that sends a port's connections elsewhere.",
    (
        Field("transport", optional(TRANSPORT), "null: the rule names none"),
        Field("family", optional(FAMILY), "null: the rule names none"),
        Field("first", PORT, "the first port that it holds for"),
        Field("last", PORT, "the last one"),
        Field("to", TEXT, "where connections end"),
        Field("source", WORDS, "the tool that printed the rule"),
        Field("rule", TEXT, "the rule's own text", "text"),
    ),
)

CONNECTION = Table(
    "connection",
    "A socket that doesn't listen and yet holds a local port.",
    (
        Field("transport", TRANSPORT),
        Field("family", FAMILY),
        Field("address", WORDS),
        Field("port", PORT),
        Field("peer_address", WORDS),
        Field("peer_port", PORT),
        Field("state", closed(ConnectionState), "as RFC 9293 §3.3.2 names it"),
        Field("seconds_left", optional(rounded(1)), "how long `time-wait` lasts"),
        Field("inode", optional(NUMBER)),
        Field("uid", optional(NUMBER)),
        Field("user", optional(TEXT)),
        Field("owners", list_of(OWNER.codec())),
        Field("owners_seen", closed(OwnersSeen)),
    ),
)

VISIBILITY = closed(Visibility)
LISTENERS = list_of(LISTENER.codec())
NOTES = list_of(OWN_NOTE.codec())

LISTEN_ANSWER = Table(
    "listen",
    "Everything that listens or is bound on this machine.",
    (
        Field("listeners", LISTENERS, "those that were asked for, at most `limit`"),
        Field("matching", NUMBER, "how many were asked for, shown or not"),
        Field("total", NUMBER, "all sockets that could be seen, asked for or not"),
        Field("visibility", VISIBILITY),
        Field("missing", GAPS, "what could not be seen, and what would show it"),
        Field("redirects", list_of(REDIRECT.codec())),
        Field("own_notes", NOTES, path="notes"),
        Field("sources", SOURCES),
    ),
    version=1,
)

# Rows on their own, one a line.
LISTENER_ROW = LISTENER.alone()
REDIRECT_ROW = REDIRECT.alone()
EVENT = Table(
    "watch",
    "What happened to one socket, and as what it was known before.",
    (
        Field("event", closed(("opened", "closed", "changed")), "", "change"),
        Field("at", MOMENT, "when it was seen"),
        Field("listener", LISTENER.codec()),
        Field("before", optional(LISTENER.codec()), "null: it wasn't known"),
    ),
    version=1,
)
