"""What is exposed against advice, and what hands out shells: by program, by name, by port."""

from __future__ import annotations

import pytest

from portbook.app.audit.describe import case_of
from portbook.app.audit.result import Service
from portbook.app.judge import judge_listener
from portbook.app.library import explain
from portbook.model import (
    Family,
    Level,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.verdict.engine import judge
from portbook.verdict.risk import one_purpose
from tests.cases import for_each
from tests.values import CATALOG

RULES = PortRules("linux", 1024, (32768, 60999))
REDIS = Process(
    7, "redis-server", executable="/usr/bin/redis-server", executable_uid=0, executable_mode=0o755
)
SSHD = Process(8, "sshd", executable="/usr/sbin/sshd", executable_uid=0, executable_mode=0o755)


def _found(
    port: int,
    *owners: Process,
    address: str = "0.0.0.0",
    seen: OwnersSeen = OwnersSeen.ALL,
    transport: Transport = Transport.TCP,
) -> dict[str, Level]:
    socket = Socket(transport, Family.IPV4, address, port, SocketState.LISTEN)
    listener = Listener(socket, Ownership(owners, seen))
    return {one.code: one.level for one in judge_listener(listener, RULES, CATALOG)}


def test_a_known_program_that_asks_nobody_is_an_alert_and_comes_first() -> None:
    found = _found(6379, REDIS)
    assert found["risky-exposed"] is Level.ALERT
    assert next(iter(found)) == "risky-exposed"
    assert found["expected"] is Level.OK


def test_a_known_program_is_exposed_on_another_port_too() -> None:
    assert _found(7000, REDIS)["risky-exposed"] is Level.ALERT
    assert _found(7000, REDIS, address="192.0.2.7")["risky-exposed"] is Level.ALERT


def test_loopback_is_exposed_to_nobody() -> None:
    found = _found(6379, REDIS, address="127.0.0.1")
    assert not found.keys() & {"risky-exposed", "dangerous-port"}


def test_a_name_alone_is_a_check() -> None:
    assert _found(6379, Process(7, "redis-server"))["risky-exposed"] is Level.CHECK
    assert _found(6379, Process(7, "java"))["risky-exposed"] is Level.CHECK


def test_a_program_known_to_be_something_else_is_not_that_service() -> None:
    assert "risky-exposed" not in _found(6379, SSHD)
    assert "risky-exposed" not in _found(23, Process(8, "sshd"))


@for_each("port", [23, 445, 513, 514, 2375, 3389, 5555, 5900, 6000, 6063, 6379, 9200, 11211, 27017])
@pytest.mark.parametrize("seen", [OwnersSeen.UNASKED, OwnersSeen.HIDDEN, OwnersSeen.NONE])
def test_without_an_owner_the_port_says_it(port: int, seen: OwnersSeen) -> None:
    found = _found(port, seen=seen)
    assert found["risky-exposed"] is Level.CHECK
    assert next(iter(found)) == "risky-exposed"


@for_each("name", ["nc", "ncat", "netcat", "socat", "busybox", "nc.openbsd"])
def test_a_relay_on_every_interface_is_a_check(name: str) -> None:
    assert _found(4444, Process(7, name))["dangerous-port"] is Level.CHECK
    by_path = Process(
        7, "x", executable=f"/usr/bin/{name}", executable_uid=0, executable_mode=0o755
    )
    assert _found(4444, by_path)["dangerous-port"] is Level.CHECK
    assert "dangerous-port" not in _found(4444, Process(7, name), address="127.0.0.1")


def test_a_port_known_for_abuse_alone_is_a_check_where_nobody_is_seen() -> None:
    found = _found(27374, seen=OwnersSeen.UNASKED)
    assert found["dangerous-port"] is Level.CHECK
    assert "dangerous-port" not in _found(27374, Process(7, "python3"))
    assert "dangerous-port" not in _found(27374, seen=OwnersSeen.KERNEL)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize("seen", [OwnersSeen.UNASKED, OwnersSeen.HIDDEN])
def test_31337_is_a_check_on_either_transport(transport: Transport, seen: OwnersSeen) -> None:
    found = _found(31337, seen=seen, transport=transport)
    assert found["dangerous-port"] is Level.CHECK
    assert next(iter(found)) == "dangerous-port"


def test_a_busy_port_with_an_old_report_is_no_more_serious_than_a_backdoor() -> None:
    worst = max(level.rank for level in _found(8000, seen=OwnersSeen.UNASKED).values())
    assert worst <= Level.NOTE.rank
    backdoor = _found(31337, seen=OwnersSeen.UNASKED, transport=Transport.UDP)
    assert max(level.rank for level in backdoor.values()) >= worst


def test_the_finding_names_the_service_the_advice_and_the_source() -> None:
    service = Service("tcp", 6379, "assigned", (), 1, reach="everywhere")
    finding = judge(case_of(service, CATALOG))[0]
    facts = dict(finding.facts)
    (known,) = CATALOG.practice.lookup_services(6379)
    assert known.exposure is not None
    assert (facts["risk"], facts["risk_advice"]) == ("Redis", known.exposure.advice)
    evidence = [dict(each.facts) for each in finding.evidence if each.code == "service"]
    assert [each["source"] for each in evidence] == [known.source_of("exposure")[0]]


def test_every_flow_has_the_facts_of_the_judge() -> None:
    from portbook.app.audit.reference_table import entries

    ports = {*range(0, 65_536, 7), *(each.first for each in CATALOG.practice.abuse())}
    rows = {(row.transport, row.port): row for row in entries(ports, CATALOG)}
    assert rows
    practice = CATALOG.practice
    for (transport, port), row in rows.items():
        kind = Transport(transport)
        services = practice.lookup_services(port, kind)
        assert row.risky == any(each.exposure is not None for each in services)
        uses, abuse = practice.lookup_uses(port, kind), practice.lookup_abuse(port, kind)
        assert row.dangerous == one_purpose(uses, abuse, services)


def test_in_a_capture_the_exposed_service_stands_before_a_curious_port() -> None:
    text = (
        "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
        "tcp   LISTEN 0      1      0.0.0.0:305        0.0.0.0:*\n"
        "tcp   LISTEN 0      4096   [::]:2375          [::]:*      "
        'users:(("dockerd",pid=900,fd=3))\n'
        "tcp   LISTEN 0      511    0.0.0.0:6379       0.0.0.0:*\n"
        "tcp   LISTEN 0      1      0.0.0.0:4444       0.0.0.0:*   "
        'users:(("nc",pid=903,fd=3))\n'
    )
    ports = [each.socket.port for each in explain(text.encode()).sockets]
    assert ports == [2375, 4444, 6379, 305]
