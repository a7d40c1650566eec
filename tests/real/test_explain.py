"""What the real tools print of sockets that are known, read back: all of them, and no others.

Each tool runs in the namespace where the sockets are; masscan runs in another one beside it.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.explain import _resolver, merge
from portbook.formats.fields import NOT_UNDERSTOOD, Line
from portbook.formats.sockets.detect import read
from portbook.model import Listener
from tests.real.namespace import SOURCE, Namespace, interpreter
from tests.real.needs import need_kernel, need_program
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.real

LISTENS = (
    ("tcp", "ipv4", "0.0.0.0", 80),
    ("tcp", "ipv4", "127.0.0.1", 5432),
    ("tcp", "ipv6", "::1", 631),
    ("tcp", "ipv6", "::", 8080),
    ("udp", "ipv4", "0.0.0.0", 53),
    ("udp", "ipv6", "::1", 5353),
)
SOCKETS = {f"{t} {f'[{a}]' if ':' in a else a}:{p}" for t, _, a, p in LISTENS}
TCP = {socket for socket in SOCKETS if socket.startswith("tcp")}


@pytest.fixture
def known(namespace: Namespace) -> tuple[Namespace, set[int]]:
    """A namespace with the sockets above, a connection, and who holds them: two processes."""
    wishes = [
        {"transport": t, "family": f, "address": a, "port": p, "v6only": False}
        for t, f, a, p in LISTENS
    ]
    for wish in wishes:
        if wish["family"] == "ipv4":
            del wish["v6only"]
    _, said = namespace.open(*wishes, forks=1)
    namespace.open(
        {"transport": "tcp", "family": "ipv4", "address": "127.0.0.1", "port": 0, "connect": 80}
    )
    return namespace, {pid for each in said for pid in each["pids"]}


def seen(text: str, form: str) -> tuple[list[Listener], list[Line]]:
    """What is read of a tool's output; nothing of it may be not understood."""
    chosen, events = read([text.encode("utf-8", "surrogateescape")], None, _resolver(CATALOG))
    assert chosen.name == form
    found = list(events)
    lines = [each for each in found if isinstance(each, Line)]
    assert [each for each in lines if each.what == NOT_UNDERSTOOD] == []
    return merge(each for each in found if isinstance(each, Listener)), lines


def output(namespace: Namespace, argv: Sequence[str]) -> str:
    done = namespace.run([need_program(argv[0]), *argv[1:]])
    # lsof ends with 1 where it could not tell something of some file.
    assert done.stdout, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "flags",
    [
        "-tulnp", "-tuln", "-Htulnp", "-tulnpe", "-tulnpem", "-tulnpi", "-tulnpO", "-tulnpimeoO",
        "-tuanp", "-anp", "-Hanp", "-tulp",  "--tcp --udp --listening --cgroup -n",
    ],
)  # fmt: skip
def test_ss(known: tuple[Namespace, set[int]], flags: str) -> None:
    namespace, pids = known
    sockets, lines = seen(output(namespace, ["ss", *flags.split()]), "ss")
    assert {each.socket.name for each in sockets} == SOCKETS
    owners = {owner.pid for each in sockets for owner in each.ownership.owners}
    assert owners == (pids if "p" in flags.replace("--", "") and "cgroup" not in flags else set())
    left_out = {each.what for each in lines}
    assert ("connection" in left_out) == ("a" in flags and "cgroup" not in flags)


@pytest.mark.parametrize(
    ("command", "transport"),
    [
        ("ss -tln", "tcp"),
        ("ss -tlnp", "tcp"),
        ("ss -uln", "udp"),
        ("ss -ulnpe", "udp"),
        ("ss -Htn state listening", "tcp"),
        ("ss -tn state listening", "tcp"),
    ],
)
def test_ss_without_some_columns(
    known: tuple[Namespace, set[int]], command: str, transport: str
) -> None:
    namespace, _ = known
    sockets, _ = seen(output(namespace, command.split()), "ss")
    expected = TCP if transport == "tcp" else SOCKETS - TCP
    assert {each.socket.name for each in sockets} == expected


@pytest.mark.parametrize("flags", ["-tulnp", "-tuln", "-tunape", "-anp", "-tulnpoe", "-tulp"])
def test_netstat(known: tuple[Namespace, set[int]], flags: str) -> None:
    namespace, pids = known
    sockets, _ = seen(output(namespace, ["netstat", flags]), "netstat")
    assert {each.socket.name for each in sockets} == SOCKETS
    # netstat names one process of those that share a socket.
    owners = {owner.pid for each in sockets for owner in each.ownership.owners}
    assert owners <= pids
    assert bool(owners) == ("p" in flags)
    if "e" in flags:
        assert {each.socket.uid for each in sockets} <= {0, None}
        assert all(each.socket.inode or each.socket.uid is None for each in sockets)


@pytest.mark.parametrize(
    ("argv", "form"),
    [
        (["lsof", "-nP", "-i"], "lsof"),
        (["lsof", "-i"], "lsof"),
        (["lsof", "-nP", "+c0", "-i"], "lsof"),
        (["lsof", "-nP", "-i", "-F"], "lsof-fields"),
        (["lsof", "-nP", "-i", "-F0"], "lsof-fields"),
        (["lsof", "-nP", "-i", "-Fpcun0PtTd"], "lsof-fields"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else each,
)
def test_lsof(known: tuple[Namespace, set[int]], argv: list[str], form: str) -> None:
    namespace, pids = known
    sockets, lines = seen(output(namespace, argv), form)
    assert {each.socket.name for each in sockets} == SOCKETS
    held = {each.socket.name: {owner.pid for owner in each.ownership.owners} for each in sockets}
    assert held == dict.fromkeys(SOCKETS, pids)
    assert {each.ownership.seen for each in sockets} == {"first"}
    assert "connection" in {each.what for each in lines}


def test_the_kernels_tables(known: tuple[Namespace, set[int]]) -> None:
    namespace, _ = known
    tables = [f"/proc/net/{name}" for name in ("tcp", "tcp6", "udp", "udp6")]
    sockets, _ = seen(output(namespace, ["cat", *tables]), "proc-net")
    assert {each.socket.name for each in sockets} == SOCKETS
    listed = {bound.inode for bound in namespace.listening()}
    assert {each.socket.inode for each in sockets} == listed


@pytest.mark.parametrize(
    ("flags", "form"), [("-oN", "nmap"), ("-oG", "nmap-grepable"), ("-oX", "nmap-xml")]
)
def test_nmap(known: tuple[Namespace, set[int]], flags: str, form: str) -> None:
    namespace, _ = known
    argv = ["nmap", "-n", "-Pn", "-sT", "-p", "79-81,631,5432,8080", "127.0.0.1", flags, "-"]
    sockets, lines = seen(output(namespace, argv), form)
    reached = {f"tcp 127.0.0.1:{port}" for port in (80, 5432, 8080)}
    assert {each.socket.name for each in sockets} == reached
    assert all(each.socket.scanned and each.socket.reach == "address" for each in sockets)
    assert sum(each.many for each in lines if each.what == "closed") == 3


def test_nmap_says_where_udp_may_be_either(known: tuple[Namespace, set[int]]) -> None:
    namespace, _ = known
    argv = ["nmap", "-n", "-Pn", "-sU", "-p", "52,53", "127.0.0.1", "-oX", "-"]
    sockets, lines = seen(output(namespace, argv), "nmap-xml")
    assert sockets == []
    assert {each.what: each.many for each in lines if each.many} == {
        "closed": 1,
        "open|filtered": 1,
    }


@pytest.fixture
def beside(known: tuple[Namespace, set[int]]) -> Iterator[Namespace]:
    """Another namespace, with a cable to the known one: 192.0.2.2 there, 192.0.2.1 here."""
    namespace, _ = known
    with Namespace() as other:
        (holder,) = other.pids()[:1]
        commands = (
            (namespace, f"ip link add near type veth peer name far netns {holder}"),
            (namespace, "ip address add 192.0.2.1/24 dev near"),
            (namespace, "ip link set near up"),
            (other, "ip address add 192.0.2.2/24 dev far"),
            (other, "ip link set far up"),
        )
        for where, command in commands:
            done = where.run(command.split())
            need_kernel(done.returncode == 0, f"no pair of veth devices can be made: {done.stderr}")
        yield other


MASSCAN = {
    "-oL": "masscan-list", "-oJ": "masscan-json", "-oX": "nmap-xml", "-oG": "nmap-grepable",
}  # fmt: skip


def test_masscan(known: tuple[Namespace, set[int]], beside: Namespace) -> None:
    """In each of its forms, by scans at the same time: each waits ten seconds at least."""
    namespace, _ = known
    need_program("masscan")
    near = json.loads(namespace.run(["ip", "-j", "link", "show", "near"]).stdout)
    argv = [
        "masscan", "192.0.2.1", "-p79-81,8080", "--interface", "far", "--adapter-ip", "192.0.2.2",
        "--router-mac", str(near[0]["address"]), "--rate", "200", "--wait", "1", "--retries", "2",
    ]  # fmt: skip
    with ThreadPoolExecutor(len(MASSCAN)) as threads:
        scans = {
            form: threads.submit(output, beside, [*argv, flag, "-"])
            for flag, form in MASSCAN.items()
        }
    assert len(scans) == 4
    for form, scan in scans.items():
        listeners, _ = seen(scan.result(), form)
        assert listeners, form
        names = {listener.socket.name for listener in listeners}
        assert names == {"tcp 192.0.2.1:80", "tcp 192.0.2.1:8080"}, form
        assert all(listener.socket.scanned for listener in listeners), form


def test_the_command_as_a_whole(known: tuple[Namespace, set[int]]) -> None:
    """Through a pipe, as people use it; and portbook's own list is read with its findings.

    Only what to do is told for another machine: a list may have been kept on any.
    """
    namespace, _ = known
    command = f"ss -tulnp | {interpreter(False)} -m portbook explain --json"
    environ: dict[str, Any] = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = namespace.run(["sh", "-c", command], env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["format"], len(told["sockets"])) == ("ss", len(SOCKETS))
    own = namespace.ask("listen")
    (namespace.folder / "own.json").write_text(json.dumps(own))
    again = namespace.ask("explain", str(namespace.folder / "own.json"))
    assert own["listeners"]
    assert all(each["uptime_s"] is not None for each in own["listeners"])
    there, here = json.dumps(again["sockets"]), json.dumps(own["listeners"])
    assert there.replace("Ask it on that machine:", "Ask it:") == here
    assert there.count("Ask it on that machine:") == here.count("Ask it:") > 0
