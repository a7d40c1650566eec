"""Builds what RFCs tell of ports: ``listings.tsv`` and ``rfcs.tsv``.

``python -m tasks.build_assigned_numbers --texts DIR`` writes both; ``--check`` writes nothing and
exits with 1 if a new build differs. DIR holds ``rfc-index.txt`` and the texts ``rfc349.txt`` …,
gzipped or not, at any depth: unpack Debian's packages ``doc-rfc-*`` there with ``dpkg -x``.

``listings.tsv`` holds what the Assigned Numbers RFCs, the registry on paper of 1972 to 1994, list
for a port, each time they say something else than before. ``rfcs.tsv`` holds the titles and the
months of the RFCs that the registry, the services and these listings cite.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog.registry.documents import (
    LISTINGS,
    RFCS,
    Listing,
    render_listings,
    render_rfcs,
)
from tasks.data_files import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SERVICES = Path(__file__).parent.parent / "src/portbook/catalog/practice/data/services.tsv"

# The Assigned Numbers RFCs and the socket lists that went before them.
ASSIGNED_NUMBERS = (
    349, 433, 503, 739, 750, 755, 758, 762, 770, 776, 790, 820, 870, 900, 923, 943, 960, 990, 1010,
    1060, 1340, 1700,
)  # fmt: skip

_UNIX_FIRST = 256

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


class Row(NamedTuple):
    """One line of a table: ports *first* to *last*, and what is listed for them."""

    first: int
    last: int
    words: str


# -- the tables -------------------------------------------------------------------------------

_SECTION = re.compile(
    r"\s*((ASSIGNED )?(SOCKET|PORT|PORT or SOCKET) NUMBERS"
    r"|(WELL KNOWN|REGISTERED) PORT NUMBERS|UNIX PORTS)\s*"
)
_OTHER_SECTION = re.compile(r"\s*[A-Z][A-Z0-9 .&/-]+(NUMBERS|ADDRESSES|PARAMETERS|NAMES|TYPES)\s*")
_HEADER = re.compile(r"\s*(Decimal +(Octal|Keyword)|Keyword +Decimal|Service Name +Port/Proto).*")
_SOCKETS = re.compile(r"\s*Socket +Assignment")
_PROSE = re.compile(r" {0,3}[A-Z][a-z]+ .{30,}[a-z.,:-]")
_CONTINUED = re.compile(r"[# ]{20,}[a-z][^<\[]*")
_SOCKET = re.compile(r"\s+(\d+)\s+(\S.*)")
_OCTAL = re.compile(r"\s+(\d+)(?:-(\d+))?\s+[0-7]+(?:-[0-7]+)?\s+(\S.*)")
_KEYWORD = re.compile(r"\s+(\d+)(?:-(\d+))?\s(.*)")
_SLASH = re.compile(r"\s*(\S+)?\s+(\d+)(?:-(\d+))?/(?:tcp|udp)\s*(.*)")
_REFERENCES = re.compile(r"\s*\[([A-Z]{2,4}[0-9]*|[0-9]+)(,[A-Z0-9]+)*\]?$")
_NO_SERVICE = re.compile(
    r"(un|not )assigned\b|reserved\b|Network.Wide Standard|Network Standard|Hosts? Specific|"
    r"any experimental function",
    re.IGNORECASE,
)


def listed(text: str) -> Iterator[Row]:
    """What the tables of ports in the *text* of one RFC list, line by line.

    Ports that are unassigned or reserved are left out, and so are the tables of general
    assignments, whose rows name no service.
    """
    table = ""
    inside = False
    lines = [line.rstrip() for line in text.expandtabs(8).replace("\f", "\n").splitlines()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if "[Page" in line or re.match(r"(NWG/)?RFC\W", line):
            continue
        if _SECTION.fullmatch(line):
            inside, table = True, ""
        elif _OTHER_SECTION.fullmatch(line):
            inside, table = False, ""
        elif _SOCKETS.fullmatch(line) or (inside and _HEADER.fullmatch(line)):
            table = line
        elif table:
            row = _row(line, table, continued=_CONTINUED.fullmatch(following) is not None)
            if row is None and _PROSE.fullmatch(line):
                table = ""  # the table has ended
            elif row is not None and not _NO_SERVICE.match(row.words):
                yield row


def _row(line: str, table: str, *, continued: bool) -> Row | None:
    """The row that *line* is under the header *table*; None where it is none.

    A description that is *continued* on the next line is left out, and the name stands alone.
    """
    if _SOCKETS.fullmatch(table):
        match = _SOCKET.fullmatch(line)
        return Row(int(match[1]), int(match[1]), match[2]) if match else None
    if "Octal" in table:
        match = _OCTAL.fullmatch(line)
        return _ranged(match, _words(match[3])) if match else None
    if table.lstrip().startswith("Decimal"):
        match = _KEYWORD.fullmatch(line)
        column = table.index("Description")
        apart = line[column - 1 : column] == " "  # a long keyword runs into the description
        return _ranged(match, _words(line[column:] if apart else match[3])) if match else None
    match = _SLASH.fullmatch(line)
    if match is None or match[1] == "#":
        return None
    name, first = match[1] or "", int(match[2])
    if "Service Name" in table:  # UNIX' names; those below 256 stand in the table before too
        return Row(first, first, name) if name and first >= _UNIX_FIRST else None
    words = _words(match[4]).rstrip(";")
    return _ranged(match, name if continued or not words else words, at=2)


def _ranged(match: re.Match[str], words: str, at: int = 1) -> Row | None:
    """The row of *words* for the ports in the group *at* of *match* and the one behind it."""
    first, last = match[at], match[at + 1]
    return Row(int(first), int(last or first), words) if words else None


def _words(text: str) -> str:
    return " ".join(_REFERENCES.sub("", text.strip()).split())


def listings(texts: dict[int, str], published: dict[int, str]) -> list[Listing]:
    """What each port was listed as, with the RFC that first said so, by port and RFC.

    *texts* are those of the RFCs by number, *published* is when each appeared, as ``1981-09``.
    """
    found: list[Listing] = []
    last_words: dict[int, set[str]] = {}
    for number in sorted(texts):
        of_port: dict[int, list[str]] = {}
        for row in listed(texts[number]):
            for port in range(row.first, row.last + 1):
                of_port.setdefault(port, []).append(row.words)
        for port, words in of_port.items():
            before = last_words.get(port, set())
            now = {_plain(each) for each in words}
            for each in dict.fromkeys(words):
                if _plain(each) not in before:
                    found.append(Listing(port, number, published[number], each))
                    before |= {_plain(each)}
            last_words[port] = before | now
    return sorted(found)


def _plain(words: str) -> str:
    """What two listings of the same thing share: letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", words.lower())


# -- the index --------------------------------------------------------------------------------

# Where a title ends: initials, a word, or the name of a group follows.
_AUTHORS = re.compile(
    r"\. (?=(?:[A-Z][\w-]*\.[ -]?)+ ?[A-Za-z'’-]+|[A-Z][a-z]+ |[A-Z]+\b|NetBIOS Working Group)"
)


def titles(index: str) -> dict[int, tuple[str, str]]:
    """The title and the month, as ``1981-09``, of every RFC in the *index* that was issued."""
    found = {}
    for entry in re.split(r"\n\s*\n", index):
        match = re.match(r"\s*(\d{1,5}) (.*)", " ".join(entry.split()))
        if match is None or "(Format:" not in match[2]:
            continue
        head = match[2].partition(" (Format:")[0]
        when = re.search(rf" ({'|'.join(_MONTHS)}) (?:\d+,? )?(\d{{4}})\.$", head)
        if when is None:
            continue
        # The authors stand between the title and the month, each with initials.
        title = _AUTHORS.split(head)[0]
        month = f"{when[2]}-{_MONTHS.index(when[1]) + 1:02}"
        found[int(match[1])] = (title.rstrip("."), month)
    return found


def cited(paths: Iterable[Path]) -> set[int]:
    """The numbers of the RFCs that the compiled files *paths* cite."""
    return {
        int(number)
        for path in paths
        for number in re.findall(r"\bRFC ?(\d{1,5})\b", path.read_text("utf-8"))
    }


def read_text(folder: Path, name: str) -> str:
    """The text *name* somewhere in *folder*, gzipped or not. Raises FileNotFoundError."""
    for path in sorted(folder.rglob(f"{name}*")):
        if path.name == name:
            return path.read_text("utf-8", errors="replace")
        if path.name == f"{name}.gz":
            return gzip.decompress(path.read_bytes()).decode("utf-8", errors="replace")
    raise FileNotFoundError(f"{folder} has no {name}")


def build(folder: Path) -> dict[str, bytes]:
    """The two files by name, from the texts in *folder*. Raises FileNotFoundError."""
    known = titles(read_text(folder, "rfc-index.txt"))
    texts = {number: read_text(folder, f"rfc{number}.txt") for number in ASSIGNED_NUMBERS}
    found = listings(texts, {number: known[number][1] for number in texts})
    numbers = cited([DATA / "registry.tsv", SERVICES]) | {*ASSIGNED_NUMBERS}
    of_rfcs = [(number, *known[number]) for number in sorted(numbers & known.keys())]
    return {
        LISTINGS: render_listings(found).encode(),
        RFCS: render_rfcs(of_rfcs).encode(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The task; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tasks.build_assigned_numbers")
    parser.add_argument("--texts", type=Path, required=True, metavar="DIR", help="the RFCs' texts")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args(argv)
    different = False
    for name, content in build(options.texts).items():
        path = DATA / name
        same = path.exists() and path.read_bytes() == content
        different |= not same
        if not options.check:
            path.write_bytes(content)
        print(f"{name}: {len(content):,} bytes, {'same' if same else 'different'}")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
