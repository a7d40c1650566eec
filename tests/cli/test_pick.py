"""``portbook pick``: what it takes, what it prints, and its exit status."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook import cli
from portbook.app.pick.criteria import CRITERIA
from portbook.cli.pick import Options, parse_quick, parse_whole
from portbook.host.etc_services import services_path
from portbook.model import PortRules
from tests.app.test_pick import NAMES, Kernel
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.host.bind_probe import BindTry

SERVICES = services_path()
_OPTIONS = {
    "--json": (), "--quiet": (), "-q": (), "--verbose": (), "-v": (),
    "--hold": (), "--listen-fds": (), "--release": (),
    "--for": ("web", "a b", "é"), "--count": ("1", "7", "x"), "--range": ("1-9", "80", "?"),
    "--transport": ("tcp", "udp"), "--address": ("127.0.0.1", "::1"),
}  # fmt: skip


class Machine(Kernel):
    """A machine on which the ports in *taken* can't be bound, and whose names can't be read."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: tuple[int, ...] = ()
        self.rules = PortRules("linux", 1024, (61000, 65000))
        self.names = PermissionError(errno.EACCES, "not to be read")

    def try_binds(self, port: int, *_: object) -> tuple[BindTry, ...]:
        self.error = self.reuse_error = errno.EADDRINUSE if port in self.taken else 0
        return super().try_binds()

    def run(self, *argv: str) -> int:
        """``portbook pick`` with *argv* on this machine; the exit status."""
        return cli.run(["pick", *argv], CATALOG, self)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def argued(draw: st.DrawFn) -> list[str]:
    words: list[str] = []
    for option in draw(st.lists(st.sampled_from(tuple(_OPTIONS)), max_size=6)):
        values = _OPTIONS[option]
        if not values:
            words.append(option)
        elif draw(st.booleans()):
            words += [option, draw(st.sampled_from(values))]
        else:
            words.append(f"{option}={draw(st.sampled_from(values))}")
    return words


@given(st.composite(argued)())
def test_both_readings_of_the_arguments_agree(argv: list[str]) -> None:
    quick = parse_quick(argv)
    assert quick == parse_whole(argv)


@pytest.mark.parametrize("argv", ["--for", "--for --json", "--nonsense", "x", "--fo=a"])
def test_what_the_quick_reading_leaves_to_argparse(argv: str) -> None:
    assert parse_quick(argv.split()) is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["80", "81"], "unrecognized arguments: 81"),
        (["--for"], "needs a value"),
        (["--for", ""], "the name is empty"),
        (["--count", "0"], "0 ports can't be picked at once"),
        (["--count", "-1"], "--count"),
        (["--count", "9999"], "9999 ports can't be picked"),
        (["--count", "1e3"], "'1e3' is not a number of ports"),
        (["--range", "9-3"], "runs backwards"),
        (["--range", "ssh"], "'ssh' is no range"),
        (["--range", "80/udp"], "'80/udp' is no range"),
        (["--range", "0-70000"], "is not a port number"),
        (["--range", "0-5"], "holds no 1 ports"),
        (["--despite", "luck"], "'luck' is not one of"),
        (["--hold"], "give it behind --"),
        (["--hold", "--"], "no command stands behind --"),
        (["--", "x"], "--hold keeps the port"),
        (["--listen-fds"], "--listen-fds goes with --hold"),
        (["--transport", "udp"], "--transport goes with --hold"),
        (["--hold", "--json", "--", "x"], "--json and --hold exclude each other"),
        (["--json", "-q"], "--json and --quiet exclude each other"),
        (["-v", "-q"], "--verbose and --quiet exclude each other"),
        (["--hold", "--release", "--listen-fds", "--", "x"], "exclude each other"),
        (["--hold", "--transport", "sctp", "--", "x"], "tcp and udp sockets alone"),
        (["--hold", "--transport", "xyz", "--", "x"], "is not a transport"),
        (["--hold", "--address", "192.0.2.1", "--", "x"], "is no address of this machine"),
        (["--hold", "--", "/no\x1bwhere"], "can't be started"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    machine: Machine, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert machine.run(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert said in last
    assert last.startswith("portbook: ")
    assert "\x1b" not in err


def test_a_port_in_short(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    port = NAMES["web"]
    assert machine.run("--for", "Web") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{port}: unassigned, no known use of its own, free on this machine",
        f"  no-local-name  not known: {SERVICES} could not be read (not to be read)",
        f"Keep it: portbook pick {port} --hold -- COMMAND {{port}}",
        "Reasons: portbook pick --for Web -v",
    ]
    machine.taken = (3000,)
    assert machine.run("3000") == 0
    taken, free, *steps = capsys.readouterr().out.splitlines()
    assert taken == "Skipped 3000: tcp: a bind fails (EADDRINUSE)."
    assert free == "3001: free on this machine"
    assert steps[-1] == "Reasons: portbook pick 3001 -v"
    machine.taken = (3000, 3001, 3003)
    assert machine.run("3000") == 0
    out = capsys.readouterr().out
    assert out.startswith("Skipped 3000–3001: tcp: a bind fails (EADDRINUSE).\n3002: free")
    assert machine.run("3000", "-v") == 0
    assert "experiment" not in capsys.readouterr().out


def test_several_ports_in_short(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("--count", "3", "--range", "20000-20999") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:1].isdigit()]
    assert len({line.partition(":")[0] for line in lines}) == 3


def test_a_port_with_its_reasons(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("--for", "Web", "-v") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Port {NAMES['web']}\n")
    for code in ("unassigned", "not-dynamic", "browser-opens", "no-known-use", "free-here"):
        assert f"\n  {code}" in out
    assert f"not known: {SERVICES} could not be read (not to be read)" in out
    assert "1021 and 1022" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_taken_port_of_a_name(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.taken = (NAMES["web"],)
    assert machine.run("--for", "web") == 1
    out = capsys.readouterr().out
    assert "fails some of the criteria" in out
    assert "NO: tcp: a bind fails (EADDRINUSE)" in out
    assert "Keep it" not in out
    assert machine.run("-q", "--for", "web") == 1
    out, err = capsys.readouterr()
    assert out == f"{NAMES['web']}\n"
    assert err == f"portbook: {NAMES['web']}: tcp: a bind fails (EADDRINUSE)\n"
    assert machine.run("--hold", "--for", "web", "--", "true") == 1


def test_none_that_is_good(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("--range", "40100-40109") == 1
    assert "No port from 40100 to 40109 meets every criterion" in capsys.readouterr().out
    assert machine.run("-q", "--range", "40100-40109") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "by not-dynamic" in err
    assert machine.run("-q", "--range", "40100-40109", "--despite", "not-dynamic") == 0
    assert 40100 <= int(capsys.readouterr().out) <= 40109


def test_json(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("--json", "--count", "2", "--for", "web") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["schema"] == "portbook/pick/1"
    assert found["for"] == "web"
    assert found["ports"][0] == NAMES["web"]
    assert len(found["ports"]) == found["count"] == 2
    assert found["good"] is True
    assert found["experiments"] == [1021, 1022]
    for choice in found["choices"]:
        assert {check["code"] for check in choice["checks"]} <= set(CRITERIA)
        assert choice["good"] is True
    assert found["sources"][0]["id"] == "iana"


def test_hostile_evidence_is_shown_harmless(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.names = dict.fromkeys(range(65536), ("web\x1b[2J\udcff\u202e",))
    for argv in (
        ["--for", "web\x1b[1m"],
        ["-q", "--for", "a\udcff"],
        ["--json", "--for", "\u202e"],
    ):
        assert machine.run(*argv) == 1
        both = "".join(capsys.readouterr())
        assert "\x1b" not in both
        assert "\u202e" not in both
        assert "\udcff" not in both


def test_what_a_pick_loads() -> None:
    script = (
        "import sys; from portbook.cli import run; run(['pick', '--for', 'web', '-q']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "portbook.app.pick.criteria" in loaded
    never = {"re", "typing", "enum", "dataclasses", "argparse", "json", "socket", "subprocess"}
    assert not loaded & never


def test_the_options_hold_nothing_by_default() -> None:
    assert parse_quick([]) == parse_whole([]) == Options()
