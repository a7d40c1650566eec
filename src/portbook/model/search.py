"""What a search looks through."""

from __future__ import annotations

from portbook._fast_types import StrEnum


class SearchStore(StrEnum):
    """Where a hit of a search is from, and the list of an answer that has it."""

    MATCHES = "matches"  # services, the registry's and those that people meet
    USES = "uses"
    PROGRAMS = "programs"
    ABUSE = "abuse"
