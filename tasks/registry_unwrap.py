"""Undoing the line breaks of a wrapped comment, and telling its references from its text."""

from __future__ import annotations

import itertools
import re
import textwrap
from typing import TYPE_CHECKING

from portbook.catalog.registry.normalise import names_person

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 76
# A comment with more hyphen breaks than this is joined plainly; none comes near.
_MOST_BREAKS = 8

_TRAILING = re.compile(r"(?:\A| )((?:\[[^\[\]]+\])+)\Z")
_RFC_ROLE = re.compile(r":rfc:`(\d+)(?:#([^`]*))?`\Z")
# n/a, and the number of a footnote of the registry's own, stand where references stand.
_REFERENCE = re.compile(r":rfc:`|RFC\d|RFC-|draft-|https?://|n/a\Z|\d{1,2}\Z")


def unwrap(lines: Sequence[str], mark: str) -> list[str]:
    """Every text of which :func:`textwrap.wrap` makes these *lines*, the likeliest first.

    A break at a space eats the space, a break behind a hyphen eats nothing, and a word longer
    than a line is cut anywhere. *mark* stood before the first line when it was wrapped.

    >>> unwrap(["a"], "[TCP]")
    ['a']
    >>> unwrap(["word " * 12 + "multi-", "words"], "[TCP]") == [
    ...     "word " * 12 + "multi-words",
    ...     "word " * 12 + "multi- words",
    ... ]
    True
    """
    if len(lines) < 2:
        return ["".join(lines)]
    # A long word may have left the mark alone on its line.
    for wrapped in ([f"{mark} {lines[0]}", *lines[1:]], [mark, *lines]):
        texts = [text.removeprefix(mark).lstrip() for text in _joined(wrapped)]
        same = [text for text in texts if textwrap.wrap(f"{mark} {text}", WIDTH) == wrapped]
        if same:
            return same
    return [" ".join(lines)]


def _joined(wrapped: Sequence[str]) -> list[str]:
    joints = [_joints(*lines) for lines in itertools.pairwise(wrapped)]
    if sum(len(joint) > 1 for joint in joints) > _MOST_BREAKS:
        joints = [joint[:1] for joint in joints]
    return [
        wrapped[0] + "".join(map("".join, zip(choice, wrapped[1:], strict=True)))
        for choice in itertools.product(*joints)
    ]


def _joints(line: str, following: str) -> tuple[str, ...]:
    """What may have stood at the break between two lines, the likelier first."""
    if line.endswith("-") and not line.endswith(" -"):
        return ("", " ")
    # A line may also break before a dash ("--"), and anywhere in a word longer than a line.
    cut = line.endswith("-") or following.startswith("--") or len(line) >= WIDTH
    return (" ", "") if cut else (" ",)


def split_references(
    text: str, is_description: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    """*text* as description and references, which stand in brackets at its end, unspaced.

    A description may end in a bracket of its own; *is_description* tells whether another source
    holds that very text as a description.

    >>> split_references("Echo [:rfc:`862`][:rfc:`8765#6.1`]", lambda text: False)
    ('Echo', ('RFC862', 'RFC8765, Section 6.1'))
    >>> split_references("File Transfer [Control]", lambda text: text.endswith("[Control]"))
    ('File Transfer [Control]', ())
    """
    trailing = _TRAILING.search(text)
    if trailing is None or is_description(text):
        return text, ()
    marks = re.findall(r"\[([^\[\]]+)\]", trailing[1])
    description = text[: trailing.start()]
    looks_so = any(_REFERENCE.match(mark) for mark in marks)
    if not (looks_so or is_description(description)):
        return text, ()
    return description, tuple(_reference(mark) for mark in marks if not names_person(mark))


def _reference(mark: str) -> str:
    role = _RFC_ROLE.match(mark)
    if role:
        return f"RFC{role[1]}" + (f", Section {role[2]}" if role[2] else "")
    if re.match(r"https?://", mark):
        return mark.replace(" ", "_")  # the wrapped comment has spaces for underscores
    return f"note {mark}" if mark.isdigit() else mark
