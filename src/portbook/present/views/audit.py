"""The report of an audit: its parts in words, and as text for a terminal."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.audit.describe import names, say, uses
from portbook.model import Level, State
from portbook.model.text import moment
from portbook.present.document import Paragraph, Section, Sources, Table
from portbook.present.escape import plain
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.findings import finding_message
from portbook.present.render.document_text import render_item
from portbook.present.render.text import wrap
from portbook.present.words import plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portbook.app.audit.result import AuditAnswer, Service, Share, Tally
    from portbook.catalog import Catalog
    from portbook.formats.base import Fault
    from portbook.model import Facts
    from portbook.present.render.text import Style

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


class Look(NamedTuple):
    """A service to look into: its name, its most serious findings, how much of it, and where.

    ``said`` are the findings in words, but for what was said of a service before.
    """

    name: str
    level: Level
    codes: tuple[str, ...]
    facts: tuple[str, ...]
    said: tuple[str, ...]
    hosts: tuple[tuple[str, str], ...]


class Report(NamedTuple):
    """A report before it has a form: what was audited, in a line or two, what is to be looked
    into with how much was left out of that, and the other sections.
    """

    title: str
    lead: tuple[str, ...]
    looks: tuple[Look, ...]
    more: str
    sections: tuple[Section, ...]


def compose(answer: AuditAnswer, catalog: Catalog, limit: int) -> Report:
    """The report on *answer*, with at most *limit* services in each list."""
    left = len(answer.unexpected) - limit
    return Report(
        title=_title(answer),
        lead=tuple(_lead(answer)),
        looks=tuple(_looks(answer.unexpected[:limit], catalog)),
        more=f"and {left:,} more: --limit or --json shows them" if left > 0 else "",
        sections=tuple(_sections(answer, catalog, limit)),
    )


def render_audit(answer: AuditAnswer, catalog: Catalog, style: Style, limit: int) -> str:
    """The report as text, wrapped to the terminal."""
    report = compose(answer, catalog, limit)
    first, *rest = wrap(report.title, style.width)
    lines = [style.bold(first), *rest]
    for line in report.lead:
        lines += wrap(line, style.width)
    if report.looks or report.more:
        lines += ["", style.bold(LOOK)]
        for look in report.looks:
            lines += _look_lines(look, style)
        lines += wrap(report.more, style.width, "  ") if report.more else []
    for section in report.sections:
        lines += ["", style.bold(section.title)]
        for item in section.items:
            lines += render_item(item, style)
    return "\n".join(lines) + "\n"


LOOK = "To look into"


def _look_lines(look: Look, style: Style) -> Iterator[str]:
    first, *rest = wrap(
        f"{look.name}  {', '.join(look.codes)}: {', '.join(look.facts)}", style.width - 4
    )
    yield f"  {first.replace(look.name, style.of(look.level, look.name), 1)}"
    for line in rest:
        yield f"    {line}"
    for message in look.said:
        yield from wrap(message, style.width, "    ")
    if look.hosts:
        hosts = ", ".join(f"{host} ({much})" for host, much in look.hosts)
        yield from wrap(f"at {hosts}", style.width, "    ")


def _title(answer: AuditAnswer) -> str:
    count = len(answer.unexpected)
    if count:
        return f"{_many(count, 'service')} to look into, of {answer.total.services:,}"
    return f"{_many(answer.total.services, 'service')}, nothing to look into"


def _lead(answer: AuditAnswer) -> Iterator[str]:
    read = "; ".join(
        each.format + (f", {_many(len(each.files), 'file')}" if each.files else "")
        for each in answer.inputs
    )
    yield f"Read with {answer.engine}: {read}."
    total = answer.total
    size = ", bytes unknown" if total.bytes is None else f", {size_of(total.bytes)}"
    when = ""
    if answer.first is not None and answer.last is not None:
        span = _span(answer.first, answer.last)
        when = f", {'from' if ' to ' in span else 'at'} {span} UTC"
    yield f"{_many(total.flows, 'flow')} to services{size}{when}."
    if answer.pseudonymised:
        yield "Addresses are pseudonyms."


def _sections(answer: AuditAnswer, catalog: Catalog, limit: int) -> Iterator[Section]:
    if answer.change is not None:
        yield _change(answer, limit)
    if answer.states:
        yield Section("By state", (Table((_HEAD, *_state_rows(answer)), head=True),))
        yield Section(
            "By finding", (Table((("level", *_HEAD), *_finding_rows(answer)), head=True),)
        )
    rest = [each for each in answer.services if each.gravity < Level.CHECK.rank]
    if rest:
        rows = tuple(_service_rows(rest, catalog, limit))
        yield Section(
            "The other services" if answer.unexpected else "Services", (Table(rows, head=True),)
        )
    apart = list(_apart(answer))
    if apart:
        yield Section("Not counted", tuple(apart))
    if answer.faults:
        yield Section("Skipped rows", (Table(tuple(_fault_rows(answer.faults))),))
    if answer.missing:
        yield Section(
            "Not seen", tuple(Paragraph(reason) for reason in gap_sentences(answer.missing))
        )
    yield Section(
        "Sources",
        (Sources(tuple(answer.sources)),),
    )


_HEAD = ("", "services", "flows", "bytes")


def _looks(services: Iterable[Service], catalog: Catalog) -> Iterator[Look]:
    before: set[tuple[str, Facts]] = set()
    for each in services:
        name = f"{each.port}/{each.transport}"
        facts = [_many(each.flows, "flow")]
        if each.bytes is not None:
            facts.append(size_of(each.bytes))
        if each.first is not None and each.last is not None:
            facts.append(_span(each.first, each.last))
        said = []
        for finding in say(each, catalog):
            general = (finding.code, finding.facts)  # the port is its subject's
            if finding.level.rank >= Level.CHECK.rank and general not in before:
                said.append(finding_message(finding))
                before.add(general)
        hosts = tuple((share.host, _much(share)) for share in each.hosts or ())
        yield Look(
            name=name + (f" ({each.reach})" if each.reach else ""),
            level=max((level for _, level in each.findings), key=lambda level: level.rank),
            codes=tuple(code for code, level in each.findings if level.rank == each.gravity),
            facts=tuple(facts),
            said=tuple(said),
            hosts=hosts,
        )


def _much(share: Share) -> str:
    size = "" if share.bytes is None else f", {size_of(share.bytes)}"
    return _many(share.flows, "flow") + size


def _span(first: float, last: float) -> str:
    began, ended = moment_of(first), moment_of(last)
    return began if began == ended else f"{began} to {ended}"


def _change(answer: AuditAnswer, limit: int) -> Section:
    change = answer.change
    assert change is not None
    rows = []
    for word, keys in (("new", change.new), ("gone", change.gone)):
        for transport, port, reach, spoken in keys[:limit]:
            rows.append((word, f"{port}/{transport}", reach, f"spoke {spoken}" if spoken else ""))
        if len(keys) > limit:
            rows.append((word, f"and {len(keys) - limit:,} more", "", ""))
    title = f"Since the run of {change.since}"
    if not rows:
        return Section(title, (Paragraph("No service is new or gone."),))
    return Section(title, (Table(tuple(rows)),))


def _state_rows(answer: AuditAnswer) -> Iterator[tuple[str, ...]]:
    for state in State:
        if state in answer.states:
            yield (str(state), *_tally(answer.states[state]))


def _finding_rows(answer: AuditAnswer) -> Iterator[tuple[str, ...]]:
    order = sorted(
        answer.findings.items(), key=lambda item: (-item[0][1].rank, -item[1].flows, item[0][0])
    )
    for (code, level), tally in order:
        yield (str(level), code, *_tally(tally))


def _tally(tally: Tally) -> tuple[str, str, str]:
    # A log that has no bytes is not one of none.
    size = "unknown" if tally.bytes is None else size_of(tally.bytes)
    return f"{tally.services:,}", f"{tally.flows:,}", size


def _service_rows(
    services: list[Service], catalog: Catalog, limit: int
) -> Iterator[tuple[str, ...]]:
    busiest = sorted(services, key=lambda each: (-each.flows, each.port, each.transport))
    yield ("", "flows", "findings", "service")
    for each in busiest[:limit]:
        codes = ", ".join(code for code, _ in each.findings)
        name = f"{each.port}/{each.transport}"
        yield (name, f"{each.flows:,}", codes, name_of(each, catalog))
    if len(busiest) > limit:
        yield ("", f"and {len(busiest) - limit:,} more", "", "")


def name_of(service: Service, catalog: Catalog) -> str:
    """What a service is called: its registered names, else its products, else its state."""
    if called := names(service, catalog):
        return ", ".join(called[:3])
    if used := uses(service, catalog):
        return f"in practice {', '.join(used[:3])}"
    return service.state


def _apart(answer: AuditAnswer) -> Iterator[Paragraph]:
    for tally, what in (
        (answer.unanswered, "unanswered: refused or never accepted"),
        (answer.undecidable, "where neither side is known to be the service"),
        (answer.portless, "of protocols without ports"),
    ):
        if tally.flows:
            size = f", {size_of(tally.bytes)}" if tally.bytes else ""
            yield Paragraph(f"{_many(tally.flows, 'flow')}{size} {what}.")
    if answer.other_records:
        yield Paragraph(
            f"{_many(answer.other_records, 'other record')} of the logs, not read as flows."
        )


def _fault_rows(faults: Iterable[Fault]) -> Iterator[tuple[str, ...]]:
    for fault in faults:
        row = "" if fault.row is None else f", row {fault.row:,}"
        more = f" (and {_many(fault.more, 'more row')})" if fault.more else ""
        if fault.row is not None and fault.more is None:
            more = " (and more rows, which were not counted)"
        yield (f"{plain(fault.file)}{row}: {fault.reason}{more}",)


def _many(count: int, word: str) -> str:
    return plural(count, word)


def size_of(count: int) -> str:
    """A number of bytes, in the SI unit in which it has one to three digits before the point.

    >>> size_of(999), size_of(1000), size_of(23_400_000)
    ('999 B', '1.0 kB', '23.4 MB')
    """
    value, unit = float(count), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def moment_of(seconds: float) -> str:
    """A time for reading: to the minute, UTC.

    >>> moment_of(1795269600.0)
    '2026-11-21 14:00'
    """
    return moment(seconds)[:16].replace("T", " ")
