"""Audits as the tests ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.app.audit.engines import connect
from portbook.app.audit.pipeline import Audit, Order
from tests.values import CATALOG

if TYPE_CHECKING:
    from portbook.app.audit.engines.base import Engine
    from portbook.app.audit.result import AuditAnswer


def ask(*words: object, engine: Engine | None = None, **order: Any) -> AuditAnswer:
    """The answer to an audit of *words*, on DuckDB unless an *engine* is given."""
    made = engine or connect()
    try:
        return Audit(Order(tuple(map(str, words)), **order), made, CATALOG).run()
    finally:
        if engine is None:
            made.close()


def counts(answer: AuditAnswer) -> dict[tuple[str, int], int]:
    """The flows to each service."""
    return {(each.transport, each.port): each.flows for each in answer.services}
