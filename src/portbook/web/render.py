"""Templates, and the rendering of what pages are composed of.

Everything goes through Jinja2 with autoescape on, but for the items that make up most of a page:
:mod:`portbook.web.markup` writes those out, and escapes them itself.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portbook.pages import entry
from portbook.web import markup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portbook.pages.entry import Item, Part
    from portbook.web.links import Links

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
        entry.Claims, entry.Tabs, entry.Question, entry.Sources,
    )  # fmt: skip
    return {
        kind.__name__: getattr(markup, kind.__name__.lower(), None)
        or getattr(module, kind.__name__.lower())
        for kind in kinds
    }


def items(some: Iterable[Item], to: Links) -> Markup:
    """The items of a part as markup."""
    made = "".join([_item(type(item).__name__, item, to) for item in some])
    return Markup(made)  # noqa: S704 - what writes an item escapes it


def parts(all_parts: Iterable[Part], to: Links) -> str:
    """The parts of an entry as sections; their ids and titles are words of ours."""
    return "".join([
        f'<section id="{part.id}" aria-labelledby="{part.id}-title"><h2 id="{part.id}-title">'
        f"{part.title}</h2>\n<div>{items(part.items, to)}</div></section>\n"
        for part in all_parts
    ])  # fmt: skip


@lru_cache(maxsize=64)
def fixed(template: str, to: Links, asked: str = "") -> Markup:
    """What is the same on every page: its head with the text that was searched for, its foot."""
    from portbook.registry import registry

    made = environment().get_template(template)
    values = {"to": to, "site": to.site, "asked": asked, "as_of": registry().store.as_of}
    return Markup(made.render(values))  # noqa: S704 - the template escapes


# Many pages share an item word for word: what reserved means, who assigns a User Port. The kind
# is part of the key because a named tuple equals any other with the same values.
@lru_cache(maxsize=4096)
def _item(kind: str, item: Item, to: Links) -> str:
    return str(_writers()[kind](item, to))


class Skeleton:
    """A template rendered once, with slots where the values of each page go.

    A page of a port takes forty small values, and Jinja2 half a millisecond for them; putting
    them into the slots takes a tenth of that. What is put in must be markup already.
    """

    # Only templates are rendered with these in them, and no template has any by itself.
    _OPEN, _CLOSE = "⟦", "⟧"

    def __init__(self, template: str, to: Links, slots: Iterable[str], **values: object) -> None:
        given = {name: Markup(f"{self._OPEN}{name}{self._CLOSE}") for name in slots}  # noqa: S704
        made = environment().get_template(template)
        text = made.render(to=to, site=to.site, **given, **values)
        first, *rest = text.split(self._OPEN)
        self._pieces = [first]
        self._slots = []
        for part in rest:
            name, _, after = part.partition(self._CLOSE)
            self._slots.append(name)
            self._pieces.append(after)

    def fill(self, values: Mapping[str, str]) -> str:
        """The page with *values*, all of them markup, in their slots."""
        out = [self._pieces[0]]
        for name, piece in zip(self._slots, self._pieces[1:], strict=True):
            out.append(values[name])
            out.append(piece)
        return "".join(out)


def page(template: str, to: Links, title: str, **values: object) -> str:
    """The page that *template* makes of *values*."""
    from portbook.registry import registry

    given: dict[str, object] = {"about": "", "as_of": registry().store.as_of, **values}
    return environment().get_template(template).render(to=to, site=to.site, title=title, **given)
