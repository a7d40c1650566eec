"""Templates, and the rendering of what pages are composed of.

Everything goes through Jinja2 with autoescape on. The few functions that make markup by
themselves (:func:`linked`, :func:`references`, :func:`source`) escape first and then add links.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from portbook.pages import entry
from portbook.pages.prose import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portbook.pages.entry import Item
    from portbook.web.links import Links

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")

# What is a link wherever it stands in a sentence of ours. The registry's text may hold other
# addresses: those stay text.
_REFERENCE = re.compile(
    r"RFC (?P<rfc>[0-9]{1,5})(?: §(?P<section>[0-9]+(?:\.[0-9]+)*))?"
    r"|(?<=[ (])(?P<iana>https://www\.iana\.org/form/[a-z-]+)"
)
_PORT = re.compile(r"(?<![\w.:–-])([0-9]{1,5}) \(")


def linked(text: str, to: Links, ports: Iterable[int] = (), services: Iterable[str] = ()) -> Markup:
    """*text* with its RFCs, ports and services as links.

    A number before a bracket, as in ``308 (novastorbakcup)``, is a port as well.
    """
    out = _REFERENCE.sub(_link, str(escape(text)))
    for port in ports:
        link = f'<a href="{escape(to.port(port))}">{port}</a>'
        out = re.sub(rf"(?<![\w§.#/]){port}(?![\w.])", link, out, count=1)
    for name in services:
        safe = str(escape(name))
        out = out.replace(safe, f'<a href="{escape(to.service(name))}">{safe}</a>', 1)
    return Markup(out)  # noqa: S704 - escaped above, then only links were added


def _link(match: re.Match[str]) -> str:
    if match["iana"]:
        return f'<a href="{match["iana"]}">{match["iana"].partition("//")[2]}</a>'
    section = f"#section-{match['section']}" if match["section"] else ""
    return f'<a href="https://www.rfc-editor.org/rfc/rfc{match["rfc"]}{section}">{match[0]}</a>'


def references(cited: Iterable[str]) -> Markup:
    """References of the registry, RFCs as links."""
    return Markup(", ").join(
        Markup('<a href="https://www.rfc-editor.org/rfc/rfc{0}">RFC {0}</a>').format(each[3:])
        if document(each) != each
        else escape(each)
        for each in cited
    )


def source(url: str, name: str | None = None) -> Markup:
    """The source of a claim as a link; what isn't an address of the web stays text."""
    if not url.startswith(("https://", "http://")):
        return escape(name or url)
    shown = name or url.partition("//")[2].partition("/")[0].removeprefix("www.")
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(url, shown)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; compiled when first used."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(linked=linked, references=references, source=source, items=items)
    return made


@lru_cache(maxsize=1)
def _macros() -> dict[str, Callable[[Item, Links], Markup]]:
    """The macro for each kind of item; it has the kind's name in lower case."""
    module = environment().get_template("items.html").module
    kinds = (
        entry.Text, entry.Heading, entry.Quote, entry.Facts, entry.Services, entry.Ports,
        entry.Claims, entry.Tabs, entry.Question, entry.Sources,
    )  # fmt: skip
    return {kind.__name__: getattr(module, kind.__name__.lower()) for kind in kinds}


def items(parts: Iterable[Item], to: Links) -> Markup:
    """The items of a part as markup."""
    return Markup("").join([_item(type(item).__name__, item, to) for item in parts])


# Many pages share an item word for word: what reserved means, who assigns a User Port. The type
# is part of the key because a named tuple equals any other with the same values.
@lru_cache(maxsize=2048)
def _item(kind: str, item: Item, to: Links) -> Markup:
    return _macros()[kind](item, to)


def page(template: str, to: Links, title: str, **values: object) -> str:
    """The page that *template* makes of *values*."""
    from portbook.registry import registry

    given: dict[str, object] = {"about": "", "as_of": registry().store.as_of, **values}
    return environment().get_template(template).render(to=to, site=to.site, title=title, **given)
