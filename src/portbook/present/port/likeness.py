"""Which ports have a page that differs in little but the number."""

from __future__ import annotations

from portbook.model import State
from portbook.present.port.slots import BLANK, Blank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from portbook.app.lookup import PortAnswer
    from portbook.present.port.related import Around


def likeness(answer: PortAnswer, near: Around) -> Hashable | None:
    """All that the page of *answer* depends on beside its number: equal where the pages are.

    None where something is told of this port that hardly another one shares.
    """
    told = answer.uses or answer.abuse or answer.browser_blocked or answer.query.notes
    if told or near.programs or answer.state is State.ASSIGNED:
        return None
    port, standings = answer.port, answer.standings
    if any(standing.assignments for standing in standings.values()):
        return None
    return (
        answer.state,
        answer.block,
        answer.before,
        answer.after,
        answer.systems,
        answer.sources,
        answer.history,
        *standings.items(),
        *near.counts.values(),
        # What its place decides: the edges of ranges, and who hands it out.
        port in (0, 1023, 1024, 49151),
        512 <= port <= 1023,
        *[
            rule.dynamic_first is not None
            and rule.dynamic_last is not None
            and rule.dynamic_first <= port <= rule.dynamic_last
            for rule in answer.systems
        ],
    )


def blank(answer: PortAnswer, near: Around) -> tuple[PortAnswer, Around]:
    """*answer* and what is *near* it, with the number and what follows from it left open."""
    return answer._replace(port=Blank(answer.port)), near._replace(own=BLANK)
