"""The service behind a socket that systemd holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.host.linux.activation import (
    Activation,
    add_activations,
    executable_of,
    find_activation,
    listens,
    parse_unit,
)
from portbook.model import (
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from tests.values import changed


def listener(port: int, address: str = "::", transport: Transport = Transport.TCP) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    owner = Process(1, "systemd", executable="/usr/lib/systemd/systemd")
    return Listener(
        Socket(transport, family, address, port, SocketState.LISTEN),
        Ownership((owner,), OwnersSeen.ALL),
    )


@pytest.fixture
def root(tmp_path: Path) -> str:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "ssh.socket").write_text("[Socket]\nListenStream=22\nAccept=no\n")
    (units / "ssh.service").write_text("[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n")
    (units / "finger.socket").write_text("[Socket]\nListenStream=79\nAccept=yes\n")
    (units / "dns.socket").write_text(
        "[Socket]\nListenDatagram=127.0.0.53:53\nService=resolver.service\n"
    )
    return f"{tmp_path}/"


def test_the_service_of_the_same_name_is_started(root: str) -> None:
    assert find_activation(listener(22), root=root) == Activation(
        "ssh.socket", "ssh.service", "/usr/sbin/sshd"
    )


def test_a_socket_that_accepts_starts_an_instance_a_connection(root: str) -> None:
    assert find_activation(listener(79), root=root) == Activation(
        "finger.socket", "finger@.service", None
    )


def test_a_named_service_and_a_specific_address(root: str) -> None:
    udp = listener(53, "127.0.0.53", Transport.UDP)
    found = find_activation(udp, root=root)
    assert found is not None
    assert found.service == "resolver.service"
    assert find_activation(listener(53, "127.0.0.1", Transport.UDP), root=root) is None
    assert find_activation(listener(53, "127.0.0.53"), root=root) is None


def test_an_override_and_a_drop_in_move_the_port(root: str) -> None:
    etc = Path(root) / "etc/systemd/system"
    (etc / "ssh.socket.d").mkdir(parents=True)
    (etc / "ssh.socket.d/port.conf").write_text("[Socket]\nListenStream=\nListenStream=2222\n")
    assert find_activation(listener(22), root=root) is None
    moved = find_activation(listener(2222), root=root)
    assert moved is not None
    assert moved.socket == "ssh.socket"
    (etc / "ssh.socket").write_text("[Socket]\nListenStream=23\nService=other.service\n")
    replaced = find_activation(listener(2222), root=root)
    assert replaced is not None
    assert replaced.service == "other.service"


def test_of_two_units_the_active_one_is_named(root: str) -> None:
    units = Path(root) / "usr/lib/systemd/system"
    (units / "zz.socket").write_text("[Socket]\nListenStream=22\n")
    run = Path(root) / "run/systemd/units"
    run.mkdir(parents=True)
    (run / "invocation:zz.socket").symlink_to("0123")
    found = find_activation(listener(22), root=root)
    assert found is not None
    assert found.socket == "zz.socket"


def test_only_what_systemd_holds_is_looked_up(root: str) -> None:
    held = listener(22)
    other = changed(held, owners=(Process(7, "sshd"),))
    found, left = add_activations((held, other), root)
    assert (found.ownership.owners[0].unit, found.ownership.owners[0].activates) == (
        "ssh.socket",
        "ssh.service",
    )
    assert left == other


def test_no_units_no_answer(tmp_path: Path) -> None:
    assert find_activation(listener(22), root=f"{tmp_path}/") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/usr/sbin/sshd -D", "/usr/sbin/sshd"),
        ("!!/usr/bin/x", "/usr/bin/x"),
        ("%h/bin/x", None),
        ("sshd", None),
        ('"/opt/a" b', "/opt/a"),
    ],
)
def test_executables(value: str, expected: str | None) -> None:
    assert executable_of({("Service", "ExecStart"): (value,)}) == expected


def test_what_is_no_port_is_left_out() -> None:
    unit = parse_unit("[Socket]\nListenStream=/run/a.sock\nListenStream=99999\nListenStream=@a:b\n")
    assert listens(unit) == ()


@given(st.text())
def test_any_text_is_a_unit(text: str) -> None:
    """Nothing is raised, whatever is in it."""
    for values in parse_unit(text).values():
        assert isinstance(values, tuple)
    listened = listens(parse_unit(f"[Socket]\n{text}\n[Socket]\nListenStream=22"))
    assert ("tcp", 22) in [(str(transport), port) for transport, _, port in listened]
    assert all(0 <= port <= 65535 for _, _, port in listened)
