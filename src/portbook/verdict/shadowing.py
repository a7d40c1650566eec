"""Two programs on one port: which of them an address of this machine reaches. Pure.

:mod:`portbook.verdict.socket_choice` has the kernel's choice between sockets. ``localhost`` is ::1
first, then 127.0.0.1 (RFC 6724), unless this machine's files say otherwise.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Evidence, EvidenceCode
from portbook.model.command_line import run_name
from portbook.verdict.socket_choice import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import Listener

LOCALHOST = ("::1", "127.0.0.1")
_ADDRESSES = ("localhost", "127.0.0.1", "::1")


class Reached(NamedTuple):
    """What an address of this machine reaches: a program, and the number of its process.

    ``run`` is what the program is called by what it runs.
    """

    address: str
    program: str
    pid: int
    run: str = ""

    @property
    def name(self) -> str:
        """It as an owner is named, with its number: ``node server.js (pid 812)``."""
        return f"{self.run or self.program or 'a process'} (pid {self.pid})"

    @property
    def program_name(self) -> str:
        """The program with its number, such as ``node (pid 812)``."""
        return f"{self.program or 'a process'} (pid {self.pid})"

    @property
    def evidence(self) -> Evidence:
        """What a finding rests on."""
        facts = (("address", self.address), ("program", self.program), ("pid", self.pid))
        return Evidence(EvidenceCode.REACHED, facts)


def group_programs(listeners: Iterable[Listener]) -> list[int | None]:
    """For each of *listeners* the number of the program that holds it; None where nobody is seen.

    Processes are one program where they share a socket, a container or a service, where one
    started the other, and where one parent started both with the same arguments.
    """
    held = [each.ownership.owners for each in listeners]
    pids = {owner.pid for owners in held for owner in owners}
    groups: list[set[object]] = []
    marked: list[set[object]] = []
    for owners in held:
        marks: set[object] = set()
        for owner in owners:
            marks |= {owner.pid, (owner.parent, owner.command)} if owner.command else {owner.pid}
            marks |= {pid for pid, _ in owner.ancestors if pid in pids}
            if owner.container:
                marks.add(owner.container)
            elif owner.unit and owner.unit.endswith(".service") and owner.unit[:5] != "user@":
                marks.add(owner.unit)
        marked.append(marks)
        if marks:
            joined = [group for group in groups if group & marks]
            groups = [group for group in groups if not group & marks]
            groups.append(marks.union(*joined))
    return [
        next((number for number, group in enumerate(groups) if group & marks), None)
        for marks in marked
    ]


def find_shadowed(
    listeners: Sequence[Listener], localhost: Sequence[str] = LOCALHOST
) -> dict[int, tuple[Reached, ...]]:
    """Those of *listeners*, by their place, that another program keeps some address from reaching.

    Each with what ``localhost``, 127.0.0.1 and ::1 reach; *localhost* are that name's addresses in
    the order in which they are tried.
    """
    ports: dict[tuple[object, ...], list[int]] = {}
    for place, each in enumerate(listeners):
        if each.socket.listens and not each.socket.scanned:
            key = (each.socket.transport, each.socket.port, each.socket.namespace)
            ports.setdefault(key, []).append(place)
    shadowed: dict[int, tuple[Reached, ...]] = {}
    for places in ports.values():
        if len(places) > 1:
            shadowed |= _on_one_port(listeners, places, localhost)
    return shadowed


def _on_one_port(
    listeners: Sequence[Listener], places: list[int], localhost: Sequence[str]
) -> dict[int, tuple[Reached, ...]]:
    sockets = [listeners[place].socket for place in places]
    programs = dict(
        zip(places, group_programs([listeners[place] for place in places]), strict=True)
    )
    if len({each for each in programs.values() if each is not None}) < 2:
        return {}
    winners: dict[str, int] = {}
    for address in LOCALHOST:
        takers = [places[at] for at in choose(sockets, address)]
        # Of several that share the address any may get a connection.
        if takers and len({programs[place] for place in takers}) == 1:
            winners[address] = takers[0]
    local = next((winners[each] for each in localhost if each in winners), None)
    if local is not None:
        winners["localhost"] = local
    reached = []
    for address in _ADDRESSES:
        if address in winners and listeners[winners[address]].ownership.owners:
            owner = listeners[winners[address]].ownership.owners[0]
            run = run_name(owner.program, owner.command)
            reached.append(Reached(address, owner.program or "", owner.pid, run))
    return {
        place: tuple(reached)
        for place, socket in zip(places, sockets, strict=True)
        if any(choose([socket], address) for address in LOCALHOST)
        if programs[place] is not None
        and any(programs[winner] not in (None, programs[place]) for winner in winners.values())
    }
