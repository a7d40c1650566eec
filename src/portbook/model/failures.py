"""What a pasted error says went wrong."""

from __future__ import annotations

from portbook._fast_types import StrEnum


class Failure(StrEnum):
    """What a text says went wrong with a port: a bind, a connection, or a packet that was lost."""

    IN_USE = "in-use"
    PERMISSION = "permission"
    UNAVAILABLE = "unavailable"  # the address is none of that machine's
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    EXCLUDED_RANGE = "excluded-range"
    BROWSER_BLOCKED = "browser-blocked"
    DROPPED = "dropped"
    OTHER = "other"
