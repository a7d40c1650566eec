"""From the rows of a source back to the groups that they were counted in, and so to a verdict."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.audit.flow_schema import transport_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, Protocol

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Batch, Engine
    from portbook.app.audit.row_errors import Limits


def groups_of(read: Read, *, reach: bool) -> ir.Table:
    """The groups of *read*: what their rows have of them, their transport and their service.

    Each stands there once; *reach* tells apart those that differ in nothing else.
    """
    grouped = read.grouped
    paired = "service" in grouped.columns
    columns = {
        "portbook_match_protocol": grouped["protocol"],
        "portbook_match_port": grouped["port"],
        "portbook_match_transport": transport_of(grouped["protocol"]),
        "portbook_match_service": grouped["service" if paired else "port"],
    }
    if paired:
        columns |= {
            "portbook_match_other": grouped["other"],
            "portbook_match_side": grouped["side"],
        }
    if "heard" in grouped.columns:
        columns["portbook_match_spoken"] = grouped["spoken"].fill_null("")
        columns["portbook_match_heard"] = grouped["heard"].fill_null("")
    if reach:
        columns["portbook_match_reach"] = grouped["reach"].fill_null("")
    return grouped.select(**columns).distinct()


def join_groups(
    rows: ir.Table, groups: ir.Table, how: Literal["inner", "left"], before: str = ""
) -> ir.Table:
    """*rows* with their groups: where there is none, only a join to the *left* keeps the row.

    The names of the columns that tell a row's group have *before* in front of them.
    """
    on = [rows[f"{before}{key}"] == groups[f"portbook_match_{key}"] for key in ("protocol", "port")]
    if "portbook_match_other" in groups.columns:
        on.append(rows[f"{before}other"] == groups["portbook_match_other"])
    on += [
        rows[f"{before}{key}"].fill_null("") == groups[f"portbook_match_{key}"]
        for key in ("reach", "spoken")
        if f"portbook_match_{key}" in groups.columns
    ]
    return rows.join(groups, on, how=how)


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
