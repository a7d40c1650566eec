"""Which form of a page a client wants: what it accepts decides, then what it is called.

>>> negotiate(b"text/html,application/xhtml+xml,*/*;q=0.8", b"Mozilla/5.0")
<Form.HTML: 'html'>
>>> negotiate(b"*/*", b"curl/8.5.0"), negotiate(b"application/json", b"curl/8.5.0")
(<Form.TEXT: 'txt'>, <Form.JSON: 'json'>)
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache


class Form(StrEnum):
    """A form of a page; the value is the suffix of its own address."""

    HTML = "html"
    JSON = "json"
    TEXT = "txt"
    MARKDOWN = "md"

    @property
    def media_type(self) -> str:
        """Its media type, as it stands in ``Content-Type``."""
        return _MEDIA[self]


_MEDIA = {
    Form.HTML: "text/html; charset=utf-8",
    Form.JSON: "application/json",
    Form.TEXT: "text/plain; charset=utf-8",
    Form.MARKDOWN: "text/markdown; charset=utf-8",
}

# What a client can accept, and the form that satisfies it.
_OFFERS = {
    "text/html": Form.HTML,
    "application/xhtml+xml": Form.HTML,
    "text/plain": Form.TEXT,
    "text/markdown": Form.MARKDOWN,
    "text/x-markdown": Form.MARKDOWN,
    "application/json": Form.JSON,
    "application/problem+json": Form.JSON,
}

# Clients that print what they get on a terminal, by how their names begin.
_TERMINALS = (b"curl/", b"wget/", b"wget2/", b"httpie/", b"xh/", b"aria2/", b"fetch libfetch/")

# Longer headers than this aren't kept in memory; no browser's is.
_LONGEST = 512


def negotiate(accept: bytes, agent: bytes) -> Form:
    """The form for a client with these ``Accept`` and ``User-Agent`` headers (RFC 9110 §12.5.1).

    The form with the highest weight is taken, of several the one named first. Where the header
    names none, or is empty, a client known to print on a terminal gets text and any other HTML:
    there is always something to read, so nothing is answered with 406.
    """
    terminal = agent[:20].lower().startswith(_TERMINALS)
    if len(accept) > _LONGEST:
        return Form.TEXT if terminal else Form.HTML
    return _negotiate(accept, terminal)


@lru_cache(maxsize=512)
def _negotiate(accept: bytes, terminal: bool) -> Form:
    weights: dict[Form, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        form = _OFFERS.get(media)
        if form is not None:
            weights[form] = max(weights.get(form, 0.0), _weight(parameters))
    best = max(weights, key=lambda form: weights[form], default=None)
    wildcard = max((_weight_of(accept, each) for each in ("*/*", "text/*")), default=0.0)
    if best is None or weights[best] <= 0 or weights[best] < wildcard:
        default = Form.TEXT if terminal else Form.HTML
        refused = weights.get(default) == 0
        return (Form.HTML if terminal else Form.TEXT) if refused else default
    return best


def _weight_of(accept: bytes, wanted: str) -> float:
    for part in accept.decode("latin-1").lower().split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        if media == wanted:
            return _weight(parameters)
    return 0.0


def _weight(parameters: list[str]) -> float:
    """The weight among *parameters* (RFC 9110 §12.4.2); one that can't be read is none at all.

    >>> _weight(["q=0.5"]), _weight([]), _weight(["q=x"]), _weight(["q=nan"])
    (0.5, 1.0, 1.0, 1.0)
    """
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0


@lru_cache(maxsize=512)
def _coding(accepted: bytes, offers: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        if name:
            weights[name] = _weight(parameters)
    anything = weights.get("*", 0.0)
    best = max(offers, key=lambda offer: weights.get(offer, anything), default="")
    if not best or weights.get(best, anything) <= 0:
        return ""
    # Plain is always there, and taken only where it is preferred outright.
    return "" if weights.get("identity", 0.0) > weights.get(best, anything) else best


def choose_coding(accepted: bytes, offers: tuple[str, ...]) -> str:
    """The coding of *offers*, ours in order of preference, for an ``Accept-Encoding`` header.

    Empty where the body is to be sent plain (RFC 9110 §12.5.3).

    >>> choose_coding(b"gzip, deflate, br", ("br", "gzip")), choose_coding(b"gzip;q=0", ("gzip",))
    ('br', '')
    """
    return _coding(accepted, offers) if 0 < len(accepted) <= _LONGEST else ""
