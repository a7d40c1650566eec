"""Files that break off, are damaged, have odd names or are no flows; and where rows are."""

from __future__ import annotations

import gzip
import os
import random
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.annotate_rows import write_rows
from portbook.app.audit.engines import connect
from portbook.app.audit.engines.base import Batch
from portbook.app.audit.gzip_recovery import salvage
from portbook.app.audit.inputs import find
from portbook.app.audit.pipeline import DAMAGED, Audit, Order
from portbook.errors import MalformedInput
from portbook.formats.flows.detect import Head, recognise
from portbook.present.phrases import gap_sentences
from portbook.present.render.text import Style
from portbook.present.views.audit import render_audit
from tests.app.audit import samples
from tests.app.audit.asking import ask, counts
from tests.counts import PROOF, one_in
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.app.audit.result import AuditAnswer

HEAD = "proto,src,src_port,dst,dst_port,bytes\n"


def _lines(count: int) -> str:
    rng = random.Random(count)
    return HEAD + "".join(
        f"tcp,192.0.2.1,{rng.randrange(40000, 60000)},198.51.100.5,443,{rng.randrange(10**6)}\n"
        for _ in range(count)
    )


def _faults(answer: AuditAnswer) -> list[tuple[str, int | None, str]]:
    return [(Path(each.file).name, each.row, each.reason) for each in answer.faults]


# -- gzip -------------------------------------------------------------------------------------


@pytest.mark.proof
@pytest.mark.parametrize("share", one_in(2, [0.1, 0.5, 0.99]))
def test_the_lines_before_a_gzip_breaks_off_count(share: float, tmp_path: Path) -> None:
    text = _lines(20_000)
    packed = gzip.compress(text.encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: int(len(packed) * share)])
    (tmp_path / "good.csv").write_text(_lines(10))
    engine = connect()
    try:
        audit = Audit(Order((str(tmp_path),)), engine, CATALOG)
        answer = audit.run()
        write_rows(audit, str(tmp_path / "rows.csv"), None, lambda _: None)
    finally:
        engine.close()
    ((file, row, reason),) = _faults(answer)
    assert file == "cut.csv.gz"
    assert "breaks off" in reason
    assert row is not None
    assert share * 0.9 < (row - 2) / 20_000 < share * 1.1
    # Those lines and no others: what they carry adds up.
    whole = text.splitlines()[1 : row - 1]
    carried = sum(int(line.rpartition(",")[2]) for line in whole)
    carried += sum(int(line.rpartition(",")[2]) for line in _lines(10).splitlines()[1:])
    assert counts(answer) == {("tcp", 443): len(whole) + 10}
    assert answer.total.bytes == carried
    assert {name for each in answer.inputs for name in each.files} == {
        str(path),
        str(tmp_path / "good.csv"),
    }
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == len(whole) + 11
    assert not os.path.exists(engine.folder)


@pytest.mark.parametrize("before", [0, 3])
def test_a_long_line_before_a_gzip_breaks_off_is_not_held(before: int, tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b"proto,dst_port\n" + b"tcp,443\n" * before)
    packed += b"".join(packer.compress(b"a" * (1 << 20)) for _ in range(100 if PROOF else 24))
    path.write_bytes(packed + packer.flush()[:-20])
    assert path.stat().st_size < 200_000
    layout = recognise(Head(str(path), ("proto,dst_port", "tcp,443")))
    assert layout is not None
    tracemalloc.start()
    try:
        rest = salvage(Batch(layout, (str(path),), "gzip"), str(tmp_path))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 << 20
    assert rest is not None
    assert rest.fault.row == before + 2
    if before:
        answer = ask(path)
        assert counts(answer) == {("tcp", 443): before}
        assert "too long a line" in answer.faults[0].reason
    else:
        with pytest.raises(MalformedInput, match="too long a line"):
            ask(path)


def test_what_is_written_behind_a_gzip_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trail.csv.gz"
    members = gzip.compress(_lines(5).encode()) + gzip.compress(_lines(5)[len(HEAD) :].encode())
    path.write_bytes(members + b"\0" * 512)
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 10}
    assert all("breaks off" in reason for _, _, reason in _faults(answer))


def test_a_gzip_without_a_whole_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(_lines(20_000).encode())[:40])
    with pytest.raises(MalformedInput, match=r"cut\.csv\.gz"):
        ask(path)


def test_a_damaged_gzip_is_named_where_its_rows_show_it(tmp_path: Path) -> None:
    text = _lines(50) + "tcp,1,2\n"
    packed = bytearray(gzip.compress(text.encode()))
    packed[-6] ^= 0xFF  # RFC 1952 §2.3.1: CRC32, then the length
    (tmp_path / "damaged.csv.gz").write_bytes(packed)
    (tmp_path / "sound.csv.gz").write_bytes(gzip.compress(text.encode()))
    found = _faults(ask(tmp_path))
    assert ("damaged.csv.gz", None, DAMAGED) in found
    assert [file for file, _, reason in found if reason == DAMAGED] == ["damaged.csv.gz"]


def test_a_broken_parquet_is_said_to_count_for_nothing(tmp_path: Path) -> None:
    whole = samples.write("parquet", tmp_path)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:2000])
    ((_, _, reason),) = _faults(ask(tmp_path))
    assert "nothing of it is counted" in reason


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a*.csv", "a?.csv", "[a]b.csv", "{a,b}.csv", "a'\"$.csv"])
def test_a_name_is_no_pattern(name: str, tmp_path: Path) -> None:
    import duckdb

    (tmp_path / name).write_text(_lines(3))
    (tmp_path / "ab.csv").write_text(_lines(4))
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 7}
    assert not answer.faults
    packed = tmp_path / f"{name}.parquet"
    duckdb.execute(f"COPY (SELECT 'tcp' AS proto, 443 AS port) TO '{tmp_path}/x' (FORMAT parquet)")
    (tmp_path / "x").rename(packed)
    assert counts(ask(packed)) == {("tcp", 443): 1}


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(_lines(3))
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).write_text(_lines(3))
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 3}
    ((_, row, reason),) = _faults(answer)
    assert row is None
    assert "rename it" in reason
    assert "\\xff.csv" in render_audit(answer, CATALOG, Style(), 20)


def test_a_line_break_in_a_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "new\nline\x1b[31m.csv").write_text(_lines(3) + "tcp\n")
    assert "new\\nline\\x1b[31m.csv, row 5" in render_audit(ask(tmp_path), CATALOG, Style(200), 20)


def test_a_folder_that_can_not_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.csv").write_text(_lines(3))
    (tmp_path / "closed").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.csv").write_text(_lines(3))
    (tmp_path / "loop").symlink_to(".")
    scan = os.scandir

    def refused(path: str | int) -> object:
        if isinstance(path, str) and os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    engine = connect()
    found, faults = find([str(tmp_path)], engine)
    engine.close()
    assert [Path(path).name for path in found] == ["good.csv"]
    assert {(Path(each.file).name, each.reason.partition(":")[0]) for each in faults} == {
        ("closed", "can't be read"),
        ("loop", "is a link to a folder, which is not followed"),
    }


# -- rows -------------------------------------------------------------------------------------


def test_rows_are_numbered_in_each_file(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.csv").write_text(
            _lines(30) + "tcp,192.0.2.1,40000,198.51.100.5,99999,1\n" + _lines(3)[len(HEAD) :]
        )
    assert [(file, row) for file, row, _ in _faults(ask(tmp_path))] == [
        ("a.csv", 32), ("b.csv", 32), ("c.csv", 32),
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "more"), [(4, 0), (40, 35), (3000, None)])
def test_of_a_reason_a_few_rows_are_shown(count: int, more: int | None, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(_lines(3) + "tcp,1\n" * count)
    answer = ask(tmp_path)
    assert [each.row for each in answer.faults] == [5, 6, 7, 8, 9][:count]
    assert answer.faults[-1].more == more
    said = render_audit(answer, CATALOG, Style(200), 20)
    if more != 0:
        assert ("and 35 more rows" if more else "which were not counted") in said


def test_one_time_in_another_form_makes_no_other_row_wrong(tmp_path: Path) -> None:
    head = "proto,dst_port,start\n"
    (tmp_path / "x.csv").write_text(
        head + "tcp,443,1790000000\n" * 3 + "tcp,443,9999-12-31T00:00:00Z\n" * 1
    )
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 3}
    assert [row for _, row, _ in _faults(answer)] == [5]


# -- logs of Zeek and Suricata ----------------------------------------------------------------


def _zeek(path: str, fields: str, *rows: str) -> str:
    lines = ["#separator \\x09", "#unset_field\t-", f"#path\t{path}", f"#fields\t{fields}"]
    return "\n".join([*lines, *rows, "#close\t2026-09-21-15-00-00"]).replace(" \\", "\0") \
        .replace(" ", "\t").replace("\0", " \\") + "\n"  # fmt: skip


CONN = "ts id.orig_h id.orig_p id.resp_h id.resp_p proto conn_state"
ROW = "1790000000.0 192.0.2.1 40000 192.0.2.2 443 tcp SF"


def test_other_logs_of_zeek_are_no_flows(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text(_zeek("conn", CONN, ROW))
    (tmp_path / "dns.log").write_text(_zeek("dns", CONN.replace("conn_state", "query"), ROW))
    (tmp_path / "http.log").write_text(_zeek("http", CONN.replace("proto", "method"), ROW))
    (tmp_path / "ssl.json").write_text(
        '{"ts":1.0,"id.orig_h":"192.0.2.1","id.orig_p":1,"id.resp_h":"192.0.2.2","id.resp_p":443}\n'
    )
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 1}
    assert {file for file, _, _ in _faults(answer)} == {"dns.log", "http.log", "ssl.json"}
    assert all("not conn.log" in reason for _, _, reason in _faults(answer))


def test_a_log_that_goes_on_with_other_fields_is_read_by_its_first(tmp_path: Path) -> None:
    turned = " ".join(reversed(CONN.split()))
    (tmp_path / "conn.log").write_text(
        _zeek("conn", CONN, ROW, ROW) + _zeek("conn", turned, " ".join(reversed(ROW.split())))
    )
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 2}
    assert [row for _, row, _ in _faults(answer)] == [12]


@pytest.mark.parametrize(
    "columns",
    [
        "'tcp' AS proto, [443] AS port",
        "'tcp' AS proto, DATE '2026-09-21' AS port",
        "{'a': 6} AS proto, 443 AS port",
        "'tcp' AS proto, 443 AS port, [1] AS start, 7 AS bytes",
        "'tcp' AS proto, 443 AS port, {'a': 1} AS bytes, 1 AS start",
    ],
)
def test_columns_of_types_that_no_flow_has_are_a_fault(columns: str, tmp_path: Path) -> None:
    import duckdb

    duckdb.execute(f"COPY (SELECT {columns}) TO '{tmp_path}/x.parquet' (FORMAT parquet)")
    (tmp_path / "good.csv").write_text(_lines(3))
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 443): 3}
    ((file, row, _),) = _faults(answer)
    assert (file, row) == ("x.parquet", None)


def test_a_source_without_flows_says_so(tmp_path: Path) -> None:
    (tmp_path / "eve.json").write_text(
        '{"timestamp":"2026-09-21T14:00:00.000000+0000","event_type":"stats","stats":{}}\n'
    )
    answer = ask(tmp_path)
    assert gap_sentences(answer.missing) == [f"{tmp_path}/eve.json has no flows to read"]
