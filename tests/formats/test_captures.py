"""Captures as people paste them: quoted, numbered, commented out, of other systems, cut short."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from portbook.app.explain import explain
from portbook.app.socket_filter import Filter
from portbook.errors import NothingKnown
from portbook.formats.fields import NOT_UNDERSTOOD, Line
from portbook.formats.sockets.detect import FORMATS, read
from portbook.model import Listener, Socket, Transport
from portbook.present.render.sockets_json import of_explain
from portbook.present.render.text import Style
from portbook.present.views.explain import render_explained
from tests.cases import for_each
from tests.values import CATALOG

CAPTURES = Path(__file__).parent / "captures"
with (CAPTURES / "expected.tsv").open(encoding="utf-8") as table:
    EXPECTED = {
        row["file"]: row["sockets"].split() for row in csv.DictReader(table, delimiter="\t")
    }
assert EXPECTED.keys() == {path.name for path in CAPTURES.iterdir()} - {"expected.tsv"}
# What a tool doesn't say as a socket is told of: how many lines, by why.
LEFT_OUT = {
    "docker-compose-v1.txt": {"unpublished": 2},
    "docker-ps-format-no-header.txt": {"unpublished": 1},
    "grepable-without-parentheses.txt": {"closed": 998},
    "nmap-report-and-host-on-one-line.txt": {"closed": 998},
    "nmap-table-without-report.txt": {"closed": 1},
    "ok-docker-ps-two-families.txt": {"unpublished": 2},
}
# Nothing in these may be left without a word, and nothing is beside the tool's own lines.
UNDERSTOOD = (
    "lsof-nofd-and-memw.txt", "netstat-b-short-sentence.txt", "netstat-notes-of-rights.txt",
    "nmap-v-interrupted.txt", "grep-n-ss.txt", "numbered-nl-netstat.txt", "commented-netstat.txt",
)  # fmt: skip
NAMES = {"ldap": 389, "ssh": 22, "http": 80}


def port_of(name: str, transport: Transport) -> int | None:
    return NAMES.get(name)


def shown(socket: Socket) -> str:
    address = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{socket.transport}/{address}:{socket.port}"


def events_of(text: bytes) -> list[Listener | Line]:
    return list(read([text], None, port_of)[1])


@for_each("file", [name for name, sockets in EXPECTED.items() if sockets])
def test_a_capture_holds_these_sockets(file: str) -> None:
    events = events_of((CAPTURES / file).read_bytes())
    sockets = dict.fromkeys(shown(each.socket) for each in events if isinstance(each, Listener))
    assert sorted(sockets) == sorted(EXPECTED[file])
    lines = [each for each in events if isinstance(each, Line)]
    counted = {
        what: sum(each.many for each in lines if each.what == what)
        for what in LEFT_OUT.get(file, {})
    }
    assert counted == LEFT_OUT.get(file, {})
    if file in UNDERSTOOD:
        assert not [each for each in lines if each.what == NOT_UNDERSTOOD]


@pytest.mark.parametrize("file", [name for name, sockets in EXPECTED.items() if not sockets])
def test_what_holds_no_sockets_is_refused(file: str) -> None:
    with pytest.raises(NothingKnown):
        events_of((CAPTURES / file).read_bytes())


@for_each(
    "text, word",
    [
        ("Protocol tcp Port Exclusion Ranges\n\n 5357  5357\n", "portbook why"),
        ("NAME TYPE CLUSTER-IP  EXTERNAL-IP  PORT(S) AGE\nweb ClusterIP 192.0.2.1 <none> 80/TCP 1d",
         "kubectl"),
        ("tcp  6 431999 ESTABLISHED src=192.0.2.10 dst=192.0.2.34 sport=51234 dport=443 use=1",
         "conntrack"),
        ("udp      17 28 src=192.0.2.10 dst=192.0.2.1 sport=40000 dport=53 [UNREPLIED] use=1",
         "conntrack"),
        ("ipv6     10 udp      17 28 src=2001:db8::1 dst=2001:db8::2 sport=53 dport=5353 use=2\n",
         "conntrack"),
        ("    [NEW] tcp      6 120 SYN_SENT src=192.0.2.10 dst=192.0.2.34 sport=51 dport=443\n",
         "conntrack"),
        ('0.0.0.0:22 users:(("sshd",pid=812,fd=3))\n', "print the first two as well"),
        ("0.0.0.0:22 812/sshd\n:::80 900/nginx\n", "print those as well"),
        ("tcp 0 0 127.O.O.1:5432 0.0.0.0:* LISTEN\n", "write 0 for O"),
        ("tcp O O 0.0.0.0:22 0.0.0.0:* LISTEN\n", "write 0 for O"),
        ("public (active)\n  target: default\n  ports: 8080/tcp\n", "portbook reach PORT"),
        ("PORT   ADDRESS     PROGRAM   PID\n22     0.0.0.0     sshd      812\n", "neither TCP nor"),
        ("Port  Process   PID\n3000  node      4242\n", "neither TCP nor"),
        ('tcp 192.0.2.7:51234 users:(("ssh",pid=812,fd=3))\n', "print the first two as well"),
        ('udp 192.0.2.7:40123    users:(("curl",pid=9,fd=5))\n', "print the first two as well"),
    ],
)  # fmt: skip
def test_what_is_known_and_holds_no_sockets_leads_on(text: str, word: str) -> None:
    with pytest.raises(NothingKnown, match=word):
        events_of(text.encode())


SS = 'tcp   LISTEN 0      4096   {}:22   {}:*    users:(("sshd",pid=1998,fd=3))'
NETSTAT = "tcp        0      0 0.0.0.0:25              0.0.0.0:*         LISTEN      859/maild"


@for_each(
    "before",
    ["> ", "> > ", ">> ", "3:", "   3\t", "12. ", "# ", "// ", "## -> ", "web-1: ", "web-1 | ",
     "[web-1] ", "2026-11-27T10:00:00Z ", "Jan 06 11:58:02 web-1 ss[12]: ", "<b></b>", "> 3: ",
     "# > "],
)  # fmt: skip
def test_what_stands_before_each_line_is_taken_off(before: str) -> None:
    rows = [SS.format(address, address) for address in ("0.0.0.0", "[::]")]
    events = events_of("\n".join(before + row for row in rows).encode())
    assert [shown(each.socket) for each in events if isinstance(each, Listener)] == [
        "tcp/0.0.0.0:22",
        "tcp/[::]:22",
    ]


def test_two_tools_in_one_ticket_are_both_read() -> None:
    """In the order of their lines, with what neither understands."""
    text = "\n".join([NETSTAT, "and of the other machine", SS.format("127.0.0.1", "0.0.0.0")])
    form, events = read([text.encode()], None, port_of)
    found = list(events)
    assert {form.name, *form.also} == {"ss", "netstat"}
    assert [each.socket.port for each in found if isinstance(each, Listener)] == [25, 22]
    assert [each.number for each in found if isinstance(each, Line)] == [2]


@for_each("file", sorted(EXPECTED))
def test_no_line_is_lost(file: str) -> None:
    """Each line that isn't blank is a socket, or told of, whatever format it is read as."""
    content = (CAPTURES / file).read_bytes()
    full = sum(bool(line.strip()) for line in content.decode("utf-8", "replace").splitlines())
    for form in FORMATS.values():
        if not form.by_line:
            continue
        events = list(read([content], form.name, port_of)[1])
        assert events, form.name
        told = {each.number for each in events if isinstance(each, Line)}
        sockets = sum(isinstance(each, Listener) for each in events)
        assert len(told) + sockets >= full, form.name


@pytest.mark.parametrize("text", ["node:events:495\n", "server.js:12\napp.js:80\n", "web: 8080\n"])
def test_places_in_programs_are_no_sockets(text: str) -> None:
    with pytest.raises(NothingKnown):
        events_of(text.encode())


def test_old_and_new_ss_mean_different_addresses_by_a_star() -> None:
    old = 'LISTEN 0 128 *:22 *:* users:(("sshd",1231,3))\n'
    new = 'LISTEN 0 128 *:22 *:* users:(("sshd",pid=1231,fd=3))\n'
    for text, expected in ((old, "tcp/0.0.0.0:22"), (new, "tcp/[::]:22")):
        (made,) = [each for each in events_of(text.encode()) if isinstance(each, Listener)]
        assert shown(made.socket) == expected


def test_a_socket_has_the_host_that_its_line_named() -> None:
    """And what is no socket is shown as it was pasted."""
    row = SS.format("0.0.0.0", "0.0.0.0")
    events = events_of(f"web-1: {row}\nweb-1: so it goes\ndb.example | {row}\n".encode())
    assert [each.socket.host for each in events if isinstance(each, Listener)] == [
        "web-1",
        "db.example",
    ]
    assert [each.text for each in events if isinstance(each, Line)] == ["web-1: so it goes"]


@for_each(
    "before, host",
    [("1: ", None), ("     1\t", None), ("1  ", None), ("ports.csv:1:", None), ("web-1: ", "web-1"),
     ("web-1 | ", "web-1"), ("web-1,", None)],
)  # fmt: skip
def test_what_stands_before_each_row_of_csv_takes_no_cell_away(
    before: str, host: str | None
) -> None:
    rows = ["program,pid,proto,local_address,local_port", "sshd,812,tcp,192.0.2.1,22"]
    (made,) = [
        each
        for each in events_of("\n".join([before + row for row in rows]).encode())
        if isinstance(each, Listener)
    ]
    assert shown(made.socket) == "tcp/192.0.2.1:22"
    assert [(owner.pid, owner.program) for owner in made.ownership.owners] == [(812, "sshd")]
    assert made.socket.host == host


def test_a_first_column_of_two_words_stays_as_it_is() -> None:
    text = b"service name,proto,address,port,state\nssh: 22,tcp,192.0.2.1,22,LISTEN\n"
    (made,) = [each for each in events_of(text) if isinstance(each, Listener)]
    assert (made.socket.host, made.ownership.owners) == (None, ())


def test_columns_of_ss_that_were_cut_or_set_keep_their_owners() -> None:
    """As awk prints some of them, and column -t sets them, the header's words too."""
    users = 'users:(("sshd",pid=812,fd=3))'
    header = (
        "Netid  State   Recv-Q  Send-Q  Local       Address:Port  Peer  Address:Port  Process\n"
    )
    for text in (
        f"LISTEN 0.0.0.0:22 {users}\n",
        f"tcp LISTEN 0.0.0.0:22 {users}\n",
        f"{header}tcp    LISTEN  0       128     0.0.0.0:22  0.0.0.0:*     {users}\n",
    ):
        events = events_of(text.encode())
        (made,) = [each for each in events if isinstance(each, Listener)]
        assert shown(made.socket) == "tcp/0.0.0.0:22"
        assert [owner.program for owner in made.ownership.owners] == ["sshd"]
        assert not [each for each in events if isinstance(each, Line) and each.text]


@for_each("before", ["> ", "  ", "    ", "> > "])
@for_each("width", [43, 72, 80])
def test_rows_that_were_cut_within_a_word_and_then_quoted_are_whole(
    before: str, width: int
) -> None:
    rows = [
        "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess",
        'LISTEN 0      4096         127.0.0.1:631        0.0.0.0:*    users:(("cupsd",pid=7,fd=7))',
        'LISTEN 0      511         0.0.0.0:80 0.0.0.0:* users:(("a",pid=8,fd=6),("b",pid=90,fd=7))',
        'LISTEN 0      128               [::]:22            [::]:*    users:(("sshd",pid=80,fd=4))',
    ]
    cut = [row[at : at + width] for row in rows for at in range(0, len(row), width)]
    events = events_of("".join(f"{before}{line}\n" for line in cut).encode())
    made = [each for each in events if isinstance(each, Listener)]
    assert [
        (shown(each.socket), [owner.pid for owner in each.ownership.owners]) for each in made
    ] == [("tcp/127.0.0.1:631", [7]), ("tcp/0.0.0.0:80", [8, 90]), ("tcp/[::]:22", [80])]


@for_each("command", ["PS C:\\> Get-NetUDPEndpoint | ft -auto", "Get-NetUDPEndpoint | ft -auto"])
def test_a_table_of_powershell_right_below_netstat_is_read(command: str) -> None:
    text = (
        "Active Connections\n\n  Proto  Local Address  Foreign Address  State      PID\n"
        "  TCP    0.0.0.0:445    0.0.0.0:0        LISTENING  4\n"
        f"{command} LocalAddress,LocalPort,OwningProcess\n"
        "LocalAddress LocalPort OwningProcess\n------------ --------- -------------\n"
        "0.0.0.0           5353          2200\n"
    )
    events = events_of(text.encode())
    made = [shown(each.socket) for each in events if isinstance(each, Listener)]
    assert sorted(made) == ["tcp/0.0.0.0:445", "udp/0.0.0.0:5353"]


def test_ndiff_tells_of_which_host_the_ports_are() -> None:
    text = """\
 db.example (192.0.2.5):
 PORT     STATE SERVICE VERSION
 22/tcp   open  ssh
+8080/tcp open  http-proxy

+192.0.2.6:
+Host is up.
+PORT   STATE SERVICE VERSION
+80/tcp open  http
"""
    events = events_of(text.encode())
    assert [shown(each.socket) for each in events if isinstance(each, Listener)] == [
        "tcp/192.0.2.5:22", "tcp/192.0.2.5:8080", "tcp/192.0.2.6:80",
    ]  # fmt: skip
    assert not [each for each in events if isinstance(each, Line) and each.text]


def test_a_port_of_a_range_tells_the_range() -> None:
    text = b"web   0.0.0.0:8000-8001->80/tcp, 81->81/tcp\n"
    sockets = [each.socket for each in events_of(text) if isinstance(each, Listener)]
    assert [(each.port, each.first, each.last) for each in sockets] == [
        (8000, 8000, 8001),
        (8001, 8000, 8001),
        (81, None, None),
    ]


@for_each(
    "text, expected",
    [
        (
            (
                "Nmap scan report for 192.0.2.1\nPORT STATE SERVICE\n22/tcp open ssh\n"
                "23/tcp closed telnet\n53/udp open|filtered domain\n80/tcp filtered http\n"
            ),
            "192.0.2.1 23/tcp closed, 192.0.2.1 53/udp open-filtered, 192.0.2.1 80/tcp filtered",
        ),
        (
            "Host: 192.0.2.1 ()\tPorts: 22/open/tcp//ssh///, 80/filtered/tcp//http///\n",
            "192.0.2.1 80/tcp filtered",
        ),
        (
            (
                '<nmaprun><host><address addr="192.0.2.1" addrtype="ipv4"/><ports><extraports '
                'state="closed" count="4"><extrareasons reason="reset" count="3" proto="tcp" '
                'ports="1,3-4"/></extraports><port protocol="tcp" portid="22"><state state="open"/>'
                "</port></ports></host></nmaprun>"
            ),
            "192.0.2.1 1/tcp closed, 192.0.2.1 3/tcp closed, 192.0.2.1 4/tcp closed",
        ),
        (
            "#masscan\nopen tcp 22 192.0.2.1 1700000000\nclosed tcp 23 192.0.2.1 1700000000\n",
            "192.0.2.1 23/tcp closed",
        ),
        (
            (
                "Connection to 192.0.2.1 22 port [tcp/ssh] succeeded!\n"
                "nc: connect to 192.0.2.1 port 23 (tcp) failed: Connection refused\n"
                "(UNKNOWN) [192.0.2.1] 24 (?) : Connection timed out\n"
            ),
            "192.0.2.1 23/tcp closed, 192.0.2.1 24/tcp filtered",
        ),
        ("22/tcp open ssh\n23/tcp closed telnet\n", "? 23/tcp closed"),
    ],
)
def test_ports_that_are_not_open_are_told_by_number(text: str, expected: str) -> None:
    events = events_of(text.encode())
    told = [each.port for each in events if isinstance(each, Line) and each.port is not None]
    shown_ports = [f"{each.address} {each.port}/{each.transport} {each.state}" for each in told]
    assert ", ".join(shown_ports) == expected
    assert sum(isinstance(each, Listener) for each in events) == 1


def test_what_a_list_does_not_tell_is_null_in_json() -> None:
    answer = explain([b"22/tcp open ssh\n23/tcp closed telnet\n"], Filter(), CATALOG)
    written = of_explain(answer)
    (socket,) = written["sockets"]
    assert (socket["address"], socket["family"], socket["reach"]) == (None, None, None)
    assert written["not_open"] == [
        {"address": None, "port": 23, "transport": "tcp", "state": "closed"}
    ]
    again = explain([json.dumps(written).encode()], Filter(), CATALOG)
    assert again.sockets[0].socket == answer.sockets[0].socket
    assert again.not_open == answer.not_open
    assert "closed: 23/tcp" in render_explained(answer, Style())
