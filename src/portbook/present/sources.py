"""Sources in people's words: "IANA registry, 12 September 2026" instead of an id and a date."""

from __future__ import annotations

from portbook.present.words import day, month

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Source

# By the source's id: what people call it, and what was taken from it where that needs saying.
_NAMES = {
    "iana": ("IANA registry", ""),
    "iana-2015": ("IANA registry", "assignees, dates, notes and unauthorized use"),
    "spelling": ("IANA registry", "spelling of names and descriptions"),
    "spelling-2018": ("IANA registry", "spelling of older descriptions"),
    "lore-uses": ("portbook's list of what ports are used for", ""),
    "lore-programs": ("portbook's list of server programs", ""),
    "lore-services": ("portbook's list of what services are", ""),
    "lore-abuse": ("portbook's list of reported abuse", ""),
    "lore-names": ("portbook's list of what services are called", ""),
    "lore-systems": ("portbook's list of operating systems' port rules", ""),
    "lore-browsers": ("Fetch standard, the ports that browsers block", ""),
    "host": ("this machine", ""),
}


def source_name(source: Source) -> str:
    """What *source* is called, with its day.

    >>> from portbook.model import Source
    >>> source_name(Source("iana", "2026-09-12", "names, states"))
    'IANA registry, 12 September 2026'
    """
    if source.id == "iana-history":
        count, _, days = source.what.removeprefix("what changed between ").partition(" copies of ")
        first, _, last = days.removeprefix("the registry, ").partition(" to ")
        return f"{count} snapshots of the IANA registry, {month(first)} to {month(last)}"
    name, _ = _NAMES.get(source.id, (source.id, ""))
    return f"{name}, {day(source.as_of)}" if source.as_of else f"{name}, undated"


def source_content(source: Source) -> str:
    """What was taken from *source*, as the end of a line; empty where its name says it.

    >>> from portbook.model import Source
    >>> source_content(Source("lore-uses", "2026-11-21", "what ports are used for: 637 entries"))
    '637 entries'
    """
    if source.id.startswith("lore-"):
        entries = source.what.rpartition(": ")[2]
        count, _, oldest = entries.partition(", the oldest read on ")
        number, _, noun = count.partition(" ")
        count = f"{int(number):,} {noun}" if number.isdigit() else count
        return f"{count}, checked since {day(oldest)}" if oldest else count
    if source.id in _NAMES:
        return _NAMES[source.id][1]
    return "" if source.id == "iana-history" else source.what
