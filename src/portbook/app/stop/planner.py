"""What it takes to stop what listens on a port, and what must not be stopped. Pure.

:func:`plan` weighs a :class:`Scene`, all that was seen a moment ago, and changes nothing;
:mod:`portbook.app.stop.executor` carries a plan out. Whoever manages a process is asked to stop it,
because it would start it again otherwise; a process that nobody manages is sent a signal. What is
merely inferred, or can't be told from a client, is left alone.
"""

from __future__ import annotations

from portbook.app.bind.addresses import takes
from portbook.app.stop.impact import losses, unrelated
from portbook.app.stop.model import Plan, Refusal, RefusalCode, Scene, Step, StepKind
from portbook.app.stop.service_managers import RUNTIMES, container, managed
from portbook.model import OwnersSeen, Transport
from portbook.model.command_line import run_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    if not scene.listeners and not scene.beside and not any(scene.named) and scene.published:
        steps = [container(each.runtime, each.id, each.name, ()) for each in scene.published]
        refusals = []
    return Plan(
        scene=scene,
        steps=tuple(steps),
        refusals=tuple({refusal.kind: refusal for refusal in refusals}.values()),
        losses=tuple(losses(scene, steps)),
        foreign=tuple(_foreign(scene, steps)),
    )


def hold_back(plans: Sequence[Plan]) -> list[Plan]:
    """*plans*, for what one word asks for, without what would stop several programs unnamed.

    Whoever is asked sees them all first. Without a question, what is meant has to be named.
    """
    meant = [listener for planned in plans for listener in _stopped(planned)]
    containers = [step for each in plans if not each.scene.listeners for step in each.steps]
    if unrelated(meant) + len({step.command for step in containers}) < 2:
        return list(plans)
    return [each if any(each.scene.named) else _held_back(each) for each in plans]


def _stopped(planned: Plan) -> list[Listener]:
    """The sockets on the port whose owners *planned* stops."""
    pids = {each.pid for step in planned.steps for each in (*step.targets, *step.later)}
    return [
        each
        for each in planned.scene.listeners
        if any(owner.pid in pids for owner in each.ownership.owners)
    ]


def _held_back(planned: Plan) -> Plan:
    code = RefusalCode.SEVERAL_PROGRAMS
    refusals = [Refusal(code, (("why", "program"),), each) for each in _stopped(planned)]
    if not planned.scene.listeners:
        refusals += [
            Refusal(code, (("why", "container"), ("command", step.command)))
            for step in planned.steps
        ]
    unique = {each.kind: each for each in (*refusals, *planned.refusals)}
    return planned._replace(steps=(), losses=(), foreign=(), refusals=tuple(unique.values()))


# -- what is left alone -----------------------------------------------------------------------


def _nothing(scene: Scene) -> Iterator[Refusal]:
    for listener in scene.beside:
        yield Refusal(RefusalCode.NOT_NAMED, listener=listener)
    if scene.beside:
        return
    for namespace, listener in scene.elsewhere:
        facts = (("namespace", namespace), *_stopped_by_id(listener))
        yield Refusal(RefusalCode.OTHER_NAMESPACE, facts, listener)
    if not scene.elsewhere:
        where = (("transport", scene.transport), ("address", scene.address))
        about = (("port", scene.port), *where, ("blind", scene.blind))
        yield Refusal(RefusalCode.NOTHING_THERE, about)


def _stopped_by_id(listener: Listener) -> tuple[tuple[str, str], ...]:
    """The runtime that stops the container with *listener*, and its id; empty without one."""
    for owner in listener.ownership.owners:
        runtime, _, number = (owner.container or "").partition(":")
        if runtime in RUNTIMES:
            return ("runtime", runtime), ("container", number)
    return ()


def _refusal(scene: Scene, listener: Listener) -> Refusal | None:
    """Why *listener* is left alone; None where nothing speaks against stopping it."""
    own = scene.own
    if not listener.socket.listens:
        return Refusal(RefusalCode.NOT_LISTENING, listener=listener)
    for address, port in own.ssh:
        tcp = listener.socket.transport is Transport.TCP
        if tcp and port == listener.socket.port and takes(listener, address):
            return Refusal(RefusalCode.SSH_CONNECTION, listener=listener)
    line = set(own.line)
    accepted = [each for each in scene.connections if each.port == listener.socket.port]
    through = {owner.pid for each in accepted for owner in each.owners}
    # A manager of services that holds a socket for one of them is not ended with it.
    pids = {owner.pid for owner in listener.ownership.owners if not owner.activates}
    if line & (pids - {1}) or line & (through - {1}):
        return _own_line(listener)
    # Only what was seen is sure: whatever else may come to be known of owners is not.
    ownership = listener.ownership
    if ownership.seen not in (OwnersSeen.ALL, OwnersSeen.FIRST) or not ownership.owners:
        code = _UNSEEN.get(ownership.seen, RefusalCode.OWNER_HIDDEN)
        return Refusal(code, listener=listener)
    if _maybe_client(scene, listener):
        first, last = scene.rules.dynamic or (0, 0)
        facts = (("port", listener.socket.port), ("first", first), ("last", last))
        return Refusal(RefusalCode.MAYBE_CLIENT, facts, listener)
    return None


def _own_line(listener: Listener) -> Refusal:
    return Refusal(RefusalCode.OWN_LINE, (("why", "inside"),), listener)


_UNSEEN = {
    OwnersSeen.KERNEL: RefusalCode.KERNEL,
    OwnersSeen.NONE: RefusalCode.KERNEL,
    OwnersSeen.INFERRED: RefusalCode.OWNER_INFERRED,
}


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
                refusals.append(step._replace(listener=listener))
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
                Refusal(RefusalCode.REPLACED, (("program", owner.program), ("pid", owner.pid)))
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
    names = {owner.pid: run_name(owner.program, owner.command) or "?" for owner in owners}
    facts = (
        ("runs", tuple([names[target.pid] for target in first])),
        ("later_runs", tuple([names[target.pid] for target in later])),
    )
    sockets = tuple(sorted({inode for pid in identities for inode in inodes.get(pid, ())}))
    command = ("kill", "-TERM", *(str(target.pid) for target in first))
    return [
        Step(
            kind=StepKind.SIGNAL,
            command=command,
            facts=facts,
            targets=tuple(first),
            later=tuple(later),
            sockets=sockets,
        )
    ], refusals


def _foreign(scene: Scene, steps: Iterable[Step]) -> Iterator[Process]:
    """The processes to signal that are another user's; root may signal all."""
    owners = {owner.pid: owner for each in scene.listeners for owner in each.ownership.owners}
    for step in steps:
        for target in step.targets:
            owner = owners.get(target.pid)
            signalled = step.kind is StepKind.SIGNAL
            if owner is not None and scene.user not in (0, owner.uid) and signalled:
                yield owner
