"""Whole answers as files: what people ask first, on a machine at rest and on one in use.

``make golden`` writes them anew, and the answers of ``docs/tour.md``; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
from portbook.app.listen import ScanOptions
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.formats.errors.query import parse_query
from portbook.model import Process
from portbook.present.list_briefs import brief_of
from portbook.present.owners import Viewer
from portbook.present.render import port_json
from portbook.present.render.brief_text import LINES, render_brief
from portbook.present.render.text import Style, columns_of
from tests.machine import SERVER, Machine, bound
from tests.values import CATALOG

FOLDER = Path(__file__).parent / "answers"
UPDATE = "PORTBOOK_UPDATE_GOLDEN" in os.environ
ERROR = "EADDRINUSE: address already in use :::3000"
TO = Viewer(1000, "/home/ada", 20_000.0)

NODE = Process(
    17580, "node", ("node", "server.js", "--token=***"), executable="/usr/bin/node",
    uid=1000, user="ada", started=12_800.0, cwd="/home/ada/shop",
)  # fmt: skip
REDIS = Process(
    611, "redis-server", ("/usr/bin/redis-server 127.0.0.1:6379",),
    executable="/usr/bin/redis-server", executable_uid=0, executable_mode=0o755, uid=105,
    user="redis", started=100.0, unit="redis-server.service", cwd="/var/lib/redis",
)  # fmt: skip
SOCKETS = (
    bound(3000, NODE, address="127.0.0.1"),
    bound(5432, SERVER._replace(command=("python3", "-m", "http.server", "5432"))),
    bound(6010, SERVER._replace(pid=17582)),
    bound(6379, REDIS, address="127.0.0.1"),
    bound(8080, SERVER),
    bound(31337),
)
QUERIES = {
    "305": "305", "340": "340", "443": "443", "22": "22", "3000": "3000", "8080": "8080", "0": "0",
    "31337": "31337", "50000": "50000", "853": "853", "1023": "1023", "65535": "65535",
    "5432": "5432", "redis": "redis", "ssh-tcp": "ssh/tcp", "http-alt": "http-alt", "x11": "x11",
    "1password": "1password", "6000-6063": "6000-6063", "300-310": "300-310",
    "example.com": "https://example.com", "127.0.0.1-8080": "127.0.0.1:8080", "error": ERROR,
}  # fmt: skip


def text_of(query: str, machine: Machine | None, style: Style) -> str:
    """The short answer to *query* on *machine*; None leaves it out."""
    depth = None if machine is None else ScanOptions(notes=False)
    found = answer(parse_query(query), CATALOG, depth, host=machine)
    assert isinstance(found, PortAnswer | ServiceAnswer | RangeAnswer)
    return render_brief(brief_of(found, TO), style)


@pytest.mark.parametrize("name", QUERIES)
def test_an_answer_is_the_one_in_its_file(name: str) -> None:
    made = []
    machines = (("at rest", Machine()), ("in use", Machine(SOCKETS)), ("no machine", None))
    for title, machine in machines:
        shown = text_of(QUERIES[name], machine, Style())
        lines = shown.splitlines()
        assert len(lines) <= LINES
        assert max(map(columns_of, lines)) <= 80
        made.append(f"--- {title}\n{shown}")
    file = FOLDER / f"{name}.txt"
    if UPDATE:
        FOLDER.mkdir(exist_ok=True)
        file.write_text("\n".join(made))
    assert file.read_text() == "\n".join(made)


def test_each_file_belongs_to_a_query() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(QUERIES)


@pytest.mark.parametrize("width", [20, 40])
@pytest.mark.parametrize("name", QUERIES)
def test_a_narrow_terminal_gets_the_same_facts_in_more_lines(name: str, width: int) -> None:
    shown = text_of(QUERIES[name], Machine(SOCKETS), Style(width))
    wide = text_of(QUERIES[name], Machine(SOCKETS), Style())
    assert shown.split()[:3] == wide.split()[:3]
    assert not [char for char in shown if char != "\n" and not char.isprintable()]


@pytest.mark.parametrize("name", QUERIES)
def test_every_command_that_an_answer_proposes_can_be_run(name: str) -> None:
    commands = []
    for machine in (Machine(), Machine(SOCKETS), None):
        depth = None if machine is None else ScanOptions(notes=False)
        found = answer(parse_query(QUERIES[name]), CATALOG, depth, host=machine)
        assert isinstance(found, PortAnswer | ServiceAnswer | RangeAnswer)
        steps = port_json.of(found, TO)["brief"]["next"]
        commands += [step["command"] for step in steps]
    assert commands
    programs = {"portbook", "sudo", "netsh"}
    assert not [command for command in commands if command.split()[0] not in programs]
    assert not [command for command in commands if "(" in command]
