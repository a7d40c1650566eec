"""A capture explained, as JSON objects (``docs/json.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.present.escape import unbyte
from portbook.present.render.port_json import of_sources
from portbook.present.render.sockets_json import of_listener

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from portbook.app.explain import ExplainAnswer
    from portbook.formats.fields import Line

    Object = dict[str, Any]


def of_explain(answer: ExplainAnswer) -> Object:
    """``portbook/explain/1``; ``changes`` is null where no older capture was given."""
    changes = answer.changes
    return {
        "schema": "portbook/explain/1",
        "format": answer.format or None,
        "sockets": [of_listener(listener) for listener in answer.sockets],
        "not_understood": [_line(line) for line in answer.not_understood],
        "left_out": dict(answer.left_out),
        "changes": None
        if changes is None
        else {
            "opened": [of_listener(listener) for listener in changes.opened],
            "closed": [of_listener(listener) for listener in changes.closed],
            "changed": [
                {"before": of_listener(before), "after": of_listener(after)}
                for before, after in changes.changed
            ],
            "same": changes.same,
            "untold": changes.untold,
        },
        "sources": of_sources(answer.sources),
    }


def of_unread(line: Line) -> Object:
    """``portbook/not-understood/1``: a line, or lines, of a capture that no reader understood."""
    return {"schema": "portbook/not-understood/1", **_line(line)}


def of_explained(
    format_name: str, sockets: int, unread: int, left_out: Mapping[str, int]
) -> Object:
    """``portbook/explained/1``: the end of a stream of rows, with their counts."""
    return {
        "schema": "portbook/explained/1",
        "format": format_name,
        "sockets": sockets,
        "not_understood": unread,
        "left_out": dict(left_out),
    }


def _line(line: Line) -> Object:
    return {
        "line": line.number,
        "lines": line.many,
        "text": unbyte(line.text),
        "why": None if line.why is None else unbyte(line.why),
    }
