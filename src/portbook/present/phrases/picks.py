"""The sentences for what was found of a port that is to be picked, and for what else to know.

Facts are raw text, as a note or a file made them: whoever prints a sentence escapes it.
"""

from __future__ import annotations

from portbook.app.pick.criteria import Criterion, HintCode
from portbook.model import Whose
from portbook.present.phrases import filled
from portbook.present.phrases.holders import holder_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from portbook.app.pick.criteria import Check, Pick
    from portbook.present.phrases import Words

    Facts = dict[str, Any]

# By code and by the fact ``why``. Facts, and what _WORDS makes of a check, stand in braces.
EVIDENCE = {
    f"{Criterion.UNASSIGNED} assigned": "{transport}: assigned to {some_names}",
    f"{Criterion.UNASSIGNED} reserved": "{transport}: reserved ({text})",
    f"{Criterion.UNASSIGNED} dynamic": "a Dynamic Port, which is never assigned (RFC 6335 §6)",
    f"{Criterion.UNASSIGNED} listed": 'IANA lists it as "{text}" (row {row})',
    f"{Criterion.UNASSIGNED} no-row": "IANA has no row for it",
    f"{Criterion.NOT_DYNAMIC} inside": "an ephemeral port by default on {some_ranges}",
    f"{Criterion.NOT_DYNAMIC} outside": "not an ephemeral port by default: {some_ranges}",
    f"{Criterion.BROWSER_OPENS} blocked": "browsers refuse to open it",
    f"{Criterion.BROWSER_OPENS} opened": "browsers open it",
    f"{Criterion.NO_KNOWN_USE} used": "used in practice by {some_products}",
    f"{Criterion.NO_KNOWN_USE} unused": "no known use",
    f"{Criterion.NO_KNOWN_USE} wide": "no known use of its own: {some_products} may take it, as "
    "one of thousands",
    f"{Criterion.NO_ABUSE} reported": "reported abuse: {some_subjects}",
    f"{Criterion.NO_ABUSE} unreported": "no reported abuse",
    f"{Criterion.NOT_DYNAMIC_HERE} unread": "the ephemeral ports of this machine couldn't be read",
    f"{Criterion.NOT_DYNAMIC_HERE} outside": "not an ephemeral port on this machine "
    "({first}–{last})",
    f"{Criterion.NOT_DYNAMIC_HERE} kept": "in the ephemeral range {first}–{last}, but "
    "excluded from it",
    f"{Criterion.NOT_DYNAMIC_HERE} inside": "an ephemeral port on this machine ({first}–{last})",
    f"{Criterion.NOT_NOTED} noted": "{whose_notes} have {label_or_it} there ({file})",
    f"{Criterion.NOT_NOTED} untrusted": "{whose_notes} have {label_or_it} there ({file}), which "
    "you haven't trusted",
    f"{Criterion.NOT_NOTED} unread": "{problem}",
    f"{Criterion.NOT_NOTED} nothing": "not in your notes",
    f"{Criterion.NO_LOCAL_NAME} absent": "{path} is not there",
    f"{Criterion.NO_LOCAL_NAME} unread": "{path} could not be read ({error})",
    f"{Criterion.NO_LOCAL_NAME} named": "{path} calls it {first_names}",
    f"{Criterion.NO_LOCAL_NAME} unnamed": "{path} has no name for it",
    f"{Criterion.UNPRIVILEGED} refused": "the system refuses it to this user{below}",
    f"{Criterion.UNPRIVILEGED} given": "you may bind it",
    f"{Criterion.FREE_HERE} untried": "no socket could be made to try a bind",
    f"{Criterion.FREE_HERE} held": "{who} {does} {socket}",
    f"{Criterion.FREE_HERE} closing": "{transport}: a closed connection still holds it; free again "
    "within minutes",
    f"{Criterion.FREE_HERE} fails": "{transport}: a bind fails ({error})",
    f"{Criterion.FREE_HERE} free": "binding it for tcp and udp worked just now",
}
HINTS: dict[str, str] = {
    HintCode.SERVICE: "IANA has a service of that name, {service_name}, on {some_ports}: for that "
    "service, take its own port.",
    HintCode.SYSTEM_PORTS: "Ports up to 1023 are System Ports: they are assigned by "
    "IETF Review or IESG Approval (RFC 6335 §8.1.2), and an unassigned one may be assigned.",
}


def check_evidence(check: Check) -> str:
    """What the answer to *check* rests on.

    >>> from portbook.app.pick.criteria import Check
    >>> check_evidence(Check(Criterion.BROWSER_OPENS, True, (("why", "opened"),)))
    'browsers open it'
    """
    return filled(EVIDENCE, check, _WORDS)


def pick_notes(found: Pick) -> list[str]:
    """What else to know of a pick."""
    return [filled(HINTS, hint, _WORDS) for hint in found.hints]


def _some(words: Iterable[object], most: int = 3) -> str:
    unique = list(dict.fromkeys(map(str, words)))
    more = f" and {len(unique) - most} more" if len(unique) > most else ""
    return ", ".join(unique[:most]) + more


def _some_of(name: str) -> Words:
    return lambda _, facts: _some(facts[name])


def _row(_: Check, facts: Facts) -> str:
    first, last = facts["first"], facts["last"]
    return f"{first}–{last}" if last > first else str(first)


def _whose(_: Check, facts: Facts) -> str:
    return "the project's notes" if facts["whose"] == Whose.PROJECT else "your notes"


def _below(_: Check, facts: Facts) -> str:
    first = facts["unprivileged_first"]
    return "" if first is None else f": ports below {first} need root or CAP_NET_BIND_SERVICE"


def _does(check: Check, _: Facts) -> str:
    listens = check.listener is not None and check.listener.socket.listens
    return "listens on" if listens else "has bound"


def _within(holder: str) -> str:
    """*holder* in the middle of a sentence: "a root process you can't see"."""
    return holder[0].lower() + holder[1:] if holder.startswith(("A ", "The ")) else holder


_WORDS: dict[str, Words] = {
    "some_names": _some_of("names"),
    "some_products": _some_of("products"),
    "some_subjects": _some_of("subjects"),
    "some_ports": _some_of("ports"),
    "some_ranges": lambda _, facts: _some(facts["ranges"]).replace("-", "–"),
    "first_names": lambda _, facts: ", ".join(facts["names"][:3]),
    "row": _row,
    "whose_notes": _whose,
    "label_or_it": lambda _, facts: facts["label"] or "something",
    "below": _below,
    "who": lambda check, _: _within(holder_of(check.listener)),
    "does": _does,
    "socket": lambda check, _: check.listener.socket.name,
}
# The functions for the keys of JSON that are sentences, by the table that they stand in.
KEYS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "pick": {"notes": pick_notes},
    "check": {"evidence": check_evidence},
    "left_out": {"evidence": lambda choice: check_evidence(choice.failed[0])},
}
