"""What every part of a running site shares: its settings, its pages, its feedback."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple, Unpack

from portbook import __version__
from portbook.web.http.metrics import Metrics
from portbook.web.http.work_limit import LIST, OF_ONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from starlette.requests import HTTPConnection, Request

    from portbook.app.explain import ExplainAnswer
    from portbook.app.list_lookup import BlocksAnswer, RangeAnswer, ServiceAnswer
    from portbook.app.listen import HereAnswer
    from portbook.app.port_lookup import PortAnswer
    from portbook.app.search import SearchAnswer
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.web.explain.workers import Workers
    from portbook.web.feedback.sqlite import FeedbackStore
    from portbook.web.feedback.vote_queue import VoteQueue
    from portbook.web.http.rate_limit import RateLimit
    from portbook.web.http.work_limit import Work
    from portbook.web.local.live_events import Panel
    from portbook.web.pages.alike import PortPages
    from portbook.web.site_config import Site

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")


class Views(Protocol):
    """The pages as :mod:`portbook.web.pages.views` writes them: whole HTML documents."""

    def home(self, catalog: Catalog, site: Site) -> str: ...
    def port(self, answer: PortAnswer, catalog: Catalog, site: Site) -> str: ...
    def browse(self, path: str, catalog: Catalog, site: Site) -> str: ...
    def compare(self, answers: Sequence[PortAnswer], site: Site) -> str: ...
    def practice(self, answer: PortAnswer, site: Site) -> str | None: ...
    def service(self, answer: ServiceAnswer, site: Site) -> str: ...
    def range_(self, name: str, catalog: Catalog, site: Site) -> str: ...
    def blocks(self, answer: BlocksAnswer, site: Site) -> str: ...
    def stats(self, catalog: Catalog, site: Site) -> str: ...
    def changes(
        self,
        catalog: Catalog,
        site: Site,
        since: str | None = None,
        *,
        year: str | None = None,
        feed: bool = True,
    ) -> str: ...
    def map_(self, catalog: Catalog, site: Site) -> str: ...
    def search(self, answer: SearchAnswer | None, text: str, site: Site) -> str: ...
    def glossary(self, term: str | None, site: Site) -> str: ...
    def about(self, catalog: Catalog, site: Site) -> str: ...
    def api(self, site: Site) -> str: ...
    def here(self, answer: HereAnswer, site: Site) -> str: ...
    def explain(self, answer: ExplainAnswer | None, wrong: str, site: Site) -> str: ...
    def feedback_thanks(self, site: Site, port: int) -> str: ...
    def error(
        self,
        status: int,
        title: str,
        detail: str,
        site: Site,
        similar: Sequence[tuple[str, str]] = (),
    ) -> str: ...
    def span(self, answer: RangeAnswer, site: Site) -> str: ...


class Drawn(Protocol):
    """What :mod:`portbook.web.assets.drawn` makes of the registry: pictures, the index."""

    @property
    def NAMES(self) -> tuple[str, ...]: ...  # noqa: N802 - a constant of the module

    def draw(self, name: str, catalog: Catalog) -> bytes: ...


@dataclass(slots=True)
class Settings:
    """How a site is served.

    *host* is the address that is listened on. *public* leaves out everything about this machine.
    *show_commands* shows the command lines of its processes. *token*, if any, has to be given to
    see them; *store* keeps what readers say, None leaves the form out. *look_again*
    is how many seconds lie between two looks at which registry is in use. *address* is where other
    people reach the site, without a slash at its end, where that is known. *searches_of_one* is
    how many searches one client of a public site may ask for in
    :data:`~portbook.web.http.work_limit.WINDOW` seconds.
    """

    host: str = "127.0.0.1"
    public: bool = False
    show_commands: bool = False
    token: str | None = None
    store: FeedbackStore | None = None
    look_again: float = 10.0
    address: str = ""
    searches_of_one: int = OF_ONE


@dataclass(slots=True)
class Context:
    """One running site."""

    settings: Settings
    catalog: Catalog
    site: Site
    views: Views
    drawn: Drawn
    build: str
    folder: str
    files: dict[str, bytes]
    host: HostReader
    rates: RateLimit
    panel: Panel | None
    metrics: Metrics = field(default_factory=Metrics)
    captures: RateLimit | None = None  # on a public site alone
    work: Work = field(kw_only=True)
    explainers: Workers = field(kw_only=True)
    port_pages: PortPages = field(kw_only=True)
    votes: VoteQueue | None = None  # where the site asks for feedback


def context(connection: HTTPConnection) -> Context:
    """The site that *connection* belongs to."""
    found: Context = connection.scope["portbook.context"]
    return found


def read_static(catalog: Catalog, folder: str = FOLDER) -> tuple[dict[str, bytes], str]:
    """The static files by name, and a version that changes with all that they are made of.

    They are few and small: held in memory, so that no path of a request reaches the disk. Some
    of what stands beside them is drawn from the registry, so the version changes with that too.
    """
    digest = hashlib.sha256()
    for path in data_files(catalog):
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    files: dict[str, bytes] = {}
    for kind in ("static", "templates"):
        for path in _walk(os.path.join(folder, kind)):
            with open(path, "rb") as file:
                content = file.read()
            name = os.path.relpath(path, os.path.join(folder, kind)).replace(os.sep, "/")
            digest.update(f"{kind}/{name}\0{len(content)}\0".encode() + content)
            if kind == "static":
                files[name] = content
    return files, digest.hexdigest()[:12]


def _walk(folder: str) -> Iterable[str]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        yield from (os.path.join(where, name) for name in sorted(names))


def build_of(static_version: str, site: Site) -> str:
    """What every tag begins with: a digest of the registry, the lore, the code and the site.

    The registry, the lore and the templates are in *static_version*. The code counts by its
    version; in a checkout a change to it that doesn't change the version needs a reload without
    the browser's cache.
    """
    made_of = f"{__version__}\0{static_version}\0{site!r}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def data_files(catalog: Catalog) -> Iterable[str]:
    """The data files: those of the registry in use, and those of practice."""
    for folder in (catalog.registry.store.folder, catalog.practice.folder):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".tsv"):
                yield os.path.join(folder, name)


# -- costly work, each kind with a limit of its own ---------------------------------------------

# Whatever takes more than a millisecond of processor time and isn't kept goes through one of these.
# The interpreter runs one thread at a time: a second one would only make both of them slower, and
# the event loop with them.
Args = TypeVarTuple("Args")
Result = TypeVar("Result")


async def run_search(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which searches."""
    work = context(request).work
    work.count(request, 1)
    return await work.searches.run(call, *args)


async def run_page(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which composes a page; there are only so many of them to be kept."""
    return await context(request).work.pages.run(call, *args)


async def run_list(
    request: Request, call: Callable[[Unpack[Args]], Result], *args: *Args
) -> Result:
    """The result of *call*, which composes a long list."""
    work = context(request).work
    work.count(request, LIST)
    return await work.lists.run(call, *args)
