"""What of this machine decides over packets beside its rules: interfaces, routes, settings."""

from __future__ import annotations

from portbook.host.firewall.values import Interface, Machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.host.linux.network import Network


def read_machine(network: Network, *, forwards: bool = True) -> Machine:
    """The interfaces, routes and settings of *network*; *forwards*: those of forwarding as well."""
    return Machine(
        tuple(
            Interface(
                each.name,
                tuple([(own.text, own.prefix) for own in each.addresses]),
                each.routes_loopback,
                _forwarded(each.name)
                if forwards and each.addresses and not each.loopback
                else None,
                each.traits,
            )
            for each in network.interfaces
        ),
        None if network.policy else tuple([(each.cidr, each.interface) for each in network.routes]),
        own_ports=_own_ports(),
        by_mark=network.by_mark,
        keeps_mark=network.by_mark and _keeps_mark(),
    )


def _own_ports(settings: str = "/proc/sys/net") -> tuple[int, int]:
    """The first and the last port from which the kernel has programs connect (ip-sysctl.rst)."""
    from portbook.host.firewall.conditions import EPHEMERAL

    try:
        with open(f"{settings}/ipv4/ip_local_port_range", "rb") as file:
            first, last = map(int, file.read().split())
    except (OSError, ValueError):
        return EPHEMERAL
    return first, last


def _keeps_mark(settings: str = "/proc/sys/net") -> bool:
    """Whether answers of TCP get the mark of what they answer (ip-sysctl.rst)."""
    try:
        with open(f"{settings}/ipv4/tcp_fwmark_accept", "rb") as file:
            return file.read().strip() != b"0"
    except OSError:
        return False


def _forwarded(interface: str, settings: str = "/proc/sys/net") -> tuple[str, ...] | None:
    """The families whose packets the kernel forwards that come in by *interface*.

    IPv6 asks the setting of all as well (ip-sysctl.rst of the kernel's documentation).
    """
    if "/" in interface:
        return None
    families = []
    for family, wanted in (("ipv4", (interface,)), ("ipv6", (interface, "all"))):
        try:
            values = []
            for each in wanted:
                with open(f"{settings}/{family}/conf/{each}/forwarding", "rb") as file:
                    values.append(file.read().strip() != b"0")
        except OSError:
            if family == "ipv4":
                return None
            continue  # a kernel without IPv6
        if all(values):
            families.append(family)
    return tuple(families)
