"""The sentences for what is stopped on a port or left alone, what is lost, and what came of it.

Facts are raw text, as a process or a tool made them: whoever prints a sentence escapes it.
"""

from __future__ import annotations

from portbook.app.stop.executor import OUTCOMES
from portbook.app.stop.model import LossKind, RefusalCode, StepKind
from portbook.present.owners import viewer
from portbook.present.phrases import filled
from portbook.present.phrases.holders import holder_of, how_to_stop, sentence
from portbook.present.words import in_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from portbook.app.stop.executor import Done, Outcome, Waiting
    from portbook.app.stop.model import Loss, Plan, Refusal, Step
    from portbook.app.stop.restarts import Restarted, Started
    from portbook.model import Process
    from portbook.present.phrases import Words

    Facts = dict[str, Any]

_ELSEWHERE = "From another login or the console: {kill}"
_MOST = 4  # names
# What keeps programs running, by the beginning of its name, and its own way to stop one of them.
_SUPERVISORS = {
    "supervisord": "supervisorctl status, then supervisorctl stop NAME",
    "pm2": "pm2 list, then pm2 stop NAME",
    "runsv": "sv down NAME",
    "s6-supervise": "s6-svc -d SERVICE",
    "circusd": "circusctl stop NAME",
    "monit": "monit stop NAME",
    "god": "god stop NAME",
}
# By code, and by the fact ``why`` where a code has several reasons. Facts, and what _REFUSAL_WORDS
# makes of a refusal, stand in braces.
REFUSED = {
    RefusalCode.NOTHING_THERE: "{Nothing} listens on {place} on this machine.",
    RefusalCode.OTHER_NAMESPACE: "{who} has {socket} {in_namespace}, and portbook stops "
    "nothing outside of its own.",
    RefusalCode.NOT_LISTENING: "{who} has bound {socket} without listening: it may be a client "
    "about to connect.",
    RefusalCode.MAYBE_CLIENT: "{who} has {socket}, a UDP socket on an ephemeral port "
    "({first}–{last}): it may be a client's.",
    RefusalCode.KERNEL: "{who} holds {socket}: there is no process to stop.",
    RefusalCode.OWNER_HIDDEN: "{who} holds {socket}.",
    RefusalCode.OWNER_INFERRED: "{who} holds {socket}, but that is inferred: portbook stops "
    "nothing on a guess.",
    RefusalCode.FIRST_PROCESS: "The first process, {program}, holds it for a unit that couldn't "
    "be identified.",
    f"{RefusalCode.OWN_LINE} inside": "{who} holds {socket}, and portbook itself runs inside it.",
    f"{RefusalCode.OWN_LINE} unit": "{program} (pid {pid}) runs in {unit}, and so does portbook "
    "itself.",
    RefusalCode.SSH_CONNECTION: "Your own SSH connection comes in at {socket}: stopping what "
    "listens there could lock you out.",
    RefusalCode.PORT_FORWARDER: "{program} (pid {pid}) forwards the port to a container, and "
    "nothing shows which one.",
    RefusalCode.CONTAINER_MANAGER: "{program} (pid {pid}) runs in the container {container}, and "
    "what manages that would start it again.",
    RefusalCode.REPLACED: "{program} (pid {pid}) has ended or released the port in the meantime.",
    RefusalCode.NOT_NAMED: "{who} holds {socket}, which isn't the program that you named.",
    f"{RefusalCode.SEVERAL_PROGRAMS} program": "{who} holds {socket}. Several programs are meant: "
    "--yes stops only the one that you name.",
    f"{RefusalCode.SEVERAL_PROGRAMS} container": "Several containers publish the port: stop one of "
    "them by its name.",
}
REFUSED_MENDS = {
    RefusalCode.NOTHING_THERE: "If your server still can't bind it: portbook why {port_word}",
    RefusalCode.OTHER_NAMESPACE: "{stop_there}",
    RefusalCode.NOT_LISTENING: "{stop}",
    RefusalCode.MAYBE_CLIENT: "If it is a server's: portbook stop {port}/udp",
    RefusalCode.KERNEL: "Remove what made it in the kernel (a tunnel, NFS, a module).",
    RefusalCode.OWNER_HIDDEN: "{see}",
    RefusalCode.OWNER_INFERRED: "{see}",
    RefusalCode.FIRST_PROCESS: "systemctl list-sockets shows the unit: stop that.",
    f"{RefusalCode.OWN_LINE} inside": _ELSEWHERE,
    f"{RefusalCode.OWN_LINE} unit": _ELSEWHERE,
    RefusalCode.SSH_CONNECTION: "From the machine's console: {kill}",
    RefusalCode.PORT_FORWARDER: "docker ps --filter publish={port}, or podman ps, shows it: stop "
    "that one.",
    RefusalCode.CONTAINER_MANAGER: "Stop it with what started it: kubectl, nerdctl, crictl, lxc or "
    "machinectl.",
    RefusalCode.REPLACED: "Run it again.",
    RefusalCode.NOT_NAMED: "{name_it}",
    f"{RefusalCode.SEVERAL_PROGRAMS} program": "{name_it} --yes",
    f"{RefusalCode.SEVERAL_PROGRAMS} container": "{command_line}",
}
# By code and the fact ``why``, with a command or a pid where there is one.
DONE = {
    "stopped": "pid {pid} has ended",
    "stopped let-go": "pid {pid} has released the port, and still runs",
    "stopped manager": "{command_line}: done",
    "killed": "pid {pid} has ended",
    "gone": "pid {pid} had ended already",
    "gone rechecked": "pid {pid}: {meaning}",
    "gone not-run": "pid {target}: {meaning}; {command_line} was not run",
    "replaced rechecked": "pid {pid}: {meaning}",
    "replaced not-run": "pid {target}: {meaning}; {command_line} was not run",
    "let-go rechecked": "pid {pid}: {meaning}",
    "let-go not-run": "pid {target}: {meaning}; {command_line} was not run",
    "not-permitted": "pid {pid} belongs to another user: do it as that user, or as root",
    "still-running forced": "pid {pid} still runs after {seconds:g} s: not even SIGKILL ended it",
    "still-running unforced": "pid {pid} still runs after {seconds:g} s: --force sends SIGKILL",
    "failed unstarted": "{tool} can't be run: {error}",
    "failed status": "{command_line} ended with {status}: {last_line}",
    "unfinished": "{command_line} has not ended after {seconds:g} s; it goes on",
}
# One of them, and several.
LOST = {
    LossKind.CONNECTIONS: ("1 connection", "{} connections"),
    LossKind.CHILDREN: ("1 child", "{} children"),
    LossKind.SOCKETS: ("its other sockets", "its other sockets"),
    LossKind.UNIT: ("1 process of the same unit", "{} processes of the same unit"),
}


def refusal_message(refusal: Refusal) -> str:
    """Why something is left alone."""
    return filled(REFUSED, refusal, _REFUSAL_WORDS)


def refusal_mend(refusal: Refusal) -> str:
    """What to do instead."""
    return filled(REFUSED_MENDS, refusal, _REFUSAL_WORDS)


def step_text(step: Step) -> str:
    """What *step* stops, in a few words."""
    facts: Facts = dict(step.facts)
    if step.kind is StepKind.SIGNAL:
        first = _processes(facts["runs"], step.targets)
        later = _processes(facts["later_runs"], step.later)
        return f"{first}, and with it {later}" if later else first
    if "units" in facts:
        return f"{facts['manager']} stops {' and '.join(facts['units'])}"
    name = f" ({facts['name']})" if facts["name"] else ""
    return f"{facts['manager']} stops the container {facts['container']}{name}"


def _processes(names: tuple[str, ...], targets: tuple[Any, ...]) -> str:
    pairs = zip(names, targets, strict=True)
    return ", ".join([f"{name} (pid {target.pid})" for name, target in pairs])


def loss_message(loss: Loss) -> str:
    """What is lost, as the rest of a sentence.

    >>> from portbook.app.stop.model import Loss
    >>> loss_message(Loss(LossKind.CHILDREN, 2, ("sh (812)", "sleep (813)")))
    '2 children: sh (812), sleep (813)'
    """
    one, several = LOST[loss.kind]
    more = len(loss.names) - _MOST
    rest = f" and {more} more" if more > 0 else ""
    many = one if loss.number == 1 else several.format(loss.number)
    return f"{many}: {', '.join(loss.names[:_MOST])}{rest}"


def plan_notes(plan: Plan) -> list[str]:
    """What else to know before *plan* is carried out."""
    return [_foreign_note(owner) for owner in plan.foreign]


def _foreign_note(owner: Process) -> str:
    whose = owner.user or owner.uid
    return f"pid {owner.pid} belongs to {whose}: only that user or root may end it."


def waiting_line(waiting: Waiting) -> str:
    """What is waited for, in a line."""
    if waiting.started:
        pids = ", ".join(map(str, waiting.started))
        return f"pid {pids} was started in its place: {waiting.seconds} s to see if it listens"
    if waiting.command:
        return f"waiting for {' '.join(waiting.command)}: {waiting.seconds} s"
    signal = "SIGKILL" if waiting.killed else "SIGTERM"
    pids = ", ".join(map(str, waiting.pids))
    return f"{signal} sent, waiting for pid {pids} to end: {waiting.seconds} s"


def done_message(done: Done) -> str:
    """What became of a process or a command.

    >>> from portbook.app.stop.executor import Done, DoneCode
    >>> done_message(Done(DoneCode.STOPPED, 812))
    'pid 812 has ended'
    """
    facts: Facts = {**dict(done.facts), "pid": done.pid}
    key = f"{done.code} {facts['why']}" if "why" in facts else done.code
    command = done.command or ("",)
    return DONE[key].format(
        **facts,
        command_line=" ".join(command),
        tool=command[0],
        meaning=OUTCOMES[done.code],
        last_line=facts.get("output") or "and said nothing",
    )


def outcome_sentence(outcome: Outcome, port: str) -> str:
    """What became of *port*.

    >>> from portbook.app.stop.executor import Outcome
    >>> outcome_sentence(Outcome((), ()), "3000")
    'Nothing listens on 3000 any more.'
    """
    if outcome.free:
        return f"Nothing listens on {port} any more."
    if outcome.cleared:
        first = outcome.beside[0]
        return sentence(f"{holder_of(first)} still listens on {first.socket.name}, as you asked.")
    if outcome.left:
        first = outcome.left[0]
        return sentence(f"{holder_of(first)} still listens on {first.socket.name}.")
    return f"{port} is busy again."


def outcome_notes(outcome: Outcome) -> list[str]:
    """Who has the port again, or may have it soon, and what started them."""
    if outcome.restarted:
        return list(map(_restarted_note, outcome.restarted))
    return list(map(_started_note, outcome.started))


def supervised_notes(plan: Plan) -> list[str]:
    """Which known supervisors were above what was stopped, and what keeps them from starting it
    again, which may take longer than portbook looks.
    """
    steps = [step for step in plan.steps if step.kind is StepKind.SIGNAL]
    stopped = {target.pid for step in steps for target in (*step.targets, *step.later)}
    notes = [
        f"{program} (pid {pid}) may start it again. To keep it stopped: {command}"
        for listener in plan.scene.listeners
        for owner in listener.ownership.owners
        if owner.pid in stopped
        for pid, program in owner.ancestors[:2]
        if pid not in stopped and (command := _own_command(program)) is not None
    ]
    return list(dict.fromkeys(notes))


def _own_command(program: str) -> str | None:
    """What stops a program that the supervisor *program* runs; None where it is none we know."""
    name = program.lower()
    return next((each for known, each in _SUPERVISORS.items() if name.startswith(known)), None)


def _restarted_note(again: Restarted) -> str:
    who, name = holder_of(again.listener), again.listener.socket.name
    note = f"The port is busy again: {who} listens on {name}"
    if again.started_by:
        above = " < ".join([f"{program} ({pid})" for pid, program in again.started_by])
        return f"{note}, started by {above}. Stop that: {_supervisor_command(again)}"
    return f"{note}."


def _started_note(each: Started) -> str:
    by = each.by
    how = _own_command(by.program) or _kill_command(by.pid, by.leads_terminal)
    return (
        f"{by.program} (pid {by.pid}) started {each.program} (pid {each.pid}) in its place. "
        f"It doesn't listen yet. To keep it stopped: {how}"
    )


def _kill_command(pid: int, terminal: bool) -> str:
    """What ends a process that starts another one again."""
    # Shells of a terminal ignore SIGTERM, and pass a SIGHUP on to what they run.
    return f"kill -HUP {pid} (closes its terminal)" if terminal else f"kill {pid}"


def _supervisor_command(again: Restarted) -> str:
    """What stops the program that starts another one again, in its own words if it has any."""
    pid, program = again.started_by[0]
    if (command := _own_command(program)) is not None:
        return command
    unit = next((owner.unit for owner in again.listener.ownership.owners if owner.unit), None)
    if unit is not None and unit.endswith(".service") and program == "systemd":
        return f"systemctl stop {unit}"
    kill = _kill_command(pid, again.terminal)
    # What a shell runs outlives it, but for what its terminal takes along.
    return kill if again.terminal else f"{kill} && portbook stop {again.listener.socket.port}"


def _who(refusal: Refusal, _: Facts) -> str:
    return "" if refusal.listener is None else holder_of(refusal.listener)


def _place(_: Refusal, facts: Facts) -> str:
    address = facts["address"]
    return _port_word(_, facts) + ("" if address is None else f" on {address}")


def _port_word(_: Refusal, facts: Facts) -> str:
    transport = facts["transport"]
    return str(facts["port"]) + ("" if transport is None else f"/{transport}")


def _stop_there(refusal: Refusal, facts: Facts) -> str:
    if "runtime" in facts:
        return f"Stop its container: {facts['runtime']} stop {facts['container']}"
    listener = refusal.listener
    pid = listener.ownership.owners[0].pid if listener and listener.ownership.owners else None
    if listener is None or pid is None:
        return f"Stop it {in_namespace(str(facts['namespace']))}."
    return f"Stop it there: nsenter -t {pid} -n portbook stop {listener.socket.port}"


def _see(refusal: Refusal, _: Facts) -> str:
    """How to see who holds the socket; root isn't told to be root."""
    if viewer().is_root:
        return (
            "If it still listens, it runs outside this container or namespace: stop it on the host."
        )
    socket = None if refusal.listener is None else refusal.listener.socket
    port = "" if socket is None else f" {socket.port}"
    whose = "" if socket is None or not socket.uid else f", or as {socket.user or socket.uid}"
    return f"Run it with sudo{whose}: sudo portbook stop{port}"


def _kill(refusal: Refusal, _: Facts) -> str:
    owners = () if refusal.listener is None else refusal.listener.ownership.owners
    return f"kill {' '.join(dict.fromkeys([str(owner.pid) for owner in owners]))}"


def _name_it(refusal: Refusal, _: Facts) -> str:
    """The command that stops this program, and no other one on the port."""
    listener = refusal.listener
    if listener is None or not listener.ownership.owners:
        return _see(refusal, _)
    socket, pid = listener.socket, listener.ownership.owners[0].pid
    return f"portbook stop {socket.port}/{socket.transport} --pid {pid}"


_REFUSAL_WORDS: dict[str, Words] = {
    "who": _who,
    "socket": lambda refusal, _: refusal.socket or "",
    "Nothing": lambda _, facts: "Nothing we can see" if facts["blind"] else "Nothing",
    "place": _place,
    "port_word": _port_word,
    "stop_there": _stop_there,
    "in_namespace": lambda _, facts: in_namespace(str(facts["namespace"])),
    "stop": lambda refusal, _: how_to_stop(refusal.listener) if refusal.listener else "",
    "see": _see,
    "kill": _kill,
    "name_it": _name_it,
    "command_line": lambda _, facts: " ".join(facts["command"]),
}
# The functions for the keys of JSON that are sentences, by the table that they stand in.
KEYS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "step": {"what": step_text},
    "refused": {"message": refusal_message, "mend": refusal_mend},
    "lost": {"message": loss_message},
    "done": {"message": done_message},
}
