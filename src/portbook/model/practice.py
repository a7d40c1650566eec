"""What people do with ports, whatever the registry says: the values of the lore.

>>> same_product("Mosquitto", "Eclipse Mosquitto"), UseKind("legacy") is UseKind.LEGACY
(True, True)
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.record import (  # noqa: TC001 - for typing.get_type_hints
    StatementSource,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet


def same_product(product: str, other: str) -> bool:
    """Whether one name of a product holds the other, word by word.

    >>> same_product("Mosquitto", "Eclipse Mosquitto"), same_product("Redis", "Rediska")
    (True, False)
    """
    one, two = set(product.lower().split()), set(other.lower().split())
    return bool(one and two) and (one <= two or two <= one)


WIDE = 16  # ports: a use that spans more leads on none of them
WELL_KNOWN = 3  # sources
SITE_PORT = 4905  # of `portbook serve`, as docs/web.md has it


class UseKind(StrEnum):
    """How a use comes to a port."""

    DEFAULT = "default"
    ALTERNATIVE = "alternative"
    DEVELOPMENT = "development"
    MANAGEMENT = "management"
    LEGACY = "legacy"


# The kinds that come after the others among uses that weigh the same.
LESSER = {UseKind.LEGACY: 1, UseKind.ALTERNATIVE: 2}


def is_of(services: Iterable[str], names: AbstractSet[str]) -> bool:
    """Whether one of *services*, in any letter case, is among *names*, in lower case."""
    return not names.isdisjoint(map(str.lower, services))


class Use(NamedTuple):
    """What people use a port for, whether or not the registry agrees.

    ``services`` are those of the registry that the product speaks there, ``programs`` the names of
    the server programs that it is a use of. ``shown_by`` is from
    how many independent sources people are known to meet the use: ``source`` and ``further``.
    ``weight`` is the same, 3 at most: from there on a use is well known, however many show it.
    ``also_called`` are other names of the product, ``sources`` show those that ``source`` doesn't.
    """

    product: str
    kind: UseKind
    transport: Transport
    first: int
    last: int
    summary: str
    source: str
    read: str
    family: str | None = None
    services: tuple[str, ...] = ()
    weight: int = 1
    further: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    shown_by: int = 1
    also_called: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()

    def speaks(self, names: AbstractSet[str]) -> bool:
        """Whether it is a use of one of the services *names*, which are in lower case."""
        return is_of(self.services, names) if self.services else False

    @property
    def leads(self) -> bool:
        """Whether it may stand for its port: of a wide span, no port is known for it."""
        return self.last - self.first < WIDE

    @property
    def rank(self) -> tuple[bool, int, int, int, int, str]:
        """Its place among uses of a port, the first least.

        By weight, then a port of one's own before what was there once, and that before an
        alternative (an app store's choice, say), then one port before a span of them, then by how
        many sources show it, then by name; wide spans last, of those the narrower first.
        """
        lesser = LESSER.get(self.kind, 0)
        span = int(self.last > self.first) if self.leads else self.last - self.first
        name = self.product.casefold()
        return (not self.leads, -self.weight, lesser, span, -self.shown_by, name)
