"""A port that was picked, as text."""

from __future__ import annotations

import shlex

from portbook.app.pick.criteria import EXPERIMENTS, Criterion
from portbook.present.document import Paragraph, Table
from portbook.present.phrases.picks import check_evidence, pick_notes
from portbook.present.render.brief_text import steps_line
from portbook.present.render.document_text import render_item
from portbook.present.words import NextStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.pick.criteria import Check, Choice, Pick
    from portbook.present.document import Item
    from portbook.present.render.text import Style

_SHOWN = 5  # ports that were left out, before they are only counted
_MARKS = {True: "", False: "NO: ", None: "not known: "}
# What a port is that fulfils these, in the short answer.
_GOOD = {
    Criterion.UNASSIGNED: "unassigned",
    Criterion.NO_KNOWN_USE: "no known use",
    Criterion.FREE_HERE: "free on this machine",
}


def render_pick_short(found: Pick, style: Style) -> str:
    """A line for each port, what is against it or couldn't be found out, and what to do next."""
    lines: list[str] = []
    if found.wanted.near is not None:
        for taken in _skipped(found):
            lines += render_item(Paragraph(taken), style, "")
    for choice in found.choices:
        lines.append(style.bold(f"{choice.port}: {_in_short(choice)}"))
        open_ones = [check for check in choice.checks if not check.ok]
        if open_ones:
            lines += render_item(Table(tuple(map(_row, open_ones))), style)
    for item in _against(found, whole=False):
        lines += render_item(item, style, "")
    if steps := list(_steps(found)):
        lines += steps_line(steps, style)
    return "\n".join(lines) + "\n"


def _skipped(found: Pick) -> Iterator[str]:
    """Why the nearer ports are none: a line for each reason."""
    reasons: dict[str, list[int]] = {}
    for choice in found.left_out:
        reasons.setdefault(check_evidence(choice.failed[0]), []).append(choice.port)
    for why, ports in list(reasons.items())[:_SHOWN]:
        first, last = ports[0], ports[-1]
        if last - first + 1 == len(ports):
            which = f"{first}–{last}" if last > first else str(first)
        else:
            which = f"{len(ports):,} ports from {first} to {last}"
        yield f"Skipped {which}: {why}."


def _in_short(choice: Choice) -> str:
    if choice.failed:
        return "fails some of the criteria"
    held = {check.code: dict(check.facts).get("why") for check in choice.checks if check.ok}
    words = dict(_GOOD)
    if held.get(Criterion.NO_KNOWN_USE) == "wide":
        words[Criterion.NO_KNOWN_USE] = "no known use of its own"
    return ", ".join([each for code, each in words.items() if code in held])


def _steps(found: Pick) -> Iterator[NextStep]:
    """How to keep the very port for a command, and how to see its reasons."""
    wanted = found.wanted
    despite = "".join(f" --despite {code}" for code in wanted.despite)
    for choice in found.choices if len(found.choices) == 1 else ():
        port = str(choice.port)
        if wanted.name is not None:
            which = f"--for {shlex.quote(wanted.name)}{despite}"
        else:
            which = port if wanted.near is not None else f"--range {port}{despite}"
        if not choice.failed:
            yield NextStep("Keep it", _keep(choice))
        yield NextStep("Reasons", f"portbook pick {which} -v")


def _keep(choice: Choice) -> str:
    return f"portbook pick {choice.port} --hold -- COMMAND {{port}}"


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
    yield from _against(found, whole=True)
    for choice in [each for each in found.choices if not each.failed][:1]:
        yield Paragraph(f"To keep it for a command: {_keep(choice)}")
    if found.wanted.near is not None:
        return
    one, two = EXPERIMENTS
    yield Paragraph(
        f"For an experiment with a protocol, {one} and {two} are reserved (exp1 and exp2, "
        "RFC 4727)."
    )


def _against(found: Pick, *, whole: bool) -> Iterator[Item]:
    """What speaks against the ports, and what was left out: as a *whole*, or where it matters."""
    wanted = found.wanted
    lacking = wanted.many - len(found.choices)
    if lacking:
        yield Paragraph(
            f"{_lacking(found)}. Give another --range, or drop a criterion with --despite CODE."
        )
    if found.left_out and (lacking or whole):
        yield Paragraph(_left_out(found))
    if wanted.name is not None and any(choice.failed for choice in found.choices):
        yield Paragraph(
            f'The name "{wanted.name}" gives the same port on every machine, so no other is '
            "offered in its place."
        )
    for note in pick_notes(found):
        yield Paragraph(note)


def _lacking(found: Pick) -> str:
    first, last = found.wanted.first, found.wanted.last
    if first == last:
        return f"{first} fails one of the criteria"
    lacking = found.wanted.many - len(found.choices)
    what = f"{lacking} fewer than asked for: no other port" if found.choices else "No port"
    return f"{what} from {first} to {last} meets every criterion"


def _left_out(found: Pick) -> str:
    """How many ports fail each criterion, and why one of them does."""
    examples: dict[str, str] = {}
    for each in found.left_out:
        first = each.failed[0]
        examples.setdefault(first.code, f"{each.port} ({check_evidence(first)})")
    parts = []
    for code, count in found.left_out_by.items():
        such = ":" if count == 1 else ", such as"
        example = f"{such} {examples[code]}" if code in examples else ""
        parts.append(f"{count:,} fail{'s' if count == 1 else ''} {code}{example}")
    return f"Rejected: {'; '.join(parts)}"
