"""A port that was picked, as text."""

from __future__ import annotations

from portbook.app.pick.criteria import EXPERIMENTS
from portbook.present.document import Paragraph, Table
from portbook.present.phrases.picks import check_evidence, pick_notes
from portbook.present.render.document_text import render_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.pick.criteria import Check, Pick
    from portbook.present.document import Item
    from portbook.present.render.text import Style

_SHOWN = 5  # ports that were left out, before they are only counted
_MARKS = {True: "", False: "NO: ", None: "not known: "}


def render_pick(found: Pick, style: Style) -> str:
    """Each port with its reasons, what was left out on the way, and what else to know."""
    lines: list[str] = []
    for choice in found.choices:
        bad = len(choice.failed)
        verdict = ", which fails some of the criteria" if bad else ""
        lines += [style.bold(f"Port {choice.port}{verdict}")]
        lines += render_item(Table(tuple(_row(check) for check in choice.checks)), style)
        lines.append("")
    for item in _after(found):
        lines += render_item(item, style, "")
    return "\n".join(lines) + "\n"


def _row(check: Check) -> tuple[str, str]:
    return check.code, _MARKS[check.ok] + check_evidence(check)


def _after(found: Pick) -> Iterator[Item]:
    wanted = found.wanted
    lacking = wanted.many - len(found.choices)
    if lacking:
        what = "No port" if not found.choices else f"{lacking} fewer than asked for: no other port"
        yield Paragraph(
            f"{what} from {wanted.first} to {wanted.last} meets every criterion. Give another "
            "--range, or drop a criterion with --despite CODE."
        )
    if found.left_out:
        yield Paragraph(_left_out(found))
    if wanted.name is not None and any(choice.failed for choice in found.choices):
        yield Paragraph(
            f'The name "{wanted.name}" gives the same port on every machine, so no other is '
            "offered in its place."
        )
    for note in pick_notes(found):
        yield Paragraph(note)
    if any(not choice.failed for choice in found.choices):
        yield Paragraph("To keep it for a command: portbook pick --hold -- COMMAND {port}")
    one, two = EXPERIMENTS
    yield Paragraph(
        f"For an experiment with a protocol, {one} and {two} are reserved (exp1 and exp2, "
        "RFC 4727)."
    )


def _left_out(found: Pick) -> str:
    shown = [f"{each.port} ({check_evidence(each.failed[0])})" for each in found.left_out[:_SHOWN]]
    counts = ", ".join(f"{count} by {code}" for code, count in found.left_out_by.items())
    more = " …" if len(found.left_out) > _SHOWN else ""
    return f"Rejected: {counts}. {'; '.join(shown)}{more}"
