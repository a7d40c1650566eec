"""The tree of errors: each is also a builtin, says one line, and survives a process boundary."""

from __future__ import annotations

import ast
import copy
import errno
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

import portbook
from portbook import errors
from portbook.cli import _REMEDIES, _named
from portbook.errors import shown
from tests.strategies import nasty

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "80\x1b[2J\n\u202e\udcff"
# Every class, made as its callers make it, with the builtin that it also is.
CASES = [
    (errors.PortbookError("the value is wrong: mend it"), Exception),
    (errors.InvalidQuery("the query is empty", "the value"), ValueError),
    (errors.InvalidPort(HOSTILE), ValueError),
    (errors.InvalidRange("'9-3' runs backwards", "9-3"), ValueError),
    (errors.InvalidTransport(HOSTILE), ValueError),
    (errors.UsageError("no query given"), ValueError),
    (errors.InvalidArgument("rows", "'x' ends in none of .csv"), ValueError),
    (errors.MalformedInput("line 3 is no row"), ValueError),
    (errors.NothingKnown("the input is empty"), ValueError),
    (errors.FormatFailed("the format x of y 1.0 fails at line 2: it returned a value"), ValueError),
    (errors.BadNotes("line 3 is no table"), ValueError),
    (errors.InputUnreadable("'/srv' can't be read"), OSError),
    (errors.Untrusted("it belongs to the user with the id 12345"), PermissionError),
    (errors.DataMissing(f"/srv/{HOSTILE}.tsv", "No such file"), FileNotFoundError),
    (errors.DataCorrupt(f"/srv/{HOSTILE}.tsv", "it is empty"), ValueError),
    (errors.NotFetched(f"https://{HOSTILE}/", "the answer is 404"), OSError),
    (errors.Implausible(("it is of 2015-07-30",)), ValueError),
    (errors.BadNotes("ports.toml: line 3: no port"), ValueError),
    (errors.NotKept("'/srv' can't be written"), OSError),
    (errors.NotExported("'/srv/site' can't be written: No space left on device"), OSError),
    (errors.HostUnreadable("netlink refused"), OSError),
    (errors.NotThisMachine("'192.0.2.1' is no address of this machine"), ValueError),
    (errors.NotReserved("port 80 is taken", taken=True), OSError),
    (errors.FeedbackUnavailable("the feedback's store can't be opened"), OSError),
    (errors.EngineFailed("Spark does not start: no Java"), RuntimeError),
    (errors.MissingExtra("web", "portbook serve"), ImportError),
]
EACH = pytest.mark.parametrize(
    ("error", "builtin"), CASES, ids=[type(error).__name__ for error, _ in CASES]
)


def test_the_table_holds_every_class() -> None:
    classes = {
        each
        for each in (getattr(errors, name) for name in errors.__all__)
        if isinstance(each, type) and issubclass(each, errors.PortbookError)
    }
    assert {type(error) for error, _ in CASES} == classes


@EACH
def test_it_is_caught_as_its_builtin_and_says_one_line(
    error: errors.PortbookError, builtin: type[Exception]
) -> None:
    assert isinstance(error, errors.PortbookError)
    assert isinstance(error, builtin)
    said = str(error)
    assert said
    assert said.isprintable()
    assert said.isascii()


@EACH
def test_it_survives_a_process_boundary(
    error: errors.PortbookError, builtin: type[Exception]
) -> None:
    for made in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(made) is type(error)
        assert str(made) == str(error)
        assert vars(made) == vars(error)


@pytest.mark.parametrize("error", [errors.InvalidPort("x"), errors.InvalidTransport("x")])
def test_a_query_is_wrong_in_a_kind_of_way(error: errors.InvalidQuery) -> None:
    assert isinstance(error, errors.InvalidQuery)
    assert error.value == "x"


def test_messages_name_the_value_and_the_mend() -> None:
    assert "'70000'" in str(errors.InvalidPort("70000"))
    assert "0 to 65535" in str(errors.InvalidPort("70000"))
    assert (errors.InvalidPort.first, errors.InvalidPort.last) == (0, 65535)
    assert "'xyz'" in str(errors.InvalidTransport("xyz"))
    for transport in ("tcp", "udp", "sctp", "dccp"):
        assert transport in str(errors.InvalidTransport("xyz"))
    missing = errors.DataMissing("/srv/registry.tsv", "No such file")
    assert missing.path == "/srv/registry.tsv"
    assert "/srv/registry.tsv" in str(missing)
    assert "reinstall" in str(missing)


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOENT, "reinstall"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "close"),
        (errno.ENOMEM, "memory"),
        (errno.EACCES, "let this user read it"),
    ],
)
def test_the_mend_of_a_file_that_cant_be_read_is_that_of_the_reason(number: int, mend: str) -> None:
    why = os.strerror(number)
    said = str(errors.DataMissing("/srv/registry.tsv", why, number))
    assert f"({why}): " in said
    assert mend in said
    assert ("reinstall" in said) is (number in (errno.ENOENT, errno.EACCES))
    extra = errors.MissingExtra("web", "portbook serve")
    assert extra.extra == "web"
    assert "pip install 'portbook[web]'" in str(extra)


@given(nasty)
def test_a_shown_value_is_printable_ascii_of_bounded_length(text: str) -> None:
    said = shown(text * 40)
    assert said.isprintable()
    assert said.replace("…", "").isascii()
    assert len(said) <= 60 * len(r"\U0010ffff") + 40


def test_a_long_value_is_cut_and_measured() -> None:
    assert shown("x" * 10_000) == f"'{'x' * 60}…' (10,000 characters)"


def test_an_argument_is_named_as_in_python_and_on_the_command_line_by_its_option() -> None:
    error = errors.InvalidArgument("key_file", "'x' has fewer than 16 bytes: give more")
    assert str(error) == "key_file 'x' has fewer than 16 bytes: give more"
    assert _named(error) == "--key-file 'x' has fewer than 16 bytes: give more"
    assert _named(errors.InvalidArgument("", "nothing matches 'x'")) == "nothing matches 'x'"


def test_the_library_names_no_option_in_its_errors() -> None:
    package = Path(errors.__file__).parent.parent
    beyond = [path for path in package.rglob("*.py") if "cli" not in path.parts]
    assert len(beyond) > 150
    assert [path.name for path in beyond if "UsageError(" in path.read_text("utf-8")] == ["base.py"]


# -- what is raised is named ------------------------------------------------------------------

ERRORS = {
    name: value
    for name, value in ((name, getattr(errors, name)) for name in errors.__all__)
    if isinstance(value, type) and issubclass(value, errors.PortbookError)
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(tree: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """The functions of *tree*, and the methods of its classes, without those that are private."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def raised(function: Function) -> set[str]:
    """The errors of portbook that *function* raises by itself, not through what it calls."""
    names = set()
    todo: list[ast.AST] = [*function.body]
    while todo:
        node = todo.pop()
        if isinstance(node, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            made = node.exc.func
            names.add(made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", ""))
        todo += ast.iter_child_nodes(node)
    return names & set(ERRORS)


def unnamed(function: Function) -> set[str]:
    """Those of them that the docstring names neither by themselves nor by a narrower group."""
    text = ast.get_docstring(function) or ""
    groups = set(ERRORS) - {"PortbookError"}
    return {
        name
        for name in raised(function)
        if not any(
            kind.__name__ in text for kind in ERRORS[name].__mro__ if kind.__name__ in groups
        )
    }


def test_what_a_public_function_raises_is_in_its_docstring() -> None:
    checked, found = 0, []
    for path in sorted(Path(portbook.__file__).parent.rglob("*.py")):
        source = path.read_text("utf-8")
        if "raise" not in source:
            continue
        for function in public_functions(ast.parse(source)):
            checked += bool(raised(function))
            found += [f"{path.name}:{function.name} {name}" for name in unnamed(function)]
    assert checked > 80
    assert found == []


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("Raises InvalidPort.", set()),
        ("Raises InvalidQuery.", set()),  # of which it is one
        ("Raises PortbookError.", {"InvalidPort"}),
        ("Reads it.", {"InvalidPort"}),
    ],
)
def test_a_group_names_what_is_in_it(text: str, lacking: set[str]) -> None:
    source = f"def read():\n    {text!r}\n    if 1:\n        raise InvalidPort('x')\n"
    (function,) = public_functions(ast.parse(source))
    assert unnamed(function) == lacking


def test_what_helps_is_named_as_an_option_by_the_command_line_alone() -> None:
    error = errors.NotExported("'site' isn't empty: give an empty folder").helped_by("force")
    assert isinstance(error, errors.NotExported)
    assert "--" not in str(error)
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert _named(each) == f"{error}; --force overrides this"


def _remedies(source: str) -> Iterator[str]:
    """The words given to ``helped_by``, and those that ``remedy`` is set to."""
    if "helped_by" not in source and "remedy" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = node.args if node.func.attr == "helped_by" else []
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.remedy":
            given = [node.value]
        else:
            continue
        for each in given:
            for word in ast.walk(each):
                if isinstance(word, ast.Constant) and isinstance(word.value, str):
                    yield word.value


def test_the_command_line_knows_what_to_say_of_every_remedy() -> None:
    package = Path(portbook.__file__).parent
    named = {
        word
        for path in package.rglob("*.py")
        for word in _remedies(path.read_text(encoding="utf-8"))
        if word
    }
    assert named == set(_REMEDIES)
