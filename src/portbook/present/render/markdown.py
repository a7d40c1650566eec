r"""An answer as Markdown (CommonMark, with GitHub's tables), from the same document as the text.

>>> escape("a*b <i> [x](y)")
'a\\*b \\<i\\> \\[x\\](y)'
"""

from __future__ import annotations

from portbook.present.document import Command, Paragraph, Record, Table, Verdict
from portbook.present.escape import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.present.document import Item, Page

# What could begin emphasis, code, a link, HTML, an entity, a table's cell or a footnote.
_SPECIAL = "\\`*_[]<>|&~^$"


def render_page(page: Page) -> str:
    """The page of one port."""
    states = "; ".join(f"**{state}**{_after(said)}" for state, said in page.states)
    lines = [f"# {escape(page.title)}: {escape(page.character)}", "", states, ""]
    lines += [escape(page.range)]
    for note in page.notes:
        lines += ["", f"({escape(note)})"]
    for section in page.sections:
        lines += ["", f"## {escape(section.title)}", *_items(section.items)]
    return "\n".join(lines) + "\n"


def _items(items: Iterable[Item]) -> Iterator[str]:
    before: type[Item] | None = None
    for item in items:
        # Commands and records are lists: their points stand together.
        if not (isinstance(item, Command | Record) and type(item) is before):
            yield ""
        before = type(item)
        yield from _item(item)


def _item(item: Item) -> Iterator[str]:
    if isinstance(item, Paragraph):
        yield _line(item.text)
    elif isinstance(item, Table):
        yield from _table(item)
    elif isinstance(item, Record):
        source = f"{_link(item.source)}, read {escape(item.read)}"
        yield f"- **{escape(item.subject)}** ({escape(item.kind)}): {escape(item.said)} ({source})"
    elif isinstance(item, Command):
        about = escape(f"{item.system}, {item.about}")
        yield f"- {about}: {_code(item.command)}"
    elif isinstance(item, Verdict):
        yield f"**{escape(item.socket)}**"
        yield ""
        for finding in item.findings:
            yield f"- `{finding.code}` ({finding.level}): {escape(finding.message)}"


def _table(table: Table) -> Iterator[str]:
    """*table* with an empty head: Markdown has no table without one."""
    columns = max((len(row) for row in table.rows), default=0)
    if columns:
        yield "|" + " |" * columns
        yield "|" + " --- |" * columns
    for row in table.rows:
        cells = [*map(escape, row), *[""] * (columns - len(row))]
        yield f"| {' | '.join(cells)} |"


def _line(text: str) -> str:
    """*text* as a paragraph: what would begin a list, a heading or a quotation doesn't."""
    line = escape(text)
    number = line.lstrip("0123456789")
    if line[:1] in ("#", "+", "-", "="):
        return f"\\{line}"
    if number != line and number[:1] in (".", ")"):
        return f"{line[: len(line) - len(number)]}\\{number}"
    return line


def _link(address: str) -> str:
    """*address* as an autolink (CommonMark §6.5), if it is one; else as text."""
    plain = one_line(address)
    web = plain.startswith(("https://", "http://")) and plain.isascii()
    return f"<{plain}>" if web and not set(plain) & set(" <>") else escape(address)


def _code(text: str) -> str:
    """*text* as code, fenced by more backticks than stand in it."""
    plain = one_line(text)
    fence = "`"
    while fence in plain:
        fence += "`"
    space = " " if plain[:1] == "`" or plain[-1:] == "`" else ""
    return f"{fence}{space}{plain}{space}{fence}"


def escape(text: str) -> str:
    """*text* on one line, in which nothing is markup."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in one_line(text))


def _after(said: str) -> str:
    """What follows a state, with the space before it kept."""
    return f"{' ' if said.startswith(' ') else ''}{escape(said).lstrip()}"
