"""Files that are made from the registry and served beside the static ones, under the same names.

``map.png`` and ``map.svg`` are the map; ``search-index.js`` is what search-as-you-type and the map
look things up in. It is a script, so that it works from a file as well. ``card.png`` and its like
are what is shown of a page that is shared; the icons are those of phones.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from portbook.catalog.registry.summary import STATES, shelf
from portbook.catalog.search import index
from portbook.catalog.search_entries import OF_ANOTHER
from portbook.formats.errors.questions import ASKING, DROPPED
from portbook.model.search import SearchStore
from portbook.present.charts.card import render_card, render_icon
from portbook.present.charts.map import render_map_png, render_map_svg
from portbook.present.escape import one_line

if TYPE_CHECKING:
    from portbook.catalog import Catalog
    from portbook.catalog.search_entries import Entry

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
    """The search index as a script that sets ``portbookSearch`` and ``portbookIndex``.

    ``states`` names the states; ``runs`` holds the map as ``state.length`` in base 36, separated
    by commas. ``rows`` has a line for each entry of :mod:`portbook.catalog.search`, in their order:
    the name, the ports as ``22`` or ``6000-6063``, separated by commas, what is said of it, its
    source, its other names between ``|`` (those that gave way to it behind ``~``), and what is
    only searched, between tabs. What no registry has is marked before its name: a service by
    ``=``, a product by ``+``, what is named after one by ``-``, a program by ``*``, a report of
    abuse by ``!``. ``ofAnother`` are the words that ask for what is named after a product;
    ``dropped`` and ``asking`` are words of questions.
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
        "ofAnother": sorted(OF_ANOTHER),
        "dropped": sorted(DROPPED),
        "asking": sorted(ASKING),
        "rows": "\n".join(map(_row, index(catalog).entries)),
    }
    # In ASCII and without "<": nothing in it can end the script or its lines.
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    with open(os.path.join(os.path.dirname(__file__), "find.js"), encoding="utf-8") as file:
        return f"{file.read()}self.portbookIndex={text};\n"


_MARKS = {SearchStore.USES: "+", SearchStore.PROGRAMS: "*", SearchStore.ABUSE: "!"}


def _row(entry: Entry) -> str:
    mark = "-" if entry.of_another else _MARKS.get(entry.store, "" if entry.registered else "=")
    spans = dict.fromkeys(_ports(first, last) for first, last, _ in entry.sorted_numbers())
    others = [*entry.called, *(f"~{name}" for name in entry.aliases)]
    source = entry.rows[0].source if entry.rows else ""
    cells = [entry.name or "", entry.shown, source, "|".join(others), entry.extra]
    name, said, source, other, extra = map(_cell, cells)
    return f"{mark}{name}\t{','.join(spans)}\t{said}\t{source}\t{other}\t{extra}".rstrip("\t")


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
