"""Values as JSON text by their table, for thousands of rows: no object is made in between.

What this writes is what :mod:`portbook.present.render.json_text` makes of the objects that tables
encode; a test compares the two.
"""

from __future__ import annotations

from _operator import itemgetter

from portbook.model import Finding, Listener, Socket, Subject, SubjectKind
from portbook.model.text import unbyte
from portbook.present.render.json_text import json_line, quoted
from portbook.schema.codecs import is_text
from portbook.schema.tables import place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from portbook.schema.codecs import Codec
    from portbook.schema.tables import Table

    Writer = Callable[[Any], str]
    _Pieces = tuple[list[str], list[str]] | tuple[()]

_FLAGS = {None: "null", True: "true", False: "false"}


def row_writer(
    table: Table, writers: Mapping[str, Writer]
) -> Callable[[Iterable[Any]], Iterator[str]]:
    """A function that writes rows of *table*, each as one line of JSON.

    *writers* write the lists of some keys. What a row has in common with the one before it is
    written once.
    """
    table.load()
    scope: dict[str, Any] = {"flags": _FLAGS, "new": object()}
    parts: dict[str, str] = {}  # what paths lead through -> the local name that holds it
    lasting: dict[str, list[str]] = {}  # where something stands -> the lines that write of it
    pieces = [] if table.kind is None else [f',"schema":{quoted(table.kind)}']
    inline: list[str] = []
    for number, field in enumerate(table.fields):
        place = place_of(field, "row", parts)
        value = "it" if field.of else place
        if field.attribute is None:
            scope[f"read{number}"] = field.path
            value = f"read{number}({value})"
        written = None if field.left_out else _number(field.codec, value)
        if written is None:
            write = writers.get(field.key) or _writer(field.codec)
            scope[f"write{number}"] = _if_any(field.key, write) if field.left_out else write
        if written is None or field.of:
            at, value = (place, value) if field.of else (value, "it")
            source = written or f"write{number}({value})"
            lasting.setdefault(at, []).append(f"            text{number} = {source}")
        else:
            inline.append(f"        text{number} = {written}")
        key = "" if field.left_out else f",{quoted(field.key)}:"
        pieces += [key, f"{{text{number}}}"]
    begin = [f"    last{number} = new" for number in range(len(lasting))]
    body = [f"        {name} = row.{path}" for path, name in parts.items()]
    for number, (place, lines) in enumerate(lasting.items()):
        body += [
            f"        it = {place}",
            f"        if last{number} is not it and last{number} != it:",
            f"            last{number} = it",
            *lines,
        ]
    # The first key is one that is never left out.
    end = f"        yield f'{{{{{''.join(pieces)[1:]}}}}}'"
    lines = ["def texts(rows):", *begin, "    for row in rows:", *body, *inline, end]
    exec("\n".join(lines), scope)  # noqa: S102 - made of this table alone
    made: Callable[[Iterable[Any]], Iterator[str]] = scope["texts"]
    return made


def _number(codec: Codec, place: str) -> str | None:
    """The source of what writes the number or flag at *place*; None for anything else."""
    kind = codec.schema.get("type")
    kind, null = (kind[0], True) if isinstance(kind, list) else (kind, False)
    if codec.write is not None or kind not in ("integer", "boolean"):
        return None
    if kind == "boolean":
        return f"flags[{place}]"
    return f"'null' if (cell := {place}) is None else cell" if null else place


def _text(text: str | None) -> str:
    return "null" if text is None else quoted(text if text.isascii() else unbyte(text))


def _if_any(key: str, write: Writer) -> Writer:
    return lambda value: "" if value is None else f",{quoted(key)}:{write(value)}"


def _writer(codec: Codec) -> Writer:
    write = codec.write
    if is_text(codec):
        return _text
    if write is None:
        return json_line
    if codec.schema.get("type") in ("string", ["string", "null"]):  # without an encoder for each
        return lambda value: "null" if (text := write(value)) is None else quoted(text)
    return lambda value: json_line(write(value))


_MOST_KNOWN = 4096  # of a kilobyte each
_MARK = "\ue000"  # a character for private use, which no program has in its name but by malice
_INODE_MARK = "\ue001"
_MOST_ROWS = 1024  # of two kilobytes each
_REST_OF_SOCKET = itemgetter(
    *[at for at, name in enumerate(Socket._fields) if name not in ("port", "inode")]
)


_OF_PORTS = (SubjectKind.SOCKET, SubjectKind.PORT)


def _around_port(subject: Subject) -> tuple[str, str, str]:
    """The port in the name of *subject*, and what stands before and behind it."""
    if subject.kind is SubjectKind.PORT:
        port, slash, transport = subject.name.partition("/")
        return "", port, slash + transport
    place, colon, port = subject.name.rpartition(":")
    return place + colon, port, ""


_UNSEEN: list[str] = []


class FindingTexts:
    """Findings as JSON text, as *write* has one: those that differ in their port alone are written
    once, and the port is filled in.
    """

    def __init__(self, write: Callable[[Finding], Any]) -> None:
        self._write = write
        self._known: dict[tuple[object, ...], list[str] | None] = {}
        # By which very facts and evidence they have, which most share: those take long to compare.
        self._shared: dict[tuple[object, ...], tuple[list[str] | None, Finding]] = {}
        self._subject: Subject | None = None
        self._around = ("", "", "")

    def __call__(self, findings: Iterable[Finding]) -> str:
        return f"[{','.join([self.one(finding) for finding in findings])}]"

    def one(self, finding: Finding) -> str:
        """What is written of *finding*."""
        code, level, subject, facts, evidence = finding
        if subject is None or subject.kind not in _OF_PORTS:
            return json_line(self._write(finding))
        if subject is not self._subject:  # mostly that of the one before
            self._subject, self._around = subject, _around_port(subject)
        before, port, behind = self._around
        key = (code, level, before, behind, id(facts), id(evidence))
        shared = self._shared.get(key)
        if shared is None:
            pieces = self._find(finding, self._around)
            # What it holds on to keeps its facts, and so what identifies them is no other's.
            shared = pieces or None, finding
            if pieces != [] and len(self._shared) < _MOST_KNOWN:
                self._shared[key] = shared
        known = shared[0]
        return json_line(self._write(finding)) if known is None else port.join(known)

    def _find(self, finding: Finding, around: tuple[str, str, str]) -> list[str] | None:
        """As :meth:`_pieces`, of which those of equal findings are kept; none of the first of its
        kind, as most have no other.
        """
        code, level, subject, facts, evidence = finding
        before, port, behind = around
        key = (code, level, before, behind, facts, evidence)
        known = self._known.get(key, _UNSEEN)
        if known is _UNSEEN:
            if len(self._known) >= _MOST_KNOWN:  # to find out what it shares would be for nothing
                return None
            self._known[key] = []
            return []
        if known == []:
            assert subject is not None
            marked = Subject(subject.kind, f"{before}{_MARK}{behind}")
            known = self._pieces(finding, finding._replace(subject=marked), port)
            self._known[key] = known
        return known

    def _pieces(self, finding: Finding, marked: Finding, port: str) -> list[str] | None:
        """What stands around the port in the text of *finding*; None where that can't be told."""
        pieces = json_line(self._write(marked)).split(quoted(_MARK)[1:-1])
        return pieces if port.join(pieces) == json_line(self._write(finding)) else None


class ListenerTexts:
    """Sockets as JSON text, as *write* has rows: those that differ in their port and in their inode
    alone are written once, and the two are filled in.

    They are told by findings that they share, which have no subject: that is the socket.
    """

    def __init__(self, write: Callable[[Iterable[Listener]], Iterator[str]]) -> None:
        self._fed: list[Listener] = []
        # One run of it for all: it writes once what a row has in common with the one before it.
        self._texts = write(iter(self._fed.pop, None))
        # The first row of each kind, and what stands around the ports and inodes of all of them,
        # None as long as it is the only one. The row keeps what identifies the kind.
        self._known: dict[tuple[object, ...], tuple[Listener, _Pieces | None]] = {}

    def __call__(self, listeners: Iterable[Listener]) -> Iterator[str]:
        known = self._known
        for listener in listeners:
            socket, ownership, (findings, note, speaks, names, reachable) = listener
            if findings and findings[0].subject is not None:  # judged alone
                yield self._one(listener)
                continue
            shared = (id(ownership), id(findings), note, speaks, names, reachable)
            key = (_REST_OF_SOCKET(socket), *shared)
            first, pieces = known.get(key, _NO_ROW)
            if pieces is None and first is not None:
                pieces = self._pieces(listener)
                known[key] = first, pieces
            elif first is None and len(known) < _MOST_ROWS:
                known[key] = listener, None
            yield _filled(pieces, socket) if pieces else self._one(named(listener))

    def _one(self, listener: Listener) -> str:
        self._fed.append(listener)
        return next(self._texts)

    def _pieces(self, listener: Listener) -> _Pieces:
        """What stands around port and inode in the text of *listener*, before the inode and behind
        it; nothing where that can't be told.
        """
        port: Any = _MARK
        inode: Any = _INODE_MARK
        socket = listener.socket
        text = self._one(named(listener))  # first, so that its findings are known with its port
        marked = named(listener._replace(socket=socket._replace(port=port, inode=inode)))
        before, mark, behind = self._one(marked).partition(_INODE_MARK)
        pieces = before.split(_MARK), behind.split(_MARK)
        return pieces if mark and _filled(pieces, socket) == text else ()


_NO_ROW = None, None


def named(listener: Listener) -> Listener:
    """*listener* with its socket as the subject of its findings."""
    subject = Subject(SubjectKind.SOCKET, listener.socket.name)
    assessment = listener.assessment
    findings = tuple([finding._replace(subject=subject) for finding in assessment.findings])
    return listener._replace(assessment=assessment._replace(findings=findings))


def _filled(pieces: tuple[list[str], list[str]], socket: Socket) -> str:
    port, inode = str(socket.port), socket.inode
    before, behind = pieces
    return f"{port.join(before)}{'null' if inode is None else inode}{port.join(behind)}"
