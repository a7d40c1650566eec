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
    from portbook.catalog.registry.search import Match
    from portbook.model import KnownService, Note, Report, Source, Transport, Use

_WORDS_AT_LEAST = 2
_SPELLED_SO = 50  # the least score of a match that isn't only similar to the text
# How good a product or a report is, on the scale of a match's score: it is called so, begins so,
# or has the words among others.
_CALLED_SO, _BEGINS_SO, _WORDS_SO = 99, 91, 81


class SearchAnswer(NamedTuple):
    """What a search found, best first; ``shown`` of it are to be shown.

    ``matches`` are the registry's, ``uses`` those of products whose name or use matches, ``abuse``
    the reports of what is called so.
    ``similar`` says that the spelling of these only resembles the text.
    ``asked_by_name`` says that the text was given as the name of a service, which it isn't.
    ``own_notes`` are those of the user's own notes that match; None where they were left out, as
    they are on everything that others may read.
    """

    query: Query
    text: str
    matches: Sequence[Match]
    shown: int
    asked_by_name: bool
    sources: tuple[Source, ...]
    uses: tuple[Use, ...] = ()
    own_notes: tuple[Note, ...] | None = None
    abuse: tuple[Report, ...] = ()
    similar: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """``matches``, ``uses`` and ``abuse`` in the order in which they are shown, the best first.

        A name that is the text outdoes one that begins with it, which outdoes words of others;
        where two are as good, the registry comes first, then uses.
        """
        from portbook.catalog.text_index import words_of

        words = words_of(self.text)
        best = {
            "matches": self.matches[0].score if self.matches else 0,
            "uses": _named_so([use.product for use in self.uses[:1]], words, self.similar),
            "abuse": _named_so([report.subject for report in self.abuse[:1]], words, self.similar),
        }
        return tuple(sorted(best, key=lambda store: -best[store]))

    @property
    def found(self) -> bool:
        """Whether anything matched, a near spelling of a name that doesn't exist apart.

        Notes of a project that isn't trusted are shown, and change no status.
        """
        near = not self.matches or self.matches[0].score < _SPELLED_SO
        noted = any(note.trusted for note in self.own_notes or ())
        named = not (self.similar and self.matches and self.asked_by_name)
        recorded = (named and (self.uses or self.abuse)) or noted
        return bool(recorded or (self.matches and not (self.asked_by_name and near)))


def _named_so(names: list[str], words: list[str], similar: bool) -> float:
    """How well the first of *names* is what *words* say, on the scale of a match's score."""
    from portbook.catalog.text_index import words_of

    if not names:
        return 0
    name = words_of(names[0])
    if similar:
        from difflib import SequenceMatcher

        from portbook.catalog.registry.search import SIMILAR

        wanted = SequenceMatcher(None, "", " ".join(words))
        ratios = []
        for spelling in (" ".join(name), *name):
            wanted.set_seq1(spelling)
            ratios.append(wanted.ratio())
        return SIMILAR * max(ratios)
    if name == words:
        return _CALLED_SO
    if name[: len(words)] == words:
        return _BEGINS_SO
    return _WORDS_SO if set(words) <= set(name) else 0


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


def _called(text: str, catalog: Catalog) -> list[Match]:
    """The registry's services on the ports of what people call *text*, a match for each."""
    return _matches(catalog.practice.services_called(text), 99, "what people call it", catalog)


def _worded(text: str, catalog: Catalog) -> list[Match]:
    """The services that all words of *text* are said of: in names first, then in descriptions."""
    from portbook.catalog.text_index import words_of

    words = set(words_of(text))
    if len(words) < _WORDS_AT_LEAST:  # one word stands in too many texts
        return []
    in_names, in_texts = [], []
    for known in catalog.practice.services():
        rows = catalog.registry.lookup(known.first, known.transport)
        titles = [row.title or "" for row in rows] + [row.service_name or "" for row in rows]
        names = {*words_of(" ".join((known.name, *known.also_called, *titles)))}
        if words <= names:
            in_names.append(known)
        elif words <= names | {*words_of(f"{known.gist} {known.description}")}:
            in_texts.append(known)
    return _matches([*in_names, *in_texts], 75, "words of what it is", catalog)


def _matches(
    services: Iterable[KnownService], score: int, why: str, catalog: Catalog
) -> list[Match]:
    """The registry's services on the ports of *services*, a match for each."""
    from portbook.catalog.registry.search import Match

    ports: dict[str, list[tuple[int, int, Transport | None]]] = {}
    titles: dict[str, str] = {}
    for known in services:
        rows = catalog.registry.lookup(known.first, known.transport)
        name = next((row.service_name for row in rows if row.service_name), known.name)
        ports.setdefault(name, []).append((known.first, known.last, known.transport))
        titles[name] = f"{known.name}: {known.gist}"
    return [Match(score, why, name, titles[name], tuple(at)) for name, at in ports.items()]


def answer_search(
    query: Query, catalog: Catalog, shown: int = 20, own: tuple[Note, ...] | None = None
) -> SearchAnswer:
    """What the text of *query* finds, of which *shown* matches are to be shown.

    *own* are the user's own notes that it finds, for the user's own eyes.
    """
    from portbook.catalog.registry.search import search

    on_record = catalog.practice
    text = query.text
    if " " in text:
        from portbook.formats.errors.questions import search_words

        text = search_words(text)
    matches: Sequence[Match] = search(catalog.registry, text)
    known = _called(text, catalog)
    before: list[Match] = []
    if not known:  # what people call so leads; what is only described so, behind names
        known = _worded(text, catalog)
        before = [each for each in matches if known and known[0].score < each.score]
    if known:
        leading = (*before, *known)
        named = {match.service_name for match in leading}
        matches = (*leading, *[each for each in matches if each.service_name not in named])
    # What only has a similar spelling gives way to a product or a report that is called so.
    reports = on_record.report_index()
    uses, abuse = on_record.use_index().search(text), reports.search(text)
    if (uses or abuse) and matches and matches[0].score < _SPELLED_SO:
        matches = ()
    similar = not uses and not abuse and not (matches and matches[0].score >= _SPELLED_SO)
    if similar:
        uses, abuse = on_record.use_index().near(text), reports.near(text)
    stores = {"lore-uses": True, "lore-abuse": bool(abuse)}
    practice = tuple(source for source in on_record.sources() if stores.get(source.id))
    sources = catalog.registry.sources() + practice
    by_name = query.kind is QueryKind.NAME
    return SearchAnswer(query, text, matches, shown, by_name, sources, uses, own, abuse, similar)
