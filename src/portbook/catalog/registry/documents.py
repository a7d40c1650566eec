"""What RFCs tell of ports: their titles, and what the Assigned Numbers RFCs listed.

``rfcs.tsv`` and ``listings.tsv`` are made by ``tasks/build_assigned_numbers.py``, and read only
where a page shows them.

>>> documents = Documents()
>>> documents.title_of("RFC854")
Document(name='RFC 854', title='Telnet Protocol Specification', published='1983-05')
>>> [(each.rfc, each.words) for each in documents.listed_on(25)][:2]
[(739, 'Distributed Programming System'), (790, 'SMTP')]
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.catalog.registry.tsv_reader import SHIPPED
from portbook.errors import DataCorrupt
from portbook.storage.sorted_tsv import SortedFile, escape_cell, unescape_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.catalog import Catalog

LISTINGS, RFCS = "listings.tsv", "rfcs.tsv"

# Before this RFC the lists named sockets of the ARPANET's host protocol; since then, TCP's ports.
_FIRST_OF_PORTS = 758

_DIGITS = 5  # of an RFC's number
_SEARCHED = 24  # ports, and then which are listed is read once


class Listing(NamedTuple):
    """What the Assigned Numbers RFC *rfc* of the month *published* lists for *port*.

    ``words`` are those of the RFC, the first that says this of the port.
    """

    port: int
    rfc: int
    published: str
    words: str

    @property
    def of_socket(self) -> bool:
        """Whether the list is of the sockets of before TCP."""
        return self.rfc < _FIRST_OF_PORTS


class Document(NamedTuple):
    """An RFC: how one writes it, its title, and the month it was published, as ``1983-05``."""

    name: str
    title: str
    published: str


class Documents:
    """The two files; each is opened when it is first asked.

    Every method raises DataMissing where its file can't be opened, and DataCorrupt where the file
    isn't what it should be.
    """

    def __init__(self, folder: str = SHIPPED) -> None:
        self._folder = folder
        self._files: dict[str, SortedFile] = {}
        self._asked = 0
        self._listed: frozenset[str] | None = None

    def listed_on(self, port: int) -> tuple[Listing, ...]:
        """What was listed for *port* from 1972 to 1994, the oldest first."""
        self._asked += 1
        if self._asked > _SEARCHED and str(port) not in self._all_listed():
            return ()
        found = []
        for row in self._backward(LISTINGS, port):
            if row[0] != str(port):
                break
            rfc, published, words = self._cells(LISTINGS, row, Listing._fields)[1:]
            found.append(Listing(port, self._number(LISTINGS, rfc), published, words))
        return tuple(reversed(found))

    def _all_listed(self) -> frozenset[str]:
        """The ports that are listed at all, which few are."""
        if self._listed is None:
            self._listed = frozenset([row[0] for row in self._file(LISTINGS).rows()])
        return self._listed

    def title_of(self, reference: str) -> Document | None:
        """The RFC that *reference* names, as ``RFC854`` or ``RFC 854``.

        None where that is no RFC, or none whose title is recorded.
        """
        number = reference[3:].strip()
        if not reference.startswith("RFC") or not _is_number(number):
            return None
        row = next(self._backward(RFCS, int(number)), None)
        if row is None or row[0] != number:
            return None
        _, title, published = self._cells(RFCS, row, Document._fields)
        return Document(f"RFC {number}", title, published)

    def titles_of(self, references: Iterable[str]) -> tuple[Document, ...]:
        """The RFCs among *references*, each once, by number."""
        documents = {self.title_of(reference) for reference in references} - {None}
        return tuple(sorted([one for one in documents if one], key=lambda one: int(one.name[4:])))

    def _backward(self, name: str, key: int) -> Iterator[list[str]]:
        file = self._file(name)
        return file.backward(file.after(key))

    def _file(self, name: str) -> SortedFile:
        if name not in self._files:
            path = os.path.join(self._folder, name)
            self._files[name] = SortedFile(path, f"{name.partition('.')[0]}/1")
        return self._files[name]

    def _cells(self, name: str, row: list[str], columns: tuple[str, ...]) -> list[str]:
        if len(row) != len(columns):
            raise DataCorrupt(self._files[name].path, f"the row of {row[0]} has {len(row)} cells")
        return [unescape_cell(cell) for cell in row]

    def _number(self, name: str, cell: str) -> int:
        if not _is_number(cell):
            raise DataCorrupt(self._files[name].path, f"{cell[:20]!a} is not a number")
        return int(cell)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def open_documents(_: Catalog) -> Documents:
    """The shipped files, for a catalog to hold."""
    return Documents()


def render_listings(listings: Iterable[Listing]) -> str:
    """The text of ``listings.tsv``: a header, *listings* in their order, ``#end``."""
    rows = [(str(one.port), str(one.rfc), one.published, one.words) for one in listings]
    return _rendered("listings/1", Listing._fields, rows)


def render_rfcs(documents: Iterable[tuple[int, str, str]]) -> str:
    """The text of ``rfcs.tsv``: a header, number, title and month of each RFC, ``#end``."""
    rows = [(str(number), title, published) for number, title, published in documents]
    return _rendered("rfcs/1", ("number", "title", "published"), rows)


def _rendered(kind: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"#portbook\t{kind}", "#columns\t" + "\t".join(columns)]
    lines += ["\t".join(map(escape_cell, row)) for row in rows]
    return "\n".join([*lines, "#end"]) + "\n"
