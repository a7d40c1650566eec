"""Values as JSON text by their table, for thousands of rows: no object is made in between.

What this writes is what :mod:`portbook.present.render.json_text` makes of the objects that tables
encode; a test compares the two.
"""

from __future__ import annotations

from portbook.model import Finding, Subject, SubjectKind
from portbook.model.text import unbyte
from portbook.present.render.json_text import json_line, quoted
from portbook.schema.codecs import is_text

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
    scope: dict[str, Any] = {"quoted": quoted, "text": _text, "flags": _FLAGS, "new": object()}
    parts: dict[str, str] = {}  # what paths lead through -> the local name that holds it
    begin: list[str] = []
    body: list[str] = []
    keys = [] if table.kind is None else [f',"schema":{quoted(table.kind)}']
    values: list[str] = []
    for number, field in enumerate(table.fields):
        if field.attribute is None:
            scope[f"read{number}"] = field.path
            place = f"read{number}(row)"
        else:
            above, _, last = field.attribute.rpartition(".")
            place = f"{parts.setdefault(above, f'part{len(parts)}') if above else 'row'}.{last}"
        written = None if field.left_out else _scalar(field.codec, place)
        if written is None:
            write = writers.get(field.key) or _writer(field.codec)
            scope[f"write{number}"] = _if_any(field.key, write) if field.left_out else write
            begin.append(f"    last{number} = new")
            body += [
                f"        it = {place}",
                f"        if last{number} is not it and last{number} != it:",
                f"            last{number}, text{number} = it, write{number}(it)",
            ]
            written = f"text{number}"
        keys.append("%s" if field.left_out else f",{quoted(field.key)}:%s")
        values.append(written)
    held = [f"        {name} = row.{path}" for path, name in parts.items()]
    form = "{" + "".join(keys)[1:] + "}"  # the first key is one that is never left out
    end = f"        yield {form!r} % ({', '.join(values)},)"
    source = ["def texts(rows):", *begin, "    for row in rows:", *held, *body, end]
    exec("\n".join(source), scope)  # noqa: S102 - made of this table alone
    made: Callable[[Iterable[Any]], Iterator[str]] = scope["texts"]
    return made


def _scalar(codec: Codec, place: str) -> str | None:
    """The source of what writes the number, flag or text at *place*; None for anything else."""
    kind = codec.schema.get("type")
    kind, null = (kind[0], True) if isinstance(kind, list) else (kind, False)
    if is_text(codec):
        return f"text({place})"
    if codec.write is not None or kind not in ("integer", "boolean", "string"):
        return None
    if kind == "boolean":
        return f"flags[{place}]"
    if null:
        written = "quoted(it)" if kind == "string" else "it"
        return f"('null' if (it := {place}) is None else {written})"
    return f"quoted({place})" if kind == "string" else place


def _text(text: str | None) -> str:
    return "null" if text is None else quoted(text if text.isascii() else unbyte(text))


def _if_any(key: str, write: Writer) -> Writer:
    return lambda value: "" if value is None else f",{quoted(key)}:{write(value)}"


def _writer(codec: Codec) -> Writer:
    write = codec.write
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

    def __call__(self, findings: Iterable[Finding]) -> str:
        return f"[{','.join([self.one(finding) for finding in findings])}]"

    def one(self, finding: Finding) -> str:
        """What is written of *finding*."""
        code, level, subject, facts, evidence = finding
        if subject is None or subject.kind not in _OF_PORTS:
            return json_line(self._write(finding))
        before, port, behind = _around_port(subject)
        key = (code, level, before, behind, facts, evidence)
        if key in self._known:
            pieces = self._known[key]
        else:
            marked = Subject(subject.kind, f"{before}{_MARK}{behind}")
            pieces = self._pieces(finding, finding._replace(subject=marked), port)
            if len(self._known) < _MOST_KNOWN:
                self._known[key] = pieces
        return json_line(self._write(finding)) if pieces is None else port.join(pieces)

    def _pieces(self, finding: Finding, marked: Finding, port: str) -> list[str] | None:
        """What stands around the port in the text of *finding*; None where that can't be told."""
        pieces = json_line(self._write(marked)).split(quoted(_MARK)[1:-1])
        return pieces if port.join(pieces) == json_line(self._write(finding)) else None
