"""A good port for a purpose: one that nobody else has a claim on, and that is free here.

A port is looked at criterion by criterion, each with its evidence. The first ones ask the book
alone, so that their answer is the same on every machine; the others ask this machine. Which ports
are looked at, and in which order, is chance, or follows from a name.
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple, StrEnum
from portbook.errors import InvalidQuery
from portbook.model import SITE_PORT, PortRange, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from portbook.catalog import Catalog
    from portbook.catalog.practice.lookup import Practice
    from portbook.model import Facts, Listener, Source

    class Machine(Protocol):
        """What is asked of a machine about one port: the seam where tests put one of theirs."""

        def checks(self, port: int) -> Iterator[Check]: ...


class Criterion(StrEnum):
    """What is asked of a port, in this order."""

    UNASSIGNED = "unassigned"
    NOT_DYNAMIC = "not-dynamic"
    BROWSER_OPENS = "browser-opens"
    NO_KNOWN_USE = "no-known-use"
    NO_ABUSE = "no-abuse"
    NOT_DYNAMIC_HERE = "not-dynamic-here"
    NOT_NOTED = "not-noted"
    NO_LOCAL_NAME = "no-local-name"
    UNPRIVILEGED = "unprivileged"
    FREE_HERE = "free-here"


# What each asks; the documentation shows this table.
CRITERIA = {
    Criterion.UNASSIGNED: "the registry gives it to no service, for tcp and for udp",
    Criterion.NOT_DYNAMIC: "it is outside the ranges from which Linux, macOS and "
    "Windows hand out ports",
    Criterion.BROWSER_OPENS: "browsers open it",
    Criterion.NO_KNOWN_USE: "no use in practice is known, but of more than 4,096 ports at once",
    Criterion.NO_ABUSE: "no abuse is known",
    Criterion.NOT_DYNAMIC_HERE: "it is outside the range from which this machine hands out ports",
    Criterion.NOT_NOTED: "no note of your own has it for something else",
    Criterion.NO_LOCAL_NAME: "this machine's services file has no name for it",
    Criterion.UNPRIVILEGED: "this user may bind it here",
    Criterion.FREE_HERE: "nothing is bound to it here, for tcp and for udp",
}

# Above the System Ports, below the lowest port that a common system hands out by itself. Fixed,
# because the port that a name leads to follows from it.
FIRST, LAST = 1024, 32767
COMMON = ("Linux", "Windows", "macOS")
MOST = 1000  # ports at once
_WIDE = 4096  # ports of one use, as of RTP: with more, it takes few of them at a time
# What counts beside a port that a developer has in mind: others' claims are known by then.
NEAR = (
    Criterion.BROWSER_OPENS,
    Criterion.NOT_NOTED,
    Criterion.UNPRIVILEGED,
    Criterion.FREE_HERE,
)
# RFC 4727 sets these aside for experiments; the registry has them as exp1 and exp2.
EXPERIMENTS = (1021, 1022)
_HASHES = 512  # so many ports are tried by a name's hash; then each after the last one, in order
_BOTH = (Transport.TCP, Transport.UDP)


class Wanted(NamedTuple):
    """What is asked for: *many* ports from *first* to *last*, for a name or for none.

    ``despite`` are codes of criteria that don't count. ``near`` is the port to begin with, upward
    to *last*; then only the criteria in NEAR count.
    """

    first: int = FIRST
    last: int = LAST
    many: int = 1
    name: str | None = None
    despite: tuple[str, ...] = ()
    near: int | None = None

    @property
    def left_out(self) -> frozenset[str]:
        """The criteria that don't count."""
        beside = () if self.near is None else [each for each in Criterion if each not in NEAR]
        return frozenset((*self.despite, *beside))


class Check(NamedTuple):
    """One criterion and the answer to it; ``ok`` is None where it could not be found out.

    ``facts`` has the reason, as ``why``, and what goes with it; ``listener`` is the socket that
    has the port.
    """

    code: Criterion
    ok: bool | None
    facts: Facts = ()
    listener: Listener | None = None


class Choice(NamedTuple):
    """One port with what was found of it."""

    port: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The criteria that it doesn't fulfil."""
        return tuple(check for check in self.checks if check.ok is False)


class HintCode(StrEnum):
    """What else there is to know of a pick."""

    SERVICE = "service"  # service_name, ports: the registry has a service of the name asked for
    SYSTEM_PORTS = "system-ports"  # some of the range are System Ports


class Hint(NamedTuple):
    """Something else to know of a pick, by a code that names its facts."""

    code: HintCode
    facts: Facts = ()


class Pick(NamedTuple):
    """The ports chosen, and those that were looked at on the way and left out, in order.

    A port that a name leads to stands among the chosen ones even where this machine has something
    against it (``failed``): another one would not be the name's.
    """

    wanted: Wanted
    choices: tuple[Choice, ...]
    left_out: tuple[Choice, ...]
    hints: tuple[Hint, ...]
    sources: tuple[Source, ...]

    @property
    def good(self) -> bool:
        """Whether as many were found as were asked for, with nothing against any of them."""
        found = [choice for choice in self.choices if not choice.failed]
        return len(found) == self.wanted.many

    @property
    def experiments(self) -> tuple[int, ...]:
        """The ports that are set aside for experiments (RFC 4727)."""
        return EXPERIMENTS

    @property
    def left_out_by(self) -> dict[str, int]:
        """How many were left out by each criterion; the first that failed counts."""
        counts: dict[str, int] = {}
        for each in self.left_out:
            counts[each.failed[0].code] = counts.get(each.failed[0].code, 0) + 1
        return counts


def pick(wanted: Wanted, machine: Machine, catalog: Catalog, seed: int | None = None) -> Pick:
    """The ports for *wanted*. *seed* takes the place of chance.

    For a name, the registry that comes with portbook is asked, whatever was fetched since: the name
    leads to the same port on every machine that has the same version.

    Raises InvalidQuery for a count or a name that can't be served, or a range that holds fewer
    ports than are asked for.
    """
    _refuse(wanted)
    if wanted.name is not None:
        from portbook.catalog import Catalog

        catalog = Catalog(catalog.shipped, catalog.practice)
    choices: list[Choice] = []
    left_out: list[Choice] = []
    named = wanted.name is not None
    order = _by_name(wanted) if named else _by_chance(wanted, seed)
    if wanted.near is not None:
        order = iter(range(wanted.near, wanted.last + 1))
    uncounted = wanted.left_out
    for port in order:
        if len(choices) == wanted.many:
            break
        counted = (check for check in by_the_book(port, catalog) if check.code not in uncounted)
        checks = tuple(_until_failed(counted))
        if not checks or checks[-1].ok is not False:
            here = (check for check in machine.checks(port) if check.code not in uncounted)
            checks += tuple(here if named else _until_failed(here))
            if named or not any(check.ok is False for check in checks):
                choices.append(Choice(port, checks))
                continue
        left_out.append(Choice(port, checks))
    hints = tuple(_hints(wanted, catalog))
    used = ("lore-uses", "lore-abuse", "lore-browsers", "lore-systems")
    sources = catalog.registry.sources()[:1]
    sources += tuple(each for each in catalog.practice.sources() if each.id in used)
    return Pick(
        wanted=wanted,
        choices=tuple(choices),
        left_out=tuple(left_out),
        hints=hints,
        sources=sources,
    )


def _refuse(wanted: Wanted) -> None:
    size = wanted.last - wanted.first + 1
    if not 1 <= wanted.many <= MOST:
        raise InvalidQuery(
            f"{wanted.many} ports can't be picked at once: give 1 to {MOST}", str(wanted.many)
        )
    if wanted.many > size or wanted.first < 1:
        raise InvalidQuery(
            f"{wanted.first}-{wanted.last} holds no {wanted.many} ports to pick from: give a "
            "range of ports from 1 to 65535 that does",
            f"{wanted.first}-{wanted.last}",
        )
    if wanted.name is not None and not wanted.name.strip():
        raise InvalidQuery("the name is empty: give one that says what the port is for", "")


def _until_failed(checks: Iterable[Check]) -> Iterator[Check]:
    """*checks* up to the first that fails: what comes after it would cost, and change nothing."""
    for check in checks:
        yield check
        if check.ok is False:
            return


# -- the order --------------------------------------------------------------------------------


def _by_chance(wanted: Wanted, seed: int | None) -> Iterator[int]:
    """Every port of the range once, in an order that differs each time."""
    from math import gcd

    size = wanted.last - wanted.first + 1
    if seed is None:
        seed = int.from_bytes(os.urandom(8), "big")
    start, step = seed % size, seed // size % size or 1
    while gcd(step, size) != 1:  # a step that shares no factor with the size meets every port
        step += 1
    for turn in range(size):
        yield wanted.first + (start + turn * step) % size


def _by_name(wanted: Wanted) -> Iterator[int]:
    """Every port of the range once, in the order that the name gives.

    The n-th is the SHA-256 of ``portbook pick``, the name and n, separated by zero bytes: the
    first eight bytes as a number, modulo the size of the range. So a port that is assigned to
    somebody one day moves the names that led to it, and no others.
    """
    from hashlib import sha256

    size = wanted.last - wanted.first + 1
    name = canonical(wanted.name or "").encode("utf-8", "surrogatepass")
    seen: set[int] = set()
    port = wanted.first
    for turn in range(_HASHES):
        digest = sha256(b"portbook pick\0%s\0%d" % (name, turn)).digest()
        port = wanted.first + int.from_bytes(digest[:8], "big") % size
        if port not in seen:
            seen.add(port)
            yield port
    for turn in range(size):
        after = wanted.first + (port - wanted.first + turn) % size
        if after not in seen:
            yield after


def canonical(name: str) -> str:
    r"""*name* without what people spell differently: letter case and white space around words.

    >>> canonical(" Billing \t API")
    'billing api'
    """
    name = " ".join(name.split())
    if not name.isascii():
        from unicodedata import normalize

        name = normalize("NFC", name)
    return name.casefold()


# -- the book ---------------------------------------------------------------------------------


def by_the_book(port: int, catalog: Catalog) -> Iterator[Check]:
    """What holds of *port* on every machine."""
    practice = catalog.practice
    yield _unassigned(port, catalog)
    yield _not_dynamic(port, catalog)
    blocked = practice.browser_blocked(port)
    why = "blocked" if blocked else "opened"
    yield Check(Criterion.BROWSER_OPENS, not blocked, (("why", why),))
    yield _no_known_use(port, practice)
    subjects = dict.fromkeys([each.subject for each in practice.lookup_abuse(port)])
    facts = (("why", "reported"), ("subjects", tuple(subjects)))
    yield Check(Criterion.NO_ABUSE, not subjects, facts if subjects else (("why", "unreported"),))


def _no_known_use(port: int, practice: Practice) -> Check:
    """Whether nobody is known to use *port*; what takes thousands of ports claims none of them."""
    uses = [use for each in _BOTH for use in practice.lookup_uses(port, each)]
    used = [use.product for use in uses if use.last - use.first < _WIDE]
    met = [known.name for each in _BOTH for known in practice.lookup_services(port, each)]
    # A use needs an address that says so, and portbook's own site has none.
    own = ["portbook serve"] if port == SITE_PORT else []
    products = dict.fromkeys([*used, *met, *own])
    if products:
        return Check(
            Criterion.NO_KNOWN_USE, False, (("why", "used"), ("products", tuple(products)))
        )
    wide = tuple(dict.fromkeys([use.product for use in uses]))
    why = (("why", "wide"), ("products", wide)) if wide else (("why", "unused"),)
    return Check(Criterion.NO_KNOWN_USE, True, why)


def _unassigned(port: int, catalog: Catalog) -> Check:
    code = Criterion.UNASSIGNED
    standings = [catalog.registry.standing(port, each) for each in _BOTH]
    for transport, standing in zip(_BOTH, standings, strict=True):
        if standing.state is State.ASSIGNED:
            names = dict.fromkeys(
                [row.service_name or row.title or "" for row in standing.assignments]
            )
            assigned = (("why", "assigned"), ("transport", transport), ("names", tuple(names)))
            return Check(code, False, assigned)
        if standing.state is State.RESERVED:
            reserved = (("why", "reserved"), ("transport", transport), ("text", standing.text))
            return Check(code, False, reserved)
    if PortRange.of(port).name == "dynamic":
        return Check(code, True, (("why", "dynamic"),))
    if standings[0].row is None:
        return Check(code, True, (("why", "no-row"),))
    first, last = standings[0].row
    row = (("first", first), ("last", last))
    return Check(code, True, (("why", "listed"), ("text", standings[0].text), *row))


def _not_dynamic(port: int, catalog: Catalog) -> Check:
    inside, ranges = [], []
    for rule in catalog.practice.system_rules():
        if rule.system in COMMON and rule.dynamic_first is not None:
            text = f"{rule.system} {rule.dynamic_first}-{rule.dynamic_last}"
            ranges.append(text)
            if rule.dynamic_first <= port <= (rule.dynamic_last or rule.dynamic_first):
                inside.append(text)
    why = ("why", "inside" if inside else "outside")
    return Check(Criterion.NOT_DYNAMIC, not inside, (why, ("ranges", tuple(inside or ranges))))


def _hints(wanted: Wanted, catalog: Catalog) -> Iterator[Hint]:
    if wanted.name is not None:
        rows = [row for row in catalog.registry.named(wanted.name.strip()) if row.first is not None]
        if rows:
            ports = dict.fromkeys([f"{row.first}/{row.transport or 'tcp'}" for row in rows])
            service = ("service_name", rows[0].service_name)
            yield Hint(HintCode.SERVICE, (service, ("ports", tuple(ports))))
    if wanted.near is None and wanted.first <= 1023:
        yield Hint(HintCode.SYSTEM_PORTS)
