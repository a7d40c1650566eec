"""The site as files: all of it, a second time without changes, and its HTML alone against Hugo.

Everything runs on two cores. Hugo gets as many pages of the same size: a layout that is one of our
pages, in which the number is all that it has to fill in.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.timing import BIN, PROOF, ROOT, environment, find_program, portbook, require
from benchmarks.update import xml_of
from portbook.catalog import Catalog
from portbook.catalog.registry.lookup import shipped

_CATALOG = Catalog()

TITLE = "export: the site as files, and Hugo"
PROGRAMS = ("taskset",)

PORTS = 65536
ROUNDS = 3
CORES = 2
SPECIMEN = 12345  # a port like most

HEAD = ("| what | pages | seconds | pages a second | MB |", "|---|---|---|---|---|")

# Hugo renders nothing but the pages: no lists, feeds or sitemap.
HUGO = """
baseURL = "http://localhost/"
disableKinds = ["taxonomy", "term", "RSS", "sitemap", "robotsTXT", "404", "home", "section"]
uglyURLs = true
"""


def run(*, quick: bool = False) -> str:
    """Measures, and returns the results as Markdown; *quick* only sees that it works."""
    require(PROGRAMS)
    ports, rounds = (64, 1) if quick else (PORTS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environ = _small_registry(home) if quick and not PROOF else environment()
        lines = [*HEAD, *_whole(home / "all", ports, rounds, environ)]
        shutil.rmtree(home / "all")
        hugo = find_program("hugo")
        ours, theirs = [], []
        if hugo:
            _prepare(home / "hugo", ports)
        for _ in range(rounds):
            ours.append(_html(home / "html", ports))
            if hugo:
                theirs.append(_hugo(hugo, home / "hugo"))
        lines.append(_row("`portbook`'s HTML alone", ports, ours, _size(home / "html")))
        if theirs:
            lines.append(_row("`hugo`", ports, theirs, _size(home / "hugo" / "public")))
            ratio = statistics.median(theirs) / statistics.median(ours)
            lines += ["", f"Hugo takes {ratio:.1f} times as long as portbook's HTML alone."]
        else:
            lines.append("| `hugo` | not installed | | | |")
    return "\n".join(lines)


def _row(what: str, pages: int, took: list[float], size: float) -> str:
    median = statistics.median(took)
    return f"| {what} | {pages:,} | {median:.1f} | {pages / median:,.0f} | {size:,.0f} |"


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _timed(command: list[str], environ: Mapping[str, str]) -> float:
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:CORES]))
    began = time.perf_counter()
    subprocess.run(
        ["taskset", "-c", cores, *command],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        env={**environ, "GOMAXPROCS": str(CORES)},
    )
    return time.perf_counter() - began


# -- portbook ---------------------------------------------------------------------------------


def _small_registry(home: Path) -> dict[str, str]:
    """The environment of a portbook that knows few services, each of which has a page."""
    rows = [row for row in shipped().store.all() if row.last is not None and row.last < 460]
    (home / "few.xml").write_bytes(xml_of(rows, shipped().store.as_of))
    environ = {**environment(), "XDG_DATA_HOME": str(home)}
    environ.pop("PORTBOOK_REGISTRY", None)
    update = [*portbook(), "update", "--from", str(home / "few.xml"), "--force", "--quiet"]
    subprocess.run(update, check=True, env=environ)
    return environ


def _whole(folder: Path, ports: int, rounds: int, environ: Mapping[str, str]) -> list[str]:
    command = [str(BIN / "portbook"), "export", str(folder), "--jobs", str(CORES), "--quiet"]
    command += ["--only", f"0-{ports - 1}"]
    first = [_timed(command, environ)]
    again = [_timed(command, environ) for _ in range(rounds)]
    size = _size(folder)
    return [
        _row("`portbook export`: HTML, JSON, text and all else", ports, first, size),
        _row("`portbook export` again, nothing changed", ports, again, size),
    ]


def _html(folder: Path, ports: int) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.export", str(folder), str(ports)]
    return _timed(command, environment())


def write_html(folder: str, ports: range) -> None:
    """What `portbook export` does for each port, without the JSON and the text."""
    from portbook.app.port_lookup import answer_port
    from portbook.formats.errors.query import Query, QueryKind
    from portbook.storage.atomic_write import Folder
    from portbook.web.pages import views
    from portbook.web.site_config import Site

    site = Site(_CATALOG.registry.store.as_of, export=True)
    _CATALOG.registry.store.hold()
    with Folder.open(folder) as into:
        for port in ports:
            found = answer_port(Query(QueryKind.PORT, str(port), port, port), _CATALOG, whole=True)
            into.write(f"{port}.html", views.port(found, _CATALOG, site).encode())


# -- Hugo -------------------------------------------------------------------------------------


def _prepare(folder: Path, ports: int) -> None:
    from portbook.app.port_lookup import answer_port
    from portbook.formats.errors.query import Query, QueryKind
    from portbook.web.pages import views
    from portbook.web.site_config import Site

    query = Query(QueryKind.PORT, str(SPECIMEN), SPECIMEN, SPECIMEN)
    site = Site(_CATALOG.registry.store.as_of, export=True)
    page = views.port(answer_port(query, _CATALOG, whole=True), _CATALOG, site)
    layouts, content = folder / "layouts" / "_default", folder / "content"
    layouts.mkdir(parents=True)
    content.mkdir()
    (folder / "config.toml").write_text(HUGO)
    (layouts / "single.html").write_text(page.replace(str(SPECIMEN), "{{ .Title }}"))
    for port in range(ports):
        (content / f"{port}.md").write_text(f'---\ntitle: "{port}"\n---\n')


def _hugo(hugo: str, folder: Path) -> float:
    shutil.rmtree(folder / "public", ignore_errors=True)
    return _timed([hugo, "--source", str(folder), "--quiet"], environment())


def main() -> None:
    """Writes the HTML of so many ports into a folder, both of which are given."""
    folder, ports = sys.argv[1], int(sys.argv[2])
    parts = [range(at, min(at + 256, ports)) for at in range(0, ports, 256)]
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        for _ in pool.map(write_html, [folder] * len(parts), parts):
            pass


if __name__ == "__main__":
    main()
