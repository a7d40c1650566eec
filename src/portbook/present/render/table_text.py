"""Values as JSON text by their table, for thousands of rows: no object is made in between.

What this writes is what :mod:`portbook.present.render.json_text` makes of the objects that tables
encode; a test compares the two.
"""

from __future__ import annotations

from portbook.model import Finding, Subject, SubjectKind
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
    return json_line if write is None else lambda value: json_line(write(value))


_MOST_KNOWN = 4096  # of a kilobyte each
_MARK = "\ue000"  # a character for private use, which no program has in its name but by malice


_OF_PORTS = (SubjectKind.SOCKET, SubjectKind.PORT)


def _around_port(subject: Subject) -> tuple[str, str, str]:
    """The port in the name of *subject*, and what stands before and behind it."""
    if subject.kind is SubjectKind.PORT:
        port, slash, transport = subject.name.partition("/")
        return "", port, slash + transport
    place, colon, port = subject.name.rpartition(":")
    return place + colon, port, ""


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
            # What it holds on to keeps its facts, and so what identifies them is no other's.
            shared = self._find(finding, self._around), finding
            if len(self._shared) < _MOST_KNOWN:
                self._shared[key] = shared
        pieces = shared[0]
        return json_line(self._write(finding)) if pieces is None else port.join(pieces)

    def _find(self, finding: Finding, around: tuple[str, str, str]) -> list[str] | None:
        """As :meth:`_pieces`, of which those of equal findings are kept."""
        code, level, subject, facts, evidence = finding
        before, port, behind = around
        key = (code, level, before, behind, facts, evidence)
        if key in self._known:
            return self._known[key]
        if len(self._known) >= _MOST_KNOWN:  # to find out what it shares would be for nothing
            return None
        assert subject is not None
        marked = Subject(subject.kind, f"{before}{_MARK}{behind}")
        pieces = self._known[key] = self._pieces(finding, finding._replace(subject=marked), port)
        return pieces

    def _pieces(self, finding: Finding, marked: Finding, port: str) -> list[str] | None:
        """What stands around the port in the text of *finding*; None where that can't be told."""
        pieces = json_line(self._write(marked)).split(quoted(_MARK)[1:-1])
        return pieces if port.join(pieces) == json_line(self._write(finding)) else None
