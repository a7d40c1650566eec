"""What is seen of a port that is to be stopped, and what a plan about it is made of."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.app.socket_filter import is_called
from portbook.model import PortRules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.host.containers import Published
    from portbook.host.linux.connections import Connection
    from portbook.host.linux.process_tree import CurrentProcess, Relative
    from portbook.host.process_control import Identity
    from portbook.model import Facts, Gap, Listener, Process, Transport


class RefusalCode(StrEnum):
    """Why something is left alone."""

    NOTHING_THERE = "nothing-there"
    OTHER_NAMESPACE = "other-namespace"
    NOT_LISTENING = "not-listening"
    MAYBE_CLIENT = "maybe-client"
    KERNEL = "kernel"
    OWNER_HIDDEN = "owner-hidden"
    OWNER_INFERRED = "owner-inferred"
    FIRST_PROCESS = "first-process"
    OWN_LINE = "own-line"
    SSH_CONNECTION = "ssh-connection"
    PORT_FORWARDER = "port-forwarder"
    CONTAINER_MANAGER = "container-manager"
    REPLACED = "replaced"
    NOT_NAMED = "not-named"
    SEVERAL_PROGRAMS = "several-programs"


# What each means; the documentation shows this table.
REFUSALS = {
    RefusalCode.NOTHING_THERE: "nothing listens on the port",
    RefusalCode.OTHER_NAMESPACE: "it is in use in another network namespace of this machine",
    RefusalCode.NOT_LISTENING: "a socket is bound there and doesn't listen: it may be a client's",
    RefusalCode.MAYBE_CLIENT: "a UDP socket in this machine's dynamic range: it may be a client's",
    RefusalCode.KERNEL: "the kernel itself holds it: there is no process to stop",
    RefusalCode.OWNER_HIDDEN: "this user can't see which process holds it",
    RefusalCode.OWNER_INFERRED: "its owner was inferred, not seen",
    RefusalCode.FIRST_PROCESS: "the first process (pid 1) holds it, for a unit that "
    "could not be found",
    RefusalCode.OWN_LINE: "portbook itself runs inside what would be stopped",
    RefusalCode.SSH_CONNECTION: "your own SSH connection comes in there",
    RefusalCode.PORT_FORWARDER: "it forwards the port to a container, and which one is unknown",
    RefusalCode.CONTAINER_MANAGER: "it runs in a container that its manager would start again",
    RefusalCode.REPLACED: "the process that held it is gone, and another one has its number",
    RefusalCode.NOT_NAMED: "another program holds it than the one that is named",
    RefusalCode.SEVERAL_PROGRAMS: "several programs hold the port or the range, and none is named",
}


class Named(NamedTuple):
    """Which programs of a port are meant, by number or by name; all of them where both are empty.

    A name is a whole one or a pattern (``python*``), in either case: part of a name would stop what
    nobody thought of.
    """

    pids: tuple[int, ...] = ()
    programs: tuple[str, ...] = ()

    def takes(self, listener: Listener) -> bool:
        """Whether an owner of *listener* is meant."""
        if not any(self):
            return True
        pids = {owner.pid for owner in listener.ownership.owners}
        return not pids.isdisjoint(self.pids) or any(
            is_called(listener, program) for program in self.programs
        )


ANY_PROGRAM = Named()


class Scene(NamedTuple):
    """All that was seen of a port, and of this process, a moment ago.

    ``listeners`` are those on the port that were asked about, with all owners; ``others`` what the
    same owners hold on other ports; ``identities`` is None for a process that is gone or was
    replaced since its socket was seen. ``blind`` says that sockets of this network namespace itself
    may have been left out. ``systemd`` says whether systemd runs this machine. ``named`` says which
    programs are meant; ``beside`` are sockets on the port of those that are not.
    """

    port: int
    transport: Transport | None
    address: str | None
    listeners: tuple[Listener, ...]
    own: CurrentProcess
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
    named: Named = ANY_PROGRAM
    beside: tuple[Listener, ...] = ()


class StepKind(StrEnum):
    """How something is stopped."""

    MANAGER = "manager"  # by a command of what manages it
    SIGNAL = "signal"


class Step(NamedTuple):
    """One thing to do: a manager's command to run, or processes to send a signal.

    ``command`` is what is run, or for signals what a user would type. ``targets`` are the
    processes that it is meant for, ``later`` those that get a signal only where they outlive them;
    ``sockets`` are the inodes that they hold on the port.

    ``facts`` are, for systemd, ``manager`` and ``units``; for a container ``manager``,
    ``container`` and its ``name``; for a signal ``runs`` and ``later_runs``, what the processes
    are called by what they run, in their order.
    """

    kind: StepKind
    command: tuple[str, ...]
    facts: Facts
    targets: tuple[Identity, ...]
    later: tuple[Identity, ...] = ()
    sockets: tuple[int, ...] = ()


class Refusal(NamedTuple):
    """What is not stopped, and why: a code, named facts, and the socket that it is about.

    ``facts`` are named where the refusal is made, ``why`` among them where a code has several
    reasons.
    """

    code: RefusalCode
    facts: Facts = ()
    listener: Listener | None = None

    @property
    def socket(self) -> str | None:
        """The name of the socket; None where it is about none."""
        return None if self.listener is None else self.listener.socket.name

    @property
    def kind(self) -> tuple[object, ...]:
        """What is the same for two sockets of one program that share an address and a port."""
        if self.listener is None:
            return self.code, self.facts
        socket, ownership, _ = self.listener
        return self.code, self.facts, socket.name, ownership, socket.uid, socket.user


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
    """What would be done about a port, and what not.

    ``foreign`` are the processes to signal that belong to another user than this one.
    """

    scene: Scene
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    losses: tuple[Loss, ...]
    foreign: tuple[Process, ...] = ()
