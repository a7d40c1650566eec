"""The ports in the JSON of container engines, as the text that their tables print.

``docker ps`` has that text itself, ``docker compose ps`` lists its *Publishers*, ``podman ps`` its
mappings with a *range*, ``docker inspect`` the addresses by the container's port, and the engine's
own API lists *PrivatePort* and *PublicPort*.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from portbook.formats.json_stream import scalar, whole_number, words
from portbook.model import LAST_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST = 1 << 16  # ports of one container that are taken
_INSIDE = re.compile(r"[0-9]{1,5}(?:-[0-9]{1,5})?/[a-z]{2,8}$")


def ports_of(value: Mapping[str, Any]) -> str | None:
    """What a container publishes, as ``0.0.0.0:80->80/tcp, 81/tcp``; None where it is none.

    >>> ports_of({"Publishers": [{"URL": "::", "TargetPort": 80, "PublishedPort": 8080}]})
    '[::]:8080->80/tcp'
    """
    ports, publishers = value.get("Ports", ""), value.get("Publishers")
    network = value.get("NetworkSettings")
    if isinstance(publishers, list) and not (isinstance(ports, str) and ports):
        return _joined(map(_of_compose, publishers[:_MOST]))
    if "Ports" in value and (ports is None or isinstance(ports, list)):
        return _joined(map(_of_podman, (ports or [])[:_MOST]))
    if isinstance(network, dict) and isinstance(network.get("Ports"), dict):
        return _joined(_of_inspect(network["Ports"]))
    if value and all(map(_INSIDE.match, value)):  # docker inspect --format, or a part of it
        return _joined(_of_inspect(value))
    return ports if "Ports" in value and isinstance(ports, str) else None


def _joined(parts: Iterator[str]) -> str:
    return ", ".join(parts)


def _of_compose(row: Any) -> str:
    told = row if isinstance(row, dict) else {}
    inside = f"{scalar(told.get('TargetPort'))}/{words(told.get('Protocol')) or 'tcp'}"
    port = scalar(told.get("PublishedPort"))
    return _published(words(told.get("URL")), port, inside) if port not in ("", "0") else inside


def _of_podman(row: Any) -> str:
    told = row if isinstance(row, dict) else {}
    if "PrivatePort" in told:
        inside = f"{scalar(told['PrivatePort'])}/{words(told.get('Type')) or 'tcp'}"
        public = scalar(told.get("PublicPort"))
        return _published(words(told.get("IP")), public, inside) if public else inside
    protocol = words(told.get("protocol")) or "tcp"
    port, within = (
        whole_number(told.get(key), LAST_PORT) for key in ("host_port", "container_port")
    )
    many = whole_number(told.get("range", 1), LAST_PORT) or 1
    if not port or within is None:
        return f"{scalar(told.get('container_port'))}/{protocol}"
    ports = [str(first) if many == 1 else f"{first}-{first + many - 1}" for first in (port, within)]
    # Without an address podman binds one socket of both families, whoever runs it as of version 6
    # (podman's pull request 29568); before that, where root ran it, one of IPv4: nothing tells.
    return _published(words(told.get("host_ip")), ports[0], f"{ports[1]}/{protocol}")


def _of_inspect(ports: Mapping[str, Any]) -> Iterator[str]:
    for inside, bindings in list(ports.items())[:_MOST]:
        if not isinstance(bindings, list) or not bindings:
            yield inside
            continue
        for row in bindings:
            told = row if isinstance(row, dict) else {}
            yield _published(words(told.get("HostIp")), scalar(told.get("HostPort")), inside)


def _published(address: str | None, port: str, inside: str) -> str:
    address = f"[{address}]" if address and ":" in address else address
    return f"{address}:{port}->{inside}" if address else f"{port}->{inside}"
