"""What rules ask of interfaces besides their names: kind, hardware type and group. Pure.

Rules with such conditions are few: this is loaded where one is met.

>>> from portbook.host.firewall.values import Interface, Machine
>>> machine = Machine((Interface("eth0", traits=("veth", 1, 0)),))
>>> trait_of(machine, "eth0", "kind"), trait_of(machine, "eth1", "type")
('veth', None)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.host.firewall.values import Machine, Part

_TRAITS = ("kind", "type", "group")
# Names that nft prints for numbers: linux/if_arp.h, /etc/iproute2/group.
_TYPES = {
    "ether": 1, "ppp": 512, "ipip": 768, "ipip6": 769, "loopback": 772, "sit": 776, "ipgre": 778,
}  # fmt: skip
_GROUPS = {"default": 0}


def trait_of(machine: Machine, name: str | None, trait: str) -> str | int | None:
    """A trait of the interface *name*, "" where there is none; None where it isn't known.

    Without an interface, on the way in or out, and without a kind, as hardware and loopback have
    none, the rule that asks for it ends (nft_meta.c).
    """
    if name == "":
        return ""
    for each in machine.interfaces:
        if each.name == name and each.traits is not None:
            return each.traits[_TRAITS.index(trait)]
    return None


def trait_part(trait: str, value: Any) -> Part:
    """A trait as nft prints it; None where it isn't understood."""
    if trait == "kind":
        return value if isinstance(value, str) else None
    if isinstance(value, str):
        value = (_TYPES if trait == "type" else _GROUPS).get(value)
    return (value, value) if type(value) is int else None
