"""What the services are that people meet on a port: what they do, for whom, and what they risk."""

from __future__ import annotations

from portbook.present.document import Record, Records
from portbook.present.port.on_record import protection, security_line
from portbook.present.words import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import KnownService
    from portbook.present.document import Item

_LINE = 200  # columns of a sentence that nothing has to fit beside


def security_sentences(answer: PortAnswer) -> Iterator[str]:
    """Whether what people meet on the port is encrypted and may face a network, where known."""
    line = security_line(answer, _LINE)
    if line is not None:
        first = answer.services[0].name
        yield f"{line}." if ": " in line.partition(", ")[0] else f"{first}: {line}."


def services(answer: PortAnswer) -> Iterator[Item]:
    """What each service is and does, who uses it, and where else it is met."""
    if answer.services:
        yield Records("What people meet there", tuple(_record(*each) for each in _alike(answer)))


def _alike(answer: PortAnswer) -> Iterator[tuple[KnownService, str]]:
    """Each service once, with its transports."""
    grouped: dict[str, tuple[KnownService, list[str]]] = {}
    for known in answer.services:
        grouped.setdefault(known.name, (known, []))[1].append(str(known.transport))
    for known, transports in grouped.values():
        span = "" if known.first == known.last else f", {known.first}–{known.last}"
        yield known, f"{listed(transports)}{span}"


def _record(known: KnownService, where: str) -> Record:
    facts = protection(known)
    return Record(
        known.name,
        f"{where}{f', {facts}' if facts else ''}",
        " ".join(_sentences(known)),
        known.source,
        known.read,
    )


def _sentences(known: KnownService) -> Iterator[str]:
    yield known.description
    if known.people:
        yield known.people
    if known.twin:
        plain = "Unencrypted" if known.encryption == "always" else "Encrypted"
        yield f"{plain} on {known.twin}."
    if known.successor:
        yield f"Replaced by {known.successor}."
    if known.elsewhere:
        yield f"Also met on {listed(known.elsewhere)}."
    if known.references:
        yield f"Described in {listed(known.references)}."


def risks(answer: PortAnswer) -> Iterator[Item]:
    """Advice against exposing a service, and how it reflects datagrams, each with its source."""
    records = []
    for known, where in _alike(answer):
        if known.exposure is not None:
            source, read = known.source_of("exposure")
            said = f"{known.exposure.advice} {known.exposure.why}"
            records.append(Record(known.name, f"exposure, {where}", said, source, read))
        if known.amplification is not None:
            source, read = known.source_of("amplification")
            kind = f"amplification, {where}"
            records.append(Record(known.name, kind, known.amplification, source, read))
    if records:
        yield Records("Advice on exposing it", tuple(records))
