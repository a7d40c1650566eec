"""The sentences for what goes with what is stopped."""

from __future__ import annotations

from portbook.app.stop.model import LossKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.stop.model import Loss

_MOST = 4  # names
# One of them, and several.
_PHRASES = {
    LossKind.CONNECTIONS: ("1 connection", "{} connections"),
    LossKind.CHILDREN: ("1 child", "{} children"),
    LossKind.SOCKETS: ("what it listens on besides", "what it listens on besides"),
    LossKind.UNIT: ("1 process of the same unit", "{} processes of the same unit"),
}


def loss_message(loss: Loss) -> str:
    """What is lost, as the rest of a sentence.

    >>> from portbook.app.stop.model import Loss
    >>> loss_message(Loss(LossKind.CHILDREN, 2, ("sh (812)", "sleep (813)")))
    '2 children: sh (812), sleep (813)'
    """
    one, several = _PHRASES[loss.kind]
    more = len(loss.names) - _MOST
    rest = f" and {more} more" if more > 0 else ""
    many = one if loss.number == 1 else several.format(loss.number)
    return f"{many}: {', '.join(loss.names[:_MOST])}{rest}"
