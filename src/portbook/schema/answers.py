"""The answers of the commands and of the API as JSON: one table each, but for a port's own.

A table reads a report's attributes by name; it imports no report, because reports are made in
layers above this one.
"""

from __future__ import annotations

from portbook.model import RANGES, Transport
from portbook.schema.codecs import (
    FLAG,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    Codec,
    list_of,
    optional,
    tally,
)
from portbook.schema.port import (
    BLOCKS,
    BRIEF,
    COMPARED,
    FINDINGS,
    HOST_FIELD,
    NEXT_STEP,
    PORT_ANSWER,
    QUERY_FIELD,
    QUERY_NOTES,
    USES,
    own_notes,
)
from portbook.schema.records import (
    ASSIGNMENTS,
    BLOCK,
    CHANGES,
    HIT,
    KNOWN_SERVICE,
    MATCH,
    PROGRAM,
    RANGE,
    REPORT,
    SOURCES,
    STATE,
    STATE_COUNTS,
    TRANSPORT,
)
from portbook.schema.sockets import NOTES
from portbook.schema.tables import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PORTS_ANSWER = Table(
    "ports",
    "Several ports, each with its transport if one was asked for; next leads to the rest.",
    (
        Field("total", NUMBER, "how many were asked for"),
        Field("ports", list_of(PORT_ANSWER.codec())),
        Field("next", optional(WORDS), "where the rest is"),
    ),
    version=1,
)

_OBJECTS = Codec(list, list, {"type": "array", "items": {"type": "object"}}, "list of objects")
ANSWERS = Table(
    "answers",
    "The objects of several queries, or of several captures, in their order.",
    (Field("answers", _OBJECTS, path=lambda objects: objects),),
    version=1,
)

SERVICE_ANSWER = Table(
    "service",
    "All rows of one service name.",
    (
        Field("service_name", WORDS, path="name"),
        Field("ports", list_of(PORT), "in order; the first of each range", lambda answer: sorted(
            {one.query.first for one in answer.ports})),
        Field("assignments", ASSIGNMENTS),
        Field("product", optional(WORDS),
              "the product, where the name is one's and no service's that people are known to use",
              lambda answer: None if answer.product is None else answer.product.name),
        Field("without_port", ASSIGNMENTS, "rows that give it no port", "portless"),
        Field("services", list_of(KNOWN_SERVICE.codec()), "what people meet under the name"),
        Field("programs", list_of(PROGRAM.codec()), "server programs that speak it"),
        Field("uses", USES, "what people use its ports for"),
        Field("alike", USES, "uses of products that have the name in theirs, on other ports"),
        HOST_FIELD,
        Field("findings", FINDINGS),
        Field("own_notes", optional(NOTES), "your notes on its ports; null: left out", own_notes),
        Field("brief", BRIEF.codec(), "the short answer"),
        Field("history", CHANGES),
        Field("compared", optional(COMPARED.inline()), "the copies that were compared"),
        QUERY_NOTES,
        Field("sources", SOURCES),
    ),
    version=1,
)  # fmt: skip

_EPHEMERAL = Table(
    "ephemeral",
    "",
    (
        Field("system", WORDS),
        Field("first", PORT, "of its ephemeral ports by default", "dynamic_first"),
        Field("last", PORT, path="dynamic_last"),
    ),
)
RANGE_ANSWER = Table(
    "range",
    "A run of ports in short.",
    (
        Field("first", PORT),
        Field("last", PORT),
        Field("size", NUMBER, path=lambda answer: answer.last - answer.first + 1),
        Field("transport", optional(TRANSPORT)),
        Field("states", STATE_COUNTS, "ports by state", "counts"),
        Field("blocks", BLOCKS),
        Field("assignments", ASSIGNMENTS),
        Field("services", list_of(KNOWN_SERVICE.codec()), "what all of it is for"),
        Field("uses", USES, "what people use its ports for"),
        Field("programs", list_of(PROGRAM.codec()), "server programs whose default is in it"),
        Field("abuse", list_of(REPORT.codec()), "reported abuse of its ports"),
        Field(
            "ephemeral",
            list_of(_EPHEMERAL.inline()),
            "systems that hand out ports of it",
            "systems",
        ),
        HOST_FIELD,
        Field("findings", FINDINGS),
        Field("own_notes", optional(NOTES), path=own_notes),
        Field("brief", BRIEF.codec(), "the short answer"),
        QUERY_FIELD,
        QUERY_NOTES,
        Field("sources", SOURCES),
    ),
    version=1,
)

SEARCH_ANSWER = Table(
    "search",
    "What a search found, best first.",
    (
        Field("text", TEXT),
        Field("found", FLAG, "false where only near spellings were found"),
        Field("total_hits", NUMBER, path=lambda answer: len(answer.hits)),
        Field("total", NUMBER, "of `matches`", lambda answer: len(answer.matches)),
        Field("total_uses", NUMBER, path=lambda answer: len(answer.uses)),
        Field(
            "hits",
            list_of(HIT.inline()),
            "all that matches, in the one order",
            lambda it: it.hits[: it.shown],
        ),
        Field(
            "matches",
            list_of(MATCH.inline()),
            "the services among them",
            lambda it: it.matches[: it.shown],
        ),
        Field("uses", USES, path=lambda it: it.uses[: it.shown]),
        Field("abuse", list_of(REPORT.codec()), "the reports of abuse among them"),
        Field("order", list_of(TEXT), "the names of the three lists, that with the best hit first"),
        Field("similar", FLAG, "the hits only resemble the text"),
        Field("own_notes", optional(NOTES), "your notes that match; null: left out"),
        QUERY_NOTES,
        Field("sources", SOURCES),
    ),
    version=1,
)

TOPIC_ANSWER = Table(
    "topic",
    "A page on what people ask, or on a failure of which a text names no port.",
    (
        Field("topic", WORDS),
        Field("title", TEXT, "the answer in a line", "page.title"),
        Field("text", list_of(TEXT), "what else to know", "page.sentences"),
        Field("next", list_of(NEXT_STEP.inline()), "what to do", "page.next"),
        QUERY_FIELD,
    ),
    version=1,
)

_BLOCK_IN_RANGE = Table("block_in_range", "", (*BLOCK.fields, Field("range", RANGE)))
BLOCKS_ANSWER = Table(
    "blocks",
    "Blocks, the longest first.",
    (
        Field("state", optional(STATE), path="answer.state"),
        Field("range", optional(RANGE), path="answer.range_name"),
        Field("count", NUMBER, "of all such blocks", lambda it: len(it.answer.blocks)),
        Field(
            "ports",
            NUMBER,
            "in all of them",
            lambda it: sum(each.size for each in it.answer.blocks),
        ),
        Field(
            "blocks",
            list_of(_BLOCK_IN_RANGE.inline()),
            "at most `limit`",
            "shown",
        ),
        Field("sources", SOURCES, path="answer.sources"),
    ),
    version=1,
)


def _ranges(stats: Any) -> dict[str, Any]:
    """Counts of each range: by transport, and under ``headline`` by headline state."""
    ranges: dict[str, Any] = {}
    for each in stats.ranges:
        first, last, size = each.range.first, each.range.last, each.range.size
        entry = ranges.setdefault(each.range.name, {"first": first, "last": last, "size": size})
        entry[each.transport or "headline"] = dict(each.states)
    return ranges


def _range_schema() -> dict[str, Any]:
    keys = {"first": PORT.schema, "last": PORT.schema, "size": NUMBER.schema}
    keys |= {str(each): STATE_COUNTS.schema for each in ("headline", *Transport)}
    each_range = {"type": "object", "properties": keys, "required": [*keys]}
    # The three of RFC 6335; of other ports that were chosen, those alone.
    names = [*(each.name for each in RANGES), "selected"]
    return {"type": "object", "properties": dict.fromkeys(names, each_range)}


_RUN = Table("run", "", (Field("first", PORT), Field("last", PORT), Field("state", STATE)))
MAP_ANSWER = Table(
    "map",
    "The state of all ports, or of some: the runs of one state, in order.",
    (
        Field("first", PORT),
        Field("last", PORT),
        Field("states", STATE_COUNTS, "ports by state"),
        Field("runs", list_of(_RUN.inline()), "without a gap between them"),
        Field("sources", SOURCES),
    ),
    version=1,
)

_REGISTRATIONS = Table(
    "registrations",
    "",
    (
        Field("as_of", optional(WORDS), path="registration_as_of"),
        Field("years", tally("year")),
        Field("undated", NUMBER),
    ),
)
_ASSIGNEES = Table(
    "assignees",
    "",
    (
        Field("as_of", optional(WORDS), path="registration_as_of"),
        Field("rows", tally("assignee"), path="assignees"),
        Field("not_recorded", NUMBER, path="assignee_not_recorded"),
    ),
)
STATS_ANSWER = Table(
    "stats",
    "Counts over the whole registry.",
    (
        Field("ranges", Codec(_ranges, dict, _range_schema(), "object"), path="stats"),
        Field("services", NUMBER, path="stats.services"),
        Field("services_without_port", NUMBER, path="stats.portless"),
        Field("assigned_rows", NUMBER, path="stats.assigned_rows"),
        Field("registrations", _REGISTRATIONS.inline(), path="stats"),
        Field("assignees", _ASSIGNEES.inline(), path="stats"),
        Field("sources", SOURCES),
    ),
    version=1,
)  # fmt: skip
