"""Zeek's ``conn.log``, as TSV and as JSON lines.

The fields are those of https://docs.zeek.org/en/master/logs/conn.html. The responder is the
service: Zeek says so itself. Bytes are those of the IP packets where they were counted, else those
of the payload.
"""

from __future__ import annotations

import re

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, either, parse_json, unique_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

# Zeek's types (https://docs.zeek.org/en/master/script-reference/types.html) that matter here.
_TYPES = {"time": "float64", "interval": "float64", "port": "int32", "count": "int64"}

_CODED = re.compile(r"\\x([0-9a-fA-F]{2})")

_JSON = (
    ("ts", "float64"),
    ("duration", "float64"),
    ("proto", "string"),
    ("id.orig_h", "string"),
    ("id.resp_h", "string"),
    ("id.resp_p", "int64"),
    ("service", "string"),
    ("conn_state", "string"),
    ("orig_bytes", "int64"),
    ("resp_bytes", "int64"),
    ("orig_ip_bytes", "int64"),
    ("resp_ip_bytes", "int64"),
    ("orig_pkts", "int64"),
    ("resp_pkts", "int64"),
)

# Connection attempts that nothing accepted: no answer, a refusal, and SYNs that the client took
# back before one came.
_UNANSWERED = ("S0", "REJ", "SH", "RSTOS0")


def recognise(head: Head) -> Layout | None:
    """Zeek's TSV by its ``#fields``, its JSON and Parquet by the names of the columns."""
    if head.columns:
        names = [name for name, _ in head.columns]
        if {"id.resp_p", "proto"} <= set(names):
            return Layout("Zeek conn.log", "parquet", canonical, head.columns)
        return None
    if head.lines and head.lines[0].startswith("#separator"):
        return _tsv(head)
    return _json(head)


def _tsv(head: Head) -> Layout | None:
    fields: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    unset = "-"
    separator = _separator(head.lines[0])
    if separator is None:
        return None
    path = ""
    for line in head.lines:
        if not line.startswith("#"):
            break  # a log that was written on to may have other fields further down
        name, _, rest = line.partition(separator)
        if name == "#path":
            path = rest
        elif name == "#fields":
            fields = unique_names(rest.split(separator))
        elif name == "#types":
            types = tuple(rest.split(separator))
        elif name == "#unset_field":
            unset = rest
    if not {"id.resp_p", "proto"} <= set(fields):
        return None
    # Other logs have these too, dns.log for one: their connections are in conn.log already.
    if path not in ("", "conn") and "conn_state" not in fields:
        return None
    kinds = dict(zip(fields, types, strict=False))
    # A log from which the line of types was cut off still has fields that are known.
    usual = dict(_JSON)
    columns = tuple(
        (name, _TYPES.get(kinds[name], "string") if name in kinds else usual.get(name, "string"))
        for name in fields
    )
    lead = next((at for at, line in enumerate(head.lines) if line[0] != "#"), len(head.lines))
    return Layout(
        "Zeek conn.log",
        "csv",
        canonical,
        columns,
        delimiter=separator,
        lead=lead,
        comment="#",
        null=unset,
    )


# The columns of conn.log before anybody adds some; before Zeek 2.3 there was no local_resp.
_USUAL = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service",
    "duration", "orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp",
    "missed_bytes", "history", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
    "tunnel_parents",
)  # fmt: skip
_ROW = re.compile(
    r"[0-9]{9,11}[.][0-9]{1,9}\t\S{1,40}\t[0-9A-Fa-f.:]{2,45}\t[0-9]{1,5}\t[0-9A-Fa-f.:]{2,45}\t"
    r"[0-9]{1,5}\t(?:tcp|udp|icmp|unknown_transport)\t"
)


def recognise_bare(head: Head) -> Layout | None:
    """Zeek's TSV of which the header was cut off: its columns are taken to be the usual ones."""
    rows = [line for line in head.lines if not line.startswith("#")]
    if not rows or not _ROW.match(rows[0]):
        return None
    many = rows[0].count("\t") + 1
    names = _USUAL if many >= len(_USUAL) else tuple(n for n in _USUAL if n != "local_resp")
    if many < len(names):
        return None
    names += tuple(f"column_{at}" for at in range(len(names) + 1, many + 1))
    usual = dict(_JSON)
    columns = tuple((name, usual.get(name, "string")) for name in names)
    lead = next((at for at, line in enumerate(head.lines) if line[0] != "#"), len(head.lines))
    return Layout(
        "Zeek conn.log without its header", "csv", canonical, columns, delimiter="\t", lead=lead,
        comment="#", null="-",
    )  # fmt: skip


def _separator(line: str) -> str | None:
    r"""The separator that the line ``#separator`` names: one character, or its number in hex.

    >>> _separator(r"#separator \x09"), _separator("#separator ,"), _separator(r"#separator \x0")
    ('\t', ',', None)
    """
    named = line.partition(" ")[2].strip()
    if coded := _CODED.fullmatch(named):
        named = chr(int(coded[1], 16))
    return named if len(named) == 1 and (named == "\t" or named.isprintable()) else None


def _json(head: Head) -> Layout | None:
    for line in head.lines[:1]:
        row = parse_json(line)
        if isinstance(row, dict) and {"id.resp_p", "id.orig_h", "conn_state"} <= set(row):
            text = isinstance(row.get("ts"), str)  # JSON::TS_ISO8601
            columns = tuple(
                (name, "string" if text and name == "ts" else kind) for name, kind in _JSON
            )
            return Layout("Zeek conn.log (JSON)", "json", canonical, columns)
    return None


def canonical(table: ir.Table) -> Columns:
    """Zeek's columns as the canonical ones."""
    import ibis

    has = set(table.columns)
    found: dict[str, ir.Value] = {
        "protocol": table["proto"],
        "port": table["id.resp_p"],
    }
    for ours, theirs in (("host", "id.resp_h"), ("peer", "id.orig_h")):
        if theirs in has:
            found[ours] = table[theirs]
    if "service" in has and table["service"].type().is_string():
        found["spoken"] = table["service"]
    if "ts" in has:
        found["first"] = table["ts"]
        if "duration" in has and not table["ts"].type().is_string():
            began = table["ts"]
            began = began.cast("float64") if began.type().is_integer() else began
            found["last"] = began + table["duration"].fill_null(0)
    # Where the packets' bytes weren't counted, those of the payload are what there is.
    counted = [
        either(table[f"orig_{kind}"], table[f"resp_{kind}"])
        for kind in ("ip_bytes", "bytes")
        if {f"orig_{kind}", f"resp_{kind}"} <= has
    ]
    if counted:
        found["bytes"] = ibis.coalesce(*counted)
    if {"orig_pkts", "resp_pkts"} <= has:
        found["packets"] = either(table["orig_pkts"], table["resp_pkts"])
    if "conn_state" in has:
        # A datagram needs no answer (syslog, statsd): only for TCP does one say anything.
        found["answered"] = ~(
            (table["proto"] == "tcp") & table["conn_state"].isin(_UNANSWERED)
        ).fill_null(False)
    return found


def _explain_refusal(head: Head) -> str | None:
    first = head.lines[0] if head.lines else ""
    if first.startswith("#separator") and not any(
        line.startswith("#path") and not line.endswith("conn") for line in head.lines
    ):
        return "is a log of Zeek's whose #separator or #fields make no table of flows"
    if first.startswith("#separator") or '"id.resp_p"' in first:
        return "is a log of Zeek's, but not conn.log: its connections are there"
    return None


FORMATS = (FlowFormat("zeek", "Zeek's conn.log", recognise, _explain_refusal, recognise_bare),)
