"""Every sentence that a person reads says one thing, in the words of the field.

Templates are found in the source of :mod:`portbook.present` and of the errors, not listed here: a
new one is held as well. What the registry or a process wrote stands in quotation marks, and isn't
held to anything.
"""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import portbook
from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.formats.errors.query import Query, QueryKind
from portbook.model import State, Transport
from portbook.present.brief import compose_brief
from portbook.present.document import (
    Checks,
    Facts,
    Heading,
    Paragraph,
    Points,
    Ports,
    Question,
    Records,
)
from portbook.present.owners import Viewer
from portbook.present.port.on_record import untold_uses
from portbook.present.port.page import compose
from tests.counts import PROOF, every_port
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.present.document import Page

PACKAGE = Path(portbook.__file__).parent
_LONGEST = 25  # words
# What nobody would say aloud, and names of data sets; beside each stands what is said instead.
_UNSAID = {
    r"\bMend\b": "Fix",
    r"\bthe book\b": "the IANA registry",
    r"\bgravest\b": "most serious",
    r"\bspelled nearly\b": "similar",
    r"\bwhoever\b": "anyone who",
    r"\bsomebody(?:'s own choice| else)\b": "someone else",
    r"\b(?:is|are) on record\b": "used in practice by",
    r"\bon record here\b": "we know of",
    r"\bby itself\b": "automatically",
    r"\btold apart\b": "different",
    r"\bheld back\b": "reserved",
    r"\bhasn't got\b": "doesn't have",
    r"\bnot visible to you\b": "you can't see",
    r"\bnot looked at\b": "(nothing)",
    r"\b(?:that|which) (?:can|could) be seen\b": "we can see",
    r"\bis known to us\b": "no known use",
    r"\bthis very\b": "portbook itself",
    r"\bset aside\b": "reserved",
    r"\bwords of the description\b": "in the description",
    r"\bThis book\b|\bin the book\b|\bby the book\b": "portbook, IANA",
    r"\bis registered for no\b": "No service is registered for",
    r"\btake(?:s|n)? away what\b": "remove what",
    r"\bhas (?:something|nothing) against\b": "fails a criterion",
    r"\bnobody's for good\b": "for temporary use",
    r"\bIANA's mouth\b": "we say",
    r"\bnot examined\b": "not checked",
    r"\bof which\b": "a sentence of its own",
    r"\bfurthest apart\b": "(nothing)",
    r"\btakes? (?:a|no) privilege here\b": "needs root",
    r"\bnothing to judge\b": "(no section)",
    r"\bat this moment\b": "(nothing)",
    r"\bthe other way round\b": "(nothing)",
    r"\bthese very\b": "these",
    r"\bLost with it\b": "You would also lose",
    r"\bmake sure that you know\b": "check what it is",
    r"\bneither safe nor unsafe\b": "an answer",
    r"\bmay be (?:this|one of these)\b": "commonly on",
    r"\blore-[a-z]+|\biana-(?:2015|history)\b|\bspelling-2018\b": "a source in people's words",
    r"(?<![\d,.–])\b1 (?:ports|sockets|processes|files|rows|flows|changes|matches|blocks)\b":
        "the singular",
}  # fmt: skip
_PATTERN = re.compile("|".join(f"(?:{each})" for each in _UNSAID))
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|`[^`]*`|\[[^]]*\]')


def wrong_in(text: str) -> list[str]:
    """What of *text* nobody would say."""
    return [found[0] for found in _PATTERN.finditer(_QUOTED.sub("…", text))]


def too_long(text: str) -> list[str]:
    """The sentences of *text* of more than 25 words."""
    sentences = re.split(r"(?<=[.?!])\s+|;\s+|:\s+", _QUOTED.sub("…", text))
    return [each for each in sentences if len(each.split()) > _LONGEST]


# -- templates, as the source has them ----------------------------------------------------------


def _literals(path: Path) -> Iterator[str]:
    """The texts in *path* that can be read by a person: no docstrings, one for an f-string."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings
    skipped |= {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
        for part in node.values
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _sources() -> list[Path]:
    folders = [*(PACKAGE / "present").rglob("*.py"), *(PACKAGE / "cli").glob("*.py")]
    # The names of data sets stand in sources.py alone, which says what people call them.
    folders = [path for path in folders if path != PACKAGE / "present" / "sources.py"]
    others = [path for name in ("errors", "verdict") for path in (PACKAGE / name).glob("*.py")]
    return sorted([*folders, *others])


def test_no_template_says_what_nobody_would_say() -> None:
    templates = [(path.name, text) for path in _sources() for text in _literals(path)]
    assert len(templates) > 2000
    assert [(name, wrong_in(text), text) for name, text in templates if wrong_in(text)] == []


def test_each_phrase_has_sentences_of_at_most_25_words() -> None:
    phrases = [
        (path.name, re.sub(r"\{[^}]*\}", "x", text))
        for path in sorted((PACKAGE / "present" / "phrases").glob("*.py"))
        for text in _literals(path)
    ]
    assert len(phrases) > 200
    assert [(name, too_long(text)) for name, text in phrases if too_long(text)] == []


# -- pages ----------------------------------------------------------------------------------------


def _own_words(page: Page) -> Iterator[str]:
    """What portbook itself says on *page*; tables of the registry and of products left out."""
    yield from page.lead
    for item in chain.from_iterable(section.items for section in page.sections):
        if isinstance(item, Paragraph):
            yield item.text
        elif isinstance(item, Heading):
            yield item.heading
        elif isinstance(item, Points):
            yield from item.points
        elif isinstance(item, Question):
            yield item.question
            yield item.answer
        elif isinstance(item, Records | Ports):
            yield item.caption
        elif isinstance(item, Checks):
            yield from (proves for _, proves in item.proofs)
        elif isinstance(item, Facts):
            yield from (value for _, value in item.facts)


def _answer(port: int, transport: Transport | None = None) -> PortAnswer:
    query = Query(QueryKind.PORT, str(port), port, port, transport)
    return answer_port(query, CATALOG, whole=True)


@pytest.mark.proof
def test_each_page_speaks_in_short_sentences_of_the_field() -> None:
    ports = every_port()[:: 1 if PROOF else 24]
    kinds = set()
    for port in (*ports, 0, 80, 1023, 1024, 31337, 49151, 49152, 65535):
        found = _answer(port)
        kinds.add(found.state)
        # A list of names may be long; each name is quoted for the count of words.
        texts = list(_own_words(compose(found)))
        assert texts
        for text in texts:
            assert wrong_in(text) == [], (port, text)
            assert not [one for one in too_long(text) if one.count(",") < 4], (port, text)
    assert kinds == set(State)


# -- denials, over all ports ----------------------------------------------------------------------

_DENIAL = re.compile(
    r"know of no|no (?:known )?use\b|no report|no abuse|nothing is known|only your machine can"
)


@pytest.mark.proof
def test_nothing_is_denied_that_a_store_has() -> None:
    """Over all 65,536 ports: uses, programs, abuse, and notes of each row of the registry."""
    noted = {
        port
        for row in CATALOG.registry.rows()
        if row.notes or row.unauthorized_use
        for port in range(row.first or 0, (row.last or 0) + 1)
    }
    denied = told = 0
    for port in every_port()[:: 1 if PROOF else 3]:
        found = answer_port(Query(QueryKind.PORT, str(port), port, port), CATALOG)
        brief = compose_brief(found, Viewer())
        texts = [brief.headline, brief.practice or "", brief.registry, brief.abuse or ""]
        texts += _own_words(compose(found))
        stores = found.uses or found.programs or found.abuse or port in noted
        denies = any(_DENIAL.search(text.lower()) for text in texts)
        assert not (denies and stores), port
        assert denies is untold_uses(found), port
        denied += denies
        told += bool(stores)
    assert denied > 100
    assert told > 300


def test_a_use_says_nothing_of_what_the_registry_has_for_its_ports() -> None:
    """The page's own rows say it, for this port and this transport."""
    uses = [*CATALOG.practice.uses()]
    assert len(uses) > 600
    claims = re.compile(r"registered (?:for|to|as)|in the registry", re.IGNORECASE)
    assert [use for use in uses if claims.search(use.summary)] == []
