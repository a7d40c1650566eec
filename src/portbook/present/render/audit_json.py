"""An audit as a JSON object, ``portbook/audit/1`` (``docs/json.md``), and as rows of a table."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from math import floor

from portbook._fast_types import NamedTuple
from portbook.app.audit.describe import Describer, names, subject_of, uses
from portbook.app.audit.outputs import FORMULA
from portbook.errors import PortbookError
from portbook.model import Subject, SubjectKind
from portbook.model.text import moment, unbyte
from portbook.present.escape import one_line
from portbook.present.phrases.findings import finding_message
from portbook.present.render.json_text import json_line, quoted
from portbook.present.render.sockets_json import phrased
from portbook.present.render.table_text import row_writer
from portbook.schema.captures import AUDIT, AUDIT_SERVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from portbook.app.audit.describe import Described
    from portbook.app.audit.result import AuditAnswer, Service
    from portbook.catalog import Catalog
    from portbook.model import Level

# Named tuples are made of thousands of services: their own constructors take four times as long.
_new = tuple.__new__


class _Finding(NamedTuple):
    code: str
    level: Level
    message: str | None


class _Service(NamedTuple):
    service: Service
    names: Any
    uses: Any
    findings: Any


class _Audit(NamedTuple):
    answer: AuditAnswer
    services: Sequence[_Service]


def of_audit(answer: AuditAnswer, catalog: Catalog) -> dict[str, Any]:
    """``portbook/audit/1``."""
    describe = Describer(catalog, len(answer.services)).describe
    services = []
    for service in answer.services:
        told = describe(service)
        findings = _findings(told, subject_of(service))
        services.append(_Service(service, told.names, told.uses, findings))
    return phrased(AUDIT).encode(_Audit(answer, services))


def audit_pieces(
    answer: AuditAnswer, catalog: Catalog, texts: ServiceTexts | None = None
) -> Iterator[str]:
    """As :func:`of_audit`, as text on one line, a piece for each service.

    *texts* of its services are what was made of these already.
    """
    services = '"services":['  # no count and no text has it
    empty = phrased(AUDIT).encode(_Audit(answer, ()))
    begin, _, end = json_line(empty).partition(services)
    yield begin + services
    texts = texts or ServiceTexts(catalog, len(answer.services))
    written = dict.fromkeys(("service_names", "uses", "findings"), str)
    write = row_writer(AUDIT_SERVICE, {**written, "first": _moment, "last": _moment})
    comma = ""
    for text in write(map(texts.of, answer.services)):
        yield comma + text
        comma = ","
    yield end


class ServiceTexts:
    """What is told of *many* services, as JSON, each but its counts and hosts."""

    def __init__(self, catalog: Catalog, many: int) -> None:
        self._describe = Describer(catalog, many).describe
        self._known: dict[int, _Texts] = {}

    def prepare(self, services: Iterable[Service]) -> None:
        """Makes what :meth:`of` needs for *services*, so that it needn't later."""
        try:
            for each in services:
                self._texts(each)
        except PortbookError:  # told where it is needed
            pass

    def of(self, service: Service) -> _Service:
        """*service* with what is told of it."""
        known = self._texts(service)
        return _new(_Service, (service, known.names, known.uses, known.findings(service)))

    def _texts(self, service: Service) -> _Texts:
        told = self._describe(service)
        known = self._known.get(id(told))  # the describer has it as long as this
        if known is None:
            known = self._known[id(told)] = _Texts(told)
        return known


class _Texts:
    """What is *told* of services that are alike, as JSON: written once, and the port filled in."""

    __slots__ = ("_first", "_pieces", "_told", "names", "uses")

    def __init__(self, told: Described) -> None:
        self._told = told
        self.names, self.uses = json_line(told.names), json_line(told.uses)
        self._first = _findings_text(told, subject_of(told.first))  # most have no other
        # What stands around the ports; None before a second service needs it, and nothing where
        # that can't be told.
        self._pieces: list[str] | None = None

    def findings(self, service: Service) -> str:
        """The findings on *service*, which is one of these."""
        if service.port == self._told.first.port:
            return self._first
        pieces, port = self._pieces, str(service.port)
        if pieces:
            return port.join(pieces)
        text = _findings_text(self._told, subject_of(service))
        if pieces is None:
            marked = Subject(SubjectKind.PORT, f"{_MARK}/{service.transport}")
            pieces = _findings_text(self._told, marked).split(_MARK)
            self._pieces = pieces if port.join(pieces) == text else []
        return text


# Stands for a port, a number that nothing has but by malice.
_MARK = "480913205570"


def _findings_text(told: Described, subject: Subject) -> str:
    return f"[{','.join(map(_finding_text, _findings(told, subject)))}]"


def _finding_text(finding: _Finding) -> str:
    code, level, message = finding
    said = "null" if message is None else quoted(message)
    return f'{{"code":{quoted(code)},"level":{quoted(level)},"message":{said}}}'


def _findings(told: Described, subject: Subject) -> list[_Finding]:
    """The findings on *subject*, one of those of which the same is *told*."""
    if told.findings:
        return [
            _Finding(each.code, each.level, finding_message(each._replace(subject=subject)))
            for each in told.findings
        ]
    return [_Finding(code, level, None) for code, level in told.first.findings]


def _moment(seconds: float | None) -> str:
    """*seconds* as :func:`portbook.model.text.moment` has them, quoted."""
    if seconds is None:
        return "null"
    hours, rest = divmod(floor(seconds), 3600)
    return _hour(hours) + _IN_AN_HOUR[rest]


@lru_cache(maxsize=4096)
def _hour(hours: int) -> str:
    return f'"{moment(hours * 3600)[:-6]}'


_IN_AN_HOUR = [f'{minute:02}:{second:02}Z"' for minute in range(60) for second in range(60)]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


# The columns of the services as a table, with their Ibis types.
COLUMNS = {
    "transport": "string",
    "port": "int32",
    "reach": "string",
    "state": "string",
    "level": "string",
    "findings": "string",
    "service_names": "string",
    "uses": "string",
    "flows": "int64",
    "bytes": "int64",
    "packets": "int64",
    "first": "string",
    "last": "string",
    "hosts": "string",
    "spoken": "string",
}


def rows(answer: AuditAnswer, catalog: Catalog) -> Iterator[tuple[object, ...]]:
    """The services as rows of :data:`COLUMNS`, in the answer's order."""
    for each in answer.services:
        levels = [level for _, level in each.findings]
        hosts = [unbyte(share.host) for share in each.hosts or ()]
        yield (
            each.transport,
            each.port,
            each.reach or None,
            each.state,
            str(max(levels, key=lambda level: level.rank)) if levels else None,
            " ".join(code for code, _ in each.findings),
            " ".join(names(each, catalog)),
            ", ".join(uses(each, catalog)),
            each.flows,
            each.bytes,
            each.packets,
            _time(each.first),
            _time(each.last),
            " ".join(hosts) if each.hosts is not None else None,
            each.spoken or None,
        )


def render_csv(answer: AuditAnswer, catalog: Catalog) -> str:
    """A header, and a row for each service; lines end as RFC 4180 §2 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows(answer, catalog):
        writer.writerow([defused(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def defused(cell: str) -> str:
    r"""*cell* so that a spreadsheet shows it as text: nothing raw, and no formula.

    >>> defused('=HYPERLINK("https://example.org")'), defused("https")
    ('\'=HYPERLINK("https://example.org")', 'https')
    """
    clean = one_line(cell)
    return f"'{clean}" if cell.startswith(FORMULA) or clean.startswith(FORMULA) else clean
