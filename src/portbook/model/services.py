"""What people know a service by, as sources have it.

>>> Encryption("always") is Encryption.ALWAYS
True
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.practice import LESSER, WELL_KNOWN, WIDE
from portbook.model.record import StatementSource, Transport, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from portbook.model.practice import Use


class Encryption(StrEnum):
    """Whether a service encrypts: never, where TLS or STARTTLS was agreed on, or in any case."""

    NONE = "none"
    OPTIONAL = "optional"
    ALWAYS = "always"


class Authentication(StrEnum):
    """Whether a service asks by default who connects."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Exposure(NamedTuple):
    """What a service's own documentation, or a public authority, says against exposing it."""

    advice: str
    why: str


class KnownService(NamedTuple):
    """What a service that people meet on a port is, in words of our own.

    ``registered`` are the names that the registry has for it, ``gist`` is a few words on it,
    ``people`` goes on after "used by". ``twin`` is the port of the same service with or without
    TLS, as ``636/tcp``, ``successor`` what took its place, ``elsewhere`` are other ports that it
    commonly has. ``amplification`` says how it reflects datagrams. ``source`` is that of every
    statement that ``sources`` has no other for. What no source says is None.
    """

    name: str
    transport: Transport
    first: int
    last: int
    gist: str
    description: str
    source: str
    read: str
    also_called: tuple[str, ...] = ()
    registered: tuple[str, ...] = ()
    people: str | None = None
    encryption: Encryption | None = None
    authentication: Authentication | None = None
    twin: str | None = None
    successor: str | None = None
    elsewhere: tuple[str, ...] = ()
    exposure: Exposure | None = None
    amplification: str | None = None
    references: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether it may stand for its port: a list of ports alone shows that nobody meets it."""
        return bool(self.registered) or not self.source.endswith("/etc/services/")

    def is_outshone(self, uses: Iterable[Use], spoken: AbstractSet[str] = frozenset()) -> bool:
        """Whether what people meet on its port is one of *uses*, and not this service.

        So it is where the registry or a list of ports gave it the port, nobody is known to use it
        (``people``), neither a use nor a program speaks it, *spoken* being what the programs speak,
        and three sources show a use of this one port. In a wide span (the displays of X11) only
        the first port is the service's own, whoever has another one by itself.
        """
        names = {name.lower() for name in self.registered}
        uses = tuple(uses)
        if self.last - self.first >= WIDE and not any(use.speaks(names) for use in uses):
            return any(
                self.first < use.first == use.last
                and use.transport is self.transport
                and use.kind not in LESSER
                for use in uses
            )
        given = names or self.source_of("ports")[0].endswith("/etc/services/")
        if not given or self.people or not names.isdisjoint(spoken):
            return False
        return not any(use.speaks(names) for use in uses) and any(
            use.weight >= WELL_KNOWN and use.first == use.last and use.kind not in LESSER
            for use in uses
        )

    def is_named(self, product: str) -> bool:
        """Whether *product* has the name of the service, or one that people have for it: WireGuard,
        the Git daemon of Git, H.323 of an H.323 gatekeeper, Windows Remote Desktop.
        """
        name = product.casefold().removesuffix(" server").removesuffix(" daemon")
        return name in self.also_called or f"{self.name.casefold()} ".startswith(f"{name} ")

    def source_of(self, field: str) -> tuple[str, str]:
        """The address that says what *field* does, and the day on which it was read."""
        return source_of(field, self.sources, self.source, self.read)
