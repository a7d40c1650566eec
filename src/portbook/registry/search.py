"""Finding services by what people remember of them: a name, part of one, words, a typo.

Every result says why it matched. Exact names come first, then names that begin with the text,
names that hold it, descriptions that hold every word, and last what is spelled nearly so.
"""

from __future__ import annotations

from portbook._lean import NamedTuple
from portbook.model import Assignment, State, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.registry import Registry

# How alike two spellings must be (difflib's ratio): one slip in four letters, two in eight.
_ALIKE = 0.75
_SURE = 38  # the score of a slip so small that it is worth a line beside other matches
_BEGINS = 90  # the score of a name that begins with the text


class Match(NamedTuple):
    """One result of a search, best first by ``score`` (0 to 100); ``why`` names what matched."""

    score: int
    why: str
    service_name: str | None
    description: str | None
    ports: tuple[tuple[int, int, Transport | None], ...]


class _Service:
    """The rows of one service, or of one description where there is no name, as one entry."""

    __slots__ = ("description", "name", "names", "numbers", "text", "words")

    def __init__(self, row: Assignment) -> None:
        self.name = row.service_name
        self.description = row.title
        self.names: set[str] = set()
        self.numbers: dict[tuple[int, int, Transport | None], None] = {}
        self.text = ""
        self.words: list[str] = []
        self.add(row)

    def add(self, row: Assignment) -> None:
        self.names.update(name.lower() for name in (row.service_name, *row.aliases) if name)
        if row.first is not None and row.last is not None:
            self.numbers[row.first, row.last, row.transport] = None
        description = (row.title or "").lower()
        if description not in self.text:
            self.text = f"{self.text} {description}".strip()
            self.words = "".join(c if c.isalnum() else " " for c in self.text).split()

    def match(self, score: int, why: str) -> Match:
        return Match(
            score,
            why,
            self.name,
            self.description,
            tuple(sorted(self.numbers, key=lambda number: (*number[:2], number[2] or ""))),
        )


class Index:
    """All services of a registry, ready to be searched."""

    def __init__(self, rows: Iterable[Assignment]) -> None:
        services: dict[str, _Service] = {}
        for row in rows:
            if row.state is not State.ASSIGNED:
                continue
            key = (row.service_name or f"\n{row.title}").lower()
            if key in services:
                services[key].add(row)
            else:
                services[key] = _Service(row)
        self._services = tuple(services.values())

    def search(self, text: str) -> tuple[Match, ...]:
        """All that matches *text*, best first.

        Spellings nearly so come last, and only where no name begins with the text: "P-Server" is
        part of other names, and may yet be a slip for PS-Server.
        """
        wanted = " ".join(text.lower().split())
        if not wanted:
            return ()
        matches = list(self._exact(wanted))
        if not any(match.score >= _BEGINS for match in matches):
            found = {(match.service_name, match.description) for match in matches}
            matches += (
                match
                for match in self._alike(wanted)
                if not found
                or (match.score >= _SURE and (match.service_name, match.description) not in found)
            )
        return tuple(sorted(matches, key=_order))

    def _exact(self, wanted: str) -> Iterator[Match]:
        words = wanted.split()
        port = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 5 else None
        for service in self._services:
            if wanted == (service.name or "").lower():
                yield service.match(100, "name")
            elif wanted in service.names:
                yield service.match(98, "another name of it")
            elif port is not None and _holds(service, port):
                yield service.match(95, "number")
            elif any(name.startswith(wanted) for name in service.names):
                yield service.match(_BEGINS, "beginning of the name")
            elif len(wanted) > 1 and any(wanted in name for name in service.names):
                yield service.match(80, "part of the name")
            elif all(word in service.words for word in words):
                yield service.match(70, "words of the description")
            elif all(any(w.startswith(word) for w in service.words) for word in words):
                yield service.match(60, "beginnings of words of the description")
            elif len(wanted) > 2 and wanted in service.text:
                yield service.match(50, "part of the description")

    def _alike(self, wanted: str) -> Iterator[Match]:
        from difflib import SequenceMatcher

        matcher = SequenceMatcher(b=wanted, autojunk=False)
        memo: dict[str, float] = {}

        def ratio(word: str) -> float:
            if word not in memo:
                matcher.set_seq1(word)
                near = matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE
                memo[word] = matcher.ratio() if near else 0.0
            return memo[word]

        for service in self._services:
            best = max(map(ratio, service.names), default=0.0)
            if best >= _ALIKE:
                yield service.match(int(best * 45), "a name spelled nearly so")
                continue
            best = max((ratio(word) for word in service.words if len(word) > 3), default=0.0)
            if best >= _ALIKE:
                yield service.match(int(best * 40), "a word spelled nearly so")


def _holds(service: _Service, port: int) -> bool:
    return any(first <= port <= last for first, last, _ in service.numbers)


def _order(match: Match) -> tuple[int, int, int, str]:
    name = match.service_name or match.description or ""
    lowest = match.ports[0][0] if match.ports else 1 << 16
    return (-match.score, len(name), lowest, name)


_indices: dict[int, tuple[Registry, Index]] = {}


def search(registry: Registry, text: str) -> tuple[Match, ...]:
    """What *text* finds in *registry*, best first."""
    held = _indices.get(id(registry))
    if held is None or held[0] is not registry:
        held = _indices[id(registry)] = (registry, Index(registry.store.all()))
    return held[1].search(text)
