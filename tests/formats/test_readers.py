"""What the readers hold for any input: what goes in comes out, and nothing is lost or breaks."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.formats.fields import LEFT_OUT, LONGEST_TEXT, NOT_UNDERSTOOD, Line, no_names
from portbook.formats.lines import LONGEST_LINE, numbered
from portbook.formats.sockets.detect import FORMATS, detect, read
from portbook.formats.sockets.readers import reader
from portbook.formats.sockets.ss_plain import PLAIN, plain_row
from portbook.formats.sockets.ss_row import row_of
from portbook.model import (
    Family,
    Listener,
    Ownership,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.model.text import unbyte
from portbook.present.render.sockets_json import of_row
from tests.cases import for_each
from tests.counts import PROOF, one_in
from tests.strategies import any_port, listeners, nasty

if TYPE_CHECKING:
    from portbook.formats.fields import Event

SAMPLES = Path(__file__).with_name("samples")
PIECES = (
    "tcp", "udp", "LISTEN", "UNCONN", "ESTAB", "0", "128", "0.0.0.0:22", "[::]:80", "*:*",
    "0.0.0.0:*", "*.22", "*.*", "0.0.0.0:0", "99999", "[::1]:65536", 'users:(("a",pid=1,fd=3))',
    "Proto", "Netid", "State", "TCP", "UDP", "IPv4", "(LISTEN)", "p1", "cssh", "f3", "PTCP",
    "n*:22", "TST=LISTEN", "tIPv4", "LocalAddress", "LocalPort", ":", "----", "22/tcp", "open",
    "LocalAddress,LocalPort", "\r", "²",
    "Nmap scan report for 192.0.2.7", "Host: 192.0.2.7 ()", "Ports:", "22/open/tcp//ssh///",
    "<nmaprun>", "<host>", "</host>", '<address addr="192.0.2.7"/>', '<port portid="22"',
    'protocol="tcp">', '<state state="open"/>', "<!DOCTYPE x>", "[", "]", "{", "}", ",", '"', "\\",
    '{"port":22,"protocol":6}', '{"ip":"192.0.2.8","ports":[{"port":1,"proto":"tcp"}]}',
    "CONTAINER ID   PORTS   NAMES", "8080->80/tcp", "sl  local_address", "0: 00000000:0016",
    "0A", "\t", "\x1b[1m", "\0", "\udcff",
)  # fmt: skip
scraps = st.lists(
    st.lists(st.sampled_from(PIECES) | nasty, max_size=9).map(" ".join), max_size=12
).map("\n".join)


def all_of(text: str, form: str) -> list[Event]:
    """What a reader finds; a refusal is an answer as well."""
    data = text.encode("utf-8", "surrogateescape" if text.isascii() else "backslashreplace")
    try:
        return list(read([data], form)[1])
    except MalformedInput:
        return []


@pytest.mark.parametrize("form", FORMATS)
@given(scraps)
def test_no_input_breaks_a_reader(form: str, text: str) -> None:
    """Nothing is raised, whatever is found."""
    for event in all_of(text, form):
        if isinstance(event, Listener):
            assert 0 <= event.socket.port <= 65535
            assert event.socket.state in ("listen", "bound")
            assert event.socket.family in ("ipv4", "ipv6")
            assert event.socket.address.isascii()
            assert event.socket.address.isprintable()
            json.dumps(of_row(event)).encode()
        else:
            assert event.what in (NOT_UNDERSTOOD, "heading", "detail", *LEFT_OUT)
            assert len(event.text) <= LONGEST_TEXT
            assert event.number >= 1
            assert event.many >= 0


@pytest.mark.parametrize("form", [name for name, form in FORMATS.items() if form.by_line])
@given(scraps)
def test_no_line_is_dropped(form: str, text: str) -> None:
    lines = list(enumerate(text.split("\n"), 1))
    found = list(reader(FORMATS[form])(lines, no_names))
    told = {each.number for each in found if isinstance(each, Line)}
    sockets = sum(isinstance(each, Listener) for each in found)
    full = {number for number, line in lines if line.strip()}
    assert len(full - told) <= sockets


@given(scraps)
def test_detection_finds_a_format_or_refuses(text: str) -> None:
    lines = list(enumerate(text.split("\n"), 1))
    try:
        found = detect(lines).name
    except MalformedInput:
        return
    assert found in FORMATS


# What JSON leaves out, and so can't come back: the fields of each kind, and why.
NOT_IN_JSON = {
    Process: {
        "executable_uid": "the findings are made of it, and come along",
        "executable_mode": "the findings are made of it, and come along",
        "upgraded": "the findings are made of it, and come along",
        "activates_executable": "the findings are made of it, and come along",
        "cgroup_uid": "the findings are made of it, and come along",
    },
}


def through_json(value: Any) -> Any:
    """*value* as JSON can hold it: text without stray bytes, times in whole seconds."""
    if type(value) is str:
        return unbyte(value)
    if isinstance(value, float):
        return float(int(value))
    if not isinstance(value, tuple):
        return value
    inner = [through_json(each) for each in value]
    if not hasattr(value, "_fields"):
        return tuple(inner)
    kind: Any = type(value)
    lost = NOT_IN_JSON.get(kind, {})
    kept = {name: each for name, each in zip(kind._fields, inner, strict=True) if name not in lost}
    return kind(**kept)


@given(listeners())
def test_our_own_json_comes_back_as_it_was(listener: Listener) -> None:
    row = of_row(listener)
    (again,) = read([json.dumps(row).encode()], "portbook")[1]
    assert again == through_json(listener)
    assert isinstance(again, Listener)
    assert of_row(again) == row


@for_each(
    "key, value",
    [
        ("speaks", "http"),
        ("speaks", {}),
        ("speaks", {"state": ["identified"]}),
        ("speaks", {"state": "identified", "tls": "yes"}),
        ("speaks", {"state": "identified", "certificate_names": [1]}),
        ("own_notes", {}),
        ("own_notes", ["a note"]),
        ("own_notes", [{"first": 22, "last": 22}]),
        ("own_notes", [{"first": 23, "last": 22, "file": "notes.toml"}]),
        ("own_notes", [{"first": 22, "last": 65536, "file": "notes.toml"}]),
        ("own_notes", [{"first": 22, "last": 22, "file": "notes.toml", "transport": "icmp"}]),
        ("own_notes", [{"first": 22, "last": 22, "file": "notes.toml"}] * 2),
    ],
)
def test_what_is_no_answer_or_no_note_is_told(key: str, value: Any) -> None:
    row = {
        **of_row(Listener(Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 22, SocketState.LISTEN))),
        key: value,
    }
    (line,) = read([json.dumps(row).encode()], "portbook")[1]
    assert isinstance(line, Line)
    assert line.what == NOT_UNDERSTOOD
    assert str(line.why).endswith("is not what it should be")


# Names as servers have them; what a hostile one can do to a line is another test's.
programs = st.text(st.sampled_from("abcXYZ019-_.+@é端"), min_size=1, max_size=15)
addresses = st.sampled_from(("0.0.0.0", "127.0.0.1", "192.0.2.7", "::", "::1", "2001:db8::7"))
sockets = st.builds(
    lambda transport, address, port, pid, program: Listener(
        Socket(
            transport,
            Family.IPV6 if ":" in address else Family.IPV4,
            address,
            port,
            SocketState.LISTEN,
        ),
        Ownership(
            () if program is None else (Process(pid, program),),
            OwnersSeen.UNASKED if program is None else OwnersSeen.FIRST,
        ),
    ),
    st.sampled_from((Transport.TCP, Transport.UDP)),
    addresses,
    any_port.filter(bool),
    st.integers(1, 2**22),
    st.none() | programs,
)


def host_of(listener: Listener) -> str:
    return (
        f"[{listener.socket.address}]"
        if ":" in listener.socket.address
        else listener.socket.address
    )


def as_ss(each: Listener) -> str:
    tcp = each.socket.transport is Transport.TCP
    users = "".join(
        f'users:(("{owner.program}",pid={owner.pid},fd=3))' for owner in each.ownership.owners
    )
    return (
        f"{each.socket.transport:<5} {'LISTEN' if tcp else 'UNCONN'} 0      "
        f"{'128' if tcp else '0'}   "
        f"{host_of(each)}:{each.socket.port}   *:*   {users}"
    )


def as_netstat(each: Listener) -> str:
    six = "6" if each.socket.family == "ipv6" else ""
    state = "LISTEN" if each.socket.transport is Transport.TCP else ""
    held = "".join(f"{owner.pid}/{owner.program}" for owner in each.ownership.owners) or "-"
    return (
        f"{each.socket.transport}{six:<2}       0      0 "
        f"{each.socket.address}:{each.socket.port}     "
        f"{'::' if six else '0.0.0.0'}:*         {state:<11} {held}"
    )


def as_windows(each: Listener) -> str:
    tcp = each.socket.transport is Transport.TCP
    any_host = "[::]" if each.socket.family == "ipv6" else "0.0.0.0"
    pid = "".join(str(owner.pid) for owner in each.ownership.owners)
    return (
        f"  {str(each.socket.transport).upper()}    {host_of(each)}:{each.socket.port}     "
        f"{f'{any_host}:0   LISTENING' if tcp else '*:*             '}   {pid}"
    )


def as_lsof(each: Listener) -> str:
    owner = each.ownership.owners[0] if each.ownership.owners else Process(1, "x")
    listens = " (LISTEN)" if each.socket.transport is Transport.TCP else ""
    return (
        f"{owner.program} {owner.pid} root 3u IPv{str(each.socket.family)[-1]} 0x12ab 0t0 "
        f"{str(each.socket.transport).upper()} {host_of(each)}:{each.socket.port}{listens}"
    )


@given(st.lists(sockets, min_size=1, max_size=4))
@pytest.mark.parametrize(
    ("form", "write", "named"),
    [
        ("ss", as_ss, True),
        ("netstat", as_netstat, True),
        ("netstat-windows", as_windows, False),
        ("lsof", as_lsof, True),
    ],
    ids=["ss", "netstat", "netstat-windows", "lsof"],
)
def test_what_a_tool_would_print_is_read_back(
    form: str, write: Any, named: bool, some: list[Listener]
) -> None:
    rows = [write(each) for each in some]
    # Several rows of which each begins with "+" are what a diff adds, if no header stands above.
    if form == "lsof" and len(rows) > 1 and all(row.startswith("+") for row in rows):
        rows.insert(0, "COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME")
    text = "\n".join(rows) + "\n"
    chosen, events = read([text.encode()])
    assert chosen.name == form
    found = list(events)
    assert [each.socket.name for each in found if isinstance(each, Listener)] == [
        each.socket.name for each in some
    ]
    if not named:
        return
    for each, again in zip(some, found, strict=True):
        assert isinstance(again, Listener)
        if each.ownership.owners:
            assert again.ownership.owners[0].pid == each.ownership.owners[0].pid
            program = each.ownership.owners[0].program or ""
            known = program.partition(": ")[0].removesuffix(":") or program
            assert again.ownership.owners[0].program == (known if form == "netstat" else program)


@pytest.mark.parametrize(
    ("rows", "programs"),
    [
        (["+a 7 root 3u IPv4 0x12ab 0t0 TCP *:22 (LISTEN)"], ["+a"]),
        (
            [
                "+a 7 root 3u IPv4 0x12ab 0t0 TCP *:22 (LISTEN)",
                "b 8 root 3u IPv4 0x12ab 0t0 TCP *:80 (LISTEN)",
            ],
            ["+a", "b"],
        ),
        (
            [
                "+a 7 root 3u IPv4 0x12ab 0t0 TCP *:22 (LISTEN)",
                "",
                "+b 8 root 3u IPv4 0x12ab 0t0 TCP *:80 (LISTEN)",
            ],
            ["a", "b"],
        ),
        (
            [
                "+ a 7 root 3u IPv4 0x12ab 0t0 TCP *:22 (LISTEN)",
            ],
            ["a"],
        ),
    ],
    ids=["one row", "one of two", "each", "a bullet"],
)
def test_a_plus_is_a_diffs_where_each_of_several_rows_has_it(
    rows: list[str], programs: list[str]
) -> None:
    _, events = read(["\n".join([*rows, ""]).encode()])
    listeners = [event for event in events if isinstance(event, Listener)]
    assert [each.ownership.owners[0].program for each in listeners] == programs


@given(sockets, st.sampled_from(("tcp  ", "udp  ", "")), st.sampled_from(("LISTEN", "UNCONN")))
def test_the_short_way_through_ss_is_the_long_one(each: Listener, netid: str, state: str) -> None:
    users = "".join(
        f'users:(("{owner.program}",pid={owner.pid},fd=3))' for owner in each.ownership.owners
    )
    line = f"{netid}{state} 1 128 {host_of(each)}:{each.socket.port} *:* {users}"
    match = PLAIN.fullmatch(line)
    assert match is not None
    assert plain_row(1, line, match, {}) == row_of(1, line, no_names)


def test_what_the_short_way_through_ss_makes_is_a_whole_listener() -> None:
    line = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))'
    (found,) = read([line.encode()], "ss")[1]
    assert found == Listener(
        Socket(
            Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN, queue=0, queue_limit=128
        ),
        Ownership((Process(812, "sshd"),), OwnersSeen.FIRST),
    )


# -- hostile sizes and documents --------------------------------------------------------------

CHARS = ("a", " ", "0", ":", "[", '"', "<")


@pytest.mark.proof
@for_each("char, form", one_in(2, itertools.product(CHARS, FORMATS)))
def test_a_line_of_a_million_characters_is_one_line(form: str, char: str) -> None:
    """After each of some beginnings under make proof, else after one of them in turn."""
    leads = ("", "tcp LISTEN 0 128 0.0.0.0:", "x 1 ")
    turn = (list(FORMATS).index(form) + CHARS.index(char)) % len(leads)
    some = leads if PROOF else leads[turn : turn + 1]
    assert some
    for lead in some:
        line = lead + char * (1 << 20)
        found = all_of(f"{line}\n", form)
        told = [each for each in found if isinstance(each, Line)]
        assert found == told
        assert told or not line.strip() or not FORMATS[form].by_line
        assert max((len(each.text) for each in told), default=0) <= LONGEST_TEXT


def test_a_line_that_never_ends_is_not_kept() -> None:
    chunk = b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:* " * 2000
    many = LONGEST_LINE // len(chunk) + 3
    first, last = b"LISTEN 0 5 127.0.0.1:1 0.0.0.0:*\n", b"\nLISTEN 0 5 [::1]:2 *:*\n"
    chunks = [first, *[chunk] * many, last]
    lines = dict(numbered(chunks))
    assert sorted(lines) == [1, 2, 3]
    assert len(lines[2]) < 3 * len(chunk)
    found = list(read(chunks)[1])
    assert [each.socket.name for each in found if isinstance(each, Listener)] == [
        "tcp 127.0.0.1:1",
        "tcp [::1]:2",
    ]
    assert [each.number for each in found if isinstance(each, Line)] == [2]


def xml(inner: str, top: str = "") -> bytes:
    return f'<?xml version="1.0"?>\n{top}<nmaprun>\n{inner}\n</nmaprun>\n'.encode()


@pytest.mark.parametrize(
    "top",
    [
        '<!DOCTYPE nmaprun [<!ENTITY a "aaaa">]>\n',
        '<!DOCTYPE nmaprun SYSTEM "file:///etc/passwd">\n',
        '<!DOCTYPE nmaprun PUBLIC "-//x//y" "https://example.org/x.dtd">\n',
        "<!DOCTYPE html>\n",
        "<!DOCTYPE\nnmaprun>\n",
    ],
)
def test_a_doctype_is_refused(top: str) -> None:
    for form in (None, "nmap-xml"):
        with pytest.raises(MalformedInput, match="DOCTYPE"):
            list(read([xml("<host/>", top)], form)[1])


def test_the_doctype_that_nmap_writes_declares_nothing_and_is_read() -> None:
    port = (
        '<host><address addr="192.0.2.7"/><ports><port portid="1" protocol="tcp">'
        '<state state="open"/></port></ports></host>'
    )
    found = list(read([xml(port, "<!DOCTYPE nmaprun>\n")])[1])
    assert [each.socket.name for each in found if isinstance(each, Listener)] == ["tcp 192.0.2.7:1"]


@pytest.mark.parametrize(
    "inner",
    ["<a>" * 100, "<a " + "\n" * 3000, '<a b="' + "x" * (3 << 20)],
    ids=["deep", "tall", "long"],
)
def test_xml_that_is_no_scan_is_bounded(inner: str) -> None:
    data = xml("<host/>\n" + inner)
    try:
        found = list(read([data], "nmap-xml")[1])
    except MalformedInput:
        return
    assert any(isinstance(each, Line) and each.what == NOT_UNDERSTOOD for each in found)


def test_broken_json_gives_what_is_whole() -> None:
    text = '[{"port":22,"protocol":6,"family":2},\n{"port":23,"protocol":6,\n"family":2}, {"po'
    found = list(read([text.encode()])[1])
    assert [each.socket.port for each in found if isinstance(each, Listener)] == [22, 23]
    (lost,) = [each for each in found if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    assert lost.number == 3
    assert lost.why == "it ends in the middle of a value"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_json_as_deep_as_a_well_is_not_understood(text: str) -> None:
    with pytest.raises(MalformedInput, match="known tool"):
        read([text.encode()])


def test_ports_that_are_none_are_told() -> None:
    for form, line in (
        ("ss", "LISTEN 0 128 0.0.0.0:65536 0.0.0.0:*"),
        ("netstat", "tcp 0 0 0.0.0.0:70000 0.0.0.0:* LISTEN"),
        ("netstat-windows", "TCP 0.0.0.0:70000 0.0.0.0:0 LISTENING 4"),
        ("lsof", "x 1 root 3u IPv4 1 0t0 TCP *:70000 (LISTEN)"),
        ("masscan-list", "open tcp 70000 192.0.2.7 1"),
        ("osquery", '{"port":"70000","protocol":"6","family":"2","address":"0.0.0.0"}'),
    ):
        (found,) = read([line.encode()], form)[1]
        assert isinstance(found, Line), form
        assert found.what == NOT_UNDERSTOOD


def test_columns_of_containers_that_are_none() -> None:
    text = "CONTAINER ID   X PORTS   NAMES\n0123456789ab   80/tcp   web\n"
    with pytest.raises(MalformedInput, match="known tool"):
        read([text.encode()])


_WITHOUT_SAMPLE = ("portbook", "lsof-fields")


@functools.cache
def _samples() -> dict[str, list[Path]]:
    """The samples, by the format that each is taken for."""
    found: dict[str, list[Path]] = {form: [] for form in FORMATS}
    for path in SAMPLES.iterdir():
        with contextlib.suppress(MalformedInput):
            found[read([path.read_bytes()])[0].name].append(path)
    return found


@pytest.mark.parametrize("digit", ["²", "٣", "੩", "9" * 5000])
@for_each("form", [each for each in FORMATS if each not in _WITHOUT_SAMPLE])
def test_what_looks_like_a_number_breaks_no_reader(form: str, digit: str) -> None:
    numbers = events = 0
    for path in _samples()[form]:
        content = path.read_bytes()
        text = "\n".join(line for _, line in numbered([content]))
        for number in sorted(set(re.findall(r"(?<![\w.])[0-9]+(?![\w.])", text)))[:12]:
            numbers += 1
            for event in all_of(re.sub(rf"(?<![\w.]){number}(?![\w.])", digit, text), form):
                events += 1
                assert not isinstance(event, Listener) or 0 <= event.socket.port <= 65535
    assert numbers
    assert events


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("ss", "LISTEN ² 128 0.0.0.0:22 0.0.0.0:*"),
        ("ss", "0 ² 0.0.0.0:22 0.0.0.0:*"),
        ("lsof", "sshd 1 root 3u IPv4 ² 0t0 TCP *:22 (LISTEN)"),
        ("lsof-fields", "p1\nu²\nf3\ntIPv4\nPTCP\nd²\nn*:22\nTST=LISTEN"),
        (
            "netstat",
            "Proto Recv-Q Send-Q Local Foreign State User Inode\ntcp 0 0 *:22 *:* LISTEN ² ² ²/x",
        ),
    ],
)
def test_a_superscript_is_no_number(form: str, text: str) -> None:
    events = list(read([text.encode()], form)[1])
    assert events
    for event in events:
        if isinstance(event, Listener):
            assert (event.socket.port, event.socket.inode, event.socket.uid) == (22, None, None)


@pytest.mark.parametrize(
    "header",
    [
        'LocalAddress,LocalPort,"a"b',
        "LocalAddress,LocalPort," + "x" * 140_000,
    ],
)
def test_a_header_that_is_no_csv_is_not_understood(header: str) -> None:
    text = f"LocalAddress,LocalPort\n0.0.0.0,53\n{header}\n0.0.0.0,54\n"
    found = list(read([text.encode()], "powershell")[1])
    assert [each.socket.port for each in found if isinstance(each, Listener)] == [53, 54]
    (lost,) = [each for each in found if isinstance(each, Line) and each.what == NOT_UNDERSTOOD]
    assert lost.number == 3
