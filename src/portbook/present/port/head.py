"""The head of a port's page: its short answer, laid out beside the number and in a card.

>>> from portbook.present.brief import Brief
>>> brief = Brief("305 is unassigned", None, None, "unassigned on every transport", None, None, ())
>>> title_of(305, brief)
'Port 305: unassigned'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import State
from portbook.present.port.on_record import assignments
from portbook.present.words import few, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.port_lookup import PortAnswer
    from portbook.present.brief import Brief

LONGEST_TITLE = 60  # characters: search engines and tabs cut what is longer
_SITE = " · portbook"
_NOTHING = "we know of nothing beyond its registration"


class Head(NamedTuple):
    """What stands beside the number, and in the cells of the card.

    ``marks`` are further lines of practice, each with its label: protection, reported abuse.
    """

    answer: str
    registry: str
    practice: str
    marks: tuple[tuple[str, str], ...]


def head_of(answer: PortAnswer, brief: Brief) -> Head:
    """The head of the page of *answer*, a whole answer; *brief* is of no machine."""
    marks = (("Security", brief.security), ("Reported", brief.abuse))
    return Head(
        _raised(_bare(answer.port, brief.headline)),
        _raised(brief.registry),
        _raised(brief.practice or _instead(answer)),
        tuple([(label, text) for label, text in marks if text]),
    )


def _instead(answer: PortAnswer) -> str:
    """What is known of its use where no product is; it denies one after every store was asked."""
    if answer.port == 0:
        return "no program has it: binding 0 gets another port"
    speaking = answer.related.implementing if answer.related is not None else ()
    if speaking:
        return f"servers that speak it: {few([each.product for each in speaking])}"
    if answer.services:
        return named(answer.services[0])
    if answer.abuse:
        return ""
    if any(row.notes or row.unauthorized_use for row in assignments(answer)):
        return "the registry's note below says more"
    return _NOTHING if answer.state is State.ASSIGNED else ""


def title_of(port: int, brief: Brief) -> str:
    """The page's title with the answer in it; with the site's name at most 60 characters."""
    return shortened(f"Port {port}: {_bare(port, brief.headline)}")


def shortened(title: str) -> str:
    """*title* as long as a page's may be: without what stands in brackets, then without what comes
    behind its commas; between words, and marked so, where nothing else helps.

    >>> shortened("ssh: 22 · SSH"), len(shortened("one word after another " * 4))
    ('ssh: 22 · SSH', 46)
    >>> shortened("Port 8080: HTTP alternate, web servers and proxies of all kinds")
    'Port 8080: HTTP alternate'
    >>> shortened("Port 98: Acronis storage node, ddns-go, Example and 6 more")
    'Port 98: Acronis storage node, ddns-go and 7 more'
    """
    room = LONGEST_TITLE - len(_SITE)
    if len(title) <= room:
        return title
    bare = _without_brackets(title)
    names, separator, more = bare.rpartition(" and ")
    if separator and more.endswith(" more") and ", " in names:
        *kept, _ = names.split(", ")
        count = int(more.removesuffix(" more").replace(",", "")) + 1
        fewer = f"{', '.join(kept)} and {count:,} more"
        return fewer if len(fewer) <= room else shortened(fewer)
    if len(bare) <= room:
        return bare
    for mark in ("; ", ", ", " and ", ": "):
        cut = bare[: room + 1].rpartition(mark)[0]
        if ": " in cut:
            return cut
    return f"{bare[: room - 1].rpartition(' ')[0].rstrip(' ,;:(')}…"


def _without_brackets(text: str) -> str:
    """*text* without what stands in brackets, however deep; as it is where they don't match.

    >>> _without_brackets("swx (The (Swiss) Exchange); reported: X"), _without_brackets("a (b")
    ('swx; reported: X', 'a (b')
    """
    kept, depth = [], 0
    for char in text:
        depth += char == "("
        if not depth:
            kept.append(char)
        depth -= char == ")" and depth > 0
    bare = "".join(kept)
    return text if depth else bare.replace(" ;", ";").replace(" ,", ",").replace("  ", " ").strip()


def _bare(port: int, headline: str) -> str:
    """*headline* without the number, which stands beside it."""
    number, _, rest = headline.partition(" ")
    for word in ("· ", "is ", "means "):
        if number.partition("/")[0] == str(port) and rest.startswith(word):
            return rest.removeprefix(word)
    return headline


# Words of ours that a line begins with; a name keeps its own first letter.
_OURS = (
    "unassigned", "reserved", "assigned", "a dynamic", "never", "the ", "any free", "no known",
    "we know", "no program", "servers that", "as registered",
)  # fmt: skip


def _raised(line: str) -> str:
    return line[:1].upper() + line[1:] if line.startswith(_OURS) else line
