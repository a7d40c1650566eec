"""What an entry of the lore must be, and what is wrong with one that isn't.

Each ``check_*`` of a field yields what is wrong with its value, in words; those of whole entries
yield a :class:`Problem`, which also names the file and the entry. ``tasks/build_lore.py`` runs
them all.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from portbook.model import FIRST_PORT, LAST_PORT, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LINE_LENGTH = 140
NAME_LENGTH = 60

REPORT_KINDS = ("advisory", "analysis", "attack", "cve", "paper")
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
    elif not value.isprintable():
        yield f"{value!a} has characters that don't print"
    elif len(value) > limit:
        yield f"has {len(value)} characters, {limit} are allowed"


def check_url(value: object) -> Iterator[str]:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or "." not in parts.netloc:
        yield f"{value!r} is not an http(s) URL"
    elif not re.fullmatch(r"[!#-;=?-~]+", str(value)):
        yield f"{value!r} has characters that a URL must not have"


def check_read(value: object) -> Iterator[str]:
    try:
        if not isinstance(value, str) or date.fromisoformat(value).isoformat() != value:
            raise ValueError
    except ValueError:
        yield f"{value!r} is not a day, as 2026-11-21"
        return
    yield from _check_past(value)


def _check_past(value: str) -> Iterator[str]:
    # Nobody can have read or reported anything then. A day further east has begun.
    if value > (datetime.now(UTC).date() + timedelta(days=1)).isoformat():
        yield f"{value!r} is yet to come"


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


def check_single_ports(value: object) -> Iterator[str]:
    yield from check_ports(value)
    for item in value if isinstance(value, list) else ():
        if "-" in str(item):
            yield f"{item!r} is a range: a program's default ports are listed one by one"


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


def check_period(value: object) -> Iterator[str]:
    moment = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
    match = re.fullmatch(f"({moment})(/{moment})?", value) if isinstance(value, str) else None
    if match is None:
        yield f"{value!r} is not a period, as 2001, 2003-01 or 2003-08/2004"
        return
    since, _, until = match[0].partition("/")
    if until and since >= until:
        yield f"{value!r} runs backwards"
    yield from _check_past(until or since)


def check_report(value: object) -> Iterator[str]:
    """A report says that it is one: the line accuses nobody who has the port open today."""
    yield from check_line(value)
    if isinstance(value, str) and "reported" not in value.lower():
        yield "doesn't say that this was reported"


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
    named_by: tuple[str, ...] = ()  # one of these has to say something


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
            "ports": check_single_ports,
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
        named_by=("executables", "macos", "windows"),
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
    "abuse": Kind(
        table="report",
        needed={
            "subject": check_title,
            "kind": one_of(REPORT_KINDS),
            "ports": check_ports,
            "period": check_period,
            "summary": check_report,
            **SOURCED,
        },
        optional={},
        label=lambda entry: f"{entry.get('subject')} {entry.get('ports')}",
        order=lambda entry: (*PortSpan.parse(entry["ports"][0]), entry["subject"]),
        not_empty=("ports",),
    ),
    "systems": Kind(
        table="system",
        needed={
            "system": check_title,
            "dynamic": check_system_range,
            "privileged": check_line,
            **SOURCED,
        },
        optional={"since": check_title, "further": check_urls},
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
    if rule.named_by and not any(entry.get(field) for field in rule.named_by):
        first, *others = rule.named_by
        yield f"{first} is empty, and {' and '.join(others)} have no name either"


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
    if kind in ("uses", "abuse"):
        yield from check_claims(kind, entries)


def check_claims(kind: str, entries: Sequence[Entry]) -> Iterator[Problem]:
    """The entries that say again what another one says of the same product and port."""
    rule = KINDS[kind]
    orders: dict[tuple[str, int, str], object] = {}
    for entry in entries:
        order = rule.order(entry)
        for first, last, transport in map(PortSpan.parse, entry["ports"]):
            names = [(order[-1], port, transport) for port in range(first, last + 1)]
            if any(orders.setdefault(name, order) != order for name in names):
                what = f"another entry of the same name has a port of {first}-{last}/{transport}"
                yield Problem(f"{kind}.toml", rule.label(entry), what)


def check_services(entries: Sequence[Entry], known: set[str]) -> Iterator[Problem]:
    """The services of programs that the registry does not have."""
    for entry in entries:
        for service in entry.get("services", ()):
            if service not in known:
                what = f"services {service!r} is not a name in IANA's registry"
                yield Problem("programs.toml", str(entry.get("name")), what)


def check_names(listed: Entry) -> Iterator[Problem]:
    """What is wrong with the table of names.toml."""
    file = "names.toml"
    for field, check in SOURCED.items():
        for what in check(listed.get(field)):
            yield Problem(file, field, what)
    for field in sorted(listed.keys() - {"ports", *SOURCED}):
        yield Problem(file, field, "is not a field of this file")
    table = listed.get("ports")
    if not isinstance(table, dict):
        yield Problem(file, "ports", "is not a table of names")
        return
    for name, ports in table.items():
        if name != name.lower() or not name.strip() or not name.isprintable():
            yield Problem(file, name, "is not a name in lower case")
        for what in _check_named_ports(ports):
            yield Problem(file, name, what)


def _check_named_ports(ports: object) -> Iterator[str]:
    if not isinstance(ports, list) or not ports:
        yield 'is not a list of ports such as "143/tcp"'
        return
    transports = []
    for port in ports:
        try:
            span = PortSpan.parse(port)
        except (ValueError, TypeError):
            yield f'{port!r} is not a port such as "143/tcp"'
            continue
        if span.first != span.last or span.transport in transports:
            yield f"{port} is a second port of its transport"
        transports.append(span.transport)


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
