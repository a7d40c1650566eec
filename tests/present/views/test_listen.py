"""What listens, as a table: one line a socket at any width, nothing raw, nothing made up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.listen import HereAnswer
from portbook.app.socket_order import sort_by_gravity
from portbook.errors import InvalidArgument
from portbook.host.firewall.redirects import Redirect
from portbook.model import (
    Assessment,
    Family,
    Finding,
    Gap,
    GapCode,
    Level,
    Listener,
    Need,
    Note,
    OwnersSeen,
    Process,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
    Visibility,
)
from portbook.present.owners import viewer
from portbook.present.render.text import Style, columns_of
from portbook.present.views.listen import head, render_here, table_lines
from portbook.present.views.listen_fields import FIELDS, Cells, Template, record_lines
from tests.cases import for_each
from tests.strategies import listeners, nasty
from tests.values import CATALOG, changed, gap, worded

TCP = Transport.TCP
NOTE, CHECK, ALERT = (worded(f"c-{level}", level, "…") for level in tuple(Level)[1:])
WEB = Process(7, "node", ("/usr/bin/node", "/srv/shop/server.js", "--port", "8080"))


def socket(port: int = 8080, *owners: Process, **changes: Any) -> Listener:
    made = Listener(
        Socket(TCP, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN, uid=33, user="www-data")
    )
    facts = {"owners": owners, "owners_seen": OwnersSeen.ALL, "findings": (NOTE,), **changes}
    return changed(made, **facts)


def answer(
    *some: Listener,
    missing: tuple[str, ...] = (),
    redirects: tuple[Redirect, ...] = (),
    total: int = 0,
) -> HereAnswer:
    book = CATALOG.registry
    keys = {(each.socket.port, each.socket.transport) for each in some}
    return HereAnswer(
        some,
        Visibility.PARTIAL if missing else Visibility.FULL,
        tuple(map(gap, missing)),
        {key: book.standing(*key) for key in keys},
        redirects,
        (),
        (),
        total or len(some),
    )


def shown(*some: Listener, width: int = 100, verbose: bool = False, **more: Any) -> list[str]:
    return render_here(answer(*some, **more), Style(width), verbose=verbose).splitlines()


def test_a_socket_is_a_line() -> None:
    udp = changed(socket(53, Process(8, "named"), findings=(CHECK,)), transport=Transport.UDP)
    assert shown(udp, socket(8080, WEB)) == [
        "2 sockets (1 to check, 1 note)",
        "",
        "LEVEL  PORT      ADDRESS  PROGRAM                     PID  USER      SERVICE   FINDING",
        "check  53/udp    0.0.0.0  named                         8  www-data  domain    c-check",
        "note   8080/tcp  0.0.0.0  node server.js --port 8080    7  www-data  http-alt  c-note",
    ]


@for_each("width", [20, 30, 40, 60, 80, 120, 200])
def test_the_table_is_as_wide_as_the_terminal(width: int) -> None:
    long = Process(1234567, "java", ("java", "-jar", "app.jar", *["--option"] * 40), started=0)
    some = [
        socket(65535, long, address="2001:db8:1234:5678:9abc:def0:1234:5678", family=Family.IPV6),
        socket(22, WEB, findings=(ALERT, CHECK, NOTE)),
    ]
    table = shown(*some, width=width)[-3:]
    assert max(map(columns_of, table)) <= width
    assert "65535/tcp" in table[1], "a port is never cut"
    assert "java" in table[1]
    if width >= 200:
        assert "c-alert, c-check, c-note" in table[2]
    elif width >= 60:
        assert "c-alert" in table[2]


def test_findings_that_have_no_room_are_counted() -> None:
    codes = tuple(worded(f"a-long-code-{at}", Level.NOTE, "…") for at in range(3))
    assert shown(socket(8080, WEB, findings=codes), width=60)[-1].endswith("a-long-code-0 +2")


def test_nothing() -> None:
    assert shown() == ["Nothing listens on this machine."]
    assert shown(missing=("sctp",)) == ["No socket can be seen.", "Not seen: sctp"]
    assert shown(total=48) == ["None of the 48 sockets matches."]
    assert shown(total=1) == ["The only socket doesn't match."]


def test_a_named_owner_is_no_reason_to_say_that_there_may_be_others() -> None:
    partial = answer(socket(80, WEB))._replace(
        visibility=Visibility.PARTIAL, missing=(Gap(GapCode.OWNERS_PARTIAL, needs=Need.ROOT),)
    )
    assert "Not seen" not in render_here(partial, Style())


def test_totals_are_true_totals() -> None:
    some = [socket(port, WEB) for port in (1, 2, 3)]
    assert shown(*some, total=48)[0] == "3 of 48 sockets (3 notes)"
    page = render_here(answer(*some), Style(), most=2)
    assert page.startswith("2 of 3 sockets (3 notes)\n")
    assert page.count("node server.js") == 2


def test_owners_that_are_hidden_are_counted() -> None:
    hidden = socket(1, owners_seen=OwnersSeen.HIDDEN)
    assert shown(hidden, socket(2, WEB))[0] == "2 sockets, 1 owner hidden (2 notes)"


def test_a_cell_is_never_cut_within_a_bracket() -> None:
    bound = socket(4100, WEB, address="192.168.178.100", state=SocketState.BOUND)
    spoken = Spoken(SpokenState.IDENTIFIED, "http", "HTTP/1.1 404 Not Found, of a long reason")
    rows = [
        bound,
        bound._replace(socket=bound.socket._replace(address="127.0.0.1")),
        socket(2, owners_seen=OwnersSeen.HIDDEN),
        socket(3, WEB, speaks=spoken),
    ]
    pages = [shown(*rows, width=width)[3:] for width in range(20, 100)]
    lines = [line for page in pages for line in page]
    assert len(lines) > 100
    assert [line for line in lines if line.count("(") != line.count(")")] == []
    every = "\n".join(lines)
    assert "127.0.0.1 bound " in every
    assert "192.168.… bound " in every
    assert "  hidden\n" in every


def test_a_container_is_named_once() -> None:
    cache = Process(0, None, container="1a2b", container_name="cache-1")
    line = shown(socket(6379, cache))[-1]
    assert line.count("cache-1") == 1


@for_each(
    "facts, words",
    [
        ({"owners_seen": OwnersSeen.HIDDEN}, "(not visible)"),
        ({"owners_seen": OwnersSeen.KERNEL}, "(kernel)"),
        ({"owners_seen": OwnersSeen.NONE}, "(no process)"),
        ({"owners_seen": OwnersSeen.UNASKED}, "(unknown)"),
        ({"owners": (WEB,), "owners_seen": OwnersSeen.INFERRED}, "--port 8080 (inferred)"),
        ({"owners": (WEB, WEB._replace(pid=8), WEB._replace(pid=9))}, "--port 8080 +2"),
        ({"owners": (Process(9, None),)}, "process 9"),
        ({"owners": (WEB._replace(container="docker:1"),)}, "--port 8080 in docker:1"),
        ({"owners": (WEB,), "state": SocketState.BOUND}, "0.0.0.0 (bound)"),
        ({"owners": (WEB,), "interface": "eth0"}, "0.0.0.0%eth0"),
        ({"owners": (WEB,), "user": None, "uid": 4000}, " 4000 "),
        ({"owners": (WEB,), "namespace": "blue"}, "blue"),
        ({"owners": (WEB,), "speaks": Spoken(SpokenState.IDENTIFIED, "ssh")}, "ssh"),
        ({"owners": (WEB,), "note": Note(8080, 8080, TCP, "n", "shop")}, '"shop"'),
        (
            {"owners": (WEB,), "note": Note(8080, 8080, TCP, "n", "sh", trusted=False)},
            "http-alt",
        ),
    ],
)
def test_what_stands_in_a_line(facts: dict[str, Any], words: str) -> None:
    assert words in shown(socket(8080, **facts), width=160)[-1]


def test_in_short_and_in_sentences() -> None:
    web = WEB._replace(unit="shop.service", executable="/usr/bin/node", packaged=False)
    lines = shown(socket(8080, web), width=80, verbose=True)
    assert lines[-3] == "       every interface; firewall not checked; pid 7; shop.service; runs"
    assert lines[-2] == "       /usr/bin/node; in no package"
    assert lines[-1] == "       note   c-note: …"


def redirect(**changes: Any) -> Redirect:
    made = Redirect(
        TCP, 8080, 8080, "172.17.0.2", 80, None, Family.IPV4, "nftables", "c", "dnat to …"
    )
    return made._replace(**changes)


def test_redirects() -> None:
    page = "\n".join(shown(redirects=(redirect(), redirect(last=8090, transport=None))))
    assert "Redirected: 8080/tcp to 172.17.0.2:80 (nftables: dnat to …)\n" in page
    assert "Redirected: 8080–8090/any to 172.17.0.2:80" in page


def test_code_without_a_name_is_told_by_its_folder() -> None:
    code = Process(7, "python3", ("python3", "-c", "serve(password='x')"), cwd="/srv/shop")
    cells = Cells({}, viewer())
    assert cells.program(socket(8080, code)) == "python3 -c … in /srv/shop"
    assert cells.program(socket(8080, code._replace(command=("python3", "-")))) == (
        "python3 - in /srv/shop"
    )
    assert cells.program(socket(8080, code._replace(cwd=None))) == "python3 -c …"
    assert cells.program(socket(8080, WEB._replace(cwd="/srv"))) == "node server.js --port 8080"


# -- for programs -------------------------------------------------------------------------------


def test_a_record_has_the_same_fields_whatever_is_in_it() -> None:
    some = (
        socket(8080, WEB, WEB._replace(pid=8)),
        socket(1, owners_seen=OwnersSeen.HIDDEN, findings=(), user=None, uid=None),
    )
    assert [line.split("\t") for line in record_lines(answer(*some))] == [
        ["note", "8080/tcp", "0.0.0.0", "node server.js --port 8080 +1", "7,8", "www-data", "-",
         "http-alt", "c-note"],
        ["ok", "1/tcp", "0.0.0.0", "(not visible)", "-", "-", "-", "tcpmux", "-"],
    ]  # fmt: skip


def test_a_template_is_filled() -> None:
    line = r"{port}/{transport}\t{program}|{reach}|{state}|{directory}|{{}}"
    (filled,) = record_lines(answer(socket(8080, WEB._replace(cwd="/srv/shop"))), Template(line))
    assert filled == "8080/tcp\tnode server.js --port 8080|everywhere|listen|/srv/shop|{}"


def test_every_field_can_be_asked_for() -> None:
    template = Template("|".join(f"{{{name}}}" for name in FIELDS))
    (filled,) = record_lines(answer(socket(8080, WEB)), template)
    assert len(filled.split("|")) == len(FIELDS)


@for_each(
    "template, words",
    [
        ("{prot}", "no field 'prot': the fields are level, port"),
        ("{}", "no field ''"),
        ("foo", "'foo' names no field: the fields are level, port"),
        ("{port!r}", "no field 'port!r'"),
        ("{port:>9}", "no field 'port:>9'"),
        ("{port.real}", "no field 'port.real'"),
        ("{port[0]}", "no field 'port[0]'"),
        ("{port", "brace without its partner"),
        ("}", "brace without its partner"),
    ],
)
def test_what_is_no_template(template: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        Template(template)


# -- whatever stands in it ----------------------------------------------------------------------

ESCAPES = re.compile(r"\x1b\[(?:0|1|2|38;5;\d+)m")


@given(
    st.lists(listeners(), min_size=1, max_size=4),
    nasty,
    st.integers(20, 200),
    st.booleans(),
    st.booleans(),
)
def test_nothing_raw_and_nothing_too_wide(
    some: list[Listener], text: str, width: int, colour: bool, verbose: bool
) -> None:
    owner = Process(7, text, (text, text), cwd=text, container=text, unit=text)
    some = [
        changed(each, owners=(owner,), namespace=text, user=text, findings=(CHECK,))
        for each in some
    ]
    whole = answer(*sort_by_gravity(some), redirects=(redirect(text=text, to_address=text),))
    page = render_here(whole, Style(width, colour), verbose=verbose)
    bare = ESCAPES.sub("", page) if colour else page
    assert all(line.isprintable() for line in bare.split("\n"))
    for each in some:
        assert f"{each.socket.port}/{each.socket.transport}" in bare
    if not verbose:
        table = bare.split("\n")[bare.split("\n").index("") + 1 :][: len(some) + 1]
        assert max(map(columns_of, table)) <= width
    records = list(record_lines(whole))
    assert len(records) == len(some)
    assert {record.count("\t") for record in records} == {len(records[0].split("\t")) - 1}
    assert all(record.replace("\t", "").isprintable() for record in records)


def test_a_table_of_no_socket_is_its_header() -> None:
    """The screen that follows what listens shows it, where nothing listens yet."""
    (header,) = table_lines((), Cells({}, viewer()), Style(80))
    assert header.startswith("LEVEL")


def test_on_a_narrow_terminal_levels_stand_in_a_line_each() -> None:
    def one(number: int, level: Level) -> Listener:
        socket = Socket(Transport.TCP, Family.IPV4, "127.0.0.1", number, SocketState.LISTEN)
        return Listener(socket, assessment=Assessment((Finding("unknown", level),)))

    listed = [one(80, Level.CHECK), *[one(port, Level.NOTE) for port in range(3000, 3018)]]
    lines = head("19 sockets, 1 owner hidden", listed, Style(20)).splitlines()
    assert lines == ["19 sockets, 1 owner", "hidden", "  1 to check", "  18 notes"]
    assert head("19 sockets", listed, Style(80)) == "19 sockets (1 to check, 18 notes)"
