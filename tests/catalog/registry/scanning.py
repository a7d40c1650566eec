"""A search as it is defined: every service is asked, and difflib compares every spelling.

It takes a hundred times as long as :mod:`portbook.catalog.registry.search`, which has to find the
same.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from portbook.catalog.registry.search import Match
from portbook.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Assignment

ALIKE = 0.75


class Scan:
    """The services of some *rows*."""

    def __init__(self, rows: Iterable[Assignment]) -> None:
        grouped: dict[str, list[Assignment]] = {}
        for row in rows:
            if row.state is State.ASSIGNED:
                key = (row.service_name or f"\n{row.title}").lower()
                grouped.setdefault(key, []).append(row)
        self._services = [_Service(some) for some in grouped.values()]

    def search(self, text: str) -> list[Match]:
        """All that matches *text*, best first."""
        wanted = " ".join(text.lower().split())
        if not wanted:
            return []
        ranked = [(service.rank(wanted), service) for service in self._services]
        matches = [service.match(*rank) for rank, service in ranked if rank]
        if not any(match.score >= 90 for match in matches):
            least = 38 if matches else 0
            ratio = _Ratio(wanted)
            for rank, service in ranked:
                near = None if rank else service.nearness(ratio)
                if near and near[0] >= least:
                    matches.append(service.match(*near))
        return sorted(matches, key=_order)


class _Service:
    def __init__(self, rows: list[Assignment]) -> None:
        self.name, self.description = rows[0].service_name, rows[0].title
        self.names = {
            name.lower() for row in rows for name in (row.service_name, *row.aliases) if name
        }
        self.numbers = {
            (row.first, row.last, row.transport)
            for row in rows
            if row.first is not None and row.last is not None
        }
        self.text = ""
        for row in rows:
            title = (row.title or "").lower()
            if title not in self.text:
                self.text = f"{self.text} {title}".strip()
        self.words = "".join(char if char.isalnum() else " " for char in self.text).split()

    def rank(self, wanted: str) -> tuple[int, str] | None:
        words, number = wanted.split(), None
        if wanted.isascii() and wanted.isdigit() and len(wanted) <= 5:
            number = int(wanted)
        if wanted == (self.name or "").lower():
            return 100, "name"
        if wanted in self.names:
            return 98, "another name of it"
        if number is not None and any(first <= number <= last for first, last, _ in self.numbers):
            return 95, "number"
        if any(name.startswith(wanted) for name in self.names):
            return 90, "start of the name"
        if len(wanted) > 1 and any(wanted in name for name in self.names):
            return 80, "part of the name"
        if all(word in self.words for word in words):
            return 70, "in the description"
        if all(any(each.startswith(word) for each in self.words) for word in words):
            return 60, "starts of words in the description"
        if len(wanted) > 2 and wanted in self.text:
            return 50, "part of the description"
        return None

    def nearness(self, ratio: _Ratio) -> tuple[int, str] | None:
        best = max(map(ratio, self.names), default=0.0)
        if best >= ALIKE:
            return int(best * 45), "a similar name"
        best = max((ratio(word) for word in self.words if len(word) > 3), default=0.0)
        return (int(best * 40), "a similar word") if best >= ALIKE else None

    def match(self, score: int, why: str) -> Match:
        numbers = sorted(self.numbers, key=lambda number: (*number[:2], number[2] or ""))
        return Match(score, why, self.name, self.description, tuple(numbers))


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
            self._known[word] = matcher.ratio() if near else 0.0
        return self._known[word]


def _order(match: Match) -> tuple[int, int, int, str]:
    name = match.service_name or match.description or ""
    lowest = match.ports[0][0] if match.ports else 1 << 16
    return (-match.score, len(name), lowest, name)
