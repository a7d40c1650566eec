"""The site as files: every page with its JSON and its text, for any static host or a folder.

Files are written whole or not at all, and only where they differ from what is there. What was
written is noted row by row in ``.portbook-export``: a row of 256 ports whose files are as they
were left, made of the same data by the same code, isn't rendered again. So a broken-off export
goes on where it ended, and a second one does next to nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import escape

from portbook import __version__, lore
from portbook.answer import ServiceAnswer, answer, answer_port
from portbook.errors import NotExported
from portbook.host.children import SAFE_PATH, surroundings
from portbook.model import LAST_PORT, RANGES, State
from portbook.pages import objects, prose
from portbook.pages.chronicle import chronicle, render_feed
from portbook.pages.glossary import TERMS
from portbook.pages.text import Style, render_page
from portbook.query import Query
from portbook.registry import registry, use
from portbook.web import drawn, views
from portbook.web.links import file_name
from portbook.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROW = 256  # ports that are written, and noted, together
NOTES = ".portbook-export"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STATIC = os.path.join(_PACKAGE, "web", "static")
_HERE, _BELOW = Site(export=True), Site(base="../", export=True)
_STYLE = Style(80)
_MOST_ADDRESSES = 50_000  # in one sitemap (https://www.sitemaps.org/protocol.html)


class Plan(NamedTuple):
    """What to export: the ports from *first* to *last* and all other pages, into *folder*."""

    folder: str
    first: int = 0
    last: int = LAST_PORT
    base_url: str | None = None
    jobs: int = 1

    @property
    def steps(self) -> int:
        """How many ports there are to tell of."""
        return self.last - self.first + 1


class Done(NamedTuple):
    """How many files the site has, how many of them were written, and in how many seconds."""

    files: int
    written: int
    seconds: float


class _Row(NamedTuple):
    """A task: the pages of the *ports* or of the *services* into *folder*.

    ``key`` is what its note is kept under, ``noted`` what was noted the last time.
    """

    folder: str
    key: str
    ports: range
    services: tuple[str, ...]
    digest: str
    noted: str | None

    def files(self) -> Iterator[str]:
        """The paths of its files."""
        for port in self.ports:
            at = os.path.join(self.folder, str(port))
            yield from (f"{at}.html", f"{at}.json", f"{at}.txt")
        for name in self.services:
            yield os.path.join(self.folder, "services", f"{file_name(name)}.html")

    def note(self) -> str | None:
        """A digest of the sizes and times of its files; None if one isn't there."""
        digest = hashlib.sha256(f"{self.digest} {self.ports} {self.services}".encode())
        try:
            for path in self.files():
                seen = os.stat(path)
                digest.update(b"%d %d " % (seen.st_size, seen.st_mtime_ns))
        except OSError:
            return None
        return digest.hexdigest()


class _Wrote(NamedTuple):
    """What became of a row: how many files it has, how many were written, what to note."""

    key: str
    ports: int
    files: int
    written: int
    note: str | None


def export(plan: Plan, tell: Callable[[int], None]) -> Done:
    """Carries *plan* out; calls *tell* with a number of ports whenever so many more are done.

    Raises OSError where a file can't be written.
    """
    begun = time.monotonic()
    for below in ("", "services", "ranges", "glossary", "static"):
        os.makedirs(os.path.join(plan.folder, below), exist_ok=True)
    _clear(plan.folder)
    digest = digest_of_inputs(plan.base_url)
    noted = _read_notes(plan.folder, digest)
    files = written = 0
    with open(os.path.join(plan.folder, NOTES), "w", encoding="ascii") as notes:
        notes.write(f"{digest}\n")
        notes.writelines(f"{key} {note}\n" for key, note in noted.items())
        for each in _carry_out(list(_rows(plan, digest, noted)), plan.jobs):
            files += each.files
            written += each.written
            if each.note is not None and each.note != noted.get(each.key):
                notes.write(f"{each.key} {each.note}\n")
                notes.flush()
            tell(each.ports)
    for name, content in _other_pages(plan):
        files += 1
        written += write(os.path.join(plan.folder, name), content)
    return Done(files, written, time.monotonic() - begun)


def _rows(plan: Plan, digest: str, noted: Mapping[str, str]) -> Iterator[_Row]:
    first = plan.first
    while first <= plan.last:
        ports = range(first, min(first | (ROW - 1), plan.last) + 1)
        yield _Row(plan.folder, f"p{first}", ports, (), digest, noted.get(f"p{first}"))
        first = ports.stop
    names = _service_names()
    for at in range(0, len(names), ROW):
        some = names[at : at + ROW]
        yield _Row(plan.folder, f"s{at}", range(0), some, digest, noted.get(f"s{at}"))


def _service_names() -> tuple[str, ...]:
    """Every service that has a page, once, however its rows spell it."""
    names = {
        file_name(row.service_name): row.service_name
        for row in registry().store.all()
        if row.service_name and row.state is State.ASSIGNED
    }
    return tuple(names.values())


def _carry_out(rows: list[_Row], jobs: int) -> Iterator[_Wrote]:
    # Rows that are as they were left cost a look at their files, not a process.
    stale = []
    for row in rows:
        if row.noted is not None and row.note() == row.noted:
            count = sum(1 for _ in row.files())
            yield _Wrote(row.key, len(row.ports), count, 0, row.noted)
        else:
            stale.append(row)
    if jobs == 1 or len(stale) < 2:
        yield from map(write_row, stale)
        return
    # Not forked: the progress bar has a thread, and a copy of a thread's locks may never open.
    context = get_context("spawn")
    begin = (registry().store.folder,)
    with surroundings(SAFE_PATH):
        try:
            with ProcessPoolExecutor(min(jobs, len(stale)), context, _begin, begin) as pool:
                yield from pool.map(write_row, stale)
        except BrokenProcessPool as error:
            raise NotExported(
                "a process that writes pages was killed, perhaps because memory ran out: run the "
                "export again, with fewer --jobs"
            ) from error


def _begin(folder: str) -> None:
    """Makes this process read the registry in *folder* and end with the one that started it.

    What that one checked or chose, an update that comes meanwhile doesn't change.

    A process of a pool waits for work for ever otherwise. Ctrl-C reaches all of them at once: the
    parent takes it, and what they began is finished.
    """
    use(folder)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def write_row(row: _Row) -> _Wrote:
    """Writes the files of a row."""
    files = written = 0
    for path, content in zip(row.files(), _contents(row), strict=True):
        files += 1
        written += write(path, content)
    return _Wrote(row.key, len(row.ports), files, written, row.note())


def _contents(row: _Row) -> Iterator[bytes]:
    """What the files of a row hold, in the order of their paths."""
    book = registry()
    book.store.hold()
    for port in row.ports:
        found = answer_port(Query("port", str(port), port, port), book)
        yield views.port(found, _HERE).encode()
        yield json.dumps(objects.of_port(found), separators=(",", ":")).encode()
        yield render_page(prose.compose(found), _STYLE).encode()
    for name in row.services:
        service = answer(Query("name", name))
        assert isinstance(service, ServiceAnswer)
        yield views.service(service, _BELOW).encode()


# -- everything but the ports -----------------------------------------------------------------


def _other_pages(plan: Plan) -> Iterator[tuple[str, bytes]]:
    base_url = plan.base_url
    # No page for errors: its usual name, 404.html, is that of a port.
    pages = {
        "index": views.home(_HERE),
        "map": views.map_(_HERE),
        "stats": views.stats(_HERE),
        "blocks": views.blocks(_HERE),
        "changes": views.changes(_HERE, feed=base_url is not None),
        "search": views.search(None, "", _HERE),
        "about": views.about(_HERE),
        "api": views.api(_HERE),
        "glossary": views.glossary(None, _HERE),
    }
    pages |= {f"ranges/{each.name}": views.range_(each.name, _BELOW) for each in RANGES}
    pages |= {f"glossary/{each.name}": views.glossary(each.name, _BELOW) for each in TERMS}
    for name, text in pages.items():
        yield f"{name}.html", text.encode()
    for name in drawn.NAMES:
        yield f"static/{name}", drawn.draw(name)
    for name in sorted(os.listdir(_STATIC)):
        if name == "here.js":  # it asks the server for this machine
            continue
        with open(os.path.join(_STATIC, name), "rb") as file:
            yield f"static/{name}", file.read()
    if base_url is not None:
        # A feed is read far from its site: the addresses in it are whole ones.
        feed = render_feed(chronicle(), base_url.rstrip("/"), ".html")
        yield "changes.atom", feed.encode()
        # After --only, the other ports are there if an earlier export wrote them.
        there = set(os.listdir(plan.folder))
        ports = [str(port) for port in range(LAST_PORT + 1) if f"{port}.html" in there]
        names = [f"services/{quote(file_name(name), safe='~+')}" for name in _service_names()]
        yield from _sitemaps(base_url.rstrip("/"), [*pages, *ports, *names])


def _sitemaps(base: str, pages: list[str]) -> Iterator[tuple[str, bytes]]:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    parts = range(0, len(pages), _MOST_ADDRESSES)
    for number, at in enumerate(parts, 1):
        lines = "\n".join(
            f"<url><loc>{escape(f'{base}/{page}.html')}</loc></url>"
            for page in pages[at : at + _MOST_ADDRESSES]
        )
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {space}>\n{lines}\n</urlset>\n'
        yield f"sitemap-{number}.xml", text.encode()
    index = "\n".join(
        f"<sitemap><loc>{escape(base)}/sitemap-{number}.xml</loc></sitemap>"
        for number, _ in enumerate(parts, 1)
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex {space}>\n{index}\n'
    yield "sitemap.xml", f"{text}</sitemapindex>\n".encode()
    yield "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n".encode()


# -- files ------------------------------------------------------------------------------------


def write(path: str, content: bytes) -> bool:
    """Makes *path* hold *content*, whole or not at all; whether it had to be written."""
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return False
    except FileNotFoundError:
        pass
    folder, name = os.path.split(path)
    new = os.path.join(folder, f"{NOTES}-{os.getpid()}-{name}")
    try:
        with open(new, "wb") as file:
            file.write(content)
        os.replace(new, path)
    except OSError:
        try:
            os.unlink(new)
        except OSError:
            pass
        raise
    return True


def _clear(folder: str) -> None:
    """Takes away what an export that was ended by force had only begun to write."""
    for below in ("", "services", "ranges", "glossary", "static"):
        at = os.path.join(folder, below)
        for name in os.listdir(at):
            if name.startswith(f"{NOTES}-"):
                os.unlink(os.path.join(at, name))


def _read_notes(folder: str, digest: str) -> dict[str, str]:
    """What was noted of each row; nothing if it was made of other data or by other code."""
    try:
        with open(os.path.join(folder, NOTES), encoding="ascii", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return {}
    if lines[0] != digest:
        return {}
    pairs = (line.partition(" ") for line in lines[1:])
    return {key: note for key, blank, note in pairs if blank and key[1:].isdigit() and note}


def digest_of_inputs(base_url: str | None) -> str:
    """A digest of all that a page is made of: the data, the code, the templates."""
    digest = hashlib.sha256(f"{__version__} {base_url}".encode())
    for folder in (registry().store.folder, lore.DATA, _PACKAGE):
        for path in sorted(_sources(folder)):
            with open(path, "rb") as file:
                name = os.path.relpath(path, folder).encode()
                digest.update(name + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def _sources(folder: str) -> Iterable[str]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith((".py", ".tsv", ".html", ".css", ".js", ".svg")):
                yield os.path.join(where, name)
