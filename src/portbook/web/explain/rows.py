"""What the page of a capture is given: its sockets in words, with everything hostile plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.formats.sockets.detect import FORMATS
from portbook.present.escape import one_line
from portbook.present.views.explain import told
from portbook.web.local.panel import row_of

if TYPE_CHECKING:
    from portbook.app.explain import ExplainAnswer

MOST_ROWS, MOST_LINES = 1000, 100


def of_capture(answer: ExplainAnswer | None) -> dict[str, Any]:
    """What the page says of *answer*; None where nothing was given yet."""
    known = [form.title for form in FORMATS.values()]
    if answer is None:
        return {"answered": False, "known": known}
    rows = []
    for each in answer.sockets[:MOST_ROWS]:
        key = (each.socket.port, each.socket.transport)
        products = list(dict.fromkeys(use.product for use in answer.uses[key]))
        more = f" and {len(products) - 3} more" if len(products) > 3 else ""
        practice = ", ".join(products[:3]) + more
        rows.append({**row_of(each, answer.standings[key]), "practice": one_line(practice)})
    return {
        "answered": True,
        "known": known,
        "form": answer.title,
        "count": len(answer.sockets),
        "rows": rows,
        "more": max(0, len(answer.sockets) - MOST_ROWS),
        "told": list(told(answer)),
        "unread": answer.unread,
        "lines": [
            {"number": line.number, "text": one_line(line.text), "why": one_line(line.why or "")}
            for line in answer.not_understood[:MOST_LINES]
        ],
        "more_lines": max(0, len(answer.not_understood) - MOST_LINES),
    }
