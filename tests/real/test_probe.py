"""``--probe`` against real servers: what each speaks, on its own port and on a foreign one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.fleet import FLEET, Member, deal
from tests.real.namespace import SOURCE, interpreter
from tests.real.needs import need_program
from tests.real.servers import SERVERS

if TYPE_CHECKING:
    from tests.real.namespace import Namespace

pytestmark = pytest.mark.real

# The server, and what it speaks over each of its ports.
SPOKEN = {
    "sshd": "ssh", "nginx": "http", "postgresql": "postgresql", "redis": "redis",
    "mariadb": "mysql", "memcached": "memcached", "mosquitto": "mqtt", "dnsmasq": "dns",
    "unbound": "dns", "apache2": "http", "bind9": "dns", "dropbear": "ssh", "etcd": "http",
    "exim": "smtp", "haproxy": "http", "lighttpd": "http", "rsync": "rsync", "vsftpd": "ftp",
}  # fmt: skip
MACHINES = deal(FLEET)


# portbook that gives a service more than half a second: this machine may be busy.
PATIENT = """
import sys
from portbook.host.probe import session
session.TIME = 5.0
from portbook.__main__ import main
sys.exit(main())
"""


def probed(namespace: Namespace, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return namespace.run([interpreter(), "-c", PATIENT, *arguments, "--probe"], env=environ)


def listened(namespace: Namespace, *options: str) -> list[dict[str, Any]]:
    done = probed(namespace, "listen", "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["listeners"]
    return found


def codes(listener: dict[str, Any]) -> set[str]:
    return {each["code"] for each in listener["findings"]}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: f"{len(each)}-servers")
def test_servers_on_their_own_ports(
    machine: list[Member],
    namespace: Namespace,
    tmp_path_factory: pytest.TempPathFactory,
    data: Path,
) -> None:
    running = {member.name: member.start(namespace, data / member.name) for member in machine}
    for member in machine:
        for port, transport in member.sockets:
            namespace.wait_for(running[member.name], port, (transport,))
    found = listened(namespace)
    assert machine
    for member in machine:
        assert member.sockets
        for port, transport in member.sockets:
            mine = [
                each for each in found if (each["port"], each["transport"]) == (port, transport)
            ]
            assert mine, member.name
            for each in mine:
                # What it answers never speaks against a server on its own port.
                assert "speaks-otherwise" not in codes(each), (member.name, each["speaks"])
                if member.name in SPOKEN and (transport == "tcp" or SPOKEN[member.name] == "dns"):
                    speaks = each["speaks"]
                    assert speaks["state"] == "identified", (member.name, speaks)
                    assert speaks["protocol"] == SPOKEN[member.name], (member.name, speaks)
                    evidence = [line for found in each["findings"] for line in found["evidence"]]
                    assert any("asked: " in line for line in evidence), (member.name, evidence)


@pytest.mark.parametrize("name", ["sshd", "nginx", "redis", "mariadb", "postgresql", "mosquitto"])
def test_servers_on_foreign_ports(name: str, namespace: Namespace, data: Path) -> None:
    server = SERVERS[name]
    server.start(namespace, data / name, server.foreign)
    found = listened(namespace, "--port", str(server.foreign))
    assert {each["speaks"]["protocol"] for each in found} == {SPOKEN[name]}
    assert not any("expected" in codes(each) for each in found)


def test_nothing_is_asked_unasked(namespace: Namespace, data: Path) -> None:
    running = SERVERS["redis"].start(namespace, data / "redis")
    done = namespace.portbook("listen", "--json")
    listeners = json.loads(done.stdout)["listeners"]
    assert listeners
    assert all(each["speaks"] is None for each in listeners)
    assert namespace.ask("show", "6379")["host"]["listeners"][0]["speaks"] is None
    assert running.process.poll() is None


def test_show_tells_it(namespace: Namespace, data: Path) -> None:
    SERVERS["nginx"].start(namespace, data / "nginx")
    done = probed(namespace, "80", "--full")
    assert "speaks" in done.stdout
    assert "http (HTTP/1.1" in done.stdout
    lines = done.stdout.partition("\nThis machine\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) > 3
    assert [line for line in lines if len(line) > 80 and "http://" not in line] == []


def test_nginx_with_tls(namespace: Namespace, data: Path) -> None:
    need_program("openssl")
    need_program(SERVERS["nginx"].executable)
    folder = namespace.folder
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-keyout", folder / "key", "-out", folder / "cert", "-subj", "/CN=cn.example.org",
            "-addext", "subjectAltName=DNS:www.example.org",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "nginx").mkdir()
    argv = SERVERS["nginx"].argv(folder / "nginx", 443)
    config = folder / "nginx" / "nginx.conf"
    config.write_text(
        config.read_text().replace(
            "listen 443; listen [::]:443;",
            f"listen 443 ssl http2; ssl_certificate {folder}/cert;"
            f"ssl_certificate_key {folder}/key;",
        )
    )
    running = namespace.start(argv)
    namespace.wait_for(running, 443)
    (found,) = listened(namespace)
    assert found["speaks"] == {
        "state": "identified", "protocol": "http", "detail": "HTTP/2", "tls": True, "alpn": "h2",
        "certificate_names": ["www.example.org"],
    }  # fmt: skip
    assert "expected" in codes(found)


def test_only_what_is_kept_is_asked(namespace: Namespace, data: Path) -> None:
    SERVERS["redis"].start(namespace, data / "redis")
    SERVERS["memcached"].start(namespace, data / "memcached")
    found = listened(namespace, "--program", "memcached")
    assert {each["owners"][0]["program"] for each in found} == {"memcached"}
    one = listened(namespace, "--port", "6379")
    assert {each["speaks"]["protocol"] for each in one} == {"redis"}


OWN = """
from portbook.host.probe.local_address import (OwnAddress)
from portbook.errors import NotThisMachine
import sys
for address in sys.argv[1:]:
    try:
        OwnAddress(address)
    except NotThisMachine:
        print("no")
    else:
        print("yes")
"""


def add_addresses(namespace: Namespace) -> None:
    for address in ("192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/128"):
        # RFC 4862, 5.4: an IPv6 address is nobody's until the others were asked about it.
        at_once = ["nodad"] if ":" in address else []
        done = namespace.run(["ip", "addr", "add", address, "dev", "lo", *at_once])
        assert not done.returncode, done.stderr


def test_the_kernel_decides_what_is_ours(namespace: Namespace) -> None:
    """Secondary addresses are ours; others aren't, whatever may be bound (ip_nonlocal_bind)."""
    add_addresses(namespace)
    for family in ("ipv4", "ipv6"):
        done = namespace.run(["sysctl", "-qw", f"net.{family}.ip_nonlocal_bind=1"])
        assert not done.returncode, done.stderr
    ours = ["192.0.2.10", "192.0.2.11", "2001:db8::10", "127.0.0.7", "::1"]
    theirs = ["198.51.100.1", "203.0.113.7", "2001:db8::11"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    done = namespace.run([sys.executable, "-c", OWN, *ours, *theirs], env=environ)
    assert done.stdout.split() == ["yes"] * len(ours) + ["no"] * len(theirs), done.stderr


def test_one_that_is_bound_to_an_address_of_ours(namespace: Namespace) -> None:
    add_addresses(namespace)
    code = (
        "import socket; server = socket.create_server(('192.0.2.11', 2222));"
        "print('up', flush=True)\n"
        "while True:\n    one, _ = server.accept(); one.sendall(b'SSH-2.0-here\\r\\n')"
    )
    running = namespace.start([sys.executable, "-I", "-c", code])
    assert running.read_line() == "up\n"
    (found,) = listened(namespace)
    assert found["speaks"]["detail"] == "SSH-2.0-here"


# -- one that never accepts ---------------------------------------------------------------------

STUCK = """
import socket, sys
made = socket.socket()
made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
made.bind(("127.0.0.1", 7070))
made.listen(int(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def waiting(namespace: Namespace) -> int:
    """The connections in the accept queue of 7070, by the kernel's own table."""
    (line,) = namespace.run(["ss", "-Hltn", "sport = :7070"]).stdout.splitlines()
    return int(line.split()[1])


@pytest.mark.parametrize("backlog", [0, 1, 3])
def test_a_server_that_never_accepts_has_one_connection_of_ours_at_most(
    namespace: Namespace, backlog: int
) -> None:
    running = namespace.start([sys.executable, "-I", "-c", STUCK, str(backlog)])
    assert running.read_line() == "ready\n"
    for _ in range(3):  # and asked again, it isn't bothered again
        (listener,) = listened(namespace)
        assert listener["speaks"]["state"] in ("silent", "unasked")
        assert waiting(namespace) <= (1 if backlog else 0)
    (listener,) = namespace.ask("listen")["listeners"]
    assert "backlog-full" not in codes(listener)
    plan = json.loads(namespace.portbook("stop", 7070, "--json").stdout)
    assert plan["lost"] == [], "what portbook left there is nobody's loss"
    assert namespace.run(["ss", "-Htn", "sport = :7070"]).stdout.count("CLOSE-WAIT") <= 1
