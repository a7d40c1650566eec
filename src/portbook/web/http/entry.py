"""An answer that is kept: its headers, its bytes as they are sent, its tag."""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

try:
    import brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]  # has no types, and may be missing
except ImportError:  # it compresses a tenth better; gzip does as well
    brotli = None

if TYPE_CHECKING:
    from collections.abc import Iterable

    Headers = tuple[tuple[bytes, bytes], ...]

CODINGS = ("br", "gzip") if brotli is not None else ("gzip",)
_SHORTEST = 860  # bytes; what fits into a packet with its headers gains nothing
_COMPRESSIBLE = (b"text/", b"application/json", b"application/xml", b"image/svg", b"application/")


class Entry(NamedTuple):
    """A whole answer, ready to be sent, and its shorter one for who has it already.

    ``raw`` is what goes over the wire behind the status line and the date: the headers, and from
    ``body_at`` on the body.
    """

    headers: Headers
    raw: bytes
    body_at: int
    tag: bytes
    headers_304: Headers
    any_query: bool = False

    @property
    def size(self) -> int:
        """About what it takes in memory, in bytes."""
        return len(self.raw) + 3072


class _Head(NamedTuple):
    """The headers of an answer but for the length of its body, what comes of them, and the coding
    that the body is to have.
    """

    headers: Headers
    raw: bytes
    tag: bytes
    headers_304: Headers
    coding: str


def make_entry(
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    build: str,
    coding: str,
    *,
    any_query: bool = False,
) -> Entry:
    """An answer of *body* with *headers*, in *coding* where that is worthwhile; its tag begins with
    *build*.
    """
    kept = tuple([(name, value) for name, value in headers if name != b"content-length"])
    made = _head(kept, build, coding, long=len(body) >= _SHORTEST)
    if made.coding:
        body = compress(body, made.coding)
    length = b"%d" % len(body)
    head = b"%bcontent-length: %b\r\n\r\n" % (made.raw, length)
    return Entry(
        headers=(*made.headers, (b"content-length", length)),
        raw=head + body,
        body_at=len(head),
        tag=made.tag,
        headers_304=made.headers_304,
        any_query=any_query,
    )


@lru_cache(maxsize=64)
def _head(headers: Headers, build: str, coding: str, *, long: bool) -> _Head:
    """The head of an answer with *headers*; that of a page is that of all of them."""
    media = next((value for name, value in headers if name == b"content-type"), b"")
    worthwhile = long and media.startswith(_COMPRESSIBLE)
    kept = _vary(headers) if worthwhile else [*headers]
    coding = coding if worthwhile else ""
    if coding:
        kept.append((b"content-encoding", coding.encode()))
    # A strong tag names the bytes: each coding has its own (RFC 9110 §8.8.3.3).
    tag = f'"{build}{"-" if coding else ""}{coding}"'.encode()
    kept.append((b"etag", tag))
    short = [
        (name, value)
        for name, value in kept
        if name not in (b"content-type", b"content-encoding", b"content-disposition")
    ]
    raw = b"".join(name + b": " + value + b"\r\n" for name, value in kept)
    return _Head(tuple(kept), raw, tag, tuple(short), coding)


def _vary(headers: Headers) -> list[tuple[bytes, bytes]]:
    named = [value for name, value in headers if name == b"vary"]
    rest = [(name, value) for name, value in headers if name != b"vary"]
    return [*rest, (b"vary", b", ".join([*named, b"accept-encoding"]))]


def compress(body: bytes, coding: str) -> bytes:
    """*body* in *coding*, one of :data:`CODINGS`."""
    if coding == "br":
        packed: bytes = brotli.compress(body, quality=5)
        return packed
    return gzip.compress(body, compresslevel=6, mtime=0)
