"""What became of ports: what was assigned, renamed, reserved or removed, and when.

>>> from portbook.catalog import Catalog
>>> [str(change.kind) for change in chronicle(Catalog(), (300, None)).changes]
['assigned', 'reserved']
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from portbook.catalog.registry.diff import compare
from portbook.catalog.registry.lookup import Registry
from portbook.catalog.registry.tsv_reader import SHIPPED, Store
from portbook.catalog.update import install, versions
from portbook.errors import InvalidArgument, InvalidQuery, shown
from portbook.formats.errors.query import QueryKind, parse_query

if TYPE_CHECKING:
    from portbook.catalog import Catalog
    from portbook.catalog.registry.history import Change, Compared, Copy
    from portbook.model import Source, Transport


class Chronicle(NamedTuple):
    """What was asked about, the changes found, and the copies of the registry compared for them.

    ``subject`` is what it is about in words. ``registered`` are the dates that the registry itself
    gives, by service name and port. ``known`` is false for a name that no copy has.
    """

    subject: str
    port: int | None
    name: str | None
    since: str | None
    changes: tuple[Change, ...]
    copies: tuple[Copy, ...]
    compared: Compared | None
    sources: tuple[Source, ...]
    registered: tuple[tuple[str, str, str], ...] = ()
    known: bool = True


def chronicle(
    catalog: Catalog,
    port: tuple[int, Transport | None] | None = None,
    name: str | None = None,
    since: str | None = None,
) -> Chronicle:
    """What became of a port, of a service *name*, or of everything; *since* a day, if given.

    Raises DataMissing or DataCorrupt where a data file can't be used.
    """
    past, book = catalog.history, catalog.registry
    registered: tuple[tuple[str, str, str], ...] = ()
    known = True
    if port is not None:
        number, transport = port
        found = past.of_port(number)
        if transport is not None:
            found = tuple(change for change in found if transport in change.transports)
        over = "" if transport is None else f"/{transport}"
        subject = f"Port {number}{over}"
        rows = [row for each in book.standings(number).values() for row in each.assignments]
        if transport is not None:
            rows = list(book.standing(number, transport).assignments)
    elif name is not None:
        found = past.of_name(name)
        rows = list(book.named(name))
        known = bool(found or rows)
        subject = rows[0].service_name or name if rows else name
    else:
        found, rows, subject = past.all(), [], "The registry"
    if since is not None:
        found = tuple(change for change in found if change.until >= since)
    if port is None:  # the newest first: what is asked of the whole is what is new
        found = tuple(sorted(found, key=lambda change: change.until, reverse=True))
    dated = {
        (row.service_name or "no name", row.registered, row.as_of.get("registration", ""))
        for row in rows
        if row.registered
    }
    registered = tuple(sorted(dated))
    return Chronicle(
        subject=subject,
        port=None if port is None else port[0],
        name=name,
        since=since,
        changes=found,
        copies=past.copies(),
        compared=past.compared(),
        sources=(past.source(), *(book.sources() if registered else ())),
        registered=registered,
        known=known,
    )


def subject_of(text: str) -> tuple[tuple[int, Transport | None] | None, str | None]:
    """The port, with its transport if one is named, or the name of the service that *text* means.

    Raises InvalidQuery for a range, or for a port that there can't be.

    >>> subject_of("443/udp"), subject_of("ssh")
    (((443, <Transport.UDP: 'udp'>), None), (None, 'ssh'))
    """
    query = parse_query(text)
    if query.kind is QueryKind.RANGE:
        raise InvalidQuery(f"{shown(text)} is a range: give one port, or a name", text)
    if query.kind is QueryKind.PORT:
        return (query.first, query.transport), None
    return None, query.text


def is_since(text: str) -> bool:
    """Whether *text* is a day, a month or a year: 2025-01-31, 2025-01, 2025."""
    import datetime as dt

    if len(text) not in (4, 7, 10):
        return False
    try:
        dt.date.fromisoformat(f"{text}{'-01-01'[len(text) - 4 :]}")
    except ValueError:
        return False
    return True


def compare_kept(old: str, new: str, catalog: Catalog) -> Chronicle:
    """What changed between two registries that are kept on this machine.

    Each of *old* and *new* is ``shipped``, ``current``, or the number or the date of one that an
    update kept. Raises InvalidArgument where there is no such one, DataMissing or DataCorrupt.
    """
    first, second = (Registry(Store(_folder(each, catalog))) for each in (old, new))
    sources = (*first.sources()[:1], *second.sources()[:1])
    subject = f"From {sources[0].as_of} to {sources[1].as_of}"
    return Chronicle(
        subject=subject,
        port=None,
        name=None,
        since=None,
        changes=compare(first, second),
        copies=(),
        compared=None,
        sources=sources,
    )


def _folder(word: str, catalog: Catalog) -> str:
    """The folder of the registry that *word* names. Raises InvalidArgument."""
    if word == "shipped":
        return SHIPPED
    if word == "current":
        return catalog.registry.store.folder
    kept = [
        version
        for system in (False, True)
        for version in install.versions(versions.folder(os.environ, system=system))
        if word in (version.as_of, str(version.number))
    ]
    if not kept:
        raise InvalidArgument(
            "",
            f"no registry {shown(word)} is kept here: give shipped, current, or the number or the "
            "date of one that is",
        ).helped_by("versions")
    return kept[-1].path if word == kept[-1].as_of else kept[0].path
