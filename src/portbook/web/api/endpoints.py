"""What only programs ask: many ports at once, blocks, counts, the description of it all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from portbook.app.history import chronicle
from portbook.app.list_lookup import answer_blocks
from portbook.catalog.registry.stats import count
from portbook.model import LAST_PORT, Transport
from portbook.present.render import port_json
from portbook.present.render.report_json import of_history
from portbook.present.render.sockets_json import phrased
from portbook.schema.answers import PORTS_ANSWER
from portbook.web.api import openapi
from portbook.web.http.negotiation import Form
from portbook.web.http.problem_details import problem
from portbook.web.reference import (
    kept,
    read_blocks_query,
    read_port,
    read_since,
    refuse_unknown,
    to_json,
)
from portbook.web.state import context, run_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from portbook.catalog import Catalog

    Span = tuple[int, int, Transport | None]

MOST_PORTS = 256  # in one answer; a list of more is answered part by part
MOST_SPANS = 1024
_SPAN = re.compile(openapi.SPAN, re.ASCII)
_JSON = Form.JSON.media_type


async def ports(request: Request) -> Response:
    """``/api/ports?ports=22,443/udp,6000-6063``: an object a port, in the order asked.

    ``next`` is the address of what is left, null where that is nothing.
    """
    wrong = refuse_unknown(request, {"ports"})
    if wrong is not None:
        return wrong
    text = request.query_params.get("ports", "")
    try:
        spans = parse_spans(text)
    except ValueError:
        return problem(
            request,
            400,
            "Give ports as ?ports=22,443/udp,6000-6063: numbers from 0 to 65535, ranges of them, "
            f"each perhaps with a transport; at most {MOST_SPANS} in a list.",
        )
    return kept(request, await run_list(request, _ports, context(request).catalog, spans), _JSON)


def parse_spans(text: str) -> list[Span]:
    """The ports and ranges in a list; a range may be written from either end.

    Raises ValueError where one can't be read.

    >>> parse_spans("22,443/udp,6063-6000")
    [(22, 22, None), (443, 443, <Transport.UDP: 'udp'>), (6000, 6063, None)]
    """
    words = text.split(",")
    if len(words) > MOST_SPANS:
        raise ValueError(text)
    spans = []
    for word in words:
        if not _SPAN.fullmatch(word):
            raise ValueError(word)
        numbers, _, transport = word.partition("/")
        ends = sorted(map(int, numbers.split("-")))
        if ends[-1] > LAST_PORT:
            raise ValueError(word)
        spans.append((ends[0], ends[-1], Transport(transport) if transport else None))
    return spans


class _Ports(NamedTuple):
    total: int
    ports: list[port_json.ShownPort]
    next: str | None


def _ports(catalog: Catalog, spans: list[Span]) -> str:
    total = sum(last - first + 1 for first, last, _ in spans)
    answers: list[port_json.ShownPort] = []
    left: list[Span] = []
    for first, last, transport in spans:
        until = min(last, first + MOST_PORTS - len(answers) - 1)
        ports = range(first, until + 1)
        answers += [port_json.ShownPort(read_port(catalog, port, transport)) for port in ports]
        if until < last:
            left.append((until + 1, last, transport))
    more = f"/api/ports?ports={','.join(_spans(left))}" if left else None
    return to_json(phrased(PORTS_ANSWER).encode(_Ports(total, answers, more)))


def _spans(spans: list[Span]) -> Iterator[str]:
    for first, last, transport in spans:
        numbers = str(first) if first == last else f"{first}-{last}"
        yield f"{numbers}/{transport}" if transport else numbers


async def port_of_transport(request: Request) -> Response:
    """``/api/ports/443/udp``: one port, for one transport."""
    number, word = request.path_params["port"], request.path_params["transport"]
    if number > LAST_PORT or word not in map(str, Transport):
        return problem(request, 404, "Ask for /api/ports/PORT/TRANSPORT: 443/udp, say.")
    body = to_json(port_json.of(read_port(context(request).catalog, number, Transport(word))))
    return kept(request, body, _JSON, any_query=True)


async def blocks(request: Request) -> Response:
    """``/api/blocks?state=unassigned&range=system``: the longest first."""
    asked = read_blocks_query(request)
    if isinstance(asked, Response):
        return asked
    state, range_name = asked
    catalog = context(request).catalog

    def made() -> str:
        return to_json(port_json.of_blocks(answer_blocks(catalog, state, range_name)))

    return kept(request, await run_list(request, made), _JSON)


async def stats(request: Request) -> Response:
    """``/api/stats``."""
    wrong = refuse_unknown(request, set())
    if wrong is not None:
        return wrong

    book = context(request).catalog.registry

    def made() -> str:
        return to_json(port_json.of_stats(count(book), book.sources()))

    return kept(request, await run_list(request, made), _JSON)


async def changes(request: Request) -> Response:
    """``/api/changes?since=2025-01-01``: the newest first."""
    since = read_since(request)
    if isinstance(since, Response):
        return since
    catalog = context(request).catalog

    def made() -> str:
        return to_json(of_history(chronicle(catalog, since=since)))

    return kept(request, await run_list(request, made), _JSON)


async def description(request: Request) -> Response:
    """``/openapi.json``."""
    site = context(request).site
    body = to_json(openapi.describe(local=site.local))
    return kept(request, body, _JSON, any_query=True)
