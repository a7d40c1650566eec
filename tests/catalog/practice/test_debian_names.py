"""Debian's services file is a public yardstick: what it names, portbook explains."""

from __future__ import annotations

from pathlib import Path

import pytest

from portbook.catalog.practice.lookup import Practice
from portbook.model import Transport
from tests.real.needs import is_bare, need

PRACTICE = Practice()
SERVICES = Path("/etc/services")


@pytest.mark.parametrize(
    ("port", "transport", "name"),
    [
        (49, Transport.UDP, "TACACS+"),
        (1194, Transport.TCP, "OpenVPN"),
        (1813, Transport.TCP, "RADIUS accounting"),
    ],
)
def test_a_service_is_named_on_its_second_transport_too(
    port: int, transport: Transport, name: str
) -> None:
    (service,) = PRACTICE.lookup_services(port, transport)
    assert service.name == name


def test_every_name_of_debian_s_file_has_a_service() -> None:
    of_debian = not is_bare() and Path("/var/lib/dpkg/info/netbase.list").is_file()
    need(of_debian, "the services file of Debian's netbase isn't there")
    entries = [line.partition("#")[0].split() for line in SERVICES.read_text().splitlines()]
    missing = []
    for name, (number, _, transport) in (
        (entry[0], entry[1].partition("/")) for entry in entries if len(entry) > 1
    ):
        if transport in tuple(Transport) and not PRACTICE.lookup_services(
            int(number), Transport(transport)
        ):
            missing.append(f"{name} {number}/{transport}")
    assert missing == []
