r"""IANA's own registry files, XML and CSV -> rows. Pure; ``portbook update`` fetches them.

Both files hold the same rows (https://www.iana.org/assignments/service-names-port-numbers/).
The CSV has no date of its own; in the XML, ``<updated>`` is the registry's.

Contacts and people's mail addresses are not kept. ``assignee`` is what the registry prints in that
column, ids in brackets: ``[IESG]``. A description's line breaks are undone, a note's are kept.

>>> rows = parse_csv("Service Name,Port Number,Transport Protocol,Description\nssh,22,tcp,SSH\n")
>>> rows.rows[0].service_name, rows.rows[0].first
('ssh', 22)
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLParser

from portbook.catalog.registry.normalise import (
    names_person,
    state_of_row,
    tidy_description,
    tidy_lines,
)
from portbook.catalog.registry.tsv_reader import MOST_COVERED, MOST_ROWS
from portbook.catalog.registry.tsv_writer import link_aliases
from portbook.errors import MalformedInput, shown
from portbook.model import LAST_PORT, Assignment, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet


class Skipped(NamedTuple):
    """A row that could not be taken: its place in the file, counted from 1, and why."""

    row: int
    why: str


class Unknown(NamedTuple):
    """A field that portbook doesn't know, in as many rows as ``rows``: nothing of it is taken."""

    name: str
    rows: int


class Registry(NamedTuple):
    """The rows of one registry file in its order, what was left out, and the file's own date."""

    rows: tuple[Assignment, ...]
    skipped: tuple[Skipped, ...] = ()
    updated: str | None = None
    unknown: tuple[Unknown, ...] = ()


class _Cells(NamedTuple):
    """One row as text, before it is understood. Empty text is an absent field."""

    service_name: str
    number: str
    transport: str
    description: str
    assignee: str
    registered: str
    modified: str
    references: tuple[str, ...]
    service_code: str
    unauthorized_use: str
    notes: str


# -- CSV --------------------------------------------------------------------------------------

# The registry's column titles, today's and those of older files.
_TITLES = {
    "service name": "service_name",
    "port number": "number",
    "transport protocol": "transport",
    "description": "description",
    "assignee": "assignee",
    "registration date": "registered",
    "modification date": "modified",
    "reference": "references",
    "service code": "service_code",
    "unauthorized use reported": "unauthorized_use",
    "known unauthorized uses": "unauthorized_use",
    "assignment notes": "notes",
}
_LEFT_OUT = "contact"
_NO_TITLE = "a column without a title"
_NEEDED = ("service_name", "number", "transport", "description")


def parse_csv(text: str | bytes, as_of: str | None = None) -> Registry:
    """The rows of IANA's ``service-names-port-numbers.csv``; *as_of* is the day it was fetched.

    Raises MalformedInput where the text isn't UTF-8, isn't CSV, or has other columns.
    """
    lines = csv.reader(io.StringIO(_decoded(text), newline=""), strict=True)
    try:
        heads = [title.strip() for title in next(lines, [])]
        titles = [_TITLES.get(head.lower(), "") for head in heads]
        missing = [name for name in _NEEDED if name not in titles]
        if missing:
            raise MalformedInput(
                "this is not IANA's service names CSV: its first line doesn't name the columns "
                "Service Name, Port Number, Transport Protocol and Description"
            )
        strange = {
            place
            for place, head in enumerate(heads)
            if head.lower() not in _TITLES and head.lower() != _LEFT_OUT
        }
        unknown: Counter[str] = Counter()
        cells = []
        for line in lines:
            if line:
                cells.append(_csv_cells(titles, line))
                if strange or len(line) > len(heads):
                    unknown.update(_strange_cells(heads, strange, line))
    except csv.Error as error:
        raise MalformedInput(f"line {lines.line_num} of the CSV can't be read: {error}") from error
    return _registry(cells, as_of, unknown)


def _csv_cells(titles: Sequence[str], line: Sequence[str]) -> _Cells:
    found = dict(zip(titles, line, strict=False))
    marks = re.findall(r"\[([^\[\]]+)\]", found.get("references", ""))
    return _Cells(
        **{name: found.get(name, "").strip() for name in _Cells._fields if name != "references"},
        references=tuple(" ".join(mark.split()) for mark in marks),
    )


def _strange_cells(
    heads: Sequence[str], strange: AbstractSet[int], line: Sequence[str]
) -> set[str]:
    """The titles of the cells in *line* that are of no known column, and aren't empty."""
    found = {
        heads[place] or _NO_TITLE
        for place, cell in enumerate(line[: len(heads)])
        if cell and place in strange
    }
    return found | {_NO_TITLE} if any(line[len(heads) :]) else found


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput(f"byte {error.start} of the CSV is not UTF-8") from error


# -- XML --------------------------------------------------------------------------------------

_SPACE = "{http://www.iana.org/assignments}"


# XML 1.0 §2.8: a document type is declared by these very bytes, and only before the root element.
# Where they stand behind it, in a comment, the file isn't IANA's either.
_DOCTYPE = b"<!DOCTYPE"
_ENCODING = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def parse_xml(text: str | bytes) -> Registry:
    """The rows of IANA's ``service-names-port-numbers.xml``.

    Raises MalformedInput where it isn't well-formed XML, declares a document type, or is
    another registry.
    """
    # Whoever may choose the encoding can hide a document type from a search for it.
    try:
        content = text.encode() if isinstance(text, str) else text
        content.decode()
    except UnicodeError as error:
        raise MalformedInput(f"the XML is not UTF-8: {error}") from error
    declared = _ENCODING.match(content)
    if declared is not None and declared[1].lower() not in (b"utf-8", b"us-ascii"):
        raise MalformedInput(
            f"the XML declares the encoding {shown(declared[1].decode())}; IANA's is UTF-8"
        )
    if _DOCTYPE in content:
        raise MalformedInput("the XML declares a document type; IANA's registry files have none")
    parser = XMLParser()  # noqa: S314 - no document type, no entities
    try:
        parser.feed(content)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise MalformedInput(f"this is not well-formed XML: {error}") from error
    if root.tag != f"{_SPACE}registry" or root.get("id") != "service-names-port-numbers":
        raise MalformedInput(
            f"this is not IANA's service names registry: its root is {shown(root.tag)} with the "
            f"id {shown(root.get('id') or '')}"
        )
    updated = root.findtext(f"{_SPACE}updated")
    unknown: Counter[str] = Counter()
    try:
        cells = [_xml_cells(record, unknown) for record in _records(root)]
    except RecursionError:
        raise MalformedInput("the XML is nested deeper than any registry file") from None
    return _registry(cells, updated.strip() if updated else None, unknown)


_REGISTRY, _RECORD = f"{_SPACE}registry", f"{_SPACE}record"
_ASSIGNEE, _XREF, _BREAK = f"{_SPACE}assignee", f"{_SPACE}xref", f"{_SPACE}br"
_CONTACT = _SPACE + _LEFT_OUT
_ATTRIBUTES = {"date", "updated"}
_WORDS = {
    _SPACE + tag: place
    for place, tag in enumerate(
        ("name", "number", "protocol", "description", "sc", "unauthorized", "note")
    )
}


def _records(root: Element) -> Iterator[Element]:
    """The records of a registry and of those inside it, in their order; none inside a record."""
    parts = [iter(root)]
    while parts:
        for part in parts[-1]:
            if part.tag == _RECORD:
                yield part
            elif part.tag == _REGISTRY:
                parts.append(iter(part))
                break
        else:
            parts.pop()


def _xml_cells(record: Element, unknown: Counter[str]) -> _Cells:
    """The cells of *record*; what it has besides is counted in *unknown*, once a record."""
    words: list[list[str]] = [[] for _ in _WORDS]
    people: list[Element] | None = None
    marks = []
    named = ""
    strange = {f"the attribute {name}" for name in record.attrib.keys() - _ATTRIBUTES}
    for part in record:
        place = _WORDS.get(part.tag)
        if place is not None:
            text = (_text(part) if len(part) else part.text or "").strip()
            if text:
                words[place].append(text)
        elif part.tag == _XREF:
            marks.append(part)
        elif part.tag == _ASSIGNEE:
            found = part.findall(f".//{_XREF}")
            people = people or []
            people += found
            named = "" if found else " ".join(_text(part).split())
        elif part.tag != _CONTACT:
            strange.add(part.tag.removeprefix(_SPACE))
    if strange:
        unknown.update(strange)
    # A record's references to people are its contacts, and its assignee where it names none.
    if people is None:
        people = [mark for mark in marks if mark.get("type") == "person"]
    name, number, transport, description, code, unauthorized, notes = map("\n".join, words)
    return _Cells(
        name,
        number,
        transport,
        description,
        "".join([f"[{_mark(person)}]" for person in people]) or named,
        record.get("date", ""),
        record.get("updated", ""),
        tuple([_mark(mark) for mark in marks if mark.get("type") != "person"]),
        code,
        unauthorized,
        notes,
    )


def _text(element: Element) -> str:
    """An element's text: ``<br/>`` is a line break, a reference stands in brackets."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == _BREAK:
            parts.append("\n")
        elif child.tag == _XREF:
            parts.append(f"[{_mark(child)}]")
        else:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _mark(xref: Element) -> str:
    """What the registry prints for a reference: its text, or its target."""
    words = " ".join(xref.text.split()) if xref.text else ""
    data = xref.get("data", "").strip()
    return words or (data.upper() if xref.get("type") == "rfc" else data)


# -- both -------------------------------------------------------------------------------------


def _registry(cells: Iterable[_Cells], as_of: str | None, unknown: Mapping[str, int]) -> Registry:
    dates: Mapping[str, str] = {"registry": as_of, "registration": as_of} if as_of else {}
    rows: list[Assignment] = []
    skipped: list[Skipped] = []
    for place, row in enumerate(cells, 1):
        try:
            rows.append(_assignment(row, dates))
        except MalformedInput as error:
            skipped.append(Skipped(place, str(error)))
    _check_spans(rows)
    fields = tuple([Unknown(name, unknown[name]) for name in sorted(unknown)])
    return Registry(link_aliases(rows), tuple(skipped), as_of, fields)


def _check_spans(rows: Iterable[Assignment]) -> None:
    """Raises MalformedInput where *rows* overlap as those of no registry do.

    Whatever asks for a port, or for all of them, goes through the rows that cover it.
    """
    spans = [(row.first, row.last) for row in rows if row.first is not None]
    covered = sum((last or first) - first + 1 for first, last in spans)
    if covered > MOST_COVERED:
        raise MalformedInput(
            f"its rows cover {covered:,} ports in all, and no registry's more than {MOST_COVERED:,}"
        )
    port, rows_of_it = max(
        Counter(first for first, _ in spans).items(), key=lambda each: each[1], default=(0, 0)
    )
    if rows_of_it > MOST_ROWS:
        raise MalformedInput(f"port {port} has {rows_of_it:,} rows: {MOST_ROWS:,} are the most")


_TRANSPORTS: Mapping[str, Transport] = {str(each): each for each in Transport}
_NUMBER = re.compile(r"([0-9]{1,5})(?: *- *([0-9]{1,5}))?")


def _assignment(row: _Cells, as_of: Mapping[str, str]) -> Assignment:
    first, last = _bounds(row.number)
    if not row.service_name and (not row.description or first is None):
        raise MalformedInput("the row names no service, and has no port or no description")
    transport = _TRANSPORTS.get(row.transport.lower())
    if row.transport and transport is None:
        raise MalformedInput(f"{shown(row.transport)} is not a transport")
    description = tidy_description(row.description)
    name = row.service_name or None
    return Assignment(
        service_name=name,
        description=description or None,
        first=first,
        last=last,
        transport=transport,
        transport_stated=transport is not None,
        state=state_of_row(name, description),
        references=tuple(_reference(mark) for mark in row.references if not names_person(mark)),
        assignee=row.assignee or None,
        registered=row.registered or None,
        modified=row.modified or None,
        unauthorized_use=(tidy_lines(row.unauthorized_use) if row.unauthorized_use else None)
        or None,
        notes=(tidy_lines(row.notes) if row.notes else None) or None,
        service_code=row.service_code or None,
        as_of=as_of,
    )


def _bounds(number: str) -> tuple[int | None, int | None]:
    if not number:
        return None, None
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise MalformedInput(f"{shown(number)} is neither a port number nor a range of them")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= LAST_PORT:
        raise MalformedInput(f"{shown(number)} is not a range of port numbers")
    return first, last


def _reference(mark: str) -> str:
    # A bare number refers to a footnote of the registry's own.
    return f"note {mark}" if mark.isdigit() else mark
