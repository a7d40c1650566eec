"""Hostile processes and a machine that withholds things: told, never raw, never a failure."""

from __future__ import annotations

import json
import os
import resource
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.bind.diagnose import why_bind
from portbook.app.listen import ScanOptions, look
from portbook.host.linux.procfs import parse_mounts
from portbook.model import (
    GapCode,
    OwnerSearch,
    OwnersSeen,
    Transport,
    Visibility,
)
from tests.patience import PATIENCE
from tests.real.namespace import SOURCE, UNPRIVILEGED, Namespace
from tests.real.needs import need_kernel
from tests.real.readable import readable
from tests.values import CATALOG, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

# What a name may hold at worst: escapes, a bidirectional override, line breaks, stray bytes, a C1
# control, a zero-width space, and the end of a JSON string.
NASTY = (
    b'\x1b[2J\x1b]0;x\x07\n\r\t\xe2\x80\xae\xff\xc2\x9b31m\xe2\x80\x8b\xed\xa0\x80"}\\ ${x} {port}'
)
FORBIDDEN = (
    "\x1b",
    "\x07",
    "\r",
    "\t",
    "\x9b",
    "\u202e",
    "\u200b",
    "\ufffd",
)

# Listens on 305 under a name of its own making; 100 kB of arguments are on its command line.
HOSTILE = """
import os, socket, sys
with open("/proc/self/comm", "wb") as file:
    file.write(bytes.fromhex(sys.argv[1]))
made = socket.socket()
made.bind(("0.0.0.0", 305))
made.listen()
print("ready", flush=True)
sys.stdin.read()
"""


def clean(done: subprocess.CompletedProcess[bytes]) -> str:
    """What was printed, held to be harmless."""
    assert b"Traceback" not in done.stderr, done.stderr
    for stream in (done.stdout, done.stderr):
        text = stream.decode("utf-8")  # strictly
        assert not any(each in text for each in FORBIDDEN)
        assert all(line.isprintable() for line in text.split("\n"))
    return done.stdout.decode()


@pytest.fixture(params=["name", "arguments", "executable"])
def hostile(namespace: Namespace, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace with one listener on 305, which is hostile in one way."""
    python, name, arguments = sys.executable, b"web", [b"x"]
    if request.param == "name":
        name = NASTY[:15]
    elif request.param == "arguments":
        arguments = [NASTY, b"", b"A" * 100_000, NASTY * 100]
    else:
        # A file of its own, so that /proc/PID/exe has the name.
        odd = os.fsencode(namespace.folder) + b"/" + NASTY.replace(b"/", b"")[:60]
        base = os.path.realpath(sys.executable)
        need_kernel(os.path.exists(base), "no interpreter to copy")
        Path(os.fsdecode(odd)).write_bytes(Path(base).read_bytes())
        os.chmod(odd, 0o755)
        python = os.fsdecode(odd)
    environ = {**os.environ}
    if request.param == "executable":
        environ["PYTHONHOME"] = sys.base_prefix
    process = subprocess.Popen(
        [*namespace.command(()), python, "-S", "-c", HOSTILE, name.hex(), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        cwd="/",
    )
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        process.communicate()
        need_kernel(False, "an interpreter that is copied elsewhere doesn't start here")
    yield namespace
    process.communicate()


def asked(namespace: Namespace, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        namespace.command([sys.executable, "-m", "portbook", *arguments]),
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "FORCE_COLOR": "0"},
    )


@pytest.mark.parametrize(
    "arguments",
    [("305",), ("listen",), ("listen", "--detail"), ("why", "305"), ("300-310",)],
    ids=" ".join,
)
def test_nothing_raw_of_a_hostile_process_is_shown(
    hostile: Namespace, arguments: tuple[str, ...]
) -> None:
    done = asked(hostile, *arguments)
    assert done.returncode in (0, 1)
    if "listen" in arguments:  # its nine fields stand between tabs
        for record in done.stdout.splitlines():
            assert record.count(b"\t") == 8
        done = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.replace(b"\t", b" "), done.stderr
        )
    assert "305" in clean(done)


@pytest.mark.parametrize(
    "arguments",
    [("305", "--json"), ("listen", "--json"), ("listen", "--jsonl"), ("why", "305", "--json")],
    ids=" ".join,
)
def test_nothing_raw_of_a_hostile_process_is_in_the_json(
    hostile: Namespace, arguments: tuple[str, ...]
) -> None:
    text = clean(asked(hostile, *arguments))
    assert text.isascii()
    json.dumps(json.loads(text), ensure_ascii=False).encode()  # no lone surrogate


# -- what is withheld --------------------------------------------------------------------------


def in_mounts(*commands: str) -> tuple[str, ...]:
    """What goes before a command so that it runs behind mounts of its own."""
    script = " && ".join((*commands, 'exec "$@"'))
    return ("unshare", "--mount", "--", "sh", "-c", script, "sh")


def opened(namespace: Namespace, port: int = 305) -> int:
    running, _ = namespace.open(
        {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": port}
    )
    return running.pid


def test_hidden_processes(namespace: Namespace) -> None:
    opened(namespace)
    hidden = in_mounts("mount -t proc -o hidepid=2 proc /proc")
    need_kernel(namespace.run((*hidden, "true")).returncode == 0, "no /proc can be mounted here")
    before: dict[str, Any] = {"before": (*hidden, *UNPRIVILEGED), "source": readable(namespace)}
    found = namespace.ask("listen", **before)
    (listener,) = found["listeners"]
    assert (listener["owners"], listener["owners_seen"]) == ([], "hidden")
    assert found["visibility"] == "partial"
    assert found["missing"]
    assert "owner-hidden" in [finding["code"] for finding in listener["findings"]]
    for arguments in (("listen",), ("305", "--full"), ("why", 3050)):
        assert namespace.portbook(*arguments, "--strict", **before).returncode == 3
        done = namespace.portbook(*arguments, **before)
        assert "not seen: " in (done.stdout + done.stderr).lower()
    said = " ".join(namespace.portbook("why", 305, **before).stdout.split())
    assert "you can't see (try sudo)" in said


def test_no_control_groups(namespace: Namespace) -> None:
    pid = opened(namespace)
    bare = in_mounts("mount -t tmpfs tmpfs /sys/fs/cgroup")
    need_kernel(namespace.run((*bare, "true")).returncode == 0, "nothing can be mounted here")
    found = namespace.ask("305", before=bare)
    (listener,) = found["host"]["listeners"]
    assert [owner["pid"] for owner in listener["owners"]] == [pid]


def test_no_proc(namespace: Namespace) -> None:
    opened(namespace)
    bare = in_mounts("mount -t tmpfs tmpfs /proc")
    need_kernel(namespace.run((*bare, "true")).returncode == 0, "nothing can be mounted here")
    found = namespace.ask("listen", "--all-namespaces", before=bare)
    (listener,) = found["listeners"]
    assert listener["owners_seen"] == "hidden"
    assert found["visibility"] == "partial"
    assert any("network namespaces" in gap["message"] for gap in found["missing"])
    strict = namespace.portbook("listen", "--strict", before=bare)
    assert strict.returncode == 3
    why = namespace.portbook("why", 305, "--json", before=bare)
    assert (why.returncode, why.stderr) == (1, "")
    assert json.loads(why.stdout)["causes"][0]["code"] == "listener"


@pytest.fixture
def unprivileged(namespace: Namespace) -> Any:
    return {"before": UNPRIVILEGED, "source": readable(namespace)}


def test_another_users_sockets(namespace: Namespace, unprivileged: Any) -> None:
    opened(namespace)
    found = namespace.ask("listen", "--all-namespaces", "--detail", **unprivileged)
    assert [each["port"] for each in found["listeners"]] == [305]
    assert found["listeners"][0]["owners_seen"] in ("hidden", "inferred")
    said = "\n".join(gap["message"] for gap in found["missing"])
    assert "NAT rules are visible to root only" in said or "conntrack" in os.listdir("/proc/net")
    assert len(found["missing"]) == len({gap["message"] for gap in found["missing"]})
    strict = namespace.portbook("listen", "--strict", **unprivileged)
    assert strict.returncode == 3


@pytest.mark.usefixtures("own_network")
def test_no_descriptors_left() -> None:
    """Nothing more can be opened: neither netlink nor /proc, nor a socket to try a bind with."""
    depth = ScanOptions(OwnerSearch.ALL)
    look(None, None, depth, CATALOG)  # the data files are open from here on
    why_bind(305, Transport.TCP, CATALOG)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        highest = max(map(int, os.listdir("/proc/self/fd")))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        while True:
            try:
                stack.callback(os.close, os.dup(0))
            except OSError:
                break
        seen = look(None, None, depth, CATALOG)
        everywhere = look((305, 305), Transport.TCP, depth._replace(everywhere=True), CATALOG)
        why = why_bind(305, Transport.TCP, CATALOG)
    for host in (seen, everywhere):
        assert host.listeners == ()
        assert host.visibility is Visibility.PARTIAL
        assert "Too many open files" in " ".join(sentences(host.missing))
    assert why.causes[0].code == "unknown"
    assert any(gap.code is GapCode.BIND_UNTRIED for gap in why.missing)


@pytest.mark.usefixtures("own_network")
def test_too_few_descriptors_for_the_owners() -> None:
    """The sockets are listed, and what holds them can't be looked up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        made = stack.enter_context(socket.socket())
        made.bind(("127.0.0.1", 0))
        made.listen()
        port = made.getsockname()[1]
        look(
            (port, port), Transport.TCP, ScanOptions(OwnerSearch.ALL), CATALOG
        )  # the data files are open from here on
        highest = max(map(int, os.listdir("/proc/self/fd")))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        spare = []
        while True:
            try:
                spare.append(os.dup(0))
            except OSError:
                break
        for descriptor in spare[1:]:
            stack.callback(os.close, descriptor)
        os.close(spare[0])  # one is left: for netlink, then for one file at a time
        seen = look((port, port), Transport.TCP, ScanOptions(OwnerSearch.ALL), CATALOG)
    (listener,) = seen.listeners
    assert listener.ownership.owners or (
        listener.ownership.seen is OwnersSeen.HIDDEN and seen.visibility is Visibility.PARTIAL
    )


@pytest.mark.parametrize("limit", [5, 6, 8, 10, 14])
@pytest.mark.parametrize(
    "arguments", [("305",), ("listen", "--strict"), ("why", "305"), ("why", "305", "--json")]
)
def test_a_process_that_may_open_few_files_says_so_in_a_line(
    limit: int, arguments: tuple[str, ...]
) -> None:
    command = shlex.join([sys.executable, "-m", "portbook", *arguments])
    done = subprocess.run(
        ["sh", "-c", f"ulimit -n {limit}; exec {command}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2, 3)
    if done.returncode == 2:
        assert done.stderr.startswith("portbook: ")
        assert "Too many open files" in done.stderr
        assert done.stderr.count("\n") == 1


# -- a runtime that hangs ----------------------------------------------------------------------

# Behind a /run of its own: a socket where Docker's is, that takes connections and never answers.
HANGING = """
import socket, subprocess, sys
door = socket.socket(socket.AF_UNIX)
door.bind("/run/docker.sock")
door.listen(64)
sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
"""


@pytest.fixture
def contained(namespace: Namespace) -> Iterator[Namespace]:
    """A listener on 305 in a control group named as Docker names them."""
    mounts = parse_mounts(Path("/proc/self/mounts").read_bytes())
    mount = next((each.path for each in mounts if each.type == "cgroup2"), None)
    need_kernel(mount is not None, "no cgroup2 is mounted")
    group = Path(mount or "") / f"docker-{os.getpid():064x}.scope"
    try:
        group.mkdir()
    except OSError:
        need_kernel(False, "no control group can be made here")
    try:
        into = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
        namespace.open(
            {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 305}, before=into
        )
        yield namespace
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
        group.rmdir()


def test_a_runtime_that_hangs_is_a_note(contained: Namespace) -> None:
    private = in_mounts("mount -t tmpfs tmpfs /run")
    need_kernel(contained.run((*private, "true")).returncode == 0, "nothing can be mounted here")
    before = (*private, sys.executable, "-I", "-c", HANGING)
    found = contained.ask("listen", "--detail", before=before)
    (listener,) = found["listeners"]
    (owner,) = listener["owners"]
    assert owner["container"] == f"docker:{os.getpid():064x}"[:19]
    assert owner["container_name"] is None
    assert f"the name of {owner['container']} is not known: docker did not answer in time" in [
        gap["message"] for gap in found["missing"]
    ]
    assert found["visibility"] == "partial"
    strict = contained.portbook("listen", "--detail", "--strict", before=before)
    assert strict.returncode == 3
    assert "docker did not answer in time" in strict.stderr
    # A container's name is asked for whether or not there are other details to give.
    assert any(
        "docker" in gap["message"] for gap in contained.ask("listen", before=before)["missing"]
    )
