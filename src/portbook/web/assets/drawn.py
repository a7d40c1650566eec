"""Files that are made from the registry and served beside the static ones, under the same names.

``map.png`` and ``map.svg`` are the map; ``search-index.js`` is what search-as-you-type and the map
look things up in. It is a script, so that it works from a file as well. ``card.png`` and its like
are what is shown of a page that is shared; the icons are those of phones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from portbook.catalog.registry.summary import STATES, shelf
from portbook.model import State
from portbook.present.charts.card import render_card, render_icon
from portbook.present.charts.map import render_map_png, render_map_svg
from portbook.present.escape import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.catalog import Catalog
    from portbook.catalog.registry.lookup import Registry

_CARDS = {f"card-{state}.png": state for state in STATES}
_ICONS = {
    "icon-192.png": (192, 1.0),
    "icon-512.png": (512, 1.0),
    "icon-maskable.png": (512, 0.6),
    "apple-touch-icon.png": (180, 0.8),
}
NAMES = ("map.png", "map-large.png", "map.svg", "search-index.js", "card.png", *_CARDS, *_ICONS)


def draw(name: str, catalog: Catalog) -> bytes:
    """The file called *name*, one of :data:`NAMES`; KeyError if it isn't one. Drawn once."""
    drawn = catalog.derived(_drawn)
    if name not in drawn:
        drawn[name] = _draw(name, catalog)
    return drawn[name]


def _drawn(_: Catalog) -> dict[str, bytes]:
    return {}


def _draw(name: str, catalog: Catalog) -> bytes:
    stand = shelf(catalog.registry)
    if name == "map.png":
        return render_map_png(stand)
    if name == "map-large.png":
        return render_map_png(stand, 8)
    if name == "map.svg":
        return render_map_svg(stand).encode()
    if name == "search-index.js":
        return render_index(catalog).encode()
    if name == "card.png" or name in _CARDS:
        return render_card(stand, state=_CARDS.get(name))
    if name in _ICONS:
        return render_icon(*_ICONS[name])
    raise KeyError(name)


def manifest_of(base: str, start: str) -> str:
    """The manifest of a site whose addresses begin with *base* and whose front page is *start*."""
    value = {
        "name": "portbook",
        "description": "Every port number: what it is for, and what is really there",
        "start_url": start,
        "display": "minimal-ui",
        "background_color": "#faf8f3",
        "theme_color": "#faf8f3",
        "icons": [
            {"src": f"{base}static/icon.svg", "sizes": "any", "type": "image/svg+xml"},
            {"src": f"{base}static/icon-192.png", "sizes": "192x192", "type": "image/png"},
            {"src": f"{base}static/icon-512.png", "sizes": "512x512", "type": "image/png"},
            {"src": f"{base}static/icon-maskable.png", "sizes": "512x512", "type": "image/png",
             "purpose": "maskable"},
        ],
    }  # fmt: skip
    return json.dumps(value, separators=(",", ":"))


def render_index(catalog: Catalog) -> str:
    """The search index as a script that sets ``portbookIndex``.

    ``states`` names the states; ``runs`` holds the map as ``state.length`` in base 36, separated
    by commas. ``rows`` has a line for each service, unnamed row and use in practice: the name, the
    ports as ``22`` or ``6000-6063``, separated by commas, and the description, between tabs. The
    name of a product has a ``+`` before it, and its source is the fourth cell.
    """
    book = catalog.registry
    drawn = ",".join(
        f"{STATES.index(state)}.{_base36(last - first + 1)}"
        for state, first, last in shelf(book).runs()
    )
    value = {
        "asOf": book.sources()[0].as_of,
        "states": [str(state) for state in STATES],
        "runs": drawn,
        "rows": "\n".join((*_services(book), *_products(catalog))),
    }
    # In ASCII and without "<": nothing in it can end the script or its lines.
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return f"self.portbookIndex={text};\n"


def _services(book: Registry) -> Iterable[str]:
    spans: dict[tuple[str, str], dict[str, None]] = {}
    said: dict[tuple[str, str], str] = {}
    for row in book.store.all():
        if row.state is not State.ASSIGNED:
            continue
        title = row.title or ""
        name = row.service_name or ""
        key = (name.lower(), "" if name else title)
        said.setdefault(key, f"{_cell(name)}\t\t{'' if title == name else _cell(title)}")
        ports = spans.setdefault(key, {})
        if row.first is not None and row.last is not None:
            ports[_ports(row.first, row.last)] = None
    for key, line in said.items():
        name, _, title = line.split("\t")
        yield f"{name}\t{','.join(spans[key])}\t{title}"


def _products(catalog: Catalog) -> Iterable[str]:
    """A line for each use on record, then for each program with ports that no use tells of."""
    spans: dict[tuple[str, str, str], dict[str, None]] = {}
    told: set[tuple[str, int]] = set()
    for use in catalog.practice.uses():
        key = (use.product, use.summary, use.source)
        spans.setdefault(key, {})[_ports(use.first, use.last)] = None
        told.add((use.product, use.first))
    for program in catalog.practice.programs():
        for port, _ in program.ports:
            if (program.product, port) not in told:
                spans.setdefault((program.product, "", program.source), {})[str(port)] = None
    for (product, summary, source), ports in sorted(spans.items()):
        yield f"+{_cell(product)}\t{','.join(ports)}\t{_cell(summary)}\t{_cell(source)}"


def _cell(text: str) -> str:
    """*text* with nothing in it that a page would act on: scripts show it as it stands there."""
    return one_line(text)


def _ports(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _base36(number: int) -> str:
    """*number* in base 36, as JavaScript's parseInt reads it.

    >>> _base36(35), _base36(36)
    ('z', '10')
    """
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
