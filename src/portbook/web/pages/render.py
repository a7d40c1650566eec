"""Templates, and the rendering of what pages are composed of.

Everything goes through Jinja2 with autoescape on, but for the items that make up most of a page:
:mod:`portbook.web.pages.markup` writes those out, and escapes them itself.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portbook.present.port import entry
from portbook.present.port.slots import CLOSE, OPEN, slot
from portbook.web.pages import markup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portbook.present.port.entry import Item, Part
    from portbook.web.pages.links import Links

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")


def _finalize(value: object) -> object:
    """What a template prints: text with every character visible, the rest as it is."""
    return markup.visible(value) if type(value) is str else value


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
    made.globals.update(
        linked=markup.linked,
        references=markup.references,
        source=markup.source,
        items=items,
        fixed=fixed,
    )
    return made


@lru_cache(maxsize=1)
def _writers() -> dict[str, Callable[[Any, Links], str]]:
    """What writes each kind of item: a function of :mod:`markup`, or a macro of the same name."""
    module = environment().get_template("items.html").module
    kinds = (
        entry.Text, entry.Heading, entry.Quote, entry.Facts, entry.Services, entry.Ports,
        entry.Claims, entry.Tabs, entry.Question, entry.Sources, entry.Slot,
    )  # fmt: skip
    return {
        kind.__name__: getattr(markup, kind.__name__.lower(), None)
        or getattr(module, kind.__name__.lower())
        for kind in kinds
    }


def items(some: Iterable[Item], to: Links) -> Markup:
    """The items of a part as markup."""
    made = "".join([item(each, to) for each in some])
    return Markup(made)  # noqa: S704 - what writes an item escapes it


def parts(all_parts: Iterable[Part], to: Links) -> str:
    """The parts of an entry as sections; their ids and titles are words of ours."""
    return "".join([
        f'<section id="{part.id}" aria-labelledby="{part.id}-title"><h2 id="{part.id}-title">'
        f"{markup.typeset(part.title)}</h2>\n"
        f"<div>{''.join([item(each, to) for each in part.items])}</div>"
        "</section>\n"
        for part in all_parts
    ])  # fmt: skip


def item(one: Item, to: Links) -> str:
    """One item as markup."""
    if type(one) is entry.Sources:
        return _sources(one, to)
    return str(_writers()[type(one).__name__](one, to))


@lru_cache(maxsize=64)
def _sources(item: entry.Sources, to: Links) -> str:
    """The sources of a page: a few lists of them stand on all pages."""
    return str(_writers()["Sources"](item, to))


@lru_cache(maxsize=64)
def fixed(template: str, to: Links, asked: str = "") -> Markup:
    """What is the same on every page: its head with the text that was searched for, its foot."""
    made = environment().get_template(template)
    values = {"to": to, "site": to.site, "asked": asked, "as_of": to.site.as_of}
    return Markup(made.render(values))  # noqa: S704 - the template escapes


class Skeleton:
    """A text with slots where the values of each page go.

    A page of a port takes forty small values, and Jinja2 half a millisecond for them; putting
    them into the slots takes a hundredth of that. What is put in must be markup already.
    """

    _held: ClassVar[dict[str, str]] = {}

    def __init__(self, text: str) -> None:
        first, *rest = text.split(OPEN)
        # Skeletons have most of their text in common: it is held once.
        self._pieces = [self._held.setdefault(first, first)]
        self._places: list[tuple[int, str]] = []
        for part in rest:
            name, _, after = part.partition(CLOSE)
            self._places.append((len(self._pieces), name))
            self._pieces += ["", self._held.setdefault(after, after)]

    @classmethod
    def of(cls, template: str, to: Links, slots: Iterable[str], **values: object) -> Skeleton:
        """That of a template, rendered once; no template has anything like a slot by itself."""
        given = {name: Markup(slot(name)) for name in slots}  # noqa: S704 - a word of ours
        made = environment().get_template(template)
        return cls(made.render(to=to, site=to.site, **given, **values))

    @classmethod
    def forget(cls) -> None:
        """Lets go of the texts that skeletons have in common."""
        cls._held.clear()

    def fill(self, values: Mapping[str, str]) -> str:
        """The page with *values*, all of them markup, in their slots."""
        out = self._pieces.copy()
        for at, name in self._places:
            out[at] = values[name]
        return "".join(out)


def page(template: str, to: Links, title: str, **values: object) -> str:
    """The page that *template* makes of *values*."""
    given: dict[str, object] = {"about": "", "as_of": to.site.as_of, **values}
    return environment().get_template(template).render(to=to, site=to.site, title=title, **given)
