"""Bytes of a capture as numbered lines, whatever they passed through on their way.

PowerShell redirects in UTF-16, editors put a byte order mark first, Windows ends lines with CR LF,
and a copy out of a terminal may hold its colours. What is no UTF-8 is kept byte by byte.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from portbook.errors import MalformedInput
from portbook.formats.fields import OVERLONG, NumberedLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST_LINE = 8 << 20  # characters; what is longer isn't read whole
ENDLESS_LINE = 1 << 26  # characters after which a line is given up, and all that is behind it
# ECMA-48 §5.4: control sequences; the others are those of a window's title, and of one character.
_COLOURS = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|[ -/]{0,8}[0-~])"
)
# What a page or an editor puts in place of a blank, or beside it: no-break and other wide spaces,
# and characters without width (Unicode's general categories Zs and Cf).
_BLANKS = {
    **dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F], " "),
    **dict.fromkeys([0x2001, 0x2003, 0x3000], "  "),  # as wide as two
    **dict.fromkeys([0xAD, *range(0x200B, 0x2010), 0x2060, 0xFEFF], None),
    0x2192: "->",  # which a tracker or a word processor made an arrow
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(first: bytes) -> tuple[str, int]:
    """The encoding of a capture by its first bytes, and how many of them are its mark.

    >>> encoding_of("ss".encode("utf-16")), encoding_of("ss".encode("utf-16-be"))
    (('utf-16-le', 2), ('utf-16-be', 0))
    """
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name, len(mark)
    sample = first[: 512 & ~1]
    if len(sample) >= 4:
        # Text of one byte a letter has no zeros: in UTF-16 every other byte of it is one.
        pairs = len(sample) // 2
        if sample[1::2].count(0) * 3 > pairs * 2 and sample[::2].count(0) * 3 < pairs:
            return "utf-16-le", 0
        if sample[::2].count(0) * 3 > pairs * 2 and sample[1::2].count(0) * 3 < pairs:
            return "utf-16-be", 0
    return "utf-8", 0


def numbered(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """The lines of *chunks*, as :func:`blocks_of` has them, one by one."""
    return iter(NumberedLines(blocks_of(chunks)))


def blocks_of(chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """The lines that are whole with each of *chunks*, and the number of the first, from 1 on.

    They are without their colours and a mark, with line feeds between them.
    A line of more than :data:`LONGEST_LINE` characters is cut, and begins with :data:`OVERLONG`.
    Raises MalformedInput where one has more than :data:`ENDLESS_LINE`: it may be a device, or a
    file with a hole, that goes on for ever.
    """
    number, skipping, cut = 1, False, 0
    # The pieces of the line that isn't ended yet: put together once, however small they come.
    pieces: list[str] = []
    size = 0
    for text in _with_ends(_decoded(chunks)):
        if not text.isascii():
            text = text.translate(_BLANKS)  # noqa: PLW2901
        lines, ended, last = text.rpartition("\n")
        if ended:
            whole = _without_written_colours("".join([*pieces, lines]))
            pieces, size = [], 0
            if skipping:
                whole, skipping, cut = OVERLONG + whole, False, 0
            if "\x1b" in whole:
                whole = "\n".join(map(_clean, whole.split("\n")))
            yield number, whole
            number += whole.count("\n") + 1
        pieces.append(last)
        size += len(last)
        if size > LONGEST_LINE:
            cut += size
            if cut > ENDLESS_LINE:
                raise MalformedInput(
                    f"line {number} has more than {ENDLESS_LINE:,} characters and no end"
                )
            pieces, skipping = ["".join(pieces)[:400]], True
            size = len(pieces[0])
    rest = "".join(pieces)
    if rest:
        yield number, OVERLONG * skipping + _clean(_without_written_colours(rest))


def _with_ends(texts: Iterable[str]) -> Iterator[str]:
    """*texts* whose lines end with a line feed: with CR LF, or a CR alone, they did elsewhere."""
    held = ""
    for text in texts:
        if not held and "\r" not in text:
            yield text
            continue
        whole, held = held + text, ""
        if whole.endswith("\r"):  # its line feed may still come
            whole, held = whole[:-1], "\r"
        yield whole.replace("\r\n", "\n").replace("\r", "\n")
    if held:
        yield "\n"


# Colours whose first character was lost on the way, or written out.
_WRITTEN = re.compile(r"(?:\^\[|\\(?:033|x1[bB]|e|u001[bB])|␛)?\[[0-9;]{0,16}[mK]")


def _without_written_colours(text: str) -> str:
    if "[0m" not in text and "^[[" not in text:
        return text
    return _WRITTEN.sub("", text) if "\x1b" not in text else text


def _clean(line: str) -> str:
    return _COLOURS.sub("", line) if "\x1b" in line else line


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder: codecs.IncrementalDecoder | None = None
    first = b""
    for chunk in chunks:
        if decoder is not None:
            yield decoder.decode(chunk)
            continue
        first += chunk
        # A pipe may have no more for a while: only what can be UTF-16 is waited for.
        if len(first) < 64 or (len(first) < 512 and b"\0" in first):
            continue
        decoder, begun = _decoder(first)
        yield begun
    if decoder is None:
        decoder, begun = _decoder(first)
        yield begun
    yield decoder.decode(b"", final=True)


def _decoder(first: bytes) -> tuple[codecs.IncrementalDecoder, str]:
    name, mark = encoding_of(first)
    # A byte that is no UTF-8 (a Windows code page) is kept; half a UTF-16 unit can't be.
    errors = "surrogateescape" if name == "utf-8" else "replace"
    decoder = codecs.getincrementaldecoder(name)(errors)
    return decoder, decoder.decode(first[mark:])


def joined_apart(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """*lines*, with rows of ``ss`` and ``netstat`` apart that somebody has joined in one.

    >>> list(joined_apart([(1, "tcp LISTEN 0 9 *:22 *:*; tcp LISTEN 0 9 *:80 *:*")]))
    [(1, 'tcp LISTEN 0 9 *:22 *:*'), (1, 'tcp LISTEN 0 9 *:80 *:*')]
    """
    for number, line in lines:
        if line.count("tcp") + line.count("udp") < 2:
            yield number, line
            continue
        starts = [found.start() for found in _ROW.finditer(line)]
        above = line[: starts[0]] if starts else ""
        # What stands before the first may be the host, or a text that holds all of them.
        headed = "Local Address" in above and "\\n" not in above
        if len(starts) < 2 or (above.strip() and not headed):
            yield number, line
            continue
        yield from parted(number, line, starts)


def parted(number: int, line: str, starts: list[int]) -> Iterator[tuple[int, str]]:
    """The rows that begin at *starts* of *line*, and first what stands before them."""
    if line[: starts[0]].strip():
        yield number, line[: starts[0]]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        yield number, _JOINT.sub("", line[start:end])


# A row up to the other end's port: the name of a process is too short to look like one.
_ROW = re.compile(
    r"(?:(?<![^\s;,|])|(?<=\\n))(?:tcp|udp)(?:46|4|6)?\s{1,20}(?:(?:LISTEN|UNCONN|ESTAB)\s{1,20})?"
    r"[0-9]{1,9}\s{1,20}[0-9]{1,9}\s{1,40}\S{1,60}[:.]\S{1,20}\s{1,40}\S{1,60}[:.](?:\*|[0-9]{1,5})"
)
# What stands between two: blanks, a sign, a line's end as it is written.
_JOINT = re.compile(r"(?<![\s;,|])[\s;,|]{0,40}(?:\\r)?(?:\\n)?[\s;,|]{0,40}$")


# RFC 2045 §6.7: a byte is "=" and two digits, and a line that "=" ends goes on in the next one.
_BYTES = re.compile(r"(?:=[0-9A-F]{2})+")
_PRINTABLE_HEADER = re.compile(r"content-transfer-encoding: *quoted-printable *$", re.IGNORECASE)
_PRINTABLE = re.compile(r"=3D|=20$|=C2=A0|=E2=80=")
_NOT_PRINTABLE = re.compile(r"=(?![0-9A-F]{2}|$)")
_BROKEN = range(60, 80)  # columns at which mail programs break a line
_MOST_JOINED = 1 << 16  # characters of a line that are put together


def is_quoted_printable(lines: Iterable[str]) -> bool:
    """Whether *lines* are of a mail whose text is quoted-printable still.

    >>> is_quoted_printable(["pid=3D812,=", "fd=3D3"]), is_quoted_printable(["a=b"])
    (True, False)
    """
    some = denied = False
    broken = 0
    for line in lines:
        if _PRINTABLE_HEADER.match(line):
            return True
        denied = denied or _NOT_PRINTABLE.search(line) is not None
        broken += line.endswith("=") and len(line) in _BROKEN
        some = some or _PRINTABLE.search(line) is not None
    return (some or broken > 1) and not denied


def from_quoted_printable(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """*lines* of such a mail as they were before it was sent, by the number of their first one.

    >>> list(from_quoted_printable([(1, "fd=3D3 a="), (2, "b=20")]))
    [(1, 'fd=3 ab ')]
    """
    begun: list[str] = []
    first = size = 0
    for number, line in lines:
        first = first if begun else number
        begun.append(_BYTES.sub(_byte, line.removesuffix("=")) if "=" in line else line)
        size += len(line)
        if not line.endswith("=") or size > _MOST_JOINED:
            yield first, "".join(begun)
            begun, size = [], 0
    if begun:
        yield first, "".join(begun)


def _byte(found: re.Match[str]) -> str:
    text = bytes.fromhex(found[0].replace("=", "")).decode("utf-8", "surrogateescape")
    # A byte that ends a line, or a colour, would be one here: what a reader is given has neither.
    return text.translate(_BLANKS).translate(_UNPRINTED)


_UNPRINTED = dict.fromkeys([*range(9), *range(10, 32), 127], " ")


def runs(matches: Sequence[object], least: int) -> Iterator[tuple[int, int]]:
    """Where at least *least* lines in a row match, without the last, which the next may continue.

    *matches* has None for each line that doesn't; each pair is the first line and the one after
    the last.
    """
    first = 0
    while first < len(matches):
        try:
            end = matches.index(None, first)
        except ValueError:
            end = len(matches)
        if end - 1 - first >= least:
            yield first, end - 1
        first = end + 1
