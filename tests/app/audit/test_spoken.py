"""What a log saw spoken on a port is evidence: where another protocol belongs there, and nowhere
else."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from portbook.app.audit.baseline import compare, parse_previous
from portbook.present.render.audit_json import of_audit
from tests.app.audit.asking import ask
from tests.command_line import run
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portbook.app.audit.result import AuditAnswer

FIELDS = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service conn_state"
# A port, its transport, what Zeek saw, and how many flows of it.
SEEN = (
    (443, "tcp", "ssl", 9), (443, "tcp", "-", 4), (443, "tcp", "ssl,http", 2),
    (443, "tcp", "ssh", 3), (22, "tcp", "ssh", 5), (53, "udp", "dns", 8), (53, "tcp", "http", 2),
    (8443, "tcp", "ssl", 1), (22, "tcp", "gopher", 1), (5353, "udp", "dns", 1),
    (305, "tcp", "ssh", 1),
)  # fmt: skip
OTHERWISE = {("tcp", 443, "ssh"): 3, ("tcp", 53, "http"): 2}


def zeek(path: Path, rows: Sequence[tuple[int, str, str, int]] = SEEN) -> Path:
    lines = ["#separator \\x09", "#unset_field\t-", "#path\tconn"]
    lines.append("#fields\t" + FIELDS.replace(" ", "\t"))
    lines.append("#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring")
    for at, (port, transport, service, many) in enumerate(rows):
        cells = (1790000000 + at, "C", "192.0.2.1", 40000, f"192.0.2.{20 + at}", port, transport,
                 service, "SF")  # fmt: skip
        lines += ["\t".join(map(str, cells))] * many
    path.write_text("\n".join(lines) + "\n")
    return path


def suricata(path: Path) -> Path:
    flow = {"pkts_toserver": 1, "pkts_toclient": 1, "bytes_toserver": 9, "bytes_toclient": 9}
    with path.open("w") as file:
        for at, (port, transport, word, many) in enumerate(SEEN):
            named = {"ssl": "tls", "-": "failed", "ssl,http": "http2"}.get(word, word)
            row = {
                "timestamp": "2026-09-21T10:00:00.000000+0000",
                "event_type": "flow",
                "src_ip": "192.0.2.1",
                "src_port": 40000,
                "dest_ip": f"192.0.2.{20 + at}",
                "dest_port": port,
                "proto": transport.upper(),
                "app_proto": named,
                "flow": flow,
            }
            file.write((json.dumps(row) + "\n") * many)
    return path


def spoken(answer: AuditAnswer) -> dict[tuple[str, int, str], int]:
    return {(each.transport, each.port, each.spoken): each.flows for each in answer.services}


EXPECTED = OTHERWISE | {
    ("tcp", 443, ""): 15, ("tcp", 22, ""): 6, ("udp", 53, ""): 8, ("tcp", 8443, ""): 1,
    ("udp", 5353, ""): 1, ("tcp", 305, ""): 1,
}  # fmt: skip


@pytest.mark.parametrize(("name", "write"), [("conn.log", zeek), ("eve.json", suricata)])
def test_only_what_contradicts_is_a_service_of_its_own(
    name: str, write: object, tmp_path: Path
) -> None:
    assert callable(write)
    answer = ask(write(tmp_path / name))
    assert spoken(answer) == EXPECTED
    told = {each.key: dict(each.findings).get("speaks-otherwise") for each in answer.services}
    assert {key: level for key, level in told.items() if level} == {
        ("tcp", 443, "", "ssh"): "check",
        ("tcp", 53, "", "http"): "check",
    }
    assert [each.key for each in answer.services[:2]] == [
        ("tcp", 443, "", "ssh"),
        ("tcp", 53, "", "http"),
    ]
    hosts = {each.key: [share.host for share in each.hosts or ()] for each in answer.services}
    assert hosts["tcp", 443, "", "ssh"] == ["192.0.2.23"]


@pytest.mark.parametrize("word", ["SSH", "Ssh", "krb_tcp"])
def test_words_are_read_in_any_case_and_by_their_other_names(word: str, tmp_path: Path) -> None:
    answer = ask(zeek(tmp_path / "conn.log", [(443, "tcp", word, 1), (443, "tcp", "ssl", 1)]))
    assert len(answer.services) == 2
    assert answer.services[0].spoken == {"krb_tcp": "kerberos"}.get(word, "ssh")


def test_a_table_that_names_the_protocol_by_both_ports(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    rows = [("tcp", "192.0.2.1", 40000, "192.0.2.9", 443, "ssh")] * 2
    rows += [("tcp", "192.0.2.9", 443, "192.0.2.1", 40000, "tls")] * 3
    rows += [("tcp", "192.0.2.1", 50001, "192.0.2.9", 50000, "ssh")] * 20
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("proto", "src", "src_port", "dst", "dst_port", "app_proto"))
        writer.writerows(rows)
    answer = ask(path)
    assert spoken(answer)["tcp", 443, "ssh"] == 2
    assert spoken(answer)["tcp", 443, ""] == 3


def test_every_form_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, rows = zeek(tmp_path / "conn.log"), tmp_path / "rows.csv"
    assert run(["audit", str(path), "--rows", str(rows)]) == 0
    out = capsys.readouterr().out
    assert "What answers speaks ssh, but this port is for https. Check what it is." in out
    with rows.open() as file:
        found = [
            (row["id.resp_p"], row["service"], "speaks-otherwise" in row["portbook_findings"])
            for row in csv.DictReader(file)
        ]
    assert len(found) == sum(many for *_, many in SEEN)
    assert {row[:2] for row in found if row[2]} == {("443", "ssh"), ("53", "http")}
    assert all(row[2] for row in found if row[:2] == ("443", "ssh"))
    assert run(["audit", str(path), "--json"]) == 0
    services = json.loads(capsys.readouterr().out)["services"]
    assert (services[0]["port"], services[0]["spoken"]) == (443, "ssh")
    assert services[0]["findings"][0]["code"] == "speaks-otherwise"
    assert [each["spoken"] for each in services[2:]] == [None] * 6
    table = tmp_path / "services.csv"
    assert run(["audit", str(path), "-o", str(table), "--fail-on", "check"]) == 1
    with table.open() as file:
        assert [row["spoken"] for row in csv.DictReader(file)][:3] == ["ssh", "http", ""]


def test_a_run_of_before_it_was_read_compares(tmp_path: Path) -> None:
    answer = ask(zeek(tmp_path / "conn.log"))
    before = of_audit(answer, CATALOG)
    before["services"] = [each for each in before["services"] if each.pop("spoken") is None]
    changed = compare(answer, parse_previous(json.dumps(before)))
    assert changed.change is not None
    assert changed.change.new == (("tcp", 443, "", "ssh"), ("tcp", 53, "", "http"))
    assert changed.change.gone == ()


def test_a_scan_that_asked_says_it(tmp_path: Path) -> None:
    path = tmp_path / "scan.txt"
    path.write_text(
        "Starting Nmap 7.93 ( https://nmap.org ) at 2026-01-01 10:00 UTC\n"
        "Nmap scan report for 192.0.2.9\n\nPORT STATE SERVICE VERSION\n"
        "443/tcp open ssh OpenSSH 9.2p1\n80/tcp open http nginx 1.22\n22/tcp open http?\n"
    )
    assert spoken(ask(path)) == {
        ("tcp", 443, "ssh"): 1,
        ("tcp", 80, ""): 1,
        ("tcp", 22, ""): 1,
    }
