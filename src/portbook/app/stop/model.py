"""What is seen of a port that is to be stopped, and what a plan about it is made of."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model import PortRules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.host.containers import Published
    from portbook.host.linux.connections import Connection
    from portbook.host.linux.process_tree import Own, Relative
    from portbook.host.process_control import Identity
    from portbook.model import Gap, Listener, Transport

# The code of a refusal -> what it means; the documentation shows this table.
REFUSALS = {
    "nothing-there": "nothing listens on the port here",
    "other-namespace": "it is in use in another network namespace of this machine",
    "not-listening": "a socket is bound there and doesn't listen: it may be a client's",
    "maybe-client": "a UDP socket in this machine's dynamic range: it may be a client's",
    "kernel": "the kernel itself holds it: there is no process to stop",
    "owner-hidden": "which process holds it can't be seen by this user",
    "owner-inferred": "which process holds it was inferred, not seen",
    "first-process": "the machine's first process holds it, for nobody that could be found",
    "own-line": "this program runs inside of what would be stopped",
    "ssh-connection": "the connection that this program is used through arrives there",
    "port-forwarder": "a container's port is passed on, by which container could not be found out",
    "container-manager": "something that starts containers again runs it",
    "replaced": "the process that held it is gone, and another one has its number",
}


class Scene(NamedTuple):
    """All that was seen of a port, and of this process, a moment ago.

    ``listeners`` are those on the port that were asked about, with all owners; ``others`` what the
    same owners hold on other ports; ``identities`` is None for a process that is gone or was
    replaced since its socket was seen. ``blind`` says that sockets of this network namespace itself
    may have been left out. ``systemd`` says whether systemd runs this machine.
    """

    port: int
    transport: Transport | None
    address: str | None
    listeners: tuple[Listener, ...]
    own: Own
    identities: Mapping[int, Identity | None]
    processes: Mapping[int, Relative] = {}
    others: tuple[Listener, ...] = ()
    connections: tuple[Connection, ...] = ()
    elsewhere: tuple[tuple[str, Listener], ...] = ()
    published: tuple[Published, ...] = ()
    rules: PortRules = PortRules("")
    systemd: bool = False
    user: int = 0
    missing: tuple[Gap, ...] = ()
    blind: bool = False


class Step(NamedTuple):
    """One thing to do: a manager's command to run, or processes to send a signal.

    ``command`` is what is run, or for signals what a user would type. ``targets`` are the
    processes that it is meant for, the ones signalled first before the others; ``sockets`` the
    inodes that they hold on the port.
    """

    manager: bool
    command: tuple[str, ...]
    what: str
    targets: tuple[Identity, ...]
    later: tuple[Identity, ...] = ()
    sockets: tuple[int, ...] = ()


class Refusal(NamedTuple):
    """What is not stopped, why, and what to do instead."""

    code: str
    message: str
    mend: str | None = None
    socket: str | None = None


class LossKind(StrEnum):
    """What can go with what is stopped."""

    CONNECTIONS = "connections"
    CHILDREN = "children"
    SOCKETS = "sockets"
    UNIT = "unit"


class Loss(NamedTuple):
    """What goes with what is stopped: so many, and what they are called.

    ``names`` are peers' addresses, processes as ``sh (812)``, or sockets; each once.
    """

    kind: LossKind
    number: int
    names: tuple[str, ...]


class Plan(NamedTuple):
    """What would be done about a port, and what not."""

    scene: Scene
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    losses: tuple[Loss, ...]
    notes: tuple[str, ...] = ()
