"""What the package offers is what the commands call."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

import portbook
from portbook.errors import BadNotes, InvalidArgument
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path


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
