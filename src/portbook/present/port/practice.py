"""What is known of a port beyond its rows: its use in practice, its history, its security."""

from __future__ import annotations

from portbook.model import State
from portbook.present import words
from portbook.present.port import page
from portbook.present.port.entry import Claim, Claims, Facts, Heading, Quote, Text
from portbook.present.port.lead import day
from portbook.present.views import changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.lookup import PortAnswer
    from portbook.model import Assignment
    from portbook.present.port.entry import Item
    from portbook.present.port.related import Around


# -- in practice ------------------------------------------------------------------------------


def practice(answer: PortAnswer, near: Around) -> Iterator[Item]:
    """What the port is used for, by whom, and which systems hand it out."""
    claims = [
        Claim(
            use.product,
            f"{use.kind}, {use.transport}{_span(use.first, use.last)}",
            use.summary,
            use.source,
            use.read,
        )
        for use in answer.uses
    ]
    if claims:
        yield Claims("Uses on record", tuple(claims))
    programs = [
        Claim(
            program.product,
            " ".join(str(kind) for port, kind in program.ports if port == answer.port),
            _default(program.executables),
            program.source,
            program.read,
        )
        for program in near.programs
    ]
    if programs:
        yield Claims("Server programs with this default port", tuple(programs))
    if near.implementing:
        names = [program.product for program in near.implementing]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        yield Text(
            "Other server programs on record that can speak what is registered here: "
            f"{words.listed(names[:12]) if not more else ', '.join(names[:12])}{more}."
        )
    if not claims:
        # Its own programs are no use beside the registry's.
        none = page.no_uses(answer)
        yield Text(none.replace("No use in", "No other use in", 1) if programs else none)
    if answer.systems:
        yield Text(page.dynamic_ranges(answer))
    if 512 <= answer.port <= 1023:
        yield Text(
            "A privileged program that asks bindresvport(3) for a port may get it as well: that "
            "function picks from 512–1023."
        )


def _span(first: int, last: int) -> str:
    return "" if first == last else f", {first}–{last}"


def _default(executables: tuple[str, ...]) -> str:
    return (
        f"runs as {words.listed(executables[:3])}" if executables else "its path is not on record"
    )


# -- history ----------------------------------------------------------------------------------


def history(answer: PortAnswer) -> Iterator[Item]:
    """What the sources tell of the past, with the day that each is of."""
    if answer.history:
        rows = [
            (
                f"{change.since} – {change.until}",
                f"{changes.place(change)}: {changes.said(change)}.",
            )
            for change in answer.history
        ]
        yield Facts(tuple(rows))
    yield Text(changes.beyond(answer))
    if answer.state is State.DYNAMIC:
        return
    then = next((s.as_of for s in answer.sources if s.id == "iana-2015"), None)
    for row, transports in page.services(answer.standings)[:6]:
        yield Text(_row_history(row, transports))
    if answer.state is State.ASSIGNED:
        if then is not None:
            yield Text(
                "Assignees and dates of registration are those of the registry's copy of "
                f"{then}, the only one read here that has them; what changed since is not in it."
            )
        return
    said = dict.fromkeys(standing.text for standing in answer.standings.values() if standing.text)
    for text in said:
        if text.casefold() not in ("unassigned", "reserved"):
            yield Quote(text, f"all that the row of {day(answer)} says about the past")
    dated = [each for each in (*answer.before[:1], *answer.after[:1]) if each.service_names]
    if dated:
        yield Text(
            "Its neighbours have pages with what is known of theirs: "
            f"{words.listed([f'{each.port} ({each.service_names[0]})' for each in dated])}.",
            tuple(each.port for each in dated),
        )


def _row_history(row: Assignment, transports: list[str]) -> str:
    name = f"{row.service_name or row.title or 'The row'} ({words.listed(transports)})"
    day = row.as_of.get("registration")
    if day is None:
        return (
            f"{name}: who registered it, and when, is not recorded in our sources: the copy with "
            "dates has no row of that name, number and transport."
        )
    said = []
    if row.registered:
        said.append(f"registered {row.registered}")
    if row.modified:
        said.append(f"last modified {row.modified}")
    if not said:
        said.append(f"already in the registry of {day}, which has no date for it")
    said.append(f"assignee {row.assignee}" if row.assignee else "assignee not recorded")
    return f"{name}: {'; '.join(said)}."


# -- security ---------------------------------------------------------------------------------


def security(answer: PortAnswer) -> Iterator[Item]:
    """What is on record that a defender wants to know."""
    for row, _ in page.services(answer.standings):
        if row.unauthorized_use:
            yield Quote(
                row.unauthorized_use,
                f"known unauthorized use, by the registry as of {row.as_of['registration']}",
            )
    if answer.abuse:
        yield Claims(
            "Abuse that was reported on it, which says nothing of what runs there today",
            tuple(
                Claim(
                    report.subject,
                    f"{report.when}, {report.transport}{_span(report.first, report.last)}",
                    report.summary,
                    report.source,
                    report.read,
                )
                for report in answer.abuse
            ),
        )
    if answer.browser_blocked:
        yield Text(
            "Browsers refuse to open it: it is one of the ports that the Fetch standard blocks, "
            "so that a web page can't be made to speak to the service behind it."
        )
    if answer.state is State.ASSIGNED:
        yield Text(
            f"That {answer.port} is assigned vouches for nothing: traffic on it need not belong "
            "to its service, and a firewall is better set up by what is known of the traffic "
            "than by the number (RFC 6335 §10)."
        )
    elif answer.state is State.DYNAMIC:
        yield Text(
            f"Something that listens on {answer.port} need not be there tomorrow, and the same "
            "program may come back on another number. A rule for the program, or for its "
            "address, holds better than one for this port."
        )
    else:
        yield Text(
            f"A listener on {answer.port} breaks no rule and follows none: no service is known by "
            "this number, so only the program itself can tell what it is. A closed firewall "
            "takes nothing from any registered service here."
        )
    if answer.range.name == "system" and answer.systems:
        yield Heading("Who may bind it")
        yield Facts(
            tuple((_titled(rule.system, rule.since), rule.privileged) for rule in answer.systems)
        )


def _titled(system: str, since: str | None) -> str:
    return f"{system}, {since} on" if since else system
