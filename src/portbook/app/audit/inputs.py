"""From what the command line names to files, and from files to batches of one layout each."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from glob import glob, has_magic

from portbook.app.audit.engines.base import Batch, is_url
from portbook.app.audit.log_marks import lines_with
from portbook.app.audit.row_errors import unforeseen
from portbook.errors import InvalidArgument, shown
from portbook.formats.base import Fault
from portbook.formats.flows.detect import (
    Head,
    explain_binary,
    explain_refusal,
    marks_beyond,
    recognise,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portbook.app.audit.engines.base import Engine
    from portbook.formats.flows.detect import More
    from portbook.formats.flows.layout import Layout

TABLE = "table:"  # in front of the name of a table on the engine
_HEAD = 1 << 16
_LINES = 60

# RFC 1952 §2.3.1, RFC 8878 §3.1.1, and the magic number of Parquet's specification.
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


def find(words: Iterable[str], engine: Engine) -> tuple[list[str], list[Fault]]:
    """The files that *words* name: files, folders (with all that is below them), globs, URLs; and
    the folders among them that can't be looked into.

    Raises InvalidArgument where one names nothing. Hidden files in a folder are left out.
    """
    found: list[str] = []
    faults: list[Fault] = []
    for word in words:
        if word.startswith(TABLE):
            found.append(word)
        elif is_url(word):
            found += engine.glob(word)
        elif os.path.isdir(word):
            below, wrong = _below(word)
            if not below and not wrong:
                raise InvalidArgument(
                    "", f"the folder {shown(word)} has no files: name one that has"
                )
            found += below
            faults += wrong
        elif os.path.lexists(word):
            found.append(word)
        elif has_magic(word):
            matching = sorted(path for path in glob(word, recursive=True) if os.path.isfile(path))
            if not matching:
                raise InvalidArgument("", f"nothing matches {shown(word)}: check the pattern")
            found += matching
        else:
            raise InvalidArgument("", f"no file, folder or match: {shown(word)}: check the name")
    return list(dict.fromkeys(found)), faults


def _below(top: str) -> tuple[list[str], list[Fault]]:
    """The files in the folder *top* and in those below it, but for hidden ones."""
    found: list[str] = []
    faults: list[Fault] = []

    def refused(error: OSError) -> None:
        faults.append(Fault(str(error.filename), None, f"can't be read: {error.strerror}", None))

    for folder, folders, names in os.walk(top, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # A link may lead back to where it is: whoever means what it leads to names that.
        faults += [
            Fault(path, None, "is a link to a folder, which is not followed: name the folder", None)
            for path in (os.path.join(folder, name) for name in folders)
            if os.path.islink(path)
        ]
        found += [os.path.join(folder, name) for name in names if not name.startswith((".", "_"))]
    return sorted(found), faults


def sort_files(
    paths: Iterable[str],
    engine: Engine,
    mapping: Mapping[str, str] | None = None,
    only: str | None = None,
    more: More = dict,
) -> tuple[list[Batch], list[Fault]]:
    """*paths* as batches of files that can be read together, and the files that can't be read.

    Raises InvalidArgument where none has what *mapping* names.
    """
    groups: dict[tuple[object, ...], tuple[Batch, list[str]]] = {}
    faults = []
    lacking: InvalidArgument | None = None
    for path in paths:
        try:
            found = look_at(path, engine, mapping, only, more)
        except InvalidArgument as error:
            if not mapping:
                raise
            lacking = lacking or error
            found = Fault(path, None, f"is left out ({error})", None)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        key = (found.layout.key, found.compression, found.table, found.array)
        groups.setdefault(key, (found, []))[1].append(path)
    if lacking is not None and not groups:
        raise lacking
    batches = [
        batch if batch.table else batch._replace(files=tuple(files))
        for batch, files in groups.values()
    ]
    return batches, faults


def look_at(
    path: str,
    engine: Engine,
    mapping: Mapping[str, str] | None = None,
    only: str | None = None,
    more: More = dict,
) -> Batch | Fault:
    """What *path* is, as a batch of one; or why it can't be read.

    Raises InvalidArgument where it lacks what *mapping* names, or the engine has no such table.
    """
    if path.startswith(TABLE):
        name = path.removeprefix(TABLE)
        head = Head(path, (), engine.columns_of_table(name))
        layout = recognise(head, mapping, only, more)
        if layout is None:
            return _not_recognised(head)
        return Batch(layout._replace(reader="table", format=f"table {name}"), (), table=name)
    try:
        path.encode()
    except UnicodeEncodeError:
        return Fault(path, None, "can't be read: its name is no UTF-8 text, so rename it", None)
    begun = _begin(path, engine)
    if isinstance(begun, Fault):
        return begun
    head, compression = begun
    try:
        layout = recognise(head, mapping, only, more)
        if not (mapping or only or is_url(path)):
            head, layout = _farther_down(head, layout, compression, more)
    except InvalidArgument:
        raise
    except Exception as error:  # noqa: BLE001 - the other files are none the worse for it
        return Fault(path, None, f"can't be recognised: {unforeseen(error)}", None)
    if layout is None:
        return _not_recognised(head)
    array = bool(head.lines) and head.lines[0].lstrip().startswith("[")
    return Batch(layout, (path,), compression, array=array)


def _farther_down(
    head: Head, layout: Layout | None, compression: str, more: More
) -> tuple[Head, Layout | None]:
    """*head* and *layout*, with what lines that stand farther down say of the file."""
    marks = marks_beyond(head, layout) if head.lines and compression in _UNPACKED else ()
    if not marks:
        return head, layout
    most = _SEARCHED if layout is None else sys.maxsize
    lines = lines_with(head.path, compression, marks, most)
    if not lines:
        return head, layout
    whole = head._replace(lines=head.lines + lines)
    found = recognise(whole, None, None, more)
    return (head, layout) if found is None else (whole, found)


_UNPACKED = ("none", "gzip")
_SEARCHED = 64  # pieces of a file whose first lines are of no log


def _begin(path: str, engine: Engine) -> tuple[Head, str] | Fault:
    """What the file at *path* begins with, and how it is compressed; or why it can't be read."""
    local = not is_url(path)
    try:
        start = _start(path) if local else _start_of_url(path)
    except OSError as error:
        return Fault(path, None, f"can't be read: {error.strerror or error}", None)
    if not start:
        return Fault(path, None, "is empty", None)
    if start.startswith(_PARQUET):
        try:
            return Head(path, (), engine.columns_of_parquet(path)), "none"
        except engine.errors as error:
            reason = f"can't be read, so nothing of it is counted: {engine.reason(error)}"
            return Fault(path, None, reason, None)
    compression = _compression(start, path)
    if compression == "none" and b"\0" in start:
        return Fault(path, None, explain_binary(start), None)
    try:
        return Head(path, _lines(path, start, compression, engine, local=local)), compression
    except (OSError, EOFError, zlib.error) as error:
        return Fault(path, None, f"can't be unpacked: {error}", None)
    except engine.errors as error:
        return Fault(path, None, f"can't be unpacked: {engine.reason(error)}", None)


def _not_recognised(head: Head) -> Fault:
    if head.columns:
        names = ", ".join(name for name, _ in head.columns[:8])
        reason = f"has no columns of flows that are known ({names}): name them with --columns"
    else:
        unknown = "is no format that is known: if it is a table with a header, try --columns"
        reason = explain_refusal(head) or unknown
    return Fault(head.path, None, reason, None)


def _start(path: str) -> bytes:
    if not os.path.isfile(path):
        raise OSError(0, "it is no regular file")
    with open(path, "rb") as file:
        return file.read(_HEAD)


def _start_of_url(path: str) -> bytes:
    """What a file at a URL begins with, as far as its name tells: it is read only by the engine."""
    return _PARQUET if path.lower().endswith((".parquet", ".pq")) else b"?"


def _compression(start: bytes, path: str) -> str:
    if start.startswith(_GZIP) or (start == b"?" and path.endswith(".gz")):
        return "gzip"
    if start.startswith(_ZSTD) or (start == b"?" and path.endswith((".zst", ".zstd"))):
        return "zstd"
    return "none"


def _lines(
    path: str, start: bytes, compression: str, engine: Engine, *, local: bool
) -> tuple[str, ...]:
    """The first lines of a text file; the last of them may be cut off."""
    if not local or compression == "zstd":
        return engine.first_lines(path, compression, _LINES)
    if compression == "gzip":
        with gzip.open(path) as file:
            start = file.read1(_HEAD)  # one block is enough, and all that a broken file may have
    text = start.decode("utf-8", "replace").removeprefix("\ufeff")
    return tuple(line.rstrip("\r") for line in text.split("\n")[:_LINES] if line.strip())
