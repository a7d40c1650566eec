"""Exports that are ended halfway: no process is left, every page is whole, the next one goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portbook.web.export.notes import NOTES
from tests.catalog.update.test_versions import reading_small
from tests.counts import PROOF
from tests.patience import PATIENCE

pytestmark = [pytest.mark.real, pytest.mark.proof]

# Ports in a gap, whose pages take least; more of them than are written before it is ended. Under
# make proof they are ports of any kind, in whole rows, of the whole registry.
FIRST, LAST = (0, 8191) if PROOF else (49152, 65535)
MANY = ("--only", f"{FIRST}-{LAST}")
# An export that is ended writes the rows that it has begun: here they have 32 ports and not 256.
ROW = 256 if PROOF else 32
SMALL_ROWS = f"""\
import sys
from portbook.web.export import site
site.ROW = {ROW}
from portbook.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of exports as processes: a small registry has pages of few services."""
    return {**os.environ} if PROOF else reading_small(tmp_path_factory.mktemp("data"))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_a_killed_export_goes_on_where_it_ended(tmp_path: Path, small: dict[str, str]) -> None:
    ports = range(FIRST, FIRST + 4 * ROW)
    command = [sys.executable, "-c", SMALL_ROWS, "export", str(tmp_path)]
    command += ["--only", f"{ports[0]}-{ports[-1]}", "--jobs", "1", "--quiet"]
    notes = tmp_path / NOTES
    with subprocess.Popen(command, env=small) as begun:
        end = time.monotonic() + PATIENCE
        while not (notes.exists() and notes.read_text().count("\n") > 3):
            assert begun.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        begun.send_signal(signal.SIGKILL)
    run = notes.read_text().split("\n")[1].removeprefix("run ")
    (tmp_path / f"{NOTES}-{run}-305").write_text("what a killed export leaves")
    (tmp_path / f"{NOTES}-1-305.html").write_text("somebody else's")
    first = _times(tmp_path)
    assert len(first) > 3
    assert ports
    done = subprocess.run(command[:-1], env=small, capture_output=True, text=True, check=True)
    assert "unchanged" in done.stdout
    after = _times(tmp_path)
    assert all(after[name] == when for name, when in first.items() if f"{NOTES}-" not in name)
    assert all((tmp_path / f"{port}.html").exists() for port in ports)
    assert [path.name for path in tmp_path.glob(f"{NOTES}-*")] == [f"{NOTES}-1-305.html"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, *([signal.SIGTERM] if PROOF else [])]
)
def test_an_export_that_is_ended_leaves_no_process(
    tmp_path: Path, small: dict[str, str], number: signal.Signals
) -> None:
    command = [sys.executable, "-c", SMALL_ROWS, "export", str(tmp_path), *MANY]
    with subprocess.Popen(
        [*command, "--jobs", "2"],
        env=small,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as begun:
        end = time.monotonic() + PATIENCE
        while not (tmp_path / f"{FIRST + ROW}.json").exists():
            assert begun.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        helpers = _session(begun.pid) - {begun.pid}
        assert len(helpers) >= 2
        # Ctrl-C reaches every process of the terminal.
        (os.killpg if number == signal.SIGINT else os.kill)(begun.pid, number)
        assert begun.stderr is not None
        said = begun.stderr.read()
    if number != signal.SIGKILL:
        assert begun.returncode == (143 if number == signal.SIGTERM else 130)
        assert said == ""
    while _session(begun.pid):
        assert time.monotonic() < end
        time.sleep(0.02)
    pages = list(tmp_path.glob("[0-9]*.html"))
    assert pages
    for path in pages:
        assert path.read_bytes().endswith(b"</html>")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_ctrl_c_while_the_helping_processes_start(tmp_path: Path, small: dict[str, str]) -> None:
    """Python hasn't come to their code yet, and would print a traceback."""
    command = [sys.executable, "-m", "portbook", "export", str(tmp_path), *MANY]
    with subprocess.Popen(
        [*command, "--jobs", "2"],
        env=small,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as begun:
        end = time.monotonic() + PATIENCE
        while not _helpers(begun.pid):
            assert begun.poll() is None
            assert time.monotonic() < end
            time.sleep(0.002)
        os.killpg(begun.pid, signal.SIGINT)
        assert begun.stderr is not None
        said = begun.stderr.read()
    assert (begun.returncode, said) == (130, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_helping_process_that_is_killed_is_one_line(
    tmp_path: Path, small: dict[str, str]
) -> None:
    command = [sys.executable, "-c", SMALL_ROWS, "export", str(tmp_path), *MANY]
    with subprocess.Popen(
        [*command, "--jobs", "2"],
        env=small,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as begun:
        end = time.monotonic() + PATIENCE
        while not (tmp_path / f"{FIRST + ROW}.json").exists():
            assert begun.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(_helpers(begun.pid)[0], signal.SIGKILL)
        assert begun.stderr is not None
        said = begun.stderr.read()
    assert begun.returncode == 2
    assert said.startswith("portbook: a process that writes pages was killed")
    assert said.count("\n") == 1


def _session(leader: int) -> set[int]:
    """The processes of a session that run."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                state, _, _, session = (
                    Path(f"/proc/{name}/stat").read_text().split(") ")[-1].split()[:4]
                )
                if int(session) == leader and state != "Z":
                    found.add(int(name))
    return found


def _helpers(leader: int) -> list[int]:
    """Those of them that write pages; what multiprocessing starts beside them writes nothing."""
    found = []
    for pid in _session(leader) - {leader}:
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _times(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != NOTES)
    return {str(path): path.stat().st_mtime_ns for path in files}
