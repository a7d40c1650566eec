r"""An answer as Markdown (CommonMark, with GitHub's tables), from the same document as the text.

>>> escape("a*b <i> [x](y)")
'a\\*b \\<i\\> \\[x\\](y)'
"""

from __future__ import annotations

import re

from portbook.present import document as doc
from portbook.present.escape import one_line
from portbook.present.phrases.findings import finding_message
from portbook.present.sources import source_content, source_name
from portbook.present.words import day, with_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.model import Source

# What could begin emphasis, code, a link, HTML, an entity, a table's cell or a footnote.
_SPECIAL = "\\`*_[]<>|&~^$"
# A command of ours in a sentence.
_COMMAND = re.compile("(`(?:portbook|pip) [a-z0-9 /.-]+`)")


def render_page(page: doc.Page) -> str:
    """The whole of *page*."""
    states = "; ".join(f"**{state}**{_after(said)}" for state, said in page.states)
    lines = [f"# {escape(page.title)}: {escape(page.character)}"]
    for line in (states, escape(page.range)):
        lines += ["", line] if line else []
    for note in page.notes:
        lines += ["", f"({escape(note)})"]
    for sentence in page.lead:
        lines += ["", _line(sentence)]
    for section in page.sections:
        lines += ["", f"## {escape(section.title)}", *_items(section.items)]
    return "\n".join(lines) + "\n"


def _items(items: Iterable[doc.Item]) -> Iterator[str]:
    before: type[doc.Item] | None = None
    for item in items:
        # Records are a list: its points stand together.
        if not (isinstance(item, doc.Record) and type(item) is before):
            yield ""
        before = type(item)
        yield from _item(item)


def _item(item: doc.Item) -> Iterator[str]:  # noqa: C901 - one branch a kind
    if isinstance(item, doc.Paragraph):
        yield _line(with_references(item.text, item.cites))
    elif isinstance(item, doc.Heading):
        yield f"### {escape(item.heading)}"
    elif isinstance(item, doc.Points):
        yield from (f"- {_line(with_references(*each))}" for each in item.cited())
    elif isinstance(item, doc.Quote):
        yield f"> {_line(item.quote)}"
        yield ""
        yield f"({escape(item.of)})"
    elif isinstance(item, doc.Table):
        head, rows = (item.rows[0], item.rows[1:]) if item.head else ((), item.rows)
        yield from _table(rows, head, right=item.counts)
    elif isinstance(item, doc.Facts):
        yield from _table(item.facts)
    elif isinstance(item, doc.Services):
        yield from _table(item.cells())
    elif isinstance(item, doc.Ports | doc.Blocks):
        yield _line(f"{item.caption}:")
        yield ""
        yield from _table(item.cells())
    elif isinstance(item, doc.Record):
        yield _record(item)
    elif isinstance(item, doc.Records):
        yield from (_line(f"{item.caption}:"), "", *map(_record, item.records))
    elif isinstance(item, doc.Checks):
        yield from _checks(item)
    elif isinstance(item, doc.Verdict):
        yield f"**{escape(item.socket)}**"
        yield ""
        for finding in item.findings:
            yield f"- `{finding.code}` ({finding.level}): {escape(finding_message(finding))}"
    elif isinstance(item, doc.Question):
        yield from (f"### {escape(item.question)}", "", _line(item.answer))
    elif isinstance(item, doc.Sources):
        yield from map(_source, item.sources)
        yield from (f"- {_line(name)}" for name in item.further)


def _source(source: Source) -> str:
    content = source_content(source)
    where = f" {_link(source.url)}" if source.url else ""
    return f"- {escape(source_name(source))}{f' ({escape(content)})' if content else ''}{where}"


def _record(record: doc.Record) -> str:
    source = f"{_link(record.source)}, {escape(day(record.read))}"
    if record.files:
        source += f"; files: {escape(', '.join([file for _, file in record.files]))}"
    said = escape(record.said)
    if not record.subject:
        return f"  - {said} ({source})"
    return f"- **{escape(record.subject)}** ({escape(record.kind)}): {said} ({source})"


def _checks(item: doc.Checks) -> Iterator[str]:
    for command in item.commands:
        about = escape(f"{', '.join(command.systems) or 'any system'}, {command.about}")
        yield f"- {about}: {_code(command.command.replace(doc.PORT, str(item.port)))}"
    for system, proves in item.proofs:
        said = f"{system}: {proves}".replace(doc.PORT, str(item.port))
        yield from ("", _line(said))


def _table(
    rows: Sequence[Sequence[str]], head: Sequence[str] = (), *, right: bool = False
) -> Iterator[str]:
    """*rows* under *head*, which is empty where it holds nothing: Markdown has no table without.

    With *right* every column but the first stands at the right.
    """
    columns = max(map(len, (head, *rows)))
    if columns:
        yield f"|{''.join([f' {cell} |' if cell else ' |' for cell in _cells(head, columns)])}"
        yield f"| --- |{(' ---: |' if right else ' --- |') * (columns - 1)}"
    for row in rows:
        yield f"| {' | '.join(_cells(row, columns))} |"


def _cells(row: Sequence[str], columns: int) -> list[str]:
    return [*map(escape, row), *[""] * (columns - len(row))]


def _line(text: str) -> str:
    """*text* as a paragraph: what would begin a list, a heading or a quotation doesn't."""
    parts = _COMMAND.split(one_line(text))
    line = "".join(part if at % 2 else _unmarked(part) for at, part in enumerate(parts))
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
    return _unmarked(one_line(text))


def _unmarked(text: str) -> str:
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)


def _after(said: str) -> str:
    """What follows a state, with the space before it kept."""
    return f"{' ' if said.startswith(' ') else ''}{escape(said).lstrip()}"
