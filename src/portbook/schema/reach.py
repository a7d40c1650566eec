"""From where a port can be reached, as JSON.

As in :mod:`portbook.schema.answers`, a table reads a report's attributes by name.
"""

from __future__ import annotations

from portbook.model.reach import Outcome
from portbook.schema.codecs import FLAG, NUMBER, PORT, TEXT, WORDS, closed, list_of, optional
from portbook.schema.findings import TEXTS
from portbook.schema.records import GAPS, NAMES, TRANSPORT
from portbook.schema.sockets import FAMILY, LISTENERS, NOT_EVALUATED, OWNER, VISIBILITY
from portbook.schema.tables import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RULE = Table(
    "rule",
    "",
    (
        Field("text", TEXT, "the rule in its tool's words"),
        Field("where", TEXT, "family, table and chain"),
    ),
)
_RULES = list_of(_RULE.inline())
_DOUBTS = list_of(NOT_EVALUATED.inline())
_ORIGIN = Table(
    "origin",
    "",
    (
        Field("source", WORDS, "this-machine, anywhere or a network; the most specific one holds"),
        Field("family", FAMILY),
        Field("interface", optional(TEXT), "by which it comes in"),
        Field("answer", closed(Outcome), "what becomes of a new connection"),
        Field("rules", _RULES, "those that decide"),
        Field("delivered_to", optional(PORT), "the port where it ends"),
        Field("delivered_address", optional(WORDS), "the address, where NAT changes either"),
        Field("later", _RULES, "those that stop it once it stands, or may"),
        Field("source_ports", _RULES, "those that treat other source ports differently"),
        Field(
            "barrier",
            optional(
                closed(
                    (
                        "loopback",
                        "link-local",
                        "not-here",
                        "interface-down",
                        "no-address",
                        "no-route",
                        "strict-source",
                        "no-listener",
                    )
                )
            ),
            "what stops it besides rules; no-listener: a rule sends it where nothing listens",
        ),
        Field(
            "answers_by", optional(TEXT), "another interface, by which answers leave; then unknown"
        ),
        Field("further", NUMBER, "networks of the same answer that aren't listed"),
        Field("not_evaluated", _DOUBTS, "what makes the answer unknown"),
    ),
)
_END = Table(
    "end",
    "",
    (
        Field("address", WORDS),
        Field("port", PORT),
        Field("listeners", LISTENERS, "empty: what answers there can't be seen"),
    ),
)
_SOCKET_REACH = Table(
    "socket_reach",
    "",
    (
        Field("address", optional(WORDS), "null: nothing is bound",
              lambda it: None if it.listener is None else it.listener.socket.address),
        Field("interface", optional(TEXT), "the one it is bound to",
              lambda it: None if it.listener is None else it.listener.socket.interface),
        Field("owners", list_of(OWNER.codec()), "",
              lambda it: () if it.listener is None else it.listener.ownership.owners),
        Field("from", list_of(_ORIGIN.inline()), "from where", "origins"),
    ),
)  # fmt: skip
_REACH_ANSWER = Table(
    "reach_answer",
    "",
    (
        Field("address", WORDS),
        Field("program", optional(TEXT), "null: not visible, or nothing answers",
              lambda it: _first_owner(it, "program")),
        Field("pid", optional(NUMBER), "", lambda it: _first_owner(it, "pid")),
        Field("listeners", LISTENERS, "of several any may answer"),
        Field("answer", closed(Outcome), "whether rules let the connection through", "outcome"),
        Field("rules", _RULES),
        Field("delivered_to", optional(PORT), "where a rule sends it to another port"),
        Field("delivered_address", optional(WORDS)),
        Field("not_evaluated", _DOUBTS, "what may decide otherwise"),
    ),
)  # fmt: skip
_CONFIGURED = Table(
    "configured",
    "",
    (
        Field("tool", closed(("ufw", "firewalld"))),
        Field("enabled", optional(FLAG)),
        Field("rules", optional(TEXTS), "those for the port; null: not readable"),
        Field("otherwise", optional(TEXT), "what becomes of everything else"),
        Field("source", TEXT, "the file"),
    ),
)


def _first_owner(answer: Any, name: str) -> Any:
    owners = answer.listeners[0].ownership.owners if answer.listeners else ()
    return getattr(owners[0], name) if owners else None


REACH = Table(
    "reach",
    "From where a port can be reached, and who answers on a name.",
    (
        Field("port", PORT),
        Field("transport", TRANSPORT),
        Field("visibility", VISIBILITY),
        Field("missing", GAPS, "what could not be seen"),
        Field("filters", NAMES, "what filters packets here; the first is in charge"),
        Field("configured", list_of(_CONFIGURED.inline()),
              "what files say, where the rules in force may not be read"),
        Field("sockets", list_of(_SOCKET_REACH.inline())),
        Field("ends", list_of(_END.inline()),
              "where rules send connections on: to another port, to a container"),
        Field("name", optional(TEXT), "the name or address that was asked about"),
        Field("answers", optional(list_of(_REACH_ANSWER.inline())), "null: no name was given"),
        Field("not_evaluated", _DOUBTS,
              "what else handles packets here; where it may decide, `missing` has it too"),
    ),
    version=1,
)  # fmt: skip
