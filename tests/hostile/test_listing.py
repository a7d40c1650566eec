"""The list of readers is whole: what reads text from outside anywhere in the product is on it.

A reader is told by what it is given: bytes, numbered lines, the head of a file; or text, where its
name says that it parses or recognises something.
"""

from __future__ import annotations

import ast
import importlib
import re
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import portbook
from portbook.formats.flows.detect import FORMATS as SOURCES
from portbook.formats.sockets.detect import FORMATS
from tests.hostile.of_captures import SAMPLES
from tests.hostile.readers import NO_READERS, READERS

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(portbook.__file__).parent
_GIVEN = re.compile(r"\b(?:bytes|bytearray|Lines|NumberedLines|Head)\b|list\[tuple\[int, str\]\]")
_TEXT = re.compile(r"\bstr\b")
_PARSES = re.compile(
    r"(?:parse|recognise|detect|decode|split|unescape)_|(?:parse|recognise|detect)$"
)


# These are given what portbook itself made.
_MAKES = re.compile(r"(?:write|render|compress)(?:_|$)")


def _functions(node: ast.AST, before: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _functions(child, f"{before}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            yield before + child.name, child


def _is_reader(name: str, function: ast.FunctionDef) -> bool:
    last = name.rpartition(".")[2]
    if (last.startswith("_") and last != "__init__") or _MAKES.match(last):
        return False
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    kinds = [ast.unparse(each.annotation) for each in arguments if each.annotation]
    if any(map(_GIVEN.search, kinds)):
        return True
    return _PARSES.match(last) is not None and any(map(_TEXT.search, kinds))


def _readers(path: Path) -> Iterator[str]:
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for name, function in _functions(ast.parse(path.read_text())):
        if _is_reader(name, function):
            yield f"{module.removesuffix('.__init__')}:{name.removesuffix('.__init__')}"


def found() -> set[str]:
    return {name for path in PACKAGE.rglob("*.py") for name in _readers(path)}


def test_every_reader_is_listed() -> None:
    there = found()
    listed = READERS.keys() | NO_READERS.keys()
    assert len(there) > 90
    assert there - listed == set(), "list them in tests/hostile, or say there why they are none"
    assert listed - there - SECOND_LOOKS == set(), "they are gone: take them out"
    assert not READERS.keys() & NO_READERS.keys()
    assert all(NO_READERS.values())


# Readers that are methods of a class listed already, that stand for two of its kind of file, or
# whose name and arguments don't tell that they read.
SECOND_LOOKS = {
    "portbook.catalog.registry.tsv_reader:blocks",
    "portbook.formats.errors.forms:read_address",
    "portbook.formats.errors.forms:read_forms",
    "portbook.formats.errors.not_ports:blank",
    "portbook.formats.errors.pasted:read_text",
    "portbook.formats.errors.questions:search_words",
    "portbook.formats.common_lead:leads_of",
    "portbook.formats.line_numbers:without_numbers",
    "portbook.formats.markup:without_markup",
    "portbook.formats.row_starts:without_lead",
    "portbook.formats.sockets.record_cells:has_own_address",
    "portbook.formats.sockets.record_cells:of_pairs",
    "portbook.formats.sockets.record_cells:rows_in",
    "portbook.formats.sockets.unheaded:records_of",
    "portbook.storage.sorted_tsv:SortedFile.containing",
}


def test_each_name_is_a_function_of_the_product() -> None:
    names = READERS.keys() - SECOND_LOOKS
    assert names
    for name in names:
        module, _, function = name.partition(":")
        assert callable(reduce(getattr, function.split("."), importlib.import_module(module)))


def test_every_format_is_listed() -> None:
    assert SAMPLES.keys() == FORMATS.keys()
    for form in FORMATS.values():
        reader: Any = form.read
        assert READERS[f"{reader.__module__}:{reader.__name__}"].samples
    for source in SOURCES.values():
        recogniser: Any = source.recognise
        assert READERS[f"{recogniser.__module__}:{recogniser.__name__}"].samples


def test_a_reader_reads_what_it_is_made_for() -> None:
    """A sample that is refused would make every test of that reader an idle one."""
    assert READERS
    for name, reader in READERS.items():
        assert reader.samples, name
        refused = [sample for sample in reader.samples if _refuses(reader.call, sample, name)]
        assert len(refused) < len(reader.samples), (name, refused)


def _refuses(call: object, sample: bytes, name: str) -> bool:
    assert callable(call)
    try:
        call(sample)
    except READERS[name].refuses:
        return True
    return False


def test_a_reader_that_nobody_listed_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "new.py"
    module.write_text(
        "def read(lines: Lines, names: Names) -> None: ...\n"
        "def parse_it(text: str) -> None: ...\n"
        "def _parse_own(data: bytes) -> None: ...\n"
        "class Box:\n    def feed(self, data: bytes | None) -> None: ...\n"
        "def shown(text: str) -> str: ...\n"
        "def write_it(data: bytes) -> None: ...\n"
    )
    names = [
        name for name, function in _functions(ast.parse(module.read_text()))
        if _is_reader(name, function)
    ]  # fmt: skip
    assert names == ["read", "parse_it", "Box.feed"]
