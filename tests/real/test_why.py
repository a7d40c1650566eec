"""Each cause produced for real, in a network namespace of the test's own, and asked about there.

The two that need another part than sockets: a redirect is made with nft inside the namespace, and
a listener in another namespace stands in a second one, under a name made with ``ip netns``.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.namespace import UNPRIVILEGED, Namespace
from tests.real.needs import need_bound_shown, need_kernel, need_program
from tests.real.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

# A server that is closed first leaves its port in TIME_WAIT. The first argument is the port, the
# second whether it sets SO_REUSEADDR, the third its address.
TIME_WAIT = """
import socket, sys
port, reuse, address = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    server.bind((address, port))
    server.listen()
    with socket.create_connection((address, port)) as client:
        accepted = server.accept()[0]
        accepted.close()
        assert client.recv(1) == b""
"""
# Binds, and says with which error.
BIND = """
import errno, socket, sys
kind = socket.SOCK_DGRAM if sys.argv[2] == "udp" else socket.SOCK_STREAM
try:
    with socket.socket(socket.AF_INET, kind) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.argv[3]))
        made.bind(("0.0.0.0", int(sys.argv[1])))
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("OK")
"""
CLIENT_BOUND = """
import socket, sys
with socket.socket() as server, socket.socket() as client:
    server.bind(("127.0.0.1", 443))
    server.listen()
    client.bind(("127.0.0.1", int(sys.argv[1])))
    client.connect(("127.0.0.1", 443))
    print("ready", flush=True)
    sys.stdin.read()
"""


def why(namespace: Namespace, query: str | int, **options: Any) -> dict[str, Any]:
    """portbook's answer, with its exit status held to what it says."""
    done = namespace.portbook("why", query, "--json", **options)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["bindable"] else 1)
    return found


def codes(found: dict[str, Any], elsewhere: str | None = None) -> list[str]:
    """The causes; of listeners in other namespaces only those in *elsewhere*.

    The machine is looked at as it is: there may be strangers on the port, or other tests.
    """
    return [
        each["code"]
        for each in found["causes"]
        if each["code"] != "other-namespace" or (elsewhere and elsewhere in each["message"])
    ]


def cause(found: dict[str, Any], code: str) -> dict[str, Any]:
    (one,) = (each for each in found["causes"] if each["code"] == code)
    return dict(one)


def bound(namespace: Namespace, port: int, transport: str = "tcp", reuse: int = 0) -> str:
    """How a bind of the wildcard ends that has nothing to do with portbook."""
    argv = [sys.executable, "-I", "-c", BIND, str(port), transport, str(reuse)]
    return namespace.run(argv).stdout.strip()


def listener(address: str, port: int, **more: Any) -> dict[str, Any]:
    family = "ipv6" if ":" in address else "ipv4"
    return {"transport": "tcp", "family": family, "address": address, "port": port, **more}


@pytest.mark.parametrize("query", ["305", "305/udp", "127.0.0.1:305", "[::1]:305", "0.0.0.0:305"])
def test_free_is_really_free(namespace: Namespace, query: str) -> None:
    found = why(namespace, query)
    assert (found["bindable"], codes(found)) == (True, ["free"])
    assert all(each["ok"] for each in found["binds"])
    # Bindable, and left so.
    assert bound(namespace, 305, found["transport"]) == "OK"
    assert namespace.listening() == []


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        (listener("0.0.0.0", 305), ["listener", "address-overlap"]),
        (listener("::", 305, v6only=True), ["listener", "address-overlap"]),
        (listener("::", 305, v6only=False), ["listener", "address-overlap"]),
        (listener("127.0.0.1", 305), ["listener", "address-overlap"]),
        (listener("127.8.9.1", 305), ["listener", "address-overlap"]),
        (listener("::1", 305), ["listener", "address-overlap"]),
        (listener("0.0.0.0", 305, reuseport=True), ["listener", "address-overlap"]),
        (listener("0.0.0.0", 305, transport="udp"), ["listener", "address-overlap"]),
    ],
)
def test_a_listener(namespace: Namespace, opened: dict[str, Any], expected: list[str]) -> None:
    running, _ = namespace.open(opened)
    found = why(namespace, f"305/{opened['transport']}")
    assert codes(found) == expected
    assert not found["bindable"]
    assert f"(pid {running.pid})" in cause(found, "listener")["message"]
    overlap = cause(found, "address-overlap")["message"]
    if opened.get("v6only") is False:
        assert "IPV6_V6ONLY is off" in overlap
        assert not any(each["ok"] for each in found["binds"])
    else:
        free = {each["address"] for each in found["binds"] if each["ok"] and not each["reuseaddr"]}
        assert free
        assert all(address in overlap for address in free)
    other = "tcp" if opened["transport"] == "udp" else "udp"
    assert codes(why(namespace, f"305/{other}")) == ["free"]


@pytest.mark.parametrize(
    ("address", "query", "bindable"),
    [
        ("0.0.0.0", "127.0.0.1:305", False),
        ("127.0.0.1", "0.0.0.0:305", False),
        ("127.0.0.1", "127.0.0.2:305", True),
        ("127.0.0.1", "[::1]:305", True),
        ("127.0.0.1", "[::]:305", False),
        ("::", "127.0.0.1:305", False),  # dual stack, as the system opens it
        ("::1", "0.0.0.0:305", True),
    ],
)
def test_one_address_against_another(
    namespace: Namespace, address: str, query: str, bindable: bool
) -> None:
    namespace.open(listener(address, 305))
    found = why(namespace, query)
    assert found["bindable"] is bindable
    assert codes(found) == (["free"] if bindable else ["listener", "address-overlap"])


def test_an_address_that_the_machine_has_not(namespace: Namespace) -> None:
    found = why(namespace, "192.0.2.99:305")
    assert codes(found) == ["unknown"]
    assert "is not an address of this machine" in found["causes"][0]["message"]


def test_bound_and_never_listened(namespace: Namespace) -> None:
    need_bound_shown()
    running, _ = namespace.open(listener("0.0.0.0", 305, listen=False))
    found = why(namespace, 305)
    assert codes(found) == ["bound-not-listening", "address-overlap"]
    assert f"(pid {running.pid})" in cause(found, "bound-not-listening")["message"]


def test_a_connection_holds_the_port(namespace: Namespace) -> None:
    running = namespace.start([sys.executable, "-I", "-c", CLIENT_BOUND, "305"])
    assert running.read_line() == "ready\n"
    found = why(namespace, 305)
    assert not found["bindable"]
    assert codes(found) == ["outbound-connection", "address-overlap"]
    one = cause(found, "outbound-connection")
    assert f"(pid {running.pid})" in one["message"]
    assert "127.0.0.1:443 (established)" in one["message"]
    # The page of the port doesn't call it free either.
    page = " ".join(namespace.portbook("305", "--full").stdout.split())
    assert "is free" not in page
    assert "It is the local port of a connection to 127.0.0.1:443 (tcp, established)" in page
    assert f"(pid {running.pid})." in page
    assert "binding it may fail: `portbook why 305`" in page
    (seen,) = namespace.ask("305")["host"]["connections"]
    assert (seen["peer_port"], seen["state"]) == (443, "established")
    assert namespace.ask("305/udp")["host"]["connections"] == []
    assert namespace.ask("443")["host"]["connections"] is None  # something listens there
    # Seen from its other end it is the listener's.
    assert codes(why(namespace, 443)) == ["listener", "address-overlap"]


@pytest.mark.parametrize("reuse", [0, 1])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1"])
def test_time_wait(namespace: Namespace, reuse: int, address: str) -> None:
    argv = [sys.executable, "-I", "-c", TIME_WAIT, "305", str(reuse), address]
    assert namespace.run(argv).returncode == 0
    found = why(namespace, 305)
    assert codes(found)[0] == "time-wait"
    assert not found["bindable"]
    assert found["bindable_with_reuseaddr"] is bool(reuse)
    one = cause(found, "time-wait")
    assert 0 < one["seconds_left"] <= 60
    assert ("can bind it now" in one["mend"]) is bool(reuse)
    assert ("won't help this time" in one["mend"]) is not bool(reuse)
    page = " ".join(namespace.portbook("305", "--full").stdout.split())
    assert "1 closed connection still waits in TIME_WAIT for up to" in page
    # The kernel says the same to others.
    assert bound(namespace, 305) == "EADDRINUSE"
    assert bound(namespace, 305, reuse=1) == ("OK" if reuse else "EADDRINUSE")


def test_no_privilege(namespace: Namespace) -> None:
    as_nobody: dict[str, Any] = {"before": UNPRIVILEGED, "source": readable(namespace)}
    found = why(namespace, 305, **as_nobody)
    assert codes(found) == ["no-privilege"]
    assert "Ports below 1024" in found["causes"][0]["message"]
    assert found["missing"]
    above = why(namespace, 3050, **as_nobody)
    assert codes(above) == ["free"]
    allowed = ("sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=300")
    need_program("sysctl")
    assert namespace.run(allowed).returncode == 0
    assert codes(why(namespace, 305, **as_nobody)) == ["free"]
    denied = why(namespace, 299, **as_nobody)
    assert "Ports below 300" in cause(denied, "no-privilege")["message"]


def test_a_listener_of_another_user(namespace: Namespace) -> None:
    namespace.open(listener("0.0.0.0", 3050))
    found = why(namespace, 3050, before=UNPRIVILEGED, source=readable(namespace))
    assert codes(found) == ["listener", "address-overlap"]
    assert "sudo" in cause(found, "listener")["mend"]
    assert "you can't see" in cause(found, "listener")["message"]


def test_the_dynamic_range(namespace: Namespace) -> None:
    need_program("sysctl")
    for setting in ("ip_local_port_range=40000 40009", "ip_local_reserved_ports=40003,40005-40006"):
        assert namespace.run(["sysctl", "-qw", f"net.ipv4.{setting}"]).returncode == 0
    for port in (39999, 40003, 40005, 40010):
        assert codes(why(namespace, port)) == ["free"]
    for port in (40000, 40004, 40009):
        found = why(namespace, port)
        assert codes(found) == ["free", "dynamic-range"]
        assert "40000–40009" in cause(found, "dynamic-range")["message"]


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, Namespace]]:
    """A second namespace, under a name as ``ip netns`` gives it, with a listener on 305."""
    name = f"portbook-{os.getpid()}"
    with Namespace() as other:
        running, _ = other.open(listener("0.0.0.0", 305))
        made = subprocess.run(["ip", "netns", "attach", name, str(running.pid)], check=False)
        need_kernel(made.returncode == 0, "ip netns can't name a namespace here")
        try:
            yield name, other
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_another_namespace(namespace: Namespace, elsewhere: tuple[str, Namespace]) -> None:
    name, _ = elsewhere
    found = why(namespace, 305)
    assert codes(found, name) == ["free", "other-namespace"]
    (one,) = [each for each in found["causes"] if name in each["message"]]
    assert not one["blocks"]
    assert codes(why(namespace, 306), name) == ["free"]


@pytest.mark.parametrize("table", ["portbook", "nat"])
def test_a_redirect(namespace: Namespace, table: str) -> None:
    need_program("nft")
    rules = (
        f"table ip {table} {{\n"
        " chain pre { type nat hook prerouting priority -100;\n"
        "  tcp dport 305 dnat to 192.0.2.7:80\n }\n}\n"
    )
    path = namespace.folder / "rules.nft"
    path.write_text(rules)
    need_kernel(namespace.run(["nft", "-f", path]).returncode == 0, "nft can't make NAT rules here")
    found = why(namespace, 305)
    assert codes(found) == ["free", "nat-redirect"]
    assert "192.0.2.7:80" in cause(found, "nat-redirect")["message"]
    assert codes(why(namespace, "305/udp")) == ["free"]
    assert codes(why(namespace, 306)) == ["free"]
    page = namespace.portbook("305", "--full").stdout
    assert "305 is free on this machine" in page or "Nothing we can see" in page
    assert "Redirected: 305/tcp to 192.0.2.7:80" in page
    assert "Redirected" not in namespace.portbook("306").stdout
    (redirect,) = namespace.ask("305")["host"]["redirects"]
    assert redirect["to"] == "192.0.2.7:80"


def test_a_kernel_without_the_transport_is_not_called_busy(namespace: Namespace) -> None:
    found = why(namespace, "305/dccp")
    need_kernel(not found["binds"][0]["ok"], "this kernel has DCCP")
    assert codes(found) == ["unknown"]
    assert "This machine has no DCCP" in found["causes"][0]["message"]


def test_two_programs_on_one_port(namespace: Namespace) -> None:
    one, _ = namespace.open(listener("127.0.0.1", 9200))
    other, _ = namespace.open({**listener("::", 9200), "family": "ipv6", "v6only": True})
    said = " ".join(namespace.portbook("why", 9200).stdout.split())
    # Whose localhost is: what this machine's files give first.
    of = {"127.0.0.1": one.pid, "::1": other.pid}
    first = str(socket.getaddrinfo("localhost", 9200, type=socket.SOCK_STREAM)[0][4][0])
    (second,) = of.keys() - {first}
    ways = rf"localhost, {first} → [^;]+ \(pid {of[first]}\); {second} → [^;]+ \(pid {of[second]}\)"
    assert re.search(ways, said)
    listeners = namespace.ask("listen")["listeners"]
    assert len(listeners) == 2
    for each in listeners:
        (shadowed,) = [found for found in each["findings"] if found["code"] == "shadowed"]
        assert shadowed["level"] == "note"
        assert [line.split(" ")[0] for line in shadowed["evidence"][1:]] == [
            "localhost", "127.0.0.1", "::1",
        ]  # fmt: skip
        assert f"(pid {one.pid})" in shadowed["message"]
        assert f"(pid {other.pid})" in shadowed["message"]


def test_exit_statuses(namespace: Namespace) -> None:
    assert namespace.portbook("why", 305).returncode == 0
    assert namespace.portbook("why", "ssh").returncode == 0
    assert namespace.portbook("why", 0).returncode == 2
    namespace.open(listener("0.0.0.0", 305))
    assert namespace.portbook("why", 305, "--strict").returncode == 1
    as_nobody: dict[str, Any] = {"before": UNPRIVILEGED, "source": readable(namespace)}
    assert namespace.portbook("why", 3050, **as_nobody).returncode == 0
    strict = namespace.portbook("why", 3050, "--strict", **as_nobody)
    assert strict.returncode == 3
    assert "Not seen:" in strict.stdout
