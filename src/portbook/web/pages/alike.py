"""Ports whose pages are alike but for numbers: what one says is filled in for the next.

Five ports in six are in a gap or among the Dynamic Ports, with nothing on record of that very
number. Their pages differ in a few numbers (the port, the ports beside it, the ends and the size of
its gap) and in a few pieces (the picture of the ports around it, the nearest assigned ones, what
its bytes make the other way round). The page of one such port is taken apart where these stand.
That of another is printed whole as well, and only where the parts make the same of it, byte for
byte, are they filled in for further ones: for those of the same gap after another port of it, for
those of all gaps after one of another gap, in which a number that only looked like the gap's is
found out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from portbook.model import LAST_PORT, Neighbour, State
from portbook.present.port import registry
from portbook.present.port.background import details
from portbook.present.port.on_record import is_own_site
from portbook.present.port.special import title_of_special
from portbook.present.render import html, html_head
from portbook.present.render.document_text import render_item
from portbook.present.render.json_text import json_line
from portbook.present.render.text import Style
from portbook.schema.port import NEIGHBOURS, PORT_AND_STATE
from portbook.schema.records import BLOCK
from portbook.web.pages import views
from portbook.web.pages.links import Links

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from portbook.app.port_lookup import PortAnswer
    from portbook.catalog import Catalog
    from portbook.model import Block
    from portbook.present.document import Item
    from portbook.web.site_config import Site

    Pieces = tuple[Mapping[str, str], ...]  # of each form, by name
    # Of each form, with nothing in every other place, and the names of what stands there.
    Parts = tuple[tuple[tuple[bytes, ...], tuple[str, ...]], ...]

STYLE = Style(80)  # of a page as text
Forms = tuple[str, ...]  # the page of a port, in each form that is asked for
Encoded = tuple[bytes, ...]  # the same, as they are sent and written
_TRIES = 4  # whose own numbers stand there for something else as well, is no specimen
_MOST_KINDS = 256  # that are held; of the shipped registry there are 150
_MOST_GAPS = 1024  # whose nearest ports are held
_FIRST_USER = 1024
_NOBODY = Neighbour(0, (), None)
_PLAIN = (None, "Unassigned")  # the registry's words that say nothing of one port


class Alike:
    """The pages of the ports of a whole site, which *printed* prints, in each of its forms.

    *pieces* are those of a port that stand in them whole, form by form. In *wrapped* ones, lines
    break by the length of numbers. Not for several threads.
    """

    def __init__(
        self,
        printed: Callable[[PortAnswer], Forms],
        pieces: Callable[[PortAnswer], Pieces],
        *,
        wrapped: bool = True,
    ) -> None:
        self._printed = printed
        self._pieces = pieces
        self._lengths = _lengths if wrapped else lambda _: ()
        self._kinds: dict[Hashable, _Kind] = {}

    def forms(self, answer: PortAnswer) -> Encoded:
        """The page of *answer*, a whole answer without this machine."""
        if not _is_plain(answer):
            return encoded(self._printed(answer))
        own, facts = self._own(answer), _facts(answer)
        there = [tuple(map(bool, each.values())) for each in own]
        key = (*self._lengths(answer), *_key(answer), *there)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            kind = self._kinds[key] = _Kind(facts)
        elif kind.facts != facts:
            return encoded(self._printed(answer))
        if kind.parts is not None and (kind.proved or kind.proved_within == answer.block):
            return _filled(kind.parts, own)
        forms = self._printed(answer)
        made = encoded(forms)
        if kind.parts is not None or kind.tries:
            kind.look_at(answer.block, forms, made, own)
        return made

    def _own(self, answer: PortAnswer) -> Pieces:
        numbers = _numbers(answer)
        return tuple([{**numbers, **pieces} for pieces in self._pieces(answer)])


class _Writer(Protocol):
    """What prints the page of any port, as :mod:`portbook.web.pages.views` does."""

    def port(self, answer: PortAnswer, catalog: Catalog, site: Site) -> str: ...


class PortPages:
    """The pages of the ports of *catalog* on *site*, as *writer* writes each.

    It is the event loop's, and no thread's.
    """

    def __init__(self, catalog: Catalog, site: Site, writer: _Writer) -> None:
        pieces = HtmlPieces(catalog, site)
        self._alike = Alike(
            lambda answer: (writer.port(answer, catalog, site),),
            lambda answer: (pieces.of(answer),),
            wrapped=False,
        )

    def of(self, answer: PortAnswer) -> bytes:
        """The page of the port of *answer*, a whole answer without this machine."""
        return self._alike.forms(answer)[0]


class _Kind:
    """Ports of the same *facts*: the parts of their pages, and for which of them they are right.

    ``proved_within`` is the gap of which a second port has them; all gaps with ``proved``.
    """

    def __init__(self, facts: object) -> None:
        self.facts = facts
        self.parts: Parts | None = None
        self.proved = False
        self.proved_within: Block | None = None
        self.tries = _TRIES
        self._block: Block | None = None

    def look_at(self, block: Block, forms: Forms, made: Encoded, own: Pieces) -> None:
        """Sees whether *forms*, of a port of *block*, which are encoded as *made*, have the parts;
        else takes them apart.
        """
        if self.parts is not None:
            if _filled(self.parts, own) == made:
                self.proved = block != self._block
                self.proved_within = self._block
                return
            self.parts, self.proved_within = None, None
            self.tries -= 1
        if self.tries:
            self.parts, self._block = _taken_apart(forms, own), block


def _is_plain(answer: PortAnswer) -> bool:
    """Whether no sentence on the port is about its very number."""
    near = answer.related
    return (
        answer.state in (State.UNASSIGNED, State.DYNAMIC)
        and near is not None
        and answer.host is None
        and answer.port >= _FIRST_USER
        and not near.ties
        and near.swapped.port != answer.port
        and not (answer.programs or answer.services or answer.history or answer.listings)
        and all(use.first != use.last for use in answer.uses)
        and all(report.first != report.last for report in answer.abuse)
        and all(one.text in _PLAIN and not one.notes for one in answer.standings.values())
        and not is_own_site(answer)
        and title_of_special(answer.port) is None
    )


def _lengths(answer: PortAnswer) -> tuple[Hashable, ...]:
    """How long the numbers are that stand in the page of a port."""
    block = answer.block
    numbers = (str(answer.port), str(block.first), str(block.last), f"{block.size:,}")
    return tuple(map(len, numbers))


def _key(answer: PortAnswer) -> tuple[Hashable, ...]:
    """What of a port's numbers its page depends on, beside the numbers and their lengths."""
    port, block = answer.port, answer.block
    return (
        block.size == 1,
        port == LAST_PORT,
        answer.range.name,
        answer.browser_blocked,
        tuple([rule.hands_out(port) for rule in answer.systems]),
        _standings(answer),
        # Whatever else is known of it tells it apart: most ports with facts print their own page.
        tuple([(use.first, use.product) for use in answer.uses]),
        tuple([(report.first, report.subject) for report in answer.abuse]),
    )


def _standings(answer: PortAnswer) -> Hashable:
    """How the port stands, by transport. The row of the registry may be that of its whole gap."""
    whole = (answer.block.first, answer.block.last)
    return tuple([
        (on, one.state, one.listed, one.text, one.references, one.row != whole and one.row)
        for on, one in answer.standings.items()
    ])  # fmt: skip


def _facts(answer: PortAnswer) -> object:
    """All of *answer* but its numbers, what is made of them, and what :func:`_key` has."""
    near = answer.related
    assert near is not None
    without: dict[str, Any] = {
        "query": None,
        "block": None,
        "standings": None,
        "related": near._replace(swapped=_NOBODY, swapped_state=State.UNASSIGNED),
    }
    return answer._replace(port=0, before=(), after=(), **without)


def _numbers(answer: PortAnswer) -> Mapping[str, str]:
    """What stands in the page of a port alone, by what it is."""
    port, block = answer.port, answer.block
    return {
        "port": str(port),
        "before": str(port - 1),
        "after": str(port + 1),
        "first": str(block.first),
        "last": str(block.last),
        "size": f"{block.size:,}",
        "place": f'"place":{port - answer.range.first + 1}',
    }


class HtmlPieces:
    """The pieces of the pages of ports on *site*, which are printed for each port."""

    def __init__(self, catalog: Catalog, site: Site) -> None:
        self._catalog = catalog
        self._site = site
        self._nearest = _Nearest("<b>{}</b>", lambda *items: html.items(items, Links(site)))

    def of(self, answer: PortAnswer) -> Mapping[str, str]:
        """Those of the page of *answer*."""
        to, port = Links(self._site), answer.port
        return {
            "strip": views.strip(self._catalog, port, self._site),
            "earlier": html_head.farther(answer.before, port - 1, to),
            "later": html_head.farther(answer.after, port + 1, to),
            "nearest": self._nearest.of(answer),
            "bytes": html.items([next(details(answer))], to),
        }


class FilePieces:
    """The pieces of the files of ports on *site*: their HTML, their JSON, their text."""

    def __init__(self, catalog: Catalog, site: Site) -> None:
        self._html = HtmlPieces(catalog, site)
        self._nearest = _Nearest("\n  {} ", _text)

    def of(self, answer: PortAnswer) -> Pieces:
        """Those of the files of *answer*, of each form."""
        near = answer.related
        assert near is not None
        of_json = {
            "block": json_line([{"block": BLOCK.encode(answer.block)}])[2:-2],
            "nearest": json_line([{"neighbours": NEIGHBOURS.encode(answer)}])[2:-2],
            "bytes": json_line([{"swapped": PORT_AND_STATE.encode(near)}])[2:-2],
        }
        of_text = {"nearest": self._nearest.of(answer), "bytes": _text(next(details(answer)))}
        return self._html.of(answer), of_json, of_text


def _text(*items: Item) -> str:
    return "\n".join([line for item in items for line in render_item(item, STYLE)])


class _Nearest:
    """The ports nearest to one, as *printed*; in its own row, its number stands as *own* has it.

    They are kept by gap: all ports of one have the same.
    """

    def __init__(self, own: str, printed: Callable[..., str]) -> None:
        self._own = own
        self._printed = printed
        self._of: dict[Hashable, tuple[str, ...]] = {}

    def of(self, answer: PortAnswer) -> str:
        """Those of the port of *answer*."""
        own = self._own.format(answer.port)
        key = (answer.state, answer.block, answer.before, answer.after, len(own))
        parts = self._of.get(key)
        if parts is None:
            if len(self._of) >= _MOST_GAPS:
                self._of.clear()
            parts = tuple(self._printed(*registry.block(answer)).split(own))
            self._of[key] = parts
        return own.join(parts)


# What may be a number of a port's own. Between two marks stands the name of a piece, while a page
# is taken apart; in JSON, a dash has digits in it. That each begins with one of a few characters,
# and looks back from there, lets a page be searched in a third of the time.
_NUMBER = re.compile(
    r'["0-9\0](?:(?<=")place":[0-9]+|(?<=gap[ \n]of[ \n][0-9])(?P<size>[0-9,]*)'
    r"|(?<=[0-9])(?<!\w[0-9])[0-9]*\b|(?<=\\u2013[0-9])[0-9]*\b|(?<=\0)(?P<piece>[a-z]+)\0)"
)
_NAMED = ("port", "before", "after", "first", "last", "place")
_NUMBERS = {*_NAMED, "size"}


def encoded(forms: Forms) -> Encoded:
    """*forms* in UTF-8."""
    return tuple([form.encode() for form in forms])


def _taken_apart(forms: Forms, own: Pieces) -> Parts | None:
    """*forms* in parts, and the names of what stands between them.

    None where one of the numbers may stand for another, or a piece stands nowhere.
    """
    names = {own[0][name]: name for name in _NAMED}
    if len(names) < len(_NAMED):
        return None
    made = []
    for form, pieces in zip(forms, own, strict=True):
        marked = form
        for name, piece in pieces.items():
            if piece and name not in _NUMBERS:
                if piece not in marked:
                    return None
                marked = marked.replace(piece, f"\0{name}\0")
        made.append(_parts(marked, names))
    return tuple(made)


def _parts(form: str, names: Mapping[str, str]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    texts, named, at = [], [], 0
    for found in _NUMBER.finditer(form):
        name = "size" if found["size"] is not None else found["piece"] or names.get(found[0])
        if name is not None:
            texts += [form[at : found.start()].encode(), b""]
            named.append(name)
            at = found.end()
    return (*texts, form[at:].encode()), tuple(named)


def _filled(parts: Parts, own: Pieces) -> Encoded:
    made = []
    for (texts, names), pieces in zip(parts, own, strict=True):
        known = {name: piece.encode() for name, piece in pieces.items()}
        out = [*texts]
        out[1::2] = [known[name] for name in names]
        made.append(b"".join(out))
    return tuple(made)
