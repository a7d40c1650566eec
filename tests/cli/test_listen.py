"""``portbook listen``: its options, what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import portbook.cli.listen
from portbook import cli
from portbook.app.listen import HereAnswer, ScanOptions
from portbook.app.socket_filter import Filter, PortSpan
from portbook.host.firewall.redirects import Redirect
from portbook.model import (
    Assessment,
    Family,
    Gap,
    Level,
    Listener,
    OwnerSearch,
    Ownership,
    OwnersSeen,
    Process,
    Reach,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from tests.values import CATALOG, changed, gap, worded

if TYPE_CHECKING:
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader

TCP = Transport.TCP
CHECK = worded("unregistered-port", Level.CHECK, "find out who started web", "a row")
WEB = Listener(
    Socket(TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN, inode=7, uid=33),
    Ownership((Process(7, "web\x1b[2J\udcff"),), OwnersSeen.ALL),
    Assessment((CHECK,)),
)
DNS, X11 = PortSpan(53, 53, Transport.UDP), PortSpan(6000, 6063)
HTTP_ALT = tuple([PortSpan(port, port, TCP) for port in (591, 8008, 8080)])
REDIRECT = Redirect(
    TCP, 80, 80, "192.0.2.7", 8080, None, Family.IPV4, "nftables", "c", "dnat \x1b[2J"
)


class Asked:
    """Stands in for this machine, and notes what it is asked."""

    def __init__(self) -> None:
        self.filter = Filter()
        self.depth = ScanOptions()
        self.order = ""
        self.missing: tuple[Gap, ...] = ()
        self.listeners: tuple[Listener, ...] = (WEB,)
        self.redirects: tuple[Redirect, ...] = ()

    def answer_here(
        self, wanted: Filter, depth: ScanOptions, _: Catalog, host: HostReader, order: str = "level"
    ) -> HereAnswer:
        self.filter, self.depth, self.order = wanted, depth, order
        return HereAnswer(
            self.listeners,
            Visibility.PARTIAL if self.missing else Visibility.FULL,
            self.missing,
            {
                (each.socket.port, TCP): CATALOG.registry.standing(each.socket.port, TCP)
                for each in self.listeners
            },
            self.redirects,
            (),
            matching=len(self.listeners),
        )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(portbook.cli.listen, "answer_here", found.answer_here)
    return found


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("", Filter()),
        ("--transport udp", Filter(Transport.UDP)),
        ("--port 22", Filter(ports=(22, 22))),
        ("--port 0022", Filter(ports=(22, 22))),
        ("--port 6000-6063", Filter(ports=(6000, 6063))),
        ("--port 53/udp", Filter(Transport.UDP, (53, 53))),
        ("--port 53/udp --transport udp", Filter(Transport.UDP, (53, 53))),
        ("22", Filter(ports=(22, 22))),
        ("53/udp 6000-6063", Filter(ports=(53, 6063), spans=(DNS, X11))),
        ("ssh", Filter(ports=(22, 22))),
        ("http-alt/tcp", Filter(Transport.TCP, (591, 8080), spans=HTTP_ALT)),
        ("--port ssh", Filter(ports=(22, 22))),
        ("--program sshd", Filter(program="sshd")),
        ("--user 0", Filter(user="0")),
        ("--reach loopback", Filter(reach=Reach.LOOPBACK)),
        ("--level check", Filter(level=Level.CHECK)),
    ],
)
def test_filters(asked: Asked, arguments: str, wanted: Filter) -> None:
    assert cli.run(["listen", *arguments.split()]) == 0
    assert asked.filter == wanted


@pytest.mark.parametrize(
    ("arguments", "depth"),
    [
        ("", ScanOptions(OwnerSearch.ALL, said=False)),
        ("--json", ScanOptions(OwnerSearch.ALL, named=False)),
        ("--detail", ScanOptions(OwnerSearch.ALL, detail=True, said=False)),
        ("--deep", ScanOptions(OwnerSearch.ALL, detail=True, everywhere=True, said=False)),
        (
            "--deep --level ok",
            ScanOptions(OwnerSearch.ALL, detail=True, everywhere=True, said=False),
        ),
        ("--all-namespaces", ScanOptions(OwnerSearch.ALL, everywhere=True, said=False)),
        ("--no-notes", ScanOptions(OwnerSearch.ALL, said=False, notes=False)),
        ("--no-notes --level ok", ScanOptions(OwnerSearch.ALL, said=False, notes=False)),
    ],
)
def test_depth(asked: Asked, arguments: str, depth: ScanOptions) -> None:
    cli.run(["listen", *arguments.split()])
    ports = asked.depth.ports
    assert ports is not None
    assert ports.said == depth.said
    assert asked.depth == depth._replace(ports=ports)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "'99999' is not a port number"),
        (["--port", "-1"], "is not a port number"),
        (["--port"], "needs a value"),
        (["--port", ""], "the query is empty"),
        (["--port", "9-3"], "runs backwards"),
        (["--port", "nosuchservice"], "is not a port, a range or a service"),
        (["--port", "127.0.0.1:22"], "is not a port, a range or a service"),
        (["22", "rfb/xyz"], "'xyz' is not a transport"),
        (["udp"], "did you mean: portbook listen --udp?"),
        (["check"], "did you mean: portbook listen --level check?"),
        (["loopback"], "did you mean: portbook listen --reach loopback?"),
        (["python3"], "did you mean: portbook listen --program python3?"),
        (["root"], "did you mean: portbook listen --user root?"),
        (["all"], "did you mean: portbook listen?"),
        (["127.0.0.1:22"], "that has a port: give 8080, 6000-6063 or ssh"),
        (["--port", "53/xyz"], "is not a transport"),
        (["--port", "53/udp", "--transport", "tcp"], "exclude each other"),
        (["--transport", "icmp"], "is not one of"),
        (["--reach", "moon"], "is not one of"),
        (["--level", "bad"], "is not one of"),
        (["--fail-on", "bad"], "is not one of"),
        (["--interval", "0"], "--interval 0 is not between 0.05 and 3600 seconds"),
        (["--interval", "nan"], "not between"),
        (["--interval", "1e9"], "not between"),
        (["--interval", "soon"], "is not a number"),
        (["--watch", "--interval", "-1"], "not between"),
        (["--json", "--jsonl"], "exclude each other"),
        (["--watch", "--json"], "--watch doesn't go with --json"),
        (["--watch", "--deep"], "--watch doesn't go with --deep"),
        (["--watch", "--detail"], "--watch doesn't go with --detail"),
        (["--watch", "--all-namespaces"], "--watch doesn't go with --all-namespaces"),
        (["--watch", "--strict"], "--watch doesn't go with --strict"),
        (["--user", "nosuchuser"], "--user 'nosuchuser' is no user of this machine"),
        (["--format", "{nosuchfield}"], "--format has no field 'nosuchfield'"),
        (["--format", "{port}", "--json"], "exclude each other"),
        (["-v", "--jsonl"], "exclude each other"),
        (["--sort", "nosuchfield"], "is not one of"),
        (["--limit", "-1"], "--limit -1 is below 0"),
        (["--watch", "--format", "{port}"], "--watch doesn't go with --format"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    asked: Asked, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["listen", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("portbook: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("level", "missing", "arguments", "status"),
    [
        (Level.CHECK, False, "", 0),
        (Level.ALERT, False, "", 1),
        (Level.ALERT, False, "--fail-on never", 0),
        (Level.CHECK, False, "--fail-on check", 1),
        (Level.NOTE, False, "--fail-on check", 0),
        (Level.OK, False, "--fail-on ok", 1),
        (Level.OK, True, "", 0),
        (Level.OK, False, "--strict", 0),
        (Level.OK, True, "--strict", 3),
        (Level.ALERT, True, "--strict", 1),
    ],
)
@pytest.mark.parametrize("form", ["", "--json", "--jsonl"])
def test_exit_status(
    asked: Asked, level: Level, missing: bool, arguments: str, status: int, form: str
) -> None:
    asked.listeners = (changed(WEB, findings=(CHECK._replace(level=level),)),)
    asked.missing = (gap("sctp"),) if missing else ()
    assert cli.run(["listen", *arguments.split(), *form.split()]) == status


def test_nothing_found_is_no_failure(asked: Asked) -> None:
    asked.listeners = ()
    assert cli.run(["listen"]) == 0


def test_a_pipe_has_a_line_a_socket(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.missing = (gap("sctp"),)
    asked.redirects = (REDIRECT,)
    cli.run(["listen"])
    out, err = capsys.readouterr()
    assert out.split("\t") == [
        *("check", "305/tcp", "0.0.0.0", "web\\x1b[2J\\xff", "7", "33", "-", "unassigned"),
        "unregistered-port\n",
    ]
    assert err == (
        "portbook: redirected: 80/tcp to 192.0.2.7:8080 (nftables: dnat \\x1b[2J)\n"
        "portbook: not seen: sctp\n"
    )


def test_the_table(
    asked: Asked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    asked.missing = (gap("sctp"),)
    asked.redirects = (REDIRECT,)
    cli.run(["listen"])
    out, err = capsys.readouterr()
    assert "0.0.0.0  web\\x1b[2J\\xff" in out
    assert "Redirected: 80/tcp to 192.0.2.7:8080 (nftables: dnat \\x1b[2J)" in out
    assert "Not seen: sctp" in out
    assert "\x1b[2J" not in out
    assert err == ""


def test_sentences_template_order_and_limit(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.listeners = (WEB, changed(WEB, port=306))
    assert cli.run(["listen", "-v"]) == 0
    assert "check  unregistered-port: find out who started web" in capsys.readouterr().out
    assert asked.depth.said
    assert cli.run(["listen", "--format", "{port} {level}", "--sort", "port"]) == 0
    assert capsys.readouterr().out == "305 check\n306 check\n"
    assert asked.order == "port"
    assert cli.run(["listen", "--limit", "1", "--jsonl"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert printed.err == "portbook: 1 more socket matched; without --limit 1 all are shown\n"
    assert cli.run(["listen", "--limit", "1", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert (len(whole["listeners"]), whole["matching"]) == (1, 2)
    assert cli.run(["listen", "--limit", "1", "--format", "{port}"]) == 0
    assert capsys.readouterr().out == "305\n"


def loaded(text: str) -> Any:
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()  # no lone surrogate
    return found


def test_json(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.missing = (gap("the package of \udcff is not known"),)
    asked.redirects = (REDIRECT,)
    cli.run(["listen", "--json"])
    out, err = capsys.readouterr()
    found = loaded(out)
    assert err == ""
    assert found["schema"] == "portbook/listen/1"
    assert (found["visibility"], [each["message"] for each in found["missing"]]) == (
        "partial",
        ["the package of \\xff is not known"],
    )
    assert found["listeners"][0]["owners"][0]["program"] == "web\x1b[2J\\xff"
    assert found["listeners"][0]["findings"][0]["code"] == "unregistered-port"
    assert found["redirects"][0]["to"] == "192.0.2.7:8080"
    assert "\x1b" not in out


def test_jsonl_has_a_schema_a_row_and_tells_the_rest_apart(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.listeners = (WEB, changed(WEB, port=306))
    asked.redirects = (REDIRECT,)
    asked.missing = (gap("sctp\x1b[2J"),)
    cli.run(["listen", "--jsonl"])
    out, err = capsys.readouterr()
    rows = [loaded(line) for line in out.splitlines()]
    assert [row["schema"] for row in rows] == [
        "portbook/listener/1",
        "portbook/listener/1",
        "portbook/redirect/1",
    ]
    assert [row.get("port") for row in rows] == [305, 306, None]
    assert err == "portbook: not seen: sctp\\x1b[2J\n"
