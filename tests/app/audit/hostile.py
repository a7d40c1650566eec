"""Small files that are made to break an audit: each is a name and what is in it."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING

from tests.app.audit import samples
from tests.counts import PROOF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

HEAD = "proto,src,src_port,dst,dst_port,bytes,start\n"
ROW = "tcp,192.0.2.1,40000,198.51.100.5,443,7,1790000000\n"
# Escape sequences, a bell, C1 controls, a bidirectional override, a line separator, a null width.
RAW = "\x1b]0;x\x07\x1b[2J\x9b31m\u202e\u2028\u200b\x7f\r\t"
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|'/C calc'!A0", "\t=1", "\r=1", "＝1", "\x1b=1")

# What ends in a word of _READ is read all the same, by what else is in it.
TEXTS: Mapping[str, str | bytes] = {
    # Names of columns.
    "pandas-index.csv": ",proto,src,dst,dst_port\n0,tcp,192.0.2.1,192.0.2.2,22\n",
    "two-unnamed.csv": ",,proto,dst_port\n0,1,tcp,22\n",
    "case.csv": "proto,Proto,src,dst,dst_port\ntcp,udp,1,2,22\n",
    "twice.csv": "proto,proto,dst_port,dst_port\ntcp,udp,22,23\n",
    "twice-and-numbered.csv": "proto,proto_2,Proto,dst_port\ntcp,x,y,22\n",
    "filename.csv": "proto,src,dst,dst_port,bytes,filename\ntcp,1,2,22,-5,x\ntcp,1,2,22,5,x\n",
    "ours.csv": "proto,dst_port,bytes,portbook_file,portbook_row,portbook_state,key_port,"
    "match_port\ntcp,22,-5,1,2,3,4,5\ntcp,22,5,1,2,3,4,5\n",
    "quotes.csv": "proto,\"a \"\"b\"\"\",it's,dst_port,'\n" + "tcp,1,2,22,3\n",
    "raw-name.csv": f"proto,{RAW.replace(chr(13), '').replace(chr(9), '')},dst_port\ntcp,1,22\n",
    "wide.csv": ",".join(["proto", "dst_port", *(f"c{at}" for at in range(3000))]) + "\n"
    + ",".join(["tcp", "22", *("1" * 3000)]) + "\n",
    "same-names.csv": ",".join(["proto", "dst_port", *("a" * (3000 if PROOF else 600))]) + "\n",
    "sql.csv": "proto,dst_port,\"'; DROP TABLE x; --\"\ntcp,22,1\n",
    # JSON.
    "deep-array.json": "[" * 60_000,
    "deep-object.json": '{"a":' * 20_000,
    "deep-row.json": '{"proto":"tcp","dst_port":22}\n{"proto":' + "[" * 30_000 + "\n",
    "deep-second.json": '{"proto":"tcp","dst_port":22}\n{"proto":"tcp","dst_port":22,"x":'
    + "[" * 30_000 + "]" * 30_000 + "}\n",
    "deep-eve.json": '{"event_type":"flow","timestamp":' + "[" * 50_000,
    "deep-zeek.json": '{"id.resp_p":22,"id.orig_h":"192.0.2.1","conn_state":' + "[" * 50_000,
    "one-value.json": "1\n2\n3\n",
    "null.json": "null\n",
    "huge-number.json": '{"proto":"tcp","dst_port":1e999}\n{"proto":"tcp","dst_port":22}\n',
    "long-number.json": '{"proto":"tcp","dst_port":' + "9" * 10_000 + "}\n",
    "same-key.json": '{"proto":"tcp","Proto":"udp","dst_port":22,"DST_PORT":23}\n',
    "surrogate.json": '{"proto":"\\ud800","dst_port":22}\n{"proto":"tcp","dst_port":22}\n',
    "nul.json": '{"proto":"tcp","dst_port":22,"src":"a\\u0000b"}\n',
    # Zeek.
    "separator-half.log": "#separator \\x0\n#fields\tid.resp_p\tproto\n",
    "separator-none.log": "#separator\n#fields\tid.resp_p\tproto\n",
    "separator-nul.log": "#separator \\x00\n#fields\tid.resp_p\tproto\n",
    "separator-line.log": "#separator \\x0a\n#fields\tid.resp_p\tproto\n",
    "separator-quote.log": "#separator '\n#fields'id.resp_p'proto\n22'tcp\n",
    "separator-long.log": "#separator \\u2028\n#fields\tid.resp_p\tproto\n",
    "zeek-twice.log": "#separator \\x09\n#fields\tid.resp_p\tproto\tid.resp_h\tproto\n"
    "22\ttcp\t192.0.2.1\tudp\n",
    "zeek-case.log": "#separator \\x09\n#fields\tid.resp_p\tPROTO\tproto\n22\tudp\ttcp\n",
    "zeek-types.log": "#separator \\x09\n#fields\tid.resp_p\tproto\n#types\tset[string]\ttime\n"
    "x\ty\n",
    # osquery.
    "snapshot-number.json": '{"snapshot":[1]}\n',
    "snapshot-lists.json": '{"snapshot":[[[1]]]}\n',
    "snapshot-null.json": '{"snapshot":[null],"columns":null}\n',
    "snapshot-mixed.json": '{"snapshot":[{"port":"22","protocol":"6","address":"::"},1,null]}\n',
    "array-deep.json": "[" + '{"pid":' * 30_000,
    # nfdump.
    "nfdump-one-name.csv": "srcAddr,x\n192.0.2.1,5\n",
    "nfdump-twice.csv": "srcAddr,dstAddr,srcPort,dstPort,proto,srcPort\n1,2,40000,22,TCP,3\n",
    "nfdump-old-without-counts.csv": "ts,te,sa,da,sp,dp,pr\n"
    "2026-09-21 14:00:00,2026-09-21 14:00:01,192.0.2.1,192.0.2.2,40000,22,TCP\n",
    # VPC.
    "vpc-twice.txt": "srcaddr dstaddr srcport dstport protocol protocol\n1 1 40000 22 6 6\n",
    "vpc-empty-names.txt": "srcaddr dstaddr srcport dstport protocol  \n1 1 40000 22 6 1 1\n",
    # Scans.
    "doctype.xml": '<?xml version="1.0"?>\n<!DOCTYPE nmaprun [<!ENTITY a "b">]>\n<nmaprun/>\n',
    "cut.xml": '<?xml version="1.0"?>\n<nmaprun scanner="nmap"><host><address addr="192.0.2.1" ',
    "grepable-cut.txt": "# Nmap 7.93 scan initiated\nHost: 192.0.2.1 ()\tPorts: 22/open/tc",
    "array-ports.json": '[{"ip":"192.0.2.1","ports":[{"port":',
    # Bytes that are no text, or not the one they seem.
    "not-utf8.csv": HEAD.encode() + b"tcp,\xff\xfe,1,\xed\xa0\x80,443,1,1\n" + ROW.encode(),
    "utf16.csv": (HEAD + ROW).encode("utf-16"),
    "bom.csv": b"\xef\xbb\xbf" + (HEAD + ROW).encode(),
    "carriage.csv": (HEAD + ROW).replace("\n", "\r").encode(),
    "nul.csv": HEAD.encode() + b"tcp,\0,1,2,443,1,1\n",
    "cells.csv": HEAD + f'tcp,"{RAW}",40000,"=1+1{RAW}",443,7,1790000000\n',
    "open-quote.csv": HEAD + 'tcp,"192.0.2.1,40000,198.51.100.5,443,7,1790000000\n' * 3,
    "long-line.csv": HEAD + "tcp," + "a" * 3_000_000 + ",1,2,443,7,1790000000\n" + ROW,
    # Values.
    "numbers.csv": HEAD + "tcp,1,99999999999,2,443,7,1790000000\n" * 2
    + "tcp,1,40000,2,443,9223372036854775807,1790000000\n"
    + "tcp,1,40000,2,443,9223372036854775808,1790000000\n" + ROW,
    "times.csv": HEAD + "".join(
        f"tcp,1,40000,2,443,7,{when}\n"
        for when in ("epoch", "infinity", "1-1-1", "nan", "inf", "-inf", "1e308", "44-3-15 (BC)")
    ) + ROW,
    "worded-times.csv": HEAD + "".join(
        f"tcp,1,40000,2,443,7,{when}\n"
        for when in ("epoch", "infinity", "0001-01-01", "2026-09-21 24:00:00", "2026-13-01", "now")
    ),
    "zeek-overflow.log": "#separator \\x09\n#fields\tid.resp_p\tproto\torig_bytes\tresp_bytes\n"
    "#types\tport\tenum\tcount\tcount\n"
    "22\ttcp\t9223372036854775807\t9223372036854775807\n22\ttcp\t1\t2\n",
    # Compression.
    "cut.csv.gz": gzip.compress((HEAD + ROW * 5000).encode())[:60],
    "no-gzip.csv.gz": b"\x1f\x8b" + b"\xff" * 200,
    "head-alone.gz": b"\x1f\x8b\x08",
    "no-zstd.csv.zst": b"\x28\xb5\x2f\xfd" + b"\xff" * 200,
    "no-parquet.parquet": b"PAR1" + b"\xff" * 200 + b"PAR1",
    "ends-as-parquet": b"PAR1\x15\x04\x15" + b"\0" * 50 + b"\x20\0\0\0PAR1",
    "empty.csv": "",
    "newline.csv": "\n",
    "readme.txt": "nothing that is a flow\n",
}  # fmt: skip

COLUMNS = {
    "unsigned": "'tcp' AS proto, 18446744073709551615::UBIGINT AS dst_port, "
    "18446744073709551615::UBIGINT AS bytes",
    "huge": "'tcp' AS proto, 22 AS dst_port, "
    "170141183460469231731687303715884105727::HUGEINT AS bytes",
    "decimal": "'tcp' AS proto, 22 AS dst_port, "
    "99999999999999999999999999999999999999::DECIMAL(38,0) AS bytes",
    "words": "'tcp' AS proto, 'ssh' AS dst_port, 'many' AS bytes, 'now' AS start",
    "lists": "'tcp' AS proto, [22] AS dst_port",
    "structs": "{'a': 'tcp'} AS proto, 22 AS dst_port",
    "blobs": "'\\xAA'::BLOB AS proto, 22 AS dst_port",
    "dates": "'tcp' AS proto, DATE '2026-09-21' AS dst_port",
    "clock": "'tcp' AS proto, 22 AS dst_port, TIME '12:00:00' AS start",
    "interval": "'tcp' AS proto, 22 AS dst_port, INTERVAL 1 DAY AS start",
    "ages": "'tcp' AS proto, 22 AS dst_port, TIMESTAMP 'infinity' AS start",
    "before": "'tcp' AS proto, 22 AS dst_port, TIMESTAMP '0044-03-15 (BC)' AS start",
    "booleans": "'tcp' AS proto, true AS dst_port, false AS bytes",
    "nothing": "NULL AS proto, NULL AS dst_port",
    "case": "'tcp' AS proto, 'udp' AS \"Proto\", 22 AS dst_port",
    "row-number": "'tcp' AS proto, 22 AS dst_port, -5 AS bytes, 1 AS file_row_number, "
    "2 AS filename, 3 AS portbook_file, 4 AS portbook_row",
    "vpc-flags": "'1' AS srcaddr, '2' AS dstaddr, 1 AS srcport, 22 AS dstport, 6 AS protocol, "
    "'x' AS \"tcp-flags\", 2 AS version",
    "zeek-duration": "22 AS \"id.resp_p\", 'tcp' AS proto, 9223372036854775807::BIGINT AS ts, "
    "9223372036854775807::BIGINT AS duration",
    "enum": "'tcp'::ENUM ('tcp', 'udp') AS proto, 22 AS dst_port",
    "uuid": "uuid() AS proto, 22 AS dst_port",
    "raw-name": f"'tcp' AS proto, 22 AS dst_port, 1 AS \"{RAW}\"",
}

NAMES = (
    "~", "~root", "\\x.csv", "[a].csv", "a*.csv", "a?.csv", "{a,b}.csv", "s3:x.csv", "-.csv",
    "--help", "a'\"$`.csv", "new\nline\x1b[31m.csv", "é ü.csv", " .csv", "a:b.csv",
    "#x?y.csv", "%41.csv",
    "a\\b.csv", "file:x.csv", "$(id).csv", "x.csv;y", "x\u202egnp.csv",
)  # fmt: skip


def write(folder: Path, among: Collection[str] = ()) -> list[Path]:
    """Writes them below *folder*, and samples that are cut or changed; their paths.

    Under make proof all of them, each text packed too, and each sample damaged in each way; else
    those that are *among*, every eighth of the others, and every fourth sample in one of the ways.
    """
    import duckdb

    _write_texts(folder, among)
    for at, (name, columns) in enumerate(COLUMNS.items()):
        if PROOF or f"{name}.parquet" in among or at % 8 == 0:
            path = folder / f"{name}.parquet"
            duckdb.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
    names = folder / "names"
    names.mkdir()
    for at, name in enumerate(NAMES):
        (names / name).write_text(f"proto,dst_port\ntcp,{1000 + at}\n")
    _write_damaged(folder)
    return [path for path in folder.rglob("*") if path.is_file()]


def _write_texts(folder: Path, among: Collection[str]) -> None:
    for at, (name, content) in enumerate(TEXTS.items()):
        data = content.encode() if isinstance(content, str) else content
        if PROOF or name in among or at % 8 == 0:
            (folder / name).write_bytes(data)
        small = name.endswith((".csv", ".json", ".log", ".txt")) and len(data) < 10_000
        if small and (PROOF or at % 15 == 0):
            (folder / f"packed-{name}.gz").write_bytes(gzip.compress(data))


def _write_damaged(folder: Path) -> None:
    damaged, sound = folder / "damaged", folder / "sound"
    damaged.mkdir()
    sound.mkdir()
    rng = random.Random(20)
    for at, name in enumerate(samples.FORMATS):
        path = samples.write(name, sound)
        data = path.read_bytes()
        changed = bytearray(data)
        for _ in range(len(data) // 500 + 1):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        ways = {
            "changed": bytes(changed),
            **{f"cut-{share}": data[: int(len(data) * share)] for share in (0.03, 0.5, 0.97)},
        }
        for turn, (way, content) in enumerate(ways.items()):
            if PROOF or turn * 4 == at % (4 * len(ways)):
                (damaged / f"{way}-{path.name}").write_bytes(content)
        path.unlink()


def previous(**changes: object) -> str:
    """The JSON of a previous run with one service, and *changes*."""
    service = {"transport": "tcp", "port": 22, "reach": None}
    run = {"schema": "portbook/audit/1", "last": "2026-09-21T14:00:00Z", "services": [service]}
    return json.dumps({**run, **changes})
