"""What the property tests draw from: ports, hostile text, and the values of the model."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st

from portbook.model import (
    Assessment,
    Assignment,
    Evidence,
    EvidenceCode,
    ExecutablePlace,
    Facts,
    Finding,
    Listener,
    Note,
    Ownership,
    PortRules,
    Process,
    Program,
    Reachable,
    Report,
    ReportKind,
    Socket,
    Spoken,
    SpokenState,
    Standing,
    State,
    Subject,
    Threat,
    Transport,
    Use,
)
from portbook.verdict.finding_facts import GROUPS
from portbook.verdict.rules import RULES
from tests.fields import strategy_for, types_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

ports = st.integers(0, 65535)
transports = st.sampled_from(tuple(Transport))
states = st.sampled_from(tuple(State))
# The ports at which something changes: the ends of ranges, of blocks, of well-known rows.
edges = st.sampled_from(
    (
        0, 1, 22, 80, 300, 301, 305, 307, 308, 443, 853, 1023, 1024, 2825, 4200, 4299, 5999, 6000,
        6063, 6064, 27000, 27009, 32767, 32768, 49150, 49151, 49152, 60999, 61000, 65534, 65535,
    )
)  # fmt: skip
any_port = st.one_of(edges, ports)

# Text as processes, captures and shells make it: anything, with lone surrogates for stray bytes.
text = st.text(st.characters(exclude_categories=()), max_size=60)
# Text in which each nasty kind of character is likely.
nasty = st.text(
    st.one_of(
        st.sampled_from("a \t\n\r\0\x07\x1b[\\\x7f\x80\x85\x9b\xa0\xad\u0301\u061c\u200b\u200e"),
        st.sampled_from("\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\ufff9\ufffe端\ue000"),
        st.sampled_from("\ud800\udbff\udc00\udc80\udcff\udfff"),
        st.characters(exclude_categories=()),
    ),
    max_size=40,
)
# Text on its way to being a query: digits, separators and the words that queries are made of.
queryish = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "80", "443", "65535", "65536", "-1", "00080", "٨٠", "²", "99999999", "9-3", "1-2",
                ":", "::", ":::", "/", "//", "://", ".", ",", "-", "+", "*", "[", "]", "[::1]", "@",
                "#", "?", "%", "(", ")", "'", '"', "=", " ", "\t", "tcp", "UDP", "sctp", "dccp",
                "tcp6", "xyz", "port", "port=", "PORT:", "http", "https", "localhost", "127.0.0.1",
                "0.0.0.0", "::ffff:1.2.3.4", "fe80::1%eth0", "bind(", "EADDRINUSE", "ssh",
            )
        ),
        st.text(max_size=3),
    ),
    max_size=7,
).map("".join)  # fmt: skip

addresses = st.sampled_from(
    (
        "0.0.0.0", "::", "::ffff:0.0.0.0", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1",
        "192.0.2.7", "2001:db8::7", "fe80::1", "10.1.2.3",
    )
)  # fmt: skip
opt_text = st.none() | nasty
uids = st.none() | st.integers(0, 2**32 - 1)


# What a field is drawn from of which its annotation tells no more than this.
_LEAVES: dict[type, SearchStrategy[Any]] = {
    str: nasty,
    int: st.integers(0, 2**32 - 1),
    float: st.floats(0, 4e9),
    bool: st.booleans(),
}


def values_of(kind: type[T], /, **fields: SearchStrategy[Any]) -> SearchStrategy[T]:
    """Values of *kind*, every field drawn: as *fields* has it, else as its type does."""

    def inner(one: type) -> SearchStrategy[Any]:
        return _NARROWER[one]() if one in _NARROWER else values_of(one)

    drawn = {
        name: fields.pop(name) if name in fields else strategy_for(annotation, _LEAVES, inner)
        for name, annotation in types_of(kind).items()
    }
    assert not fields, f"{kind.__name__} has no {', '.join(fields)}"
    return st.fixed_dictionaries(drawn).map(lambda values: kind(**values))


@cache
def processes() -> SearchStrategy[Process]:
    """Processes with every fact known, unknown or hostile."""
    return values_of(
        Process,
        pid=st.integers(1, 2**22),
        executable=opt_text | st.sampled_from(("/usr/sbin/sshd", "/tmp/sshd")),
        executable_uid=st.none() | st.sampled_from((0, 1000)),
        executable_mode=st.none() | st.sampled_from((0o755, 0o775, 0o757, 0o4755, 0)),
        place=st.none() | st.sampled_from(tuple(ExecutablePlace)),
        cgroup_uid=st.none() | st.sampled_from((0, 1000)),
    )


def reachables() -> SearchStrategy[Reachable]:
    """From where a socket can be reached."""
    return values_of(Reachable, sent_to=st.none() | any_port)


def answers() -> SearchStrategy[Spoken]:
    """What services answered when they were asked."""
    return values_of(
        Spoken,
        state=st.sampled_from(tuple(SpokenState)),
        protocol=st.none() | st.sampled_from(("http", "ssh", "postgresql")) | nasty,
    )


@cache
def findings() -> SearchStrategy[Finding]:
    """Findings with the codes that there are, any facts, and the words that they came with.

    That is what JSON holds of one: a finding that was made here has no words yet.
    """
    lines = st.lists(nasty.map(_line), max_size=2).map(tuple)
    return values_of(
        Finding,
        code=st.sampled_from([rule.code for rule in RULES]),
        subject=st.none() | values_of(Subject, name=nasty),
        facts=st.builds(lambda facts, text: (*facts, ("message", text)), facts(), nasty),
        evidence=lines,
    )


def _line(text: str) -> Evidence:
    return Evidence(EvidenceCode.TEXT, (("text", text),))


def facts() -> SearchStrategy[Facts]:
    """Facts of any name that a finding carries, and of any kind."""
    names = sorted({name for group in GROUPS.values() for name in group.names})
    words = st.lists(nasty | st.integers(0, 2**32), min_size=1, max_size=4).map(tuple)
    fact = nasty | st.booleans() | st.integers(-5, 2**64) | words | st.none()
    return st.dictionaries(st.sampled_from(names), fact, max_size=6).map(
        lambda drawn: tuple(drawn.items())
    )


@cache
def listeners(**fields: SearchStrategy[Any]) -> SearchStrategy[Listener]:
    """Listeners as any platform may report them, or as *fields* of any part have it."""
    narrow = {
        "family": st.sampled_from(("ipv4", "ipv6")),
        "address": addresses,
        "port": any_port,
        "state": st.sampled_from(("listen", "bound")),
        "inode": st.none() | st.integers(0, 2**64),
        "queue": st.none() | st.integers(0, 4096),
        "queue_limit": st.none() | st.integers(0, 4096),
        "sharing": st.integers(1, 40),
        "first": st.none() | any_port,
        "last": st.none() | any_port,
    }
    drawn = narrow | fields
    if "owners_seen" in drawn:
        drawn["seen"] = drawn.pop("owners_seen")
    parts = [
        values_of(kind, **{name: drawn.pop(name) for name in kind._fields if name in drawn})
        for kind in (Socket, Ownership, Assessment)
    ]
    assert not drawn, f"a listener has no {', '.join(drawn)}"
    return st.builds(Listener, *parts)


names = st.sampled_from(("ssh", "http", "https", "http-alt", "domain", "smtp", "ntp", "x11"))


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Standings as the registry can hold them: consistent in state, rows and listing."""
    state = draw(states)
    if state is State.DYNAMIC:
        return Standing(state, False, None)
    if state is State.UNASSIGNED and draw(st.booleans()):
        return Standing(state, False, None)
    said = draw(st.none() | nasty) if state is State.ASSIGNED else str(state).title()
    rows: tuple[Assignment, ...] = ()
    if state is State.ASSIGNED:
        rows = tuple(
            Assignment(name, said, 1, 1, Transport.TCP, True, state)
            for name in draw(st.lists(st.none() | names, min_size=1, max_size=3))
        )
    return Standing(state, True, said, rows, (), (1, 1))


def programs() -> SearchStrategy[Program]:
    """Server programs with services that the registry knows."""
    return values_of(
        Program,
        name=names,
        product=st.sampled_from(("OpenSSH", "nginx", "BIND")),
        executables=st.just(("/usr/sbin/sshd",)),
        services=st.lists(names, max_size=3).map(tuple),
        ports=st.lists(st.tuples(any_port, transports), max_size=3).map(tuple),
        source=st.just("https://www.openssh.com/"),
        read=st.just("2026-09-12"),
    )


def uses() -> SearchStrategy[Use]:
    """Uses on record."""
    return values_of(
        Use,
        product=st.sampled_from(("OpenSSH", "nginx", "Grafana")),
        kind=st.sampled_from(("default", "alternative", "development", "management", "legacy")),
        transport=transports,
        first=any_port,
        last=any_port,
        summary=nasty,
        source=st.just("https://example.org/ports"),
        read=st.just("2026-09-12"),
    )


def reports() -> SearchStrategy[Report]:
    """Reports of abuse on record."""
    return values_of(
        Report,
        subject=nasty,
        kind=st.sampled_from(tuple(ReportKind)),
        threat=st.sampled_from(tuple(Threat)),
        transport=transports,
        first=any_port,
        last=any_port,
        period=st.sampled_from(("2001", "2003-01", "2003-01-25", "2003/2004")),
        summary=nasty,
        source=st.just("https://example.org/report"),
        read=st.just("2026-09-12"),
    )


def port_rules() -> SearchStrategy[PortRules]:
    """The rules of a machine, each known or not."""
    span = st.tuples(any_port, any_port).map(lambda pair: (min(pair), max(pair)))
    return values_of(
        PortRules,
        system=st.sampled_from(("linux", "macos", "windows", "")),
        unprivileged_first=st.none() | st.sampled_from((0, 80, 1024)),
        dynamic=st.none() | span,
        kept=st.lists(span, max_size=2).map(tuple),
        root=st.booleans(),
    )


def notes() -> SearchStrategy[Note]:
    """Notes of one's own; what they expect is now and then there."""
    words = st.lists(nasty, max_size=2).map(tuple)
    drawn = values_of(
        Note, first=any_port, last=any_port, executables=words | st.just(("/usr/sbin/sshd",))
    )
    return drawn.map(
        lambda note: note._replace(
            first=min(note.first, note.last), last=max(note.first, note.last)
        )
    )


_NARROWER: dict[type, Callable[[], SearchStrategy[Any]]] = {
    Finding: findings,
    Note: notes,
    Process: processes,
    Reachable: reachables,
    Spoken: answers,
}
