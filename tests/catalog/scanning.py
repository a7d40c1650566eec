"""A search as it is defined: every entry is asked, and difflib compares every spelling.

It takes a hundred times as long as :mod:`portbook.catalog.search`, which has to find the same.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from portbook.model.practice import WIDE
from portbook.model.search import SearchStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.catalog.search_entries import Entry

ALIKE = 0.75


def scan(entries: Sequence[Entry], text: str) -> list[tuple[int, str | None, str]]:
    """The score, the name and the description of all that *text* finds, best first.

    *entries* come in the order in which those that fit as well stand.
    """
    wanted = " ".join(text.lower().split())
    if not wanted:
        return []
    ranked = [(_score(entry, wanted), 0, at) for at, entry in enumerate(entries)]
    found = [rank for rank in ranked if rank[0]]
    if not any(score >= 90 for score, _, _ in found) and not wanted.isdigit():
        least = 38 if found else 1
        matched = {at for _, _, at in found}
        ratio = _Ratio(wanted)
        for at, entry in enumerate(entries):
            if at not in matched:
                score, rank = _nearness(entry, ratio)
                if score >= least:
                    found.append((score, rank, at))
    found.sort(key=lambda hit: (-hit[0], hit[1], hit[2]))
    return [(score, entries[at].name, entries[at].shown) for score, _, at in found]


def _words(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in text.lower()).split()


def _low(names: Sequence[str | None]) -> list[str]:
    return [" ".join(name.lower().split()) for name in names if name]


def _score(entry: Entry, wanted: str) -> int:
    good = _low([entry.name, *entry.called])
    names = [*good, *_low(entry.aliases)]
    worded = [words for words in map(_words, names) if words]
    in_names = {word for words in worded for word in words}
    text = " ".join(f"{entry.shown} {entry.extra}".lower().split())
    everywhere = in_names | set(_words(text))
    words = _words(wanted)
    phrase, run = " ".join(words), "".join(words)
    phrases = [" ".join(some) for some in worded]
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else -1
    on = [span for span in entry.numbers if span[0] <= number <= span[1]]
    narrow = entry.store is SearchStore.MATCHES or any(b - a < WIDE for a, b, _ in on)
    telling = any(len(word) > 2 and not word.isdigit() for word in words)

    def begun(terms: set[str]) -> bool:
        return all(any(term.startswith(word) for term in terms) for word in words)

    rules = (
        (100, wanted in good),
        (98, wanted in names),
        (97, bool(words) and phrase in phrases),
        (95, bool(on) and narrow),
        (93, bool(on)),
        (92, bool(words) and any(name.startswith(f"{phrase} ") for name in phrases)),
        (91, telling and set(words) <= in_names),
        (90, any(name.startswith(wanted) for name in names)),
        (84, len(run) > 1 and any("".join(some).startswith(run) for some in worded)),
        (82, telling and begun(in_names)),
        (80, len(wanted) > 1 and any(wanted in name for name in names)),
        (70, telling and set(words) <= everywhere),
        (60, telling and begun(everywhere)),
        (50, len(wanted) > 2 and wanted in text),
    )
    score = next((score for score, holds in rules if holds), 0)
    asked = {"truenas", "umbrel", "exporter", "prometheus"} & set(words)
    return 79 if 80 <= score <= 92 and entry.of_another and not asked else score


def _nearness(entry: Entry, ratio: _Ratio) -> tuple[int, int]:
    names = _low([entry.name, *entry.called, *entry.aliases])
    in_names = {word for name in names for word in _words(name)}
    whole = int(max(map(ratio, names), default=0.0) * 45)
    part = int(max((ratio(word) for word in in_names if len(word) > 3), default=0.0) * 45)
    if whole or part:
        return (whole, 0) if whole >= part else (part, 1)
    texts = [word for word in _words(f"{entry.shown} {entry.extra}") if len(word) > 3]
    return int(max(map(ratio, texts), default=0.0) * 40), 2


class _Ratio:
    """How alike a text is to a word, at least where that is *ALIKE* or more."""

    def __init__(self, text: str) -> None:
        self._matcher = SequenceMatcher(b=text, autojunk=False)
        self._known: dict[str, float] = {}

    def __call__(self, word: str) -> float:
        if word not in self._known:
            matcher = self._matcher
            matcher.set_seq1(word)
            near = matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE
            ratio = matcher.ratio() if near else 0.0
            self._known[word] = ratio if ratio >= ALIKE else 0.0
        return self._known[word]
