"""Markdown says what the text says, and nothing in it is taken for markup."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer
from portbook.formats.errors.query import parse_query
from portbook.model import Level, State
from portbook.present.document import (
    Checks,
    Command,
    Page,
    Paragraph,
    Record,
    Section,
    Table,
    Verdict,
)
from portbook.present.escape import one_line
from portbook.present.port.page import compose
from portbook.present.render.markdown import escape, render_page
from portbook.present.words import document
from tests.present.reading import words
from tests.strategies import any_port, nasty
from tests.values import CATALOG, worded

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@cache
def reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


markup = st.lists(
    st.sampled_from(
        ["*", "_", "**", "`", "``", "<b>", "</b>", "&amp;", "[a](b)", "![x](y)", "|", "\\", "#",
         "-", "+", "=", "1.", "1)", "> ", "~~", "http://x.example", "<http://x>", "\n", " ", "a"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
anything = st.one_of(markup, nasty)


def _page(*items: Paragraph | Table | Record | Checks | Verdict, title: str = "Port 1") -> Page:
    section = Section("Part", items)
    return Page(title, "x", ((State.ASSIGNED, " for tcp"),), "System Ports", (), (section,))


def _plain(text: str) -> str:
    """What a reader of the rendered *text* sees, tags and entities apart."""
    html = reader().render(text)
    bare = re.sub(r"</?code>", "", html)
    bare = re.sub(r"<[^>]*>", " ", bare)
    for entity, char in {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&"}.items():
        bare = bare.replace(entity, char)
    return " ".join(bare.split())


@given(anything)
def test_a_paragraph_stays_one_and_reads_as_it_was(text: str) -> None:
    rendered = render_page(_page(Paragraph(text)))
    _, _, part = rendered.partition("## Part\n")
    html = reader().render(part)
    wanted = " ".join(one_line(text).split())
    assert set(re.findall(r"<(\w+)", html)) <= {"p"}
    assert _plain(part) == wanted


@given(st.lists(st.lists(anything, min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_table_keeps_its_cells(rows: list[list[str]]) -> None:
    rendered = render_page(_page(Table(tuple(map(tuple, rows)))))
    html = reader().render(rendered.partition("## Part\n")[2])
    assert set(re.findall(r"<(\w+)", html)) <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<tr>") == 1 + len(rows)


@given(anything)
def test_a_command_is_code_as_it_was(text: str) -> None:
    rendered = render_page(_page(Checks(1, (Command(("Linux",), "tcp", f"x {text} x"),), ())))
    html = reader().render(rendered.partition("## Part\n")[2])
    assert set(re.findall(r"<(\w+)", html)) <= {"ul", "li", "code"}
    assert html.count("<code>") == 1


@given(anything, anything)
def test_records_are_one_list_with_nothing_but_their_sources_as_links(text: str, at: str) -> None:
    records = [Record(f"x{text}x", text, text, f"https://example.org/{at}", "2026-11-21")] * 2
    html = reader().render(render_page(_page(*records)).partition("## Part\n")[2])
    assert set(re.findall(r"<(\w+)", html)) <= {"ul", "li", "strong", "a"}
    assert html.count("<ul>") == 1
    assert html.count("<li>") == 2
    assert all(url.startswith("https://example.org/") for url in re.findall(r'href="(.*?)"', html))


def test_a_record_in_markdown() -> None:
    record = Record("A*b", "default, tcp", "What it is.", "https://example.org/a_b", "2026-11-21")
    assert render_page(_page(record)).splitlines()[-1] == (
        "- **A\\*b** (default, tcp): What it is. (<https://example.org/a_b>, 21 November 2026)"
    )


@given(anything, anything)
def test_a_finding_and_a_heading(message: str, title: str) -> None:
    finding = worded("exposed", Level.NOTE, message)
    rendered = render_page(_page(Verdict("tcp 0.0.0.0:1", (finding,)), title=f"T {title}"))
    html = reader().render(rendered)
    assert html.count("<h1>") == html.count("<h2>") == 1
    assert "<a" not in html
    assert "<img" not in html
    assert "exposed" in html


@given(any_port)
def test_a_port_says_all_that_its_document_says(port: int) -> None:
    found = answer(parse_query(str(port)), CATALOG, whole=True)
    assert isinstance(found, PortAnswer)
    page = compose(found)
    rendered = render_page(page)
    read = _plain(rendered).replace("`", "")
    assert page.sections
    for section in page.sections:
        assert section.items
        assert f"## {section.title}" in rendered
        for item in section.items:
            said = [*words(item)]
            assert said
            for word in said:
                shown = one_line(document(unquote(word))).replace("`", "")
                assert " ".join(shown.split()) in read


def test_escaping_leaves_plain_text_alone() -> None:
    assert escape("plain text, 1–2") == "plain text, 1–2"
    assert escape("a\nb") == "a b"
    assert escape("\x1b[2J") == "\\\\x1b\\[2J"
