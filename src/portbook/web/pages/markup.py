"""What pages are composed of, as markup: the items of which there are dozens on every page.

Each function escapes whatever it is given, whole, before it adds an element or a link of its own.
The rarer items are macros in ``templates/items.html``; these here are written out because they
are most of what a page costs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape as _escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from portbook.present.escape import plain
from portbook.present.port.entry import PORT
from portbook.present.port.slots import slot as slot_of
from portbook.present.words import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import State
    from portbook.present.port.entry import (
        Facts,
        Heading,
        PortRow,
        Ports,
        Question,
        Quote,
        Slot,
        Tab,
        Tabs,
        Text,
    )
    from portbook.web.pages.links import Links


def visible(text: str) -> str:
    r"""*text* with every character visible: what could reorder or hide others is written out.

    Line breaks stay; the pages that have any show them.

    >>> visible("caf\xe9"), visible("a\u202eb\nc")
    ('café', 'a\\u202eb\nc')
    """
    if text.isprintable():
        return text
    return "\n".join(map(plain, text.split("\n")))


def escape(text: str) -> str:
    """*text* as it may stand in an element or between the quotes of an attribute."""
    return _escape(text if text.isprintable() else visible(text))


# What is a link wherever it stands in a sentence of ours. The registry's text may hold other
# addresses: those stay text.
_REFERENCE = re.compile(
    r"RFC (?P<rfc>[0-9]{1,5})(?: §(?P<section>[0-9]+(?:\.[0-9]+)*))?"
    r"|(?<=[ (])(?P<iana>https://www\.iana\.org/form/[a-z-]+)"
)
# Sentences are written with the quotation marks of a terminal.
_QUOTED = re.compile("&quot;(.+?)&quot;")
_APOSTROPHE = re.compile("(?<=[a-z])&#x27;(?=[a-z])")
_NUMBER = re.compile(r"(?<![\w§.#/–-])[0-9]{1,5}(?![\w.–])")


def linked(
    text: str, to: Links, ports: tuple[int, ...] = (), services: tuple[str, ...] = ()
) -> Markup:
    """*text* with RFCs as links, and the first mention of each of *ports* and *services*."""
    return Markup(_linked(text, to, ports, services))  # noqa: S704 - escaped there


def typeset(text: str) -> str:
    r"""A sentence of ours, escaped, with the quotation marks of a book.

    >>> typeset('It isn\'t "unassigned".')
    'It isn’t “unassigned”.'
    """
    out = escape(text)
    return _APOSTROPHE.sub("’", _QUOTED.sub(r"“\1”", out)) if "&" in out else out


def _linked(text: str, to: Links, ports: tuple[int, ...], services: tuple[str, ...]) -> str:
    out = typeset(text)
    if "RFC " in out or "https://www.iana" in out:
        out = _REFERENCE.sub(_link, out)
    if ports:
        left = set(map(str, ports))

        def port_link(match: re.Match[str]) -> str:
            number = match[0]
            if number not in left:
                return number
            left.discard(number)
            return f'<a href="{to.port(int(number))}">{number}</a>'

        out = _NUMBER.sub(port_link, out)
    for name in services:
        safe = escape(name)
        out = out.replace(f"({safe})", f'(<a href="{escape(to.service(name))}">{safe}</a>)', 1)
    return out


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
        else Markup(escape(each))  # noqa: S704 - escaped
        for each in cited
    )


def source(url: str, name: str | None = None) -> Markup:
    """The source of a claim as a link; what isn't an address of the web stays text."""
    if not url.startswith(("https://", "http://")):
        return Markup(escape(name or url))  # noqa: S704 - escaped
    shown = name or url.partition("//")[2].partition("/")[0].removeprefix("www.")
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(visible(url), visible(shown))


# -- the frame of a port's page ------------------------------------------------------------------


@lru_cache(maxsize=64)
def contents(parts: tuple[tuple[str, str], ...]) -> str:
    """The list of a page's parts, each an id and a title."""
    return "".join(
        f'<li><a href="#{escape(place)}">{typeset(title)}</a></li>' for place, title in parts
    )


@lru_cache(maxsize=256)
def states(of: tuple[tuple[State, str], ...]) -> str:
    """States, each with what it holds for."""
    return "".join(
        f'<li><span class="sw s-{state}" aria-hidden="true"></span>'
        f"<b>{state}</b>{escape(said)}</li>"
        for state, said in of
    )


def lead(sentences: tuple[str, ...], notes: tuple[str, ...], to: Links) -> str:
    """The first sentences of a page, and how a loose question was read."""
    said = [f"<p>{_linked(sentence, to, (), ())}</p>\n" for sentence in sentences]
    return "".join([*said, *(f'<p class="note">{escape(note)}</p>' for note in notes)])


# -- items ------------------------------------------------------------------------------------


def text(item: Text, to: Links) -> str:
    """A paragraph."""
    return f"<p>{_linked(item.text, to, item.ports, item.services)}</p>\n"


def heading(item: Heading, _to: Links) -> str:
    """A heading inside of a section."""
    return f"<h3>{typeset(item.heading)}</h3>\n"


def quote(item: Quote, _to: Links) -> str:
    """The registry's own words."""
    return (
        f'<figure class="quote"><blockquote>{escape(item.quote)}</blockquote>'
        f"<figcaption>{escape(item.of)}</figcaption></figure>\n"
    )


def facts(item: Facts, _to: Links) -> str:
    """Labels and values."""
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in item.facts
    )
    return f'<dl class="facts">{rows}</dl>\n'


def question(item: Question, to: Links) -> str:
    """A question with its answer."""
    return f"<h3>{typeset(item.question)}</h3><p>{_linked(item.answer, to, (), ())}</p>\n"


def ports(item: Ports, to: Links) -> str:
    """Ports, one a row."""
    rows = "\n".join([_port_row(row, to) for row in item.port_rows])
    return (
        f'<table class="ports"><caption>{escape(item.caption)}</caption><tbody>\n{rows}\n'
        "</tbody></table>\n"
    )


def _port_row(row: PortRow, to: Links) -> str:
    names = ", ".join(
        [f'<a href="{escape(to.service(name))}">{escape(name)}</a>' for name in row.names]
    )
    if row.here:
        number = f"<b>{row.first}</b>"
    else:
        number = f'<a href="{to.port(row.first)}">{row.first}</a>'
        if row.last > row.first:
            number += f'–<a href="{to.port(row.last)}">{row.last}</a>'
    here = ' class="here"' if row.here else ""
    if row.here and not names:
        names = "<i>this port</i>"
    said = escape(row.description)
    return f'<tr{here}><th scope="row">{number}</th><td>{names}</td><td>{said}</td></tr>'


def slot(item: Slot, _to: Links) -> str:
    """What is filled in later."""
    return slot_of(item.slot)


def tabs(item: Tabs, _to: Links) -> str:
    """Tabs made of radio buttons, so that they work without a script."""
    return _tabs(item.tabs).replace(PORT, str(item.tabs_port))


@lru_cache(maxsize=8)
def _tabs(shown: tuple[Tab, ...]) -> str:
    labels = "".join(
        f'<input type="radio" name="system" id="on-{at}" data-system="{escape(tab.system)}"'
        f'{" checked" if at == 1 else ""}><label for="on-{at}">{escape(tab.system)}</label>\n'
        for at, tab in enumerate(shown, 1)
    )
    return f'<div class="tabs">\n{labels}{"".join(map(_tab, shown))}</div>\n'


def _tab(tab: Tab) -> str:
    steps = "".join(
        f'<p class="does">{escape(step.about)}</p>'
        f'<pre tabindex="0"><code>{escape(step.command)}</code></pre>\n'
        for step in tab.steps
    )
    system = escape(tab.system)
    return (
        f'<section class="tab" aria-label="{system}"><h3>{system}</h3>\n{steps}'
        f"<p>{typeset(tab.proves)}</p></section>\n"
    )
