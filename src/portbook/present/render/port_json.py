"""Answers as JSON objects; :mod:`portbook.schema` has their keys, ``docs/json.md`` tells them.

Keys are only ever added within a version of a schema. What no source holds is ``null``.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
from portbook.app.port_lookup import PortAnswer
from portbook.app.search import SearchAnswer
from portbook.app.topics import TopicAnswer
from portbook.present.port.on_record import notes_of
from portbook.present.render.sockets_json import phrased
from portbook.schema.answers import (
    BLOCKS_ANSWER,
    MAP_ANSWER,
    RANGE_ANSWER,
    SEARCH_ANSWER,
    SERVICE_ANSWER,
    STATS_ANSWER,
    TOPIC_ANSWER,
)
from portbook.schema.port import PORT_ANSWER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from portbook.app.list_lookup import BlocksAnswer
    from portbook.app.lookup import Answer
    from portbook.app.related import Related
    from portbook.app.topics import Topic
    from portbook.catalog.registry.stats import Stats
    from portbook.catalog.registry.summary import Shelf
    from portbook.formats.errors.query import Query
    from portbook.model import Block, Source, State
    from portbook.present.brief import Brief
    from portbook.present.document import Page, Question
    from portbook.present.owners import Viewer
    from portbook.present.topics import TopicPage

    Object = dict[str, Any]


class _System(NamedTuple):
    system: str
    since: str | None
    picks: bool | None
    privileged: str | None


class _Rest(NamedTuple):
    """What a whole page says beyond the short answer."""

    place: int
    related: Related
    systems: Sequence[_System]
    implementing: Sequence[str]
    questions: Sequence[Question]


def _rest(number: PortAnswer, asked: Sequence[Question] | None = None) -> _Rest | None:
    """The rest of the page of *number*, a whole answer; None of another.

    *asked* are its questions, where they are composed already.
    """
    near = number.related
    if near is None:
        return None
    from portbook.present.port.background import pickers
    from portbook.present.port.questions import questions

    picking, others = pickers(number)
    picks = {**dict.fromkeys(picking, True), **dict.fromkeys(others, False)}
    system_ports = number.range.name == "system"
    return _Rest(
        number.port - number.range.first + 1,
        near,
        [
            _System(
                each.system,
                each.since,
                picks.get(each.system),
                each.privileged if system_ports else None,
            )
            for each in number.systems
        ],
        [program.product for program in near.implementing],
        [*questions(number)] if asked is None else asked,
    )


class ShownList:
    """The answer for a name or a range, with the short answer that is made of it for *to*."""

    def __init__(self, answer: ServiceAnswer | RangeAnswer, to: Viewer) -> None:
        from portbook.present.list_briefs import brief_of

        self.brief = brief_of(answer, to)
        self.services = answer.services
        vars(self).update(answer._asdict())


class ShownPort:
    """A port's answer with what is made of it: the short answer, and the rest of its page.

    *to* is whom the short answer is for.
    """

    def __init__(
        self,
        answer: PortAnswer,
        to: Viewer | None = None,
        brief: Brief | None = None,
        asked: Sequence[Question] | None = None,
    ) -> None:
        from portbook.present.brief import compose_brief
        from portbook.present.owners import Viewer

        self.brief = brief or compose_brief(answer, to or Viewer())
        query = answer.query._replace(notes=notes_of(answer))
        vars(self).update(answer._replace(query=query)._asdict())
        self.related = _rest(answer.number or answer, asked)


def of_composed(answer: PortAnswer, brief: Brief, page: Page) -> Object:
    """*answer* as :func:`of` has it, of what is composed of it already: *brief*, and its *page*."""
    from portbook.present.document import Question

    items = (item for section in page.sections for item in section.items)
    asked = [item for item in items if type(item) is Question]
    return phrased(PORT_ANSWER).encode(ShownPort(answer, None, brief, asked))


def of(answer: Answer, to: Viewer | None = None) -> Object:
    """*answer* as one object with its schema; *to* is whom the short answer is for."""
    if isinstance(answer, PortAnswer):
        return phrased(PORT_ANSWER).encode(ShownPort(answer, to))
    if isinstance(answer, TopicAnswer):
        from portbook.present.topics import compose_topic

        return TOPIC_ANSWER.encode(_Topic(answer.query, answer.topic, compose_topic(answer)))
    if isinstance(answer, SearchAnswer):
        return phrased(SEARCH_ANSWER).encode(answer)
    from portbook.present.owners import Viewer

    table = SERVICE_ANSWER if isinstance(answer, ServiceAnswer) else RANGE_ANSWER
    return phrased(table).encode(ShownList(answer, to or Viewer()))


class _Topic(NamedTuple):
    query: Query
    topic: Topic
    page: TopicPage


class _Blocks(NamedTuple):
    answer: BlocksAnswer
    shown: Sequence[Block]


def of_blocks(answer: BlocksAnswer, most: int = 0) -> Object:
    """``portbook/blocks/1``, with *most* of the blocks, 0 for all; the counts are of all."""
    return BLOCKS_ANSWER.encode(_Blocks(answer, answer.blocks[: most or None]))


class _Counts(NamedTuple):
    stats: Stats
    sources: Sequence[Source]


def of_stats(stats: Stats, sources: Sequence[Source]) -> Object:
    """``portbook/stats/1``; the key ``headline`` counts ports by their headline state."""
    return STATS_ANSWER.encode(_Counts(stats, sources))


class _Run(NamedTuple):
    state: State
    first: int
    last: int


class _Map(NamedTuple):
    first: int
    last: int
    states: Mapping[State, int]
    runs: Sequence[_Run]
    sources: Sequence[Source]


def of_map(shelf: Shelf, first: int, last: int, sources: Sequence[Source]) -> Object:
    """``portbook/map/1``, of the ports from *first* to *last*."""
    runs = [_Run(*run) for run in shelf.runs(first, last)]
    return MAP_ANSWER.encode(_Map(first, last, shelf.counts(first, last), runs, sources))
