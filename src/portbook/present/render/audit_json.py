"""An audit as a JSON object, ``portbook/audit/1`` (``docs/json.md``), and as rows of a table."""

from __future__ import annotations

import csv
import io

from portbook._fast_types import NamedTuple
from portbook.app.audit.describe import names, say, uses
from portbook.app.audit.outputs import FORMULA
from portbook.model.text import moment, unbyte
from portbook.present.escape import one_line
from portbook.present.phrases.findings import finding_message
from portbook.present.render.sockets_json import phrased
from portbook.schema.captures import AUDIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from portbook.app.audit.result import AuditAnswer, Service
    from portbook.catalog import Catalog
    from portbook.model import Level


class _Finding(NamedTuple):
    code: str
    level: Level
    message: str | None


class _Service(NamedTuple):
    service: Service
    names: Sequence[str]
    uses: Sequence[str]
    findings: Sequence[_Finding]


class _Audit(NamedTuple):
    answer: AuditAnswer
    services: Sequence[_Service]


def of_audit(answer: AuditAnswer, catalog: Catalog) -> dict[str, Any]:
    """``portbook/audit/1``."""
    services = [_described(each, catalog) for each in answer.services]
    return phrased(AUDIT).encode(_Audit(answer, services))


def _described(service: Service, catalog: Catalog) -> _Service:
    spoken = say(service, catalog) if service.is_unexpected else ()
    messages = {each.code: finding_message(each) for each in spoken}
    findings = [_Finding(code, level, messages.get(code)) for code, level in service.findings]
    return _Service(service, names(service, catalog), uses(service, catalog), findings)


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
