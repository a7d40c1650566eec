"""The ports in short: each as it is told whole."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from portbook.catalog.registry.lookup import TRANSPORTS, Registry
from portbook.catalog.registry.outlines import Outlines, outline_of
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.errors import DataCorrupt
from portbook.model import State

if TYPE_CHECKING:
    from pathlib import Path


def test_each_port_stands_in_short_as_it_does_whole() -> None:
    registry = Registry()
    short = Outlines(registry.store)
    runs = short.of_runs(TRANSPORTS)
    stands = runs[0]
    states = set()
    for port in range(65536):
        stands = runs.get(port, stands)
        for transport, outline in zip(TRANSPORTS, stands, strict=True):
            whole = outline_of(registry.standing(port, transport))
            assert outline == whole == short.on(port, transport), (port, transport)
            states.add((outline.state, outline.listed))
    assert states == {
        (State.ASSIGNED, True),
        (State.RESERVED, True),
        (State.UNASSIGNED, True),
        (State.UNASSIGNED, False),
        (State.DYNAMIC, False),
    }


def test_rows_that_share_a_port_are_told_together_and_text_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    shutil.copytree(SHIPPED, folder)
    path = folder / "registry.tsv"
    old = next(line for line in path.read_bytes().split(b"\n") if line.startswith(b"22\t22\ttcp\t"))
    cells = old.split(b"\t")
    cells[4:6], cells[7:8] = [b"Two\\\\", b"a\\tb"], [b"Also|Known"]
    path.write_bytes(path.read_bytes().replace(old, old + b"\n" + b"\t".join(cells)))
    registry = Registry(Store(str(folder)))
    registry.store.hold()
    for transport in TRANSPORTS:
        whole = outline_of(registry.standing(22, transport))
        assert Outlines(registry.store).on(22, transport) == whole
        if transport == "tcp":
            assert whole.names == ("ssh", "Two\\")
            assert whole.spoken == {"ssh", "two\\", "also", "known"}


def test_a_damaged_row_is_said_with_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    shutil.copytree(SHIPPED, folder)
    path = folder / "registry.tsv"
    path.write_bytes(path.read_bytes().replace(b"\n22\t22\ttcp\t", b"\n22\t22\tpct\t"))
    with pytest.raises(DataCorrupt, match=r"registry\.tsv"):
        Outlines(Store(str(folder))).of_runs(TRANSPORTS)
