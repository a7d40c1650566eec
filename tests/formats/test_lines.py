"""Lines longer than any table's: found by their beginning, and read whole where that can be."""

from __future__ import annotations

import json
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from portbook.errors import MalformedInput
from portbook.formats.fields import NOT_UNDERSTOOD, Line, no_names, not_understood
from portbook.formats.json_stream import Value, ended, values
from portbook.formats.lines import LONGEST_LINE, numbered
from portbook.formats.sockets.detect import FORMATS, detect, read
from portbook.formats.sockets.readers import reader
from portbook.model import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.formats.fields import Event, Lines, Names

ROW = {"address": "0.0.0.0", "family": "2", "port": "22", "protocol": "6", "pid": "812"}
ENDPOINT = {"LocalAddress": "::", "LocalPort": 445, "State": 2, "OwningProcess": 4}


@pytest.mark.parametrize(
    "form, value",
    [
        ("osquery", [ROW] * 2000),
        ("osquery", {"name": "ports", "hostIdentifier": "a", "snapshot": [ROW] * 2000}),
        ("powershell", {"Count": 2000, "value": [ENDPOINT] * 2000}),
        ("masscan-json", [{"ip": "192.0.2.8", "ports": [{"port": 1, "proto": "tcp", "status":
                                                         "open"}]}] * 2000),
    ],
)  # fmt: skip
def test_json_in_one_long_line_is_found_and_read_whole(form: str, value: object) -> None:
    data = json.dumps(value).encode()
    assert len(data) > 100_000
    found, events = read([data])
    assert found.name == form
    assert sum(isinstance(each, Listener) for each in events) == 2000


def test_what_is_cut_is_closed_behind_its_last_whole_item() -> None:
    text = json.dumps({"a": [{"b": '],}\\"'}, [1, 2, {"c": None}]], "d": "e", "f": [1, [2]]})
    for size in range(1, len(text)):
        begun = ended(text[:size])
        assert not begun or json.loads(begun), begun
    assert ended(text[:-1]) == text[: text.rindex(",")] + "]}"
    assert ended('[[1], [2, "3') == "[[1], [2]]"
    assert ended('{"a": "' + "x" * 50) == ""


@pytest.mark.parametrize("form", FORMATS)
def test_a_line_of_half_a_megabyte_is_tried_by_its_beginning_alone(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = 0

    def measured(lines: Lines, names: Names) -> Iterator[Event]:
        nonlocal longest
        for number, line in lines:
            longest = max(longest, len(line))
            yield not_understood(number, line)

    table = {**FORMATS, form: FORMATS[form]._replace(read=measured, by_line=False)}
    monkeypatch.setattr("portbook.formats.sockets.detect.FORMATS", table)
    with pytest.raises(ValueError, match="nothing in the input"):
        detect([(1, "x" * 500_000), (2, "x")])
    assert 0 < longest <= (1 << 16) + 1


def test_a_string_without_end_hides_nothing_behind_its_line() -> None:
    """It is searched once, not again from each of its quotes; the lines below it are read."""
    lines = ['[{"port": "' + '\\"' * 30_000 + "}", '{"port": 1}]']
    found = list(values(enumerate(lines, 1)))
    assert [type(each) for each in found] == [Line, Value]


def test_a_backslash_at_the_end_of_a_line_ends_its_string() -> None:
    lines = ['{"a": "' + '\\"' * 1000 + "\\", "}", '{"b": 1}']
    found = list(values(enumerate(lines, 1)))
    assert isinstance(found[0], Line)
    assert isinstance(found[-1], Value)


def test_a_row_without_end_in_tiny_pieces() -> None:
    """Pieces are put together once, and no more of them is kept than a line may have."""
    some = [b"a" * 10] * 2000 + [b"\nb", b"c\n"]
    assert list(numbered(some)) == [(1, "a" * 20_000), (2, "bc")]
    cut = list(numbered([b"a" * (1 << 20)] * 9 + [b"b\nc"]))
    assert [(number, line[:2]) for number, line in cut] == [(1, "\0a"), (2, "c")]
    assert len(cut[0][1]) < LONGEST_LINE


def test_a_line_without_end_is_given_up() -> None:
    with pytest.raises(MalformedInput, match="line 2 has more than"):
        list(numbered(chain([b"a\n"], repeat(bytes(1 << 20)))))


def test_a_line_that_is_told_of_often_is_not_copied_each_time() -> None:
    line = not_understood(1, " " * 10_000 + "x")
    assert line == Line(1, NOT_UNDERSTOOD, "…")
    assert not_understood(1, "y" + " " * 10_000).text == "y…"
    assert not_understood(1, "\0" + "z" * 300).text == "z" * 199 + "…"


def test_only_the_columns_that_are_read_are_cut_out_of_a_row() -> None:
    wide = "CONTAINER ID   " + "X   " * 1000 + "PORTS     NAMES"
    place = wide.index("PORTS")
    row = "0123456789ab".ljust(place) + "22->22/tcp".ljust(10) + "web"
    (_, _, socket) = reader(FORMATS["docker"])([(1, wide), (2, row)], no_names)
    assert isinstance(socket, Listener)
    assert (socket.socket.port, socket.ownership.owners[0].container_name) == (22, "web")


def test_words_of_a_powershell_row_belong_to_the_column_that_they_share_most_with() -> None:
    table = [
        "LocalAddress  LocalPort State  OwningProcess ProcessName",
        "------------  --------- -----  ------------- -----------",
        "0.0.0.0              22 Listen           812 ssh d with words",
        "fe80::1%12345678   8080 Listen             4 System",
    ]
    rows = list(reader(FORMATS["powershell"])(enumerate(table, 1), no_names))
    sockets = [each for each in rows if isinstance(each, Listener)]
    assert [(each.socket.port, *each.ownership.owners[0][:2]) for each in sockets] == [
        (22, 812, "ssh d with words"), (8080, 4, "System"),
    ]  # fmt: skip
    assert sockets[1].socket.interface == "12345678"
