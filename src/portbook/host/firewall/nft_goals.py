"""What a map of nftables gives: a number, an address with its port, or a verdict. Pure."""

from __future__ import annotations

from portbook.host.firewall.nft_expressions import target_of
from portbook.host.firewall.nft_glance import VERDICTS
from portbook.host.firewall.nft_text import only
from portbook.host.firewall.values import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def goal_of(value: Any) -> object:
    """What a map of numbers gives: an interval, or an address and a port."""
    kind, inside = only(value)
    if kind == "concat":
        return tuple(target_of(each) for each in inside)
    return target_of(value)


def verdict_of(value: Any) -> object:
    """What a verdict map gives; None for what isn't known."""
    kind, inside = only(value)
    if kind in ("jump", "goto"):
        return Verdict(kind, inside["target"])
    return Verdict(kind) if kind in VERDICTS else None
