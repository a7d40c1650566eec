"""The house: arrows between its layers point downward, and no modules form a circle."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import portbook
from portbook.catalog import Catalog
from portbook.cli import COMMANDS
from portbook.cli.help import parser_of
from portbook.model import Socket

PACKAGE = Path(portbook.__file__).resolve().parent

# From the bottom up (docs/design.md): a module uses its own layer and those before it. The two
# front ends stand side by side.
LAYERS = (
    {"errors", "_fast_types", "_own_modules"},
    {"model"},
    {"schema"},
    {"storage"},
    {"formats"},
    {"catalog"},
    {"host"},
    {"verdict"},
    {"app"},
    {"present"},
    {"cli", "web"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The package itself only says where its public names are; __main__ calls the command line.
ENTRIES = {"portbook", "portbook.__main__"}


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module below *package* by its dotted name."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


class Call(NamedTuple):
    """A call: what is called, and what it is given by position; *starred* if that is open."""

    line: int
    name: str
    positional: int
    starred: bool


class Source(NamedTuple):
    """What the tests below look at in a module; the whole trees of all would be too much to keep.

    *texts* are those that are no docstrings; *taken_apart* has the sizes of tuples to assign to.
    All but the imports stand with their lines.
    """

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    texts: tuple[tuple[int, str], ...]
    calls: tuple[Call, ...]
    taken_apart: tuple[tuple[int, int], ...]


@functools.cache
def read(path: Path) -> Source:
    """The module at *path*, walked through once for all tests."""
    imported: list[ast.Import | ast.ImportFrom] = []
    texts, calls, taken_apart = [], [], []
    alone = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):  # parents before children
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in alone:
                texts.append((node.lineno, node.value))
        elif isinstance(node, ast.Expr):
            alone.add(id(node.value))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imported.append(node)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                starred = any(isinstance(each, ast.Starred) for each in node.args)
                calls.append(Call(node.lineno, name, len(node.args), starred))
        elif (
            isinstance(node, ast.Tuple)
            and isinstance(node.ctx, ast.Store)
            and not any(isinstance(each, ast.Starred) for each in node.elts)
        ):
            taken_apart.append((node.lineno, len(node.elts)))
    return Source(tuple(imported), tuple(texts), tuple(calls), tuple(taken_apart))


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of *known* that *path* imports, for types and inside functions as well.

    In a module of values there may be none.
    """
    targets = set()
    for node in read(path).imports:
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names if alias.name in known}
        else:
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                targets |= {submodule if submodule in known else node.module or ""} & set(known)
    return targets


@functools.cache
def graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Who imports whom."""
    known = modules(package)
    return {name: imports(path, known) - {name} for name, path in known.items()}


def upward(arrows: dict[str, set[str]]) -> list[str]:
    """The arrows that point to a higher layer."""
    return [
        f"{name} -> {target}"
        for name, targets in sorted(arrows.items())
        for target in sorted(targets)
        if name not in ENTRIES and target not in ENTRIES
        if RANK[name.split(".")[1]] < RANK[target.split(".")[1]]
    ]


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import one another (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        stack.append(name)
        for target in sorted(arrows[name]):
            if target not in index:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], index[target])
        if lowest[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in arrows:
        if name not in index:
            visit(name)
    return groups


def test_every_module_stands_in_a_layer() -> None:
    names = {name.split(".")[1] for name in graph() if name not in ENTRIES}
    assert names <= set(RANK), names - set(RANK)
    assert len(graph()) > 150


def test_arrows_point_downward() -> None:
    assert upward(graph()) == []


def test_no_modules_form_a_circle() -> None:
    assert circles(graph()) == []


def test_no_module_is_longer_than_one_concept() -> None:
    """A file of more than 400 lines holds a second concept: that gets a module of its own."""
    lines = {name: len(path.read_bytes().splitlines()) for name, path in modules().items()}
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_front_ends_do_not_know_each_other() -> None:
    """The command line starts the site; the site knows nothing of the command line."""
    arrows = graph()
    of_the_site = {name for name in arrows if name.startswith("portbook.web")}
    assert of_the_site
    used = set().union(*(arrows[name] for name in of_the_site))
    assert not {target for target in used if target.startswith("portbook.cli")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from portbook.model import Use\n", {"portbook.model"}),
        ("def f():\n    from portbook import model\n", {"portbook.model"}),
        (
            "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import portbook.model\n",
            {"portbook.model"},
        ),
        ("from portbook.model import record\n", {"portbook.model.record"}),
    ],
)
def test_no_import_is_overlooked(tmp_path: Path, source: str, expected: set[str]) -> None:
    file = tmp_path / "module.py"
    file.write_text(source)
    known = dict.fromkeys(("portbook", "portbook.model", "portbook.model.record"), file)
    assert imports(file, known) == expected


def test_a_circle_and_an_upward_arrow_are_found(tmp_path: Path) -> None:
    package = tmp_path / "portbook"
    (package / "model").mkdir(parents=True)
    (package / "host").mkdir()
    for name in ("__init__", "model/__init__", "host/__init__"):
        (package / f"{name}.py").write_text("")
    (package / "model" / "a.py").write_text("from portbook.host import b\n")
    (package / "host" / "b.py").write_text("def f():\n    import portbook.model.a\n")
    arrows = graph(package)
    assert upward(arrows) == ["portbook.model.a -> portbook.host.b"]
    assert circles(arrows) == [["portbook.host.b", "portbook.model.a"]]


def test_every_layer_is_in_the_documentation() -> None:
    text = (PACKAGE.parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    layers = {name.split(".")[1] for name in graph() if name not in ENTRIES}
    assert layers
    assert {
        name for name in layers if f"`{name}.py`" not in text and f"`{name}/`" not in text
    } == set()


def test_what_the_documentation_draws_is_there() -> None:
    """A file that moved, or joined another, is drawn where it is now."""
    text = (PACKAGE.parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", text))
    assert len(drawn) > 80
    files = [
        path.as_posix()
        for folder in ("src", "tests", "tasks", "benchmarks")
        for path in (PACKAGE.parents[1] / folder).rglob("*.py")
    ]
    assert {name for name in drawn if not any(file.endswith(f"/{name}") for file in files)} == set()


# Options of other tools that have the same names; a format that is called by what prints it; and
# what a report says of files that can't be read, which is shown as it stands.
_OTHERS = (
    "host/firewall/", "host/linux/packages.py", "model/command_line.py", "formats/errors/forms.py",
    "app/stop/service_managers.py", "formats/sockets/portbook_json.py", "app/audit/inputs.py",
    "formats/flows/detect.py",
)  # fmt: skip
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def test_what_can_be_called_without_the_command_line_names_no_option_of_it() -> None:
    """Errors have the name of the argument that helps; the command line says how to give it."""
    catalog = Catalog()
    options: set[str] = set()
    for module, _ in COMMANDS.values():
        options |= {
            option
            for action in parser_of(module, catalog)._actions
            for option in action.option_strings
        }
    assert {"--force", "--timeout", "--limit"} <= options
    below = {name for names in LAYERS[:-2] for name in names}
    paths = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "cli")]
    assert len(paths) > 100
    told = [
        f"{path.relative_to(PACKAGE)}:{line} {option}"
        for path in paths
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in below
        if not path.relative_to(PACKAGE).as_posix().startswith(_OTHERS)
        for line, text in read(path).texts
        for option in _OPTION.findall(text)
        if option in options
    ]
    assert told == []


# Where a value is made for each line, packet, process or socket, by keyword would take noticeably
# longer; and tables whose rows are all of one shape.
_BY_POSITION = (
    "formats/", "host/firewall/", "host/linux/proc", "host/linux/sockets.py",
    "host/psutil_sockets.py", "app/judge.py", "app/capture_rows.py",
    "catalog/registry/tsv_reader.py", "present/views/glossary.py", "web/export/",
)  # fmt: skip
_MOST_BY_POSITION = 4


def test_a_value_of_many_parts_is_made_by_their_names() -> None:
    made, many = 0, []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        for call in read(path).calls:
            if call.name[0].isupper() and not call.starred:
                made += 1
                if call.positional > _MOST_BY_POSITION and not place.startswith(_BY_POSITION):
                    many.append(f"{place}:{call.line} {call.name}")
    assert made > 1000
    assert many == []


def test_a_new_field_of_a_socket_breaks_no_line_that_takes_one_apart() -> None:
    parts = len(Socket._fields)
    taken = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, size in read(path).taken_apart
        if size == parts
    ]
    assert parts > 15
    assert taken == []


def test_no_module_is_called_by_what_it_is_not() -> None:
    stems = {path.stem for path in modules().values()}
    assert not stems & {"util", "utils", "helpers", "common", "misc"}


def test_tests_hand_in_what_they_need() -> None:
    """An attribute that is replaced pins where it stands; most of these are the system's own."""
    folder = Path(__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    replaced = sum(text.count(f"monkeypatch.{'setattr'}(") for text in texts.values())
    assert 0 < replaced < 70
