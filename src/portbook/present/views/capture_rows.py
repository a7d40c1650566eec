"""The sockets of a capture, each in a few lines."""

from __future__ import annotations

from portbook.model import Level, OwnersSeen, State
from portbook.model.text import moment
from portbook.present.escape import one_line
from portbook.present.port.this_machine import meaning, spoken_in_short
from portbook.present.render.text import columns_of, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portbook.model import Finding, Listener, Process, Standing, Transport, Use
    from portbook.present.render.text import Style

_LEVELS = tuple(Level)
_INDENT = " " * 7  # a level and two spaces


def rows(
    listeners: Sequence[Listener],
    standings: Mapping[tuple[int, Transport], Standing],
    style: Style,
    uses: Mapping[tuple[int, Transport], tuple[Use, ...]] | None = None,
) -> list[str]:
    """The lines of each socket; with *uses*, what its port is used for in practice as well."""
    once = _Once(style)
    lines: list[str] = []
    sockets = [one_line(listener.socket.name) for listener in listeners]
    # Sockets stand in a column, as long as that leaves room for who holds them.
    widths = [columns_of(socket) for socket in sockets]
    width = min(max(widths, default=0), style.width // 2)
    hang = " " * (len(_INDENT) + width + 2)
    narrowest = max(style.width, len(hang) + 20)
    levels = [style.of(level, f"{level:<5}") for level in _LEVELS]
    for listener, socket, taken in zip(listeners, sockets, widths, strict=True):
        gravity, verdict = once.verdict(listener)
        held = wrap(_holder(listener, once), narrowest, hang)
        lead = f"{levels[max(0, gravity)]}  {socket}"
        room = width - taken
        if room >= 0:
            lead += " " * room + "  " + held.pop(0).lstrip()
        lines += [lead, *held]
        key = (listener.socket.port, listener.socket.transport)
        registered = once.registered(key, standings[key])
        said = _details(listener, registered, once)
        if uses is not None:
            said += once.practice(uses[key])
        lines += wrap(said, style.width, _INDENT)
        lines += verdict
    return lines


class _Once:
    """What many sockets share: what is said of a process and of findings, put together once."""

    def __init__(self, style: Style) -> None:
        self._width = style.width
        self._owners: dict[tuple[object, ...], tuple[str, tuple[str, ...]]] = {}
        self._registered: dict[tuple[int, Transport], str] = {}
        self._meanings: dict[tuple[object, ...], str] = {}
        self._practice: dict[tuple[Use, ...], str] = {}
        self._verdicts: dict[tuple[Finding, ...], tuple[int, list[str]]] = {}

    def owner(self, owner: Process) -> tuple[str, tuple[str, ...]]:
        """Its name and number, and what else there is to say of it."""
        # In a capture a number alone tells nothing apart: it may be of several machines, or none.
        key = (owner.pid, owner.program, owner.container)
        said = self._owners.get(key)
        if said is None:
            number = f" ({owner.pid})" if owner.pid else ""
            name = owner.program or owner.container_name or "?"
            said = f"{name}{number}", tuple(_of(owner))
            self._owners[key] = said
        return said

    def registered(self, key: tuple[int, Transport], standing: Standing) -> str:
        """How the (port, transport) *key* stands in the registry."""
        said = self._registered.get(key)
        if said is None:
            names = [row.service_name for row in standing.assignments if row.service_name]
            if names:
                said = ", ".join(dict.fromkeys(names))
            elif standing.state is State.UNASSIGNED and not standing.listed:
                said = "not listed"
            else:
                said = str(standing.state)
            said = self._registered[key] = f"IANA: {said}"
        return said

    def meaning(self, listener: Listener) -> str:
        """What the bound address means for who can reach it."""
        key = (
            listener.socket.address,
            listener.socket.interface,
            listener.socket.scanned,
            listener.socket.v6only,
            listener.socket.udplite,
        )
        said = self._meanings.get(key)
        if said is None:
            said = self._meanings[key] = meaning(listener)
        return said

    def practice(self, uses: tuple[Use, ...]) -> str:
        """What a port is used for, as the end of a sentence."""
        said = self._practice.get(uses)
        if said is None:
            products = list(dict.fromkeys(use.product for use in uses))
            more = f" and {len(products) - 3} more" if len(products) > 3 else ""
            said = f"; in practice: {', '.join(products[:3])}{more}" if products else ""
            self._practice[uses] = said
        return said

    def verdict(self, listener: Listener) -> tuple[int, list[str]]:
        """The gravity of a socket's findings, and the lines that name them."""
        said = self._verdicts.get(listener.assessment.findings)
        if said is None:
            codes = ", ".join([finding.code for finding in listener.assessment.findings])
            said = listener.assessment.gravity, wrap(codes, self._width, _INDENT)
            self._verdicts[listener.assessment.findings] = said
        return said


_UNHELD = {
    OwnersSeen.KERNEL: "the kernel itself",
    OwnersSeen.NONE: "no process",
    OwnersSeen.UNASKED: "owner unknown",
}


def _holder(listener: Listener, once: _Once) -> str:
    if listener.ownership.owners:
        holders = ", ".join([once.owner(owner)[0] for owner in listener.ownership.owners[:3]])
        more = len(listener.ownership.owners) - 3
        if more > 0:
            holders += f" and {more} more"
    else:
        holders = _UNHELD.get(listener.ownership.seen, "owner hidden")
    if listener.ownership.seen is OwnersSeen.INFERRED:
        holders += ", inferred"
    user = listener.socket.user or ("" if listener.socket.uid is None else str(listener.socket.uid))
    return f"{holders}, {user}" if user else holders


def _details(listener: Listener, registered: str, once: _Once) -> str:
    bound = "" if listener.socket.listens else "bound, doesn't listen; "
    parts = [f"{bound}{once.meaning(listener)}", registered]
    if listener.assessment.note is not None:
        from portbook.present.port.noted import in_short, of_whom

        parts.append(f"{of_whom(listener.assessment.note)}: {in_short(listener.assessment.note)}")
    if listener.assessment.speaks is not None:
        parts.append(spoken_in_short(listener.assessment.speaks))
    for owner in listener.ownership.owners[:1]:
        parts += once.owner(owner)[1]
    if listener.socket.namespace is not None:
        parts.insert(0, f"in the network namespace {listener.socket.namespace}")
    return "; ".join(parts)


def _of(owner: Process) -> Iterator[str]:
    if owner.container:
        yield (
            f"{owner.container} ({owner.container_name})"
            if owner.container_name
            else (owner.container)
        )
    elif owner.unit:
        yield f"{owner.unit} for {owner.activates}" if owner.activates else owner.unit
    if owner.started is not None:
        yield f"since {moment(owner.started)}"
    if owner.packaged is not None:
        yield f"package {owner.package}" if owner.package else "in no package"
