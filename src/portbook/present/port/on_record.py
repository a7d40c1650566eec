"""What is on record for a port, in a line each: what people meet there, use it for, IANA's word."""

from __future__ import annotations

from portbook.model import SITE_PORT, State, Transport
from portbook.model.products import InPractice, rank_products
from portbook.present.words import (
    SHORTEST,
    as_registered,
    beside,
    cut,
    fitted,
    listed,
    named,
    names_others,
    period,
    when,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Assignment, KnownService

_LONGEST_TITLE = 44
# The short answer has 65 columns beside its labels.
_LONGEST_LINE = 65

# A use needs an address that says so, and portbook has none: that it is one is said by itself.
OWN_SITE = "portbook's own site (portbook serve)"
OWN_USE = "The site that `portbook serve` opens listens on it by default."


def is_own_site(answer: PortAnswer) -> bool:
    """Whether the site that portbook opens has the port by default."""
    return answer.port == SITE_PORT and Transport.TCP in answer.standings


# What was made last, and the very values that it was made of: a page asks for it eight times.
_ranked: tuple[tuple[object, ...], InPractice] = ((), (), (), ()), InPractice()
_assigning: tuple[object, list[Assignment]] = (), []


def in_practice(answer: PortAnswer) -> InPractice:
    """What people meet on the port: the one order of products that every answer has."""
    global _ranked  # noqa: PLW0603
    (uses, programs, services, standings), found = _ranked
    if not (
        standings is answer.standings
        and uses is answer.uses
        and programs is answer.programs
        and services is answer.services
    ):
        names = {name.lower() for name in service_names(answer)}
        found = rank_products(answer.uses, answer.programs, answer.services, names)
        _ranked = (answer.uses, answer.programs, answer.services, answer.standings), found
    return found


def practice_line(answer: PortAnswer, columns: int) -> str | None:
    """Who uses the port, as far as *columns* go; None where the registry's service says enough."""
    met_there = in_practice(answer)
    if met_there.registered and (met_there.apart or not met_there.others):
        return as_registered(met_there.registered, met_there.others, columns)
    if met_there.leading:
        return fitted(met_there.products, columns, cut=True)
    if met_there.wide:
        spans = {use.product: f"{use.first}–{use.last}" for use in answer.uses}
        return fitted([beside(name, spans[name]) for name in met_there.wide], columns)
    if is_own_site(answer):
        return OWN_SITE
    return "no known use, no reported abuse" if untold_uses(answer) else None


UNUSED = "We know of no program that listens on it, and of no reported abuse."


def untold_uses(answer: PortAnswer) -> bool:
    """Whether no store has anything on the use of the port: a denial would be true."""
    known = bool(answer.uses or answer.programs or answer.services or answer.abuse)
    known = known or any(_unauthorized(answer)) or any(_recorded(answer))
    known = known or any(standing.notes for standing in answer.standings.values())
    known = known or is_own_site(answer)
    return not known and answer.state is not State.ASSIGNED and answer.port != 0


def _unauthorized(answer: PortAnswer) -> Iterator[str]:
    for row in assignments(answer):
        if row.unauthorized_use or row.notes:
            yield row.unauthorized_use or row.notes or ""


def abuse_line(answer: PortAnswer, columns: int) -> str | None:
    """What was reported on the port, with its time: history, and no verdict on this machine."""
    if not answer.abuse:
        return None
    subjects = dict.fromkeys(
        beside(each.subject, period(each.period))
        if each.transport in answer.standings
        else beside(each.subject, str(each.transport), period(each.period))
        for each in answer.abuse
    )
    return fitted(list(subjects), columns)


def registry_line(answer: PortAnswer) -> str:
    """How the port stands in the registry."""
    if answer.state is State.DYNAMIC:
        return "never assigned; 49152–65535 are dynamic (ephemeral) ports"
    by_words: dict[str, list[str]] = {}
    rows = _assigned(answer)
    assigned_to = assigned_names(answer)
    recorded = [name for name in service_names(answer) if name not in assigned_to]
    for transport, standing in answer.standings.items():
        if standing.state is State.ASSIGNED:
            names = list(
                dict.fromkeys(
                    row.service_name or row.title or "a service without a name"
                    for row in [*filter(rows.__contains__, standing.assignments)]
                    or standing.assignments
                )
            )
            words = _names(names)
        elif standing.state is State.RESERVED:
            text = standing.text or "Reserved"
            words = "reserved" if text == "Reserved" else f'reserved ("{text}")'
        else:
            words = "unassigned"
        by_words.setdefault(words, []).append(str(transport))
    if list(by_words) == ["unassigned"]:
        if answer.state is not State.UNASSIGNED:
            return f"unassigned for {listed(by_words['unassigned'])}"
        block = answer.block
        where = " on every transport" if len(answer.standings) == 4 else ""
        gap = f"; in the gap {block.first}–{block.last}" if block.size > 1 else ""
        said = [*_recorded(answer), *_notes_by_words(answer)]
        own_words = [text for text in said if not names_others(text, answer.port)]
        if own_words:
            return f'unassigned{where}, recorded as "{own_words[0]}"'
        return f"unassigned{where}{gap}"
    by_words.pop("unassigned", None)
    notes = _notes_by_words(answer)
    if notes and answer.state is State.RESERVED and len(by_words) == 1:
        return f'{next(iter(by_words))}: "{next(iter(notes))}"'
    states = {
        words: f" {'for' if words.startswith('reserved') else 'on'} {listed(transports)}"
        for words, transports in by_words.items()
    }
    also = [f"{listed(recorded)}, used but not assigned"] if recorded else []
    shown = [*(words + on for words, on in states.items()), *also]
    room = _LONGEST_LINE - len("; ".join(shown)) - len(" ()")
    title = title_line(answer, min(room, _LONGEST_TITLE)) if room >= SHORTEST else None
    assigned = [words for words in by_words if not words.startswith("reserved")]
    if title and len(assigned) == 1 and title != assigned[0] and not notes:
        states = {
            f"{assigned[0]} ({title})" if words in assigned else words: on
            for words, on in states.items()
        }
    lines = [*(words + on for words, on in states.items()), *also]
    return "; ".join([*lines, *(f'{listed(on)}: "{note}"' for note, on in notes.items())])


def _names(names: Iterable[str]) -> str:
    """*names* of services, each in one spelling: the registry has ncr-ccl and ncr_ccl."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(_plain(name), name)
    once = list(spelled.values())
    return listed(once) if len(once) <= 3 else fitted(once, 40)


def _recorded(answer: PortAnswer) -> Iterator[str]:
    """What the registry's rows say of an unassigned port beyond that it is unassigned."""
    rows = [each for each in answer.standings.values() if each.listed]
    for text in dict.fromkeys([each.text for each in rows if each.state is State.UNASSIGNED]):
        if text and text.casefold() != "unassigned":
            yield " ".join(text.split()).replace('"', "'")


def _notes_by_words(answer: PortAnswer) -> dict[str, list[str]]:
    """The registry's notes on rows without a service, each with its transports."""
    notes: dict[str, list[str]] = {}
    for transport, standing in answer.standings.items():
        if standing.notes and standing.state is not State.ASSIGNED:
            quoted = " ".join(standing.notes.split()).replace('"', "'")
            notes.setdefault(quoted, []).append(str(transport))
    return notes


def title_line(answer: PortAnswer, longest: int = _LONGEST_TITLE) -> str | None:
    """What the first service of the port is, where its name doesn't say so already."""
    for row in _assigned(answer):
        title = short_title(row)
        if title is None or _plain(title) == _plain(row.service_name or ""):
            continue
        return cut(title, longest)
    return None


def short_title(row: Assignment) -> str | None:
    """What *row* calls its service, without a pointer to another port and its name once more.

    "eldim is a secure file upload proxy" is "a secure file upload proxy" beside the name.
    """
    if row.title is None:
        return None
    title = row.title.partition(" (see port ")[0]
    again = f"{row.service_name} is "
    return title[len(again) :] if title.casefold().startswith(again.casefold()) else title


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def leading_service(answer: PortAnswer) -> KnownService | None:
    """The service that stands for the port; None where there is none, or people meet a use."""
    first = answer.services[0] if answer.services else None
    if first is None or not first.leads:
        return None
    spoken = {name.lower() for program in answer.programs for name in program.services}
    return None if first.is_outshone(answer.uses, spoken) else first


def met(answer: PortAnswer) -> str | None:
    """What people meet at the port; None where nothing is known but its state.

    That is the service that people meet there, if its meaning is on record; the use in practice
    where no use on record is the registered service, else that service, else reported abuse. What
    a list of ports alone names stands last.
    """
    first = leading_service(answer)
    if first is not None:
        return named(first)
    first = answer.services[0] if answer.services else None
    met_there = in_practice(answer)
    reported = next((each for each in answer.abuse if each.transport in answer.standings), None)
    if answer.state is State.ASSIGNED and (met_there.registered or not met_there.leading):
        names = assigned_names(answer)
        if names:
            title = title_line(answer, 100)
            service = f"{names[0]} ({title})" if title else fitted(met_there.registered, 40)
            service = service or names[0]
            # Nobody is known to meet the service there, but others met this.
            if reported is not None and not met_there.registered and not answer.services:
                return f"{service}; reported: {reported.subject}"
            return service
    if met_there.leading:
        return fitted(met_there.leading, 40, len(met_there.wide))
    if answer.state is not State.ASSIGNED and reported is not None:
        return f"{reported.subject}, reported {when(reported.period)}"
    if is_own_site(answer):
        return OWN_SITE
    return named(first) if first is not None else None


def security_line(
    services: Sequence[KnownService], columns: int, headline: KnownService | None
) -> str | None:
    """Whether what people meet there, *services*, is encrypted, and may face a network.

    None where nothing of that is recorded; most ports have no service, and load nothing for it.
    """
    if not services:
        return None
    from portbook.present.port.security import most_exposed

    return most_exposed(services, columns, headline)


def service_names(answer: PortAnswer) -> list[str]:
    """The names that the registry has for the port, each once."""
    return list(dict.fromkeys(row.service_name for row in assignments(answer) if row.service_name))


def assigned_names(answer: PortAnswer) -> list[str]:
    """Those that the port is assigned to: all, but for what the registry only records."""
    return list(dict.fromkeys(row.service_name for row in _assigned(answer) if row.service_name))


def only_recorded(row: Assignment) -> bool:
    """Whether the registry's note on *row* says that it records a use, and assigns nothing."""
    return "unassigned but widespread use" in (row.notes or "")


def _assigned(answer: PortAnswer) -> list[Assignment]:
    rows = assignments(answer)
    return [row for row in rows if not only_recorded(row)] or rows


def assignments(answer: PortAnswer) -> list[Assignment]:
    """Every row of the registry that assigns the port, transport by transport; to be read alone."""
    global _assigning  # noqa: PLW0603
    held, rows = _assigning
    if held is not answer.standings:
        rows = [row for standing in answer.standings.values() for row in standing.assignments]
        _assigning = answer.standings, rows
    return rows


def notes_of(answer: PortAnswer) -> tuple[str, ...]:
    """How the query was understood, where that isn't plain."""
    if not answer.elsewhere:
        return answer.query.notes
    remark = f"{answer.query.address} is another machine; portbook looks only at this one"
    return (*answer.query.notes, remark)
