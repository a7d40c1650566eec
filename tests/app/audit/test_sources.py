"""The same flows are found in every format, by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portbook.app.audit.describe import say
from portbook.errors import InvalidArgument, MalformedInput
from portbook.formats.flows.detect import recognise
from portbook.formats.flows.generic_table import match, parse_mapping
from portbook.formats.flows.layout import Head
from portbook.model import (
    GapCode,
    Subject,
    SubjectKind,
)
from portbook.present.phrases.findings import finding_message
from tests.app.audit import samples
from tests.app.audit.asking import ask, counts
from tests.counts import one_in
from tests.values import CATALOG


@pytest.mark.parametrize("name", samples.FORMATS)
def test_a_format_is_found_and_read(name: str, tmp_path: Path) -> None:
    answer = ask(samples.write(name, tmp_path))
    assert counts(answer) == samples.EXPECTED
    assert not answer.faults
    assert (answer.first, answer.last) in (
        (samples.BEGAN, samples.BEGAN + 64),
        (samples.BEGAN, samples.BEGAN + 59),  # where the end isn't in the format
    )
    total = sum(flow.bytes for flow in samples.flows())
    assert answer.total.bytes == total
    assert sum(each.packets or 0 for each in answer.services) == 10 * answer.total.flows
    first, second = answer.unexpected
    assert (first.port, second.port) == (305, 2825)
    assert first.findings == (("unregistered-port", "check"),)
    assert [share.host for share in first.hosts or ()] == ["198.51.100.66"]
    assert "No service is registered for 305/tcp" in finding_message(say(first, CATALOG)[0])


@pytest.mark.proof
def test_a_folder_may_hold_all_of_them(tmp_path: Path) -> None:
    names = one_in(2, samples.FORMATS)
    for name in names:
        samples.write(name, tmp_path)
    (tmp_path / "below").mkdir()
    samples.write("csv", tmp_path / "below")
    (tmp_path / "notes.md").write_text("Nothing to see.\n")
    (tmp_path / ".hidden.csv").write_text("junk")
    answer = ask(tmp_path)
    many = len(names) + 1
    assert counts(answer) == {key: many * count for key, count in samples.EXPECTED.items()}
    assert [(Path(each.file).name, each.row) for each in answer.faults] == [("notes.md", None)]
    assert answer.no_data == 1
    pattern = ask(tmp_path / "*.parquet")
    assert counts(pattern) == {key: 2 * count for key, count in samples.EXPECTED.items()}


ARGUS = """\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes
2026/01/10 09:46:53.047277,3.124,tcp,192.0.2.165,51027,   ->,198.51.100.139,80,S_RA,4,244
2026/01/10 09:46:59.607825,0.000,udp,192.0.2.2,41025,  <->,198.51.100.229,53,CON,2,276
"""
EXPORTED = (
    "2026-01-04T03:42:37.000Z 2 123456789012 eni-0123456789abcdef0 192.0.2.1 198.51.100.5 40000 "
    "443 6 10 840 1767498157 1767498217 ACCEPT OK\n"
)


SILK = """\
            sIP|            dIP|sPort|dPort|pro|     bytes|   flags|                  sTime|
   192.0.2.7   |198.51.100.5   |40000|  443|  6|      5000| FS PA  |2026/01/10T09:46:53.047|
"""
SILK_CSV = "\n".join(line.replace(" ", "")[:-1].replace("|", ",") for line in SILK.splitlines())


@pytest.mark.parametrize("text", [SILK, SILK_CSV])
def test_what_rwcut_prints_is_a_table(text: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.txt"
    path.write_text(text)
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 1}
    assert (answer.total.bytes, answer.first) == (5000, 1768038413.047)


def test_argus_writes_its_times_in_its_own_way(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(ARGUS)
    answer = ask(path)
    assert {(each.port, each.bytes) for each in answer.services} == {(80, 244), (53, 276)}
    assert not answer.faults
    assert (answer.first, answer.last) == (1768038413.047277, 1768038419.607825)


def test_cloudwatch_puts_a_time_before_each_record(tmp_path: Path) -> None:
    path = tmp_path / "flows.log"
    path.write_text(EXPORTED * 3)
    answer = ask(path)
    assert counts(answer).keys() == {("tcp", 443)}
    assert answer.total.bytes == 3 * 840
    assert (answer.first, answer.last) == (1767498157, 1767498217)


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("wann,wohin,dienst,art\n1790000000,198.51.100.1,305,tcp\n")
    with pytest.raises(MalformedInput, match="--columns"):
        ask(path)
    answer = ask(path, columns="port=dienst,transport=art,host=wohin,first=wann")
    assert counts(answer) == {("tcp", 305): 1}
    assert answer.services[0].first == 1790000000
    with pytest.raises(InvalidArgument, match="no such column"):
        ask(path, columns="port=nichts,transport=art")


def test_a_mapping_is_read_or_refused() -> None:
    assert parse_mapping(None) == {}
    for wrong in ("port", "port=", "kaese=x", "=x"):
        with pytest.raises(InvalidArgument):
            parse_mapping(wrong)


def test_a_table_with_one_port_has_the_services() -> None:
    assert match(("dst_port", "dst", "proto"), {}) == {
        "protocol": "proto", "port": "dst_port", "host": "dst",
    }  # fmt: skip
    assert match(("dst", "proto"), {}) is None
    assert match(("dst_port",), {}) is None


# -- what answers, and what doesn't -----------------------------------------------------------


def test_what_nothing_answered_is_no_service(tmp_path: Path) -> None:
    path = tmp_path / "conn.json"
    rows = []
    for at, state in enumerate(("S0", "REJ", "SF", "S0", "SH", "RSTOS0")):
        flow = samples.flows()[0]._replace(port=2825, transport="udp" if at == 3 else "tcp")
        rows.append({**samples._zeek_row(flow), "conn_state": state})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer = ask(path)
    assert counts(answer) == {("tcp", 2825): 1, ("udp", 2825): 1}
    assert answer.unanswered.flows == 4


def test_what_a_table_says_was_rejected_is_no_service(tmp_path: Path) -> None:
    header = "srcAddr,dstAddr,srcPort,dstPort,protocol,action"
    accepted, rejected = (
        f"192.0.2.33,198.51.100.20,51022,{port},6,{action}"
        for port, action in ((443, "ACCEPT"), (3389, "REJECT"))
    )
    path = tmp_path / "insights.csv"
    path.write_text(f"{header}\n{accepted}\n{rejected}\n")
    answer = ask(path)
    assert counts(answer) == {("tcp", 443): 1}
    assert answer.unanswered.flows == 1
    lines = tmp_path / "flows.json"
    rows = [
        dict(zip(header.split(","), row.split(","), strict=True)) for row in (accepted, rejected)
    ]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert counts(ask(lines)) == {("tcp", 443): 1}


def test_protocols_without_ports_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "vpc.txt"
    samples.vpc(path)
    with path.open("a") as file:
        file.write("2 1 eni-1 192.0.2.1 192.0.2.2 0 0 1 4 336 1790000000 1790000060 ACCEPT OK\n")
        file.write("2 1 eni-1 192.0.2.1 192.0.2.2 99 305 6 1 40 1790000000 1790000060 REJECT OK\n")
    answer = ask(path)
    assert counts(answer) == samples.EXPECTED
    assert (answer.portless.flows, answer.portless.bytes) == (1, 336)
    assert answer.unanswered.flows == 1
    assert answer.no_data == 1
    assert [gap.code for gap in answer.missing] == [GapCode.NO_DATA]


# -- what listens -----------------------------------------------------------------------------

LISTENS = [
    {"port": "22", "protocol": "6", "address": "0.0.0.0", "family": "2", "pid": "1"},
    {"port": "305", "protocol": "6", "address": "127.0.0.1", "family": "2", "pid": "2"},
    {"port": "305", "protocol": "6", "address": "192.0.2.7", "family": "2", "pid": "3"},
    {"port": "0", "protocol": "0", "address": "", "family": "1", "pid": "4"},
]


def _osquery_log(path: Path, kind: str) -> None:
    lines = []
    for at in range(3):
        base = {"name": "pack_ports", "hostIdentifier": f"host-{at}", "unixTime": 1790000000}
        if kind == "snapshot":
            lines.append({**base, "action": "snapshot", "snapshot": LISTENS})
        else:
            lines += [{**base, "action": "added", "columns": row} for row in LISTENS]
            lines.append({**base, "action": "removed", "columns": LISTENS[0]})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("kind", ["added", "snapshot"])
def test_a_fleet_of_osquery(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "results.log"
    _osquery_log(path, kind)
    answer = ask(path)
    found = {each.key: (each.flows, dict(each.findings)) for each in answer.services}
    assert found == {
        ("tcp", 22, "everywhere", ""): (3, {"registered-port": "ok", "exposed": "note"}),
        ("tcp", 305, "loopback", ""): (3, {"loopback-only": "ok", "unregistered-port": "note"}),
        ("tcp", 305, "", ""): (3, {"unregistered-port": "check"}),
    }
    (worst,) = answer.unexpected
    # Nobody has seen the socket: what is said concerns the port.
    assert {each.subject for each in say(worst, CATALOG)} == {Subject(SubjectKind.PORT, "305/tcp")}
    assert {share.host for share in worst.hosts or ()} == {"host-0", "host-1", "host-2"}


def test_osquery_of_one_machine(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text(json.dumps(LISTENS, indent=1))
    assert counts(ask(path))["tcp", 22] == 1


NMAP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX - 192.0.2.0/30" start="1790000000" version="7.93">
{hosts}
<runstats><finished time="1790000009"/><hosts up="2" down="2" total="4"/></runstats>
</nmaprun>
"""
HOST = """<host><status state="up"/><address addr="{address}" addrtype="ipv4"/>
<ports><extraports state="closed" count="998"/>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="ssh"/></port>
<port protocol="tcp" portid="305"><state state="open" reason="syn-ack"/></port>
<port protocol="tcp" portid="443"><state state="filtered" reason="no-response"/></port>
</ports></host>"""


def test_a_scan_of_many_hosts(tmp_path: Path) -> None:
    path = tmp_path / "scan.xml"
    hosts = "\n".join(HOST.format(address=f"192.0.2.{at}") for at in (1, 2))
    path.write_text(NMAP.format(hosts=hosts))
    answer = ask(path)
    assert counts(answer) == {("tcp", 22): 2, ("tcp", 305): 2}
    (worst,) = answer.unexpected
    assert [share.host for share in worst.hosts or ()] == ["192.0.2.1", "192.0.2.2"]
    assert not answer.faults


def test_masscan(tmp_path: Path) -> None:
    listed, array = tmp_path / "scan.txt", tmp_path / "scan.json"
    listed.write_text(
        "#masscan\nopen tcp 305 192.0.2.1 1790000000\nopen udp 53 192.0.2.2 1790000001\n# end\n"
    )
    row = {"ip": "192.0.2.1", "timestamp": "1790000000",
           "ports": [{"port": 305, "proto": "tcp", "status": "open", "ttl": 64}]}  # fmt: skip
    array.write_text("[\n" + json.dumps(row) + "\n]\n")
    assert counts(ask(listed)) == {("tcp", 305): 1, ("udp", 53): 1}
    assert counts(ask(array)) == {("tcp", 305): 1}


@pytest.mark.parametrize("filler", ["x", " --"])
def test_a_header_that_is_longer_than_what_is_read_is_no_table(filler: str) -> None:
    begun = "proto,src,dst,dst_port,"
    assert recognise(Head("a.csv", (begun + filler * 1000,)), None, None) is not None
    assert recognise(Head("a.csv", (begun + filler * 70_000,)), None, None) is None
