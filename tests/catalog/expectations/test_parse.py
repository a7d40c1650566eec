"""The form of notes: what is read, and that each mistake is told with its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.expectations.parse import KEYS, parse_notes
from portbook.errors import BadNotes
from portbook.model import Note, Transport
from tests.cases import for_each
from tests.strategies import nasty

if TYPE_CHECKING:
    from pathlib import Path

FILE = "/srv/shop/portbook.toml"


def parse(text: str | bytes, file: str = FILE) -> tuple[Note, ...]:
    data = text.encode() if isinstance(text, str) else text
    return parse_notes(data, file, "/home/u")


def entry(**keys: str) -> str:
    """An entry of a file, each value as TOML has it."""
    keys = {"port": "8305", "label": '"shop"', **keys}
    return "[[port]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value)


def one(**keys: str) -> Note:
    (note,) = parse(entry(**keys))
    return note


def test_everything_a_note_can_say() -> None:
    note = one(
        transport='"tcp"',
        note='"Moves in May."',
        executable='["/nonexistent/api", "bin/api", "~/bin/api", "/opt/*/api"]',
        unit='"shop*.service"',
        container='["shop-db", "docker:0123456789ab"]',
        user='["shop", "1000"]',
    )
    assert note == Note(
        8305,
        8305,
        Transport.TCP,
        FILE,
        "shop",
        "Moves in May.",
        ("/nonexistent/api", "/srv/shop/bin/api", "/home/u/bin/api", "/opt/*/api"),
        ("shop*.service",),
        ("shop-db", "docker:0123456789ab"),
        ("shop", "1000"),
    )
    assert note.expects
    assert not one().expects


def test_nothing_is_no_note() -> None:
    for text in ("", "# nothing\n", "port = []\n", b"\xef\xbb\xbf# from an editor\r\n"):
        assert parse(text) == ()


@for_each(
    "given_port, first, last",
    [
        ("0", 0, 0),
        ("65535", 65535, 65535),
        ('"8305"', 8305, 8305),
        ('"8000-8009"', 8000, 8009),
        ('"8000–8009"', 8000, 8009),
        ('" 8000 - 8009 "', 8000, 8009),
        ('"7-7"', 7, 7),
    ],
)
def test_ports(given_port: str, first: int, last: int) -> None:
    note = one(port=given_port)
    assert (note.first, note.last) == (first, last)


def test_several_transports_are_several_notes() -> None:
    notes = parse(entry(transport='["udp", "tcp", "udp"]'))
    assert [note.transport for note in notes] == [Transport.UDP, Transport.TCP]
    assert one().transport is None


def test_the_narrowest_comes_first() -> None:
    text = entry(port='"8000-8999"') + entry(port="8305") + entry(transport='"tcp"')
    assert [(note.first, note.transport) for note in parse(text)] == [
        (8305, Transport.TCP),
        (8305, None),
        (8000, None),
    ]


def test_a_link_is_followed_to_what_the_kernel_would_name(tmp_path: Path) -> None:
    (tmp_path / "python3.11").touch()
    (tmp_path / "python3").symlink_to("python3.11")
    (note,) = parse(entry(executable='"./python3"'), str(tmp_path / "portbook.toml"))
    assert note.executables == (os.path.realpath(tmp_path / "python3.11"),)


WRONG = [
    ("x", "isn't TOML: "),
    ("[[port]]\nport = 8305\nlabel = shop\n", "line 3"),
    (b"[[port]]\n# \xff\n", "line 2 isn't UTF-8"),
    ("[" * 5000, "isn't TOML"),
    ("a = " + "[" * 100_000, "nested too deeply"),
    ("[[ports]]\nport = 1\n", "'ports' isn't known at its top"),
    ("port = 8305\n", "'port' is not a list of tables"),
    ("port = [1]\n", "'port' is not a list of tables"),
    (entry(lable='"x"'), "[[port]] 1, lable: isn't known; there are port, "),
    ('[[port]]\nlabel = "x"\n', "[[port]] 1, port: is missing"),
    (entry() + entry(port="70000"), "[[port]] 2, port: '70000' is not a port"),
    (entry(port="-1"), "'-1' is not a port"),
    (entry(port='"8000-70000"'), "'70000' is not a port"),
    (entry(port='"9-3"'), "9-3 runs backwards"),
    (entry(port='"1-2-3"'), "neither a port nor a range"),
    (entry(port='"٨٠"'), "neither a port nor a range"),
    (entry(port='"http"'), "'http' is neither a port nor a range"),
    (entry(port='""'), "neither a port nor a range"),
    (entry(port="true"), "neither a number nor a range"),
    (entry(port="80.5"), "neither a number nor a range"),
    (entry(port="9" * 5000), "isn't TOML"),
    (entry(transport='"tpc"'), "transport: 'tpc' is not one of tcp"),
    (entry(transport="6"), "transport: is neither a text nor a list"),
    (entry(transport="[]"), "transport: is an empty list"),
    (entry(label="5"), "label: is no text"),
    (entry(label='" "'), "label: is no text"),
    (entry(label=f'"{"x" * 81}"'), "label: has 81 characters: 80 are the most"),
    (entry(note=f'"{"x" * 501}"'), "note: has 501 characters"),
    (entry(label=""), "label: is missing"),
    (entry(executable='"nginx"'), "executable: 'nginx' is a name, which any program can have"),
    (entry(executable="[1]"), "executable: is neither a text nor a list"),
    (entry(executable='"/a\\u0000b"'), "can't be the name of anything"),
    (entry(executable=f'"/{"x" * 5000}"'), "can't be the name of anything"),
    (entry(unit='"shop"'), "unit: 'shop' is no unit's name: give it as 'shop.service'"),
    (entry(unit='"a/b.service"'), "is no unit's name"),
    (entry(unit="{a = 1}"), "unit: is neither a text nor a list"),
    (entry(user='"shop"'), "user: says whose a program is"),
    (entry() + entry(), "[[port]] 2, port: 8305 is in it twice"),
    (entry(transport='"tcp"') + entry(transport='["udp", "tcp"]'), "8305/tcp is in it twice"),
    (entry() * 2001, "2,001 entries"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_a_mistake_is_told_in_a_line_with_its_place(text: str | bytes, said: str) -> None:
    with pytest.raises(BadNotes) as raised:
        parse(text)
    assert said in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


def notes_or_line(text: str | bytes) -> tuple[Note, ...]:
    """The notes in *text*; none where one line says what is wrong with it."""
    said = ""
    try:
        return parse(text)
    except BadNotes as error:
        said = str(error)
    assert said.isprintable()
    return ()


values = st.recursive(
    st.one_of(
        st.integers(-5, 70_000).map(str),
        st.booleans().map(lambda value: str(value).lower()),
        st.sampled_from(('"tcp"', '"8000-8009"', '"/usr/sbin/nginx"', '"a.service"', "1.5", "''")),
        nasty.map(lambda text: '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda some: f"[{', '.join(some)}]"),
    max_leaves=4,
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from((*KEYS, "ports", '"\\u202e"')), values, max_size=5),
        max_size=3,
    )
)
def test_any_entries_are_notes_or_one_line(entries: list[dict[str, str]]) -> None:
    """Nothing is raised but BadNotes."""
    text = "".join(
        "[[port]]\n" + "".join(f"{key} = {value}\n" for key, value in each.items())
        for each in entries
    )
    for note in notes_or_line(text):
        assert 0 <= note.first <= note.last <= 65535
        assert note.label or note.text or note.expects
        assert all(os.path.isabs(path) for path in note.executables)


@given(st.binary(max_size=200))
def test_any_bytes_are_notes_or_one_line(data: bytes) -> None:
    notes_or_line(data)
