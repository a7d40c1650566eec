"""From the rows that an engine returns, one a group, to the answer."""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter

from portbook.app.audit.flow_schema import Judged
from portbook.app.audit.result import AuditAnswer, Input, Service, Tally
from portbook.app.audit.row_errors import MOST_OF_MANY
from portbook.app.audit.rules_ibis import read_findings
from portbook.app.audit.server_side import UNDECIDABLE
from portbook.app.audit.timestamps import latest, moment
from portbook.formats.flows.layout import NO_FLOW
from portbook.model import LAST_PORT, Gap, GapCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from portbook.app.audit.engines.base import Batch
    from portbook.formats.base import Fault
    from portbook.model import Level, Source

    Key = tuple[str, int, str, str]
    Findings = tuple[tuple[str, Level], ...]


# Times of these types are divided here: a call for each of thousands takes longer than all else.
_NUMBERS = frozenset([int, float])
_FIRST, _LAST = Judged._fields.index("first"), Judged._fields.index("last")


def suspects(rows: Iterable[tuple[Any, ...]], unit: int, *, text: bool) -> bool:
    """Whether the groups tell that there are rows which can't be.

    *rows* are :class:`~portbook.app.audit.flow_schema.Judged`, with their times in *unit* a second.
    *text* says that the source is text, in which a row without anything is a broken one.
    """
    held, now = list(rows), latest()
    try:
        began = _seconds([row[_FIRST] for row in held], unit)
        ended = _seconds([row[_LAST] for row in held], unit)
    except (ValueError, OverflowError, TypeError):
        return True
    # What is no number compares with nothing.
    if not (all(each >= 0 for each in began) and all(each <= now for each in ended)):
        return True
    # Thousands of rows, and nothing but this is done with most of them: they aren't given names.
    for (
        protocol, port, _, _, flows, octets, packets, least_octets, least_packets, _, _,
        _, transport, _, _,
    ) in held:  # fmt: skip
        if protocol is None:
            if port is not None or text:
                return True
        elif transport is not None and (
            port is None or not (0 <= port <= LAST_PORT or port == UNDECIDABLE)
        ):
            return True
        for least, whole in ((least_octets, octets), (least_packets, packets)):
            if (least is not None and least < 0) or (whole is not None and whole > MOST_OF_MANY):
                return True
        if flows is None or not 0 <= flows <= MOST_OF_MANY:
            return True
    return False


def _seconds(values: Iterable[Any], unit: int) -> list[float]:
    """Those of *values* that are there, as :func:`~portbook.app.audit.timestamps.moment` has them.

    Raises ValueError, OverflowError or TypeError where one can't be read.
    """
    found = [
        each / unit if type(each) in _NUMBERS else moment(each, unit)
        for each in values
        if each is not None
    ]
    return [each for each in found if each is not None]


class _Sum:
    """A tally that grows."""

    __slots__ = ("bytes", "count", "flows")

    def __init__(self) -> None:
        self.count = self.flows = 0
        self.bytes: int | None = None  # of those flows of which it is known

    def add(self, flows: int, many: int | None, count: int = 1) -> None:
        self.count += count
        self.flows += flows
        self.bytes = _sum(self.bytes, many)

    def tally(self) -> Tally:
        """As a tally of services."""
        return Tally(self.count, self.flows, self.bytes if self.flows else 0)

    def apart(self) -> Tally:
        """As a tally of what belongs to no service."""
        return Tally(0, self.flows, self.bytes if self.flows else 0)


class Collector:
    """Adds up groups of flows, from any number of batches."""

    def __init__(self) -> None:
        self.missing: list[Gap] = []
        self._services: dict[Key, Service] = {}
        self._refused: dict[Key, Service] = {}
        self._unanswered = _Sum()
        self._undecidable = _Sum()
        self._portless = _Sum()
        self._no_data = self._other_records = 0

    def add(self, rows: Iterable[tuple[Any, ...]], unit: int) -> None:
        """Counts the groups of one batch: *rows* as in :func:`suspects`."""
        for (
            protocol, port, answered, reach, count, total, packets, _, _, first, last,
            spoken, transport, state, number,
        ) in rows:  # fmt: skip
            flows, octets = int(count or 0), None if total is None else int(total)
            if transport is None:
                if protocol == NO_FLOW:
                    self._other_records += flows
                elif protocol is None and port is None:
                    self._no_data += flows
                else:
                    self._portless.add(flows, octets)
            elif number is None or port is None or state is None:
                if port == UNDECIDABLE:
                    # What was refused is no service, whichever side it would be on.
                    apart = self._unanswered if answered is False else self._undecidable
                    apart.add(flows, octets)
            else:
                to = self._services
                if answered is False:
                    self._unanswered.add(flows, octets)
                    to = self._refused
                # The constructor takes four times as long; the fields are Service's, in order.
                service: Service = tuple.__new__(
                    Service,
                    (
                        transport,
                        int(port),
                        state,
                        read_findings(int(number)),
                        flows,
                        octets,
                        None if packets is None else int(packets),
                        first / unit if type(first) in _NUMBERS else _moment(first, unit),
                        last / unit if type(last) in _NUMBERS else _moment(last, unit),
                        reach or "",
                        None,
                        spoken or "",
                    ),
                )
                key = (transport, service.port, reach or "", spoken or "")
                held = to.get(key)
                to[key] = service if held is None else _both(held, service)

    def seen(self) -> list[Service]:
        """Every service that was added, also those that answered nobody."""
        return list({**self._refused, **self._services}.values())

    def answer(
        self,
        engine: str,
        batches: Iterable[Batch],
        faults: Sequence[Fault],
        sources: tuple[Source, ...],
    ) -> AuditAnswer:
        """Everything that was added, as one answer; without the hosts."""
        # Sorts by one number or word each, which keep the order within what is equal, take less
        # than one does that compares several, or has a function called for each of thousands.
        services = sorted(self._services.values(), key=attrgetter("port"))
        services.sort(key=attrgetter("transport"))
        services.sort(key=attrgetter("flows"), reverse=True)
        # Of thousands of services, there are a dozen kinds. They hold what identifies these.
        alike: dict[tuple[str, int], list[Service]] = {}
        for each in services:
            key = (each.state, id(each.findings))
            if key in alike:
                alike[key].append(each)
            else:
                alike[key] = [each]
        services = _most_urgent_first(services, alike.values())
        kinds: defaultdict[tuple[str, Findings], _Sum] = defaultdict(_Sum)
        for some in alike.values():
            octets = [each.bytes for each in some if each.bytes is not None]
            kinds[some[0].state, some[0].findings].add(
                sum([each.flows for each in some]), sum(octets) if octets else None, len(some)
            )
        total = _Sum()
        states: defaultdict[str, _Sum] = defaultdict(_Sum)
        findings: defaultdict[tuple[str, Level], _Sum] = defaultdict(_Sum)
        for (state, found), kind in kinds.items():
            for held in (total, states[state], *map(findings.__getitem__, found)):
                held.add(kind.flows, kind.bytes, kind.count)
        if self._no_data:
            self.missing.append(Gap(GapCode.NO_DATA, number=self._no_data))
        return AuditAnswer(
            engine=engine,
            inputs=_inputs(batches),
            services=tuple(services),
            total=total.tally(),
            states={state: held.tally() for state, held in states.items()},
            findings={finding: held.tally() for finding, held in findings.items()},
            unanswered=self._unanswered.apart(),
            undecidable=self._undecidable.apart(),
            portless=self._portless.apart(),
            no_data=self._no_data,
            faults=_in_order(faults),
            missing=tuple(self.missing),
            first=min((each.first for each in services if each.first is not None), default=None),
            last=max((each.last for each in services if each.last is not None), default=None),
            sources=sources,
            other_records=self._other_records,
        )


def _most_urgent_first(services: list[Service], alike: Iterable[list[Service]]) -> list[Service]:
    """*services* by their urgency, in the same order where that is equal; those of each list of
    *alike* have the same findings.
    """
    urgency = {id(some[0].findings): some[0].urgency for some in alike}
    ranks = {each: rank for rank, each in enumerate(sorted(set(urgency.values()), reverse=True))}
    rank_of = {findings: ranks[each] for findings, each in urgency.items()}
    return sorted(services, key=lambda each: rank_of[id(each.findings)])


def _moment(value: object, unit: int) -> float | None:
    """As :func:`~portbook.app.audit.timestamps.moment`; None also where *value* can't be read."""
    try:
        return moment(value, unit)
    except (ValueError, OverflowError, TypeError):
        return None


def _both(one: Service, other: Service) -> Service:
    return one._replace(
        flows=one.flows + other.flows,
        bytes=_sum(one.bytes, other.bytes),
        packets=_sum(one.packets, other.packets),
        first=min((each for each in (one.first, other.first) if each is not None), default=None),
        last=max((each for each in (one.last, other.last) if each is not None), default=None),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _in_order(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """*faults* by file, and in one those of a reason together, the first that was met first."""
    first: dict[tuple[str, str], int] = {}
    for each in faults:
        key = (each.file, each.reason)
        first[key] = min(each.row or 0, first.get(key, each.row or 0))
    return tuple(
        sorted(faults, key=lambda each: (each.file, first[each.file, each.reason], each.reason))
    )


def _inputs(batches: Iterable[Batch]) -> tuple[Input, ...]:
    files: dict[str, list[str]] = {}
    for batch in batches:
        files.setdefault(batch.layout.format, []).extend(batch.files)
    return tuple(Input(name, tuple(paths)) for name, paths in files.items())
