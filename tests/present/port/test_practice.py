"""What one source says of several products is told once, and each product's file with it."""

from __future__ import annotations

from portbook.present.document import Record
from portbook.present.port.practice import joined
from tests.cases import for_each

REPOSITORY = "https://github.com/example/templates"


def _record(name: str, path: str, said: str = "Game server.", read: str = "2026-11-29") -> Record:
    return Record(name, "default, udp", said, f"{REPOSITORY}/blob/{path}", read)


def test_files_of_one_folder_are_one_record_that_names_each() -> None:
    records = [_record(each, f"1f2e/ports/{each}.json#L3") for each in ("ark", "brink", "conan")]
    (made,) = joined(records)
    assert (made.subject, made.source) == ("ark, brink, conan", f"{REPOSITORY}/tree/1f2e/ports")
    assert made.files == tuple((each, f"{each}.json#L3") for each in ("ark", "brink", "conan"))
    addresses = [f"{made.source.replace('/tree/', '/blob/')}/{file}" for _, file in made.files]
    assert addresses == [each.source for each in records]


@for_each(
    "other",
    [
        _record("conan", "abcd/ports/conan.json"),  # of another commit
        _record("conan", "1f2e/ports/conan.json", said="Queries."),
        _record("conan", "1f2e/ports/conan.json", read="2026-11-28"),
        _record("conan", "1f2e/ports/conan.json")._replace(source="https://example.com/conan"),
    ],
)
def test_what_differs_stays_apart(other: Record) -> None:
    records = (_record("ark", "1f2e/ports/ark.json"), _record("brink", "1f2e/brink.json"), other)
    assert joined(records) == records


def test_what_more_is_said_of_a_product_stays_behind_it() -> None:
    more = _record("", "1f2e/README.md", said="Also called Ark.")
    rest = [_record(each, f"1f2e/{each}.json") for each in ("brink", "conan", "dune")]
    records = [_record("ark", "1f2e/ark.json"), more, *rest]
    first, second, third = joined(records)
    assert (first, second) == (records[0], more)
    assert (third.subject, third.source) == ("brink, conan, dune", f"{REPOSITORY}/tree/1f2e")


def test_lines_of_one_document_stay_one_record_of_the_document() -> None:
    records = [_record(each, f"1f2e/games.js#L{at}") for at, each in enumerate(("a", "b", "c"))]
    (made,) = joined(records)
    assert (made.source, made.files) == (f"{REPOSITORY}/blob/1f2e/games.js", ())
