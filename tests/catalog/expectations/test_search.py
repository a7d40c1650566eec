"""Finding notes: by what was written into them, the label first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.expectations.search import search_notes
from portbook.model import Note
from tests.strategies import notes

SHOP = Note(8306, 8306, None, "x.toml", "shop API", "Moves in May.", ("/srv/shop/bin/api",))
WORKERS = Note(8400, 8409, None, "x.toml", "shop workers", units=("shop-worker@*.service",))
BARE = Note(5433, 5433, None, "x.toml", None, "A copy of the shop.", containers=("shop-db",))
ALL = (SHOP, WORKERS, BARE)


def test_labels_come_before_what_else_stands_there() -> None:
    assert search_notes(ALL, "Shop") == (SHOP, WORKERS, BARE)
    assert search_notes(ALL, "shop workers") == (WORKERS,)
    assert search_notes(ALL, "work") == (WORKERS,)
    assert search_notes(ALL, "api-shop") == (SHOP,)


def test_programs_units_and_containers_are_found() -> None:
    assert search_notes(ALL, "service") == (WORKERS,)
    assert search_notes(ALL, "shop-worker") == (WORKERS,)
    assert search_notes(ALL, "may moves") == (SHOP,)
    assert search_notes((BARE,), "copy") == (BARE,)


def test_short_words_find_no_text_but_labels() -> None:
    assert search_notes(ALL, "in") == ()
    assert search_notes(ALL, "ap") == (SHOP,)
    for nothing in ("", "  ", "?!", "bakery"):
        assert search_notes(ALL, nothing) == ()


@given(st.lists(notes(), max_size=5), st.text(max_size=20))
def test_what_is_found_was_there_and_a_label_finds_its_note(some: list[Note], text: str) -> None:
    assert set(search_notes(some, text)) <= set(some)
    for note in some:
        if note.label and any(char.isalnum() for char in note.label):
            assert note in search_notes(some, note.label)
