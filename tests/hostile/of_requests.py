"""The readers of what people ask: queries, and what clients of the site send."""

from __future__ import annotations

from portbook.errors import InvalidQuery
from portbook.formats.errors import forms, not_ports, pasted, query, questions, several
from portbook.web.api import endpoints
from portbook.web.feedback import endpoints as feedback
from portbook.web.http import cache, negotiation
from tests.hostile.inputs import COUNTER, Kind, Repeated
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
    "portbook.formats.errors.several:parse_questions": Reader(
        lambda data: several.parse_questions(text_of(data)), (InvalidQuery,),
        (b"difference between 80 and 8080", b"443 vs 8443", b"3000,3001 or 5173?"),
    ),
    "portbook.formats.errors.pasted:read_text": Reader(
        lambda data: pasted.read_text(text_of(data)), (),
        (b"listen tcp 192.0.2.1:80: bind: address already in use", b"('::1', 8000, 0, 0): refused",
         b"Connector[\"http-nio-8080\"] failed", b"1.2.3.4:5->6.7.8.9:10 DPT=22 /a/b.c:80:1",
         b"ports 22, 80 and 443", b"{{0,0,0,0},80} :::80 db:5432 -p 8080:80"),
    ),
    "portbook.formats.errors.pasted:decode_text": Reader(
        pasted.decode_text, (),
        ("端口 80".encode("utf-16"), "地址已在使用: 80".encode("gb18030"), b"\xff\xfe\xdc80"),
    ),
    "portbook.formats.errors.not_ports:blank": Reader(
        lambda data: not_ports.blank(text_of(data)), (),
        (b"12:30:45 a/b.py:37:1 errno:98 v1.2.3 haproxy[17]: (node:1)", b"image: a/b:16"),
        (Kind("a name with many dots", unit=b"a."),),
    ),
    "portbook.formats.errors.forms:read_forms": Reader(
        lambda data: forms.read_forms(text_of(data)), (),
        (b"port 80, host=a.b port=1 tcp://[::1]:80 *:1 ssh -L 1:a:2 nc a 80",), (), 8192
    ),
    "portbook.formats.errors.forms:read_address": Reader(
        lambda data: forms.read_address(text_of(data)), (), (b"bind on ::1 host=a.b (192.0.2.1)",),
        (), 8192
    ),
    "portbook.formats.errors.questions:search_words": Reader(
        lambda data: questions.search_words(text_of(data)), (), (b"which ports does ssh use?",)
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
