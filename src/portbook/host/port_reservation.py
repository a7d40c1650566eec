"""Keeping a port for a command until the command has it.

The port is bound at once and for itself alone, so nobody is quicker. What happens then depends on
the command:

- One that takes sockets over (sd_listen_fds(3)) gets it, listening, as descriptor 3.
- One that binds the port itself can only do that beside another socket if both have set
  SO_REUSEADDR and neither listens (inet_csk_get_port in the kernel). Nearly all TCP servers set
  it. So the kept socket gets it just before the command starts, stays bound without listening,
  and is closed when a socket of the command's own is seen on the port. Meanwhile the kernel gives
  the port to nobody who asks for any port, and to nobody who doesn't set the option.
- For one that sets no such option it is closed right before the command starts.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time

from portbook._fast_types import NamedTuple, StrEnum
from portbook.errors import NotReserved, shown
from portbook.model import (
    OwnerSearch,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
_FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_OFTEN, _SELDOM, _AT_FIRST = 0.02, 0.25, 10.0  # seconds between looks, and how long the first


class Handover(StrEnum):
    """How a command that runs gets a port that is held for it."""

    PASSED = "passed"  # the sockets go to it
    KEPT = "kept"  # the sockets stay open until it has bound its own
    RELEASED = "released"  # the sockets are closed right before it starts


class Reservation(NamedTuple):
    """The kept sockets, one a port, bound and not listening."""

    ports: tuple[int, ...]
    sockets: tuple[socket.socket, ...]
    transport: Transport

    def close(self) -> None:
        """Lets go of all of them."""
        for each in self.sockets:
            each.close()


def hold(ports: Sequence[int], transport: Transport, address: str | None = None) -> Reservation:
    """Binds every one of *ports* on *address*, or on all of IPv4 and IPv6. Raises NotReserved."""
    made: list[socket.socket] = []
    try:
        for port in ports:
            made.append(_bind(port, transport, address))  # noqa: PERF401 - those made are closed
    except OSError as error:
        for each in made:
            each.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise NotReserved(
                f"{shown(address or '')} is no address of this machine: give one that it has",
                taken=False,
            ) from error
        why = error.strerror or str(error)
        raise NotReserved(
            f"{ports[len(made)]}/{transport} can't be held: {why}",
            taken=error.errno == errno.EADDRINUSE,
        ) from error
    return Reservation(tuple(ports), tuple(made), transport)


def _bind(port: int, transport: Transport, address: str | None) -> socket.socket:
    kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
    family, host = socket.AF_INET6, "::"
    if address is not None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        host = address
    elif not socket.has_dualstack_ipv6():
        family, host = socket.AF_INET, "0.0.0.0"
    # Never a name, which would be asked of the network.
    place = socket.getaddrinfo(host, port, family, kind, flags=socket.AI_NUMERICHOST)[0][4]
    made = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address is not None))
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made


def filled_in(command: Sequence[str], ports: Sequence[int]) -> list[str]:
    """*command* with the ports in the places of ``{port}``, ``{port2}`` and so on.

    >>> filled_in(["serve", "--at=:{port}", "{x}", "{port2}"], [8080, 8081])
    ['serve', '--at=:8080', '{x}', '8081']
    """
    words = list(command)
    for number, port in enumerate(ports, 1):
        mark = "{port}" if number == 1 else f"{{port{number}}}"
        words = [word.replace(mark, str(port)) for word in words]
    return words


def run(
    held: Reservation,
    command: Sequence[str],
    how: Handover,
    tell: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
) -> int:
    """Runs *command*, already filled in, and returns its exit status (128 and a signal's number).

    Signals that reach this process are sent on to it. *tell* is given what its user should know.
    Raises NotReserved where it can't be started.
    """
    env = {**(os.environ if environ is None else environ), "PORT": str(held.ports[0])}
    if how is Handover.KEPT and not sys.platform.startswith("linux"):
        tell("this system can't keep a port beside the command's own: it is let go right before")
        how = Handover.RELEASED
    if not hasattr(os, "fork"):
        return _run_elsewhere(held, command, how, env)
    if how is Handover.RELEASED:
        held.close()
    elif how is Handover.KEPT:
        _share(held)
    elif held.transport is Transport.TCP:
        for each in held.sockets:
            each.listen(socket.SOMAXCONN)
    forwarded = {getattr(signal, name) for name in _FORWARDED}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*forwarded, signal.SIGCHLD})
    try:
        child = _start(command, env, held if how is Handover.PASSED else None, before)
        if how is Handover.PASSED:
            held.close()
        watch = _Watch(held, child, tell) if how is Handover.KEPT else None
        return _wait(child, forwarded, watch)
    finally:
        held.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run_elsewhere(
    held: Reservation, command: Sequence[str], how: str, env: Mapping[str, str]
) -> int:
    held.close()
    if how is Handover.PASSED:
        raise NotReserved("this system can't hand a socket over to a command", taken=False)
    import subprocess

    try:
        return subprocess.call(list(command), env=dict(env))  # noqa: S603 - the user's own command
    except OSError as error:
        raise _unstartable(command, error) from error


def _share(held: Reservation) -> None:
    """Lets others bind the ports as well, who say that they may be shared."""
    for each in held.sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):  # only for this user's own sockets (socket(7))
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _unstartable(command: Sequence[str], error: OSError) -> NotReserved:
    why = error.strerror or str(error)
    return NotReserved(f"{shown(command[0])} can't be started: {why}", taken=False)


def _start(
    command: Sequence[str],
    env: dict[str, str],
    passed: Reservation | None,
    mask: set[signal.Signals] | set[int],
) -> int:
    """The pid of *command*, once it runs; with descriptors from 3 on where they are passed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    reading, writing = os.pipe()  # closed on exec: what comes out of it is why that failed
    child = os.fork()
    if child == 0:
        _become(command, env, passed, mask, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        failed = pipe.read()
    if failed:
        os.waitpid(child, 0)
        number = int(failed)
        raise _unstartable(command, OSError(number, os.strerror(number)))
    return child


def _become(
    command: Sequence[str],
    env: dict[str, str],
    passed: Reservation | None,
    mask: set[signal.Signals] | set[int],
    writing: int,
) -> NoReturn:
    try:
        import fcntl

        sockets = () if passed is None else passed.sockets
        above = FIRST_DESCRIPTOR + len(sockets)
        writing = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, above)
        # First out of the way of one another, then to their places.
        lifted = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, above) for each in sockets]
        for place, descriptor in enumerate(lifted, FIRST_DESCRIPTOR):
            os.dup2(descriptor, place, inheritable=True)
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            env.pop(name, None)
        if sockets:
            env.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)))
        for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and a new program would too
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvpe(command[0], list(command), env)  # noqa: S606 - the user's own command
    except OSError as error:
        os.write(writing, str(error.errno or errno.EINVAL).encode())
    except ValueError:  # a NUL character in a word
        os.write(writing, str(errno.EINVAL).encode())
    finally:
        os._exit(127)


def _wait(child: int, forwarded: set[signal.Signals], watch: _Watch | None) -> int:
    """The exit status of *child*, to which signals are sent on meanwhile."""
    if not hasattr(signal, "sigtimedwait"):  # macOS
        return _wait_plainly(child, forwarded)
    signals = {*forwarded, signal.SIGCHLD}
    while True:
        # Another thread of the process can take a SIGCHLD that comes between two waits.
        pause = 1.0 if watch is None or watch.done else watch.pause
        came = signal.sigtimedwait(signals, pause)
        if came is not None and came.si_signo != signal.SIGCHLD:
            # What the terminal sends (Ctrl-C) goes to the command anyway, as to this process: they
            # are of one group. What somebody sent has a code of 0 or less (sigaction(2)).
            if came.si_code <= 0:
                os.kill(child, came.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if watch is not None and not watch.done:
            watch.look()


def _wait_plainly(child: int, forwarded: set[signal.Signals]) -> int:
    for each in forwarded:
        signal.signal(each, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forwarded)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


class _Watch:
    """Looks for sockets of the command's own on the ports, and then lets go of the kept ones."""

    def __init__(self, held: Reservation, child: int, tell: Callable[[str], None]) -> None:
        self._open = {
            port: (each, os.fstat(each.fileno()).st_ino)
            for port, each in zip(held.ports, held.sockets, strict=True)
        }
        self._transport = held.transport
        self._child = child
        self._tell = tell
        self._began = time.monotonic()
        self._strangers: set[int] = set()

    @property
    def done(self) -> bool:
        return not self._open

    @property
    def pause(self) -> float:
        return _OFTEN if time.monotonic() - self._began < _AT_FIRST else _SELDOM

    def look(self) -> None:
        from portbook.host.linux.sockets import read_sockets

        for port, (kept, own) in list(self._open.items()):
            try:
                sockets = read_sockets(port, port, self._transport).sockets
            except OSError:
                continue  # not to be seen just now: it is kept
            if any(each.inode not in (own, 0) for each in sockets) and self._is_its(port, own):
                kept.close()
                del self._open[port]

    def _is_its(self, port: int, own: int) -> bool:
        """Whether a socket on *port* other than *own* is the command's; a stranger's is told."""
        from portbook.host.reader import read_host

        for each in read_host((port, port), self._transport, OwnerSearch.ALL).listeners:
            if each.socket.inode == own:
                continue
            if not each.ownership.owners:
                return True  # it can't be seen whose it is
            if any(self._of_child(owner.pid, owner.ancestors) for owner in each.ownership.owners):
                return True
            if each.socket.inode is not None and each.socket.inode not in self._strangers:
                self._strangers.add(each.socket.inode)
                first = each.ownership.owners[0]
                self._tell(
                    f"another program has bound {each.socket.name} meanwhile: {first.program} "
                    f"(pid {first.pid})"
                )
        return False

    def _of_child(self, pid: int, ancestors: tuple[tuple[int, str], ...]) -> bool:
        return pid == self._child or any(above == self._child for above, _ in ancestors)
