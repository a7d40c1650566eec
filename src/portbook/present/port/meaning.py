"""What the services are that people meet on a port: what they do, for whom, and what they risk."""

from __future__ import annotations

from portbook.model import Encryption
from portbook.present.document import Record, Records
from portbook.present.port.on_record import security_line
from portbook.present.port.security import protection
from portbook.present.words import listed, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import KnownService
    from portbook.present.document import Item

_LINE = 200  # columns of a sentence that nothing has to fit beside


def security_sentences(answer: PortAnswer) -> Iterator[str]:
    """Whether what people meet on the port is encrypted and may face a network, where known."""
    line = security_line(answer.services, _LINE, next(iter(answer.services), None))
    if line is not None:
        named = line.startswith(tuple([f"{known.name}: " for known in answer.services]))
        yield f"{line}." if named else f"{answer.services[0].name}: {line}."


def services(met: Iterable[KnownService]) -> Iterator[Item]:
    """What each service is and does, who uses it, and where else it is met."""
    records = [record for each in _alike(met) for record in _records(*each)]
    if records:
        yield Records("What people meet there", tuple(records))


def _alike(met: Iterable[KnownService]) -> Iterator[tuple[KnownService, str]]:
    """Each service once, with its transports, and where it has several ports, with these."""
    grouped: dict[str, list[KnownService]] = {}
    for known in met:
        grouped.setdefault(known.name, []).append(known)
    for alike in grouped.values():
        transports = dict.fromkeys([str(each.transport) for each in alike])
        spans = dict.fromkeys([(each.first, each.last) for each in alike])
        several = len(spans) > 1 or any(first < last for first, last in spans)
        ports = f", {listed([span(*each) for each in spans])}" if several else ""
        yield alike[0], f"{listed(transports)}{ports}"


def _records(known: KnownService, where: str) -> Iterator[Record]:
    """What *known* is, and apart what other sources say of it."""
    facts = protection(known)
    name, kind = known.name, f"{where}{f', {facts}' if facts else ''}"
    by_source: dict[tuple[str, str], list[str]] = {}
    for field, sentence in _sentences(known):
        by_source.setdefault(known.source_of(field), []).append(sentence)
    for (source, read), sentences in by_source.items():
        yield Record(subject=name, kind=kind, said=" ".join(sentences), source=source, read=read)
        name = kind = ""


def _sentences(known: KnownService) -> Iterator[tuple[str, str]]:
    """What *known* states, each with its field."""
    yield "description", known.description
    if known.source_of("gist") != known.source_of("description"):
        yield "gist", f"{known.gist[0].upper()}{known.gist[1:]}."
    if known.source_of("ports") != known.source_of("description"):
        yield "ports", f"Met on port {known.first}."
    if known.people:
        yield "people", f"Used by {known.people}."
    if known.also_called and known.source_of("also_called") != known.source_of("description"):
        yield "also_called", f"Also called {listed(known.also_called)}."
    yield from _protections(known)
    if known.twin:
        plain = "Unencrypted" if known.encryption is Encryption.ALWAYS else "Encrypted"
        yield "twin", f"{plain} on {known.twin}."
    if known.successor:
        yield "successor", f"Replaced by {known.successor}."
    if known.elsewhere:
        yield "elsewhere", f"Also met on {listed(known.elsewhere)}."
    if known.references:
        yield "references", f"Described in {listed(known.references)}."


def _protections(known: KnownService) -> Iterator[tuple[str, str]]:
    """How *known* protects what it carries, where another source says so than what it is."""
    apart = (
        ("encryption", protection(known._replace(authentication=None))),
        ("authentication", protection(known._replace(encryption=None))),
    )
    for field, words in apart:
        if words and known.source_of(field) != known.source_of("description"):
            yield field, f"{words[0].upper()}{words[1:]}."


def risks(met: Iterable[KnownService]) -> Iterator[Item]:
    """Advice against exposing a service, and how it reflects datagrams, each with its source."""
    records = []
    for known, where in _alike(met):
        if known.exposure is not None:
            source, read = known.source_of("exposure")
            said = f"{known.exposure.advice} {known.exposure.why}"
            records.append(
                Record(
                    subject=known.name,
                    kind=f"exposure, {where}",
                    said=said,
                    source=source,
                    read=read,
                )
            )
        if known.amplification is not None:
            source, read = known.source_of("amplification")
            kind = f"amplification, {where}"
            records.append(
                Record(
                    subject=known.name,
                    kind=kind,
                    said=known.amplification,
                    source=source,
                    read=read,
                )
            )
    if records:
        yield Records("Advice on exposing it", tuple(records))
