"""The reports of abuse in practice's files. A cell that can't be one's raises DataCorrupt."""

from __future__ import annotations

from portbook.catalog.practice.rows import names_of, number_of, statement_sources_of, transport_of
from portbook.errors import DataCorrupt
from portbook.model.reports import Report, ReportKind, Threat


def _report_kind(word: str, path: str) -> ReportKind:
    try:
        return ReportKind(word)
    except ValueError:
        raise DataCorrupt(path, f"{word[:20]!a} is no kind of a report") from None


def _threat(word: str, path: str) -> Threat:
    try:
        return Threat(word)
    except ValueError:
        raise DataCorrupt(path, f"{word[:20]!a} is no threat of a report") from None


def report_of(cells: list[str], path: str) -> Report:
    """The report of one row of ``abuse.tsv``, which is *path*. Raises DataCorrupt."""
    first, last, transport, kind, threat, period, subject, summary, source, read, *rest = cells
    also_called, sources = rest
    return Report(
        subject=subject,
        kind=_report_kind(kind, path),
        threat=_threat(threat, path),
        transport=transport_of(transport, path),
        first=number_of(first, path),
        last=number_of(last, path),
        period=period,
        summary=summary,
        source=source,
        read=read,
        also_called=names_of(also_called),
        sources=statement_sources_of(sources),
    )
