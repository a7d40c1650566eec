"""``portbook explain``."""

from __future__ import annotations

import os
import sys
from operator import attrgetter
from typing import TYPE_CHECKING

from portbook.app.explain import explain
from portbook.app.socket_columns import ByColumns
from portbook.app.socket_order import ORDERS, sort_sockets
from portbook.cli import complain
from portbook.cli.capture_input import STANDARD_INPUT, chunks_of, is_whole
from portbook.cli.few_collections import few_collections
from portbook.cli.filters import add_filters, filter_of
from portbook.cli.help import Parser, add_fail_on, add_json, add_limit
from portbook.cli.plugin_warnings import plugins_told
from portbook.cli.progress import Measure, progress_bar
from portbook.cli.terminal import is_terminal, print_answers, print_json, reaches, table_style
from portbook.errors import InputUnreadable, MalformedInput, NothingKnown, UsageError, shown
from portbook.formats.base import find_format
from portbook.formats.sockets.detect import FORMATS, installed
from portbook.model import Level, Listener
from portbook.model.text import unbyte
from portbook.present.escape import plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from portbook.app.explain import ExplainAnswer
    from portbook.catalog import Catalog
    from portbook.cli.progress import Tell
    from portbook.model import Finding
    from portbook.present.views.listen_fields import Template


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Explains what a tool printed, and returns the exit status."""
    with plugins_told():
        options = _parse(argv)
        _check(options)
        with few_collections():
            return _explain(options, catalog)


def _explain(options: argparse.Namespace, catalog: Catalog) -> int:
    explanation = _Explanation(options, catalog)
    if len(options.files) == 1:
        try:
            explanation.add(options.files[0])
        except MalformedInput as error:
            # One packet of a log is answered as an error that tells of it; several are a log.
            log = isinstance(error, NothingKnown) and error.records > 1
            text = None if log or options.format or options.against else explanation.pasted()
            if text is None:
                raise
            from portbook.cli.show import answer_text

            return answer_text(text, catalog, as_json=options.json, as_lines=options.jsonl)
        explanation.end()
        return explanation.status
    unread = False
    for path in options.files:
        try:
            explanation.add(path)
        except (InputUnreadable, MalformedInput) as error:
            named = isinstance(error, InputUnreadable)  # names the file itself
            complain(str(error) if named else f"{shown(path, 200)}: {error}")
            unread = True
    explanation.end()
    status = explanation.status
    return 2 if unread and status != 1 else status  # what was found is said first


def _check(options: argparse.Namespace) -> None:
    if options.format is not None:
        find_format(FORMATS, options.format, installed)
    if sum([options.json, options.jsonl, options.template is not None, options.verbose]) > 1:
        raise UsageError("--json, --jsonl, -v and a --format of lines exclude each other: give one")
    if options.limit < 0:
        raise UsageError(f"--limit {options.limit} is below 0: give 0 for all, or how many")
    if options.jsonl and (options.limit or options.sort != "level"):
        name = "limit" if options.limit else "sort"
        raise UsageError(f"--jsonl prints sockets as they are read: leave --{name} out")
    if options.against is not None and (options.limit or options.template is not None):
        name = "limit" if options.limit else "format"
        raise UsageError(f"--against shows all that changed, as a table: leave --{name} out")
    if options.against is not None and options.jsonl:
        raise UsageError("--against compares whole captures: give --json instead of --jsonl")
    if options.against is not None and len(options.files) > 1:
        raise UsageError(
            f"--against compares one capture with an older one: {len(options.files)} are named"
        )
    if [*options.files, options.against].count(STANDARD_INPUT) > 1:
        raise UsageError("two captures can't be on standard input: name a file for one of them")


_MOST_HEAD = 1 << 22  # bytes of an error message that are read
_FINDINGS = attrgetter("assessment.findings")
# The last answer: the process ends behind it, and to free a million objects one by one before that
# would take a tenth of its time.
_held: list[ExplainAnswer] = []
_PIPED = 240  # columns in a pipe, which cuts nothing but what somebody made long on purpose


class _Explanation:
    """One run: what is printed of each capture, and what it means for the exit status."""

    def __init__(self, options: argparse.Namespace, catalog: Catalog) -> None:
        self._options = options
        self._head = bytearray()  # of the capture, in case it turns out to be none
        self._catalog = catalog
        self._wanted = filter_of(options, catalog)
        self._several = len(options.files) > 1
        self._answers: list[dict[str, Any]] = []
        self._printed = self._found = self._not_understood = False
        # One answer in a pipe is written as it is made: of many sockets, it is very long.
        self._in_pieces = not (self._several or options.against or is_terminal(sys.stdout))

    @property
    def status(self) -> int:
        """The exit status as far as it depends on what was read."""
        if self._found:
            return 1
        return 3 if self._options.strict and self._not_understood else 0

    def add(self, path: str) -> None:
        """Explains the capture in a file. Raises InputUnreadable or MalformedInput."""
        options = self._options
        if options.jsonl:
            self._stream(path)
            return
        old = None if options.against is None else chunks_of(options.against)
        # The table shows the findings' codes alone, and rows of JSON get their words last.
        with progress_bar("reading", Measure.TIME, after=1.0) as tell:
            answer = explain(
                self._chunks(path, tell),
                self._wanted,
                self._catalog,
                options.format,
                old,
                said=options.verbose or (options.json and not self._in_pieces),
                plugins=True,
            )
        if options.sort != "level":
            answer = answer._replace(sockets=sort_sockets(answer.sockets, options.sort))
        if options.json:
            from portbook.present.render import sockets_json

            named = {"file": unbyte(path)} if self._several else {}
            shown = answer._replace(sockets=answer.sockets[: options.limit or None])
            if self._in_pieces:
                sys.stdout.writelines(sockets_json.explain_pieces(shown, self._catalog))
                print()
            else:
                self._answers.append({**sockets_json.of_explain(shown), **named})
        else:
            self._print(path, answer)
        some = (finding for findings in _different(_new(answer)) for finding in findings)
        self._found = reaches(some, options.fail_on) or self._found
        self._not_understood = bool(answer.not_understood) or self._not_understood
        _held[:] = [answer]

    def pasted(self) -> str | None:
        """What was read, where it is no capture but tells of a failure; None elsewhere."""
        from portbook.formats.errors.pasted import decode_text, read_text

        text = decode_text(bytes(self._head))
        return None if read_text(text).failure is None else text

    def end(self) -> None:
        """Prints what is one JSON object for all captures."""
        if self._options.json and not self._in_pieces:
            print_answers(self._answers, several=self._several)

    def _chunks(self, path: str, tell: Tell | None = None) -> Iterator[bytes]:
        for chunk in chunks_of(path, wait=not self._several, tell=tell):
            if len(self._head) < _MOST_HEAD:
                self._head += chunk
            yield chunk

    def _print(self, path: str, answer: ExplainAnswer) -> None:
        from portbook.present.views.explain import explained_pieces

        options = self._options
        if options.template is not None:
            self._print_lines(answer, options.template)
            return
        look = table_style()
        if not is_terminal(sys.stdout) and "COLUMNS" not in os.environ:
            look = look._replace(width=_PIPED)
        if self._several:
            gap = "\n" if self._printed else ""
            sys.stdout.write(f"{gap}{look.bold(plain(path))}\n")
        pieces = explained_pieces(answer, look, verbose=options.verbose, most=options.limit)
        sys.stdout.writelines(pieces)
        self._printed = True

    def _print_lines(self, answer: ExplainAnswer, template: Template) -> None:
        """A line a socket, and on standard error what lines have no place for."""
        from portbook.present.views.explain import NOBODY, told, unread
        from portbook.present.views.listen_fields import Cells

        cells = Cells(answer.standings, NOBODY)
        for listener in answer.sockets[: self._options.limit or None]:
            print(template.fill(cells, listener))
        for note in (*told(answer), *unread(answer)):
            complain(note.rstrip(".:"))

    def _stream(self, path: str) -> None:
        """Prints a JSON object per line, as the capture is read."""
        from portbook.cli.capture_stream import print_rows

        options = self._options
        told = print_rows(
            self._chunks(path), self._catalog, self._wanted, options.format, whole=is_whole(path)
        )
        named = {"file": unbyte(path)} if self._several else {}
        print_json({**told.counts(), **named}, line=True)
        if options.fail_on != "never" and told.most_serious >= Level(options.fail_on).rank:
            self._found = True
        self._not_understood = bool(told.unread) or self._not_understood


def _different(listeners: Iterable[Listener]) -> Iterable[tuple[Finding, ...]]:
    """The findings on *listeners*: many sockets share theirs."""
    if isinstance(listeners, ByColumns):
        return [verdict.findings for verdict, _ in listeners.verdicts()]
    return {id(findings): findings for findings in map(_FINDINGS, listeners)}.values()


def _new(answer: ExplainAnswer) -> Iterable[Listener]:
    """What there is to see to: every socket, or what opened or changed owner since."""
    if answer.changes is None:
        return answer.sockets
    return (*answer.changes.opened, *(after for _, after in answer.changes.changed))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "explain",
        "Explain the output of ss, netstat, lsof, nmap and others: what each port is for, who "
        "can reach it, and the verdict. The format is detected.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="the files to read; standard input for - or none",
    )
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        default=[],
        metavar="FORMAT",
        help="with braces, print one line per socket, such as '{port} {program}'; without, read "
        f"the input in this format: {_formats(argv)}",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="add what each finding says, who can reach it, and what its port is used for",
    )
    parser.add_argument(
        "--sort", choices=[*ORDERS], default="level", help="what to sort by (default: level)"
    )
    add_limit(parser, "sockets", default=False)
    parser.add_argument(
        "--against",
        metavar="OLD",
        help="compare with an older capture of any tool: show what opened, closed or changed owner",
    )
    add_filters(parser)
    add_json(parser, rows=True)
    add_fail_on(parser, default="alert")
    options = parser.parse_intermixed_args(list(argv))
    options.files = options.files or [STANDARD_INPUT]
    options.format, options.template = _read_formats(options.formats)
    return options


def _read_formats(given: Sequence[str]) -> tuple[str | None, Template | None]:
    """The format to read and the lines to print, which only braces tell apart."""
    templates = [word for word in given if "{" in word]
    names = [word for word in given if "{" not in word]
    if len(templates) > 1 or len(names) > 1:
        raise UsageError("--format is there twice: give one format to read, and one with braces")
    if not templates:
        return next(iter(names), None), None
    from portbook.present.views.listen_fields import Template

    return next(iter(names), None), Template(templates[0])


def _formats(argv: Sequence[str]) -> str:
    """Every format, where the help is asked for: what tells of one has to be imported."""
    if not {"-h", "--help"}.intersection(argv):
        return ""
    every = (*FORMATS.values(), *installed().values())
    return "; ".join(f"{form.name} ({form.title})" for form in every).replace("%", "%%")
