"""A capture explained, as JSON objects; :mod:`portbook.schema.captures` has their keys."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.present.render.sockets_json import phrased
from portbook.schema.captures import EXPLAIN, EXPLAINED, UNREAD_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

of_explain = phrased(EXPLAIN).encode
# ``portbook/not-understood/1``: a line, or lines, of a capture that no reader understood.
of_unread = UNREAD_ROW.encode


class _Counts(NamedTuple):
    format: str
    sockets: int
    not_understood: int
    left_out: Mapping[str, int]


def of_explained(
    format_name: str, sockets: int, unread: int, left_out: Mapping[str, int]
) -> dict[str, Any]:
    """``portbook/explained/1``: the end of a stream of rows, with their counts."""
    return EXPLAINED.encode(_Counts(format_name, sockets, unread, left_out))
