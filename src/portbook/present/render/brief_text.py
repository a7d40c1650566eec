"""The short answer as text for a terminal."""

from __future__ import annotations

from portbook.present.escape import one_line
from portbook.present.render.text import clipped, columns_of, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.present.brief import Brief
    from portbook.present.render.text import Style
    from portbook.present.words import NextStep

LINES = 12  # where words are not too long to wrap
_LABEL = 15  # columns before what a line says


def render_brief(brief: Brief, style: Style) -> str:
    """The short answer: at most twelve lines, the headline first."""
    lines = [style.bold(line) for line in wrap(brief.headline, style.width)]
    lines += [line for remark in brief.remarks for line in wrap(f"({remark})", style.width)]
    lines += [line for each in brief.sentences for line in wrap(each, style.width, "  ")]
    lines += [clipped(f"  {line}", style.width) for line in brief.programs]
    steps = _steps(brief.next, style)
    rows = list(brief.rows)[: max(0, LINES - len(lines) - len(steps) - 2)]
    if rows:
        lines.append("")
    for label, said in rows:
        lines.append(f"  {style.dim(f'{label:<11}')}  {_row(label, said, brief, style)}")
    for sentence in brief.unseen:
        lines += wrap(f"Not seen: {sentence}", style.width, "  ")
    lines += ["", *steps]
    return "\n".join(lines) + "\n"


def _row(label: str, said: str, brief: Brief, style: Style) -> str:
    shown = clipped(said, style.width - _LABEL)
    level = brief.verdict.level if brief.verdict is not None else None
    if label != "Verdict" or level is None or not shown.startswith(str(level)):
        return shown
    return style.of(level) + shown[len(level) :]


def _steps(steps: Sequence[NextStep], style: Style) -> list[str]:
    """What to do next, in one line; what doesn't fit is left out, but for the first and last."""
    shown = [one_line(f"{step.label}: {step.command}") for step in steps]
    while len(shown) > 2 and columns_of("   ".join(shown)) > style.width:
        shown.pop(-2)
    line = "   ".join(shown)
    return [line] if columns_of(line) <= style.width else shown
