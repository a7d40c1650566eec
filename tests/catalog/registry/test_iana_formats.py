"""IANA's XML and CSV, with the oddities that the real files hold."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.iana_formats import Registry, Skipped, Unknown, parse_csv, parse_xml
from portbook.errors import MalformedInput
from portbook.model import Assignment, State, Transport
from tests.cases import for_each

HEAD = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,"
    "Registration Date,Modification Date,Reference,Service Code,"
    "Unauthorized Use Reported,Assignment Notes\n"
)


def xml(records: str, updated: str = "<updated>2026-01-31</updated>") -> str:
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">'
        f"<title>Service Names</title>{updated}<note>A note for all.</note>{records}"
        '<people><person id="A_Person"><name>A Person</name></person></people></registry>'
    )


def only(registry: Registry) -> Assignment:
    assert not registry.skipped
    (row,) = registry.rows
    return row


def test_a_record_with_everything() -> None:
    row = only(
        parse_xml(
            xml("""<record date="2001-02" updated="2020-03-04">
              <name>kept</name><protocol>dccp</protocol>
              <assignee><xref type="person" data="IESG"/></assignee>
              <xref type="person" data="IETF_Chair"/>
              <xref type="rfc" data="rfc4340"/><xref type="draft" data="draft-kept-02"/>
              <xref type="rfc" data="rfc8765">RFC8765, Section 6.1</xref>
              <xref type="uri" data="https://example.org/kept"/>
              <xref type="text">n/a</xref><xref type="note" data="1"/>
              <description>Kept <xref type="rfc" data="rfc9483"/></description>
              <number>9</number><sc>1145656131</sc>
              <unauthorized>Unauthorized use known on 9</unauthorized>
              <note>First line, from
 <xref type="person" data="A_Person"/>.
              Second line.</note></record>""")
        )
    )
    assert row == Assignment(
        service_name="kept",
        description="Kept [RFC9483]",
        first=9,
        last=9,
        transport=Transport.DCCP,
        transport_stated=True,
        state=State.ASSIGNED,
        references=(
            "RFC4340",
            "draft-kept-02",
            "RFC8765, Section 6.1",
            "https://example.org/kept",
            "n/a",
            "note 1",
        ),
        assignee="[IESG]",
        registered="2001-02",
        modified="2020-03-04",
        unauthorized_use="Unauthorized use known on 9",
        notes="First line, from\n[A_Person].\nSecond line.",
        service_code="1145656131",
        as_of={"registry": "2026-01-31", "registration": "2026-01-31"},
    )


def test_the_contact_is_the_assignee_where_none_is_named() -> None:
    row = only(
        parse_xml(
            xml(
                '<record><name>x</name><xref type="person" data="One"/>'
                '<xref type="person" data="Two"/><number>1</number></record>'
            )
        )
    )
    assert row.assignee == "[One][Two]"
    assert row.references == ()


def test_the_same_row_comes_out_of_both_files() -> None:
    record = xml(
        """<record date="2008-07"><name>well-formed</name><protocol>tcp</protocol>
        <xref type="person" data="A_Person"/><xref type="rfc" data="rfc6335"/>
        <description>Some  service<br/><br/>
IANA assigned this well-formed service name as a replacement for "well_formed".</description>
        <number>7000-7002</number><note>One
        two</note></record>"""
    )
    line = (
        'well-formed,7000-7002,tcp,"Some service\nIANA assigned this well-formed service name as '
        'a replacement for ""well_formed"".",[A_Person],[A_Person],2008-07,,[RFC6335],,,'
        '"One\ntwo"\n'
    )
    row = only(parse_csv(HEAD + line, as_of="2026-01-31"))
    assert row == only(parse_xml(record))
    assert row.aliases == ("well_formed",)
    assert row.description is not None
    assert row.description.split("\n")[0] == "Some service"


def test_an_alias_and_the_name_that_replaces_it_know_each_other() -> None:
    sentence = 'IANA assigned this well-formed service name as a replacement for ""a_b"".'
    rows = parse_csv(
        HEAD + f'a-b,10,tcp,"{sentence}"\na_b,10,tcp,Old\na_b,11,tcp,Other\na_b,10,udp,Other\n'
    ).rows
    assert [row.aliases for row in rows] == [("a_b",), ("a-b",), (), ()]


def test_rows_that_lack_something_are_kept() -> None:
    rows = parse_csv(
        HEAD
        + "nonum,,tcp,No number\n"
        + "notrans,4200-4299,,No transport\n"
        + ",301-307,,Unassigned\n"
        + "nodesc,5,udp,\n"
        + ",24,tcp,any private mail system\n"
        + "degenerate,6512-6512,,One port\n"
        + "nothing,,,\n"
    ).rows
    assert [(row.first, row.last, row.transport) for row in rows] == [
        (None, None, Transport.TCP),
        (4200, 4299, None),
        (301, 307, None),
        (5, 5, Transport.UDP),
        (24, 24, Transport.TCP),
        (6512, 6512, None),
        (None, None, None),
    ]
    assert [row.transport_stated for row in rows] == [True, False, False, True, True, False, False]
    assert [row.service_name for row in rows][2:5] == [None, "nodesc", None]
    assert rows[3].description is None
    assert [row.state for row in rows][2:5] == [
        State.UNASSIGNED,
        State.ASSIGNED,
        State.ASSIGNED,
    ]
    assert rows[0].as_of == {}


def test_a_row_modified_before_it_was_registered_is_kept_as_it_is() -> None:
    row = only(parse_csv(HEAD + "odd,5316,tcp,Odd,,,2012-11-19,2011-03-30\n"))
    assert (row.registered, row.modified) == ("2012-11-19", "2011-03-30")


def test_text_that_is_not_ascii() -> None:
    line = "vision-mon,6672,tcp,FORTÉ platform,[Lü_X]\n"
    for text in (HEAD + line, (HEAD + line).encode(), (HEAD + line).encode("utf-8-sig")):
        assert only(parse_csv(text)).description == "FORTÉ platform"
    record = "<record><name>x</name><description>swÿp</description></record>"
    assert only(parse_xml(xml(record).encode())).description == "swÿp"
    assert only(parse_xml(xml(record))).description == "swÿp"


def test_a_person_in_the_references_is_not_kept() -> None:
    line = "x,9105,tcp,X,,,,,[A Name <user&example.org> 15 June 2009][RFC1],,,\n"
    assert only(parse_csv(HEAD + line)).references == ("RFC1",)


@for_each(
    "line, why",
    [
        ("x,99999,tcp,X", "'99999' is not a range of port numbers"),
        ("x,9-8,tcp,X", "'9-8' is not a range of port numbers"),
        ("x,eighty,tcp,X", "'eighty' is neither a port number nor a range of them"),
        ("x,٣,tcp,X", "'\\u0663' is neither a port number nor a range of them"),
        ("x,80,quic,X", "'quic' is not a transport"),
        (",80,tcp,", "the row names no service, and has no port or no description"),
        (",,tcp,Words", "the row names no service, and has no port or no description"),
    ],
)
def test_a_row_that_cannot_be_taken_is_told_and_the_others_are_kept(line: str, why: str) -> None:
    registry = parse_csv(HEAD + f"one,1,tcp,One\n{line}\ntwo,2,tcp,Two\n")
    assert [row.service_name for row in registry.rows] == ["one", "two"]
    assert registry.skipped == (Skipped(2, why),)


def test_older_titles_and_a_shuffled_order_are_read() -> None:
    text = (
        "Known Unauthorized Uses,Description,Transport Protocol,Port Number,Service Name,New\n"
        "Known on 90,DNSIX,TCP,90,dnsix,future\n"
    )
    row = only(parse_csv(text))
    assert (row.service_name, row.unauthorized_use) == ("dnsix", "Known on 90")
    assert row.transport is Transport.TCP


@for_each(
    "text", ["", "a,b,c\n1,2,3\n", "<html>", b"\xff\xfe\x00", HEAD + '"open', HEAD + '"a"b,1,tcp,x']
)
def test_what_is_not_the_csv_is_refused_in_one_line(text: str | bytes) -> None:
    with pytest.raises(MalformedInput) as caught:
        parse_csv(text)
    assert "\n" not in str(caught.value)


LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE registry [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">&b;</registry>"""


@pytest.mark.parametrize(
    "text", [LAUGHS, LAUGHS.encode(), "<!DOCTYPE html><html/>", f"\ufeff{LAUGHS}".encode()]
)
def test_a_document_type_is_refused(text: str | bytes) -> None:
    with pytest.raises(MalformedInput, match="declares a document type"):
        parse_xml(text)


@for_each(
    "text",
    [
        "",
        b"",
        "<registry>",
        "<registry/>",
        "<a xmlns='http://www.iana.org/assignments' id='service-names-port-numbers'/>",
        "<registry xmlns='http://www.iana.org/assignments' id='protocol-numbers'/>",
        "<registry xmlns='http://www.iana.org/assignments'>&undefined;</registry>",
        "<?xml version='1.0' encoding='no-such'?><registry/>",
        b"\x00\xff",
        "\ud800",
    ],
)
def test_what_is_not_the_xml_is_refused_in_one_line(text: str | bytes) -> None:
    with pytest.raises(MalformedInput) as caught:
        parse_xml(text)
    assert "\n" not in str(caught.value)


def test_what_is_new_in_a_record_is_named() -> None:
    read = parse_xml(
        xml(
            "<record><name>one</name><status>active</status><status>twice</status></record>"
            '<record id="r2"><name>two</name><status/><contact>A Person</contact></record>'
            '<record><name>three</name><x:y xmlns:x="https://example.org/"/></record>'
        )
    )
    assert [row.service_name for row in read.rows] == ["one", "two", "three"]
    assert read.unknown == (
        Unknown("status", 2),
        Unknown("the attribute id", 1),
        Unknown("{https://example.org/}y", 1),
    )


def test_what_is_new_in_a_line_is_named() -> None:
    head = HEAD.removesuffix("\n") + ",Status,,Empty\n"
    full = "one,1,tcp,One,,A Person,,,,,,,active"
    read = parse_csv(f"{head}{full},x\n{full},,,behind\ntwo,2,tcp,Two\nthree,3,tcp,,,,,,,,,,,,\n")
    assert [row.service_name for row in read.rows] == ["one", "one", "two", "three"]
    assert read.unknown == (Unknown("Status", 2), Unknown("a column without a title", 2))


@pytest.mark.parametrize(
    ("given", "assignee"),
    [
        ("<assignee>Example Ltd</assignee>", "Example Ltd"),
        ('<assignee><xref type="person" data="A"/></assignee>' * 2, "[A][A]"),
        ("<assignee/>", None),
    ],
)
def test_an_assignee_is_kept_however_it_is_written(given: str, assignee: str | None) -> None:
    read = parse_xml(xml(f"<record><name>one</name>{given}</record>"))
    assert only(read).assignee == assignee
    assert read.unknown == ()


def test_a_registry_without_a_date_has_none() -> None:
    registry = parse_xml(xml("<record><name>x</name></record>", updated=""))
    assert registry.updated is None
    assert registry.rows[0].as_of == {}
    assert parse_xml(xml("")).updated == "2026-01-31"


names = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
ports = st.integers(0, 65535)


@given(
    st.lists(
        st.tuples(
            names,
            ports,
            st.sampled_from(["", *Transport]),
            st.lists(texts, max_size=4).map(" ".join),
            st.lists(texts, max_size=3).map("\n".join),
        ),
        max_size=5,
    )
)
def test_a_csv_is_read_without_loss(rows: list[tuple[str, int, str, str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEAD.strip().split(","))
    for name, port, transport, description, notes in rows:
        writer.writerow([name, port, transport, description, *[""] * 7, notes])
    read = parse_csv(out.getvalue())
    assert not read.skipped
    assert [
        (r.service_name, r.first, r.transport or "", r.description or "", r.notes or "")
        for r in read.rows
    ] == rows
