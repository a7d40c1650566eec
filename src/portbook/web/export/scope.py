"""Which pages an export has, where it isn't the whole site; what is left out is never linked to.

After ``--only 300-310`` the site has the pages of these ports, those of the services on them, and
the few that belong to no port. In these pages a link to any other port or service becomes text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from portbook.model import LAST_PORT, State
from portbook.web.pages.browse import paths
from portbook.web.pages.links import file_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from portbook.catalog import Catalog

    Span = tuple[int, int]  # the first port and the last

_LINK = re.compile(
    r'<link (?P<rel>rel="(?:prev|next)") href="(?P<of_head>[^"]*)">'
    r'|<a (?P<before>[^>]*?)href="(?P<address>[^"]*)"(?P<after>[^>]*)>(?P<shown>.*?)</a>',
    re.DOTALL,
)
_CLASS = re.compile(r'class="[^"]*"')


_LISTS = frozenset(paths())  # of the whole site alone


class Scope(NamedTuple):
    """The pages of an export: ports by their *spans*, in order, and *services* by file names.

    ``services`` is empty where all of them have a page, as in the whole site.
    """

    spans: tuple[Span, ...] = ((0, LAST_PORT),)
    services: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether every port has its page."""
        return self.spans == ((0, LAST_PORT),)

    def has_port(self, port: int) -> bool:
        """Whether *port* has a page."""
        return any(first <= port <= last for first, last in self.spans)

    def without_dead_links(self, html: str) -> str:
        """*html*, a page of the site, in which a link to what the site leaves out is text.

        An arrow to a neighbour that is left out goes altogether.
        """
        return html if self.whole else _LINK.sub(self._replaced, html)

    def _replaced(self, link: re.Match[str]) -> str:
        if self._leads_somewhere(link["of_head"] or link["address"]):
            return link[0]
        attributes = f"{link['before']}{link['after']}"
        if link["rel"] or 'rel="prev"' in attributes or 'rel="next"' in attributes:
            return ""
        kept = _CLASS.search(attributes)
        return f"<span{f' {kept[0]}' if kept else ''}>{link['shown']}</span>"

    def _leads_somewhere(self, address: str) -> bool:
        """Whether there is something at *address*: another site, or a page of this one."""
        path = unquote(address.partition("#")[0].partition("?")[0])
        if "://" in path:
            return True
        stem, _, ending = path.removeprefix("../").rpartition(".")
        if ending in ("html", "json", "txt") and stem.isascii() and stem.isdigit():
            return self.has_port(int(stem))
        if stem.startswith("services/"):
            return stem.removeprefix("services/") in self.services
        return stem not in _LISTS


def scope_of(spans: Iterable[Span], catalog: Catalog) -> Scope:
    """The scope of an export that has the pages of the ports in *spans*."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    scope = Scope(tuple(merged))
    if scope.whole:
        return scope
    return scope._replace(services=frozenset(map(file_name, service_names(scope, catalog))))


def service_names(scope: Scope, catalog: Catalog) -> tuple[str, ...]:
    """Every service that has a page in *scope*, once, however its rows spell it.

    It has one if it is assigned a port of the scope; in the whole site, if it is assigned at all.
    """
    return tuple(
        {
            file: name
            for file, name, first, last in catalog.derived(_assigned)
            if scope.whole or _meets(scope.spans, first, last)
        }.values()
    )


def _assigned(catalog: Catalog) -> list[tuple[str, str, int | None, int | None]]:
    """The services of all assigned rows: the name of its page, its own, and its ports."""
    return [
        (file_name(row.service_name), row.service_name, row.first, row.last)
        for row in catalog.registry.store.all()
        if row.service_name and row.state is State.ASSIGNED
    ]


def spans_there(noted: Collection[Span], names: Collection[str]) -> list[Span]:
    """Those of the *noted* spans of which every page is among *names*, files of a folder."""
    there = set(names)
    return [
        (first, last)
        for first, last in noted
        if all(f"{port}.html" in there for port in range(first, last + 1))
    ]


def _meets(spans: Iterable[Span], first: int | None, last: int | None) -> bool:
    if first is None or last is None:
        return False
    return any(first <= end and begin <= last for begin, end in spans)
