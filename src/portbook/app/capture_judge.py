"""The verdict on the sockets of a capture, of which there may be hundreds of thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portbook.app.judge import Judge
from portbook.model import Assessment, Listener, PortRules
from portbook.model.seen import UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portbook.app.judge import OwnersOnRecord
    from portbook.catalog import Catalog
    from portbook.model import Reach
    from portbook.verdict.shadowing import Reached

_NOTHING_KNOWN = PortRules("")
_MANY = 50_000  # sockets: about as many ports as they may have
_tuple: Any = tuple.__new__


class CaptureJudge(Judge):
    """The verdict on captured sockets.

    A note in a capture was written for another machine: it is shown, and no finding here depends
    on it. What portbook itself found before is kept.
    """

    def __init__(self, catalog: Catalog, *, said: bool = True) -> None:
        super().__init__(_NOTHING_KNOWN, catalog, said=said)

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

    def all(self, listeners: Sequence[Listener]) -> list[Listener]:
        """*listeners* with their findings, as a call has them for each.

        Where nothing is said, those alike share one verdict, and most sockets that a tool lists
        without more are alike: of each, no more is looked at than what tells verdicts apart.
        """
        if self._said:
            return list(map(self, listeners))
        ports = self._ports
        if len(listeners) > _MANY:
            for transport in {listener.socket.transport for listener in listeners[:_MANY]}:
                self.learn_all(transport)
        owners: dict[tuple[Any, ...], OwnersOnRecord] = {}
        reaches: dict[str, Reach | None] = {}
        verdicts: dict[tuple[object, ...], Assessment] = {}
        shared: dict[int, Assessment] = {}
        judged: list[Listener] = []
        for listener in listeners:
            socket, ownership, assessment = listener
            processes, seen = ownership
            (
                transport, _, address, port, state, interface, _, uid, user, _, queue, limit,
                _, _, _, scanned, _, _, _,
            ) = socket  # fmt: skip
            if (
                assessment is not UNJUDGED
                or interface is not None
                or scanned
                or len(processes) > 1
                or (queue and limit is not None and queue > limit)
            ):
                judged.append(self(listener))
                continue
            on_record = ports[transport].get(port) or self.on_record(port, transport)
            # All that is known of an owner but its pid.
            process = processes[0][1:] if processes else ()
            owned = owners.get(process)
            if owned is None:
                owned = owners[process] = self.owners_on_record(processes)
            reach = reaches.get(address, ...)
            if reach is ...:
                reach = reaches[address] = socket.reach
            alike = port not in owned.ports and owned.speaks.isdisjoint(on_record.speaks)
            place = on_record.kind if alike else (port, transport)
            key = (place, id(owned), seen, reach, state, uid, user)
            verdict = verdicts.get(key)
            if verdict is None:
                findings = self.findings(listener, on_record, ())
                verdict = shared.setdefault(id(findings), Assessment(findings))
                verdicts[key] = verdict
            judged.append(_tuple(Listener, (socket, ownership, verdict)))
        return judged
