"""Sentences as HTML: escaped whole, then typeset, with the links that they imply."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from portbook.present.escape import plain
from portbook.present.words import document

if TYPE_CHECKING:
    from collections.abc import Iterable


class Links(Hashable, Protocol):
    """Where the pages are that a document leads to."""

    def port(self, port: int) -> str:
        """The page of *port*."""

    def service(self, name: str) -> str:
        """The page of the service called *name*."""

    def page(self, path: str) -> str:
        """A page by its path."""

    def topic(self, name: str) -> str | None:
        """The page of the topic called *name*; None where the site has no topics."""

    def rest(self, path: str) -> str | None:
        """The page at *path* that has a long list whole; None where lists stand whole anyway."""


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
    """*text* as it may stand in an element or between the double quotes of an attribute.

    >>> escape("<it's>")
    "&lt;it's&gt;"
    """
    shown = text if text.isprintable() else visible(text)
    # As html.escape() does it, but for the single quote, which ends nothing there.
    return (
        shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


# -- sentences --------------------------------------------------------------------------------

# What is a link wherever it stands in a sentence of ours. The registry's text may hold other
# addresses: those stay text.
_REFERENCE = re.compile(
    r"RFC (?P<rfc>[0-9]{1,5})(?: §(?P<section>[0-9]+(?:\.[0-9]+)*))?"
    r"|(?<=[ (])(?P<iana>https://www\.iana\.org/form/[a-z-]+)"
)
# A command of ours in a sentence; the port of one may be put in later.
_COMMAND = re.compile(r"`((?:portbook|pip) (?:[a-z0-9 /.-]|\{port\})+)`")
# Sentences are written with the quotation marks of a terminal.
_QUOTED = re.compile("&quot;(.+?)&quot;")
# Between letters, or behind the s of a plural that owns what follows.
_APOSTROPHE = re.compile("(?<=[A-Za-z])'(?=[a-z])|(?<=[a-z]s)'(?= [a-z])")
_NUMBER = re.compile(r"(?<![\w§.#/–-])[0-9]{1,5}(?![\w.–])")


def typeset(text: str) -> str:
    r"""A sentence of ours, escaped, with the quotation marks of a book.

    >>> typeset('It isn\'t "unassigned".')
    'It isn’t “unassigned”.'
    """
    out = escape(text)
    if "&" in out:
        out = _QUOTED.sub(r"“\1”", out)
    return curly(out)


def curly(text: str) -> str:
    """*text* with the apostrophes of a book, and not escaped.

    >>> curly("IANA's, 'quoted'"), curly("systems' rules")
    ("IANA’s, 'quoted'", 'systems’ rules')
    """
    return _APOSTROPHE.sub("’", text) if "'" in text else text


def linked(text: str, to: Links, ports: tuple[int, ...] = ()) -> str:
    """*text* with RFCs as links, and the first mention of each of *ports*."""
    return with_ports(sentence_of(text), to, ports)


@lru_cache(maxsize=1024)
def sentence_of(text: str) -> str:
    """Half of the sentences of a page stand on thousands of others."""
    out = typeset(text)
    if "RFC " in out or "https://www.iana" in out:
        out = _REFERENCE.sub(_link, out)
    return _COMMAND.sub(r"<code>\1</code>", out) if "`" in out else out


def with_ports(out: str, to: Links, ports: tuple[int, ...]) -> str:
    """*out*, which is escaped, with the first mention of each of *ports* as a link."""
    if not ports:
        return out
    left = set(map(str, ports))

    def port_link(match: re.Match[str]) -> str:
        number = match[0]
        if number not in left:
            return number
        left.discard(number)
        return f'<a href="{to.port(int(number))}">{number}</a>'

    return _NUMBER.sub(port_link, out)


def _link(match: re.Match[str]) -> str:
    if match["iana"]:
        return f'<a href="{match["iana"]}">{match["iana"].partition("//")[2]}</a>'
    section = f"#section-{match['section']}" if match["section"] else ""
    return f'<a href="https://www.rfc-editor.org/rfc/rfc{match["rfc"]}{section}">{match[0]}</a>'


def references(cited: Iterable[str]) -> str:
    """References of the registry, RFCs as links."""
    return ", ".join(
        [
            f'<a href="https://www.rfc-editor.org/rfc/rfc{each[3:]}">{document(each)}</a>'
            if document(each) != each
            else escape(each)
            for each in cited
        ]
    )


@lru_cache(maxsize=64)
def cited(documents: tuple[str, ...]) -> str:
    """The documents that a sentence rests on, small after it; nothing where there are none."""
    return f' <small class="cites">{sentence_of(", ".join(documents))}</small>' if documents else ""


def source(url: str, name: str | None = None) -> str:
    """The source of a claim as a link; what isn't an address of the web stays text."""
    if not url.startswith(("https://", "http://")):
        return escape(name or url)
    shown = name or url.partition("//")[2].partition("/")[0].removeprefix("www.")
    return f'<a href="{escape(url)}">{typeset(shown)}</a>'
