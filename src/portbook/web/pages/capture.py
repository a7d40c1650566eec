"""What the site's page of a capture says: its sockets in rows, and the lines not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.formats.sockets.detect import FORMATS
from portbook.present.escape import one_line
from portbook.present.owners import Viewer
from portbook.present.views.explain import told
from portbook.web.local.panel import Rows

if TYPE_CHECKING:
    from portbook.app.explain import ExplainAnswer

MOST_ROWS, MOST_LINES = 1000, 100
_EXAMPLE = """\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=712,fd=3))
tcp   LISTEN 0      511        127.0.0.1:3000      0.0.0.0:*    users:(("node",pid=4410,fd=19))
tcp   LISTEN 0      128          0.0.0.0:6379      0.0.0.0:*    users:(("redis-server",pid=81,fd=6))
udp   UNCONN 0      0            0.0.0.0:123       0.0.0.0:*    users:(("chronyd",pid=690,fd=5))
"""


# What to run where nothing is at hand yet: the output of each is read.
_COMMANDS = (
    ("Linux", "sudo ss -tulnp"),
    ("macOS", "sudo lsof -nP -iTCP -sTCP:LISTEN -iUDP"),
    ("Windows", "netstat -ano"),
    ("Containers", "docker ps"),
)


def of_capture(answer: ExplainAnswer | None) -> dict[str, Any]:
    """What the page says of *answer*; None where nothing was given yet."""
    known = [form.title for form in FORMATS.values()]
    if answer is None:
        return {"answered": False, "known": known, "commands": _COMMANDS, "example": _EXAMPLE}
    rows, of = [], Rows(answer.standings, Viewer())
    for each in answer.sockets[:MOST_ROWS]:
        key = (each.socket.port, each.socket.transport)
        products = list(dict.fromkeys(use.product for use in answer.uses[key]))
        more = f" and {len(products) - 3} more" if len(products) > 3 else ""
        practice = ", ".join(products[:3]) + more
        rows.append({**of.row(each), "practice": one_line(practice)})
    return {
        "answered": True,
        "known": known,
        "commands": _COMMANDS,
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
