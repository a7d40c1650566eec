"""Patterns of paths, as programs and notes have them: ``*`` stays inside one component."""

from __future__ import annotations


def path_matches(pattern: str, path: str) -> bool:
    """Whether the absolute *path* fits *pattern*, in which ``*`` stays inside a path component.

    >>> path_matches("/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/17/bin/postgres")
    True
    >>> path_matches("/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/1/7/bin/postgres")
    False
    >>> path_matches("/usr/lib/erlang/erts-*/bin/epmd", "/usr/lib/erlang/erts-13.1.5/bin/epmd")
    True
    """
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return False
    return all(_part_matches(a, b) for a, b in zip(wanted, given, strict=True))


def _part_matches(pattern: str, part: str) -> bool:
    if "*" not in pattern:
        return pattern == part
    # "..": a path that climbs is no path of a file's own.
    if part in ("", ".", ".."):
        return False
    first, *middle, last = pattern.split("*")
    if not part.startswith(first) or not part.endswith(last):
        return False
    place, end = len(first), len(part) - len(last)
    for piece in middle:
        found = part.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return place <= end
