"""The shapes of the API's JSON, as JSON Schema 2020-12: those of the tables of fields.

What the site answers is narrower here and there than what the command line does: it never looks at
this machine for a range, compares no captures, and leads on from a search.
"""

from __future__ import annotations

from typing import Any

from portbook.formats.sockets.detect import FORMATS
from portbook.schema import answers, captures, records, reports, sockets
from portbook.schema.codecs import NUMBER, WORDS, optional
from portbook.schema.tables import Field, Table

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
            *(records.BLOCK, records.NEIGHBOUR, records.USE, records.PROGRAM, records.REPORT),
            *(sockets.FINDING, sockets.OWNER, sockets.LISTENER, sockets.SPOKEN, sockets.OWN_NOTE),
            *(sockets.REDIRECT, sockets.CONNECTION, answers.QUERY),
            *(answers.HOST, answers.PORT_ANSWER, answers.SERVICE_ANSWER, answers.BLOCKS_ANSWER),
            *(answers.PAGE, answers.STATS_ANSWER, answers.LISTEN_ANSWER, reports.HISTORY),
            *(answers.BRIEF, answers.PORTS_ANSWER, _PROBLEM),
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
