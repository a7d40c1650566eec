"""Templates: they go through Jinja2 with autoescape on.

The document inside of a page is printed by :mod:`portbook.present.render.html`, which escapes it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portbook.present.render import html, html_practice, html_text
from portbook.present.words import day
from portbook.web.pages.linked_data import linked_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portbook.web.pages.links import Links

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")


def _finalize(value: object) -> object:
    """What a template prints: text with every character visible, the rest as it is."""
    return html_text.visible(value) if type(value) is str else value


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; compiled when first used."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(curly=html_text.curly, day=day)
    made.globals.update(
        linked=_escaped(html_text.linked),
        references=_escaped(html_text.references),
        source=_escaped(html_text.source),
        sections=_escaped(html.sections),
        grouped=_escaped(html_practice.grouped),
        items=_escaped(html.items),
        fixed=fixed,
    )
    return made


def _escaped(printer: Callable[..., str]) -> Callable[..., Markup]:
    """*printer*, whose output a template takes as it is: it escapes what it is given."""
    return lambda *given: Markup(printer(*given))  # noqa: S704


@lru_cache(maxsize=64)
def fixed(template: str, to: Links, asked: str = "", current: str = "") -> Markup:
    """What is the same on every page: its foot, and its head, which marks the *current* list."""
    made = environment().get_template(template)
    values = {"to": to, "site": to.site, "asked": asked, "current": current, "as_of": to.site.as_of}
    return Markup(made.render(values))  # noqa: S704 - the template escapes


# What a gap is written between; no template has anything like it.
_OPEN, _CLOSE = "⟦", "⟧"


class Frame:
    """A template rendered once, with gaps where the values of each page go.

    A page of a port takes twenty small values, and Jinja2 half a millisecond for them; putting
    them into the gaps takes a hundredth of that. What is put in must be markup already.
    """

    def __init__(
        self, template: str, to: Links, names: Iterable[str], values: Mapping[str, object]
    ) -> None:
        gaps = {name: Markup(f"{_OPEN}{name}{_CLOSE}") for name in names}  # noqa: S704 - our words
        made = environment().get_template(template)
        first, *rest = made.render(to=to, site=to.site, **gaps, **values).split(_OPEN)
        self._pieces = [first]
        self._places: list[tuple[int, str]] = []
        for part in rest:
            name, _, after = part.partition(_CLOSE)
            self._places.append((len(self._pieces), name))
            self._pieces += ["", after]

    def fill(self, values: Mapping[str, str]) -> str:
        """The page with *values*, all of them markup, in the gaps."""
        out = self._pieces.copy()
        for at, name in self._places:
            out[at] = values[name]
        return "".join(out)


def page(
    template: str,
    to: Links,
    title: str,
    *,
    trail: Iterable[tuple[str, str]] = (),
    **values: object,
) -> str:
    """The page that *template* makes of *values*.

    *title* is its heading; ``name`` among them is what a search engine or a tab shows of it, where
    that says more. ``path`` is where it stands, of a page that others may be led to; *trail* has
    the titles and the paths of the pages between the front page and it.
    """
    given: dict[str, object] = {
        "about": "",
        "name": "",
        "path": None,
        "as_of": to.site.as_of,
        **values,
    }
    path = given["path"]
    if path is not None:
        steps = [("Ports", ""), *trail, *([(title, str(path))] if path else [])]
        data = linked_data([(name, to.canonical(each)) for name, each in steps])
        given["data"] = Markup(data)  # noqa: S704 - JSON, in which < is escaped
        given.setdefault("picture", to.picture())
    return environment().get_template(template).render(to=to, site=to.site, title=title, **given)
