"""Root or not: an owner is named by what it runs, and nothing of it is raw or secret."""

from __future__ import annotations

import json
import re
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.namespace import UNPRIVILEGED, interpreter
from tests.real.readable import readable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.namespace import Namespace, Running

pytestmark = pytest.mark.real
SECRET = "correct-horse-battery"
HOSTILE = "\x1b[31mred\u202egnp\x07\n"


@pytest.fixture(params=["root", "unprivileged"])
def who(request: pytest.FixtureRequest, namespace: Namespace) -> dict[str, Any]:
    """How portbook is called: as root, or as the user whose processes it looks at."""
    if request.param == "root":
        return {}
    return {"before": UNPRIVILEGED, "source": readable(namespace)}


def _serve(namespace: Namespace, folder: Path, port: int, *arguments: str) -> Running:
    """Python's own web server in *folder*, run by the unprivileged user."""
    folder.mkdir(exist_ok=True)
    argv = (interpreter(True), "-m", "http.server", str(port), *arguments)
    start = ("env", f"--chdir={folder}", *UNPRIVILEGED, *argv)
    running = namespace.start(start)
    namespace.wait_for(running, port)
    return running


def _lines(namespace: Namespace, query: str | int, who: dict[str, Any]) -> list[str]:
    done = namespace.portbook(query, **who)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 12
    assert not [char for char in done.stdout if char != "\n" and not char.isprintable()]
    return lines


def test_a_web_server_on_a_databases_port(namespace: Namespace, who: dict[str, Any]) -> None:
    running = _serve(namespace, namespace.folder / "shop", 5432)
    said = " ".join(_lines(namespace, 5432, who))
    assert "5432/tcp is in use: python" in said
    assert "-m http.server" in said
    assert f"(pid {running.pid}, " in said
    assert "foreign-service" in {
        finding["code"] for finding in namespace.ask(5432, **who)["findings"]
    }
    assert "5432" in " ".join(_lines(namespace, "postgresql", who))


def test_six_servers_in_six_folders_are_told_apart(
    namespace: Namespace, who: dict[str, Any]
) -> None:
    ports = range(8101, 8107)
    running = [_serve(namespace, namespace.folder / f"shop-{port}", port) for port in ports]
    for port, server in zip(ports, running, strict=True):
        said = " ".join(_lines(namespace, port, who))
        assert f"shop-{port}" in said
        assert f"pid {server.pid}" in said
    headline, first, *_ = _lines(namespace, "8101-8106", who)
    assert headline.endswith("6 in use on this machine")
    assert re.match(r"  810[1-6]/tcp on every interface", first)  # the gravest is first
    listeners = namespace.ask("8101-8106", **who)["host"]["listeners"]
    assert [each["cwd"].rpartition("/")[2] for each in listeners] == [f"shop-{p}" for p in ports]
    assert {each["arguments"][0] for each in listeners} == {"-m"}


def test_a_secret_in_an_interpreters_arguments_is_shown_nowhere(
    namespace: Namespace, who: dict[str, Any]
) -> None:
    program = namespace.folder / "server.py"
    program.write_text(
        "import socket, time\n"
        "server = socket.create_server(('127.0.0.1', 8200))\n"
        "time.sleep(1000)\n"
    )
    argv = (interpreter(True), str(program), f"--password={SECRET}", "--token", SECRET)
    running = namespace.start((*UNPRIVILEGED, *argv))
    namespace.wait_for(running, 8200)
    for arguments in (("8200",), ("8200", "--full"), ("8200", "--json"), ("8200-8200", "--json"),
                      ("listen", "-v"), ("listen", "--json"), ("why", "8200")):  # fmt: skip
        done = namespace.portbook(*arguments, **who)
        assert SECRET not in done.stdout + done.stderr, arguments
    (listener,) = namespace.ask("8200", **who)["host"]["listeners"]
    assert listener["arguments"] == [str(program), "--password=***", "--token", "***"]


def test_a_hostile_folder_arguments_and_name_stay_text(
    namespace: Namespace, who: dict[str, Any]
) -> None:
    folder = namespace.folder / HOSTILE
    _serve(namespace, folder, 8300, "--directory", f"{folder}{'x' * 100_000}")
    for query in ("8300", "8300-8310"):
        lines = _lines(namespace, query, who)
        assert any("http.server" in line for line in lines)
    done = namespace.portbook("8300", "--json", **who)
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["host"]["listeners"][0]["cwd"].startswith(str(namespace.folder))


def test_a_folder_that_is_gone_is_said_to_be(namespace: Namespace, who: dict[str, Any]) -> None:
    folder = namespace.folder / "gone"
    _serve(namespace, folder, 8400)
    shutil.rmtree(folder)
    assert "gone (deleted)" in " ".join(_lines(namespace, 8400, who))


def test_a_program_that_ends_while_it_is_named_leaves_a_shorter_answer(
    namespace: Namespace, who: dict[str, Any]
) -> None:
    running = _serve(namespace, namespace.folder / "ending", 8500)
    running.process.send_signal(signal.SIGKILL)
    lines = _lines(namespace, 8500, who)  # before or after it is gone: an answer all the same
    assert lines[0].startswith("8500")
    running.process.wait()
    assert "free on this machine" in _lines(namespace, 8500, who)[0]
