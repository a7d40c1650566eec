"""Ports by task: the sheet of those that people meet, and the front page's shorter list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.present.port.on_record import in_practice, leading_service
from portbook.present.port.special import title_of_special
from portbook.present.words import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.app.port_lookup import PortAnswer
    from portbook.catalog import Catalog


class CommonPort(NamedTuple):
    """A port that people meet: the service or the products there, and a few words on it."""

    port: int
    name: str
    said: str


# The sheet, chosen by hand out of what the data has: a weight tells products that many set up, and
# nothing of what is part of a system, so no rule on it finds DHCP, Kerberos or mDNS. What stands
# here is in one of these: Microsoft's overview of the ports of its systems, firewalld's services,
# the uses that three sources show, the other half of a pair (with TLS, without it), and what
# operators of plants and of voice meet. docs/web.md says so.
# https://learn.microsoft.com/en-us/troubleshoot/windows-server/networking/service-overview-and-network-port-requirements
# https://github.com/firewalld/firewalld/tree/2745d6f0ab9e4a43abe97872ed52e62157996166/config/services
SHEET: Mapping[str, tuple[int, ...]] = {
    "web": (80, 443, 2082, 2087, 3000, 3001, 3128, 4000, 4200, 4321, 5000, 5173, 7000, 8000, 8008,
            8009, 8080, 8081, 8090, 8443, 8888, 9000),
    "databases": (1433, 1434, 1521, 3306, 5432, 5984, 6333, 6379, 7474, 7687, 8086, 8983, 9042,
                  9200, 9300, 11211, 26379, 27017, 50000),
    "queues": (1883, 4222, 4369, 5671, 5672, 8883, 9092, 15672, 61616),
    "chat-mail-voice": (25, 110, 119, 143, 465, 587, 993, 995, 3478, 4190, 5060, 5061, 5222, 5269,
                        5349, 6667, 6697, 8448, 64738),
    "remote-access": (22, 23, 623, 902, 2222, 3389, 4505, 4506, 5900, 5985, 5986, 8140,
                      10000),
    "files-backup-storage": (20, 21, 69, 137, 138, 139, 445, 548, 873, 990, 2049, 3260, 3690, 6881,
                             8384, 9418, 22000),
    "containers": (2181, 2375, 2376, 2377, 2379, 2380, 4789, 6443, 7946, 8001, 8500, 9443, 10250),
    "monitoring": (161, 162, 514, 4317, 4318, 5201, 5601, 5666, 6514, 8125, 9090, 9093,
                   10050, 10051, 16686, 19999),
    "machine-learning": (1234, 7860, 8501, 8787, 11434),
    "debuggers-builds": (3632, 5001, 5555, 9229),
    "security": (4444, 8200),
    "vpn": (500, 1080, 1194, 1701, 1723, 4500, 9050, 9993, 41641, 51820),
    "printing-media-home": (515, 554, 631, 1900, 1935, 6000, 8096, 9100, 32400),
    "automation": (1880, 3493, 5683, 8123),
    "industrial": (102, 502, 4840, 20000, 44818, 47808),
    "apple-windows": (3283, 5223),
    "system": (43, 49, 53, 67, 68, 88, 111, 123, 135, 179, 389, 464, 546, 547, 636, 853, 1812,
               1813, 3268, 3269, 3702, 5353, 5355),
    "games": (3074, 19132, 25565, 27015),
    "cryptocurrency": (8332, 8333, 8545),
}  # fmt: skip
# What the front page leads to, the most looked up first.
FIRST_PORTS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Web", (80, 443, 8080, 3000, 5173)),
    ("Remote access", (22, 3389, 5900, 23, 5985)),
    ("Databases", (3306, 5432, 6379, 27017, 1433, 9200)),
    ("Mail", (25, 587, 465, 143, 993, 995)),
    ("Files", (21, 445, 2049, 873, 69)),
    ("Names, time, accounts", (53, 67, 123, 389, 88, 161)),
    ("Containers and queues", (2375, 6443, 2379, 5672, 9092, 1883)),
    ("Out of the ordinary", (0, 305, 1023, 31337, 65535)),
)
_MOST_NAMED = 3  # products that stand for a port


def common_port(port: int, catalog: Catalog) -> CommonPort:
    """What people meet on *port*, by the order that its page has: its service, else products."""
    answer = answer_port(Query(QueryKind.PORT, str(port), port, port), catalog, short=True)
    service = leading_service(answer)
    if service is not None:
        return CommonPort(port, service.name, raised(service.gist))
    products = _leading(answer)
    if products:
        alone = [use.summary for use in answer.uses if products == [use.product]]
        said = alone[0].partition(";")[0].rstrip(".") if alone else ""
        return CommonPort(port, listed(products), said)
    for report in answer.abuse:
        return CommonPort(port, report.subject, "Reported abuse")
    special = title_of_special(port)
    if special is not None:
        return CommonPort(port, special, "")
    near = catalog.registry.neighbour(port)
    name = near.service_names[0] if near.service_names else str(answer.state)
    return CommonPort(port, name, near.description or "")


def _leading(answer: PortAnswer) -> list[str]:
    """The products that lead on a port, and weigh as much as the first of them."""
    weights = {use.product: use.weight for use in reversed(answer.uses)}
    names = in_practice(answer).leading
    return [name for name in names if weights.get(name) == weights.get(names[0])][:_MOST_NAMED]


def raised(gist: str) -> str:
    """*gist* as a line of its own begins, unless its first word is a name or an address.

    >>> raised("chat, client to server"), raised("etcd cluster traffic"), raised("git:// access")
    ('Chat, client to server', 'etcd cluster traffic', 'git:// access')
    """
    first = gist.partition(" ")[0].rstrip(",")
    is_word = first.replace("-", "").isalpha() and first not in _NAMES
    return gist[:1].upper() + gist[1:] if is_word else gist


_NAMES = frozenset({"etcd"})


def sheet(catalog: Catalog) -> list[tuple[str, list[CommonPort]]]:
    """The ports of :data:`SHEET`, by task."""
    return [(task, [common_port(port, catalog) for port in ports]) for task, ports in SHEET.items()]


MOST_COMMON = sum(map(len, SHEET.values()))
