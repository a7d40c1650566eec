"""The words that every part of portbook speaks: small immutable values, no behaviour beyond them.

Ports are ``int`` (0 to 65535), dates are ISO 8601 ``str`` (``2026-09-12``, or only a month
where the registry gives only a month), and ``None`` means that no source says.

:mod:`portbook.model.record` has what is on record of ports, :mod:`portbook.model.seen` what is
seen of a machine, :mod:`portbook.model.gap` what could not be seen of it.
"""

from __future__ import annotations

from portbook.model.gap import Gap, GapCode, Need
from portbook.model.record import (
    DYNAMIC_PORTS,
    FIRST_PORT,
    LAST_PORT,
    PORTS,
    RANGES,
    SYSTEM_PORTS,
    USER_PORTS,
    Assignment,
    Block,
    Neighbour,
    Note,
    PortRange,
    Program,
    Report,
    Source,
    Standing,
    State,
    SystemRule,
    Transport,
    Use,
    Whose,
    title_of,
)
from portbook.model.seen import (
    REACHES,
    Assessment,
    Finding,
    Host,
    Level,
    Listener,
    OwnerSearch,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    Spoken,
    Visibility,
    bracketed,
    host_port,
)

__all__ = [
    "DYNAMIC_PORTS",
    "FIRST_PORT",
    "LAST_PORT",
    "PORTS",
    "RANGES",
    "REACHES",
    "SYSTEM_PORTS",
    "USER_PORTS",
    "Assessment",
    "Assignment",
    "Block",
    "Finding",
    "Gap",
    "GapCode",
    "Host",
    "Level",
    "Listener",
    "Need",
    "Neighbour",
    "Note",
    "OwnerSearch",
    "OwnersSeen",
    "Ownership",
    "PortRange",
    "PortRules",
    "Process",
    "Program",
    "Report",
    "Socket",
    "Source",
    "Spoken",
    "Standing",
    "State",
    "SystemRule",
    "Transport",
    "Use",
    "Visibility",
    "Whose",
    "bracketed",
    "host_port",
    "title_of",
]
