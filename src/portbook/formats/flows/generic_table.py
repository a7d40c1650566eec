"""Tables that no tool is known by: Parquet, CSV with a header, JSON lines, a table on the engine.

Their columns are found by the names that flow tools commonly use, or are named with ``--columns``.
"""

from __future__ import annotations

import csv
import re
from itertools import islice

from portbook.errors import InvalidArgument, shown
from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, parse_json, unique_names
from portbook.formats.flows.log_lines import let_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

# The names by which each canonical column goes: portbook's own first, then those of IPFIX
# (https://www.iana.org/assignments/ipfix), ECS, OCSF and the tools that write tables.
NAMES = {
    "protocol": (
        "protocol", "transport", "proto", "ip_proto", "ip_protocol", "pr", "protocolidentifier",
        "network.transport", "l4_protocol", "pro",
    ),
    "port": ("port", "service_port", "server_port", "resp_port", "id.resp_p"),
    "host": ("host", "server", "server_ip", "service_host", "resp_host", "id.resp_h"),
    "peer": ("peer", "client", "client_ip"),
    "src": (
        "src", "src_ip", "srcip", "srcaddr", "src_addr", "sa", "saddr", "source_ip", "source.ip",
        "source_address", "sourceipv4address", "ipv4_src_addr", "ip_src",
        "src ip", "source ip", "sip",
    ),
    "dst": (
        "dst", "dst_ip", "dstip", "dstaddr", "dst_addr", "da", "daddr", "dest_ip", "destination_ip",
        "destination.ip", "destination_address", "destinationipv4address", "ipv4_dst_addr",
        "ip_dst", "dst ip", "destination ip", "dip",
    ),
    "src_port": (
        "src_port", "srcport", "sport", "sp", "source_port", "source.port", "l4_src_port",
        "sourcetransportport", "port_src", "src port", "source port",
    ),
    "dst_port": (
        "dst_port", "dstport", "dport", "dp", "dest_port", "destination_port", "destination.port",
        "l4_dst_port", "destinationtransportport", "port_dst", "dst port", "destination port",
    ),
    "first": (
        "first", "start", "start_time", "first_seen", "first_switched", "ts", "time", "timestamp",
        "event.start", "@timestamp", "flowstartmilliseconds", "flow_start", "starttime", "stime",
    ),
    "last": (
        "last", "end", "end_time", "last_seen", "last_switched", "te", "event.end",
        "flowendmilliseconds", "flow_end", "lasttime", "etime",
    ),
    "bytes": ("bytes", "octets", "in_bytes", "byt", "ibyt", "network.bytes", "octetdeltacount",
              "totbytes"),
    "packets": ("packets", "pkts", "in_pkts", "pkt", "ipkt", "network.packets", "packetdeltacount",
                "totpkts"),
    "flows": ("flows",),
    "answered": ("answered", "action"),
    "spoken": ("spoken", "app_proto", "network.protocol"),
}  # fmt: skip


# Argus' ra(1) and SiLK's rwcut(1) write a day as 2026/01/10.
_OF_SLASHES = ("starttime", "lasttime", "stime", "etime")
_PADDED = re.compile(r"^[ ]{2}|[|] {2}")  # columns of one width, as rwcut(1) lays them out
_LONGEST_HEADER = 1 << 16  # characters: no more is read of a file to recognise it
_LONGEST_NAME = 255  # characters of a column's name, with the names of what it is in


def recognise(head: Head) -> Layout | None:
    """Any table with a header, if its columns have names that are known."""
    return build(head, {})


def build(head: Head, mapping: Mapping[str, str]) -> Layout | None:
    """The layout of a table whose columns are called as *mapping* says, or by :data:`NAMES`.

    None where it has no service port, by either. Raises InvalidArgument where *mapping* names a
    column that isn't there.
    """
    if head.columns:
        names = tuple(name for name, _ in head.columns)
        found = match(names, mapping)
        if found is None:
            return None
        return Layout("Parquet", "parquet", _canonical(found), head.columns, clock="?")
    if not head.lines:
        return None
    if head.lines[0].lstrip().startswith(("{", "[")):
        return _json(head, mapping)
    return _csv(head, mapping)


def _csv(head: Head, mapping: Mapping[str, str]) -> Layout | None:
    for delimiter in (",", "\t", ";", "|", " "):
        names = _header(head, delimiter)
        found = match(names, mapping) if len(names) > 1 else None
        if found is None:
            continue
        kinds = _kinds(found, names, islice(head.lines, 1, None), delimiter)
        return Layout(
            "CSV",
            "csv",
            _canonical(found, bare=not _PADDED.search(head.lines[0][:_LONGEST_HEADER])),
            tuple(zip(names, kinds, strict=True)),
            clock="?",
            delimiter=delimiter,
            skip=1,
            quote='"',
        )
    if mapping:
        names = _header(head, ",")
        _check(mapping, names)
    return None


def _header(head: Head, delimiter: str) -> tuple[str, ...]:
    """The names of the columns, none twice; none at all where the line is too long to be whole."""
    lines = [line for line in head.lines[:1] if len(line) <= _LONGEST_HEADER]
    return unique_names(_cells(lines, delimiter))


def _cells(lines: Iterable[str], delimiter: str) -> list[str]:
    try:
        return [cell.strip() for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    except csv.Error:  # a lone carriage return, a cell without end: no table
        return []


_WHOLE = ("port", "src_port", "dst_port", "bytes", "packets", "flows")


def _kinds(
    found: Mapping[str, str], names: Iterable[str], lines: Iterable[str], delimiter: str
) -> tuple[str, ...]:
    """The type of each column: whole numbers where they have to be, the times as they look."""
    rows = [dict(zip(names, _cells([line], delimiter), strict=False)) for line in lines]
    kinds = {found[name]: "int64" for name in _WHOLE if name in found}
    for name in ("first", "last"):
        values = [row.get(found[name], "") for row in rows] if name in found else []
        there = [value for value in values if value]
        # One that is written in another way is a row that can't be read, and makes no others so.
        if values and sum(map(_is_number, there)) * 2 > len(there) - 1:
            kinds[found[name]] = "float64"
    return tuple(kinds.get(name, "string") for name in names)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json(head: Head, mapping: Mapping[str, str]) -> Layout | None:
    kinds: dict[str, set[type]] = {}
    for line in head.lines:
        row = parse_json(line)
        for name, value in _flat(row) if isinstance(row, dict) else ():
            if value is not None:
                kinds.setdefault(name, set()).add(type(value))
    found = match(tuple(kinds), mapping)
    if found is None:
        return None
    wanted = {name: _json_kind(ours, kinds[name]) for ours, name in found.items()}
    return Layout("JSON lines", "json", _canonical(found), _nested(wanted), clock="?")


_DEEPEST = 16  # of objects within each other that a column is looked for in


def _flat(
    row: Mapping[str, object], before: str = "", depth: int = 1
) -> Iterable[tuple[str, object]]:
    if len(before) > _LONGEST_NAME:
        return  # no column: the names of what is inside would all be as long
    for key, value in row.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _flat(value, f"{before}{key}.", depth + 1)
        else:
            yield before + key, value


def _json_kind(ours: str, kinds: set[type]) -> str:
    if ours in _WHOLE:
        return "int64"
    if ours == "answered" and str not in kinds:
        return "boolean"
    if kinds <= {int, float} and ours in ("first", "last"):
        return "float64"
    return "string"


def _nested(wanted: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Dotted names as structs: what is read of JSON is its columns at the top."""
    tree: dict[str, object] = {}
    for name, kind in wanted.items():
        *parents, leaf = name.split(".")
        at = tree
        for parent in parents:
            inner = at.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise InvalidArgument(
                    "columns", f"{shown(parent)} is taken for a value and for an object"
                )
            at = inner
        if leaf in at:
            raise InvalidArgument(
                "columns", f"{shown(name)} is taken for a value and for an object"
            )
        at[leaf] = kind
    return tuple((name, _kind_of(each)) for name, each in tree.items())


def _kind_of(node: object) -> str:
    if isinstance(node, dict):
        inside = ", ".join(f"{name}: {_kind_of(each)}" for name, each in node.items())
        return f"struct<{inside}>"
    return str(node)


def match(names: tuple[str, ...], mapping: Mapping[str, str]) -> dict[str, str] | None:
    """Which of *names* is which canonical column; None if none of them is a service's port."""
    _check(mapping, names)
    lower = {name.lower(): name for name in reversed(names)}
    found = dict(mapping)
    for ours, theirs in NAMES.items():
        if ours in found:
            continue
        for name in theirs:
            if name in lower and lower[name] not in found.values():
                found[ours] = lower[name]
                break
    sides = {"src_port", "dst_port"} & set(found)
    if "protocol" not in found or not ("port" in found or sides):
        return None
    if "port" not in found and len(sides) == 1:
        # Whoever writes one port alone means the service's.
        side = sides.pop()
        found["port"] = found.pop(side)
        if side[:3] in found:
            found["host"] = found.pop(side[:3])
    return found


def _check(mapping: Mapping[str, str], names: Iterable[str]) -> None:
    there = set(names)
    for ours, theirs in mapping.items():
        if theirs not in there:
            known = ", ".join(shown(name, 30) for name in sorted(there)[:12])
            raise InvalidArgument(
                "columns", f"{ours}={theirs}: there is no such column, but {known}"
            )


def _canonical(found: Mapping[str, str], *, bare: bool = True) -> Callable[[ir.Table], Columns]:
    """The columns that *found* names; their cells aren't *bare* where blanks lay them out."""

    def canonical(table: ir.Table) -> Columns:
        made = {ours: _pick(table, theirs) for ours, theirs in found.items()}
        for ours in () if bare else made:
            if made[ours].type().is_string():
                made[ours] = made[ours].strip()
        for ours in {"first", "last"} & made.keys():
            if found[ours].lower() in _OF_SLASHES and made[ours].type().is_string():
                made[ours] = made[ours].replace("/", "-")
        if "answered" in made:
            made["answered"] = _answered(made["answered"])
        if "spoken" in made and not made["spoken"].type().is_string():
            made["spoken"] = made["spoken"].cast("string")
        if "port" in made:
            for name in ("src", "dst", "src_port", "dst_port"):
                made.pop(name, None)
        return made

    return canonical


def _answered(told: ir.Value) -> ir.BooleanValue:
    """Whether a flow was answered: yes or no, or what a firewall calls it."""
    import ibis

    known = told.try_cast("boolean")
    return ibis.coalesce(known, let_through(told)) if told.type().is_string() else known


def _pick(table: ir.Table, name: str) -> ir.Value:
    """The column *name*, or the field of a struct that a dotted name leads to."""
    if name in table.columns:
        return table[name]
    first, *rest = name.split(".")
    value: ir.Value = table[first]
    for each in rest:
        value = value[each]
    return value


def parse_mapping(text: str | None) -> dict[str, str]:
    """What ``--columns`` says: ``port=dport,first=began``.

    >>> parse_mapping("port=dport, transport=proto")
    {'port': 'dport', 'protocol': 'proto'}

    Raises InvalidArgument.
    """
    found: dict[str, str] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        ours = "protocol" if ours == "transport" else ours
        if not equals or not theirs or ours not in NAMES:
            raise InvalidArgument(
                "columns",
                f"{shown(part)} is not NAME=COLUMN, where NAME is one of {', '.join(NAMES)}",
            )
        found[ours] = theirs
    return found


FORMATS = (FlowFormat("table", "any table with a header: Parquet, CSV or JSON lines", recognise),)
