"""Ports by task: the sheet of those that people meet, and the front page's shorter list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from portbook.model import RANGES, Transport
from portbook.present.port.special import title_of_special
from portbook.present.words import FAMILIES, few

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.catalog import Catalog
    from portbook.model import KnownService, Use

MOST_COMMON = 200  # ports of the sheet


class CommonPort(NamedTuple):
    """A port that people meet: the service or the products there, and a few words on it."""

    port: int
    name: str
    said: str


# The task of a port whose service has none in the data, or is met for another task than the product
# that has the greatest weight there.
_TASKS: Mapping[str, tuple[int, ...]] = {
    "web": (80, 443, 3000, 3001, 3128, 5000, 5173, 7000, 8000, 8008, 8009, 8080, 8081, 8090, 8443,
            8888, 9000),
    "remote-access": (22, 23, 512, 513, 514, 992, 3389, 5900, 5985, 5986),
    "chat-mail-voice": (25, 110, 119, 143, 465, 563, 587, 993, 995, 3478, 4190, 5060, 5349),
    "files-backup-storage": (20, 21, 69, 137, 138, 139, 445, 548, 873, 989, 990, 2049, 7001, 9418),
    "system": (17, 19, 53, 67, 68, 88, 111, 123, 322, 323, 324, 389, 520, 636, 713, 714, 853, 1812,
               1813, 3268, 3269, 6699),
    "monitoring": (161, 162, 6514),
    "queues": (1883, 8883),
    "printing-media-home": (515, 554, 631, 1900),
    "industrial": (502, 9600),
}  # fmt: skip
_TASK_OF = {port: task for task, ports in _TASKS.items() for port in ports}
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


class _Known(NamedTuple):
    uses: Mapping[int, list[Use]]  # of one port each, the least rank first
    services: Mapping[int, KnownService]


def _known(catalog: Catalog) -> _Known:
    uses: dict[int, list[Use]] = {}
    for use in catalog.practice.uses():
        if use.first == use.last:
            uses.setdefault(use.first, []).append(use)
    services: dict[int, KnownService] = {}
    for service in sorted(catalog.practice.services(), key=_transport):
        if service.leads and not service.is_outshone(uses.get(service.first, ())):
            services.setdefault(service.first, service)
    return _Known({port: sorted(some, key=_rank) for port, some in uses.items()}, services)


def _transport(service: KnownService) -> int:
    """TCP first: what a service is called there is what most people call it."""
    return [*Transport].index(service.transport)


def _rank(use: Use) -> tuple[bool, int, int, bool, int, str]:
    return use.rank


def common_port(port: int, catalog: Catalog) -> CommonPort:
    """What people meet on *port*: its service, else the products that lead there."""
    known = catalog.derived(_known)
    if port in known.services:
        service = known.services[port]
        return CommonPort(port, service.name, service.gist)
    uses = known.uses.get(port, [])
    if not uses:
        for report in catalog.practice.lookup_abuse(port):
            return CommonPort(port, report.subject, "reported abuse")
        special = title_of_special(port)
        if special is not None:
            return CommonPort(port, special, "")
        near = catalog.registry.neighbour(port)
        state = str(catalog.registry.state(port))
        name = near.service_names[0] if near.service_names else state
        return CommonPort(port, name, near.description or "")
    products = [*dict.fromkeys(use.product for use in uses if use.weight == uses[0].weight)]
    said = uses[0].summary.rstrip(".") if len(products) == 1 else ""
    return CommonPort(port, few(products), said)


def sheet(catalog: Catalog) -> list[tuple[str, list[CommonPort]]]:
    """The :data:`MOST_COMMON` ports that people meet, by task."""
    known = catalog.derived(_known)

    def rank(port: int) -> tuple[int, bool, int]:
        met = known.uses[port][0].weight if port in known.uses else 0
        if port in known.services:
            # No product needs to say that a service of the Internet's own standards is met.
            service = known.services[port]
            told = service.exposure, service.twin, service.amplification
            met = 1 + max(met, 2 if any(told) and (met or port <= RANGES[0].last) else 0)
        return -met, port not in known.services, port

    by_task: dict[str, list[CommonPort]] = {}
    ports = sorted({*known.uses, *known.services}, key=rank)[:MOST_COMMON]
    for port in sorted(ports):
        family = known.uses[port][0].family if port in known.uses else None
        task = _TASK_OF.get(port) or family or "system"
        by_task.setdefault(task, []).append(common_port(port, catalog))
    return [(task, by_task[task]) for task in FAMILIES if task in by_task]
