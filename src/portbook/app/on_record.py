"""What is on record of a port and of the owners of its sockets, as the verdict weighs it."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Transport
from portbook.verdict.engine import weight_of_port
from portbook.verdict.facts import service_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from typing import Any

    from portbook.catalog import Catalog
    from portbook.model import KnownService, Program, Report, Standing, State, Tool, Use

# What makes the records of thousands of ports: their own constructor takes four times as long.
_new: Any = tuple.__new__
_NO_WORDS: frozenset[str] = frozenset()
_FEW_PORTS = 24  # of which something is said, each of them looked up by itself


class PortOnRecord(NamedTuple):
    """What is on record about one port of one transport, whatever is there.

    ``kind`` is equal for ports that are judged alike, whatever their numbers, for owners who have
    none of ``words``. These are, in lower case, the names of the services that are registered there
    and the words in the names of the products that use it.
    """

    standing: Standing
    uses: tuple[Use, ...]
    abuse: tuple[Report, ...]
    browser_blocked: bool
    services: tuple[KnownService, ...]
    kind: int
    words: frozenset[str] = frozenset()

    @property
    def service_names(self) -> tuple[str, ...]:
        """The services that the registry has there."""
        rows = self.standing.assignments
        if not rows:
            return ()
        return tuple(dict.fromkeys([row.service_name for row in rows if row.service_name]))


class OwnerOnRecord(NamedTuple):
    """What is on record about the program of one owner: by its path, by its name alone, and by
    what its arguments name.
    """

    path: str | None
    programs: tuple[Program, ...]
    named: tuple[Program, ...]
    tool: Tool | None


class OwnersOnRecord(NamedTuple):
    """What is on record about all owners of a socket.

    ``ports`` are those that are their programs' own. ``words`` are, in lower case, the services
    that they implement and the words in their names and those of their products. ``weighed`` is
    equal for owners who are judged alike.
    """

    each: tuple[OwnerOnRecord, ...]
    ports: frozenset[int]
    words: frozenset[str]
    weighed: object


class PortsOnRecord:
    """What is on record about ports, each looked up once.

    Where *said* is false, ports are of one kind of which the same facts are true, whatever is said
    of them: the verdict has codes and levels alone.
    """

    def __init__(self, catalog: Catalog, *, said: bool = True) -> None:
        self.said = said
        self._registry, self._practice = catalog.registry, catalog.practice
        self._found: dict[Transport, dict[int, PortOnRecord]] = {each: {} for each in Transport}
        self._silent: dict[int, PortOnRecord] = {}  # by the standing that such ports share
        # By what ports share that stand alike and are of the same spans of uses.
        self._spanned: dict[tuple[object, ...], PortOnRecord] = {}
        # Of some ports, the first of those of which practice says the same; and others.
        self._span_starts: list[tuple[range, Sequence[int]]] = []
        self._spoken_of = 0  # ports of which something is said
        self._kinds: dict[object, int] = {}

    @property
    def transports(self) -> list[Transport]:
        """Those of the ports that were asked for."""
        return [transport for transport, ports in self._found.items() if ports]

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        ports = self._found[transport]
        found = ports.get(port)
        if found is None:
            found = ports[port] = self._on_record(port, transport)
        return found

    def found(self, port: int, transport: Transport) -> PortOnRecord | None:
        """As :meth:`on_record`, of a port that was asked for before; None of another."""
        return self._found[transport].get(port)

    def _on_record(self, port: int, transport: Transport) -> PortOnRecord:
        at, practice = (port, transport), self._practice
        standing = self._registry.standing(port, transport)
        if practice.silent(port, transport):
            known = self._silent.get(id(standing))
            if known is not None:
                return known
            kind = self._kind(at, standing, (), (), (), blocked=False)
            words = frozenset(service_names(standing)) if standing.assignments else _NO_WORDS
            found: PortOnRecord = _new(PortOnRecord, (standing, (), (), False, (), kind, words))
            if not standing.assignments:
                self._silent[id(standing)] = found
            return found
        span = (self._run_of(port), transport, id(standing))
        known = self._spanned.get(span)
        if known is not None:
            return known
        uses, abuse = practice.lookup_uses(*at), practice.lookup_abuse(*at)
        blocked, services = practice.browser_blocked(port), practice.lookup_services(*at)
        kind = self._kind(at, standing, uses, abuse, services, blocked=blocked)
        words = frozenset(service_names(standing)) if standing.assignments else _NO_WORDS
        words = words.union(*[use.product.lower().split() for use in uses]) if uses else words
        found = PortOnRecord(
            standing=standing,
            uses=uses,
            abuse=abuse,
            browser_blocked=blocked,
            services=services,
            kind=kind,
            words=words,
        )
        if not (standing.assignments or abuse or services or blocked):
            self._spanned[span] = found
        return found

    def _run_of(self, port: int) -> int:
        """The lowest of the ports up to *port* of which practice says the same; *port* itself for
        the first few, which aren't worth to look for it.
        """
        self._spoken_of += 1
        if self._spoken_of <= _FEW_PORTS:
            return port
        from bisect import bisect_right

        starts = next((starts for ports, starts in self._span_starts if port in ports), None)
        if starts is None:
            ports, found = self._practice.run_starts_around(port)
            if self.said:
                known = self._practice.programs()
                homes = {number for program in known for number, _ in program.ports}
                found = found.union(homes, [number + 1 for number in homes])
            starts = sorted(found)
            self._span_starts.append((ports, starts))
        return starts[bisect_right(starts, port) - 1]

    def _kind(
        self,
        at: tuple[int, Transport],
        standing: Standing,
        uses: tuple[Use, ...],
        abuse: tuple[Report, ...],
        services: tuple[KnownService, ...],
        *,
        blocked: bool,
    ) -> int:
        """The number of the kind of port that *at* is; see :class:`PortOnRecord`.

        Where nothing is said, ports are alike of which the same facts are true
        (:func:`portbook.verdict.engine.weight_of_port`). Where something is, a port is like others
        of the same standing, uses and programs, as long as nothing is said of it alone.
        """
        if not self.said:
            names = service_names(standing) if uses or abuse else _NO_WORDS
            return self.bare_kind(standing.state, names, uses, abuse, services, blocked=blocked)
        kind: object = at
        if not (standing.assignments or abuse or services or blocked):
            # Held with their ports, so that no other ever is at the same place.
            met = [id(each) for each in uses]
            if uses:
                met += [id(each) for each in self._practice.programs_on(*at)]
            kind = (standing.state, standing.listed, standing.text, *met)
        return self._kinds.setdefault(kind, len(self._kinds))

    def bare_kind(
        self,
        state: State,
        names: AbstractSet[str],
        uses: Sequence[Use],
        abuse: Sequence[Report],
        services: Sequence[KnownService],
        *,
        blocked: bool,
    ) -> int:
        """The number of the kind of port that is assigned to *names*, where nothing is said."""
        kind: object = state
        if uses or abuse or services or blocked:
            weight = weight_of_port(names, uses, abuse) if uses or abuse else ()
            # Held with their ports, so that no other ever is at the same place.
            advised = [id(each) for each in services if each.exposure is not None]
            met = any(each.leads for each in services)
            kind = (state, blocked, met, weight, *advised)
        return self._kinds.setdefault(kind, len(self._kinds))
