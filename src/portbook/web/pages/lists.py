"""What the templates of the pages that list are given: services, ranges, blocks, counts, search."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from portbook.app.history import chronicle
from portbook.app.list_lookup import answer_range
from portbook.catalog.registry.diff import count_kinds
from portbook.catalog.registry.stats import count
from portbook.catalog.registry.summary import STATES, shelf
from portbook.formats.errors.query import Query, QueryKind
from portbook.model import PORTS, RANGES, State
from portbook.model.search import SearchStore
from portbook.present.charts.svg import render_band, render_bar, render_columns
from portbook.present.port.changes import between, dates, limits, said, tally
from portbook.present.views.lists import said_of
from portbook.present.views.ranges import Length, compose_blocks, compose_range
from portbook.present.words import assignee, day, month
from portbook.web.pages.tasks import FIRST_PORTS, common_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portbook.app.history import Chronicle
    from portbook.app.list_lookup import BlocksAnswer
    from portbook.app.search import SearchAnswer
    from portbook.catalog import Catalog
    from portbook.catalog.registry.history import Change
    from portbook.catalog.registry.lookup import Registry
    from portbook.catalog.search import Hit
    from portbook.present.document import Page

MOST_BLOCKS = 60
MOST_ENTRIES = 10  # of each list of a range: its page stays below 60 kB
MOST_HOLDERS = 20
FIRST_YEAR = 2002  # of the chart of registrations: the ten years before it have six
MOST_CHANGES = 100  # on the page that begins with the newest
MOST_DOORS, MOST_NEWEST = 12, 5  # ports and changes that the front page of a copy leads to


def years_of(catalog: Catalog) -> tuple[str, ...]:
    """The years of which there is a page of changes, the newest first."""
    return tuple(sorted({change.until[:4] for change in catalog.history.all()}, reverse=True))


def of_changes(
    found: Chronicle, year: str | None = None, only: Sequence[tuple[int, int]] = ()
) -> dict[str, Any]:
    """What the page of changes says, the newest first: of a *year*, or the newest of all.

    *only* has the ports that the site has pages of, if not all. KeyError if nothing changed in
    *year*.
    """
    changes = [change for change in found.changes if not only or _touches(change, only)]
    per_year: dict[str, list[Change]] = {}
    for change in changes:
        per_year.setdefault(change.until[:4], []).append(change)
    shown = per_year[year] if year else changes[:MOST_CHANGES]
    groups: dict[str, list[Change]] = {}
    for change in shown:
        groups.setdefault(change.until[:4], []).append(change)
    assert found.compared is not None
    return {
        "since": found.since,
        "count": len(per_year[year] if year else changes),
        "tally": tally(count_kinds(shown if year else changes)),
        "kinds": sorted({str(change.kind) for change in shown}),
        "scope": limits(found.compared),
        "year": year,
        "years": [(one, len(some)) for one, some in per_year.items()],
        "groups": [(one, [_history_row(change) for change in some])
                   for one, some in groups.items()],
        "more": 0 if year else len(changes) - len(shown),
    }  # fmt: skip


def _touches(change: Change, only: Sequence[tuple[int, int]]) -> bool:
    """Whether *change* is of one of the ports in the spans *only*."""
    if change.first is None or change.last is None:
        return False
    return any(change.first <= last and first <= change.last for first, last in only)


_NEW_NAME = "new service name "


def _history_row(change: Change) -> dict[str, object]:
    before, _, became = said(change).partition(" → ")
    after, quoted, described = became.partition(' ("')
    new = before.removeprefix(_NEW_NAME) if before.startswith(_NEW_NAME) else ""
    return {
        "first": change.first,
        "last": change.last,
        "transports": change.transports,
        "kind": str(change.kind),
        "when": dates(change.since, change.until),
        "between": between(change.since, change.until),
        "before": "" if new else before,
        "after": after,
        "new": new,
        "described": f" (“{described[:-2]}”)" if quoted else "",
    }


# -- ranges and blocks ------------------------------------------------------------------------


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "–"


def _counted(counts: Mapping[State, int]) -> list[tuple[State, int, str, None]]:
    whole = sum(counts.values())
    return [
        (state, number, _share(number, whole), None) for state, number in counts.items() if number
    ]


def _band(counts: Mapping[State, int]) -> Markup:
    return Markup(render_band(counts))  # noqa: S704 - numbers and states alone


class RangePages:
    """The pages of the ranges that RFC 6335 names, each composed when first asked for.

    A catalog has one of these: ``catalog.derived(RangePages)``.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._pages: dict[str, Page] = {}

    def page(self, name: str) -> Page:
        """The page of the range called ``system``, ``user`` or ``dynamic``; KeyError otherwise."""
        if name not in self._pages:
            own = _NAMED[name]
            query = Query(QueryKind.RANGE, name, own.first, own.last)
            self._pages[name] = compose_range(
                answer_range(query, self._catalog), Length(MOST_ENTRIES)
            )
        return self._pages[name]


_NAMED = {each.name: each for each in RANGES}


def of_range(name: str, catalog: Catalog) -> dict[str, Any]:
    """What the page of a range has beside its document; KeyError if there is no such range."""
    own = _NAMED[name]
    stride = 1000
    top = own.first >> 8
    return {
        "document": catalog.derived(RangePages).page(name),
        "range": own,
        "others": [each for each in RANGES if each.name != name],
        "band": _band(shelf(catalog.registry).by_range[name]),
        "top": top,
        "rows": (own.last >> 8) - top + 1,
        "stretches": list(range(-(-own.first // stride) * stride, own.last + 1, stride)),
        "stride": stride,
    }


def of_blocks(answer: BlocksAnswer) -> dict[str, Any]:
    """What the page of blocks has: its document, and what can be chosen."""
    return {
        "document": compose_blocks(answer, Length(MOST_BLOCKS)),
        "state": answer.state,
        "range_name": answer.range_name,
        "all_states": STATES,
        "all_ranges": RANGES,
    }


# -- counts -----------------------------------------------------------------------------------


def of_stats(book: Registry) -> dict[str, Any]:
    """What the page of counts says."""
    stats = count(book)
    ranges = []
    for each in RANGES:
        rows = [found for found in stats.ranges if found.range == each]
        headline = next(found.states for found in rows if found.transport is None)
        named = [
            (str(found.transport or "any transport"), tuple(found.states.values()))
            for found in rows
        ]
        ranges.append((each, _band(headline), named))
    holders = stats.assignees[:MOST_HOLDERS]
    most = holders[0][1] if holders else 1
    return {
        "stats": stats,
        "ranges": ranges,
        "all_states": STATES,
        "undated_share": _share(stats.undated, stats.assigned_rows),
        "unrecorded_share": _share(stats.assignee_not_recorded, stats.assigned_rows),
        "years_chart": Markup(render_columns(_every_year(stats.years))),  # noqa: S704
        "before_chart": sum(number for year, number in stats.years if int(year) < FIRST_YEAR),
        "first_year": FIRST_YEAR,
        "until": month(stats.registration_as_of) if stats.registration_as_of else "",
        "holders": [
            (assignee(name), number, Markup(render_bar(number, most)))  # noqa: S704
            for name, number in holders
        ],
    }


def _every_year(years: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The years of the chart, with those between them that have no registration."""
    counted = {int(year): number for year, number in years if int(year) >= FIRST_YEAR}
    if not counted:
        return []
    every = range(min(counted), max(counted) + 1)
    return [(f"’{year % 100:02}", counted.get(year, 0)) for year in every]


# What the map names, by what people call it; the ones that would be too close on a narrow screen.
PINS = (
    (22, "ssh", False), (443, "https", True), (3306, "mysql", True), (5432, "postgres", False),
    (8080, "http", True), (11434, "ollama", False), (20000, "dnp3", True),
    (25565, "minecraft", True), (27017, "mongodb", False), (32400, "plex", True),
    (50000, "db2", True), (51820, "wireguard", False),
)  # fmt: skip


def of_map(book: Registry) -> dict[str, Any]:
    """What the page of the map says beside the picture."""
    stand = shelf(book)
    step = 4096
    return {
        "states": _counted(stand.counts(0, PORTS - 1)),
        "all_states": STATES,
        "pins": PINS,
        "stretches": [
            (first, first + step - 1, tuple(stand.counts(first, first + step - 1).values()))
            for first in range(0, PORTS, step)
        ],
    }


# -- search and the front page ----------------------------------------------------------------


def of_search(answer: SearchAnswer | None, text: str) -> dict[str, Any]:
    """What the page of a search says."""
    if answer is None:
        said = (
            "By number, name, description or product. The key / leads to the field from any page."
        )
        return {"headline": "Search", "said": said, "hits": [], "more": 0, "about": said}
    number = len(answer.hits)
    if number and answer.similar:
        denied = "No service is named" if answer.asked_by_name else "Nothing is called"
        headline, said = f"{denied} “{text}”", "Similar names:"
    elif number:
        headline = f"{number:,} {'match' if number == 1 else 'matches'} for “{text}”"
        said = ""
    else:
        headline, said = f"Nothing matches “{text}”", "Try part of a name, or one word."
    hits = answer.hits[: answer.shown]
    return {
        "headline": headline,
        "said": said,
        "hits": [_hit(hit) for hit in hits],
        "more": number - len(hits),
    }


_MOST_SPANS = 6


def _hit(hit: Hit) -> dict[str, Any]:
    """A line of the page of a search; a product's has its source."""
    spans: dict[tuple[int, int], list[str]] = {}
    for first, last, transport in hit.ports:
        spans.setdefault((first, last), []).append(transport or "any")
    row = hit.rows[0] if hit.rows else None
    return {
        "name": hit.name,
        "registered": hit.registered,
        "said": said_of(hit),
        "spans": [(*ports, " ".join(on)) for ports, on in spans.items()][:_MOST_SPANS],
        "more": max(0, len(spans) - _MOST_SPANS),
        "why": hit.why if hit.store is SearchStore.MATCHES else "",
        "source": row and row.source,
        "read": row and day(row.read),
    }


def _first_ports(only: Sequence[tuple[int, int]]) -> list[int]:
    """As many ports of the spans *only* as the front page leads to: known ones, then the first."""
    met = {port for _, ports in FIRST_PORTS for port in ports}
    known = [port for port in sorted(met) if any(first <= port <= last for first, last in only)]
    known = known[:MOST_DOORS]
    ports = (port for first, last in only for port in range(first, last + 1))
    others = (port for port in ports if port not in known)
    return sorted([*known, *islice(others, MOST_DOORS - len(known))])


def of_home(catalog: Catalog, only: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    """What the front page says; *only* has the ports that the site has pages of, if not all."""
    stand = shelf(catalog.registry)
    tasks = [("Some of its ports", _first_ports(only))] if only else [*FIRST_PORTS]
    return {
        "about": "A page for each of 65,536 ports: what the registry says, what people do with "
        "it, and how to see what is really there.",
        "states": _counted(stand.counts(0, PORTS - 1)),
        "ranges": [(each, _band(stand.by_range[each.name])) for each in RANGES],
        "tasks": [
            (title, [common_port(port, catalog) for port in ports]) for title, ports in tasks
        ],
        "newest": [
            _history_row(change)
            for change in chronicle(catalog).changes
            if change.first is not None and (not only or _touches(change, only))
        ][:MOST_NEWEST],
    }
