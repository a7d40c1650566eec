"""The command line from outside: exit status, one line for each error, never a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import portbook
from portbook import cli
from portbook.cli import COMMANDS
from portbook.cli.show import Options, parse_quick, parse_whole
from portbook.cli.terminal import reaches, style
from portbook.errors import UsageError
from portbook.model import (
    Assessment,
    Family,
    Host,
    Level,
    Listener,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from tests.cases import for_each
from tests.command_line import run
from tests.counts import PROOF
from tests.machine import Machine, bound
from tests.patience import PATIENCE
from tests.real.needs import need_program
from tests.values import CATALOG, gap, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Within = Callable[..., subprocess.CompletedProcess[bytes]]

SOURCE = Path(portbook.__file__).resolve().parent.parent
ESCAPE = b"\x1b"


def _environ(**changes: str | None) -> dict[str, str]:
    """This environment without what changes the output, and with *changes*."""
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTHONUTF8", "PYTHONIOENCODING"):
        environ.pop(name, None)
    environ.pop("PYTHONUNBUFFERED", None)
    for name, value in changes.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value
    return environ


def portbook_(
    *argv: str | bytes,
    stdin: bytes | None = b"",
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """A run of the whole program, as from a shell."""
    command: Sequence[str | bytes] = [sys.executable, "-m", "portbook", *argv]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        env=environ or _environ(),
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def within(capsys: pytest.CaptureFixture[str]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """The same in the process of the tests, for what its own process has no part in.

    Its standard output is no terminal, as that of :func:`portbook_` is none. Under make proof it is
    a process of its own.
    """

    def ask(*argv: str) -> subprocess.CompletedProcess[bytes]:
        if PROOF:
            return portbook_(*argv, environ={**os.environ, "PYTHONPATH": str(SOURCE)})
        status = run(argv)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(argv, status, out.encode(), err.encode())

    return ask


def assert_one_line(done: subprocess.CompletedProcess[bytes], status: int = 2) -> str:
    """Fails unless *done* ended with *status* and one line of complaint; returns the line."""
    said = done.stderr.decode()
    assert done.returncode == status, said
    assert said.count("\n") == 1
    assert said.endswith("\n")
    assert said.startswith("portbook: ")
    assert said[:-1].isprintable()
    assert "Traceback" not in said
    return said


# -- bad input --------------------------------------------------------------------------------

BAD = [
    (["-1"], "'-1'"),
    (["65536"], "'65536'"),
    (["٨٠"], "not a port"),
    (["80/xyz"], "'xyz'"),
    (["9-3"], "backwards"),
    ([""], "empty"),
    (["   "], "empty"),
    (["x" * 10_000], "10,000 characters"),
    (["--nonsense"], "--nonsense"),
    (["80", "--nonsense"], "--nonsense"),
    (["--json", "--jsonl", "80"], "exclude each other"),
    (["--fail-on"], "needs a value"),
    (["80", "--fail-on", "maybe"], "maybe"),
    (["show"], "no query given"),
    (["show", "--json"], "no query given"),
    (["--json"], "no query given"),
    (["-x"], "-x"),
    (["search"], "TEXT"),
    (["search", ""], "empty"),
    (["search", "ssh", "--limit", "-1"], "--limit"),
    (["search", "ssh", "--limit", "many"], "many"),
    (["blocks", "--state", "free"], "free"),
    (["blocks", "--range", "high"], "high"),
    (["blocks", "--limit", "-3"], "--limit"),
    (["blocks", "305"], "305"),
    (["stats", "now"], "now"),
    (["127.0.0.1:65536"], "65536"),
    (["http://localhost:99999/"], "99999"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "word"), BAD, ids=[" ".join(argv)[:30] for argv, _ in BAD])
def test_bad_input_is_one_line(within: Within, argv: list[str], word: str) -> None:
    extra = ["--no-host"] if argv[0] not in COMMANDS else []
    done = within(*argv, *extra)
    assert word in assert_one_line(done)
    assert done.stdout == b""
    if PROOF or argv in (["65536"], ["--nonsense"]):
        said = portbook_(*argv, *extra)
        assert (said.returncode, said.stdout, said.stderr) == (2, b"", done.stderr)


def test_a_nul_can_only_come_by_standard_input() -> None:
    done = portbook_("-", "--no-host", stdin=b"80\x00\n")
    assert "NUL" in assert_one_line(done)


def test_garbage_by_standard_input_is_one_line_each() -> None:
    stdin = b"\xff\xfe\x1b[2J\xc3(\n\n80/tcp\n-5\n" + b"9" * 10_000 + b"\nssh\r\n"
    done = portbook_("-", "--no-host", "--jsonl", stdin=stdin)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(lines) == 2
    assert all(line.startswith("portbook: ") and line.isprintable() for line in lines)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["schema"] for each in found] == [
        "portbook/search/1", "portbook/port/1", "portbook/service/1",
    ]  # fmt: skip
    assert done.stdout.isascii()


def test_bytes_that_are_no_text_can_be_asked_for() -> None:
    done = portbook_(b"\xff\xfe\x1b[31m", "--no-host")
    assert (done.returncode, done.stderr) == (1, b"")
    assert ESCAPE not in done.stdout
    assert b"\\xff" in done.stdout


def test_a_typo_of_a_name_ends_with_1_and_a_proposal(within: Within) -> None:
    done = within("postgress", "--no-host")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"No service is named" in done.stdout
    assert b"postgresql" in done.stdout


@pytest.mark.parametrize(
    "argv", [["rdp"], ["remote", "desktop"], ["remote desktop"], ["Microsoft", "Remote", "Desktop"]]
)
def test_what_people_call_a_service_is_one_query(within: Within, argv: list[str]) -> None:
    done = within(*argv, "--no-host")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(f"{' '.join(argv)} is 3389/tcp and udp (".encode())


@pytest.mark.parametrize("command", [["why"], ["wait", "--free", "--timeout", "0"]])
def test_commands_take_what_people_call_a_service(command: list[str]) -> None:
    done = portbook_(*command, "rdp")
    assert b"names no single port" not in done.stderr
    assert b"3389" in done.stdout + done.stderr


@pytest.mark.parametrize("argv", [["mirai"], ["search", "mirai"], ["back", "orifice"], ["jenkins"]])
def test_what_is_on_record_without_a_registered_name_is_found(
    within: Within, argv: list[str]
) -> None:
    done = within(*argv)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"No service is named" not in done.stdout


def test_leading_zeros_are_read_with_a_note() -> None:
    done = portbook_("00080", "--no-host")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"(00080 was read as 80)" in done.stdout


# -- main paths -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["305", "--no-host"], 0, ["305 is unassigned", "in the gap 301–307"]),
        (["305", "--no-host", "--full"], 0, ["Port 305", "How to check", "Sources"]),
        (["show", "443", "--no-host"], 0, ["https"]),
        (["80/tcp", "--no-host"], 0, ["http, www and www-http"]),
        (["6010", "--no-host"], 0, ["x11"]),
        (["ssh/tcp", "--no-host"], 0, ["22/tcp · SSH"]),
        (["ssh/sctp", "--no-host"], 0, ["22/sctp · ssh", "sctp"]),
        (["https://example.com"], 0, ["443 · HTTPS", "example.com is another machine"]),
        (["853/udp", "--no-host"], 0, ["domain-s"]),
        (["36412/sctp", "--no-host"], 0, ["s1-control"]),
        (["50000", "--no-host"], 0, ["dynamic (ephemeral) port"]),
        (["ssh", "--no-host"], 0, ["ssh", "22"]),
        (["https://localhost:8443/", "--no-host"], 0, ["8443 · "]),
        (["EADDRINUSE: address already in use :::3000", "--no-host"], 0, ["that 3000 is in use"]),
        (["6000-6063", "--no-host"], 0, ["x11", "X11, remote windows"]),
        (["show", "no-such-service", "--no-host"], 1, ["Nothing"]),
        (["search", "airplay"], 0, ["5000/tcp", "7000/tcp", "what ports are used for"]),
        (["search", "airplayy"], 0, ["airplay"]),
        (["search", "modbus"], 0, ["mbap", "502", "Modbus exporter"]),
        (["search", "rspamd"], 0, ["4 matches", "11334/tcp"]),
        (["homeassistant"], 0, ["8123/tcp", "Home Assistant is usually on"]),
        (["search", "postgress"], 0, ["postgresql"]),
        (["search", "qqqqzzzz"], 1, ["Nothing"]),
        (["blocks", "--range", "system"], 0, ["48", "282", "916–952"]),
        (["stats"], 0, ["694", "282", "undated"]),
        (["--help"], 0, ["usage", "search", "blocks"]),
        (["-h"], 0, ["usage"]),
        (["show", "--help"], 0, ["QUERY", "--no-host", "portbook show show"]),
        (["--version"], 0, [portbook.__version__]),
    ],
)
def test_main_paths(
    capsys: pytest.CaptureFixture[str], argv: list[str], status: int, words: list[str]
) -> None:
    got = run(argv)
    out, err = capsys.readouterr()
    assert (got, err) == (status, "")
    for word in words:
        assert word in out
    assert "\x1b" not in out


def test_the_longest_block_of_the_system_ports_comes_first() -> None:
    done = portbook_("blocks", "--range", "system")
    rows = [
        line.split() for line in done.stdout.decode().splitlines() if "–" in line or "port" in line
    ]
    assert rows[1][:2] == ["916–952", "37"]


def test_several_queries_are_answered_one_after_the_other() -> None:
    done = portbook_("305", "22,80", "-", "--no-host", "--jsonl", stdin=b"443\nssh\n")
    assert (done.returncode, done.stderr) == (0, b"")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.get("port", each.get("service_name")) for each in found] == [
        305,
        22,
        80,
        443,
        "ssh",
    ]


def test_several_answers_are_one_object_with_json() -> None:
    found = json.loads(portbook_("305", "ssh", "--no-host", "--json").stdout)
    assert [each["schema"] for each in found["answers"]] == [
        "portbook/port/1",
        "portbook/service/1",
    ]
    assert found["schema"].startswith("portbook/")
    assert json.loads(portbook_("305", "--no-host", "--json").stdout)["port"] == 305


def test_what_can_be_answered_is_where_something_cannot() -> None:
    done = portbook_("305", "65536", "80", "--no-host", "--jsonl")
    assert [json.loads(line)["port"] for line in done.stdout.splitlines()] == [305, 80]
    assert "65536" in assert_one_line(done)


@pytest.mark.parametrize("stdin", [b"", b"\n \n"])
@pytest.mark.parametrize("flags", [(), ("--json",), ("--jsonl",)])
def test_standard_input_without_a_query_is_a_usage_error(
    stdin: bytes, flags: tuple[str, ...]
) -> None:
    done = portbook_("-", "--no-host", *flags, stdin=stdin)
    assert "standard input has no query" in assert_one_line(done)
    assert done.stdout == b""
    done = portbook_("305", "-", "--no-host", *flags, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")


def test_standard_input_asked_twice_is_read_once() -> None:
    done = portbook_("-", "-", "--no-host", "--jsonl", stdin=b"305\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1


def test_a_service_named_as_a_command_can_be_asked_for(within: Within) -> None:
    done = within("show", "stats", "--no-host")
    assert b"Usage" not in done.stdout
    assert done.returncode in (0, 1)
    assert b"stats" in done.stdout


@pytest.mark.parametrize("command", [*COMMANDS])
def test_the_help_of_a_command_tells_how_to_ask_for_the_service(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run([command, "--help"]) == 0
    assert f"portbook show {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_into_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*filter(None, [command]), "--help"]) == 0
    said = capsys.readouterr().out
    if PROOF:
        done = portbook_(*filter(None, [command]), "--help", environ=_environ(COLUMNS="80"))
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, said, b"")
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80
    if not command:
        # The names stand in a column of their own.
        assert all(any(line.startswith(f"  {name} ") for line in lines) for name in COMMANDS)
        width = max(map(len, COMMANDS))
        rows = [line for line in lines if line[2 : 2 + width].rstrip() in COMMANDS]
        assert [line[2 + width : 4 + width] for line in rows] == ["  "] * len(COMMANDS)


@pytest.mark.proof
def test_a_range_streams_one_object_a_port() -> None:
    last = 65535 if PROOF else 999
    done = portbook_("show", f"0-{last}", "--jsonl")
    lines = done.stdout.splitlines()
    assert len(lines) == last + 1
    for port, line in enumerate(lines):
        found = json.loads(line)
        assert found["port"] == port
        assert found["host"] is None
        assert found["schema"] == "portbook/port/1"
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_range_of_one_transport_streams_it_alone() -> None:
    done = portbook_("443-445/udp", "--jsonl", "--no-host")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(each["transports"]) for each in found] == [["udp"]] * 3


# -- streams ----------------------------------------------------------------------------------


def _shell(
    script: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """*script* run by a shell in which ``portbook`` is this one."""
    head = f'portbook() {{ "{sys.executable}" -m portbook "$@"; }}; '
    return subprocess.run(
        [need_program("bash"), "-c", head + script],
        capture_output=True, env=environ or _environ(), timeout=PATIENCE, check=False,
    )  # fmt: skip


posix = pytest.mark.skipif(os.name != "posix", reason="shells and signals of POSIX")


@posix
@pytest.mark.parametrize("what", ["0-65535 --jsonl", "305 --no-host", "0-9999 --no-host --json"])
def test_a_reader_that_leaves_is_no_error(what: str) -> None:
    done = _shell(f'portbook show {what} | head -1; echo "${{PIPESTATUS[0]}}"')
    assert done.stderr == b""
    assert done.stdout.splitlines()[-1] == b"0"
    assert len(done.stdout.splitlines()) == 2


@posix
def test_complaints_that_nobody_reads_are_no_traceback() -> None:
    done = _shell("portbook -1 2>&1 >/dev/null | true; portbook 80 -1 65536 2>&1 | true")
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "what",
    [
        "305 --no-host",
        "show 0-999 --jsonl",
        "show --help",
        "--help",
        "--version",
        "search ssh",
        "blocks",
        "stats",
        "305 --no-host --json",
        "305 65536 --no-host",
        "80 65536 --no-host",  # more than fits into the buffer
    ],
)
@pytest.mark.parametrize("unbuffered", [None, "1"])
def test_a_full_disk_is_one_line(what: str, unbuffered: str | None) -> None:
    done = _shell(f"portbook {what} > /dev/full", _environ(PYTHONUNBUFFERED=unbuffered))
    said = done.stderr.decode()
    assert done.returncode == 2
    assert said.splitlines()[-1].startswith("portbook: the answer could not be written: ")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert all(line.startswith("portbook: ") for line in said.splitlines())


@posix
@pytest.mark.parametrize("what", ["305 --no-host", "--version", "--help", "search ssh", "blocks"])
def test_a_closed_output_is_one_line(what: str) -> None:
    done = _shell(f"portbook {what} >&-")
    assert "standard output" in assert_one_line(done)


@posix
def test_a_closed_error_output_swallows_the_complaint() -> None:
    done = _shell("portbook -1 2>&-; echo $?")
    assert done.stdout == b"2\n"


@posix
def test_a_closed_input_matters_only_where_it_is_read() -> None:
    done = _shell("portbook 305 --no-host --json <&-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["port"] == 305
    assert "standard input" in assert_one_line(_shell("portbook - --no-host <&-"))


@posix
@pytest.mark.real
def test_ctrl_c_ends_it_with_130() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "show", "0-65535", "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environ(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=PATIENCE) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


@posix
@pytest.mark.real
def test_ctrl_c_while_it_waits_for_input_ends_it_with_130() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "-", "--no-host", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environ(PYTHONUNBUFFERED="1"),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"305\n" * 3000)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=PATIENCE) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


# -- colours, width, encodings ----------------------------------------------------------------


@for_each(
    "environ, terminal, colour",
    [
        ({}, False, False),
        ({}, True, True),
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": ""}, False, False),
    ],
)
def test_when_there_are_colours(environ: dict[str, str], terminal: bool, colour: bool) -> None:
    assert style(environ, terminal=terminal).colour is colour


@for_each(
    "columns, width",
    [
        ("", 80),
        ("60", 60),
        ("1", 40),
        ("0", 80),
        ("500", 100),
        ("9" * 5000, 100),
        ("x", 80),
        ("-5", 80),
        ("٨٠", 80),
        ("80.5", 80),
    ],
)
def test_the_width_is_bounded(columns: str, width: int) -> None:
    assert style({"COLUMNS": columns}).width == width


@pytest.mark.parametrize("environ", [{}, {"TERM": "dumb"}, {"NO_COLOR": "1"}, {"FORCE_COLOR": ""}])
def test_a_pipe_gets_no_escape_codes(within: Within, environ: dict[str, str]) -> None:
    done = portbook_("305", "--no-host", environ=_environ(**environ))
    assert done.stdout
    assert ESCAPE not in done.stdout
    asked = [["305", "--no-host"], ["topic"], ["blocks"], ["stats"]]
    for argv in [*asked, *([["search", "ssh"]] if PROOF else [])]:
        with mock.patch.dict(os.environ, _environ(**environ), clear=True):
            found = within(*argv).stdout
        assert found
        assert ESCAPE not in found


def test_forced_colours_add_only_colours(within: Within) -> None:
    for argv in (["305", "--no-host"], ["search", "ssh"], ["80-90", "--no-host"], ["stats"]):
        with mock.patch.dict(os.environ, _environ(), clear=True):
            bare = within(*argv).stdout
        with mock.patch.dict(os.environ, _environ(FORCE_COLOR="1"), clear=True):
            coloured = within(*argv).stdout
        assert ESCAPE in coloured
        assert re.sub(rb"\x1b\[[0-9;]*m", b"", coloured) == bare


def test_columns_set_the_width() -> None:
    narrow = portbook_("300", "--no-host", environ=_environ(COLUMNS="50")).stdout.decode()
    wide = portbook_("300", "--no-host", environ=_environ(COLUMNS="100")).stdout.decode()
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert max(map(len, narrow.partition("\n\n")[0].splitlines())) <= 50


@posix
@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_any_locale_gets_an_answer(environ: dict[str, str]) -> None:
    asked: list[list[str | bytes]] = [
        ["305", "--no-host"],
        ["topic", "refused"],
        ["blocks"],
        ["80/端"],
    ]
    # What is like these takes long to find: they are asked where the fewest letters can be written.
    if PROOF or "PYTHONUTF8" in environ:
        asked += [["٨٠"], [b"\xff", "--no-host"]]
    if PROOF:
        asked.append(["search", "ssh"])
    assert asked
    for argv in asked:
        done = portbook_(*argv, environ=_environ(**environ))
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, 1, 2)
        assert done.stdout or done.stderr
    found = portbook_("305", "--no-host", "--json", environ=_environ(**environ)).stdout
    assert json.loads(found)["port"] == 305


def test_json_is_ascii(within: Within) -> None:
    for argv in (
        ["80", "--no-host"],
        ["search", "ssh"],
        ["blocks"],
        ["stats"],
        ["1-99", "--no-host"],
    ):
        done = within(*argv, "--json")
        assert done.stdout.isascii()
        assert json.loads(done.stdout)["schema"].startswith("portbook/")


# -- data -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, with what is compiled of it."""
    made = tmp_path_factory.mktemp("copy")
    shutil.copytree(SOURCE / "portbook", made / "portbook")
    return made


@pytest.fixture
def copy(copied: Path) -> Path:
    """The copy with whole data, to be damaged; what is asked of it is asked of the copy."""
    for folder in ("catalog/registry/data", "catalog/practice/data"):
        shutil.rmtree(copied / "portbook" / folder)
        shutil.copytree(SOURCE / "portbook" / folder, copied / "portbook" / folder)
    return copied


DATA = [
    "catalog/registry/data/registry.tsv",
    "catalog/registry/data/blocks.tsv",
    "catalog/practice/data/uses.tsv",
    "catalog/practice/data/browsers.tsv",
    "catalog/practice/data/systems.tsv",
]


@pytest.mark.parametrize("file", DATA)
def test_a_missing_or_damaged_data_file_is_one_line(copy: Path, file: str) -> None:
    path = copy / "portbook" / file
    whole = path.read_bytes()
    environ = _environ(PYTHONPATH=str(copy))
    argv = ("305", "--no-host", "--json")  # the short answer asks fewer files
    assert portbook_(*argv, environ=environ).returncode == 0
    for damaged in (
        b"",
        whole[: len(whole) // 2],
        b"\xff" * 5000,
        whole.replace(b"#portbook", b"#"),
    ):
        path.write_bytes(damaged)
        assert path.name in assert_one_line(portbook_(*argv, environ=environ))
    path.unlink()
    assert path.name in assert_one_line(portbook_(*argv, environ=environ))
    path.mkdir()
    assert path.name in assert_one_line(portbook_(*argv, environ=environ))


@pytest.mark.parametrize(
    "argv", [["search", "ssh"], ["stats"], ["blocks"], ["show", "1-9", "--no-host"], ["ssh"]]
)
def test_other_commands_say_it_too(copy: Path, argv: list[str]) -> None:
    environ = _environ(PYTHONPATH=str(copy))
    path = copy / "portbook" / "catalog" / "registry" / "data" / "registry.tsv"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-10], whole.replace(b"#columns", b"#c")):
        path.write_bytes(damaged)
        assert path.name in assert_one_line(portbook_(*argv, environ=environ))
    path.unlink()
    assert path.name in assert_one_line(portbook_(*argv, environ=environ))


@pytest.mark.parametrize("argv", [["search", "ssh"], ["stats"], ["show", "1-9", "--no-host"]])
def test_one_bad_row_is_said_where_all_are_read(copy: Path, argv: list[str]) -> None:
    path = copy / "portbook" / "catalog" / "registry" / "data" / "registry.tsv"
    path.write_bytes(path.read_bytes().replace(b"\n6000\t", b"\nx\t"))
    assert path.name in assert_one_line(portbook_(*argv, environ=_environ(PYTHONPATH=str(copy))))


def test_damage_in_the_middle_of_a_stream_ends_it_with_one_line(copy: Path) -> None:
    path = copy / "portbook" / "catalog" / "registry" / "data" / "registry.tsv"
    path.write_bytes(path.read_bytes().replace(b"\n80\t80\ttcp\t", b"\n80\t80\ttpc\t"))
    done = portbook_("show", "1-100", "--jsonl", environ=_environ(PYTHONPATH=str(copy)))
    assert "registry.tsv" in assert_one_line(done)
    assert all(json.loads(line)["port"] < 80 for line in done.stdout.splitlines())
    shell = _shell("portbook show 1-100 --jsonl > /dev/full", _environ(PYTHONPATH=str(copy)))
    assert b"Traceback" not in shell.stderr
    assert shell.returncode == 2


# -- arguments read twice ---------------------------------------------------------------------

FLAGS = ("--json", "--jsonl", "--no-host", "--all-owners", "--strict", "--fail-on", "--help")
OTHERS = ("--", "-", "-1", "-5-10", "-x", "--jso", "--json=1", "-٨", "-²", " -5", "", "a b", "80")
words = st.one_of(
    st.sampled_from(FLAGS),
    st.sampled_from(OTHERS),
    st.text(st.characters(exclude_characters="\0"), max_size=6),  # argv can hold no NUL
)


@given(st.lists(words, max_size=6))
def test_the_quick_reader_agrees_with_the_whole_one(argv: list[str]) -> None:
    quick = parse_quick(argv)
    if quick is not None:
        assert parse_whole(argv) == quick


def test_the_quick_reader_leaves_the_rest_to_the_whole_one() -> None:
    assert parse_quick(["80", "--fail-on", "note"]) is None
    assert parse_whole(["80", "--fail-on", "note"]) == Options(("80",), fail_on="note")
    assert parse_whole(["--json", "--", "-x", "80"]) == Options(("-x", "80"), json=True)
    assert parse_quick(["80", "-", "-1"]) == Options(("80", "-", "-1"))
    with pytest.raises(UsageError):
        parse_whole(["--jso", "80"])  # no abbreviations: they would break when a flag is added


# -- exit status ------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(tuple(Level)), max_size=4), st.sampled_from((*Level, "never")))
def test_a_finding_at_or_above_the_level_counts(levels: list[Level], least: str) -> None:
    findings = [worded("unknown", level, "x") for level in levels]
    order = ["ok", "note", "check", "alert", "never"]
    assert reaches(findings, least) is any(
        order.index(level) >= order.index(least) for level in levels
    )


def test_invalid_input_outweighs_what_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["no-such-service", "65536", "--no-host"]) == 2
    assert run(["no-such-service", "80", "--no-host"]) == 1
    assert run(["80", "--no-host", "--strict"]) == 0
    capsys.readouterr()


def test_nothing_is_written_where_the_package_stands(copy: Path) -> None:
    """A read-only installation works, and a lookup leaves nothing behind."""
    before = sorted(path for path in copy.rglob("*"))
    moment = time.time()
    assert portbook_("305", "--no-host", environ=_environ(PYTHONPATH=str(copy))).returncode == 0
    assert sorted(path for path in copy.rglob("*")) == before
    assert all(path.stat().st_mtime < moment for path in before)


# -- this machine, faked ----------------------------------------------------------------------


def _fake(monkeypatch: pytest.MonkeyPatch, *levels: Level, partial: bool = False) -> None:
    """Makes the machine one with a socket on port 305 that has findings of *levels*."""
    findings = tuple(worded("unregistered-port", level, "say so") for level in levels)
    listener = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN),
        assessment=Assessment(findings),
    )
    host = Host(
        (listener,) if levels else (),
        Visibility.PARTIAL if partial else Visibility.FULL,
        (gap("the owner"),) if partial else (),
    )
    monkeypatch.setattr("portbook.app.listen.look", lambda *_: host)


@pytest.mark.parametrize(
    "argv", [["listen", "--json"], ["8931", "--json"], ["reach", "8931/tcp", "--json"], ["8931"]]
)
def test_a_machine_that_is_handed_in_is_the_one_that_is_asked(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine([bound(8931, Process(4242, "shopd"))])
    assert cli.run(argv, CATALOG, machine) == 0
    out, err = capsys.readouterr()
    assert "4242" in out
    assert "shopd" in out
    assert err == ""


@pytest.mark.parametrize(
    ("flags", "levels", "partial", "status"),
    [
        ([], [Level.ALERT], False, 0),
        (["--fail-on", "never"], [Level.ALERT], False, 0),
        (["--fail-on", "check"], [Level.NOTE], False, 0),
        (["--fail-on", "check"], [Level.NOTE, Level.CHECK], False, 1),
        (["--fail-on", "check"], [Level.ALERT], False, 1),
        (["--fail-on", "ok"], [Level.OK], False, 1),
        (["--fail-on", "ok"], [], False, 0),
        ([], [], True, 0),
        (["--strict"], [], True, 3),
        (["--strict"], [], False, 0),
        (["--strict", "--fail-on", "note"], [Level.NOTE], True, 1),
    ],
)
@pytest.mark.parametrize("query", ["305", "300-310"])
def test_findings_and_what_was_not_seen_set_the_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    query: str,
    flags: list[str],
    levels: list[Level],
    partial: bool,
    status: int,
) -> None:
    _fake(monkeypatch, *levels, partial=partial)
    assert run([query, "--full", *flags]) == status
    out, err = capsys.readouterr()
    assert err == ""
    assert ("Not seen: the owner" in out) is partial
    assert out.count("unregistered-port") == len(levels)


def test_findings_are_repeated_with_their_socket(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fake(monkeypatch, Level.CHECK, Level.NOTE)
    assert run(["305", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["level"] for each in found["findings"]] == ["check", "note"]
    assert found["findings"] == found["host"]["listeners"][0]["findings"]


def test_a_range_streams_without_this_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fake(monkeypatch, Level.CHECK)
    assert run(["305-306", "--jsonl", "--fail-on", "ok"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["host"] is second["host"] is None
