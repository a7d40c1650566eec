"""The findings on a capture's sockets as JSON text: those alike are worded once, and filled in."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
from portbook.app.capture_judge import (
    MARKS,
    OWNER,
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
# In the text of a finding, which has no list of findings, the name of the owner.
_NAME = FINDINGS
_QUOTED_OWNER = quoted(OWNER)[1:-1]
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
    :data:`APART` the number of what other ports have too. ``by`` is its owner's number, ``name``
    what this is called, as text, ``unnumbered`` whether it has no pid. ``where`` is its address'
    number, which has to stand unless it is ``placed``. ``values`` are what is filled in.
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
    name: str
    where: int
    placed: bool
    values: tuple[str, ...]


class _Port(NamedTuple):
    """What findings can be alike by that are made of a run of ports: numbers, 0 for "as others".

    ``standing`` is None where no other run has what the registry has of it.
    """

    standing: int | None
    advised: bool
    reports: int


# A finding, the number of its code and level, and what of the socket it is made of: all that is on
# record of the port, what the registry has, services, reports, the owner, its name, the address.
_Plan = tuple[Any, int, bool, bool, bool, bool, bool, bool, bool]


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
        self._plans: dict[tuple[int, int], list[_Plan]] = {}  # by verdicts, and what owners are

    def texts(self, bearer: Bearer) -> tuple[list[str], list[str] | None]:
        """The text of each finding, and that with places; None where one of them can't be told."""
        each = bearer.owners.each
        sort = 0 if not each else 1 if each[0].tool is None else 2
        plans = self._plans.get((bearer.verdict, sort))
        if plans is None:
            plans = [self._plan(finding, sort) for finding in bearer.findings]
            self._plans[bearer.verdict, sort] = plans
        port = self._ports.get(bearer.run)
        if port is None:
            port = self._ports[bearer.run] = self._port(bearer.port)
        texts: list[str] = []
        forms: list[str] = []
        place, alike, by, values = bearer.place, bearer.kind, bearer.by << 1, bearer.values
        by += bearer.unnumbered
        values = (values[0], bearer.name, *values[2:])
        for finding, number, whole, standing, services, reports, owned, called, addressed in plans:
            at, numbered, count = place & 3, True, FIRST_TEXT
            if whole or (services and port.advised):
                at, numbered = alike, alike >= APART
                count = len(values) if numbered else FIRST_TEXT
            elif standing and port.standing is None:
                at, numbered = place, False
            elif standing:
                at, count = APART + ((port.standing or 0) << 2) + at, len(values)
            placed = bearer.placed and not addressed
            kind = (
                number,
                at,
                port.reports if reports else 0,
                by if owned else -2 - bearer.unnumbered if called else -1,
                -1 if placed else bearer.where,
            )
            met, spaced, form = self._known.get(kind, _UNMET)
            if met >= _SURE and form is not None:
                texts.append(form.fill(values[:count]))
            else:
                at_marks = numbered, placed, called
                text, spaced = self._new(bearer, finding, kind, values[:count], at_marks)
                texts.append(text)
            if spaced is not None:
                forms.append(spaced.replace(_NAME, bearer.name) if called else spaced)
        return texts, forms if len(forms) == len(texts) else None

    def _new(
        self,
        bearer: Bearer,
        finding: Finding,
        kind: _Kind,
        values: tuple[str, ...],
        at_marks: tuple[bool, bool, bool],
    ) -> tuple[str, str | None]:
        """The text of one of a *kind* that isn't known well enough, and that with places: for its
        port, its address and its owner's name where these are *at_marks*.
        """
        met, spaced, form = self._known.get(kind, _UNMET)
        numbered, placed, named = at_marks
        listener, port = bearer.whole()
        text = self._said(listener, finding, port, bearer.owners)
        if met == 1:
            alien = marked(listener, numbered=numbered, placed=placed, named=named)
            port = marked_port(port) if numbered else port
            spaced = with_places(self._said(alien, finding, port, bearer.owners), text)
            if spaced is not None and placed and not numbered:
                # The port stands, and its address is in brackets as the address is.
                spaced = spaced.replace(f"[{_ADDRESS}]:{values[3]}", SPOT)
                spaced = spaced.replace(f"{_ADDRESS}:{values[3]}", SPOT)
            if _QUOTED_OWNER in text:
                spaced = None
            elif spaced is not None:
                spaced = spaced.replace(_QUOTED_OWNER, _NAME)
                form = form_of(spaced, len(values))
        if form is not None and form.fill(values) != text:
            spaced = form = None
        met = min(met + 1, _SURE)
        if met > 1 or len(self._known) < _MOST_KINDS:
            self._known[kind] = met, spaced, form
        return text, spaced if met == _SURE and form is not None else None

    def _plan(self, finding: Finding, sort: int) -> _Plan:
        parts = parts_of(finding.code, sort > 0)
        asked = (Part.PRACTICE, Part.STANDING, Part.SERVICES, Part.REPORTS)
        whole, standing, services, reports = [part in parts for part in asked]
        number = self._number((finding.code, finding.level))
        named = Part.NAMES in parts
        # Only of one who has a name, and of whom nothing else is on record, the name alone differs.
        owned = Part.OWNERS in parts or (sort != 1 and (named or Part.TOOLS in parts))
        called = named and not owned
        addressed = Part.ADDRESS in parts
        return finding, number, whole, standing, services, reports, owned, called, addressed

    def _port(self, port: PortInShort) -> _Port:
        shape, _ = standing_shape(port.standing)
        standing = None if shape is None else self._number(shape)
        if not port.practice:
            return _Port(standing, False, 0)
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
