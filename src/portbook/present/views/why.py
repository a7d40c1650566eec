"""Why a port can or can't be bound, as text."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.bind.causes import CauseCode
from portbook.model import Transport, host_port
from portbook.present.brief import groups_of, who_holds
from portbook.present.document import Paragraph, Table
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.causes import cause_mend, cause_message
from portbook.present.phrases.findings import finding_message
from portbook.present.port import noted
from portbook.present.render.brief_text import steps_line
from portbook.present.render.document_text import render_item
from portbook.present.render.text import clipped, wrap
from portbook.present.words import NextStep, plural
from portbook.verdict.shadowing import LOCALHOST as LOOPBACKS
from portbook.verdict.shadowing import find_shadowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.app.bind.causes import Cause
    from portbook.app.bind.diagnose import Why
    from portbook.model import Gap, Listener
    from portbook.present.owners import Viewer
    from portbook.present.render.text import Style


_MOST_HOLDERS = 3  # that are named each on a line
_WARNED = (CauseCode.NAT_REDIRECT, CauseCode.OTHER_NAMESPACE)


def render_short(answers: Sequence[Why], style: Style, to: Viewer, free_port: int | None) -> str:
    """*answers* for one port in a few lines: who has it, and what to do.

    *free_port* is another that can be had.
    """
    lines: list[str] = []
    for alike in _alike(answers):
        first, *more = _short(alike, to)
        lines += [style.bold(line) for line in wrap(first, style.width)]
        lines += [line for words in more for line in wrap(words, style.width, "  ")]
    for fix in dict.fromkeys(filter(None, map(_fix, answers))):
        lines += wrap(f"Fix: {fix}", style.width)
    free = all(why.bindable for why in answers)
    unseen = dict.fromkeys(gap for why in answers for gap in _doubts(why, free=free))
    for reason, *others in [list(gap_sentences(unseen))] if unseen else []:
        count = f"; and {len(others)} more" if others else ""
        lines.append(clipped(f"Not seen: {reason}", style.width - len(count)) + count)
    lines += steps_line(_steps(answers, free_port), style)
    return "\n".join(lines) + "\n"


def _alike(answers: Sequence[Why]) -> list[list[Why]]:
    """*answers* in groups of which the same is said but for the transport: TCP and UDP, mostly."""
    groups: dict[object, list[Why]] = {}
    for why in answers:
        key: object = why.transport
        if not _holding(why):
            told = [cause_message(each) for each in (*_reasons(why), *_redirects(why))]
            key = (why.port, why.address, _verdict(why), *told, why.noted)
        groups.setdefault(key, []).append(why)
    return list(groups.values())


def _reasons(why: Why) -> list[Cause]:
    """The first of what keeps a bind from succeeding, where no socket holds the port."""
    return [cause for cause in why.causes if cause.blocks][:1]


def _redirects(why: Why) -> list[Cause]:
    return [cause for cause in why.causes if cause.code == CauseCode.NAT_REDIRECT]


def _doubts(why: Why, *, free: bool) -> Iterator[Gap]:
    """What was not seen and could change the short answer; ``-v`` and JSON have all of it.

    Where a bind was tried, other namespaces can't change its outcome, and a redirect matters to a
    server that can be started (*free*). Who holds the port, or that it can't be seen who, stands
    above.
    """
    yield from why.left_out
    explained = bool(_holding(why)) or any(
        dict(each.facts).get("why") != "unexplained" for each in _reasons(why)
    )
    for gap in why.missing:
        group = gap.code.partition("-")[0]
        if group == "nat":
            doubtful = free
        elif group in ("namespace", "namespaces", "owners"):
            doubtful = not (why.bindable or explained)
        else:
            doubtful = True
        if doubtful:
            yield gap


def render_range(ports: Sequence[Sequence[Why]], style: Style, to: Viewer) -> str:
    """*ports* of a range, each with its answers: what can't be bound and why, then the others."""
    lines: list[str] = []
    free: dict[Transport, list[int]] = {}
    every = [why for answers in ports for why in answers]
    for why in every:
        warned = why.noted or any(cause.code in _WARNED for cause in why.causes)
        if why.bindable and not warned:
            free.setdefault(why.transport, []).append(why.port)
            continue
        first, *more = _short([why], to)
        lines += [style.bold(line) for line in wrap(first, style.width)]
        lines += [line for words in more for line in wrap(words, style.width, "  ")]
    if free:
        runs = [f"{_runs(numbers)}/{kind}" for kind, numbers in free.items()]
        lines += wrap(f"Can be bound: {', '.join(runs)}", style.width)
    unseen = dict.fromkeys(gap for why in every for gap in _doubts(why, free=why.bindable))
    lines += [clipped(f"Not seen: {reason}", style.width) for reason in gap_sentences(unseen)]
    span = f"{ports[0][0].port}-{ports[-1][0].port}"
    held = [cause.listener for why in every for cause in _holding(why) if cause.listener]
    steps = []
    if any(each.socket.listens and each.ownership.owners for each in held):
        steps.append(NextStep("Stop them", f"portbook stop {span}"))
    steps.append(NextStep("More", f"portbook why {span} -v"))
    lines += steps_line(steps, style)
    return "\n".join(lines) + "\n"


def _runs(numbers: Sequence[int]) -> str:
    """*numbers*, which rise, with those in a row as one.

    >>> _runs([3000, 3002, 3003, 3004])
    '3000, 3002–3004'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join(["–".join(map(str, run)) for run in runs])


def _holding(why: Why) -> list[Cause]:
    codes = (CauseCode.LISTENER, CauseCode.BOUND_NOT_LISTENING)
    return [cause for cause in why.causes if cause.listener is not None and cause.code in codes]


def _short(alike: Sequence[Why], to: Viewer) -> Iterator[str]:
    """The answer, and what belongs to it; of *alike* the same is said."""
    why = alike[0]
    ports = " and ".join([f"{each.port}/{each.transport}" for each in alike])
    subject = f"{ports}{_where(why)}"
    held = list(_held(why, to))
    if len(held) == 1:
        yield f"{subject} {held[0].alone}."
    elif held:
        yield f"{subject} is in use by {len(held)} programs:"
        for each in held[:_MOST_HOLDERS]:
            yield f"{each.listed}."
        if len(held) > _MOST_HOLDERS:
            yield f"and {len(held) - _MOST_HOLDERS} more"
        yield from _split(
            [cause.listener for cause in _holding(why) if cause.listener is not None],
            why.localhost or LOOPBACKS,
        )
    else:
        yield f"{subject} {_verdict(why)}"
        yield from map(cause_message, _reasons(why))
    elsewhere = [
        cause for each in alike for cause in each.causes if cause.code == CauseCode.OTHER_NAMESPACE
    ]
    yield from map(cause_message, (*_redirects(why), *elsewhere[:1]))
    if len(elsewhere) > 1:
        others = plural(len(elsewhere) - 1, "more socket")
        yield f"{others} in other network namespaces (listed with -v)."
    for finding in why.noted:
        yield finding_message(finding)


def _split(listeners: list[Listener], localhost: Sequence[str]) -> Iterator[str]:
    """Which of several programs each address leads to."""
    for reached in list(find_shadowed(listeners, localhost).values())[:1]:
        programs: dict[str, list[str]] = {}
        for each in reached:
            programs.setdefault(each.name, []).append(each.address)
        ways = [f"{', '.join(places)} → {name}" for name, places in programs.items()]
        yield f"{'; '.join(ways)}."


class _Held(NamedTuple):
    """Who has sockets of a port, and where: as what is said of it, and in a list of several."""

    alone: str
    listed: str


def _held(why: Why, to: Viewer) -> Iterator[_Held]:
    """Each program that holds the port, in the brief's words; a part of the system in its own."""
    holding = _holding(why)
    for cause in holding:
        if cause.facts:
            words = cause_message(cause).rstrip(".")
            yield _Held(f"is in use: {words}", words)
    sockets = [cause.listener for cause in holding if not cause.facts and cause.listener]
    for group in groups_of(sockets):
        who, place = who_holds(group, to, hint=True), group.place()
        if group.listens and not group.first.ownership.owners:
            yield _Held(f"is in use on {place}, by {who}", f"on {place}, {who}")
        elif group.listens:
            yield _Held(f"is in use: {who} on {place}", f"{who} on {place}")
        else:
            yield _Held(
                f"is bound on {place}, but nothing listens: {who}",
                f"{who} on {place}, without listening",
            )


def _fix(why: Why) -> str | None:
    """What to do where no program has the port that a command could stop."""
    for cause in _holding(why)[:1]:
        hidden = cause.listener is not None and not cause.listener.ownership.owners
        return cause_mend(cause) if cause.facts or hidden else None
    return next((cause_mend(cause) for cause in why.causes if cause.blocks), None)


def _steps(answers: Sequence[Why], free_port: int | None) -> Iterator[NextStep]:
    """The commands to go on with."""
    named = answers[0]
    alone = named.query is not None and named.query.transport is not None
    place = f"{named.port}/{named.transport}" if alone else str(named.port)
    held = [cause for why in answers for cause in _holding(why)]
    sockets = [each.listener for each in held if each.listener and each.listener.ownership.owners]
    bound = [each for each in sockets if not each.socket.listens]
    pids = dict.fromkeys([owner.pid for each in bound for owner in each.ownership.owners])
    if any(each.socket.listens for each in sockets):
        yield NextStep("Stop it", f"portbook stop {place}")
    elif pids:
        yield NextStep("Stop it", f"kill {' '.join(map(str, pids))}")
    if free_port is not None:
        label = f"{'Or use' if sockets else 'Use'} {free_port}"
        yield NextStep(label, f"portbook pick {named.port}", kept=True)
    yield NextStep("More", f"portbook why {_asked(named, place)} -v")


def _asked(why: Why, place: str) -> str:
    return place if why.address is None else host_port(why.address, why.port)


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
    return f"Port {why.port}/{why.transport}{_where(why)}"


def _where(why: Why) -> str:
    return "" if why.address is None else f" on {why.address}"


def _verdict(why: Why) -> str:
    if why.bindable:
        return "can be bound."
    if why.bindable_with_reuseaddr:
        return "can't be bound, unless the server sets SO_REUSEADDR."
    return "can't be bound."
