"""Which product a text is the name of: Flask, Vite, whatever has no service of its own.

>>> from portbook.app.search import search_text
>>> from portbook.catalog import Catalog
>>> found = product_named(search_text("flask", Catalog()))
>>> found.name, sorted(found.spans), found.said_of(5000)
('Flask', [(5000, 5000)], 'flask run and app.run().')
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.catalog.practice.use_names import is_called
from portbook.model import Transport
from portbook.model.practice import UseKind
from portbook.model.search import SearchStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.search import SearchAnswer
    from portbook.catalog.practice.lookup import Practice
    from portbook.catalog.search import Hit
    from portbook.model import Assignment, Program, Use

_PLACES = (
    UseKind.DEFAULT,
    UseKind.DEVELOPMENT,
    UseKind.MANAGEMENT,
    UseKind.ALTERNATIVE,
    UseKind.LEGACY,
)
_CALLED = 97  # the least score of a hit that goes by the text as a name
_MOST_LOOKED_AT = 24  # hits; what is called so stands first
_LEFT_OUT = ("apache", "eclipse", "rubyon")  # before a product's name, which nobody says aloud


class Product(NamedTuple):
    """A product that has no service of its own, with its uses of ports, and its programs."""

    name: str
    uses: tuple[Use, ...] = ()
    programs: tuple[Program, ...] = ()

    @property
    def spans(self) -> frozenset[tuple[int, int]]:
        """The ports, and spans of ports, that it has."""
        uses = [(use.first, use.last) for use in self.uses]
        return frozenset([*uses, *[(port, port) for one in self.programs for port, _ in one.ports]])

    def transports(self, port: int) -> list[Transport]:
        """Those on which it has *port*, in the registry's order."""
        kinds = {use.transport for use in self.uses if use.first <= port <= use.last}
        kinds |= {kind for one in self.programs for number, kind in one.ports if number == port}
        return [each for each in Transport if each in kinds]

    def said_of(self, port: int) -> str | None:
        """What it does on *port*, or on the ports from there on."""
        return next((use.summary for use in self._ranked() if use.first == port), None)

    def place(self, port: int) -> int:
        """How early *port* comes among its ports: 0 is the one that it is known by."""
        firsts = [use.first for use in self._ranked()]
        return firsts.index(port) if port in firsts else len(firsts)

    def _ranked(self) -> list[Use]:
        # Whoever names a product means its service, and not the pages that manage it.
        return sorted(
            self.uses,
            key=lambda use: (not use.leads, _PLACES.index(use.kind), use.rank, use.first),
        )


def products_beside(
    name: str, rows: Sequence[Assignment], practice: Practice
) -> tuple[Product | None, tuple[Use, ...]]:
    """The product that people mean by *name*, whose registered *rows* nobody is known to use.

    Without one, the uses of products that have *name* in their own.
    """
    asked, uses = name.casefold(), practice.uses_of(name)
    spans = [(row.first, row.first if row.last is None else row.last) for row in rows]
    if any(first is not None and use.first <= (last or 0) and first <= use.last
           for use in uses for first, last in spans):  # fmt: skip
        return None, ()
    known = [each for first, _ in spans if first for each in practice.lookup_services(first)]
    met = any(asked in map(str.lower, each.registered) for each in known)
    # Matter devices on matter's port
    there = [use for first, _ in spans if first for use in practice.lookup_uses(first)]
    met = met or any(asked in use.product.casefold().split() for use in there)
    if not uses or met or practice.programs_for(name):
        return None, ()
    products: dict[str, list[Use]] = {}
    for use in uses:
        if is_called(use, asked):
            products.setdefault(use.product, []).append(use)
    if not products:
        return None, uses
    best = max(products, key=lambda each: sum(use.weight for use in products[each]))
    return Product(best, tuple(products[best])), ()


def product_named(answer: SearchAnswer) -> Product | None:
    """The product that the text of *answer* is the name of; None where it is no product's.

    It is none's either where a service with a port, or a note of the user's, goes by that name.
    """
    if answer.own_notes or not answer.text:
        return None
    texts = (answer.text, answer.query.text)  # a search leaves the small words out
    hits = answer.hits[:_MOST_LOOKED_AT]
    called = [hit for hit in hits if any(_goes_by(hit, text) for text in texts)]
    if any(hit.store is SearchStore.MATCHES and hit.ports for hit in called):
        return None
    products = [each for each in called if each.store in (SearchStore.USES, SearchStore.PROGRAMS)]
    if not products:
        return None
    name = products[0].name or answer.text
    same = [each for each in products if each.name == name]
    return Product(
        name,
        tuple([use for hit in same if hit.store is SearchStore.USES for use in hit.rows]),
        tuple([one for hit in same if hit.store is SearchStore.PROGRAMS for one in hit.rows]),
    )


def _goes_by(hit: Hit, text: str) -> bool:
    """Whether *text* is what *hit* is called, however it is spelled: "nextjs" is Next.js."""
    from portbook.catalog.text_index import words_of

    if hit.score >= _CALLED:
        return True
    asked, name = "".join(words_of(text)), "".join(words_of(hit.name or ""))
    return bool(asked) and name in [f"{before}{asked}" for before in ("", *_LEFT_OUT)]
