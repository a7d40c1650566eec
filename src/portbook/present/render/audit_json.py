"""An audit as a JSON object, ``portbook/audit/1`` (``docs/json.md``), and as rows of a table."""

from __future__ import annotations

from portbook.app.audit.describe import names, say, uses
from portbook.app.audit.timestamps import iso
from portbook.present.escape import unbyte

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from portbook.app.audit.result import AuditAnswer, Service, Tally

    Object = dict[str, Any]


def of_audit(answer: AuditAnswer) -> Object:
    """``portbook/audit/1``."""
    change = answer.change
    return {
        "schema": "portbook/audit/1",
        "engine": answer.engine,
        "inputs": [
            {"format": each.format, "files": [unbyte(path) for path in each.files]}
            for each in answer.inputs
        ],
        "first": _time(answer.first),
        "last": _time(answer.last),
        "total": _tally(answer.total),
        "states": {state: _tally(tally) for state, tally in sorted(answer.states.items())},
        "findings": [
            {"code": code, "level": level, **_tally(tally)}
            for (code, level), tally in sorted(answer.findings.items())
        ],
        "services": [_service(each) for each in answer.services],
        "unanswered": _apart(answer.unanswered),
        "undecidable": _apart(answer.undecidable),
        "portless": _apart(answer.portless),
        "no_data": answer.no_data,
        "faults": [
            {"file": unbyte(each.file), "row": each.row, "reason": unbyte(each.reason),
             "more": each.more}
            for each in answer.faults
        ],
        "missing": [unbyte(reason) for reason in answer.missing],
        "since": change
        and {
            "as_of": change.since,
            "new": [_key(key) for key in change.new],
            "gone": [_key(key) for key in change.gone],
        },
        "pseudonymised": answer.pseudonymised,
        "sources": [
            {"id": each.id, "as_of": each.as_of, "what": each.what, "url": each.url}
            for each in answer.sources
        ],
    }  # fmt: skip


def _service(service: Service) -> Object:
    said = {each.code: each for each in say(service)} if service.is_unexpected else {}
    return {
        "transport": service.transport,
        "port": service.port,
        "reach": service.reach or None,
        "state": service.state,
        "service_names": list(names(service)),
        "uses": list(uses(service)),
        "findings": [
            {"code": code, "level": level, "message": said[code].message if code in said else None}
            for code, level in service.findings
        ],
        "flows": service.flows,
        "bytes": service.bytes,
        "packets": service.packets,
        "first": _time(service.first),
        "last": _time(service.last),
        "hosts": None
        if service.hosts is None
        else [
            {"host": unbyte(share.host), "flows": share.flows, "bytes": share.bytes}
            for share in service.hosts
        ],
    }


def _key(key: tuple[str, int, str]) -> Object:
    transport, port, reach = key
    return {"transport": transport, "port": port, "reach": reach or None}


def _tally(tally: Tally) -> Object:
    return {"services": tally.services, "flows": tally.flows, "bytes": tally.bytes}


def _apart(tally: Tally) -> Object:
    return {"flows": tally.flows, "bytes": tally.bytes}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


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


def rows(answer: AuditAnswer) -> Iterator[tuple[object, ...]]:
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
            " ".join(names(each)),
            ", ".join(uses(each)),
            each.flows,
            each.bytes,
            each.packets,
            _time(each.first),
            _time(each.last),
            " ".join(hosts) if each.hosts is not None else None,
        )
