"""What the page of this machine is given: its sockets in words, with everything hostile plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.model import Gap, GapCode, Level, State, Visibility
from portbook.model.text import moment
from portbook.present.escape import one_line
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.findings import finding_message
from portbook.present.port.noted import in_short, of_whom
from portbook.present.port.this_machine import holder, meaning, redirected
from portbook.present.words import in_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.listen import HereAnswer
    from portbook.model import Listener, Process, Standing


_LEVELS = tuple(Level)


def of_here(answer: HereAnswer) -> dict[str, Any]:
    """What the page says of *answer*."""
    return {
        "count": len(answer.listeners),
        "partial": answer.visibility is Visibility.PARTIAL,
        "rows": [
            row_of(each, answer.standings[each.socket.port, each.socket.transport])
            for each in answer.listeners
        ],
        "redirects": [one_line(redirected(each)) for each in answer.redirects],
        "missing": [one_line(reason) for reason in gap_sentences(answer.missing)],
    }


def row_of(listener: Listener, standing: Standing) -> dict[str, object]:
    """What a table says of one socket."""
    socket, assessment = listener.socket, listener.assessment
    names = dict.fromkeys(row.service_name for row in standing.assignments if row.service_name)
    silent = standing.state is State.UNASSIGNED and not standing.listed
    where = f", {in_namespace(socket.namespace)}" if socket.namespace else ""
    bound = "" if socket.listens else "bound without listening; "
    return {
        "port": socket.port,
        "key": one_line(f"{socket.name} {socket.state} {socket.inode} {socket.namespace}"),
        "level": _LEVELS[max(0, assessment.gravity)],
        "socket": one_line(socket.name),
        "reach": one_line(f"{bound}{meaning(listener)}{where}"),
        "holder": one_line(holder(listener)),
        "details": [
            one_line(line) for owner in listener.ownership.owners[:3] for line in _details(owner)
        ],
        "note": one_line(f"{of_whom(assessment.note)}: {in_short(assessment.note)}")
        if assessment.note
        else "",
        "state": standing.state,
        "book": ", ".join(names) or ("not listed" if silent else str(standing.state)),
        "findings": [
            {
                "level": finding.level,
                "code": finding.code,
                "message": one_line(finding_message(finding)),
            }
            for finding in assessment.findings
        ],
    }


def _details(owner: Process) -> Iterator[str]:
    if owner.command:
        yield " ".join(owner.command)
    elif owner.executable:
        yield owner.executable
    if owner.container or owner.unit:
        yield owner.container or owner.unit or ""
    if owner.started is not None:
        yield f"since {moment(owner.started).replace('T', ' ').replace('Z', ' UTC')}"


# Command lines stay out of pages unless they were asked for: passwords stand in them.
MASKED = Gap(GapCode.COMMANDS_MASKED)


def masked(listener: Listener, *, show: bool) -> Listener:
    """*listener* without its owners' command lines and directories, unless they are to be shown.

    The whole line goes: a process can write anything into its first word too.
    """
    if show or not listener.ownership.owners:
        return listener
    return listener._replace(
        ownership=listener.ownership._replace(
            owners=tuple(
                owner._replace(command=None, cwd=None) for owner in listener.ownership.owners
            )
        )
    )


def masked_all(
    listeners: Iterable[Listener], missing: tuple[Gap, ...], *, show: bool
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* without command lines, and what is *missing* with that said."""
    kept = tuple(masked(each, show=show) for each in listeners)
    return kept, missing if show or not any(each.ownership.owners for each in kept) else (
        *missing,
        MASKED,
    )
