"""What docs/security.md promises: the tests that it names are there, its limits are the code's."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from portbook.formats.fields import MOST_IN_RANGES
from portbook.formats.lines import ENDLESS_LINE
from portbook.web.explain import endpoints as capture
from portbook.web.explain import explainer, workers
from portbook.web.feedback import endpoints as feedback
from portbook.web.feedback import vote_queue
from portbook.web.http import connections, protocol, security, work_limit
from portbook.web.local import live_events

ROOT = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = [
    line
    for line in (ROOT / "docs" / "security.md").read_text().partition("## How this is tested")[2]
    .splitlines()
    if line.startswith("| ") and "::" in line
]  # fmt: skip


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_promises_are_many() -> None:
    assert len(ROWS) >= 24


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip().replace(" ", "-"))
def test_each_promise_has_its_tests(row: str) -> None:
    named = _NAMED.findall(row)
    assert len(named) == row.count("::")
    for path, function in named:
        assert function.startswith("test_")
        assert function in functions(path), f"{path} has no {function}"


LIMITS = {
    "docs/web.md": (
        f"path of more than {security.LONGEST_PATH:,} bytes",
        f"query of more than {security.LONGEST_QUERY:,}",
        f"a head of more than {protocol.LARGEST_HEAD >> 10} kB",
        f"sends {protocol.MOST_PIPELINED} requests ahead",
        f"or {protocol.LARGEST_BODY >> 20} MB",
        f"takes {connections.MOST_CONNECTIONS:,} connections",
        f"to {connections.MOST_DESCRIPTORS:,} at most",
        f"At most {capture.LONGEST >> 10} kB and {explainer.MOST_SOCKETS:,} sockets",
        f"may take {workers.SECONDS:.0f} seconds and {explainer.MEMORY >> 20} MB",
        f"most {feedback.LONGEST_TEXT} characters: {feedback.LONGEST >> 10} kB in all",
        f"may have {work_limit.OF_ONE} new searches in {work_limit.WINDOW:.0f} seconds",
        f"{live_events.MOST_STREAMS} at a time",
    ),
    "docs/security.md": (
        f"{feedback.LONGEST >> 10} kB each",
        f"costs the voter {vote_queue.LONGEST:.0f} seconds at most",
        f"503 at once for {vote_queue.REST:.0f} seconds",
        f"stand for {MOST_IN_RANGES:,} ports",
        f"given up after {ENDLESS_LINE >> 20} MB",
    ),
}


@pytest.mark.parametrize("path", LIMITS)
def test_limits_are_those_of_the_code(path: str) -> None:
    text = " ".join((ROOT / path).read_text().split())
    assert [limit for limit in LIMITS[path] if limit not in text] == []
