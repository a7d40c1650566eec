"""What the other commands report, as JSON; :mod:`portbook.schema.reports` has the keys."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Gap, GapCode
from portbook.present.phrases.findings import finding_message
from portbook.present.phrases.stops import outcome_notes, plan_notes
from portbook.present.render.sockets_json import phrased
from portbook.schema.reach import REACH
from portbook.schema.reports import (
    CHANGE_ROW,
    DOCTOR,
    HISTORY,
    NOTES_REPORT,
    PICK,
    STOP,
    UPDATE,
    VERSIONS,
    WAIT,
    WHY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from portbook.app.bind.diagnose import Why
    from portbook.app.doctor import Checkup
    from portbook.app.reach import ReachReport
    from portbook.app.stop.executor import Outcome
    from portbook.app.stop.model import Plan
    from portbook.app.wait import Waited
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.catalog.update.install import Version
    from portbook.catalog.update.origin import Origin
    from portbook.model import Listener

    Object = dict[str, Any]

of_history = HISTORY.encode
of_change = CHANGE_ROW.encode
of_update = UPDATE.encode
of_pick = phrased(PICK).encode


def of_why(why: Why) -> Object:
    """``portbook/why/1``."""
    others = tuple([_told(other) for other in why.others])
    return phrased(WHY).encode(_told(why)._replace(others=others))


def _told(why: Why) -> Why:
    """*why* with sentences in place of what they are made of."""
    gaps = (*why.missing, *why.left_out)
    noted = [finding_message(finding) for finding in why.noted]
    return why._replace(missing=gaps, noted=noted)  # type: ignore[arg-type]  # the table takes both


def of_reach(report: ReachReport) -> Object:
    """``portbook/reach/1``."""
    return phrased(REACH).encode(report)


def of_wait(waited: Waited) -> Object:
    """``portbook/wait/1``."""
    return phrased(WAIT).encode(waited)


class _Shipped(NamedTuple):
    as_of: str
    in_use: bool


class _Version(NamedTuple):
    number: int
    as_of: str
    in_use: bool
    path: str
    origin: Origin
    damaged: str | None


class _Versions(NamedTuple):
    shipped: _Shipped
    versions: list[_Version]


def of_versions(versions: Sequence[Version], shipped: str, damaged: Mapping[int, str]) -> Object:
    """``portbook/versions/1``; *shipped* is a date, *damaged* has files by a version's number."""
    rows = [
        _Version(
            number=each.number,
            as_of=each.as_of,
            in_use=each.in_use,
            path=each.path,
            origin=each.origin,
            damaged=damaged.get(each.number),
        )
        for each in versions
    ]
    used = any(version.in_use for version in versions)
    return VERSIONS.encode(_Versions(_Shipped(shipped, not used), rows))


class _Stop(NamedTuple):
    plan: Plan
    outcome: Outcome | None
    done: Sequence[object] = ()
    busy: Sequence[Listener] = ()
    notes: Sequence[str] = ()
    missing: Sequence[Gap] = ()


def of_stop(plan: Plan, outcome: Outcome | None) -> Object:
    """``portbook/stop/1``; *outcome* is None for a dry run."""
    notes = plan_notes(plan)
    report = _Stop(plan, outcome, notes=notes, missing=plan.scene.missing)
    if outcome is not None:
        busy = (*outcome.left, *outcome.fresh, *outcome.beside)
        notes = [*notes, *outcome_notes(outcome)]
        report = report._replace(done=outcome.done, busy=busy, notes=notes)
    return phrased(STOP).encode(report)


class _Doctor(NamedTuple):
    checkup: Checkup
    version: str
    missing: Sequence[Gap]


def of_checkup(checkup: Checkup, version: str) -> Object:
    """``portbook/doctor/1``."""
    missing = [*checkup.missing]
    if checkup.notes_problem is not None:
        missing.append(Gap(GapCode.NOTES_LEFT_OUT, detail=checkup.notes_problem))
    return phrased(DOCTOR).encode(_Doctor(checkup, version, missing))


class _Notes(NamedTuple):
    files: Sequence[NotesFile]
    missing: Sequence[Gap]


def of_notes(files: Sequence[NotesFile], missing: Sequence[str]) -> Object:
    """``portbook/notes/1``."""
    return phrased(NOTES_REPORT).encode(
        _Notes(files, [Gap(GapCode.NOTES_LEFT_OUT, detail=reason) for reason in missing])
    )
