"""Sockets as JSON objects: this machine's or a capture's, with their owners and findings."""

from __future__ import annotations

from portbook.model import Listener
from portbook.schema.sockets import EVENT, LISTENER, LISTENER_ROW, REDIRECT_ROW
from portbook.schema.tables import Computing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from portbook.host.firewall.rules import Redirect


def _sentences() -> Mapping[str, Callable[[Any], Any]]:
    from portbook.present.phrases.causes import cause_mend, cause_message
    from portbook.present.phrases.evidence import evidence_lines
    from portbook.present.phrases.findings import finding_message
    from portbook.present.phrases.losses import loss_message

    return {
        "cause.mend": cause_mend,
        "cause.message": cause_message,
        "finding.evidence": evidence_lines,
        "finding.message": finding_message,
        "lost.message": loss_message,
    }


# The tables of :mod:`portbook.schema` with the sentences that they leave to whoever shows them.
phrased = Computing(_sentences)
# One socket; text of its processes is escaped where it isn't text.
of_listener = phrased(LISTENER).encode
# ``portbook/watch/1``: what happened to one socket, and as what it was known before.
of_event = phrased(EVENT).encode


def of_row(row: Listener | Redirect) -> dict[str, Any]:
    """``portbook/listener/1`` or ``portbook/redirect/1``: one row of ``listen`` on its own."""
    return (_LISTENER_ROW if isinstance(row, Listener) else REDIRECT_ROW).encode(row)


_LISTENER_ROW = phrased(LISTENER_ROW)
