"""Which assertions may never be made, told from the source of the tests.

An assertion in a loop is not made where there is nothing to loop over, and ``all(…)`` of nothing is
true. So a loop that asserts goes over what can't be empty, such as a literal, or it has a *guard*:
an assertion made in any case that names what is looped over (``assert rows``), or something that
the loop counts or collects (``assert checked > 100``).
"""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from portbook.model import PORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    Function = ast.FunctionDef | ast.AsyncFunctionDef
    Loops = tuple[int, ...]  # by their lines

ROOT = Path(__file__).resolve().parents[1]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.AsyncFor)
_COMPREHENSIONS = (ast.GeneratorExp, ast.ListComp, ast.SetComp)
# Of these, as much comes out as goes in: nothing, if one of their arguments is empty.
_PASS_ON = {"dict", "enumerate", "frozenset", "iter", "list", "product", "reversed", "set"} | {
    "sorted", "tuple", "zip",
}  # fmt: skip
_COLLECT = {"add", "append", "extend", "update"}
# Names that say nothing of what is looped over.
_EVERYWHERE = _PASS_ON | {"range", "len", "any", "all", "set", "re", "json", "Path", "str", "int"}
_OVER = re.compile(r"\b(for|while|all|any)\b")  # without one of these nothing is looped over
# What a test without an assertion says in its docstring.
NOTHING_RAISED = "Nothing is raised"
# What a helper says there that loops over what a test gives it, which may be nothing.
MAY_BE_NONE = "there may be none"
# Methods that fail by themselves: a validator's, a process's, and those of a browser that waits.
_FAIL_ALONE = {"check_returncode", "validate", "check_schema", "wait_for", "wait_for_function"} | {
    "wait_for_selector", "wait_for_url", "expect", "fail", "raises", "warns",
}  # fmt: skip


class Unguarded(NamedTuple):
    """A loop or an ``all(…)`` that may be over nothing, and whose assertions then hold nothing."""

    place: str
    over: str


class Source:
    """A module of the tests: its tree, and the names that it gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.tree = ast.parse("\n".join(self.lines))
        self.functions: dict[str, Function] = {}
        self.values: dict[str, ast.expr] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        for node in _statements(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in node.names:
                    self.imported[name.asname or name.name] = (node.module, name.name)
        for node in self.tree.body:
            if isinstance(node, _FUNCTIONS):
                self.functions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.values[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self.values[ast.unparse(node.target)] = node.value


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements of a module, those inside of others as well; expressions hold none."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:  # grows as it goes
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, ())
            waiting += inner if isinstance(inner, list) else ()  # an expression's is another
    yield from waiting


@cache
def read_source(path: Path) -> Source:
    return Source(path)


def functions(source: Source) -> Iterator[Function]:
    """The functions of a module, and the methods of its classes; not what is inside of them."""
    for node in source.tree.body:
        for inner in node.body if isinstance(node, ast.ClassDef) else (node,):
            if isinstance(inner, _FUNCTIONS):
                yield inner


def unguarded(path: Path) -> Iterator[Unguarded]:
    """The loops of the file at *path* that assert, may be over nothing and have no guard.

    Looked at are its tests and their helpers, whatever these are called.
    """
    source = read_source(path)
    for function in functions(source):
        decorators = " ".join(map(dotted, function.decorator_list))
        told = ast.get_docstring(function) or ""
        if "fixture" in decorators or NOTHING_RAISED in told:
            continue
        if MAY_BE_NONE in told and not function.name.startswith("test_"):
            continue
        body = "\n".join(source.lines[function.lineno - 1 : function.end_lineno])
        if not _OVER.search(body):
            continue
        reader = _Reader(source, function)
        for loop in reader.unguarded():
            yield Unguarded(f"{path.name}:{loop.lineno}", ast.unparse(loop))


def without_assertion(path: Path) -> Iterator[str]:
    """The tests in the file at *path* that nothing can fail but an exception, and don't say so."""
    source = read_source(path)
    for function in functions(source):
        told = NOTHING_RAISED in (ast.get_docstring(function) or "")
        if function.name.startswith("test_") and not told and not _asserts(path, function.name):
            yield f"{path.name}:{function.lineno} {function.name}"


@cache
def _asserts(path: Path, name: str) -> bool:
    """Whether the function *name* of the module at *path* asserts, or calls one that does."""
    source = read_source(path)
    if name in source.imported:
        module, original = source.imported[name]
        there = _file_of(module)
        return there is not None and there != path and _asserts(there, original)
    function = source.functions.get(name)
    return function is not None and any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _fails(node, path, name))
        for node in ast.walk(function)
    )


def _fails(call: ast.Call, path: Path, within: str) -> bool:
    """Whether *call* fails by itself where something is wrong."""
    if any(each.arg == "check" and ast.unparse(each.value) == "True" for each in call.keywords):
        return True
    if isinstance(call.func, ast.Attribute):
        of = read_source(path).imported.get(ast.unparse(call.func.value))
        there = _file_of(".".join(of)) if of else None
        return call.func.attr in _FAIL_ALONE or bool(there and _asserts(there, call.func.attr))
    if not isinstance(call.func, ast.Name) or call.func.id == within:
        return False
    return call.func.id in _FAIL_ALONE or _asserts(path, call.func.id)


def _file_of(module: str) -> Path | None:
    """The file of a module of the tests or tasks; None for any other."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if module.startswith(("tests.", "tasks.")) and path.is_file() else None


class _Reader:
    """Finds the assertions of one function that may not be made."""

    def __init__(self, source: Source, function: Function | None = None) -> None:
        self._source = source
        self._function = function
        self._drawn: set[str] = set()
        self._locals: dict[str, list[ast.expr]] = {}
        # Each with the loops around it that may be over nothing: a guard is as sure as they are.
        self._guards: list[tuple[Loops, set[str]]] = []
        self._doubtful: list[tuple[Loops, set[str], ast.expr]] = []
        if function is None:
            return
        if any("given" in dotted(each) for each in function.decorator_list):
            # A property is tried with many values: what it is given isn't always empty.
            self._drawn = {each.arg for each in function.args.args}
        for name, values in _parameters(function):
            if all(map(self.never_empty, values)):
                self._drawn.add(name)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._locals.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, _LOOPS) and isinstance(node.iter, (ast.Tuple, ast.List)):
                self._locals.setdefault(ast.unparse(node.target), []).extend(node.iter.elts)

    def unguarded(self) -> Iterator[ast.expr]:
        """What is looped over, for every loop without a guard."""
        assert self._function is not None
        for statement in self._function.body:
            self._visit(statement, ())
        for loops, names, over in self._doubtful:
            if not any(
                names & guarded and loops[: len(around)] == around
                for around, guarded in self._guards
            ):
                yield over

    def _visit(self, node: ast.AST, loops: Loops) -> None:
        if isinstance(node, ast.Assert):
            self._read(node.test, loops)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            over = node.test if isinstance(node, ast.While) else node.iter
            # "while not there" waits for something: it has to come, or the time runs out.
            waits = isinstance(node, ast.While) and not isinstance(over, ast.Name)
            inside = loops
            if not waits and not self.never_empty(over):
                inside = (*loops, node.lineno)
                if any(isinstance(each, ast.Assert) for each in ast.walk(node)):
                    self._doubtful.append((loops, _names(over) | _collected(node), over))
            for child in node.body:
                self._visit(child, inside)
            for child in node.orelse:
                self._visit(child, loops)
            return
        for inner in ast.iter_child_nodes(node):
            self._visit(inner, loops)

    def _read(self, asserted: ast.expr, loops: Loops) -> None:
        tests = [asserted]
        if isinstance(asserted, ast.BoolOp) and isinstance(asserted.op, ast.And):
            tests = asserted.values
        for test in tests:
            empty = self._vacuous(test)
            if empty is None:
                self._guards.append((loops, _names(test)))
            else:
                self._doubtful.append((loops, _names(empty), empty))

    def _vacuous(self, test: ast.expr) -> ast.expr | None:
        """What *test* is over, where it is ``all(…)`` or ``not any(…)`` of what may be nothing.

        That is a comprehension's first list, or the first one that ``map`` is given.
        """
        wanted = "all"
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, wanted = test.operand, "any"
        if not (isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.args):
            return None
        of = test.args[0]
        if test.func.id != wanted or self.never_empty(of):
            return None
        if isinstance(of, _COMPREHENSIONS):
            return of.generators[0].iter
        if isinstance(of, ast.Call) and dotted(of) == "map" and len(of.args) > 1:
            return of.args[1]
        return None

    # -- what can't be empty ------------------------------------------------------------------

    def never_empty(self, node: ast.expr) -> bool:
        """Whether *node* surely gives something to a loop over it."""
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return any(
                not isinstance(each, ast.Starred) or self.never_empty(each.value)
                for each in node.elts
            )
        if isinstance(node, ast.Dict):
            return any(key is not None for key in node.keys)
        if isinstance(node, ast.Constant):
            return bool(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.BitOr)):
            return self.never_empty(node.left) or self.never_empty(node.right)
        if isinstance(node, ast.IfExp):
            return self.never_empty(node.body) and self.never_empty(node.orelse)
        if isinstance(node, _COMPREHENSIONS):
            return all(not each.ifs and self.never_empty(each.iter) for each in node.generators)
        if isinstance(node, ast.Call):
            return self._call_never_empty(node)
        if isinstance(node, ast.Name):
            return self._name_never_empty(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package, name = self._source.imported.get(node.value.id, ("", ""))
            return _has_members(f"{package}.{name}", node.attr)
        return False

    def _call_never_empty(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "split" and node.args:
                return True
            if ast.unparse(node.func) == "ast.walk":
                return True
            same = node.func.attr in ("items", "keys", "values", "splitlines", "split")
            return same and self.never_empty(node.func.value)
        if not isinstance(node.func, ast.Name):
            return False
        if node.func.id == "range":
            return self._range_never_empty(node.args)
        if node.func.id == "map":
            return len(node.args) > 1 and all(map(self.never_empty, node.args[1:]))
        if node.func.id == "zip" and any(each.arg == "strict" for each in node.keywords):
            return any(map(self.never_empty, node.args))
        called = self._source.functions.get(node.func.id)
        if called is not None and (_yields(called) or _returns_some(called)):
            return True
        passes = node.func.id in _PASS_ON and bool(node.args)
        return passes and all(map(self.never_empty, node.args))

    def _range_never_empty(self, arguments: list[ast.expr]) -> bool:
        """Whether a range of constants is of something, by the smallest that each can be."""
        try:
            return len(range(*map(self._smallest, arguments))) > 0
        except (NameError, TypeError, ValueError):
            return False

    def _smallest(self, node: ast.expr) -> int:
        if isinstance(node, ast.IfExp):
            return min(self._smallest(node.body), self._smallest(node.orelse))
        if isinstance(node, ast.Name) and node.id in self._source.values:
            return self._smallest(self._source.values[node.id])
        return int(eval(ast.unparse(node), {"__builtins__": {}, "PORTS": PORTS}))

    def _name_never_empty(self, name: str) -> bool:
        if name in self._drawn:
            return True
        if name in self._locals:
            values = self._locals.pop(name)  # one made of itself may be empty
            sure = all(map(self.never_empty, values))
            self._locals[name] = values
            return sure
        return _global_never_empty(self._source, name)


def _global_never_empty(source: Source, name: str) -> bool:
    if name in source.values:
        return _Reader(source).never_empty(source.values[name])
    if name not in source.imported:
        return False
    module, original = source.imported[name]
    there = _file_of(module)
    if there is not None:
        return _global_never_empty(read_source(there), original)
    return _has_members(module, original)


def _has_members(module: str, name: str) -> bool:
    """Whether *name* of portbook's *module* is a collection that isn't empty, as its enums are."""
    if not module.startswith("portbook"):
        return False
    try:
        return len(getattr(importlib.import_module(module), name)) > 0
    except (ImportError, AttributeError, TypeError):
        return False


def _yields(function: Function) -> bool:
    """Whether a generator gives something in any case: it does so outside of loops and choices."""
    waiting = list(function.body)
    for statement in waiting:  # grows as it goes
        if isinstance(statement, (ast.With, ast.Try)):
            waiting += statement.body
    return any(
        isinstance(statement, (ast.Expr, ast.Assign)) and isinstance(statement.value, ast.Yield)
        for statement in waiting
    )


def _returns_some(function: Function) -> bool:
    """Whether a function asserts that what it returns isn't empty."""
    last = function.body[-1]
    if not isinstance(last, ast.Return) or not isinstance(last.value, ast.Name):
        return False
    return any(
        isinstance(statement, ast.Assert) and ast.unparse(statement.test) == last.value.id
        for statement in function.body
    )


def _parameters(function: Function) -> Iterator[tuple[str, list[ast.expr]]]:
    """The parameters of ``parametrize`` and ``for_each``, with the values that stand in it."""
    for decorator in function.decorator_list:
        if dotted(decorator) not in ("pytest.mark.parametrize", "for_each"):
            continue
        if not isinstance(decorator, ast.Call):
            continue
        named, values = decorator.args[:2]
        if not isinstance(values, (ast.List, ast.Tuple)):
            continue
        rows = [each.elts for each in values.elts if isinstance(each, (ast.List, ast.Tuple))]
        names = ast.literal_eval(named)
        if isinstance(names, str) and "," not in names:
            yield names, values.elts
        elif len(rows) == len(values.elts):
            names = names.split(",") if isinstance(names, str) else names
            for at, name in enumerate(names):
                yield name.strip(), [row[at] for row in rows]


def dotted(node: ast.expr) -> str:
    """The name that *node* is, or calls, such as ``pytest.mark.real``; ``?`` for any other part."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - _EVERYWHERE


def _collected(loop: ast.AST) -> set[str]:
    """The names that *loop* counts in or collects into."""
    names: set[str] = set()
    for node in ast.walk(loop):
        if isinstance(node, (ast.AugAssign, ast.Assign)):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            names |= _names(target)
        elif isinstance(node, ast.Attribute) and node.attr in _COLLECT:
            names |= _names(node.value)
    return names
