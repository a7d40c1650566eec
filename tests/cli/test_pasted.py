"""A pasted text and a question are answered: what failed first, then what to do."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest

from portbook.app.topics import Topic
from portbook.cli import run
from portbook.present.topics import PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.surroundings import StandardInput

NODE = (
    "node:events:495\n      throw er; // Unhandled 'error' event\n      ^\n\n"
    "Error: listen EADDRINUSE: address already in use 127.0.0.1:{port}\n"
    "    at Server.setupListenHandle [as _listen2] (node:net:1817:16)\n"
    "    at listenInCluster (node:net:1865:12)\n  code: 'EADDRINUSE',\n  errno: -98\n}}\n"
)
UNAVAILABLE = "OSError: [Errno 99] binding ('::1', 8000, 0, 0): cannot assign requested address"


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server on 127.0.0.1 alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(autouse=True)
def _no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTBOOK_NOTES", "")


def _answer(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    status = run(argv)
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return status, out + err


def test_what_is_in_use_leads_the_answer(server: int, capfd: pytest.CaptureFixture[str]) -> None:
    status, out = _answer(capfd, f"listen tcp 127.0.0.1:{server}: bind: address already in use")
    assert status == 1
    assert out.startswith(f"{server}/tcp is in use: python")
    assert f"portbook stop {server}/tcp" in out


def test_a_refused_connection_names_who_listens_on_the_other_family(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for argv in (
        [f"connect ECONNREFUSED ::1:{server}"],
        ["why", f"connect ECONNREFUSED ::1:{server}"],
    ):
        status, out = _answer(capfd, *argv)
        assert status == 1
        assert out.startswith(f"Nothing listens on [::1]:{server} on this machine.\n  But python")
        assert "listens on 127.0.0.1: connect to 127.0.0.1, or bind" in " ".join(out.split())


def test_a_connection_that_is_accepted_now_is_no_failure(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out = _answer(capfd, f"connect ECONNREFUSED 127.0.0.1:{server}")
    assert status == 0
    assert f"listens on {server} now, on 127.0.0.1: try again." in " ".join(out.split())


def test_an_address_that_is_free_is_not_a_port_that_is(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out = _answer(capfd, f"listen EADDRINUSE: address already in use ::1:{server}")
    assert status == 0
    said = " ".join(out.split())
    assert said.startswith(f"[::1]:{server} is free on this machine now. But python")
    assert "has the port on 127.0.0.1: a server on every address can clash with that." in said


def test_a_socket_file_is_not_answered_by_what_listens_on_the_port(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    file = f'connection to server on socket "/run/postgresql/.s.PGSQL.{server}" failed: '
    status, out = _answer(capfd, f"psql: error: {file}No such file or directory")
    assert status == 1
    said = " ".join(out.split())
    assert said.startswith("The text is about PostgreSQL's socket file, not about TCP")
    assert f"listens on {server}, on 127.0.0.1. If that is the server: psql -h localhost." in said
    assert "try again" not in said
    tcp = f'connection to server at "localhost" (127.0.0.1), port {server} failed: '
    _, out = _answer(capfd, f"psql: error: {tcp}Connection refused")
    assert "socket file" not in out


def test_what_a_firewall_drops_leads_to_its_rules(capfd: pytest.CaptureFixture[str]) -> None:
    text = "[UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.4 PROTO=UDP SPT=50 DPT=161"
    _, out = _answer(capfd, text)
    assert "On that machine: portbook reach 161/udp" in out


def test_another_machine_is_said_to_be_one(capfd: pytest.CaptureFixture[str]) -> None:
    for text in (
        "ssh: connect to host 192.0.2.77 port 22: Connection refused",
        "ssh: connect to host gate.example.org port 22: Connection timed out",
    ):
        status, out = _answer(capfd, text)
        assert status == 1
        assert "another machine" in " ".join(out.split("\n\n")[0].split())


def test_why_keeps_the_address_of_the_text(capfd: pytest.CaptureFixture[str]) -> None:
    _, out = _answer(capfd, "why", UNAVAILABLE)
    assert out.startswith("8000/tcp on ::1 ")
    _, out = _answer(capfd, "why", "bind 192.0.2.77:8000 failed: Cannot assign requested address")
    assert out.startswith("8000/tcp on 192.0.2.77 can't be bound.")


@pytest.mark.parametrize("address", ["x.x.x.x", "no-such-host.example.org"])
def test_an_address_that_is_none_is_said_to_be_so(
    address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _, out = _answer(capfd, "why", f"Failed to bind to {address}:25589")
    assert out.startswith(f"{address} is ")
    assert "every address" in " ".join(out.split("\n\n")[0].split())


def test_numbers_that_are_no_address_are_said_to_be_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = "listen 999.1.1.1:8000 failed: cannot assign requested address"
    for argv in ([text], ["why", text]):
        status, out = _answer(capfd, *argv)
        assert status == 1
        assert "999.1.1.1 is not an address" in out


def test_stop_takes_no_host_for_this_machine(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for address in ("db.example.org", "x.x.x.x"):
        status, out = _answer(capfd, "stop", f"Failed to bind to {address}:{server}")
        assert status == 2
        assert (
            f"'{address}' is not an address of this machine: give the port alone, {server}" in out
        )


def test_standard_input_is_one_text(
    server: int, capfd: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    data = NODE.format(port=server).encode()
    for argv in (["-"], ["why", "-"]):
        piped(data)
        status, out = _answer(capfd, *argv)
        assert status == 1
        assert str(server) in out.partition("\n")[0]
        assert "Nothing matches" not in out
    piped(data)
    status, out = _answer(capfd, "-", "--json")
    assert (status, json.loads(out)["query"]["ports"]) == (1, [server])


def test_explain_reads_an_error_as_well(
    server: int, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = tmp_path / "error.txt"
    error.write_text(NODE.format(port=server))
    status, out = _answer(capfd, "explain", str(error))
    assert status == 1
    assert out.startswith(f"{server} is in use: python")
    status, out = _answer(capfd, "explain", str(error), "--json")
    assert (status, json.loads(out)["query"]["failure"]) == (1, "in-use")
    error.write_text("Dear all,\nthe port 8080 is slow again: who uses it?\n")
    status, out = _answer(capfd, "explain", str(error))
    assert (status, "known tool" in out) == (2, True)


def test_a_query_a_line_are_several(
    capfd: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    piped(b"22\n443/udp\nssh\n6000-6063\n22 80\n")
    status, out = _answer(capfd, "-", "--no-host", "--json")
    assert status == 0
    assert len(json.loads(out)["answers"]) == 6


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-8"])
def test_standard_input_in_another_encoding(
    encoding: str, capfd: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    piped(NODE.format(port=3000).encode(encoding))
    _, out = _answer(capfd, "-", "--no-host", "--json")
    query = json.loads(out)["query"]
    assert (query["ports"], query["failure"], query["address"]) == ([3000], "in-use", "127.0.0.1")


@pytest.mark.parametrize("encoding", ["gb18030", "cp932", "cp949", "cp1251"])
def test_windows_own_words_in_its_own_encoding(
    encoding: str, capfd: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    words = {
        "gb18030": "通常每个套接字地址(协议/网络地址/端口)只允许使用一次。",
        "cp932": "アドレスは既に使用中です",
        "cp949": "주소가 이미 사용 중입니다",
        "cp1251": "Обычно разрешается только одно использование адреса сокета",
    }[encoding]
    piped(f"listen tcp :8080: bind failed: {words}\n".encode(encoding))
    _, out = _answer(capfd, "-", "--no-host", "--json")
    assert json.loads(out)["query"]["failure"] == "in-use"


def test_a_megabyte_is_one_answer_without_a_raw_byte(
    capfd: pytest.CaptureFixture[str], piped: StandardInput
) -> None:
    noise = b"\x1b[2J\x07\x9b31m \xff\xfe\x80 INFO ok\n" * 40_000
    piped(noise + NODE.format(port=3000).encode() + noise)
    status, out = _answer(capfd, "-", "--no-host")
    assert status == 0
    assert out.count("3000 is in use") == 1
    assert len(out.splitlines()) <= 12
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("kill process on port 3000", "3000"),
        ("which port should I use for my app", "portbook pick"),
        ("how do I register a port with IANA", "IANA"),
        ("Windows excluded port range", "excluded range"),
        ("port already in use", "already in use"),
        ("Failed password for invalid user mara from 203.0.113.49 port 43250 ssh2", "client"),
        ("0/3 nodes are available: 3 node(s) didn't have free ports", "already in use"),
    ],
)
def test_a_question_is_answered_in_its_first_line(
    text: str, first: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for argv in ([text], text.split()):
        _, out = _answer(capfd, *argv)
        assert first in out.partition("\n")[0], argv


def test_question_words_are_not_searched_for(capfd: pytest.CaptureFixture[str]) -> None:
    status, out = _answer(capfd, "which ports does hadoop use", "--no-host")
    assert status == 0
    assert "50070/tcp" in out
    assert '"hadoop"' in out


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("which port does postgres use", "postgres is 5432/tcp and udp"),
        ("ssh port", "ssh is 22/tcp, udp and sctp"),
        ("What is the default port for MySQL?", "MySQL is 3306/tcp and udp"),
    ],
)
def test_a_question_about_a_service_is_answered_as_its_name(
    question: str, first: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out = _answer(capfd, question, "--no-host")
    assert status == 0
    assert out.startswith(first)


def test_both_ports_of_a_comparison_are_answered(capfd: pytest.CaptureFixture[str]) -> None:
    _, out = _answer(capfd, "difference between port 80 and 8080", "--no-host", "--json")
    answers = json.loads(out)["answers"]
    assert [each["port"] for each in answers] == [80, 8080]
    assert {tuple(each["query"]["ports"]) for each in answers} == {(80, 8080)}
    _, out = _answer(capfd, "80 vs 8080", "--no-host")
    assert re.findall(r"^(\d+) · ", out, re.MULTILINE) == ["80", "8080"]


def test_the_other_ports_of_a_text_are_told_with_who_has_them(
    server: int, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f"[ERROR Port-1]: Port 1 is in use\n[ERROR Port-{server}]: Port {server} is in use"
    _, out = _answer(capfd, text)
    assert f"\n  {server} is in use: python" in out
    _, out = _answer(capfd, "the proxy on port 80 talks to port 8080", "--no-host")
    assert "(also in the text: 80)" in out or "(also in the text: 8080)" in out


def test_the_other_ports_of_a_text_are_in_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    text = "[ERROR Port-10250]: Port 10250 is in use\n[ERROR Port-6443]: Port 6443 is in use"
    _, out = _answer(capfd, text, "--no-host")
    assert "The text is also about 6443." in out


def test_json_has_what_was_read(server: int, capfd: pytest.CaptureFixture[str]) -> None:
    _, out = _answer(capfd, f"connect ECONNREFUSED ::1:{server}", "--json")
    assert json.loads(out)["query"] == {
        "ports": [server], "others": [], "failure": "refused", "address": "::1",
        "transport": None, "process": None, "place": json.loads(out)["query"]["place"],
        "again": True,
    }  # fmt: skip
    assert json.loads(_answer(capfd, "443", "--no-host", "--json")[1])["query"] is None
    _, out = _answer(capfd, "why", f"listen 127.0.0.1:{server}: address in use", "--json")
    whole = json.loads(out)
    assert (whole["bindable"], whole["query"]["failure"]) == (False, "in-use")


def test_a_text_without_a_port_is_a_topic_in_json(capfd: pytest.CaptureFixture[str]) -> None:
    for argv in (["[WinError 10013] socket error"], ["why", "[WinError 10013] socket error"]):
        status, out = _answer(capfd, *argv, "--json")
        found = json.loads(out)
        assert (status, found["schema"], found["topic"]) == (1, "portbook/topic/1", "excluded")
        assert found["query"]["failure"] == "permission"


@pytest.mark.parametrize("topic", [*Topic])
def test_each_topic_has_a_page(topic: Topic, capfd: pytest.CaptureFixture[str]) -> None:
    status, out = _answer(capfd, "topic", topic)
    assert status == 0
    assert " ".join(PAGES[topic].title.split()[:3]) in out
    page = PAGES[topic]
    assert all(len(sentence.split()) <= 25 for sentence in (page.title, *page.sentences))
    status, out = _answer(capfd, "topic", topic, "--json")
    assert json.loads(out)["topic"] == topic


def test_topics_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    status, out = _answer(capfd, "topic")
    assert status == 0
    assert all(topic in out for topic in Topic)
    assert _answer(capfd, "topic", "nonsense")[0] == 2
