"""Who is connected to a port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.app.listen import ScanOptions
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.formats.errors.query import parse_query
from portbook.host.linux.connections import Conflicts, Connection
from portbook.model import (
    ConnectionState,
    Family,
    OwnersSeen,
    Process,
    Transport,
    Visibility,
)
from portbook.present.owners import viewer
from portbook.present.render import port_json
from tests.machine import SERVER, Machine, bound
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.model import OwnerSearch

PSQL = Process(901, "psql")


def connection(
    address: str, port: int, peer: str, peer_port: int, *owners: Process, **facts: Any
) -> Connection:
    facts.setdefault("state", ConnectionState.ESTABLISHED)
    return Connection(
        transport=Transport.TCP,
        family=Family.IPV4,
        address=address,
        port=port,
        peer_address=peer,
        peer_port=peer_port,
        inode=port,
        owners=owners,
        owners_seen=OwnersSeen.FIRST if owners else OwnersSeen.HIDDEN,
        **facts,
    )


class Connected(Machine):
    """A machine with a server on 8080, and its connections."""

    def __init__(self, *connections: Connection) -> None:
        super().__init__([bound(8080, SERVER)])
        self.connections = connections
        self.asked: list[int] = []

    def read_conflicts(
        self, port: int, transport: Transport | None, owners: OwnerSearch | None = None
    ) -> Conflicts:
        self.asked.append(port)
        held = [each for each in self.connections if each.port == port]
        return Conflicts(tuple(held), Visibility.FULL)


def ask(host: Machine, *, clients: bool = True, port: int = 8080) -> PortAnswer:
    depth = ScanOptions(clients=clients)
    found = answer(parse_query(str(port)), CATALOG, depth, host=host)
    assert isinstance(found, PortAnswer)
    return found


HERE = Connected(
    connection("127.0.0.1", 8080, "127.0.0.1", 50001, SERVER),
    connection("127.0.0.1", 50001, "127.0.0.1", 8080, PSQL),
    connection("192.0.2.7", 8080, "198.51.100.9", 40112, SERVER),
    connection("192.0.2.7", 8080, "198.51.100.9", 40113, state=ConnectionState.TIME_WAIT),
)


def test_each_client_is_told_with_its_program_where_it_runs_here() -> None:
    clients = ask(HERE).clients
    assert clients is not None
    assert [(each.address, each.port, each.owners) for each in clients] == [
        ("127.0.0.1", 50001, (PSQL,)),
        ("198.51.100.9", 40112, ()),
    ]
    assert {each.peer_port for each in clients} == {8080}


def test_they_are_in_json() -> None:
    found = port_json.of(ask(HERE), viewer())["host"]["clients"]
    assert [(each["address"], len(each["owners"])) for each in found] == [
        ("127.0.0.1", 1),
        ("198.51.100.9", 0),
    ]


def test_nobody_is_looked_for_unasked() -> None:
    host = Connected()
    assert ask(host, clients=False).clients is None
    assert host.asked == []
    assert ask(host).clients == ()


def test_a_connection_that_only_has_the_number_is_no_client() -> None:
    out = connection("192.0.2.7", 8081, "198.51.100.9", 443)
    assert ask(Connected(out), port=8081).clients == ()
