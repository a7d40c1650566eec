"""An audit from what is to be read to its answer."""

from __future__ import annotations

import os
from functools import cache

from portbook._fast_types import NamedTuple
from portbook.app.audit import reference_table as books
from portbook.app.audit.aggregate import Collector, suspects
from portbook.app.audit.engines.base import Batch, is_url
from portbook.app.audit.flow_schema import COUNTS, Judged, group, judge_groups
from portbook.app.audit.group_join import Read
from portbook.app.audit.gzip_recovery import breaks_off, is_damaged, overlong, salvage
from portbook.app.audit.inputs import find, sort_files
from portbook.app.audit.row_errors import Limits, gather, left_out, locate, reason_of
from portbook.app.audit.server_side import place, regroup, resolve
from portbook.app.audit.spoken import mark
from portbook.app.audit.timestamps import unit_of
from portbook.app.audit.top_hosts import add_hosts
from portbook.errors import MalformedInput
from portbook.formats.base import Fault
from portbook.formats.flows.detect import installed
from portbook.formats.flows.generic_table import parse_mapping
from portbook.formats.flows.layout import NO_FLOW, others_told
from portbook.formats.flows.scans import read_scans
from portbook.model import PORTS, Gap, GapCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Engine, Tell
    from portbook.app.audit.result import AuditAnswer, Service
    from portbook.catalog import Catalog


# Whoever waits so many seconds for the flows will meet many ports: all are looked up meanwhile.
_LONG = 0.05
_FIRST = Judged._fields.index("first")
BROKEN_OFF = "breaks off: what comes before is counted, its last row may be cut"
DAMAGED = "has a wrong checksum: any row of it may be wrong, also those that were counted"


class Order(NamedTuple):
    """What is to be audited, and how.

    ``words`` are files, folders, globs, URLs and ``table:NAME``; ``columns`` is the text of
    ``--columns``; ``only`` a format to be taken for granted; ``hosts`` how many hosts are named for
    each unexpected service. With ``plugins``, formats of installed packages are read too; their
    code runs then.
    """

    words: tuple[str, ...]
    columns: str | None = None
    only: str | None = None
    hosts: int = 5
    plugins: bool = False


class Audit:
    """One audit on one engine: what was read, and the answer."""

    def __init__(
        self, order: Order, engine: Engine, catalog: Catalog, tell: Tell = lambda _: None
    ) -> None:
        self.order = order
        self.catalog = catalog
        self.engine = engine
        self.reads: list[Read] = []
        self._collector = Collector()
        self._tell = tell
        self._scanned: dict[tuple[str, ...], ir.Table] = {}
        self._salvaged: dict[str, str] = {}  # what could be unpacked of a file, and that file

    def seen(self) -> list[Service]:
        """Every service that was read, also those that answered nobody."""
        return self._collector.seen()

    def run(self, meanwhile: Callable[[Sequence[Service]], None] | None = None) -> AuditAnswer:
        """Reads everything. Raises a PortbookError where nothing at all can be read.

        *meanwhile* is given the services, which lack their hosts, and takes less time there than
        later, while these are looked for; it may be left undone.
        """
        self.engine.begin()
        mapping = parse_mapping(self.order.columns)
        more = cache(installed) if self.order.plugins else dict
        paths, unseen = find(self.order.words, self.engine)
        sizes = _sizes(paths)
        batches, faults = sort_files(paths, self.engine, mapping, self.order.only, more)
        faults = unseen + faults
        collector = self._collector
        for batch in batches:
            sound, wrong = self._scan(batch) if batch.layout.reader == "rows" else (batch, [])
            faults += wrong
            if sound.files or sound.table:
                faults += self._batch(sound, collector)
        self._note_rejects(faults)
        self._note_damage(faults)
        self._refuse_nothing(faults)
        for path, size in _sizes(paths).items():
            if sizes.get(path) != size:
                collector.missing.append(Gap(GapCode.FILE_CHANGED, path))
        answer = collector.answer(
            self.engine.name,
            [self._as_named(read.batch) for read in self.reads],
            [each._replace(file=self.given(each.file)) for each in faults],
            (*self.catalog.registry.sources(), *self.catalog.practice.sources()),
        )
        if not self.order.hosts:
            return answer
        done = None if meanwhile is None else lambda: meanwhile(answer.services)
        return add_hosts(self, answer, self.order.hosts, done)

    def _refuse_nothing(self, faults: list[Fault]) -> None:
        """Raises MalformedInput where no source could be taken at all; one without flows can."""
        named = {fault.file for fault in faults}
        for read in self.reads:
            if not (read.empty and named.intersection(self._as_named(read.batch).files)):
                return
        first, others = faults[0], len(named) - 1
        row = "" if first.row is None else f", row {first.row:,},"
        more = f"; {others:,} more files likewise" if others else ""
        raise MalformedInput(f"nothing could be read: {first.file!a}{row} {first.reason}{more}")

    def given(self, path: str) -> str:
        """The file that was named, of which *path* may be what could be unpacked."""
        return self._salvaged.get(path, path)

    def _as_named(self, batch: Batch) -> Batch:
        return batch._replace(files=tuple(map(self.given, batch.files)))

    # -- one batch ----------------------------------------------------------------------------

    def _batch(self, batch: Batch, collector: Collector) -> list[Fault]:
        """Reads *batch* and counts it; the faults that were met."""
        try:
            return self._read(batch, collector)
        except Exception as error:  # noqa: BLE001 - left_out() raises what is no file's fault
            faults = [left_out(name, error) for name in batch.files or (batch.table,)]
        if not batch.files or (len(batch.files) == 1 and batch.files[0] in self._salvaged):
            return faults
        # One of them is broken: each on its own, what is good counts.
        good: list[str] = []
        broken: list[Fault] = []
        for path in batch.files:
            single = batch._replace(files=(path,))
            try:
                self._group(single, Limits(), faulty=False)
                good.append(path)
            except Exception as error:  # noqa: BLE001
                fault = left_out(path, error)
                rest = salvage(single, self.engine.folder)
                if rest is None:
                    broken.append(fault)
                else:
                    broken.append(rest.fault)
                    self._salvaged[rest.path] = path
                    good.append(rest.path)
        if tuple(good) != batch.files:
            return broken + (
                self._batch(batch._replace(files=tuple(good)), collector) if good else []
            )
        # Each can be grouped, but not together; or what is suspected of a row can't be looked for.
        if len(good) == 1:
            return faults
        singles = (batch._replace(files=(path,)) for path in good)
        return [fault for single in singles for fault in self._batch(single, collector)]

    def _read(self, batch: Batch, collector: Collector) -> list[Fault]:
        grouped, rows = self._group(batch, Limits(), faulty=False)
        limits = Limits(unit_of(batch.layout.clock, [row[_FIRST] for row in rows]))
        faults = overlong(batch)
        faulty = suspects(rows, limits.unit, text=_is_text(batch))
        if faulty:
            faults += self._lines(batch, locate(self.engine, batch, limits, text=_is_text(batch)))
            grouped, rows = self._group(batch, limits, faulty=True)
        if all(row[0] == NO_FLOW for row in rows):
            name = batch.files[0] if len(batch.files) == 1 else batch.layout.format
            collector.missing.append(Gap(GapCode.NO_FLOWS, self.given(name)))
            faults += [] if rows else overlong(batch, empty=True)
        collector.add(rows, limits.unit)
        self.reads.append(
            Read(batch=batch, limits=limits, faulty=faulty, grouped=grouped, empty=not rows)
        )
        return faults

    def _lines(self, batch: Batch, faults: list[Fault]) -> list[Fault]:
        """*faults* of text with the numbers of lines: headings and rejected rows are lines too."""
        layout = batch.layout
        if layout.reader != "csv":
            return faults
        rejected: dict[str, list[int]] = {}
        for fault, _ in self.engine.rejected():
            if fault.row is not None:
                rejected.setdefault(fault.file, []).append(fault.row)
        counted = []
        for fault in faults:
            line = fault.row
            if line is not None:
                line += layout.skip + layout.lead
                for row in rejected.get(fault.file, ()):  # in rising order
                    line += row <= line
            counted.append(fault._replace(row=line))
        return counted

    def _group(
        self, batch: Batch, limits: Limits, *, faulty: bool
    ) -> tuple[ir.Table, Sequence[tuple[Any, ...]]]:
        """The groups of *batch* on the engine, and their verdicts."""
        flows = self.flows(batch, limits, faulty=faulty)
        least = self.engine.least(flows, [name for name in COUNTS if name in flows.columns])
        pending = self.engine.keep(group(flows, least))
        paired, told = "other" in flows.columns, "spoken" in flows.columns
        judged = None
        if pending.table is not None and not (paired or told):
            # Worked out while the engine reads: it is as long as all that follows the reading.
            judged = judge_groups(pending.table, books.table())
            self.engine.prepare(judged)
            if pending.lasts(_LONG):
                books.load(self.catalog)
        grouped = pending.wait(self._tell)
        book = self._book(grouped)
        if paired:
            grouped = self.engine.keep(resolve(grouped, book)).wait(self._tell)
        if told:
            grouped = self.engine.keep(mark(grouped, self.engine, self.catalog)).wait(self._tell)
        if paired or told:
            judged = judge_groups(regroup(grouped), book)
        elif judged is None:
            judged = judge_groups(grouped, book)
        return grouped, self.engine.fetch(judged)

    def flows(self, batch: Batch, limits: Limits, *, faulty: bool) -> ir.Table:
        """The canonical table of *batch*; without its faulty rows, if it has any."""
        return select_flows(batch, self.table(batch), limits, faulty=faulty)

    def table(self, batch: Batch) -> ir.Table:
        """The table that *batch* holds, on the engine."""
        if batch.layout.reader != "rows":
            return self.engine.read(batch)
        if batch.files not in self._scanned:  # one of several that were read together
            self._scan(batch)
        return self._scanned[batch.files]

    def _scan(self, batch: Batch) -> tuple[Batch, list[Fault]]:
        """What can be read of the scans in *batch*, which is a table on the engine then; and what
        can't.
        """
        rows, faults, good = read_scans(batch.files, batch.compression)
        name = f"portbook_scan_{len(self._scanned)}"
        self._scanned[good] = self.engine.lookup(name, dict(batch.layout.columns), rows)
        return batch._replace(files=good), faults

    def _book(self, grouped: ir.Table) -> ir.Table:
        """What is on record of the ports in *grouped*, as a table on the engine."""
        asked = grouped.select("port", "other").distinct()
        ports = {port for row in self.engine.fetch(asked) for port in row}
        entries = books.entries(ports.intersection(range(PORTS)), self.catalog)
        return self.engine.lookup(books.NAME, books.COLUMNS, entries)

    def _note_rejects(self, faults: list[Fault]) -> None:
        quiet = {
            path: read.batch.layout.no_rows for read in self.reads for path in read.batch.files
        }
        ended: set[str] = set()
        rows: list[Fault] = []
        for fault, text in self.engine.rejected():
            if any(text.startswith(word) for word in quiet.get(fault.file, ())):
                ended.add(fault.file)  # what follows is no row either, but a summary
            elif fault.file not in ended:
                rows.append(fault)
        faults += gather(rows, counted=self.engine.kept_all)

    def _note_damage(self, faults: list[Fault]) -> None:
        """Names the gzip files with faulty rows of which the checksum is wrong too, and the
        Zstandard files that break off.
        """
        packed: dict[str, set[str]] = {}
        for read in self.reads:
            local = {path for path in read.batch.files if not is_url(path)}
            packed.setdefault(read.batch.compression, set()).update(local)
        wrong = {each.file for each in faults} & packed.get("gzip", set())
        faults += [Fault(path, None, DAMAGED, None) for path in sorted(wrong) if is_damaged(path)]
        whole = sorted(packed.get("zstd", ()))
        faults += [Fault(path, None, BROKEN_OFF, None) for path in whole if breaks_off(path)]


def select_flows(batch: Batch, table: ir.Table, limits: Limits, *, faulty: bool) -> ir.Table:
    """The canonical table of the flows in *table*."""
    layout = batch.layout
    if layout.prepare is not None:
        table = layout.prepare(table)
    columns = layout.flows(table)
    kept = [columns.pop("keep")] if "keep" in columns else []
    if faulty:
        sound = reason_of(columns, limits, text=_is_text(batch)).isnull()
        kept.append(sound | ~columns["flow"] if "flow" in columns else sound)
    if kept:
        table = table.filter(kept)
        columns = {name: value for name, value in layout.flows(table).items() if name != "keep"}
    return table.select(**place(others_told(columns)))


def _is_text(batch: Batch) -> bool:
    """Whether a row of *batch* without anything in it is a broken one."""
    return batch.layout.reader in ("csv", "json") and not batch.layout.blank_rows


def _sizes(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The size and the time of change of each file that is on a disk here."""
    found = {}
    for path in paths:
        if not is_url(path):
            try:
                stat = os.stat(path)
            except OSError:
                continue
            found[path] = (stat.st_size, stat.st_mtime_ns)
    return found
