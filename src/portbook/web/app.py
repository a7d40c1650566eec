"""The site as an ASGI application, put together."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from portbook.errors import PortbookError
from portbook.host.host_reader import THIS_HOST
from portbook.model import LAST_PORT
from portbook.web.explain.endpoints import start_explainers
from portbook.web.feedback.vote_queue import VoteQueue
from portbook.web.http.cache import FORM, Keeping
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.http.rate_limit import RateLimit, TooManyRequests
from portbook.web.http.security import Limits, Secured, secured_headers
from portbook.web.http.work_limit import Busy, Work
from portbook.web.local.live_events import Panel
from portbook.web.pages.alike import PortPages
from portbook.web.reference import kept, read_port
from portbook.web.routes import routes
from portbook.web.site_config import Site
from portbook.web.state import FOLDER, Context, Drawn, Settings, Views, build_of, read_static

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader
    from portbook.web.http.entry import Headers

# What is said where the standard's own phrase is all there is.
_SAYINGS = {
    404: "Ports are at /0 to /65535, services at /services/NAME.",
    405: "This address is for reading: GET and HEAD.",
    500: "The server met something that it didn't expect. What was asked for is not at fault.",
}


def create_app(
    catalog: Catalog,
    settings: Settings | None = None,
    views: Views | None = None,
    drawn: Drawn | None = None,
    *,
    host: HostReader = THIS_HOST,
    folder: str = FOLDER,
) -> Keeping:
    """The application, which answers from *catalog*.

    *views* writes its pages, by default :mod:`portbook.web.pages.views`; *drawn* makes the files
    that stand beside the static ones of *folder*: :mod:`portbook.web.assets.drawn`. *host* is the
    machine that a local site shows.
    """
    settings = settings or Settings()
    files, version = read_static(catalog, folder)
    local = not settings.public
    site = _site(catalog, settings, version)
    views = views or cast("Views", importlib.import_module("portbook.web.pages.views"))
    context = Context(
        settings=settings,
        catalog=catalog,
        site=site,
        views=views,
        drawn=drawn or cast("Drawn", importlib.import_module("portbook.web.assets.drawn")),
        build=build_of(version, site),
        folder=folder,
        files=files,
        host=host,
        rates=RateLimit(),
        panel=Panel(catalog, show_commands=settings.show_commands, host=host) if local else None,
        work=Work(public=settings.public, of_one=settings.searches_of_one),
        explainers=start_explainers(catalog),
        port_pages=PortPages(catalog, site, views),
        captures=None if local else RateLimit(of_one=20, of_all=200),
        votes=None if settings.store is None else VoteQueue(settings.store),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(_follow_updates(keeping))
        yield
        following.cancel()
        context.explainers.close()
        if context.panel is not None:
            context.panel.close()
        if context.votes is not None:
            context.votes.close()

    application = Starlette(
        routes=routes(local=local, with_feedback=settings.store is not None),
        exception_handlers={
            HTTPException: _refused,
            Busy: _busy,
            TooManyRequests: _too_many,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    # Its own redirects name the host that the client named: ours are relative.
    application.router.redirect_slashes = False
    keeping = Keeping(Secured(Limits(application, context)), context, partial(_port_page, context))
    return keeping


def _site(catalog: Catalog, settings: Settings, static_version: str) -> Site:
    return Site(
        catalog.registry.store.as_of,
        local=not settings.public,
        public=settings.public,
        feedback=settings.store is not None,
        static_version=static_version,
        address=settings.address,
        token=settings.token is not None,
    )


_PORT = re.compile(rb"/(0|[1-9][0-9]{0,4})")


def _port_page(site: Context, target: bytes, form: Form) -> tuple[bytes, Headers] | None:
    """What is answered to a GET of *target* in *form* where that is the page of a port, with its
    headers but for the length; else None.

    It goes through no router and none of the layers, which take as long as the page.
    """
    found = _PORT.fullmatch(target)
    if found is None or form is not Form.HTML or int(found[1]) > LAST_PORT:
        return None
    body = site.port_pages.of(read_port(site.catalog, int(found[1]), whole=True))
    return body, _headers_of_pages(form)


@lru_cache(maxsize=4)
def _headers_of_pages(form: Form) -> Headers:
    """The headers of all pages in *form*; the length isn't theirs."""
    response = kept(Request({"type": "http", FORM: form}), "", form.media_type, negotiated=True)
    headers = secured_headers(response.raw_headers)
    return tuple([pair for pair in headers if pair[0] != b"content-length"])


async def _follow_updates(keeping: Keeping) -> None:
    """Looks now and then whether ``portbook update`` has put another registry in use."""
    while True:
        await asyncio.sleep(keeping.context.settings.look_again)
        try:
            await renew(keeping)
        except (PortbookError, OSError) as error:  # it is looked at again
            print(f"portbook: the registry in use was not taken: {error}", file=sys.stderr)


async def renew(keeping: Keeping) -> bool:
    """Lets the site answer from the registry that is in use by now; whether it is another one.

    Raises PortbookError or OSError where it can't be read: the site then stays what it is.
    """
    context = keeping.context
    newer = await asyncio.to_thread(context.catalog.newer)
    if newer is None:
        return False
    files, version = await asyncio.to_thread(read_static, newer, context.folder)
    before, context.explainers = context.explainers, start_explainers(newer)
    context.catalog, context.files = newer, files
    context.site = _site(newer, context.settings, version)
    context.build = build_of(version, context.site)
    context.port_pages = PortPages(newer, context.site, context.views)
    if context.panel is not None:
        context.panel.catalog = newer
    keeping.forget()
    before.close()
    for note in newer.notes:
        print(f"portbook: {note}", file=sys.stderr)
    return True


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _SAYINGS.get(error.status_code, error.detail)
    return problem(request, error.status_code, detail, error.headers)


async def _busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, Busy)
    detail = f"There are too many {error.work} at the moment. {_again(error.retry_after)}"
    return problem(request, 503, detail, {"retry-after": str(error.retry_after)})


async def _too_many(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyRequests)
    detail = f"Too many {error.what} came from your address. {_again(error.retry_after)}"
    return problem(request, 429, detail, {"retry-after": str(error.retry_after)})


def _again(seconds: int) -> str:
    return f"Try again in {seconds} second{'' if seconds == 1 else 's'}."


async def _broken(request: Request, error: Exception) -> Response:
    return problem(request, 500, _SAYINGS[500])
