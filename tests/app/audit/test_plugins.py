"""Flow logs of formats that installed packages bring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portbook.formats.flows.detect import Head, recognise
from tests.command_line import run
from tests.formats.test_plugins import put

if TYPE_CHECKING:
    from pathlib import Path

FLOWS = "portbook.flow_formats"
LOG = "toyflow 1\ntcp;192.0.2.7;443\ntcp;192.0.2.7;443\nudp;192.0.2.9;53\n"
KNOWN = "proto,dst_port,host\ntcp,22,192.0.2.1\n"
READS = """
from portbook.formats.flows.layout import Layout
COLUMNS = (("protocol", "string"), ("host", "string"), ("port", "int32"))
def canonical(table):
    return {name: table[name] for name, _ in COLUMNS}
def recognise(head):
    if head.lines and head.lines[0] == "toyflow 1":
        return Layout("Toy flows", "csv", canonical, COLUMNS, delimiter=";", skip=1)
"""
FORMAT = "FORMAT = FlowFormat('{name}', 'a toy', recognise)\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "toy.log"
    path.write_text(LOG)
    return path


@pytest.mark.parametrize("options", [[], ["--format", "toyflow"]])
def test_a_flow_log_of_a_package_is_read(
    options: list[str],
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(tmp_path, "portbook-toyflow", READS + FORMAT.format(name="toyflow"), "toyflow", group=FLOWS)
    monkeypatch.syspath_prepend(tmp_path)
    run(["audit", "--json", str(log), *options])
    out, err = capsys.readouterr()
    assert err == ""
    told = json.loads(out)
    assert [each["format"] for each in told["inputs"]] == ["Toy flows"]
    counted = {(each["transport"], each["port"]): each["flows"] for each in told["services"]}
    assert counted == {("tcp", 443): 2, ("udp", 53): 1}


def test_a_package_is_imported_only_where_portbook_knows_no_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "known.csv").write_text(KNOWN)
    left = put(tmp_path, "portbook-any", "FORMAT = 7", "any", group=FLOWS)
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["audit", str(tmp_path / "known.csv")]) == 0
    assert recognise(Head("x", ("toyflow 1",))) is None
    assert capsys.readouterr().err == ""
    assert not left.exists()


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("raises", "def recognise(head): 1 / 0\n", "is left out: ZeroDivisionError"),
        ("odd", "def recognise(head): return 7\n", "is left out: it returned a int"),
        (
            "engine",
            READS + "def recognise(head): return Layout('x', 'odd', canonical, COLUMNS)\n",
            "is left out: it returned a Layout",
        ),
        (
            "columns",
            READS + "def recognise(head): return Layout('x', 'csv', canonical, (1,))\n",
            "is left out: it returned a Layout",
        ),
        ("late", READS + "def canonical(table): return table.no_such\n", "fails: AttributeError"),
        ("number", READS + "def canonical(table): return 7\n", "fails: TypeError"),
    ],
)
def test_what_a_package_does_wrong_costs_no_other_file(
    name: str,
    body: str,
    reason: str,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = f"portbook-flow-{name}"
    put(tmp_path, package, body + FORMAT.format(name=name), name, group=FLOWS)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "known.csv").write_text(KNOWN)
    run(["audit", "--json", str(tmp_path / "known.csv"), str(log)])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert [(each["transport"], each["port"]) for each in told["services"]] == [("tcp", 22)]
    reasons = [each["reason"] for each in told["faults"]]
    assert len(reasons) == 1
    assert f"the format {name} of {package} 2.5 {reason}" in err + reasons[0]
    assert err.count("\n") <= 1
