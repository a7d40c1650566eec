"""The report of an audit as one HTML file: nothing is loaded from anywhere, no script runs.

It is the document of :mod:`portbook.present.views.audit` with the map of all ports above it,
coloured by traffic. Jinja escapes all text, after :mod:`portbook.present.escape` has made it
visible.
"""

from __future__ import annotations

import os
import re

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portbook.model import Level
from portbook.present.charts.map import SIDE
from portbook.present.charts.traffic import limits, render_traffic_svg
from portbook.present.document import Paragraph, Sources, Table
from portbook.present.escape import one_line
from portbook.present.sources import source_content, source_name
from portbook.present.views.audit import LOOK, compose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from portbook.app.audit.result import AuditAnswer, Service
    from portbook.catalog import Catalog

_NUMBER = re.compile(r"[\d,.]+( [kMGTPE]?B)?")


def render_html(answer: AuditAnswer, catalog: Catalog, limit: int) -> str:
    """The report on *answer* as a page that stands alone."""
    report = compose(answer, catalog, limit)
    page: str = _template().render(
        report=report,
        look=LOOK,
        sections=[
            (one_line(section.title), list(map(_item, section.items)))
            for section in report.sections
        ],
        # Everything that is put into it is a number or a word of portbook's own.
        picture=Markup(render_traffic_svg(answer, list(_named(answer, limit)))),  # noqa: S704
        rows=[(port, port / SIDE**2 * 100) for port in range(0, SIDE**2, SIDE * 32)],
        key=_key(answer),
        is_number=lambda cell: bool(_NUMBER.fullmatch(cell)),
    )
    return page


def _named(answer: AuditAnswer, limit: int) -> Iterator[Service]:
    """The services that the lists have: those to be looked into, then the busiest others."""
    yield from answer.unexpected[:limit]
    rest = [each for each in answer.services if each.gravity < Level.CHECK.rank]
    yield from sorted(rest, key=lambda each: (-each.flows, each.port))[:limit]


def _key(answer: AuditAnswer) -> list[tuple[int, str]]:
    """Each step of the colours with its least and greatest number of flows; no empty ones."""
    starts = limits(answer)
    return [
        (step, f"{start:,}" if after == start + 1 else f"{start:,} to {after - 1:,}")
        if after
        else (step, f"{start:,} and more")
        for step, (start, after) in enumerate(zip(starts, [*starts[1:], 0], strict=True), 1)
        if after != start
    ]


def _item(item: Any) -> tuple[str, Any]:
    if isinstance(item, Table):
        return ("headed" if item.head else "table"), item.rows
    if isinstance(item, Sources):
        return "table", [(source_name(each), source_content(each)) for each in item.sources]
    assert isinstance(item, Paragraph)
    return "text", item.text


def _template() -> Any:
    folder = os.path.join(os.path.dirname(__file__), "templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.get_template("audit.html")


def _visible(value: Any) -> Any:
    """Text with everything in it visible; what the template itself made is left as it is."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value
