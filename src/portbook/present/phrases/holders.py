"""Who holds a socket and how to make it let go, in words that causes, stops and picks share."""

from __future__ import annotations

from shlex import quote

from portbook.model import OwnersSeen, Transport
from portbook.present.owners import owner_name, viewer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Listener, Process
    from portbook.present.owners import Viewer

# The runtimes whose own command stops a container by its id; those above them start it again.
_STOPPED_BY_ID = ("docker", "podman")


def holder(owners: Iterable[Process], seen: OwnersSeen, user: str | None, uid: int | None) -> str:
    """Who holds a socket, as the subject of a sentence."""
    names = []
    for owner in owners:
        service = f", for {owner.activates}" if owner.activates else ""
        names.append(f"{_called(owner)} (pid {owner.pid}{service})")
    if names:
        sure = "probably " if seen is OwnersSeen.INFERRED else ""
        return sentence(sure + join(names))
    whose = f" of {user or f'user {uid}'}" if uid is not None else ""
    unseen = "A root process" if uid == 0 else f"A process{whose}"
    return {
        OwnersSeen.KERNEL: "The kernel itself",
        OwnersSeen.NONE: f"A socket{whose} without a process",
    }.get(seen, f"{unseen} you can't see")


def _called(owner: Process) -> str:
    """*owner* by its one name, which a process has but where nothing of it could be read."""
    if owner.program or owner.command or owner.container:
        return owner_name(owner)
    return "a process"


def holder_of(listener: Listener) -> str:
    """Who holds *listener*, as the subject of a sentence."""
    socket, ownership, _ = listener
    return holder(ownership.owners, ownership.seen, socket.user, socket.uid)


def how_to_stop(listener: Listener, to: Viewer | None = None) -> str:
    """What *to* can do so that *listener* is gone, or instead of that; None: who runs this."""
    for owner in listener.ownership.owners:
        if mend := _by_owner(owner, listener.socket.port):
            return f"{mend}; or choose another port."
    if listener.ownership.owners:
        udp = "" if listener.socket.transport is Transport.TCP else f"/{listener.socket.transport}"
        how = f"portbook stop {listener.socket.port}{udp}"
        if not listener.socket.listens:  # stop leaves it alone: it may be a client
            pids = dict.fromkeys([str(owner.pid) for owner in listener.ownership.owners])
            how = f"kill {' '.join(pids)}"
        return f"Stop the program ({how}), or choose another port."
    if listener.ownership.seen in (OwnersSeen.KERNEL, OwnersSeen.NONE):
        return (
            "There is no program to stop: remove what made it in the kernel (a tunnel, NFS), "
            "or choose another port."
        )
    if (to or viewer()).is_root:
        return "If this is a container, look from its host; or choose another port."
    return "Run with sudo to see which program it is; or choose another port."


def _by_owner(owner: Process, port: int) -> str | None:
    if owner.program == "docker-proxy":
        # It runs in the engine's unit: to stop that would stop every container.
        return (
            "It passes the port on to a container: docker ps --filter "
            f"publish={port} shows which; stop that one"
        )
    if owner.container:
        runtime, _, name = owner.container.partition(":")
        if runtime in _STOPPED_BY_ID:
            return f"Stop the container: {runtime} stop {quote(name)}"
        return f"Stop the container {owner.container} with what started it"
    if owner.activates:
        return f"Stop the unit that holds it: {_systemctl(owner)} stop {quote(owner.unit or '')}"
    if owner.pid == 1:
        return "Its first process holds it for a unit; systemctl list-sockets shows it: stop that"
    # A user's whole session is a unit too: nobody wants to stop that for a port.
    unit = owner.unit or ""
    if unit.endswith((".service", ".socket")) and not unit.startswith("user@"):
        return f"Stop the unit it runs in: {_systemctl(owner)} stop {quote(unit)}"
    return None


def _systemctl(owner: Process) -> str:
    """The command for *owner*'s unit: users have an instance of systemd of their own."""
    if owner.program == "systemd":
        own = owner.pid != 1
    else:
        own = any(name == "systemd" and pid != 1 for pid, name in owner.ancestors)
    return "systemctl --user" if own else "systemctl"


def join(words: Iterable[str]) -> str:
    """*words* in a row, as in a sentence.

    >>> join(["a", "b", "c"]), join(["a"])
    ('a, b and c', 'a')
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def sentence(text: str) -> str:
    """*text* with a capital where it starts with words of ours; a program's name stays as it is.

    >>> sentence("probably sshd (pid 7)"), sentence("sshd (pid 7)")
    ('Probably sshd (pid 7)', 'sshd (pid 7)')
    """
    ours = text.startswith(("probably ", "a process"))
    return text[:1].upper() + text[1:] if ours else text
