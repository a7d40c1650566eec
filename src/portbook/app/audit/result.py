"""What an audit found: small immutable values, whatever engine found them."""

from __future__ import annotations

from functools import cache

from portbook._fast_types import NamedTuple
from portbook.model import Level
from portbook.model.finding import OF_EXPOSURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portbook.formats.base import Fault
    from portbook.model import Gap, Source


class Share(NamedTuple):
    """A host that offers a service, with its part of the traffic."""

    host: str
    flows: int
    bytes: int | None


class Service(NamedTuple):
    """All flows to one (transport, port): what was counted, and the verdict.

    ``first`` and ``last`` are seconds since the epoch, None where the source has no times;
    ``bytes`` and ``packets`` are None where it has no counts. ``reach`` is ``loopback`` or
    ``everywhere`` where a bound address says so. ``spoken`` is the protocol that was seen there,
    where it isn't what belongs there: its flows are a service of their own. ``hosts`` are those
    with the most traffic; None where they were not asked for. :mod:`portbook.app.audit.describe`
    has its names and the words.
    """

    transport: str
    port: int
    state: str
    findings: tuple[tuple[str, Level], ...]
    flows: int
    bytes: int | None = None
    packets: int | None = None
    first: float | None = None
    last: float | None = None
    reach: str = ""
    hosts: tuple[Share, ...] | None = None
    spoken: str = ""

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What tells one service from another."""
        return self.transport, self.port, self.reach, self.spoken

    @property
    def gravity(self) -> int:
        """The rank of its most serious finding; -1 where it has none."""
        return _gravity(self.findings)

    @property
    def urgency(self) -> tuple[int, bool]:
        """By what services are sorted, as :attr:`portbook.model.Assessment.urgency`."""
        return self.gravity, bool(self.findings) and self.findings[0][0] in OF_EXPOSURE

    @property
    def is_unexpected(self) -> bool:
        """Whether somebody should look into it: a finding at ``check`` or above."""
        return self.gravity >= Level.CHECK.rank


@cache
def _gravity(findings: tuple[tuple[str, Level], ...]) -> int:
    return max([level.rank for _, level in findings], default=-1)


class Tally(NamedTuple):
    """How much there is of something; ``bytes`` is None where no flow of it tells any."""

    services: int = 0
    flows: int = 0
    bytes: int | None = 0


class Input(NamedTuple):
    """One kind of file, or a table, that was read."""

    format: str
    files: tuple[str, ...]


class Change(NamedTuple):
    """What is different from a previous run: keys of services, by what became of them."""

    since: str
    new: tuple[tuple[str, int, str, str], ...]
    gone: tuple[tuple[str, int, str, str], ...]


class AuditAnswer(NamedTuple):
    """The answer to an audit.

    ``services`` are sorted: the most serious first, then those with the most flows. ``unanswered``
    counts the flows that nothing accepted, ``undecidable`` those of which neither rule nor row
    tells the service, ``portless`` those of protocols without ports, ``no_data`` the records in
    which the source itself says that it has none, ``other_records`` the lines of a log that are no
    flows. ``states`` and ``findings`` have their totals;
    ``missing`` says which part of the truth was not seen.
    """

    engine: str
    inputs: tuple[Input, ...]
    services: tuple[Service, ...]
    total: Tally
    states: Mapping[str, Tally]
    findings: Mapping[tuple[str, Level], Tally]
    unanswered: Tally
    undecidable: Tally
    portless: Tally
    no_data: int
    faults: tuple[Fault, ...]
    missing: tuple[Gap, ...]
    first: float | None
    last: float | None
    sources: tuple[Source, ...]
    change: Change | None = None
    pseudonymised: bool = False
    other_records: int = 0

    @property
    def unexpected(self) -> tuple[Service, ...]:
        """The services with a finding at ``check`` or above."""
        return tuple(each for each in self.services if each.is_unexpected)
