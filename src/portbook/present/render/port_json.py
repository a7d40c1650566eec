"""An answer as JSON objects, with the keys of the contract (``docs/json.md``).

Keys are only ever added within a version of a schema. What no source holds is ``null``.
"""

from __future__ import annotations

from portbook.app.lookup import PortAnswer, RangeAnswer, SearchAnswer, ServiceAnswer
from portbook.present.escape import unbyte
from portbook.present.phrases import gap_sentences
from portbook.present.render.sockets_json import (
    of_findings,
    of_host,
    of_listener,
    of_own_notes,
    of_redirect,
)
from portbook.present.views.changes import of_change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from portbook.app.listen import HereAnswer
    from portbook.app.lookup import Answer
    from portbook.catalog.registry.search import Match
    from portbook.catalog.registry.stats import Stats
    from portbook.model import Assignment, Block, Neighbour, Report, Source, Standing, State, Use

    Object = dict[str, Any]


def of(answer: Answer) -> Object:
    """*answer* as one object with its schema."""
    if isinstance(answer, PortAnswer):
        return of_port(answer)
    if isinstance(answer, ServiceAnswer):
        return of_service(answer)
    if isinstance(answer, RangeAnswer):
        return of_range(answer)
    return of_search(answer)


def of_port(answer: PortAnswer) -> Object:
    """``portbook/port/1``."""
    return {
        "schema": "portbook/port/1",
        "port": answer.port,
        "range": answer.range.name,
        "state": answer.state,
        "transports": {
            transport: _standing(standing) for transport, standing in answer.standings.items()
        },
        "block": _block(answer.block),
        "neighbours": {
            "before": [_neighbour(near) for near in answer.before],
            "after": [_neighbour(near) for near in answer.after],
        },
        "uses": [_use(use) for use in answer.uses],
        "abuse": [_report(report) for report in answer.abuse],
        "browser_blocked": answer.browser_blocked,
        "host": None
        if answer.host is None
        else of_host(answer.host, answer.redirects, answer.connections),
        "findings": of_findings(answer.findings),
        "own_notes": None if answer.host is None else of_own_notes(answer.host.notes),
        "history": [of_change(change) for change in answer.history],
        "notes": list(answer.query.notes),
        "sources": _sources(answer.sources),
    }


def of_service(answer: ServiceAnswer) -> Object:
    """``portbook/service/1``."""
    return {
        "schema": "portbook/service/1",
        "service_name": answer.name,
        "ports": sorted({row.first for row in answer.assignments if row.first is not None}),
        "assignments": [_assignment(row) for row in answer.assignments],
        "without_port": [_assignment(row) for row in answer.portless],
        "history": [of_change(change) for change in answer.history],
        "notes": list(answer.query.notes),
        "sources": _sources(answer.sources),
    }


def of_search(answer: SearchAnswer) -> Object:
    """``portbook/search/1``."""
    return {
        "schema": "portbook/search/1",
        "text": unbyte(answer.text),
        "found": answer.found,
        "total": len(answer.matches),
        "total_uses": len(answer.uses),
        "matches": [_match(match) for match in answer.matches[: answer.shown]],
        "uses": [_use(use) for use in answer.uses[: answer.shown]],
        "own_notes": None if answer.own_notes is None else of_own_notes(answer.own_notes),
        "notes": list(answer.query.notes),
        "sources": _sources(answer.sources),
    }


def of_range(answer: RangeAnswer) -> Object:
    """``portbook/range/1``."""
    return {
        "schema": "portbook/range/1",
        "first": answer.first,
        "last": answer.last,
        "size": answer.last - answer.first + 1,
        "transport": answer.transport,
        "states": dict(answer.counts),
        "blocks": [_block(block) for block in answer.blocks],
        "assignments": [_assignment(row) for row in answer.assignments],
        "host": None if answer.host is None else of_host(answer.host, answer.redirects),
        "findings": of_findings(answer.findings),
        "own_notes": None if answer.host is None else of_own_notes(answer.host.notes),
        "notes": list(answer.query.notes),
        "sources": _sources(answer.sources),
    }


def of_here(answer: HereAnswer) -> Object:
    """``portbook/listen/1``."""
    return {
        "schema": "portbook/listen/1",
        "listeners": [of_listener(listener) for listener in answer.listeners],
        "visibility": answer.visibility,
        "missing": [unbyte(reason) for reason in gap_sentences(answer.missing)],
        "redirects": [of_redirect(redirect) for redirect in answer.redirects],
        "own_notes": of_own_notes(answer.notes),
        "sources": _sources(answer.sources),
    }


def of_blocks(
    blocks: Iterable[Block], state: State | None, range_name: str | None, sources: Iterable[Source]
) -> Object:
    """``portbook/blocks/1``."""
    listed = [{**_block(block), "range": block.range} for block in blocks]
    return {
        "schema": "portbook/blocks/1",
        "state": state,
        "range": range_name,
        "count": len(listed),
        "ports": sum(block["size"] for block in listed),
        "blocks": listed,
        "sources": _sources(sources),
    }


def of_stats(stats: Stats, sources: Iterable[Source]) -> Object:
    """``portbook/stats/1``; the key ``headline`` counts ports by their headline state."""
    ranges: Object = {}
    for each in stats.ranges:
        range_ = ranges.setdefault(
            each.range.name,
            {"first": each.range.first, "last": each.range.last, "size": each.range.size},
        )
        range_[each.transport or "headline"] = dict(each.states)
    return {
        "schema": "portbook/stats/1",
        "ranges": ranges,
        "services": stats.services,
        "services_without_port": stats.portless,
        "assigned_rows": stats.assigned_rows,
        "registrations": {
            "as_of": stats.registration_as_of,
            "years": dict(stats.years),
            "undated": stats.undated,
        },
        "assignees": {
            "as_of": stats.registration_as_of,
            "rows": dict(stats.assignees),
            "not_recorded": stats.assignee_not_recorded,
        },
        "sources": _sources(sources),
    }


def _standing(standing: Standing) -> Object:
    return {
        "state": standing.state,
        "listed": standing.listed,
        "text": standing.text,
        "references": list(standing.references),
        "assignments": [_assignment(row) for row in standing.assignments],
    }


def _assignment(row: Assignment) -> Object:
    return {
        "service_name": row.service_name,
        "aliases": list(row.aliases),
        "description": row.description,
        "references": list(row.references),
        "assignee": row.assignee,
        "registered": row.registered,
        "modified": row.modified,
        "unauthorized_use": row.unauthorized_use,
        "notes": row.notes,
        "service_code": row.service_code,
        "first": row.first,
        "last": row.last,
        "transport": row.transport,
        "transport_stated": row.transport_stated,
        "as_of": {
            "registry": row.as_of.get("registry"),
            "registration": row.as_of.get("registration"),
        },
    }


def _block(block: Block) -> Object:
    return {
        "state": block.state,
        "first": block.first,
        "last": block.last,
        "size": block.size,
        "rank": block.rank,
        "of": block.of,
    }


def _neighbour(near: Neighbour) -> Object:
    return {
        "port": near.port,
        "service_names": list(near.service_names),
        "description": near.description,
    }


def _use(use: Use) -> Object:
    return {
        "product": use.product,
        "kind": use.kind,
        "transport": use.transport,
        "first": use.first,
        "last": use.last,
        "summary": use.summary,
        "source": use.source,
        "read": use.read,
    }


def _report(report: Report) -> Object:
    return {
        "subject": report.subject,
        "kind": report.kind,
        "transport": report.transport,
        "first": report.first,
        "last": report.last,
        "period": report.period,
        "summary": report.summary,
        "source": report.source,
        "read": report.read,
    }


def _match(match: Match) -> Object:
    return {
        "score": match.score,
        "why": match.why,
        "service_name": match.service_name,
        "description": match.description,
        "ports": [
            {"first": first, "last": last, "transport": transport}
            for first, last, transport in match.ports
        ],
    }


def _sources(sources: Iterable[Source]) -> list[Object]:
    return [
        {"id": source.id, "as_of": source.as_of, "what": source.what, "url": source.url}
        for source in sources
    ]


of_sources = _sources
