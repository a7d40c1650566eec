"""Root, started where everything that the environment names is another user's.

The working directory, PATH, HOME, TMPDIR and the XDG folders hold programs, sockets, a registry,
notes and a database of that user's. By its system calls: none of them is run, asked, written to or
taken for root's own, and nothing is sent off this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from portbook.cli import COMMANDS as EVERY_COMMAND
from tests.catalog.registry.upstream import serving, small
from tests.catalog.update.test_versions import put
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real import tracing
from tests.real.hostile import SCRIPT, TOOLS, fill_folder, make_program
from tests.real.needs import need_module, need_program, need_root
from tests.real.spark import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real
THEIRS = 12345
NOTES = '[[port]]\nport = "1-65535"\nlabel = "THEIRS"\n'


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of another user's, with all that the environment will name."""
    need_root("this test gives files to another user")
    need_program("strace")
    made = tmp_path_factory.mktemp("foreign")
    for name in ("home", "data", "config", "cache", "state", "run", "tmp", "bin"):
        (made / name).mkdir()
    fill_folder(made / "spark" / "work", made / "ran")
    for tool in TOOLS:
        make_program(made / "bin" / tool, made / "ran")
    (made / "data" / "portbook").mkdir()
    (made / "data" / "portbook" / "feedback.sqlite3").symlink_to(made.parent / "precious")
    put(made / "data" / "portbook" / "registry")
    for folder in (made / "config" / "portbook", made / "home" / ".config" / "portbook"):
        folder.mkdir(parents=True)
        (folder / "ports.toml").write_text(NOTES)
    (made / "spark" / "work" / "portbook.toml").write_text(NOTES)
    listeners = [listening(made / "run", name) for name in ("docker.sock", "podman/podman.sock")]
    for path in [made, *made.rglob("*")]:
        os.chown(path, THEIRS, THEIRS, follow_symlinks=False)
    yield made
    for listener in listeners:
        listener.close()


def listening(folder: Path, name: str) -> socket.socket:
    (folder / name).parent.mkdir(exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / name))
    listener.listen()
    return listener


@pytest.fixture
def out(foreign: Path) -> Iterator[Path]:
    """A folder of root's beside it, for what is written on purpose."""
    folder = foreign.parent / "out"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def environment(foreign: Path) -> dict[str, str]:
    return {
        "PATH": f"{foreign}/bin:.:{foreign}/spark/work:/usr/local/bin:/usr/sbin:/usr/bin",
        "HOME": f"{foreign}/home",
        "TMPDIR": f"{foreign}/tmp",
        "XDG_DATA_HOME": f"{foreign}/data",
        "XDG_CONFIG_HOME": f"{foreign}/config",
        "XDG_CACHE_HOME": f"{foreign}/cache",
        "XDG_STATE_HOME": f"{foreign}/state",
        "XDG_RUNTIME_DIR": f"{foreign}/run",
        "DOCKER_HOST": f"unix://{foreign}/run/docker.sock",
        "BROWSER": f"{foreign}/bin/xdg-open",
        "LC_ALL": "C.UTF-8",
    }


def traced(foreign: Path, out: Path, argv: list[str]) -> tracing.Trace:
    work = foreign / "spark" / "work"
    log = out / "log"
    env = environment(foreign)
    if argv[0] == "export" and not PROOF:  # root's own registry: a small one has few pages
        put(out / "data" / "portbook" / "registry")
        env["XDG_DATA_HOME"] = str(out / "data")
    return tracing.trace([str(SCRIPT), *argv], work, env, log)


def nothing_foreign(found: tracing.Trace, foreign: Path, *, loopback: bool = False) -> None:
    inside = f"{foreign}/"
    assert "Traceback" not in found.errors
    assert not (foreign / "ran").exists()
    assert [path for path in found.ran if path.startswith(inside)] == []
    assert {path for path in found.sockets if path.startswith(inside)} == set()
    assert {path for path in found.changed if path.startswith(inside)} == set()
    modules = {path for path in found.opened if path.startswith(inside) and path.endswith(".py")}
    assert modules == set()
    assert found.addresses <= ({"127.0.0.1", "::1"} if loopback else set())
    assert not (foreign.parent / "precious").exists()


COMMANDS = [
    ["22", "--full"],
    ["443", "--json"],
    ["listen", "--detail"],
    ["listen", "--all-namespaces", "--json"],
    ["why", "1"],
    ["reach", "1"],
    ["pick", "--for", "web"],
    ["pick", "--hold", "--", "/bin/true"],
    ["stop", "1"],
    ["wait", "1", "--free"],
    ["search", "postgress"],
    ["topic", "refused"],
    ["explain", "flows.csv"],
    ["history", "22"],
    ["blocks"],
    ["doctor"],
    ["completion", "fish"],
    ["stats"],
    ["notes"],
    ["note", "8306", "shop"],
    ["notes", "trust", "portbook.toml"],
    ["update", "--list"],
    ["update", "--rollback"],
    ["map", "-o", "OUT/ports.png"],
    ["feedback"],
    ["audit", "flows.csv", "--rows", "OUT/rows.csv", "-o", "OUT/answer.html"],
    ["export", "OUT/site", "--only", "0-300", "--jobs", "2", "--quiet"],
    ["serve", "--open"],
]


def test_no_command_is_left_out() -> None:
    tried = {argv[0] for argv in COMMANDS if not argv[0].isdigit()}
    assert tried | {"show"} == EVERY_COMMAND.keys()  # a port alone is show


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: "-".join(argv[:2]))
def test_root_takes_nothing_of_theirs(foreign: Path, out: Path, argv: list[str]) -> None:
    found = traced(foreign, out, [word.replace("OUT", str(out)) for word in argv])
    assert found.status in (0, 1, 2, 3), found.errors
    nothing_foreign(found, foreign)
    assert "THEIRS" not in found.output


def test_their_registry_and_their_notes_are_named_and_left_out(foreign: Path, out: Path) -> None:
    found = traced(foreign, out, ["22", "--json"])
    nothing_foreign(found, foreign)
    why = f"it belongs to the user with the id {THEIRS}, and this is 0"
    assert f"is not used: {why}" in found.errors
    assert json.loads(found.output)["own_notes"] == []
    assert "ports.toml" in found.output
    assert f"it belongs to another user (uid {THEIRS})" in found.output


def test_an_update_writes_nothing_there(foreign: Path, out: Path) -> None:
    found = traced(foreign, out, ["update", "--from", "/nowhere/ports.xml"])
    assert found.status == 2
    nothing_foreign(found, foreign)
    assert f"belongs to the user with the id {THEIRS}" in found.errors


def test_an_update_connects_to_where_it_is_told_alone(foreign: Path, out: Path) -> None:
    with serving() as server:
        server.serve_file(small())
        url = f"http://127.0.0.1:{server.server_port}/ports.xml"
        found = traced(foreign, out, ["update", "--dry-run", "--force", "--from", url])
        assert server.asked
    assert found.status == 0, found.errors
    nothing_foreign(found, foreign, loopback=True)
    assert found.addresses == {"127.0.0.1"}


@pytest.mark.parametrize("whose", ["ours", *(["theirs"] if PROOF else [])])
def test_spark_and_its_python_are_the_installed_ones_and_no_java_of_theirs_runs(
    foreign: Path, tmp_path: Path, whose: str
) -> None:
    """The working directory, full of modules and below what looks like a Spark, may be ours."""
    need_program("java")
    need_module("pyspark")
    work = foreign / "spark" / "work"
    if whose == "ours":
        work = tmp_path / "spark" / "work"
        fill_folder(work, foreign / "ran")
    done = subprocess.run(
        [str(SCRIPT), "audit", "flows.csv", "--engine", "spark"],
        cwd=work, env={**environment(foreign), **settings()}, timeout=PATIENCE,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "305" in done.stdout, done.stderr
    assert not (foreign / "ran").exists()
    assert list((foreign / "tmp").iterdir()) == []


def test_a_probe_connects_to_this_machine_alone(foreign: Path, out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = traced(foreign, out, [f"127.0.0.1:{port}", "--probe", "--json"])
    nothing_foreign(found, foreign, loopback=True)
    assert found.addresses == {"127.0.0.1"}
    lines = (out / "log").read_text().splitlines()
    assert lines
    assert not any("AF_INET" in line for line in lines if "htons(53)" in line)


def test_the_site_sends_nothing_off_and_keeps_no_vote_there(foreign: Path, out: Path) -> None:
    log = out / "log"
    with subprocess.Popen(
        [*tracing.under_strace(log), str(SCRIPT), "serve", "--port", "0"],
        cwd=foreign / "spark" / "work", env=environment(foreign),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as site:  # fmt: skip
        try:
            assert site.stdout is not None
            base = site.stdout.readline().split()[3].rstrip("/")
            for path in ("/22", "/search?q=postgress", "/healthz", "/openapi.json"):
                with urllib.request.urlopen(base + path, timeout=PATIENCE) as answer:
                    assert answer.status == 200
            vote = urllib.request.Request(
                f"{base}/feedback", b"port=22&vote=no", {"Origin": base}, method="POST"
            )
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(vote, timeout=PATIENCE)
            assert caught.value.code == 503
            caught.value.close()
            time.sleep(1.5)  # what is done once the first page is out
        finally:
            os.killpg(site.pid, signal.SIGTERM)
            site.wait(PATIENCE)
    nothing_foreign(tracing.read(log.read_text(errors="surrogateescape")), foreign)
