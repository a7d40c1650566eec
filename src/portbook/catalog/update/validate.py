"""A registry file from outside -> the data files of a version, or the reasons against it. Pure.

A file is taken for IANA's registry if it is read whole, if nearly all of its rows are understood,
if services that can't have moved stand where they must, if at most one row in twenty of the
registry in use is lost, and if it isn't older. All but the first can be overruled.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.catalog.registry.diff import lost_rows
from portbook.catalog.registry.iana_formats import parse_csv, parse_xml
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.registry.tsv_writer import find_blocks, render_blocks, render_registry
from portbook.catalog.update.source import LARGEST, too_large
from portbook.catalog.update.versions import BLOCKS, REGISTRY, is_date
from portbook.errors import MalformedInput, shown
from portbook.model import DYNAMIC_PORTS, Source, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.catalog.registry.iana_formats import Registry as Parsed
    from portbook.catalog.registry.iana_formats import Skipped, Unknown

_MOST_LOST = 0.05  # of the rows in use
_MOST_SKIPPED = 0.01  # of the file's rows
# The shipped registry bears the day on which its source package was built, which can be later
# than the day of the registry in it.
_SHIPPED_LATER = 30  # days

# Services that the Internet is built on: a registry without them is another one, or spoilt.
_ANCHORS = (
    (22, Transport.TCP, "ssh"),
    (25, Transport.TCP, "smtp"),
    (53, Transport.UDP, "domain"),
    (80, Transport.TCP, "http"),
    (123, Transport.UDP, "ntp"),
    (443, Transport.TCP, "https"),
)


class Taken(NamedTuple):
    """A registry that was read whole: its rows as a registry, and the data files it makes.

    ``rows`` counts the file's rows, of which ``skipped`` could not be read; ``unknown`` are the
    fields that are not taken, because portbook doesn't know what they mean.
    """

    book: Registry
    contents: dict[str, bytes]
    as_of: str
    rows: int
    skipped: tuple[Skipped, ...]
    unknown: tuple[Unknown, ...] = ()


def read(content: bytes, url: str, day: str) -> Taken:
    """The registry in *content*, which came from *url*.

    *day* is the day of what has none of its own: IANA's CSV. Raises MalformedInput where it is
    neither IANA's XML nor CSV, or not whole.
    """
    parsed = _parse(content, day)
    as_of = parsed.updated or ""
    if not is_date(as_of):
        raise MalformedInput(f"the file's date is {shown(as_of)}, not a day such as 2026-11-14")
    if not parsed.rows:
        raise MalformedInput("the file has no row that could be read")
    source = Source("iana", as_of, "every field, as IANA's own file of that day has it", url)
    contents = {
        REGISTRY: render_registry(parsed.rows, [source]).encode(),
        BLOCKS: render_blocks(find_blocks(parsed.rows)).encode(),
    }
    # Read back by the reader that lookups use: what it can't read is never written.
    book = Registry(Store("", contents))
    book.store.hold()
    total = len(parsed.rows) + len(parsed.skipped)
    return Taken(
        book=book,
        contents=contents,
        as_of=as_of,
        rows=total,
        skipped=parsed.skipped,
        unknown=parsed.unknown,
    )


def _parse(content: bytes, day: str) -> Parsed:
    if len(content) > LARGEST:
        raise MalformedInput(too_large(len(content)))
    if not content.strip():
        raise MalformedInput("the file is empty: it holds no registry")
    opening = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if opening.startswith((b"<!doctype html", b"<html", b"<head")):
        raise MalformedInput(
            "this is a page in HTML, not the registry: a proxy or a login may have answered"
        )
    if opening.startswith(b"<"):
        return parse_xml(content)
    if not content.endswith(b"\n"):  # IANA's does: it was cut off
        raise MalformedInput("the CSV is not whole: its last line has no end")
    return parse_csv(content, day)


def reasons_against(taken: Taken, used: Registry, shipped: bool, today: str) -> tuple[str, ...]:
    """Why *taken* can't be what the registry *used* became by *today*; nothing where it can.

    *shipped* says whether *used* is the one that came with portbook.
    """
    return tuple(_reasons(taken, used, shipped, today))


def _reasons(taken: Taken, used: Registry, shipped: bool, today: str) -> Iterator[str]:
    if len(taken.skipped) > taken.rows * _MOST_SKIPPED:
        yield (
            f"{len(taken.skipped):,} of its {taken.rows:,} rows can't be read (the first is row "
            f"{taken.skipped[0].row}: {taken.skipped[0].why})"
        )
    lost, rows = lost_rows(used, taken.book)
    if lost > rows * _MOST_LOST:
        yield f"{lost:,} of the {rows:,} rows in use are not in it"
    for port, transport, name in _ANCHORS:
        if name not in (row.service_name for row in taken.book.lookup(port, transport)):
            yield f"{port}/{transport} is not {name} in it"
    wrong = sum(
        first != "-" and int(last) >= DYNAMIC_PORTS.first and state == State.ASSIGNED
        for first, last, _, state, *_ in taken.book.store.heads()
    )
    if wrong:  # RFC 6335 §6: Dynamic Ports are never assigned
        yield f"{wrong} of its rows assign Dynamic Ports"
    oldest = used.store.as_of
    if shipped:
        oldest = _days_before(oldest, _SHIPPED_LATER)
    if taken.as_of < oldest:
        yield f"it is of {taken.as_of}, older than the one in use ({used.store.as_of})"
    if taken.as_of > _days_before(today, -1):  # a day further east has begun
        yield f"it is of {taken.as_of}, which is yet to come"


def _days_before(day: str, count: int) -> str:
    import datetime as dt

    try:
        then = dt.date.fromisoformat(day) - dt.timedelta(days=count)
    except (ValueError, OverflowError):
        return ""
    return then.isoformat()
