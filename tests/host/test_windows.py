"""What Windows' netsh prints, in several languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.errors import MalformedInput
from portbook.host.windows import ExcludedRange, parse_excluded_ranges
from tests.cases import for_each

ROWS = """\
        80          80
      5357        5357
     50000       50059     *
     61220       61319      """
EXPECTED = (
    ExcludedRange(80, 80),
    ExcludedRange(5357, 5357),
    ExcludedRange(50000, 50059, administered=True),
    ExcludedRange(61220, 61319),
)
TABLES = {
    "English": f"""
Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
{ROWS}

* - Administered port exclusions.
""",
    "French": f"""
Protocole tcp Plages d'exclusion de ports

Port de d\u201abut  Port de fin
-------------  -----------
{ROWS}

* - Exclusions de ports administr\u201as.
""",
    "Spanish": f"""
Puerto de inicio    Puerto final
----------          --------
{ROWS}
""",
    "Chinese": f"""
协议 tcp 端口排除范围

开始端口    结束端口
----------    --------
{ROWS}

* - 管理的端口排除。
""",
    "with the prompt before and after": f"""
C:\\> netsh interface ipv4 show excludedportrange protocol=tcp

Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
{ROWS}

* - Administered port exclusions.


C:\\> net stop winnat
""",
}


@pytest.mark.parametrize("language", TABLES)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r\r\n"])
def test_excluded_ranges_in_any_language(language: str, ending: str) -> None:
    text = TABLES[language].replace("\n", ending)
    assert parse_excluded_ranges(text) == EXPECTED


def test_no_excluded_range_is_an_answer_too() -> None:
    text = TABLES["English"].replace(ROWS, "")
    assert parse_excluded_ranges(text) == ()


@for_each(
    "text",
    [
        "",
        "The following command was not found: interface ipv4.",
        "a b\n---- ----\n 80 \n",
        "a b\n---- ----\n 80 79\n",
        "a b\n---- ----\n 80 70000\n",
        "a b\n---- ----\n 80 81 x\n",
        "a b\n---- ----\n 80 81 * *\n",
        "a b\n---- ----\n ٨٠ 81\n",
    ],
)
def test_other_text_is_malformed(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_excluded_ranges(text)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Nothing is raised but MalformedInput, and what is excluded are ports."""
    for start in ("", "- -\n"):
        try:
            found = parse_excluded_ranges(start + text)
        except MalformedInput:
            continue
        assert all(0 <= each.first <= each.last <= 65535 for each in found)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 99), st.booleans())))
def test_what_is_printed_is_read(rows: list[tuple[int, int, bool]]) -> None:
    ranges = tuple(
        ExcludedRange(first, min(65535, first + more), administered)
        for first, more, administered in rows
    )
    lines = [f"{each.first:10}  {each.last:10}  {'*' * each.administered}" for each in ranges]
    assert parse_excluded_ranges("\n".join(["x y", "-- --", *lines])) == ranges
