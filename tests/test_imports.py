"""A bare lookup loads next to nothing (docs/design.md); test_architecture.py holds the layers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import for_each
from tests.patience import PATIENCE

SOURCE = Path(__file__).resolve().parent.parent / "src"

# All that "portbook show 443" may load beyond what the interpreter itself has loaded.
MODULES = {
    "__future__", "_stat", "stat", "posixpath", "genericpath", "os", "os.path", "_collections_abc",
    "mmap", "_collections", "time", "encodings.ascii", "encodings.latin_1", "encodings.utf_8",
    "portbook", "portbook._fast_types", "portbook.app",
    "portbook.app.lookup", "portbook.app.port_lookup",
    "portbook.catalog", "portbook.catalog.practice",
    "portbook.catalog.practice.by_port", "portbook.catalog.practice.lookup",
    "portbook.catalog.practice.program_rows", "portbook.catalog.practice.report_rows",
    "portbook.catalog.practice.rows", "portbook.catalog.practice.service_rows",
    "portbook.catalog.registry",
    "portbook.catalog.registry.lookup",
    "portbook.catalog.registry.tsv_reader", "portbook.cli", "portbook.cli.show",
    "portbook.cli.terminal", "portbook.errors", "portbook.errors.base",
    "portbook.formats", "portbook.formats.errors",
    "portbook.formats.errors.query", "portbook.model", "portbook.model.practice",
    "portbook.model.products", "portbook.model.programs", "portbook.model.record",
    "portbook.model.reports",
    "portbook.model.services", "portbook.present", "portbook.present.brief",
    "portbook.present.escape", "portbook.present.owners",
    "portbook.present.port", "portbook.present.port.on_record", "portbook.present.port.security",
    "portbook.present.render", "portbook.present.render.brief_text",
    "portbook.present.render.text", "portbook.present.words",
    "portbook.storage", "portbook.storage.sorted_tsv", "portbook.storage.user_dirs",
}  # fmt: skip
NEVER = {
    "re", "typing", "enum", "dataclasses", "collections", "functools", "argparse", "json",
    "socket", "pathlib", "importlib.resources", "contextlib", "textwrap", "shutil", "subprocess",
    "ipaddress", "datetime", "unicodedata", "psutil", "rich", "sqlite3", "inspect", "logging",
    "tomllib", "pwd",
}  # fmt: skip


def _loaded(*argv: str) -> set[str]:
    """What a fresh interpreter loads for ``portbook *argv*`` beyond what it had before."""
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"
        f"sys.path.insert(0, {str(SOURCE)!r})\n"
        "from portbook.cli import run\n"
        f"status = run({list(argv)!r})\n"
        "sys.stderr.write('\\n'.join(sorted(set(sys.modules) - before)))\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", script],
        # Whoever runs the tests may have kept a registry, and its readers would be loaded.
        env={**os.environ, "XDG_DATA_HOME": str(SOURCE / "nowhere")},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout
    return set(done.stderr.split())


@for_each("query", ["443", "305", "300/udp", ":8080", "50000", "00080", "42000"])
def test_a_lookup_loads_next_to_nothing(query: str) -> None:
    loaded = _loaded("show", query, "--no-host")
    assert "portbook.present.brief" in loaded
    assert not loaded & NEVER
    assert loaded <= MODULES


@pytest.mark.parametrize("form", ["--json", "--jsonl"])
def test_json_takes_as_little(form: str) -> None:
    loaded = _loaded("443", "--no-host", form)
    assert "portbook.present.render.json_text" in loaded
    assert not loaded & NEVER


@pytest.mark.skipif(sys.platform != "linux", reason="psutil reads the other systems")
def test_this_machine_is_read_without_heavy_modules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Notes of one's own are looked for, and there are none.
    monkeypatch.delenv("PORTBOOK_NOTES")
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    loaded = _loaded("show", "443")
    assert "portbook.host.reader" in loaded
    assert not loaded & (NEVER - {"unicodedata"})
    assert "portbook.catalog.expectations.parse" not in loaded
    (tmp_path / "portbook.toml").write_text("[[port]]\nport = 443\nlabel = 'x'\n")
    assert {"portbook.catalog.expectations.parse", "tomllib"} <= _loaded("show", "443")
    assert "tomllib" not in _loaded("show", "443", "--no-host")
    assert "tomllib" not in _loaded("show", "443", "--no-notes")


@pytest.mark.skipif(sys.platform != "linux", reason="psutil reads the other systems")
def test_owners_are_found_without_heavy_modules() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        loaded = _loaded("show", str(server.getsockname()[1]))
    assert "portbook.host.linux.processes" in loaded
    assert not loaded & (NEVER - {"pwd", "unicodedata"})


@pytest.mark.skipif(sys.platform != "linux", reason="psutil reads the other systems")
def test_where_nothing_is_bound_nothing_that_judges_is_loaded() -> None:
    loaded = _loaded("show", "0", "--no-notes")  # which no socket can have
    assert "portbook.host.linux.sockets" in loaded
    assert not {name for name in loaded if name.startswith(("portbook.verdict", "ctypes"))}
    assert not loaded & {"portbook.app.judge", "encodings.ascii"}


def test_the_package_itself_loads_nothing() -> None:
    script = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); b = set(sys.modules)\n"
    script += "import portbook; print(*sorted(set(sys.modules) - b), portbook.__version__)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:-1] == ["portbook"]
