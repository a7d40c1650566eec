"""What is said of executables that are deleted or in no package, and of a full queue."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model import (
    ExecutablePlace,
    Family,
    Level,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.verdict.engine import judge
from portbook.verdict.facts import Case
from tests.cases import for_each
from tests.strategies import listeners, processes
from tests.values import CATALOG, Told, changed, told

TCP = Transport.TCP
ROOTS: dict[str, Any] = {"executable_uid": 0, "executable_mode": 0o755}


def process(program: str = "web", **changes: Any) -> Process:
    made = Process(7, program, executable=f"/opt/{program}", executable_deleted=False, **ROOTS)
    return made._replace(**changes)


def deleted(program: str = "web", **changes: Any) -> Process:
    return process(program, executable_deleted=True, **changes)


def findings(*owners: Process, **changes: Any) -> dict[str, Told]:
    held = Listener(Socket(TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN), Ownership(owners))
    held = changed(held, owners_seen=OwnersSeen.ALL, **changes)
    return told(judge(Case(held, CATALOG.registry.standing(305, TCP))))


@for_each(
    "changes, level, said",
    [
        ({}, Level.CHECK, "Restart it if you replaced it"),
        ({"upgraded": True}, Level.NOTE, "an upgrade of its package replaced. Restart it"),
        ({"upgraded": False}, Level.CHECK, "Restart it if you replaced it"),
        ({"place": "memory"}, Level.ALERT, "ran from memory"),
        ({"place": "temporary"}, Level.ALERT, "from a temporary folder"),
        ({"place": "temporary", "upgraded": True}, Level.ALERT, "from a temporary folder"),
        ({"place": "world-writable"}, Level.CHECK, "that anyone can write to"),
    ],
)
def test_a_deleted_executable(changes: dict[str, Any], level: Level, said: str) -> None:
    found = findings(deleted(**changes))["deleted-executable"]
    assert found.level is level
    assert found.message.startswith("web runs a deleted file, /opt/web")
    assert said in found.message


@pytest.mark.parametrize("known", [False, None])
def test_one_that_is_there_or_not_visible_is_not_called_deleted(known: bool | None) -> None:
    for place in (None, *ExecutablePlace):
        owner = process(executable_deleted=known, place=place, upgraded=True)
        assert "deleted-executable" not in findings(owner)


def test_every_deleted_one_must_be_upgraded() -> None:
    upgraded, other = deleted(upgraded=True), deleted("other", pid=8)
    assert findings(upgraded, other)["deleted-executable"].level is Level.CHECK
    assert findings(upgraded, process("other"))["deleted-executable"].level is Level.NOTE


def test_the_owner_whose_file_is_gone_is_named_and_its_place_counts() -> None:
    there = process("there", place=ExecutablePlace.TEMPORARY, pid=8)
    found = findings(there, deleted("gone"))["deleted-executable"]
    assert found.message.startswith("gone runs a deleted file, /opt/gone")
    assert found.level is Level.CHECK, "another owner's place says nothing of this one's"
    two = findings(deleted("a"), deleted("b", pid=8))["deleted-executable"]
    assert two.message.startswith("a, b runs a deleted file, /opt/a, /opt/b")


def test_no_package_owns_it() -> None:
    found = findings(process("there", packaged=True), process("own", packaged=False, pid=8))
    assert found["unpackaged-executable"].level is Level.NOTE
    assert found["unpackaged-executable"].message.startswith("No package owns /opt/own.")


@pytest.mark.parametrize("packaged", [True, None])
def test_not_asked_is_not_unpackaged(packaged: bool | None) -> None:
    assert "unpackaged-executable" not in findings(process(packaged=packaged))


@for_each(
    "queue, limit, full",
    [(0, 5, False), (5, 5, False), (6, 5, True), (1, 0, True), (None, 5, False), (6, None, False)],
)
def test_a_full_queue(queue: int | None, limit: int | None, full: bool) -> None:
    found = findings(process(), queue=queue, queue_limit=limit)
    assert ("backlog-full" in found) is full
    if full:
        assert found["backlog-full"].level is Level.CHECK
        assert found["backlog-full"].message.startswith(f"web has a full queue: {queue} conn")


@given(listeners(), st.lists(processes(), min_size=1, max_size=3), st.data())
def test_levels_follow_the_contract(
    held: Listener, owners: list[Process], data: st.DataObject
) -> None:
    owners = [
        each._replace(
            place=data.draw(st.sampled_from((None, *ExecutablePlace))),
            upgraded=data.draw(st.sampled_from((None, True, False))),
            packaged=data.draw(st.sampled_from((None, True, False))),
        )
        for each in owners
    ]
    held = changed(held, owners=tuple(owners))
    found = {
        each.code: each.level
        for each in judge(
            Case(held, CATALOG.registry.standing(held.socket.port, held.socket.transport))
        )
    }
    gone = [each for each in owners if each.executable_deleted]
    expected = None
    if gone:
        expected = Level.CHECK
        if all(each.upgraded for each in gone):
            expected = Level.NOTE
        if any(each.place in ("memory", "temporary") for each in gone):
            expected = Level.ALERT
    assert found.get("deleted-executable") is expected
    assert ("unpackaged-executable" in found) is any(each.packaged is False for each in owners)
