"""Two programs on one port: which of them an address of this machine reaches. Pure.

The kernel gives a connection to the socket with the most specific address: the very address before
the wildcard, and the wildcard of IPv4 before that of IPv6, which may take IPv4 as well
(compute_score, net/ipv4/inet_hashtables.c). ``localhost`` is ::1 first, then 127.0.0.1 (RFC 6724).
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Evidence, EvidenceCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.model import Facts, Listener

_ADDRESSES = ("localhost", "127.0.0.1", "::1")


class Reached(NamedTuple):
    """What an address of this machine reaches: a program, and the number of its process."""

    address: str
    program: str
    pid: int

    @property
    def name(self) -> str:
        """The program with its number, such as ``node (812)``."""
        return f"{self.program or 'process'} ({self.pid})"

    @property
    def evidence(self) -> Evidence:
        """What a finding rests on."""
        facts = (("address", self.address), ("program", self.program), ("pid", self.pid))
        return Evidence(EvidenceCode.REACHED, facts)


def as_facts(reached: tuple[Reached, ...]) -> Facts:
    """What a finding carries of *reached*: the addresses, and beside each its program."""
    return (
        ("reached_addresses", tuple([each.address for each in reached])),
        ("reached_programs", tuple([each.name for each in reached])),
    )


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


def find_shadowed(listeners: Sequence[Listener]) -> dict[int, tuple[Reached, ...]]:
    """Those of *listeners*, by their place, that another program keeps some address from reaching.

    Each with what ``localhost``, 127.0.0.1 and ::1 reach.
    """
    ports: dict[tuple[object, ...], list[int]] = {}
    for place, each in enumerate(listeners):
        if each.socket.listens and each.socket.interface is None and not each.socket.scanned:
            key = (each.socket.transport, each.socket.port, each.socket.namespace)
            ports.setdefault(key, []).append(place)
    found: dict[int, tuple[Reached, ...]] = {}
    for places in ports.values():
        if len(places) > 1:
            found |= _on_one_port(listeners, places)
    return found


def _on_one_port(
    listeners: Sequence[Listener], places: list[int]
) -> dict[int, tuple[Reached, ...]]:
    programs = dict(
        zip(places, group_programs([listeners[place] for place in places]), strict=True)
    )
    if len({each for each in programs.values() if each is not None}) < 2:
        return {}
    winners: dict[str, int] = {}
    for address in ("127.0.0.1", "::1"):
        taking = [place for place in places if _rank(listeners[place], address)]
        best = max([_rank(listeners[place], address) for place in taking], default=0)
        first = [place for place in taking if _rank(listeners[place], address) == best]
        # Of several on the very same address any may get a connection.
        if first and len({programs[place] for place in first}) == 1:
            winners[address] = first[0]
    local = winners.get("::1", winners.get("127.0.0.1"))
    if local is not None:
        winners["localhost"] = local
    reached = []
    for address in _ADDRESSES:
        if address in winners and listeners[winners[address]].ownership.owners:
            owner = listeners[winners[address]].ownership.owners[0]
            reached.append(Reached(address, owner.program or "", owner.pid))
    return {
        place: tuple(reached)
        for place in places
        if _rank(listeners[place], "127.0.0.1") or _rank(listeners[place], "::1")
        if programs[place] is not None
        and any(programs[winner] not in (None, programs[place]) for winner in winners.values())
    }


def _rank(listener: Listener, address: str) -> int:
    """How specific *listener* is for *address*; 0 where it doesn't take it."""
    bound = listener.socket.address
    if bound.removeprefix("::ffff:") == address:
        return 3
    if "." in address and bound in ("0.0.0.0", "::ffff:0.0.0.0"):
        return 2
    if bound == "::":
        return 1 if ":" in address or listener.socket.v6only is False else 0
    return 0
