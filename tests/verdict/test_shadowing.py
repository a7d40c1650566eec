"""Two programs on one port: which of them each address reaches."""

from __future__ import annotations

from typing import Any

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
from portbook.verdict.finding_facts import reached_facts
from portbook.verdict.shadowing import find_shadowed
from tests.cases import for_each

A, B = Process(7, "a"), Process(8, "b")
DUAL, ONLY = False, True


def on(address: str, owner: Process | None, v6only: bool | None = None) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    made = Socket(Transport.TCP, family, address, 9200, SocketState.LISTEN, v6only=v6only)
    owners = (owner,) if owner else ()
    return Listener(made, Ownership(owners, OwnersSeen.ALL if owner else OwnersSeen.HIDDEN))


@for_each(
    "listeners, shadowed, reached",
    [
        # localhost, 127.0.0.1, ::1
        ((on("127.0.0.1", A), on("::", B, ONLY)), {0, 1}, "bab"),
        ((on("127.0.0.1", A), on("::1", B)), {0, 1}, "bab"),
        ((on("0.0.0.0", A), on("::1", B)), {0, 1}, "bab"),
        ((on("127.0.0.1", A), on("::", B, DUAL)), {0, 1}, "bab"),
        ((on("0.0.0.0", A), on("127.0.0.1", B)), {0}, "bb"),
        ((on("0.0.0.0", A), on("192.0.2.7", B)), set(), ""),
        ((on("127.0.0.1", A), on("192.0.2.7", B)), set(), ""),
        ((on("127.0.0.1", A), on("::1", A)), set(), ""),
        ((on("127.0.0.1", A), on("127.0.0.1", B)), set(), ""),
        ((on("127.0.0.1", A), on("::1", None)), set(), ""),
        ((on("127.0.0.1", A),), set(), ""),
    ],
)
def test_which_program_is_reached(
    listeners: tuple[Listener, ...], shadowed: set[int], reached: str
) -> None:
    found = find_shadowed(listeners)
    assert set(found) == shadowed
    for names in found.values():
        assert "".join(each.program for each in names) == reached
        if len(names) == 3:
            assert [each.address for each in names] == ["localhost", "127.0.0.1", "::1"]


def test_other_ports_transports_and_namespaces_are_others() -> None:
    one, other = on("127.0.0.1", A), on("::1", B)
    facts: dict[str, Any]
    for facts in ({"port": 1}, {"transport": Transport.UDP}, {"namespace": "blue"}):
        apart = other._replace(socket=other.socket._replace(**facts))
        assert find_shadowed((one, apart)) == {}


def test_localhost_is_what_this_machines_files_say() -> None:
    listeners = (on("127.0.0.1", A), on("::1", B))
    (reached, _) = find_shadowed(listeners, localhost=("127.0.0.1",)).values()
    assert {each.address: each.program for each in reached}["localhost"] == "a"


def test_a_socket_on_the_loopback_interface_is_reached_there() -> None:
    inner = on("0.0.0.0", A)
    inner = inner._replace(socket=inner.socket._replace(interface="lo"))
    assert set(find_shadowed((inner, on("::1", B)))) == {0, 1}


def test_a_finding_names_programs_by_what_they_run() -> None:
    module = ("python3", "-m", "http.server", "5173")
    python = Process(9, "python3", module, parent=1)
    blog = python._replace(pid=10, command=("python3", "app.py"))
    reached = find_shadowed((on("127.0.0.1", python), on("::1", blog)))[0]
    assert dict(reached_facts(reached))["reached_runs"] == (
        "python3 app.py (pid 10)",
        "python3 -m http.server (pid 9)",
        "python3 app.py (pid 10)",
    )
    # Pages that leave arguments out have the programs.
    programs = dict(reached_facts(reached))["reached_programs"]
    assert isinstance(programs, tuple)
    assert programs[0] == "python3 (pid 10)"
    assert "reached_runs" not in dict(
        reached_facts(find_shadowed((on("127.0.0.1", A), on("::1", B)))[0])
    )
