"""What it takes to stop what listens on a port, and what must not be stopped. Pure.

:func:`plan` weighs a :class:`Scene`, all that was seen a moment ago, and changes nothing;
:mod:`portbook.app.stop.executor` carries a plan out. Whoever manages a process is asked to stop it,
because it would start it again otherwise; a process that nobody manages is sent a signal. What is
merely inferred, or can't be told from a client, is left alone.
"""

from __future__ import annotations

from portbook.app.bind.addresses import takes
from portbook.app.bind.owner_text import holder, how_to_stop
from portbook.app.stop.impact import losses
from portbook.app.stop.model import Plan, Refusal, Scene, Step
from portbook.app.stop.service_managers import RUNTIMES, container, managed
from portbook.model import OwnersSeen, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portbook.host.process_control import Identity
    from portbook.model import Listener, Process


def plan(scene: Scene, *, manager: bool = True) -> Plan:
    """What to do about *scene*; with *manager* false, processes are signalled in any case."""
    refusals: list[Refusal] = []
    wanted: list[Listener] = []
    for listener in scene.listeners:
        refusal = _refusal(scene, listener)
        if refusal is None:
            wanted.append(listener)
        else:
            refusals.append(refusal)
    if not scene.listeners:
        refusals += _nothing(scene)
    steps, more = _steps(scene, wanted, manager)
    refusals += more
    if not scene.listeners and scene.published:
        steps = [container(each.runtime, each.id, each.name, ()) for each in scene.published]
        refusals = []
    notes = tuple(_notes(scene, steps))
    return Plan(
        scene,
        tuple(steps),
        tuple(dict.fromkeys(refusals)),
        tuple(losses(scene, steps)),
        notes,
    )


# -- what is left alone -----------------------------------------------------------------------


def _nothing(scene: Scene) -> Iterator[Refusal]:
    kind = "" if scene.transport is None else f"/{scene.transport}"
    where = "" if scene.address is None else f" on {scene.address}"
    for name, listener in scene.elsewhere:
        who = holder(
            listener.ownership.owners,
            listener.ownership.seen,
            listener.socket.user,
            listener.socket.uid,
        )
        yield Refusal(
            "other-namespace",
            f"{who} has {listener.socket.name} in another network namespace ({name}), where "
            "portbook doesn't reach.",
            _elsewhere_mend(listener, name),
            listener.socket.name,
        )
    if not scene.elsewhere:
        seen = " that can be seen" if scene.blind else ""
        yield Refusal(
            "nothing-there",
            f"Nothing{seen} listens on {scene.port}{kind}{where} here.",
            f"If a bind fails nevertheless: portbook why {scene.port}{kind}",
        )


def _elsewhere_mend(listener: Listener, name: str) -> str:
    for owner in listener.ownership.owners:
        runtime, _, number = (owner.container or "").partition(":")
        if runtime in RUNTIMES:
            return f"Stop its container: {runtime} stop {number}"
    return f"Stop it where it runs: in {name}."


def _refusal(scene: Scene, listener: Listener) -> Refusal | None:
    """Why *listener* is left alone; None where nothing speaks against stopping it."""
    socket, own = listener.socket.name, scene.own
    if listener.socket.state != "listen":
        return Refusal(
            "not-listening",
            f"{_who(listener)} has bound {socket} and doesn't listen: it may be a client about to "
            "connect.",
            how_to_stop(listener),
            socket,
        )
    for address, port in own.ssh:
        tcp = listener.socket.transport is Transport.TCP
        if tcp and port == listener.socket.port and takes(listener, address):
            return Refusal(
                "ssh-connection",
                f"The connection through which you are here arrives at {socket}: stopping what "
                "listens there could lock you out.",
                "Do it from the machine's console.",
                socket,
            )
    line = set(own.line)
    accepted = [each for each in scene.connections if each.port == listener.socket.port]
    through = {owner.pid for each in accepted for owner in each.owners}
    # A manager of services that holds a socket for one of them is not ended with it.
    pids = {owner.pid for owner in listener.ownership.owners if not owner.activates}
    if line & (pids - {1}) or line & (through - {1}):
        return _own_line(listener)
    # Only what was seen is sure: whatever else may come to be known of owners is not.
    if (
        listener.ownership.seen not in (OwnersSeen.ALL, OwnersSeen.FIRST)
        or not listener.ownership.owners
    ):
        code = _UNSEEN.get(listener.ownership.seen, "owner-hidden")
        return Refusal(code, *_unseen(listener), socket)
    if _maybe_client(scene, listener):
        low, high = scene.rules.dynamic or (0, 0)
        return Refusal(
            "maybe-client",
            f"{_who(listener)} has {socket}, a UDP socket in {low}–{high}, from which this machine "
            "hands out ports: it may be a client's.",
            f"If it is a server's: portbook stop {listener.socket.port}/udp",
            socket,
        )
    return None


def _own_line(listener: Listener) -> Refusal:
    return Refusal(
        "own-line",
        f"{_who(listener)} holds {listener.socket.name}, and this very program runs inside of it.",
        "Do it from somewhere else: another login, or the console.",
        listener.socket.name,
    )


_UNSEEN = {
    OwnersSeen.KERNEL: "kernel",
    OwnersSeen.NONE: "kernel",
    OwnersSeen.INFERRED: "owner-inferred",
}


def _who(listener: Listener) -> str:
    return holder(
        listener.ownership.owners,
        listener.ownership.seen,
        listener.socket.user,
        listener.socket.uid,
    )


def _unseen(listener: Listener) -> tuple[str, str]:
    who = _who(listener)
    if listener.ownership.seen in (OwnersSeen.KERNEL, OwnersSeen.NONE):
        said = f"{who} holds {listener.socket.name}: there is no process to stop."
        return said, "Take away what made it in the kernel (a tunnel, NFS, a module)."
    user = (
        "root"
        if not listener.socket.uid
        else f"root, or as {listener.socket.user or listener.socket.uid}"
    )
    said = f"{who} holds {listener.socket.name}"
    if listener.ownership.seen is OwnersSeen.INFERRED:
        return f"{said}; that was inferred, and nothing is stopped on a guess.", f"Ask as {user}."
    return f"{said}.", f"Ask as {user}."


def _maybe_client(scene: Scene, listener: Listener) -> bool:
    if listener.socket.transport is not Transport.UDP or scene.transport is Transport.UDP:
        return False
    return scene.rules.hands_out(listener.socket.port)


# -- what to do -------------------------------------------------------------------------------


def _steps(
    scene: Scene, wanted: Iterable[Listener], manager: bool
) -> tuple[list[Step], list[Refusal]]:
    """Commands of managers first, each once; then one step for all that gets a signal."""
    commands: dict[tuple[str, ...], Step] = {}
    plain: dict[int, Process] = {}
    refusals: list[Refusal] = []
    inodes: dict[int, set[int]] = {}
    for listener in wanted:
        found: list[Step] = []
        for owner in listener.ownership.owners:
            if listener.socket.inode is not None:
                inodes.setdefault(owner.pid, set()).add(listener.socket.inode)
            step = _step(scene, listener, owner, manager)
            if isinstance(step, Refusal):
                refusals.append(step._replace(socket=listener.socket.name))
                found = []
                break
            if step is None:
                plain[owner.pid] = owner
            else:
                found.append(step)
        for step in found:
            old = commands.get(step.command)
            commands[step.command] = step if old is None else _joined(old, step)
    refused = {each.socket for each in refusals}
    for listener in wanted:  # a socket that is refused keeps all of its owners
        if listener.socket.name in refused:
            for owner in listener.ownership.owners:
                plain.pop(owner.pid, None)
    steps = [
        step._replace(
            sockets=tuple(sorted({i for t in step.targets for i in inodes.get(t.pid, ())}))
        )
        for step in commands.values()
    ]
    signalled, more = _signalled(scene, list(plain.values()), inodes)
    return steps + signalled, refusals + more


def _step(scene: Scene, listener: Listener, owner: Process, manager: bool) -> Step | Refusal | None:
    """What stops *owner* by its manager, or why nothing may; None where it gets a signal."""
    step = managed(scene, owner, listener.socket.port) if manager or owner.pid == 1 else None
    if step is None and owner.pid in scene.own.line:
        # A manager of services would be signalled itself where it isn't asked to stop one.
        return _own_line(listener)
    return step


def _joined(one: Step, other: Step) -> Step:
    return one._replace(targets=tuple(dict.fromkeys(one.targets + other.targets)))


def _signalled(
    scene: Scene, owners: list[Process], inodes: Mapping[int, set[int]]
) -> tuple[list[Step], list[Refusal]]:
    """The step for the processes that nobody manages: those that started the others first."""
    refusals = []
    identities: dict[int, Identity] = {}
    for owner in owners:
        identity = scene.identities.get(owner.pid)
        if identity is None:
            refusals.append(
                Refusal(
                    "replaced",
                    f"{owner.program} (pid {owner.pid}) has ended, or let go of the port, since it "
                    "was seen.",
                    "Ask again.",
                )
            )
        else:
            identities[owner.pid] = identity
    if not identities:
        return [], refusals
    first: list[Identity] = []
    later: list[Identity] = []
    for owner in owners:
        if owner.pid in identities:
            above = any(pid in identities for pid, _ in owner.ancestors)
            (later if above else first).append(identities[owner.pid])
    names = {owner.pid: owner.program or "?" for owner in owners}
    said = ", ".join(f"{names[each.pid]} ({each.pid})" for each in first)
    if later:
        said += f", and with it {', '.join(f'{names[each.pid]} ({each.pid})' for each in later)}"
    sockets = tuple(sorted({inode for pid in identities for inode in inodes.get(pid, ())}))
    command = ("kill", "-TERM", *(str(each.pid) for each in first))
    return [Step(False, command, said, tuple(first), tuple(later), sockets)], refusals


def _notes(scene: Scene, steps: Iterable[Step]) -> Iterator[str]:
    owners = {owner.pid: owner for each in scene.listeners for owner in each.ownership.owners}
    for step in steps:
        for target in step.targets:
            owner = owners.get(target.pid)
            if owner is not None and scene.user not in (0, owner.uid) and not step.manager:
                yield (
                    f"pid {owner.pid} belongs to {owner.user or owner.uid}: only that user or root "
                    "may end it."
                )
