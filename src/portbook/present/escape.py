r"""The one place that makes hostile text harmless.

Process names, command lines, captures and registry text may hold anything. What a terminal could
act on, or a reader be misled by (control characters, escape sequences, bidirectional marks, line
breaks, bytes that are no text), is shown as an escape instead.

>>> plain("sshd\x1b[2J")
'sshd\\x1b[2J'
>>> plain("caf\xe9 \u202egnp.exe")
'café \\u202egnp.exe'
"""

from __future__ import annotations


def plain(text: str) -> str:
    r"""*text* on one line, every character of it visible; what isn't becomes ``\x1b``, ``\u202e``.

    Characters are visible by :meth:`str.isprintable`, which leaves out control and format
    characters (bidirectional marks among them), line and paragraph breaks, private use and
    surrogates. A byte that was no UTF-8 becomes ``\xff``.
    """
    if text.isprintable():
        return text
    from portbook.model.text import unbyte

    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in unbyte(text)
    )


def one_line(text: str) -> str:
    r"""*text* as :func:`plain` has it, with every run of white space as one space.

    >>> one_line("Oracle\n      SQL*NET")
    'Oracle SQL*NET'
    """
    # Of all white space only the space itself is printable.
    if text.isprintable() and "  " not in text and text == text.strip():
        return text
    return plain(" ".join(text.split()))
