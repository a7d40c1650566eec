"""Who manages a process, and how it is asked to stop it: systemd, docker, podman. Pure."""

from __future__ import annotations

from portbook.app.stop.model import Refusal, RefusalCode, Step, StepKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.stop.model import Scene
    from portbook.host.process_control import Identity
    from portbook.model import Process

# What passes a container's port on, from outside of the container.
_FORWARDERS = ("docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "pasta.avx2")
# What runs other people's programs inside its own unit: to stop the unit would stop all of them.
_HOSTS = (
    "cron", "crond", "atd", "anacron", "sshd", "login", "supervisord", "runsvdir", "s6-svscan",
    "dockerd", "containerd", "containerd-shim", "conmon", "gdm", "lightdm", "sddm", "xrdp-sesman",
    "tmux: server", "screen", "agetty", "inetd", "xinetd",
)  # fmt: skip
RUNTIMES = ("docker", "podman")


def managed(scene: Scene, owner: Process, port: int) -> Step | Refusal | None:
    """What manages *owner*: its command, a refusal, or None where nothing does."""
    identity = scene.identities.get(owner.pid)
    targets = () if identity is None else (identity,)
    if owner.program in _FORWARDERS:
        if len(scene.published) == 1:
            found = scene.published[0]
            return container(found.runtime, found.id, found.name, targets)
        return Refusal(RefusalCode.PORT_FORWARDER, (*_named(owner), ("port", port)))
    if owner.container is not None and owner.container != scene.own.container:
        runtime, _, number = owner.container.partition(":")
        if runtime in RUNTIMES:
            return container(runtime, number, owner.container_name, targets)
        facts = (*_named(owner), ("container", owner.container))
        return Refusal(RefusalCode.CONTAINER_MANAGER, facts)
    if owner.activates:
        units = [owner.unit or ""]
        if "@." not in owner.activates:  # a template: its instances end with their connections
            units.append(owner.activates)
        return _unit(scene, owner, units, targets)
    if owner.pid == 1:
        return Refusal(RefusalCode.FIRST_PROCESS, _named(owner))
    unit = owner.unit or ""
    if scene.systemd and unit.endswith(".service") and _is_its_own(owner, unit):
        return _unit(scene, owner, [unit], targets)
    return None


def _is_its_own(owner: Process, unit: str) -> bool:
    """Whether *unit* is there for *owner*, and doesn't merely house it, as cron's does."""
    if unit.startswith(("user@", "session-", "getty@", "serial-getty@")):
        return False
    first = _first_of_unit(owner)
    return first == owner.program or first not in _HOSTS


def _first_of_unit(owner: Process) -> str | None:
    """The name of the process that systemd itself started, on the way to *owner*."""
    first = owner.program
    for pid, name in owner.ancestors:
        if pid == 1 or name == "systemd":
            break
        first = name
    return first


def _unit(
    scene: Scene, owner: Process, units: list[str], targets: tuple[Identity, ...]
) -> Step | Refusal:
    if scene.own.unit in units:
        within = (("why", "unit"), *_named(owner), ("unit", scene.own.unit))
        return Refusal(RefusalCode.OWN_LINE, within)
    command = ["systemctl"]
    if owner.program == "systemd":
        users = owner.pid != 1
    else:
        users = any(name == "systemd" and pid != 1 for pid, name in owner.ancestors)
    if users:
        command.append("--user")
        if owner.uid is not None and owner.uid != scene.user:
            command.append(f"--machine={owner.user or owner.uid}@")
    facts = (("manager", "systemd"), ("units", tuple(units)))
    return Step(StepKind.MANAGER, (*command, "stop", "--", *units), facts, targets)


def _named(owner: Process) -> tuple[tuple[str, str | int | None], ...]:
    return ("program", owner.program), ("pid", owner.pid)


def container(runtime: str, number: str, name: str | None, targets: tuple[Identity, ...]) -> Step:
    """The step that has *runtime* stop the container *number*, which may have a *name* too."""
    facts = (("manager", runtime), ("container", number), ("name", name))
    return Step(StepKind.MANAGER, (runtime, "stop", number), facts, targets)
