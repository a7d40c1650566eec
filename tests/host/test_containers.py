"""Names of containers, asked of runtimes that answer, hang, drip, lie and refuse."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host import containers
from portbook.host.containers import (
    ContainerName,
    Published,
    container_name,
    parse_answer,
    parse_published,
    read_published,
    read_published_ports,
)
from tests.patience import PATIENCE
from tests.real.needs import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ID = "0123456789ab" + "cd" * 26


def body(text: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.0 " + status + b"\r\nContent-Type: application/json\r\n\r\n" + text


@pytest.fixture(autouse=True)
def _no_runtime_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Callable[..., list[bytes]]]:
    """Starts a runtime on a socket below tmp_path, which treats each connection as told."""
    ended = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(path: str, behave: Callable[[socket.socket, threading.Event], None]) -> list[bytes]:
        requests: list[bytes] = []
        full = tmp_path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(full))
        listener.listen(8)
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    requests.append(connection.recv(65536))
                    try:
                        behave(connection, ended)
                    except OSError:  # the other side has had enough
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return requests

    yield start
    ended.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def answering(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(answer)

    return behave


def hanging(connection: socket.socket, ended: threading.Event) -> None:
    ended.wait()


def dripping(connection: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(0.01):
        connection.sendall(b"H")


def flooding(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(body(b""))
    while not ended.is_set():
        connection.sendall(b" " * 65536)


def keeping_open(connection: socket.socket, ended: threading.Event) -> None:
    text = b'{"Name": "/kept"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text)
    connection.sendall(head + text)
    ended.wait()


@pytest.mark.parametrize(
    "kind, path, url, answer",
    [
        ("docker", "run/docker.sock", f"/containers/{ID}/json", b'{"Name": "/web"}'),
        ("docker", "var/run/docker.sock", f"/containers/{ID}/json", b'{"Name": "/web"}'),
        ("podman", "run/podman/podman.sock", f"/containers/{ID}/json", b'{"Name": "web"}'),
        ("cri-o", "run/crio/crio.sock", f"/containers/{ID}", b'{"name": "web", "pid": 7}'),
    ],
)
def test_each_runtime_is_asked_at_its_socket(
    runtime: Callable[..., list[bytes]], tmp_path: Path, kind: str, path: str, url: str,
    answer: bytes,
) -> None:  # fmt: skip
    requests = runtime(path, answering(body(answer)))
    assert container_name(kind, ID, 10, root=str(tmp_path)) == ContainerName("web")
    assert requests[0].split(b"\r\n")[0] == f"GET {url} HTTP/1.0".encode()


def test_nothing_is_remembered(runtime: Callable[..., list[bytes]], tmp_path: Path) -> None:
    names = iter([b'{"Name": "/old"}', b'{"Name": "/new"}'])
    runtime("run/docker.sock", lambda connection, ended: connection.sendall(body(next(names))))
    seen = [container_name("docker", ID, 10, root=str(tmp_path)).name for _ in range(2)]
    assert seen == ["old", "new"]


def test_a_users_own_runtime_is_asked_after_the_machines(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    first = runtime("run/podman/podman.sock", answering(body(b"{}", b"404 Not Found")))
    second = runtime("run/user/1000/podman/podman.sock", answering(body(b'{"Name": "mine"}')))
    assert container_name("podman", ID, 10, uid=1000, root=str(tmp_path)).name == "mine"
    assert (len(first), len(second)) == (1, 1)


@pytest.mark.real
@pytest.mark.parametrize("which", ["runtime", "runtime/podman", "runtime/podman/podman.sock"])
def test_a_runtime_that_somebody_else_could_have_put_there_is_not_asked(
    runtime: Callable[..., list[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    which: str,
) -> None:
    """XDG_RUNTIME_DIR may be another user's: what it names is what root stops."""
    need(os.geteuid() == 0, "this test gives a socket to somebody else, which takes root")
    rows = json.dumps([{"Id": ID, "Names": ["x"], "Ports": [{"PublicPort": 80}]}]).encode()
    requests = runtime("runtime/podman/podman.sock", answering(body(rows)))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    published = (Published("podman", ID[:12], "x"),)
    assert read_published(80, "tcp", 10, root=str(tmp_path)) == (published, ())
    os.chown(tmp_path / which, 12345, 12345)
    found, reasons = read_published(80, "tcp", 10, root=str(tmp_path))
    assert found == ()
    assert "12345" in reasons[0]
    assert "12345" in (container_name("podman", ID, 10, root=str(tmp_path)).reason or "")
    assert len(requests) == 1


@pytest.mark.real
def test_the_ports_of_a_range_that_are_published(
    runtime: Callable[..., list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [
        {"PublicPort": 8080},
        {"PublicPort": 8081, "Type": "udp"},
        {"PublicPort": 9000},
        {"PublicPort": "8082"},
        {"PrivatePort": 8083},
        "8084",
    ]
    rows = [
        {"Id": ID, "Names": ["x"], "Ports": ports},
        {"Id": "x y", "Ports": [{"PublicPort": 8085}]},
    ]
    requests = runtime("runtime/podman/podman.sock", answering(body(json.dumps(rows).encode())))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    root = str(tmp_path)
    assert read_published_ports(8080, 8089, None, 10, root=root) == ((8080, 8081), ())
    assert read_published_ports(8080, 8089, "tcp", 10, root=root) == ((8080,), ())
    assert len(requests) == 2


@pytest.mark.real
def test_a_users_runtime_names_that_users_containers_and_publishes_none(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    need(os.geteuid() == 0, "this test gives a socket to somebody else, which takes root")
    runtime("run/user/12345/podman/podman.sock", answering(body(b'{"Name": "mine"}')))
    for place in ("", "/podman", "/podman/podman.sock"):
        os.chown(f"{tmp_path}/run/user/12345{place}", 12345, 12345)
    assert container_name("podman", ID, 10, uid=12345, root=str(tmp_path)).name == "mine"
    assert container_name("podman", ID, 10, uid=12346, root=str(tmp_path)).name is None
    assert read_published(80, "tcp", 10, root=str(tmp_path)) == ((), ())


def test_an_answer_is_over_at_its_length(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    runtime("run/docker.sock", keeping_open)
    assert container_name("docker", ID, 10, root=str(tmp_path)).name == "kept"


@pytest.mark.parametrize("behave", [hanging, dripping])
def test_a_runtime_that_hangs_is_left(
    runtime: Callable[..., list[bytes]],
    tmp_path: Path,
    behave: Callable[[socket.socket, threading.Event], None],
) -> None:
    # It would hang until the test ends: that it comes back at all is the proof.
    runtime("run/docker.sock", behave)
    found = container_name("docker", ID, 0.1, root=str(tmp_path))
    assert found == ContainerName(None, "docker did not answer in time")


def test_all_sockets_share_one_deadline(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    runtime("run/podman/podman.sock", hanging)
    second = runtime("run/user/1000/podman/podman.sock", answering(body(b'{"Name": "late"}')))
    found = container_name("podman", ID, 0.1, uid=1000, root=str(tmp_path))
    assert found.reason == "podman did not answer in time"
    assert second == []


@pytest.mark.parametrize(
    "answer, reason",
    [
        (body(b"{}", b"404 Not Found"), "docker does not know this container"),
        (body(b"{}", b"500 Oh"), "docker answered '500'"),
        (b"", "docker gave no answer that can be read"),
        (b"\x00\xff" * 50, "docker gave no answer that can be read"),
        (b"SSH-2.0-x\r\n\r\n{}", "docker gave no answer that can be read"),
        (body(b"{"), "docker gave no answer that can be read"),
        (body(b"[" * 60_000), "docker gave no answer that can be read"),
        (body(b"[]"), "docker gave no name"),
        (body(b'{"Name": 7}'), "docker gave no name"),
        (body(b'{"Name": "/"}'), "docker gave no name"),
        (body(json.dumps({"Name": "x" * 5000}).encode()), "docker gave no name"),
    ],
)
def test_answers_without_a_name(
    runtime: Callable[..., list[bytes]], tmp_path: Path, answer: bytes, reason: str
) -> None:
    runtime("run/docker.sock", answering(answer))
    found = container_name("docker", ID, 10, root=str(tmp_path))
    assert found == ContainerName(None, reason)


def test_a_flood_is_left(runtime: Callable[..., list[bytes]], tmp_path: Path) -> None:
    runtime("run/docker.sock", flooding)
    found = container_name("docker", ID, 10, root=str(tmp_path))
    assert found == ContainerName(None, "docker answered with more than 64 kB")


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    assert container_name("docker", ID, root=str(tmp_path)) == ContainerName(
        None, "docker has no socket here"
    )
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "run" / "docker.sock"))
    found = container_name("docker", ID, root=str(tmp_path))
    assert found == ContainerName(None, "docker can't be asked (Connection refused)")


def test_a_socket_that_is_not_open_to_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "docker.sock").touch()

    def refused(path: str, url: str, left: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(containers, "_exchange", refused)
    found = container_name("docker", ID, root=str(tmp_path))
    assert found == ContainerName(None, "docker's socket is not open to this user")


@pytest.mark.parametrize("bad", ["", "../x", "0123 HTTP/1.0\r\nX: y", "ABC", "g" * 64])
def test_only_ids_are_asked_for(
    runtime: Callable[..., list[bytes]], tmp_path: Path, bad: str
) -> None:
    requests = runtime("run/docker.sock", answering(body(b'{"Name": "/x"}')))
    found = container_name("docker", bad, root=str(tmp_path))
    assert found.name is None
    assert found.reason is not None
    assert "\r" not in found.reason
    assert requests == []


def test_containers_that_are_called_by_their_id() -> None:
    assert container_name("lxc", "web1") == ContainerName("web1")
    assert container_name("machine", "debian") == ContainerName("debian")
    assert container_name("rkt", ID).reason == "the runtime 'rkt' can't be asked"


def test_cri_o_tells_the_pod() -> None:
    labels = {
        "io.kubernetes.container.name": "coredns",
        "io.kubernetes.pod.name": "coredns-5d78c9869d-abcde",
        "io.kubernetes.pod.namespace": "kube-system",
    }
    text = json.dumps({"name": "k8s_coredns_x_0", "pid": 7, "labels": labels}).encode()
    assert parse_answer(body(text)) == "kube-system/coredns-5d78c9869d-abcde/coredns"


# -- containerd and Kubernetes ----------------------------------------------------------------


def bundle(root: Path, space: str, config: object) -> Path:
    folder = root / "run/containerd/io.containerd.runtime.v2.task" / space / ID
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder / "config.json"


POD = {
    "io.kubernetes.cri.container-name": "coredns",
    "io.kubernetes.cri.sandbox-name": "coredns-5d78c9869d-abcde",
    "io.kubernetes.cri.sandbox-namespace": "kube-system",
}
POD_NAME = "kube-system/coredns-5d78c9869d-abcde/coredns"


@pytest.mark.parametrize(
    "annotations, name",
    [
        (POD, POD_NAME),
        ({**POD, "io.kubernetes.cri.container-name": None}, POD_NAME.rpartition("/")[0]),
        ({"nerdctl/name": "web"}, "web"),
        ({}, None),
        (["x"], None),
        ({"io.kubernetes.cri.sandbox-name": 3}, None),
    ],
)
@pytest.mark.parametrize("number", [ID, ID[:12]])
def test_containerds_own_record(
    tmp_path: Path, annotations: object, name: str | None, number: str
) -> None:
    bundle(tmp_path, "k8s.io", {"annotations": annotations})
    found = container_name("containerd", number, root=str(tmp_path))
    assert found.name == name
    assert (found.reason is None) == (name is not None)


def test_a_record_that_is_a_pipe_or_a_link_is_not_waited_for(tmp_path: Path) -> None:
    path = bundle(tmp_path, "k8s.io", {"annotations": POD})
    path.rename(path.with_name("real.json"))
    path.symlink_to("real.json")
    assert container_name("containerd", ID, root=str(tmp_path)).name is None
    path.unlink()
    os.mkfifo(path)
    assert container_name("containerd", ID, root=str(tmp_path)).name is None


def test_the_kubelets_link_names_a_container(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/containers"
    folder.mkdir(parents=True)
    (folder / f"coredns-5d78c9869d-abcde_kube-system_coredns-{ID}.log").symlink_to("/nowhere")
    (folder / "odd.log").touch()
    found = container_name("kubernetes", ID[:12], root=str(tmp_path))
    assert found == ContainerName(POD_NAME)
    assert container_name("kubernetes", "f" * 64, root=str(tmp_path)).name is None


def test_kubernetes_over_another_runtime(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    runtime("run/crio/crio.sock", answering(body(b'{"name": "k8s_web"}')))
    assert container_name("kubernetes", ID, 10, root=str(tmp_path)).name == "k8s_web"


@given(st.binary(max_size=200) | st.binary(max_size=100).map(body))
def test_no_answer_breaks_the_reader(answer: bytes) -> None:
    try:
        name = parse_answer(answer)
    except MalformedInput:
        return
    assert name


# -- published ports --------------------------------------------------------------------------

LIST = json.dumps(
    [
        {
            "Id": ID,
            "Names": ["/web"],
            "Ports": [
                {"PublicPort": 8080, "PrivatePort": 80, "Type": "tcp", "IP": "0.0.0.0"},
                {"PublicPort": 8080, "PrivatePort": 80, "Type": "tcp", "IP": "::"},
            ],
        },
        {"Id": "ab" * 32, "Names": None, "Ports": [{"PublicPort": 53, "Type": "udp"}]},
        {"Id": "--rm", "Names": ["/evil"], "Ports": [{"PublicPort": 8080, "Type": "tcp"}]},
        {"Id": "cd" * 32, "Names": [7], "Ports": "none"},
        "no container",
    ]
).encode()


def test_who_publishes_a_port() -> None:
    web = Published("docker", ID[:12], "web")
    assert parse_published(body(LIST), "docker", 8080, "tcp") == (web,)
    assert parse_published(body(LIST), "docker", 53, "udp")[0].name is None
    assert parse_published(body(LIST), "docker", 8080, "udp") == ()
    assert parse_published(body(b"{}"), "docker", 8080, "tcp") == ()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 500 x\r\n\r\n[]", body(b"{"), body(b"[" * 9999)]
)
def test_a_list_that_cannot_be_read(answer: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_published(answer, "docker", 80, "tcp")


@given(st.binary())
def test_any_list_is_read_or_refused(data: bytes) -> None:
    """Nothing is raised but MalformedInput."""
    try:
        found = parse_published(body(data), "docker", 80, "tcp")
    except MalformedInput:
        return
    assert all(not each.id.strip("0123456789abcdef") for each in found)


def test_runtimes_are_asked_for_what_they_publish(
    runtime: Callable[..., list[bytes]], tmp_path: Path
) -> None:
    asked = runtime("run/docker.sock", answering(body(LIST)))
    runtime("run/podman/podman.sock", lambda connection, ended: connection.recv(1))
    found, reasons = read_published(8080, "tcp", 0.3, root=str(tmp_path))
    assert found == (Published("docker", ID[:12], "web"),)
    assert asked[0].startswith(b"GET /containers/json HTTP/1.0\r\n")
    assert reasons == ("podman did not answer in time",)
    assert read_published(8080, "tcp", 0.3, root=str(tmp_path / "nowhere")) == ((), ())
