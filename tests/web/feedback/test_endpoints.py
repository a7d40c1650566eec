"""The form: who may send it, what it may hold, and what is kept of it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import FeedbackUnavailable
from portbook.web.feedback.endpoints import parse_form
from portbook.web.feedback.sqlite import VOTES, SQLiteStore, Vote
from portbook.web.http.rate_limit import RateLimit
from tests.web.asking import app_of

if TYPE_CHECKING:
    import httpx2
    from starlette.testclient import TestClient

    from tests.web.conftest import Make

OWN = {"origin": "http://127.0.0.1:4905"}
VOTE = {"port": "305", "vote": "partly", "text": "what about dccp?"}


def _send(client: TestClient, **changes: str) -> httpx2.Response:
    return client.post("/feedback", data={**VOTE, **changes}, headers=OWN)


def _stored(client: TestClient) -> list[Vote]:
    return list(_store(client).votes())


def _store(client: TestClient) -> SQLiteStore:
    store = app_of(client).context.settings.store
    assert isinstance(store, SQLiteStore)
    return store


def test_a_vote_is_kept_and_thanked_for(local: TestClient) -> None:
    found = _send(local)
    assert (found.status_code, found.headers["location"]) == (303, "/feedback/thanks?port=305")
    thanks = local.get(found.headers["location"])
    assert "Thanks for 305" in thanks.text
    assert thanks.headers["cache-control"] == "no-store"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert _stored(local) == [Vote("305", "partly", "what about dccp?", today)]
    assert "portbook_feedback_votes_total 1" in local.get("/metrics").text


def test_nothing_of_the_reader_is_kept(local: TestClient) -> None:
    _send(local)
    assert Vote._fields == ("page", "vote", "text", "day")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", _stored(local)[0].day)
    store = _store(local)
    store.close()
    with open(store.path, "rb") as file:
        content = file.read()
    for trace in (b"127.0.0.1", b"Mozilla", b"testclient"):
        assert trace not in content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:4905", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"referer": "http://127.0.0.1:4905/305"},
        # The name was made to point here, and origin and host agree.
        {"host": "evil.example:4905", "origin": "http://evil.example:4905"},
    ],
)
def test_only_its_own_pages_may_send_it(local: TestClient, headers: dict[str, str]) -> None:
    found = local.post("/feedback", data=VOTE, headers=headers)
    assert found.status_code == 403
    assert _stored(local) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "ports.example.org", "origin": "http://ports.example.org"},
        {"host": "ports.example.org", "origin": "https://ports.example.org"},
        {"host": "ports.example.org:443", "origin": "https://ports.example.org"},
        {"host": "ports.example.org", "sec-fetch-site": "same-origin"},
        {
            "host": "ports.example.org",
            "origin": "https://ports.example.org",
            "x-forwarded-for": "203.0.113.7",
        },
    ],
)
def test_a_public_site_has_any_name(public: TestClient, headers: dict[str, str]) -> None:
    assert public.post("/feedback", data=VOTE, headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"port": "70000"}, 422),
        ({"port": "-1"}, 422),
        ({"port": "٣"}, 422),
        ({"port": ""}, 422),
        ({"vote": "perhaps"}, 422),
        ({"vote": ""}, 422),
        ({"text": "x" * 501}, 422),
        ({"text": "x" * 3000}, 413),
        ({"text": ""}, 303),
        ({"text": "x" * 500}, 303),
        ({"vote": "no"}, 303),
        ({"port": "00080"}, 303),
    ],
)
def test_what_a_form_may_hold(local: TestClient, changes: dict[str, str], status: int) -> None:
    assert _send(local, **changes).status_code == status
    assert len(_stored(local)) == (status == 303)


def test_other_bodies(local: TestClient) -> None:
    for media in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
        found = local.post("/feedback", content=b"{}", headers={**OWN, "content-type": media})
        assert found.status_code == 415
    form = {**OWN, "content-type": "application/x-www-form-urlencoded"}
    for body in (b"", b"\xff\xfe", b"%ff=1", b"&" * 2000, b"a=1&" * 20, b"port=305"):
        assert local.post("/feedback", content=body, headers=form).status_code == 422
    chunks = (b"x" * 100 for _ in range(100))
    assert local.post("/feedback", content=chunks, headers=form).status_code == 413
    assert _stored(local) == []


@given(st.binary(max_size=300))
def test_any_body_is_a_vote_or_a_sentence(body: bytes) -> None:
    found = parse_form(body)
    if isinstance(found, Vote):
        assert found.vote in VOTES
        assert 0 <= int(found.page) <= 65535
    else:
        assert found.endswith(".")


def test_text_is_one_line_without_control_characters(local: TestClient) -> None:
    _send(local, text="a\r\n\tb\0c")
    assert _stored(local)[0].text == "a b c"


def test_too_many_votes(local: TestClient) -> None:
    answers = [_send(local).status_code for _ in range(12)]
    assert answers == [303] * 10 + [429] * 2
    assert int(_send(local).headers["retry-after"]) > 0
    assert len(_stored(local)) == 10


def test_the_limit_is_of_each_client_and_of_all() -> None:
    limit = RateLimit()
    for client in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert [bool(limit.take(client, 100.0)) for _ in range(11)] == [False] * 10 + [True]
    # A host roams in its /64.
    assert limit.take("2001:db8::ffff", 100.0)
    assert limit.take("2001:db8:0:1::1", 100.0) == 0
    assert limit.take("192.0.2.1", 161.0) == 0
    taken = sum(not limit.take(f"10.0.{n // 250}.{n % 250}", 161.0) for n in range(1000))
    assert taken == 599
    # No address is held, not even in memory.
    assert all(len(key) == 16 for key in limit._counts)
    assert b"\xc0\x00\x02\x01" not in b"".join(limit._counts)


def test_a_store_that_fails_is_a_page_and_not_a_500(make: Make, tmp_path: object) -> None:
    class Broken:
        def add(self, vote: Vote) -> None:
            raise FeedbackUnavailable("the disk is full: /secret/path")

        def close(self) -> None: ...

    client = make(store=Broken())
    found = _send(client)
    assert (found.status_code, found.headers["retry-after"]) == (503, "30")
    assert "503" in found.text
    assert "secret" not in found.text
    assert client.get("/305").status_code == 200


def test_where_there_is_no_store_there_is_no_form(make: Make) -> None:
    client = make(store=None)
    assert _send(client).status_code == 405
    assert client.get("/feedback/thanks?port=305").status_code == 404


def test_thanks_belong_to_a_port(local: TestClient) -> None:
    assert local.get("/feedback").status_code == 405
    assert local.get("/feedback").headers["allow"] == "POST"
    for query in ("", "?port=", "?port=70000", "?port=%3Cscript%3E"):
        assert local.get(f"/feedback/thanks{query}").status_code == 404
