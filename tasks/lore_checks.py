"""What an entry of the lore must be, and what is wrong with one that isn't.

The checks of whole entries yield a :class:`Problem`, which names the file and the entry; those of a
field are in ``tasks/lore_fields.py``. ``tasks/build_lore.py`` runs them all.
"""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from portbook.model import (
    FIRST_PORT,
    LAST_PORT,
    Authentication,
    Encryption,
    ReportKind,
    Threat,
    UseKind,
)
from tasks.lore_fields import (
    PortSpan,
    check_executables,
    check_exposure,
    check_line,
    check_name,
    check_period,
    check_phrase,
    check_ports,
    check_product,
    check_program,
    check_read,
    check_single_ports,
    check_stated,
    check_statement_sources,
    check_system_range,
    check_title,
    check_url,
    check_urls,
    check_words,
    one_of,
)
from tasks.use_weights import check_further, check_independent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

Entry = dict[str, Any]


class Problem(NamedTuple):
    """What is wrong with one entry of one file."""

    file: str
    entry: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.entry}: {self.what}"


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
NAMED: dict[str, Callable[[object], Iterator[str]]] = {
    "also_called": lambda value: check_words(value, r"[^,]+"),
    "sources": check_statement_sources,
}

KINDS = {
    "programs": Kind(
        table="program",
        needed={
            "name": check_name,
            "product": check_product,
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
            **NAMED,
        },
        label=lambda entry: str(entry.get("name")),
        order=lambda entry: (entry["name"],),
        named_by=("executables", "macos", "windows"),
    ),
    "uses": Kind(
        table="use",
        needed={
            "product": check_product,
            "kind": one_of(tuple(UseKind)),
            "family": one_of(FAMILIES),
            "ports": check_ports,
            "summary": check_line,
            **SOURCED,
        },
        optional={
            "services": check_words,
            "program": check_program,
            "further": check_further,
            **NAMED,
        },
        label=lambda entry: f"{entry.get('product')} {entry.get('ports')}",
        order=first_span,
        not_empty=("ports",),
    ),
    "abuse": Kind(
        table="report",
        needed={
            "subject": check_product,
            "kind": one_of(tuple(ReportKind)),
            "threat": one_of(tuple(Threat)),
            "ports": check_ports,
            "period": check_period,
            "summary": check_line,
            **SOURCED,
        },
        optional={**NAMED},
        label=lambda entry: f"{entry.get('subject')} {entry.get('ports')}",
        order=lambda entry: (*PortSpan.parse(entry["ports"][0]), entry["subject"]),
        not_empty=("ports",),
    ),
    "services": Kind(
        table="service",
        needed={
            "name": check_title,
            "ports": check_ports,
            "gist": check_title,
            "description": check_line,
            **SOURCED,
        },
        optional={
            **NAMED,
            "registered": check_words,
            "people": check_phrase,
            "encryption": one_of(tuple(Encryption)),
            "authentication": one_of(tuple(Authentication)),
            "twin": lambda value: check_single_ports([value]),
            "successor": check_title,
            "elsewhere": check_ports,
            "exposure": check_exposure,
            "amplification": check_line,
            "references": lambda value: check_words(value, r"[^,]+"),
        },
        label=lambda entry: f"{entry.get('name')} {entry.get('ports')}",
        order=lambda entry: (*PortSpan.parse(entry["ports"][0]), entry["name"]),
        not_empty=("ports",),
    ),
    "tools": Kind(
        table="tool",
        needed={
            "name": check_title,
            "product": check_product,
            "services": check_words,
            **SOURCED,
        },
        optional={},
        label=lambda entry: str(entry.get("name")),
        order=lambda entry: (entry["name"].encode(),),
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
    "system_listeners": Kind(
        table="listener",
        needed={
            "system": one_of(("macos", "windows")),
            "name": check_title,
            "programs": lambda value: check_words(value, r"[a-z0-9][a-z0-9.+-]*(?<!\.exe)"),
            "summary": check_phrase,
            "mend": check_phrase,
            **SOURCED,
        },
        optional={"ports": check_single_ports},
        label=lambda entry: f"{entry.get('name')} ({entry.get('system')})",
        order=lambda entry: (entry["system"], entry["name"], entry["programs"]),
        not_empty=("programs",),
    ),
}


# What no single field tells.
_OF_WHOLE: dict[str, tuple[Callable[[Entry], Iterator[str]], ...]] = {
    "uses": (check_independent, check_stated),
    "services": (check_stated,),
    "programs": (check_stated,),
    "abuse": (check_stated,),
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
    yield from check_wholes(kind, entries)


def check_wholes(kind: str, entries: Sequence[Entry]) -> Iterator[Problem]:
    """What no single field of an entry tells: its sources, and whose other names it has."""
    rule, named = KINDS[kind], {"uses": "product", "abuse": "subject"}.get(kind)
    told: set[str] = set()
    for entry in entries:
        for check in _OF_WHOLE.get(kind, ()):
            for what in check(entry):
                yield Problem(f"{kind}.toml", rule.label(entry), what)
        if named and "also_called" in entry:
            if entry[named] in told:
                what = f"another entry tells the other names of {entry[named]}"
                yield Problem(f"{kind}.toml", rule.label(entry), what)
            told.add(entry[named])


def names_of(kind: str, name: str) -> set[frozenset[str]]:
    """The words by which *name* and another one are the same.

    A product is the same one with a part of it in parentheses, and with its maker before it or
    behind: "NetScaler (cluster)", "Canon PRISMA" and "PRISMA (Canon)".
    """
    if kind != "uses":
        return {frozenset([name])}
    bare = re.sub(r"\(.*?\)", "", name)
    return {frozenset(re.findall(r"\w+", each.lower())) for each in (name, bare)}


def check_claims(kind: str, entries: Sequence[Entry]) -> Iterator[Problem]:
    """The entries that say again what another one says of the same product and port."""
    rule = KINDS[kind]
    orders: dict[tuple[frozenset[str], int, str], object] = {}
    for entry in entries:
        order = rule.order(entry)
        for first, last, transport in map(PortSpan.parse, entry["ports"]):
            names = [
                (name, port, transport)
                for name in names_of(kind, order[-1])
                for port in range(first, last + 1)
            ]
            if any(orders.setdefault(name, order) != order for name in names):
                what = f"another entry of the same name has a port of {first}-{last}/{transport}"
                yield Problem(f"{kind}.toml", rule.label(entry), what)


def check_twins(entries: Sequence[Entry]) -> Iterator[Problem]:
    """The services whose twin isn't a service that has one too, or of which none is encrypted."""
    spans = [(span, entry) for entry in entries for span in map(PortSpan.parse, entry["ports"])]
    for entry in entries:
        if "twin" not in entry:
            continue
        first, _, transport = PortSpan.parse(entry["twin"])
        twins = [
            other
            for span, other in spans
            if span.first <= first <= span.last and span.transport == transport
        ]
        if not any("twin" in other for other in twins):
            what = f"twin {entry['twin']} is no service with a twin of its own"
        elif "always" not in {other.get("encryption") for other in (entry, *twins)}:
            what = f"twin {entry['twin']}: neither of the two is always encrypted"
        else:
            continue
        yield Problem("services.toml", KINDS["services"].label(entry), what)


def check_services(kind: str, entries: Sequence[Entry], known: set[str]) -> Iterator[Problem]:
    """The services of programs, uses or services that the registry does not have."""
    field = "registered" if kind == "services" else "services"
    for entry in entries:
        for service in entry.get(field, ()):
            if service not in known:
                what = f"{field} {service!r} is not a name in IANA's registry"
                yield Problem(f"{kind}.toml", KINDS[kind].label(entry), what)


def joined_programs(use: Entry) -> list[str]:
    """The names of the server programs that *use* is a use of."""
    names = use.get("program", [])
    return [names] if isinstance(names, str) else list(names)


def check_joins(uses: Sequence[Entry], programs: Sequence[Entry]) -> Iterator[Problem]:
    """The uses joined to a program that is unknown or has none of their ports as a default."""
    ports = {entry["name"]: set(entry["ports"]) for entry in programs}
    for use in uses:
        for name in joined_programs(use):
            if name not in ports:
                what = f"program {name!r} is not in programs.toml"
            elif ports[name].isdisjoint(use["ports"]):
                what = f"program {name!r} has none of these ports"
            else:
                continue
            yield Problem("uses.toml", KINDS["uses"].label(use), what)


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
