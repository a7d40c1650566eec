"""What a text finds: services, products, reports of abuse, and the user's own notes.

>>> from portbook.catalog import Catalog
>>> search_text("postgress", Catalog()).matches[0].service_name
'postgresql'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.formats.errors.query import Query, QueryKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.catalog import Catalog
    from portbook.catalog.search import Hit, Match
    from portbook.model import Note, Report, Source, Use


class SearchAnswer(NamedTuple):
    """What a search found, best first; ``shown`` of it are to be shown.

    ``hits`` has all of it in one order, the same in a terminal, on the site and in its copies.
    ``matches`` are the services among it, ``uses`` those of products, ``abuse`` the reports.
    ``similar`` says that their spelling only resembles the text.
    ``asked_by_name`` says that the text was given as the name of a service, which it isn't.
    ``own_notes`` are those of the user's own notes that match; None where they were left out, as
    they are on everything that others may read.
    """

    query: Query
    text: str
    hits: Sequence[Hit]
    matches: Sequence[Match]
    shown: int
    asked_by_name: bool
    sources: tuple[Source, ...]
    uses: tuple[Use, ...] = ()
    own_notes: tuple[Note, ...] | None = None
    abuse: tuple[Report, ...] = ()
    similar: bool = False

    def sources_of(self, hits: Iterable[Hit]) -> tuple[Source, ...]:
        """Those of the sources that *hits* are from.

        Services are in the registry and in practice: of them all are, but those of other lists.
        """
        from portbook.model.search import SearchStore

        lists = {
            SearchStore.USES: "lore-uses",
            SearchStore.PROGRAMS: "lore-programs",
            SearchStore.ABUSE: "lore-abuse",
        }
        found = {hit.store for hit in hits}
        told = {lists[store] for store in found if store in lists}
        if not found or SearchStore.MATCHES in found:
            told |= {each.id for each in self.sources} - set(lists.values())
        return tuple([each for each in self.sources if each.id in told])

    @property
    def order(self) -> tuple[str, ...]:
        """``matches``, ``uses`` and ``abuse``: the one with the best hit first."""
        from portbook.model.search import SearchStore

        first = dict.fromkeys(hit.store for hit in self.hits)
        lists = [SearchStore.MATCHES, SearchStore.USES, SearchStore.ABUSE]
        return tuple(dict.fromkeys([*(store for store in first if store in lists), *lists]))

    @property
    def found(self) -> bool:
        """Whether anything matched, a near spelling of a name that doesn't exist apart.

        Notes of a project that isn't trusted are shown, and change no status.
        """
        noted = any(note.trusted for note in self.own_notes or ())
        return noted or bool(self.hits and not (self.asked_by_name and self.similar))


def own_notes(text: str, catalog: Catalog) -> tuple[Note, ...]:
    """Which of the user's own notes *text* finds."""
    from portbook.catalog.expectations.search import search_notes

    return search_notes(catalog.expectations().notes, text)


def search_text(
    text: str, catalog: Catalog, limit: int = 20, *, notes: bool = False
) -> SearchAnswer:
    """What *text* finds, of which at most *limit* matches are to be shown.

    *notes* searches the user's own notes as well. Raises DataMissing or DataCorrupt.
    """
    own = own_notes(text, catalog) if notes else None
    return answer_search(Query(QueryKind.TEXT, text), catalog, limit, own)


def answer_search(
    query: Query, catalog: Catalog, shown: int = 20, own: tuple[Note, ...] | None = None
) -> SearchAnswer:
    """What the text of *query* finds, of which *shown* matches are to be shown.

    *own* are the user's own notes that it finds, for the user's own eyes.
    """
    from portbook.catalog.search import SIMILAR, Matches, index
    from portbook.model.search import SearchStore

    text = query.text
    if " " in text:
        from portbook.formats.errors.questions import search_words

        text = search_words(text)
    hits = index(catalog).search(text)
    similar = bool(hits) and hits[0].score <= SIMILAR
    # What only resembles the text gives way to what is called so; a project that isn't trusted
    # changes no status.
    if similar and any(note.trusted for note in own or ()):
        hits, similar = hits.none(), False
    uses = tuple([use for hit in hits.of(SearchStore.USES) for use in hit.rows])
    abuse = tuple([report for hit in hits.of(SearchStore.ABUSE) for report in hit.rows])
    programs = any(hit.store is SearchStore.PROGRAMS for hit in hits)
    stores = {"lore-programs": programs, "lore-uses": True, "lore-abuse": bool(abuse)}
    practice = tuple(source for source in catalog.practice.sources() if stores.get(source.id))
    return SearchAnswer(
        query=query,
        text=text,
        hits=hits,
        matches=Matches(hits),
        shown=shown,
        asked_by_name=query.kind is QueryKind.NAME,
        sources=catalog.registry.sources() + practice,
        uses=uses,
        own_notes=own,
        abuse=abuse,
        similar=similar,
    )
