"""Processes that work for the site: few, replaced where they die, and ended where they take long.

What a worker reads may be made to take for ever, in code that never lets go of the interpreter. In
a process of its own that stops nobody else, and can be ended.

A worker is a program that reads questions from its standard input and writes answers to its
standard output: a line of JSON, whose ``length`` says how many bytes follow it. It writes a line
once it is ready, and ends where its input does, so that none outlives the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.web.http.work_limit import WorkLimit

SECONDS = 10.0  # that a question may take
_STARTING = 30.0  # seconds that a worker may take until it is ready
IDLE = 60.0  # seconds after which workers that nobody needs are ended


class Answer(NamedTuple):
    """What a worker answers: what it says, and the bytes that go with it."""

    says: dict[str, Any]
    body: bytes


class WorkerTimedOut(Exception):
    """Raised where a question took longer than *seconds*; the worker was killed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"a worker took more than {seconds:g} seconds")
        self.seconds = seconds


class WorkerDied(Exception):
    """Raised where a worker ended without an answer: it was killed, or couldn't be started."""


class Workers:
    """At most as many workers as *limit* lets run at once, each a process of *command*.

    They are started when they are needed, and ended when nobody needed them for *idle* seconds. All
    calls must come from the event loop, which never waits: a thread does.
    """

    def __init__(
        self,
        command: Sequence[str],
        limit: WorkLimit,
        seconds: float = SECONDS,
        idle: float = IDLE,
    ) -> None:
        self._command = tuple(command)
        self._limit = limit
        self._seconds = seconds
        self._wait = idle
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False
        self._ending: asyncio.TimerHandle | None = None

    async def ask(self, says: dict[str, Any], body: bytes) -> Answer:
        """What a worker answers to *says* with *body*.

        Raises Busy where too many wait already, :class:`WorkerTimedOut` and :class:`WorkerDied`.
        """
        if self._ending is not None:
            self._ending.cancel()
        try:
            return await self._limit.run(self._ask, says, body)
        finally:
            if not self._limit.admitted:
                loop = asyncio.get_running_loop()
                self._ending = loop.call_later(
                    self._wait, loop.run_in_executor, None, self._end_idle
                )

    def close(self) -> None:
        """Ends all workers; whoever waits for one is told that it died."""
        with self._lock:
            self._closed = True
            busy = tuple(self._busy)
        for worker in busy:
            worker.kill()
        self._end_idle()

    def _end_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _ask(self, says: dict[str, Any], body: bytes) -> Answer:
        worker = self._take()
        try:
            answer = worker.ask(says, body, self._seconds)
        except BaseException:
            with self._lock:
                self._busy.discard(worker)
            worker.end()
            raise
        with self._lock:
            self._busy.discard(worker)
            stays = not self._closed and not answer.says.get("ends")
            if stays:
                self._idle.append(worker)
        if not stays:
            worker.end()
        return answer

    def _take(self) -> _Worker:
        """A worker that runs: an idle one, or a new one."""
        while True:
            with self._lock:
                if self._closed:
                    raise WorkerDied
                worker = self._idle.pop() if self._idle else _Worker(self._command)
                self._busy.add(worker)
            if worker.runs:
                return worker
            with self._lock:
                self._busy.discard(worker)
            worker.end()


class _Worker:
    """One process, used by one thread at a time."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._ready = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is our own
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # nothing of what is sent is logged
            )
        except OSError as error:
            raise WorkerDied from error

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask(self, says: dict[str, Any], body: bytes, seconds: float) -> Answer:
        """The answer of the process; raises WorkerDied, or WorkerTimedOut after *seconds*."""
        if not self._ready:
            self._exchange(None, b"", _STARTING)
            self._ready = True
        return self._exchange(says, body, seconds)

    def _exchange(self, says: dict[str, Any] | None, body: bytes, seconds: float) -> Answer:
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            self.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            return self._write_and_read(says, body)
        except (OSError, EOFError, ValueError) as error:
            if timed_out.is_set():
                raise WorkerTimedOut(seconds) from error
            raise WorkerDied from error
        finally:
            timer.cancel()

    def _write_and_read(self, says: dict[str, Any] | None, body: bytes) -> Answer:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if says is not None:
            stdin.write(json.dumps({**says, "length": len(body)}).encode() + b"\n")
            stdin.write(body)
            stdin.flush()
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        answered: dict[str, Any] = json.loads(line)
        length = answered.get("length", 0)
        answer = stdout.read(length)
        if len(answer) < length:
            raise EOFError
        return Answer(answered, answer)

    def kill(self) -> None:
        """Ends the process at once, whatever it does."""
        with contextlib.suppress(OSError):  # it has ended
            self._process.kill()

    def end(self) -> None:
        """Ends the process and lets go of its pipes."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was to be written, nobody reads
                    pipe.close()
        self._process.wait()
