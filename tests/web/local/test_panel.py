"""The event streams: what they begin with, what they tell, and how they end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from portbook.app.judge import judge_listener
from portbook.app.watch import Watch
from portbook.errors import HostUnreadable
from portbook.host import psutil_sockets
from portbook.model import (
    Assessment,
    Family,
    Finding,
    Host,
    Level,
    Listener,
    OwnerSearch,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.owners import Viewer
from portbook.present.phrases.findings import finding_message
from portbook.web.local import live_events as module
from portbook.web.local.live_events import Limits, Panel
from portbook.web.local.panel import Rows, masked
from tests.machine import SERVER, bound
from tests.patience import PATIENCE
from tests.values import CATALOG, changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RULES = PortRules("macos")
OWNER = Process(7, "sshd", ("sshd", "--password=hunter2"))


def _listener(port: int, inode: int = 1, queue_limit: int = 5) -> Listener:
    return Listener(
        Socket(
            Transport.TCP,
            Family.IPV4,
            "0.0.0.0",
            port,
            SocketState.LISTEN,
            inode=inode,
            queue_limit=queue_limit,
        ),
        Ownership((OWNER,), OwnersSeen.ALL),
    )


class Machine:
    """A machine whose sockets a test sets."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners
        self.watches = 0
        self.broken = False
        self.denied = 0  # other users' processes that can't be asked, as on macOS

    def look(self) -> Host:
        if self.broken:
            raise HostUnreadable("netlink is gone")
        table = psutil_sockets.Table((), self.denied)
        seen = psutil_sockets.host_of(
            table, lambda _: None, None, Transport.UDP, OwnerSearch.NONE, RULES, whole=True
        )
        return seen._replace(listeners=self.listeners)

    def watch(self) -> Watch:
        self.watches += 1
        return Watch(self.look, lambda fresh: fresh)


def _panel(machine: Machine, **options: Any) -> Panel:
    options.setdefault("heartbeat", 600.0)
    options.setdefault("show_commands", False)
    return Panel(CATALOG, watch=lambda _: machine.watch(), interval=0.01, **options)


async def _next(stream: AsyncIterator[bytes]) -> tuple[str, Any]:
    chunk = await asyncio.wait_for(anext(stream), PATIENCE)
    fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
    return fields["event"], json.loads(fields["data"])


async def _close(stream: Any) -> None:
    await stream.aclose()


def test_a_stream_begins_with_the_state_and_tells_what_changes() -> None:
    async def run() -> None:
        machine = Machine(_listener(305), _listener(306))
        stream = _panel(machine).stream(305)
        name, state = await _next(stream)
        assert (name, state["schema"]) == ("state", "portbook/listen/1")
        assert [each["port"] for each in state["listeners"]] == [305]
        machine.listeners = (_listener(306),)
        name, event = await _next(stream)
        assert (name, event["schema"], event["event"]) == ("closed", "portbook/watch/1", "closed")
        machine.listeners = (_listener(306), _listener(307), _listener(305, inode=2))
        name, event = await _next(stream)
        assert (name, event["listener"]["port"]) == ("opened", 305)
        machine.listeners = (_listener(305, inode=2, queue_limit=9),)
        name, event = await _next(stream)
        assert (name, event["before"]["queue_limit"], event["listener"]["queue_limit"]) == (
            "changed", 5, 9,
        )  # fmt: skip
        await _close(stream)

    asyncio.run(run())


def test_all_streams_share_one_watch_and_without_any_there_is_none() -> None:
    async def run() -> None:
        machine = Machine(_listener(305))
        panel = _panel(machine)
        streams = [panel.stream(None) for _ in range(5)]
        for stream in streams:
            await _next(stream)
        assert (machine.watches, len(panel)) == (1, 5)
        following = panel._following
        assert following is not None
        for stream in streams:
            await _close(stream)
        assert len(panel) == 0
        await asyncio.wait_for(following, PATIENCE)
        stream = panel.stream(None)
        await _next(stream)
        assert machine.watches == 2
        await _close(stream)

    asyncio.run(run())


def test_what_closes_is_told_however_many_processes_are_unseen() -> None:
    async def run() -> None:
        machine = Machine(_listener(305), _listener(306))
        machine.denied = 5
        stream = _panel(machine).stream(None)
        await _next(stream)
        for machine.denied, port, left in ((6, 305, (_listener(306),)), (4, 306, ())):
            machine.listeners = left
            name, event = await _next(stream)
            assert (name, event["listener"]["port"]) == ("closed", port)
        await _close(stream)

    asyncio.run(run())


@pytest.mark.parametrize("show", [False, True])
def test_command_lines_are_masked_in_events_too(*, show: bool) -> None:
    async def run() -> None:
        machine = Machine(_listener(305))
        stream = _panel(machine, show_commands=show).stream(None)
        _, state = await _next(stream)
        assert ("hunter2" in json.dumps(state)) is show
        machine.listeners = (_listener(305, queue_limit=6),)
        _, event = await _next(stream)
        assert ("hunter2" in json.dumps(event["listener"])) is show
        assert ("hunter2" in json.dumps(event["before"])) is show
        await _close(stream)

    asyncio.run(run())


def test_a_quiet_stream_still_beats() -> None:
    async def run() -> None:
        stream = _panel(Machine(), heartbeat=0.01).stream(None)
        await _next(stream)
        assert (await anext(stream)).startswith(b":")
        await _close(stream)

    asyncio.run(run())


def test_closing_ends_every_stream() -> None:
    async def run() -> None:
        panel = _panel(Machine(_listener(305)))
        streams = [panel.stream(None) for _ in range(3)]
        for stream in streams:
            await _next(stream)
        panel.close()
        assert panel.full
        for stream in streams:
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(anext(stream), PATIENCE)

    asyncio.run(run())


def test_a_reader_that_does_not_keep_up_gets_the_state_as_it_then_is() -> None:
    limits = Limits(waiting=3000)  # some three events

    async def run() -> None:
        machine = Machine()
        panel = _panel(machine, limits=limits)
        slow = panel.stream(None)
        quick = panel.stream(None)
        await _next(slow)
        await _next(quick)
        for inode in range(2, 12):
            machine.listeners = (_listener(305, inode=inode),)
            name, _ = await _next(quick)
            assert name == ("opened" if inode == 2 else "changed")
        (held,) = [each for each in panel._streams if each._size or each.behind]
        assert held._size <= limits.waiting
        name, state = await _next(slow)
        assert name == "state"
        assert [each["inode"] for each in state["listeners"]] == [11]
        machine.listeners = ()
        assert (await _next(slow))[0] == "closed"
        await _close(slow)
        await _close(quick)

    asyncio.run(run())


def test_a_reader_that_stays_at_an_old_state_is_cut_off() -> None:
    async def run() -> None:
        machine = Machine(*(_listener(port, inode=port) for port in range(100)))
        panel = _panel(machine, limits=Limits(piece=100, old_state=0.0))
        slow, quick = panel.stream(None), panel.stream(None)
        pieces = [await anext(slow)]  # the first of many
        assert pieces[0].startswith(b"retry: 2000\nevent: state\n")
        received = b""
        while not received.endswith(b"\n\n"):
            received += await anext(quick)
        machine.listeners = machine.listeners[1:]
        assert (await _next(quick))[0] == "closed"
        pieces += [piece async for piece in slow]  # it ends
        assert len(pieces) == 1
        assert len(panel) == 1
        await _close(quick)

    asyncio.run(run())


def test_the_state_in_pieces_is_the_state() -> None:
    """And a stream that is told of changes while it is sent has them afterwards."""

    async def run() -> None:
        machine = Machine(*(_listener(port, inode=port) for port in (305, 306, 307)))
        stream = _panel(machine, limits=Limits(piece=1)).stream(None)
        received = await anext(stream)
        machine.listeners = (*machine.listeners, _listener(308, inode=308))
        await asyncio.sleep(0.1)
        while not received.endswith(b"\n\n"):
            received += await anext(stream)
        state = json.loads(received.partition(b"data: ")[2])
        assert [each["port"] for each in state["listeners"]] == [305, 306, 307]
        name, event = await _next(stream)
        assert (name, event["listener"]["port"]) == ("opened", 308)
        await _close(stream)

    asyncio.run(run())


def test_what_streams_send_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    as_json = module._json

    def count(value: Any) -> bytes:
        encoded.append(value)
        return as_json(value)

    monkeypatch.setattr(module, "_json", count)

    async def run() -> None:
        machine = Machine(*(_listener(port, inode=port) for port in range(50)))
        panel = _panel(machine)
        opened = [panel.stream(None) for _ in range(8)]
        for stream in opened:
            await _next(stream)
        assert len(encoded) == 50
        machine.listeners = machine.listeners[1:]
        for stream in opened:
            await _next(stream)
        assert len(encoded) == 51
        for stream in opened:
            await _close(stream)
        following = panel._following
        assert following is not None
        await asyncio.wait_for(following, PATIENCE)
        assert not panel._sockets  # nothing is held while nobody looks

    asyncio.run(run())


def test_a_machine_that_can_not_be_asked_any_more_ends_the_stream() -> None:
    async def run() -> None:
        machine = Machine(_listener(305))
        stream = _panel(machine).stream(None)
        await _next(stream)
        machine.broken = True
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(stream), PATIENCE)

    asyncio.run(run())


def test_nothing_in_a_name_ends_an_event() -> None:
    async def run() -> None:
        hostile = "a\n\nevent: closed\ndata: {}\r\n\r\n\u2028\udcff"
        owner = OWNER._replace(program=hostile)
        stream = _panel(Machine(changed(_listener(305), owners=(owner,)))).stream(None)
        chunk = await anext(stream)
        assert chunk.count(b"\n\n") == 1
        assert chunk.endswith(b"\n\n")
        assert b"\r" not in chunk
        await _close(stream)

    asyncio.run(run())


def test_the_list_tells_root_of_no_sudo() -> None:
    hidden = _listener(305)._replace(ownership=Ownership((), OwnersSeen.HIDDEN))
    standings = {(305, Transport.TCP): CATALOG.registry.standings(305)[Transport.TCP]}
    assert "try sudo" in Rows(standings, Viewer(1000)).row(hidden)["holder"]
    assert "not even as root" in Rows(standings, Viewer(0)).row(hidden)["holder"]


def test_a_masked_program_isn_t_named_by_its_arguments_in_findings_either() -> None:
    held = bound(5432, SERVER._replace(executable_deleted=True))
    judged = changed(held, findings=judge_listener(held, RULES, CATALOG))
    said = " ".join([finding_message(each) for each in judged.assessment.findings])
    assert said.count("python3 -m http.server") == 2
    shown = masked(judged, show=False).assessment.findings
    assert [each.code for each in shown] == [each.code for each in judged.assessment.findings]
    told = " ".join([finding_message(each) for each in shown])
    assert "python3 -m http.server" in told  # the module that runs
    assert "python3 -m http.server 5432" not in told
    assert masked(judged, show=True) == judged


@pytest.mark.parametrize(("now", "asks"), [(20_000.0, True), (None, False)])
def test_only_what_is_on_this_machine_can_be_asked(now: float | None, asks: bool) -> None:
    """A capture has no moment, and may be of another machine."""
    python = Process(7, "python3", ("python3", "app.py"))
    bound = _listener(3000)._replace(
        ownership=Ownership((python,), OwnersSeen.ALL),
        assessment=Assessment((Finding("unknown", Level.NOTE),)),
    )
    standings = {(3000, Transport.TCP): CATALOG.registry.standings(3000)[Transport.TCP]}
    sentence = Rows(standings, Viewer(1000, None, now)).row(bound)["sentence"]
    assert sentence.startswith("can't tell what python3 app.py serves")
    assert ("--probe asks it" in sentence) is asks
