"""The next port that is free, beside one that is in use."""

from __future__ import annotations

from portbook.host.host_reader import NEARBY
from portbook.model import LAST_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.host.host_reader import HostReader
    from portbook.model import Host, Transport


def free_beside(seen: Host, port: int, transport: Transport | None, host: HostReader) -> int | None:
    """The next port above *port* on which nothing is bound on *host*.

    None where nothing of what was *seen* is bound to *port* itself, or no free one is near. From a
    port that needs no privilege it never leads to one that does.
    """
    if not any(each.socket.namespace is None for each in seen.listeners) or port == LAST_PORT:
        return None
    last = min(port + NEARBY, LAST_PORT)
    taken = host.taken_ports(port + 1, last, transport)
    return next((each for each in range(port + 1, last + 1) if each not in taken), None)
