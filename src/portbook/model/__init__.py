"""The words that every part of portbook speaks: small immutable values, no behaviour beyond them.

Ports are ``int`` (0 to 65535), dates are ISO 8601 ``str`` (``2026-09-12``, or only a month
where the registry gives only a month), and ``None`` means that no source says.

:mod:`portbook.model.record` has what the registry says of ports, :mod:`portbook.model.practice`
what people do with them (:mod:`~portbook.model.services`, :mod:`~portbook.model.programs` and
:mod:`~portbook.model.reports` of what they meet there), :mod:`portbook.model.sockets` what is seen
of a machine, :mod:`portbook.model.gap` what could not be seen of it, and
:mod:`portbook.model.finding` what is to be said of either.
"""

from __future__ import annotations

from portbook.model.practice import SITE_PORT, Use, UseKind
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
    Source,
    Standing,
    State,
    StatementSource,
    Transport,
    Whose,
    title_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model.changes import ChangeKind
    from portbook.model.failures import Failure
    from portbook.model.finding import (
        Evidence,
        EvidenceCode,
        Fact,
        Facts,
        FilterKind,
        Finding,
        Level,
        NotEvaluated,
        Reachable,
        Scope,
        Subject,
        SubjectKind,
    )
    from portbook.model.gap import Gap, GapCode, Need
    from portbook.model.programs import Program, SystemListener, SystemRule, Tool
    from portbook.model.reports import Report, ReportKind, Threat
    from portbook.model.services import Authentication, Encryption, Exposure, KnownService
    from portbook.model.sockets import (
        Assessment,
        ConnectionState,
        ExecutablePlace,
        Family,
        Host,
        Listener,
        OwnerSearch,
        Ownership,
        OwnersSeen,
        PortRules,
        Process,
        Reach,
        Socket,
        SocketState,
        Spoken,
        SpokenState,
        Visibility,
        bracketed,
        host_port,
        is_v4,
        is_v6,
    )

__all__ = [
    "DYNAMIC_PORTS",
    "FIRST_PORT",
    "LAST_PORT",
    "PORTS",
    "RANGES",
    "SITE_PORT",
    "SYSTEM_PORTS",
    "USER_PORTS",
    "Assessment",
    "Assignment",
    "Authentication",
    "Block",
    "ChangeKind",
    "ConnectionState",
    "Encryption",
    "Evidence",
    "EvidenceCode",
    "ExecutablePlace",
    "Exposure",
    "Fact",
    "Facts",
    "Failure",
    "Family",
    "FilterKind",
    "Finding",
    "Gap",
    "GapCode",
    "Host",
    "KnownService",
    "Level",
    "Listener",
    "Need",
    "Neighbour",
    "NotEvaluated",
    "Note",
    "OwnerSearch",
    "OwnersSeen",
    "Ownership",
    "PortRange",
    "PortRules",
    "Process",
    "Program",
    "Reach",
    "Reachable",
    "Report",
    "ReportKind",
    "Scope",
    "Socket",
    "SocketState",
    "Source",
    "Spoken",
    "SpokenState",
    "Standing",
    "State",
    "StatementSource",
    "Subject",
    "SubjectKind",
    "SystemListener",
    "SystemRule",
    "Threat",
    "Tool",
    "Transport",
    "Use",
    "UseKind",
    "Visibility",
    "Whose",
    "bracketed",
    "host_port",
    "is_v4",
    "is_v6",
    "title_of",
]

# A lookup without this machine asks for no sockets, findings and gaps, and most ports have nothing
# but uses: to make all these classes would take a fifteenth of it.
_HOMES = {
    "changes": ("ChangeKind",),
    "failures": ("Failure",),
    "finding": (
        "Evidence",
        "EvidenceCode",
        "Fact",
        "Facts",
        "FilterKind",
        "Finding",
        "Level",
        "NotEvaluated",
        "Reachable",
        "Scope",
        "Subject",
        "SubjectKind",
    ),
    "gap": ("Gap", "GapCode", "Need"),
    "programs": ("Program", "SystemListener", "SystemRule", "Tool"),
    "reports": ("Report", "ReportKind", "Threat"),
    "services": ("Authentication", "Encryption", "Exposure", "KnownService"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "sockets")
    module = __import__(f"{__name__}.{home}", fromlist=[name])
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
