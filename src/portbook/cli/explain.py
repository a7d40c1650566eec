"""``portbook explain``."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

from portbook.capture import FORMATS
from portbook.capture.found import LEFT_OUT, NOT_UNDERSTOOD
from portbook.cli import complain
from portbook.cli.filters import add_filters, filter_of
from portbook.cli.help import Parser, add_fail_on, add_json
from portbook.cli.output import is_terminal, print_json, reaches, style
from portbook.errors import InputUnreadable, UsageError, shown
from portbook.explain import explain, refuse_unread, stream
from portbook.model import Level, Listener
from portbook.pages import captured, sockets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.capture.found import Line
    from portbook.explain import ExplainAnswer
    from portbook.here import Filter

_CHUNK = 1 << 16  # bytes read at once
_STANDARD_INPUT = "-"


def run(argv: Sequence[str]) -> int:
    """Explains what a tool printed, and returns the exit status."""
    options = _parse(argv)
    if options.json and options.jsonl:
        raise UsageError("--json and --jsonl exclude each other: give one of them")
    if options.against is not None and options.jsonl:
        raise UsageError("--against compares whole captures: give --json instead of --jsonl")
    if options.against == _STANDARD_INPUT == options.file:
        raise UsageError("both captures can't be on standard input: name a file for one of them")
    wanted = filter_of(options)
    # A capture is read into hundreds of thousands of tuples, and no cycles: looking for those
    # every 700 tuples takes a fifth of the time, every 100,000 an eighth.
    gc.set_threshold(2_000_000)
    if options.jsonl:
        return _stream(options, wanted)
    old = None if options.against is None else chunks_of(options.against)
    # The table shows the findings' codes alone.
    answer = explain(chunks_of(options.file), wanted, options.format, old, said=options.json)
    if options.json:
        print_json(captured.of_explain(answer))
    else:
        from portbook.pages.explained import render_explained

        sys.stdout.write(render_explained(answer, style()))
    if reaches((each for listener in _new(answer) for each in listener.findings), options.fail_on):
        return 1
    return 3 if options.strict and answer.not_understood else 0


def _new(answer: ExplainAnswer) -> Iterable[Listener]:
    """What there is to see to: every socket, or what opened and changed hands since."""
    if answer.changes is None:
        return answer.sockets
    return (*answer.changes.opened, *(after for _, after in answer.changes.changed))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "explain",
        "What another tool printed, explained: each listening socket with what is registered and "
        "used on its port, who can reach it, and the verdict. The format is found by itself.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        default=_STANDARD_INPUT,
        metavar="FILE",
        help="where the output is; - or nothing: standard input",
    )
    parser.add_argument(
        "--format",
        choices=[*FORMATS],
        metavar="FORMAT",
        help="read it as this: "
        + "; ".join(f"{name} ({form.about})" for name, form in FORMATS.items()),
    )
    parser.add_argument(
        "--against",
        metavar="OLD",
        help="an older capture, of whichever tool: say what opened, closed or changed hands",
    )
    add_filters(parser)
    add_json(parser, rows=True)
    add_fail_on(parser, default="alert")
    return parser.parse_args(list(argv))


def chunks_of(path: str) -> Iterator[bytes]:
    """The bytes of a file, or of standard input for ``-``, as they come.

    Raises InputUnreadable where it can't be read.
    """
    if path == _STANDARD_INPUT:
        if sys.stdin is None:
            raise InputUnreadable("standard input is closed: name a file")
        if is_terminal(sys.stdin):
            complain("paste what the tool printed, then press Ctrl-D on a line of its own")
        yield from _read(sys.stdin.fileno(), "standard input")
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise InputUnreadable(f"{shown(path, 200)} can't be read: {why}") from error
    try:
        yield from _read(descriptor, shown(path, 200))
    finally:
        os.close(descriptor)


def _read(descriptor: int, what: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except OSError as error:
            raise InputUnreadable(f"{what} can't be read: {error.strerror or error}") from error
        if not chunk:
            return
        yield chunk


def _stream(options: argparse.Namespace, wanted: Filter) -> int:
    """A JSON object a line, as the capture is read."""
    form, events = stream(_flushing(chunks_of(options.file)), options.format)
    seen = unread = 0
    gravest, told, spoken = -1, False, False
    left_out: Counter[str] = Counter()
    early: list[Line] = []  # nothing is said of what may turn out to be no capture at all
    for event in events:
        if isinstance(event, Listener):
            told = True
            if wanted.keeps(event):
                seen += 1
                gravest = max(gravest, event.gravity)
                print_json(sockets.of_row(event), line=True)
            continue
        if event.what == NOT_UNDERSTOOD:
            unread += event.many
            if told or len(early) > 1000:
                spoken = True
                print_json(captured.of_unread(event), line=True)
            else:
                early.append(event)
            continue
        told = True
        if event.what in LEFT_OUT:
            left_out[event.what] += event.many
        if early:
            _print_unread(early)
            early = []
    if not spoken:
        refuse_unread(form, "the input", told, early)
    _print_unread(early)
    print_json(captured.of_explained(form, seen, unread, left_out), line=True)
    if options.fail_on != "never" and gravest >= Level(options.fail_on).rank:
        return 1
    return 3 if options.strict and unread else 0


def _print_unread(lines: Iterable[Line]) -> None:
    for line in lines:
        print_json(captured.of_unread(line), line=True)


def _flushing(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """*chunks*, each asked for only when all that came of the one before is written."""
    for chunk in chunks:
        yield chunk
        sys.stdout.flush()
