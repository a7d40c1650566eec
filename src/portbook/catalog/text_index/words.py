"""Text into words: letters and digits in lower case, apart from everything else."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# How alike two spellings must be (difflib's ratio): one slip in four letters, two in eight.
ALIKE = 0.75


def fold(text: str) -> str:
    """*text* in lower case, with one space where it has blanks.

    >>> fold("  Secure   SHELL ")
    'secure shell'
    """
    return " ".join(text.lower().split())


def words_of(text: str) -> list[str]:
    """The words of *text* in lower case: whatever is no letter and no digit separates them.

    >>> words_of("Node.js (dev)")
    ['node', 'js', 'dev']
    """
    return "".join([char if char.isalnum() else " " for char in text.lower()]).split()


def words_of_each(texts: Sequence[str]) -> list[list[str]]:
    """:func:`words_of` each of many *texts*, in one pass.

    >>> words_of_each(["Node.js", "", "a b"])
    [['node', 'js'], [], ['a', 'b']]
    """
    if not texts:
        return []
    lines = "\n".join([text.replace("\n", " ") for text in texts]).lower()
    blanks = {ord(char): " " for char in set(lines) if not char.isalnum() and char != "\n"}
    return [line.split() for line in lines.translate(blanks).split("\n")]
