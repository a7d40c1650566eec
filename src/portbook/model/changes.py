"""How the registry changed from one version to another."""

from __future__ import annotations

from portbook._fast_types import StrEnum


class ChangeKind(StrEnum):
    """What became of a port, or of a name, between two copies of the registry."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    REMOVED = "removed"
    RENAMED = "renamed"
    REASSIGNED = "reassigned"
    NAME_ADDED = "name-added"
    NAME_REMOVED = "name-removed"
