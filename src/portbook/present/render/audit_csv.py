"""The services of an audit as CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io

from portbook.app.audit.spreadsheet import FORMULA
from portbook.present.escape import one_line
from portbook.present.render.audit_json import COLUMNS, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import AuditAnswer
    from portbook.catalog import Catalog


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
