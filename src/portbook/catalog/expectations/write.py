r"""Writing notes: the text of a file of notes with one more, and all else in it as it was.

The text is edited, not made anew: comments, order and spacing stay as they are. What comes out is
read again, and kept only if it holds what it should.

>>> print(with_label('# mine\n', Entry(3000, None, 'shop "API"')), end="")
# mine
<BLANKLINE>
[[port]]
port = 3000
label = "shop \"API\""
"""

from __future__ import annotations

import os
import re
import tomllib

from portbook._fast_types import NamedTuple
from portbook.catalog.expectations.lookup import (
    VARIABLE,
    home_folder,
    own_files,
    trusted_users,
    why_not,
)
from portbook.catalog.expectations.parse import parse_notes
from portbook.errors import BadNotes, NotKept, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from portbook.model import Transport

_LARGEST = 1 << 20  # bytes of a file of notes
_HEAD = re.compile(r"^[ \t]*\[\[[ \t]*port[ \t]*\]\][ \t]*(?:#.*)?\r?\n?$")
_LABEL = re.compile(
    r"""^([ \t]*label[ \t]*=[ \t]*)(?:"(?:[^"\\]|\\.)*"|'[^']*')([ \t]*(?:\#.*)?)(\r?\n)?$"""
)


class Entry(NamedTuple):
    """A note to write. ``more`` are further keys of its table, each with a text."""

    port: int
    transport: Transport | None
    label: str
    more: tuple[tuple[str, str], ...] = ()


def own_file(environ: Mapping[str, str]) -> str:
    """The user's own file of notes, whether it is there or not: the one that is read.

    Raises NotKept under sudo, and where PORTBOOK_NOTES says that there is none.
    """
    named = environ.get(VARIABLE)
    if named is not None:
        if not named:
            raise NotKept(f"{VARIABLE} is empty, so no notes are read: unset it")
        return os.path.realpath(named)
    if environ.get("SUDO_UID", "0") != "0" and hasattr(os, "geteuid") and not os.geteuid():
        raise NotKept("notes are the user's who called sudo: run it without sudo")
    paths = [*own_files(environ, home_folder(environ))]
    return os.path.realpath(next(filter(os.path.lexists, paths), paths[0]))


def read_own(path: str) -> str:
    """The text of the file at *path*, empty where there is none. Raises BadNotes or NotKept."""
    try:
        with open(path, "rb", opener=_open) as file:
            refused = why_not(os.fstat(file.fileno()), trusted_users(), found=True)
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise NotKept(f"{shown(path, 200)} can't be read: {error.strerror}") from error
    if refused:
        raise BadNotes(f"{shown(path, 200)} would be left out, because {refused}")
    if len(content) > _LARGEST:
        raise BadNotes(f"{shown(path, 200)} is larger than 1 MB")
    _check(content, path)
    return content.decode("utf-8-sig")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # it never waits for a pipe's end


def write_own(path: str, text: str) -> None:
    """Puts *text* into the file at *path* in one step, and lets nobody else write to it.

    Raises BadNotes where it holds no notes that can be read, and NotKept where it can't be written.
    """
    from portbook.storage.atomic_write import whole_file

    content = text.encode()
    _check(content, path)
    try:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        mode = os.stat(path).st_mode & 0o755 if os.path.exists(path) else 0o644
        with whole_file(path) as new:
            new.write(content)
            if hasattr(os, "fchmod"):
                os.fchmod(new.descriptor, mode)
            os.fsync(new.descriptor)
    except OSError as error:
        raise NotKept(f"{shown(path, 200)} can't be written: {error.strerror}") from error


def with_label(text: str, entry: Entry) -> str:
    """*text* with the label of *entry* on its port: an entry for that port gets it, else a new one
    is put at the end.

    Raises BadNotes where that can't be done without changing anything else.
    """
    table = tomllib.loads(text)
    entries: list[dict[str, Any]] = table.get("port", [])
    at = next((at for at, each in enumerate(entries) if _is_for(each, entry)), None)
    if at is None:
        return with_entries(text, [entry])
    entries[at]["label"] = entry.label
    new = _relabelled(text.splitlines(keepends=True), at, len(entries), entry.label)
    try:
        if new is not None and tomllib.loads(new) == table:
            return new
    except ValueError:
        pass
    raise BadNotes(f"the entry for {entry.port} can't be changed safely: edit the file")


def with_entries(text: str, added: Iterable[Entry]) -> str:
    """*text* with *added* behind it. Raises BadNotes where it can't hold them."""
    new = text + ("\n" if text and not text.endswith("\n") else "")
    for entry in added:
        rows = [("port", str(entry.port))]
        if entry.transport is not None:
            rows.append(("transport", quoted(entry.transport)))
        rows += [("label", quoted(entry.label)), *((key, quoted(word)) for key, word in entry.more)]
        block = "".join(f"{key} = {value}\n" for key, value in rows)
        new += f"{'' if not new else chr(10)}[[port]]\n{block}"
    try:
        tomllib.loads(new)
    except ValueError as error:
        raise BadNotes("its entries aren't written as [[port]]: edit the file") from error
    return new


def quoted(text: str) -> str:
    r"""*text* as a basic string of TOML.

    >>> quoted('a "b" \\ c')
    '"a \\"b\\" \\\\ c"'
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _relabelled(lines: list[str], at: int, count: int, label: str) -> str | None:
    heads = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    if len(heads) != count:  # one stands in a text of several lines
        return None
    end = heads[at + 1] if at + 1 < count else len(lines)
    for number in range(heads[at] + 1, end):
        match = _LABEL.match(lines[number])
        if match:
            lines[number] = f"{match[1]}{quoted(label)}{match[2]}{match[3] or ''}"
            return "".join(lines)
    if not lines[heads[at]].endswith("\n"):
        lines[heads[at]] += "\n"
    end_of_line = "\r\n" if lines[heads[at]].endswith("\r\n") else "\n"
    lines.insert(heads[at] + 1, f"label = {quoted(label)}{end_of_line}")
    return "".join(lines)


def _is_for(table: dict[str, Any], entry: Entry) -> bool:
    transport = table.get("transport")
    if isinstance(transport, list) and len(transport) == 1:
        (transport,) = transport
    return str(table.get("port")) == str(entry.port) and transport == entry.transport


def _check(content: bytes, path: str) -> None:
    try:
        parse_notes(content, path, home_folder(os.environ))
    except BadNotes as error:
        raise BadNotes(f"the notes in {shown(path, 200)}: {error}") from error
