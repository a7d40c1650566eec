"""The same few flows in every format, written as the formats' documentation has them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, NamedTuple

from portbook.model.text import moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEGAN = 1_790_000_000


class Flow(NamedTuple):
    """One connection of a client with a service."""

    transport: str
    client: str
    client_port: int
    server: str
    port: int
    bytes: int
    packets: int
    first: int
    last: int


def flows() -> list[Flow]:
    """A web server, a resolver, a database, and two that nobody registered."""
    made = []
    for at in range(60):
        client, began = f"192.0.2.{at % 40 + 1}", BEGAN + at
        for transport, server, port, every in (
            ("tcp", "198.51.100.5", 443, 1),
            ("udp", "198.51.100.9", 53, 1),
            ("tcp", "198.51.100.7", 5432, 2),
            ("tcp", "198.51.100.66", 305, 3),
            ("tcp", "198.51.100.67", 2825, 10),
        ):
            if at % every == 0:
                made.append(
                    Flow(
                        transport, client, 40000 + at, server, port, 1000 + at, 10, began, began + 5
                    )
                )
    return made


NUMBER = {"tcp": 6, "udp": 17}
# What an audit of them has to find: flows by (transport, port), whatever the format.
EXPECTED = {
    ("tcp", 443): 60,
    ("udp", 53): 60,
    ("tcp", 5432): 30,
    ("tcp", 305): 20,
    ("tcp", 2825): 6,
}


def zeek(path: Path) -> None:
    """conn.log as TSV."""
    fields = (
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes"
        " resp_bytes conn_state missed_bytes orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes"
    )
    types = (
        "time string addr port addr port enum string interval count count string count co"
        "unt count count count"
    )
    lines = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        "#path\tconn",
        "#open\t2026-09-21-14-13-20",
        "#fields\t" + fields.replace(" ", "\t"),
        "#types\t" + types.replace(" ", "\t"),
    ]
    for at, flow in enumerate(flows()):
        cells = (
            f"{flow.first}.000000", f"C{at}", flow.client, flow.client_port, flow.server, flow.port,
            flow.transport, "-", "5.000000", flow.bytes - 400, 0, "SF", 0, 6, flow.bytes, 4, 0,
        )  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    lines.append("#close\t2026-09-21-15-00-00")
    path.write_text("\n".join(lines) + "\n")


def zeek_json(path: Path) -> None:
    """conn.log with LogAscii::use_json."""
    path.write_text("".join(json.dumps(_zeek_row(flow)) + "\n" for flow in flows()))


def _zeek_row(flow: Flow) -> dict[str, object]:
    return {
        "ts": float(flow.first), "uid": "C", "id.orig_h": flow.client,
        "id.orig_p": flow.client_port, "id.resp_h": flow.server, "id.resp_p": flow.port,
        "proto": flow.transport, "duration": 5.0, "orig_bytes": flow.bytes, "resp_bytes": 0,
        "conn_state": "SF", "orig_pkts": 6, "resp_pkts": 4,
    }  # fmt: skip


def vpc(path: Path) -> None:
    """Version 2, with its header line."""
    names = (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets"
        " bytes start end action log-status"
    )
    lines = [names, *map(_vpc_line, flows()), _NODATA]
    path.write_text("\n".join(lines) + "\n")


_NODATA = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1790000000 1790000060 - NODATA"


def _vpc_line(flow: Flow) -> str:
    return (
        f"2 123456789010 eni-1235b8ca123456789 {flow.client} {flow.server} {flow.client_port} "
        f"{flow.port} {NUMBER[flow.transport]} {flow.packets} {flow.bytes} {flow.first} "
        f"{flow.last} ACCEPT OK"
    )


def vpc_gz(path: Path) -> None:
    """Version 2 as it is delivered without a header, compressed."""
    with gzip.open(path, "wt") as file:
        file.write("\n".join(map(_vpc_line, flows())) + "\n")


def vpc_parquet(path: Path) -> None:
    """Version 5 as Parquet, in AWS's types, from the service's side: tcp_flags tells."""
    import duckdb

    rows = [
        (
            5, "123456789010", "eni-1", flow.server, flow.client, flow.port, flow.client_port,
            NUMBER[flow.transport], flow.packets, flow.bytes, flow.first, flow.last, "ACCEPT", "OK",
            19 if flow.transport == "tcp" else 0, "egress",
        )
        for flow in flows()
    ]  # fmt: skip
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE f (version INT, account_id TEXT, interface_id TEXT, srcaddr TEXT, "
        "dstaddr TEXT, srcport INT, dstport INT, protocol INT, packets BIGINT, bytes BIGINT, "
        'start BIGINT, "end" BIGINT, action TEXT, log_status TEXT, tcp_flags INT, '
        "flow_direction TEXT)"
    )
    connection.executemany(f"INSERT INTO f VALUES ({', '.join('?' * 16)})", rows)
    connection.execute(f"COPY f TO '{path}' (FORMAT parquet)")


def suricata(path: Path) -> None:
    """eve.json, with records of other types among those of flows."""
    lines: list[dict[str, object]] = []
    for flow in flows():
        lines.append(
            {"timestamp": _stamp(flow.last), "event_type": "dns", "dns": {"type": "query"}}
        )
        lines.append(
            {
                "timestamp": _stamp(flow.last), "flow_id": 1, "event_type": "flow",
                "src_ip": flow.client, "src_port": flow.client_port, "dest_ip": flow.server,
                "dest_port": flow.port, "proto": flow.transport.upper(),
                "flow": {
                    "pkts_toserver": 6, "pkts_toclient": 4, "bytes_toserver": flow.bytes,
                    "bytes_toclient": 0, "start": _stamp(flow.first), "end": _stamp(flow.last),
                    "age": 5, "state": "closed", "reason": "timeout", "alerted": False,
                },
            }
        )  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _stamp(seconds: int) -> str:
    return moment(seconds).replace("Z", ".000000+0000")


def nfdump(path: Path) -> None:
    """nfdump -o csv as of 1.7.1, with the summary that it ends in."""
    lines = ["ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out"]
    for flow in flows():
        first, last = (moment(each)[:19].replace("T", " ") for each in (flow.first, flow.last))
        lines.append(
            f"{first},{last},5.000,{flow.client},{flow.server},{flow.client_port},{flow.port},"
            f"{flow.transport.upper()},...AP.SF,0,0,{flow.packets},{flow.bytes},0,0,0,0"
        )
    lines += ["Summary", "flows,bytes,packets,avg_bps,avg_pps,avg_bpp", "176,1,2,3,4,5"]
    path.write_text("\n".join(lines) + "\n")


def nfdump_later(path: Path) -> None:
    """nfdump -o csv in the columns of later releases."""
    lines = ["firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"]
    lines += [
        f"{moment(flow.first)[:19].replace('T', ' ')}.000,5.000,{flow.transport.upper()},"
        f"{flow.client},{flow.client_port},{flow.server},{flow.port},{flow.packets},"
        f"{flow.bytes},1"
        for flow in flows()
    ]
    path.write_text("\n".join(lines) + "\n")


def table_csv(path: Path) -> None:
    """A table with a header, semicolons between and names that flow tools use."""
    lines = ["start;src_ip;src_port;dst_ip;dst_port;proto;bytes;packets"]
    lines += [
        f"{flow.first * 1000};{flow.client};{flow.client_port};{flow.server};{flow.port};"
        f"{flow.transport};{flow.bytes};{flow.packets}"
        for flow in flows()
    ]
    path.write_text("\n".join(lines) + "\n")


def table_json(path: Path) -> None:
    """JSON lines in the fields of ECS."""
    path.write_text(
        "".join(
            json.dumps(
                {
                    "@timestamp": moment(flow.first),
                    "source": {"ip": flow.client, "port": flow.client_port},
                    "destination": {"ip": flow.server, "port": flow.port},
                    "network": {"transport": flow.transport, "bytes": flow.bytes, "packets": 10},
                }
            )
            + "\n"
            for flow in flows()
        )
    )


def table_parquet(path: Path) -> None:
    """Parquet with small unsigned types and real timestamps."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE f (transport TEXT, src TEXT, src_port USMALLINT, dst TEXT, "
        "dst_port USMALLINT, bytes UBIGINT, packets UINTEGER, first TIMESTAMP, last TIMESTAMP)"
    )
    connection.executemany(
        "INSERT INTO f VALUES (?, ?, ?, ?, ?, ?, ?, to_timestamp(?)::TIMESTAMP, "
        "to_timestamp(?)::TIMESTAMP)",
        [tuple(flow) for flow in flows()],
    )
    connection.execute(f"COPY f TO '{path}' (FORMAT parquet)")


def zst(path: Path) -> None:
    """A table, compressed with Zstandard."""
    import duckdb

    plain = path.with_suffix(".plain")
    table_csv(plain)
    duckdb.execute(
        f"COPY (SELECT * FROM read_csv('{plain}', delim=';', header=true, all_varchar=true)) "
        f"TO '{path}' (FORMAT csv, DELIMITER ';', HEADER, COMPRESSION zstd)"
    )
    plain.unlink()


FORMATS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "zeek": ("conn.log", zeek),
    "zeek-json": ("conn.json", zeek_json),
    "vpc": ("vpc.txt", vpc),
    "vpc-gz": ("vpc.log.gz", vpc_gz),
    "vpc-parquet": ("vpc.parquet", vpc_parquet),
    "suricata": ("eve.json", suricata),
    "nfdump": ("nfdump.csv", nfdump),
    "nfdump-later": ("later.csv", nfdump_later),
    "csv": ("flows.csv", table_csv),
    "json": ("flows.jsonl", table_json),
    "parquet": ("flows.parquet", table_parquet),
    "zst": ("flows.csv.zst", zst),
}


def write(name: str, folder: Path) -> Path:
    """The flows in the format *name*, as a file in *folder*."""
    file, writer = FORMATS[name]
    path = folder / file
    writer(path)
    return path
