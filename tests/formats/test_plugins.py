"""Formats of installed packages: one from a wheel, and whatever can be wrong with one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portbook.app.explain import explain
from portbook.app.socket_filter import Filter
from portbook.errors import FormatFailed, FormatWarning, MalformedInput, NothingKnown
from portbook.formats.lines import numbered
from portbook.formats.sockets.comparison import best_of
from portbook.formats.sockets.detect import FORMATS, detect, installed, read
from portbook.web.explain.explainer import answer
from tests.command_line import run
from tests.formats.test_samples import KNOWN, SAMPLES, names
from tests.test_docs import matches
from tests.values import CATALOG

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
OUTPUT = b"toyd 1.0, 2 sockets\ntcp 0.0.0.0 8080 web[812]\nudp ::1 domain -\n"
SS = b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"
HEAD = """
import pathlib
pathlib.Path(__file__).with_suffix(".imported").touch()
from portbook.formats.base import FlowFormat, SocketFormat
from portbook.formats.fields import heading, not_understood
"""


def blocks() -> dict[str, str]:
    """The files of the example in the document, by name."""
    found = re.findall(r"^```\w+ (\S+)\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return dict(found)


def put(
    folder: Path, package: str, body: str, *formats: str, group: str = "portbook.formats"
) -> Path:
    """Installs *package* with one module in *folder*; returns what its import leaves behind."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(HEAD + body)
    info = folder / f"{module}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
    rows = "".join(f"{name} = {module}:FORMAT\n" for name in formats)
    (info / "entry_points.txt").write_text(f"[{group}]\n{rows}")
    return folder / f"{module}.imported"


def portbook(folder: Path, *argv: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portbook", *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80", **options},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def toyd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the wheel of the document's example is installed."""
    source, place = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    files = blocks()
    for name in ("portbook_toyd.py", "pyproject.toml"):
        (source / name).write_text(files[name])
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(source)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (source / "dist").glob("*.whl")
    offline = ["--no-index", "--no-deps", "--target", str(place)]
    subprocess.run([*pip, "install", *offline, str(wheel)], check=True, capture_output=True)
    return place


def test_the_example_of_the_document_is_installed_and_read(toyd: Path, tmp_path: Path) -> None:
    files = blocks()
    assert files["toyd.txt"].encode() == OUTPUT
    (tmp_path / "toyd.txt").write_text(files["toyd.txt"])
    parts = re.split(r"^\$ portbook ", files["shown"], flags=re.MULTILINE)[1:]
    assert len(parts) == 2
    for part in parts:
        command, _, expected = part.partition("\n")
        done = portbook(tmp_path, *command.split(), PYTHONPATH=str(toyd))
        assert matches(expected, done.stdout + done.stderr), done.stdout + done.stderr
        assert "note   8080/tcp  0.0.0.0  web " in done.stdout
        assert "ok     53/udp    [::1] " in done.stdout
    helped = portbook(tmp_path, "explain", "--help", PYTHONPATH=str(toyd)).stdout
    assert "toyd (toyd --list)" in " ".join(helped.split())


def test_without_the_package_nothing_knows_the_format(tmp_path: Path) -> None:
    (tmp_path / "toyd.txt").write_bytes(OUTPUT)
    found, named = (
        portbook(tmp_path, "explain", *option, "toyd.txt") for option in ([], ["--format", "toyd"])
    )
    assert (found.returncode, named.returncode) == (2, 2)
    assert "known tool" in found.stderr
    assert named.stderr.startswith("portbook: --format 'toyd' is not one of ss, ")
    assert named.stderr.count("\n") == 1


READS = """
def read(lines, names):
    for number, line in lines:
        yield heading(number) if line.startswith("{start}") else not_understood(number, line)
FORMAT = SocketFormat("{name}", "a toy", read)
"""


def toy(name: str, start: str = "toyd") -> str:
    return READS.replace("{name}", name).replace("{start}", start)


def test_a_package_is_imported_only_where_portbook_knows_no_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = put(tmp_path, "portbook-lazy", toy("lazy", "LISTEN"), "lazy")
    monkeypatch.syspath_prepend(tmp_path)
    assert explain([SS], Filter(), CATALOG, plugins=True).format == "ss"
    assert explain([SS], Filter(), CATALOG, "ss", plugins=True).format == "ss"
    with pytest.raises(NothingKnown):
        explain([b"LISTEN\n"], Filter(), CATALOG)
    with pytest.raises(NothingKnown):
        read([b"LISTEN\n"])
    # The worker of the site.
    assert json.loads(answer(b"LISTEN\n", None, None, CATALOG)[1])["format"] is None
    assert not left.exists()
    assert explain([b"LISTEN\n"], Filter(), CATALOG, plugins=True).format == "lazy"
    assert left.exists()


def test_neither_a_lookup_nor_a_known_format_looks_for_packages(tmp_path: Path) -> None:
    (tmp_path / "ss.txt").write_bytes(SS)
    program = (
        "import sys; from portbook.cli import run; run(sys.argv[1:]);"
        "sys.exit('importlib.metadata' in sys.modules or 'portbook.formats.plugins' in sys.modules)"
    )
    for argv in (["305", "--no-host"], ["explain", "ss.txt", "--fail-on", "never"]):
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *argv], cwd=tmp_path, capture_output=True,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")


def test_the_working_directory_brings_no_format(tmp_path: Path) -> None:
    left = put(tmp_path, "portbook-evil", toy("evil"), "evil")
    (tmp_path / "toyd.txt").write_bytes(b"toyd\n")
    for option in ([], ["--format", "evil"]):
        done = portbook(tmp_path, "explain", *option, "toyd.txt")
        assert done.returncode == 2
        assert "evil" not in done.stdout
    assert not left.exists()
    # It would be read if it were installed.
    done = portbook(
        tmp_path.parent, "explain", str(tmp_path / "toyd.txt"), PYTHONPATH=str(tmp_path)
    )
    assert "read as a toy" in done.stdout
    assert left.exists()


BAD = {
    "fails": "raise RuntimeError('no\\nway')",
    "exits": "import sys; sys.exit(3)",
    "lacks": "import no_such_module_anywhere",
    "odd": "FORMAT = 7",
    "misnamed": toy("other"),
    "title": "FORMAT = SocketFormat('title', 'a\\x1b[2J', lambda lines, names: [])",
    "read": "FORMAT = SocketFormat('read', 'a toy', 7)",
    "flows": "FORMAT = FlowFormat('flows', 'a log', lambda head: None)",
}


@pytest.mark.parametrize("name", BAD)
def test_a_package_that_cannot_be_used_is_named_in_one_line(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(tmp_path, f"portbook-{name}", BAD[name], name)
    put(tmp_path, f"portbook-good-{name}", toy("good"), "good")
    monkeypatch.syspath_prepend(tmp_path)
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in files:
        path.write_bytes(b"toyd\n")
    line = f"portbook: the format '{name}' of portbook-{name} 2.5 is left out: "
    run(["explain", *map(str, files)])
    out, err = capsys.readouterr()
    assert out.count("read as a toy") == 2
    assert err.startswith(line)
    assert err.count("\n") == 1, "each is named once"
    assert run(["explain", "--format", name, str(files[0])]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(line)
    assert second.startswith(f"portbook: --format '{name}' is not one of ss, ")


def test_a_name_that_is_taken_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = put(tmp_path, "portbook-fake", toy("ss"), "ss")
    put(tmp_path, "portbook-twin-a", toy("twin"), "twin")
    put(tmp_path, "portbook-twin-b", toy("twin"), "twin")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(FormatWarning) as told:
        assert [*installed()] == ["twin"]
    twin = "the format 'twin' of portbook-twin-b 2.5"
    assert [str(each.message) for each in told] == [
        "the format 'ss' of portbook-fake 2.5 is left out: portbook has a format of that name",
        f"{twin} is left out: portbook-twin-a 2.5 has one of that name",
    ]
    assert not left.exists()


def test_two_formats_that_read_equally_well_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "portbook-one", toy("one"), "one")
    put(tmp_path, "portbook-two", toy("two"), "two")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MalformedInput, match="can be one or two: name its format"):
        read([b"toyd\n"], more=installed)
    form, events = read([b"toyd\n"], "two", more=installed)
    assert form.name == "two"
    assert [event.number for event in events if not hasattr(event, "socket")] == [1]


def test_an_output_that_goes_on_behind_the_first_lines_is_found_by_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = toy("late") + "FORMAT = FORMAT._replace(begins=lambda lines: lines[0] == 'Dump:')\n"
    put(tmp_path, "portbook-late", body, "late")
    bad = toy("bad") + "FORMAT = FORMAT._replace(begins=lambda lines: lines[0] / 0)\n"
    put(tmp_path, "portbook-bad", bad, "bad")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(FormatWarning, match="a format of portbook-bad 2.5 is left out: TypeError"):
        assert read([b"Dump:\nwhat comes\n"], more=installed)[0].name == "late"


SOCKET = "Socket(Transport.TCP, 'ipv4', '0.0.0.0', 80, 'listen')"
RUBBISH = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exits": ("sys.exit(1)", "SystemExit: 1"),
    "recurses": ("deep()", "RecursionError: "),
    "number": ("7", "it returned a value of type int"),
    "port": (f"Listener({SOCKET}._replace(port='80'))", "it returned port '80', which is none"),
    "no-port": (f"Listener({SOCKET}._replace(port=0))", "it returned port 0, which is none"),
    "address": (f"Listener({SOCKET}._replace(address='\\x1b'))", "it returned address "),
    "transport": (f"Listener({SOCKET}._replace(transport='tcp'))", "it returned transport 'tcp'"),
    "state": (f"Listener({SOCKET}._replace(state=None))", "it returned state None"),
    "inode": (f"Listener({SOCKET}._replace(inode=[]))", "it returned a Socket of odd fields"),
    "owners": (f"Listener({SOCKET}, Ownership((7,)))", "it returned an owner that is no Process"),
    "owner": (f"Listener({SOCKET}, Ownership(7))", "TypeError: "),
    "findings": (
        f"Listener({SOCKET}, assessment=Assessment((1,)))", "it returned a Listener with findings",
    ),
    "bare": ("Listener(None)", "it returned a Listener without a Socket"),
    "line": ("Line(1, 'odd')", "it returned a Line with a wrong field"),
    "text": ("Line(1, 'heading', 7)", "it returned a Line with a wrong field"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUBBISH)
def test_what_a_reader_does_wrong_names_its_package(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expression, reason = RUBBISH[name]
    body = (
        "import sys\nfrom portbook.formats.fields import Line\n"
        "from portbook.model import *\n"
        "from portbook.model import Assessment, Listener, Ownership, Socket, Transport\n"
        "def deep(): deep()\n"
        "def read(lines, names):\n"
        "    for number, line in lines:\n"
        f"        yield ({expression}) if number == 2 else heading(number)\n"
        f"FORMAT = SocketFormat('{name}', 'a toy', read)\n"
    )
    put(tmp_path, f"portbook-does-{name}", body, name)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "out.txt"
    path.write_bytes(OUTPUT)
    line = f"the format {name} of portbook-does-{name} 2.5 fails at line 2: {reason}"
    for options in (["--format", name], ["--format", name, "--jsonl"]):
        assert run(["explain", *options, str(path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"portbook: {line}")
        assert err.count("\n") == 1
    assert run(["explain", str(path)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"portbook: {line}")
    assert "known tool" in second
    with pytest.raises(FormatFailed):
        list(read([OUTPUT], name, more=installed)[1])


def test_each_sample_is_of_one_format_alone() -> None:
    """Without the order of preference: no two formats explain a sample equally well."""
    best = {}
    for sample in KNOWN:
        lines = list(numbered([(SAMPLES / sample).read_bytes()]))
        best[sample] = [form.name for form in best_of(FORMATS.values(), lines, names)[0]]
    assert best == {sample: [KNOWN[sample][0]] for sample in KNOWN}


def test_no_package_takes_a_sample_from_portbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that claims to understand everything."""
    put(tmp_path, "portbook-greedy", toy("greedy", ""), "greedy")
    monkeypatch.syspath_prepend(tmp_path)

    def detected(sample: str) -> str:
        lines = list(numbered([(SAMPLES / sample).read_bytes()]))
        return detect(lines, names, installed).name

    assert {sample: detected(sample) for sample in KNOWN} == {
        sample: form for sample, (form, *_) in KNOWN.items()
    }
    assert detected("nothing.txt") == "greedy"
