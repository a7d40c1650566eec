"""The site as files: every page with its JSON and its text, for any static host or a folder.

Files are written whole or not at all, and only where they differ from what is there. What was
written is noted row by row: a row of 256 ports whose files are as they were left, made of the same
data by the same code, isn't rendered again. So a broken-off export goes on where it ended, and a
second one does next to nothing. :mod:`portbook.web.export.output_folder` keeps to the export's own
files.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, NamedTuple

from portbook import __version__
from portbook.app.lookup import answer_name
from portbook.app.port_lookup import answer_port
from portbook.catalog import Catalog
from portbook.errors import NotExported
from portbook.formats.errors.query import (
    Query,
    QueryKind,
)
from portbook.host.children import SAFE_PATH, surroundings
from portbook.model import LAST_PORT
from portbook.present.brief import compose_brief
from portbook.present.document import Numbered
from portbook.present.owners import Viewer
from portbook.present.port import page
from portbook.present.render import port_json
from portbook.present.render.document_text import render_page
from portbook.present.render.json_text import json_line
from portbook.web.export.notes import BEGUN
from portbook.web.export.other_pages import other_files, other_names, sites
from portbook.web.export.output_folder import OutputFolder, open_output
from portbook.web.export.scope import Scope, scope_of, service_names, spans_there
from portbook.web.pages import views
from portbook.web.pages.alike import STYLE, Alike, FilePieces, Forms, encoded
from portbook.web.pages.links import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.app.port_lookup import PortAnswer
    from portbook.web.export.output_folder import Opened

    _Content = tuple[Catalog, Scope, str | None]  # with the address that the site will have

ROW = 256  # ports that are written, and noted, together
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_NOBODY = Viewer()  # a file has no reader whom it knows


class Plan(NamedTuple):
    """What to export into *folder*: the ports from *first* to *last*, and what their pages need.

    ``force`` writes into a folder with other files, and replaces those that are in the way.
    """

    folder: str
    first: int = 0
    last: int = LAST_PORT
    base_url: str | None = None
    jobs: int = 1
    force: bool = False

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
    """A task: the pages of the *ports* or of the *services*.

    ``key`` is what its note is kept under, ``noted`` what was noted the last time.
    """

    key: str
    ports: range
    services: tuple[str, ...]
    digest: str
    noted: str | None

    def files(self) -> Iterator[str]:
        """The paths of its files."""
        for port in self.ports:
            yield from (f"{port}.html", f"{port}.json", f"{port}.txt")
        for name in self.services:
            yield f"services/{file_name(name)}.html"

    def note(self, folder: OutputFolder) -> str | None:
        """A digest of the sizes and times of its files; None if one isn't there."""
        digest = hashlib.sha256(f"{self.digest} {self.ports} {self.services}".encode())
        try:
            for status in folder.statuses(self.files()):
                digest.update(b"%d %d " % (status.st_size, status.st_mtime_ns))
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


def export(
    plan: Plan,
    catalog: Catalog,
    tell: Callable[[int], None],
    warn: Callable[[str], None] = lambda _: None,
) -> Done:
    """Carries *plan* out; calls *tell* with how many steps are done, whenever more are.

    *warn* is given a line on what is replaced that no export wrote. Raises NotExported where the
    folder is not an export's, or a file can't be written.
    """
    begun = time.monotonic()
    folder, record = open_output(plan.folder, force=plan.force)
    files = written = steps = 0
    with folder:
        # The ports of earlier exports stay, and are linked to.
        earlier = spans_there(record.ports, folder.names())
        scope = scope_of([*earlier, (plan.first, plan.last)], catalog)
        digest = digest_of_inputs(plan.base_url, scope, catalog)
        noted = record.notes if record.digest == digest else {}
        names = service_names(scope, catalog)
        rows = list(_rows(plan, names, digest, noted))
        others = other_names(plan.base_url, names, catalog)
        of_services = {path for row in rows if row.services for path in row.files()}
        folder.prepare(record, range(plan.first, plan.last + 1), {*others, *of_services}, warn)
        with folder.note(digest, record) as notes:

            def begin(row: _Row) -> None:
                notes.add(row.key, BEGUN, row.files() if row.services else ())

            given = (catalog, scope, plan.base_url)
            for each in _carry_out(rows, plan.jobs, folder, given, begin):
                files += each.files
                written += each.written
                if each.note is not None and each.note != noted.get(each.key):
                    notes.add(each.key, each.note)
                steps += each.ports
                tell(steps)
            notes.add("others", BEGUN, others)
            for path, content in other_files(plan.base_url, names, scope, catalog):
                files += 1
                written += folder.write(path, content)
    return Done(files, written, time.monotonic() - begun)


def _rows(
    plan: Plan, names: tuple[str, ...], digest: str, noted: Mapping[str, str]
) -> Iterator[_Row]:
    first = plan.first
    while first <= plan.last:
        ports = range(first, min(first | (ROW - 1), plan.last) + 1)
        key = f"p{first}-{ports.stop - 1}"
        yield _Row(key, ports, (), digest, noted.get(key))
        first = ports.stop
    for at in range(0, len(names), ROW):
        some = names[at : at + ROW]
        yield _Row(f"s{at}", range(0), some, digest, noted.get(f"s{at}"))


def _carry_out(
    rows: list[_Row],
    jobs: int,
    folder: OutputFolder,
    content: _Content,
    begin: Callable[[_Row], None],
) -> Iterator[_Wrote]:
    # Rows that are as they were left cost a look at their files, not a process.
    stale = []
    for row in rows:
        if row.noted is not None and row.note(folder) == row.noted:
            count = sum(1 for _ in row.files())
            yield _Wrote(row.key, len(row.ports), count, 0, row.noted)
        else:
            stale.append(row)
    if jobs == 1 or len(stale) < 2:
        pages = Pages(*content)
        for row in stale:
            begin(row)
            yield _write_row(row, folder, pages)
        return
    yield from _carry_out_together(stale, min(jobs, len(stale)), folder, content, begin)


def _carry_out_together(
    rows: list[_Row],
    jobs: int,
    folder: OutputFolder,
    content: _Content,
    begin: Callable[[_Row], None],
) -> Iterator[_Wrote]:
    # Not forked: the progress bar has a thread, and a copy of a thread's locks may never open.
    context = get_context("spawn")
    catalog, scope, base_url = content
    given = _Given(catalog.registry.store.folder, folder.opened, scope, base_url)
    with surroundings(SAFE_PATH):
        try:
            with ProcessPoolExecutor(jobs, context, _begin, (given,)) as pool:
                try:
                    yield from _hand_out(rows, pool, jobs, begin)
                except BaseException:
                    pool.shutdown(cancel_futures=True)  # what was begun is finished, and no more
                    raise
        except BrokenProcessPool as error:
            raise NotExported(
                "a process that writes pages was killed, perhaps because memory ran out: run the "
                "export again"
            ).helped_by("jobs") from error


def _hand_out(
    rows: list[_Row], pool: ProcessPoolExecutor, jobs: int, begin: Callable[[_Row], None]
) -> Iterator[_Wrote]:
    # No more at a time than keeps all busy: only what was begun is noted as ours.
    going: deque[Future[_Wrote]] = deque()
    for row in rows:
        begin(row)
        with _interrupt_later():  # it may start a process, which inherits that
            going.append(pool.submit(_help, row))
        if len(going) > 2 * jobs:
            yield going.popleft().result()
    while going:
        yield going.popleft().result()


@contextlib.contextmanager
def _interrupt_later() -> Iterator[None]:
    """Holds a Ctrl-C back; it comes to this process at the end, and never to those it started.

    Python would print a traceback in a process that is told to end while it starts.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Given(NamedTuple):
    """What a helping process works with: the folder of the data, and the one to write into."""

    data: str
    opened: Opened
    scope: Scope
    base_url: str | None


_given: _Given | None = None


def _begin(given: _Given) -> None:
    """Makes this a helping process, which ends with the one that started it.

    A process of a pool waits for work for ever otherwise. Ctrl-C reaches all of them at once: the
    parent takes it, and what they began is finished.
    """
    global _given  # noqa: PLW0603 - a pool hands its processes nothing else to keep
    _given = given
    gc.set_threshold(100_000, 20, 20)  # as the command itself: pages leave next to no garbage
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


@lru_cache(maxsize=1)
def _open_given(given: _Given) -> tuple[OutputFolder, Pages]:
    """The folder to write into, and the pages of the registry that the parent checked or chose.

    Both are opened with the first row and not before, because what is raised then reaches the
    parent.
    """
    catalog = Catalog.of_folder(given.data)
    return OutputFolder(given.opened), Pages(catalog, given.scope, given.base_url)


def _help(row: _Row) -> _Wrote:
    """Writes the files of a row, in a helping process."""
    assert _given is not None
    return _write_row(row, *_open_given(_given))


def _write_row(row: _Row, folder: OutputFolder, pages: Pages) -> _Wrote:
    """Writes the files of a row."""
    files = written = 0
    contents = pages.of(row.ports, row.services)
    for path, content in zip(row.files(), contents, strict=True):
        files += 1
        written += folder.write(path, content)
    return _Wrote(row.key, len(row.ports), files, written, row.note(folder))


class Pages:
    """What the files of ports and services hold, for a site of *scope* at *base_url*."""

    def __init__(self, catalog: Catalog, scope: Scope, base_url: str | None) -> None:
        self._catalog = catalog
        self._scope = scope
        self._here, self._below = sites(scope, catalog, base_url)
        alike = Alike(self.printed, FilePieces(catalog, self._here).of)
        # In a part of the site, what a port's page links to is there or not.
        self._forms = alike.forms if scope.whole else lambda found: encoded(self.printed(found))

    def of(self, ports: Iterable[int], services: Iterable[str]) -> Iterator[bytes]:
        """The three files of each of *ports*, then the page of each of *services*."""
        self._catalog.registry.store.hold()
        for port in ports:
            query = Query(QueryKind.PORT, str(port), port, port)
            yield from self._forms(answer_port(query, self._catalog, whole=True))
        for name in services:
            service = answer_name(name, self._catalog)
            assert service is not None
            yield self._scope.without_dead_links(views.service(service, self._below)).encode()

    def printed(self, found: PortAnswer) -> Forms:
        """The files of the port of *found*, a whole answer, whatever others are like."""
        document = page.compose(found)
        brief = compose_brief(found, _NOBODY)
        of = Numbered(found.port, document)
        html = views.port(found, self._catalog, self._here, document, brief, of)
        whole = port_json.of_composed(found, brief, document)
        text = render_page(document, STYLE, of)
        return self._scope.without_dead_links(html), json_line(whole), text


def digest_of_inputs(base_url: str | None, scope: Scope, catalog: Catalog) -> str:
    """A digest of all that a page is made of: the data, the code, the templates, what it links."""
    digest = hashlib.sha256(f"{__version__} {base_url} {scope.spans}".encode())
    for folder in (catalog.registry.store.folder, catalog.practice.folder, _PACKAGE):
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
