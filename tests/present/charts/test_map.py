"""The pictures show the registry's states, in the palette's colours, as files that can be read."""

from __future__ import annotations

import itertools
import re
import socket
import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.catalog.registry.summary import STATES, Shelf, shelf
from portbook.cli.map import listening
from portbook.model import PORTS, Gap, GapCode, Host, Need, State
from portbook.present.charts.map import (
    place,
    render_map_png,
    render_map_svg,
    render_png,
)
from portbook.present.charts.map_text import render_map_text, render_range_text
from portbook.present.charts.svg import (
    WIDE,
    render_band,
    render_bar,
    render_columns,
    render_strip,
    window,
)
from portbook.present.palette import STATES as COLOURS
from tests.command_line import run
from tests.machine import SERVER, Machine, bound
from tests.strategies import any_port
from tests.values import CATALOG


def stand() -> Shelf:
    return shelf(CATALOG.registry)


SITE_CSS = Path(__file__).parents[3] / "src/portbook/web/assets/static/site.css"


def read_png(data: bytes) -> tuple[int, int, list[str], bytes]:
    """Width, height, palette and pixels of a palette PNG, by the letter of its specification."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    chunks: dict[bytes, bytes] = {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, kind_of, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, kind_of, rest) == (4, 3, [0, 0, 0])
    raw, line = zlib.decompress(chunks[b"IDAT"]), 1 + (width + 1) // 2
    assert len(raw) == line * height
    pixels = bytearray()
    for row in range(height):
        assert raw[row * line] == 0  # no filter
        packed = raw[row * line + 1 : (row + 1) * line]
        pixels += bytes(nibble for byte in packed for nibble in (byte >> 4, byte & 15))[:width]
    palette = chunks[b"PLTE"].hex()
    return (
        width,
        height,
        [f"#{palette[i : i + 6]}" for i in range(0, len(palette), 6)],
        bytes(pixels),
    )


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.data())
def test_a_png_holds_the_pixels_it_was_made_of(
    width: int, height: int, scale: int, data: st.DataObject
) -> None:
    size = width * height
    pixels = bytes(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    colours = ["#000000", "#102030", "#ffffff", "#0072b2"]
    wide, tall, palette, seen = read_png(render_png(pixels, width, colours, scale))
    assert (wide, tall, palette) == (width * scale, height * scale, colours)
    for y in range(tall):
        for x in range(wide):
            assert seen[y * wide + x] == pixels[y // scale * width + x // scale]


@pytest.mark.parametrize(
    ("pixels", "width", "colours"), [(3, 2, 1), (4, 0, 1), (4, 2, 0), (4, 2, 17)]
)
def test_what_is_no_picture_is_refused(pixels: int, width: int, colours: int) -> None:
    with pytest.raises(ValueError, match="no rows"):
        render_png(bytes(pixels), width, ["#000000"] * colours)


def test_the_map_shows_every_port_in_the_colour_of_its_state() -> None:
    width, height, palette, pixels = read_png(render_map_png(stand()))
    assert (width, height) == (256, 256)
    for port in range(PORTS):
        column, row = place(port)
        assert (
            palette[pixels[row * 256 + column]] == COLOURS[CATALOG.registry.block(port).state].hex
        )


def test_the_states_of_the_map_are_the_registrys() -> None:
    for port in [*range(1100), *range(1100, PORTS, 97)]:
        assert stand().state(port) is CATALOG.registry.state(port)
    drawn = [(state, last - first + 1) for state, first, last in stand().runs()]
    assert sum(size for _, size in drawn) == PORTS
    assert all(a[0] is not b[0] for a, b in itertools.pairwise(drawn))
    assert stand().by_range["system"] == {**stand().counts(0, 1023)}


def test_the_svg_shows_the_same_as_the_png() -> None:
    root = ET.fromstring(render_map_svg(stand()))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title") is not None
    seen: dict[int, str] = {}
    for path in root.findall(f"{space}path"):
        runs_of = re.findall(r"M(\d+) (\d+)h(\d+)v1H(\d+)z", path.attrib["d"])
        assert runs_of
        for x, y, wide, back in runs_of:
            assert x == back
            for column in range(int(x), int(x) + int(wide)):
                assert seen.setdefault(int(y) * 256 + column, path.attrib["fill"])
    assert len(seen) == PORTS
    assert all(seen[port] == COLOURS[stand().state(port)].hex for port in range(PORTS))


@given(any_port)
def test_a_strip_has_a_book_for_each_of_64_ports(port: int) -> None:
    first, last = window(port)
    assert last - first + 1 == WIDE
    assert first <= port <= last
    root = ET.fromstring(render_strip(stand(), port))
    books: dict[int, str] = {}
    for path in (each for each in root.findall("path") if each.attrib["class"].startswith("s-")):
        # Solid books of a run are one line, which the style sheet cuts into dashes.
        for x, wide in re.findall(r"M(\d+) [\d.]+h(\d+)(?=M|$)", path.attrib["d"]):
            run = range((int(x) - 1) // 10, (int(x) + int(wide) + 1) // 10)
            assert not books.keys() & set(run)
            books.update(dict.fromkeys(run, path.attrib["class"]))
        at = 0
        # A book stands at a place, or so much to the right of the one before.
        for begun, x in re.findall(r"([Mm])(\d+) \d+h8v", path.attrib["d"]):
            at = int(x) if begun == "M" else at + int(x)
            assert (at // 10) not in books
            books[(at - 1) // 10] = path.attrib["class"]
    assert books == {each: f"s-{stand().state(each)}" for each in range(first, last + 1)}
    assert root.attrib["data-first"] == str(first)


def test_states_on_a_strip_differ_in_height_and_not_in_colour_alone() -> None:
    heights: dict[str, set[str]] = {}
    style = SITE_CSS.read_text()
    for port in (305, 22, 300, 1023, 50000):
        for path in ET.fromstring(render_strip(stand(), port)).findall("path"):
            for height in re.findall(r"h8v(\d+)h-8z", path.attrib["d"]):
                heights.setdefault(path.attrib["class"], set()).add(height)
            for middle in re.findall(r"M\d+ ([\d.]+)h\d+(?=M|$)", path.attrib["d"]):
                line = re.search(rf"\.strip \.{path.get('class')} .* stroke-width: (\d+);", style)
                if line:
                    assert float(middle) == 46 - int(line[1]) / 2  # it stands on the ground
                    heights.setdefault(path.attrib["class"], set()).add(line[1])
    assert len(heights) == len(STATES)
    assert all(len(each) == 1 for each in heights.values())
    assert len(set.union(*heights.values())) == len(STATES)


@given(st.dictionaries(st.sampled_from(STATES), st.integers(0, 10**6)))
def test_a_band_is_as_wide_as_its_parts(counts: dict[State, int]) -> None:
    rects = ET.fromstring(render_band(counts)).findall("rect")
    assert len(rects) == sum(1 for count in counts.values() if count)
    if rects:
        total = sum(float(rect.attrib["width"].rstrip("%")) for rect in rects)
        assert total == pytest.approx(100, abs=0.01)


def test_charts_escape_their_labels() -> None:
    chart = render_columns([("<a b='1'>&", 3), ("’02", 0)])
    texts = [text.text for text in ET.fromstring(chart).findall("text")]
    assert texts == ["3", "<a b='1'>&", "0", "’02"]
    assert ET.fromstring(render_bar(3, 0)) is not None
    assert ET.fromstring(render_columns([])) is not None


# -- portbook map -----------------------------------------------------------------------------


def test_the_terminal_shows_the_map_with_and_without_colours() -> None:
    plain = render_map_text(stand(), 80, colour=False)
    rows = [line for line in plain.splitlines() if re.fullmatch(r" *\d+ [#+x.~-]+", line)]
    assert len(rows) > 20
    assert all(len(row) == 70 for row in rows)
    assert rows[1].endswith("#" * 64)
    assert rows[-1].endswith("~" * 64)
    # Lines that are all alike are told once.
    folded = re.search(r"(\d+) more lines like it, to 65535", plain)
    assert folded is not None
    assert len(rows) + int(folded[1]) == 32
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    coloured = render_map_text(stand(), 80, colour=True)
    assert "\x1b[38;5;" in coloured
    wide = render_map_text(stand(), 140, colour=False)
    assert max(map(len, wide.splitlines())) == 134
    assert "listening" not in plain  # that wasn't asked


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_each_mark_tells_of_the_ports_it_stands_for(width: int) -> None:
    columns = max(size for size in (8, 16, 32, 64, 128) if size <= width - 6)
    step = 256 // columns
    plain = render_map_text(stand(), width, colour=False, here={0, 305, 40000})
    assert plain.count("●") == 4  # one is the legend's
    seen: set[str] = set()
    for line in plain.splitlines():
        found = re.fullmatch(r" *(\d+) ([#+x.~●-]+)", line)
        for column, mark in enumerate(found[2] if found else ""):
            first = int(found[1]) if found else 0
            ports = [
                first + down * 256 + column * step + right
                for down in range(2 * step)
                for right in range(step)
            ]
            share = [stand().state(port) for port in ports].count(State.ASSIGNED) / len(ports)
            assert (mark == "●") == bool({0, 305, 40000} & {*ports})
            assert mark != "#" or share >= 3 / 4
            assert mark != "+" or 1 / 4 <= share < 3 / 4
            assert mark != "-" or 0 < share < 1 / 4
            assert mark not in "x.~" or share == 0
            seen.add(mark)
    assert len(seen) >= 4


def test_where_this_machine_listens_is_on_the_map(
    empty_network: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 305)):
        assert run(["map", "300-310"]) == 0
        here = capsys.readouterr().out
        assert run(["map", "300-310", "--no-host"]) == 0
        alone = capsys.readouterr().out
    assert "listening here 1" in here
    assert "●" in here.splitlines()[0]
    assert "listening" not in alone


class _Veiled(Machine):
    """A machine that shows some of its sockets only."""

    def read_host(self, *asked: Any) -> Host:
        gap = Gap(GapCode.TRANSPORT_UNLISTED, "sctp", Need.KERNEL)
        return super().read_host(*asked)._replace(missing=(gap,))


def test_what_may_be_hidden_of_this_machine_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert listening(_Veiled([bound(305, SERVER)])) == frozenset({305})
    assert capsys.readouterr().err.startswith("portbook: not seen: ")
    assert listening(Machine([bound(305, SERVER)])) == frozenset({305})
    assert capsys.readouterr().err == ""


def test_some_ports_are_drawn_one_by_one() -> None:
    plain = render_range_text(stand(), 280, 320, 80, colour=False)
    assert plain.splitlines()[0] == "  280 #####.##............#.......#############"
    assert plain.endswith("each mark stands for a port\n")
    for first, last in ((0, 1023), (0, 65535), (65535, 65535), (20000, 65535)):
        for width in (20, 40, 80, 140):
            lines = render_range_text(stand(), first, last, width, colour=False).splitlines()
            rows = [line for line in lines if re.fullmatch(r" *\d+ [#+x.~-]+", line)]
            assert 1 <= len(rows) <= 32
            assert max(map(len, rows)) <= width
            grouped = re.search(r"for (\d+) ports", lines[-1])
            step = int(grouped[1]) if grouped else 1
            assert sum(len(row) - 6 for row in rows) == -(-(last - first + 1) // step)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["map", "0-99", "-o", "x.svg"], "--output"),
        (["map", "ssh"], "no range"),
        (["stats", "80/tcp"], "no range"),
        (["stats", "9-1"], "backwards"),
    ],
)
def test_a_range_that_is_none(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ports.png", "ports.svg", "PORTS.PNG"])
def test_map_writes_a_file(name: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{tmp_path}/{name}"
    assert run(["map", "-o", path]) == 0
    with open(path, "rb") as file:
        written = file.read()
    svg = render_map_svg(stand()).encode()
    assert written == (svg if name.endswith("svg") else render_map_png(stand(), 4))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["-o", "ports.gif"], "ends in neither .png nor .svg"),
        (["-o", "ports.png", "--scale", "0"], "--scale 0"),
        (["-o", "/nowhere/at/all/ports.png"], "can't be written"),
    ],
)
def test_map_says_what_is_wrong(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["map", *argv]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
    assert err.count("\n") == 1
