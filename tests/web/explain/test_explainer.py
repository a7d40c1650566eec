"""Captures are explained in processes of their own: the worst one costs nobody but its sender."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from portbook.web.app import create_app
from portbook.web.explain import explainer
from portbook.web.explain.workers import Workers, _Worker
from portbook.web.http.work_limit import WorkLimit
from portbook.web.state import Settings
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.values import CATALOG
from tests.web.asking import ask
from tests.web.explain.test_workers import is_gone
from tests.web.hostile_worker import ALONE, DEATH, FAULT, FOR_EVER, MUCH_MEMORY, command, let
from tests.web.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portbook.web.http.cache import Keeping
    from tests.web.asking import Answer
    from tests.web.process import Running

SS = b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"
# A string that never ends, begun again and again.
QUOTES = (b'{"' + b'\\"' * 32_768)[: 1 << 16]
FORM = {"content_type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:4905"}
PLAIN = {"content_type": "text/plain", "accept": "application/json"}


@contextmanager
def _hostile_site(*, seconds: float = 60.0, **limits: int) -> Iterator[Keeping]:
    """A site that waits *seconds* for a reader that never ends."""
    site = create_app(CATALOG, Settings())
    limit = WorkLimit("captures", limits.get("at_once", 1), limits.get("waiting", 4), 10)
    folder = CATALOG.registry.store.folder
    site.context.explainers = Workers(command(folder, 60.0), limit, 60.0)
    with mock.patch.object(_Worker, "ask", _Worker.ask):
        let(seconds)
        try:
            yield site
        finally:
            site.context.explainers.close()


async def _api(site: Keeping, body: bytes) -> Answer:
    return await ask(site, "/api/explain", "POST", body, **PLAIN)


async def _page(site: Keeping, text: bytes) -> Answer:
    body = b"text=" + text.replace(b" ", b"+").replace(b"\n", b"%0A")
    return await ask(site, "/explain", "POST", body, **FORM, accept="text/html")


def test_a_worker_that_is_well_answers() -> None:
    async def asks(site: Keeping) -> None:
        assert json.loads((await _api(site, SS)).body)["format"] == "ss"
        page = await _page(site, SS)
        assert (page.status, b"read as ss" in page.body) == (200, True)
        assert (await _page(site, b"hello")).status == 422

    with _hostile_site() as site:
        asyncio.run(asks(site))


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (FOR_EVER, 422, "takes more than 1 seconds, the limit here"),
        (MUCH_MEMORY, 422, "takes more than 512 MB of memory, the limit here"),
        (DEATH, 503, "was killed"),
    ],
)
def test_a_capture_that_cannot_be_read_is_one_clear_answer(
    text: bytes, status: int, said: str
) -> None:
    async def asks(site: Keeping) -> None:
        await _api(site, SS)
        for sends in (_api, _page):
            answer = await sends(site, text)
            assert answer.status == status
            assert said in answer.body.decode()
            assert ("retry-after" in answer.headers) == (status == 503)
            assert answer.headers["cache-control"] == "no-store"
            assert json.loads((await _api(site, SS)).body)["format"] == "ss"

    with _hostile_site(seconds=1.0) as site:
        asyncio.run(asks(site))


def test_a_fault_of_ours_is_a_500_and_the_next_capture_is_read() -> None:
    async def asks(site: Keeping) -> None:
        for sends in (_api, _page):
            with pytest.raises(RuntimeError, match="didn't expect"):  # which the server answers
                await sends(site, FAULT)
            assert (await _api(site, SS)).status == 200

    with _hostile_site() as site:
        asyncio.run(asks(site))


def test_twenty_at_once() -> None:
    waiting = 4 if PROOF else 1
    read = 2 + waiting

    async def asks(site: Keeping) -> None:
        await ask(site, "/443", accept="text/html")  # the first page takes longest
        crowd = [asyncio.ensure_future(_api(site, FOR_EVER)) for _ in range(20)]
        pages = 0
        while not all(sent.done() for sent in crowd):
            assert (await ask(site, "/healthz")).status == 200
            assert (await ask(site, "/443", accept="text/html")).status == 200
            pages += 1
            await asyncio.sleep(0.01)
        assert pages > 1
        answers = [sent.result() for sent in crowd]
        assert [answer.status for answer in answers] == [422] * read + [503] * (20 - read)
        for answer in answers[read:]:
            assert answer.headers["retry-after"] == "10"
            assert "too many captures" in json.loads(answer.body)["detail"]
        assert (await _api(site, SS)).status == 200

    with _hostile_site(seconds=1.0, at_once=2, waiting=waiting) as site:
        asyncio.run(asks(site))


def test_a_worker_ends_where_its_input_does() -> None:
    for sent in (b"", b"{", b'{"format": null, "site": null, "length": 9}\nshort'):
        out = io.BytesIO()
        explainer_run(sent, out)
        assert out.getvalue() == b'{"length": 0}\n'


def explainer_run(sent: bytes, out: io.BytesIO) -> None:
    """What a worker does in this process, without what it would take from it for good."""
    limit, alarm = explainer._limit, explainer._alarm
    explainer._limit = lambda: None
    explainer._alarm = lambda seconds: None
    try:
        explainer.run(CATALOG.registry.store.folder, 1.0, io.BytesIO(sent), out)
    finally:
        explainer._limit, explainer._alarm = limit, alarm


# -- as processes -----------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Running]:
    program = (sys.executable, "-m", "tests.web.hostile_worker")
    with serving(tmp_path, "--public", program=program) as running:
        yield running


def _send(site: Running, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    try:
        connection.request("POST", "/api/explain", body, {"content-type": "text/plain"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _while_sending(site: Running, body: bytes) -> tuple[int, int]:
    """The status that *body* gets, and how often /healthz answered before."""
    statuses: list[int] = []
    sender = threading.Thread(target=lambda: statuses.append(_send(site, body)[0]))
    sender.start()
    healthy = 0
    while sender.is_alive():
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
        healthy += sender.is_alive()
        time.sleep(0.01)
    (status,) = statuses
    return status, healthy


def _children(pid: int) -> list[int]:
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with (
            contextlib.suppress(FileNotFoundError, ProcessLookupError),  # a thread that has ended
            open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file,
        ):
            found += [int(child) for child in file.read().split()]
    return found


@pytest.mark.real
def test_a_string_that_never_ends_stops_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, "--public", program=(sys.executable, "-m", "portbook")) as site:
        assert _send(site, SS)[0] == 200
        status, _ = _while_sending(site, QUOTES)
        assert status in (200, 422)
        assert _send(site, SS)[0] == 200


@pytest.mark.real
def test_a_reader_that_never_ends_stops_nobody(hostile: Running) -> None:
    healthy = 0
    for _ in range(5):  # the first of which may be over before a busy machine has asked twice
        status, healthy = _while_sending(hostile, FOR_EVER)
        assert status == 422
        if healthy > 1:  # one may have waited for its end
            break
    assert healthy > 1
    assert _send(hostile, SS)[0] == 200


@pytest.mark.real
@pytest.mark.parametrize("body", [SS, ALONE], ids=["idle", "busy"])
def test_no_worker_outlives_a_server_that_is_killed(hostile: Running, body: bytes) -> None:
    sender = threading.Thread(target=_send_to_its_end, args=(hostile, body))
    assert _send(hostile, SS)[0] == 200
    (worker,) = _children(hostile.process.pid)
    if body == ALONE:
        sender.start()
        time.sleep(0.3)
    os.kill(hostile.process.pid, signal.SIGKILL)
    hostile.process.wait()
    assert is_gone(worker)
    if body == ALONE:
        sender.join()


def _send_to_its_end(site: Running, body: bytes) -> None:
    try:
        _send(site, body)
    except (OSError, http.client.HTTPException):
        pass


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_server(hostile: Running, number: int) -> None:
    assert _send(hostile, SS)[0] == 200
    (worker,) = _children(hostile.process.pid)
    hostile.process.send_signal(number)
    hostile.process.wait(PATIENCE)
    assert is_gone(worker)


@pytest.mark.real
def test_a_worker_takes_nothing_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("json", "enum", "signal", "resource", "jinja2", "portbook"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\nraise SystemExit\n")
    with serving(tmp_path, "--public", program=(sys.executable, "-P", "-m", "portbook")) as site:
        assert _send(site, SS)[0] == 200
        (worker,) = _children(site.process.pid)
        with open(f"/proc/{worker}/limits", encoding="ascii") as file:
            limits = {line[:26].strip(): line[26:].split()[0] for line in file}
        assert limits["Max address space"] == str(explainer.MEMORY)
        assert limits["Max core file size"] == "0"
    assert not (tmp_path / "ran").exists()
