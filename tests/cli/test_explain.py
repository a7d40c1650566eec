"""``portbook explain``: what it makes of a capture, and its exit status."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portbook import cli
from portbook.app.capture_changes import Listed, compare
from portbook.app.capture_judge import CaptureJudge
from portbook.app.explain import _resolver, explain, merge
from portbook.app.socket_filter import Filter
from portbook.errors import MalformedInput
from portbook.formats.sockets.detect import FORMATS
from portbook.model import (
    Assessment,
    Family,
    Level,
    Listener,
    Note,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
)
from tests.cases import for_each
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.values import CATALOG, changed, worded

SAMPLES = Path(__file__).resolve().parent.parent / "formats" / "samples"
SS = (
    'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))\n'
    'tcp LISTEN 0 128 0.0.0.0:301 0.0.0.0:* users:(("odd\x1b[2J",pid=9,fd=3))\n'
    "udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:*\n"
    "tcp ESTAB 0 0 192.0.2.5:22 203.0.113.9:51000\n"
    "what is this\n"
)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "ss.txt"
    path.write_text(SS)
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = cli.run(["explain", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


def codes(listener: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in listener["findings"]]


def test_it_is_the_table_of_listen(
    capsys: pytest.CaptureFixture[str], capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status, out, err = run(capsys, str(capture))
    assert (status, err) == (0, "")
    assert out == (
        "3 listening or bound sockets, read as ss of Linux (2 to check, 1 note)\n"
        "\n"
        "LEVEL  PORT     ADDRESS    PROGRAM    PID  SERVICE     FINDING\n"
        "check  301/tcp  0.0.0.0    odd          9  unassigned  unregistered-port, exposed\n"
        "check  323/udp  127.0.0.1  (unknown)    -  reserved    reserved-port, known-use, "
        "loopback-only\n"
        "note   22/tcp   0.0.0.0    sshd       812  ssh         fits-by-name, exposed\n"
        "\n"
        "1 established connection skipped.\n"
        "1 line was not understood:\n"
        "  line 5: what is this\n"
    )


def test_the_sentences(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    _, out, _ = run(capsys, str(capture), "-v", "--level", "note", "--port", "22")
    assert out.startswith("1 of 3 listening or bound sockets")
    words = " ".join(out.split())
    assert "every interface; firewall not checked; pid 812" in words
    assert "note fits-by-name: " in words
    assert "In practice: OpenSSH" in words


def test_lines_of_a_template(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    for given in (["--format={port} {program}"], ["--format={port} {program}", "--format", "ss"]):
        status, out, err = run(capsys, str(capture), "--sort", "port", "--limit", "2", *given)
        assert (status, out) == (0, "22 sshd\n301 odd\n")
        assert err.splitlines() == [
            "portbook: 1 established connection skipped",
            "portbook: 1 line was not understood",
        ]


def test_a_limit_leaves_the_totals_and_the_status(
    capsys: pytest.CaptureFixture[str], capture: Path
) -> None:
    argv = ["--limit", "1", "--sort", "uptime", "--fail-on", "check"]
    status, out, _ = run(capsys, str(capture), *argv)
    assert status == 1
    assert out.startswith(
        "1 of 3 listening or bound sockets, read as ss of Linux (2 to check, 1 note)"
    )
    _, out, _ = run(capsys, str(capture), *argv, "--json")
    assert [each["port"] for each in json.loads(out)["sockets"]] == [22]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--format", "{nosuch}"], "has no field 'nosuch'"),
        (["--format", "ss", "--format", "lsof"], "--format is there twice"),
        (["--format", "{port}", "-v"], "exclude each other"),
        (["--json", "-v"], "exclude each other"),
        (["--jsonl", "--limit", "1"], "leave --limit out"),
        (["--jsonl", "--sort", "port"], "leave --sort out"),
        (["--against", os.devnull, "--limit", "1"], "leave --limit out"),
        (["--limit", "-1"], "--limit -1 is below 0"),
        (["--sort", "colour"], "'colour' is not one of"),
    ],
)
def test_options_that_it_can_not_follow(
    capsys: pytest.CaptureFixture[str], capture: Path, argv: list[str], said: str
) -> None:
    status, out, err = run(capsys, str(capture), *argv)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_json(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    status, out, _ = run(capsys, str(capture), "--json")
    found = json.loads(out)
    assert status == 0
    assert found["schema"] == "portbook/explain/1"
    assert found["format"] == "ss"
    assert [each["port"] for each in found["sockets"]] == [301, 323, 22]
    assert found["not_understood"] == [{"line": 5, "lines": 1, "text": "what is this", "why": None}]
    assert found["left_out"] == {"connection": 1}
    odd, ntp, ssh = found["sockets"]
    assert codes(odd) == ["unregistered-port", "exposed"]
    assert codes(ssh) == ["fits-by-name", "exposed"]
    assert ntp["owners_seen"] == "unasked"
    assert all(finding["message"] for finding in ssh["findings"])


def test_a_name_is_never_enough_to_be_expected() -> None:
    judged = 0
    for path in sorted(SAMPLES.iterdir()):
        if path.name == "nothing.txt":
            continue
        answer = explain([path.read_bytes()], Filter(), CATALOG)
        for each in answer.sockets:
            judged += 1
            found = {finding.code for finding in each.assessment.findings}
            assert found
            assert not found & {"expected", "dynamic-port", "privileged-bind", "owner-hidden"}
    assert judged > 50


def test_jsonl_is_the_same_row_by_row(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    _, out, _ = run(capsys, str(capture), "--json")
    whole = json.loads(out)
    status, out, _ = run(capsys, str(capture), "--jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    sockets = [row for row in rows if row["schema"] == "portbook/listener/1"]
    expected = [{"schema": "portbook/listener/1", **each} for each in whole["sockets"]]
    assert sorted(sockets, key=str) == sorted(expected, key=str)
    (unread,) = [row for row in rows if row["schema"] == "portbook/not-understood/1"]
    assert unread["line"] == 5
    assert rows[-1] == {
        "schema": "portbook/explained/1",
        "format": "ss",
        "sockets": 3,
        "not_understood": 1,
        "left_out": {"connection": 1},
    }


@pytest.mark.parametrize("form", ["--json", "--jsonl"])
def test_its_own_json_is_read_again(
    capsys: pytest.CaptureFixture[str], capture: Path, tmp_path: Path, form: str
) -> None:
    _, out, _ = run(capsys, str(capture), form)
    again = tmp_path / "again"
    again.write_text(out)
    _, out, _ = run(capsys, str(capture), "--json")
    first = json.loads(out)
    status, out, _ = run(capsys, str(again), "--json")
    second = json.loads(out)
    assert status == 0
    assert second["format"] == "portbook"
    assert second["sockets"] == first["sockets"]


@pytest.mark.parametrize("said", [True, False])
def test_a_limit_counts_sockets_and_no_other_line(said: bool) -> None:
    head = b"State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
    rows = [head + b"LISTEN 0 128 127.0.0.1:%d 0.0.0.0:*\n" % port for port in (3000, 3001)]
    found = explain(rows, Filter(), CATALOG, said=said, most=2)
    assert len(found.sockets) == 2
    with pytest.raises(MalformedInput, match="more than 1 sockets"):
        explain(rows, Filter(), CATALOG, said=said, most=1)


@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",)])
def test_of_several_files_those_that_can_be_read_are_explained(
    capsys: pytest.CaptureFixture[str], capture: Path, form: tuple[str, ...]
) -> None:
    status, out, err = run(capsys, str(capture), "/no/such/file", *form)
    assert (status, err.count("\n")) == (2, 1)
    assert "'/no/such/file' can't be read" in err
    assert "sshd" in out


def test_fail_on_and_strict(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    for argv, expected in (
        ([], 0),
        (["--fail-on", "check"], 1),
        (["--fail-on", "check", "--port", "22"], 0),
        (["--fail-on", "note", "--port", "22"], 1),
        (["--strict"], 3),
        (["--strict", "--fail-on", "check"], 1),
    ):
        for form in ([], ["--json"], ["--jsonl"]):
            assert run(capsys, str(capture), *argv, *form)[0] == expected, (argv, form)


def test_filters(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    for argv, ports in (
        (["--port", "300-400"], [301, 323]),
        (["--transport", "udp"], [323]),
        (["--program", "sshd"], [22]),
        (["--reach", "loopback"], [323]),
        (["--level", "check"], [301, 323]),
        (["--port", "22/udp"], []),
    ):
        _, out, _ = run(capsys, str(capture), "--json", *argv)
        assert [each["port"] for each in json.loads(out)["sockets"]] == ports
        _, out, _ = run(capsys, str(capture), "--jsonl", *argv)
        rows = [json.loads(line) for line in out.splitlines()]
        assert sorted(row["port"] for row in rows if "port" in row) == sorted(ports)


def test_against_says_what_changed(
    capsys: pytest.CaptureFixture[str], capture: Path, tmp_path: Path
) -> None:
    new = tmp_path / "netstat.txt"
    new.write_text(
        "tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 900/dropbear\n"
        "tcp 0 0 0.0.0.0:8080 0.0.0.0:* LISTEN 901/java\n"
        "udp 0 0 127.0.0.1:323 0.0.0.0:* 700/chronyd\n"
    )
    status, out, _ = run(capsys, str(new), "--against", str(capture))
    assert status == 0
    assert "1 opened, 1 closed, 1 changed owner" in out
    assert "before: sshd" in out
    assert "program unknown in one" in out.replace("\n", " ")
    status, out, _ = run(capsys, str(new), "--against", str(capture), "--json")
    changes = json.loads(out)["changes"]
    assert [each["port"] for each in changes["opened"]] == [8080]
    assert [each["port"] for each in changes["closed"]] == [301]
    (changed,) = changes["changed"]
    assert changed["before"]["owners"][0]["program"] == "sshd"
    assert changed["after"]["owners"][0]["program"] == "dropbear"
    assert (changes["same"], changes["untold"]) == (0, 1)
    # What is there to see to is what is new.
    assert run(capsys, str(capture), "--against", str(capture), "--fail-on", "note")[0] == 0
    assert run(capsys, str(new), "--against", str(capture), "--fail-on", "note")[0] == 1


def test_the_same_holder_with_another_number_changed_nothing() -> None:
    def web(pid: int) -> Listener:
        owners = (Process(pid, "web"),)
        made = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 80, SocketState.LISTEN)
        return Listener(made, Ownership(owners, OwnersSeen.FIRST))

    listed = Listed.of([web(1)], whole=False)
    assert compare([web(1)], [web(2)], listed, listed) == ((), (), (), 1, 0, ())


def test_what_a_capture_was_not_asked_for_has_not_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``ss -tln`` says nothing of UDP, nor of what is only bound."""
    head = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
    udp = "udp UNCONN 0 0 0.0.0.0:5353 0.0.0.0:*\n"
    web, gone = (f"tcp LISTEN 0 5 0.0.0.0:{port} 0.0.0.0:*\n" for port in (80, 81))
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text(head + udp + web + gone)
    new.write_text(head + web)
    cli.run(["explain", str(new), "--against", str(old)])
    said = capsys.readouterr().out
    assert said.startswith("0 opened, 1 closed, 0 changed owner\n")
    assert "5353/udp" not in said
    assert "1 udp socket not compared: the other capture lists none." in said
    cli.run(["explain", str(old), "--against", str(new), "--json"])
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [each["port"] for each in changes["opened"]] == [81]
    assert [each["port"] for each in changes["not_compared"]] == [5353]


def test_a_list_of_ones_own_has_every_kind() -> None:
    made = Socket(Transport.UDP, Family.IPV4, "0.0.0.0", 53, SocketState.LISTEN)
    bound = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 53, SocketState.BOUND)
    then = [Listener(made), Listener(bound)]
    every, nothing = Listed.of([], whole=True), Listed.of([], whole=False)
    assert compare(then, [], every, every).closed == tuple(then)
    assert compare(then, [], every, nothing).not_compared == tuple(then)
    assert compare([], then, every, every).opened == tuple(then)


def test_a_socket_of_several_processes_is_one() -> None:
    text = (
        "nginx 10 root 6u IPv4 777 0t0 TCP *:80 (LISTEN)\n"
        "nginx 11 www-data 6u IPv4 777 0t0 TCP *:80 (LISTEN)\n"
        "nginx 11 www-data 7u IPv4 778 0t0 TCP *:80 (LISTEN)\n"
    )
    answer = explain([text.encode()], Filter(), CATALOG)
    assert [[owner.pid for owner in each.ownership.owners] for each in answer.sockets] == [
        [10, 11],
        [11],
    ]
    assert merge(answer.sockets) == list(answer.sockets)


def test_what_was_found_before_is_kept() -> None:
    finding = worded("expected", Level.OK, "said")
    listener = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN),
        assessment=Assessment((finding,)),
    )
    assert CaptureJudge(CATALOG)(listener) is listener


def test_what_was_heard_weighs_as_much_whether_or_not_it_is_told() -> None:
    heard = Listener(
        Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 22, SocketState.LISTEN),
        assessment=Assessment(speaks=Spoken(SpokenState.IDENTIFIED, "http")),
    )
    told, bare, unasked = (
        CaptureJudge(CATALOG)(heard),
        CaptureJudge(CATALOG, said=False),
        changed(heard, speaks=None),
    )
    assert "speaks-otherwise" in [finding.code for finding in told.assessment.findings]
    for listener in (unasked, heard, unasked):
        codes = [
            (finding.code, finding.level)
            for finding in CaptureJudge(CATALOG)(listener).assessment.findings
        ]
        assert [
            (finding.code, finding.level) for finding in bare(listener).assessment.findings
        ] == codes


def test_a_note_in_a_capture_is_kept_and_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have this machine's files looked at, which a capture says nothing of."""
    monkeypatch.setattr("portbook.host.linux.file_owner.put_there_by", lambda *_: 1 / 0)
    owner = Process(1, "sshd", executable="/usr/sbin/sshd")
    plain = Listener(
        Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 301, SocketState.LISTEN),
        Ownership((owner,)),
    )
    note = Note(301, 301, None, "/home/notes.toml", "shop", executables=("/usr/sbin/sshd",))
    for judge in (CaptureJudge(CATALOG), CaptureJudge(CATALOG, said=False)):
        judged = judge(changed(plain, note=note))
        assert judged.assessment.note == note
        assert judged.assessment.findings == judge(plain).assessment.findings != ()


def test_codes_are_the_same_with_and_without_sentences() -> None:
    data = b"".join(
        (SAMPLES / name).read_bytes() for name in ("ss-old.txt", "ss-names.txt", "ss-hostile.txt")
    )
    said = explain([data], Filter(), CATALOG)
    bare = explain([data], Filter(), CATALOG, said=False)
    assert [each.socket.name for each in said.sockets] == [
        each.socket.name for each in bare.sockets
    ]
    for one, other in zip(said.sockets, bare.sockets, strict=True):
        assert [(f.code, f.level) for f in one.assessment.findings] == [
            (f.code, f.level) for f in other.assessment.findings
        ]


def test_names_instead_of_numbers() -> None:
    assert _resolver(CATALOG)("ssh", Transport.TCP) == 22
    assert _resolver(CATALOG)("SSH", Transport.TCP) == 22
    assert _resolver(CATALOG)("domain", Transport.UDP) == 53
    for wrong in ("nosuchserviceatall", "", "x" * 10_000, "a\0b", "\udcff", "٢٢"):
        assert _resolver(CATALOG)(wrong, Transport.TCP) is None


@for_each(
    "name, transport, port",
    [
        ("imap2", Transport.TCP, 143),  # a name that only systems give
        ("POSTGRES", Transport.TCP, 5432),
        ("x11", Transport.TCP, 6000),  # a range in the registry
        ("http-alt", Transport.TCP, 8080),  # three ports in the registry
        ("http-alt", Transport.UDP, None),
        ("epp", Transport.TCP, None),  # two ports, and no system chooses
    ],
)
def test_names_mean_the_same_on_every_machine(
    name: str, transport: Transport, port: int | None
) -> None:
    """This machine's own list of names isn't asked."""
    asked: list[object] = []

    def note(event: str, given: object) -> None:
        if event == "socket.getservbyname":
            asked.append(given)

    sys.addaudithook(note)
    assert _resolver(CATALOG)(name, transport) == port
    assert asked == []


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    for argv, word in (
        (["/no/such/file"], "can't be read"),
        ([str(capture.parent)], "can't be read"),
        (["a\0b"], "can't be read"),
        ([os.devnull], "empty"),
        ([str(SAMPLES / "nothing.txt")], "known tool"),
        ([str(SAMPLES / "nothing.txt"), "--format", "lsof"], "read as lsof"),
        ([str(SAMPLES / "nothing.txt"), "--format", "lsof", "--jsonl"], "read as lsof"),
        ([str(capture), "--format", "telnet"], "telnet"),
        ([str(capture), "--json", "--jsonl"], "exclude"),
        ([str(capture), "--jsonl", "--against", str(capture)], "--against"),
        (["-", "--against", "-"], "standard input"),
        ([str(capture), "--port", "70000"], "70000"),
        ([str(capture), "--against", os.devnull], "empty"),
    ):
        status, out, err = run(capsys, *argv)
        assert (status, out) == (2, ""), argv
        assert err.startswith("portbook: ")
        assert err.count("\n") == 1
        assert word in err


PACKET = (
    "Nov  2 11:05:33 web01 kernel: [1.2] [UFW BLOCK] IN=eth0 OUT= MAC=00:00 SRC=198.51.100.9 "
    "DST=192.0.2.7 LEN=40 TTL=245 ID=5 PROTO=TCP SPT=51234 DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0\n"
)
LED_ON = "this is a flow log (netfilter log), with no sockets: give its file to portbook audit"


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (PACKET, 1, "A firewall dropped a packet to 22/tcp on 192.0.2.7"),
        (
            "Is this an attack?\n\n" + PACKET,
            1,
            "A firewall dropped a packet to 22/tcp on 192.0.2.7",
        ),
        (
            PACKET.replace(" DST", "\nDST").replace(" SPT", "\nSPT"),
            1,
            "packet to 22/tcp on 192.0.2.7",
        ),
        (PACKET + PACKET.replace("DPT=22", "DPT=23"), 2, LED_ON),
        (PACKET.replace("BLOCK", "AUDIT"), 2, LED_ON),
        (PACKET.replace("BLOCK", "ALLOW"), 2, LED_ON),
    ],
)
def test_one_dropped_packet_is_answered_and_a_log_led_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, status: int, said: str
) -> None:
    path = tmp_path / "ufw.log"
    path.write_text(text)
    ended, out, err = run(capsys, str(path))
    assert (ended, said in out + err) == (status, True)


def test_a_doctype_ends_with_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "scan.xml"
    path.write_text('<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n<nmaprun/>\n')
    for form in ([], ["--json"], ["--jsonl"], ["--format", "nmap-xml"]):
        status, _, err = run(capsys, str(path), *form)
        assert status == 2
        assert "DOCTYPE" in err


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--help")
    told = "".join(out.split())
    for name, form in FORMATS.items():
        assert "".join(f"{name} ({form.title})".split()) in told


def test_rows_come_as_they_are_read() -> None:
    """A pipe that stays open: what was written is explained before it ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "portbook", "explain", "--format", "ss", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(SS.splitlines(keepends=True)[0])
        child.stdin.write("tcp ESTAB 0 0 192.0.2.5:22 203.0.113.9:51000\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["port"] == 22
        child.stdin.close()
        assert json.loads(child.stdout.readline())["schema"] == "portbook/explained/1"
        assert child.wait() == 0


def test_its_own_answer_is_known_however_long_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ss.txt"
    path.write_text("".join(f"tcp LISTEN 0 9 0.0.0.0:{port} 0.0.0.0:*\n" for port in range(1, 200)))
    status, out, _ = run(capsys, str(path), "--json", "--fail-on", "never")
    assert status == 0
    assert out.count("\n") == 1
    path.write_text(out)
    status, again, _ = run(capsys, str(path), "--json", "--fail-on", "never")
    assert status == 0
    told = json.loads(again)
    assert (told["format"], len(told["sockets"]), told["not_understood"]) == ("portbook", 199, [])


def test_a_line_of_a_megabyte_does_not_hide_what_comes_behind_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ss.txt"
    path.write_text("a" * (1 << 20) + "\n" + SS)
    status, out, _ = run(capsys, str(path), "--json", "--fail-on", "never")
    assert status == 0
    told = json.loads(out)
    assert (told["format"], len(told["sockets"])) == ("ss", 3)
    assert [line["line"] for line in told["not_understood"]] == [1, 6]


# -- Ctrl-C -----------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize("options", [(), ("--json",), ("--jsonl",), ("--against", "OLD")])
def test_ctrl_c_ends_it_with_130(capture: Path, options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "portbook", "explain", "-"]
    with subprocess.Popen(
        [*command, *(str(capture) if word == "OLD" else word for word in options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        # Where no row tells that some of it was read, a pipe does, which holds less than this.
        # The format is found by the first 400 lines, or by all where it ends sooner.
        rows_told = "--jsonl" in options
        process.stdin.write(
            b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n" * (450 if rows_told else 5000)
        )
        process.stdin.flush()
        if rows_told:
            assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        rows = process.stdout.read().splitlines()
        assert process.wait(timeout=PATIENCE) == 130
        assert process.stderr.read() == b""
    # A row is written whole or not at all; of a whole answer, nothing.
    assert all(json.loads(row) for row in rows[:-1])
    assert rows_told or not rows


# -- memory -----------------------------------------------------------------------------------

_MEASURE = """
import sys
from portbook.__main__ import main
status = main()
sys.stdout.flush()
# What getrusage tells has the parent's memory in it, from before exec.
lines = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")), file=sys.stderr)
sys.exit(status)
"""


def _peak(path: Path, form: str) -> tuple[int, Any]:
    """The most memory, in kB, that explaining *path* row by row takes, and the last row."""
    rest = b""
    with subprocess.Popen(
        [sys.executable, "-c", _MEASURE, "explain", str(path), "--format", form, "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while chunk := process.stdout.read(1 << 20):
            rest = (rest + chunk)[-4096:]
        said = process.stderr.read()
    assert process.returncode == 0, said
    return int(said.split()[-1]), json.loads(rest.splitlines()[-1])


# What a tool prints once for each socket; every number in it differs from row to row.
_ROW_OF = {
    "ss": "tcp   LISTEN 0      128          0.0.0.0:{port}       0.0.0.0:*    "
    'users:(("program-{port}",pid={number},fd=3))\n',
    "netstat": "tcp        0      0 192.0.2.{low}:{port}     0.0.0.0:*      LISTEN      "
    "{number}/program-{port}\n",
    "netstat-windows": "  TCP    192.0.2.{low}:{port}     0.0.0.0:0      LISTENING    {number}\n",
    "lsof": "program-{port} {number} user-{low} 3u IPv4 {number} 0t0 TCP "
    "192.0.2.{low}:{port} (LISTEN)\n",
    "lsof-fields": "p{number}\ncprogram-{port}\nf3\ntIPv4\nPTCP\nn192.0.2.{low}:{port}\n"
    "TST=LISTEN\n",
    "netstat-solaris": "TCP: IPv4\n"
    "192.0.2.{low}.{port}       *.*      0      0 {number}      0 LISTEN\n",
    "sockstat": "user-{low}  program-{port} {number}  3  tcp4   192.0.2.{low}:{port}     *:*\n",
    "open-ports": "Open 192.0.2.{low}:{port}\n",
    "fuser": "{port}/tcp:  user-{low}  {number} F.... program-{port}\n",
    "osquery-table": "| pid | port | protocol | family | address |\n"
    "| {number} | {port} | 6 | 2 | 192.0.2.{low} |\n",
    "rpcinfo": "  {number}    3   tcp  {port}  program-{port}\n",
    "systemctl-sockets": "192.0.2.{low}:{port}  unit-{number}.socket  unit-{number}.service\n",
    "nmap": "Nmap scan report for 198.51.100.{low}\n{port}/tcp open service-{port}\n",
    "nmap-grepable": "Host: 198.51.100.{low} (host-{number}.example)\tPorts: "
    "{port}/open/tcp//service-{port}///\n",
    "masscan-list": "open tcp {port} 192.0.2.{low} 17320{number}\n",
    "proc-net": "  {low}: 0100007F:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 "
    "00000000  {low}        0 {number} 1 0000000000000000 100 0 0 10 0\n",
}


_FEWEST = 8192 if PROOF else 2048


def _write_rows(path: Path, form: str, megabytes: int) -> int:
    """Writes so many rows that no two are alike; how many."""
    row, number = _ROW_OF[form], 0
    with path.open("w") as file:
        while number < _FEWEST or file.tell() < megabytes << 20:
            for _ in range(_FEWEST):
                file.write(row.format(port=1 + number % 65535, number=number, low=number % 256))
                number += 1
    return number


BY_LINE = [name for name, form in FORMATS.items() if form.by_line]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what was the most")
@pytest.mark.proof
@pytest.mark.parametrize("form", BY_LINE if PROOF else BY_LINE[::9])
def test_a_long_capture_takes_little_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "capture"
    rows = _write_rows(path, form, 100 if PROOF else 0)
    peak, told = _peak(path, form)
    assert told["not_understood"] == 0
    assert told["sockets"] == rows
    assert peak < 100_000


# What an exposed host shows, in the order in which it is to be read.
_EXPOSED = """\
State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN 0      128          0.0.0.0:305        0.0.0.0:*     users:(("odd",pid=1301,fd=3))
LISTEN 0      128        127.0.0.1:6379       0.0.0.0:*     users:(("redis-server",pid=902,fd=6))
LISTEN 0      511          0.0.0.0:8000       0.0.0.0:*
LISTEN 0      511          0.0.0.0:5900       0.0.0.0:*
LISTEN 0      1            0.0.0.0:4444       0.0.0.0:*     users:(("nc",pid=1201,fd=3))
LISTEN 0      128          0.0.0.0:23         0.0.0.0:*     users:(("busybox",pid=950,fd=3))
LISTEN 0      511          0.0.0.0:6379       0.0.0.0:*     users:(("redis-server",pid=901,fd=6))
LISTEN 0      4096            [::]:2375          [::]:*     users:(("dockerd",pid=812,fd=3))
"""


def test_what_is_exposed_and_must_not_be_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ss.txt"
    path.write_text(_EXPOSED)
    status, out, _ = run(capsys, str(path), "--json")
    assert status == 0
    sockets = json.loads(out)["sockets"]
    order = {
        (each["port"], each["address"]): (each["level"], each["findings"][0]["code"])
        for each in sockets
    }
    grave = {
        (2375, "::"): ("check", "risky-exposed"),
        (6379, "0.0.0.0"): ("check", "risky-exposed"),
        (5900, "0.0.0.0"): ("check", "risky-exposed"),
        (23, "0.0.0.0"): ("check", "risky-exposed"),
        (4444, "0.0.0.0"): ("check", "dangerous-port"),
    }
    assert {key: order[key] for key in list(order)[:5]} == grave
    assert list(order)[5] == (305, "0.0.0.0")
    assert order[8000, "0.0.0.0"][0] == order[6379, "127.0.0.1"][0] == "note"


@pytest.mark.parametrize("text", ["zeek.log", "eve.json"])
def test_a_log_that_saw_ssh_on_443_begins_with_it(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Path(__file__).parent.parent / "formats" / "samples" / text
    status, out, _ = run(capsys, str(sample), "--json")
    assert status == 0
    first, *others = json.loads(out)["sockets"]
    assert (first["port"], first["speaks"]["protocol"]) == (443, "ssh")
    assert (first["level"], first["findings"][0]["code"]) == ("check", "speaks-otherwise")
    assert {each["level"] for each in others} == {"ok"}


def test_an_old_answer_keeps_how_long_its_owners_had_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The moment at which it is read again says nothing of when it was taken."""
    from portbook.schema.sockets import LISTENER

    owner = Process(812, "sshd", ("/usr/sbin/sshd",), started=1_600_000_000.0)
    socket = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN)
    taken = Listener(socket, Ownership((owner,), OwnersSeen.ALL, uptime_s=42))
    path = tmp_path / "old.json"
    listed = {"schema": "portbook/listen/1", "listeners": [LISTENER.encode(taken)]}
    path.write_text(json.dumps(listed))
    status, out, err = run(capsys, str(path), "--json")
    assert (status, err) == (0, "")
    (again,) = json.loads(out)["sockets"]
    assert again["uptime_s"] == 42
    assert LISTENER.decode(again).ownership.uptime_s == 42


def test_a_long_line_of_json_keeps_its_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text within it is quoted as what a program's literal holds is, and stays as it is."""
    from portbook.schema.sockets import LISTENER

    argument = json.dumps({"sockets": [{"port": port} for port in range(100)]})
    owner = Process(812, "python3", ("python3", "opener.py", argument))
    listed = []
    for port in (80, 5432):
        socket = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN)
        taken = Listener(socket, Ownership((owner,), OwnersSeen.ALL))
        listed.append(LISTENER.encode(taken))
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"schema": "portbook/listen/1", "listeners": listed}))
    status, out, err = run(capsys, str(path), "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["format"] == "portbook"
    assert [each["port"] for each in told["sockets"]] == [80, 5432]
    assert {each["owners"][0]["command"][2] for each in told["sockets"]} == {argument}


def test_a_socket_is_read_with_how_long_its_owner_has_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from portbook.host import reader

    monkeypatch.setattr(reader, "time", SimpleNamespace(time=lambda: 1000.5))
    young, old = (Process(pid, "x", started=at) for pid, at in ((7, 1001.0), (8, 910.2)))
    socket = Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN)
    held = [Ownership(owners) for owners in ((young,), (old, young), (), (Process(9, "x"),))]
    read = reader._add_uptimes(tuple([Listener(socket, each) for each in held]))
    assert [each.ownership.uptime_s for each in read] == [0, 90, None, None]


_ROW = b"LISTEN 0 9 0.0.0.0:22 0.0.0.0:*\n"


@for_each(
    "content, advice",
    [
        (gzip.compress(_ROW * 50), "packed with gzip: zcat FILE | portbook explain"),
        (lzma.compress(_ROW * 50), "packed with xz: xzcat FILE"),
        (bz2.compress(_ROW * 50), "packed with bzip2: bzcat FILE"),
        (b"\x28\xb5\x2f\xfd\x24\x05\x29\x00\x00a", "packed with zstd: zstdcat FILE"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "a zip archive"),
        (bytes(64), "no text"),
        ("LISTEN 0 9 *:22 *:*".encode("utf-32"), "no text"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00>\x00\x01", "no text"),
        ("caf\u00e9 ferm\u00e9\n".encode("latin-1"), "nothing in the input"),
    ],
)
def test_what_is_no_text_is_named(
    content: bytes, advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture"
    path.write_bytes(content)
    status, out, err = run(capsys, str(path))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert advice in err
