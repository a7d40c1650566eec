"""The pages of a range, of blocks and of the counts: one document for every form, as a port has."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import RANGES, State
from portbook.present.document import (
    Blocks,
    Page,
    Paragraph,
    PortRow,
    Ports,
    Records,
    Section,
    Sources,
    Table,
)
from portbook.present.port import meaning
from portbook.present.port.practice import (
    handing_out,
    program_record,
    report_records,
    use_records,
)
from portbook.present.port.this_machine import in_range
from portbook.present.words import assignee, day, plural, span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.list_lookup import BlocksAnswer, RangeAnswer
    from portbook.catalog.registry.stats import Stats
    from portbook.model import Assignment, Source
    from portbook.present.document import Item, Record


class Length(NamedTuple):
    """How many entries of a list a page shows, and where those are that it only counts."""

    most: int = 40
    rest: str = "JSON has them all"

    def left(self, entries: Sequence[object]) -> Iterator[Paragraph]:
        """How many of *entries* the page leaves out, where some are."""
        if len(entries) > self.most > 0:
            yield Paragraph(f"and {len(entries) - self.most:,} more: {self.rest}")


def compose_range(answer: RangeAnswer, length: Length | None = None) -> Page:
    """The page of a run of ports, of a *length* that suits its form."""
    size = f"{answer.last - answer.first + 1:,} in all"
    title, ports = _title(answer), span(answer.first, answer.last)
    return Page(
        title=title or f"Ports {ports}{f'/{answer.transport}' if answer.transport else ''}",
        character=f"{ports}, {size}" if title else size,
        states=tuple([(state, f" {count:,}") for state, count in answer.counts.items() if count]),
        range="",
        notes=answer.query.notes,
        sections=tuple(
            [section for section in _sections(answer, length or Length()) if section.items]
        ),
    )


def _title(answer: RangeAnswer) -> str | None:
    """What RFC 6335 calls the range; None of any other, and of one transport of it."""
    if answer.transport is not None:
        return None
    spans = {(each.first, each.last): each.title for each in RANGES}
    return spans.get((answer.first, answer.last))


def _sections(answer: RangeAnswer, length: Length) -> Iterator[Section]:
    if answer.host is not None:
        if answer.host.notes:
            from portbook.present.port import noted

            for title, items in noted.sections(answer.host.notes):
                yield Section(title, (*items[: length.most], *length.left(items)))
        yield Section("This machine", tuple(in_range(answer, answer.host)), "machine")
    rules = _RULES.get(_title(answer) or "", ())
    yield Section("Rules", (Paragraph(" ".join(rules)),) if rules else (), "rules")
    yield Section("What it is for", tuple(meaning.services(answer.services)), "meaning")
    yield Section("Services", tuple(_services(answer.assignments, length)), "services")
    # A block is a run of headline states, which are over all transports.
    heading = "Blocks (all transports)" if answer.transport else "Blocks"
    yield Section(heading, tuple(_blocks(answer, length)), "blocks")
    programs = tuple(map(program_record, answer.programs))
    uses = (*_records("Uses of its ports", use_records(answer.uses), length), *_ephemeral(answer))
    yield Section("In practice", uses, "practice")
    yield Section("Security", tuple(meaning.risks(answer.services)), "security")
    servers = _records("With a default port in it", programs, length)
    yield Section("Server programs", tuple(servers), "programs")
    reports = _records(_HISTORY, report_records(answer.abuse), length)
    yield Section("Reported abuse", tuple(reports), "abuse")
    yield Section("Sources", (Sources(answer.sources),), "sources")


_HISTORY = "History, not a verdict on your machine"


def _records(caption: str, records: Sequence[Record], length: Length) -> Iterator[Item]:
    if records:
        yield Records(caption, tuple(records[: length.most]))
    yield from length.left(records)


# What RFC 6335 says of each of its ranges.
_RULES = {
    "System Ports": (
        "They are the smallest range and the most densely assigned one.",
        "Older texts call them well-known ports (RFC 6335 §6).",
        "Getting one assigned takes IETF Review or IESG Approval.",
    ),
    "User Ports": (
        "New services get a number in this range.",
        "Older texts call them registered ports (RFC 6335 §6).",
        "Getting one assigned takes Expert Review, IETF Review or IESG Approval.",
    ),
    "Dynamic Ports": (
        "They are for local and temporary use.",
        "Older texts call them private or ephemeral ports (RFC 6335 §6).",
        "They are never assigned: a service that needs a fixed number asks for a User Port.",
    ),
}


def _ephemeral(answer: RangeAnswer) -> Iterator[Item]:
    systems = handing_out(answer.systems)
    if systems:
        yield Paragraph(f"Ephemeral ports by default: {systems}.")


def _services(assignments: Iterable[Assignment], length: Length) -> Iterator[Item]:
    """The first services of the range, each with its transports."""
    grouped: dict[tuple[object, ...], tuple[Assignment, list[str]]] = {}
    for row in assignments:
        key = (row.first, row.last, row.service_name, row.description)
        grouped.setdefault(key, (row, []))[1].append(row.transport or "any")
    services = list(grouped.values())
    if not services:
        yield Paragraph("No service is assigned in this range.")
        return
    yield Ports(
        "Assigned by IANA, in order", tuple([_service(*each) for each in services[: length.most]])
    )
    yield from length.left(services)


def _service(row: Assignment, transports: Iterable[str]) -> PortRow:
    assert row.first is not None  # a range has no row without a port
    return PortRow(
        row.first,
        row.first if row.last is None else row.last,
        (row.service_name,) if row.service_name else (),
        f"{row.title or 'no description'} ({' '.join(transports)})",
    )


def _blocks(answer: RangeAnswer, length: Length) -> Iterator[Item]:
    """The blocks in order, or the longest where they are many."""
    if len(answer.blocks) <= length.most:
        yield Blocks("In the order of their ports", answer.blocks)
        return
    longest = sorted(answer.blocks, key=lambda block: (-block.size, block.first))
    yield Blocks("The longest first", tuple(longest[: length.most]))
    yield from length.left(longest)


def compose_blocks(answer: BlocksAnswer, length: Length | None = None) -> Page:
    """The page of blocks, the longest first: of a *length*, or all of them."""
    length = length or Length(0)
    shown = answer.blocks[: length.most or None]
    kind = f"{answer.state} " if answer.state else ""
    where = f" of the {answer.range_name.title()} Ports" if answer.range_name else ""
    of_all = f"{len(shown):,} of " if len(shown) < len(answer.blocks) else ""
    ports = plural(sum([block.size for block in answer.blocks]), "port")
    table = (Blocks("The longest first", shown),) if shown else ()
    sections = (
        Section("Blocks", (*table, *length.left(answer.blocks)), "blocks"),
        Section("Sources", (Sources(answer.sources),) if answer.sources else (), "sources"),
    )
    return Page(
        title=f"{of_all}{plural(len(answer.blocks), f'{kind}block')}{where}",
        character=f"{ports}{' in all' if of_all else ''}",
        states=(),
        range="",
        notes=(),
        sections=tuple([section for section in sections if section.items]),
    )


_ASSIGNEES = 10  # of them are shown; JSON has all


def compose_stats(stats: Stats, sources: Iterable[Source]) -> Page:
    """The page of the counts: each range by transport and state, then years and assignees."""
    as_of = day(stats.registration_as_of) if stats.registration_as_of else "an unknown day"
    years = [(year, f"{count:,}") for year, count in stats.years]
    top = [(assignee(name), f"{count:,}") for name, count in stats.assignees[:_ASSIGNEES]]
    portless = f"; {stats.portless:,} have a row without a port" if stats.portless else ""
    verb = "assigns" if stats.assigned_rows == 1 else "assign"
    services = (
        f"{plural(stats.services, 'service name')}{portless}. "
        f"{plural(stats.assigned_rows, 'row')} {verb} a service."
    )
    return Page(
        title="The registry in numbers",
        character=plural(stats.services, "service name"),
        states=(),
        range="",
        notes=(),
        sections=(
            *_counted(stats),
            Section("Services", (Paragraph(services),), "services"),
            Section(
                f"Registrations by year (as of {as_of})",
                (_counts(("year", "rows"), *years, ("undated", f"{stats.undated:,}")),),
                "years",
            ),
            Section(
                f"Assignees with the most rows (as of {as_of})",
                (
                    _counts(
                        ("assignee", "rows"),
                        *top,
                        ("not recorded", f"{stats.assignee_not_recorded:,}"),
                    ),
                ),
                "assignees",
            ),
            Section("Sources", (Sources(tuple(sources)),), "sources"),
        ),
    )


def _counted(stats: Stats) -> Iterator[Section]:
    """A section for each range: its ports by transport and state."""
    for each in dict.fromkeys(count.range for count in stats.ranges):
        rows = [
            (
                str(count.transport or "any transport"),
                *[f"{n:,}" for n in count.states.values()],
                f"{count.states[State.ASSIGNED] / sum(count.states.values()):.0%}",
            )
            for count in stats.ranges
            if count.range == each
        ]
        title = f"{each.title} ({each.first}–{each.last})"
        if each.first == each.last:
            title = f"Port {each.first}"
        yield Section(title, (_counts(("", *map(str, State), "how full"), *rows),), each.name)


def _counts(*rows: tuple[str, ...]) -> Table:
    return Table(rows, head=True, counts=True)
