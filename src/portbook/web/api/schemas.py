"""The shapes of the API's JSON, as JSON Schema 2020-12 (docs/json.md says what they mean)."""

from __future__ import annotations

from typing import Any

from portbook.catalog.registry.history import KINDS
from portbook.formats.sockets.detect import FORMATS
from portbook.model import LAST_PORT, RANGES, Level, OwnersSeen, State, Transport, Visibility, Whose

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
OPT_TEXT: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer"}
OPT_NUMBER: Schema = {"type": ["integer", "null"]}
FLAG: Schema = {"type": "boolean"}
OPT_FLAG: Schema = {"type": ["boolean", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
PORT: Schema = {"type": "integer", "minimum": 0, "maximum": LAST_PORT}
OPT_PORT: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": LAST_PORT}
STATE: Schema = {"type": "string", "enum": [*map(str, State)]}
TRANSPORT: Schema = {"type": "string", "enum": [*map(str, Transport)]}
RANGE: Schema = {"type": "string", "enum": [each.name for each in RANGES]}


def ref(name: str) -> Schema:
    """The schema called *name* among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    """A list of such."""
    return {"type": "array", "items": schema}


def made_of(about: str = "", /, **keys: Schema) -> Schema:
    """An object that has all of these keys; others may be added within a version."""
    found: Schema = {"type": "object", "properties": keys, "required": list(keys)}
    return {"description": about, **found} if about else found


def either(*schemas: Schema) -> Schema:
    """One of these."""
    return {"anyOf": list(schemas)}


def optional(schema: Schema) -> Schema:
    """This, or null."""
    return either(schema, {"type": "null"})


def kind(name: str) -> Schema:
    """The ``schema`` key of an object."""
    return {"type": "string", "const": f"portbook/{name}/1"}


_COUNTS = made_of(**{str(state): NUMBER for state in State})
_TALLY: Schema = {"type": "object", "additionalProperties": NUMBER}

SCHEMAS: dict[str, Schema] = {
    "side": made_of(
        "How something stood before or after a change.",
        state=STATE,
        service_names=TEXTS,
        description=OPT_TEXT,
    ),
    "change": made_of(
        "What changed between two copies of the registry, whose days are since and until.",
        kind={"type": "string", "enum": [*KINDS]},
        first=OPT_PORT,
        last=OPT_PORT,
        transports=list_of(TRANSPORT),
        before=ref("side"),
        after=ref("side"),
        since=TEXT,
        until=TEXT,
    ),
    "source": made_of("Where facts come from.", id=TEXT, as_of=OPT_TEXT, what=TEXT, url=OPT_TEXT),
    "assignment": made_of(
        "One row of the registry that assigns something.",
        service_name=OPT_TEXT,
        aliases=TEXTS,
        description=OPT_TEXT,
        references=TEXTS,
        assignee=OPT_TEXT,
        registered=OPT_TEXT,
        modified=OPT_TEXT,
        unauthorized_use=OPT_TEXT,
        notes=OPT_TEXT,
        service_code=OPT_TEXT,
        first=OPT_PORT,
        last=OPT_PORT,
        transport={"type": ["string", "null"], "enum": [*map(str, Transport), None]},
        transport_stated=FLAG,
        as_of=made_of(registry=OPT_TEXT, registration=OPT_TEXT),
    ),
    "standing": made_of(
        "How a port stands for one transport. Not listed: the registry has no row for it.",
        state=STATE,
        listed=FLAG,
        text=OPT_TEXT,
        references=TEXTS,
        assignments=list_of(ref("assignment")),
    ),
    "block": made_of(
        "A run of ports of one state; its rank is by length among its like.",
        state=STATE,
        first=PORT,
        last=PORT,
        size=NUMBER,
        rank=NUMBER,
        of=NUMBER,
    ),
    "neighbour": made_of(port=PORT, service_names=TEXTS, description=OPT_TEXT),
    "use": made_of(
        "What people use a port for.",
        product=TEXT,
        kind=TEXT,
        transport=TRANSPORT,
        first=PORT,
        last=PORT,
        summary=TEXT,
        source=TEXT,
        read=TEXT,
    ),
    "report": made_of(
        "Abuse that was reported on a port.",
        subject=TEXT,
        kind=TEXT,
        transport=TRANSPORT,
        first=PORT,
        last=PORT,
        period=TEXT,
        summary=TEXT,
        source=TEXT,
        read=TEXT,
    ),
    "finding": made_of(
        "One thing to say of one socket.",
        code=TEXT,
        level={"type": "string", "enum": [*map(str, Level)]},
        message=TEXT,
        evidence=TEXTS,
        socket=OPT_TEXT,
    ),
    "owner": made_of(
        "A process that holds a socket. Its command is null where it is not shown or not seen.",
        pid=OPT_NUMBER,
        program=OPT_TEXT,
        command=either(TEXTS, {"type": "null"}),
        executable=OPT_TEXT,
        executable_deleted=OPT_FLAG,
        executable_place=OPT_TEXT,
        uid=OPT_NUMBER,
        user=OPT_TEXT,
        started=OPT_TEXT,
        parent=OPT_NUMBER,
        ancestors=list_of(made_of(pid=NUMBER, program=TEXT)),
        unit=OPT_TEXT,
        activates=OPT_TEXT,
        container=OPT_TEXT,
        container_name=OPT_TEXT,
        package=OPT_TEXT,
        packaged=OPT_FLAG,
    ),
    "listener": made_of(
        "A socket that listens, or is bound.",
        transport=TRANSPORT,
        family={"type": "string", "enum": ["ipv4", "ipv6"]},
        address=TEXT,
        port=PORT,
        state={"type": "string", "enum": ["listen", "bound"]},
        interface=OPT_TEXT,
        inode=OPT_NUMBER,
        uid=OPT_NUMBER,
        user=OPT_TEXT,
        owners=list_of(ref("owner")),
        owners_seen={"type": "string", "enum": [*map(str, OwnersSeen)]},
        v6only=OPT_FLAG,
        queue=OPT_NUMBER,
        queue_limit=OPT_NUMBER,
        udplite=FLAG,
        namespace=OPT_TEXT,
        sharing=NUMBER,
        scanned=FLAG,
        own_notes=list_of(ref("own_note")),
        findings=list_of(ref("finding")),
        speaks=either(ref("spoken"), {"type": "null"}),
    ),
    "spoken": made_of(
        "What a service answered when it was asked; null where it wasn't.",
        state=TEXT,
        protocol=OPT_TEXT,
        detail=OPT_TEXT,
        tls=FLAG,
        alpn=OPT_TEXT,
        certificate_names=TEXTS,
    ),
    "own_note": made_of(
        "What the user of this machine, or a project of theirs, wrote down about ports.",
        first=PORT,
        last=PORT,
        transport=either(TRANSPORT, {"type": "null"}),
        label=OPT_TEXT,
        note=OPT_TEXT,
        executables=TEXTS,
        units=TEXTS,
        containers=TEXTS,
        users=TEXTS,
        file=TEXT,
        whose={"type": "string", "enum": [*map(str, Whose)]},
        trusted=FLAG,
    ),
    "host": made_of(
        "What was seen of this machine, and what was not.",
        listeners=list_of(ref("listener")),
        visibility={"type": "string", "enum": [*map(str, Visibility)]},
        missing=TEXTS,
        redirects=list_of({"type": "object"}),
        connections=optional(list_of({"type": "object"})),
    ),
    "port": made_of(
        "All that is known of one port.",
        schema=kind("port"),
        port=PORT,
        range=RANGE,
        state=STATE,
        transports={
            "type": "object",
            "properties": {str(each): ref("standing") for each in Transport},
            "additionalProperties": False,
            "minProperties": 1,
        },
        block=ref("block"),
        neighbours=made_of(before=list_of(ref("neighbour")), after=list_of(ref("neighbour"))),
        uses=list_of(ref("use")),
        abuse=list_of(ref("report")),
        browser_blocked=FLAG,
        host=optional(ref("host")),
        findings=list_of(ref("finding")),
        own_notes=either(list_of(ref("own_note")), {"type": "null"}),
        history=list_of(ref("change")),
        notes=TEXTS,
        sources=list_of(ref("source")),
    ),
    "ports": made_of(
        "Several ports, each with its transport if one was asked for; next leads to the rest.",
        schema=kind("ports"),
        total=NUMBER,
        ports=list_of(ref("port")),
        next=OPT_TEXT,
    ),
    "service": made_of(
        "All rows of one service name.",
        schema=kind("service"),
        service_name=TEXT,
        ports=list_of(PORT),
        assignments=list_of(ref("assignment")),
        without_port=list_of(ref("assignment")),
        history=list_of(ref("change")),
        notes=TEXTS,
        sources=list_of(ref("source")),
    ),
    "range": made_of(
        "A run of ports in short.",
        schema=kind("range"),
        first=PORT,
        last=PORT,
        size=NUMBER,
        transport={"type": ["string", "null"]},
        states=_COUNTS,
        blocks=list_of(ref("block")),
        assignments=list_of(ref("assignment")),
        host={"type": "null"},
        findings=list_of(ref("finding")),
        own_notes=either(list_of(ref("own_note")), {"type": "null"}),
        notes=TEXTS,
        sources=list_of(ref("source")),
    ),
    "blocks": made_of(
        "Blocks, the longest first.",
        schema=kind("blocks"),
        state=optional(STATE),
        range=optional(RANGE),
        count=NUMBER,
        ports=NUMBER,
        blocks=list_of(ref("block")),
        sources=list_of(ref("source")),
    ),
    "stats": made_of(
        "Counts over the whole registry.",
        schema=kind("stats"),
        ranges=made_of(
            **{
                each.name: made_of(
                    first=PORT,
                    last=PORT,
                    size=NUMBER,
                    headline=_COUNTS,
                    **{str(transport): _COUNTS for transport in Transport},
                )
                for each in RANGES
            }
        ),
        services=NUMBER,
        services_without_port=NUMBER,
        assigned_rows=NUMBER,
        registrations=made_of(as_of=OPT_TEXT, years=_TALLY, undated=NUMBER),
        assignees=made_of(as_of=OPT_TEXT, rows=_TALLY, not_recorded=NUMBER),
        sources=list_of(ref("source")),
    ),
    "history": made_of(
        "What changed in the registry. copies: those that were compared; known: whether one of "
        "them has what was asked for.",
        schema=kind("history"),
        port=OPT_PORT,
        service_name=OPT_TEXT,
        since=OPT_TEXT,
        known=FLAG,
        changes=list_of(ref("change")),
        registered=list_of(made_of(service_name=TEXT, registered=TEXT, as_of=TEXT)),
        copies=list_of(made_of(as_of=TEXT, what=TEXT)),
        sources=list_of(ref("source")),
    ),
    "search": made_of(
        "What a search found, best first. page: where a number leads.",
        schema=kind("search"),
        text=TEXT,
        found=FLAG,
        total=NUMBER,
        matches=list_of(
            made_of(
                score=NUMBER,
                why=TEXT,
                service_name=OPT_TEXT,
                description=OPT_TEXT,
                ports=list_of(
                    made_of(first=PORT, last=PORT, transport={"type": ["string", "null"]})
                ),
            )
        ),
        total_uses=NUMBER,
        uses=list_of(ref("use")),
        own_notes=either(list_of(ref("own_note")), {"type": "null"}),
        page=OPT_TEXT,
        notes=TEXTS,
        sources=list_of(ref("source")),
    ),
    "listen": made_of(
        "Everything that listens or is bound on this machine.",
        schema=kind("listen"),
        listeners=list_of(ref("listener")),
        visibility={"type": "string", "enum": [*map(str, Visibility)]},
        missing=TEXTS,
        redirects=list_of({"type": "object"}),
        own_notes=list_of(ref("own_note")),
        sources=list_of(ref("source")),
    ),
    "explain": made_of(
        "What another tool printed, explained; no format where no tool prints such.",
        schema=kind("explain"),
        format={"type": ["string", "null"], "enum": [*FORMATS, None]},
        sockets=list_of(ref("listener")),
        not_understood=list_of(made_of(line=NUMBER, lines=NUMBER, text=TEXT, why=OPT_TEXT)),
        left_out=_TALLY,
        changes={"type": "null"},
        sources=list_of(ref("source")),
    ),
    "problem": made_of(
        "What went wrong (RFC 9457).", type=TEXT, title=TEXT, status=NUMBER, detail=TEXT
    ),
}
