"""What abuse of ports was reported."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.practice import WIDE
from portbook.model.record import (  # noqa: TC001 - for typing.get_type_hints
    StatementSource,
    Transport,
)


class ReportKind(StrEnum):
    """What reports an abuse."""

    ADVISORY = "advisory"  # a CERT's or an authority's
    ANALYSIS = "analysis"  # a vendor's or a researcher's
    ATTACK = "attack"  # MITRE ATT&CK
    CVE = "cve"
    PAPER = "paper"


class Threat(StrEnum):
    """What was reported: a program's own port, or an attack on what belongs on the port."""

    MALWARE = "malware"  # has the port for its own ends
    BACKDOOR = "backdoor"  # waits there for those who know of it
    WORM = "worm"  # spreads through the service that belongs there
    AMPLIFICATION = "amplification"  # servers are made to send floods
    CAMPAIGN = "campaign"  # exposed services are looked for, attacked and taken over


_OWN_PORT = frozenset({Threat.MALWARE, Threat.BACKDOOR})


class Report(NamedTuple):
    """An unwelcome use of a port that somebody reported: history, and no word about what runs here.

    ``subject`` is what was reported (a worm, a backdoor, an attack), ``kind`` what reports it, and
    ``threat`` of what sort the subject is. ``period`` is when, as ISO 8601 has it: a year, a month
    or a day, or two of them with a slash between; ``../2005-01`` is then or earlier.
    ``also_called`` are other names of the subject.
    """

    subject: str
    kind: ReportKind
    threat: Threat
    transport: Transport
    first: int
    last: int
    period: str
    summary: str
    source: str
    read: str
    also_called: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()

    @property
    def accuses(self) -> bool:
        """Whether finding the port in use is a sign of what was reported, however weak.

        What attacks the service that belongs on a port is none, nor is a report of a wide span.
        """
        return self.threat in _OWN_PORT and self.last - self.first < WIDE
