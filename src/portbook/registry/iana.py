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
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from portbook.errors import MalformedInput, shown
from portbook.model import LAST_PORT, Assignment, Transport
from portbook.registry.build import link_aliases
from portbook.registry.wording import names_person, state_of_row, tidy_description, tidy_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Skipped(NamedTuple):
    """A row that could not be taken: its place in the file, counted from 1, and why."""

    row: int
    why: str


class Registry(NamedTuple):
    """The rows of one registry file in its order, what was left out, and the file's own date."""

    rows: tuple[Assignment, ...]
    skipped: tuple[Skipped, ...] = ()
    updated: str | None = None


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
_NEEDED = ("service_name", "number", "transport", "description")


def parse_csv(text: str | bytes, as_of: str | None = None) -> Registry:
    """The rows of IANA's ``service-names-port-numbers.csv``; *as_of* is the day it was fetched.

    Raises MalformedInput where the text isn't UTF-8, isn't CSV, or has other columns.
    """
    lines = csv.reader(io.StringIO(_decoded(text), newline=""), strict=True)
    try:
        titles = [_TITLES.get(title.strip().lower(), "") for title in next(lines, [])]
        missing = [name for name in _NEEDED if name not in titles]
        if missing:
            raise MalformedInput(
                "this is not IANA's service names CSV: its first line doesn't name the columns "
                "Service Name, Port Number, Transport Protocol and Description"
            )
        cells = [_csv_cells(titles, line) for line in lines if line]
    except csv.Error as error:
        raise MalformedInput(f"line {lines.line_num} of the CSV can't be read: {error}") from error
    return _registry(cells, as_of)


def _csv_cells(titles: Sequence[str], line: Sequence[str]) -> _Cells:
    found = dict(zip(titles, line, strict=False))
    marks = re.findall(r"\[([^\[\]]+)\]", found.get("references", ""))
    return _Cells(
        **{name: found.get(name, "").strip() for name in _Cells._fields if name != "references"},
        references=tuple(" ".join(mark.split()) for mark in marks),
    )


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput(f"byte {error.start} of the CSV is not UTF-8") from error


# -- XML --------------------------------------------------------------------------------------

_SPACE = "{http://www.iana.org/assignments}"


class _NoDoctype(TreeBuilder):
    """Refuses a document type: IANA's files have none, and an entity may be an attack."""

    def doctype(self, name: str, *_ids: str | None) -> None:
        raise MalformedInput(
            f"the XML declares a document type ({shown(name)}); IANA's registry files have none"
        )


def parse_xml(text: str | bytes) -> Registry:
    """The rows of IANA's ``service-names-port-numbers.xml``.

    Raises MalformedInput where it isn't well-formed XML, declares a document type, or is
    another registry.
    """
    parser = XMLParser(target=_NoDoctype())  # noqa: S314 - _NoDoctype refuses what S314 warns of
    try:
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        if isinstance(error, MalformedInput):
            raise
        raise MalformedInput(f"this is not well-formed XML: {error}") from error
    if root.tag != f"{_SPACE}registry" or root.get("id") != "service-names-port-numbers":
        raise MalformedInput(
            f"this is not IANA's service names registry: its root is {shown(root.tag)} with the "
            f"id {shown(root.get('id') or '')}"
        )
    updated = root.findtext(f"{_SPACE}updated")
    cells = [_xml_cells(record) for record in root.iter(f"{_SPACE}record")]
    return _registry(cells, updated.strip() if updated else None)


def _xml_cells(record: Element) -> _Cells:
    # A record's references to people are its contacts, and its assignee where it names none.
    assignee = record.find(f"{_SPACE}assignee")
    marks = record.findall(f"{_SPACE}xref")
    people = (
        [mark for mark in marks if mark.get("type") == "person"]
        if assignee is None
        else assignee.findall(f".//{_SPACE}xref")
    )
    return _Cells(
        service_name=_words(record, "name"),
        number=_words(record, "number"),
        transport=_words(record, "protocol"),
        description=_words(record, "description"),
        assignee="".join(f"[{_mark(person)}]" for person in people),
        registered=record.get("date", ""),
        modified=record.get("updated", ""),
        references=tuple(_mark(mark) for mark in marks if mark.get("type") != "person"),
        service_code=_words(record, "sc"),
        unauthorized_use=_words(record, "unauthorized"),
        notes=_words(record, "note"),
    )


def _words(record: Element, tag: str) -> str:
    return "\n".join(_text(found).strip() for found in record.findall(_SPACE + tag)).strip()


def _text(element: Element) -> str:
    """An element's text: ``<br/>`` is a line break, a reference stands in brackets."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{_SPACE}br":
            parts.append("\n")
        elif child.tag == f"{_SPACE}xref":
            parts.append(f"[{_mark(child)}]")
        else:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _mark(xref: Element) -> str:
    """What the registry prints for a reference: its text, or its target."""
    words = " ".join((xref.text or "").split())
    data = xref.get("data", "").strip()
    return words or (data.upper() if xref.get("type") == "rfc" else data)


# -- both -------------------------------------------------------------------------------------


def _registry(cells: Iterable[_Cells], as_of: str | None) -> Registry:
    dates: Mapping[str, str] = {"registry": as_of, "registration": as_of} if as_of else {}
    rows: list[Assignment] = []
    skipped: list[Skipped] = []
    for place, row in enumerate(cells, 1):
        try:
            rows.append(_assignment(row, dates))
        except MalformedInput as error:
            skipped.append(Skipped(place, str(error)))
    return Registry(link_aliases(rows), tuple(skipped), as_of)


def _assignment(row: _Cells, as_of: Mapping[str, str]) -> Assignment:
    first, last = _bounds(row.number)
    if not row.service_name and (not row.description or first is None):
        raise MalformedInput("the row names no service, and has no port or no description")
    transport = None
    if row.transport:
        try:
            transport = Transport(row.transport.lower())
        except ValueError:
            raise MalformedInput(f"{shown(row.transport)} is not a transport") from None
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
        unauthorized_use=tidy_lines(row.unauthorized_use) or None,
        notes=tidy_lines(row.notes) or None,
        service_code=row.service_code or None,
        as_of=as_of,
    )


def _bounds(number: str) -> tuple[int | None, int | None]:
    if not number:
        return None, None
    found = re.fullmatch(r"([0-9]{1,5})(?: *- *([0-9]{1,5}))?", number)
    if found is None:
        raise MalformedInput(f"{shown(number)} is neither a port number nor a range of them")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= LAST_PORT:
        raise MalformedInput(f"{shown(number)} is not a range of port numbers")
    return first, last


def _reference(mark: str) -> str:
    # A bare number refers to a footnote of the registry's own.
    return f"note {mark}" if mark.isdigit() else mark
