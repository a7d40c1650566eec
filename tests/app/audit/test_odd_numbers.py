"""Columns of floating-point numbers, as pandas writes them, with numbers that can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.audit.asking import ask, counts
from tests.counts import PROOF

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = {
    "src_port": "40000", "dst_port": "443", "bytes": "10", "packets": "1", "flows": "1",
    "start": "1790000000",
}  # fmt: skip
WORDS = {"dst_port": "destination port", "src_port": "source port", "start": "time"}
ODD = [(column, value) for value in ("NaN", "Infinity", "-Infinity", "1e300") for column in NUMBERS]


@pytest.mark.parametrize("odd", [*([one] for one in ODD if PROOF), ODD], ids=len)
def test_one_odd_number_costs_its_row_alone(odd: list[tuple[str, str]], tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "x.parquet"
    columns = ", ".join(
        "(CASE WHEN false THEN NULL "
        + " ".join(
            f"WHEN range = {500 + at} THEN '{value}'"
            for at, (column, value) in enumerate(odd)
            if column == name
        )
        + f" ELSE '{usual}' END)::DOUBLE AS {name}"
        for name, usual in NUMBERS.items()
    )
    duckdb.execute(
        f"COPY (SELECT 'tcp' AS proto, '192.0.2.1' AS src, '192.0.2.2' AS dst, {columns} "
        f"FROM range(1000)) TO '{path}' (FORMAT parquet)"
    )
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 1000 - len(odd)}
    reasons = {fault.row or 0: fault.reason for fault in answer.faults}
    assert sorted(reasons) == [501 + at for at in range(len(odd))]
    assert len(answer.faults) == len(odd)
    for at, (column, _) in enumerate(odd):
        assert WORDS.get(column, column) in reasons[501 + at]
    assert answer.total.bytes == (1000 - len(odd)) * 10


def test_a_port_with_a_fraction_is_none(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "x.parquet"
    duckdb.execute(
        "COPY (SELECT 'tcp' AS proto, (443 + range % 2 / 2)::DOUBLE AS dst_port FROM range(4)) "
        f"TO '{path}' (FORMAT parquet)"
    )
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 2}
    assert [fault.row for fault in answer.faults] == [2, 4]
