"""The site: kept pages against nginx serving the same bytes, new pages, latency, memory, start.

The server (and nginx, in its turn) runs on one core, the load (wrk) on the other.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import BIN, PROOF, environment, find_program, require

TITLE = "web: the site against nginx"
PROGRAMS = ("wrk", "nginx", "taskset")

SECONDS = 5
ROUNDS = 3
STARTS = 7
PORTS = 65536
CONNECTIONS = 32
BROWSER = "Accept: text/html"
FORMS = [("the page of 443", "/443", "443.html"), ("the JSON of 443", "/443.json", "443.json")]


class Load(NamedTuple):
    """What wrk saw: answers a second, and the latency that 99 of 100 stay under, in ms."""

    rate: float
    p99: float
    failed: str


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown; *quick* only sees that it works."""
    if quick:
        global SECONDS, ROUNDS, STARTS, PORTS
        SECONDS, ROUNDS, STARTS, PORTS = 1, 1, 1, 1024
        if not PROOF:
            del FORMS[1:]
    require(PROGRAMS)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        home = Path(folder)
        return "\n".join([*_starts(home), "", *_kept(home), "", *_new(home)])


# -- servers ----------------------------------------------------------------------------------


class Server(NamedTuple):
    """portbook, running."""

    url: str
    pid: int
    first_page: float  # seconds from its start


@contextlib.contextmanager
def _portbook(home: Path) -> Iterator[Server]:
    environ = {**environment(), "XDG_DATA_HOME": str(home)}
    environ.pop("PORTBOOK_DATABASE_URL", None)
    command = ["taskset", "-c", "0", str(BIN / "portbook"), "serve", "--public", "--port", "0"]
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        url = next(w for w in child.stdout.readline().split() if w.startswith("http")).rstrip("/")
        _fetch(f"{url}/443")
        yield Server(url, child.pid, time.perf_counter() - began)
    finally:
        child.send_signal(signal.SIGTERM)
        child.communicate()


def _fetch(url: str, client: str = "127.0.0.1") -> bytes:
    """What the server sends to *client*, an address of this machine; a site limits each."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, source_address=(client, 0))
    with contextlib.closing(connection):
        connection.request("GET", url.partition(parts.netloc)[2], headers={"Accept": "text/html"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{url}: {answer.status}")
        return answer.read()


NGINX = """
daemon off; worker_processes 1; user root; pid {home}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  open_file_cache max=100; types {{ text/html html; application/json json; }}
  client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
  uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
  server {{ listen 127.0.0.1:{port}; root {home}/files; }}
}}
"""


@contextlib.contextmanager
def _nginx(home: Path) -> Iterator[str]:
    port = 6306
    config = home / "nginx.conf"
    config.write_text(NGINX.format(home=home, port=port))
    nginx = find_program("nginx") or "nginx"
    child = subprocess.Popen(
        ["taskset", "-c", "0", nginx, "-p", str(home), "-c", str(config), "-e", "stderr"]
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                _fetch(f"http://127.0.0.1:{port}/443.html")
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


# -- load -------------------------------------------------------------------------------------


def _wrk(home: Path, url: str, script: str = "", connections: int = CONNECTIONS) -> Load:
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"]
    command += ["--latency", "-H", BROWSER]
    if script:
        path = home / "load.lua"
        path.write_text(script)
        command += ["-s", str(path)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = p99 = 0.0
    failed = "none"
    for line in said.splitlines():
        words = line.split()
        if line.startswith("Requests/sec"):
            rate = float(words[-1])
        elif words[:1] == ["99%"]:
            p99 = _milliseconds(words[1])
        elif "Non-2xx" in line or "Socket errors" in line:
            failed = line.strip()
    return Load(rate, p99, failed)


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 0.001), ("ms", 1.0), ("s", 1000.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)


# Every port once, in an order that jumps about: 40503 has no factor in common with 65536.
EACH_ONCE = """
local at = {begin}
request = function()
  at = (at + 40503) % 65536
  return wrk.format("GET", "/" .. at)
end
"""
# As many requests a second as asked for: each connection waits between two of its own.
PACED = """
local mean = {mean}
delay = function()
  local whole = math.floor(mean)
  if math.random() < mean - whole then return whole + 1 end
  return whole
end
"""


# -- what is measured -------------------------------------------------------------------------


def _starts(home: Path) -> list[str]:
    took = []
    for _ in range(STARTS):
        with _portbook(home) as server:
            took.append(server.first_page * 1000)
    return [f"First page after the start: {statistics.median(took):.0f} ms (median of {STARTS})."]


def _kept(home: Path) -> list[str]:
    lines = [
        "| asked for again | bytes | nginx, a second | ours, a second | ratio |",
        "|---|---|---|---|---|",
    ]
    (home / "files").mkdir()
    with _portbook(home) as server:
        for _, path, name in FORMS:
            (home / "files" / name).write_bytes(_fetch(server.url + path))
        page = 0.0
        with _nginx(home) as nginx:
            for what, path, name in FORMS:
                theirs, ours = [], []
                for _ in range(ROUNDS):
                    theirs.append(_wrk(home, f"{nginx}/{name}").rate)
                    ours.append(_wrk(home, server.url + path).rate)
                one, other = statistics.median(theirs), statistics.median(ours)
                size = (home / "files" / name).stat().st_size
                figures = f"{size:,} | {one:,.0f} | {other:,.0f} | {other / one:.2f}"
                lines.append(f"| `portbook serve`: {what} | {figures} |")
                page = page or other
        paced = _paced(home, f"{server.url}/443", 0.7 * page)
    said = (
        f"At {paced.rate:,.0f} pages a second ({paced.rate / page:.0%} of that), 99 of 100 take "
        f"less than {paced.p99:.1f} ms. Failed: {paced.failed}."
    )
    return [*lines, "", said]


def _paced(home: Path, url: str, rate: float) -> Load:
    """*rate* requests a second, which are spread over more connections than answers need."""
    many = 128
    mean = 1000 * many / rate
    # A connection waits for its answer as well: by how much too few come, it waits too long.
    seen = _wrk(home, url, PACED.format(mean=mean), many)
    if not seen.rate:  # a machine so busy that none was answered in time
        return seen
    mean = max(0.0, 2 * mean - 1000 * many / seen.rate)
    return _wrk(home, url, PACED.format(mean=mean), many)


def _new(home: Path) -> list[str]:
    with _portbook(home) as server:
        load = _wrk(home, server.url, EACH_ONCE.format(begin=0))
        for port in range(PORTS):  # the rest, for the memory that it takes
            if port % 256 == 0:
                _fetch(f"{server.url}/api/ports?ports={port}-{port + 255}", f"127.0.1.{port >> 13}")
        made = load.rate
        for _ in range(20):
            if made * SECONDS > PORTS:
                break
            begin = int(made * SECONDS) * 40503 % 65536
            made += _wrk(home, server.url, EACH_ONCE.format(begin=begin)).rate
        peak = _memory(server.pid)
    what = "all 65,536 pages" if PORTS == 65536 else f"{PORTS:,} pages"
    said = (
        f"Pages never asked for before: {load.rate:,.0f} a second, 99 of 100 in less than "
        f"{load.p99:.1f} ms. Failed: {load.failed}."
    )
    return [said, "", f"Memory at its highest, {what} asked for: {peak:,.0f} MB."]


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)
