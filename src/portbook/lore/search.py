"""Finding uses by what people remember of them: a product's name, part of one, words, a typo."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Use

# How alike two spellings must be (difflib's ratio): one slip in four letters, two in eight.
_ALIKE = 0.75


def search_uses(uses: Iterable[Use], text: str, *, alike: bool = False) -> tuple[Use, ...]:
    """The uses that *text* finds: best first, then by port. With *alike*, near spellings only.

    A product that is called so comes first, then names that begin with the text, names that hold
    its words, and summaries that do.

    >>> from portbook.model import Transport, Use
    >>> where = ("https://example.org/", "2026-11-21")
    >>> use = Use("AirPlay Receiver", "default", Transport.TCP, 5000, 5000, "RTSP.", *where)
    >>> [found.first for found in search_uses([use], "airplay")], search_uses([use], "air plane")
    ([5000], ())
    """
    wanted = _words(text)
    if not wanted:
        return ()
    rank = _rank_alike if alike else _rank
    found = [(rank(use, wanted), use) for use in uses]
    hits = [(place, use) for place, use in found if place is not None]
    hits.sort(key=lambda hit: (hit[0], hit[1].first, hit[1].transport, hit[1].product))
    return tuple(use for _, use in hits)


def _words(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in text.lower()).split()


def _rank(use: Use, wanted: list[str]) -> int | None:
    """How well *use* fits, 0 best; None where it doesn't."""
    product, summary = _words(use.product), _words(use.summary)
    if product == wanted:
        return 0
    if product[: len(wanted)] == wanted:
        return 1
    if all(word in product for word in wanted):
        return 2
    run = "".join(wanted)
    if len(run) > 1 and "".join(product).startswith(run):
        return 3
    if len(run) > 1 and all(any(each.startswith(word) for each in product) for word in wanted):
        return 4
    # Ports and short words stand in many a summary: the registry's index finds a number.
    if all(len(word) > 2 and word in summary + product for word in wanted):
        return 5
    return None


def _rank_alike(use: Use, wanted: list[str]) -> int | None:
    from difflib import SequenceMatcher

    text = " ".join(wanted)
    for word in (use.product.lower(), *_words(use.product)):
        if len(word) > 3 and SequenceMatcher(a=word, b=text, autojunk=False).ratio() >= _ALIKE:
            return 0
    return None
