r"""The name of a container, asked of the runtime that runs it; never remembered.

A container's id is in its cgroup path (:func:`portbook.host.linux.procfs.container`); its name is
known to the runtime alone. Asked are:

- docker and podman: ``GET /containers/ID/json`` on their Unix sockets, which both answer without
  a version in the path. Docker 29 refuses the old versions, so none is named.
- CRI-O: ``GET /containers/ID`` on its socket, with the whole id.
- containerd, and Kubernetes on it: their socket speaks gRPC only, so two files are read: the
  bundle that containerd keeps while a container runs, and for Kubernetes the link that the
  kubelet makes in /var/log/containers, whose name is ``POD_NAMESPACE_CONTAINER-ID.log``.

Everything takes 300 ms at most together, and 64 kB are read at most: a runtime that hangs is
one line, not a wait. What comes back is as hostile as the container's maker.

>>> parse_answer(b'HTTP/1.0 200 OK\r\n\r\n{"Name": "/web"}')
'web'
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.errors import MalformedInput, Untrusted, shown
from portbook.storage.file_trust import trusted_users
from portbook.storage.path_trust import check_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    Told = TypeVar("Told")

LIMIT = 65536
_RUN = ("run", "var/run")
_SOCKETS = {
    "docker": ("docker.sock",),
    "podman": ("podman/podman.sock",),
    "cri-o": ("crio/crio.sock",),
}
_PATHS = {"cri-o": "/containers/{}"}
_BUNDLES = "run/containerd/io.containerd.runtime.v2.task"
_LOG_LINKS = "var/log/containers"
_POD = "io.kubernetes.cri.sandbox-name"
_NAMESPACE = "io.kubernetes.cri.sandbox-namespace"
_CONTAINER = "io.kubernetes.cri.container-name"
# The labels that the kubelet gives, which CRI-O passes on.
_LABELS = ("io.kubernetes.pod.namespace", "io.kubernetes.pod.name", "io.kubernetes.container.name")


class ContainerName(NamedTuple):
    """A container's name, or None and in ``reason`` why there is none: one line, unfinished.

    Kubernetes' containers are called ``namespace/pod/container``.
    """

    name: str | None
    reason: str | None = None


def container_name(
    runtime: str,
    container_id: str,
    timeout: float = 0.3,
    *,
    uid: int | None = None,
    root: str = "/",
) -> ContainerName:
    """The name that *runtime* gives to *container_id*, which may be cut to its first characters.

    *runtime* is docker, podman, cri-o, containerd or kubernetes; those that name containers by
    their id (lxc, machine) get it back. *timeout* is in seconds, for everything. *uid* is the
    user whose container it is: their own runtime is asked where the machine's doesn't know it.
    It names nothing but that user's own containers, so its name is as good as any.
    """
    import time

    if runtime in ("lxc", "machine"):
        return ContainerName(container_id)
    if not container_id or container_id.strip("0123456789abcdef"):
        return ContainerName(None, f"{shown(container_id)} is no container's id")
    end = time.monotonic() + timeout
    left = _Left(lambda: end - time.monotonic())
    if runtime in _SOCKETS:
        return _asked(runtime, container_id, left, root, uid)
    if runtime in ("containerd", "kubernetes"):
        found = _bundled(container_id, root) or _linked(container_id, root)
        if found is None and runtime == "kubernetes":  # it may be over CRI-O or docker
            for other in ("cri-o", "docker"):
                if name := _asked(other, container_id, left, root, None).name:
                    return ContainerName(name)
        if found is None:
            return ContainerName(None, "containerd's record of it is not there or not readable")
        return ContainerName(found)
    return ContainerName(None, f"the runtime {shown(runtime)} can't be asked")


class Published(NamedTuple):
    """A container that publishes a port of this machine: its runtime, its id, its name."""

    runtime: str
    id: str
    name: str | None


def read_published(
    port: int, transport: str, timeout: float = 0.3, *, uid: int | None = None, root: str = "/"
) -> tuple[tuple[Published, ...], tuple[str, ...]]:
    """The running containers that publish *port*, and why a runtime could not be asked.

    Asked are docker and podman, in *timeout* seconds together; never remembered. What they say
    decides which container is stopped: root asks none but root's own runtimes.
    """

    def read(answer: bytes, runtime: str) -> Iterable[Published]:
        return parse_published(answer, runtime, port, transport)

    return _ask_runtimes(read, timeout, uid, root)


def read_published_ports(
    first: int,
    last: int,
    transport: str | None = None,
    timeout: float = 0.3,
    *,
    uid: int | None = None,
    root: str = "/",
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The ports from *first* to *last* that running containers publish, as :func:`read_published`
    asks for one; without a *transport*, over any.
    """

    def read(answer: bytes, _runtime: str) -> Iterable[int]:
        rows = [row for _, rows in _published_rows(answer) for row in rows]
        ports = [row.get("PublicPort") for row in rows if _is_over(row, transport)]
        return [port for port in ports if isinstance(port, int) and first <= port <= last]

    return _ask_runtimes(read, timeout, uid, root)


def _ask_runtimes(
    read: Callable[[bytes, str], Iterable[Told]], timeout: float, uid: int | None, root: str
) -> tuple[tuple[Told, ...], tuple[str, ...]]:
    """What *read* makes of the list of containers of each runtime, and why one told none."""
    import time

    end = time.monotonic() + timeout
    left = _Left(lambda: end - time.monotonic())
    found: list[Told] = []
    reasons: list[str] = []
    for runtime in ("docker", "podman"):
        for path, why in _socket_paths(runtime, root, uid):
            if why:
                reasons.append(f"{runtime} {why}")
                continue
            try:
                found += read(_exchange(path, "/containers/json", left), runtime)
            except TimeoutError:
                reasons.append(f"{runtime} did not answer in time")
            except OSError as error:
                reasons.append(f"{runtime} can't be asked ({error.strerror or 'no connection'})")
            except MalformedInput as error:
                reasons.append(f"{runtime} {error}")
    return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(reasons))


def parse_published(
    answer: bytes, runtime: str, port: int, transport: str
) -> tuple[Published, ...]:
    """The containers in a runtime's list that publish *port*. Raises MalformedInput; pure."""
    return tuple(
        [
            Published(runtime, str(container["Id"])[:12], _name(container))
            for container, rows in _published_rows(answer)
            if any(row.get("PublicPort") == port and _is_over(row, transport) for row in rows)
        ]
    )


def _name(container: dict[str, object]) -> str | None:
    names = container.get("Names")
    first = names[0] if isinstance(names, list) and names else None
    return (first.removeprefix("/") or None) if isinstance(first, str) else None


def _is_over(row: dict[str, object], transport: str | None) -> bool:
    return transport is None or row.get("Type", "tcp") == transport


def _published_rows(
    answer: bytes,
) -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
    """The containers of a runtime's list, each with its rows of ports. Raises MalformedInput."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if not blank or len(words) < 2 or words[1] != b"200":
        raise MalformedInput("gave no answer that can be read")
    for each in _rows(body):
        rows, identity = each.get("Ports"), each.get("Id")
        if not isinstance(identity, str) or not identity or identity.strip("0123456789abcdef"):
            continue
        yield each, [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _rows(body: bytes) -> list[dict[str, object]]:
    import json

    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedInput("gave no answer that can be read") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


class _Left:
    """The time that is left, in seconds. Raises TimeoutError when none is."""

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining

    def __call__(self) -> float:
        seconds = self._remaining()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _socket_paths(runtime: str, root: str, uid: int | None) -> Iterator[tuple[str, str]]:
    """The runtime's sockets, each with why it is not asked, or "".

    Asked are root's, those of the user who asks, and those of the user *uid*: ``XDG_RUNTIME_DIR``
    can be another user's (su, sudo -E), who can put any socket there.
    """
    users = trusted_users()
    places = [(os.path.join(root, folder), users) for folder in _RUN]
    if uid:
        places.append((os.path.join(root, f"run/user/{uid}"), users | {uid}))
    if own := os.environ.get("XDG_RUNTIME_DIR"):
        places.append((own, users))
    paths = set()
    for folder, owners in places:
        for name in _SOCKETS[runtime]:
            path = os.path.join(folder, name)
            if (real := os.path.realpath(path)) not in paths and os.path.exists(path):
                paths.add(real)
                yield path, _why_not(path, owners)


def _why_not(path: str, owners: frozenset[int]) -> str:
    """Why the socket at *path* is not asked: others than *owners* could have put it there.

    Others may connect to it (docker's is open to its group): its mode says nothing else.
    """
    if not owners:  # a system on which files have no owner that could be told
        return ""
    try:
        check_path(os.path.dirname(os.path.abspath(path)), owners)
        uid = os.stat(path).st_uid
    except (Untrusted, OSError) as error:
        return f"is not asked at {shown(path, 200)}: {getattr(error, 'strerror', None) or error}"
    if uid in owners:
        return ""
    return f"is not asked at {shown(path, 200)}: it belongs to the user with the id {uid}"


def _asked(
    runtime: str, container_id: str, left: _Left, root: str, uid: int | None
) -> ContainerName:
    reason = f"{runtime} has no socket here"
    for path, why in _socket_paths(runtime, root, uid):
        if why:
            reason = f"{runtime} {why}"
            continue
        url = _PATHS.get(runtime, "/containers/{}/json").format(container_id)
        try:
            return ContainerName(parse_answer(_exchange(path, url, left)))
        except TimeoutError:
            return ContainerName(None, f"{runtime} did not answer in time")
        except PermissionError:
            reason = f"{runtime}'s socket is not open to this user"
        except OSError as error:
            reason = f"{runtime} can't be asked ({error.strerror or 'no connection'})"
        except MalformedInput as error:
            reason = f"{runtime} {error}"
    return ContainerName(None, reason)


def _exchange(path: str, url: str, left: _Left) -> bytes:
    """The whole answer to one GET. HTTP/1.0: its end is the connection's, and nothing chunked."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(left())
        connection.connect(path)
        connection.settimeout(left())
        connection.sendall(f"GET {url} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
        answer = bytearray()
        while len(answer) <= LIMIT:
            connection.settimeout(left())
            part = connection.recv(LIMIT + 1 - len(answer))
            if not part or _complete(answer := answer + part):
                return bytes(answer)
    raise MalformedInput(f"answered with more than {LIMIT // 1024} kB")


def _complete(answer: bytearray) -> bool:
    """Whether the length that the answer announces has been reached."""
    head, blank, body = bytes(answer).partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if blank and name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(value) < 12 and len(body) >= int(value)
    return False


def parse_answer(answer: bytes) -> str:
    """The container's name in a runtime's HTTP answer. Raises MalformedInput; pure."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if not blank or len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise MalformedInput("gave no answer that can be read")
    if words[1] == b"404":
        raise MalformedInput("does not know this container")
    if words[1] != b"200":
        raise MalformedInput(f"answered {shown(words[1][:8].decode('latin-1'))}")
    found = _json(body)
    labels = found.get("labels")
    if isinstance(labels, dict) and isinstance(labels.get(_LABELS[1]), str):
        parts = (labels.get(each) for each in _LABELS)
        return "/".join(part for part in parts if isinstance(part, str))
    # docker and podman say Name, CRI-O name; docker puts a slash before it.
    name = found.get("Name", found.get("name"))
    if not isinstance(name, str) or not name.strip("/") or len(name) > 1024:
        raise MalformedInput("gave no name")
    return name.removeprefix("/")


def _json(body: bytes) -> dict[str, object]:
    import json

    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedInput("gave no answer that can be read") from error
    return found if isinstance(found, dict) else {}


def _bundled(container_id: str, root: str) -> str | None:
    """The name in the annotations of the OCI bundle that containerd keeps while it runs."""
    base = os.path.join(root, _BUNDLES)
    for space in _names(base):
        for found in _names(os.path.join(base, space)):
            if found.startswith(container_id):
                return _annotated(os.path.join(base, space, found, "config.json"))
    return None


def _annotated(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            notes = _json(os.read(descriptor, LIMIT)).get("annotations")
        finally:
            os.close(descriptor)
    except (OSError, MalformedInput):
        return None
    if not isinstance(notes, dict):
        return None
    parts = [notes.get(_NAMESPACE), notes.get(_POD), notes.get(_CONTAINER)]
    if not isinstance(parts[1], str):
        name = notes.get("nerdctl/name")
        return name if isinstance(name, str) and name else None
    return "/".join(part for part in parts if isinstance(part, str))


def _linked(container_id: str, root: str) -> str | None:
    """The name in the kubelet's link to a container's log.

    kubernetes/pkg/kubelet/kuberuntime/legacy.go: POD_NAMESPACE_CONTAINER-ID.log, cut where that
    is longer than a file name may be. Pods, namespaces and containers have no underscore.
    """
    for link in _names(os.path.join(root, _LOG_LINKS)):
        pod, _, rest = link.partition("_")
        namespace, _, rest = rest.partition("_")
        name, _, number = rest.rpartition("-")
        if name and len(container_id) >= 12 and number.startswith(container_id):
            return f"{namespace}/{pod}/{name}"
    return None


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
