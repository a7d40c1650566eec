"""Pastes of many hosts: each socket has the host below whose name it stands."""

from __future__ import annotations

import pytest

from portbook.formats.sockets.detect import read
from portbook.model import Listener
from tests.cases import for_each

ROWS = ("tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*", "tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:*")
HEADS = {
    "ansible": "web01 | CHANGED | rc=0 >>\n{}\n",
    "salt": "web01:\n    {}\n",
    "pssh": "[1] 10:00:01 [SUCCESS] web01\n{}\n",
    "clush": "---------------\nweb01\n---------------\n{}\n",
    "equals": "=== web01 ===\n{}\n",
    "number signs": "### web01\n{}\n",
    "an address": "## 192.0.2.1 ##\n{}\n",
}


def hosts(text: str) -> dict[int, str | None]:
    _, events = read([text.encode()])
    sockets = [each.socket for each in events if isinstance(each, Listener)]
    return {socket.port: socket.host for socket in sockets}


@for_each("form", HEADS)
def test_a_socket_has_the_host_that_stands_above_it(form: str) -> None:
    head = HEADS[form]
    second = head.replace("web01", "web02").replace("192.0.2.1", "192.0.2.2")
    first_name = "192.0.2.1" if "192" in head else "web01"
    assert hosts(head.format(ROWS[0]) + second.format(ROWS[1])) == {
        22: first_name,
        80: first_name[:-1] + "2",
    }


@pytest.mark.parametrize(
    "text",
    [
        f"sockets:\n    {ROWS[0]}\n    {ROWS[1]}\n",  # a word is no host
        f"## 2025\n{ROWS[0]}\n{ROWS[1]}\n",
        f"## after the change\n{ROWS[0]}\n{ROWS[1]}\n",
        f"---------------\n{ROWS[0]}\n{ROWS[1]}\n",
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert hosts(text) == {22: None, 80: None}
