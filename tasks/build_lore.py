"""Compile the lore: the TOML that people edit, to the sorted text that portbook reads.

    python -m tasks.build_lore            check the entries, write src/portbook/lore/data/*.tsv
    python -m tasks.build_lore --check    check the entries, and that the files are in step

Each problem is one line that names the file, the entry and what is wrong with it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from portbook.lore import COLUMNS
from portbook.model import FIRST_PORT, LAST_PORT, Transport
from portbook.sortedfile import escape_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LORE = Path(__file__).parents[1] / "src" / "portbook" / "lore"
REGISTRY = LORE.parent / "registry" / "data" / "registry.tsv"

LINE_LENGTH = 140
NAME_LENGTH = 60

USE_KINDS = ("default", "alternative", "development", "management", "legacy")
FAMILIES = (
    "apple-windows",
    "automation",
    "chat-mail-voice",
    "containers",
    "cryptocurrency",
    "databases",
    "debuggers-builds",
    "files-backup-storage",
    "games",
    "industrial",
    "machine-learning",
    "monitoring",
    "printing-media-home",
    "queues",
    "remote-access",
    "security",
    "system",
    "vpn",
    "web",
)

# An executable that runs whatever it is given says nothing of what it serves.
INTERPRETERS = re.compile(
    r"(java|node|nodejs|deno|bun|mono|dotnet|beam\.smp|sh|bash|dash|zsh|busybox|"
    r"(python|perl|ruby|php|lua|luajit|tclsh|guile|pypy)[-0-9.]*)\Z"
)

Entry = dict[str, Any]


class Problem(NamedTuple):
    """What is wrong with one entry of one file."""

    file: str
    entry: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.entry}: {self.what}"


class PortSpan(NamedTuple):
    """Ports as an entry writes them: ``22/tcp`` or ``6000-6063/tcp``."""

    first: int
    last: int
    transport: Transport

    @classmethod
    def parse(cls, text: str) -> PortSpan:
        """The span that *text* is. Raises ValueError with what is wrong with it."""
        match = re.fullmatch(r"(0|[1-9][0-9]*)(?:-([1-9][0-9]*))?/([a-z]+)", text)
        if match is None:
            raise ValueError(f"{text!r} is not of the form 22/tcp or 6000-6063/tcp")
        first = int(match[1])
        last = int(match[2] or first)
        if not FIRST_PORT <= first <= last <= LAST_PORT:
            raise ValueError(f"{text!r} is out of the range of ports, or runs backwards")
        if match[2] and first == last:
            raise ValueError(f"{text!r} is a range of one port")
        if match[3] not in tuple(Transport):
            raise ValueError(f"{text!r} has a transport that the registry does not know")
        return cls(first, last, Transport(match[3]))

    def __str__(self) -> str:
        ports = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{ports}/{self.transport}"


# -- checks of one field: each yields what is wrong ---------------------------------------------


def check_line(value: object, limit: int = LINE_LENGTH) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield "is not text"
    elif value != " ".join(value.split()):
        yield "has stray white space"
    elif len(value) > limit:
        yield f"has {len(value)} characters, {limit} are allowed"


def check_url(value: object) -> Iterator[str]:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or "." not in parts.netloc:
        yield f"{value!r} is not an http(s) URL"
    elif re.search(r"[\s<>\"]", str(value)):
        yield f"{value!r} has characters that a URL must not have"


def check_read(value: object) -> Iterator[str]:
    try:
        if not isinstance(value, str) or date.fromisoformat(value).isoformat() != value:
            raise ValueError
    except ValueError:
        yield f"{value!r} is not a day, as 2026-11-21"


def check_words(value: object, form: str = r"[!-~]+") -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        yield "is not a list of text"
        return
    for item in value:
        if not re.fullmatch(form, item):
            yield f"{item!r} is not of the form expected"
    if len(set(value)) != len(value):
        yield "has the same value twice"


def check_ports(value: object) -> Iterator[str]:
    yield from check_words(value)
    if not isinstance(value, list):
        return
    spans = []
    for item in value:
        try:
            spans.append(PortSpan.parse(str(item)))
        except ValueError as error:
            yield str(error)
    if spans != sorted(spans):
        yield "is not sorted by port and transport"


def check_executables(value: object) -> Iterator[str]:
    yield from check_words(value)
    if not isinstance(value, list):
        return
    for path in map(str, value):
        *folders, basename = path.split("/")
        if folders[:1] != [""] or len(folders) < 2 or {"", ".", ".."} & {*folders[1:], basename}:
            yield f"{path!r} is not an absolute path of a file"
        elif folders[1] in ("bin", "sbin", "lib", "lib64"):
            yield f"{path!r}: write it as it is under /usr; the lookup knows the older form"
        elif "*" in basename:
            yield f"{path!r} has a * in the file's name, by which it is looked up: list the names"
        elif INTERPRETERS.match(basename):
            yield f"{path!r} is an interpreter: it runs whatever it is given"


def check_system_range(value: object) -> Iterator[str]:
    match = re.fullmatch(r"(\d+)-(\d+)", value) if isinstance(value, str) else None
    if match is None or not FIRST_PORT <= int(match[1]) < int(match[2]) <= LAST_PORT:
        yield f"{value!r} is not a range of ports, as 49152-65535"


def one_of(words: Sequence[str]) -> Callable[[object], Iterator[str]]:
    def check(value: object) -> Iterator[str]:
        if value not in words:
            yield f"{value!r} is not one of {', '.join(words)}"

    return check


def check_name(value: object) -> Iterator[str]:
    return check_words([value], r"[a-z0-9][a-z0-9.+-]*")


def check_title(value: object) -> Iterator[str]:
    return check_line(value, NAME_LENGTH)


def check_urls(value: object) -> Iterator[str]:
    yield from check_words(value)
    for item in value if isinstance(value, list) else ():
        yield from check_url(item)


# -- the files ----------------------------------------------------------------------------------


class Kind(NamedTuple):
    """One TOML file: its table, what each field must be, and how entries are sorted."""

    table: str
    needed: dict[str, Callable[[object], Iterator[str]]]
    optional: dict[str, Callable[[object], Iterator[str]]]
    label: Callable[[Entry], str]
    order: Callable[[Entry], tuple[Any, ...]]
    not_empty: tuple[str, ...] = ()


def first_span(entry: Entry) -> tuple[Any, ...]:
    return (*PortSpan.parse(entry["ports"][0]), entry["product"])


SOURCED = {"source": check_url, "read": check_read}

KINDS = {
    "programs": Kind(
        table="program",
        needed={
            "name": check_name,
            "product": check_title,
            "executables": check_executables,
            "services": check_words,
            "ports": check_ports,
            **SOURCED,
        },
        optional={
            "units": lambda value: check_words(value, r"[!-~]+\.(service|socket)"),
            "package": check_name,
            "macos": check_words,
            "windows": check_words,
            "further": check_urls,
        },
        label=lambda entry: str(entry.get("name")),
        order=lambda entry: (entry["name"],),
        not_empty=("executables",),
    ),
    "uses": Kind(
        table="use",
        needed={
            "product": check_title,
            "kind": one_of(USE_KINDS),
            "family": one_of(FAMILIES),
            "ports": check_ports,
            "summary": check_line,
            **SOURCED,
        },
        optional={},
        label=lambda entry: f"{entry.get('product')} {entry.get('ports')}",
        order=first_span,
        not_empty=("ports",),
    ),
    "systems": Kind(
        table="system",
        needed={
            "system": check_title,
            "since": check_title,
            "dynamic": check_system_range,
            "privileged": check_line,
            **SOURCED,
        },
        optional={"further": check_urls},
        label=lambda entry: str(entry.get("system")),
        order=lambda entry: (entry["system"].encode(),),
    ),
}


def parse_entries(kind: str, text: str) -> list[Entry]:
    """The entries of one file, unchecked. Raises tomllib.TOMLDecodeError."""
    entries = tomllib.loads(text).get(KINDS[kind].table, [])
    if not isinstance(entries, list):
        raise tomllib.TOMLDecodeError(f"write [[{KINDS[kind].table}]], with two brackets")
    return entries


def check_entry(kind: str, entry: Entry) -> Iterator[str]:
    """What is wrong with one entry by itself."""
    rule = KINDS[kind]
    for field in sorted(entry.keys() - rule.needed.keys() - rule.optional.keys()):
        yield f"{field} is not a field of a {rule.table}"
    for field in sorted(rule.needed.keys() - entry.keys()):
        yield f"{field} is missing"
    for field, check in {**rule.needed, **rule.optional}.items():
        if field in entry:
            for what in check(entry[field]):
                yield f"{field} {what}"
    for field in rule.not_empty:
        if entry.get(field) == []:
            yield f"{field} is empty"


def check_entries(kind: str, entries: Sequence[Entry]) -> Iterator[Problem]:
    """What is wrong with the entries of one file, each by itself and all together."""
    rule = KINDS[kind]
    file = f"{kind}.toml"
    fit = True
    for entry in entries:
        for what in check_entry(kind, entry):
            fit = False
            yield Problem(file, rule.label(entry), what)
    if not fit:  # the order of entries that can't be read says nothing
        return
    for before, after in pairwise(entries):
        if rule.order(before) == rule.order(after):
            yield Problem(file, rule.label(after), "stands here twice")
        elif rule.order(before) > rule.order(after):
            yield Problem(file, rule.label(after), "is not sorted: it belongs further up")


def check_services(entries: Sequence[Entry], known: set[str]) -> Iterator[Problem]:
    """The services of programs that the registry does not have."""
    for entry in entries:
        for service in entry.get("services", ()):
            if service not in known:
                what = f"services {service!r} is not a name in IANA's registry"
                yield Problem("programs.toml", str(entry.get("name")), what)


def check_browsers(entry: Entry) -> Iterator[Problem]:
    """What is wrong with the one list of browsers.toml."""
    file, label = "browsers.toml", "ports"
    for field, check in SOURCED.items():
        for what in check(entry.get(field)):
            yield Problem(file, field, what)
    for field in sorted(entry.keys() - {"ports", *SOURCED}):
        yield Problem(file, field, "is not a field of this file")
    ports = entry.get("ports")
    if not isinstance(ports, list) or not all(type(port) is int for port in ports):
        yield Problem(file, label, "is not a list of port numbers")
        return
    for port in ports:
        if not FIRST_PORT <= port <= LAST_PORT:
            yield Problem(file, label, f"{port} is out of the range of ports")
    for before, after in pairwise(ports):
        if before >= after:
            yield Problem(file, label, f"{after} stands here twice or is not sorted")


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
            ]


def use_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        for span in map(PortSpan.parse, entry["ports"]):
            fields = ("kind", "family", "product", "summary", "source", "read")
            ports = [str(span.first), str(span.last), span.transport.value]
            yield [*ports, *(entry[field] for field in fields)]


def system_rows(entries: Sequence[Entry]) -> Iterator[list[str]]:
    for entry in entries:
        further = " ".join(entry.get("further", ()))
        fields = [entry[field] for field in ("privileged", "source", "read")]
        yield [entry["system"], entry["since"], *entry["dynamic"].split("-"), *fields, further]


def by_word(row: list[str]) -> tuple[Any, ...]:
    return tuple(cell.encode() for cell in row[:2])


def by_number(row: list[str]) -> tuple[Any, ...]:
    return (int(row[0]),)


def by_span(row: list[str]) -> tuple[Any, ...]:
    return (int(row[0]), int(row[1]), *row[2:])


def compile_file(kind: str, rows: Sequence[list[str]], reads: Sequence[str], **header: str) -> str:
    """The text of one compiled file."""
    order = {"uses": by_span, "browsers": by_number}.get(kind, by_word)
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
    rows_of = {"programs": program_rows, "uses": use_rows, "systems": system_rows}
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
            header = {"entries": str(len(entries))}
            if kind == "uses":
                header["widest"] = str(max((int(row[1]) - int(row[0]) for row in rows), default=0))
            texts[f"{kind}.tsv"] = compile_file(kind, rows, reads, **header)
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


def check_in_step(folder: Path, texts: dict[str, str]) -> Iterator[Problem]:
    """The compiled files in *folder* that are not what the entries compile to."""
    for name, text in texts.items():
        path = folder / name
        if not path.exists():
            yield Problem(name, "file", "is missing: run python -m tasks.build_lore")
        elif path.read_text("utf-8") != text:
            yield Problem(name, "file", "is out of step: run python -m tasks.build_lore")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build_lore", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of step")
    parser.add_argument("--lore", type=Path, default=LORE, help="the folder of the TOML files")
    parser.add_argument("--registry", type=Path, default=REGISTRY, help="the compiled registry")
    options = parser.parse_args(argv)
    texts, parsed, problems = compile_lore(options.lore)
    try:
        known = parse_service_names(options.registry.read_text("utf-8"))
        problems += check_services(parsed.get("programs", ()), known)
    except (OSError, ValueError) as error:
        problems.append(Problem("programs.toml", "services", f"can't be checked: {error}"))
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
