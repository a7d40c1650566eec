"""A batch that was read and judged."""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    import ibis.expr.types as ir

    from portbook.app.audit.batch import Batch
    from portbook.app.audit.engines.base import Engine
    from portbook.app.audit.row_errors import Limits


class Read(NamedTuple):
    """A batch that was read and judged: what another pass over it needs.

    ``grouped`` holds a row a group of the flows, with the columns that the rows themselves have;
    ``empty`` says that there are none.
    """

    batch: Batch
    limits: Limits
    faulty: bool
    grouped: ir.Table
    empty: bool


if TYPE_CHECKING:

    class Sources(Protocol):
        """What another pass over the sources of an audit needs of it."""

        @property
        def engine(self) -> Engine: ...
        @property
        def reads(self) -> Sequence[Read]: ...
        def given(self, path: str) -> str:
            """The file that was named, of which *path* may be what could be unpacked."""

        def flows(self, batch: Batch, limits: Limits, *, faulty: bool) -> ir.Table:
            """The flows of *batch* that count."""
