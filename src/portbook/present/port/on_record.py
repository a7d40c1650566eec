"""What is on record for a port, in a line each: what people meet there, use it for, IANA's word."""

from __future__ import annotations

from portbook.model import State
from portbook.present.words import listed, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.lookup import PortAnswer
    from portbook.model import Assignment, Program, Use

WIDE = 16  # ports: a use that spans more never leads
_LONGEST_TITLE = 44
_KINDS = ("development", "default", "alternative", "management", "legacy")


def ranked_products(answer: PortAnswer, programs: Iterable[Program] = ()) -> list[str]:
    """What people use the port for, by name.

    A use of this port alone comes before one of many ports, a default before what is a choice;
    *programs*, which have the port as a default of theirs, before uses of a wide span.
    """
    uses = sorted(answer.uses, key=_rank)
    narrow = [use.product for use in uses if use.last - use.first < WIDE]
    wide = [use.product for use in uses if use.last - use.first >= WIDE]
    return list(dict.fromkeys([*narrow, *(each.product for each in programs), *wide]))


def _rank(use: Use) -> tuple[int, int, str]:
    kind = _KINDS.index(use.kind) if use.kind in _KINDS else len(_KINDS)
    return use.last - use.first, max(kind, 1), use.product.lower()


def fitted(names: Sequence[str], columns: int) -> str:
    """As many of *names* as fit into *columns*, and how many more there are.

    >>> fitted(["Next.js", "Rails", "Express"], 20), fitted(["Redis"], 20)
    ('Next.js and 2 more', 'Redis')
    """
    for many in range(len(names), 0, -1):
        left = len(names) - many
        line = listed(names[:many]) if not left else f"{', '.join(names[:many])} and {left} more"
        if len(line) <= columns or many == 1:
            return line
    return ""


def practice_line(answer: PortAnswer, programs: Sequence[Program], columns: int) -> str | None:
    """Who uses the port, as far as *columns* go; None where the registry's service says enough."""
    products = ranked_products(answer, programs)
    if products:
        return fitted(products, columns)
    if answer.abuse or answer.state is State.ASSIGNED or any(_unauthorized(answer)):
        return None
    return "no use and no abuse is known to us"


def _unauthorized(answer: PortAnswer) -> Iterator[str]:
    for row in _rows(answer):
        if row.unauthorized_use or row.notes:
            yield row.unauthorized_use or row.notes or ""


def abuse_line(answer: PortAnswer, columns: int) -> str | None:
    """What was reported on the port, with its time: history, and no verdict on this machine."""
    if not answer.abuse:
        return None
    subjects = dict.fromkeys(f"{each.subject} ({each.period})" for each in answer.abuse)
    return fitted(list(subjects), columns)


def registry_line(answer: PortAnswer) -> str:
    """How the port stands in the registry."""
    if answer.state is State.DYNAMIC:
        return "dynamic (ephemeral) port, never assigned"
    by_words: dict[str, list[str]] = {}
    for transport, standing in answer.standings.items():
        if standing.state is State.ASSIGNED:
            names = list(
                dict.fromkeys(
                    row.service_name or row.title or "a service without a name"
                    for row in standing.assignments
                )
            )
            words = listed(names) if len(names) <= 3 else fitted(names, 40)
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
        return f"unassigned{where}{gap}"
    by_words.pop("unassigned", None)
    title = title_line(answer)
    if len(by_words) == 1 and title:
        ((words, transports),) = by_words.items()
        return f"{words} ({title}), {listed(transports)}"
    return "; ".join(f"{words}, {listed(transports)}" for words, transports in by_words.items())


def title_line(answer: PortAnswer, longest: int = _LONGEST_TITLE) -> str | None:
    """What the first service of the port is, where its name doesn't say so already."""
    for row in _rows(answer):
        title, name = row.title, row.service_name or ""
        if title is None or _plain(title) == _plain(name):
            continue
        return title if len(title) <= longest else f"{title[: longest - 1].rstrip()}…"
    return None


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def met(answer: PortAnswer, programs: Sequence[Program]) -> str | None:
    """What people meet at the port; None where nothing is known but its state.

    That is the use in practice where no use on record is the registered service, else that
    service, else abuse that was reported.
    """
    narrow = [use for use in answer.uses if use.last - use.first < WIDE]
    if answer.state is State.ASSIGNED and (not narrow or _used_as_registered(answer, programs)):
        names = service_names(answer)
        if names:
            title = title_line(answer, 100)
            return f"{names[0]} ({title})" if title else names[0]
    if narrow:
        return fitted(ranked_products(answer), 40)
    if answer.state is not State.ASSIGNED and answer.abuse:
        return f"{answer.abuse[0].subject}, reported {when(answer.abuse[0].period)}"
    return None


def _used_as_registered(answer: PortAnswer, programs: Iterable[Program]) -> bool:
    """Whether a use or a program on record is the registered service, by its name."""
    names = {name.lower() for name in service_names(answer)}
    if any(names.intersection(map(str.lower, program.services)) for program in programs):
        return True
    known = names.union(*((row.title or "").lower().split() for row in _rows(answer)))
    return any(use.product.lower().split()[0] in known for use in answer.uses)


def service_names(answer: PortAnswer) -> list[str]:
    """The names that the registry has for the port, each once."""
    return list(dict.fromkeys(row.service_name for row in _rows(answer) if row.service_name))


def _rows(answer: PortAnswer) -> list[Assignment]:
    return [row for standing in answer.standings.values() for row in standing.assignments]
