"""CICFlowMeter's CSV, of its Java and its Python version, and of data sets made with it.

The columns are those of https://github.com/ahlashkari/CICFlowMeter; data sets call them by longer
names. The forward direction is that of the first packet, so a flow's destination is the service.
Times are of the zone that it ran in, the day before the month; they are taken for UTC.
"""

from __future__ import annotations

from portbook.formats.base import FlowFormat
from portbook.formats.flows.layout import Head, Layout, either, unique_names, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ibis.expr.types as ir

    from portbook.formats.flows.layout import Columns

# What each column is called, without blanks, underscores and capitals.
_NAMES = {
    "protocol": ("protocol",),
    "port": ("dstport", "destinationport"),
    "host": ("dstip", "destinationip"),
    "peer": ("srcip", "sourceip"),
    "first": ("timestamp",),
    "fwd_packets": ("totfwdpkts", "totalfwdpackets", "totalfwdpacket"),
    "bwd_packets": ("totbwdpkts", "totalbackwardpackets", "totalbwdpackets"),
    "fwd_bytes": ("totlenfwdpkts", "totallengthoffwdpackets", "totallengthoffwdpacket"),
    "bwd_bytes": ("totlenbwdpkts", "totallengthofbwdpackets", "totallengthofbwdpacket"),
}
_NEEDED = ("protocol", "port", "fwd_packets", "bwd_packets")


def _match(names: tuple[str, ...]) -> dict[str, str]:
    """Which of *names* is which column."""
    plain = {name.lower().replace(" ", "").replace("_", ""): name for name in reversed(names)}
    found = {
        ours: next((plain[word] for word in words if word in plain), "")
        for ours, words in _NAMES.items()
    }
    return {ours: name for ours, name in found.items() if name}


def recognise(head: Head) -> Layout | None:
    """By the names of the columns that count packets forward and backward."""
    if head.columns:
        names = tuple(name for name, _ in head.columns)
        found = _match(names)
        if not all(name in found for name in _NEEDED):
            return None
        reader, columns = "parquet", head.columns
    elif head.lines:
        names = unique_names(name.strip() for name in head.lines[0].split(","))
        found = _match(names)
        if not all(name in found for name in _NEEDED):
            return None
        reader, columns = "csv", tuple((name, "string") for name in names)
    else:
        return None
    return Layout(
        "CICFlowMeter", reader, lambda table: _canonical(table, found), columns, skip=1, quote='"'
    )


def _canonical(table: ir.Table, found: dict[str, str]) -> Columns:
    """The columns of a flow, by what they are called."""
    import ibis

    def number(name: str) -> ir.Value:
        column = table[found[name]]
        if column.type().is_string():
            column = column.try_cast("float64")
        return column.cast("int64") if column.type().is_floating() else whole(column)

    made: dict[str, ir.Value] = {
        "protocol": table[found["protocol"]].cast("string").strip(),
        "port": number("port"),
        "packets": either(number("fwd_packets"), number("bwd_packets")),
        "answered": ~(
            (table[found["protocol"]].cast("string").strip() == "6") & (number("bwd_packets") == 0)
        ).fill_null(False),
    }
    if "fwd_bytes" in found and "bwd_bytes" in found:
        made["bytes"] = either(number("fwd_bytes"), number("bwd_bytes"))
    for name in ("host", "peer"):
        if name in found:
            made[name] = table[found[name]]
    if "first" in found:
        time = table[found["first"]]
        made["first"] = _moment(time) if time.type().is_string() else time
    made["protocol"] = ibis.coalesce(made["protocol"].re_extract("^([0-9]{1,3})", 1).nullif(""),
                                     made["protocol"])  # fmt: skip
    return made


_DAY = r"^ *([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"


def _moment(time: ir.StringValue) -> ir.StringValue:
    """A time in ISO 8601, of one as 14/02/2018 08:31:01 PM; one that is none is left unknown."""
    import ibis

    parts = [time.re_extract(_DAY, group).nullif("") for group in range(1, 7)]
    day, month, year, hour, minute, second = parts
    late = time.upper().re_search("PM *$") & (hour.try_cast("int64") < 12)
    clock = ibis.ifelse(late, hour.try_cast("int64") + 12, hour.try_cast("int64")).cast("string")
    made = (
        year + "-" + month.lpad(2, "0") + "-" + day.lpad(2, "0") + " " + clock.lpad(2, "0") + ":"
        + minute + ":" + second.fill_null("00")
    )  # fmt: skip
    either_way = ibis.coalesce(made, time.strip())
    known = either_way.try_cast("timestamp").notnull()
    return ibis.ifelse(known, either_way, ibis.null("string"))


FORMATS = (FlowFormat("cicflowmeter", "CICFlowMeter's CSV", recognise),)
