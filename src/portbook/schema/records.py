"""What is on record of ports as JSON: the registry, practice, history, sources."""

from __future__ import annotations

from portbook.model import (
    RANGES,
    Authentication,
    ChangeKind,
    Encryption,
    Exposure,
    GapCode,
    KnownService,
    Need,
    Neighbour,
    Report,
    ReportKind,
    Source,
    State,
    StatementSource,
    Threat,
    Transport,
    Use,
    UseKind,
)
from portbook.model.search import SearchStore
from portbook.schema.codecs import (
    FLAG,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    Codec,
    Mismatch,
    closed,
    list_of,
    optional,
)
from portbook.schema.tables import Field, Table, computed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TRANSPORT = closed(Transport)
STATE = closed(State)
RANGE = closed([each.name for each in RANGES])
NAMES = list_of(WORDS)
# Ports by their state: every state is there.
STATE_COUNTS = Codec(
    dict,
    dict,
    {
        "type": "object",
        "properties": {str(each): NUMBER.schema for each in State},
        "required": [*map(str, State)],
    },
    "object: state to number",
)

SOURCE = Table(
    "source",
    "Where facts come from.",
    (
        Field("id", WORDS, "a word for it"),
        Field("as_of", optional(WORDS), "the day it shows"),
        Field("what", WORDS, "what it says"),
        Field("url", optional(WORDS), "where it can be read"),
    ),
    of=Source,
)
SOURCES = list_of(SOURCE.codec())


def _days(as_of: Mapping[str, str]) -> dict[str, str | None]:
    return {group: as_of.get(group) for group in ("registry", "registration")}


def _decode_days(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Mismatch("not an object")
    days = {str(group): optional(WORDS).decode(day) for group, day in value.items()}
    return {group: day for group, day in days.items() if day is not None}


_DAY = optional(WORDS).schema
AS_OF = Codec(
    _days,
    _decode_days,
    {
        "type": "object",
        "properties": {"registry": _DAY, "registration": _DAY},
        "required": ["registry", "registration"],
    },
    "object: group of fields to day",
)

ASSIGNMENT = Table(
    "assignment",
    "One row of the registry that assigns something.",
    (
        Field("service_name", optional(WORDS), "null where the registry only describes it"),
        Field("aliases", NAMES, "other names that the row gives"),
        Field("description", optional(WORDS)),
        Field("references", NAMES, "RFCs and others, as the registry cites them"),
        Field("assignee", optional(WORDS), "as the registry printed it"),
        Field("registered", optional(WORDS), "the day or month of registration"),
        Field("modified", optional(WORDS), "the day or month of the last change"),
        Field("unauthorized_use", optional(WORDS), "what the registry says of it"),
        Field("notes", optional(WORDS), "the registry's assignment notes"),
        Field("service_code", optional(WORDS), "of DCCP"),
        Field("first", optional(PORT), "null: a name without a port"),
        Field("last", optional(PORT)),
        Field("transport", optional(TRANSPORT), "null: the row states none"),
        Field("transport_stated", FLAG, "false: taken for tcp and udp"),
        Field("as_of", AS_OF, "the day of each group of fields"),
    ),
)
ASSIGNMENTS = list_of(ASSIGNMENT.codec())

STANDING = Table(
    "standing",
    "How a port stands for one transport. Not listed: the registry has no row for it.",
    (
        Field("state", STATE),
        Field("listed", FLAG, "whether the registry has a row for it"),
        Field("text", optional(WORDS), "the registry's own words"),
        Field("notes", optional(WORDS), "the registry's note on a row without a service"),
        Field("references", NAMES),
        Field("assignments", ASSIGNMENTS),
    ),
)

BLOCK = Table(
    "block",
    "A run of ports of one state; its rank is by length among its like.",
    (
        Field("state", STATE),
        Field("first", PORT),
        Field("last", PORT),
        Field("size", NUMBER, "how many ports"),
        Field("rank", NUMBER, "1 is the longest"),
        Field("of", NUMBER, "how many such blocks its range has"),
    ),
)

NEIGHBOUR = Table(
    "neighbour",
    "One of the nearest assigned ports.",
    (
        Field("port", PORT),
        Field("service_names", NAMES),
        Field("description", optional(WORDS)),
    ),
    of=Neighbour,
)

STATEMENT_SOURCE = Table(
    "statement_source",
    "The source of some statements on a service or a product.",
    (
        Field("of", NAMES, "the keys that it is the source of"),
        Field("source", WORDS, "the URL that says it"),
        Field("read", WORDS, "the day it was read"),
    ),
    of=StatementSource,
)

USE = Table(
    "use",
    "What people use a port for.",
    (
        Field("product", WORDS),
        Field("kind", closed(UseKind)),
        Field("transport", TRANSPORT),
        Field("first", PORT),
        Field("last", PORT),
        Field("summary", WORDS),
        Field("source", WORDS, "the URL that says it"),
        Field("read", WORDS, "the day it was read"),
        Field("services", NAMES, "services of the registry that it speaks there"),
        Field("weight", NUMBER, "how many independent sources show it, 3 at most"),
        Field("further", NAMES, "URLs of the others"),
        Field("programs", NAMES, "names of the server programs that it is a use of"),
        Field("shown_by", NUMBER, "how many independent sources show it"),
        Field("also_called", NAMES, "other names of the product"),
        Field("sources", list_of(STATEMENT_SOURCE.codec()), "of those that it doesn't say itself"),
    ),
    of=Use,
)

REPORT = Table(
    "report",
    "Abuse that was reported on a port.",
    (
        Field("subject", WORDS),
        Field("kind", closed(ReportKind), "what reports it"),
        Field("threat", closed(Threat), "what sort of abuse it is"),
        Field("transport", TRANSPORT),
        Field("first", PORT),
        Field("last", PORT),
        Field("period", WORDS, "when it was reported; ../2005-01 is then or earlier"),
        Field("summary", WORDS),
        Field("source", WORDS, "the URL that says it"),
        Field("read", WORDS, "the day it was read"),
        Field("also_called", NAMES, "other names of the subject"),
        Field("sources", list_of(STATEMENT_SOURCE.codec()), "of those that it doesn't say itself"),
    ),
    of=Report,
)

EXPOSURE = Table(
    "exposure",
    "What its documentation or a public authority says against exposing it.",
    (
        Field("advice", WORDS, "one sentence"),
        Field("why", WORDS, "one sentence"),
    ),
    of=Exposure,
)
KNOWN_SERVICE = Table(
    "service_meaning",
    "What a service is that people meet on a port.",
    (
        Field("name", WORDS, "what people call it"),
        Field("transport", TRANSPORT),
        Field("first", PORT),
        Field("last", PORT),
        Field("gist", WORDS, "a few words on it"),
        Field("also_called", NAMES),
        Field("description", WORDS, "one sentence"),
        Field("registered", NAMES, "names in the registry that it covers"),
        Field("people", optional(WORDS), "one sentence on who uses it; null: not recorded"),
        Field(
            "encryption",
            optional(closed(Encryption)),
            "optional: by TLS or STARTTLS; null: not recorded",
        ),
        Field("authentication", optional(closed(Authentication)), "by default; null: not recorded"),
        Field("twin", optional(WORDS), "the same with or without TLS, as `636/tcp`"),
        Field("successor", optional(WORDS), "what took its place"),
        Field("elsewhere", NAMES, "other ports it commonly has, as `6380/tcp`"),
        Field("exposure", optional(EXPOSURE.codec()), "null: no such advice recorded"),
        Field("amplification", optional(WORDS), "how it reflects datagrams"),
        Field("references", NAMES, "RFCs and other documents"),
        Field("source", WORDS, "the URL that says it"),
        Field("read", WORDS, "the day it was read"),
        Field("sources", list_of(STATEMENT_SOURCE.codec()), "where it is another one"),
    ),
    of=KnownService,
)

_DEFAULT = Table(
    "default",
    "",
    (
        Field("port", PORT, path=lambda pair: pair[0]),
        Field("transport", TRANSPORT, path=lambda pair: pair[1]),
    ),
)

PROGRAM = Table(
    "program",
    "A server program that is on record.",
    (
        Field("name", WORDS, "a short name for it"),
        Field("product", WORDS),
        Field("executables", NAMES, "paths; * is any part of a path's component"),
        Field("ports", list_of(_DEFAULT.inline()), "its defaults"),
        Field("source", WORDS, "the URL that says it"),
        Field("read", WORDS, "the day it was read"),
        Field("also_called", NAMES, "other names of the product"),
        Field("sources", list_of(STATEMENT_SOURCE.codec()), "of those that it doesn't say itself"),
    ),
)

SIDE = Table(
    "side",
    "How something stood before or after a change.",
    (
        Field("state", STATE),
        Field("service_names", NAMES, path="names"),
        Field("description", optional(WORDS), path="said"),
    ),
)

# As catalog.registry.history.KINDS explains them.
CHANGE_KIND = closed(ChangeKind)
CHANGE = Table(
    "change",
    "What changed between two copies of the registry, whose days are since and until.",
    (
        Field("kind", CHANGE_KIND),
        Field("first", optional(PORT)),
        Field("last", optional(PORT)),
        Field("transports", list_of(TRANSPORT)),
        Field("before", SIDE.codec()),
        Field("after", SIDE.codec()),
        Field("since", WORDS, "the last day that has what was before"),
        Field("until", WORDS, "the first day that has what came"),
    ),
)
CHANGES = list_of(CHANGE.codec())

LISTING = Table(
    "listing",
    "What an Assigned Numbers RFC, the registry of 1972 to 1994, was the first to list for a port.",
    (
        Field("rfc", NUMBER, "its number"),
        Field("published", WORDS, "the month, as `1981-09`"),
        Field("words", WORDS, "its own"),
    ),
)

DOCUMENT = Table(
    "document",
    "An RFC that the registry or a service cites.",
    (
        Field("name", WORDS, "as `RFC 854`"),
        Field("title", WORDS),
        Field("published", WORDS, "the month, as `1983-05`"),
    ),
)

_SPAN = Table(
    "span",
    "",
    (
        Field("first", PORT, path=lambda span: span[0]),
        Field("last", PORT, path=lambda span: span[1]),
        Field("transport", optional(TRANSPORT), path=lambda span: span[2]),
    ),
)

MATCH = Table(
    "match",
    "One result of a search.",
    (
        Field("score", NUMBER, "0 to 100"),
        Field("why", WORDS, "what matched"),
        Field("service_name", optional(WORDS)),
        Field("description", optional(WORDS)),
        Field("ports", list_of(_SPAN.inline())),
    ),
)

HIT = Table(
    "hit",
    "One result of a search, of whatever store.",
    (
        Field("store", closed(SearchStore), "what has it; that of `programs` has no list"),
        Field("score", NUMBER, "0 to 100"),
        Field("why", WORDS, "what matched"),
        Field("name", optional(WORDS)),
        Field("description", optional(WORDS)),
        Field("ports", list_of(_SPAN.inline())),
    ),
)

GAP = Table(
    "gap",
    "One thing that could not be seen.",
    (
        Field("code", closed(GapCode), "stable word for what it is"),
        Field("subject", optional(TEXT), "which path, transport or tool it is about"),
        Field("needs", optional(closed(Need)), "what it takes to see it; null: nothing would"),
        Field("message", TEXT, "what could not be seen, and what would show it", computed),
    ),
)
GAPS = list_of(GAP.codec())
