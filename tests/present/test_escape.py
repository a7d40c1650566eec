"""Nothing that a terminal could act on, or a reader be misled by, gets through."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from portbook.model.text import unbyte
from portbook.present.escape import one_line, plain
from tests.cases import for_each
from tests.strategies import nasty, text

hostile = st.one_of(nasty, text)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(hostile)
def test_plain_text_is_printable_and_stays_so(given_text: str) -> None:
    shown = plain(given_text)
    assert shown.isprintable()
    assert plain(shown) == shown
    shown.encode()
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert not set(shown) & set(BIDI)


@given(hostile)
def test_what_was_plain_already_is_left_alone(given_text: str) -> None:
    if given_text.isprintable():
        assert plain(given_text) == given_text
    for char in given_text:
        if char.isprintable() and char.isascii():
            assert char in plain(given_text)


@for_each("char", [*map(chr, [*range(32), *range(127, 160)]), *BIDI, "\xad", "\ufeff"])
def test_each_control_is_written_out(char: str) -> None:
    shown = plain(f"a{char}b")
    assert shown.isprintable()
    assert shown.isascii()
    assert shown[0] + shown[-1] == "ab"
    assert "\\" in shown


@for_each(
    "raw, shown",
    [
        ("", ""),
        ("sshd", "sshd"),
        ("café 端口", "café 端口"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb", "a\\r\\nb"),
        ("\udcff", "\\xff"),
        ("\udcc3\udca9", "é"),
        ("\udce2\udc80\udcae", "\\u202e"),  # bytes that spell an override are one
        ("\udc9b", "\\x9b"),
        ("\ud800", "\\ud800"),
        ("\ud800\udcff", "\\ud800\\udcff"),
        ("\ue000", "\\ue000"),
    ],
)
def test_examples(raw: str, shown: str) -> None:
    assert plain(raw) == shown


@given(hostile)
def test_one_line_has_no_space_but_single_ones(given_text: str) -> None:
    shown = one_line(given_text)
    assert shown.isprintable()
    assert one_line(shown) == shown
    assert shown == " ".join(shown.split())


@given(hostile)
def test_text_without_its_stray_bytes_can_be_encoded(given_text: str) -> None:
    shown = unbyte(given_text)
    shown.encode()
    assert unbyte(shown) == shown
    assert json.loads(json.dumps(shown)) == shown
    try:
        given_text.encode()
    except UnicodeEncodeError:
        assert shown != given_text
    else:
        assert shown == given_text


@given(st.binary(max_size=30))
def test_bytes_that_were_no_text_can_be_read_off(raw: bytes) -> None:
    shown = unbyte(raw.decode(errors="surrogateescape"))
    assert shown == raw.decode(errors="backslashreplace")
