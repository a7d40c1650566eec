"""Queries by the hundred thousand: understood, or refused in one line with nothing raw in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portbook.cli import COMMANDS
from portbook.errors import InvalidQuery
from portbook.formats.errors.query import LONGEST, parse_query, split_queries
from portbook.model import LAST_PORT
from tests.command_line import run
from tests.counts import PROOF
from tests.hostile.queries import drawn

if TYPE_CHECKING:
    import random

    from tests.surroundings import StandardInput

PARSED = 100_000 if PROOF else 2_000
ASKED = 20_000 if PROOF else 120


def _raw(text: str) -> set[str]:
    """What a terminal would obey, or would reorder or hide other letters with."""
    return {char for char in text if not char.isprintable()} - {"\n"}


def _parsed(text: str) -> tuple[str, str]:
    """The kind of the last query in *text*, or why it can't be read.

    Of an empty text there may be none.
    """
    kind = ""
    for part in split_queries(text):
        try:
            query = parse_query(part)
        except InvalidQuery as refusal:
            return "refused", str(refusal)
        assert -1 <= query.first <= query.last <= LAST_PORT, ascii(part)
        kind = query.kind
    return kind, ""


@pytest.mark.proof
def test_each_query_is_understood_or_refused(chance: random.Random) -> None:
    kinds: dict[str, int] = {}
    # A range is drawn a few times in a thousand: that it is one is not left to chance.
    for text in ("300-310", *(drawn(chance) for _ in range(PARSED))):
        try:
            kind, refusal = _parsed(text)
        except Exception as error:
            error.add_note(ascii(text)[:500])
            raise
        assert not _raw(refusal), ascii(text)
        assert "\n" not in refusal, ascii(text)
        assert len(refusal) < 500, ascii(text)
        kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds.keys() == {"port", "range", "name", "text", "refused"}
    assert sum(kinds.values()) >= PARSED


def _is_command(text: str) -> bool:
    """Whether the command line takes *text* for a command or an option of its own."""
    return text.startswith("-") or text.strip() in (*COMMANDS, "help", "version")


@pytest.mark.proof
def test_each_query_is_answered_by_the_whole_program(
    chance: random.Random,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    piped: StandardInput,
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "PORTBOOK_NOTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTBOOK_NOTES", "")
    statuses: dict[int, int] = {}
    for _ in range(ASKED):
        text = drawn(chance)
        ways: list[list[str]] = [
            ["show", "--no-host", text], ["search", text], ["show", "--no-host", "--json", text],
            ["search", "--json", text], ["history", text], ["blocks", text], ["why", text],
            ["show", "--no-host", "-"],
        ]  # fmt: skip
        if not _is_command(text):
            ways.append(["--no-host", text])
        argv = chance.choice(ways)
        piped(text.encode("utf-8", "surrogatepass"))
        status = run(argv)
        out, err = capfd.readouterr()
        said = (ascii(argv)[:600], status, err[-500:])
        assert status in (0, 1, 2), said
        assert not _raw(out), said
        assert not _raw(err), said
        assert "Traceback" not in err, said
        lines = err.splitlines()
        assert all(line.startswith(("portbook: ", "usage: ", "  ")) for line in lines), said
        assert status != 2 or lines, said
        if "--json" in argv and status in (0, 1) and out:
            json.loads(out)
        statuses[status] = statuses.get(status, 0) + 1
    assert statuses.keys() == {0, 1, 2}


def test_the_longest_query_is_told(chance: random.Random) -> None:
    with pytest.raises(InvalidQuery, match=f"give at most {LONGEST:,}"):
        parse_query(chance.choice("a1:") * (LONGEST + 1))
