"""A catalog: opened once, part by part, and no state of it anywhere else."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import portbook
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.catalog import Catalog
from portbook.catalog.expectations.lookup import Notes
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.catalog.search import index
from portbook.catalog.update import validate
from portbook.errors import DataMissing, PortbookError
from portbook.formats.errors.query import parse_query
from portbook.model import Transport
from tests.catalog.registry.upstream import small
from tests.values import CATALOG

SOURCE = Path(portbook.__file__).parent


def test_nothing_is_opened_before_it_is_asked() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); before = set(sys.modules)\n"
        "from portbook.catalog import Catalog; Catalog()\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["__future__", "portbook", "portbook.catalog"]


def test_each_part_is_opened_once() -> None:
    catalog = Catalog()
    assert catalog.registry is catalog.registry
    assert catalog.practice is catalog.practice
    assert catalog.history is catalog.history
    assert Catalog().registry is not catalog.registry


def test_two_catalogs_answer_each_for_itself(tmp_path: Path) -> None:
    taken = validate.read(small("2026-11-14"), "file:x", "2026-11-14")
    for name, content in taken.contents.items():
        (tmp_path / name).write_bytes(content)
    other = Catalog(Registry(Store(str(tmp_path))))
    shipped = CATALOG  # the search of a catalog is costly to make
    assert other.registry.store.as_of != shipped.registry.store.as_of
    for catalog in (shipped, other, shipped):
        found = answer(parse_query("22"), catalog)
        assert isinstance(found, PortAnswer)
        assert found.sources[0].as_of == catalog.registry.store.as_of
    # What is worked out of one is nothing of the other's.
    assert len(index(shipped).entries) > len(index(other).entries)


def test_a_worker_reads_what_its_parent_reads() -> None:
    catalog = Catalog.of_folder(SHIPPED)
    assert [row.service_name for row in catalog.registry.lookup(22, Transport.TCP)] == ["ssh"]
    with pytest.raises(PortbookError):
        Catalog.of_folder("/nowhere")


def test_notes_that_are_handed_in_are_those_that_count() -> None:
    given = Notes(problems=("left out",))
    assert Catalog(read_notes=lambda: given).expectations() is given


def test_what_is_made_of_a_catalog_is_made_once_and_goes_with_it() -> None:
    class Made:
        pass

    made: list[object] = []

    def make(_: Catalog) -> Made:
        made.append(object())
        return Made()

    catalog = Catalog()
    assert catalog.derived(make) is catalog.derived(make)
    assert len(made) == 1
    kept = weakref.ref(catalog.derived(make))
    registry = weakref.ref(catalog.registry)
    index(catalog).search("ssh")
    answer(parse_query("22"), catalog)
    del catalog
    gc.collect()
    assert kept() is None
    assert registry() is None, "something holds a registry that nobody uses any more"


def test_a_damaged_practice_is_told_by_what_asks_it(tmp_path: Path) -> None:
    from portbook.catalog.practice.lookup import Practice

    with pytest.raises(DataMissing):
        answer(parse_query("22"), Catalog(practice=Practice(str(tmp_path))))


def changing(path: Path) -> list[str]:
    """What a module holds that changes while it is used: containers that begin empty, globals."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    empty = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.AnnAssign | ast.Assign)
        and isinstance(node.value, ast.Dict | ast.List | ast.Set)
        and not ast.dump(node.value).count("Constant")
        and not (isinstance(node.value, ast.Dict) and node.value.keys)
        and not (isinstance(node.value, ast.List) and node.value.elts)
    ]
    return empty + [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Global)]


def test_the_search_for_state_finds_some(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "a: dict[int, int] = {}\nB = {1: 2}\nc = []\ndef f():\n    global d\n    d = 1\n"
    )
    assert changing(path) == ["a: dict[int, int] = {}", "c = []", "global d"]


@pytest.mark.parametrize("layer", ["model", "storage", "catalog", "app"])
def test_no_module_holds_what_changes(layer: str) -> None:
    found = {str(path): changing(path) for path in sorted((SOURCE / layer).rglob("*.py"))}
    assert {name: state for name, state in found.items() if state} == {}
