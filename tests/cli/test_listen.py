"""``portbook listen``: its options, what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import portbook.cli.listen
from portbook import cli
from portbook.app.listen import Depth, Filter, HereAnswer
from portbook.host.firewall.rules import Redirect
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

TCP = Transport.TCP
CHECK = worded("unregistered-port", Level.CHECK, "find out who started web", "a row")
WEB = Listener(
    Socket(TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN, inode=7, uid=33),
    Ownership((Process(7, "web\x1b[2J\udcff"),), OwnersSeen.ALL),
    Assessment((CHECK,)),
)
REDIRECT = Redirect(
    TCP, 80, 80, "192.0.2.7", 8080, None, Family.IPV4, "nftables", "c", "dnat \x1b[2J"
)


class Asked:
    """Stands in for this machine, and notes what it is asked."""

    def __init__(self) -> None:
        self.filter = Filter()
        self.depth = Depth()
        self.missing: tuple[Gap, ...] = ()
        self.listeners: tuple[Listener, ...] = (WEB,)
        self.redirects: tuple[Redirect, ...] = ()

    def answer_here(self, wanted: Filter, depth: Depth, _: Catalog) -> HereAnswer:
        self.filter, self.depth = wanted, depth
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
        ("", Depth(OwnerSearch.ALL, said=False)),
        ("--json", Depth(OwnerSearch.ALL)),
        ("--detail", Depth(OwnerSearch.ALL, detail=True, said=False)),
        ("--all-namespaces", Depth(OwnerSearch.ALL, everywhere=True, said=False)),
        ("--no-notes", Depth(OwnerSearch.ALL, said=False, notes=False)),
        ("--no-notes --level ok", Depth(OwnerSearch.ALL, said=False, notes=False)),
    ],
)
def test_depth(asked: Asked, arguments: str, depth: Depth) -> None:
    cli.run(["listen", *arguments.split()])
    assert asked.depth == depth


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "'99999' is not a port number"),
        (["--port", "-1"], "is not a port number"),
        (["--port"], "expected one argument"),
        (["--port", ""], "the query is empty"),
        (["--port", "9-3"], "runs backwards"),
        (["--port", "ssh"], "no port or range"),
        (["--port", "127.0.0.1:22"], "no port or range"),
        (["--port", "53/xyz"], "is not a transport"),
        (["--port", "53/udp", "--transport", "tcp"], "exclude each other"),
        (["--transport", "icmp"], "invalid choice"),
        (["--reach", "moon"], "invalid choice"),
        (["--level", "bad"], "invalid choice"),
        (["--fail-on", "bad"], "invalid choice"),
        (["--interval", "0"], "--interval 0 is not between 0.05 and 3600 seconds"),
        (["--interval", "nan"], "not between"),
        (["--interval", "1e9"], "not between"),
        (["--interval", "soon"], "invalid float value"),
        (["--watch", "--interval", "-1"], "not between"),
        (["--json", "--jsonl"], "exclude each other"),
        (["--watch", "--json"], "--watch doesn't go with --json"),
        (["--watch", "--detail"], "--watch doesn't go with --detail"),
        (["--watch", "--all-namespaces"], "--watch doesn't go with --all-namespaces"),
        (["--watch", "--strict"], "--watch doesn't go with --strict"),
        (["22"], "unrecognized arguments"),
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


def test_the_table(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.missing = (gap("sctp"),)
    asked.redirects = (REDIRECT,)
    cli.run(["listen"])
    out, err = capsys.readouterr()
    assert "check  tcp 0.0.0.0:305  web\\x1b[2J\\xff (7)" in out
    assert "Redirected: 80/tcp to 192.0.2.7:8080 (nftables: dnat \\x1b[2J)" in out
    assert "Not seen: sctp" in out
    assert "\x1b" not in out
    assert err == ""


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
    assert (found["visibility"], found["missing"]) == (
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
