"""Files made to break an audit: what is good is answered, what is bad is named, nothing is raw."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.audit.row_errors import unforeseen
from portbook.formats.flows.detect import FORMATS, Head, recognise
from portbook.present.phrases import gap_sentences
from portbook.present.render.audit_html import render_html
from portbook.present.render.audit_json import of_audit, render_csv
from portbook.present.render.text import Style
from portbook.present.views.audit import render_audit
from tests.app.audit import hostile, samples
from tests.app.audit.asking import ask, counts
from tests.command_line import run
from tests.counts import PROOF, one_in
from tests.strategies import nasty
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.app.audit.result import AuditAnswer

    Said = tuple[int, str, str]

RAW = hostile.RAW.replace("/", "")


REFUSED = (
    "deep-array.json", "deep-object.json", "separator-half.log", "separator-none.log",
    "snapshot-number.json", "snapshot-lists.json", "nfdump-one-name.csv", "doctype.xml", "cut.xml",
    "no-gzip.csv.gz", "head-alone.gz", "no-zstd.csv.zst", "no-parquet.parquet", "ends-as-parquet",
    "empty.csv", "readme.txt", "lists.parquet", "structs.parquet", "utf16.csv", "nul.csv",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile files, and three good ones among them."""
    made = tmp_path_factory.mktemp("logs")
    hostile.write(made, REFUSED)
    for name in ("zeek", "json", "parquet"):
        samples.write(name, made)
    return made


# -- each alone -------------------------------------------------------------------------------


# What is odd but sound, and the one service that it has flows of.
READ = {
    "pandas-index.csv": ("tcp", 22), "two-unnamed.csv": ("tcp", 22), "case.csv": ("tcp", 22),
    "twice.csv": ("tcp", 22), "twice-and-numbered.csv": ("tcp", 22), "filename.csv": ("tcp", 22),
    "ours.csv": ("tcp", 22), "quotes.csv": ("tcp", 22), "raw-name.csv": ("tcp", 22),
    "wide.csv": ("tcp", 22), "sql.csv": ("tcp", 22), "zeek-twice.log": ("tcp", 22),
    "nfdump-twice.csv": ("tcp", 22), "nfdump-old-without-counts.csv": ("tcp", 22),
    "vpc-twice.txt": ("tcp", 22), "vpc-empty-names.txt": ("tcp", 22),
    "zeek-overflow.log": ("tcp", 22), "same-key.json": ("tcp", 22), "bom.csv": ("tcp", 443),
    "deep-second.json": ("tcp", 22), "numbers.csv": ("tcp", 443), "times.csv": ("tcp", 443),
    "huge-number.json": ("tcp", 22), "long-line.csv": ("tcp", 443),
}  # fmt: skip


# Those of READ are read by the test after the next; under make proof by the command as well.
@pytest.mark.proof
@pytest.mark.parametrize("name", [name for name in hostile.TEXTS if PROOF or name not in READ])
def test_no_text_ends_it_but_with_one_line(
    name: str, say: Callable[..., Said], tmp_path: Path
) -> None:
    content = hostile.TEXTS[name]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    status, out, err = say(path)
    assert status in (0, 2), err
    assert err.count("\n") == (status == 2)
    assert bool(out) == (status == 0)


@pytest.mark.proof
@pytest.mark.parametrize("name", one_in(2, hostile.COLUMNS))
def test_no_column_ends_it_but_with_one_line(
    name: str, say: Callable[..., Said], tmp_path: Path
) -> None:
    import duckdb

    path = tmp_path / f"{name}.parquet"
    columns = hostile.COLUMNS[name]
    duckdb.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
    status, _, err = say(path, "--rows", tmp_path / "rows.csv")
    assert status in (0, 2), err
    assert err.count("\n") == (status == 2)


@pytest.mark.proof
@pytest.mark.parametrize("name", one_in(2, READ))
def test_what_is_odd_but_sound_is_counted(name: str, tmp_path: Path) -> None:
    content = hostile.TEXTS[name]
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    flows = counts(ask(tmp_path / name))
    assert flows[READ[name]] == 1 + (name == "deep-second.json")
    assert sum(flows.values()) == flows[READ[name]]


# -- together ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answer(folder: Path) -> AuditAnswer:
    return ask(folder)


def test_a_folder_of_hostile_files_answers_for_the_good_ones(
    answer: AuditAnswer, folder: Path
) -> None:
    files = {str(path) for path in folder.rglob("*") if path.is_file()}
    assert len(files) > (200 if PROOF else 50)
    read = {path for each in answer.inputs for path in each.files}
    named = {fault.file for fault in answer.faults}
    # Each file is read, or named with what is wrong; none is passed over.
    assert read | named == files
    assert {Path(path).name for path in read - named} >= {
        "conn.log",
        "flows.jsonl",
        "flows.parquet",
    }
    flows = counts(answer)
    assert samples.EXPECTED
    assert hostile.NAMES
    for key, count in samples.EXPECTED.items():
        assert flows[key] >= 3 * count
    for at, name in enumerate(hostile.NAMES):
        assert flows["tcp", 1000 + at] == 1, name
        assert not [path for path in named if Path(path).name == name]


def test_each_that_is_bad_is_named_with_what_is_wrong(answer: AuditAnswer) -> None:
    whole = {Path(fault.file).name for fault in answer.faults if fault.row is None}
    assert set(REFUSED) <= whole
    assert answer.faults
    assert all("fault of portbook" not in fault.reason for fault in answer.faults)


def test_strict_ends_with_3_and_nothing_is_raw(
    folder: Path, say: Callable[..., Said], tmp_path: Path
) -> None:
    among = folder
    if not PROOF:  # the bad files and a good one
        among = tmp_path
        for path in (*(folder / name for name in REFUSED), folder / "flows.jsonl"):
            shutil.copy(path, among)
    status, out, err = say(among, "--strict")
    assert (status, err) == (3, "")
    assert REFUSED
    for name in REFUSED:
        assert name in out


@pytest.mark.parametrize("option", [(), ("--strict",), ("--json",), ("--pseudonymise",)])
def test_a_bad_file_is_named_beside_a_good_one(
    option: tuple[str, ...], say: Callable[..., Said], tmp_path: Path
) -> None:
    samples.write("json", tmp_path)
    (tmp_path / f"bad{RAW}.csv").write_text("nothing\n")
    (tmp_path / f"rows{RAW}.csv").write_text(f"proto,dst_port,{RAW}\ntcp,{RAW}\n")
    status, out, err = say(tmp_path, *option)
    assert (status, err) == (3 if option == ("--strict",) else 0, "")
    assert "\\x1b" in out.replace("\\u001b", "\\x1b")
    for name in ("bad", "rows"):
        assert name in out


@pytest.mark.parametrize("form", ["html", "json", "csv", "txt"])
def test_no_report_has_anything_raw(form: str, answer: AuditAnswer) -> None:
    forms: dict[str, Callable[[], str]] = {
        "html": lambda: render_html(answer, CATALOG, 1000),
        "json": lambda: json.dumps(of_audit(answer, CATALOG), indent=2),
        "csv": lambda: render_csv(answer, CATALOG),
        "txt": lambda: render_audit(answer, CATALOG, Style(), 1000),
    }
    lines = forms[form]().replace("\r\n", "\n").split("\n")
    assert len(lines) > 20
    assert all(line.isprintable() for line in lines)


# -- names ------------------------------------------------------------------------------------


ABOVE = (".", "..", "{folder}")


@pytest.mark.parametrize("above", ABOVE)
def test_a_name_is_no_more_than_a_name(
    above: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the home folder, a pattern, an object store; named alone or found in a folder."""
    home = tmp_path / "home"
    for place in (home, tmp_path / "logs" / "here"):
        place.mkdir(parents=True)
    (home / "secret.csv").write_text("proto,dst_port\ntcp,31337\n")
    monkeypatch.setenv("HOME", str(home))
    # All of them where they are named as they are; elsewhere a third, unless it is make proof.
    step = 1 if PROOF or above == "." else len(ABOVE)
    names = hostile.NAMES[ABOVE.index(above) :: step] if step > 1 else hostile.NAMES
    for at, name in enumerate(names):
        (tmp_path / "logs" / name).write_text(f"proto,dst_port\ntcp,{1000 + at}\ntcp,-1\n")
    monkeypatch.chdir(tmp_path / "logs" if above == "." else tmp_path / "logs" / "here")
    logs = above.format(folder=tmp_path / "logs")
    expected = {("tcp", 1000 + at): 1 for at in range(len(names))}
    whole = ask(logs)
    assert counts(whole) == expected
    # Rows are looked for by the names that the engine has; they are shown by those that were given.
    assert {fault.file for fault in whole.faults} == {os.path.join(logs, name) for name in names}
    assert {fault.row for fault in whole.faults} == {3}
    for at, name in [*enumerate(names)][:: 1 if PROOF else 9 // step]:
        alone = ask(name if above == "." else os.path.join(logs, name))
        assert counts(alone) == {("tcp", 1000 + at): 1}, name


def test_a_folder_says_nothing_of_the_rows_in_it(tmp_path: Path) -> None:
    import duckdb

    row = "proto,src,dst,dst_port\ntcp,192.0.2.1,192.0.2.2,305\n"
    place = tmp_path / "dst_port=22" / "proto=udp"
    place.mkdir(parents=True)
    (place / "f.csv").write_text(row)
    (place / "f.json").write_text('{"proto":"tcp","dst_port":305}\n')
    (place / "f.parquet").touch()
    duckdb.execute(
        f"COPY (SELECT 'tcp' AS proto, 305 AS dst_port) TO '{place}/f.parquet' (FORMAT parquet)"
    )
    packed = place / "f.csv.zst"
    duckdb.execute(
        f"COPY (FROM read_csv('{place}/f.csv', hive_partitioning = false)) TO '{packed}' "
        "(FORMAT csv, HEADER, COMPRESSION zstd)"
    )
    for name in ("f.csv", "f.json", "f.parquet", "f.csv.zst"):
        assert counts(ask(place / name)) == {("tcp", 305): 1}, name
    assert counts(ask(tmp_path)) == {("tcp", 305): 4}


# -- nothing at all ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["doctype.xml", "readme.txt", "deep-array.json", "lists", "bad-row"]
)
def test_an_audit_that_read_nothing_ends_with_2(
    name: str, say: Callable[..., Said], tmp_path: Path
) -> None:
    import duckdb

    for at in range(2):
        path = tmp_path / f"{at}-{name}"
        if name == "lists":
            columns = hostile.COLUMNS[name]
            duckdb.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
        elif name == "bad-row":
            path.write_text("proto,dst_port\ntcp,1,2\n")
        else:
            path.write_text(str(hostile.TEXTS[name]))
    for words, more in (((path,), ""), ((tmp_path,), "; 1 more file")):
        status, out, err = say(*words)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("portbook: nothing could be read: ")
        assert name in err
        assert more in err
    (tmp_path / "good.csv").write_text("proto,dst_port\ntcp,443\n")
    status, out, err = say(tmp_path)
    assert (status, err) == (0, "")
    assert f"0-{name}" in out
    assert f"1-{name}" in out


def test_what_explain_refuses_is_2_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scan.xml"
    path.write_text(str(hostile.TEXTS["doctype.xml"]))
    for option in ([], ["--json"], ["--jsonl"]):
        assert run(["explain", str(path), *option]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)


def test_a_source_without_flows_is_read(say: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_text("proto,dst_port\n")
    assert say(tmp_path)[0] == 0
    (tmp_path / "readme.txt").write_text("nothing\n")
    status, out, _ = say(tmp_path)
    assert status == 0
    assert "readme.txt" in out


def test_what_columns_names_may_lack_in_some(say: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("proto,wann\ntcp,443\n")
    (tmp_path / "b.csv").write_text("proto,dst_port\ntcp,443\n")
    status, out, _ = say(tmp_path, "--columns", "port=wann")
    assert (status, "b.csv" in out) == (0, True)
    status, _, err = say(tmp_path / "b.csv", "--columns", "port=wann")
    assert (status, "'wann'" in err or "port=wann" in err) == (2, True)
    for wrong in ("port=host.port,host=host", "host=host,port=host.port"):
        (tmp_path / "c.json").write_text('{"proto":"tcp","host":{"port":1}}\n')
        (tmp_path / "d.json").write_text('{"proto":"tcp","host":1,"host.port":1}\n')
        for name in ("c.json", "d.json"):
            assert say(tmp_path / name, "--columns", wrong)[0] in (0, 2)


def test_an_error_that_nobody_expected_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.csv").write_text("proto,dst_port\ntcp,443\n")
    (tmp_path / "odd.csv").write_text("proto,dst_port,odd\ntcp,443,1\n")
    for where in ("portbook.app.audit.inputs.recognise", "portbook.app.audit.pipeline.unit_of"):
        with monkeypatch.context() as patch:
            patch.setattr(where, _failing_once(where))
            answer = ask(tmp_path)
        assert counts(answer) == {("tcp", 443): 1}, where
        ((reason,),) = [[fault.reason for fault in answer.faults]]
        assert "please report it (KeyError: " in reason
    assert "\x1b" not in unforeseen(ValueError("\x1b"))


def _failing_once(where: str) -> Callable[..., object]:
    module, _, name = where.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    calls: list[object] = []

    def call(*args: object, **more: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            raise KeyError("unexpected")
        return real(*args, **more)

    return call


def test_addresses_that_can_not_be_read_cost_no_service(tmp_path: Path) -> None:
    """Nobody looks at addresses before the hosts of a service are asked for."""
    import duckdb

    good = tmp_path / "good.parquet"
    duckdb.execute(
        "COPY (SELECT 'tcp' AS proto, 305 AS dst_port, hash(range)::TEXT AS dst FROM range(9000)) "
        f"TO '{good}' (FORMAT parquet, COMPRESSION zstd)"
    )
    data = bytearray(good.read_bytes())
    ((begin, size),) = duckdb.execute(
        "SELECT data_page_offset, total_compressed_size FROM parquet_metadata(?) "
        "WHERE path_in_schema = 'dst'",
        [str(good)],
    ).fetchall()
    data[begin + size // 3 : begin + size // 3 + 400] = b"\xff" * 400
    (tmp_path / "bad.parquet").write_bytes(data)
    answer = ask(tmp_path)
    assert counts(answer) == {("tcp", 305): 18_000}
    assert not answer.faults
    (missing,) = gap_sentences(answer.missing)
    assert missing.startswith(f"the hosts of {tmp_path}/bad.parquet, which can't be read")
    ((service,),) = [answer.services]
    assert service.hosts is not None
    assert len(service.hosts) == 5


# -- recognising ------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        *(line for text in hostile.TEXTS.values() if isinstance(text, str)
          for line in text[:2000].split("\n")[:3]),
        "#separator", "#fields", "\\x", "{", "[", '"', "snapshot", "srcAddr", "proto", "dst_port",
        ",", "\t", " ", "\\x09", "#types", '{"snapshot":[', "<nmaprun", "Host: ", "1",
    ]
)  # fmt: skip
_LINES = st.lists(st.lists(st.one_of(_PIECES, nasty), max_size=6).map("".join), max_size=5)


@given(_LINES, st.sampled_from([None, *FORMATS]))
def test_no_beginning_of_a_file_is_too_much(lines: list[str], only: str | None) -> None:
    """Nothing is raised."""
    whole = "\n".join(lines).split("\n")
    recognise(Head("x", tuple(line for line in whole if line.strip())), None, only)


@given(st.lists(st.tuples(st.one_of(_PIECES, nasty), st.sampled_from(["string", "int64"]))))
def test_no_columns_are_too_much(columns: list[tuple[str, str]]) -> None:
    """Nothing is raised."""
    recognise(Head("x", (), tuple(dict(columns).items())))
