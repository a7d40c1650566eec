"""From the rows that an engine returns, one a group, to the answer."""

from __future__ import annotations

from collections import defaultdict

from portbook.audit.expression import read_findings
from portbook.audit.faults import suspect
from portbook.audit.result import AuditAnswer, Input, Service, Tally
from portbook.audit.side import UNDECIDABLE
from portbook.audit.times import moment
from portbook.model import LAST_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from portbook.audit.files import Batch
    from portbook.audit.result import Fault
    from portbook.model import Level, Source

    Key = tuple[str, int, str]


def suspects(rows: Iterable[Mapping[str, Any]], unit: int, *, text: bool) -> bool:
    """Whether the groups tell that there are rows which can't be.

    *text* says that the source is text, in which a row without anything is a broken one.
    """
    return any(_suspicious(row, unit, text=text) for row in rows)


class _Sum:
    """A tally that grows."""

    __slots__ = ("_bytes", "_flows", "_services")

    def __init__(self) -> None:
        self._services = self._flows = self._bytes = 0

    def add(self, flows: int, many: int | None, services: int = 0) -> None:
        self._services += services
        self._flows += flows
        self._bytes += many or 0

    def tally(self) -> Tally:
        return Tally(self._services, self._flows, self._bytes)


class Collector:
    """Adds up groups of flows, from any number of batches."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._services: dict[Key, Service] = {}
        self._refused: dict[Key, Service] = {}
        self._unanswered = _Sum()
        self._undecidable = _Sum()
        self._portless = _Sum()
        self._no_data = 0

    def add(self, rows: Iterable[Mapping[str, Any]], unit: int) -> None:
        """Counts what an engine returned for one batch; its times are in *unit* a second."""
        for row in rows:
            flows, many = int(row["flows"] or 0), _whole(row["bytes"])
            if row["transport"] is None:
                if row["protocol"] is None and row["port"] is None:
                    self._no_data += flows
                else:
                    self._portless.add(flows, many)
            elif row["findings"] is None:
                if row["port"] == UNDECIDABLE:
                    self._undecidable.add(flows, many)
            elif row["answered"] is False:
                self._unanswered.add(flows, many)
                _add(self._refused, row, unit)
            else:
                _add(self._services, row, unit)

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
        services = tuple(
            sorted(
                self._services.values(),
                key=lambda each: (-each.gravity, -each.flows, each.transport, each.port),
            )
        )
        total = _Sum()
        states: defaultdict[str, _Sum] = defaultdict(_Sum)
        findings: defaultdict[tuple[str, Level], _Sum] = defaultdict(_Sum)
        for each in services:
            for held in (total, states[each.state], *map(findings.__getitem__, each.findings)):
                held.add(each.flows, each.bytes, 1)
        if self._no_data:
            what = "records say themselves that they have no data, or skipped it"
            if self._no_data == 1:
                what = "record says itself that it has no data, or skipped it"
            self.missing.append(f"{self._no_data:,} {what}")
        return AuditAnswer(
            engine,
            _inputs(batches),
            services,
            total.tally(),
            {state: held.tally() for state, held in states.items()},
            {finding: held.tally() for finding, held in findings.items()},
            self._unanswered.tally(),
            self._undecidable.tally(),
            self._portless.tally(),
            self._no_data,
            _in_order(faults),
            tuple(self.missing),
            min((each.first for each in services if each.first is not None), default=None),
            max((each.last for each in services if each.last is not None), default=None),
            sources,
        )


def _add(to: dict[Key, Service], row: Mapping[str, Any], unit: int) -> None:
    service = Service(
        row["transport"],
        int(row["port"]),
        row["state"],
        read_findings(int(row["findings"])),
        int(row["flows"] or 0),
        _whole(row["bytes"]),
        _whole(row["packets"]),
        moment(row["first"], unit),
        moment(row["last"], unit),
        row["reach"] or "",
    )
    held = to.get(service.key)
    to[service.key] = service if held is None else _both(held, service)


def _suspicious(row: Mapping[str, Any], unit: int, *, text: bool) -> bool:
    if row["protocol"] is None:
        if row["port"] is not None or text:
            return True
    elif row["transport"] is not None:
        port = row["port"]
        if port is None or (not 0 <= port <= LAST_PORT and port != UNDECIDABLE):
            return True
    try:
        times = (moment(row["first"], unit), moment(row["last"], unit))
    except (ValueError, OverflowError, TypeError):
        return True
    return suspect(row, times)


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


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


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
