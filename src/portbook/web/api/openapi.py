"""The API described in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

from typing import Any

from portbook import __version__
from portbook.formats.sockets.detect import FORMATS
from portbook.model import LAST_PORT, RANGES, State, Transport
from portbook.schema import answers, captures, findings, port, records, reports, sockets
from portbook.schema.codecs import NUMBER, WORDS, optional
from portbook.schema.tables import Field, Table

_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})"
# One port or range, perhaps for one transport.
SPAN = f"{_PORT}(?:-{_PORT})?(?:/(?:{'|'.join(Transport)}))?"
SEARCH_LONGEST = 200
# A year, a month or a day. A leap year's 29 February is taken as well.
_DAY = "0[1-9]|1[0-9]|2[0-8]"
_SINCE = (
    "^[1-9][0-9]{3}(?:-(?:0[1-9]|1[0-2])"
    f"|-02-(?:{_DAY})|-(?:0[469]|11)-(?:{_DAY}|29|30)|-(?:0[13578]|1[02])-(?:{_DAY}|29|3[01]|30))?$"
)
_PORT_SCHEMA: Schema = {"type": "integer", "minimum": 0, "maximum": LAST_PORT}


def describe(*, local: bool) -> dict[str, Any]:
    """The whole description; *local* adds what tells of this machine."""
    paths = {**_book(), **_explain(), **(_here() if local else {})}
    found: dict[str, Any] = {
        "openapi": "3.1.1",
        "info": {
            "title": "portbook",
            "version": __version__,
            "summary": "What IANA's registry says of each port, and what ports are used for.",
            "description": (
                "Answers that depend on the registry alone carry a strong ETag and may be read "
                "by scripts of any site. Keys are only ever added within a version of a schema; "
                "null means that no source says."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {
                "problem": {
                    "description": "A problem document (RFC 9457).",
                    "content": {"application/problem+json": {"schema": ref("problem")}},
                },
                "later": {
                    "description": (
                        "Too many are at work (503), or came from one address (429): again later."
                    ),
                    "headers": {
                        "Retry-After": {
                            "schema": {"type": "integer", "minimum": 1},
                            "description": "Seconds.",
                        }
                    },
                    "content": {"application/problem+json": {"schema": ref("problem")}},
                },
                "tooLong": {
                    "description": "The address is too long; beyond 32 kB it isn't read at all.",
                    "content": {
                        "application/problem+json": {"schema": ref("problem")},
                        "text/plain": {"schema": {"type": "string"}},
                    },
                },
            },
        },
    }
    if local:
        found["components"]["securitySchemes"] = {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Where the server runs as root: the token that it printed.",
            }
        }
    return found


_LATER = ("429", "503")


def _problem(status: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{'later' if status in _LATER else 'problem'}"}


def _get(
    name: str, summary: str, schema: str, *parameters: dict[str, Any], errors: str = "404"
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": summary,
            "headers": {"ETag": {"schema": {"type": "string"}, "description": "Strong."}},
            "content": {"application/json": {"schema": ref(schema)}},
        },
        "304": {"description": "It hasn't changed."},
    }
    # 400: an escape in the address that is none, or bytes in it that are no text.
    for status in sorted({"400", *errors.split()}):
        responses[status] = _problem(status)
    responses["414"] = {"$ref": "#/components/responses/tooLong"}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": list(parameters),
            "responses": responses,
        }
    }


def _path(name: str, schema: Schema, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema, **more}


def _query(name: str, schema: Schema, *, required: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, **more}


_SEARCH = (
    _query(
        "q",
        {"type": "string", "minLength": 1, "maxLength": SEARCH_LONGEST},
        required=True,
        example="postgres",
    ),
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
)


def _book() -> dict[str, Any]:
    port = _path("port", _PORT_SCHEMA, example=305)
    transport = _path("transport", {"type": "string", "enum": [*map(str, Transport)]})
    spans = {
        "type": "string",
        "pattern": f"^{SPAN}(?:,{SPAN})*$",
        "maxLength": 4096,
        "description": "Ports and ranges; a range may be written from either end.",
    }
    return {
        "/{port}.json": _get("port", "One port", "port", port),
        "/api/ports": _get(
            "ports",
            "Several ports, up to 256 in one answer",
            "ports",
            _query("ports", spans, required=True, example="22,443/udp,6000-6063"),
            errors="429 503",
        ),
        "/api/ports/{port}/{transport}": _get(
            "port_of_transport", "One port, for one transport", "port", port, transport
        ),
        "/api/blocks": _get(
            "blocks",
            "The runs of ports of one state, the longest first",
            "blocks",
            _query("state", {"type": "string", "enum": [*map(str, State)]}),
            _query("range", {"type": "string", "enum": [each.name for each in RANGES]}),
            errors="429 503",
        ),
        "/api/stats": _get(
            "stats", "Counts by range, transport, year and assignee", "stats", errors="429 503"
        ),
        "/api/changes": _get(
            "changes",
            "What was assigned, renamed, reserved or removed, the newest first",
            "history",
            _query(
                "since",
                {"type": "string", "pattern": _SINCE, "description": "A day, a month or a year"},
                example="2025-01-01",
                description="Changes of that date and later; all of them, if left out.",
            ),
            errors="429 503",
        ),
        "/services/{name}.json": _get(
            "service",
            "All rows of a service name",
            "service",
            # No service is called by a control character: an address with one is refused.
            _path(
                "name",
                {"type": "string", "maxLength": 64, "pattern": r"^[^\x00-\x1f\x7f]+$"},
                example="ssh",
            ),
        ),
        "/ranges/{name}.json": _get(
            "range",
            "One of the three ranges of RFC 6335",
            "range",
            _path("name", {"type": "string", "enum": [each.name for each in RANGES]}),
            errors="404 429 503",
        ),
        "/search.json": _get(
            "search",
            "Services by name, number or description",
            "search",
            *_SEARCH,
            errors="429 503",
        ),
    }


def _explain() -> dict[str, Any]:
    text: Schema = {"type": "string"}
    operation = {
        "operationId": "explain",
        "summary": "What another tool printed, each socket with its verdict",
        "description": (
            "The output of ss, netstat, lsof, nmap or another tool. Nothing of it is stored or "
            "logged. At most 512 kB and 10,000 sockets are taken."
        ),
        "parameters": [
            _query(
                "format",
                {"type": "string", "enum": [*FORMATS]},
                description="What it is; left out, that is found.",
            )
        ],
        "requestBody": {
            "required": True,
            "content": {
                "text/plain": {
                    "schema": text,
                    "example": "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*",
                }
            },
        },
        "responses": {
            "200": {
                "description": "What it says",
                "content": {"application/json": {"schema": ref("explain")}},
            },
            **{
                status: _problem(status)
                for status in ("400", "403", "408", "413", "415", "422", *_LATER)
            },
            "414": {"$ref": "#/components/responses/tooLong"},
        },
    }
    return {"/api/explain": {"post": operation}}


def _here() -> dict[str, Any]:
    port = _path("port", _PORT_SCHEMA, example=305)
    found = {
        "/here.json": _get(
            "listen",
            "Everything that listens or is bound on this machine",
            "listen",
            errors="401 403",
        ),
        "/here/search.json": _get(
            "search_here",
            "The search, with your own notes",
            "search",
            *_SEARCH,
            errors="401 403 503",
        ),
        "/here/{port}.json": _get(
            "port_here",
            "One port, with what listens there on this machine",
            "port",
            port,
            errors="401 403 404",
        ),
    }
    for operation in (each["get"] for each in found.values()):
        operation["security"] = [{}, {"token": []}]
        del operation["responses"]["304"], operation["responses"]["200"]["headers"]
    events = {
        "operationId": "events",
        "summary": "What opens, closes and changes on this machine, as server-sent events",
        "description": (
            "Begins with the event state (portbook/listen/1 without its sources), goes on with "
            "opened, closed and changed (portbook/watch/1), and never ends."
        ),
        "security": [{}, {"token": []}],
        "parameters": [port],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **{status: _problem(status) for status in ("400", "401", "403", "404", "503")},
        },
    }
    return {**found, "/here/{port}/events": {"get": events}}


# The shapes: those of the tables of fields. What the site answers is narrower here and there than
# the command line's: it never looks at this machine for a range, compares no captures, and leads on
# from a search.
Schema = dict[str, Any]

_PROBLEM = Table(
    "problem",
    "What went wrong (RFC 9457).",
    (Field("type", WORDS), Field("title", WORDS), Field("status", NUMBER), Field("detail", WORDS)),
)
_NULL: Schema = {"type": "null"}


def ref(name: str) -> Schema:
    """The schema called *name* among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def _schema_of(table: Table, about: str = "", /, **narrower: Schema) -> Schema:
    """*table* as the site has it: *narrower* are the keys of which it says more, or adds."""
    schema = table.json_schema()
    properties = schema["properties"] | narrower
    more = {"description": f"{table.about} {about}"} if about else {}
    return {**schema, **more, "properties": properties, "required": [*properties]}


SCHEMAS: dict[str, Schema] = {
    **{
        table.name: table.json_schema()
        for table in (
            *(records.SIDE, records.CHANGE, records.SOURCE, records.ASSIGNMENT, records.STANDING),
            *(records.LISTING, records.DOCUMENT),
            *(records.BLOCK, records.NEIGHBOUR, records.USE, records.PROGRAM, records.REPORT),
            *(records.KNOWN_SERVICE, records.EXPOSURE, records.STATEMENT_SOURCE),
            *(
                findings.FINDING,
                sockets.OWNER,
                sockets.LISTENER,
                sockets.SPOKEN,
                sockets.REACHABLE,
                sockets.OWN_NOTE,
            ),
            *(sockets.REDIRECT, sockets.CONNECTION, records.GAP, port.QUERY),
            *(port.HOST, port.PORT_ANSWER, answers.SERVICE_ANSWER, answers.BLOCKS_ANSWER),
            *(port.PAGE, answers.STATS_ANSWER, sockets.LISTEN_ANSWER, reports.HISTORY),
            *(port.BRIEF, answers.PORTS_ANSWER, _PROBLEM),
        )
    },
    "range": _schema_of(answers.RANGE_ANSWER, host=_NULL),
    "search": _schema_of(
        answers.SEARCH_ANSWER, "page: where a number leads.", page=optional(WORDS).schema
    ),
    "explain": _schema_of(
        captures.EXPLAIN,
        format={"type": ["string", "null"], "enum": [*FORMATS, None]},
        changes=_NULL,
    ),
}
