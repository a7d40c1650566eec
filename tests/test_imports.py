"""Arrows go one way, and a bare lookup loads next to nothing (docs/design.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = SOURCE / "portbook"

# What each part may import of the others. Arrows go one way:
# model <- registry, lore, host, capture <- verdict <- answer, advice, audit <- pages <- cli, web.
BASE = {
    "portbook", "_lean", "errors", "folders", "model", "sortedfile", "storage", "textsearch",
    "query", "procnet",
}  # fmt: skip
KNOWLEDGE = {"registry", "lore", "host"}
ANSWERS = {
    *BASE,
    *KNOWLEDGE,
    "capture",
    "verdict",
    "answer",
    "here",
    "explain",
    "watch",
    "advice",
    "audit",
    "notes",
}
SHOWING = {*ANSWERS, "pages"}
MAY_IMPORT = {
    "portbook": set(),
    "_lean": set(),
    "errors": set(),
    "folders": set(),
    "model": {"_lean"},
    "sortedfile": {"errors"},
    "storage": {"errors", "_lean"},
    "textsearch": set(),
    "query": {"errors", "model", "_lean"},
    "procnet": {"errors", "_lean"},
    "registry": BASE,
    "lore": BASE,
    "host": BASE,
    "capture": BASE,
    "notes": BASE,
    "verdict": {*BASE, *KNOWLEDGE, "capture"},
    "answer": {*BASE, *KNOWLEDGE, "capture", "verdict", "here", "notes"},
    "here": {*BASE, *KNOWLEDGE, "capture", "verdict", "watch", "notes"},
    "explain": {*BASE, *KNOWLEDGE, "capture", "verdict", "here"},
    "watch": {*BASE, *KNOWLEDGE, "capture"},
    "advice": {*BASE, *KNOWLEDGE, "capture", "verdict", "answer", "here", "notes"},
    "audit": {*BASE, *KNOWLEDGE, "capture", "verdict", "answer"},
    "pages": ANSWERS,
    "cli": {*SHOWING, "web", "mcp"},
    "web": SHOWING,
    "mcp": SHOWING,
    "__main__": {"cli", "errors"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def _part(module: str) -> str:
    """The part of the house that *module* is in: ``portbook.registry.store`` -> registry."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "portbook"


def _module(path: Path) -> str:
    names = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def _imports(path: Path) -> set[str]:
    """Every module of portbook that *path* imports, for types or inside of functions as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            module = node.module or ""
            found.add(module)
            # "from portbook import lore" imports a part; "from portbook.model import Use" a name.
            found |= {
                f"{module}.{alias.name}"
                for alias in node.names
                if (SOURCE / module.replace(".", "/") / alias.name).exists()
                or (SOURCE / module.replace(".", "/") / f"{alias.name}.py").exists()
            }
    return {module for module in found if module.split(".")[0] == "portbook"}


def test_every_part_is_in_the_plan() -> None:
    parts = {_part(_module(path)) for path in FILES}
    assert parts <= set(MAY_IMPORT), parts - set(MAY_IMPORT)
    assert parts >= {"registry", "lore", "verdict", "answer", "pages", "cli"}


def test_every_part_is_in_the_documentation() -> None:
    table = (SOURCE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    parts = {_part(_module(path)) for path in FILES} - {"portbook", "__main__"}
    assert parts
    for part in parts:
        assert f"`{part}.py`" in table or f"`{part}/`" in table, part


def test_the_plan_has_no_circle() -> None:
    done: set[str] = set()
    left = {part: set(others) - {part} for part, others in MAY_IMPORT.items()}
    while left:
        free = [part for part, others in left.items() if others <= done]
        assert free, f"a circle among {sorted(left)}"
        done |= set(free)
        left = {part: others for part, others in left.items() if part not in free}
    assert done == set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_no_arrow_points_back(path: Path) -> None:
    part = _part(_module(path))
    allowed = {*MAY_IMPORT[part], part}
    assert {module for module in _imports(path) if _part(module) not in allowed} == set()


@pytest.mark.parametrize(
    ("part", "never"),
    [
        ("registry", {"lore", "host", "verdict", "answer", "pages", "cli", "capture"}),
        ("lore", {"registry", "host", "verdict", "answer", "pages", "cli"}),
        ("host", {"registry", "lore", "verdict", "answer", "pages", "cli"}),
        ("verdict", {"answer", "advice", "pages", "cli"}),
        ("answer", {"pages", "cli"}),
        ("pages", {"cli", "web", "mcp"}),
    ],
)
def test_the_arrows_that_matter_most(part: str, never: set[str]) -> None:
    paths = [path for path in FILES if _part(_module(path)) == part]
    assert paths
    for path in paths:
        assert not {_part(module) for module in _imports(path)} & never, path


def test_no_import_is_overlooked(tmp_path: Path) -> None:
    """Those inside of functions and under TYPE_CHECKING are seen as well."""
    file = tmp_path / "x.py"
    file.write_text(
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from portbook.model import Use\n"
        "def f():\n    from portbook import lore\n    import portbook.cli.show\n"
    )
    assert _imports(file) == {"portbook.model", "portbook", "portbook.lore", "portbook.cli.show"}


# -- what a lookup loads ----------------------------------------------------------------------

# All that "portbook show 443" may load beyond what the interpreter itself has loaded.
MODULES = {
    "__future__", "_stat", "stat", "posixpath", "genericpath", "os", "os.path", "_collections_abc",
    "mmap", "_operator", "time", "encodings.ascii", "encodings.latin_1", "encodings.utf_8",
    "portbook", "portbook.errors", "portbook._lean", "portbook.model", "portbook.model.record",
    "portbook.model.seen", "portbook.sortedfile",
    "portbook.query", "portbook.answer", "portbook.lore", "portbook.registry",
    "portbook.registry.store", "portbook.registry.kept", "portbook.registry.history",
    "portbook.folders",
    "portbook.cli", "portbook.cli.show", "portbook.cli.output",
    "portbook.pages", "portbook.pages.document", "portbook.pages.escape", "portbook.pages.palette",
    "portbook.pages.text", "portbook.pages.prose", "portbook.pages.changes",
    "portbook.pages.machine", "portbook.pages.words",
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
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("query", ["443", "305", "300/udp", ":8080", "50000", "00080"])
def test_a_lookup_loads_next_to_nothing(query: str) -> None:
    loaded = _loaded("show", query, "--no-host")
    assert "portbook.pages.prose" in loaded
    assert not loaded & NEVER
    assert loaded <= MODULES


def test_json_adds_json_alone() -> None:
    loaded = _loaded("443", "--no-host", "--json")
    assert "json" in loaded
    assert not loaded & {"argparse", "typing", "dataclasses", "pathlib", "socket", "psutil", "rich"}


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
    assert "portbook.host" in loaded
    assert not loaded & (NEVER - {"unicodedata"})
    assert "portbook.notes.form" not in loaded
    (tmp_path / "portbook.toml").write_text("[[port]]\nport = 443\nlabel = 'x'\n")
    assert {"portbook.notes.form", "tomllib"} <= _loaded("show", "443")
    assert "tomllib" not in _loaded("show", "443", "--no-host")
    assert "tomllib" not in _loaded("show", "443", "--no-notes")


def test_the_package_itself_loads_nothing() -> None:
    script = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); b = set(sys.modules)\n"
    script += "import portbook; print(*sorted(set(sys.modules) - b), portbook.__version__)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:-1] == ["portbook"]


def test_no_part_is_called_by_what_it_is_not() -> None:
    assert not {path.stem for path in FILES} & {"util", "utils", "helpers", "common", "misc"}
