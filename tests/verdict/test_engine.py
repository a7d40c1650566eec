"""Every code has a socket that earns it, and one that doesn't; nothing makes the judge stumble."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.judge import judge_listener
from portbook.model import (
    ExecutablePlace,
    Family,
    Level,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Program,
    Report,
    ReportKind,
    Socket,
    SocketState,
    Standing,
    State,
    Subject,
    SubjectKind,
    Threat,
    Transport,
    Use,
    UseKind,
)
from portbook.verdict.engine import find_facts, judge
from portbook.verdict.facts import Case, protected
from portbook.verdict.finding_facts import GROUPS
from portbook.verdict.rules import FACTS, RULES
from tests.cases import for_each
from tests.strategies import listeners, port_rules, processes, programs, reports, standings, uses
from tests.values import CATALOG, Told, changed, told

TCP, UDP, SCTP, DCCP = Transport
LINUX = PortRules("linux", 1024, (32768, 60999))

SSHD = Program(
    "openssh", "OpenSSH", ("/usr/sbin/sshd",), ("ssh",), ((22, TCP),), "https://www.openssh.com/",
    "2026-09-12",
)  # fmt: skip
NGINX = Program(
    "nginx", "nginx", ("/usr/sbin/nginx",), ("http", "https"), ((80, TCP), (443, TCP)),
    "https://nginx.org/en/docs/", "2026-09-12",
)  # fmt: skip
GRAFANA = Program(
    "grafana", "Grafana", ("/usr/share/grafana/bin/grafana",), ("http",), ((3000, TCP),),
    "https://grafana.com/docs/", "2026-09-12",
)  # fmt: skip
GRAFANA_USE = Use(
    "Grafana", UseKind.DEFAULT, TCP, 3000, 3000, "Grafana's web interface", "https://grafana.com/docs/",
    "2026-09-12",
)  # fmt: skip


WORM = Report(
    "A worm", ReportKind.ADVISORY, Threat.BACKDOOR, TCP, 8080, 8080, "2001",
    "Reported to spread by it.",
    "https://example.org/advisory", "2026-11-21",
)  # fmt: skip


def _process(program: str = "sshd", **changes: Any) -> Process:
    process = Process(
        pid=812,
        program=program,
        command=(f"/usr/sbin/{program}",),
        executable=f"/usr/sbin/{program}",
        executable_uid=0,
        executable_mode=0o755,
        executable_deleted=False,
        uid=0,
        user="root",
    )
    return process._replace(**changes)


def _listener(
    port: int,
    address: str = "192.0.2.7",
    *owners: Process,
    transport: Transport = TCP,
    **changes: Any,
) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    seen = OwnersSeen.ALL if owners else OwnersSeen.HIDDEN
    listener = Listener(
        Socket(transport, family, address, port, SocketState.LISTEN), Ownership(owners, seen)
    )
    return changed(listener, **changes)


def _judge(
    listener: Listener,
    *known: tuple[Program, ...],
    uses: tuple[Use, ...] = (),
    rules: PortRules = LINUX,
    blocked: bool = False,
    abuse: tuple[Report, ...] = (),
) -> dict[str, Told]:
    """The findings on *listener*, weighed with what the shipped registry says of its port."""
    stands = CATALOG.registry.standing(listener.socket.port, listener.socket.transport)
    found = judge(Case(listener, stands, known, uses, rules, blocked, abuse))
    assert len({finding.code for finding in found}) == len(found)
    return told(found)


# -- expected ---------------------------------------------------------------------------------


def test_sshd_on_22_is_expected() -> None:
    found = _judge(_listener(22, "0.0.0.0", _process()), (SSHD,))
    assert found["expected"].level is Level.OK
    assert "sshd" in found["expected"].message
    assert not set(found) & {"foreign-service", "service-elsewhere", "unknown", "known-use"}
    assert {"exposed", "privileged-bind"} < set(found)


@pytest.mark.parametrize("transport", [UDP, DCCP])
def test_sshd_is_expected_only_where_ssh_is_registered(transport: Transport) -> None:
    found = _judge(_listener(22, "0.0.0.0", _process(), transport=transport), (SSHD,))
    assert ("expected" in found) is (transport is UDP)  # 22/udp is ssh as well, 22/dccp isn't


@for_each(
    "owner",
    [
        _process(executable="/usr/sbin/sshd", executable_mode=0o757),
        _process(executable_mode=0o775),
        _process(executable_mode=0o4777),
        _process(executable_mode=None),
        _process(executable_uid=1000),
        _process(executable_uid=None),
        _process(executable_deleted=True),
    ],
)
def test_an_executable_that_others_could_have_put_there_is_never_expected(owner: Process) -> None:
    assert not protected(owner)
    found = _judge(_listener(22, "0.0.0.0", owner), (SSHD,))
    assert "expected" not in found
    assert "unknown" in found


@pytest.mark.parametrize("executable", ["/tmp/sshd", "/home/u/sshd", "sshd", None])
def test_a_name_alone_is_never_expected(executable: str | None) -> None:
    """The path is what the lore is asked by: nothing is known of a program at another one."""
    found = _judge(_listener(22, "0.0.0.0", _process(executable=executable)), ())
    assert "expected" not in found
    assert "unknown" in found


@given(processes())
def test_only_roots_own_unwritable_living_file_is_protected(process: Process) -> None:
    mode = process.executable_mode
    assert protected(process) is (
        process.executable_uid == 0
        and mode is not None
        and mode & 0o022 == 0
        and process.executable_deleted is not True
        and process.place is None
    )


# -- several owners ---------------------------------------------------------------------------


def test_every_owner_has_to_be_known() -> None:
    both = _listener(22, "0.0.0.0", _process(pid=1), _process(pid=2))
    assert "expected" in _judge(both, (SSHD,), (SSHD,))
    assert "expected" not in _judge(both, (SSHD,), ())
    assert "expected" not in _judge(both, (SSHD,))
    evil = _listener(22, "0.0.0.0", _process(pid=1), _process(pid=2, executable_uid=1000))
    assert "expected" not in _judge(evil, (SSHD,), (SSHD,))


def test_every_owner_has_to_implement_the_service() -> None:
    both = _listener(22, "0.0.0.0", _process(), _process("nginx"))
    found = _judge(both, (SSHD,), (NGINX,))
    assert "expected" not in found
    assert "foreign-service" in found


def test_one_of_several_programs_at_a_path_is_enough() -> None:
    assert "expected" in _judge(_listener(22, "0.0.0.0", _process()), (NGINX, SSHD))


# -- a known program elsewhere ----------------------------------------------------------------


def test_sshd_on_2222_is_elsewhere_and_foreign() -> None:
    found = _judge(_listener(2222, "0.0.0.0", _process()), (SSHD,))
    assert found["service-elsewhere"].level is Level.NOTE
    assert found["foreign-service"].level is Level.CHECK
    assert "22/tcp" in found["service-elsewhere"].message
    assert "EtherNet-IP-1" in found["foreign-service"].message
    assert "expected" not in found
    assert "unknown" not in found


def test_a_foreign_service_is_a_note_on_loopback_and_where_it_is_known() -> None:
    found = _judge(_listener(2222, "127.0.0.1", _process()), (SSHD,))
    assert found["foreign-service"].level is Level.NOTE
    grafana = _process("grafana")
    found = _judge(_listener(3000, "0.0.0.0", grafana), (GRAFANA,), uses=(GRAFANA_USE,))
    assert found["foreign-service"].level is Level.NOTE
    assert found["known-use"].level is Level.NOTE
    assert "Grafana" in found["known-use"].message
    assert "service-elsewhere" not in found


def test_a_known_program_on_an_unassigned_port_is_elsewhere_but_not_foreign() -> None:
    found = _judge(_listener(305, "0.0.0.0", _process()), (SSHD,))
    assert "service-elsewhere" in found
    assert "unregistered-port" in found
    assert "foreign-service" not in found


def test_an_unknown_program_is_not_called_foreign() -> None:
    assert "foreign-service" not in _judge(_listener(2222, "0.0.0.0", _process("x")), ())


# -- http.server ------------------------------------------------------------------------------

PYTHON = _process("python3", executable="/usr/bin/python3.11", uid=1000, user="u")


def test_http_server_on_305_is_unregistered_and_exposed() -> None:
    found = _judge(_listener(305, "0.0.0.0", PYTHON), ())
    assert found["unregistered-port"].level is Level.CHECK
    assert found["exposed"].level is Level.NOTE
    assert "firewall" in found["exposed"].message
    assert "python3" in found["unregistered-port"].message
    assert "unknown" not in found
    assert max(finding.level.rank for finding in found.values()) == Level.CHECK.rank


def test_http_server_on_8080_of_loopback_is_this_machine_only() -> None:
    found = _judge(_listener(8080, "127.0.0.1", PYTHON), ())
    assert found["loopback-only"].level is Level.OK
    assert "exposed" not in found
    assert "unregistered-port" not in found


@for_each(
    "address, interface, loopback, exposed",
    [
        ("127.0.0.1", None, True, False),
        ("127.9.9.9", None, True, False),
        ("::1", None, True, False),
        ("::ffff:127.0.0.1", None, True, False),
        ("0.0.0.0", None, False, True),
        ("::", None, False, True),
        ("::ffff:0.0.0.0", None, False, True),
        ("0.0.0.0", "eth0", False, False),
        ("0.0.0.0", "lo", True, False),
        ("::", "lo", True, False),
        ("192.0.2.7", None, False, False),
        ("fe80::1", None, False, False),
        ("2001:db8::127", None, False, False),
    ],
)
def test_who_can_reach_it(
    address: str, interface: str | None, loopback: bool, exposed: bool
) -> None:
    found = _judge(_listener(8080, address, PYTHON, interface=interface), ())
    assert ("loopback-only" in found) is loopback
    assert ("exposed" in found) is exposed


# -- the port ---------------------------------------------------------------------------------


def test_an_unassigned_port_is_a_note_on_loopback_and_where_a_use_is_known() -> None:
    assert _judge(_listener(305, "127.0.0.1", PYTHON), ())["unregistered-port"].level is Level.NOTE
    use = GRAFANA_USE._replace(first=305, last=305)
    scanned = _listener(305, "0.0.0.0", owners_seen=OwnersSeen.UNASKED)
    assert _judge(scanned, uses=(use,))["unregistered-port"].level is Level.NOTE
    # What couldn't be seen isn't judged milder than what was.
    found = _judge(_listener(305, "0.0.0.0"), uses=(use,))
    assert found["unregistered-port"].level is Level.CHECK
    assert {"known-use", "owner-hidden"} <= found.keys()
    # A use on record doesn't fit a program that was seen to be another one.
    found = _judge(_listener(305, "0.0.0.0", PYTHON), (), uses=(use,))
    assert found["unregistered-port"].level is Level.CHECK
    assert "known-use" not in found


def test_a_port_without_a_row_is_unregistered_but_never_quoted() -> None:
    found = _judge(_listener(300, "0.0.0.0", PYTHON, transport=SCTP), ())
    said = found["unregistered-port"]
    assert "Unassigned" not in said.message + "".join(said.evidence)
    assert any("no row" in line for line in said.evidence)


@pytest.mark.parametrize(("port", "transport"), [(1023, TCP), (300, UDP), (0, TCP), (49151, UDP)])
def test_a_reserved_port_is_to_be_checked(port: int, transport: Transport) -> None:
    for address in ("0.0.0.0", "127.0.0.1"):
        found = _judge(_listener(port, address, PYTHON, transport=transport), ())
        assert found["reserved-port"].level is Level.CHECK
        assert found["reserved-port"].message.startswith(f"IANA reserves {port}/{transport}")
        assert "unregistered-port" not in found
    assert "reserved-port" not in _judge(_listener(305, "0.0.0.0", PYTHON), ())


@for_each(
    "port, rules, dynamic",
    [
        (32767, LINUX, False),
        (32768, LINUX, True),
        (60999, LINUX, True),
        (61000, LINUX, False),
        (50000, LINUX._replace(kept=((50000, 50000),)), False),
        (50001, LINUX._replace(kept=((50000, 50000), (50002, 50010))), True),
        (50005, LINUX._replace(kept=((50000, 50000), (50002, 50010))), False),
        (50000, LINUX._replace(dynamic=None), False),
        (50000, PortRules(""), False),
        (2000, LINUX._replace(dynamic=(1024, 65535)), True),
    ],
)
def test_the_dynamic_range_is_this_machines(port: int, rules: PortRules, dynamic: bool) -> None:
    found = _judge(_listener(port, "0.0.0.0", PYTHON), (), rules=rules)
    assert ("dynamic-port" in found) is dynamic
    if dynamic:
        assert found["dynamic-port"].level is Level.NOTE
        assert str(rules.dynamic[0] if rules.dynamic else "") in found["dynamic-port"].message
        assert "unknown" not in found


@for_each(
    "port, first, privileged",
    [
        (80, 1024, True),
        (1023, 1024, True),
        (1024, 1024, False),
        (80, 0, False),
        (1, 0, False),
        (80, 80, False),
        (79, 80, True),
        (80, None, False),
    ],
)
def test_a_privilege_is_named_only_where_this_machine_asks_for_one(
    port: int, first: int | None, privileged: bool
) -> None:
    rules = LINUX._replace(unprivileged_first=first)
    assert ("privileged-bind" in _judge(_listener(port, "0.0.0.0", PYTHON), (), rules=rules)) is (
        privileged
    )


# -- browsers ---------------------------------------------------------------------------------


def test_browsers_matter_where_http_is_served() -> None:
    nginx = _listener(6667, "0.0.0.0", _process("nginx"))
    assert "browser-blocked" in _judge(nginx, (NGINX,), blocked=True)
    assert "browser-blocked" not in _judge(nginx, (NGINX,), blocked=False)
    sshd = _listener(6667, "0.0.0.0", _process())
    assert "browser-blocked" not in _judge(sshd, (SSHD,), blocked=True)


# -- the executable ---------------------------------------------------------------------------


@for_each(
    "changes, level",
    [
        ({}, Level.CHECK),
        ({"upgraded": False}, Level.CHECK),
        ({"upgraded": True}, Level.NOTE),
        ({"place": "memory"}, Level.ALERT),
        ({"place": "temporary"}, Level.ALERT),
        ({"place": "world-writable"}, Level.CHECK),
        ({"place": "temporary", "upgraded": True}, Level.ALERT),
        # A container's files lie behind mounts; that is no folder that anyone can write to.
        ({"place": "mounted"}, Level.CHECK),
    ],
)
def test_a_deleted_executable_is_weighed_by_where_it_was(
    changes: dict[str, Any], level: Level
) -> None:
    owner = _process(executable_deleted=True, **changes)
    found = _judge(_listener(22, "0.0.0.0", owner), (SSHD,))
    assert found["deleted-executable"].level is level
    assert "/usr/sbin/sshd" in found["deleted-executable"].message
    assert "expected" not in found
    owner = owner._replace(executable_deleted=False)
    assert "deleted-executable" not in _judge(_listener(22, "0.0.0.0", owner), (SSHD,))


def test_what_was_deleted_is_named_and_nothing_else() -> None:
    fine = _process("nginx", place=ExecutablePlace.TEMPORARY)
    gone = _process("sshd", executable_deleted=True)
    found = _judge(_listener(22, "0.0.0.0", fine, gone), (NGINX,), (SSHD,))
    assert "/usr/sbin/sshd" in found["deleted-executable"].message
    assert "/usr/sbin/nginx" not in found["deleted-executable"].message
    assert found["deleted-executable"].level is Level.CHECK
    upgraded = gone._replace(upgraded=True)
    both = _judge(_listener(22, "0.0.0.0", upgraded, gone), (SSHD,), (SSHD,))
    assert both["deleted-executable"].level is Level.CHECK


def test_an_executable_without_a_package_is_told_only_where_packages_were_asked() -> None:
    asked = _process("sshd", packaged=False)
    other = _process("nginx", packaged=True)
    found = _judge(_listener(22, "0.0.0.0", other, asked), (NGINX,), (SSHD,))
    assert found["unpackaged-executable"].level is Level.NOTE
    assert "/usr/sbin/sshd" in found["unpackaged-executable"].message
    assert "nginx" not in found["unpackaged-executable"].message
    for packaged in (True, None):
        owner = _process(packaged=packaged)
        assert "unpackaged-executable" not in _judge(_listener(22, "0.0.0.0", owner), (SSHD,))


@pytest.mark.parametrize(
    ("queue", "limit", "full"),
    [(0, 128, False), (128, 128, False), (129, 128, True), (1, 0, True), (None, 128, False)],
)
def test_a_full_backlog_is_to_be_checked(queue: int | None, limit: int, full: bool) -> None:
    # The kernel lets in one more than the limit before it turns clients away.
    found = _judge(_listener(80, "0.0.0.0", PYTHON, queue=queue, queue_limit=limit), ())
    assert ("backlog-full" in found) is full
    if full:
        assert found["backlog-full"].level is Level.CHECK
        assert str(queue) in found["backlog-full"].message


# -- the owner --------------------------------------------------------------------------------


def test_a_hidden_owner_is_said_to_be_hidden() -> None:
    found = _judge(_listener(22, "0.0.0.0", uid=0, user="root"))
    assert found["owner-hidden"].level is Level.NOTE
    assert "sudo" in found["owner-hidden"].message
    assert "can't see" in found["owner-hidden"].message
    assert not set(found) & {"expected", "unknown"}


def test_root_is_not_told_to_ask_as_root() -> None:
    found = _judge(_listener(305, "0.0.0.0"), rules=LINUX._replace(root=True))["owner-hidden"]
    assert "sudo" not in found.message
    assert "not even as root" in found.message


@pytest.mark.parametrize("seen", [OwnersSeen.KERNEL, OwnersSeen.NONE])
def test_what_has_no_process_is_not_hidden(seen: OwnersSeen) -> None:
    found = _judge(_listener(2049, "0.0.0.0", owners_seen=seen))
    assert "owner-hidden" not in found
    assert "expected" not in found
    assert "unknown" in found


def test_a_kernel_listener_is_named_as_one() -> None:
    message = _judge(_listener(2049, "0.0.0.0", owners_seen=OwnersSeen.KERNEL))["unknown"].message
    assert "kernel" in message
    assert "program" not in message


def test_a_use_on_record_stands_in_for_an_owner_unseen() -> None:
    found = _judge(_listener(3000, "0.0.0.0"), uses=(GRAFANA_USE,))
    assert "Grafana" in found["known-use"].message
    assert "known-use" not in _judge(_listener(3000, "0.0.0.0"))


NODE_PORTS = Use(
    "NodePort services", UseKind.DEFAULT, TCP, 30000, 32767, "Forwarded to a service.",
    "https://example.org/ports", "2026-11-21",
)  # fmt: skip


@pytest.mark.parametrize("owner", [(), (_process(executable=None)._replace(program=None),)])
def test_a_wide_use_speaks_for_no_port(owner: tuple[Process, ...]) -> None:
    for port in (31337, 32000):  # assigned, unassigned
        listener = _listener(port, "0.0.0.0", *owner)
        report = WORM._replace(first=port, last=port)
        narrow = NODE_PORTS._replace(product="dump", first=port, last=port)
        for abuse in ((), (report,)):
            assert "known-use" not in _judge(listener, uses=(NODE_PORTS,), abuse=abuse)
            assert "known-use" in _judge(listener, uses=(NODE_PORTS, narrow), abuse=abuse)


@pytest.mark.parametrize("seen", [OwnersSeen.UNASKED, OwnersSeen.HIDDEN])
def test_what_may_be_there_by_a_wide_use_is_told_and_excuses_nothing(seen: OwnersSeen) -> None:
    listener = _listener(32000, "0.0.0.0", owners_seen=seen)
    found = _judge(listener, uses=(NODE_PORTS,))["unregistered-port"]
    assert found.level is Level.CHECK
    assert found.message.endswith("why on this port. It may be NodePort services.")
    narrow = NODE_PORTS._replace(product="dump", first=32000, last=32000)
    told = _judge(listener, uses=(NODE_PORTS, narrow))["unregistered-port"]
    assert "may be" not in told.message


def test_the_program_that_a_wide_use_is_of_is_a_known_use() -> None:
    use = NODE_PORTS._replace(product="OpenSSH")
    found = _judge(_listener(32000, "0.0.0.0", _process()), (SSHD,), uses=(use,))
    assert found["known-use"].level is found["unregistered-port"].level is Level.NOTE


def test_a_use_is_told_apart_from_what_the_registry_has() -> None:
    other = GRAFANA_USE._replace(product="Another")
    found = _judge(_listener(3000, "0.0.0.0"), uses=(GRAFANA_USE, other))["known-use"]
    assert "Grafana, Another" in found.message
    assert "IANA: hbci" in found.message
    assert any("https://grafana.com/docs/" in line for line in found.evidence)
    free = GRAFANA_USE._replace(first=305, last=305)
    assert (
        "hasn't assigned it" in _judge(_listener(305, "0.0.0.0"), uses=(free,))["known-use"].message
    )
    # A program that is known is named by itself, not by what else is used there.
    grafana = _process("grafana")
    found = _judge(_listener(3000, "0.0.0.0", grafana), (GRAFANA,), uses=(other,))["known-use"]
    assert "Grafana" in found.message
    assert "Another" not in found.message


@pytest.mark.parametrize(
    ("used", "fits"), [("OpenSSH", True), ("OpenSSH server", True), ("ssh", False), ("Open", False)]
)
def test_a_use_fits_a_program_word_by_word(used: str, fits: bool) -> None:
    use = GRAFANA_USE._replace(product=used)
    found = _judge(_listener(3000, "0.0.0.0", _process()), (SSHD,), uses=(use,))
    assert ("known-use" in found) is fits


# -- reports of abuse -------------------------------------------------------------------------


def test_a_report_is_history_and_told_with_its_source() -> None:
    found = _judge(_listener(8080, "127.0.0.1", _process("nginx")), (NGINX,), abuse=(WORM,))
    said = found["abuse-on-record"]
    assert said.level is Level.NOTE
    assert "A worm (2001)" in said.message
    assert any("https://example.org/advisory, read 2026-11-21" in line for line in said.evidence)
    assert "example.org" not in "\n".join(found["expected"].evidence)
    assert "abuse-on-record" not in _judge(_listener(8080, "127.0.0.1", PYTHON))


@pytest.mark.parametrize("threat", Threat)
def test_only_malware_with_a_port_of_its_own_is_a_finding(threat: Threat) -> None:
    report = WORM._replace(threat=threat, subject="Reported")
    malware = threat in (Threat.MALWARE, Threat.BACKDOOR)
    for owner in ((PYTHON,), (_process("nginx"),), ()):
        found = _judge(_listener(8080, "0.0.0.0", *owner), abuse=(report,))
        assert ("abuse-on-record" in found) is malware
        facts = [value for finding in found.values() for _, value in finding.facts]
        assert (("Reported",) in facts) is malware
    wide = WORM._replace(first=8000, last=8400)
    assert "abuse-on-record" not in _judge(_listener(8080, "0.0.0.0", PYTHON), abuse=(wide,))


@for_each(
    "listener, known, level",
    [
        (_listener(8080, "0.0.0.0", PYTHON), (), Level.CHECK),
        (_listener(8080, "::", PYTHON), (), Level.CHECK),
        (_listener(8080, "192.0.2.7", PYTHON), (), Level.NOTE),
        (_listener(8080, "127.0.0.1", PYTHON), (), Level.NOTE),
        (_listener(8080, "0.0.0.0", PYTHON, interface="lo"), (), Level.NOTE),
        (_listener(8080, "0.0.0.0", _process("nginx")), (NGINX,), Level.NOTE),
        # In its place, but not protected there: it may be anything.
        (_listener(8080, "0.0.0.0", _process("nginx", executable_uid=7)), (NGINX,), Level.CHECK),
        (_listener(8080, "0.0.0.0", _process("nginx"), PYTHON), (NGINX,), Level.CHECK),
        # What couldn't be seen isn't called unknown, and is judged as gravely.
        (_listener(8080, "0.0.0.0"), (), Level.CHECK),
        (_listener(8080, "127.0.0.1"), (), Level.NOTE),
        (_listener(8080, "0.0.0.0", _process(executable=None)), (), Level.NOTE),
    ],
)
def test_a_report_asks_for_a_look_where_an_unknown_program_is_exposed(
    listener: Listener, known: tuple[Program, ...], level: Level
) -> None:
    found = _judge(listener, *((known,) if known else ()), abuse=(WORM,))
    assert found["abuse-on-record"].level is level


def test_nothing_on_record_is_said_to_be_unknown() -> None:
    found = _judge(_listener(8080, "192.0.2.7", PYTHON), ())
    assert set(found) == {"unknown"}
    assert found["unknown"].level is Level.NOTE


# -- laws -------------------------------------------------------------------------------------


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    return Case(
        listener=draw(listeners()),
        standing=draw(standings()),
        programs=tuple(draw(st.lists(st.lists(programs(), max_size=2).map(tuple), max_size=3))),
        uses=tuple(draw(st.lists(uses(), max_size=2))),
        rules=draw(port_rules()),
        browser_blocked=draw(st.booleans()),
        abuse=tuple(draw(st.lists(reports(), max_size=2))),
    )


@given(_cases())
def test_the_judge_never_stumbles_and_keeps_to_the_table(case: Case) -> None:
    found = judge(case)
    order = [rule.code for rule in RULES]
    places = [(-finding.level.rank, order.index(finding.code)) for finding in found]
    assert places == sorted(places), "the most serious first, then as the table has them"
    assert len(set(places)) == len(places)
    assert found, "something is always to be said of a socket"
    by_code = {rule.code: rule for rule in RULES}
    for finding in found:
        rule = by_code[finding.code]
        assert finding.level in {rule.level, *(level for level, _ in rule.shifts)}
        assert set(dict(finding.facts)) <= {
            name for group in rule.carries for name in GROUPS[group].names
        }
        assert finding.evidence
        assert finding.subject == Subject(SubjectKind.SOCKET, case.listener.socket.name)


@given(_cases())
def test_facts_are_those_of_the_table(case: Case) -> None:
    facts = find_facts(case)
    assert facts <= set(FACTS)
    assert len(facts & {"assigned", "reserved", "unassigned"}) <= 1
    assert not {"loopback", "wildcard"} <= facts
    if "implements" in facts:
        assert "known-program" in facts


@given(_cases())
def test_expected_takes_a_protected_known_program_of_every_owner(case: Case) -> None:
    codes = {finding.code for finding in judge(case)}
    owners = case.listener.ownership.owners
    if "expected" in codes:
        assert owners
        assert all(map(protected, owners))
        assert len(case.programs) >= len(owners)
        assert case.standing.state is State.ASSIGNED
        assert not codes & {"foreign-service", "service-elsewhere", "unknown"}


@given(_cases())
def test_unknown_stands_alone(case: Case) -> None:
    codes = {finding.code for finding in judge(case)}
    settling = {rule.code for rule in RULES if rule.settles}
    assert ("unknown" in codes) is not bool(codes & settling)


@given(listeners(), port_rules())
def test_any_socket_is_judged_against_the_shipped_registry(
    listener: Listener, rules: PortRules
) -> None:
    case = Case(
        listener,
        CATALOG.registry.standing(listener.socket.port, listener.socket.transport),
        rules=rules,
    )
    assert judge(case)


def test_what_processes_call_themselves_is_not_a_format() -> None:
    evil = _process("{port}%s{0.__class__}", executable=None)
    found = _judge(_listener(305, "0.0.0.0", evil), ())
    assert "{port}%s{0.__class__}" in found["unregistered-port"].message


def test_a_name_is_compared_whatever_its_letter_case() -> None:
    stands = CATALOG.registry.standing(2222, TCP)
    name = stands.assignments[0].service_name
    assert name == "EtherNet-IP-1"
    program = SSHD._replace(services=(name.lower(),))
    case = Case(_listener(2222, "0.0.0.0", _process()), stands, ((program,),))
    assert "expected" in {finding.code for finding in judge(case)}


def test_a_standing_that_is_not_listed_can_be_judged() -> None:
    for state in (State.UNASSIGNED, State.DYNAMIC):
        assert judge(Case(_listener(80), Standing(state, False, None)))


# -- what an interpreter's arguments say ------------------------------------------------------


def _interpreted(port: int, address: str, *command: str) -> dict[str, Told]:
    """The findings on what runs by *command*, weighed with all that is on record."""
    executable = "/usr/bin/python3.11" if command[0] == "python3" else f"/usr/bin/{command[0]}"
    owner = _process(command[0], executable=executable, command=command)
    return told(judge_listener(_listener(port, address, owner), LINUX, CATALOG))


def test_a_server_that_arguments_name_is_foreign_where_another_is_registered() -> None:
    found = _interpreted(5432, "0.0.0.0", "python3", "-m", "http.server", "5432")
    said = found["foreign-service"]
    assert next(iter(found)) == "foreign-service"
    assert said.level is Level.CHECK
    assert (
        "registered for postgresql, but python3 -m http.server is Python's http.server"
        in said.message
    )
    assert "portbook 5432 --probe" in said.message
    assert any(line.startswith("arguments: http.server is") for line in said.evidence)
    assert "may be" not in "".join(each.message for each in found.values())
    loopback = _interpreted(5432, "127.0.0.1", "python3", "-m", "http.server", "5432")
    assert loopback["foreign-service"].level is Level.NOTE


@for_each(
    "port, command, code, level",
    [
        (80, ("python3", "-m", "http.server", "80"), "fits-by-name", Level.NOTE),
        (8080, ("php", "-S", "0.0.0.0:8080"), "fits-by-name", Level.NOTE),
        (25, ("python3", "-m", "aiosmtpd"), "fits-by-name", Level.NOTE),
        (22, ("python3", "-m", "aiosmtpd"), "foreign-service", Level.CHECK),
        (3000, ("node", "/srv/node_modules/.bin/next", "dev"), "known-use", Level.NOTE),
        (3000, ("node", "/srv/node_modules/.bin/vite"), "foreign-service", Level.NOTE),
        (8000, ("python3", "/srv/manage.py", "runserver"), "known-use", Level.NOTE),
        (5432, ("java", "-jar", "jenkins.war"), "foreign-service", Level.CHECK),
        (305, ("python3", "-m", "http.server", "305"), "unregistered-port", Level.CHECK),
        (5432, ("python3", "shop.py"), "unknown", Level.NOTE),
    ],
)
def test_arguments_say_what_runs_and_never_that_it_belongs(
    port: int, command: tuple[str, ...], code: str, level: Level
) -> None:
    found = _interpreted(port, "0.0.0.0", *command)
    assert found[code].level is level
    assert "expected" not in found
    assert "implements" not in "".join(found) + "".join(line for line in found[code].evidence)


def test_a_use_that_the_arguments_fit_is_named_alone() -> None:
    said = _interpreted(8000, "0.0.0.0", "python3", "-m", "http.server", "8000")["known-use"]
    assert said.message == "Commonly on 8000/tcp: Python's http.server; IANA: irdmi."


def test_a_port_of_many_uses_is_no_graver_than_one_of_none() -> None:
    busy = _interpreted(8000, "0.0.0.0", "python3", "shop.py")
    assert busy["abuse-on-record"].level is Level.NOTE
    assert all(each.level.rank <= Level.NOTE.rank for each in busy.values())


def test_a_hidden_owner_makes_no_socket_milder() -> None:
    for port in (305, 4444, 8000, 8501):
        seen = judge_listener(_listener(port, "0.0.0.0", PYTHON), LINUX, CATALOG)
        unseen = judge_listener(_listener(port, "0.0.0.0"), LINUX, CATALOG)
        levels = {each.code: each.level.rank for each in unseen}
        assert "owner-hidden" in levels
        assert max(levels.values()) >= max(each.level.rank for each in seen)
        for each in seen:
            assert levels.get(each.code, each.level.rank) >= each.level.rank
