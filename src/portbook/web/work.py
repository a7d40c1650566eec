"""The costly work of a site, each kind with a limit of its own.

Whatever takes more than a millisecond of processor time and isn't kept goes through one of these.
The interpreter runs one thread at a time: a second one would only make both of them slower, and
the event loop with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from portbook.web.http.site_limits import LIST
from portbook.web.state import context

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

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
