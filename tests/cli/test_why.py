"""``portbook why``: what it takes, what it prints, and its exit status."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import pytest

from portbook import cli
from portbook.app.bind.causes import Cause, CauseCode
from portbook.app.bind.diagnose import Why
from portbook.host.bind_probe import PLACES, BindTry
from portbook.model import Family, Gap, Listener, Socket, SocketState, Transport
from portbook.present.render.json_text import json_line
from portbook.present.render.report_json import of_why
from portbook.present.render.text import Style
from portbook.present.views import why
from tests.machine import SERVER, Machine, bound
from tests.values import CATALOG, gap

if TYPE_CHECKING:
    from portbook.model import Host, OwnerSearch

TCP, UDP = Transport.TCP, Transport.UDP
HELD = Cause(
    CauseCode.LISTENER,
    facts=(
        ("part", "web\x1b[2J\udcff"),
        ("summary", "it shares"),
        ("source", "https://example.org/"),
        ("read", "2026-11-21"),
        ("mend", "Wait\u202e"),
    ),
    listener=Listener(Socket(TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN)),
    seconds_left=58.26,
)


def held(
    missing: tuple[Gap, ...], *, transport: Transport = TCP, address: str | None = None
) -> Why:
    """Why 305 can't be bound, with *missing* unseen."""
    tries = tuple(
        BindTry(Family.IPV4, "0.0.0.0", reuse, None, 0 if reuse else errno.EADDRINUSE)
        for reuse in (False, True)
    )
    return Why(305, transport, address, False, True, (HELD,), tries, missing)


def _family(address: str) -> Family:
    return Family.IPV6 if ":" in address else Family.IPV4


class Asked(Machine):
    """A machine on which ports are bindable or held, and which notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.bindable = True
        self.missing: tuple[Gap, ...] = ()

    def try_binds(
        self, port: int, transport: Transport, address: str | None = None
    ) -> tuple[BindTry, ...]:
        self.asked.append((port, transport, address))
        error = 0 if self.bindable else errno.EADDRINUSE
        others = () if address is None else ((_family(address), address, None),)
        return tuple(
            BindTry(family, place, reuse, only, error)
            for family, place, only in (*others, *PLACES)
            for reuse in (False, True)
        )

    def read_host(
        self, ports: tuple[int, int] | None, transport: Transport | None, owners: OwnerSearch
    ) -> Host:
        first, _ = ports or (0, 0)
        self.sockets = () if self.bindable else (bound(first, SERVER),)
        return super().read_host(ports, transport, owners)._replace(missing=self.missing)

    def read_elsewhere(self, *_: Any) -> tuple[tuple[Any, ...], tuple[Gap, ...]]:
        return (), ()

    def run(self, *argv: str) -> int:
        """``portbook why`` with *argv* on this machine; the exit status."""
        return cli.run(["why", *argv], CATALOG, self)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("53/udp", (53, UDP, None)),
        ("udp:53", (53, UDP, None)),
        ("ssh/tcp", (22, TCP, None)),
        ("EADDRINUSE: address already in use :::3000", (3000, TCP, "::")),
        ("listen tcp 127.0.0.1:8080: bind: address already in use", (8080, TCP, "127.0.0.1")),
    ],
)
def test_what_it_takes(asked: Asked, query: str, expected: tuple[Any, ...]) -> None:
    assert asked.run(query) == 0
    assert asked.asked == [expected]


@pytest.mark.parametrize(
    ("query", "port", "address"),
    [
        ("305", 305, None),
        (":305", 305, None),
        ("127.0.0.1:8080", 8080, "127.0.0.1"),
        ("[::1]:5432", 5432, "::1"),
        ("0.0.0.0:80", 80, "0.0.0.0"),
        ("*:80", 80, None),
        ("localhost:3000", 3000, None),  # of all places those are looked at that the name means
        ("db.invalid:5432", 5432, None),
        ("https://localhost:8443/x", 8443, None),
        ("ssh", 22, None),
    ],
)
def test_tcp_and_udp_unless_one_is_named(
    asked: Asked, query: str, port: int, address: str | None
) -> None:
    assert asked.run(query) == 0
    assert asked.asked == [(port, TCP, address), (port, UDP, address)]


def test_several_are_answered_one_after_the_other(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.run("80/tcp", "http-alt/tcp", "--json") == 0
    assert [each[0] for each in asked.asked] == [80, 591, 8008, 8080]
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [each["port"] for each in answers] == [80, 591, 8008, 8080]


def test_a_range_is_one_answer_in_text_and_one_a_port_in_json(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.run("3000-3003") == 0
    assert asked.asked == [(port, kind, None) for port in range(3000, 3004) for kind in (TCP, UDP)]
    out = capsys.readouterr().out
    assert out.startswith("Can be bound: 3000–3003/tcp, 3000–3003/udp\n")
    assert asked.run("3000-3000/tcp", "--json") == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [each["port"] for each in answers] == [3000]
    asked.bindable = False
    assert asked.run("3000..3001/tcp") == 1
    out = capsys.readouterr().out
    assert out.count("is in use: ") == 2
    assert "Can be bound" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuchservice"], "'nosuchservice' is not a port, a range or a service"),
        (["1-1024"], "'1-1024' is 1,024 ports, and each is bound for real: give at most 128"),
        ([""], "the query is empty"),
        (["   "], "the query is empty"),
        (["99999"], "is not a port number"),
        (["-1"], "is not a port number"),
        (["80/xyz"], "is not a transport"),
        (["x" * 5000], "characters long"),
        ([], "PORT"),
        (["80", "--jsonl"], "no option '--jsonl'; did you mean --json?"),
        (["80", "--nonsense"], "no option '--nonsense' (portbook"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    asked: Asked, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked.run(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("portbook: ")
    assert said in err
    assert asked.asked == []


def test_port_0_is_no_port_that_can_be_held(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["why", "0"]) == 2
    assert "0 asks the system to choose a port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bindable", "missing", "arguments", "status"),
    [
        (True, False, "", 0),
        (True, True, "", 0),
        (True, False, "--strict", 0),
        (True, True, "--strict", 3),
        (False, False, "", 1),
        (False, True, "--strict", 1),
    ],
)
@pytest.mark.parametrize("form", ["", "--json"])
def test_exit_status(
    asked: Asked, bindable: bool, missing: bool, arguments: str, status: int, form: str
) -> None:
    asked.bindable, asked.missing = bindable, (gap("NAT rules"),) if missing else ()
    assert asked.run("305", *arguments.split(), *form.split()) == status


def test_the_page() -> None:
    found = held((gap("NAT rules\x1b[2J"),), address="127.0.0.1")
    assert why.render_why(found, Style(80)) == (
        "Port 305/tcp on 127.0.0.1 can't be bound, unless the server sets SO_REUSEADDR.\n"
        "\n"
        "listener\n"
        "  web\\x1b[2J\\xff has tcp 0.0.0.0:305: it shares (https://example.org/, read\n"
        "  2026-11-21).\n"
        "  Fix: Wait\\u202e.\n"
        "\n"
        "What the kernel answered\n"
        "  0.0.0.0:305    plain              EADDRINUSE\n"
        "  0.0.0.0:305    with SO_REUSEADDR  OK\n"
        "  Not seen: NAT rules\\x1b[2J\n"
    )


def test_json() -> None:
    out = json_line(of_why(held((gap("NAT rules \udcff"),), transport=UDP)))
    found = json.loads(out)
    assert {key: found[key] for key in ("schema", "port", "transport", "address")} == {
        "schema": "portbook/why/1",
        "port": 305,
        "transport": "udp",
        "address": None,
    }
    assert (found["bindable"], found["bindable_with_reuseaddr"]) == (False, True)
    (cause,) = found["causes"]
    assert cause.pop("listener")["address"] == "0.0.0.0"
    assert cause == (
        {
            "code": "listener",
            "message": "web\x1b[2J\\xff has tcp 0.0.0.0:305: it shares "
            "(https://example.org/, read 2026-11-21).",
            "mend": "Wait\u202e.",
            "blocks": True,
            "facts": {
                "part": "web\x1b[2J\\xff",
                "summary": "it shares",
                "source": "https://example.org/",
                "read": "2026-11-21",
                "mend": "Wait\u202e",
            },
            "connections": [],
            "seconds_left": 58.3,
        }
    )
    assert [each["error"] for each in found["binds"]] == ["EADDRINUSE", None]
    assert [each["message"] for each in found["missing"]] == ["NAT rules \\xff"]
    assert out.isascii()
    assert "\x1b" not in out
