"""Whatever stands before the rows of ``ss`` and ``netstat``: the name of a task, a pod, a number.

Every tool that runs commands elsewhere writes its own words before each line that they print. What
a row of these two begins with is so much of its own that nobody need know those words.
"""

from __future__ import annotations

import re

_GAP = r"[ \t]{1,12}"
_COUNTS = rf"[0-9]{{1,9}}{_GAP}[0-9]{{1,9}}[ \t]"
_STATE = rf"(?:LISTEN|UNCONN|ESTAB){_GAP}"
_START = (
    rf"(?:(?:mp)?tcp|udp|sctp)(?:46|4|6)?{_GAP}(?:{_STATE})?{_COUNTS}|{_STATE}{_COUNTS}"
    rf"|(?:Netid{_GAP}State|(?:State|Proto){_GAP}Recv-Q)[ \t]|Active Internet "
)
_BEGINS = re.compile(rf"[ \t]{{0,40}}(?:{_START})")
# A sign of a diff says that a row isn't there any more.
_LEAD = re.compile(rf"[ \t]{{0,8}}[^\s<!~-].{{0,120}}?(?<=[^\w.%\"'-])(?={_START})")


def without_lead(line: str) -> tuple[str, str | None]:
    """*line* from where its row begins; the whole of any other, and no host.

    >>> without_lead("task.web (exec): LISTEN 0 128 *:22 *:*")
    ('LISTEN 0 128 *:22 *:*', None)
    """
    if _BEGINS.match(line):
        return line, None
    found = _LEAD.match(line)
    return (line if found is None else line[found.end() :]), None
