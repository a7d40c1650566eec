"""Every command with its standard streams closed or full, and with a fault of its own."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import portbook
from portbook import cli
from portbook.catalog import Catalog
from portbook.cli import COMMANDS, complain
from portbook.cli.terminal import can_draw, is_terminal
from portbook.errors import UsageError
from tests.command_line import run
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import need_program

if TYPE_CHECKING:
    from portbook.catalog.registry.lookup import Registry

SOURCE = Path(portbook.__file__).resolve().parent.parent
STATUSES = {0, 1, 2, 3, 70, 130}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")

# A short run of each command; {folder} has flows.csv, ss.txt and services.xml.
RUNS = {
    "show": ["show 305", "443 --no-host --json", "- --no-host", "show 1-99 --jsonl", "70000"],
    "listen": ["listen", "listen --json"],
    "explain": ["explain {folder}/ss.txt", "explain", "explain {folder}/ss.txt --jsonl"],
    "why": ["why 305"],
    "reach": ["reach 305", "reach 305 --json"],
    "pick": ["pick", "pick --hold -- true {{port}}"],
    "stop": ["stop 1"],
    "wait": ["wait 1 --timeout 0", "wait 1 --free --json"],
    "search": ["search ssh", "search postgress"],
    "blocks": ["blocks"],
    "stats": ["stats"],
    "update": ["update --from {folder}/services.xml", "update --list"],
    "audit": ["audit {folder}/flows.csv", "audit {folder}/flows.csv --json -o {folder}/a.parquet"],
    "history": ["history 853"],
    "serve": ["serve --port 70000"],
    "feedback": ["feedback"],
    "notes": ["notes", "notes --json"],
    "note": ["note 8306 shop"],
    "map": ["map", "map -o {folder}/map.svg"],
    "topic": ["topic", "topic time-wait"],
    "doctor": ["doctor", "doctor --json"],
    "completion": ["completion bash"],
    "export": ["export {folder}/flows.csv --only 22 --jobs 1"],
}
EVERY_RUN = [words for some in RUNS.values() for words in some]
CLOSED = ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]
FULL = ["> /dev/full", "2> /dev/full", "> /dev/full 2>&1", "<&- > /dev/full 2>&-"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = "proto,src,src_port,dst,dst_port\ntcp,192.0.2.1,40000,198.51.100.5,305\n"
    (tmp_path / "flows.csv").write_text(rows)
    (tmp_path / "ss.txt").write_text(
        "State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
        "LISTEN 0      128          0.0.0.0:305       0.0.0.0:*\n"
    )
    (tmp_path / "services.xml").write_text("<registry/>")
    return tmp_path


def _environ(folder: Path) -> dict[str, str]:
    places = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", **places}
    environ.pop("PORTBOOK_REGISTRY", None)
    return environ


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    script = f'portbook() {{ {shlex.quote(sys.executable)} -m portbook "$@"; }}\n{command}'
    return subprocess.run(
        [need_program("bash"), "-c", script],
        capture_output=True,
        env=_environ(folder),
        cwd=folder,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_every_command_is_run() -> None:
    assert set(RUNS) == set(COMMANDS)


@pytest.mark.parametrize("words", EVERY_RUN)
def test_closed_and_full_streams_are_no_traceback(words: str, folder: Path) -> None:
    streams = ["", *CLOSED, *(FULL if Path("/dev/full").exists() else [])]
    if not PROOF:  # a third of them, and the others for the next commands
        turn = EVERY_RUN.index(words) % 3
        streams = [each for at, each in enumerate(streams) if at < 1 or at % 3 == turn]
    given = words.format(folder=folder)
    # Standard error is kept in a file where it isn't what is closed or full.
    lines = [
        f"portbook {given} {'' if '2>' in each else f'2> {folder}/said{at}'} {each}\necho =$? >&3"
        for at, each in enumerate(streams)
    ]
    done = _shell("exec 3>&1\n" + "\n".join(lines), folder)
    said = done.stdout + done.stderr + b"".join(map(Path.read_bytes, folder.glob("said*")))
    statuses = [int(line[1:]) for line in done.stdout.splitlines() if line.startswith(b"=")]
    assert len(statuses) == len(streams)
    ended = dict(zip(streams, statuses, strict=True))
    assert set(statuses) <= STATUSES - {70}, ended
    # An answer is no other one where complaints can't be made. (Without a standard error Python
    # ends with 1 and says nothing: a fault would look like a finding.)
    assert ended.get("2>&-", ended[""]) == ended[""], ended
    assert ended.get("2> /dev/full", ended[""]) == ended[""], ended
    for word in (b"Traceback", b"Exception ignored", b"internal error"):
        assert word not in said, said
    whole = (folder / "flows.csv").read_text()
    assert whole.count("\n") == 2, "a stream that was closed was written into a file"


@pytest.mark.parametrize("streams", ["2>&-", "<&-", "<&- 2>&-", "2> /dev/full"])
def test_the_site_is_served_whatever_is_closed(streams: str, folder: Path) -> None:
    command = f"exec {shlex.quote(sys.executable)} -m portbook serve --port 0 --public {streams}"
    with subprocess.Popen(
        [need_program("bash"), "-c", command],
        stdout=subprocess.PIPE,
        env=_environ(folder),
        cwd=folder,
    ) as process:
        try:
            assert process.stdout is not None
            assert b"http://" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=PATIENCE) in (0, 143, -signal.SIGTERM)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def test_what_is_closed_is_no_file_of_ours(folder: Path) -> None:
    """The files that portbook opens don't take the place of a stream that is closed."""
    script = (
        "import os, sys\n"
        "from portbook import __main__\n"
        "__main__.main = lambda: os.write(3, repr([os.readlink(f'/proc/self/fd/{n}')"
        " for n in range(3)]).encode()) and 0\n"
        "__main__.script()"
    )
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to see them")
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)} 3>&1 <&- >&- 2>&-"
    done = _shell(command, folder)
    assert done.stdout.decode() == repr(["/dev/null"] * 3)


class _Refusing(io.StringIO):
    """A standard error that nothing can be written to."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_complaint_that_can_not_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised."""
    for stream in (None, _Refusing()):
        monkeypatch.setattr(sys, "stderr", stream)
        complain("something")


def test_what_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TERM", raising=False)
    terminal = _Refusing()
    assert is_terminal(terminal)
    assert can_draw(terminal)
    assert not is_terminal(None)
    monkeypatch.setenv("TERM", "dumb")
    assert not can_draw(terminal)
    terminal.close()
    assert not is_terminal(terminal)


def test_one_place_says_what_a_terminal_is() -> None:
    """Elsewhere a stream that is closed would be forgotten again."""
    asking = {
        path.name
        for path in (SOURCE / "portbook").rglob("*.py")
        if ".isatty(" in path.read_text(encoding="utf-8")
    }
    assert asking == {"terminal.py"}


# -- faults of portbook's own -----------------------------------------------------------------


class Faulty(Catalog):
    """A catalog that can't be asked without *error*."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    @property
    def registry(self) -> Registry:
        raise self._error


def stats_raises(error: BaseException) -> int:
    """Counts what is in a catalog that has a fault; the exit status."""
    return cli.run(["stats"], Faulty(error))


# An error with bytes of somebody else's in it.
FAULT = KeyError("\x1b[2Jdst\u202e\nTraceback")


def test_a_fault_is_one_line_and_70(capsys: pytest.CaptureFixture[str]) -> None:
    assert stats_raises(FAULT) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("portbook: internal error (KeyError: ")
    assert err.endswith("; run again with --debug\n")
    assert err.count("\n") == 1
    assert "at cli/stats.py:" in err
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize("argv", [["--debug", "stats"], ["stats", "--debug"]])
def test_debug_shows_the_traceback(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(argv, Faulty(FAULT)) == 70
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert "portbook: internal error (KeyError: " in err.splitlines()[-1]
    assert "run again" not in err
    assert all(line.isprintable() for line in err.splitlines())


def test_debug_shows_the_traceback_of_any_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "stop", "x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("portbook: ")
    assert run(["stop", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_debug_changes_no_answer_and_is_no_query(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for argv in (["305"], ["--debug", "305"], ["305", "--debug"], ["show", "--debug", "305"]):
        assert run([*argv, "--no-host"]) == 0
        said.append(capsys.readouterr().out)
    assert len(set(said)) == 1
    run(["show", "--no-host", "--", "--debug"])
    assert "--debug" in capsys.readouterr().out


def test_every_help_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], *([name] for name in COMMANDS)):
        assert run([*argv, "--help"]) == 0
        assert "--debug" in capsys.readouterr().out, argv


def test_no_memory_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert stats_raises(MemoryError()) == 2
    assert "free some memory" in capsys.readouterr().err


def test_an_error_of_the_user_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert stats_raises(UsageError("what is wrong: what to do")) == 2
    assert capsys.readouterr().err == "portbook: what is wrong: what to do\n"


def test_a_package_that_is_not_whole_is_one_line_too(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['portbook.errors'] = None\n"
        "from portbook.__main__ import script; script()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("portbook: internal error (")
    assert done.stderr.count("\n") == 1
