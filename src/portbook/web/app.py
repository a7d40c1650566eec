"""The site as an ASGI application, put together."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from portbook.web.explain.endpoints import start_explainers
from portbook.web.feedback.vote_queue import VoteQueue
from portbook.web.http.cache import Keeping
from portbook.web.http.problem_details import problem
from portbook.web.http.rate_limit import RateLimit, TooManyRequests
from portbook.web.http.security import Limits, Secured
from portbook.web.http.work_limit import Busy, Work
from portbook.web.local.live_events import Panel
from portbook.web.routes import routes
from portbook.web.site_config import Site
from portbook.web.state import Context, Drawn, Settings, Views, build_of, read_static

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from portbook.catalog import Catalog

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
) -> Keeping:
    """The application, which answers from *catalog*.

    *views* writes its pages, by default :mod:`portbook.web.pages.views`; *drawn* makes the files
    that stand beside the static ones: :mod:`portbook.web.assets.drawn`.
    """
    settings = settings or Settings()
    files, version = read_static(catalog)
    local = not settings.public
    site = Site(
        catalog.registry.store.as_of,
        local=local,
        public=settings.public,
        feedback=settings.store is not None,
        static_version=version,
    )
    context = Context(
        settings,
        catalog,
        site,
        views or cast("Views", importlib.import_module("portbook.web.pages.views")),
        drawn or cast("Drawn", importlib.import_module("portbook.web.assets.drawn")),
        build_of(version, site),
        files,
        RateLimit(),
        Panel(catalog, show_commands=settings.show_commands) if local else None,
        work=Work(public=settings.public),
        explainers=start_explainers(catalog),
        captures=None if local else RateLimit(of_one=20, of_all=200),
        votes=None if settings.store is None else VoteQueue(settings.store),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
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
    return Keeping(Secured(Limits(application, context)), context)


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
