"""An audit as one call, for programs; the package itself offers it."""

from __future__ import annotations

from portbook.catalog import Catalog
from portbook.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import AuditAnswer


def audit(
    *sources: str,
    columns: str | None = None,
    format: str | None = None,  # noqa: A002 - the word of the command line
    hosts: int = 5,
    against: str | None = None,
    engine: str = "duckdb",
    memory: str | None = None,
    rows: str | None = None,
    pseudonymise: bool = False,
    key_file: str | None = None,
    plugins: bool = False,
    catalog: Catalog | None = None,
) -> AuditAnswer:
    """The verdict over flow logs and scans of any size.

    *sources* are files, folders, patterns, URLs of an object store, or ``table:NAME`` on *engine*;
    *columns* says which columns are what in a table that isn't known
    (``port=dport,transport=proto``); *hosts* is how many are named for each unexpected service.
    *against* is the file of a previous run's JSON, to say what is new since; *memory* is what
    DuckDB may hold, as ``1GB``.

    *rows* is a file for every row with its verdict: ``.parquet``, ``.csv``, ``.jsonl``, or the last
    two with ``.gz``. *pseudonymise* puts a word in the place of each address, in the answer and in
    the rows: the same one for the same address, by the key in *key_file* or one of this call.

    :raises MissingExtra: the extra ``audit`` isn't installed.
    :raises MalformedInput: nothing at all can be read.
    :raises InvalidArgument: a source, a column, a format or an engine that can't be used.
    :raises EngineFailed: what the engine says.
    """
    from contextlib import closing

    from portbook.app.audit.baseline import compare, read_previous
    from portbook.app.audit.engines import connect
    from portbook.app.audit.pseudonymise import Pseudonyms, read_key

    if key_file is not None and not pseudonymise:
        raise InvalidArgument("key_file", "goes with pseudonymise=True: give both")
    names = Pseudonyms(read_key(key_file)) if pseudonymise else None
    if rows is not None:
        from portbook.app.audit.annotate_rows import check_path

        check_path(rows)
    previous = None if against is None else read_previous(against)
    with closing(connect(engine, memory=memory)) as connected:
        from portbook.app.audit.pipeline import Audit, Order

        order = Order(words=sources, columns=columns, only=format, hosts=hosts, plugins=plugins)
        run = Audit(order, connected, catalog or Catalog())
        answer = run.run()
        if rows is not None:
            from portbook.app.audit.annotate_rows import write_rows

            write_rows(run, rows, names, lambda _done: None)
    if names is not None:
        answer = names.replace(answer)
    return answer if previous is None else compare(answer, previous)
