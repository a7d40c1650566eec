"""A log of flows given to explain is named, with what reads it."""

from __future__ import annotations

import pytest

from portbook.app.explain import explain, stream, stream_rows
from portbook.app.socket_filter import Filter
from portbook.errors import NothingKnown
from tests.cases import for_each
from tests.values import CATALOG

LOGS = {
    "Cisco firewall log": "Nov 02 2025 10:00:01 fw01 : %ASA-6-302013: Built inbound TCP connection "
    "1021 for outside:203.0.113.9/44321 (203.0.113.9/44321) to dmz:192.0.2.25/443 "
    "(198.51.100.25/443)",
    "FortiGate log": 'date=2025-11-02 time=10:00:01 devid="FGT60F" logid="0000000013" '
    "srcip=192.0.2.33 srcport=51022 dstip=198.51.100.20 dstport=443 proto=6 action=close",
    "AWS VPC Flow Logs": "2 123456789010 eni-1235b8ca123456789 192.0.2.33 198.51.100.20 51022 443 "
    "6 20 4249 1762070401 1762070461 ACCEPT OK",
}


@pytest.mark.parametrize("title", LOGS)
def test_a_log_of_flows_is_led_on_to_audit(title: str) -> None:
    said = f"this is a flow log ({title}), with no sockets: give its file to portbook audit"
    text = LOGS[title].encode()
    with pytest.raises(NothingKnown) as failed:
        explain([text], Filter(), CATALOG)
    assert str(failed.value) == said
    for reading in (stream, stream_rows):
        with pytest.raises(NothingKnown) as failed:
            reading([text], CATALOG)
        assert str(failed.value) == said


def test_a_log_that_is_not_read_is_named_with_what_to_do() -> None:
    line = b"nov/02 10:00:01 firewall,info input: in:ether1 out:(unknown 0), proto TCP (SYN), "
    with pytest.raises(NothingKnown, match=r"^the input is RouterOS' firewall log, which isn't"):
        explain([line + b"203.0.113.9:44321->192.0.2.1:8291, len 60"], Filter(), CATALOG)


def test_what_is_no_log_is_not_called_one() -> None:
    with pytest.raises(NothingKnown, match=r"^nothing in the input is what a known tool prints"):
        explain([b"and so on\n"], Filter(), CATALOG)


@for_each(
    "text, said",
    [
        (
            "NAME   READY   STATUS    RESTARTS   AGE\nweb-1   1/1   Running   0   3d\n",
            "kubectl's list of pods has no ports",
        ),
        (
            "CONTAINER      IMAGE     CREATED      STATE     NAME     ATTEMPT     POD ID\n",
            "crictl's list has no ports",
        ),
        ('services:\n  web:\n    ports:\n      - "8080:80"\n', "a compose file says what is meant"),
        (
            "     To          Action      From\n[ 1] 22/tcp  ALLOW IN  Anywhere\n",
            "a firewall's rules",
        ),
        ("public (active)\n  ports: 8080/tcp\n  masquerade: no\n", "a firewall's rules"),
        ("pass in quick on em0 proto tcp from any to any port = ssh\n", "a firewall's rules"),
        ("-P INPUT DROP\n", "a firewall's rules"),
        ("Listen on ipv4:        Connect to ipv4:\n", "netsh's port proxies are redirects"),
        (
            "PROTOCOL STATE         SERVICE\n1        open          icmp\n",
            "nmap -sO lists protocols",
        ),
        ("Image Name    PID Session Name    Session#\n", "tasklist lists processes"),
        ("COMMAND NAME\nsshd *:22\n", "a program and an address say neither"),
        ('{"kind":"Service","spec":{"ports":[{"port":80}]}}\n', "kubectl's services"),
        ("ComputerName RemotePort TcpTestSucceeded\n", "Test-NetConnection is read as a list"),
        ("Network connection detected:\nRuleName: -\n", "the input is Windows' event"),
        ("Local Address:Port\n192.0.2.5:22\n", "addresses alone say neither TCP nor UDP"),
        ("192.0.2.5:22\n0.0.0.0:80\n", "addresses alone say neither TCP nor UDP"),
    ],
)
def test_what_has_no_ports_is_named_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(NothingKnown, match=f"^{said}"):
        explain([text.encode()], Filter(), CATALOG)
