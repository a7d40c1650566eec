"""A terminal, the site and its copies find the same in the same order, whatever is asked."""

from __future__ import annotations

import json
import re
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest

from portbook.app.search import search_text
from portbook.catalog.search import index
from portbook.present.render import port_json
from portbook.present.render.text import Style
from portbook.present.views import lists
from portbook.web.assets import drawn
from portbook.web.pages.lists import of_search
from portbook.web.search import of_found, search_for
from tests.cases import for_each
from tests.counts import PROOF
from tests.real.needs import need_program
from tests.values import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

WORDS = (
    "dns", "smtp submission", "remote desktop", "rdp", "mirai", "back orifice", "back orifce",
    "dokcer", "docker api", "redis", "mail", "www", "443", "3000", "kubernets", "worm", "tellnet",
    "what port does grafana use?", "which port is https", "e", "x", "ion", "whois++", "cvc_hostd",
    "  Secure   SHELL ", "node.js", "qqqqzzzz", "9" * 6, "²", "+", "ms-wbt-server", "novast back",
)  # fmt: skip
SOME = 1500 if PROOF else 30
SHOWN = 60  # hits of each text that are compared

_ASK = """
global.self = global;
const { readFileSync } = require("node:fs");
require("node:vm").runInThisContext(readFileSync(process.argv[1], "utf8"));
const book = portbookSearch.read(portbookIndex);
const some = (text) => portbookSearch.find(book, text).slice(0, Number(process.argv[2]));
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((text) =>
  some(text).map((row) => [row.name, row.ports]))));
"""


def _texts() -> list[str]:
    """Names, words and parts of what is on record, some of them with a slip."""
    chance = Random(19)
    entries = index(CATALOG).entries
    texts = [*WORDS]
    for _ in range(SOME):
        entry = chance.choice(entries if chance.random() < 0.5 else entries[:2500])
        text = chance.choice([*entry.names, entry.shown]) or "x"
        kind = chance.randrange(4)
        if kind == 1:
            text = " ".join(chance.sample(text.split(), min(2, len(text.split()))))
        elif kind == 2:
            at = chance.randrange(len(text))
            text = text[at : at + chance.randint(1, 7)]
        elif kind == 3 and len(text) > 3:
            at = chance.randrange(1, len(text))
            text = text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
        texts.append(text)
    return texts


@pytest.mark.real
def test_a_copy_of_the_site_finds_what_the_terminal_finds(tmp_path: Path) -> None:
    script = tmp_path / "search-index.js"
    script.write_bytes(drawn.draw("search-index.js", CATALOG))
    texts = _texts()
    made = subprocess.run(
        [need_program("node"), "-e", _ASK, "--", script, str(SHOWN)],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    several = 0
    for text, rows in zip(texts, json.loads(made.stdout), strict=True):
        hits = search_text(text, CATALOG).hits[:SHOWN]
        assert rows == [[hit.name or "", _ports(hit.ports)] for hit in hits], text
        several += len(hits) > 3
    assert several > len(texts) / 5


def _ports(numbers: tuple[tuple[int, int, object], ...]) -> str:
    spans = dict.fromkeys(f"{a}" if a == b else f"{a}-{b}" for a, b, _ in numbers)
    return ",".join(spans)


@for_each("text", WORDS[:18])
def test_terminal_site_and_json_have_one_order(text: str) -> None:
    answer = search_text(text, CATALOG)
    names = [hit.name or "(no name)" for hit in answer.hits[: answer.shown]]
    printed = lists.render_search(answer, Style(200)).split("\n\n")[1].splitlines()
    rows = [line for line in printed if line.startswith("  ") and not line.startswith("   ")]
    assert [re.split(r"  +", row.strip())[0] for row in rows[: len(names)]] == names
    assert [hit["name"] or "(no name)" for hit in port_json.of(answer)["hits"]] == names
    page = of_search(search_for(CATALOG, text), text)
    assert [hit["name"] or "(no name)" for hit in page["hits"]] == names
    site = of_found(search_for(CATALOG, text))
    assert site["hits"] == port_json.of(answer)["hits"]


def test_the_index_can_end_no_script() -> None:
    script = drawn.draw("search-index.js", CATALOG).decode()
    rule, _, data = script.partition("self.portbookIndex=")
    assert "<" not in data
    assert data.isascii()
    assert data.count("\n") == 1
    assert "</" not in rule
