"""What the package offers is what the commands call."""

from __future__ import annotations

import contextlib
import inspect
import socket
from pathlib import Path

import pytest

import portbook
from portbook.app.update import renew
from portbook.catalog.update.source import Fetched, Validators
from portbook.cli import COMMANDS
from portbook.errors import BadNotes, InvalidArgument
from tests.catalog.registry.upstream import small
from tests.values import CATALOG


@pytest.fixture
def notes_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file of notes, which isn't there yet."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ports.toml"
    monkeypatch.setenv("PORTBOOK_NOTES", str(path))
    return path


def test_a_note_that_is_written_is_in_force(notes_file: Path) -> None:
    written = portbook.note(8306, "shop API", portbook.Transport.TCP)
    assert written.path == str(notes_file)
    in_force = portbook.notes()
    assert in_force.problem is None
    (found,) = in_force.files
    assert [(note.first, note.transport, note.label) for note in found.notes] == [
        (8306, "tcp", "shop API")
    ]


def test_what_cant_be_a_note_is_refused(notes_file: Path) -> None:
    with pytest.raises(InvalidArgument, match="empty"):
        portbook.note(8306, " ")
    assert not notes_file.exists()
    notes_file.write_text("not toml at all [")
    with pytest.raises(BadNotes):
        portbook.note(8306, "shop API")
    assert notes_file.read_text() == "not toml at all ["


@pytest.mark.usefixtures("notes_file", "own_network")
def test_what_listens_is_adopted_once() -> None:
    with socket.socket() as server:
        # One that systems hand out by chance is left out.
        for port in range(12_000, 13_000):
            with contextlib.suppress(OSError):
                server.bind(("127.0.0.1", port))
                break
        server.listen()
        port = server.getsockname()[1]
        added = {entry.port for entry in portbook.adopt().entries}
        assert port in added
        assert not added & {entry.port for entry in portbook.adopt().entries}


def test_a_checkup_counts_what_it_sees() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        checkup = portbook.doctor(catalog=CATALOG)
    assert 1 <= checkup.owned <= checkup.sockets


def test_a_plan_is_for_the_programs_that_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        nobody = portbook.plan_stop(port, named=portbook.Named(programs=("nosuchprogram",)))
        assert not nobody.steps
        assert nobody.refusals != portbook.plan_stop(port).refusals


# What a command of the command line does is offered by these; the rest is for a terminal or a site.
CALLS = {
    "listen": ("listen", "watch"),
    "why": ("why",),
    "stop": ("plan_stop", "stop"),
    "wait": ("wait",),
    "reach": ("reach",),
    "pick": ("pick", "reserve"),
    "doctor": ("doctor",),
    "show": ("lookup",),
    "search": ("search",),
    "topic": ("topic",),
    "history": ("history", "compare_registries"),
    "blocks": ("blocks",),
    "stats": ("stats",),
    "update": ("update", "roll_back", "registries"),
    "note": ("note",),
    "notes": ("notes", "adopt", "trust", "distrust"),
    "explain": ("explain",),
    "audit": ("audit",),
}


def test_every_command_has_its_call_or_is_named_as_one_that_has_none() -> None:
    text = (Path(portbook.__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    alone = text.partition("## From the command line alone")[2].partition("\n## ")[0]
    assert alone
    assert {name for name in COMMANDS if name not in CALLS and f"`{name}`" not in alone} == set()
    offered = {name for names in CALLS.values() for name in names}
    assert offered <= set(portbook.__all__)
    assert all(inspect.isfunction(getattr(portbook, name)) for name in offered)


def test_a_project_is_trusted_and_distrusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("PORTBOOK_NOTES", raising=False)
    project = tmp_path / "portbook.toml"
    project.write_text('[[port]]\nport = 8305\nlabel = "shop"\n')
    monkeypatch.chdir(tmp_path)
    assert portbook.trust(str(tmp_path)).path == str(project)
    assert [each.trusted for each in portbook.notes().files if each.path == str(project)] == [True]
    assert portbook.distrust("portbook.toml")
    assert not portbook.distrust("portbook.toml")
    with pytest.raises(InvalidArgument, match="is never read"):
        portbook.trust(str(tmp_path / "other.toml"))


def test_a_port_is_kept_until_it_is_let_go() -> None:
    picked, reserved = portbook.reserve(portbook.Wanted(3000, 3999), catalog=CATALOG)
    assert reserved is not None
    assert reserved.ports == (picked.choices[0].port,)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", reserved.ports[0]))
    reserved.close()


def test_the_kept_registries_are_listed_compared_and_rolled_back(own_registries: Path) -> None:
    assert portbook.registries() == ()
    content = small("2026-11-14")
    got = Fetched(content, "file:x", "2026-11-14", Validators(None, None))
    renew(str(own_registries), "file:x", lambda _known: got, "2026-12-31", force=True)
    (version,) = portbook.registries()
    assert (version.as_of, version.in_use) == ("2026-11-14", True)
    assert portbook.compare_registries("shipped", "1").changes
    assert portbook.roll_back().status == "shipped"
    with pytest.raises(InvalidArgument):
        portbook.compare_registries("shipped", "7")
