"""What a plan to stop a port does, leaves alone, and costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.stop.impact import unrelated
from portbook.app.stop.model import REFUSALS, Plan, RefusalCode, Scene, StepKind
from portbook.app.stop.planner import plan
from portbook.host.containers import Published
from portbook.host.linux.connections import Connection
from portbook.host.linux.process_tree import CurrentProcess, Relative
from portbook.host.process_control import Identity
from portbook.model import (
    ConnectionState,
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    Transport,
)
from portbook.present.phrases.stops import (
    _REFUSAL_WORDS,
    REFUSED,
    REFUSED_MENDS,
    loss_message,
    plan_notes,
    refusal_mend,
    refusal_message,
    step_text,
)
from tests.cases import for_each
from tests.strategies import listeners, nasty
from tests.values import changed, gap, placeholders

TCP, UDP = Transport.TCP, Transport.UDP
SHELL = (900, "bash")


def owner(pid: int = 7, program: str = "node", **facts: Any) -> Process:
    facts.setdefault("ancestors", (SHELL, (1, "systemd")))
    return Process(pid, program, **facts)


def socket(*owners: Process, **facts: Any) -> Listener:
    facts.setdefault("owners_seen", OwnersSeen.ALL)
    facts.setdefault("inode", 70)
    address = facts.pop("address", "0.0.0.0")
    transport = facts.pop("transport", TCP)
    family = Family.IPV6 if ":" in address else Family.IPV4
    port, state = facts.pop("port", 8080), facts.pop("state", "listen")
    made = Listener(Socket(transport, family, address, port, state), Ownership(owners))
    return changed(made, **facts)


def scene(*seen: Listener, **facts: Any) -> Scene:
    facts.setdefault("own", CurrentProcess((5000, 4999, 1), None, None, ()))
    facts.setdefault("rules", PortRules("linux", 1024, (32768, 60999)))
    facts.setdefault("systemd", True)
    pids = {each.pid for one in seen for each in one.ownership.owners}
    facts.setdefault("identities", {pid: Identity(pid, pid * 10, "/usr/bin/x") for pid in pids})
    port = seen[0].socket.port if seen else 8080
    return Scene(port, facts.pop("transport", None), facts.pop("address", None), seen, **facts)


def codes(planned: Plan) -> list[str]:
    return [each.code for each in planned.refusals]


def commands(planned: Plan) -> list[str]:
    return [" ".join(step.command) for step in planned.steps]


def test_a_process_that_nobody_manages_gets_a_signal() -> None:
    planned = plan(scene(socket(owner())))
    assert commands(planned) == ["kill -TERM 7"]
    assert planned.steps[0].targets == (Identity(7, 70, "/usr/bin/x"),)
    assert planned.steps[0].sockets == (70,)
    assert not planned.refusals


def test_those_that_started_the_others_are_signalled_first() -> None:
    master = owner(7, "nginx")
    workers = [owner(pid, "nginx", ancestors=((7, "nginx"), (1, "systemd"))) for pid in (8, 9)]
    (step,) = plan(scene(socket(workers[0], master, workers[1]))).steps
    assert [each.pid for each in step.targets] == [7]
    assert [each.pid for each in step.later] == [8, 9]


def test_sockets_that_share_a_port_are_all_stopped() -> None:
    two = (socket(owner(7), inode=70), socket(owner(8), inode=71))
    (step,) = plan(scene(*two)).steps
    assert [each.pid for each in step.targets] == [7, 8]
    assert step.sockets == (70, 71)


# -- managers ---------------------------------------------------------------------------------

SERVICE = ((1, "systemd"),)
USERS = ((800, "systemd"), (1, "systemd"))


@for_each(
    "process, command",
    [
        (owner(unit="web.service", ancestors=SERVICE), "systemctl stop -- web.service"),
        (
            owner(unit="web.service", ancestors=((6, "npm start"), *SERVICE)),
            "systemctl stop -- web.service",
        ),
        (
            owner(unit="app.service", ancestors=USERS, uid=0),
            "systemctl --user stop -- app.service",
        ),
        (
            owner(unit="app.service", ancestors=USERS, uid=1000, user="eve"),
            "systemctl --user --machine=eve@ stop -- app.service",
        ),
        (
            owner(1, "systemd", unit="ssh.socket", activates="ssh.service", ancestors=()),
            "systemctl stop -- ssh.socket ssh.service",
        ),
        (
            owner(1, "systemd", unit="ssh.socket", activates="ssh@.service", ancestors=()),
            "systemctl stop -- ssh.socket",
        ),
        (owner(container="docker:0123456789ab", unit="docker.service"), "docker stop 0123456789ab"),
        (owner(container="podman:0123456789ab"), "podman stop 0123456789ab"),
    ],
)
def test_its_manager_is_asked(process: Process, command: str) -> None:
    planned = plan(scene(socket(process)))
    assert commands(planned) == [command]
    assert planned.steps[0].kind is StepKind.MANAGER


@for_each(
    "process",
    [
        owner(unit="cron.service", ancestors=((6, "sh"), (5, "cron"), *SERVICE)),
        owner(unit="supervisor.service", ancestors=((5, "supervisord"), *SERVICE)),
        owner(unit="ssh.service", ancestors=((6, "bash"), (5, "sshd"), *SERVICE)),
        owner(unit="user@1000.service", ancestors=USERS),
        owner(unit="session-4.scope"),
        owner(unit=None),
    ],
)
def test_a_unit_that_merely_houses_it_is_not_stopped(process: Process) -> None:
    assert commands(plan(scene(socket(process)))) == ["kill -TERM 7"]


def test_without_systemd_no_unit_is_stopped() -> None:
    process = owner(unit="web.service", ancestors=SERVICE)
    assert commands(plan(scene(socket(process), systemd=False))) == ["kill -TERM 7"]


def test_the_manager_can_be_left_out() -> None:
    process = owner(unit="web.service", ancestors=SERVICE)
    assert commands(plan(scene(socket(process)), manager=False)) == ["kill -TERM 7"]


def test_one_unit_is_stopped_once() -> None:
    master = owner(7, "nginx", unit="nginx.service", ancestors=SERVICE)
    worker = owner(8, "nginx", unit="nginx.service", ancestors=((7, "nginx"), *SERVICE))
    seen = (socket(master, worker), socket(master, worker, address="::", inode=71))
    (step,) = plan(scene(*seen)).steps
    assert [each.pid for each in step.targets] == [7, 8]
    assert step.sockets == (70, 71)


def test_our_own_container_is_no_manager() -> None:
    inside = CurrentProcess((5000, 1), None, "docker:0123456789ab", ())
    process = owner(container="docker:0123456789ab")
    assert commands(plan(scene(socket(process), own=inside))) == ["kill -TERM 7"]


@pytest.mark.parametrize("program", ["docker-proxy", "rootlessport"])
def test_a_forwarder_is_never_stopped_itself(program: str) -> None:
    seen = socket(owner(program=program, unit="docker.service", ancestors=((6, "dockerd"),)))
    found = Published("docker", "0123456789ab", "web")
    assert commands(plan(scene(seen, published=(found,)))) == ["docker stop 0123456789ab"]
    assert codes(plan(scene(seen))) == ["port-forwarder"]
    two = (found, found._replace(id="ba9876543210"))
    assert codes(plan(scene(seen, published=two))) == ["port-forwarder"]
    assert not plan(scene(seen)).steps


def test_a_published_port_that_nothing_binds() -> None:
    found = Published("docker", "0123456789ab", None)
    assert commands(plan(scene(published=(found,)))) == ["docker stop 0123456789ab"]


@pytest.mark.parametrize("runtime", ["kubernetes", "containerd", "cri-o", "lxc", "machine"])
def test_what_starts_containers_again_is_not_gone_behind(runtime: str) -> None:
    planned = plan(scene(socket(owner(container=f"{runtime}:0123456789ab"))))
    assert codes(planned) == ["container-manager"]
    assert not planned.steps


# -- what is left alone -----------------------------------------------------------------------


def test_nothing_there() -> None:
    planned = plan(scene(missing=(gap("other network namespaces"),)))
    assert codes(planned) == ["nothing-there"]
    nothing = "Nothing listens on 8080 on this machine"
    assert refusal_message(planned.refusals[0]).startswith(nothing)
    blind = plan(scene(blind=True))
    assert refusal_message(blind.refusals[0]).startswith(
        "Nothing we can see listens on 8080 on this machine"
    )


def test_in_another_namespace() -> None:
    there = socket(owner(container="docker:0123456789ab"))
    planned = plan(scene(elsewhere=(("docker:0123456789ab", there),)))
    assert codes(planned) == ["other-namespace"]
    assert refusal_mend(planned.refusals[0]) == "Stop its container: docker stop 0123456789ab"
    assert not planned.steps


def test_in_a_namespace_of_a_process_the_command_goes_there() -> None:
    planned = plan(scene(elsewhere=(("pid 7 (web)", socket(owner(7))),)))
    (refusal,) = planned.refusals
    assert "in the network namespace of pid 7 (web), and portbook" in refusal_message(refusal)
    assert refusal_mend(refusal) == "Stop it there: nsenter -t 7 -n portbook stop 8080"


@for_each(
    "seen, code",
    [
        (socket(owners_seen=OwnersSeen.KERNEL), "kernel"),
        (socket(owners_seen=OwnersSeen.NONE), "kernel"),
        (socket(owners_seen=OwnersSeen.HIDDEN), "owner-hidden"),
        (socket(owner(), owners_seen=OwnersSeen.INFERRED), "owner-inferred"),
        (socket(owners_seen=OwnersSeen.FIRST), "owner-hidden"),
        (socket(owner(), state="bound"), "not-listening"),
        (socket(owner(1, "init", ancestors=())), "first-process"),
        (socket(owner(4999, "tmux: server")), "own-line"),
        (socket(owner(), transport=UDP, port=40000), "maybe-client"),
    ],
)
def test_left_alone(seen: Listener, code: str) -> None:
    planned = plan(scene(seen))
    assert codes(planned) == [code]
    assert not planned.steps
    assert not planned.losses


def test_a_socket_that_an_ancestor_shares_keeps_all_its_owners() -> None:
    planned = plan(scene(socket(owner(4999, "sshd"), owner(7))))
    assert codes(planned) == ["own-line"]
    assert not planned.steps


def test_udp_that_is_asked_for_by_name_is_stopped() -> None:
    seen = socket(owner(), transport=UDP, port=40000)
    assert commands(plan(scene(seen, transport=UDP))) == ["kill -TERM 7"]
    low = socket(owner(), transport=UDP, port=53)
    assert commands(plan(scene(low))) == ["kill -TERM 7"]


@pytest.mark.parametrize(
    ("seen", "end", "refused"),
    [
        (socket(owner(program="sshd"), port=22), ("192.0.2.1", 22), True),
        (socket(owner(program="sshd"), port=22, address="192.0.2.1"), ("192.0.2.1", 22), True),
        (socket(owner(), port=22, address="::", v6only=False), ("192.0.2.1", 22), True),
        (socket(owner(program="sshd"), port=22, address="127.0.0.1"), ("192.0.2.1", 22), False),
        (socket(owner(program="sshd"), port=2222), ("192.0.2.1", 22), False),
    ],
)  # fmt: skip
def test_the_way_in_is_left_open(seen: Listener, end: tuple[str, int], refused: bool) -> None:
    planned = plan(scene(seen, own=CurrentProcess((5000, 1), None, None, (end,))))
    assert (codes(planned) == ["ssh-connection"]) is refused
    assert bool(planned.steps) is not refused


def test_a_connection_of_our_own_line_is_left_open() -> None:
    """A terminal in a browser: its server forks, and only the fork is our ancestor."""
    through = Connection(
        TCP, Family.IPV4, "192.0.2.1", 8080, "192.0.2.9", 50000, ConnectionState.ESTABLISHED,
        owners=(owner(4999, "ttyd"),), owners_seen=OwnersSeen.ALL,
    )  # fmt: skip
    assert codes(plan(scene(socket(owner()), connections=(through,)))) == ["own-line"]


def test_our_own_unit_is_not_stopped() -> None:
    inside = CurrentProcess((5000, 1), "web.service", None, ())
    process = owner(unit="web.service", ancestors=SERVICE)
    assert codes(plan(scene(socket(process), own=inside))) == ["own-line"]


def test_one_that_was_replaced_since_is_left_alone() -> None:
    planned = plan(scene(socket(owner()), identities={7: None}))
    assert codes(planned) == ["replaced"]
    assert not planned.steps


def test_what_can_be_stopped_is_beside_what_cannot() -> None:
    seen = (socket(owner()), socket(owners_seen=OwnersSeen.HIDDEN, address="127.0.0.1", inode=71))
    planned = plan(scene(*seen))
    assert commands(planned) == ["kill -TERM 7"]
    assert codes(planned) == ["owner-hidden"]


# -- what it costs ----------------------------------------------------------------------------


def test_losses() -> None:
    def connection(state: ConnectionState, peer: str) -> Connection:
        return Connection(TCP, Family.IPV4, "192.0.2.1", 8080, peer, 50000, state)

    process = owner(unit="web.service", ancestors=SERVICE)
    also = socket(process, port=9090, inode=99)
    other = socket(owner(77), port=9091, inode=98)
    family = {
        each.pid: each
        for each in (
            Relative(7, 1, "node", "web.service"),
            Relative(71, 7, "sh", "web.service"),
            Relative(72, 71, "cat", "web.service"),
            Relative(80, 1, "helper", "web.service"),
            Relative(90, 1, "cron", "cron.service"),
        )
    }
    planned = plan(
        scene(
            socket(process),
            others=(also, other),
            processes=family,
            connections=(
                connection(ConnectionState.ESTABLISHED, "192.0.2.7"),
                connection(ConnectionState.SYN_RECEIVED, "192.0.2.8"),
                connection(ConnectionState.TIME_WAIT, "192.0.2.9"),
            ),
        )
    )
    said = {str(loss.kind): (loss.number, loss_message(loss)) for loss in planned.losses}
    assert said["connections"][0] == 2
    assert "192.0.2.9" not in said["connections"][1]
    assert said["children"] == (2, "2 children: sh (71), cat (72)")
    assert said["sockets"] == (1, "its other sockets: tcp 0.0.0.0:9090")
    assert said["unit"] == (1, "1 process of the same unit: helper (80)")


def test_another_users_process_is_announced() -> None:
    planned = plan(scene(socket(owner(uid=33, user="www-data")), user=1000))
    assert plan_notes(planned) == ["pid 7 belongs to www-data: only that user or root may end it."]
    assert not plan(scene(socket(owner(uid=33)), user=0)).foreign


def test_a_manager_that_this_program_runs_under_gets_no_signal() -> None:
    """A user's own systemd holds the socket of a service, and may have started this shell too."""
    held = socket(owner(pid=4000, program="systemd", activates="web.socket"))
    own = CurrentProcess((5000, 4000, 1), None, None, ())
    planned = plan(scene(held, own=own), manager=False)
    assert not planned.steps
    assert [each.code for each in planned.refusals] == ["own-line"]


def test_each_refusal_has_its_sentences() -> None:
    assert set(REFUSALS) == set(RefusalCode)
    assert {key.partition(" ")[0] for key in REFUSED} == set(RefusalCode)
    assert set(REFUSED_MENDS) == set(REFUSED)


def test_of_sockets_that_are_alike_one_is_refused() -> None:
    two = [socket(owners_seen=OwnersSeen.HIDDEN, inode=inode) for inode in (70, 71)]
    assert codes(plan(scene(*two))) == ["owner-hidden"]


# -- whatever is seen -------------------------------------------------------------------------


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    seen = tuple(draw(st.lists(listeners(), max_size=4)))
    pids = sorted({each.pid for one in seen for each in one.ownership.owners})
    identities: dict[int, Identity | None] = {
        pid: draw(st.none() | st.just(Identity(pid, 1, None))) for pid in pids
    }
    line = tuple(draw(st.lists(st.sampled_from([*pids, 5000]), max_size=2)))
    return scene(
        *seen,
        own=CurrentProcess((*line, 1), draw(st.none() | nasty), draw(st.none() | nasty), ()),
        identities=identities,
        systemd=draw(st.booleans()),
        user=draw(st.sampled_from((0, 1000))),
    )


@given(scenes(), st.booleans())
def test_nothing_is_stopped_by_mistake(seen: Scene, manager: bool) -> None:
    planned = plan(seen, manager=manager)
    assert planned.steps or planned.refusals
    for refusal in planned.refusals:
        facts = dict(refusal.facts)
        key = f"{refusal.code} {facts['why']}" if "why" in facts else refusal.code
        known = {*facts, *_REFUSAL_WORDS}
        assert placeholders(REFUSED[key]) | placeholders(REFUSED_MENDS[key]) <= known
        assert refusal_message(refusal)
        assert refusal_mend(refusal)
    assert all(map(step_text, planned.steps))
    sure = {
        each.pid
        for one in seen.listeners
        if one.socket.state == "listen" and one.ownership.seen in (OwnersSeen.ALL, OwnersSeen.FIRST)
        for each in one.ownership.owners
    }
    for step in planned.steps:
        targets = (*step.targets, *step.later)
        assert targets or step.kind is StepKind.MANAGER
        for target in targets:
            assert target.pid in sure
            assert target == seen.identities[target.pid]
            if step.kind is StepKind.SIGNAL:
                assert target.pid != 1
                assert target.pid not in seen.own.line
    stopped = {inode for step in planned.steps for inode in step.sockets}
    left = {each.socket for each in planned.refusals}
    assert stopped or left or all(one.socket.inode is None for one in seen.listeners)
    for one in seen.listeners:
        gone = any(seen.identities[each.pid] is None for each in one.ownership.owners)
        assert (
            one.socket.inode in stopped
            or one.socket.name in left
            or one.socket.inode is None
            or gone
        )


# -- how many programs ------------------------------------------------------------------------


@for_each(
    "owners, many",
    [
        ((owner(7), owner(7)), 1),
        ((owner(7), owner(8)), 2),
        ((owner(7), owner(8, ancestors=((7, "node"),))), 1),
        ((owner(7, command=("a",), parent=5), owner(8, command=("a",), parent=5)), 1),
        ((owner(7, command=("a",), parent=5), owner(8, command=("b",), parent=5)), 2),
        ((owner(7, unit="web.service"), owner(8, unit="web.service")), 1),
        ((owner(7, unit="session-1.scope"), owner(8, unit="session-1.scope")), 2),
        ((owner(7, container="docker:1"), owner(8, container="docker:1")), 1),
        ((owner(7), owner(8), owner(9, ancestors=((7, "a"), (8, "b")))), 1),
    ],
)
def test_how_many_programs_have_a_port(owners: tuple[Process, ...], many: int) -> None:
    assert unrelated([socket(each) for each in owners]) == many


def test_who_is_not_seen_is_not_counted() -> None:
    assert unrelated([socket(), socket(owner(7))]) == 1
