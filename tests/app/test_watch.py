"""A watch over sockets that are made up here, step by step."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portbook.app.watch import Change, Event, Watch, steps
from portbook.model import (
    Family,
    Gap,
    GapCode,
    Host,
    Level,
    Listener,
    Need,
    Socket,
    SocketState,
    Transport,
    Visibility,
)
from tests.values import changed, worded

TCP = Transport.TCP
NOTE = (worded("exposed", Level.NOTE, "…"),)
CUT_SHORT = (Gap(GapCode.SOCKETS_CHANGING, needs=Need.AGAIN),)


def socket(port: int = 80, inode: int | None = 1, **changes: Any) -> Listener:
    made = Listener(
        Socket(
            TCP,
            Family.IPV4,
            "0.0.0.0",
            port,
            SocketState.LISTEN,
            inode=inode,
            queue=0,
            queue_limit=5,
        )
    )
    return changed(made, **changes)


class Machine:
    """What a watch asks, and what it asked."""

    def __init__(self, *listeners: Listener) -> None:
        self.now = listeners
        self.missing: tuple[Gap, ...] = ()
        self.explained: list[tuple[Listener, ...]] = []
        self.dropped: set[int] = set()
        self.clock = itertools.count(1000.0).__next__
        self.watch = Watch(self.look, self.explain, self.clock)

    def look(self) -> Host:
        visibility = Visibility.PARTIAL if self.missing else Visibility.FULL
        return Host(self.now, visibility, self.missing)

    def explain(self, fresh: tuple[Listener, ...]) -> tuple[Listener, ...]:
        self.explained.append(fresh)
        return tuple(
            changed(each, findings=NOTE) for each in fresh if each.socket.port not in self.dropped
        )

    def step(self, *listeners: Listener) -> tuple[Event, ...]:
        self.now = listeners
        return self.watch.step()


def known(*listeners: Listener) -> tuple[Listener, ...]:
    return tuple(changed(each, findings=NOTE) for each in listeners)


def test_at_first_everything_is_known_and_nothing_happened() -> None:
    machine = Machine(socket(22), socket(80))
    assert machine.watch.listeners == known(socket(22), socket(80))
    assert machine.step(socket(22), socket(80)) == ()
    assert len(machine.explained) == 1, "what stays as it is isn't looked into again"


def test_opened_and_closed() -> None:
    machine = Machine()
    assert machine.step(socket()) == (Event(Change.OPENED, 1001.0, *known(socket())),)
    assert machine.step(socket()) == ()
    assert machine.step() == (Event(Change.CLOSED, 1003.0, *known(socket())),)
    assert machine.watch.listeners == ()


def test_only_what_is_new_is_explained() -> None:
    machine = Machine(socket(22))
    machine.step(socket(22), socket(80))
    assert machine.explained == [(socket(22),), (socket(80),)]


def test_the_same_place_with_another_socket_has_changed() -> None:
    machine = Machine(socket(inode=1))
    (event,) = machine.step(socket(inode=2))
    assert event.change is Change.CHANGED
    assert (event.listener.socket.inode, event.before and event.before.socket.inode) == (2, 1)
    assert machine.watch.listeners == known(socket(inode=2))


def test_a_bound_socket_that_begins_to_listen_has_changed() -> None:
    machine = Machine(socket(state="bound"))
    (event,) = machine.step(socket())
    assert event.change is Change.CHANGED
    assert event.before is not None
    assert (event.before.socket.state, event.listener.socket.state) == ("bound", "listen")
    assert machine.explained[-1] == (socket(),), "its verdict may be another now"


def test_a_full_queue_is_a_change_and_a_longer_one_is_not() -> None:
    machine = Machine(socket(queue=0))
    assert machine.step(socket(queue=5)) == ()
    (event,) = machine.step(socket(queue=6))
    assert event.change is Change.CHANGED
    assert event.listener.socket.backlog_full
    (event,) = machine.step(socket(queue=1))
    assert not event.listener.socket.backlog_full


def test_what_is_not_asked_for_never_shows() -> None:
    machine = Machine()
    machine.dropped.add(80)
    assert machine.step(socket(80), socket(81)) == (
        Event(Change.OPENED, 1001.0, *known(socket(81))),
    )
    assert machine.step(socket(80, inode=2)) == (Event(Change.CLOSED, 1002.0, *known(socket(81))),)
    assert machine.step() == ()
    assert machine.watch.listeners == ()


def test_what_is_not_asked_for_any_more_closes() -> None:
    machine = Machine(socket(queue=6))
    machine.dropped.add(80)
    (event,) = machine.step(socket(queue=0))
    assert event == Event(Change.CLOSED, 1001.0, *known(socket(queue=6)))
    assert machine.step() == ()


def test_what_replaces_a_socket_nobody_asked_for_has_opened() -> None:
    machine = Machine()
    machine.dropped.add(80)
    assert machine.step(socket(inode=1)) == ()
    machine.dropped.clear()
    (event,) = machine.step(socket(inode=2))
    assert (event.change, event.before) == (Change.OPENED, None)


def test_sockets_that_share_a_place_close_one_by_one() -> None:
    group = tuple(socket(inode=inode) for inode in range(1, 5))  # SO_REUSEPORT
    machine = Machine(*group)
    events = machine.step(socket(inode=9))
    assert Counter(event.change for event in events) == {Change.CHANGED: 1, Change.CLOSED: 3}
    befores = {e.before.socket.inode if e.before else e.listener.socket.inode for e in events}
    assert befores == {1, 2, 3, 4}


def test_what_a_look_could_not_see_has_not_closed() -> None:
    machine = Machine(socket(22), socket(80))
    machine.missing = CUT_SHORT
    assert machine.step(socket(22)) == ()
    assert machine.watch.missing == machine.missing
    (event,) = machine.step(socket(22), socket(443))
    assert event.listener.socket.port == 443, "what it did see is told"
    assert {each.socket.port for each in machine.watch.listeners} == {22, 80, 443}
    machine.missing = ()
    (event,) = machine.step(socket(22), socket(443))
    assert (event.change, event.listener.socket.port) == (Change.CLOSED, 80)


def test_what_is_missing_every_time_keeps_nothing_open() -> None:
    def look() -> Host:
        return Host(machine.now, Visibility.PARTIAL, (Gap(GapCode.BOUND_UNSEEN, "5.10.0"),))

    machine = Machine(socket(22))
    machine.watch = Watch(look, machine.explain, machine.clock)
    (event,) = machine.step()
    assert event.change is Change.CLOSED


def denied(processes: int) -> tuple[Gap, ...]:
    return (Gap(GapCode.PROCESSES_DENIED, needs=Need.ROOT, number=processes),)


def test_another_number_of_unseen_processes_keeps_nothing_open() -> None:
    machine = Machine()
    machine.missing, machine.now = denied(5), (socket(22), socket(80))
    machine.watch = Watch(machine.look, machine.explain, machine.clock)
    for processes, left in ((6, (socket(22),)), (7, ()), (7, (socket(443),)), (5, ())):
        before = machine.watch.listeners
        machine.missing = denied(processes)
        events = machine.step(*left)
        gone = Counter(before) - Counter(known(*left))
        assert Counter(e.listener for e in events if e.change is Change.CLOSED) == gone
        assert machine.watch.listeners == known(*left)


def test_what_was_seen_before_a_gap_stays_and_what_was_seen_in_spite_of_it_closes() -> None:
    machine = Machine(socket(22))
    machine.missing = denied(1)
    (event,) = machine.step(socket(80))
    assert event.listener.socket.port == 80, "22 may only be out of sight"
    (event,) = machine.step()
    assert (event.change, event.listener.socket.port) == (Change.CLOSED, 80)
    machine.missing = ()
    (event,) = machine.step()
    assert (event.change, event.listener.socket.port) == (Change.CLOSED, 22)


def test_a_look_that_is_cut_short_each_time_closes_nothing() -> None:
    machine = Machine()
    machine.missing, machine.now = CUT_SHORT, (socket(22),)
    machine.watch = Watch(machine.look, machine.explain, machine.clock)
    assert machine.step() == machine.step() == ()
    machine.missing = ()
    assert [event.change for event in machine.step()] == [Change.CLOSED]


def test_what_was_missing_at_first_only_is_not_missing_for_good() -> None:
    machine = Machine()
    machine.missing = CUT_SHORT
    machine.now = (socket(22),)
    machine.watch = Watch(machine.look, machine.explain, machine.clock)
    machine.missing = ()
    assert machine.step(socket(22)) == ()
    machine.missing = CUT_SHORT
    assert machine.step() == ()
    machine.missing = ()
    assert [event.change for event in machine.step()] == [Change.CLOSED]


# Few places and few inodes, so that sockets come back, move and share.
sockets = st.builds(
    socket,
    st.sampled_from((22, 80, 443)),
    st.integers(1, 4) | st.none(),
    state=st.sampled_from(("listen", "bound")),
    address=st.sampled_from(("0.0.0.0", "127.0.0.1")),
    queue=st.integers(0, 9),
)
looks = st.lists(
    st.tuples(
        st.lists(
            sockets,
            max_size=6,
            unique_by=lambda each: (each.socket.port, each.socket.address, each.socket.inode),
        ).map(tuple),
        st.frozensets(st.sampled_from((22, 80, 443)), max_size=1),
        st.booleans(),
    ),
    max_size=8,
)


@given(looks)
def test_the_events_lead_from_the_start_to_the_end(
    plan: list[tuple[tuple[Listener, ...], frozenset[int], bool]],
) -> None:
    machine = Machine(socket(22), socket(80, inode=2))
    state = Counter(machine.watch.listeners)
    for now, dropped, cut_short in plan:
        machine.dropped = set(dropped)
        machine.missing = CUT_SHORT if cut_short else ()
        for event in machine.step(*now):
            if event.change is Change.CLOSED:
                assert event.before is None
                state[event.listener] -= 1
            else:
                assert (event.change is Change.OPENED) is (event.before is None)
                if event.before is not None:
                    state[event.before] -= 1
                state[event.listener] += 1
            assert min(state.values()) >= 0, "nothing closes or changes that wasn't there"
        assert +state == Counter(machine.watch.listeners)
        if not cut_short:
            places = {(each.socket.port, each.socket.address, each.socket.inode) for each in now}
            shown = {
                (each.socket.port, each.socket.address, each.socket.inode)
                for each in machine.watch.listeners
            }
            assert shown <= places


# -- the schedule ------------------------------------------------------------------------------


class Clock:
    """Time that passes by sleeping, and by what each step is said to take."""

    def __init__(self, machine: Machine, takes: list[float]) -> None:
        self.now = 0.0
        self.looked: list[float] = []
        self.slept: list[float] = []
        self._takes = iter(takes)
        self._machine = machine
        machine.watch = Watch(self.look, machine.explain, machine.clock)
        self.looked.clear()
        self.now = 0.0

    def look(self) -> Host:
        self.looked.append(self.now)
        if len(self.looked) > 1 or self.slept:
            self.now += next(self._takes)
        return self._machine.look()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


def looked_at(takes: list[float], interval: float = 1.0) -> list[float]:
    clock = Clock(Machine(), takes)
    following = steps(clock._machine.watch, interval, lambda: clock.now, clock.sleep)
    for _ in takes:
        next(following)
    return clock.looked


def test_a_step_an_interval() -> None:
    assert looked_at([0.0, 0.0, 0.0]) == [1.0, 2.0, 3.0]


def test_what_a_step_takes_does_not_shift_the_next() -> None:
    assert looked_at([0.25, 0.5, 0.75, 0.0]) == [1.0, 2.0, 3.0, 4.0]


def test_a_slow_step_is_followed_at_once_and_what_it_left_out_is_not_made_up_for() -> None:
    assert looked_at([3.5, 0.0, 0.0, 0.0]) == [1.0, 4.5, 5.5, 6.5]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=20), st.sampled_from((0.2, 1.0, 2.5)))
def test_looks_are_never_further_apart_than_the_interval_or_the_step(
    takes: list[float], interval: float
) -> None:
    looked = [0.0, *looked_at(takes, interval)]
    for before, after, took in zip(looked[1:], looked[2:], takes, strict=False):
        assert after - before <= max(interval, took) + 1e-9
