"""Pages that say what they were given: what serves pages is tested apart from how they look."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from portbook.present.phrases import gap_sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.explain import ExplainAnswer
    from portbook.app.list_lookup import BlocksAnswer, RangeAnswer, ServiceAnswer
    from portbook.app.listen import HereAnswer
    from portbook.app.port_lookup import PortAnswer
    from portbook.app.search import SearchAnswer
    from portbook.catalog import Catalog
    from portbook.web.site_config import Site

TERMS = ("assigned", "reserved")


def _page(title: str, text: str = "") -> str:
    return f"<!doctype html><title>{escape(title)}</title><p>{escape(text)}</p>" + "<hr>" * 400


class StandInFiles:
    """The pictures."""

    NAMES = ("map.png", "search-index.js")

    def draw(self, name: str, _: Catalog) -> bytes:
        return f"drawn {name}".encode() * 200


class StandIn:
    """The views' functions."""

    def home(self, _: Catalog, site: Site) -> str:
        return _page("home", repr(site))

    def port(self, answer: PortAnswer, _: Catalog, site: Site) -> str:
        assert answer.host is None, "a page of the book holds nothing of this machine"
        return _page(f"Port {answer.port}", answer.state)

    def browse(self, path: str, _: Catalog, site: Site) -> str:
        return _page(path)

    def compare(self, answers: Sequence[PortAnswer], site: Site) -> str:
        return _page(f"{[each.port for each in answers]}")

    def practice(self, answer: PortAnswer, site: Site) -> str | None:
        return _page(f"Practice {answer.port}")

    def service(self, answer: ServiceAnswer, site: Site) -> str:
        return _page(f"Service {answer.name}")

    def range_(self, name: str, _: Catalog, site: Site) -> str:
        return _page(f"Range {name}")

    def blocks(self, answer: BlocksAnswer, site: Site) -> str:
        return _page(f"Blocks {answer.state} {answer.range_name}")

    def stats(self, _: Catalog, site: Site) -> str:
        return _page("Stats")

    def changes(
        self,
        _: Catalog,
        site: Site,
        since: str | None = None,
        *,
        year: str | None = None,
        feed: bool = True,
    ) -> str:
        return _page("Changes", since or year or "")

    def map_(self, _: Catalog, site: Site) -> str:
        return _page("Map")

    def search(self, answer: SearchAnswer | None, text: str, site: Site) -> str:
        return _page(f"Search {text}", "none" if answer is None else str(len(answer.matches)))

    def glossary(self, term: str | None, site: Site) -> str:
        if term is not None and term not in TERMS:
            raise KeyError(term)
        return _page(f"Glossary {term}")

    def about(self, _: Catalog, site: Site) -> str:
        return _page("About")

    def api(self, site: Site) -> str:
        return _page("API")

    def here(self, answer: HereAnswer, site: Site) -> str:
        owners = [owner for each in answer.listeners for owner in each.ownership.owners]
        return _page("Here", f"{gap_sentences(answer.missing)} {owners}")

    def explain(self, answer: ExplainAnswer | None, wrong: str, site: Site) -> str:
        return _page("Explain an output", f"{wrong} {answer and answer.format}")

    def feedback_thanks(self, site: Site, port: int) -> str:
        return _page(f"Thanks for {port}")

    def error(
        self,
        status: int,
        title: str,
        detail: str,
        site: Site,
        similar: Sequence[tuple[str, str]] = (),
    ) -> str:
        return _page(f"{status} {title}", " ".join([detail, *(name for name, _ in similar)]))

    def span(self, answer: RangeAnswer, site: Site) -> str:
        return _page(f"{answer.first}-{answer.last}")


class Broken(StandIn):
    """A writer whose pages of ports break."""

    def port(self, answer: object, catalog: object, site: object) -> str:
        raise RuntimeError("secret detail")
