"""Processes that work for the site: whatever becomes of one, there is an answer, and a next one."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portbook.web.explain.workers import Answer, WorkerDied, Workers, WorkerTimedOut
from portbook.web.http.work_limit import Busy, WorkLimit
from tests.counts import PROOF
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Coroutine

# Answers with its pid and the text in upper case; some texts are orders.
PROGRAM = """
import json, os, re, sys, time
def write(says, body=b""):
    sys.stdout.buffer.write(json.dumps({**says, "length": len(body)}).encode() + b"\\n" + body)
    sys.stdout.buffer.flush()
write({})
while line := sys.stdin.buffer.readline():
    question = json.loads(line)
    if question["order"] == "leave unread":
        time.sleep(600)
    body = sys.stdin.buffer.read(question["length"])
    if question["order"] == "hang":
        re.match("(a|a)*$", "a" * 64 + "b")
    if question["order"] == "die":
        os.kill(os.getpid(), 9)
    if question["order"] == "break off":
        sys.stdout.buffer.write(b'{"length": 1000}\\nshort')
        break
    if question["order"] == "say nonsense":
        write({}, b"")
        sys.stdout.buffer.write(b"nonsense\\n")
    write({"pid": os.getpid(), "ends": question["order"] == "end"}, body.upper())
"""
COMMAND = (sys.executable, "-P", "-c", PROGRAM)


def _workers(seconds: float = 60.0, at_once: int = 1, waiting: int = 4) -> Workers:
    return Workers(COMMAND, WorkLimit("captures", at_once, waiting), seconds)


def _run(workers: Workers, coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(coroutine)
    finally:
        workers.close()


async def _ask(workers: Workers, order: str = "", body: bytes = b"ssh") -> Answer:
    return await workers.ask({"order": order}, body)


def is_gone(pid: int) -> bool:
    """Whether the process ends, however busy the machine is."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state.split()[0] == "Z":  # it ended; whose child it was hasn't looked yet
            return True
        time.sleep(0.1)
    return False


def test_one_process_answers_many_questions() -> None:
    workers = _workers()

    async def asks() -> None:
        answers = [await _ask(workers, body=body) for body in (b"a", b"", b"x" * 3_000_000)]
        assert [answer.body for answer in answers] == [b"A", b"", b"X" * 3_000_000]
        assert len({answer.says["pid"] for answer in answers}) == 1

    _run(workers, asks())


@pytest.mark.parametrize("order", ["die", "break off", "say nonsense"])
def test_one_that_dies_is_replaced(order: str) -> None:
    workers = _workers()

    async def asks() -> None:
        before = (await _ask(workers)).says["pid"]
        if order == "say nonsense":  # an answer too many is the next question's, and no answer
            await _ask(workers, order)
        with pytest.raises(WorkerDied):
            await _ask(workers, order)
        after = (await _ask(workers)).says["pid"]
        assert after != before
        assert is_gone(before)

    _run(workers, asks())


def test_one_that_ended_while_it_was_idle_is_replaced_unnoticed() -> None:
    workers = _workers()

    async def asks() -> None:
        before = (await _ask(workers)).says["pid"]
        (worker,) = workers._idle
        worker.kill()
        assert is_gone(before)
        assert (await _ask(workers)).says["pid"] != before

    _run(workers, asks())


def test_one_that_wants_to_end_ends() -> None:
    workers = _workers()

    async def asks() -> None:
        first = await _ask(workers, "end")
        assert first.body == b"SSH"
        assert is_gone(first.says["pid"])
        assert (await _ask(workers)).says["pid"] != first.says["pid"]

    _run(workers, asks())


@pytest.mark.parametrize(("order", "body"), [("hang", b""), ("leave unread", b"x" * 3_000_000)])
def test_one_that_takes_too_long_is_ended_and_nobody_waits_for_it(order: str, body: bytes) -> None:
    workers = _workers()
    turns = 0

    async def asks() -> None:
        nonlocal turns
        before = (await _ask(workers)).says["pid"]
        workers._seconds = 1.0
        question = asyncio.ensure_future(_ask(workers, order, body))
        while not question.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(WorkerTimedOut) as raised:
            await question
        workers._seconds = PATIENCE  # one that is well isn't hurried
        assert raised.value.seconds == 1.0
        assert is_gone(before)
        assert (await _ask(workers)).body == b"SSH"

    _run(workers, asks())
    assert turns > 5


def test_a_crowd() -> None:
    workers = _workers(seconds=2.0 if PROOF else 1.0, at_once=2, waiting=3)

    async def asks() -> None:
        # They wait and don't compute: what a worker does while its time runs out is seen above.
        questions = [_ask(workers, "hang" if PROOF else "leave unread") for _ in range(20)]
        answers = await asyncio.gather(*questions, return_exceptions=True)
        assert [type(answer) for answer in answers] == [WorkerTimedOut] * 5 + [Busy] * 15
        workers._seconds = PATIENCE
        assert (await _ask(workers)).body == b"SSH"
        assert len(workers._idle) == 1

    _run(workers, asks())


def test_the_end_of_the_site_is_theirs() -> None:
    workers = _workers(at_once=2)

    async def asks() -> None:
        pids = [
            answer.says["pid"]
            for answer in await asyncio.gather(_ask(workers), _ask(workers, body=b"x" * 1_000_000))
        ]
        hanging = asyncio.ensure_future(_ask(workers, "hang"))
        while not workers._busy:
            await asyncio.sleep(0.01)
        workers.close()
        with pytest.raises(WorkerDied):
            await hanging
        assert len(pids) == 2
        assert all(map(is_gone, pids))
        with pytest.raises(WorkerDied):
            await _ask(workers)

    _run(workers, asks())


def test_idle_ones_end() -> None:
    workers = Workers(COMMAND, WorkLimit("captures", 1, 4), idle=0.05)

    async def asks() -> None:
        pid = (await _ask(workers)).says["pid"]
        while workers._idle:
            await asyncio.sleep(0.01)
        assert is_gone(pid)
        assert (await _ask(workers)).says["pid"] != pid

    _run(workers, asks())


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    workers = Workers([str(tmp_path / "nothing")], WorkLimit("captures", 1, 1))

    async def asks() -> None:
        with pytest.raises(WorkerDied):
            await _ask(workers)

    _run(workers, asks())
