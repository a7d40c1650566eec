"""What people do with ports, whatever the registry says: the values of the lore.

>>> same_product("Mosquitto", "Eclipse Mosquitto"), Encryption("always") is Encryption.ALWAYS
(True, True)
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.record import StatementSource, Transport, source_of

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
_WELL_KNOWN = 3  # sources
SITE_PORT = 4905  # of `portbook serve`, as docs/web.md has it


class UseKind(StrEnum):
    """How a use comes to a port."""

    DEFAULT = "default"
    ALTERNATIVE = "alternative"
    DEVELOPMENT = "development"
    MANAGEMENT = "management"
    LEGACY = "legacy"


# The kinds that come after the others among uses that weigh the same.
_LESSER = {UseKind.LEGACY: 1, UseKind.ALTERNATIVE: 2}


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
        return not names.isdisjoint(map(str.lower, self.services)) if self.services else False

    @property
    def leads(self) -> bool:
        """Whether it may stand for its port: of a wide span, no port is known for it."""
        return self.last - self.first < WIDE

    @property
    def rank(self) -> tuple[bool, int, int, bool, int, str]:
        """Its place among uses of a port, the first least.

        By weight, then a port of one's own before what was there once, and that before an
        alternative (an app store's choice, say), then one port before a span of them, then by how
        many sources show it, then by name; wide spans last.
        """
        lesser = _LESSER.get(self.kind, 0)
        span = self.last > self.first
        name = self.product.casefold()
        return (not self.leads, -self.weight, lesser, span, -self.shown_by, name)


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
                and use.kind not in _LESSER
                for use in uses
            )
        given = names or self.source_of("ports")[0].endswith("/etc/services/")
        if not given or self.people or not names.isdisjoint(spoken):
            return False
        return not any(use.speaks(names) for use in uses) and any(
            use.weight >= _WELL_KNOWN and use.first == use.last and use.kind not in _LESSER
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


class Tool(NamedTuple):
    """A server that an interpreter runs: a module, a tool, an archive or a class.

    ``name`` is what stands for it in the interpreter's arguments, ``services`` what it speaks.
    """

    name: str
    product: str
    services: tuple[str, ...]
    source: str
    read: str


class SystemListener(NamedTuple):
    """A part of a system, or an engine on it, that listens for something else.

    ``programs`` are the names of its processes, in lower case and without ``.exe``; ``ports``
    those it always takes, none where it takes the ports of what it stands in for. ``mend`` says
    how to have the port back.
    """

    system: str
    name: str
    programs: tuple[str, ...]
    ports: tuple[tuple[int, Transport], ...]
    summary: str
    mend: str
    source: str
    read: str


class ReportKind(StrEnum):
    """What reports an abuse."""

    ADVISORY = "advisory"  # a CERT's or an authority's
    ANALYSIS = "analysis"  # a vendor's or a researcher's
    ATTACK = "attack"  # MITRE ATT&CK
    CVE = "cve"
    PAPER = "paper"


class Threat(StrEnum):
    """What was reported: a program's own port, or an attack on what belongs on the port."""

    MALWARE = "malware"  # has the port for its own ends
    BACKDOOR = "backdoor"  # waits there for those who know of it
    WORM = "worm"  # spreads through the service that belongs there
    AMPLIFICATION = "amplification"  # servers are made to send floods
    CAMPAIGN = "campaign"  # exposed services are looked for, attacked and taken over


_OWN_PORT = frozenset({Threat.MALWARE, Threat.BACKDOOR})


class Report(NamedTuple):
    """An unwelcome use of a port that somebody reported: history, and no word about what runs here.

    ``subject`` is what was reported (a worm, a backdoor, an attack), ``kind`` what reports it, and
    ``threat`` of what sort the subject is. ``period`` is when, as ISO 8601 has it: a year, a month
    or a day, or two of them with a slash between; ``../2005-01`` is then or earlier.
    ``also_called`` are other names of the subject.
    """

    subject: str
    kind: ReportKind
    threat: Threat
    transport: Transport
    first: int
    last: int
    period: str
    summary: str
    source: str
    read: str
    also_called: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()

    @property
    def accuses(self) -> bool:
        """Whether finding the port in use is a sign of what was reported, however weak.

        What attacks the service that belongs on a port is none, nor is a report of a wide span.
        """
        return self.threat in _OWN_PORT and self.last - self.first < WIDE


class Program(NamedTuple):
    """A server program: where its executable lives and which services it implements.

    ``executables`` are absolute paths in which ``*`` stands for any one path component or part
    of one. ``services`` are IANA service names; ``ports`` its default ports. ``macos`` and
    ``windows`` are the names that it goes by there, without a path: a weaker sign. ``further``
    are sources beyond the first. ``also_called`` are other names of the product.
    """

    name: str
    product: str
    executables: tuple[str, ...]
    services: tuple[str, ...]
    ports: tuple[tuple[int, Transport], ...]
    source: str
    read: str
    units: tuple[str, ...] = ()
    package: str | None = None
    macos: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    also_called: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()


class SearchStore(StrEnum):
    """Where a hit of a search is from, and the list of an answer that has it."""

    MATCHES = "matches"  # services, the registry's and those that people meet
    USES = "uses"
    PROGRAMS = "programs"
    ABUSE = "abuse"


class SystemRule(NamedTuple):
    """What one operating system, from one version on, does with ports by default."""

    system: str
    since: str | None
    dynamic_first: int | None
    dynamic_last: int | None
    privileged: str
    source: str
    read: str
    further: tuple[str, ...] = ()

    def hands_out(self, first: int, last: int | None = None) -> bool:
        """Whether *first*, or a port from it to *last*, is an ephemeral port by default."""
        low, high = self.dynamic_first, self.dynamic_last
        if low is None or high is None:
            return False
        return first <= high and low <= (first if last is None else last)


class InPractice(NamedTuple):
    """The products that people meet on a port, each once, by their rank.

    ``registered`` speak a service that the registry has there. ``others`` are the rest; those of
    ``wide`` are known for so many ports that they say nothing of this one. ``apart`` is whether
    each of ``others`` is on record for services that the registry doesn't have there: of most
    products it isn't recorded what they speak.
    """

    registered: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    wide: tuple[str, ...] = ()
    apart: bool = False

    @property
    def leading(self) -> tuple[str, ...]:
        """Those that may stand for the port, the registered service's own first."""
        return self.registered + self.others

    @property
    def products(self) -> tuple[str, ...]:
        """All of them."""
        return self.leading + self.wide


_NOTHING_MET = InPractice()  # of two ports in three


def rank_products(
    uses: tuple[Use, ...],
    programs: tuple[Program, ...],
    services: tuple[KnownService, ...],
    names: AbstractSet[str],
) -> InPractice:
    """What people meet on a port that is registered for *names*, which are in lower case.

    *programs* have it as a default, *services* say what it is for. Uses come by their rank, then
    programs that no use is of; first of all the service's namesake.
    """
    if not uses and not programs:
        return _NOTHING_MET
    spoken_by: dict[str, tuple[str, ...]] = {}
    for use in uses:  # one product may have a use for each transport
        if use.leads:
            spoken_by[use.product] = (*spoken_by.get(use.product, ()), *use.services)
    products = {product.casefold() for product in spoken_by}
    joined = {name for use in uses if use.leads for name in use.programs}
    for program in programs:
        if program.name not in joined and program.product.casefold() not in products:
            spoken_by[program.product] = program.services
    registered = [
        each for each in spoken_by if not names.isdisjoint(map(str.lower, spoken_by[each]))
    ]
    # A server that is known by itself comes before one of the many that one source alone names.
    known = {use.product for use in uses if use.weight > 1 or use.programs}
    known |= {program.product for program in programs}
    own = {name for name in spoken_by if any(each.is_named(name) for each in services)}
    others = [product for product in spoken_by if product not in registered]
    for met_first in (registered, others):
        met_first.sort(key=lambda product: (product not in own, product not in known))
    return InPractice(
        tuple(registered),
        tuple(others),
        tuple(dict.fromkeys([use.product for use in uses if use.product not in spoken_by])),
        bool(others) and all(spoken_by[product] for product in others),
    )
