"""Notes that the command line writes: what stands in the file already stays as it is."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.notes import adopt, note_port
from portbook.catalog import Catalog
from portbook.catalog.expectations.write import Entry, with_label
from portbook.errors import BadNotes, InvalidArgument, NotKept
from portbook.host.host_reader import HostReader
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Host,
    Listener,
    Note,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from tests.command_line import run
from tests.values import changed, with_notes

if TYPE_CHECKING:
    from pathlib import Path

TCP, UDP = Transport.TCP, Transport.UDP
BY_HAND = """\
# what runs on this machine

[[port]]  # the shop
port = 8306
  label = 'shop API'   # its name
note = \"\"\"
[[port]]
label = "no entry, but a text"
\"\"\"

[[port]]
transport = "udp"
port = "8306"
label = "discovery"

[[port]]
port = 9000
unit = "shop.service"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PORTBOOK_NOTES", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "portbook" / "ports.toml"


def test_a_note_is_written_and_shown(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["note", "8306", "shop", "API"]) == 0
    assert capsys.readouterr().out == f"Written to {own}\n  8306  shop API\n"
    assert own.read_text() == '[[port]]\nport = 8306\nlabel = "shop API"\n'
    assert run(["notes"]) == 0
    assert "8306  shop API" in capsys.readouterr().out
    assert run(["note", "8306", "the new one"]) == 0
    assert tomllib.loads(own.read_text()) == {"port": [{"port": 8306, "label": "the new one"}]}
    if sys.platform != "win32":
        assert stat.S_IMODE(own.stat().st_mode) == 0o644


def test_whoever_may_write_to_it_changes_nothing(own: Path) -> None:
    own.parent.mkdir()
    own.write_text("# mine\n")
    own.chmod(0o640)
    before = os.umask(0)
    try:
        note_port(1, "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(own.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("entry", "old", "new"),
    [
        (Entry(9000, None, "x"), "port = 9000\n", 'label = "x"\nport = 9000\n'),
        (Entry(8306, UDP, "x"), 'label = "discovery"', 'label = "x"'),
    ],
)
def test_only_the_label_of_its_entry_changes(entry: Entry, old: str, new: str) -> None:
    text = BY_HAND.replace('[[port]]\nlabel = "no entry', 'label = "no entry')
    assert with_label(text, entry) == text.replace(old, new)


def test_what_can_not_be_told_from_a_text_is_refused() -> None:
    with pytest.raises(BadNotes, match="edit the file"):
        with_label(BY_HAND, Entry(8306, None, "x"))
    with pytest.raises(BadNotes, match="edit the file"):
        with_label('port = [{port = 1, label = "a"}]\n', Entry(2, None, "x"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_as_they_did(end: str) -> None:
    text = f"[[port]]{end}port = 1{end}label = 'a' # c{end}"
    assert with_label(text, Entry(1, None, "b")) == text.replace("'a'", '"b"')


@given(
    st.lists(
        st.tuples(
            st.integers(1, 9),
            st.sampled_from([None, TCP, UDP]),
            st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_label_is_read_back(notes: list[tuple[int, Transport | None, str]]) -> None:
    text, expected = "# comment\n", {}
    for port, transport, label in notes:
        text = with_label(text, Entry(port, transport, label))
        expected[port, transport] = label
    read = {
        (entry["port"], entry.get("transport")): entry["label"]
        for entry in tomllib.loads(text)["port"]
    }
    assert read == expected
    assert text.startswith("# comment\n")


@pytest.mark.parametrize("label", ["", "  ", "x" * 81, "a\x1b[2J", "a\nb", "\u202eabc", "a\udcff"])
def test_hostile_text_is_refused(own: Path, label: str) -> None:
    with pytest.raises(InvalidArgument):
        note_port(8306, label)
    assert not own.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["8306", "a\x1b[2J"], "TEXT"),
        (["nosuchthing", "x"], "names no single port"),
        (["127.0.0.1:80", "x"], "has an address"),
        (["8306"], "TEXT"),
    ],
)
def test_wrong_usage_is_one_line(
    own: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(["note", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert not own.exists()


def test_a_file_with_a_fault_stays_as_it_is(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.parent.mkdir()
    own.write_text("[[port]]\nport = 70000\n")
    assert run(["note", "8306", "x"]) == 2
    assert "70000" in capsys.readouterr().err
    assert own.read_text() == "[[port]]\nport = 70000\n"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
def test_a_link_stays_one_and_a_pipe_is_not_waited_for(own: Path, tmp_path: Path) -> None:
    own.parent.mkdir()
    (tmp_path / "dotfiles.toml").write_text("# mine\n")
    own.symlink_to(tmp_path / "dotfiles.toml")
    note_port(8306, "x")
    assert own.is_symlink()
    assert "8306" in (tmp_path / "dotfiles.toml").read_text()
    own.unlink()
    os.mkfifo(own)
    with pytest.raises((BadNotes, NotKept)):
        note_port(8306, "x")


def test_under_sudo_it_is_refused() -> None:
    if not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("takes root")
    with pytest.raises(NotKept, match="without sudo"):
        note_port(8306, "x", environ={"SUDO_UID": "1000"})
    with pytest.raises(NotKept, match="PORTBOOK_NOTES is empty"):
        note_port(8306, "x", environ={"PORTBOOK_NOTES": ""})


# -- adopting what is there -------------------------------------------------------------------


def listener(port: int, *owners: Process, **facts: Any) -> Listener:
    made = Listener(Socket(TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN))
    return changed(made, owners=owners, owners_seen=OwnersSeen.FIRST, **facts)


NODE = Process(7, "node", ("node", "server.js"), "/usr/bin/node", user="ada", uid=1000)
HIDDEN = Gap(GapCode.OWNERS_UNSEEN, number=1, total=9)


class Machine(HostReader):
    """A machine on which these listen."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners

    def read_host(self, *_: Any) -> Host:
        return Host(self.listeners, Visibility.PARTIAL, (HIDDEN,))

    def read_rules(self) -> PortRules:
        return PortRules("linux", 1024, (32768, 60999))


def test_what_listens_is_written_down_with_its_program(own: Path) -> None:
    nginx = NODE._replace(program="nginx", command=("nginx",), unit="nginx.service")
    machine = Machine(
        listener(80, nginx._replace(executable="/usr/sbin/nginx")),
        listener(3000, NODE),
        listener(3000, NODE, address="::1"),
        listener(4000, NODE._replace(container="shop-db")),
        listener(5000, NODE._replace(executable_deleted=True)),
        listener(6000),  # nobody is seen
        listener(7000, NODE, state="bound"),
        listener(8000, NODE, namespace="another"),
        listener(9000, NODE),  # it has a note
        listener(40000, NODE),  # chance
    )
    catalog = with_notes(Note(9000, 9000, None, "x.toml", "known"))
    written = adopt(catalog, machine)
    assert tomllib.loads(own.read_text())["port"] == [
        {
            "port": 80, "transport": "tcp", "label": "nginx", "unit": "nginx.service",
            "executable": "/usr/sbin/nginx",
        },
        {
            "port": 3000, "transport": "tcp", "label": "node server.js",
            "executable": "/usr/bin/node", "user": "ada",
        },
        {"port": 4000, "transport": "tcp", "label": "node server.js", "container": "shop-db"},
        {"port": 5000, "transport": "tcp", "label": "node server.js"},
    ]  # fmt: skip
    assert [entry.port for entry in written.entries] == [80, 3000, 4000, 5000]
    assert written.missing == (HIDDEN,)


def test_adopting_again_changes_nothing(own: Path) -> None:
    adopt(Catalog(), Machine(listener(3000, NODE)))
    before = own.read_bytes()
    assert adopt(Catalog(), Machine(listener(3000, NODE))).entries == ()
    assert own.read_bytes() == before


def test_no_process_can_write_into_the_file(own: Path) -> None:
    evil = NODE._replace(
        command=("node", 'x"\n[[port]]\nport = 22\nlabel = "ssh'),
        executable='/tmp/a"\nport = 1',
        user=None,
    )
    adopt(Catalog(), Machine(listener(3000, evil)))
    (entry,) = tomllib.loads(own.read_text())["port"]
    assert entry["port"] == 3000
    assert set(entry) == {"port", "transport", "label"}


@pytest.mark.real
@pytest.mark.usefixtures("own_network")
def test_the_command_adopts(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["notes", "--adopt", "--json"]) == 2
    capsys.readouterr()
    with socket.create_server(("127.0.0.1", 8306)):
        assert run(["notes", "--adopt"]) == 0
    assert "8306/tcp" in capsys.readouterr().out
    assert run(["notes"]) == 0
    assert "8306" in capsys.readouterr().out


@pytest.mark.usefixtures("own")
def test_notes_list_is_notes(capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--json"]):
        assert run(["notes", *more]) == 0
        plain = capsys.readouterr().out
        assert run(["notes", "list", *more]) == 0
        assert capsys.readouterr().out == plain != ""
    assert run(["notes", "list", "portbook.toml"]) == 2
    assert "list, trust FILE or distrust FILE" in capsys.readouterr().err
