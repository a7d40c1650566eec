"""Compile the lore: the TOML that people edit, to the sorted text that portbook reads.

    python -m tasks.build_lore            check the entries, write the data files
    python -m tasks.build_lore --check    check the entries, and that the files are in step

Each problem is one line that names the file, the entry and what is wrong with it.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portbook.catalog.practice.rows import COLUMNS
from portbook.storage.sorted_tsv import escape_cell
from tasks.lore_checks import (
    KINDS,
    Problem,
    check_browsers,
    check_entries,
    check_joins,
    check_names,
    check_services,
    check_twins,
    joined_programs,
    parse_entries,
)
from tasks.lore_fields import PortSpan
from tasks.use_weights import MOST, further_sources, shown_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.lore_checks import Entry

LORE = Path(__file__).parents[1] / "src" / "portbook" / "catalog" / "practice"
REGISTRY = LORE.parent / "registry" / "data" / "registry.tsv"

SPANNING = ("uses", "abuse", "services")  # sorted by the ports that their rows span
NARROW = 15  # ports: few ranges are wider, and those are a hundred times as wide

# -- compiling ----------------------------------------------------------------------------------


def executable_paths(entry: Entry) -> list[str]:
    """The entry's paths, and where they are on systems that have merged sbin into bin.

    There ``/usr/sbin`` is a link, and the kernel names the file by its path in ``/usr/bin``
    (https://fedoraproject.org/wiki/Changes/Unify_bin_and_sbin).
    """
    paths = list(entry["executables"])
    for path in entry["executables"]:
        twin = path.replace("/usr/sbin/", "/usr/bin/", 1) if path.startswith("/usr/sbin/") else path
        if twin not in paths:
            paths.append(twin)
    return paths


def program_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        paths = executable_paths(entry)
        macos, windows = entry.get("macos", []), entry.get("windows", [])
        for basename in {path.rpartition("/")[2] for path in paths} | {*macos, *windows}:
            yield [
                basename,
                entry["name"],
                entry["product"],
                " ".join(paths),
                " ".join(entry["services"]),
                " ".join(entry["ports"]),
                " ".join(entry.get("units", ())),
                entry.get("package", ""),
                " ".join(macos),
                " ".join(windows),
                entry["source"],
                entry["read"],
                " ".join(entry.get("further", ())),
                ", ".join(entry.get("also_called", ())),
                _statement_sources(entry),
            ]


def other_names(entries: Sequence[Entry], field: str) -> dict[str, list[str]]:
    """The cells of the other names of each *field*, a product say: one entry of it tells them."""
    told = [entry for entry in entries if "also_called" in entry]
    return {
        entry[field]: [", ".join(entry["also_called"]), _statement_sources(entry, "also_called")]
        for entry in told
    }


def _statement_sources(entry: Entry, field: str | None = None) -> str:
    """The cell of the sources of single fields: of all, or of *field* alone."""
    return " ".join(
        f"{','.join(other['of'])} {other['source']} {other['read']}"
        for other in entry.get("sources", ())
        if field is None or field in other["of"]
    )


def use_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    others = other_names(entries, "product")
    for entry in entries:
        for span in map(PortSpan.parse, entry["ports"]):
            fields = ("kind", "family", "product", "summary", "source", "read")
            ports = [str(span.first), str(span.last), span.transport.value]
            shown = [
                *ports,
                *(entry[field] for field in fields),
                *others.get(entry["product"], ["", ""]),
                " ".join(entry.get("services", ())),
            ]
            programs = " ".join(joined_programs(entry))
            further, sources = further_sources(entry, span), shown_by(entry, span)
            weight = min(MOST, sources)
            yield [*shown, str(weight), " ".join(further), programs, str(sources)]


def report_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    others = other_names(entries, "subject")
    for entry in entries:
        for span in map(PortSpan.parse, entry["ports"]):
            fields = ("kind", "threat", "period", "subject", "summary", "source", "read")
            ports = [str(span.first), str(span.last), span.transport.value]
            names = others.get(entry["subject"], ["", ""])
            yield [*ports, *(entry[field] for field in fields), *names]


def service_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        exposure = entry.get("exposure", {"advice": "", "why": ""})
        lists = {field: " ".join(entry.get(field, ())) for field in ("registered", "elsewhere")}
        # Several words each.
        lists |= {field: ", ".join(entry.get(field, ())) for field in ("also_called", "references")}
        cells = {**dict.fromkeys(COLUMNS["services"], ""), **entry, **exposure, **lists}
        cells["sources"] = _statement_sources(entry)
        for span in map(PortSpan.parse, entry["ports"]):
            yield [
                str(span.first),
                str(span.last),
                span.transport.value,
                *(cells[column] for column in COLUMNS["services"][3:]),
            ]


def tool_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        services = " ".join(entry["services"])
        yield [entry["name"], entry["product"], services, entry["source"], entry["read"]]


def system_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        further = " ".join(entry.get("further", ()))
        fields = [entry[field] for field in ("privileged", "source", "read")]
        since = entry.get("since", "")
        yield [entry["system"], since, *entry["dynamic"].split("-"), *fields, further]


def system_listener_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        lists = [" ".join(entry.get(field, ())) for field in ("programs", "ports")]
        fields = [entry[field] for field in ("summary", "mend", "source", "read")]
        yield [entry["system"], entry["name"], *lists, *fields]


def by_word(row: list[str]) -> tuple[Any, ...]:
    return tuple(cell.encode() for cell in row[:2])


def by_number(row: list[str]) -> tuple[Any, ...]:
    return (int(row[0]),)


def by_span(row: list[str]) -> tuple[Any, ...]:
    return (int(row[0]), int(row[1]), *row[2:])


def compile_file(kind: str, rows: Sequence[list[str]], reads: Sequence[str], **header: str) -> str:
    """The text of one compiled file."""
    order = {"browsers": by_number, **dict.fromkeys(SPANNING, by_span)}.get(kind, by_word)
    lines = [
        ("#portbook", f"{kind}/1"),
        ("#columns", *COLUMNS[kind]),
        ("#oldest", min(reads, default="")),
        ("#newest", max(reads, default="")),
        *((f"#{name}", value) for name, value in header.items()),
        *(tuple(map(escape_cell, row)) for row in sorted(rows, key=order)),
        ("#end",),
    ]
    return "".join("\t".join(line) + "\n" for line in lines)


def compile_lore(folder: Path) -> tuple[dict[str, str], dict[str, list[Entry]], list[Problem]]:
    """The compiled files by name, the entries they were made of, and what is wrong with them.

    No file is compiled of entries that have something wrong with them.
    """
    texts: dict[str, str] = {}
    parsed: dict[str, list[Entry]] = {}
    problems: list[Problem] = []
    rows_of = {
        "programs": program_rows,
        "uses": use_rows,
        "abuse": report_rows,
        "systems": system_rows,
        "services": service_rows,
        "tools": tool_rows,
        "system_listeners": system_listener_rows,
    }
    for kind in KINDS:
        try:
            entries = parse_entries(kind, (folder / f"{kind}.toml").read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            problems.append(Problem(f"{kind}.toml", "file", str(error)))
            continue
        found = list(check_entries(kind, entries))
        problems += found
        parsed[kind] = entries
        if not found:
            rows = list(rows_of[kind](entries))
            reads = [entry["read"] for entry in entries]
            reads += [
                each["read"]
                for entry in entries
                for each in (
                    *(entry.get("further", ()) if kind == "uses" else ()),
                    *entry.get("sources", ()),
                )
            ]
            header = {"entries": str(len(entries))}
            if kind in SPANNING:
                header |= widths(rows)
            texts[f"{kind}.tsv"] = compile_file(kind, rows, reads, **header)
    texts |= _compile_names(folder, problems)
    try:
        blocked = tomllib.loads((folder / "browsers.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem("browsers.toml", "file", str(error)))
        return texts, parsed, problems
    found = list(check_browsers(blocked))
    problems += found
    if not found:
        rows = [[str(port), blocked["source"]] for port in blocked["ports"]]
        texts["browsers.tsv"] = compile_file(
            "browsers", rows, [blocked["read"]], entries=str(len(rows)), source=blocked["source"]
        )
    return texts, parsed, problems


def widths(rows: list[list[str]]) -> dict[str, str]:
    """The width of the widest range, but for the few that are far wider: those are listed.

    A search for a port looks at all rows that begin so far below it.
    """
    spans = sorted({(int(row[0]), int(row[1])) for row in rows})
    wide = [span for span in spans if span[1] - span[0] > NARROW]
    widest = max((last - first for first, last in spans if (first, last) not in wide), default=0)
    header = {"widest": str(widest)}
    if wide:
        header["wide"] = " ".join(f"{first}-{last}" for first, last in wide)
    return header


def _compile_names(folder: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        listed = tomllib.loads((folder / "names.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem("names.toml", "file", str(error)))
        return {}
    wrong = list(check_names(listed))
    problems += wrong
    if wrong:
        return {}
    source, read = listed["source"], listed["read"]
    spans = [
        (name, PortSpan.parse(each)) for name, ports in listed["ports"].items() for each in ports
    ]
    rows = [[name, span.transport.value, str(span.first), source] for name, span in spans]
    count = str(len(listed["ports"]))
    return {"names.tsv": compile_file("names", rows, [read], entries=count, source=source)}


def check_in_step(folder: Path, texts: dict[str, str]) -> Iterator[Problem]:
    """The compiled files in *folder* that are not what the entries compile to."""
    for name, text in texts.items():
        path = folder / name
        if not path.exists():
            yield Problem(name, "file", "is missing: run python -m tasks.build_lore")
        elif path.read_text("utf-8") != text:
            yield Problem(name, "file", "is out of step: run python -m tasks.build_lore")


def parse_service_names(text: str) -> set[str]:
    """The service names in the text of ``registry.tsv``, found by its column's name."""
    names: set[str] = set()
    place = None
    for line in text.splitlines():
        cells = line.split("\t")
        if cells[0] == "#columns":
            place = cells[1:].index("service_name")
        elif place is not None and not line.startswith("#") and len(cells) > place:
            names.add(cells[place])
    if place is None:
        raise ValueError("the registry has no line of columns")
    return names - {"", "-"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build_lore", description="Compile the lore.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of step")
    parser.add_argument("--lore", type=Path, default=LORE, help="the folder of the TOML files")
    parser.add_argument("--registry", type=Path, default=REGISTRY, help="the compiled registry")
    options = parser.parse_args(argv)
    texts, parsed, problems = compile_lore(options.lore)
    try:
        known = parse_service_names(options.registry.read_text("utf-8"))
        for kind in ("programs", "uses", "tools", "services"):
            problems += check_services(kind, parsed.get(kind, ()), known)
    except (OSError, ValueError) as error:
        problems.append(Problem("programs.toml", "services", f"can't be checked: {error}"))
    problems += check_joins(parsed.get("uses", ()), parsed.get("programs", ()))
    problems += check_twins(parsed.get("services", ()))
    data = options.lore / "data"
    if options.check:
        problems += check_in_step(data, texts)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    if not options.check:
        data.mkdir(exist_ok=True)
        for name, text in texts.items():
            (data / name).write_text(text, "utf-8", newline="\n")
    entries = ", ".join(f"{len(parsed[kind])} {kind}" for kind in KINDS)
    print(f"lore: {entries}; {len(texts)} files {'in step' if options.check else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
