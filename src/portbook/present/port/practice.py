"""What is known of a port beside its rows: its use in practice, and its security."""

from __future__ import annotations

from portbook.present.document import Paragraph, Record, Records
from portbook.present.port.registry import services, unauthorized
from portbook.present.words import listed, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.lookup import PortAnswer
    from portbook.model import Program, Report, Transport, Use
    from portbook.present.document import Item


def practice(answer: PortAnswer) -> Iterator[Item]:
    """What the port is used for, by whom, and which systems hand it out."""
    uses = _records(
        (use.product, use.kind, use.transport, (use.first, use.last), use.summary, use)
        for use in answer.uses
    )
    if uses:
        yield Records("Uses on record", uses)
    if answer.programs:
        programs = [program_record(each, answer.port) for each in answer.programs]
        yield Records("Server programs with this default port", tuple(programs))
    lacking = no_uses(answer)
    if lacking:
        yield Paragraph(lacking)
    if answer.systems:
        yield Paragraph(dynamic_ranges(answer))
    if 512 <= answer.port <= 1023:
        yield Paragraph(
            "A privileged program that asks bindresvport(3) for a port may get it as well: that "
            "function picks from 512–1023."
        )


def use_records(uses: Iterable[Use]) -> tuple[Record, ...]:
    """*uses* of several ports as records, each with its ports."""
    return _records(
        (use.product, f"{use.kind}, {_ports(use)}", use.transport, (0, 0), use.summary, use)
        for use in uses
    )


def report_records(reports: Iterable[Report]) -> tuple[Record, ...]:
    """*reports* of abuse of several ports as records, each with its ports."""
    return _records(
        (
            each.subject,
            f"{each.kind}, {when(each.period)}, {_ports(each)}",
            each.transport,
            (0, 0),
            each.summary,
            each,
        )
        for each in reports
    )


def _ports(entry: Use | Report) -> str:
    return str(entry.first) if entry.first == entry.last else f"{entry.first}–{entry.last}"


def _records(
    rows: Iterable[tuple[str, str, Transport, tuple[int, int], str, Use | Report]],
) -> tuple[Record, ...]:
    """Subject, kind, transport, span, text and source; alike transports together."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for subject, kind, transport, (first, last), said, where in rows:
        span = "" if first == last else f", {first}–{last}"
        key = (subject, kind, span, said, where.source, where.read)
        grouped.setdefault(key, []).append(str(transport))
    return tuple(
        [
            Record(subject, f"{kind}, {listed(transports)}{span}", said, source, read)
            for (subject, kind, span, said, source, read), transports in grouped.items()
        ]
    )


def program_record(program: Program, own: int | None = None) -> Record:
    """What is on record of *program*, on the page of the port *own* or of none."""
    defaults = [f"{port}/{transport}" for port, transport in program.ports]
    paths = program.executables
    return Record(
        program.product,
        f"by default {listed(defaults)}" if defaults else "no default port on record",
        f"runs as {listed(paths)}" if paths else "its path is not on record",
        program.source,
        program.read,
        tuple([port for port, _ in program.ports if port != own]),
    )


def no_uses(answer: PortAnswer) -> str:
    """What was looked for in which source, as of when, and isn't there; empty where all is."""
    as_of = {source.id: source.as_of for source in answer.sources}
    other = "other " if answer.programs else ""
    looked = (
        (f"{other}use in practice", "lore-uses", answer.uses),
        ("report of abuse", "lore-abuse", answer.abuse),
    )
    lacking = [(subject, source) for subject, source, there in looked if not there]
    asked = [(subject, source) for subject, source in lacking if as_of.get(source)]
    sentences = []
    if asked:
        subjects = " and no ".join([subject for subject, _ in asked])
        where = ", ".join([f"{source} as of {as_of[source]}" for _, source in asked])
        sentences.append(f"No {subjects} is on record here ({where}).")
    sentences += [
        f"No {subject} is recorded at all in this version of portbook."
        for subject, source in lacking
        if not as_of.get(source)
    ]
    return " ".join(sentences)


def dynamic_ranges(answer: PortAnswer) -> str:
    """Which systems hand the port out automatically, by default."""
    ranges: dict[tuple[int, int], list[str]] = {}
    for rule in answer.systems:
        if rule.dynamic_first is not None and rule.dynamic_last is not None:
            span = (rule.dynamic_first, rule.dynamic_last)
            ranges.setdefault(span, []).append(rule.system)
    hits = [
        f"{listed(systems)} ({first}–{last})"
        for (first, last), systems in ranges.items()
        if first <= answer.port <= last
    ]
    if hits:
        return (
            "A program that asks for any port can be given this one, so an outbound connection "
            f"can hold it by chance: it is in the default range of {listed(hits)}."
        )
    systems = listed(dict.fromkeys([rule.system for rule in answer.systems]))
    return (
        "A program that asks for any port isn't given this one: it is outside the default "
        f"ranges of {systems}."
    )


# -- security ---------------------------------------------------------------------------------


def security(answer: PortAnswer) -> Iterator[Item]:
    """What is on record that a defender wants to know; nothing where nothing is."""
    yield from unauthorized([row for row, _ in services(answer.standings)])
    if answer.abuse:
        yield Records(
            "Abuse that was reported on it, which says nothing of what runs there today",
            _records(
                (
                    each.subject,
                    f"{each.kind}, {when(each.period)}",
                    each.transport,
                    (each.first, each.last),
                    each.summary,
                    each,
                )
                for each in answer.abuse
            ),
        )
    if answer.browser_blocked:
        source = next((each for each in answer.sources if each.id == "lore-browsers"), None)
        where = "" if source is None else f" ({source.id} as of {source.as_of})"
        yield Paragraph(
            "Browsers refuse to open it: it is one of the ports that the Fetch standard blocks"
            f"{where}, so that a web page can't be made to speak to the service behind it."
        )
