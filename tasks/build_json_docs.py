"""Writes the tables of keys in ``docs/json.md`` from the tables of fields in ``portbook.schema``.

``python -m tasks.build_json_docs`` writes them below the line "## Every key"; ``--check`` writes
nothing and exits with 1 if they differ.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portbook.schema import answers, captures, port, reach, reports, sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.schema.tables import Field, Table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "json.md"
TITLE = "## Every key\n"
_INTRODUCTION = """
What stands inside an object is shown as `object.key` and, in a list, as `list[].key`. An object
that several others have in them has a table of its own, where it first comes up.
"""

# In the order of the table at the top of the document.
OBJECTS = (
    port.PORT_ANSWER,
    answers.SERVICE_ANSWER,
    sockets.LISTEN_ANSWER,
    sockets.LISTENER_ROW,
    sockets.REDIRECT_ROW,
    sockets.EVENT,
    captures.EXPLAIN,
    captures.UNREAD_ROW,
    captures.NOT_OPEN_ROW,
    captures.EXPLAINED,
    reports.WHY,
    reports.PICK,
    reports.STOP,
    reports.WAIT,
    reach.REACH,
    answers.RANGE_ANSWER,
    answers.SEARCH_ANSWER,
    answers.TOPIC_ANSWER,
    reports.NOTES_REPORT,
    reports.DOCTOR,
    answers.BLOCKS_ANSWER,
    answers.STATS_ANSWER,
    answers.MAP_ANSWER,
    reports.HISTORY,
    reports.CHANGE_ROW,
    reports.UPDATE,
    reports.VERSIONS,
    reports.FEEDBACK,
    reports.VOTE,
    answers.PORTS_ANSWER,
    answers.ANSWERS,
    captures.AUDIT,
)


def render() -> str:
    """The tables of all objects as Markdown."""
    described: set[str] = set()
    return _INTRODUCTION + "".join(
        part for table in OBJECTS for part in _sections(table, f"`{table.kind}`", described)
    )


def _sections(table: Table, title: str, described: set[str]) -> Iterator[str]:
    """*table*, and those with a name that stand inside it and that nothing before has described."""
    if table.name in described:
        yield f"\n### {title}\n\nThe keys of a {_words(table)}, above.\n"
        return
    described.add(table.name)
    about = f"{table.about}\n\n" if table.about else ""
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(table, ""))
    yield f"\n### {title}\n\n{about}| key | value | meaning |\n|---|---|---|\n{rows}"
    for inner in _named(table):
        if inner.name not in described:
            yield from _sections(inner, _words(inner).capitalize(), described)


def _rows(table: Table, prefix: str) -> Iterator[tuple[str, str, str]]:
    """A row for each key of *table*, with those of the objects in it that have no name."""
    for field in table.fields:
        yield f"`{prefix}{field.key}`", field.codec.words, _meaning(field)
        inner = field.codec.table
        if inner is not None and not inner.about:
            yield from _rows(inner, f"{prefix}{field.key}{_step(field.codec.schema)}.")


def _meaning(field: Field) -> str:
    left_out = "left out where it isn't known" if field.left_out else ""
    return "; ".join(filter(None, (field.about, left_out)))


def _step(schema: dict[str, Any]) -> str:
    """What leads from a key to what stands in its value: nothing, a list or a word."""
    kinds = [schema, *schema.get("anyOf", ())]
    if any("items" in kind for kind in kinds):
        return "[]"
    return ".*" if any("additionalProperties" in kind for kind in kinds) else ""


def _named(table: Table) -> Iterator[Table]:
    for field in table.fields:
        inner = field.codec.table
        if inner is not None:
            yield from (inner,) if inner.about else _named(inner)


def _words(table: Table) -> str:
    return table.name.replace("_", " ").replace("-", " ")


def main(argv: list[str]) -> int:
    """Writes the document, or compares it."""
    before = DOCUMENT.read_text(encoding="utf-8")
    made = before.partition(TITLE)[0] + TITLE + render()
    if argv == ["--check"]:
        return int(made != before)
    DOCUMENT.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
