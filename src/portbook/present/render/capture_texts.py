"""The sockets of a capture as JSON text: what many have alike is written once, and filled in.

A capture may list hundreds of thousands of sockets. They differ in their port, their address and
the number of their process, and else there are few kinds of them: of each kind the text is made
once, with places for what differs, by the table of fields that makes any other.
"""

from __future__ import annotations

from array import array
from functools import partial
from itertools import islice
from operator import itemgetter, not_
from typing import TYPE_CHECKING, Any

from portbook.app.capture_judge import (
    CaptureJudge,
    is_bare,
    marked,
    named_alone,
    shape_of,
)
from portbook.app.capture_table import CaptureRows, CaptureTable
from portbook.app.socket_columns import port_at
from portbook.model import Assessment, Family, Listener, Reach
from portbook.model.sockets import UNJUDGED, bracketed
from portbook.model.text import unbyte
from portbook.present.render.finding_forms import (
    APART,
    FINDINGS,
    FIRST_TEXT,
    NAMES,
    PLACES,
    SPOT,
    Bearer,
    FindingForms,
    Form,
    form_of,
    with_places,
)
from portbook.present.render.json_text import json_line, quoted
from portbook.present.render.table_text import row_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from portbook.app.on_record import OwnersOnRecord, PortOnRecord
    from portbook.catalog import Catalog
    from portbook.formats.fields import PlainRows
    from portbook.model import Finding
    from portbook.schema.tables import Table

    # The owner's number, the place or the kind of its port, the kind of its address, whether there
    # is no pid; and then the number of what else was told of the socket.
    _Kind = tuple[int, int, int, bool, int]

_TOGETHER = 256  # sockets
_MOST_KEPT = 1 << 17  # addresses and other values of a stream of sockets
_MOST_HEADS, _MOST_FORMS = 512, 4096  # a form has three kilobytes
_MOST_MET = 16384
_OFTEN = 3  # sockets of one kind that are put together from their findings, before one form is made
_NO_NAMES: tuple[str, tuple[str, ...]] = ("[]", ())
_PLACED = 2  # below it, kinds of addresses that are filled in
_LIKE_NO_OTHER = -1


class CaptureTexts:
    """The sockets of a capture as JSON text, each a row of *table*; *encode* makes an object of a
    finding.

    What is filled in around the findings is compared with what is written of the first socket of a
    kind; for these see :class:`FindingForms`. ``judge`` judges without a word.
    """

    def __init__(self, table: Table, encode: Callable[[Finding], Any], catalog: Catalog) -> None:
        self._judge = CaptureJudge(catalog)
        self.judge = CaptureJudge(catalog, said=False)
        self._encode = encode
        self._row = _one_by_one(row_writer(table, {}))
        in_place = {"service_names": lambda _: NAMES, "findings": lambda _: FINDINGS}
        self._head = _one_by_one(row_writer(table, in_place))
        self._table: CaptureRows | None = None
        self._begin()

    def _begin(self) -> None:
        """Forgets what was learned of one table."""
        # By what is alike: how often it was met, and the form of all of a socket; the form of what
        # stands around its findings.
        self._met: dict[_Kind, int] = {}
        self.forms: dict[_Kind, Form] = {}
        self._heads: dict[tuple[object, ...], Form | None] = {}
        self._findings = FindingForms(self._judge, self._encode)
        # Of ports, by their places: the number of their kind, and the names of services with the
        # texts that differ.
        self._alike = [0] * APART  # 0 for one that is like no other
        self._own: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._kinds: dict[object, int] = {}
        self._runs = array("I", bytes(4 * APART))  # by places, those of what was learned
        self._learned = 0
        self._owners: dict[int, OwnersOnRecord | None] = {}
        self._names: dict[int, str] = {}  # of owners, as text
        self._verdicts: dict[int, tuple[tuple[Finding, ...], int]] = {}
        self._where: list[int] = []  # by the numbers of addresses
        self._addresses: list[str] = []
        self._before_port: list[str] = []
        self._known_where: dict[object, int] = {}
        # By the kinds of addresses: the family of those that can be filled in, None for others.
        self._families: list[int | None] = [0, 1]
        # By the numbers of rests: the number of all of it but the inode, and this.
        self._rests: list[int] = []
        self._inodes: list[str] = []
        self._known_rests: dict[object, int] = {}

    def __call__(self, listeners: Iterable[Listener], end: str) -> Iterator[str]:
        """The texts of *listeners*, which were judged without a word, with *end* behind each; many
        in one.
        """
        if isinstance(listeners, CaptureTable):
            yield from self.of_table(listeners, listeners.order, end)
            return
        stream = map(_unjudged, listeners)
        while some := list(islice(stream, _TOGETHER)):
            yield from self.of_table(self.taken(some), range(len(some)), end)

    def taken(self, some: Iterable[Listener | PlainRows]) -> CaptureRows:
        """A table of *some*, which were not judged; it is the same until it has become large."""
        table = self._table
        if table is None or self._kept(table) > _MOST_KEPT:
            self._begin()
            table = self._table = (
                None  # before the next one is made: two at once take twice as much
            )
            table = self._table = CaptureRows(self.judge, some)
        else:
            table.take(some)
        return table

    def _kept(self, table: CaptureRows) -> int:
        owners = len(table.columns.program)  # of which much more is kept than of others
        return 64 * owners + len(table.addresses) + len(self._rests)

    def of_table(self, table: CaptureRows, order: Sequence[int], end: str) -> Iterator[str]:
        """As the texts of others, those of the sockets of *table* at the places *order*."""
        self._learn_ports(table)
        self._learn_addresses(table)
        self._learn_rests(table)
        for first in range(0, len(order), _TOGETHER):
            yield "".join(self._some(table, order[first : first + _TOGETHER], end))

    def _some(self, table: CaptureRows, some: Sequence[int], end: str) -> list[str]:
        """The pieces of the texts: put together once, not first to one for each socket."""
        columns, taken = table.columns, _taking(some)
        bys, places = taken(columns.program.of_each), taken(columns.places)
        numbers, pids = taken(columns.address.of_each), taken(columns.pids)
        told = taken(table.rest_of_each)
        rests, inodes = map(self._rests.__getitem__, told), map(self._inodes.__getitem__, told)
        kinds = table.ports.own_places(bys, places, self._alike)
        wheres = map(self._where.__getitem__, numbers)
        every = list(zip(bys, kinds, wheres, map(not_, pids), rests, strict=True))
        befores = map(self._before_port.__getitem__, numbers)
        addresses = map(self._addresses.__getitem__, numbers)
        own, learn = self._own, self._learn
        pieces: list[str] = []
        for at, alike, form, place, before, address, pid, inode in zip(
            some, every, map(self.forms.get, every), places, befores, addresses, pids, inodes,
            strict=True,
        ):  # fmt: skip
            names, more = own.get(place, _NO_NAMES)
            port = str(place >> 2)
            values = (names, "", before + port, port, str(pid), inode, address) + more  # noqa: RUF005
            if form is None:
                pieces.append(learn(table, at, alike, values))
            else:
                pieces += form[1](values + form[0])
            pieces.append(end)
        return pieces

    def _learn(self, table: CaptureRows, at: int, alike: _Kind, values: tuple[str, ...]) -> str:
        """The text of the socket at *at*, and for the next ones what can be told of its kind."""
        by, kind, where, unnumbered, rest = alike
        owners = None if rest < 0 else self._owners_of(by, table, at)
        if owners is None:
            return self._alone(table.judged(at))
        verdict = table.columns.level.of_each[at]
        findings, gravity = self._verdict_of(verdict, table, at)
        place = table.columns.places[at]
        head = self._head_of(table, at, (by, where, unnumbered, rest, place & 3, gravity), values)
        run = self._runs[place]
        placed = self._families[where] is not None
        bearer = Bearer(
            verdict=verdict,
            findings=findings,
            whole=partial(_whole, table, at),
            port=table.ports.learned[run][0],
            run=run,
            owners=owners,
            place=place,
            kind=kind,
            by=by,
            unnumbered=unnumbered,
            name=self._names[by],
            where=where,
            placed=placed,
            values=values,
        )
        texts, forms = self._findings.texts(bearer)
        if head is None:  # these two characters no text has
            around = self._head(table.judged(at)).replace(NAMES, values[0])
            return around.replace(FINDINGS, f"[{','.join(texts)}]")
        met = self._met.get(alike, 0) + 1
        if met > 1 or len(self._met) < _MOST_MET:
            self._met[alike] = met
        if forms is not None and met >= _OFTEN and len(self.forms) < _MOST_FORMS:
            said = f"[{','.join(forms)}]"
            pieces = head.in_turn((NAMES, said, SPOT, *PLACES[:4], *head.pieces))
            self.forms[alike] = form_of("".join(pieces), len(values))
        return head.fill((values[0], f"[{','.join(texts)}]", *values[2:FIRST_TEXT]))

    def _alone(self, listener: Listener) -> str:
        return self._row(self._judge.worded(listener))

    def _head_of(
        self, table: CaptureRows, at: int, alike: tuple[int, ...], values: tuple[str, ...]
    ) -> Form | None:
        """The form of what stands around the verdict on the socket at *at*; None where that can't
        be told, as its text has a mark, or there are too many.
        """
        key = alike
        if key not in self._heads:
            if len(self._heads) >= _MOST_HEADS:
                return None
            listener = table.judged(at)
            own = self._head(listener)
            around = marked(listener, numbered=True, placed=alike[1] < _PLACED)
            text = with_places(self._head(around), own)
            form = None if text is None else form_of(text, FIRST_TEXT)
            if form is not None and form.fill((NAMES, FINDINGS, *values[2:FIRST_TEXT])) != own:
                form = None
            self._heads[key] = form
        return self._heads[key]

    def _verdict_of(
        self, number: int, table: CaptureRows, at: int
    ) -> tuple[tuple[Finding, ...], int]:
        """The findings of the verdict *number*, which is on the socket at *at*, and its gravity."""
        found = self._verdicts.get(number)
        if found is None:
            verdict = table.verdict(at)
            found = self._verdicts[number] = verdict.findings, verdict.gravity
        return found

    def _owners_of(self, by: int, table: CaptureRows, at: int) -> OwnersOnRecord | None:
        """What is on record of the owner number *by*, which the socket at *at* has; None where more
        than its name weighs.
        """
        if by not in self._owners:
            owners = table.judged(at).ownership.owners
            known = self._judge.owners_on_record(owners) if named_alone(owners) else None
            self._owners[by] = known
            name = owners[0].program if owners else None
            self._names[by] = quoted(unbyte(name or ""))[1:-1]
        return self._owners[by]

    def _learn_rests(self, table: CaptureRows) -> None:
        for rest in table.rests[len(self._rests) :]:
            number, inode = _LIKE_NO_OTHER, None
            if rest:
                inode, *others = rest
                same = (inode is None, *others)
                number = self._known_rests.setdefault(same, len(self._known_rests))
            self._rests.append(number)
            self._inodes.append(str(inode))

    def _learn_addresses(self, table: CaptureRows) -> None:
        first = len(self._where)
        for where, reach in zip(table.addresses[first:], table.reaches[first:], strict=True):
            address, family = where if len(where) > 1 else ("", None)
            sixth = ":" in address
            plain = quoted(address)[1:-1] == address and sixth is (family is Family.IPV6)
            number = int(sixth)
            if not plain or reach is not Reach.ADDRESS:
                number = _PLACED + self._known_where.setdefault(where, len(self._known_where))
                if number == len(self._families):
                    self._families.append(int(sixth) if plain else None)
            self._where.append(number)
            self._addresses.append(address)
            self._before_port.append(f"{bracketed(address)}:")

    def _learn_ports(self, table: CaptureRows) -> None:
        learned = table.ports.learned
        for run in range(self._learned, len(learned)):
            found, place, size = learned[run]
            shape, texts = shape_of(found)
            places = range(place, place + (size << 2), 4)
            self._runs[place : places.stop : 4] = array("I", [run]) * size
            if shape is not None:
                number = self._kinds.setdefault(shape, len(self._kinds))
                self._alike[place : places.stop : 4] = [APART + (number << 2) + (place & 3)] * size
            if found.standing.names:
                names = json_line(list(map(unbyte, found.standing.names)))
                own = names, tuple([quoted(unbyte(text))[1:-1] for text in texts])
                self._own.update(dict.fromkeys(places, own))
        self._learned = len(learned)


def _taking(some: Sequence[int]) -> Callable[[Any], Sequence[int]]:
    """What takes the numbers at the places *some* of a column: it takes a third of the time that
    asking for each would.
    """
    if len(some) == 1 or isinstance(some, range):
        return itemgetter(slice(some[0], some[-1] + 1))
    return itemgetter(*some)


def _whole(table: CaptureRows, at: int) -> tuple[Listener, PortOnRecord]:
    """The socket at *at* of *table*, and all that is on record of its port."""
    return table.judged(at), table.judge.on_record(*port_at(table.columns.places[at]))


def _unjudged(listener: Listener) -> Listener:
    """*listener* without findings that were made without a word."""
    assessment = listener.assessment
    if is_bare(assessment.findings) and assessment == Assessment(assessment.findings):
        return listener._replace(assessment=UNJUDGED)
    return listener


def _one_by_one(
    write: Callable[[Iterable[Listener]], Iterator[str]],
) -> Callable[[Listener], str]:
    """What *write* makes of one at a time: one run of it writes once what two have in common."""
    fed: list[Listener] = []
    texts = write(iter(fed.pop, None))

    def text(listener: Listener) -> str:
        fed.append(listener)
        return next(texts)

    return text
