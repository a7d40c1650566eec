"""Numbers that are written with their thousands apart: 3,000 and 3_000."""

from __future__ import annotations

import re

from portbook.model import LAST_PORT

# A comma may also stand between two ports, of which none begins with a 0.
_GROUPED = re.compile(r"(?<![\w.,'’:-])([1-9]\d?)(?:[,'’](0\d\d)|_(\d{3}))(?![\w'’:]|[.,-]\d)")


def join_groups(text: str) -> tuple[str, list[tuple[str, int]]]:
    """*text* with such numbers as ports, each with what it was.

    >>> join_groups("port 3,000 is in use"), join_groups("listen(5_173)")
    (('port 3000 is in use', [('3,000', 3000)]), ('listen(5173)', [('5_173', 5173)]))
    >>> join_groups("22,443"), join_groups("99,000")
    (('22,443', []), ('99,000', []))
    """
    joined: list[tuple[str, int]] = []

    def join(match: re.Match[str]) -> str:
        number = int("".join([group for group in match.groups() if group]))
        if number > LAST_PORT:
            return match[0]
        joined.append((match[0], number))
        return str(number)

    return _GROUPED.sub(join, text), joined
