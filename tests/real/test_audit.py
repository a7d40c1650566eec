"""Audits with real engines and real tools: Spark on Java, nfdump, nmap."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.app.audit import contract, samples
from tests.app.audit.asking import ask, counts
from tests.app.audit.test_spoken import zeek
from tests.counts import PROOF
from tests.patience import PATIENCE
from tests.real.needs import need_kernel, need_module, need_program
from tests.real.spark import settings
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.audit.engines.base import Engine

pytestmark = [
    pytest.mark.real,
    # Spark's Python side leaves closing its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Spark on two cores of this machine."""
    need_program("java")
    need_module("pyspark")
    folder = tmp_path_factory.mktemp("spark")
    before = dict(os.environ)
    os.environ |= {"PYSPARK_PYTHON": sys.executable, **settings(folder, cores=2)}
    from portbook.app.audit.engines import connect

    engine = connect("spark")
    yield engine
    engine.close()
    os.environ.clear()
    os.environ.update(before)


def test_spark_gives_the_judges_answers_to_every_combination_of_facts(spark: Engine) -> None:
    contract.check_rules(spark, 20_000 if PROOF else 400)


def test_spark_gives_the_judges_answers_for_ports(spark: Engine) -> None:
    from portbook.app.audit import reference_table
    from portbook.model import PORTS

    count = None if PROOF else 200
    known = range(PORTS) if PROOF else contract.ports(count)
    held = spark.lookup(
        "contract_book", reference_table.COLUMNS, reference_table.entries(known, CATALOG)
    )
    contract.check_ports(spark, held, count)


@pytest.mark.parametrize("name", ["parquet", "zeek", "suricata", "nfdump"])
def test_spark_and_duckdb_answer_alike(name: str, spark: Engine, tmp_path: Path) -> None:
    path = samples.write(name, tmp_path)
    with_spark, with_duckdb = ask(path, engine=spark), ask(path)
    assert counts(with_spark) == samples.EXPECTED
    assert with_spark.services == with_duckdb.services
    assert with_spark.findings == with_duckdb.findings


def test_spark_tells_what_was_spoken(spark: Engine, tmp_path: Path) -> None:
    path = zeek(tmp_path / "conn.log")
    with_spark, with_duckdb = ask(path, engine=spark), ask(path)
    assert with_spark.services == with_duckdb.services
    assert [each.spoken for each in with_spark.services[:3]] == ["ssh", "http", ""]


def test_spark_writes_rows_and_names_what_is_wrong(spark: Engine, tmp_path: Path) -> None:
    import duckdb

    from portbook.app.audit.annotate_rows import write_rows
    from portbook.app.audit.pipeline import Audit, Order

    path = samples.write("csv", tmp_path)
    with path.open("a") as file:
        file.write("1790000000000;192.0.2.1;50000;192.0.2.2\n")
        file.write("1790000000000;192.0.2.1;50000;192.0.2.2;334;tcp;-7;1\n")
    audit = Audit(Order((str(path),)), spark, CATALOG)
    answer = audit.run()
    assert counts(answer) == samples.EXPECTED
    assert len(answer.faults) == 2
    assert {Path(fault.file).name for fault in answer.faults} == {"flows.csv"}
    write_rows(audit, str(tmp_path / "rows.parquet"), None, lambda _: None)
    found = duckdb.execute(
        f"SELECT portbook_level, count(*) FROM '{tmp_path}/rows.parquet/*.parquet' "
        "WHERE bytes > 0 GROUP BY 1"
    ).fetchall()
    assert dict(found)["check"] == 26


# -- nfdump -----------------------------------------------------------------------------------


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packet(source: str, sport: int, target: str, dport: int, flags: int | None) -> bytes:
    """An Ethernet frame with TCP (RFC 9293 §3.1), or with UDP (RFC 768) where *flags* is None."""
    if flags is None:
        body = struct.pack("!HHHH", sport, dport, 28, 0) + bytes(20)
    else:
        body = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 5 << 4, flags, 1024, 0, 0) + bytes(20)
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    protocol = 17 if flags is None else 6
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + addresses
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + head + body


def _capture(path: Path) -> None:
    """A pcap file of 40 connections to a web server, 40 questions, 10 connections to 305."""
    packets = []
    for at in range(40):
        client, port, began = f"192.0.2.{at + 1}", 40000 + at, samples.BEGAN + at
        servers = [("198.51.100.5", 443), *([("198.51.100.66", 305)] if at % 4 == 0 else [])]
        for server, service in servers:
            packets += [
                (began, _packet(client, port, server, service, 0x02)),
                (began, _packet(server, service, client, port, 0x12)),
                (began, _packet(client, port, server, service, 0x18)),
                (began, _packet(server, service, client, port, 0x11)),
            ]
        packets.append((began, _packet(client, port, "198.51.100.9", 53, None)))
        packets.append((began, _packet("198.51.100.9", 53, client, port, None)))
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for seconds, packet in packets:
            file.write(struct.pack("<IIII", seconds, 0, len(packet), len(packet)) + packet)


def test_what_the_real_nfdump_prints(tmp_path: Path) -> None:
    nfpcapd, nfdump = need_program("nfpcapd"), need_program("nfdump")
    _capture(tmp_path / "flows.pcap")
    (tmp_path / "nf").mkdir()
    subprocess.run(
        [nfpcapd, "-r", str(tmp_path / "flows.pcap"), "-w", str(tmp_path / "nf")],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    if not any((tmp_path / "nf").iterdir()):  # 1.7 calls the folder -w, 1.6 -l
        subprocess.run(
            [nfpcapd, "-r", str(tmp_path / "flows.pcap"), "-l", str(tmp_path / "nf")],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
    printed = subprocess.run(
        [nfdump, "-R", str(tmp_path / "nf"), "-o", "csv"],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
        env={**os.environ, "TZ": "UTC"},
    ).stdout
    (tmp_path / "flows.csv").write_bytes(printed)
    answer = ask(tmp_path / "flows.csv")
    # Each direction is a record of its own.
    assert counts(answer) == {("tcp", 443): 80, ("udp", 53): 80, ("tcp", 305): 20}
    assert not answer.faults
    assert answer.first == samples.BEGAN
    (found,) = answer.unexpected
    assert [share.host for share in found.hosts or ()] == ["198.51.100.66"]


# -- nmap -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_network")  # nothing else listens on a port of these
def test_what_the_real_nmap_found(tmp_path: Path) -> None:
    nmap = need_program("nmap")
    try:
        sockets = [socket.create_server((address, 0)) for address in ("127.0.0.1", "127.0.0.2")]
    except OSError:
        need_kernel(False, "127.0.0.2 is no address here")
        return
    ports = [each.getsockname()[1] for each in sockets]
    out = tmp_path / "scan.xml"
    try:
        subprocess.run(
            [nmap, "-n", "-Pn", "-sT", "-p", ",".join(map(str, ports)), "-oX", str(out),
             "127.0.0.1", "127.0.0.2"],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )  # fmt: skip
    finally:
        for each in sockets:
            each.close()
    answer = ask(out)
    assert counts(answer) == {("tcp", port): 1 for port in ports}
    assert not answer.faults
    assert answer.inputs[0].format == "nmap or masscan, XML"
