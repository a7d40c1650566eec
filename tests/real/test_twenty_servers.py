"""Machines full of real servers, each on its own port: portbook finds nothing amiss.

The servers are dealt to as many machines as it takes for none to want another's port; a machine
is a network namespace of the test's own, in which every port is free.
"""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.fleet import FLEET, Member, deal
from tests.real.namespace import holders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.real.namespace import Namespace

pytestmark = pytest.mark.real
MACHINES = deal(FLEET)


def test_there_are_twenty_servers_and_more_of_as_many_executables() -> None:
    assert len(FLEET) >= 20
    assert len({member.executable for member in FLEET}) == len(FLEET)
    assert sorted(member for machine in MACHINES for member in machine) == sorted(FLEET)


@pytest.mark.parametrize(
    "machine", MACHINES, ids=[f"machine-{number}" for number, _ in enumerate(MACHINES)]
)
def test_a_machine_full_of_servers(
    machine: Sequence[Member], namespace: Namespace, data: Path
) -> None:
    running = {member: member.start(namespace, data / member.name) for member in machine}
    for member, process in running.items():
        for port, transport in member.sockets:
            namespace.wait_for(process, port, (transport,))

    listeners: list[dict[str, Any]] = namespace.ask("listen")["listeners"]
    # Not one socket is overlooked, those that no server was asked to open among them.
    kernel = {each.inode for each in namespace.listening()}
    assert {listener["inode"] for listener in listeners} == kernel
    risky = False
    for listener in listeners:
        findings = {finding["code"]: finding["level"] for finding in listener["findings"]}
        told = (listener["port"], listener["transport"], findings)
        assert findings.get("expected") == "ok", told
        exposed = findings.pop("risky-exposed", None)  # Redis and memcached ask for no password
        assert exposed in (None, "alert", "check"), told
        risky |= exposed is not None
        assert set(findings.values()) <= {"ok", "note"}, told
        assert not findings.keys() & {"unknown-program", "owner-hidden"}, told
    assert namespace.portbook("listen", "--fail-on", "check").returncode == risky

    assert machine
    for member in machine:
        assert member.sockets
        for port, transport in member.sockets:
            found = [
                listener
                for listener in listeners
                if (listener["port"], listener["transport"]) == (port, transport)
            ]
            assert found, f"{member.name} is not seen on {port}/{transport}"
            for listener in found:
                for owner in listener["owners"]:
                    assert fnmatch.fnmatchcase(owner["executable"], member.executable)
                    assert owner["pid"] in holders(listener["inode"])
                    assert os.readlink(f"/proc/{owner['pid']}/exe") == owner["executable"]
            assert_on_record(namespace.ask(port), transport)


def assert_on_record(answer: dict[str, Any], transport: str) -> None:
    """The port has a line of practice, or an assignment, for *transport*; and it is printed."""
    assignments = answer["transports"][transport]["assignments"]
    uses = [use for use in answer["uses"] if use["transport"] == transport]
    assert assignments or uses, (answer["port"], transport)
    assert all(use["source"].startswith("http") and use["read"] for use in uses)
