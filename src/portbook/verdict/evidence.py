"""What a finding rests on: the facts of the socket, and what is on record with its source. Pure."""

from __future__ import annotations

from portbook.verdict.expectation_match import describe
from portbook.verdict.facts import note_that_counts
from portbook.verdict.protocol_match import said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.verdict.facts import Case


def evidence_of(case: Case) -> tuple[str, ...]:
    """What the findings on *case* rest on, a fact a line."""
    listener, standing = case.listener, case.standing
    lines = [f"{listener.socket.name} {listener.socket.state}"]
    registry = standing.text if standing.listed else "no row"
    lines.append(
        f"registry: {listener.socket.port}/{listener.socket.transport} {standing.state}, {registry}"
    )
    if listener.assessment.speaks is not None:
        lines.append(f"asked: {said(listener.assessment.speaks)}")
    for owner in listener.ownership.owners:
        if owner.executable:
            owned = "" if owner.executable_uid is None else f", owned by uid {owner.executable_uid}"
            mode = "" if owner.executable_mode is None else f", mode {owner.executable_mode:04o}"
            place = "" if owner.place is None else f", place: {owner.place}"
            lines.append(f"pid {owner.pid} runs {owner.executable}{owned}{mode}{place}")
        else:
            who = f"pid {owner.pid}" if owner.pid else owner.program or "the container"
            lines.append(f"{who}: its executable could not be seen")
    return tuple(lines)


def sources_of(case: Case) -> Mapping[str, tuple[str, ...]]:
    """What is on record and where it stands, by the fact that rests on it."""
    note = note_that_counts(case.listener)
    noted = () if note is None else (f"note: {describe(note)} ({note.file})",)
    known = dict.fromkeys(program for each in case.programs for program in each)
    programs = tuple(
        f"program: {each.product}, {', '.join(each.services) or 'no registered service'} "
        f"({each.source}, read {each.read})"
        for each in known
    )
    return {
        "noted": noted,
        "not-as-noted": noted,
        "belongs": noted + programs,
        "known-program": programs,
        "browser-blocked": tuple(
            f"browsers: the fetch standard's bad ports ({source.url}, read {source.as_of})"
            for source in case.browsers
        ),
        "known-use": tuple(
            f"use: {use.product}, {use.summary} ({use.source}, read {use.read})"
            for use in case.uses
        ),
        "abuse-on-record": tuple(
            f"report: {report.subject}, {report.when} ({report.source}, read {report.read})"
            for report in case.abuse
        ),
    }
