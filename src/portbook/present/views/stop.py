"""What would be stopped on a port, or was, as text."""

from __future__ import annotations

from itertools import zip_longest
from shlex import quote

from portbook.app.stop.impact import unrelated
from portbook.app.stop.model import RefusalCode, StepKind
from portbook.model import OwnersSeen
from portbook.present.document import Paragraph, Table
from portbook.present.owners import owner_name, owner_phrase, unseen_owner
from portbook.present.phrases import gap_sentences, unseen_of_socket
from portbook.present.phrases.stops import (
    done_message,
    loss_message,
    outcome_notes,
    outcome_sentence,
    plan_notes,
    refusal_mend,
    refusal_message,
    step_text,
    supervised_notes,
)
from portbook.present.render.document_text import render_item
from portbook.present.render.text import wrap
from portbook.present.words import few, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from portbook.app.stop.executor import Outcome, Way
    from portbook.app.stop.model import Plan, Step
    from portbook.model import Gap, Listener
    from portbook.present.document import Item
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style

_MOST_ELSEWHERE = 3  # sockets in other network namespaces, before they are only counted


def render_plan(
    plan: Plan,
    way: Way,
    to: Viewer,
    *,
    dry: bool,
    asks: bool = False,
    unnamed: bool = False,
    told: Container[Gap] = (),
    style: Style,
) -> str:
    """What would be done, what would be lost, what is left alone; before anything is done.

    *dry*: nothing will be. *asks*: it will be where the user says yes. *unnamed*: ``--yes`` wants
    one of several programs named. Of what wasn't seen, *told* is left out: a plan for another port
    said so.
    """
    if any(refusal.code == RefusalCode.NOTHING_THERE for refusal in plan.refusals):
        return _nothing_there(plan, told, style)
    title = _title(plan, dry=dry, unnamed=unnamed)
    lines = [style.bold(line) for line in wrap(title, style.width)]
    rows = tuple((each.socket.name, _holder(each, to)) for each in plan.scene.listeners)
    lines += render_item(Table(rows), style)
    programs = unrelated(plan.scene.listeners)
    if programs > 1:
        message = f"{programs} different programs have the port: --pid or an address names one."
        lines += render_item(Paragraph(message), style)
    if plan.steps:
        lines += ["", style.bold("Plan" if dry or asks else "Stopping")]
        rows = tuple((_command(step), step_text(step)) for step in plan.steps)
        lines += render_item(Table(rows), style)
        if any(step.kind is StepKind.SIGNAL for step in plan.steps):
            lines += render_item(Paragraph(_waiting(way)), style)
    if plan.losses:
        lines += ["", style.bold("You would also lose")]
        for loss in plan.losses:
            lines += render_item(Paragraph(loss_message(loss)), style)
    if plan.refusals:
        lines += ["", style.bold("Left alone")]
        lines += [line for text in _left_alone(plan) for line in render_item(text, style)]
    for item in _after(plan, told):
        lines += ["", *render_item(item, style, "")]
    return "\n".join(lines) + "\n"


def _title(plan: Plan, *, dry: bool, unnamed: bool) -> str:
    """What becomes of the port, in a line."""
    port = f"{plan.scene.port}{_kind(plan)}{_where(plan)}"
    if not plan.steps:
        return f"{port}: nothing would be stopped"
    return f"{port}: {_would_stop(plan, unnamed=unnamed)}" if dry else f"Port {port}"


def _would_stop(plan: Plan, *, unnamed: bool) -> str:
    """Who would be stopped, by name; where no process has the port, what would be done."""
    owners = [each for listener in plan.scene.listeners for each in listener.ownership.owners]
    if not owners:
        return f"with --yes, {step_text(plan.steps[0])}"
    programs = list(dict.fromkeys(map(owner_name, owners)))
    names = few(programs)
    pids = {owner.pid for owner in owners}
    if unnamed and len(programs) < len(pids):
        names = f"{len(pids)} processes of {names}"
    return f"{names} {'can be stopped, one by one' if unnamed else 'would be stopped with --yes'}"


def _left_alone(plan: Plan) -> Iterator[Paragraph]:
    """Why what is left alone is, and what to do; many other namespaces are only counted."""
    elsewhere: dict[object, int] = {}  # sockets, by whose they are and where
    told: list[tuple[str, str]] = []
    for refusal in plan.refusals:
        mend = refusal_mend(refusal)
        if refusal.code is RefusalCode.OTHER_NAMESPACE:
            key = (dict(refusal.facts)["namespace"], mend)
            elsewhere[key] = elsewhere.get(key, 0) + 1
            if elsewhere[key] > 1 or len(elsewhere) > _MOST_ELSEWHERE:
                continue
        told.append((refusal_message(refusal), mend))
    for (message, mend), following in zip_longest(told, told[1:]):
        yield Paragraph(message)
        if following is None or mend != following[1]:  # what helps several stands below the last
            yield Paragraph(f"Fix: {mend}")
    if more := sum(elsewhere.values()) - min(len(elsewhere), _MOST_ELSEWHERE):
        yield Paragraph(f"{plural(more, 'more socket')} in other network namespaces.")


def _nothing_there(plan: Plan, told: Container[Gap], style: Style) -> str:
    """That nothing listens, what to do if a bind fails all the same, and what wasn't seen."""
    (refusal,) = plan.refusals
    lines = [style.bold(refusal_message(refusal)), refusal_mend(refusal)]
    for item in _after(plan, told):
        lines += ["", *render_item(item, style, "")]
    return "\n".join(lines) + "\n"


def _holder(listener: Listener, to: Viewer) -> str:
    """Each owner with its command line, and what tells it from others."""
    owners = listener.ownership.owners
    if not owners:
        return unseen_owner(listener, to)
    sure = "inferred: " if listener.ownership.seen is OwnersSeen.INFERRED else ""
    return sure + ", ".join([owner_phrase(owner, to, whole=True) for owner in owners])


def _after(plan: Plan, told: Container[Gap]) -> Iterator[Item]:
    for note in plan_notes(plan):
        yield Paragraph(note)
    for reason in unseen_of_socket([gap for gap in plan.scene.missing if gap not in told]):
        yield Paragraph(f"Not seen: {reason}")


def render_nothing(first: int, last: int, missing: Sequence[Gap], style: Style) -> str:
    """That nothing is bound in a range, as far as could be seen."""
    lines = [style.bold(f"Nothing is bound to {first}–{last} on this machine.")]
    for reason in gap_sentences(missing):
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "\n".join(lines) + "\n"


def _kind(plan: Plan) -> str:
    return "" if plan.scene.transport is None else f"/{plan.scene.transport}"


def _where(plan: Plan) -> str:
    return "" if plan.scene.address is None else f" on {plan.scene.address}"


def _command(step: Step) -> str:
    return " ".join(map(quote, step.command))


def _waiting(way: Way) -> str:
    then = "Then sends SIGKILL." if way.force else "--force then sends SIGKILL."
    return f"Sends SIGTERM and waits {way.patience:g} s. {then}"


def render_outcome(outcome: Outcome, plan: Plan, style: Style) -> str:
    """What was done for *plan*, and what is on its port now."""
    lines = ["", style.bold("Done")]
    for each in outcome.done:
        lines += render_item(Paragraph(done_message(each)), style)
    lines.append("")
    notes = outcome_notes(outcome) or supervised_notes(plan)
    if not outcome.restarted:
        port = f"{plan.scene.port}{_kind(plan)}{_where(plan)}"
        lines += render_item(Paragraph(outcome_sentence(outcome, port)), style, "")
    for note in notes:
        lines += render_item(Paragraph(note), style, "")
    return "\n".join(lines) + "\n"
