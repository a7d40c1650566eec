"""The answer to a query, put together once; everything that shows one starts here.

>>> from portbook.catalog import Catalog
>>> from portbook.formats.errors.query import parse_query
>>> found = answer(parse_query("305/udp"), Catalog())
>>> found.state, found.block.first
(<State.UNASSIGNED: 'unassigned'>, 301)
"""

from __future__ import annotations

from portbook.app.port_lookup import answer_port
from portbook.formats.errors.query import (
    Query,
    QueryKind,
    parse_query,
)
from portbook.model import (
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from portbook.app.list_lookup import RangeAnswer, ServiceAnswer
    from portbook.app.listen import ScanOptions
    from portbook.app.port_lookup import PortAnswer
    from portbook.app.search import SearchAnswer
    from portbook.app.topics import TopicAnswer
    from portbook.catalog import Catalog
    from portbook.host.host_reader import HostReader

    Answer: TypeAlias = PortAnswer | ServiceAnswer | SearchAnswer | RangeAnswer | TopicAnswer


def queries_of(text: str) -> tuple[Query, ...]:
    """The queries in *text*: several where it asks about several ports.

    Raises InvalidQuery, or one of its kinds, where it can't be understood.
    """
    if " " not in text:
        return (parse_query(text),)
    from portbook.formats.errors.several import parse_questions

    return parse_questions(text)


def answer(
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None = None,
    *,
    short: bool = False,
    whole: bool = False,
    host: HostReader | None = None,
) -> Answer:
    """The answer to *query*, with *host* as deep as *depth* says; without one it is left out.

    *host* is this machine, unless another is given.

    *short* leaves out what the short answer to a port doesn't say, *whole* adds what is related to
    the port: both as in :func:`answer_port`.

    Raises DataMissing or DataCorrupt where a data file can't be used.
    """
    if query.kind is QueryKind.PORT:
        return answer_port(query, catalog, depth, short=short, whole=whole, host=host)
    if query.kind is QueryKind.RANGE:
        from portbook.app.list_lookup import answer_range

        return answer_range(query, catalog, depth, host)
    if query.pasted is not None or query.topic is not None:
        from portbook.app.topics import answer_topic, topic_of

        topic = topic_of(query)
        if topic is not None:
            return answer_topic(topic, query, catalog, depth, host)
    return _answer_words(query, catalog, depth, short=short, whole=whole, host=host)


def answer_name(name: str, catalog: Catalog) -> ServiceAnswer | None:
    """The answer to the registered *name* without this machine; None where it is none.

    Raises DataMissing or DataCorrupt where a data file can't be used.
    """
    if not catalog.registry.named(name):
        return None
    from portbook.app.list_lookup import ServiceAnswer

    found = answer(Query(QueryKind.NAME, name), catalog)
    assert isinstance(found, ServiceAnswer)
    return found


def _answer_words(
    query: Query,
    catalog: Catalog,
    depth: ScanOptions | None,
    *,
    short: bool,
    whole: bool,
    host: HostReader | None,
) -> Answer:
    """The answer to a name or a text: a service's, a product's, or what a search finds."""
    from portbook.app.list_lookup import answer_called, answer_product, answer_service

    if query.kind is QueryKind.TEXT:
        query = _named(query, catalog)
    rows = catalog.registry.named(query.text) if query.kind is QueryKind.NAME else ()
    port = _with_transport(query, catalog) if not rows else None
    if port is not None:
        return answer_port(port, catalog, depth, short=short, whole=whole, host=host)
    called = catalog.practice.services_called(query.text)
    if any(row.first is not None for row in rows):
        if called:
            return answer_service(query, rows, catalog, depth, host, called)
        from portbook.app.products import products_beside

        beside, alike = products_beside(query.text, rows, catalog.practice)
        return answer_service(query, rows, catalog, depth, host, product=beside, alike=alike)
    if called:
        return answer_called(query, called, rows, catalog, depth, host)
    from portbook.app.products import product_named
    from portbook.app.search import answer_search, own_notes

    own = own_notes(query.text, catalog) if depth is not None and depth.notes else None
    found = answer_search(query, catalog, own=own)
    product = product_named(found)
    if product is not None:
        return answer_product(query, product, rows, catalog, depth, host)
    return answer_service(query, rows, catalog, depth, host) if rows else found


def _named(query: Query, catalog: Catalog) -> Query:
    """*query* as the name of the service that it is a question about, where it is one."""
    from portbook.formats.errors.questions import is_question, search_words

    words = query.text.lower().split()
    if not is_question(words) and {"port", "ports"}.isdisjoint(words):
        return query
    name = search_words(query.text)
    if not catalog.registry.named(name) and not catalog.practice.services_called(name):
        return query
    return query._replace(kind=QueryKind.NAME, text=name)


def _with_transport(query: Query, catalog: Catalog) -> Query | None:
    """The query for the one port of ``ssh/tcp``; None where *query* is no such name."""
    ports = port_of_name(query, catalog) if "/" in query.text else ()
    return ports[0] if len(ports) == 1 else None


def port_of_name(query: Query, catalog: Catalog) -> tuple[Query, ...]:
    """A query for each port of the service that *query* names, as ``ssh`` or ``ssh/tcp``.

    Where the registry has no port of that name, those of the service that people call so.
    """
    name, transport = query.text, None
    rows = catalog.registry.named(name)
    if not rows and "/" in name:
        name, _, word = name.rpartition("/")
        if word.lower() not in [str(each) for each in Transport]:
            return ()
        transport = Transport(word.lower())
        rows = tuple(
            row for row in catalog.registry.named(name) if row.transport in (transport, None)
        )
    ports = {row.first for row in rows if row.first is not None and row.first == row.last}
    if not ports and all(row.first is None for row in rows):
        called = catalog.practice.services_called(name)
        ports = {known.first for known in called if transport in (None, known.transport)}
    return tuple(
        query._replace(kind=QueryKind.PORT, first=port, last=port, transport=transport)
        for port in sorted(ports)
    )
