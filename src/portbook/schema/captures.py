"""What is made of captures and of flows as JSON: explain and audit."""

from __future__ import annotations

from portbook.model import Level
from portbook.model.scanned import ScannedPort, ScanState
from portbook.schema.codecs import (
    FLAG,
    MOMENT,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    Codec,
    closed,
    list_of,
    optional,
    tally,
)
from portbook.schema.findings import TEXTS
from portbook.schema.records import GAPS, NAMES, SOURCES, STATE, TRANSPORT
from portbook.schema.sockets import ADDRESS, LISTENER, LISTENERS
from portbook.schema.tables import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# -- explain ----------------------------------------------------------------------------------

UNREAD = Table(
    "not-understood",
    "",
    (
        Field("line", NUMBER, "the number of the first", "number"),
        Field("lines", NUMBER, "how many they are", "many"),
        Field("text", TEXT, "its beginning"),
        Field("why", optional(TEXT), "the reason, if one is known"),
    ),
)
UNREAD_ROW = UNREAD.alone()
NOT_OPEN = Table(
    "not-open",
    "A port that a scan lists, and that isn't open.",
    (
        Field("address", ADDRESS, "null: not told"),
        Field("port", PORT),
        Field("transport", TRANSPORT),
        Field("state", closed(ScanState)),
    ),
    of=ScannedPort,
)
NOT_OPEN_ROW = NOT_OPEN.alone()
_PAIR = Table(
    "pair",
    "",
    (
        Field("before", LISTENER.codec(), path=lambda pair: pair[0]),
        Field("after", LISTENER.codec(), path=lambda pair: pair[1]),
    ),
)
_CHANGES = Table(
    "changes",
    "",
    (
        Field("opened", LISTENERS),
        Field("closed", LISTENERS),
        Field("changed", list_of(_PAIR.inline()), "those that another program holds now"),
        Field("same", NUMBER),
        Field("untold", NUMBER, "those of which one capture doesn't name the program"),
        Field("not_compared", LISTENERS, "of a kind that the other capture lists none of"),
    ),
)
EXPLAIN = Table(
    "explain",
    "What another tool printed, explained; no format where no tool prints such.",
    (
        Field("format", optional(WORDS), path=lambda answer: answer.format or None),
        Field("formats", NAMES, "all of them, where the input holds several tools' output"),
        Field("sockets", LISTENERS, "the most serious first"),
        Field("not_understood", list_of(UNREAD.inline()), "lines that no reader understood"),
        Field("left_out", tally("what it is"), "what doesn't listen"),
        Field("not_open", list_of(NOT_OPEN.inline()), "a scan's ports, those listed by number"),
        Field("changes", optional(_CHANGES.inline()), "null without an older one"),
        Field("sources", SOURCES),
    ),
    version=1,
)
EXPLAINED = Table(
    "explained",
    "The end of a stream of rows, with their counts.",
    (
        Field("format", WORDS),
        Field("sockets", NUMBER),
        Field("not_understood", NUMBER),
        Field("left_out", tally("what it is")),
    ),
    version=1,
)

# -- audit ------------------------------------------------------------------------------------

# A tally's counts, for the objects that have them among others.
_FLOWS = (
    Field("flows", NUMBER),
    Field("bytes", optional(NUMBER), "null: the log tells none"),
)
_TALLY = Table("tally", "", (Field("services", NUMBER), *_FLOWS))
_APART = Table("apart", "", _FLOWS)


def _by_state(states: Mapping[str, Any]) -> dict[str, Any]:
    return {state: _TALLY.encode(each) for state, each in sorted(states.items())}


_STATES = Codec(
    _by_state,
    dict,
    {"type": "object", "additionalProperties": _TALLY.json_schema()},
    "object: state to tally",
    table=_TALLY,
)
_COUNTED_FINDING = Table(
    "counted_finding",
    "",
    (
        Field("code", WORDS, path=lambda pair: pair[0][0]),
        Field("level", closed(Level), path=lambda pair: pair[0][1]),
        Field("services", NUMBER, path=lambda pair: pair[1].services),
        Field("flows", NUMBER, path=lambda pair: pair[1].flows),
        Field("bytes", optional(NUMBER), "null: the log tells none", lambda pair: pair[1].bytes),
    ),
)
_INPUT = Table("input", "", (Field("format", WORDS), Field("files", TEXTS)))
_FAULT = Table(
    "fault",
    "",
    (
        Field("file", TEXT),
        Field("row", optional(NUMBER), "null: the file as a whole"),
        Field("reason", TEXT),
        Field("more", optional(NUMBER), "rows that have the same; null: not counted"),
    ),
)
_REACH = optional(closed(("loopback", "everywhere")))
_SPOKEN = optional(TEXT)
_KEY = Table(
    "key",
    "",
    (
        Field("transport", TRANSPORT, path=lambda key: key[0]),
        Field("port", PORT, path=lambda key: key[1]),
        Field("reach", _REACH, path=lambda key: key[2] or None),
        Field("spoken", _SPOKEN, path=lambda key: key[3] or None),
    ),
)
_KEYS = list_of(_KEY.inline())
_SINCE = Table("since", "", (Field("as_of", WORDS, path="since"), Field("new", _KEYS),
                             Field("gone", _KEYS)))  # fmt: skip
_SHARE = Table(
    "share", "", (Field("host", TEXT), Field("flows", NUMBER), Field("bytes", optional(NUMBER)))
)
_AUDIT_FINDING = Table(
    "audit_finding",
    "",
    (
        Field("code", WORDS),
        Field("level", closed(Level)),
        Field("message", optional(TEXT), "null for what isn't unexpected"),
    ),
)
AUDIT_SERVICE = Table(
    "audit_service",
    "",
    (
        Field("transport", TRANSPORT, path="service.transport"),
        Field("port", PORT, path="service.port"),
        Field("reach", _REACH, "null: not known", lambda row: row.service.reach or None),
        Field("state", STATE, path="service.state"),
        Field("service_names", NAMES, path="names"),
        Field("uses", NAMES),
        Field("findings", list_of(_AUDIT_FINDING.inline())),
        Field("flows", NUMBER, path="service.flows"),
        Field("bytes", optional(NUMBER), path="service.bytes"),
        Field("packets", optional(NUMBER), path="service.packets"),
        Field("first", optional(MOMENT), path="service.first"),
        Field("last", optional(MOMENT), path="service.last"),
        Field("hosts", optional(list_of(_SHARE.inline())), "null: not looked for",
              "service.hosts"),
        Field("spoken", _SPOKEN, "the protocol seen, where another one belongs",
              lambda row: row.service.spoken or None),
    ),
)  # fmt: skip
AUDIT = Table(
    "audit",
    "The services that flow logs show, with the verdict.",
    (
        Field("engine", WORDS, "what ran it", "answer.engine"),
        Field("inputs", list_of(_INPUT.inline()), "the formats found", "answer.inputs"),
        Field("first", optional(MOMENT), "the time of the first flow", "answer.first"),
        Field("last", optional(MOMENT), "the time of the last", "answer.last"),
        Field("total", _TALLY.inline(), path="answer.total"),
        Field("states", _STATES, path="answer.states"),
        Field("findings", list_of(_COUNTED_FINDING.inline()),
              path=lambda it: sorted(it.answer.findings.items())),
        Field("services", list_of(AUDIT_SERVICE.inline()), "the most serious first"),
        Field("unanswered", _APART.inline(), path="answer.unanswered"),
        Field("undecidable", _APART.inline(), path="answer.undecidable"),
        Field("portless", _APART.inline(), path="answer.portless"),
        Field("no_data", NUMBER, "records that say that they have none", "answer.no_data"),
        Field("other_records", NUMBER, "records of the logs that are no flows",
              "answer.other_records"),
        Field("faults", list_of(_FAULT.inline()), "what could not be taken", "answer.faults"),
        Field("missing", GAPS, "what was not seen", "answer.missing"),
        Field("since", optional(_SINCE.inline()), "null without an older one", "answer.change"),
        Field("pseudonymised", FLAG, "", "answer.pseudonymised"),
        Field("sources", SOURCES, path="answer.sources"),
    ),
    version=1,
)  # fmt: skip
