"""What listens on this machine, as a table for a terminal."""

from __future__ import annotations

from portbook.model import Level, OwnersSeen, State, Visibility
from portbook.pages.document import Paragraph
from portbook.pages.escape import one_line
from portbook.pages.machine import meaning, moment, redirected
from portbook.pages.text import columns_of, render_item, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portbook.here import HereAnswer
    from portbook.model import Finding, Listener, Process, Standing
    from portbook.pages.text import Style

_LEVELS = tuple(Level)
_INDENT = " " * 7  # a level and two spaces


def render_here(answer: HereAnswer, style: Style) -> str:
    """Every socket in two lines: what it is and who holds it; then the book and the verdict."""
    once = _Once(style)
    gravities = [once.verdict(listener)[0] for listener in answer.listeners]
    lines = list(_head(answer, gravities, style))
    sockets = [one_line(listener.socket) for listener in answer.listeners]
    # Sockets stand in a column, as long as that leaves room for who holds them.
    width = min(max(map(columns_of, sockets), default=0), style.width // 2)
    hang = " " * (len(_INDENT) + width + 2)
    narrowest = max(style.width, len(hang) + 20)
    levels = [style.of(level, f"{level:<5}") for level in _LEVELS]
    for listener, gravity, socket in zip(answer.listeners, gravities, sockets, strict=True):
        held = wrap(_holder(listener, once), narrowest, hang)
        lead = f"{levels[max(0, gravity)]}  {socket}"
        room = width - columns_of(socket)
        if room >= 0:
            lead += " " * room + "  " + held.pop(0).lstrip()
        lines += [lead, *held]
        standing = answer.standings[listener.port, listener.transport]
        lines += wrap(_details(listener, standing, once), style.width, _INDENT)
        lines += once.verdict(listener)[1]
    for redirect in answer.redirects:
        lines += render_item(Paragraph(f"Redirected: {redirected(redirect)}"), style, "")
    for reason in answer.missing:
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "\n".join(lines) + "\n"


def _head(answer: HereAnswer, gravities: Sequence[int], style: Style) -> Iterator[str]:
    count = len(answer.listeners)
    tallies = [
        f"{gravities.count(level.rank)} {style.of(level)}"
        for level in reversed(_LEVELS)
        if level.rank in gravities
    ]
    partial = answer.visibility is Visibility.PARTIAL
    what = "socket that listens or is bound" if count == 1 else "sockets that listen or are bound"
    seen = " could be seen" if partial else ""
    yield style.bold(f"{count} {what}{seen}") + (f": {', '.join(tallies)}" if tallies else "")
    yield ""


class _Once:
    """What many sockets share: what is said of a process and of findings, put together once."""

    def __init__(self, style: Style) -> None:
        self._width = style.width
        self._owners: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._verdicts: dict[tuple[Finding, ...], tuple[int, list[str]]] = {}

    def owner(self, owner: Process) -> tuple[str, tuple[str, ...]]:
        """Its name and number, and what else there is to say of it."""
        said = self._owners.get(owner.pid)
        if said is None:
            said = f"{owner.program or '?'} ({owner.pid})", tuple(_of(owner))
            self._owners[owner.pid] = said
        return said

    def verdict(self, listener: Listener) -> tuple[int, list[str]]:
        """The gravity of a socket's findings, and the lines that name them."""
        said = self._verdicts.get(listener.findings)
        if said is None:
            codes = ", ".join([finding.code for finding in listener.findings])
            said = listener.gravity, wrap(codes, self._width, _INDENT)
            self._verdicts[listener.findings] = said
        return said


def _holder(listener: Listener, once: _Once) -> str:
    holders = ", ".join([once.owner(owner)[0] for owner in listener.owners[:3]])
    more = len(listener.owners) - 3
    if more > 0:
        holders += f" and {more} more"
    holders = holders or {
        OwnersSeen.KERNEL: "the kernel itself",
        OwnersSeen.NONE: "no process",
        OwnersSeen.UNASKED: "owner not told",
    }.get(listener.owners_seen, "owner not visible")
    if listener.owners_seen is OwnersSeen.INFERRED:
        holders += ", inferred"
    user = listener.user or ("" if listener.uid is None else str(listener.uid))
    return f"{holders}, {user}" if user else holders


def _details(listener: Listener, standing: Standing, once: _Once) -> str:
    names = [row.service_name for row in standing.assignments if row.service_name]
    if names:
        book = ", ".join(dict.fromkeys(names))
    elif standing.state is State.UNASSIGNED and not standing.listed:
        book = "not listed"
    else:
        book = str(standing.state)
    bound = "" if listener.state == "listen" else "bound, doesn't listen; "
    parts = [f"{bound}{meaning(listener)}", f"by the book: {book}"]
    if listener.note is not None:
        from portbook.pages.noted import in_short

        parts.append(f"your notes: {in_short(listener.note)}")
    for owner in listener.owners[:1]:
        parts += once.owner(owner)[1]
    if listener.namespace is not None:
        parts.insert(0, f"in the network namespace {listener.namespace}")
    return "; ".join(parts)


def _of(owner: Process) -> Iterator[str]:
    if owner.container:
        yield (
            f"{owner.container} ({owner.container_name})"
            if owner.container_name
            else (owner.container)
        )
    elif owner.unit:
        yield f"{owner.unit} for {owner.activates}" if owner.activates else owner.unit
    if owner.started is not None:
        yield f"since {moment(owner.started)}"
    if owner.packaged is not None:
        yield f"package {owner.package}" if owner.package else "in no package"
