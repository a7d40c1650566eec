"""What an audit answers, in every form: JSON, text, CSV, Parquet, HTML; and compared."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from portbook.app.audit.baseline import compare, parse_previous, read_previous
from portbook.app.audit.describe import names, say, uses
from portbook.app.audit.pseudonymise import Pseudonyms
from portbook.errors import InvalidArgument
from portbook.present.charts.traffic import limits, render_traffic_svg, shades
from portbook.present.phrases.findings import finding_message
from portbook.present.render.audit_html import render_html
from portbook.present.render.audit_json import (
    ServiceTexts,
    audit_pieces,
    defused,
    of_audit,
    render_csv,
)
from portbook.present.render.json_text import json_line
from portbook.present.render.text import Style, columns_of
from portbook.present.views.audit import render_audit, size_of
from portbook.verdict.rules import RULES
from tests.app.audit import samples
from tests.app.audit.asking import ask
from tests.command_line import run
from tests.contract.test_json import check
from tests.strategies import nasty
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from portbook.app.audit.result import AuditAnswer

CODES = {rule.code for rule in RULES}
HOSTILE = "=cmd|'/C calc'!A0\x1b[2J<script>alert(1)</script>\u202e"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flows")


@pytest.fixture(scope="module")
def answer(folder: Path) -> AuditAnswer:
    """An audit of the sample, of a service at a hostile host, and of a row that is none."""
    path = samples.write("csv", folder)
    with path.open("a") as file:
        file.write(f'1790000000000;192.0.2.1;50000;"{HOSTILE}";334;tcp;7;1\n')
        file.write("1790000000000;192.0.2.1;50000;192.0.2.2;334;tcp;-7;1\n")
    return ask(path)


def test_json_has_the_shape_that_the_documents_say(answer: AuditAnswer) -> None:
    found = json.loads(json.dumps(of_audit(answer, CATALOG), allow_nan=False))
    check(found, "audit")
    assert {each["code"] for each in found["findings"]} <= CODES
    assert found["total"]["flows"] == 177
    assert sum(tally["flows"] for tally in found["states"].values()) == 177
    first = found["services"][0]
    assert (first["port"], first["first"]) == (305, "2026-09-21T14:13:20Z")
    assert first["hosts"] == [{"host": "198.51.100.66", "flows": 20, "bytes": 20570}]
    expected = next(each for each in found["services"] if each["port"] == 443)
    assert expected["hosts"] is None
    assert expected["findings"] == [{"code": "registered-port", "level": "ok", "message": None}]


def test_services_alike_are_told_as_each_alone(answer: AuditAnswer) -> None:
    one = next(each for each in answer.services if each.port == 305)
    ports = (
        *range(0, 1100, 9),
        *range(6005, 6030),
        *range(8070, 8090),
        *range(10300, 10330),
        31337,
        *range(49150, 49155),
    )
    several = [
        one._replace(port=port, transport=transport, reach=reach)
        for port in ports
        for transport, reach in (("tcp", ""), ("udp", ""), ("tcp", "everywhere"))
    ]
    services = [
        each._replace(findings=tuple([(said.code, said.level) for said in say(each, CATALOG)]))
        for each in several
    ]
    many = answer._replace(services=tuple(services))
    assert {each.is_unexpected for each in services} == {True, False}
    text = "".join(audit_pieces(many, CATALOG))
    written = json.loads(text)
    assert json.dumps(written) == json.dumps(of_audit(many, CATALOG))
    for service, told in zip(many.services, written["services"], strict=True):
        assert [(each["code"], each["message"]) for each in told["findings"]] == [
            (each.code, finding_message(each) if service.is_unexpected else None)
            for each in say(service, CATALOG)
        ]
        assert told["service_names"] == [*names(service, CATALOG)]
        assert told["uses"] == [*uses(service, CATALOG)]

    ahead = ServiceTexts(CATALOG, len(services))  # made before hosts were there
    ahead.prepare([each._replace(hosts=None) for each in services])
    assert "".join(audit_pieces(many, CATALOG, ahead)) == text


def test_json_in_a_pipe_is_the_same(answer: AuditAnswer) -> None:
    assert "".join(audit_pieces(answer, CATALOG)) == json_line(of_audit(answer, CATALOG))


def test_totals_add_up(answer: AuditAnswer) -> None:
    flows = sum(each.flows for each in answer.services)
    assert answer.total.flows == flows == sum(each.flows for each in answer.states.values())
    assert answer.total.services == len(answer.services)
    gravities = [each.gravity for each in answer.services]
    assert gravities == sorted(gravities, reverse=True)
    assert [each.port for each in answer.unexpected] == [305, 2825, 334]


def test_text_shows_nothing_raw_and_fits_its_width(answer: AuditAnswer) -> None:
    for width in (80, 100):
        said = render_audit(answer, CATALOG, Style(width), 20)
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "\\x1b[2J" in said
        lines = said.splitlines()
        assert len(lines) > 20
        long = [line for line in lines if columns_of(line) > width]
        # A path, an address or a name is never cut.
        assert [line for line in long if len(max(line.split(), key=len)) <= width // 3] == []
    assert "3 services to look into, of 6" in said
    assert "the number of bytes is negative" in " ".join(said.split())
    assert "row 179" in said


def test_a_limit_says_what_it_leaves_out(answer: AuditAnswer) -> None:
    said = render_audit(answer, CATALOG, Style(), 1)
    assert "and 2 more" in said
    assert "2825/tcp" not in said


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_runs_nothing(answer: AuditAnswer) -> None:
    page = render_html(answer, CATALOG, 20)
    reader = _Text()
    reader.feed(page)
    tags = [tag for tag, _ in reader.tags]
    assert "script" not in tags
    assert "link" not in tags
    for tag, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    policy = next(each["content"] for _, each in reader.tags if "http-equiv" in each)
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    assert "<script>alert(1)</script>" in reader.text  # as text, in the name of the host
    assert "\\x1b[2J" in reader.text
    assert "\x1b" not in page
    assert "305/tcp unregistered-port" in reader.text


def test_the_map_is_coloured_by_traffic(answer: AuditAnswer) -> None:
    picture = render_traffic_svg(answer, answer.services)
    drawn = {}
    for name, width, strokes in re.findall(
        r'<path class="([fl]\d)" stroke-width="([\d.]+)" d="([^"]+)"/>', picture
    ):
        for column, row, more in re.findall(r"M(\d+) (\d+)h(\d+)", strokes):
            for port in range(
                int(row) * 256 + int(column), int(row) * 256 + int(column) + int(more) + 1
            ):
                assert port not in drawn
                drawn[port] = (name, float(width))
    assert set(drawn) == {443, 53, 5432, 305, 2825, 334}
    assert drawn[443] == drawn[53] == ("f5", 5.0)  # the busiest
    assert drawn[334] == ("l1", 2.4)
    assert drawn[305][1] > drawn[2825][1] > drawn[334][1]
    assert {drawn[port][0][0] for port in (305, 2825, 334)} == {"l"}
    assert "6 ports have traffic, 3 of them are to be looked into" in picture
    assert "305/tcp with 20 flows" in picture


def test_the_map_of_many_ports_draws_each_in_its_cell(answer: AuditAnswer) -> None:
    one = answer.services[0]
    many = answer._replace(services=tuple(one._replace(port=port) for port in range(65536)))
    picture = render_traffic_svg(many, ())
    assert picture.count('class="l5" stroke-width="1.0"') == 1
    assert picture.count("h255") == 256
    assert len(picture) < 10_000
    alternate = many._replace(services=many.services[::2])
    assert len(render_traffic_svg(alternate, ())) < 400_000


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100, 10**9])
def test_the_steps_of_the_map_are_those_of_its_legend(answer: AuditAnswer, most: int) -> None:
    one = answer.services[0]
    flows = sorted({1, *(each for each in (2, 3, 5, 7, 50, 99, 100, 10**6) if each < most), most})
    made = answer._replace(
        services=tuple(one._replace(port=at, flows=count) for at, count in enumerate(flows))
    )
    drawn, starts = shades(made), limits(made)
    for at, count in enumerate(flows):
        step = max(step for step, start in enumerate(starts, 1) if start <= count)
        assert starts[drawn[at][1] - 1] == starts[step - 1], (count, starts)


def test_csv_is_fit_for_a_spreadsheet(answer: AuditAnswer) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(answer, CATALOG))))
    assert len(rows) == 6
    assert rows[0]["findings"] == "unregistered-port"
    hosts = next(row["hosts"] for row in rows if row["port"] == "334")
    assert hosts.startswith("'=cmd")
    assert "\x1b" not in hosts


@given(nasty)
def test_no_cell_is_a_formula(text: str) -> None:
    cell = defused(text)
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@"))
    assert not text.startswith(("=", "+", "-", "@", "\t", "\r")) or cell.startswith("'")


def test_sizes_are_read_at_a_glance() -> None:
    assert [size_of(each) for each in (0, 999, 999_949, 999_950, 10**15, 10**21)] == [
        "0 B", "999 B", "999.9 kB", "1.0 MB", "1.0 PB", "1000.0 EB",
    ]  # fmt: skip


# -- against a previous run -------------------------------------------------------------------


def test_what_is_new_and_what_is_gone(answer: AuditAnswer) -> None:
    before = of_audit(answer, CATALOG)
    before["services"] = [each for each in before["services"] if each["port"] not in (305, 53)] + [
        {"transport": "tcp", "port": 8080, "reach": None}
    ]
    changed = compare(answer, parse_previous(json.dumps(before)))
    assert changed.change is not None
    assert changed.change.new == (("tcp", 305, "", ""), ("udp", 53, "", ""))
    assert changed.change.gone == (("tcp", 8080, "", ""),)
    said = render_audit(changed, CATALOG, Style(), 20)
    assert re.search(r"new +305/tcp", said)
    assert re.search(r"gone +8080/tcp", said)
    since = of_audit(changed, CATALOG)["since"]
    assert since["new"][0] == {"transport": "tcp", "port": 305, "reach": None, "spoken": None}
    same = compare(answer, parse_previous(json.dumps(of_audit(answer, CATALOG))))
    assert "No service is new or gone." in render_audit(same, CATALOG, Style(), 20)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "portbook/port/1"}', "\x00"])
def test_what_is_no_previous_run_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text(text)
    with pytest.raises(InvalidArgument, match=r"^against "):
        read_previous(str(tmp_path / "before.json"))


# -- pseudonyms -------------------------------------------------------------------------------


def test_a_pseudonym_is_the_same_for_the_same_address_and_key(answer: AuditAnswer) -> None:
    one, other = Pseudonyms(b"x" * 32), Pseudonyms(b"y" * 32)
    assert one.word("192.0.2.1") == one.word("192.0.2.1")
    assert len({one.word("192.0.2.1"), one.word("192.0.2.2"), other.word("192.0.2.1")}) == 3
    hidden = one.replace(answer)
    said = json.dumps(of_audit(hidden, CATALOG)) + render_audit(hidden, CATALOG, Style(), 20)
    assert "198.51.100.66" not in said
    assert one.word("198.51.100.66") in said
    assert hidden.pseudonymised


# -- the command ------------------------------------------------------------------------------


def _command(*words: object, **given: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portbook", "audit", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        **given,
    )


def test_every_output_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import duckdb

    path = samples.write("vpc", tmp_path)
    outputs = [
        tmp_path / f"report.{ending}" for ending in ("html", "json", "parquet", "csv", "txt")
    ]
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    words = [word for each in outputs for word in ("-o", str(each))]
    assert run(["audit", str(path), *words, "--pseudonymise", "--key-file", str(key)]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        ["key", "vpc.txt", *(each.name for each in outputs)]
    )
    found = json.loads(outputs[1].read_text())
    assert found["pseudonymised"]
    word = Pseudonyms(key.read_bytes()).word("198.51.100.66")
    for each in outputs[:2] + outputs[3:]:
        assert word in each.read_text()
        assert "198.51.100" not in each.read_text()
    rows = duckdb.execute(f"FROM '{outputs[2]}' SELECT port, level, flows, hosts").fetchall()
    assert rows[0] == (305, "check", 20, word)
    assert len(rows) == 5
    assert "5 services" in outputs[4].read_text() or "of 5" in outputs[4].read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "SOURCE is missing"),
        (("nowhere.csv",), "no file"),
        (("*.nothing",), "nothing matches"),
        (("{file}", "--engine", "oracle"), "--engine"),
        (("{file}", "--engine", "duckdb://nowhere.db"), "no such database"),
        (("{file}", "--engine", "nosuch://x"), "the engine"),
        (("table:nothing",), "no table"),
        (("{file}", "--memory", "much"), "--memory"),
        (("{file}", "--format", "pcap"), "--format"),
        (("{file}", "--rows", "out.xlsx"), "--rows"),
        (("{file}", "-o", "out.docx"), "--output"),
        (("{file}", "-o", "nofolder/out.csv"), "no folder"),
        (("{file}", "--against", "{file}"), "--against"),
        (("{file}", "--columns", "x"), "--columns"),
        (("{file}", "--limit", "-1"), "--limit"),
        (("{file}", "--key-file", "{file}"), "--pseudonymise"),
        (("{file}", "--pseudonymise", "--key-file", "nokey"), "--key-file"),
        (("s3://bucket/x.parquet",), "httpfs"),
        *(
            (("{file}", option, ""), f"{option} is empty")
            for option in ("--engine", "--columns", "--against", "--key-file", "--memory")
        ),
    ],
)
def test_what_can_not_be_is_one_line_and_2(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    samples.write("csv", tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(["audit", *(word.format(file="flows.csv") for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("portbook: ")
    assert err.count("\n") == 1
    assert said in err
    assert sorted(tmp_path.iterdir()) == before


def test_the_exit_status_says_what_was_asked(tmp_path: Path, capsys: Any) -> None:
    path = str(samples.write("csv", tmp_path))
    assert run(["audit", path]) == 0
    assert run(["audit", path, "--fail-on", "check"]) == 1
    assert run(["audit", path, "--fail-on", "never", "--strict"]) == 0
    with open(path, "a") as file:
        file.write("1;2\n")
    assert run(["audit", path, "--strict"]) == 3
    assert run(["audit", path, "--strict", "--fail-on", "check"]) == 1
    capsys.readouterr()


def test_a_missing_extra_is_one_line_that_names_it(tmp_path: Path) -> None:
    path = samples.write("csv", tmp_path)
    for module in ("ibis", "duckdb"):
        script = (
            f"import sys; sys.modules[{module!r}] = None\n"
            f"from portbook.cli import run; sys.exit(run(['audit', {str(path)!r}]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr == (
            "portbook: portbook audit needs the extra 'audit': pip install 'portbook[audit]'\n"
        )
    script = script.replace("'duckdb'", "'pyspark'").replace("]))", ", '--engine', 'spark']))")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "needs the extra 'spark'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_may_go_away(tmp_path: Path) -> None:
    path = samples.write("csv", tmp_path)
    command = [sys.executable, "-m", "portbook", "audit", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as audit:
        assert audit.stdout is not None
        assert audit.stderr is not None
        audit.stdout.close()  # before there is an answer, which meets a closed pipe
        assert audit.stderr.read() == b""
    assert audit.returncode == 0
