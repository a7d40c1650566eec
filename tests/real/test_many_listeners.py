"""A machine with very many listeners: the memory that commands and pages take.

10,000 of them may take 300 MB, under ``make proof``; fewer otherwise, and as much less.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from portbook.cli import COMMANDS as EVERY_COMMAND
from tests.catalog.update.test_versions import reading_small
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.namespace import SOURCE, Namespace, Running
from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it makes a namespace"),
]
COUNT = 10_000 if PROOF else 1_000
FIRST = 20_000
STREAMS = 64
# Python, the registry, what is known of ports and, for audit, an engine: the rest is for the
# listeners.
MOST_KB = 300_000 if PROOF else 150_000
AUDIT_KB = 290_000

_LISTENERS = """
import resource, socket, sys
first, count = map(int, sys.argv[1:])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
kept = [socket.create_server(("127.0.0.1", first + n), backlog=1) for n in range(count)]
print("ready", flush=True)
sys.stdin.read()
"""
# What it runs is told to end after so many seconds, if any. Prints the status and the memory that
# it took at most. A process of its own: a child counts its parent's memory until it calls exec.
_MEASURE = """
import os, signal, sys, time
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
if float(sys.argv[1]):
    time.sleep(float(sys.argv[1]))
    os.kill(pid, signal.SIGINT)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""
_READERS = """
import select, socket, sys, time
port, token, count, reads = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "read"
head = "GET /here/events HTTP/1.1\\r\\nHost: localhost\\r\\n"
head += f"Authorization: Bearer {token}\\r\\n\\r\\n"
readers = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for reader in readers:
    reader.sendall(head.encode())
print("asked", flush=True)
ends = dict.fromkeys(readers, b"")
while reads and not all(b"]}\\n\\n" in end for end in ends.values()):
    for reader in select.select(readers, [], [])[0]:
        ends[reader] = (ends[reader] + reader.recv(1 << 20))[-1000:]
print("read", flush=True)
sys.stdin.read()
"""


class Crowded(NamedTuple):
    """A namespace full of listeners, and files that say what listens there."""

    namespace: Namespace
    folder: Path

    def portbook(self, *arguments: str, seconds: float = 0) -> tuple[int, int, str]:
        """Runs portbook: its status, its memory at most in kB, its output."""
        run = [sys.executable, "-I", "-S", "-c", _MEASURE, str(seconds), sys.executable]
        env = {**os.environ, "XDG_DATA_HOME": str(self.folder)}
        if arguments[0] == "export" and not PROOF:  # the site of a small registry has few pages
            env = reading_small(self.folder / "small")
        if arguments[0] == "note":  # it writes notes, which the other tests don't read
            env |= {"XDG_CONFIG_HOME": str(self.folder / "config")}
            del env["PORTBOOK_NOTES"]
        env["PYTHONPATH"] = str(SOURCE)
        done = self.namespace.run([*run, "-m", "portbook", *arguments], env=env)
        *errors, last = done.stderr.strip().splitlines()
        assert [line for line in errors if not line.startswith("portbook: not seen: ")] == []
        status, kilobytes = map(int, last.split())
        return status, kilobytes, done.stdout


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    folder = tmp_path_factory.mktemp("crowded")
    with Namespace() as namespace:
        command = [sys.executable, "-I", "-S", "-c", _LISTENERS, str(FIRST), str(COUNT)]
        assert namespace.start(command).read_line() == "ready\n"
        need_program("ss")
        (folder / "ss.txt").write_text(namespace.run(["ss", "-tulnp"]).stdout)
        made = Crowded(namespace, folder)
        (folder / "own.json").write_text(made.portbook("listen", "--json")[2])
        rows = [
            {"pid": "1", "port": str(FIRST + n), "protocol": "6", "family": "2",
             "address": "127.0.0.1", "name": "x"}
            for n in range(COUNT)
        ]  # fmt: skip
        (folder / "osquery.json").write_text(json.dumps(rows))
        yield made


PORT = str(FIRST + COUNT // 2)
FILES = {
    "ss.txt", "own.json", "osquery.json", "rows.csv", "answer.html", "ports.png", "site",
}  # fmt: skip
COMMANDS = {
    "listen": ("listen",),
    "listen --json": ("listen", "--json"),
    "listen --jsonl": ("listen", "--jsonl"),
    "listen --detail --all-namespaces": ("listen", "--detail", "--all-namespaces"),
    "listen --watch": ("listen", "--watch", "--interval", "0.5"),
    "show": ("show", PORT),
    "show --json": ("show", PORT, "--all-owners", "--json"),
    "show of a range": ("show", f"{FIRST}-{FIRST + COUNT - 1}"),
    "show of a range --json": ("show", f"{FIRST}-{FIRST + COUNT - 1}", "--json"),
    "why": ("why", PORT),
    "why --json": ("why", PORT, "--json"),
    "reach": ("reach", PORT),
    "reach --json": ("reach", PORT, "--json"),
    "stop": ("stop", PORT),
    "wait": ("wait", PORT),
    "pick": ("pick",),
    "explain": ("explain", "ss.txt"),
    "explain --json": ("explain", "ss.txt", "--json"),
    "explain --jsonl": ("explain", "ss.txt", "--jsonl"),
    "explain of portbook's own": ("explain", "own.json", "--json"),
    "explain --against": ("explain", "ss.txt", "--against", "own.json"),
    "audit": ("audit", "osquery.json"),
    "audit --json": ("audit", "osquery.json", "--json"),
    "audit -o": ("audit", "osquery.json", "--rows", "rows.csv", "-o", "answer.html"),
    "notes": ("notes",),
    "note": ("note", PORT, "shop"),
    "search": ("search", "postgress"),
    "topic": ("topic", "refused"),
    "blocks": ("blocks",),
    "doctor": ("doctor",),
    "completion": ("completion", "bash"),
    "stats": ("stats",),
    "history": ("history", PORT),
    "update": ("update", "--list"),
    "feedback": ("feedback",),
    "map": ("map",),
    "map -o": ("map", "-o", "ports.png"),
    "export": ("export", "site", "--only", f"{FIRST}-{FIRST + 100}", "--jobs", "2"),
}


def test_no_command_is_left_out() -> None:
    measured = {words[0] for words in COMMANDS.values()}
    assert measured == EVERY_COMMAND.keys() - {"serve"}  # whose pages are measured below


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_little_memory(crowded: Crowded, name: str) -> None:
    arguments = [str(crowded.folder / word) if word in FILES else word for word in COMMANDS[name]]
    watches = "--watch" in arguments  # it says what changes, and nothing does
    seconds = (30 if PROOF else 10) if watches else 0
    status, kilobytes, output = crowded.portbook(*arguments, seconds=seconds)
    assert status in ((130,) if watches else (0, 1)), output[-500:]
    assert watches or output or "-o" in arguments
    assert kilobytes < (AUDIT_KB if name.startswith("audit") else MOST_KB)


# -- the page of this machine -----------------------------------------------------------------


class Served(NamedTuple):
    """A server in the namespace."""

    running: Running
    port: str
    token: str

    def peak(self) -> int:
        """Its memory at most, in kB."""
        with open(f"/proc/{self.running.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@pytest.fixture
def served(crowded: Crowded) -> Iterator[Served]:
    command = ["env", f"PYTHONPATH={SOURCE}", f"XDG_DATA_HOME={crowded.folder}", sys.executable]
    running = crowded.namespace.start([*command, "-m", "portbook", "serve", "--port", "0"])
    address = running.read_line().split()[3]
    yield Served(running, address.rpartition(":")[2].strip("/"), _token(running.read_line()))
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE) == 0


def _token(line: str) -> str:
    return line.strip().rpartition("token=")[2]


@pytest.mark.parametrize("reads", ["read", "unread"])
def test_the_streams_share_what_they_send(crowded: Crowded, served: Served, reads: str) -> None:
    command = [sys.executable, "-I", "-S", "-c", _READERS]
    readers = crowded.namespace.start([*command, served.port, served.token, str(STREAMS), reads])
    assert readers.read_line() == "asked\n"
    assert readers.read_line() == "read\n"
    # All 64 are there: one more would be one too many. Then nothing of them waits in the server.
    Namespace.wait_until(lambda: _status(crowded, served, "/here/events", "-I") == "503", "streams")
    time.sleep(3)  # some looks at what changed
    assert _status(crowded, served, "/healthz") == "200"
    assert served.peak() < MOST_KB
    readers.stop()


@pytest.mark.parametrize("path", ["/here", "/here.json", f"/here/{PORT}.json"])
def test_a_page_of_this_machine_takes_little_memory(
    crowded: Crowded, served: Served, path: str
) -> None:
    for _ in range(2):
        assert _status(crowded, served, path) == "200"
    assert served.peak() < MOST_KB


def _status(crowded: Crowded, served: Served, path: str, *options: str) -> str:
    need_program("curl")
    authorization = f"Authorization: Bearer {served.token}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", authorization, *options]
    return crowded.namespace.run([*command, f"http://127.0.0.1:{served.port}{path}"]).stdout
