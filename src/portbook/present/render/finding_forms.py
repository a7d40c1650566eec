"""The findings on a capture's sockets as JSON text: those alike are worded once, and filled in."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
from portbook.app.capture_judge import (
    MARKS,
    advised_of,
    marked,
    marked_port,
    reports_of,
    standing_shape,
)
from portbook.model import PORTS
from portbook.present.render.json_text import json_line, quoted
from portbook.verdict.rule_inputs import Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.app.capture_judge import CaptureJudge, PortInShort
    from portbook.app.on_record import OwnersOnRecord, PortOnRecord
    from portbook.model import Finding, Listener

    # The numbers of code and level, and of what makes a difference to it: port, reports, owner,
    # address.
    _Kind = tuple[int, int, int, int, int]

_SURE = 3  # findings of one kind that are worded before others are filled in
_MOST_KINDS = 16384
# Where a value is filled in: characters that no text of JSON has as themselves (RFC 8259 §7).
# Three are of the list of services, that of findings, and the address with the port behind it; for
# the others see MARKS.
NAMES, FINDINGS, SPOT, *PLACES = [chr(1 + number) for number in range(3 + len(MARKS))]
_PORT, _ADDRESS = PLACES[0], PLACES[3]
_QUOTED_MARKS = tuple([tuple([quoted(mark)[1:-1] for mark in marks]) for marks in MARKS])
_ANY_PLACE = re.compile("([\1-\37])")
FIRST_TEXT = 7  # of the values that are filled in: before it are those that each socket has
APART = PORTS << 2  # above any place: numbers of kinds of ports


class Form(NamedTuple):
    """A text with places: what stands between these, and what takes values and these in turn."""

    pieces: tuple[str, ...]
    in_turn: Callable[[tuple[Any, ...]], tuple[str, ...]]

    def fill(self, values: tuple[str, ...]) -> str:
        """The text with *values*: those of :data:`PLACES`, behind the first three."""
        return "".join(self.in_turn((*values, *self.pieces)))


def form_of(text: str, values: int) -> Form:
    """*text* as a form that is filled in with so many *values*."""
    pieces: list[str] = []
    order: list[int] = []
    text = text.replace(f"[{_ADDRESS}]:{_PORT}", SPOT).replace(f"{_ADDRESS}:{_PORT}", SPOT)
    for part in _ANY_PLACE.split(text):
        if part and part < " ":
            order.append(ord(part) - 1)
        else:
            order.append(values + len(pieces))
            pieces.append(part)
    return Form(tuple(pieces), itemgetter(*order))


def with_places(text: str, own: str) -> str | None:
    """*text* with a place for each mark; None where *own*, which is to have none, has one."""
    for marks, place in zip(_QUOTED_MARKS, PLACES, strict=True):
        for mark in marks:
            if mark in own:
                return None
            text = text.replace(mark, place)
    return text


class Bearer(NamedTuple):
    """A socket whose findings are worded: what is on record of it, and the numbers of its kinds.

    ``verdict`` is the number of its ``findings``. ``whole`` makes the socket and all that is on
    record of its port, for those that have to be worded; ``port`` is this in short, as the run of
    ports number ``run`` has it. ``place`` is that of its port, ``kind`` that as well, or above
    :data:`APART` the number of what other ports have too. ``by`` is its owner's number,
    ``unnumbered`` whether the owner has no pid. ``where`` is its address' number, ``family`` that
    of all addresses that can be filled in for it, None where it has to stand. ``values`` are what
    is filled in.
    """

    verdict: int
    findings: tuple[Finding, ...]
    whole: Callable[[], tuple[Listener, PortOnRecord]]
    port: PortInShort
    run: int
    owners: OwnersOnRecord
    place: int
    kind: int
    by: int
    unnumbered: bool
    where: int
    family: int | None
    values: tuple[str, ...]


class _Port(NamedTuple):
    """What findings can be alike by that are made of a run of ports: numbers, 0 for "as others".

    ``standing`` is None where no other run has what the registry has of it.
    """

    standing: int | None
    advised: bool
    reports: int


# A finding, the number of its code and level, and what of the socket it is made of: all that is on
# record of the port, what the registry has, services, reports, the owner, the address.
_Plan = tuple[Any, int, bool, bool, bool, bool, bool, bool]


class FindingForms:
    """The findings of *judge* as JSON text; *encode* makes an object of one.

    What would be filled in is believed of the third finding of a kind on: for the second and the
    third it is compared with what is written of them.
    """

    def __init__(self, judge: CaptureJudge, encode: Callable[[Finding], Any]) -> None:
        self._judge, self._encode = judge, encode
        # How often a kind was met, its text with places, and the form of that.
        self._known: dict[_Kind, tuple[int, str | None, Form | None]] = {}
        self._numbers: dict[object, int] = {}  # of shapes, reports, and codes with their levels
        self._ports: dict[int, _Port] = {}  # by the numbers of runs
        self._plans: dict[tuple[int, bool], list[_Plan]] = {}  # by the numbers of verdicts

    def texts(self, bearer: Bearer) -> tuple[list[str], list[str] | None]:
        """The text of each finding, and that with places; None where one of them can't be told."""
        named = bool(bearer.owners.each)
        plans = self._plans.get((bearer.verdict, named))
        if plans is None:
            plans = [self._plan(finding, named) for finding in bearer.findings]
            self._plans[bearer.verdict, named] = plans
        port = self._ports.get(bearer.run)
        if port is None:
            port = self._ports[bearer.run] = self._port(bearer.port)
        texts: list[str] = []
        forms: list[str] = []
        place, alike, by, values = bearer.place, bearer.kind, bearer.by << 1, bearer.values
        by += bearer.unnumbered
        for finding, number, whole, standing, services, reports, owned, addressed in plans:
            at, numbered, count = place & 3, True, FIRST_TEXT
            if whole or (services and port.advised):
                at, numbered = alike, alike >= APART
                count = len(values) if numbered else FIRST_TEXT
            elif standing and port.standing is None:
                at, numbered = place, False
            elif standing:
                at, count = APART + ((port.standing or 0) << 2) + at, len(values)
            family = None if addressed else bearer.family
            kind = (
                number,
                at,
                port.reports if reports else 0,
                by if owned else -1,
                ~bearer.where if family is None else family,
            )
            met, spaced, form = self._known.get(kind, _UNMET)
            if met >= _SURE and form is not None:
                texts.append(form.fill(values[:count]))
            else:
                text, spaced = self._new(bearer, finding, kind, count, numbered, family is not None)
                texts.append(text)
            if spaced is not None:
                forms.append(spaced)
        return texts, forms if len(forms) == len(texts) else None

    def _new(
        self,
        bearer: Bearer,
        finding: Finding,
        kind: _Kind,
        count: int,
        numbered: bool,
        placed: bool,
    ) -> tuple[str, str | None]:
        """The text of one of a *kind* that isn't known well enough, and that with places."""
        met, spaced, form = self._known.get(kind, _UNMET)
        values = bearer.values[:count]
        listener, port = bearer.whole()
        text = self._said(listener, finding, port, bearer.owners)
        if met == 1:
            alien = marked(listener, numbered=numbered, placed=placed)
            port = marked_port(port) if numbered else port
            spaced = with_places(self._said(alien, finding, port, bearer.owners), text)
            form = None if spaced is None else form_of(spaced, count)
        if form is not None and form.fill(values) != text:
            spaced = form = None
        met = min(met + 1, _SURE)
        if met > 1 or len(self._known) < _MOST_KINDS:
            self._known[kind] = met, spaced, form
        return text, spaced if met == _SURE and form is not None else None

    def _plan(self, finding: Finding, named: bool) -> _Plan:
        parts = parts_of(finding.code, named)
        asked = (Part.PRACTICE, Part.STANDING, Part.SERVICES, Part.REPORTS, Part.OWNERS)
        whole, standing, services, reports, owned = [part in parts for part in asked]
        number = self._number((finding.code, finding.level))
        addressed = Part.ADDRESS in parts
        return finding, number, whole, standing, services, reports, owned, addressed

    def _port(self, port: PortInShort) -> _Port:
        shape, _ = standing_shape(port.standing)
        standing = None if shape is None else self._number(shape)
        reports = reports_of(port)
        return _Port(standing, advised_of(port), self._number(reports) if reports else 0)

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, len(self._numbers) + 1)

    def _said(
        self, listener: Listener, finding: Finding, port: PortOnRecord, owners: OwnersOnRecord
    ) -> str:
        """*finding* on *listener*, in words."""
        return json_line(self._encode(self._judge.in_words(listener, finding, port, owners)))


_UNMET = 0, None, None
