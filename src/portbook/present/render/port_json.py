"""Answers as JSON objects; :mod:`portbook.schema` has their keys, ``docs/json.md`` tells them.

Keys are only ever added within a version of a schema. What no source holds is ``null``.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.lookup import PortAnswer, RangeAnswer, SearchAnswer, ServiceAnswer
from portbook.present.phrases import with_sentences
from portbook.schema.answers import (
    BLOCKS_ANSWER,
    LISTEN_ANSWER,
    PORT_ANSWER,
    RANGE_ANSWER,
    SEARCH_ANSWER,
    SERVICE_ANSWER,
    STATS_ANSWER,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from portbook.app.listen import HereAnswer
    from portbook.app.lookup import Answer
    from portbook.catalog.registry.stats import Stats
    from portbook.model import Block, Source, State

    Object = dict[str, Any]

_TABLES = {
    PortAnswer: PORT_ANSWER,
    ServiceAnswer: SERVICE_ANSWER,
    RangeAnswer: RANGE_ANSWER,
    SearchAnswer: SEARCH_ANSWER,
}


def of(answer: Answer) -> Object:
    """*answer* as one object with its schema."""
    if isinstance(answer, (PortAnswer, RangeAnswer)) and answer.host is not None:
        answer = answer._replace(host=with_sentences(answer.host))
    return _TABLES[type(answer)].encode(answer)


def of_here(answer: HereAnswer) -> Object:
    """``portbook/listen/1``."""
    return LISTEN_ANSWER.encode(with_sentences(answer))


class _Blocks(NamedTuple):
    blocks: Sequence[Block]
    state: State | None
    range: str | None
    sources: Sequence[Source]


def of_blocks(
    blocks: Sequence[Block],
    state: State | None,
    range_name: str | None,
    sources: Sequence[Source],
) -> Object:
    """``portbook/blocks/1``."""
    return BLOCKS_ANSWER.encode(_Blocks(blocks, state, range_name, sources))


class _Counts(NamedTuple):
    stats: Stats
    sources: Sequence[Source]


def of_stats(stats: Stats, sources: Sequence[Source]) -> Object:
    """``portbook/stats/1``; the key ``headline`` counts ports by their headline state."""
    return STATS_ANSWER.encode(_Counts(stats, sources))
