"""The readers of what people ask: queries, and what clients of the site send."""

from __future__ import annotations

from portbook.errors import InvalidQuery
from portbook.formats.errors import query
from portbook.web.api import endpoints
from portbook.web.feedback import endpoints as feedback
from portbook.web.http import cache, negotiation
from tests.hostile.inputs import COUNTER, Repeated
from tests.hostile.reader import Reader, text_of

# What uvicorn takes of a request's head before it refuses: bytes.
_HEAD = 1 << 16


def _negotiate(data: bytes) -> None:
    negotiation.negotiate(data, data)


def _wishes(data: bytes) -> None:
    cache.Wishes.of([(b"accept", line) for line in data.split(b"\n")])


READERS = {
    "portbook.formats.errors.query:parse_query": Reader(
        lambda data: query.parse_query(text_of(data)), (InvalidQuery,),
        (b"udp:443", b"https://localhost:8443/x", b"EADDRINUSE: address already in use :::3000",
         b"6000-6063", b"[fe80::1%eth0]:22", b"('127.0.0.1', 8000)", b"\"httpPort\": 8080"),
    ),
    "portbook.formats.errors.query:split_queries": Reader(
        lambda data: query.split_queries(text_of(data)), (), (b"22,80/tcp,6000-6063", b"22 80")
    ),
    "portbook.formats.errors.query:parse_port": Reader(
        lambda data: query.parse_port(text_of(data)), (InvalidQuery,), (b"00080",)
    ),
    "portbook.formats.errors.query:parse_range": Reader(
        lambda data: query.parse_range(text_of(data)), (InvalidQuery,), (b"6000-6063",)
    ),
    "portbook.formats.errors.query:parse_transport": Reader(
        lambda data: query.parse_transport(text_of(data)), (InvalidQuery,), (b"TCP",)
    ),
    "portbook.web.api.endpoints:parse_spans": Reader(
        lambda data: endpoints.parse_spans(text_of(data)), (ValueError,), (b"22,443/udp,6063-6000",)
    ),
    "portbook.web.http.cache:Wishes.of": Reader(
        _wishes, (), (b"text/html", b"br"), (Repeated("one header", b"a" + COUNTER + b"\n"),), _HEAD
    ),
    "portbook.web.feedback.endpoints:parse_form": Reader(
        feedback.parse_form, (), (b"port=305&vote=yes&text=+",)
    ),
    "portbook.web.http.negotiation:negotiate": Reader(
        _negotiate, (), (b"text/html,application/json;q=0.8,*/*;q=0.1",)
    ),
    "portbook.web.http.negotiation:choose_coding": Reader(
        lambda data: negotiation.choose_coding(data, ("br", "gzip")), (), (b"gzip;q=0, br",)
    ),
}  # fmt: skip
