"""Sockets as JSON objects: this machine's or a capture's, with their owners and findings."""

from __future__ import annotations

from portbook.model import Listener
from portbook.schema.sockets import EVENT, LISTENER, LISTENER_ROW, REDIRECT_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.host.firewall.rules import Redirect

# One socket; text of its processes is escaped where it isn't text.
of_listener = LISTENER.encode
# ``portbook/watch/1``: what happened to one socket, and as what it was known before.
of_event = EVENT.encode


def of_row(row: Listener | Redirect) -> dict[str, Any]:
    """``portbook/listener/1`` or ``portbook/redirect/1``: one row of ``listen`` on its own."""
    return (LISTENER_ROW if isinstance(row, Listener) else REDIRECT_ROW).encode(row)
