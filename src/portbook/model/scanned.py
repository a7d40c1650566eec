"""What a scan found of ports that aren't open."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.record import Transport  # noqa: TC001 - for typing.get_type_hints


class ScanState(StrEnum):
    """What a scan found of a port that isn't open."""

    FILTERED = "filtered"  # no answer: something in between keeps it
    OPEN_FILTERED = "open-filtered"  # no answer, which may mean either
    CLOSED = "closed"


class ScannedPort(NamedTuple):
    """A port that a scan lists by number, and that it didn't find open."""

    address: str
    port: int
    transport: Transport
    state: ScanState
