"""What listens on this machine, as a table for a terminal."""

from __future__ import annotations

from portbook.model import Level, OwnersSeen, State, Visibility
from portbook.pages.document import Paragraph
from portbook.pages.escape import one_line
from portbook.pages.machine import meaning, moment
from portbook.pages.text import columns_of, render_item, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.here import HereAnswer
    from portbook.model import Listener, Process, Standing
    from portbook.pages.text import Style

_LEVELS = tuple(Level)
_INDENT = " " * 7  # a level and two spaces


def render_here(answer: HereAnswer, style: Style) -> str:
    """Every socket in two lines: what it is and who holds it; then the book and the verdict."""
    lines = list(_head(answer, style))
    sockets = [one_line(listener.socket) for listener in answer.listeners]
    # Sockets stand in a column, as long as that leaves room for who holds them.
    width = min(max(map(columns_of, sockets), default=0), style.width // 2)
    hang = " " * (len(_INDENT) + width + 2)
    narrowest = max(style.width, len(hang) + 20)
    levels = [style.of(level, f"{level:<5}") for level in _LEVELS]
    owners = _Owners()
    for listener, socket in zip(answer.listeners, sockets, strict=True):
        held = wrap(_holder(listener, owners), narrowest, hang)
        lead = f"{levels[max(0, listener.gravity)]}  {socket}"
        if columns_of(socket) <= width:
            lead += " " * (width - columns_of(socket)) + "  " + held.pop(0).lstrip()
        lines += [lead, *held]
        standing = answer.standings[listener.port, listener.transport]
        for detail in _details(listener, standing, owners):
            lines += wrap(detail, style.width, _INDENT)
    for redirect in answer.redirects:
        ports = "–".join(dict.fromkeys((str(redirect.first), str(redirect.last))))
        lines += render_item(
            Paragraph(
                f"Redirected: {ports}/{redirect.transport or 'any'} to {redirect.to} "
                f"({redirect.source}: {redirect.text})"
            ),
            style,
            "",
        )
    for reason in answer.missing:
        lines += render_item(Paragraph(f"Not seen: {reason}"), style, "")
    return "\n".join(lines) + "\n"


def _head(answer: HereAnswer, style: Style) -> Iterator[str]:
    count = len(answer.listeners)
    levels = [listener.gravity for listener in answer.listeners]
    tallies = [
        f"{levels.count(level.rank)} {style.of(level)}"
        for level in reversed(_LEVELS)
        if level.rank in levels
    ]
    partial = answer.visibility is Visibility.PARTIAL
    what = "socket that listens or is bound" if count == 1 else "sockets that listen or are bound"
    seen = " could be seen" if partial else ""
    yield style.bold(f"{count} {what}{seen}") + (f": {', '.join(tallies)}" if tallies else "")
    yield ""


class _Owners:
    """What is said of each process, put together once however many sockets it holds."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[str, tuple[str, ...]]] = {}

    def of(self, owner: Process) -> tuple[str, tuple[str, ...]]:
        """Its name and number, and what else there is to say of it."""
        said = self._said.get(owner.pid)
        if said is None:
            said = f"{owner.program or '?'} ({owner.pid})", tuple(_of(owner))
            self._said[owner.pid] = said
        return said


def _holder(listener: Listener, owners: _Owners) -> str:
    holders = ", ".join([owners.of(owner)[0] for owner in listener.owners[:3]])
    more = len(listener.owners) - 3
    if more > 0:
        holders += f" and {more} more"
    holders = holders or {
        OwnersSeen.KERNEL: "the kernel itself",
        OwnersSeen.NONE: "no process",
    }.get(listener.owners_seen, "owner not visible")
    if listener.owners_seen is OwnersSeen.INFERRED:
        holders += ", inferred"
    user = listener.user or ("" if listener.uid is None else str(listener.uid))
    return f"{holders}, {user}" if user else holders


def _details(listener: Listener, standing: Standing, owners: _Owners) -> Iterator[str]:
    names = [row.service_name for row in standing.assignments if row.service_name]
    if names:
        book = ", ".join(dict.fromkeys(names))
    elif standing.state is State.UNASSIGNED and not standing.listed:
        book = "not listed"
    else:
        book = str(standing.state)
    bound = "" if listener.state == "listen" else "bound, doesn't listen; "
    parts = [f"{bound}{meaning(listener)}", f"by the book: {book}"]
    for owner in listener.owners[:1]:
        parts += owners.of(owner)[1]
    if listener.namespace is not None:
        parts.insert(0, f"in the network namespace {listener.namespace}")
    yield "; ".join(parts)
    if listener.findings:
        yield ", ".join([finding.code for finding in listener.findings])


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
