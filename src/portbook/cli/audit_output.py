"""The files that ``portbook audit`` writes."""

from __future__ import annotations

import os

from portbook.errors import MissingExtra, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.audit.pipeline import Audit
    from portbook.app.audit.result import AuditAnswer
    from portbook.catalog import Catalog

ENDINGS = (".html", ".json", ".parquet", ".csv", ".txt")


def check_outputs(paths: Sequence[str], rows: str | None) -> None:
    """Raises UsageError, before anything is read, where an output can't be written."""
    from portbook.app.audit.annotate_rows import check_path

    if rows is not None:
        check_path(rows)
    for path in paths:
        if not path.lower().endswith(ENDINGS):
            raise UsageError(f"--output {shown(path)} ends in none of {', '.join(ENDINGS)}")
    for path in (*paths, *([rows] if rows else [])):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"{shown(path)} can't be written: there is no folder {shown(folder)}")


def write_outputs(audit: Audit, answer: AuditAnswer, paths: Sequence[str], limit: int) -> None:
    """Writes *answer* to each of *paths*, in the form that its name ends in."""
    from portbook.app.audit.outputs import write_table, write_text

    for path in paths:
        if path.lower().endswith(".parquet"):
            from portbook.present.render.audit_json import COLUMNS, rows

            table = audit.engine.lookup(
                "portbook_services", COLUMNS, list(rows(answer, audit.catalog))
            )
            write_table(audit.engine, table, path, lambda _: None)
        else:
            write_text(path, _text_of(path.lower(), answer, audit.catalog, limit))


def _text_of(path: str, answer: AuditAnswer, catalog: Catalog, limit: int) -> str:
    if path.endswith(".html"):
        try:
            from portbook.present.render.audit_html import render_html
        except ModuleNotFoundError as error:
            if error.name not in ("jinja2", "markupsafe"):
                raise
            raise MissingExtra("audit", "a report as HTML") from error
        return render_html(answer, catalog, limit)
    if path.endswith(".json"):
        from portbook.present.render.audit_json import of_audit
        from portbook.present.render.json_text import compact_pieces

        return "".join(compact_pieces(of_audit(answer, catalog))) + "\n"
    if path.endswith(".csv"):
        from portbook.present.render.audit_csv import render_csv

        return render_csv(answer, catalog)
    from portbook.present.render.text import Style
    from portbook.present.views.audit import render_audit

    return render_audit(answer, catalog, Style(), limit)
