"""Every sample against what is in it: the format, the sockets, and what became of each other line.

The samples of Windows and macOS are written after their tools' documentation and the classes
MSFT_NetTCPConnection and MSFT_NetUDPEndpoint, those of Linux's tools after their own output.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.formats.fields import DETAIL, HEADING, LEFT_OUT, NOT_UNDERSTOOD, Line
from portbook.formats.sockets.detect import FORMATS, read
from portbook.model import Listener, Transport
from tests.cases import for_each
from tests.counts import examples

if TYPE_CHECKING:
    from portbook.formats.fields import Event

SAMPLES = Path(__file__).parent / "samples"


def names(name: str, transport: Transport) -> int | None:
    return {"ssh": 22, "domain": 53, "ipp": 631}.get(name)


def shown(listener: Listener) -> str:
    """A socket, its state and who holds it, in one line."""
    parts = [listener.socket.name]
    if listener.socket.state != "listen":
        parts.append(listener.socket.state)
    if listener.socket.interface:
        parts.append(f"on {listener.socket.interface}")
    parts += [
        f"{owner.program or owner.container_name or '?'}({owner.pid})"
        for owner in listener.ownership.owners
    ]
    if listener.socket.uid is not None or listener.socket.user:
        parts.append(f"user {listener.socket.user or listener.socket.uid}")
    return " ".join(parts)


def events(sample: str, form: str | None = None) -> tuple[str, list[Event]]:
    chosen, found = read([(SAMPLES / sample).read_bytes()], form, names)
    return chosen.name, list(found)


KNOWN: dict[str, tuple[str, list[str], dict[str, int], list[int]]] = {
    "netstat-solaris.txt": (
        "netstat-solaris",
        ["udp 0.0.0.0:111", "tcp 0.0.0.0:22", "tcp 127.0.0.1:8081"],
        {"connection": 1, "no-port": 2},
        [],
    ),
    "sockstat-freebsd.txt": (
        "sockstat",
        [
            "tcp 0.0.0.0:15900 gamed_4000(1588) user root", "tcp 0.0.0.0:3306 dbd(1567) user db",
            "tcp 127.0.0.1:25 maild(670) user root", "udp [::]:514 logd(453) user root",
        ],
        {"connection": 1, "no-port": 1},
        [],
    ),
    "open-ports.txt": (
        "open-ports",
        ["tcp 192.0.2.97:22", "tcp 192.0.2.97:53", "tcp [2001:db8::97]:8091"],
        {},
        [],
    ),
    "rpcinfo.txt": (
        "rpcinfo",
        ["tcp ?:111", "udp ?:111", "udp ?:875"],
        {"no-port": 1},
        [],
    ),
    "fuser.txt": (
        "fuser",
        [
            "tcp ?:22 sshd(812)",
            "udp ?:5353 avahi-daemon(700) chrome(1700)",
            "tcp ?:8080 ?(17580) ?(17581)",
        ],
        {},
        [],
    ),
    "osquery-table.txt": (
        "osquery-table",
        ["tcp 0.0.0.0:22 ?(812)", "udp 127.0.0.53:53 ?(600)", "tcp [::]:80 ?(900)"],
        {"no-port": 1},
        [],
    ),
    "systemctl-sockets.txt": (
        "systemctl-sockets",
        ["tcp [::]:22 ?(0)", "tcp 0.0.0.0:111 ?(0)"],
        {"no-port": 1},
        [],
    ),
    "windows-en.txt": (
        "netstat-windows",
        [
            "tcp 0.0.0.0:135 ?(1012)", "tcp 0.0.0.0:445 ?(4)", "tcp 127.0.0.1:5354 ?(3180)",
            "tcp 192.0.2.10:139 ?(4)", "tcp [::]:135 ?(1012)",
            "tcp [fe80::1c2e:abcd]:1900 bound on 12 ?(2044)", "udp 0.0.0.0:123 ?(1500)",
            "udp [::1]:1900 ?(2044)",
        ],
        {"connection": 2},
        [],
    ),
    "windows-de.txt": (
        "netstat-windows",
        [
            "tcp 0.0.0.0:135 svchost.exe(1012)", "tcp 0.0.0.0:445 ?(4)",
            "tcp [::]:3389 svchost.exe(1432)", "udp 0.0.0.0:5353 chrome.exe(6608)",
        ],
        {"connection": 1},
        [],
    ),
    "windows-fr.txt": (
        "netstat-windows",
        ["tcp 0.0.0.0:80 ?(4321)", "tcp [::1]:8080 ?(4321)", "udp 192.0.2.10:137 ?(4)"],
        {"connection": 1},
        [],
    ),
    "windows-es.txt": (
        "netstat-windows",
        [
            "tcp 0.0.0.0:1433 sqlservr.exe(0)", "udp 0.0.0.0:500 svchost.exe(0)",
            "udp 0.0.0.0:4500",
        ],
        {"connection": 1},
        [],
    ),
    "windows-ru.txt": (
        "netstat-windows",
        ["tcp 0.0.0.0:135 ?(960)", "udp [::]:500 ?(3344)"],
        {"connection": 1},
        [],
    ),
    "windows-ja.txt": (
        "netstat-windows", ["tcp 0.0.0.0:3389 ?(1432)", "udp 0.0.0.0:53 ?(2100)"], {}, [],
    ),
    "macos-netstat.txt": (
        "netstat",
        [
            "tcp [::]:7000", "tcp 127.0.0.1:631", "tcp [::1]:631", "tcp [fe80::1]:49152 on lo0",
            "udp 0.0.0.0:5353", "udp [::]:137", "udp [fe80::aede:48ff]:123 on en5",
        ],
        {"connection": 1, "no-port": 5},
        [],
    ),
    "macos-netstat-v.txt": (
        "netstat", ["tcp 127.0.0.1:631 ?(381)", "udp 0.0.0.0:5353 ?(290)"], {}, [],
    ),
    "macos-netstat-14.txt": (
        "netstat", ["tcp 0.0.0.0:8021 launchd(1)", "tcp [::]:3283 Remote Desktop(512)"], {}, [],
    ),
    "freebsd-netstat.txt": (
        "netstat", ["tcp 0.0.0.0:22", "tcp [::]:22", "udp 0.0.0.0:514"], {"connection": 1}, [],
    ),
    "macos-lsof.txt": (
        "lsof",
        [
            "tcp [::]:22 launchd(1) user root", "tcp 0.0.0.0:22 launchd(1) user root",
            "tcp 0.0.0.0:49233 rapportd(620) user dana",
            "udp 0.0.0.0:5353 mDNSRespo(290) user _mdnsresponder",
            "tcp [::1]:5000 ControlCe(640) user dana",
        ],
        {"connection": 1, "no-port": 1},
        [],
    ),
    "ss-old.txt": (
        "ss",
        [
            "udp 0.0.0.0:68 dhclient(640)", "tcp [::]:22 sshd(812)",
            "tcp 0.0.0.0:8080 java(4000) java(4001)",
        ],
        {"connection": 1},
        [],
    ),
    "ss-names.txt": ("ss", ["tcp 0.0.0.0:22", "udp 127.0.0.53:53 on lo"], {}, [4]),
    "ss-hostile.txt": (
        "ss",
        ["tcp 0.0.0.0:80", "tcp [::1]:9000 worker(8) worker(9)"],
        {},
        [2, 3, 5, 6, 7],
    ),
    "netstat-linux.txt": (
        "netstat",
        [
            "tcp 0.0.0.0:22 sshd(812) user 0", "tcp [::]:80 user 33",
            "udp 127.0.0.1:323 chronyd(700) user 105",
        ],
        {"connection": 1, "no-port": 2},
        [],
    ),
    "netstat-linux-de.txt": ("netstat", ["tcp 127.0.0.1:631", "tcp [::1]:631"], {}, []),
    "proc-net.txt": (
        "proc-net",
        ["tcp 0.0.0.0:22 user 0", "tcp [::1]:5432 user 113", "udp 0.0.0.0:68 user 0"],
        {"connection": 1},
        [],
    ),
    "nmap.txt": (
        "nmap",
        ["tcp 192.0.2.7:22"],
        {"closed": 1995, "filtered": 3, "open|filtered": 1},
        [],
    ),
    "nmap-grepable.txt": (
        "nmap-grepable", ["tcp 192.0.2.7:22"], {"closed": 995, "filtered": 1}, [3],
    ),
    # In a log, 443 spoke SSH and TLS: what else is inside of TLS can't be told from it.
    "zeek.log": ("zeek", ["tcp 192.0.2.7:443", "udp 192.0.2.7:53"], {}, [13]),
    "eve.json": (
        "flow-json", ["tcp 192.0.2.7:443", "udp 192.0.2.7:53", "tcp 192.0.2.8:22"], {}, [],
    ),
    "records.csv": (
        "records",
        ["tcp 192.0.2.39:22", "tcp 192.0.2.40:443"],
        {"open|filtered": 1, "closed": 1},
        [6],
    ),
    "records.json": (
        "records", ["tcp [::]:22 sshd(937)", "udp 0.0.0.0:68 dhclient(700)"], {}, [],
    ),
    "nmap.xml": ("nmap-xml", ["tcp 192.0.2.7:22"], {"closed": 998, "open|filtered": 1}, []),
    "masscan.list": (
        "masscan-list", ["tcp 192.0.2.8:443", "udp 192.0.2.9:161"], {"closed": 1}, [],
    ),
    "masscan.json": ("masscan-json", ["tcp 192.0.2.8:443"], {"closed": 1}, []),
    "masscan.xml": ("nmap-xml", ["tcp 192.0.2.8:443"], {}, []),
    "osquery.json": (
        "osquery", ["tcp 0.0.0.0:22 ?(812)", "tcp [::]:5432 postgres(900)"], {"no-port": 1}, [5],
    ),
    "osqueryd.log": ("osquery", ["tcp 127.0.0.1:6379 redis-server(77)"], {"gone": 1}, []),
    "docker.txt": (
        "docker",
        [
            "tcp 0.0.0.0:8080 web(0)", "tcp [::]:8080 web(0)", "tcp 127.0.0.1:5432 db(0)",
            "udp [::]:3478 turn(0)", "tcp 0.0.0.0:7000 turn(0)", "tcp 0.0.0.0:7001 turn(0)",
            "tcp 0.0.0.0:7002 turn(0)",
        ],
        {"unpublished": 1},
        [],
    ),
    "docker.jsonl": ("docker", ["tcp 0.0.0.0:8080 web(0)"], {"unpublished": 1}, []),
    "tcpconnection.txt": (
        "powershell",
        ["tcp [::]:445 ?(4)", "tcp 127.0.0.1:5354 ?(3180)", "tcp 0.0.0.0:50100 bound ?(9000)"],
        {"connection": 1},
        [],
    ),
    "tcpconnection-selected.txt": (
        "powershell", ["tcp [::]:445 System(4)", "tcp 0.0.0.0:3389 svchost(1432)"], {}, [],
    ),
    "tcpconnection-list.txt": (
        "powershell", ["tcp 0.0.0.0:135 ?(1012)"], {"connection": 1}, [],
    ),
    "tcpconnection.csv": ("powershell", ["tcp [::]:445 ?(4)"], {"connection": 1}, [5]),
    "tcpconnection.json": ("powershell", ["tcp [::]:445 ?(4)"], {"connection": 1}, []),
    "udpendpoint.txt": (
        "powershell", ["udp [fe80::1c2e:abcd]:1900 on 12", "udp 0.0.0.0:5353"], {}, [],
    ),
    "udpendpoint.json": ("powershell", ["udp 0.0.0.0:500 ?(3344)"], {}, []),
}  # fmt: skip


@for_each("sample", KNOWN)
def test_sample(sample: str) -> None:
    form, sockets, left_out, lost = KNOWN[sample]
    chosen, found = events(sample)
    assert chosen == form
    assert [shown(each) for each in found if isinstance(each, Listener)] == sockets
    told: Counter[str] = Counter()
    for each in found:
        if isinstance(each, Line) and each.what in LEFT_OUT:
            told[each.what] += each.many
    assert dict(told) == left_out
    unread = [each for each in found if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    assert [each.number for each in unread] == lost


def test_every_sample_is_known() -> None:
    files = {path.name for path in SAMPLES.iterdir()}
    assert files == {*KNOWN, "nothing.txt"}
    assert {KNOWN[name][0] for name in KNOWN} | {"lsof-fields", "portbook"} == set(FORMATS)


def test_what_nobody_printed_is_refused() -> None:
    with pytest.raises(MalformedInput, match="known tool"):
        read([(SAMPLES / "nothing.txt").read_bytes()])


@pytest.mark.parametrize("form", [name for name, form in FORMATS.items() if form.by_line])
@for_each("sample", KNOWN)
def test_no_line_is_dropped_silently(form: str, sample: str) -> None:
    """By whichever reader: each line that isn't blank is a socket, or is told of."""
    text = (SAMPLES / sample).read_text(encoding="utf-8")
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    _, found = events(sample, form)
    told = {each.number for each in found if isinstance(each, Line)}
    sockets = sum(isinstance(each, Listener) for each in found)
    assert told <= set(lines)
    assert len(set(lines) - told) <= sockets


@pytest.mark.parametrize("sample", KNOWN)
@given(damages=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3)), max_size=3))
@examples(4)
def test_no_line_of_a_damaged_sample_is_dropped(
    sample: str, damages: list[tuple[float, float, int]]
) -> None:
    """Lines removed, cut off, garbled and doubled, by whichever reader."""
    lines = (SAMPLES / sample).read_text(encoding="utf-8").split("\n")
    for which, where, kind in damages:
        at = int(which * (len(lines) - 1))
        line = lines[at]
        place = int(where * len(line))
        lines[at : at + 1] = (
            [],
            [line[:place]],
            [line[:place] + 'x :*|"(\0'[place % 8] + line[place + 1 :]],
            [line] * 2,
        )[kind]
        lines = lines or [""]
    full = {number for number, line in enumerate(lines, 1) if line.strip()}
    for name, form in FORMATS.items():
        if not form.by_line or not full:
            continue
        found = list(read(["\n".join(lines).encode()], name, names)[1])
        told = {each.number for each in found if isinstance(each, Line)}
        assert told <= full, name
        assert len(full - told) <= sum(isinstance(each, Listener) for each in found), name


@for_each("sample", KNOWN)
def test_what_a_paste_goes_through_changes_nothing(sample: str) -> None:
    """UTF-16 from PowerShell, a byte order mark, CR LF, and any cut into chunks."""
    text = (SAMPLES / sample).read_text(encoding="utf-8")
    expected = events(sample)[1]
    windows = text.replace("\n", "\r\n")
    forms = [
        windows.encode(),
        "\ufeff".encode() + text.encode(),
        windows.encode("utf-16"),
        ("\ufeff" + text).encode("utf-16-be"),
    ]
    if "\u3000" < max(text) < "\uffff":  # without a mark UTF-16 is known by Latin letters
        forms.append(windows.encode("utf-16-le")[: len(text) * 4])
    else:
        forms.append(windows.encode("utf-16-le"))
    for form in forms:
        for size in (1, 7, 4096):
            chunks = [form[at : at + size] for at in range(0, len(form), size)]
            assert list(read(chunks, None, names)[1]) == expected


def test_colours_are_taken_out() -> None:
    line = "\x1b[1;32mLISTEN\x1b[0m 0 128 \x1b]0;title\x07\x1b[36m0.0.0.0\x1b[0m:22 0.0.0.0:*\n"
    chosen, found = read([line.encode()])
    assert chosen.name == "ss"
    assert [shown(each) for each in found if isinstance(each, Listener)] == ["tcp 0.0.0.0:22"]


def test_details_are_kept_where_the_tool_tells_them() -> None:
    _, found = events("ss-old.txt")
    full = [each for each in found if isinstance(each, Listener)][2]
    assert (full.socket.queue, full.socket.queue_limit, full.socket.backlog_full) == (
        129,
        128,
        True,
    )
    _, found = events("netstat-linux.txt")
    assert [each.socket.inode for each in found if isinstance(each, Listener)] == [
        20101,
        20310,
        20400,
    ]
    _, found = events("nmap.txt")
    scanned = next(each for each in found if isinstance(each, Listener))
    assert scanned.socket.scanned
    assert scanned.socket.reach == "address"


def test_headings_and_details_are_no_finds() -> None:
    _, found = events("windows-de.txt")
    kinds = Counter(each.what for each in found if isinstance(each, Line))
    assert kinds[HEADING] == 2
    assert kinds[DETAIL] == 7


_ROW = "tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      -\n"
_NOTES = {
    "de": "(Es konnten nicht alle Prozesse identifiziert werden; Informationen über\n"
    "nicht-eigene Processe werden nicht angezeigt; Root kann sie anzeigen.)",
    "es": "(No todos los procesos pueden ser identificados, la información de los de otros\n"
    " no se mostrará, necesita ser superusuario para verlos todos.)",
    "fr": "(Tous les processus ne peuvent être identifiés, les infos sur les processus\n"
    "non possédés ne seront pas affichées, vous devez être root pour les voir toutes.)",
    "it": "(Non tutti i processi potrebbero essere identificati, le informazioni su quelli\n"
    " di altri non verranno visualizzate, per vederle occorre essere root.)",
    "pt": "(Nem todos os processos puderam ser identificados, informações sobre processos\n"
    " de outrem não serão mostrados, você deve ser root para vê-los todos.)",
    "ja": "(プロセスを全て特定することはできませんでした。所有していないプロセスの情報は\n"
    "表示されません。全て見るには root になる必要があります。)",
    "zh": "（并非所有进程都能被检测到，所有非本用户的进程信息将不会显示，如果想看到所有信息，则必须切换到 root 用户）",  # noqa: E501
    "ru": "(Не все процессы были идентифицированы, информация о процессах без владельца\n"
    " не будет отображена, вам нужны права суперпользователя (root), чтобы увидеть всё.)",
}


@for_each("language", _NOTES)
def test_what_netstat_could_not_tell_is_a_note_in_any_language(language: str) -> None:
    text = f"{_NOTES[language]}\n{_ROW}"
    for name in (None, "netstat"):
        chosen, found = read([text.encode()], name, names)
        kept = list(found)
        assert chosen.name == "netstat"
        assert [shown(each) for each in kept if isinstance(each, Listener)] == ["tcp 0.0.0.0:22"]
        assert not [each for each in kept if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
