"""The examples of formats in the documents, each with what is shown as read from it."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_EXAMPLE = re.compile(
    r"^`([a-z-]+)`, ([^\n]*):\n\n```text\n(.*?)^```\n\nRead as (.*?)\.\n", re.DOTALL | re.MULTILINE
)


def examples(document: str) -> list[tuple[str, str, str, str]]:
    """The examples of *document*: a format and its title, the text, and what it is read as."""
    part = (_DOCS / document).read_text().partition("<!-- examples -->")[2]
    return _EXAMPLE.findall(part.partition("<!-- end -->")[0])
