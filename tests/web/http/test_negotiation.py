"""Which form a client gets, by what it accepts, then by its name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.web.http.negotiation import Form, choose_coding, negotiate
from tests.cases import for_each

FIREFOX = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@for_each(
    "accept, agent, form",
    [
        (FIREFOX, b"Mozilla/5.0", Form.HTML),
        (CHROME, b"Mozilla/5.0", Form.HTML),
        (b"", b"Mozilla/5.0", Form.HTML),
        (b"*/*", b"curl/8.5.0", Form.TEXT),
        (b"", b"curl/8.5.0", Form.TEXT),
        (b"*/*", b"Wget/1.21.3", Form.TEXT),
        (b"*/*", b"HTTPie/3.2.1", Form.TEXT),
        (b"*/*", b"python-requests/2.31", Form.HTML),
        (b"*/*", b"", Form.HTML),
        # Accept is decided on first, then the name.
        (b"text/html", b"curl/8.5.0", Form.HTML),
        (b"application/json", b"curl/8.5.0", Form.JSON),
        (b"application/json, */*;q=0.5", b"HTTPie/3.2.1", Form.JSON),
        (b"application/json", b"Mozilla/5.0", Form.JSON),
        (b"application/problem+json", b"", Form.JSON),
        (b"text/markdown, text/html, */*", b"axios/1", Form.MARKDOWN),
        (b"text/plain", b"Mozilla/5.0", Form.TEXT),
        (b"text/plain;q=0.5, text/html;q=0.4", b"", Form.TEXT),
        (b"text/html;q=0.4, text/plain;q=0.5", b"", Form.TEXT),
        (b"TEXT/HTML; q=1", b"curl/8.5.0", Form.HTML),
        # Nothing of ours is asked for: something to read all the same.
        (b"image/png", b"Mozilla/5.0", Form.HTML),
        (b"image/png", b"curl/8.5.0", Form.TEXT),
        (b"text/plain;q=0, */*", b"curl/8.5.0", Form.HTML),
        (b"text/html;q=0, */*", b"Mozilla/5.0", Form.TEXT),
        (b";;q==,,", b"", Form.HTML),
        (b"a" * 100_000, b"curl/8.5.0", Form.TEXT),
    ],
)
def test_the_form(accept: bytes, agent: bytes, form: Form) -> None:
    assert negotiate(accept, agent) is form


@given(st.binary(max_size=80), st.binary(max_size=30))
def test_whatever_is_sent_there_is_an_answer(accept: bytes, agent: bytes) -> None:
    assert negotiate(accept, agent) in Form
    assert choose_coding(accept, ("br", "gzip")) in ("", "br", "gzip")


@for_each(
    "accepted, coding",
    [
        (b"", ""),
        (b"gzip, deflate, br, zstd", "br"),
        (b"gzip, deflate", "gzip"),
        (b"gzip;q=1.0, br;q=0.5", "gzip"),
        (b"br;q=0, gzip;q=0", ""),
        (b"*", "br"),
        (b"*;q=0", ""),
        (b"identity", ""),
        (b"identity;q=1, gzip;q=0.5", ""),
        (b"deflate", ""),
        (b"GZIP", "gzip"),
    ],
)
def test_the_coding(accepted: bytes, coding: str) -> None:
    assert choose_coding(accepted, ("br", "gzip")) == coding
