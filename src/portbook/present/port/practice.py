"""What is known of a port beside its rows: its use in practice, and its security."""

from __future__ import annotations

from portbook.model import ReportKind, Threat, Use
from portbook.model.record import source_of
from portbook.present.document import Paragraph, Record, Records
from portbook.present.port.on_record import (
    OWN_USE,
    UNUSED,
    in_practice,
    is_own_site,
    untold_uses,
)
from portbook.present.port.registry import services, unauthorized
from portbook.present.words import family_title, listed, period, span, systems_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Program, Report, SystemRule, Transport
    from portbook.present.document import Item


def practice(answer: PortAnswer, lead: Sequence[str] = ()) -> Iterator[Item]:
    """What the port is used for, by whom, and which systems hand it out, after the page's *lead*.

    A denial that *lead* makes isn't repeated.
    """
    order = {product: at for at, product in enumerate(in_practice(answer).products)}
    ranked = sorted(answer.uses, key=lambda use: order[use.product])
    uses = _records(
        (use.product, use.kind, use.transport, (use.first, use.last), use.summary, use)
        for use in ranked
    )
    if uses:
        yield Records("Used in practice by", joined(uses), f"{answer.port}/practice")
    if answer.programs:
        programs = [program_record(each, answer.port) for each in answer.programs]
        yield Records("Servers with this default port", tuple(programs))
    if untold_uses(answer) and UNUSED not in lead:
        yield Paragraph(UNUSED)
    if is_own_site(answer):
        yield Paragraph(OWN_USE)
    handing_out = dynamic_ranges(answer)
    if handing_out:
        yield Paragraph(handing_out)
    if 512 <= answer.port <= 1023:
        yield Paragraph("bindresvport(3) hands out 512–1023 to privileged programs.")


def use_records(uses: Iterable[Use]) -> tuple[Record, ...]:
    """*uses* of several ports as records, each with its ports."""
    return _records(
        (
            use.product,
            f"{use.kind}, {span(use.first, use.last)}",
            use.transport,
            (0, 0),
            use.summary,
            use,
        )
        for use in uses
    )


def report_records(reports: Iterable[Report]) -> tuple[Record, ...]:
    """*reports* of abuse of several ports as records, each with its ports."""
    return _records(
        (
            each.subject,
            f"{_sort(each)}, {period(each.period)}, {span(each.first, each.last)}",
            each.transport,
            (0, 0),
            each.summary,
            each,
        )
        for each in reports
    )


_REPORTED_BY = {ReportKind.ATTACK: "MITRE ATT&CK", ReportKind.CVE: "CVE"}


def _sort(report: Report) -> str:
    """What *report* is of, and what reports it."""
    campaign = report.threat is Threat.CAMPAIGN
    threat = "campaign against exposed services" if campaign else report.threat
    return f"{threat}, {_REPORTED_BY.get(report.kind, report.kind)}"


def _records(
    rows: Iterable[tuple[str, str, Transport, tuple[int, int], str, Use | Report]],
) -> tuple[Record, ...]:
    """Subject, kind, transport, span, text and source; alike transports together."""
    grouped: dict[tuple[str, str, str, str, str, str], list[str]] = {}
    families: dict[tuple[str, ...], str] = {}
    called: dict[tuple[str, ...], Record] = {}
    for subject, kind, transport, (first, last), said, where in rows:
        ports = "" if first == last else f", {span(first, last)}"
        key = (subject, kind, ports, said, where.source, where.read)
        grouped.setdefault(key, []).append(str(transport))
        families[key] = family_title(where.family) if type(where) is Use else ""
        if where.sources:  # another spelling needs none, and isn't told
            address, day = source_of("also_called", where.sources, where.source, where.read)
            called[key] = Record(
                subject="",
                kind="",
                said=f"Also called {listed(where.also_called)}.",
                source=address,
                read=day,
                group=families[key],
            )
    records = []
    for key, transports in grouped.items():
        subject, kind, ports, said, source, read = key
        kind = f"{kind}, {listed(transports)}{ports}"
        records.append(
            Record(
                subject=subject,
                kind=kind,
                said=said,
                source=source,
                read=read,
                group=families[key],
            )
        )
        records += [called[key]] if key in called else []
    return tuple(records)


def program_record(program: Program, own: int | None = None) -> Record:
    """What is known of *program*, on the page of the port *own* or of none."""
    defaults = [f"{port}/{transport}" for port, transport in program.ports]
    paths = program.executables
    return Record(
        subject=program.product,
        kind=f"default {listed(defaults)}" if defaults else "default port not recorded",
        said=f"executable: {listed(paths)}" if paths else "path not recorded",
        source=program.source,
        read=program.read,
        ports=tuple([port for port, _ in program.ports if port != own]),
    )


def dynamic_ranges(answer: PortAnswer) -> str:
    """Which systems hand the port out by default, each with its range; empty where none does."""
    systems = handing_out([rule for rule in answer.systems if rule.hands_out(answer.port)])
    return f"An ephemeral port by default on {systems}." if systems else ""


def handing_out(rules: Iterable[SystemRule]) -> str:
    """The systems of *rules* with the ephemeral ports of each; empty where there are none."""
    ranges = {rule.system: (rule.dynamic_first, rule.dynamic_last) for rule in rules}
    by_range: dict[tuple[int | None, int | None], list[str]] = {}
    for system in systems_in_order(ranges):
        by_range.setdefault(ranges[system], []).append(system)
    shown = [f"{listed(systems)} ({first}–{last})" for (first, last), systems in by_range.items()]
    return listed(shown) if shown else ""


# -- security ---------------------------------------------------------------------------------


def security(answer: PortAnswer) -> Iterator[Item]:
    """What a defender wants to know, reported abuse first; nothing where nothing is known."""
    if answer.abuse:
        yield Records(
            "Reported abuse (history, not a verdict on your machine)",
            _records(
                (
                    each.subject,
                    f"{_sort(each)}, {period(each.period)}",
                    each.transport,
                    (each.first, each.last),
                    each.summary,
                    each,
                )
                for each in answer.abuse
            ),
        )
    yield from unauthorized([row for row, _ in services(answer.standings)], answer.port)
    if answer.browser_blocked:
        yield Paragraph("Browsers refuse to open it, so that web pages can't reach its service.")


# -- several records as one: a long list gets short ---------------------------------------------

_LEAST_JOINED = 3  # products that one document, or one folder, says the same of
_HOST, _BLOB = "https://github.com/", "/blob/"


def joined(records: Sequence[Record]) -> tuple[Record, ...]:
    """*records*, those of which one source says the same as one: the names in a line.

    The source is a document, of whose address the lines of the single products are left out; or
    the files of one repository at one commit, of which each product's is told.
    """
    if len(records) < _LEAST_JOINED:
        return tuple(records)
    told = set()  # what a record of its own says more of
    for at, each in enumerate(records):
        if not each.subject:
            told.add(records[at - 1])
    by_document: dict[tuple[str, ...], list[Record]] = {}
    for each in records:
        if each.subject and each not in told:
            by_document.setdefault(_what_it_says(each, _document(each)), []).append(each)
    by_repository: dict[tuple[str, ...], list[Record]] = {}
    for each in records:
        repository = _repository(each)
        alike = by_document.get(_what_it_says(each, _document(each)), ()) if repository else ()
        if each in alike and len(alike) < _LEAST_JOINED:
            by_repository.setdefault(_what_it_says(each, repository), []).append(each)
    made: dict[Record, Record | None] = {}  # what stands for each; nothing for a later one
    for same, join in (
        *[(same, _of_document) for same in by_document.values()],
        *[(same, _of_folder) for same in by_repository.values()],
    ):
        if len(same) >= _LEAST_JOINED:
            made.update(dict.fromkeys(same))
            made[same[0]] = join(same)
    shown = [made.get(each, each) for each in records]
    return tuple([each for each in shown if each is not None])


def _what_it_says(record: Record, source: str) -> tuple[str, ...]:
    return record.kind, record.said, source, record.read, record.group


def _document(record: Record) -> str:
    return record.source.partition("#")[0]


def _repository(record: Record) -> str:
    """The repository of a file on GitHub, with its commit; empty for whatever else.

    >>> from portbook.present.document import Record
    >>> _repository(Record("A", "", "", "https://github.com/o/r/blob/1f2e/d/a.json#L1", ""))
    'https://github.com/o/r/blob/1f2e'
    """
    place, blob, path = record.source.partition(_BLOB)
    commit, slash, _ = path.partition("/")
    return f"{place}{blob}{commit}" if slash and place.startswith(_HOST) else ""


def _names(same: Sequence[Record]) -> str:
    return ", ".join(dict.fromkeys(each.subject for each in same))


def _of_document(same: Sequence[Record]) -> Record:
    return same[0]._replace(subject=_names(same), source=_document(same[0]))


def _of_folder(same: Sequence[Record]) -> Record:
    folder = _repository(same[0])
    first, last = min(same, key=_document).source, max(same, key=_document).source
    for part in first.removeprefix(f"{folder}/").split("/")[:-1]:
        if not last.startswith(f"{folder}/{part}/"):
            break
        folder = f"{folder}/{part}"
    files = [(each.subject, each.source.removeprefix(f"{folder}/")) for each in same]
    return same[0]._replace(
        subject=_names(same),
        source=folder.replace(_BLOB, "/tree/", 1),
        files=tuple(files),
    )
