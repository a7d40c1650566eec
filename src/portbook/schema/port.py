"""The object of a port as JSON, with what stands in other answers as well: query, host, brief.

A table reads a report's attributes by name; it imports no report, because reports are made in
layers above this one.
"""

from __future__ import annotations

from portbook.model import Failure, Level, Transport
from portbook.schema.codecs import (
    FLAG,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    Codec,
    closed,
    list_of,
    optional,
)
from portbook.schema.findings import FINDING, TEXTS
from portbook.schema.records import (
    BLOCK,
    CHANGES,
    DOCUMENT,
    GAPS,
    KNOWN_SERVICE,
    LISTING,
    MATCH,
    NAMES,
    NEIGHBOUR,
    PROGRAM,
    RANGE,
    REPORT,
    SOURCES,
    STANDING,
    STATE,
    STATE_COUNTS,
    TRANSPORT,
    USE,
)
from portbook.schema.sockets import CONNECTION, LISTENERS, NOTES, REDIRECT, VISIBILITY
from portbook.schema.tables import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FINDINGS = list_of(FINDING.codec())
USES = list_of(USE.codec())
BLOCKS = list_of(BLOCK.codec())
MATCHES = list_of(MATCH.inline())


def _pasted(answer: Any) -> Any:
    """*answer*, if a text of several words was asked; None elsewhere."""
    return answer if answer.query is not None and answer.query.pasted is not None else None


def _of_failed(answer: Any, name: str) -> Any:
    return getattr(getattr(answer, "failed", None), name, None)


QUERY = Table(
    "query",
    "What was read in a text: an error message, a setting, a question.",
    (
        Field("ports", list_of(PORT), "those that it is about, in its order", "query.pasted.ports"),
        Field("others", list_of(PORT), "other ports that it names", "query.pasted.others"),
        Field("failure", optional(closed(Failure)), "what went wrong", "query.pasted.failure"),
        Field("address", optional(TEXT), "as the text has it", "query.address"),
        Field("transport", optional(TRANSPORT), "null: the text names none", "query.transport"),
        Field("process", optional(TEXT), "who has the port, by the text", "query.pasted.process"),
        Field("place", optional(WORDS), "whose the address is: none, here, elsewhere, name, "
              "invalid; unknown: this machine was left out",
              lambda answer: _of_failed(answer, "place")),
        Field("again", optional(FLAG), "whether it would fail again on this machine now; null: "
              "not known", lambda answer: _of_failed(answer, "again")),
    ),
)  # fmt: skip
QUERY_FIELD = Field(
    "query", optional(QUERY.codec()), "what was read in a text; null for a plain query", _pasted
)
QUERY_NOTES = Field("notes", NAMES, "what was understood of the query", "query.notes")


def _host(answer: Any) -> Any:
    """The host with what stands beside it in the report; None where it was left out."""
    return None if answer.host is None else answer


HOST = Table(
    "host",
    "What was seen of this machine, and what was not.",
    (
        Field("listeners", LISTENERS, "the sockets", "host.listeners"),
        Field("visibility", VISIBILITY, "whether all that was asked for could be seen",
              "host.visibility"),
        Field("missing", GAPS, "what could not be seen, and what would show it",
              "host.missing"),
        Field("redirects", list_of(REDIRECT.codec()),
              "rules of address translation that hold for the port",
              lambda answer: getattr(answer, "redirects", ())),
        Field("connections", optional(list_of(CONNECTION.codec())),
              "connections on the port; null: not looked for",
              lambda answer: getattr(answer, "connections", None)),
        Field("clients", optional(list_of(CONNECTION.codec())),
              "who is connected to what listens, as seen from there; null: not asked for",
              lambda answer: getattr(answer, "clients", None)),
    ),
)  # fmt: skip
HOST_FIELD = Field("host", optional(HOST.codec()), "this machine; null: left out", _host)


def own_notes(answer: Any) -> Any:
    """The user's own notes on the port of *answer*; None where this machine wasn't looked at."""
    return None if answer.host is None else answer.host.notes


def _nearest(side: str) -> Field:
    return Field(side, list_of(NEIGHBOUR.codec()), path=side)


NEIGHBOURS = Table("neighbours", "", (_nearest("before"), _nearest("after")))
_STANDINGS = Codec(
    lambda standings: {each: STANDING.encode(standings[each]) for each in standings},
    dict,
    {
        "type": "object",
        "properties": {str(each): STANDING.codec().schema for each in Transport},
        "additionalProperties": False,
        "minProperties": 1,
    },
    "object: transport to standing",
    table=STANDING,
)

COMPARED = Table(
    "compared",
    "",
    (
        Field("first", WORDS, "the day of the oldest copy"),
        Field("last", WORDS, "the day of the newest"),
        Field("gap", NAMES, "the two days that are furthest apart"),
    ),
)
PORT_AND_STATE = Table(
    "port_and_state",
    "",
    (
        Field("port", PORT, path="swapped.port"),
        Field("state", STATE, path="swapped_state"),
        Field("service_names", NAMES, path="swapped.service_names"),
        Field("description", optional(TEXT), path="swapped.description"),
    ),
)
_SPAN = Table(
    "span_of_ports",
    "",
    (
        Field("first", PORT, path=lambda span: span[0]),
        Field("last", PORT, path=lambda span: span[1]),
        Field("service_names", NAMES, path=lambda span: span[2].service_names),
        Field("description", optional(TEXT), path=lambda span: span[2].description),
    ),
)
_SHARED = Table(
    "shared",
    "",
    (
        Field("what", WORDS, "a service's name, or a document"),
        Field("total", NUMBER, "how many there are"),
        Field("ports", list_of(_SPAN.inline())),
    ),
)
_TIES = closed(("encrypted", "unencrypted", "own-port", "elsewhere", "product", "digits"))
_TIE = Table(
    "tie",
    "",
    (
        Field("port", PORT, path="near.port"),
        Field("service_names", NAMES, path="near.service_names"),
        Field("description", optional(TEXT), path="near.description"),
        Field("tie", _TIES, "how it is tied to this port", "kind"),
        Field("of", WORDS, "the service or the product that has both"),
    ),
)
_SYSTEM = Table(
    "system",
    "",
    (
        Field("system", WORDS),
        Field("since", optional(WORDS), "the version from which it does so"),
        Field("picks", optional(FLAG), "whether its default dynamic range has the port"),
        Field("privileged", optional(WORDS), "who may bind a System Port"),
    ),
)
_QUESTION = Table("question", "", (Field("question", WORDS), Field("answer", WORDS)))
PAGE = Table(
    "page",
    "What the whole page of a port says of its number beyond the short answer.",
    (
        Field("place", NUMBER, "its place in its range, from 1"),
        Field("states", STATE_COUNTS, "the ports of its range by state", "related.counts"),
        Field("systems", list_of(_SYSTEM.inline()), "what systems do with it by default"),
        Field("implementing", NAMES, "other programs that speak a service registered on it"),
        Field("ties", list_of(_TIE.inline()), "ports of the same in practice", "related.ties"),
        Field("same_service", list_of(_SHARED.inline()), path="related.same_service"),
        Field("same_document", list_of(_SHARED.inline()), path="related.same_document"),
        Field("swapped", PORT_AND_STATE.inline(), "the same bytes in the other order", "related"),
        Field("questions", list_of(_QUESTION.inline()), "what people ask"),
    ),
)

_AGREEMENTS = closed(("agree", "differ", "nothing", "unknown"))
_BRIEF_VERDICT = Table(
    "brief_verdict",
    "",
    (
        Field("agreement", _AGREEMENTS, "whether what runs here is what belongs on the port"),
        Field("level", optional(closed(Level)), "null: nothing is bound"),
        Field("sentence", optional(TEXT)),
        Field("code", optional(TEXT), "the finding that it says in short, the first of them"),
    ),
)
NEXT_STEP = Table("next_step", "", (Field("label", WORDS), Field("command", WORDS)))
_PORT_LINE = Table(
    "port_line",
    "",
    (
        Field("port", WORDS, "a port, or the first and the last of a span"),
        Field("machine", optional(TEXT), "what is bound; null: this machine was left out"),
        Field("practice", optional(TEXT)),
    ),
)
BRIEF = Table(
    "brief",
    "The short answer, as the terminal prints it.",
    (
        Field("headline", TEXT, "the answer in a line"),
        Field("sentences", TEXTS, "what a pasted text says failed, and what to do"),
        Field("remarks", TEXTS, "how the query was understood, where that isn't plain"),
        Field("unseen", TEXTS, "what could not be seen of this machine"),
        Field("machine", optional(TEXT), "what is bound; null: this machine was left out"),
        Field("practice", optional(TEXT), "what people use it for"),
        Field("registry", TEXT, "how it stands in the registry"),
        Field("verdict", optional(_BRIEF_VERDICT.inline()), "null: this machine was left out"),
        Field("reach", optional(TEXT), "from where it can be reached; null: nothing listens"),
        Field(
            "next",
            list_of(NEXT_STEP.inline()),
            "what to do next; each command can be run as it stands",
        ),
        Field("programs", TEXTS, "a line each, where several programs hold it"),
        Field("binding", optional(TEXT), "what binding it takes, where it is free"),
        Field("security", optional(TEXT), "whether it is encrypted, and may face a network"),
        Field("abuse", optional(TEXT), "what was reported on it"),
        Field("note", optional(TEXT), "your own note on it"),
        Field("localhost", optional(TEXT), "which of several programs that name reaches"),
        Field("ports", list_of(_PORT_LINE.inline()), "the ports of a name that has several"),
        Field("blocks", optional(TEXT), "the blocks of a range"),
    ),
)

PORT_ANSWER = Table(
    "port",
    "All that is known of one port.",
    (
        Field("port", PORT),
        Field("range", RANGE, "RFC 6335's range", "range.name"),
        Field("state", STATE, "assigned if any transport is, else reserved, else unassigned"),
        Field("transports", _STANDINGS, "each transport that was asked for", "standings"),
        Field("block", BLOCK.codec(), "the run of equal state that it is part of"),
        Field("neighbours", NEIGHBOURS.inline(), "the nearest assigned ports", lambda it: it),
        Field("uses", USES, "what people use it for"),
        Field("services", list_of(KNOWN_SERVICE.codec()), "what it is for"),
        Field("programs", list_of(PROGRAM.codec()), "server programs whose default it is"),
        Field("abuse", list_of(REPORT.codec()), "reported abuse"),
        Field("browser_blocked", FLAG, "whether browsers refuse HTTP to it"),
        HOST_FIELD,
        Field("findings", FINDINGS, "those of the listeners, each with its socket"),
        Field("own_notes", optional(NOTES), "your notes on it; null: left out", own_notes),
        Field("history", CHANGES, "what changed between copies of the registry"),
        Field("listings", list_of(LISTING.codec()), "what RFCs listed for it before"),
        Field("documents", list_of(DOCUMENT.codec()), "the RFCs that are cited"),
        Field("brief", BRIEF.codec(), "the short answer"),
        Field("compared", optional(COMPARED.inline()), "those copies; null: it has no rows"),
        Field("page", optional(PAGE.codec()), "the rest of its page; null: left out", "related"),
        QUERY_FIELD,
        QUERY_NOTES,
        Field("sources", SOURCES),
    ),
    version=1,
)
