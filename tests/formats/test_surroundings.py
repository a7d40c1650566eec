"""What stands around outputs is told from what could be a row."""

from __future__ import annotations

import pytest

from portbook.app.explain import explain
from portbook.app.socket_filter import Filter
from portbook.errors import NothingKnown
from portbook.formats.surroundings import is_around
from tests.cases import for_each
from tests.values import CATALOG

ROW = "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*"


@for_each(
    "line",
    [
        "$ ss -tlnp",
        "# sudo netstat -tulpn | grep LISTEN",
        "> $ docker ps",
        "op@web01:~$ ss -tulpn sport = :22",
        "[root@web01 ~]#",
        "PS C:\\Users\\op> Get-NetTCPConnection -State Listen | ft -AutoSize",
        "C:\\>netstat -ano",
        "osquery> select pid, port from listening_ports;",
        "bash-5.1# lsof -i :8080",
        "+ ss -tln",
        "Every 2.0s: ss -tln                         web01: Sun Nov  2 10:00:01 2025",
        "```console",
        "~~~",
        "{noformat}",
        "{code:bash}",
        "[/code]",
        "==> web01.txt <==",
        "[sudo] password for op:",
        "Connection to web01.example.com closed.",
        "=====  ==============  ========",
        "Script started on 2025-11-02 10:00:01+01:00",
    ],
)
def test_a_line_around_an_output_is_nothing_that_was_lost(line: str) -> None:
    assert is_around(line)
    found = explain([f"{line}\n{ROW}\n".encode()], Filter(), CATALOG)
    assert (len(found.sockets), found.not_understood) == (1, ())


@for_each(
    "line",
    [
        f"# {ROW}",
        f"op@web01:~$ ss -tln State Recv-Q {ROW}",
        "# nc 812 root 3u IPv4 20101 0t0 TCP *:ssh (LISTEN)",
        "# something that somebody says of it",
        "$ 5 a month",
        "and so on",
        "anna@example.com wrote this",
        "C:\\Windows\\System32\\svchost.exe",
        "LISTEN 0 50 [::ffff:127.0.",
    ],
)
def test_what_may_be_a_row_or_says_something_is_none_of_these(line: str) -> None:
    assert not is_around(line)


def test_prompts_alone_are_no_capture() -> None:
    for name in (None, "ss"):
        with pytest.raises(NothingKnown):
            explain([b"$ ss -tln\n$ exit\n"], Filter(), CATALOG, name)
