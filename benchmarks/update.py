"""``update --from`` a whole file of IANA's shape, against ElementTree; lookups after it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from benchmarks.timing import Times, alternate, environment, portbook, table
from portbook.catalog.registry.lookup import shipped
from portbook.model import Assignment

TITLE = "update: the registry taken from a file"

_HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    '<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">\n'
    "  <title>Service Name and Transport Protocol Port Number Registry</title>\n"
    "  <category>Service Names and Transport Protocol Port Numbers</category>\n"
    "  <updated>{updated}</updated>\n"
)


def xml_of(rows: Iterable[Assignment], updated: str) -> bytes:
    """A file of the shape of IANA's XML that holds *rows*, of the day *updated*."""
    people: dict[str, None] = {}
    parts = [_HEAD.format(updated=updated)]
    for row in rows:
        assignees = row.assignee[1:-1].split("][") if row.assignee else []
        people.update(dict.fromkeys(assignees))
        parts.append(_record(row, assignees))
    parts.append("  <people>\n")
    parts += [
        f"    <person id={quoteattr(each)}>\n      <name>{escape(each.replace('_', ' '))}</name>\n"
        "      <uri>mailto:somebody&amp;host.example</uri>\n    </person>\n"
        for each in people
    ]
    parts.append("  </people>\n</registry>\n")
    return "".join(parts).encode()


def _record(row: Assignment, assignees: Iterable[str]) -> str:
    dates = (("date", row.registered), ("updated", row.modified))
    parts = ["".join(f" {name}={quoteattr(day)}" for name, day in dates if day)]
    parts.append(_element("name", row.service_name))
    parts.append(_element("protocol", row.transport))
    parts += [f'    <xref type="person" data={quoteattr(each)}/>\n' for each in assignees]
    parts.append(_element("description", row.description))
    if row.first is not None:
        span = str(row.first) if row.first == row.last else f"{row.first}-{row.last}"
        parts.append(_element("number", span))
    for reference in row.references:
        kind = "rfc" if reference.startswith("RFC") and reference[3:].isdigit() else "text"
        parts.append(
            f'    <xref type="rfc" data="{reference.lower()}"/>\n'
            if kind == "rfc"
            else f'    <xref type="text">{escape(reference)}</xref>\n'
        )
    parts.append(_element("sc", row.service_code))
    parts.append(_element("unauthorized", row.unauthorized_use))
    parts.append(_element("note", row.notes))
    return f"  <record{parts[0]}>\n{''.join(parts[1:])}  </record>\n"


def _element(tag: str, text: str | None) -> str:
    return f"    <{tag}>{escape(text)}</{tag}>\n" if text else ""


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown."""
    rounds = 1 if quick else 15
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "registry.xml")
        rows = list(shipped().store.all())
        file.write_bytes(xml_of(rows, "2026-11-14"))
        times = _alternate(str(file), scratch, rounds)
        lookups = _lookups(scratch, rounds if quick else 30)
        size = file.stat().st_size / 1e6
    said = (
        f"A file of IANA's shape, {len(rows):,} rows in {size:.1f} MB. ElementTree parses it "
        "in a process that runs already; the update is the whole process, from its start to the "
        "registry in use and flushed to the disk."
    )
    return "\n".join(
        [
            said,
            "",
            table(times, next(iter(times))),
            "",
            "Lookups before an update and after one:",
            "",
            lookups,
        ]
    )


def _alternate(file: str, scratch: str, rounds: int) -> dict[str, Times]:
    wall: dict[str, list[float]] = {"ElementTree.parse": [], "portbook update --from FILE": []}
    cpu: dict[str, list[float]] = {name: [] for name in wall}
    for turn in range(rounds):
        env = {**environment(), "XDG_DATA_HOME": os.path.join(scratch, f"data{turn}")}
        env.pop("PORTBOOK_REGISTRY", None)
        command = [*portbook(), "update", "--from", file, "--quiet"]
        for name, call in (
            ("ElementTree.parse", lambda: ET.parse(file)),
            (
                "portbook update --from FILE",
                lambda command=command, env=env: subprocess.run(command, env=env, check=True),
            ),
        ):
            began, spent = time.perf_counter(), sum(os.times()[:4])
            call()
            wall[name].append((time.perf_counter() - began) * 1000)
            cpu[name].append((sum(os.times()[:4]) - spent) * 1000)
    return {name: Times(tuple(wall[name]), tuple(cpu[name])) for name in wall}


def _lookups(scratch: str, rounds: int) -> str:
    folders = {"before": os.path.join(scratch, "none"), "after": os.path.join(scratch, "data0")}
    commands = {
        f"portbook show 443 --no-host, {when} an update": [
            "/usr/bin/env", "-u", "PORTBOOK_REGISTRY", f"XDG_DATA_HOME={folder}",
            *portbook(), "show", "443", "--no-host",
        ]
        for when, folder in folders.items()
    }  # fmt: skip
    times: dict[str, Times] = alternate(commands, rounds)
    return table(times, next(iter(commands)))


if __name__ == "__main__":
    print(run(quick="--quick" in sys.argv))
