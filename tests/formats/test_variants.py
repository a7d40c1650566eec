"""The same few outputs as people paste them: each variant holds the same sockets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portbook.formats.fields import NOT_UNDERSTOOD, Line, no_names
from portbook.formats.parts import steps_of
from portbook.formats.sockets import flow_logs, netstat
from portbook.formats.sockets.detect import FORMATS, read
from portbook.model import Listener
from tests.cases import for_each
from tests.formats.test_captures import port_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

SS = """\
Netid State  Recv-Q Send-Q    Local Address:Port  Peer Address:Port Process
udp   UNCONN 0      0         127.0.0.53%lo:53         0.0.0.0:*    users:(("dns",pid=600,fd=13))
tcp   LISTEN 0      128             0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=812,fd=3))
tcp   LISTEN 0      511                [::]:80            [::]:*    users:(("nginx",pid=900,fd=6))
"""
NETSTAT = """\
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
udp        0      0 127.0.0.53:53           0.0.0.0:*                           600/systemd-resolve
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      812/sshd: /usr/sbin
tcp6       0      0 :::80                   :::*                    LISTEN      900/nginx: master p
"""
LSOF = """\
COMMAND     PID            USER   FD   TYPE DEVICE SIZE/OFF NODE NAME
resolve     600 systemd-resolve   13u  IPv4  18420      0t0  UDP 127.0.0.53:53
sshd        812            root    3u  IPv4  20101      0t0  TCP *:22 (LISTEN)
nginx       900        www-data    6u  IPv6 231456      0t0  TCP *:80 (LISTEN)
"""
DOCKER = """\
CONTAINER ID   IMAGE   COMMAND                 STATUS   PORTS                                  NAMES
0123456789ab   dns     "/docker-entrypoint.…"  Up 2 h   127.0.0.53:53->53/udp                  dns
ba9876543210   web     "/docker-entrypoint.…"  Up 2 h   0.0.0.0:22->22/tcp, [::]:80->80/tcp    web
"""
OSQUERY = """\
+-----+------+----------+--------+------------+
| pid | port | protocol | family | address    |
+-----+------+----------+--------+------------+
| 600 | 53   | 17       | 2      | 127.0.0.53 |
| 812 | 22   | 6        | 2      | 0.0.0.0    |
| 900 | 80   | 6        | 10     | ::         |
+-----+------+----------+--------+------------+
"""
SOCKETS = ["tcp/0.0.0.0:22", "tcp/[::]:80", "udp/127.0.0.53:53"]
OUTPUTS = {"ss": SS, "netstat": NETSTAT, "lsof": LSOF, "docker": DOCKER, "osquery-table": OSQUERY}


def before(text: str) -> Callable[[str], str]:
    return lambda output: "".join(f"{text}{line}\n" for line in output.splitlines())


def wrapped(width: int) -> Callable[[str], str]:
    def wrap(output: str) -> str:
        lines = output.splitlines()
        return "".join(
            f"{line[at : at + width]}\n" for line in lines for at in range(0, len(line), width)
        )

    return wrap


def as_markdown(output: str) -> str:
    rows = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"


def as_list(output: str) -> str:
    lines = "".join(f"        {json.dumps(line)},\n" for line in output.splitlines())
    return f'ok: [web-1] => {{\n    "out.stdout_lines": [\n{lines}    ]\n}}\n'


WAYS: dict[str, Callable[[str], str]] = {
    "a prompt of bash": lambda output: f"root@web:~# ss -tulpn\n{output}root@web:~# \n",
    "a prompt of zsh": lambda output: f"➜  ~ ss -tulpn\n{output}",
    "a prompt of two lines": lambda output: f"╭─alice@web ~\n╰─$ ss -tulpn\n{output}",
    "fences": lambda output: f"alice  11:58 AM\n```\n{output}```\nany idea?\n",
    "Jira's markup": lambda output: f"{{code:bash}}\n{output}{{code}}\n",
    "HTML": lambda output: f"<pre>{output.replace('>', '&gt;')}</pre>",
    "Windows' line ends": lambda output: output.replace("\n", "\r\n"),
    "old line ends": lambda output: output.replace("\n", "\r"),
    "colours": lambda output: re.sub("(tcp|TCP)", "\x1b[32m\\1\x1b[0m", output),
    "blanks that don't break": lambda output: output.replace(" ", "\u00a0"),
    "characters without width": lambda output: output.replace("\n", "\n\u200b"),
    "a recorded session": lambda output: (
        f"Script started on 2026-01-05\n\x1b]0;~\x07$ ss\r\n{output}exit\r\n"
    ),
    "lines of a page": lambda output: "<br>".join(output.splitlines()),
    "a byte order mark": lambda output: f"\ufeff{output}",
    "a ticket": before("> "),
    "a reply to a ticket": before("> > "),
    "an indented quote": before("    "),
    "a diff": before("+"),
    "bullets": before("- "),
    "numbers": before("12: "),
    "a time": before("2026-01-06T11:58:02.1234567Z "),
    "a container's log": before("2026-01-06T11:58:02.123456789Z stdout F "),
    "a journal": before("Jan 06 11:58:02 web-1 check[812]: "),
    "a host": before("web-1: "),
    "a service": before("web-1  | "),
    "a log of levels": before("2026-01-06 11:58:02,123 INFO  [main] "),
    "a syslog with its priority": before("<13>Jan  6 11:58:02 web-1 check: "),
    "a build's log": before("[2026-01-06T11:58:02.123Z] "),
    "a time alone": before("11:58:02  "),
    "a service of compose": before("web_1  | "),
    "a pod": before("[pod/web-1/main] "),
    "remarks": before("REM "),
    "a comment of C": lambda output: f"/*\n{before(' * ')(output)} */\n",
    "a quote in a log": lambda output: before("11:58:02 ")(before("> ")(output)),
    "a frame": lambda output: "".join(f"│ {line:<120} │\n" for line in output.splitlines()),
    "lines of a page's table": lambda output: "".join(
        f"<tr><td>{'</td><td>'.join(line.split())}</td></tr>\n" for line in output.splitlines()
    ),
    "a key of JSON": lambda output: json.dumps({"rc": 0, "out": output}, indent=2),
    "a list of JSON": lambda output: json.dumps({"out": output.splitlines()}, indent=2),
    "a playbook's list": as_list,
    "a text of JSON": lambda output: json.dumps({"stdout": output}) + "\n",
    "escaped line ends": lambda output: output.replace("\n", "\\n") + "\n",
}


@for_each("way", WAYS)
@pytest.mark.parametrize("name", ["ss", "netstat", "lsof"])
def test_a_way_to_paste_changes_no_socket(name: str, way: str) -> None:
    assert sockets_of(WAYS[way](OUTPUTS[name]))[0] == SOCKETS


@pytest.mark.parametrize("width", [80, 90, 120])
@pytest.mark.parametrize("name", ["ss", "netstat", "lsof", "docker"])
def test_what_a_narrow_terminal_cut_is_put_together(name: str, width: int) -> None:
    sockets, unread = sockets_of(wrapped(width)(OUTPUTS[name]))
    assert (sockets, unread) == (SOCKETS, [])


BELOW = st.one_of(
    st.sampled_from([
        "root@web-2:~# ", "[2] 10:00:00 [SUCCESS] web-2", "web-2 | CHANGED | rc=0 >>", "web-2:",
        "$ ss -tulpn", "and that is all", "C:\\>netstat -ano", "PS C:\\> ", "--", "hd",
        "==> web-2 <==", "(1 row)", "tcp LISTEN", "LISTEN)", "kube-proxy", "/usr/sbin",
        'tcp LISTEN 0 128 0.0.0.0:8443 0.0.0.0:* users:(("java",pid=77,fd=3))',
    ]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["ss", "netstat", "lsof", "docker"]),
    times=st.integers(1, 3),
    longest=st.integers(1, 3),
    line=BELOW,
)
def test_a_line_below_the_longest_row_is_not_taken_for_its_end(
    name: str, times: int, longest: int, line: str
) -> None:
    """Nobody cut the table: its longest row ends where it ends, whatever stands below it."""
    rows = [row.rstrip() for row in OUTPUTS[name].splitlines()]
    width = max(map(len, rows)) + longest
    rows[-1] = rows[-1].replace("  ", " " * (2 + width - len(rows[-1])), 1)
    alone = list(read(["\n".join(rows).encode()], None, port_of)[1])
    text = "".join(f"{row}\n" for row in [*rows, line] * times)
    together = list(read([text.encode()], None, port_of)[1])
    owners = {each: each.ownership for each in alone if isinstance(each, Listener)}
    assert len(owners) == len(SOCKETS)
    kept = {each for each in together if isinstance(each, Listener)}
    assert kept >= owners.keys()
    unread = [each for each in together if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    shown_lines = " ".join(each.text for each in unread)
    known = _is_read(name, rows, line) or steps_of([line])  # the name of a host
    assert kept > owners.keys() or line.strip() in shown_lines or known


def _is_read(name: str, rows: list[str], line: str) -> bool:
    """Whether the reader of *name* takes *line* for anything below *rows*."""
    lines = list(enumerate([*rows, "", line], 1))
    events = list(FORMATS[name].read(lines, port_of))
    return not any(
        isinstance(each, Line) and each.number == len(lines) and each.what == NOT_UNDERSTOOD
        for each in events
    )


@pytest.mark.parametrize("name", ["ss", "netstat", "lsof", "docker"])
def test_a_table_of_markdown_holds_the_same_sockets(name: str) -> None:
    assert sockets_of(as_markdown(OUTPUTS[name]))[0] == SOCKETS


def test_osquery_prints_a_table() -> None:
    assert sockets_of(OSQUERY) == (SOCKETS, [])
    lines = "\n".join(
        f"pid = {pid}\nport = {port}\nprotocol = {protocol}\naddress = {address}\n"
        for pid, port, protocol, address in (
            (600, 53, 17, "127.0.0.53"), (812, 22, 6, "0.0.0.0"), (900, 80, 6, "::"),
        )
    )  # fmt: skip
    assert sockets_of(lines) == (SOCKETS, [])


@for_each(
    "text",
    [
        "web: 127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, [::]:80->80/tcp\ncache: 6379/tcp\n",
        "web 127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, [::]:80->80/tcp\n",
        "127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, [::]:80->80/tcp\n",
        "0123456789ab 127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, :::80->80/tcp\n",
        "web | nginx | 127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, :::80->80/tcp\n",
        'web,"127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, [::]:80->80/tcp"\n',
        "NAMES     PORTS\nweb       127.0.0.53:53->53/udp, 0.0.0.0:22->22/tcp, [::]:80->80/tcp\n",
        (
            "0123456789ab\t53/udp -> 127.0.0.53:53\n0123456789ab\t22/tcp -> 0.0.0.0:22\n"
            "0123456789ab\t80/tcp -> [::]:80\n"
        ),
    ],
)
def test_containers_in_somebodys_own_format(text: str) -> None:
    assert sockets_of(text)[0] == SOCKETS


POWERSHELL = """\
LocalAddress LocalPort RemoteAddress RemotePort State  OwningProcess
------------ --------- ------------- ---------- -----  -------------
::                  80 ::                     0 Listen           900
0.0.0.0             22 0.0.0.0                0 Listen           812
"""
EDITS: dict[str, Callable[[str], str]] = {
    "blanks together": lambda output: re.sub(" +", " ", output),
    "tabs": lambda output: re.sub(" +", "\t", output),
    "cells of a page": lambda output: re.sub(" +", "  ", output),
    "blank lines between": lambda output: output.replace("\n", "\n\n"),
    "a frame": WAYS["a frame"],
    "a log": WAYS["a time alone"],
    "a list of JSON": WAYS["a list of JSON"],
}


@for_each("edit", EDITS)
def test_a_table_of_powershell_survives_being_edited(edit: str) -> None:
    assert sockets_of(EDITS[edit](POWERSHELL)) == (SOCKETS[:2], [])


def test_a_row_of_powershell_with_an_empty_cell_is_read_by_its_columns() -> None:
    assert (
        sockets_of(POWERSHELL.replace("Listen           900", "Listen              "))[0]
        == (SOCKETS[:2])
    )


COMPOSE = """\
   Name            Command           State               Ports
---------------------------------------------------------------------------
shop_web_1   webd -g daemon off;     Up      443/tcp, 0.0.0.0:22->22/tcp
shop_dns_1   sh /setup/start.sh      Up      127.0.0.53:53->53/udp,
                                             :::80->80/tcp
"""


@pytest.mark.parametrize("way", ["an indented quote", "a service of compose", "a frame"])
def test_an_old_compose_s_table_may_stand_further_right(way: str) -> None:
    assert sockets_of(WAYS[way](COMPOSE))[0] == SOCKETS


def test_an_old_compose_s_row_that_was_edited_is_not_the_end_of_the_one_above() -> None:
    assert sockets_of(re.sub(" +", " ", COMPOSE.replace(",\n", ", ")))[0] == SOCKETS


NMAP = """\
Starting Nmap 7.94 ( https://nmap.org ) at 2026-01-05 10:00 UTC
Nmap scan report for 192.0.2.39
Host is up (0.25s latency).
Not shown: 997 closed ports
PORT    STATE         SERVICE
22/tcp  open          ssh
53/udp  open|filtered domain
80/tcp  open          http
Service Info: OS: Linux
"""


@for_each(
    "way", ["a time", "a time alone", "a build's log", "a journal", "a frame", "a host", "numbers"]
)
def test_a_scan_in_a_log_keeps_its_host_and_its_states(way: str) -> None:
    sockets = [place.partition("=")[0] for place in sockets_of(WAYS[way](NMAP))[0]]
    assert sockets == ["tcp/192.0.2.39:22", "tcp/192.0.2.39:80"]


@pytest.mark.parametrize("bar", ["|", "\\|"])
def test_a_table_of_markdown_keeps_a_state_with_a_bar(bar: str) -> None:
    table = as_markdown(NMAP.split("ports\n")[1]).replace("open|filtered", f"open{bar}filtered")
    assert sockets_of(table)[0] == ["tcp/?:22", "tcp/?:80"]


def test_an_arrow_that_an_editor_made_is_one() -> None:
    assert sockets_of(DOCKER.replace("->", "→"))[0] == SOCKETS


def test_a_table_of_solaris_is_known_by_its_columns_where_its_title_is_cut_off() -> None:
    udp = "   Local Address        Remote Address      State\n      *.53              Idle\n"
    tcp = (
        "   Local Address        Remote Address    Swind Send-Q Rwind Recv-Q    State\n"
        "      *.22                 *.*                0      0 128000      0 LISTEN\n"
    )
    rule = "-------------------- -------------------- -----\n"
    for text, sockets in ((udp, ["udp/0.0.0.0:53"]), (tcp, ["tcp/0.0.0.0:22"])):
        above, below = text.splitlines(keepends=True)
        assert sockets_of(above + rule + below) == (sockets, [])


def test_fuser_tells_processes_and_no_addresses() -> None:
    text = """\
                     USER        PID ACCESS COMMAND
22/tcp:              root        812 F.... sshd
5353/udp:            avahi       700 F.... avahi-daemon
                     alice      1700 F.... chrome
8080/tcp:            17580 17581
"""
    listeners = [
        each for each in read([text.encode()], None, port_of)[1] if isinstance(each, Listener)
    ]
    assert [
        (shown(each.socket), [(owner.pid, owner.program) for owner in each.ownership.owners])
        for each in listeners
    ] == [
        ("tcp/?:22", [(812, "sshd")]),
        ("udp/?:5353", [(700, "avahi-daemon"), (1700, "chrome")]),
        ("tcp/?:8080", [(17580, None), (17581, None)]),
    ]


NOTES = (
    (
        "Aktive Internetverbindungen (Nur Server)\n(Es konnten nicht alle Prozesse erkannt werden; "
        "Informationen über\nnicht-eigene Prozesse werden nicht angezeigt; Root kann sie anzeigen.)"
    ),
    (
        "Connexions Internet actives (seulement serveurs)\n(Tous les processus ne peuvent être "
        "identifiés, les infos sur les processus\nnon possédés ne seront pas affichées, vous devez "
        "être root pour les voir toutes.)"
    ),
    (
        "Conexiones activas de Internet (solo servidores)\n(No todos los procesos pueden ser "
        "identificados, no hay información de propiedad del proceso\nno se mostrarán, necesita ser "
        "superusuario para verlos todos.)"
    ),
    (
        "Aktywne połączenia internetowe (tylko serwery)\n(Nie można było zidentyfikować wszystkich "
        "procesów, informacje o procesach\nnienależących do użytkownika nie będą pokazane.)"
    ),
    "激活Internet连接 (仅服务器)\n（并非所有进程都能被检测到，所有非本用户的进程信息将不会显示）",
    "Активные соединения с интернетом (only servers)",
    "稼働中のインターネット接続 (サーバのみ)",
    "Connessioni Internet attive (solo server)",
    "Conexões Internet Ativas (sem os servidores)",
    '(Für "-p": geteuid()=1000 war nichts zu lesen.)\nAktive Internetverbindungen (ohne Server)',
    (
        "(Pro „-p“ nelze nic číst: geteuid()=1000, ale je třeba\nbyl superuživatelem)\n"
        "(Všechny procesy nemohly být identifikovány. Budou vypsány\npouze vaše, a musel\n"
        "byste být superuživatelem.)\nAktivní Internetová spojení (pouze servery)"
    ),
    (
        "ინტერნეტის შეერთებები (მხოლოდ სერვერები)\n"
        "პროტო მიღ-Q გაგზ-Q ლოკალური მისამართი   უცხო მისამართი   მდგომარეობა"
    ),
)


@for_each("notes", NOTES)
def test_netstat_s_notes_are_in_the_user_s_language(notes: str) -> None:
    text = notes + "\n" + NETSTAT.partition("\n")[2]
    assert sockets_of(text) == (SOCKETS, [])


def test_outputs_of_three_tools_keep_their_own_lines() -> None:
    text = f"web:\n{SS}\nand the containers\n{DOCKER}\nand that\n{LSOF}"
    sockets, unread = sockets_of(text)
    assert sockets == SOCKETS
    assert unread == ["web:", "and the containers", "and that"]


def sockets_of(text: str) -> tuple[list[str], list[str]]:
    """The sockets in *text*, and the lines that nobody understood."""
    events = list(read([text.encode()], None, port_of)[1])
    sockets = {shown(each.socket) for each in events if isinstance(each, Listener)}
    lines = [each for each in events if isinstance(each, Line)]
    return sorted(sockets), [each.text for each in lines if each.what == NOT_UNDERSTOOD]


def test_services_of_a_log_are_not_all_held() -> None:
    """Past the most, the first met is told of at once, with what was spoken there."""
    row = '{"id.resp_h": "192.0.2.%d", "id.resp_p": 443, "proto": "tcp", "conn_state": "SF"}\n'

    def told(*met: int) -> list[int]:
        lines = enumerate([row % at for at in met], 1)
        events = flow_logs.read_json(lines, no_names, most=2)
        return [int(each.socket.address[-1]) for each in events if isinstance(each, Listener)]

    assert told(1, 2, 3, 4, 5) == [1, 2, 3, 4, 5]
    assert told(1, 2, 3, 2, 1) == [1, 2, 3, 1]


def test_a_list_that_netstat_repeats_is_held_up_to_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Past the most, a socket is told of again: nothing is lost, and memory stays small."""
    monkeypatch.setattr(netstat, "_MOST_IN_ROUND", 2)
    head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State\n"
    row = "tcp        0      0 127.0.0.1:%d            0.0.0.0:*               LISTEN\n"
    text = "".join([head, *[row % port for port in range(1, 5)]])
    sockets = [
        each.socket.port for each in read([(text * 2).encode()])[1] if isinstance(each, Listener)
    ]
    assert sockets == [1, 2, 3, 4, 3, 4]


CURRPORTS = """\
Process Name,Process ID,Protocol,Local Port,Local Address,Remote Port,State
resolve,600,UDP,53,127.0.0.53,,
sshd,812,TCP,22,0.0.0.0,,Listening
nginx,900,TCP,80,::,,Listening
"""
DOCKER_JSON = """\
{"Names":"dns","Ports":"127.0.0.53:53->53/udp"}
{"Names":"web","Ports":"0.0.0.0:22->22/tcp"}
{"Names":"app","Ports":"[::]:80->80/tcp"}
"""
FIRST_CELLS = {
    "records": (CURRPORTS, ["nginx", "resolve", "sshd"]),
    "lsof": (LSOF.partition("\n")[2], ["nginx", "resolve", "sshd"]),
    "docker": (DOCKER_JSON, ["app", "dns", "web"]),
}


@pytest.mark.parametrize("name", FIRST_CELLS)
@pytest.mark.parametrize(
    "way", ["a ticket", "a reply to a ticket", "a diff", "bullets", "a time", "a journal"]
)
def test_what_each_line_wears_is_no_part_of_its_first_cell(name: str, way: str) -> None:
    """A reader takes the line with it: the owner would be called "> sshd", or "Jan"."""
    text, owners = FIRST_CELLS[name]
    listeners = [
        each for each in read([WAYS[way](text).encode()], None, port_of)[1]
        if isinstance(each, Listener)
    ]  # fmt: skip
    assert sorted(shown(each.socket) for each in listeners) == SOCKETS
    assert owners == sorted(
        owner.program or owner.container_name or ""
        for each in listeners
        for owner in each.ownership.owners
    )


# Columns of owners as people write them: the name with its number behind it.
NAMED_OWNERS = {
    "netstat-windows": (
        """\
  TCP    0.0.0.0:88    0.0.0.0:0    LISTENING    lsass (812)
  TCP    [::]:135      [::]:0       ABHÖREN      svchost.exe (pid 980)
  UDP    0.0.0.0:123   *:*                       w32time (1044)
  TCP    0.0.0.0:443   0.0.0.0:0    LISTENING    4 http.exe
""",
        [("lsass", 812), ("svchost.exe", 980), ("w32time", 1044), ("http.exe", 4)],
    ),
    "powershell": (
        """\
LocalAddress LocalPort State  OwningProcess
------------ --------- -----  -------------
0.0.0.0      88        Listen lsass (812)
0.0.0.0      135       Listen svchost (980)
0.0.0.0      136       Listen dns
""",
        [("lsass", 812), ("svchost", 980), ("dns", 0)],
    ),
    "ss": (
        """\
Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* sshd (812)
tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:* nginx (900)
""",
        [("sshd", 812), ("nginx", 900)],
    ),
    "netstat": (
        """\
Proto Recv-Q Send-Q Local Address    Foreign Address   State   PID/Program name
tcp        0      0 0.0.0.0:22       0.0.0.0:*         LISTEN  sshd (812)
tcp        0      0 0.0.0.0:80       0.0.0.0:*         LISTEN  nginx (900)
""",
        [("sshd", 812), ("nginx", 900)],
    ),
}


@pytest.mark.parametrize("name", NAMED_OWNERS)
def test_an_owner_with_its_number_in_brackets_is_read(name: str) -> None:
    text, owners = NAMED_OWNERS[name]
    form, events = read([text.encode()])
    found = [event for event in events if isinstance(event, Listener)]
    assert form.name == name
    each = [owner for listener in found for owner in listener.ownership.owners]
    assert [(owner.program, owner.pid) for owner in each] == owners


BROKEN = """\
Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp LISTEN 0 128 0.0.0.0:22
0.0.0.0:* users:(("sshd",pid=812,fd=3))
tcp LISTEN 0 51
1   0.0.0.0:80 0.0.0.0:*
   users:(("nginx",pid=9
05,fd=6),("ngi
nx",pid=906,fd=6))
udp UNCONN 0 0 [::]:5
3 [::]:* users:(("dns",
  pid=600,fd=13))
"""


def test_rows_of_ss_that_somebody_broke_anywhere_are_put_together() -> None:
    events = list(read([BROKEN.encode()])[1])
    found = [event for event in events if isinstance(event, Listener)]
    told = {
        (each.socket.name, *[(owner.program, owner.pid) for owner in each.ownership.owners])
        for each in found
    }
    assert told == {
        ("tcp 0.0.0.0:22", ("sshd", 812)),
        ("tcp 0.0.0.0:80", ("nginx", 905), ("nginx", 906)),
        ("udp [::]:53", ("dns", 600)),
    }
    assert not [each for each in events if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]


@given(cuts=st.lists(st.integers(2, 60), max_size=4), gap=st.sampled_from(["\n", "\n  "]))
@settings(max_examples=60, deadline=None)
def test_a_broken_row_invents_nothing(cuts: list[int], gap: str) -> None:
    row = 'tcp LISTEN 0 128 10.0.0.9:8080 0.0.0.0:* users:(("sshd",pid=812,fd=3))'
    places = sorted({*cuts})
    pieces = [row[begin:end] for begin, end in zip([0, *places], [*places, None], strict=True)]
    text = gap.join(pieces) + "\nudp UNCONN 0 0 127.0.0.53:53 0.0.0.0:*\n"
    events = list(read([text.encode()], "ss")[1])
    found = [event for event in events if isinstance(event, Listener)]
    names = {event.socket.name for event in found}
    assert names <= {"tcp 10.0.0.9:8080", "udp 127.0.0.53:53"}
    unread = [each for each in events if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    whole = [each for each in found if each.socket.port == 8080 and each.ownership.owners]
    assert whole or unread
    assert {owner.pid for each in whole for owner in each.ownership.owners} <= {812}


def test_owners_that_are_cut_off_are_told() -> None:
    text = 'tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=90\n' + SS
    events = list(read([text.encode()])[1])
    cut = [each for each in events if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    assert [(each.number, each.why) for each in cut] == [(1, "its owners are cut off")]
    assert len([each for each in events if isinstance(each, Listener)]) == 4
