"""Rows that can't be: found from what was counted, then looked for one by one.

Nothing is asked of each row as long as all is well: that a count is negative, or a time not yet
come, shows in the least and the greatest of a group. Only then the rows are read again, with the
file and the number of each.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.audit.engines.base import FILE, ROW
from portbook.app.audit.flow_schema import transport_of
from portbook.app.audit.timestamps import latest
from portbook.errors import EngineFailed, FormatFailed, PortbookError, shown
from portbook.formats.base import Fault
from portbook.formats.flows.layout import LOST, kept_by
from portbook.model import LAST_PORT
from portbook.model.text import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Batch, Engine

KEPT = 1000  # rows that an engine keeps of those it couldn't read
SHOWN = 5  # rows that are named for each reason
MOST = 1 << 50  # a pebibyte: no single flow carries more
MOST_OF_MANY = MOST * 64  # and so much in a group makes it worth looking for such a flow

_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.,]*( ?([Zz]|[+-][0-9:]+))?)?$"  # ISO 8601

NO_FLOW = "is no flow: nothing in it can be read"


class Limits(NamedTuple):
    """What a source's numeric times are measured in: units a second."""

    unit: int = 1

    @property
    def latest(self) -> float:
        """The latest plausible time, in these units."""
        return latest() * self.unit


def reason_of(columns: Mapping[str, ir.Value], limits: Limits, *, text: bool) -> ir.StringValue:
    """Why a row with these canonical *columns* can't be taken; null for a good one.

    *text* says that the source is text, in which a row without protocol and port is a broken one,
    and not the source's own way to say that it has no data.
    """
    import ibis

    transport = transport_of(columns["protocol"])
    cases: list[tuple[ir.BooleanValue, str]] = []
    ports = [name for name in ("port", "src_port", "dst_port") if name in columns]
    absent = columns["protocol"].isnull()
    for name in ports:
        absent = absent & columns[name].isnull()
    if text:
        cases.append((absent, NO_FLOW))
    there = ~absent
    cases.append((there & columns["protocol"].isnull(), "the protocol is missing"))
    for name in ports:
        port, words = columns[name], name.replace("_", " ").replace("src", "source")
        words = words.replace("dst", "destination")
        outside = (port < 0) | (port > LAST_PORT)
        cases.append((outside.fill_null(False), f"the {words} is not from 0 to {LAST_PORT}"))
        cases.append((transport.notnull() & port.isnull(), f"the {words} is missing or no number"))
    for name in ("bytes", "packets", "flows"):
        if name in columns:
            value = columns[name]
            cases.append(((value == LOST).fill_null(False), f"the number of {name} can't be read"))
            cases.append(((value < 0).fill_null(False), f"the number of {name} is negative"))
            cases.append(((value > MOST).fill_null(False), f"the number of {name} can't be"))
    for name in ("first", "last"):
        if name in columns:
            cases += _time_cases(columns[name], limits)
    return ibis.cases(*cases, else_=ibis.null("string"))


def _time_cases(value: ir.Value, limits: Limits) -> list[tuple[ir.BooleanValue, str]]:
    import ibis

    ahead, before = "the time lies in the future", "the time lies before 1970"
    kind = value.type()
    if kind.is_string():
        # Engines take words ("epoch", "today") and other orders of the parts for times too.
        sound = value.strip().re_search(_ISO) & value.strip().try_cast("timestamp").notnull()
        return [
            ((value.notnull() & ~sound).fill_null(False), "the time can't be read"),
            ((value > _text_limit()).fill_null(False), ahead),
            ((value.strip() < "1970").fill_null(False), before),
        ]
    if kind.is_numeric():
        cases = []
        if kind.is_floating():
            cases = [((value.isnan() | value.isinf()).fill_null(False), "the time can't be read")]
        return [
            *cases,
            ((value > limits.latest).fill_null(False), ahead),
            ((value < 0).fill_null(False), before),
        ]
    limit, epoch = ibis.timestamp(moment(latest()).rstrip("Z")), ibis.timestamp("1970-01-01")
    stamp = value.cast("timestamp")
    return [
        ((stamp > limit).fill_null(False), ahead),
        ((stamp < epoch).fill_null(False), before),
    ]


def _text_limit() -> str:
    # ISO 8601 text sorts as its times do; the day alone is enough, whatever follows it.
    return moment(latest())[:10] + "~"


def gather(faults: Iterable[Fault], *, counted: bool) -> list[Fault]:
    """*faults*, a row each, as the first few of each file and reason, and how many more there are.

    *counted* is false where there may be more than *faults* has.
    """
    groups: dict[tuple[str, str], list[Fault]] = {}
    for each in faults:
        groups.setdefault((each.file, each.reason), []).append(each)
    found = []
    for group in groups.values():
        shown = group[:SHOWN]
        more = len(group) - len(shown) if counted else None
        found += [*shown[:-1], shown[-1]._replace(more=more)]
    return found


def locate(engine: Engine, batch: Batch, limits: Limits, *, text: bool) -> list[Fault]:
    """The faulty rows of *batch*: for each reason a few of them, and how many there are."""
    bad = _bad(engine, batch, limits, text=text)
    placed = [name for name in (FILE, ROW) if name in bad.columns]
    found: list[Fault] = []
    counted = engine.fetch(bad.group_by(["reason", *placed[:1]]).aggregate(rows=bad.count()))
    alone: dict[str, ir.Table] = {}
    for reason, *named, rows in sorted(counted, key=str):
        file = engine.given(named[0]) if named else batch.layout.format
        shown: Sequence[tuple[Any, ...]] = [(None,)]
        if ROW in placed:
            # Rows are numbered as they are read: of several files, through all of them.
            if file not in alone:
                single = batch._replace(files=(file,))
                alone[file] = _bad(engine, single, limits, text=text)
            some = alone[file].filter(alone[file]["reason"] == reason)
            shown = engine.fetch(some.select(ROW).order_by(ROW).limit(SHOWN))
        for at, (row,) in enumerate(shown, 1):
            more = rows - len(shown) if at == len(shown) else 0
            found.append(Fault(file, row, reason, more))
    return found


def _bad(engine: Engine, batch: Batch, limits: Limits, *, text: bool) -> ir.Table:
    """The faulty rows of *batch*, each with its place as far as the engine knows it, and why."""
    table = engine.read(batch, places=True)
    if batch.layout.prepare is not None:
        table = batch.layout.prepare(table)
    columns = batch.layout.flows(table)
    if kept := kept_by(columns):
        table = table.filter(kept)
        columns = batch.layout.flows(table)
    why = reason_of(columns, limits, text=text)
    placed = [name for name in (FILE, ROW) if name in table.columns]
    bad = table.select(*placed, reason=why)
    return bad.filter(bad["reason"].notnull())


def left_out(name: str, error: Exception) -> Fault:
    """Why nothing of the file, or the table, called *name* is counted.

    Raises *error* where that isn't because of what is in it.
    """
    from ibis.common.exceptions import IbisError

    if isinstance(error, EngineFailed | FormatFailed):
        reason = f"can't be read, so nothing of it is counted: {error}"
    elif isinstance(error, IbisError):
        said = str(error).partition("\n")[0]
        reason = f"has columns whose types are not those of flows: {said}"
    elif isinstance(error, PortbookError | MemoryError):
        raise error
    else:
        reason = f"can't be read: {unforeseen(error)}"
    return Fault(name, None, reason, None)


def unforeseen(error: Exception) -> str:
    """What is said of an *error* that nobody expected, of the file that it was met at."""
    said = f"{type(error).__name__}: {shown(str(error), 200)}"
    return f"a fault of portbook's, please report it ({said})"
