"""Inputs that are no text: what they are, and what to do with them instead."""

from __future__ import annotations

# Bytes that are no UTF-8 are lone surrogates here, as every reader is given them.
_PACKED = (
    ("\x1f\udc8b", "gzip", "zcat"),
    ("BZh", "bzip2", "bzcat"),
    ("\udcfd7zXZ", "xz", "xzcat"),
    ("(\udcb5/\udcfd", "zstd", "zstdcat"),
)
_PACKETS = ("\udcd4\udcc3\udcb2\udca1", "\udca1\udcb2\udcc3\udcd4", "M<\udcb2\udca1")
_ARCHIVE = "PK\x03\x04"
_LOOKED_AT = 4096  # characters
_SHARE = 20  # of which one control character makes it no text


def explain_no_text(lines: list[str]) -> str | None:
    r"""What to do with an input that begins with *lines*, where it is no text; else None.

    >>> explain_no_text(["PK\x03\x04"]), explain_no_text(["tcp LISTEN"])
    ('the input is a zip archive: unpack it, and give what is in it', None)
    """
    first = next(filter(None, lines), "")
    for start, name, tool in _PACKED:
        if first.startswith(start) and not first.isprintable():
            return f"the input is packed with {name}: {tool} FILE | portbook explain"
    if first.startswith(_ARCHIVE):
        return "the input is a zip archive: unpack it, and give what is in it"
    if first.startswith(_PACKETS):
        return "the input is a capture of packets: give it to zeek, and audit its conn.log"
    text = "\n".join(lines)[:_LOOKED_AT]
    odd = sum(char < " " and char not in "\t\n\r\x1b" for char in text)
    if odd * _SHARE > len(text):
        return "the input is no text: give what a tool printed, or the file that it is in"
    return None
