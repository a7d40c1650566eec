"""Why a port can or can't be bound, as text."""

from __future__ import annotations

from portbook.app.bind.causes import CauseCode
from portbook.model import host_port
from portbook.present.document import Paragraph, Table
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.causes import cause_mend, cause_message
from portbook.present.phrases.findings import finding_message
from portbook.present.port import noted
from portbook.present.render.document_text import render_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.bind.diagnose import Why
    from portbook.present.render.text import Style


def render_why(why: Why, style: Style) -> str:
    """The answer in a line, each cause with its mend, and what the kernel said."""
    lines = [style.bold(f"{_subject(why)} {_verdict(why)}")]
    for cause in why.causes:
        warns = not cause.blocks and cause.code is not CauseCode.FREE
        lines += ["", f"{cause.code}{' (warning)' if warns else ''}"]
        lines += render_item(Paragraph(cause_message(cause)), style)
        if mend := cause_mend(cause):
            lines += render_item(Paragraph(f"Fix: {mend}"), style)
    for title, items in noted.sections(why.notes):
        lines += ["", style.bold(title)]
        for item in (*items, *[Paragraph(finding_message(finding)) for finding in why.noted]):
            lines += render_item(item, style)
    lines += ["", style.bold("What the kernel answered")]
    rows = []
    for each in why.tries:
        if each.unsupported and each.address != why.address:
            continue
        dual = {True: "IPv6 only", False: "IPv4 too", None: ""}[each.v6only]
        option = "with SO_REUSEADDR" if each.reuseaddr else "plain"
        rows.append((host_port(each.address, why.port), dual, option, each.name))
    lines += render_item(Table(tuple(rows)), style)
    for reason in gap_sentences((*why.missing, *why.left_out)):
        lines += render_item(Paragraph(f"Not seen: {reason}"), style)
    return "\n".join(lines) + "\n"


def _subject(why: Why) -> str:
    where = "" if why.address is None else f" on {why.address}"
    return f"Port {why.port}/{why.transport}{where}"


def _verdict(why: Why) -> str:
    if why.bindable:
        return "can be bound."
    if why.bindable_with_reuseaddr:
        return "can't be bound, unless the server sets SO_REUSEADDR."
    return "can't be bound."
