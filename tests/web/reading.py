"""Reading a port's page as a stranger would: what it says of states and services, and no more."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

from tests.web.independent import TRANSPORTS

_ONE = "|".join(TRANSPORTS)
_LISTED = rf"((?:{_ONE})(?:, (?:{_ONE}))*)"
_STATES = re.compile(
    rf"\b(assigned|reserved|unassigned|dynamic): {_LISTED}(?: \(not in the registry\))?(?=$|;)"
)
_SERVICE = re.compile(rf"  (\S.*?) {{2,}}((?:{_ONE})(?: (?:{_ONE}))*)(?: {{2,}}.*)?")
NO_NAME = {"no name", "(no name)"}


class Read(NamedTuple):
    """What a page says: the state of each transport, and who has it there, by name."""

    states: dict[str, str]
    services: set[tuple[str | None, str]]


def read_text(page: str) -> Read:
    """What a port's page as text says."""
    head, _, rest = page.partition("\n\n")
    # Its second line, which goes on where it is too long; the range stands below it.
    said = " ".join(head.split("\n")[1:-1])
    book = rest.partition("What it is for\n")[2].partition("\n\n")[0]
    services = set()
    for line in book.split("\n"):
        row = _SERVICE.fullmatch(line)
        if row is not None:
            services |= {(_named(row[1]), each) for each in row[2].split()}
    return Read(_all(_states(said)), services)


def read_html(page: str) -> Read:
    """What a port's page as HTML says; of states there may be none."""
    reader = _Reader()
    # Parsing the whole page would take longer than making it.
    _, opening, rest = page.partition('<ul class="states">')
    reader.feed(opening + rest.partition("</ul>")[0] + "</ul>")
    for table in rest.split('aria-label="Services registered here"')[1:]:
        reader.feed('<div aria-label="Services registered here"' + table.partition("</table>")[0])
        reader.feed("</table>")
    reader.close()
    states: dict[str, str] = {}
    for said in reader.states:  # a cell each; the terminal leaves out what has no row
        transport, state, *unlisted = said.lower().replace(",", "").split()
        assert unlisted in ([], ["not", "listed"])
        states[transport] = state
    services = {
        (_named(" ".join(name.split())), transport)
        for name, transports in reader.services
        for transport in transports.split()
    }
    return Read(_all(states), services)


def _states(said: str) -> dict[str, str]:
    return {
        transport: state
        for state, listed in _STATES.findall(said)
        for transport in listed.split(", ")
    }


def _all(states: dict[str, str]) -> dict[str, str]:
    """With those that the page leaves out beside others: the registry has no row for them."""
    return {**dict.fromkeys(TRANSPORTS, "unassigned"), **states} if states else {}


def _named(name: str) -> str | None:
    return None if name in NO_NAME else name


class _Reader(HTMLParser):
    """Collects the items of the list of states, and the rows of the table of services."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.services: list[tuple[str, str]] = []
        self._within: str | None = None
        self._cells: list[str] | None = None
        self._in_table = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "ul" and found.get("class") == "states":
            self._within = "states"
        elif tag == "li" and self._within == "states":
            self.states.append("")
        elif found.get("aria-label") == "Services registered here":
            self._in_table = True
        elif self._in_table and tag == "tr":
            self._cells = []
        elif self._in_table and tag in ("th", "td") and self._cells is not None:
            self._cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "ul":
            self._within = None
        elif tag == "table":
            self._in_table = False
        elif tag == "tr" and self._cells is not None:
            if self._cells[1:2] != ["Transport"]:  # the head of the table
                self.services.append((self._cells[0], self._cells[1]))
            self._cells = None

    def handle_data(self, data: str) -> None:
        if self._within == "states" and self.states:
            self.states[-1] += data
        elif self._cells:
            self._cells[-1] += data
