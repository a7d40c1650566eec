"""Sockets that are alike are judged once, and no two that differ get the same verdict for it."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from portbook.app.capture_judge import CaptureJudge
from portbook.app.capture_rows import plain_rows
from portbook.app.capture_table import CaptureTable, judge_all
from portbook.app.judge import Judge, judge_listener
from portbook.app.socket_order import sort_by_gravity
from portbook.formats.fields import UNTOLD, PlainRows
from portbook.formats.sockets.detect import read
from portbook.model import (
    Assessment,
    ExecutablePlace,
    Family,
    Finding,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.owners import Viewer
from portbook.present.render.text import Style
from portbook.present.views.listen import head, table_lines
from portbook.present.views.listen_fields import Cells
from tests.counts import PROOF
from tests.values import CATALOG

RULES = PortRules("linux", 1024, (32768, 60999), ((40000, 40000),))
# Nothing on record (several of each state), a service, a use, abuse, a default, browsers' own.
PORTS = (
    23,
    6379,
    11211,
    305,
    306,
    340,
    343,
    443,
    3000,
    5432,
    5433,
    6667,
    10241,
    10253,
    # Services that no owner here speaks, one of them with a use; and two that some do.
    13,
    17,
    19,
    79,
    88,
    110,
    873,
    3128,
    31337,
    40000,
    40001,
    41000,
    61000,
)
POSTGRES = "/usr/lib/postgresql/17/bin/postgres"
OWNERS: tuple[tuple[Process, ...], ...] = (
    (),
    (Process(7, "postgres", None, POSTGRES, 0, 0o755),),
    (Process(8, "postgres", None, POSTGRES, 0, 0o755),),
    (Process(7, "postgres", None, POSTGRES, 1000, 0o755),),
    (Process(7, "postgres", None, POSTGRES, 0, 0o755, True, place=ExecutablePlace.TEMPORARY),),
    (Process(7, "postgres"),),
    (Process(7, "python3", ("python3", "-m", "http.server")),),
    (Process(7, "python3", ("python3", "shop.py")),),
    (Process(7, "python3", ("python3", "shop.py"), "/usr/bin/python3.11", 0, 0o755),),
    (Process(7, "nc", executable="/usr/bin/nc"),),
    (Process(7, "redis-server", None, "/usr/bin/redis-server", 0, 0o755),),
    (Process(7, "x", executable="/opt/x", packaged=False), Process(9, "nginx")),
)
ADDRESSES = (("127.0.0.1", None), ("0.0.0.0", None), ("192.0.2.1", None), ("192.0.2.1", "eth0"))


def sockets() -> list[Listener]:
    """Every combination, so that each differs from others in one thing alone."""
    seen = (OwnersSeen.ALL, OwnersSeen.HIDDEN, OwnersSeen.KERNEL)
    users = ((0, "root"), (1000, "ada"))
    return [
        Listener(
            Socket(
                Transport.TCP, Family.IPV4, address, port, SocketState.LISTEN, interface,
                uid=uid, user=user, queue=queue, queue_limit=4,
            ),
            Ownership(owners, how),
        )
        for owners, (address, interface), how, (uid, user), queue in itertools.product(
            OWNERS, ADDRESSES, seen, users, (0, 5)
        )
        for port in PORTS
    ]  # fmt: skip


@pytest.mark.parametrize("said", [True, False])
def test_one_judge_of_all_sockets_says_what_each_says_alone(said: bool) -> None:
    judge = Judge(RULES, CATALOG, said=said)
    samples = sockets()[:: 5 if said else 7]
    assert samples
    for each in samples:
        alone = judge_listener(each, RULES, CATALOG, said=said)
        assert judge(each).assessment.findings == alone
        assert judge(each).assessment.findings == alone


def _but_captured(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """*findings* without the fact that their socket is a capture's."""
    return tuple(
        [
            each._replace(facts=tuple([fact for fact in each.facts if fact[0] != "captured"]))
            for each in findings
        ]
    )


@pytest.mark.parametrize("said", [True, False])
def test_a_capture_is_judged_together_as_each_of_its_sockets_is(said: bool) -> None:
    judge, bare = CaptureJudge(CATALOG, said=said), PortRules("")
    samples = sockets()[:: 31 if said else 5]
    shuffled = samples[1::2] + samples[::2]
    each_alone = CaptureJudge(CATALOG, said=said)
    alone = [each_alone(each).assessment.findings for each in shuffled]
    of_here = [judge_listener(each, bare, CATALOG, said=said) for each in shuffled]
    assert [_but_captured(each) for each in alone] == of_here
    assert [each.assessment.findings for each in judge_all(judge, shuffled)] == alone
    assert [each[:2] for each in judge_all(judge, shuffled)] == [each[:2] for each in shuffled]


def test_services_come_with_the_sentences_unless_the_socket_has_its_own() -> None:
    socket = Socket(Transport.TCP, Family.IPV4, "::1", 22, SocketState.LISTEN)
    bare, own = Listener(socket), Listener(socket, assessment=Assessment(service_names=("x",)))
    said, unsaid = Judge(RULES, CATALOG), Judge(RULES, CATALOG, said=False)
    assert [said(each).assessment.service_names for each in (bare, own)] == [("ssh",), ("x",)]
    assert unsaid(bare).assessment.service_names == ()


def test_ports_learned_by_runs_are_those_asked_for_one_by_one() -> None:
    learned, asked = (CaptureJudge(CATALOG, said=False) for _ in range(2))
    for port in range(0, 65536, 997):  # until what is on record is held whole
        asked.on_record(port, Transport.UDP)
    learned.on_record(0, Transport.UDP)
    runs = learned.learn_runs()[Transport.UDP]
    assert sum(size for _, size in runs) == 65536
    for port in (0, 53, 65, 301, 1023, 5353, 6379, 8080, 27015, 31337, 49151, 49152, 65535):
        first, second = (judge.on_record(port, Transport.UDP) for judge in (learned, asked))
        assert first._replace(kind=0) == second._replace(kind=0)
    starts = dict(
        zip(itertools.accumulate([size for _, size in runs], initial=0), runs, strict=False)
    )
    some = [*starts.items()][::7]
    assert some
    for port, (short, _) in some:
        same, whole = (judge.in_short(port, Transport.UDP) for judge in (learned, asked))
        assert short.standing == same.standing == whole.standing
        assert short.kind == same.kind
        assert short.words == same.words == whole.words
        assert {*map(id, short.practice)} == {*map(id, same.practice)}


def test_ports_with_uses_and_abuse_of_one_kind_are_judged_as_each_alone() -> None:
    practice, chance = CATALOG.practice, Random(22)
    places = sorted(
        {(each.first, each.transport) for each in practice.uses()}
        | {(each.first, each.transport) for each in practice.abuse()}
        | {(each.first, each.transport) for each in practice.services()}
    )
    products = [use.product for use in practice.uses()]
    judge = CaptureJudge(CATALOG, said=False)
    kinds = set()
    for port, transport in chance.sample(places, 400 if PROOF else 150):
        here = [use.product for use in practice.lookup_uses(port, transport)] or ["nobody"]
        kinds.add(judge.on_record(port, transport).kind)
        # Called like a use of this port, or one word of it, or like one of another port, or unseen.
        for name in (here[0], here[-1].split()[0], chance.choice(products), "python3", None):
            owners = () if name is None else (Process(7, name),)
            address = chance.choice(("127.0.0.1", "0.0.0.0"))
            socket = Socket(transport, Family.IPV4, address, port, SocketState.LISTEN)
            each = Listener(socket, Ownership(owners, OwnersSeen.FIRST if owners else UNTOLD))
            alone = judge_listener(each, PortRules(""), CATALOG, said=False)
            assert judge(each).assessment.findings == alone, (name, socket.name)
    assert 10 < len(kinds) < 100


@pytest.mark.parametrize("said", [True, False])
def test_ports_of_one_span_of_uses_are_judged_as_each_alone(said: bool) -> None:
    wide = [use for use in CATALOG.practice.uses() if use.last - use.first >= 100]
    spans = Random(23).sample(wide, 12 if PROOF else 6)
    assert {"11000-11999"} <= {f"{use.first}-{use.last}" for use in wide}
    judge = Judge(RULES, CATALOG, said=said)
    for use in [*spans, next(use for use in wide if use.first == 11000)]:
        # Both ends, and between them ports that have uses, defaults or assignments of their own.
        for port in [use.first, *range(use.first + 1, use.last, 37), use.last]:
            socket = Socket(use.transport, Family.IPV4, "0.0.0.0", port, SocketState.LISTEN)
            program = Process(7, "python3", command=("python3", "app.py"))
            each = Listener(socket, Ownership((program,), OwnersSeen.FIRST))
            alone = judge_listener(each, RULES, CATALOG, said=said)
            assert judge(each).assessment.findings == alone, socket.name
    if said:
        kinds = {judge.on_record(port, Transport.TCP).kind for port in range(11000, 12000)}
        assert len(kinds) < 200  # of a thousand: most have nothing of their own


def test_a_table_of_a_capture_has_what_each_socket_has_alone() -> None:
    chance = Random(21)
    count = 6000 if PROOF else 2500
    drawn = [_drawn(chance) for _ in range(count)]  # of more ports than are asked for one by one
    samples = sockets()[::97] + drawn
    judge = CaptureJudge(CATALOG, said=False)
    table = CaptureTable(judge, iter(samples))
    alone = CaptureJudge(CATALOG, said=False)
    slow = sort_by_gravity([alone(each) for each in samples])
    assert len(table) == len(slow)
    assert tuple(table) == slow
    assert table[:7] == slow[:7]
    assert table[-1] == slow[-1]
    standings = {
        (port, each): alone.on_record(port, each).standing
        for port, each in {(one.socket.port, one.socket.transport) for one in samples}
    }
    for width in (80, 240):
        style = Style(width)
        made, expected = (
            [head("all", some, style), *table_lines(some, Cells(standings, Viewer()), style)]
            for some in (table, slow)
        )
        assert made == expected


@pytest.mark.parametrize(
    "line",
    [
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))',
        "tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 812/sshd",
        "sshd 812 root 3u IPv4 20101 0t0 TCP *:22 (LISTEN)",
    ],
)
def test_rows_of_a_reader_are_taken_together(line: str) -> None:
    _, events = read([f"{line}\n".encode() * 30])
    found = [each for each in events if isinstance(each, Listener)]
    (rows,) = plain_rows(found)
    assert isinstance(rows, PlainRows)
    assert len(rows.ports) == 30


def test_what_a_package_made_is_taken_together_too() -> None:
    bare = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 22, SocketState.LISTEN),
        Ownership((), OwnersSeen.UNASKED),
        Assessment(()),
    )
    (rows,) = plain_rows([bare, bare])
    assert isinstance(rows, PlainRows)


def _drawn(chance: Random) -> Listener:
    """A socket of a capture; most are plain, as most are that tools list."""
    family = chance.choice(tuple(Family))
    four, six = ("0.0.0.0", "127.0.0.1", "10.0.0.7"), ("::", "::1", "fe80::1")
    address = chance.choice(four if family is Family.IPV4 else six)
    program = chance.choice(("sshd", "redis-server", "java", "nginx", None))
    odd = chance.random() < 0.1
    owner = Process(
        chance.randrange(1, 1 << 22),
        program,
        uid=chance.choice((None, 0, 33)) if odd else None,
        user="www" if odd else None,
        container="docker:1" if odd and chance.random() < 0.5 else None,
    )
    owners = () if chance.random() < 0.1 else (owner, owner._replace(pid=9)) if odd else (owner,)
    return Listener(
        Socket(
            chance.choice((Transport.TCP, Transport.TCP, Transport.UDP, Transport.SCTP)),
            family,
            address,
            chance.randrange(65536),
            SocketState.BOUND if chance.random() < 0.02 else SocketState.LISTEN,
            interface="eth0" if chance.random() < 0.02 else None,
            inode=chance.choice((None, 7)),
            uid=chance.choice((None, 0)) if odd else None,
            queue=chance.choice((None, 0, 129)),
            queue_limit=128,
            host="db1" if odd else None,
        ),
        Ownership(owners, chance.choice((OwnersSeen.FIRST, OwnersSeen.UNASKED))),
    )


@pytest.mark.parametrize("program", ["sshd", "sshd-session"])
@pytest.mark.parametrize("seen_file", [True, False])
def test_a_display_that_sshd_forwards_is_known(program: str, *, seen_file: bool) -> None:
    folder = "/usr/sbin" if program == "sshd" else "/usr/lib/openssh"
    owner = Process(812, program, uid=0)
    if seen_file:
        owner = owner._replace(
            executable=f"{folder}/{program}",
            executable_uid=0,
            executable_mode=0o755,
            executable_deleted=False,
        )
    socket = Socket(Transport.TCP, Family.IPV4, "127.0.0.1", 6010, SocketState.LISTEN)
    bound = Listener(socket, Ownership((owner,), OwnersSeen.ALL))
    findings = judge_listener(bound, PortRules("linux", 1024), CATALOG)
    found = {each.code: dict(each.facts) for each in findings}
    assert "unknown" not in found
    assert found["known-use"]["uses"] == ("OpenSSH server (X11 forwarding)",)
