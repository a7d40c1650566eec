"""What the other commands report as JSON: history, updates, why, pick, stop and notes.

As in :mod:`portbook.schema.answers`, a table reads a report's attributes by name.
"""

from __future__ import annotations

from portbook.schema.codecs import (
    FLAG,
    NUMBER,
    PORT,
    TEXT,
    WORDS,
    closed,
    list_of,
    optional,
    rounded,
    tally,
)
from portbook.schema.findings import FACTS, TEXTS
from portbook.schema.port import QUERY_FIELD
from portbook.schema.records import CHANGE, CHANGES, GAPS, NAMES, SOURCES, TRANSPORT
from portbook.schema.sockets import CONNECTION, FAMILY, LISTENER, LISTENERS, NOTES
from portbook.schema.tables import Field, Table, computed

NUMBERS = list_of(NUMBER)

# -- the registry's past, and updates ---------------------------------------------------------

CHANGE_ROW = CHANGE.alone()

_REGISTERED = Table(
    "registered",
    "",
    (
        Field("service_name", WORDS, path=lambda row: row[0]),
        Field("registered", WORDS, path=lambda row: row[1]),
        Field("as_of", WORDS, path=lambda row: row[2]),
    ),
)
_COPY = Table("copy", "", (Field("as_of", WORDS), Field("what", WORDS)))

HISTORY = Table(
    "history",
    "What changed in the registry. copies: those that were compared; known: whether one of them "
    "has what was asked for.",
    (
        Field("port", optional(PORT)),
        Field("service_name", optional(TEXT), path="name"),
        Field("since", optional(WORDS)),
        Field("known", FLAG, "false for a name that no copy has"),
        Field("changes", CHANGES),
        Field("registered", list_of(_REGISTERED.inline()), "the registry's own dates"),
        Field("copies", list_of(_COPY.inline()), "the copies that were compared"),
        Field("sources", SOURCES),
    ),
    version=1,
)

_SKIPPED = Table("skipped", "", (Field("row", NUMBER, "counted from 1"), Field("why", WORDS)))
_UNKNOWN = Table("unknown", "", (Field("field", WORDS, path="name"), Field("rows", NUMBER)))

UPDATE = Table(
    "update",
    "What an update did, or would do.",
    (
        Field(
            "status",
            closed(("updated", "unchanged", "difference", "rolled-back", "shipped")),
            "what became of it",
        ),
        Field("before", WORDS, "the date of the registry before"),
        Field("after", WORDS, "the date of the registry after"),
        Field("url", optional(WORDS)),
        Field("folder", optional(TEXT), "where it is kept"),
        Field("rows", NUMBER),
        Field("rows_before", NUMBER),
        Field("skipped", list_of(_SKIPPED.inline()), "rows that can't be read"),
        Field("unknown", list_of(_UNKNOWN.inline()), "fields of which nothing is taken"),
        Field("overruled", NAMES, "the reasons against it that were overruled"),
        Field("changes", CHANGES),
    ),
    version=1,
)

_SHIPPED = Table("shipped", "", (Field("as_of", WORDS), Field("in_use", FLAG)))
_VERSION = Table(
    "version",
    "",
    (
        Field("number", NUMBER, "its place in the order of updates"),
        Field("as_of", WORDS),
        Field("in_use", FLAG),
        Field("folder", TEXT, path="path"),
        Field("url", optional(WORDS), path="origin.url"),
        Field("fetched", optional(WORDS), "the day", "origin.fetched"),
        Field("damaged", optional(TEXT), "the name of a file that isn't what was written"),
    ),
)
VERSIONS = Table(
    "versions",
    "The registries that can be used, the oldest first.",
    (
        Field("shipped", _SHIPPED.inline(), "the one that came with portbook"),
        Field("versions", list_of(_VERSION.inline())),
    ),
    version=1,
)

# -- what can be done about a port ------------------------------------------------------------

_CAUSE = Table(
    "cause",
    "",
    (
        Field("code", WORDS),
        Field("message", TEXT, "", computed),
        Field("mend", optional(TEXT), "what to do about it", computed),
        Field("blocks", FLAG, "whether it makes the bind fail"),
        Field("facts", FACTS, "what the message is made of; `why` is the reason"),
        Field("listener", optional(LISTENER.codec()), "the socket that it is about"),
        Field("connections", list_of(CONNECTION.codec()), "those that hold the port"),
        Field("seconds_left", optional(rounded(1)), "until it is over", left_out=True),
    ),
)
_BIND = Table(
    "bind",
    "",
    (
        Field("family", FAMILY),
        Field("address", WORDS),
        Field("v6only", optional(FLAG)),
        Field("reuseaddr", FLAG, "whether SO_REUSEADDR was set"),
        Field("ok", FLAG),
        Field("error", optional(WORDS), "the kernel's", lambda it: None if it.ok else it.name),
    ),
)
_WHY_FIELDS = (
    Field("port", PORT),
    Field("transport", TRANSPORT),
    Field("address", optional(WORDS)),
    Field("bindable", FLAG),
    Field("bindable_with_reuseaddr", FLAG),
    Field("causes", list_of(_CAUSE.inline())),
    Field("binds", list_of(_BIND.inline()), "what the kernel answered", "tries"),
    Field("own_notes", NOTES, path="notes"),
    Field("noted", TEXTS, "what the verdict makes of your notes"),
    Field("missing", GAPS, "what could not be seen"),
    QUERY_FIELD,
)
_OTHER_WHY = Table("other_why", "", _WHY_FIELDS)
WHY = Table(
    "why",
    "Whether a port can be bound, and why not.",
    (
        *_WHY_FIELDS,
        Field("others", list_of(_OTHER_WHY.inline()), "for the other transports asked about"),
    ),
    version=1,
)

_CHECK = Table(
    "check",
    "",
    (
        Field("code", WORDS, "the criterion"),
        Field("ok", optional(FLAG), "null: it could not be found out"),
        Field("facts", FACTS, "what the evidence is made of; `why` is the reason"),
        Field("evidence", TEXT, "", computed),
    ),
)
_CHOICE = Table(
    "choice",
    "",
    (
        Field("port", PORT),
        Field("good", FLAG, path=lambda choice: not choice.failed),
        Field("checks", list_of(_CHECK.inline())),
    ),
)
_LEFT_OUT = Table(
    "left_out",
    "",
    (
        Field("port", PORT),
        Field("code", WORDS, path=lambda choice: choice.failed[0].code),
        Field("facts", FACTS, path=lambda choice: choice.failed[0].facts),
        Field("evidence", TEXT, "", computed),
    ),
)
PICK = Table(
    "pick",
    "Ports that are free to use.",
    (
        Field("for", optional(TEXT), "the name that was given", "wanted.name"),
        Field("near", optional(PORT), "the port to begin with", "wanted.near"),
        Field("first", PORT, path="wanted.first"),
        Field("last", PORT, path="wanted.last"),
        Field("count", NUMBER, "how many were asked for", "wanted.many"),
        Field("good", FLAG, "whether as many were found, with nothing against any of them"),
        Field("ports", list_of(PORT), "", lambda it: [choice.port for choice in it.choices]),
        Field("choices", list_of(_CHOICE.inline())),
        Field("left_out", tally("criterion"), "ports left out by each", "left_out_by"),
        Field("left_out_ports", list_of(_LEFT_OUT.inline()), "the first hundred of them",
              lambda it: it.left_out[:100]),
        Field("experiments", list_of(PORT), "the ports for experiments (RFC 4727)"),
        Field("notes", TEXTS, "", computed),
        Field("sources", SOURCES),
    ),
    version=1,
)  # fmt: skip

_STEP = Table(
    "step",
    "",
    (
        Field("kind", closed(("manager", "signal"))),
        Field("command", TEXTS),
        Field("what", TEXT, "", computed),
        Field("facts", FACTS, "who is asked, and what is stopped"),
        Field("pids", NUMBERS, "", lambda step: [each.pid for each in step.targets]),
        Field("later_pids", NUMBERS, "signalled only where they outlive the first ones",
              lambda step: [each.pid for each in step.later]),
    ),
)  # fmt: skip
_REFUSED = Table(
    "refused",
    "",
    (
        Field("code", WORDS),
        Field("message", TEXT, "", computed),
        Field("mend", TEXT, "what to do instead", computed),
        Field("facts", FACTS, "what the message is made of; `why` is the reason"),
        Field("socket", optional(TEXT), "the listener's name"),
    ),
)
_LOST = Table(
    "lost",
    "",
    (
        Field("kind", closed(("connections", "children", "sockets", "unit"))),
        Field("count", NUMBER, path="number"),
        Field("message", TEXT, "", computed),
    ),
)
_DONE = Table(
    "done",
    "",
    (
        Field("code", WORDS),
        Field("message", TEXT, "", computed),
        Field("facts", FACTS, "what the message is made of; `why` is the reason"),
        Field("pid", optional(NUMBER)),
        Field("command", optional(TEXTS)),
    ),
)
STOP = Table(
    "stop",
    "What would be stopped on a port, or was.",
    (
        Field("port", PORT, path="plan.scene.port"),
        Field("transport", optional(TRANSPORT), path="plan.scene.transport"),
        Field("address", optional(WORDS), path="plan.scene.address"),
        Field("dry_run", FLAG, "true where nothing was done yet", lambda it: it.outcome is None),
        Field("listeners", LISTENERS, "what was asked about", "plan.scene.listeners"),
        Field("steps", list_of(_STEP.inline()), "what would be done, or was", "plan.steps"),
        Field("refused", list_of(_REFUSED.inline()), "what is left alone", "plan.refusals"),
        Field("lost", list_of(_LOST.inline()), "what goes with it", "plan.losses"),
        Field("done", list_of(_DONE.inline())),
        Field("free", optional(FLAG), "whether nothing listens there any more",
              lambda it: None if it.outcome is None else it.outcome.free),
        Field("busy", LISTENERS, "what listens there afterwards"),
        Field("notes", TEXTS),
        Field("missing", GAPS, "what could not be seen"),
    ),
    version=1,
)  # fmt: skip

WAIT = Table(
    "wait",
    "How a wait for a port ended.",
    (
        Field("port", PORT, path="request.port"),
        Field("transport", optional(TRANSPORT), path="request.transport"),
        Field("address", optional(WORDS), path="request.address"),
        Field("free", FLAG, "whether it was waited until nothing is bound", "request.free"),
        Field("met", optional(FLAG), "false: the time ran out; null: sockets can't be listed"),
        Field("seconds", rounded(3), "how long it took"),
        Field("listeners", LISTENERS, "what is on the port now"),
        Field("missing", GAPS, "what could not be seen"),
    ),
    version=1,
)

# -- what readers say -------------------------------------------------------------------------

_VOTED_PAGE = Table(
    "voted_page",
    "",
    (
        Field("page", WORDS),
        Field("no", NUMBER),
        Field("partly", NUMBER),
        Field("yes", NUMBER),
        Field("texts", NUMBER, "votes that came with a text"),
        Field("votes", NUMBER),
    ),
)
FEEDBACK = Table(
    "feedback",
    "The pages that readers voted on, those that most need work first.",
    (Field("total", NUMBER, "how many pages"), Field("pages", list_of(_VOTED_PAGE.inline()))),
    version=1,
)
VOTE = Table(
    "vote",
    "What one reader said of one page.",
    (
        Field("page", WORDS),
        Field("vote", closed(("no", "partly", "yes"))),
        Field("text", optional(WORDS)),
        Field("day", WORDS),
    ),
    version=1,
)

# -- notes of one's own -----------------------------------------------------------------------

_NOTES_FILE = Table(
    "notes_file",
    "",
    (
        Field("path", TEXT),
        Field("whose", closed(("user", "project", "named"))),
        Field("trusted", FLAG),
        Field("changed", FLAG, "whether it was trusted as it was before"),
        Field("problem", optional(TEXT), "why it was left out whole"),
        Field("sha256", optional(WORDS), path=lambda file: file.sha256 or None),
        Field("notes", NUMBER, "how many", lambda file: len(file.notes)),
    ),
)
NOTES_REPORT = Table(
    "notes",
    "The files of notes that are read, and the notes in them.",
    (
        Field("files", list_of(_NOTES_FILE.inline())),
        Field("notes", NOTES, "", lambda it: [note for file in it.files for note in file.notes]),
        Field("missing", GAPS),
    ),
    version=1,
)

# -- what portbook can see --------------------------------------------------------------------

_IN_USE = Table(
    "registry_in_use",
    "",
    (
        Field("as_of", WORDS),
        Field("days", optional(NUMBER), "its age"),
        Field("kept", FLAG, "false: the one that came with portbook"),
        Field("notes", TEXTS, "what is wrong with a newer one"),
    ),
)
_EXTRA = Table(
    "extra",
    "",
    (
        Field("name", WORDS),
        Field("installed", FLAG, path=lambda extra: not extra.lacking),
        Field("lacking", NAMES, "the modules that aren't there"),
    ),
)
DOCTOR = Table(
    "doctor",
    "What portbook can see on this machine, and what its answers rest on.",
    (
        Field("version", WORDS),
        Field("python", WORDS, path="checkup.python"),
        Field("system", WORDS, path="checkup.system"),
        Field("uid", optional(NUMBER), "who asked", "checkup.uid"),
        Field("sockets", NUMBER, "how many listen or are bound", "checkup.sockets"),
        Field("owned", NUMBER, "how many of them have an owner that was seen", "checkup.owned"),
        Field("registry", _IN_USE.inline(), path="checkup.registry"),
        Field("extras", list_of(_EXTRA.inline()), path="checkup.extras"),
        Field("notes", list_of(_NOTES_FILE.inline()), "the files of notes", "checkup.notes"),
        Field("missing", GAPS, "what could not be seen"),
    ),
    version=1,
)
