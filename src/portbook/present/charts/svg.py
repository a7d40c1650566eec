"""Charts as SVG elements: bars for years and names, a band for the states of a range.

Numbers and names stand in the page as a table too; the charts are for seeing, and say so by
``aria-hidden``. Widths are in per cent, so that text keeps its size on any screen.
"""

from __future__ import annotations

from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portbook.model import State


def render_band(counts: Mapping[State, int]) -> str:
    """The states of a range as one band, each as wide as its share."""
    total = sum(counts.values()) or 1
    at = 0.0
    drawn = []
    for state, count in counts.items():
        if count:
            share = 100 * count / total
            drawn.append(
                f'<rect class="s-{state}" x="{at:.3f}%" width="{share:.3f}%" height="100%"/>'
            )
            at += share
    return f'<svg class="band" aria-hidden="true">{"".join(drawn)}</svg>'


def render_columns(values: Sequence[tuple[str, int]]) -> str:
    """Upright bars, one a label, each with its number above it and its label below."""
    most = max((count for _, count in values), default=0) or 1
    wide = 100 / max(1, len(values))
    drawn = []
    for place, (label, count) in enumerate(values):
        left, tall = place * wide, 150 * count / most
        middle = left + wide / 2
        drawn.append(
            f'<rect class="bar" x="{left + wide * 0.14:.3f}%" y="{170 - tall:.1f}" '
            f'width="{wide * 0.72:.3f}%" height="{max(tall, 1):.1f}"/>'
            f'<text x="{middle:.3f}%" y="{164 - tall:.1f}">{count:,}</text>'
            f'<text x="{middle:.3f}%" y="186">{escape(label)}</text>'
        )
    return f'<svg class="columns" height="192" aria-hidden="true">{"".join(drawn)}</svg>'


def render_bar(count: int, most: int) -> str:
    """One lying bar, as long as its share of *most*."""
    share = 100 * count / (most or 1)
    return (
        '<svg class="row-bar" aria-hidden="true">'
        f'<rect class="bar" width="{share:.2f}%" height="100%"/></svg>'
    )
