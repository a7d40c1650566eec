"""The report of an audit as one HTML file: nothing is loaded from anywhere, no script runs.

It is the document of :mod:`portbook.pages.audit` with the map of all ports above it, coloured by
traffic. Jinja escapes all text, after :mod:`portbook.pages.escape` has made it visible.
"""

from __future__ import annotations

import base64
import math
import os

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portbook.model import PORTS, Level
from portbook.pages.audit import compose
from portbook.pages.document import Paragraph, Table
from portbook.pages.escape import one_line
from portbook.pages.pictures.map import SIDE
from portbook.pages.pictures.png import render_png

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from portbook.audit.result import AuditAnswer, Service

# No traffic, then ever more of it: blues for what is as it should be, oranges and reds for what is
# to be looked into. Both rise in lightness too, so that they can be told apart without colour.
_NONE = "#12161d"
_FINE = ("#17364f", "#1d567f", "#2a7ab3", "#56b4e9", "#a6dcff")
_LOOK = ("#5c2a12", "#933f10", "#d55e00", "#f0a13a", "#ffd98a")
PALETTE = (_NONE, *_FINE, *_LOOK)
_STEPS = len(_FINE)


def render_html(answer: AuditAnswer, limit: int) -> str:
    """The report on *answer* as a page that stands alone."""
    report = compose(answer, limit)
    picture = base64.b64encode(render_traffic_png(answer, 3)).decode()
    page: str = _template().render(
        title=report.title,
        lead=report.lead,
        sections=[(section.title, list(map(_item, section.items))) for section in report.sections],
        picture=picture,
        fine=_FINE,
        look=_LOOK,
        limits=_limits(answer),
    )
    return page


def _item(item: Any) -> tuple[str, Any]:
    if isinstance(item, Table):
        return "table", item.rows
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


def render_traffic_png(answer: AuditAnswer, scale: int = 1) -> bytes:
    """All 65,536 ports, each in the colour of its flows; the gravest service of a port decides."""
    most = _most(answer)
    pixels = bytearray(PORTS)
    for each in reversed(answer.services):  # the gravest come first, and so are drawn last
        pixels[each.port] = max(pixels[each.port], _shade(each, most))
    return render_png(bytes(pixels), SIDE, PALETTE, scale)


def _most(answer: AuditAnswer) -> int:
    return max((each.flows for each in answer.services), default=1)


def _shade(service: Service, most: int) -> int:
    """The place in :data:`PALETTE` of a service; its steps are equal on a logarithmic scale."""
    share = math.log(max(1, service.flows)) / math.log(max(2, most))
    step = min(_STEPS - 1, int(share * _STEPS))
    return 1 + step + (_STEPS if service.gravity >= Level.CHECK.rank else 0)


def _limits(answer: AuditAnswer) -> list[str]:
    """From how many flows on each step of the colours is."""
    most = max(2, _most(answer))
    return [f"{math.ceil(most ** (step / _STEPS) - 1e-9):,}" for step in range(_STEPS)]
