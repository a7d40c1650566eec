"""What tools and people write before each line, whatever it is, is no part of what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portbook.app.explain import merge
from portbook.formats.common_lead import leads_of
from portbook.formats.fields import NOT_UNDERSTOOD, Line
from portbook.formats.pasted_line import Pasted
from portbook.formats.sockets.detect import read
from portbook.model import Listener
from tests.cases import for_each
from tests.formats.test_pastes import port_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

OUTPUTS = {
    "sockstat": """\
USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS
root     sshd       812   3  tcp4   *:22                  *:*
www      nginx      900   6  tcp6   *:80                  *:*
""",
    "compose": """\
NAME        IMAGE         COMMAND       SERVICE   STATUS         PORTS
app-web-1   app-web       "npm start"   web       Up 3 minutes   0.0.0.0:3000->3000/tcp
app-db-1    postgres:16   "postgres"    db        Up 3 minutes   127.0.0.1:5432->5432/tcp
""",
    "powershell": """\
LocalAddress   LocalPort RemoteAddress RemotePort State   AppliedSetting OwningProcess
------------   --------- ------------- ---------- -----   -------------- -------------
::             5985      ::            0          Listen                 4
0.0.0.0        135       0.0.0.0       0          Listen                 1084
""",
    "nmap": """\
Nmap scan report for app.example.com (192.0.2.39)
Host is up (0.00060s latency).
PORT    STATE    SERVICE VERSION
22/tcp  open     ssh     OpenSSH 9.6p1 (protocol 2.0)
443/tcp open     ssl/http nginx 1.24.0
""",
    "lsof-fields": "p812\ncsshd\nf3\ntIPv4\nPTCP\nn*:22\nTST=LISTEN\n",
    "netstat-solaris": """\
TCP: IPv4
   Local Address        Remote Address     Swind  Send-Q Rwind  Recv-Q    State
-------------------- -------------------- ------- ------ ------- ------ -----------
      *.22                 *.*                  0      0  128000      0 LISTEN
""",
    "rpcinfo": """\
   program vers proto   port  service
    100000    4   tcp    111  portmapper
    100003    3   tcp   2049  nfs
""",
}  # fmt: skip


def before(text: str) -> Callable[[str], str]:
    """*text* before each line, with its number where it has a place for one."""
    return lambda output: "".join(
        f"{text.format(at)}{line}\n" for at, line in enumerate(output.splitlines(), 1)
    )


LEADS: dict[str, Callable[[str], str]] = {
    "a prompt": before("web01> "),
    "an arrow": before("web01 -> "),
    "a logger's line": before("2026-03-01 10:00:{0:02}.123 | INFO     | __main__:run:12 - "),
    "a runner's stream": before("2026-03-01T10:00:{0:02}.123456Z 01O "),
    "seconds since 1970": before("17723592{0:02}.123 "),
    "a chat": before("[01/03/2026, 10:00:{0:02}] Ops: "),
    "a comment": before("// "),
    "a file": before("out.txt:"),
    "numbers and a bar": before("{0:3} | "),
    "numbers": before("{0:3}  "),
    "colours written out": before("^[[32m"),
    "a page's cells": lambda output: "".join(
        f'<tr><td class="n">{at}</td><td>{line}</td></tr>\n'
        for at, line in enumerate(output.splitlines(), 1)
    ),
}


def found_in(text: str) -> tuple[list[str], list[str]]:
    """The sockets with their owners, and the lines that nobody understands."""
    form, events = read([text.encode()], None, port_of)
    told = list(events)
    sockets = [each for each in told if isinstance(each, Listener)]
    sockets = merge(sockets) if form.per_process else sockets
    unread = [each.text for each in told if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    return sorted(map(shown, sockets)), unread


@for_each("way", LEADS)
@pytest.mark.parametrize("name", OUTPUTS)
def test_what_stands_before_each_line_is_no_part_of_it(name: str, way: str) -> None:
    plain = found_in(OUTPUTS[name])
    assert plain[0]
    assert found_in(LEADS[way](OUTPUTS[name])) == plain


def test_a_word_before_an_end_says_which_it_is_and_is_no_lead() -> None:
    assert leads_of(["upstream: 192.0.2.1:80", "upstream: 192.0.2.2:80"]) == []
    assert leads_of(["server 192.0.2.1 down", "server 192.0.2.2 down"]) == []
    assert leads_of(["22 tcp 0.0.0.0", "53 udp 0.0.0.0"]) == []


def test_a_lead_leaves_other_lines_and_the_columns_behind_it() -> None:
    lines = ["a1>   x", "a22>  y", "prose", "a3>    z", "a4>   x"]
    step = leads_of(lines)[-1]
    told = step([Pasted(at, line, line) for at, line in enumerate(lines, 1)])
    assert [each.bare for each in told] == [" x", "y", "prose", "  z", " x"]
