"""How commands print: style from the environment, JSON, and the status of what was shown."""

from __future__ import annotations

import os
import sys

from portbook.present.render.text import NARROWEST, WIDEST, Style

_NARROWEST_TABLE = 20

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, TextIO

    from portbook.model import Finding


colour_choice = "auto"  # what --color says, for as long as the command runs


def style(environ: Mapping[str, str] | None = None, *, terminal: bool | None = None) -> Style:
    """The style for standard output, or for one that is a *terminal* or is none.

    ``--color`` decides, else ``NO_COLOR``, else ``FORCE_COLOR`` and ``CLICOLOR_FORCE``, which turn
    colours on wherever the output goes, a dumb terminal included; else there are colours on a
    terminal, unless ``TERM=dumb`` or ``CLICOLOR=0``. ``COLUMNS`` or the terminal sets the width.
    Source: https://no-color.org/, https://bixense.com/clicolors/.
    """
    env = os.environ if environ is None else environ
    width = terminal_width(env)
    return Style(max(NARROWEST, min(WIDEST, width)), _colour(env, terminal))


def brief_style(environ: Mapping[str, str] | None = None) -> Style:
    """The style for a short answer, which is as narrow as the terminal."""
    env = os.environ if environ is None else environ
    return Style(max(_NARROWEST_TABLE, min(WIDEST, terminal_width(env))), _colour(env))


def table_style(environ: Mapping[str, str] | None = None) -> Style:
    """The style for a table, which takes all columns that there are, and no more."""
    env = os.environ if environ is None else environ
    return Style(max(_NARROWEST_TABLE, terminal_width(env)), _colour(env))


def is_read(stream: TextIO | None) -> bool:
    """Whether *stream* goes to a reader and not to a program: a terminal, or colours are forced."""
    return is_terminal(stream) or _colour(os.environ)


def _colour(env: Mapping[str, str], terminal: bool | None = None) -> bool:
    if colour_choice != "auto":
        return colour_choice == "always"
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return env["FORCE_COLOR"] != "0"
    if env.get("CLICOLOR_FORCE") not in (None, "", "0"):
        return True
    if env.get("CLICOLOR") == "0":
        return False
    seen = is_terminal(sys.stdout) if terminal is None else terminal
    return seen and env.get("TERM") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether *stream* is a terminal; no stream at all is none, as where it was closed."""
    return stream is not None and not stream.closed and stream.isatty()


def can_draw(stream: TextIO | None) -> bool:
    """Whether a bar or a table that is drawn over is seen on *stream*: a terminal, but no dumb one
    (``TERM=dumb``).
    """
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def can_ask() -> bool:
    """Whether somebody is there to be asked: who reads the question and can answer it."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def confirmed(question: str) -> bool:
    """Whether *question* was answered with yes; the end of standard input is a no."""
    try:  # from here on: Ctrl-C may come as soon as the question can be read
        sys.stdout.write(f"\n{question} [y/N] ")
        sys.stdout.flush()
        try:
            _wait_for_line(sys.stdin)
            answer = sys.stdin.readline()
        except (OSError, ValueError):  # the terminal went away
            answer = ""
    except KeyboardInterrupt:
        print()  # what comes next begins a line of its own
        raise
    if not answer.endswith("\n"):
        print()
    return answer.strip().lower() in ("y", "yes")


def _wait_for_line(stream: TextIO) -> None:
    """Returns when a line of *stream* can be read, or raises KeyboardInterrupt at Ctrl-C.

    A read doesn't see a signal that comes an instant before it: it would wait for the next key. A
    byte in a pipe stays there until select(2) looks. Windows has that for sockets alone.
    """
    if sys.platform == "win32":
        return
    import select
    import signal

    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer)
        try:
            select.select([stream.fileno(), reader], [], [])
        finally:
            signal.set_wakeup_fd(before)
    finally:
        os.close(reader)
        os.close(writer)


def terminal_width(env: Mapping[str, str]) -> int:
    """The columns of standard output: ``COLUMNS``, else the terminal's, else 80."""
    columns = env.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]):
        return int(columns[:6])
    if is_terminal(sys.stdout):
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or 80
        except OSError:
            pass
    return 80


def show(text: str) -> None:
    """Prints *text*; on a terminal that it doesn't fit on, through a pager."""
    if can_draw(sys.stdout) and _is_long(text):
        from portbook.cli.pager import page

        sys.stdout.flush()
        if page(text):
            return
    sys.stdout.write(text)


def _is_long(text: str) -> bool:
    """Whether *text* has more lines than the terminal, on which the prompt takes one."""
    try:
        lines = os.get_terminal_size(sys.stdout.fileno()).lines
    except OSError:
        return False
    return 0 < lines <= text.count("\n")


def print_json(value: Any, *, line: bool = False) -> None:
    """*value* as one JSON object: over several lines for a terminal, else compact.

    With *line* it is one of many rows, and compact wherever it goes.
    """
    from portbook.present.render.json_text import compact_pieces, json_line, json_pieces

    if line:
        print(json_line(value))
        return
    pieces = json_pieces if is_terminal(sys.stdout) else compact_pieces
    sys.stdout.writelines(pieces(value))
    print()


def print_answers(answers: Sequence[Any], *, several: bool = False) -> None:
    """One of *answers* as it is; more, or *several* where more were asked for, as one object."""
    if len(answers) == 1 and not several:
        print_json(answers[0])
        return
    from portbook.schema.answers import ANSWERS

    print_json(ANSWERS.encode(answers))


def reaches(findings: Iterable[Finding], level: str) -> bool:
    """Whether any of *findings* is at *level* or above; never at ``never``."""
    if level == "never":
        return False
    from portbook.model import Level

    least = Level(level).rank
    return any(each.rank >= least for each in {finding.level for finding in findings})
