"""What the user's and a project's notes expect of a port, in the words of findings."""

from __future__ import annotations

from portbook.model import Whose
from portbook.present.phrases.evidence import expected_words
from portbook.verdict.expectation_match import FitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

FITS: dict[str, str] = {
    FitCode.EXECUTABLE_UNSEEN: "the file that {name} runs isn't visible",
    FitCode.EXECUTABLE_OTHER: "{name} runs {path}",
    FitCode.EXECUTABLE_DELETED: "{name} runs {path}, which has been deleted",
    FitCode.EXECUTABLE_REPLACEABLE: "{name} runs {path}, which other users could have replaced",
    FitCode.EXECUTABLE_UNSURE: "other users may have replaced {path}",
    FitCode.UNITS_UNSUPPORTED: "only Linux has units",
    FitCode.UNIT_OTHER: "{name} runs in {unit}",
    FitCode.UNIT_FOREIGN: "the unit of {name}, {unit}, is neither the system's nor yours",
    FitCode.CONTAINER_NONE: "{name} runs in no container",
    FitCode.CONTAINER_UNNAMED: "the name of container {container} is unknown",
    FitCode.CONTAINER_OTHER: "{name} runs in container {container}",
    FitCode.CONTAINER_FOREIGN: "the container of {name} is neither the system's nor yours",
    FitCode.USER_UNSEEN: "the user of {name} isn't visible",
    FitCode.USER_OTHER: "{name} runs for {user}",
}
_NOTES: dict[str, str] = {Whose.PROJECT: "the project's notes"}


def whose_notes(facts: Facts) -> str:
    """Whose notes a finding is about."""
    return notes_of(facts.get("note_whose"))


def notes_of(whose: object) -> str:
    """Whose notes they are, in words that stand in a sentence.

    >>> notes_of(Whose.PROJECT), notes_of(Whose.NAMED)
    ("the project's notes", 'your notes')
    """
    return _NOTES.get(str(whose), "your notes")


def _expects(facts: Facts) -> bool:
    """Whether the note says which program should be there."""
    return any(facts.get(f"note_{kind}") for kind in ("executables", "units", "containers"))


def how_it_fits(facts: Facts) -> str:
    """How the owner that decides compares with the note; empty where none does."""
    facts = {name.removeprefix("fit_"): fact for name, fact in facts.items()}
    return FITS.get(str(facts.get("fit")), "").format_map(
        {
            "name": facts.get("owner") or f"process {facts.get('pid', 0)}",
            "path": facts.get("path", ""),
            "unit": facts.get("unit") or "no unit",
            "container": facts.get("container", ""),
            "user": facts.get("user") or f"user {facts.get('uid', 0)}",
        }
    )


def why_undecided(facts: Facts) -> str:
    """What notes expect, where that isn't confirmed, and why not."""
    if not _expects(facts):
        return ", but name no program"
    why = how_it_fits(facts) or "its owner isn't visible"
    return f", and expect {expected_words(facts, 'note_')}. Not confirmed: {why}"
