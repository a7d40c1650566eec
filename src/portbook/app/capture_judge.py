"""The verdict on the sockets of a capture, of which there may be hundreds of thousands."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from portbook.app.judge import Judge
from portbook.model import DYNAMIC_PORTS, PORTS, PortRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.judge import PortOnRecord
    from portbook.catalog import Catalog
    from portbook.model import Listener, Transport
    from portbook.verdict.shadowing import Reached

_NOTHING_KNOWN = PortRules("")


class CaptureJudge(Judge):
    """The verdict on captured sockets.

    A note in a capture was written for another machine: it is shown, and no finding here depends
    on it. What portbook itself found before is kept.
    """

    def __init__(self, catalog: Catalog, *, said: bool = True) -> None:
        super().__init__(_NOTHING_KNOWN, catalog, said=said)
        self.said = said
        self._run_starts: Sequence[int] = ()

    def __call__(self, listener: Listener, reached: tuple[Reached, ...] = ()) -> Listener:
        """*listener* with its findings."""
        if listener.assessment.findings:
            return listener
        note = listener.assessment.note
        if note is None:
            return super().__call__(listener, reached)
        bare = listener._replace(assessment=listener.assessment._replace(note=None))
        judged = super().__call__(bare, reached)
        return judged._replace(assessment=judged.assessment._replace(note=note))

    def learn_runs(self) -> dict[Transport, list[tuple[PortOnRecord, int]]]:
        """Takes what is on record of each run of ports of which the very same is, where nothing is
        said. Returns it with the number of ports of each run, by the transports met so far.

        There are 8,600 runs. For tens of thousands of ports that takes a third of the time that
        asking for each would: in their order they are found much faster.
        """
        starts = self._registry.store.run_starts() | self._practice.run_starts()
        starts |= {0, DYNAMIC_PORTS.first}
        self._run_starts = sorted([start for start in starts if start < PORTS])
        ends = (*self._run_starts[1:], PORTS)
        sizes = [end - first for first, end in zip(self._run_starts, ends, strict=True)]
        runs = {}
        for transport, ports in self._ports.items():
            if ports:  # a capture mostly has TCP and UDP
                for first in self._run_starts:
                    ports[first] = self._on_record(first, transport)
                found = [ports[first] for first in self._run_starts]
                runs[transport] = list(zip(found, sizes, strict=True))
        return runs

    def on_record(self, port: int, transport: Transport) -> PortOnRecord:
        """What is on record about *port*."""
        ports = self._ports[transport]
        found = ports.get(port)
        if found is None:
            starts = self._run_starts
            if starts:
                # That of its run's first port, which has the same rows of everything.
                port = starts[bisect_right(starts, port) - 1]
                found = ports.get(port)
            if found is None:
                found = ports[port] = self._on_record(port, transport)
        return found
