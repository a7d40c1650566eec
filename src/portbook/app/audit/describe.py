"""What is told of a service that was counted: its names, its uses, and the verdict in words.

An answer has the codes of all services. What is told of each is looked up when it is shown: that is
a few of thousands.
"""

from __future__ import annotations

from bisect import bisect_right

from portbook._fast_types import NamedTuple
from portbook.model import (
    Assessment,
    Family,
    Finding,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Subject,
    SubjectKind,
    Transport,
)
from portbook.verdict.engine import judge
from portbook.verdict.facts import Case
from portbook.verdict.finding_facts import Carried
from portbook.verdict.rules import RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import Service
    from portbook.catalog import Catalog
    from portbook.model import Standing

# To look a word up takes a fifth of what the enum's constructor does.
_TRANSPORTS = {str(each): each for each in Transport}
_CARRIES = {rule.code: rule.carries for rule in RULES}
# For so few services, what is on record of all ports isn't read.
_FEW = 24
_ADDRESSES = {"loopback": "127.0.0.1", "everywhere": "0.0.0.0"}


def case_of(service: Service, catalog: Catalog) -> Case:
    """*service* as the judge of one socket has it: bound somewhere, by nobody knows whom."""
    practice = catalog.practice
    transport = Transport(service.transport)
    listener = Listener(
        Socket(
            transport=transport,
            family=Family.IPV4,
            address=_ADDRESSES.get(service.reach, "its host"),
            port=service.port,
            state=SocketState.LISTEN,
            scanned=not service.reach,
        ),
        Ownership(seen=OwnersSeen.UNASKED),
        Assessment(
            speaks=Spoken(SpokenState.IDENTIFIED, service.spoken) if service.spoken else None
        ),
    )
    return Case(
        listener,
        catalog.registry.standing(service.port, transport),
        uses=practice.lookup_uses(service.port, transport),
        rules=PortRules(""),
        browser_blocked=practice.browser_blocked(service.port),
        abuse=practice.lookup_abuse(service.port, transport),
        services=practice.lookup_services(service.port, transport),
    )


def say(service: Service, catalog: Catalog) -> tuple[Finding, ...]:
    """The findings on *service*: on its port, for nobody has seen the socket."""
    return judge(case_of(service, catalog), subject=subject_of(service))


def subject_of(service: Service) -> Subject:
    """What findings on *service* concern: its port."""
    return Subject(SubjectKind.PORT, f"{service.port}/{service.transport}")


class Described(NamedTuple):
    """What is told of services that are alike: their names, the products that use their ports, and
    the findings on them, each where they are unexpected; as of ``first``, one of them.
    """

    first: Service
    names: tuple[str, ...]
    uses: tuple[str, ...]
    findings: tuple[Finding, ...]


class Describer:
    """What is told of each of *many* services: those of which the same is on record are described
    once. Findings come without what they rest on.
    """

    def __init__(self, catalog: Catalog, many: int) -> None:
        self._catalog = catalog
        practice = catalog.practice
        practice.expect(many)
        self._run_starts = sorted(practice.run_starts()) if many > _FEW else ()
        # Held with the standing, so that what identifies one is no other's.
        self._known: dict[tuple[object, ...], tuple[Standing, Described]] = {}

    def describe(self, service: Service) -> Described:
        """What is told of *service*, and of others: the very same for all that are alike."""
        (
            transport, port, _, findings, _, _, _, _, _, reach, _, spoken,
        ) = service  # fmt: skip
        starts = self._run_starts
        run = starts[bisect_right(starts, port) - 1] if starts else port
        standing = self._catalog.registry.standings(port)[_TRANSPORTS[transport]]
        key = (run, id(standing), transport, id(findings), reach, spoken)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = standing, self._describe(service, standing)
        return known[1]

    def _describe(self, service: Service, standing: Standing) -> Described:
        port, transport = service.port, _TRANSPORTS[service.transport]
        practice = self._catalog.practice
        silent = practice.silent(port, transport)
        used = () if silent else practice.lookup_uses(port, transport)
        return Described(
            service,
            _names(standing) if standing.assignments else (),
            tuple(dict.fromkeys([use.product for use in used])) if used else (),
            _in_words(service, self._catalog) if service.is_unexpected else (),
        )


def _in_words(service: Service, catalog: Catalog) -> tuple[Finding, ...]:
    """As :func:`say`, by the findings that *service* has, and without what they rest on."""
    subject = subject_of(service)
    carried = Carried(case_of(service, catalog), subject)
    return tuple(
        [
            Finding(code, level, subject, carried.of(_CARRIES[code]))
            for code, level in service.findings
        ]
    )


def names(service: Service, catalog: Catalog) -> tuple[str, ...]:
    """The names that the registry has for *service*, without those it repeats."""
    return _names(catalog.registry.standing(service.port, Transport(service.transport)))


def _names(standing: Standing) -> tuple[str, ...]:
    names = [row.service_name for row in standing.assignments]
    return tuple(dict.fromkeys([name for name in names if name]))


def uses(service: Service, catalog: Catalog) -> tuple[str, ...]:
    """The products that use the port of *service*."""
    found = catalog.practice.lookup_uses(service.port, Transport(service.transport))
    return tuple(dict.fromkeys(use.product for use in found))
