"""The first things that somebody tries: a web server on port 305, and one on 8080."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.namespace import SOURCE, UNPRIVILEGED, holders, interpreter
from tests.real.readable import readable

if TYPE_CHECKING:
    from tests.real.namespace import Namespace, Running

pytestmark = pytest.mark.real


def serve(namespace: Namespace, port: int, *options: str) -> Running:
    """``python3 -m http.server``, as somebody would type it."""
    running = namespace.start([interpreter(), "-m", "http.server", str(port), *options])
    namespace.wait_for(running, port)
    return running


def test_a_web_server_on_305(namespace: Namespace) -> None:
    running = serve(namespace, 305)
    answer = namespace.ask(305)
    (listener,) = answer["host"]["listeners"]
    (owner,) = listener["owners"]
    assert owner["pid"] == running.pid
    assert owner["command"][1:] == ["-m", "http.server", "305"]
    assert owner["executable"] == os.path.realpath(interpreter())
    assert (listener["transport"], listener["state"], listener["address"]) == (
        "tcp",
        "listen",
        "0.0.0.0",
    )
    findings = {each["code"]: each for each in answer["findings"]}
    assert findings["unregistered-port"]["level"] == "check"
    assert findings["exposed"]["level"] == "note"
    assert "no network leads to it now" in findings["exposed"]["message"]
    assert not findings.keys() & {"expected", "loopback-only", "owner-hidden"}

    text = namespace.portbook(305, "--full").stdout
    assert str(running.pid) in text
    assert "http.server" in text
    assert "unregistered-port" in text
    assert "exposed" in text
    done = namespace.portbook(305, "--fail-on", "check")
    assert done.returncode == 1
    # Nothing is there for the other transport, nor next door.
    assert namespace.ask("305/udp")["host"]["listeners"] == []
    assert namespace.ask(306)["findings"] == []


def test_a_web_server_on_8080_for_this_machine_only(namespace: Namespace) -> None:
    running = serve(namespace, 8080, "--bind", "127.0.0.1")
    answer = namespace.ask("http://127.0.0.1:8080/")
    names = [row["service_name"] for row in answer["transports"]["tcp"]["assignments"]]
    assert "http-alt" in names
    (listener,) = answer["host"]["listeners"]
    assert listener["owners"][0]["pid"] == running.pid
    findings = {each["code"]: each["level"] for each in answer["findings"]}
    assert findings["loopback-only"] == "ok"
    assert "exposed" not in findings
    assert set(findings.values()) <= {"ok", "note"}
    text = namespace.portbook(8080, "--full").stdout
    assert "http-alt" in text
    assert "loopback-only" in text


def test_the_same_as_an_unprivileged_user(namespace: Namespace) -> None:
    source = readable(namespace)
    serve(namespace, 8080, "--bind", "127.0.0.1")
    answer = namespace.ask(8080, before=UNPRIVILEGED, source=source)
    (listener,) = answer["host"]["listeners"]
    # Root's; where the tests run in a control group of their own, that points to it.
    assert listener["owners_seen"] in {"hidden", "inferred"}
    inferred = listener["owners_seen"] == "inferred"
    assert bool(listener["owners"]) == inferred
    assert (listener["uid"], listener["user"]) == (0, "root")
    codes = {finding["code"] for finding in listener["findings"]}
    assert codes >= ({"loopback-only"} if inferred else {"owner-hidden", "loopback-only"})
    assert "expected" not in codes
    assert answer["host"]["visibility"] == "partial"
    word = "inferred" if inferred else "can't see"
    assert any(word in gap["message"] for gap in answer["host"]["missing"])

    text = namespace.portbook(8080, "--full", before=UNPRIVILEGED, source=source)
    assert text.returncode == 0
    assert ("inferred" if inferred else "can't see") in text.stdout
    assert ("owner-hidden" in text.stdout) != inferred
    strict = namespace.portbook(8080, "--strict", before=UNPRIVILEGED, source=source)
    assert strict.returncode == 3


def test_what_is_ones_own_needs_no_privilege(namespace: Namespace) -> None:
    source = readable(namespace)
    wish = {"transport": "tcp", "family": "ipv4", "address": "127.0.0.1", "port": 8080}
    running, _ = namespace.open(wish, before=UNPRIVILEGED)
    answer = namespace.ask(8080, before=UNPRIVILEGED, source=source)
    (listener,) = answer["host"]["listeners"]
    assert listener["owners_seen"] == "first"
    assert [owner["pid"] for owner in listener["owners"]] == [running.pid]
    assert answer["host"]["visibility"] == "full"
    assert namespace.portbook(8080, "--strict", before=UNPRIVILEGED, source=source).returncode == 0


def test_in_the_namespace_that_everything_runs_in() -> None:
    """No root, no namespace: a socket of this very process, on a port that happens to be free."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        answer = run_here(port)
        (listener,) = [
            each
            for each in answer["host"]["listeners"]
            if (each["transport"], each["address"]) == ("tcp", "127.0.0.1")
        ]
        inode = os.fstat(opened.fileno()).st_ino
        assert listener["inode"] == inode
        assert listener["user"] == pwd.getpwuid(os.geteuid()).pw_name
        assert [owner["pid"] for owner in listener["owners"]] == [os.getpid()]
        assert holders(inode) == {os.getpid()}
    assert inode not in [each["inode"] for each in run_here(port)["host"]["listeners"]]


def run_here(port: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "portbook", str(port), "--json"]
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env=environ)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
