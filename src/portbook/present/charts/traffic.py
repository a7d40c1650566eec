"""The map of all ports by traffic: a row for each high byte, a column for each low byte, as SVG.

What is as it should be is round and blue, what is to be looked into square and orange; each grows,
and stands out more, with its flows. The colours are the page's: classes ``f1`` to ``f5`` and ``l1``
to ``l5``, so that they follow its theme.
"""

from __future__ import annotations

import math

from portbook.model import DYNAMIC_PORTS, SYSTEM_PORTS, Level
from portbook.present.charts.map import SIDE, place
from portbook.present.escape import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.audit.result import AuditAnswer, Service

STEPS = 5
# How wide the marks of the least and of the most traffic are, in cells of the map: where few ports
# have traffic they may lie over their empty neighbours, where many have they may not.
_WIDTHS = ((400, 2.4, 5.0), (3000, 1.5, 2.7))
_LABELS = 8
_HIGH, _WIDE = 8, 30  # the room that a label takes, in cells


def shades(answer: AuditAnswer) -> dict[int, tuple[bool, int]]:
    """For each port with traffic, whether it is to be looked into, and the step of its traffic.

    Of several services of one port the most serious and the busiest decide.
    """
    most = most_flows(answer)
    found: dict[int, tuple[bool, int]] = {}
    for each in answer.services:
        grave = each.gravity >= Level.CHECK.rank
        held = found.get(each.port, (False, 1))
        found[each.port] = (held[0] or grave, max(held[1], _step(each, most)))
    return found


def most_flows(answer: AuditAnswer) -> int:
    """The flows of the busiest service; at least 2."""
    return max((each.flows for each in answer.services), default=2) or 2


def _step(service: Service, most: int) -> int:
    """From 1 to :data:`STEPS`; the steps are equal on a logarithmic scale."""
    share = math.log(max(1, service.flows)) / math.log(max(2, most))
    return 1 + min(STEPS - 1, int(share * STEPS))


def limits(answer: AuditAnswer) -> list[int]:
    """From how many flows on each step is.

    A step that no number of flows falls on has the same limit as the one after it.
    """
    most = max(2, most_flows(answer))
    return [max(1, math.ceil(most ** (step / STEPS) - 1e-9)) for step in range(STEPS)]


def render_traffic_svg(answer: AuditAnswer, named: Sequence[Service]) -> str:
    """The map as an element of a page; *named* are the services that it tells the numbers of.

    The middle of a cell has whole coordinates.
    """
    drawn = shades(answer)
    least, greatest = next(
        ((low, high) for count, low, high in _WIDTHS if len(drawn) < count), (1.0, 1.0)
    )
    paths = []
    for grave in (False, True):
        for step in range(1, STEPS + 1):
            ports = sorted(port for port, shade in drawn.items() if shade == (grave, step))
            if ports:
                width = least + (greatest - least) * (step - 1) / (STEPS - 1)
                paths.append(
                    f'<path class="{"l" if grave else "f"}{step}" stroke-width="{width:.1f}" '
                    f'd="{"".join(_strokes(ports))}"/>'
                )
    return (
        f'<svg viewBox="-.5 -.5 {SIDE} {SIDE}" role="img" aria-labelledby="map-title map-text">'
        '<title id="map-title">All 65,536 ports by traffic</title>'
        f'<desc id="map-text">{_described(answer, drawn)}</desc>'
        f'<path class="grid" d="{_borders()}"/>{"".join(paths)}'
        f"{''.join(_spots(named))}{''.join(_labels(named))}</svg>"
    )


def _strokes(ports: Sequence[int]) -> Iterator[str]:
    """Runs of *ports* in one row, each as a stroke from the middle of a cell to one's."""
    first = last = ports[0]
    for port in (*ports[1:], -1):
        if port == last + 1 and port % SIDE:
            last = port
            continue
        column, row = place(first)
        yield f"M{column} {row}h{last - first}"
        first = last = port


def _borders() -> str:
    """Where System Ports end and Dynamic Ports begin."""
    rows = ((SYSTEM_PORTS.last + 1) // SIDE, DYNAMIC_PORTS.first // SIDE)
    return "".join(f"M-.5 {row - 1}.5h{SIDE}" for row in rows)


def _described(answer: AuditAnswer, drawn: dict[int, tuple[bool, int]]) -> str:
    grave = sum(1 for look, _ in drawn.values() if look)
    text = f"{len(drawn):,} ports have traffic, {grave:,} of them are to be looked into."
    if answer.services:
        busiest = sorted(answer.services, key=lambda each: (-each.flows, each.port))[:5]
        text += f" The busiest: {', '.join(map(_told, busiest))}."
    if answer.unexpected:
        text += f" First to look into: {', '.join(map(_told, answer.unexpected[:5]))}."
    return text


def _told(service: Service) -> str:
    flows = "1 flow" if service.flows == 1 else f"{service.flows:,} flows"
    return one_line(f"{service.port}/{service.transport} with {flows}")


def _spots(named: Iterable[Service]) -> Iterator[str]:
    """Where a pointer is told which port it is at."""
    for each in named:
        column, row = place(each.port)
        yield (
            f'<circle class="spot" cx="{column}" cy="{row}" r="3">'
            f"<title>{_told(each)}</title></circle>"
        )


def _labels(named: Iterable[Service]) -> Iterator[str]:
    """The numbers of the first few to be looked into, where they don't lie over each other."""
    taken: list[tuple[int, int]] = []
    for each in named:
        column, row = place(each.port)
        near = any(abs(row - y) < _HIGH and abs(column - x) < _WIDE for x, y in taken)
        if each.gravity < Level.CHECK.rank or near or len(taken) == _LABELS:
            continue
        taken.append((column, row))
        left = column < SIDE - _WIDE
        x, anchor = (column + 4, "start") if left else (column - 3, "end")
        yield f'<text x="{x}" y="{max(row + 2, 5)}" text-anchor="{anchor}">{each.port}</text>'
