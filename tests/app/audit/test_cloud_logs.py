"""Flow logs of clouds, and of tools that write them as tables or as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from portbook.errors import MalformedInput
from tests.app.audit.asking import ask, counts

LOGS = Path(__file__).with_name("logs")


class Case(NamedTuple):
    """A log, and what an audit finds in it; ``bytes`` are those of the services together."""

    text: str
    services: dict[tuple[str, int], int]
    bytes: int | None = None
    refused: int = 0
    portless: int = 0
    other: int = 0
    wrong: int = 0
    first: float | None = None
    only: str | None = None


def _nsg(tuples: list[str], version: int = 2) -> dict[str, object]:
    flows = [{"rule": "a", "flows": [{"mac": "00005E005301", "flowTuples": tuples}]}]
    return {
        "time": "2026-01-06T11:58:02Z",
        "category": "NetworkSecurityGroupFlowEvent",
        "properties": {"Version": version, "flows": flows},
    }


NSG = {
    "records": [
        _nsg([
            "1767700682,192.0.2.30,198.51.100.9,50000,443,T,O,A,B,,,,",
            "1767700690,192.0.2.30,198.51.100.9,50000,443,T,O,A,E,10,1300,11,4000",
            "1767700690,198.51.100.44,192.0.2.30,50001,22,T,I,D,B,,,,",
        ]),
        _nsg(["1767700682,192.0.2.30,198.51.100.9,50002,53,U,O,A"], 1),
    ]
}  # fmt: skip
VNET = {
    "records": [
        {
            "time": "2026-01-06T11:58:02Z",
            "flowLogVersion": 4,
            "flowRecords": {
                "flows": [
                    {
                        "aclID": "x",
                        "flowGroups": [
                            {
                                "rule": "a",
                                "flowTuples": [
                                    (
                                        "1767700682000,192.0.2.30,198.51.100.9,50000,443,6,O,E,NX,"
                                        "10,1300,11,4000"
                                    ),
                                    (
                                        "1767700682000,198.51.100.44,192.0.2.30,50001,22,6,I,D,NX,"
                                        "0,0,0,0"
                                    ),
                                ],
                            }
                        ],
                    }
                ]
            },
        }
    ]
}


def _gcp(port: int, **more: object) -> dict[str, object]:
    connection = {
        "src_ip": "192.0.2.30", "src_port": 50000, "dest_ip": "198.51.100.9", "dest_port": port,
        "protocol": 6,
    }  # fmt: skip
    return {
        "logName": "projects/example/logs/compute.googleapis.com%2Fvpc_flows",
        "timestamp": "2026-01-06T11:58:02.5Z",
        "jsonPayload": {"connection": connection, **more},
    }


GCP = [
    _gcp(443, bytes_sent="5300", packets_sent="21", start_time="2026-01-06T11:58:02Z"),
    _gcp(23, disposition="DENIED"),
    {"logName": "projects/example/logs/syslog", "textPayload": "x", "timestamp": "2026-01-06"},
]
V2 = (
    "123456789012 eni-0123 192.0.2.30 198.51.100.9 50000 443 6 10 5300 1767700682 1767700690 "
    "ACCEPT OK"
)
V3 = " vpc-1 subnet-1 i-1 3 IPv4 192.0.2.30 198.51.100.9"
V4 = " eu-west-1 euw1-az1 - -"
V5 = " - - egress 8"
NFDUMP_TEXT = (LOGS / "nfdump.txt").read_text()
# A firewall's, of which the end of a connection is no flow more.
NFDUMP_EVENTS = (
    "Date first seen          Event  XEvent Proto      Src IP Addr:Port          Dst IP Addr:Port"
    "     X-Src IP Addr:Port        X-Dst IP Addr:Port   In Byte Out Byte\n"
) + "".join(
    f"2026-01-06 11:58:02.000 {event:6} {of:6} {protocol}  192.0.2.30:50000 -> 198.51.100.9:{port}"
    f"  0.0.0.0:0  ->  0.0.0.0:0  {sent} {received}\n"
    for event, of, protocol, port, sent, received in (
        ("CREATE", "Ignore", "TCP", 443, 0, 0),
        ("DELETE", "Ignore", "TCP", 443, 1300, 4000),
        ("DENIED", "I-ACL", "TCP", 23, 0, 0),
        ("CREATE", "Ignore", "UDP", 53, 0, 0),
    )
)
NFDUMP_LONG = (LOGS / "nfdump-long.txt").read_text()
ARGUS_TEXT = (LOGS / "argus.txt").read_text()
ARGUS_DAYS = (LOGS / "argus-days.txt").read_text()
# Nothing has answered what was asked for and no more.
ARGUS_ASKED = ARGUS_DAYS + ARGUS_DAYS.splitlines()[1].replace("443", "23").replace("FIN", "REQ")
CIC = (LOGS / "cicflowmeter.csv").read_text()
CIC_LONG = (LOGS / "cicflowmeter-long.csv").read_text()
ZEEK = (
    "1767700682.000000\tC1\t192.0.2.30\t50000\t198.51.100.9\t443\ttcp\tssl\t8.0\t1300\t4000\tSF\t-\t-"
    "\t0\tShADadFf\t10\t1800\t11\t4500\t-\n"
)
AT = 1767700682.0
SURICATA = "\n".join(
    json.dumps({"timestamp": "2026-01-06T11:58:02+0000", "event_type": kind, **more})
    for kind, more in (
        ("dns", {"src_ip": "192.0.2.30", "src_port": 53, "dest_port": 53, "proto": "UDP"}),
        ("alert", {"alert": {"signature_id": 1}}),
        ("stats", {"stats": {"uptime": 8}}),
        (
            "flow",
            {
                "src_ip": "192.0.2.30", "src_port": 50000, "dest_ip": "198.51.100.9",
                "dest_port": 443, "proto": "TCP", "app_proto": "tls",
                "flow": {
                    "pkts_toserver": 10, "pkts_toclient": 11, "bytes_toserver": 1300,
                    "bytes_toclient": 4000, "start": "2026-01-06T11:58:02+0000",
                    "end": "2026-01-06T11:58:10+0000",
                },
            },
        ),
    )
)  # fmt: skip
OSQUERY = "\n".join(
    json.dumps(
        {
            "name": "ports", "hostIdentifier": "a", "unixTime": 1767700682, "action": action,
            "columns": {"port": port, "protocol": "6", "address": "0.0.0.0", "pid": "8"},
        }
    )
    for action, port in (("added", "22"), ("removed", "80"), ("added", "0"))
)  # fmt: skip
CASES = {
    "azure-nsg": Case(json.dumps(NSG), {("tcp", 443): 2, ("udp", 53): 1}, 5300, 1, first=AT),
    "azure-nsg-spread": Case(
        json.dumps(NSG, indent=2), {("tcp", 443): 2, ("udp", 53): 1}, 5300, 1, first=AT
    ),
    "azure-vnet": Case(json.dumps(VNET), {("tcp", 443): 1}, 5300, 1, first=AT),
    "gcp-lines": Case(
        "".join(json.dumps(each) + "\n" for each in GCP), {("tcp", 443): 1}, 5300, 1, other=1
    ),
    "gcp-array": Case(json.dumps(GCP, indent=2), {("tcp", 443): 1}, 5300, 1, other=1),
    "vpc-3": Case(f"3 {V2}{V3}\n", {("tcp", 443): 1}, 5300, first=AT),
    "vpc-4": Case(f"4 {V2}{V3}{V4}\n", {("tcp", 443): 1}, 5300, first=AT),
    "vpc-5": Case(f"5 {V2}{V3}{V4}{V5}\n", {("tcp", 443): 1}, 5300, first=AT),
    "vpc-5-exported": Case(
        f"2026-01-06T11:58:12.000Z 5 {V2}{V3}{V4}{V5}\n", {("tcp", 443): 1}, 5300, first=AT
    ),
    "vpc-console": Case(
        f"timestamp,message\n1767700682000,2 {V2}\n", {("tcp", 443): 1}, 5300, first=AT
    ),
    "vpc-insights": Case(
        f"@timestamp,@message\n2026-01-06 11:58:02.000,2 {V2}\n", {("tcp", 443): 1}, 5300, first=AT
    ),
    "vpc-3-example": Case(
        "3 vpc-1 subnet-1 i-1 eni-1 123456789012 IPv4 192.0.2.30 198.51.100.9 50000 443 192.0.2.30 "
        "198.51.100.9 6 5300 10 1767700682 1767700690 ACCEPT 2 OK\n",
        {("tcp", 443): 1}, 5300, first=AT,
    ),
    "vpc-tabs": Case(f"2 {V2}\n".replace(" ", "\t"), {("tcp", 443): 1}, 5300, first=AT),
    "vpc-tail": Case(
        f"2026-01-06T11:58:02+00:00 eni-0123-all 2 {V2}\n"
        f"2026-01-06T11:58:02.123000+00:00 eni-0123-all 2 {V2.replace('ACCEPT', 'REJECT')}\n",
        {("tcp", 443): 1}, 5300, 1, first=AT,
    ),
    "nfdump-events": Case(
        NFDUMP_EVENTS, {("tcp", 443): 1, ("udp", 53): 1}, 5300, 1, other=1, first=AT
    ),
    "nfdump-cut": Case(
        "ts,pr,da,dp,ibyt\n2026-01-06 11:58:02,TCP,198.51.100.9,443,5300\nSummary\nflows\n",
        {("tcp", 443): 1}, 5300, first=AT,
    ),
    "nfdump-later-cut": Case(
        "firstSeen,proto,srcPort,dstPort\n2026-01-06 11:58:02.000,TCP,50000,443\n",
        {("tcp", 443): 1}, None, first=AT,
    ),
    "nfdump-text": Case(
        NFDUMP_TEXT, {("tcp", 443): 1, ("udp", 53): 1}, 1_200_060, portless=1, other=5, wrong=1,
        first=AT,
    ),
    "nfdump-long": Case(NFDUMP_LONG, {("tcp", 443): 1}, 5300, other=1, first=AT),
    # A port by its name (ra without -n) is a row that can't be read, not one that is passed over.
    "argus-text": Case(
        ARGUS_TEXT, {("tcp", 443): 2, ("udp", 53): 2}, 5970, portless=2, wrong=1
    ),
    "argus-days": Case(ARGUS_DAYS, {("tcp", 443): 1}, None, first=AT),
    "argus-asked": Case(ARGUS_ASKED, {("tcp", 443): 1}, None, refused=1, first=AT),
    # A tuple of a flow that begins has zeros that count nothing.
    "azure-begun": Case(
        json.dumps(VNET).replace(",E,NX,10,1300,11,4000", ",B,NX,0,0,0,0"), {("tcp", 443): 1},
        None, refused=1,
    ),
    "cicflowmeter": Case(CIC, {("tcp", 443): 1}, 5300, 1, first=AT),
    "cicflowmeter-long": Case(CIC_LONG, {("tcp", 443): 1}, 5300, first=AT - 2),
    "suricata": Case(SURICATA, {("tcp", 443): 1}, 5300, other=3, first=AT),
    "osquery": Case(OSQUERY, {("tcp", 22): 1}, None, other=2),
    "zeek-bare": Case(ZEEK, {("tcp", 443): 1}, 6300, first=AT, only="zeek"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_log_is_read_with_what_it_has(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "flows.log"
    path.write_text(case.text)
    answer = ask(path, only=case.only)
    assert counts(answer) == case.services
    assert answer.total.bytes == case.bytes
    assert answer.unanswered.flows == case.refused
    assert (answer.portless.flows, answer.other_records) == (case.portless, case.other)
    assert len(answer.faults) == case.wrong
    if case.first is not None:
        assert answer.first == case.first


def test_zeeks_rows_without_a_header_are_taken_only_where_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(ZEEK)
    with pytest.raises(MalformedInput):
        ask(path)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(32), "zeek"),
        (b"\x0c\xa5\x01\x00" + bytes(32), "nfdump -o csv"),
        (b"#Version: 1.5\n#Software: Microsoft Windows Firewall\n", "--columns"),
        (
            (
                b'2026-01-06 11:58:02 fb01 firewall: msg_id="3000-0148" Deny 0-External Firebox 60'
                b" tcp 20 49 203.0.113.9 192.0.2.5 44321 23 offset 10 S 1 win 64240\n"
            ),
            "WatchGuard",
        ),
        (
            (
                b"5 vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-01234567890123456 "
                b"eni-1235b8ca123456789 123456789010 IPv4 192.0.2.33 198.51.100.20 51022 443 6 19 "
                b"12 2311 1762070401 1762070461 ACCEPT OK\n"
            ),
            "put a line with its field names first",
        ),
        (b"11:58:02.123456 IP 192.0.2.1.50000 > 198.51.100.9.443: Flags [S], seq 1\n", "zeek"),
        (b'192.0.2.1 - - [06/Jan/2026:11:58:02 +0000] "GET / HTTP/1.1" 200 12\n', "flow log"),
        (b"<113>Jan  6 11:58:02 ftd1 : %FTD-6-430003: SrcIP: 192.0.2.1, DstPort: 443\n", "302013"),
        (b"n1 %ACLLOG-5-ACLLOG_FLOW_INTERVAL: Src IP: 192.0.2.1, Dst Port: 22\n", "NX-OS"),
        (b"RT_FLOW: RT_FLOW_SESSION_DENY: session denied 192.0.2.1/4000->192.0.2.5/23\n", "sd-sys"),
        (
            b"firewall,info drop: proto TCP (SYN), 192.0.2.1:4000->192.0.2.5:23, len 40\n",
            "RouterOS",
        ),
        (b'[\n{\n\t"type" : "FLOW",\n\t"sampled" : 0,\n', "nfdump -o csv"),
        (b"tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=192.0.2.5 sport=4000\n", "conntrack"),
        (b"    [NEW] udp      17 30 src=192.0.2.1 dst=192.0.2.5 sport=4000\n", "conntrack"),
        (b"ACTIVE seq:1 [192.0.2.1]:4000 <> [192.0.2.5]:443 proto:6 octets>:1000\n", "nfcapd"),
        (
            b"01/06-11:58:02.1  [**] [1:1000001:1] X [**] [Priority: 1] {TCP} 192.0.2.1:4 -> ::\n",
            "eve.json",
        ),
        (
            b"Jan  6 11:58:02 a kernel: ipfw: 1 Deny TCP 192.0.2.1:4 192.0.2.5:22 in via em0\n",
            "ipfw",
        ),
        (
            b"2026-01-06 11:58:02.1 rule 5/0(match): block in on em0: 192.0.2.1.4 > 192.0.2.5.22\n",
            "pf's log",
        ),
        (b'{"events":[{"timestamp":1,"message":"2 123456789012 eni-1 192.0.2.1 - "}]}\n', "jq"),
        (b"firewall: Deny 1-Trusted 0-External 60 tcp 20 63 192.0.2.1 192.0.2.5\n", "WatchGuard"),
        (b'{"firewall_name":"f","event":{"event_type":"netflow"}}\n', "VPC"),
    ],
)
def test_what_is_known_and_not_read_leads_on(content: bytes, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_bytes(content)
    with pytest.raises(MalformedInput, match=advice):
        ask(path)
