"""The finder of portbook's own modules: what it finds is what Python would find."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

import portbook
from portbook._own_modules import OwnLoader, OwnModules

HOME = Path(portbook.__file__).parent
OURS, THEIRS = OwnModules.find_spec, PathFinder.find_spec
PACKAGES = [HOME, HOME / "model", HOME / "host" / "firewall"]


def names() -> list[str]:
    found = [
        ".".join(("portbook", *folder.relative_to(HOME).parts, file.stem))
        for folder in PACKAGES
        for file in folder.glob("*.py")
        if file.stem not in ("__init__", "__main__")
    ]
    return [*found, "portbook.model", "portbook.host.firewall"]


def test_what_it_finds_is_what_python_finds() -> None:
    compared = 0
    for name in names():
        ours = OURS(name)
        parent = HOME.joinpath(*name.split(".")[1:-1])
        theirs = THEIRS(name, [str(parent)])
        assert theirs is not None
        if ours is None:  # it wasn't compiled yet
            continue
        compared += 1
        for one in (
            "name", "origin", "cached", "parent", "has_location", "submodule_search_locations"
        ):  # fmt: skip
            assert getattr(ours, one) == getattr(theirs, one), (name, one)
        assert isinstance(ours.loader, OwnLoader)
        assert ours.loader.get_code(name) == theirs.loader.get_code(name)  # type: ignore[union-attr]  # typed as any loader
    assert compared or sys.dont_write_bytecode


def test_what_is_not_portbooks_is_left_alone() -> None:
    assert OURS("json") is None
    assert OURS("portbook") is None
    assert OURS("portbook.nowhere.at_all") is None


def test_a_loaded_module_says_that_it_is_loaded() -> None:
    script = (
        "import sys; from portbook._own_modules import OwnLoader, find_own_modules\n"
        "find_own_modules()\n"
        "import portbook.app.lookup\n"
        "specs = [module.__spec__ for module in sys.modules.values() if module.__spec__]\n"
        "ours = [each for each in specs if isinstance(each.loader, OwnLoader)]\n"
        "print(len(ours) > 9, [each.name for each in ours if each._initializing is not False])\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(HOME.parent)}
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(HOME)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True []\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of portbook, of which nothing is compiled."""
    away = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HOME, tmp_path / "portbook", ignore=away)
    return tmp_path


def run(copy: Path, *, optimize: bool = False) -> str:
    code = (
        "import sys; sys.argv[1:] = ['--version']; from portbook.__main__ import script; script()"
    )
    environ = {**os.environ, "PYTHONPATH": str(copy)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [sys.executable, *(["-O"] if optimize else []), "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ, cwd="/")
    return done.stdout


def test_a_changed_source_is_compiled_anew(copy: Path) -> None:
    first = run(copy)
    assert (run(copy), run(copy, optimize=True)) == (first, first)
    assert list((copy / "portbook" / "cli" / "__pycache__").glob("__init__.*.pyc"))
    source = copy / "portbook" / "cli" / "__init__.py"
    source.write_text(source.read_text() + "\n\nraise RuntimeError('changed')\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(copy)
    assert "changed" in caught.value.stderr


def test_what_was_compiled_of_a_module_that_is_gone_is_no_module(copy: Path) -> None:
    first = run(copy)
    for compiled in (copy / "portbook" / "__pycache__").glob("_fast_types.*.pyc"):
        compiled.with_name(compiled.name.replace("_fast_types", "errors")).write_bytes(
            compiled.read_bytes()
        )
    assert not (copy / "portbook" / "errors.py").exists()
    assert run(copy) == first


def test_a_spoilt_compiled_file_is_refused_as_python_refuses_it(copy: Path) -> None:
    first = run(copy)
    (file,) = (copy / "portbook" / "cli" / "__pycache__").glob("__init__.*.pyc")
    for spoilt in (b"", file.read_bytes()[:10], b"\0" * 16 + file.read_bytes()[16:]):
        file.write_bytes(spoilt)
        assert run(copy) == first


_ALIKE = """
import sys
from portbook._own_modules import find_own_modules
{before}
import portbook.cli.show
NAMES = ("__name__", "__package__", "__file__", "__cached__", "__path__")
for name, module in sorted(sys.modules.items()):
    if name.startswith("portbook."):
        parent, _, last = name.rpartition(".")
        assert getattr(sys.modules[parent], last) is module
        assert module.__spec__.name == name and module.__package__ == module.__spec__.parent
        assert module.__loader__ is module.__spec__.loader
        print(name, *[getattr(module, each, None) for each in NAMES])
"""


def loaded(before: str) -> list[str]:
    """The modules that come with one, in a process of its own, and what they say of themselves."""
    code = _ALIKE.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_is_loaded_before_it_is_asked_for_is_what_an_import_loads() -> None:
    plain = loaded("")
    assert len(plain) > 20
    assert loaded("find_own_modules()") == plain
    assert loaded("import threading; find_own_modules()") == plain


def test_a_module_that_fails_is_not_left_half_loaded(copy: Path) -> None:
    run(copy)
    source = copy / "portbook" / "cli" / "terminal.py"
    source.write_text(f"{source.read_text()}\n\nraise RuntimeError('broken')\n")
    code = (
        "import sys; from portbook._own_modules import find_own_modules; find_own_modules()\n"
        "for _ in range(2):\n"
        "    try: import portbook.cli.show\n"
        "    except RuntimeError as error: print(error)\n"
        "print([name for name in sys.modules if name in ('portbook.cli.show', "
        "'portbook.cli.terminal')])"
    )
    environ = {**os.environ, "PYTHONPATH": str(copy)}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ, cwd="/")
    assert done.stdout.split("\n")[:3] == ["broken", "broken", "[]"]
