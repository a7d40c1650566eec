"""An audit as a JSON object, ``portbook/audit/1`` (``docs/json.md``), and as rows of a table."""

from __future__ import annotations

import csv
import io

from portbook._fast_types import NamedTuple
from portbook.app.audit.describe import Describer, names, uses
from portbook.app.audit.outputs import FORMULA
from portbook.model import Finding, Subject, SubjectKind
from portbook.model.text import moment, unbyte
from portbook.present.escape import one_line
from portbook.present.phrases.findings import finding_message
from portbook.present.render.json_text import json_line, quoted
from portbook.present.render.sockets_json import phrased
from portbook.present.render.table_text import FindingTexts, row_writer
from portbook.schema.captures import AUDIT, AUDIT_SERVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

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
    names: Sequence[str]
    uses: Sequence[str]
    findings: Sequence[Any]


class _Audit(NamedTuple):
    answer: AuditAnswer
    services: Sequence[_Service]


def of_audit(answer: AuditAnswer, catalog: Catalog) -> dict[str, Any]:
    """``portbook/audit/1``."""
    services = [
        service._replace(
            findings=[
                _Finding(code, level, finding and finding_message(finding))
                for code, level, finding in service.findings
            ]
        )
        for service in _described(answer, catalog)
    ]
    return phrased(AUDIT).encode(_Audit(answer, services))


def audit_pieces(answer: AuditAnswer, catalog: Catalog) -> Iterator[str]:
    """As :func:`of_audit`, as text on one line, a piece for each service."""
    services = '"services":['  # no count and no text has it
    empty = phrased(AUDIT).encode(_Audit(answer, ()))
    begin, _, end = json_line(empty).partition(services)
    yield begin + services
    message = FindingTexts(finding_message).one

    def write(findings: Sequence[tuple[str, Level, Finding | None]]) -> str:
        pieces = [
            f'{{"code":{quoted(code)},"level":{quoted(level)},'
            f'"message":{"null" if finding is None else message(finding)}}}'
            for code, level, finding in findings
        ]
        return f"[{','.join(pieces)}]"

    comma = ""
    for text in row_writer(AUDIT_SERVICE, {"findings": write})(_described(answer, catalog)):
        yield comma + text
        comma = ","
    yield end


def _described(answer: AuditAnswer, catalog: Catalog) -> Iterator[_Service]:
    """The services with what is told of each; the verdict, where it is told, as its finding."""
    catalog.practice.expect(len(answer.services))
    describer = Describer(catalog)
    for service in answer.services:
        told_names, told_uses, told = describer.describe(service)
        findings: dict[str, Finding] = {}
        if told:
            subject = _new(Subject, (SubjectKind.PORT, f"{service.port}/{service.transport}"))
            for code, level, _, facts, evidence in told:
                findings[code] = _new(Finding, (code, level, subject, facts, evidence))
        said = tuple([(code, level, findings.get(code)) for code, level in service.findings])
        yield _new(_Service, (service, told_names, told_uses, said))


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
