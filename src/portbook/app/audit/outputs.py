"""The files that an audit writes: whole or not at all, by whoever knows their form."""

from __future__ import annotations

import contextlib

from portbook.errors import EngineFailed, InvalidArgument, shown
from portbook.formats.flows.layout import unique_names
from portbook.storage.atomic_write import whole_file, whole_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Engine, Tell

# What an engine writes, each by the ending of a name.
TABLES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


def table_form(path: str) -> str | None:
    """Which of :data:`TABLES` *path* ends in; None for any other name.

    >>> table_form("rows.CSV.gz"), table_form("rows.gz")
    ('.csv.gz', None)
    """
    return next((form for form in TABLES if path.lower().endswith(form)), None)


def write_table(engine: Engine, expression: ir.Table, path: str, tell: Tell) -> None:
    """Writes the rows of *expression* to *path*, in the form that its name ends in.

    Raises EngineFailed, or InvalidArgument where *path* can't be written.
    """
    form = table_form(path)
    assert form is not None  # the command line was checked before anything was read
    if engine.writes_folders:
        with _told(path), whole_folder(path) as place:
            engine.write(expression, place, form, tell)
        return
    with _told(path), whole_file(path) as new:
        try:
            engine.write(expression, new.path, form, tell)
        except EngineFailed as error:
            # The engine knows it by a name that is gone by the time anybody reads this.
            raise EngineFailed(str(error).replace(new.path, path)) from error


def write_text(path: str, text: str) -> None:
    """Writes *text* to *path*, in UTF-8. Raises InvalidArgument."""
    with _told(path), whole_file(path) as new:
        new.write(text.encode())


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidArgument(
            "", f"{shown(path, 200)} can't be written: {error.strerror or error}"
        ) from error


# -- CSV that a spreadsheet opens without running anything in it, and a terminal shows as it is ----

# A cell that a spreadsheet would take for a formula begins with an apostrophe
# (https://owasp.org/www-community/attacks/CSV_Injection). What no terminal shows, control and
# format characters and line breaks among it, is U+FFFD, Unicode's replacement character.

# What a spreadsheet takes for the beginning of a formula; the wide forms too, in some languages.
SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
FORMULA = (*SIGNS, "\t", "\r", "\n")

_REPLACEMENT = "\ufffd"
# The same in the syntax that RE2 (https://github.com/google/re2/wiki/Syntax) and Java share: spaces
# in front of a sign are skipped by some spreadsheets.
_FORMULA = r"^(?:[\t\r\n]|[\s\p{Z}\p{C}]*[=+@\-＝＋－＠])"
_UNSEEN = r"[\p{C}\p{Zl}\p{Zp}]"
# Most texts in a log are addresses, and nearly all others words: these are passed at once.
_ADDRESS = "0123456789abcdef.:"
_WORD = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:_/"


def defused(cell: str) -> str:
    r"""*cell* so that a spreadsheet shows it as text.

    >>> defused("=1+1"), defused(" @SUM(1)"), defused("a\x1b[2J"), defused("192.0.2.1")
    ("'=1+1", "' @SUM(1)", 'a�[2J', '192.0.2.1')
    """
    clean = "".join(char if char.isprintable() else _REPLACEMENT for char in cell)
    # Of what stands before it, a spreadsheet may skip spaces and what isn't shown.
    begins = clean.replace(_REPLACEMENT, " ").lstrip()
    return f"'{clean}" if cell.startswith(FORMULA) or begins.startswith(SIGNS) else clean


def defuse(engine: Engine, table: ir.Table, trusted: tuple[str, ...] = ()) -> ir.Table:
    """*table* with its texts, and the names of its columns, as :func:`defused` has them.

    *trusted* are columns of which that is known already.
    """
    names = dict(zip(table.columns, unique_names(map(defused, table.columns)), strict=True))
    return table.select(
        **{
            new: table[old] if old in trusted else _cell(engine, table[old])
            for old, new in names.items()
        }
    )


def _cell(engine: Engine, column: ir.Value) -> ir.Value:
    """*column* as it may stand in CSV; what is written in digits alone stays as it is."""
    import ibis

    kind = column.type()
    if kind.is_numeric() or kind.is_boolean() or kind.is_temporal() or kind.is_uuid():
        return column
    text = column if kind.is_string() else column.cast("string")
    clean = text.re_replace(_UNSEEN, _REPLACEMENT)
    cases = [(text.re_search(_FORMULA), ibis.literal("'") + clean)]
    quick = [engine.consists_of(text, letters) for letters in (_ADDRESS, _WORD)]
    return ibis.cases(*[(each, text) for each in quick if each is not None], *cases, else_=clean)
