"""How a wait for a port ended, as text."""

from __future__ import annotations

from portbook.model import host_port
from portbook.model.gap import hide_sockets
from portbook.present.owners import owner_phrase, unseen_owner
from portbook.present.phrases import gap_sentences
from portbook.present.render.text import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.wait import Waited, WaitRequest
    from portbook.model import Listener
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style


def render_waited(waited: Waited, to: Viewer, style: Style) -> str:
    """What came of a wait: what listens, or that nothing does, and what to do next."""
    first, *rest = _sentences(waited, to)
    lines = [style.bold(line) for line in wrap(first, style.width)]
    for sentence in rest:
        lines += wrap(sentence, style.width, "  ")
    return "".join(f"{line}\n" for line in lines)


def waiting_for(request: WaitRequest) -> str:
    """What is waited for, while it is.

    >>> from portbook.app.wait import WaitRequest
    >>> waiting_for(WaitRequest(3000)), waiting_for(WaitRequest(3000, free=True, timeout=None))
    ('waiting up to 60 s for a listener on 3000', 'waiting for 3000 to be free')
    """
    limit = "" if request.timeout is None else f" up to {seconds(request.timeout)}"
    what = f"{name_of(request)} to be free" if request.free else f"a listener on {name_of(request)}"
    return f"waiting{limit} for {what}"


def name_of(request: WaitRequest) -> str:
    """The port that is waited for, as ``3000/tcp`` or ``127.0.0.1:3000``."""
    port = str(request.port)
    if request.address is not None:
        port = host_port(request.address, request.port)
    return port if request.transport is None else f"{port}/{request.transport}"


def seconds(time: float) -> str:
    """*time* in seconds with one digit behind the point where that tells anything.

    >>> seconds(0.04), seconds(2.13), seconds(60.0)
    ('0 s', '2.1 s', '60 s')
    """
    return f"{time:.1f}".removesuffix(".0") + " s"


def _sentences(waited: Waited, to: Viewer) -> Iterator[str]:
    request, name = waited.request, name_of(waited.request)
    after = f"after {seconds(waited.seconds)}"
    already = "" if round(waited.seconds, 1) else "already "
    later = "" if already else f" {after}"
    listeners = waited.listeners
    listening = [each for each in listeners if each.socket.listens]
    if waited.met is None:
        yield f"portbook can't tell whether anything listens on {name}."
    elif request.free and waited.met:
        unseen = hide_sockets(waited.missing)
        yield f"{name} is {already}free{later}" + (
            ", as far as portbook can see." if unseen else "."
        )
    elif request.free:
        yield f"{name} is still in use {_in_vain(waited)}."
        yield from _held(listeners, to)
        hidden = not to.is_root and any(not each.ownership.owners for each in listeners)
        yield f"Stop it: {'sudo ' if hidden else ''}portbook stop {_typed(request)}"
    elif waited.met:
        yield f"Something {already}listens on {name}{later}."
        yield from _held(listening, to)
    else:
        yield f"Nothing listens on {name} {_in_vain(waited)}."
        yield from _held(listeners, to, " is bound by")
        yield f"Try to bind it: portbook why {_typed(request)}"
    if waited.met is None or hide_sockets(waited.missing):
        for reason in gap_sentences(waited.missing):
            yield f"Not seen: {reason}"


def _typed(request: WaitRequest) -> str:
    """The port as another command takes it."""
    return str(request.port) + ("" if request.transport is None else f"/{request.transport}")


def _in_vain(waited: Waited) -> str:
    """How long was waited: as long as was asked for, which a busy machine makes a little longer."""
    limit = waited.request.timeout
    return f"after {seconds(waited.seconds if limit is None else limit)}"


def _held(listeners: Iterable[Listener], to: Viewer, verb: str = "") -> Iterator[str]:
    for listener in listeners:
        socket, owners = listener.socket, listener.ownership.owners
        owner = owner_phrase(owners[0], to) if owners else unseen_owner(listener, to)
        doing = verb or (":" if socket.listens else " is bound by")
        yield f"{socket.transport} {host_port(socket.address, socket.port)}{doing} {owner}"
