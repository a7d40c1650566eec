"""``portbook audit``."""

from __future__ import annotations

import os
import sys
from contextlib import closing

from portbook.cli.few_collections import few_collections
from portbook.cli.help import Parser, add_fail_on
from portbook.cli.plugin_warnings import plugins_told
from portbook.cli.terminal import is_terminal, print_json, style
from portbook.cli.termination import cleaned_up
from portbook.errors import MissingExtra, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from portbook.app.audit.pipeline import Audit
    from portbook.app.audit.result import AuditAnswer, Service
    from portbook.catalog import Catalog
    from portbook.present.render.audit_json import ServiceTexts


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Audits flow logs and scans, and returns the exit status."""
    with plugins_told():
        options = _parse(argv)
        with few_collections():
            return _audit(options, catalog)


def _audit(options: argparse.Namespace, catalog: Catalog) -> int:
    for name, count in (("--limit", options.limit), ("--hosts", options.hosts)):
        if count < 0:
            raise UsageError(f"{name} {count} is below 0: give 0 or more")
    from portbook.formats.flows.detect import FORMATS, find_format, installed

    if options.format is not None:
        find_format(FORMATS, options.format, installed)
    from portbook.app.audit.baseline import compare, read_previous
    from portbook.app.audit.engines import connect
    from portbook.app.audit.pipeline import Audit, Order
    from portbook.app.audit.pseudonymise import Pseudonyms, read_key
    from portbook.cli.audit import check_outputs, write_outputs
    from portbook.cli.progress import Measure, progress_bar

    check_outputs(options.output, options.rows)
    catalog.check()
    previous = read_previous(options.against) if options.against else None
    names = Pseudonyms(read_key(options.key_file)) if options.pseudonymise else None
    if options.key_file and names is None:
        raise UsageError("--key-file goes with --pseudonymise: give both")
    order = Order(
        tuple(options.source), options.columns, options.format, options.hosts, plugins=True
    )
    with (
        cleaned_up(),
        closing(connect(options.engine, memory=options.memory)) as engine,
        progress_bar("reading", Measure.TIME, after=1.0) as tell,
    ):
        audit = Audit(order, engine, catalog, tell)
        ahead = _Ahead(catalog) if options.json and not is_terminal(sys.stdout) else None
        answer = audit.run(ahead)
        if names is not None:
            answer = names.replace(answer)
        if previous is not None:
            answer = compare(answer, previous)
        write_outputs(audit, answer, options.output, options.limit)
        if options.rows:
            from portbook.app.audit.annotate_rows import write_rows

            write_rows(audit, options.rows, names, tell)
    if options.json:
        _print_json(answer, catalog, ahead)
    elif not options.output:
        from portbook.present.views.audit import render_audit

        sys.stdout.write(render_audit(answer, catalog, style(), options.limit))
    return _status(answer, options)


class _Ahead:
    """What is told of services, as JSON, made while their hosts are looked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.texts: ServiceTexts | None = None

    def __call__(self, services: Sequence[Service]) -> None:
        from portbook.present.render.audit_json import ServiceTexts

        self.texts = ServiceTexts(self._catalog, len(services))
        self.texts.prepare(services)


def _print_json(answer: AuditAnswer, catalog: Catalog, ahead: _Ahead | None) -> None:
    from portbook.present.render.audit_json import audit_pieces, of_audit

    if ahead is None:
        print_json(of_audit(answer, catalog))
        return
    sys.stdout.writelines(audit_pieces(answer, catalog, ahead.texts))
    print()


def _status(answer: AuditAnswer, options: argparse.Namespace) -> int:
    from portbook.model import Level

    if options.fail_on != "never":
        least = Level(options.fail_on).rank
        if any(each.gravity >= least for each in answer.services):
            return 1
    return 3 if options.strict and (answer.faults or answer.missing) else 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "audit",
        "Judge flow logs and scans of any size: Zeek, Suricata, flow logs of clouds, "
        "nfdump, Argus, logs of firewalls, osquery, nmap, or any table as Parquet, CSV or "
        "JSON lines. Formats are detected; gzip and Zstandard are unpacked.",
    )
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="a file, a folder (searched recursively), a pattern, a URL of an object store, or "
        "table:NAME on the engine",
    )
    parser.add_argument(
        "--engine",
        metavar="ENGINE",
        help="where to run it: duckdb (default), spark, or an Ibis URL",
    )
    parser.add_argument(
        "--columns",
        metavar="NAME=COLUMN,...",
        help="name the columns of an unknown table: port=dport,transport=proto,...",
    )
    parser.add_argument("--format", metavar="NAME", help="read all sources in this format")
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="compare with the JSON of an earlier run: show what is new or gone",
    )
    parser.add_argument(
        "--rows",
        metavar="FILE",
        help="also write every row with its verdict: .parquet, .csv or .jsonl, the last two also "
        "as .gz",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        action="append",
        default=[],
        help="write the answer there: .html, .json, .parquet, .csv or .txt; may be repeated",
    )
    parser.add_argument(
        "--pseudonymise",
        action="store_true",
        help="replace each address by a word, the same throughout this run",
    )
    parser.add_argument(
        "--key-file", metavar="FILE", help="the key for --pseudonymise, so that several runs agree"
    )
    parser.add_argument(
        "--hosts", type=int, default=5, metavar="N",
        help="how many hosts to name for each unexpected service (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N",
        help="how many services to list in text and HTML (default: 20)",
    )  # fmt: skip
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="how much memory DuckDB may use before it writes to disk: 1GB",
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if a file or a row couldn't be taken"
    )
    add_fail_on(parser, default="alert")
    options = parser.parse_args(list(argv))
    for name in ("engine", "columns", "against", "key_file", "memory"):
        if getattr(options, name) == "":  # a script's variable, say: it asked for something
            raise UsageError(f"--{name.replace('_', '-')} is empty: give a value, or leave it out")
    return options


ENDINGS = (".html", ".json", ".parquet", ".csv", ".txt")


def check_outputs(paths: Sequence[str], rows: str | None) -> None:
    """Raises UsageError, before anything is read, where an output can't be written."""
    from portbook.app.audit.annotate_rows import check_path

    if rows is not None:
        check_path(rows)
    for path in paths:
        if not path.lower().endswith(ENDINGS):
            raise UsageError(f"--output {shown(path)} ends in none of {', '.join(ENDINGS)}")
    for path in (*paths, *([rows] if rows else [])):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"{shown(path)} can't be written: there is no folder {shown(folder)}")


def write_outputs(audit: Audit, answer: AuditAnswer, paths: Sequence[str], limit: int) -> None:
    """Writes *answer* to each of *paths*, in the form that its name ends in."""
    from portbook.app.audit.outputs import write_table, write_text

    for path in paths:
        if path.lower().endswith(".parquet"):
            from portbook.present.render.audit_json import COLUMNS, rows

            table = audit.engine.lookup(
                "portbook_services", COLUMNS, list(rows(answer, audit.catalog))
            )
            write_table(audit.engine, table, path, lambda _: None)
        else:
            write_text(path, _text_of(path.lower(), answer, audit.catalog, limit))


def _text_of(path: str, answer: AuditAnswer, catalog: Catalog, limit: int) -> str:
    if path.endswith(".html"):
        try:
            from portbook.present.render.audit_html import render_html
        except ModuleNotFoundError as error:
            if error.name not in ("jinja2", "markupsafe"):
                raise
            raise MissingExtra("audit", "a report as HTML") from error
        return render_html(answer, catalog, limit)
    if path.endswith(".json"):
        from portbook.present.render.audit_json import audit_pieces

        return "".join(audit_pieces(answer, catalog)) + "\n"
    if path.endswith(".csv"):
        from portbook.present.render.audit_json import render_csv

        return render_csv(answer, catalog)
    from portbook.present.render.text import Style
    from portbook.present.views.audit import render_audit

    return render_audit(answer, catalog, Style(), limit)
