"""What is told of a service that was counted: its names, its uses, and the verdict in words.

An answer has the codes of all services. What is told of each is looked up when it is shown: that is
a few of thousands.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import (
    Assessment,
    Family,
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import Service
    from portbook.catalog import Catalog
    from portbook.model import Finding, Standing

# To look a word up takes a fifth of what the enum's constructor does.
_TRANSPORTS = {str(each): each for each in Transport}
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
    subject = Subject(SubjectKind.PORT, f"{service.port}/{service.transport}")
    return judge(case_of(service, catalog), subject=subject)


class Described(NamedTuple):
    """What is told of one service: its names, the products that use its port, and the findings on
    it where it is unexpected.
    """

    names: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


_NOTHING = Described()


class Describer:
    """What is told of each of many services: ports of which nothing is on record are judged once,
    and their findings concern the first of them.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[object, ...], tuple[Standing, tuple[Finding, ...]]] = {}

    def describe(self, service: Service) -> Described:
        """What is told of *service*."""
        port, transport = service.port, _TRANSPORTS[service.transport]
        practice = self._catalog.practice
        standing = self._catalog.registry.standings(port)[transport]
        silent = practice.silent(port, transport)
        used = () if silent else practice.lookup_uses(port, transport)
        findings: tuple[Finding, ...] = ()
        if service.is_unexpected:
            if standing.assignments or not silent:
                findings = say(service, self._catalog)
            else:
                key = (id(standing), transport, service.reach)
                found = self._known.get(key)
                if found is None:
                    # Held with what is known of it, so that what identifies it is no other's.
                    found = self._known[key] = (standing, say(service, self._catalog))
                findings = found[1]
        elif silent and not standing.assignments:
            return _NOTHING
        return Described(
            _names(standing) if standing.assignments else (),
            tuple(dict.fromkeys([use.product for use in used])) if used else (),
            findings,
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
