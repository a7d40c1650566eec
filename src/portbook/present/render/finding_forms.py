"""The findings on a capture's sockets as JSON text: those alike are worded once, and filled in."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from portbook._fast_types import NamedTuple
from portbook.app.capture_judge import MARKS, marked, marked_port, standing_shape
from portbook.model import PORTS
from portbook.present.render.json_text import json_line, quoted
from portbook.verdict.rule_inputs import Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.app.capture_judge import CaptureJudge
    from portbook.app.on_record import OwnersOnRecord, PortOnRecord
    from portbook.catalog.registry.outlines import Outline
    from portbook.model import Finding, Listener

    # The code, the level, and the kinds of owner, port and address that make a difference to it.
    _Kind = tuple[object, ...]

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

    ``whole`` makes the socket and all that is on record of its port, for those that have to be
    worded; ``standing`` is this in short. ``place`` is that of its port, ``kind`` that as well, or
    above :data:`APART` the number of what other ports have too. ``by`` is its owner's number,
    ``unnumbered`` whether the owner has no pid. ``where`` is its address' number, ``family`` that
    of all addresses that can be filled in for it, None where it has to stand. ``values`` are what
    is filled in.
    """

    findings: tuple[Finding, ...]
    whole: Callable[[], tuple[Listener, PortOnRecord]]
    standing: Outline
    owners: OwnersOnRecord
    place: int
    kind: int
    by: int
    unnumbered: bool
    where: int
    family: int | None
    values: tuple[str, ...]


class FindingForms:
    """The findings of *judge* as JSON text; *encode* makes an object of one.

    What would be filled in is believed of the third finding of a kind on: for the second and the
    third it is compared with what is written of them.
    """

    def __init__(self, judge: CaptureJudge, encode: Callable[[Finding], Any]) -> None:
        self._judge, self._encode = judge, encode
        # How often a kind was met, its text with places, and the form of that.
        self._known: dict[_Kind, tuple[int, str | None, Form | None]] = {}
        self._shapes: dict[object, int] = {}

    def texts(self, bearer: Bearer) -> tuple[list[str], list[str] | None]:
        """The text of each finding, and that with places; None where one of them can't be told."""
        texts: list[str] = []
        forms: list[str] = []
        named = bool(bearer.owners.each)
        for finding in bearer.findings:
            parts = parts_of(finding.code, named)
            text, form = self._one(bearer, finding, parts)
            texts.append(text)
            if form is not None:
                forms.append(form)
        return texts, forms if len(forms) == len(texts) else None

    def _one(
        self, bearer: Bearer, finding: Finding, parts: frozenset[Part]
    ) -> tuple[str, str | None]:
        at, numbered, count = bearer.place & 3, True, FIRST_TEXT
        if Part.PRACTICE in parts:
            at, numbered = bearer.kind, bearer.kind >= APART
        elif Part.STANDING in parts:
            at, numbered = self._shape(bearer)
        if at > APART:
            count = len(bearer.values)
        placed = Part.ADDRESS not in parts and bearer.family is not None
        kind = (
            finding.code,
            finding.level,
            at,
            (bearer.by, bearer.unnumbered) if Part.OWNERS in parts else None,
            (bearer.family,) if placed else bearer.where,
        )
        met, spaced, form = self._known.get(kind, (0, None, None))
        values = bearer.values[:count]
        if met >= _SURE and form is not None:
            return form.fill(values), spaced
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

    def _shape(self, bearer: Bearer) -> tuple[int, bool]:
        """The number of what the registry has at the port, and whether other ports have it too."""
        shape, _ = standing_shape(bearer.standing)
        if shape is None:
            return bearer.place, False
        number = self._shapes.setdefault(shape, len(self._shapes))
        return APART + (number << 2) + (bearer.place & 3), True

    def _said(
        self, listener: Listener, finding: Finding, port: PortOnRecord, owners: OwnersOnRecord
    ) -> str:
        """*finding* on *listener*, in words."""
        return json_line(self._encode(self._judge.in_words(listener, finding, port, owners)))
