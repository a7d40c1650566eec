r"""The service behind a socket that systemd holds: systemd.socket(5), socket activation.

systemd binds the socket and starts the service when somebody connects, so the holder of the
socket is systemd, and the daemon that it is meant for may not even run. Which one it is stands
in the socket's unit file.

>>> unit = parse_unit("[Socket]\nListenStream=22\nListenDatagram=[::1]:53\n")
>>> listens(unit)
((<Transport.TCP: 'tcp'>, None, 22), (<Transport.UDP: 'udp'>, '::1', 53))
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import Untrusted
from portbook.model import LAST_PORT, Transport
from portbook.storage.path_trust import check_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.model import Listener, Process

    Unit = Mapping[tuple[str, str], tuple[str, ...]]

# systemd.unit(5), unit file load path; the first that has a file of the name wins.
_SYSTEM = (
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
)
_USER = (
    "etc/systemd/user",
    "run/systemd/user",
    "usr/local/lib/systemd/user",
    "usr/lib/systemd/user",
)
_LARGEST = 1 << 18


class Activation(NamedTuple):
    """A socket unit, the service that it starts, and that service's executable if it is known."""

    socket: str
    service: str
    executable: str | None


def parse_unit(text: str) -> Unit:
    r"""The settings of a unit file by (section, name), each with its values in order.

    An empty value takes back those before it; a backslash joins lines (systemd.syntax(7)).

    >>> parse_unit("[Socket]\nListenStream=1\nListenStream=\nListenStream=2\n")
    {('Socket', 'ListenStream'): ('2',)}
    """
    values: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in map(str.strip, text.replace("\\\n", " ").splitlines()):
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if equals:
            of_name = values.setdefault((section, name.strip()), [])
            if value := value.strip():
                of_name.append(value)
            else:
                of_name.clear()
    return {key: tuple(of_name) for key, of_name in values.items()}


def listens(unit: Unit) -> tuple[tuple[Transport, str | None, int], ...]:
    """The ports that a socket unit binds: transport, address or None for every one, port."""
    found = []
    for name, transport in (("ListenStream", Transport.TCP), ("ListenDatagram", Transport.UDP)):
        for value in unit.get(("Socket", name), ()):
            host, _, number = value.partition("%")[0].rpartition(":")
            plain = number.isascii() and number.isdigit() and len(number) <= 5
            if plain and int(number) <= LAST_PORT:
                found.append((transport, host.strip("[]") or None, int(number)))
    return tuple(found)


def executable_of(unit: Unit) -> str | None:
    """The program that a service unit starts; None where it is no absolute path.

    >>> executable_of({("Service", "ExecStart"): ("-/usr/sbin/sshd -D $SSHD_OPTS",)})
    '/usr/sbin/sshd'
    """
    for value in unit.get(("Service", "ExecStart"), ()):
        word = value.lstrip("@-:+!|").split(" ", 1)[0].strip("\"'")
        return word if word.startswith("/") and "%" not in word else None
    return None


def find_activation(
    listener: Listener, *, user: bool = False, root: str = "/"
) -> Activation | None:
    """The socket unit that *listener* was bound by; *user* asks the units of users' managers.

    Where several would fit, one that systemd runs at the moment is preferred.
    """
    fitting = [unit for unit in _socket_units(user, root) if _fits(unit[1], listener)]
    if not fitting:
        return None
    # systemd keeps a link for each unit that is active, named for its invocation.
    active = f"{root}run/systemd/units/invocation:"
    fitting.sort(key=lambda unit: not os.path.lexists(active + unit[0]))
    name, unit = fitting[0]
    stem = name.removesuffix(".socket")
    accepts = unit.get(("Socket", "Accept"), ("no",))[-1].lower() in ("yes", "true", "on", "1")
    (service,) = unit.get(("Socket", "Service"), ())[-1:] or (
        f"{stem}@.service" if accepts else f"{stem}.service",
    )
    found = _read_unit(service, _USER if user else _SYSTEM, root)
    return Activation(name, service, None if found is None else executable_of(found))


def _fits(unit: Unit, listener: Listener) -> bool:
    return any(
        transport is listener.socket.transport
        and port == listener.socket.port
        and (
            address in (None, listener.socket.address)
            or (listener.socket.wildcard and address == "0.0.0.0")
        )
        for transport, address, port in listens(unit)
    )


def _socket_units(user: bool, root: str) -> Iterator[tuple[str, Unit]]:
    folders = _USER if user else _SYSTEM
    names: dict[str, None] = {}
    for folder in folders:
        try:
            names.update(
                dict.fromkeys(n for n in os.listdir(root + folder) if n.endswith(".socket"))
            )
        except OSError:
            continue
    for name in names:
        unit = _read_unit(name, folders, root)
        if unit is not None:
            yield name, unit


def _read_unit(name: str, folders: tuple[str, ...], root: str) -> Unit | None:
    """The unit *name* with its drop-ins; None where there is none that can be read."""
    if "/" in name or not name:
        return None
    texts = [text for folder in folders if (text := _read(f"{root}{folder}/{name}")) is not None][
        :1
    ]
    if not texts:
        return None
    drops: dict[str, str] = {}
    for folder in reversed(folders):
        try:
            for drop in os.listdir(f"{root}{folder}/{name}.d"):
                if drop.endswith(".conf"):
                    drops[drop] = f"{root}{folder}/{name}.d/{drop}"
        except OSError:
            continue
    texts += [text for drop in sorted(drops) if (text := _read(drops[drop])) is not None]
    return parse_unit("\n".join(texts))


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return None


def add_activations(listeners: tuple[Listener, ...], root: str = "/") -> tuple[Listener, ...]:
    """*listeners* with the socket unit and the service of each that systemd holds."""
    return tuple(
        each._replace(
            ownership=each.ownership._replace(
                owners=tuple(_activated(each, owner, root) for owner in each.ownership.owners)
            )
        )
        if any(owner.program == "systemd" for owner in each.ownership.owners)
        else each
        for each in listeners
    )


def _activated(listener: Listener, owner: Process, root: str) -> Process:
    if owner.program != "systemd":
        return owner
    found = find_activation(listener, user=owner.pid != 1, root=root)
    if found is None:
        return owner
    return owner._replace(
        unit=found.socket, activates=found.service, activates_executable=_trusted(found.executable)
    )


def _trusted(executable: str | None) -> str | None:
    """*executable*, its links followed, if only root can have put it there."""
    if executable is None:
        return None
    path = os.path.realpath(executable)
    try:
        os.stat(path)
        check_path(path, {0})
    except (Untrusted, OSError):
        return None
    return path
