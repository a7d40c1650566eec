"""The head of a port's page: its short answer, laid out beside the number and in a card.

>>> from portbook.present.brief import Brief
>>> brief = Brief("305 is unassigned", None, None, "unassigned on every transport", None, None, ())
>>> head_of(305, brief).answer, title_of(305, brief)
('Unassigned', 'Port 305: unassigned')
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.present.brief import Brief

LONGEST_TITLE = 60  # characters: search engines and tabs cut what is longer
_SITE = " · portbook"
_NOTHING = "nothing beyond its registration is known to us"


class Head(NamedTuple):
    """What stands beside the number, and in the cells of the card.

    ``marks`` are further lines of practice, each with its label: protection, reported abuse.
    """

    answer: str
    registry: str
    practice: str
    marks: tuple[tuple[str, str], ...]


def head_of(port: int, brief: Brief) -> Head:
    """The head of the page of *port*; *brief* is of no machine."""
    marks = (("Security", brief.security), ("Reported", brief.abuse))
    told = brief.practice or ("" if brief.abuse else _NOTHING)
    return Head(
        _raised(_bare(port, brief.headline)),
        _raised(brief.registry),
        _raised(told),
        tuple([(label, text) for label, text in marks if text]),
    )


def title_of(port: int, brief: Brief) -> str:
    """The page's title with the answer in it; with the site's name at most 60 characters."""
    title = f"Port {port}: {_bare(port, brief.headline)}"
    room = LONGEST_TITLE - len(_SITE)
    if len(title) <= room:
        return title
    cut = title[: room - 1].rpartition(" ")[0].rstrip(" ,;:(")
    return f"{cut}…"


def _bare(port: int, headline: str) -> str:
    """*headline* without the number, which stands beside it."""
    for begin in (f"{port} · ", f"{port} is ", f"{port} means "):
        if headline.startswith(begin):
            return headline.removeprefix(begin)
    return headline


# Words of ours that a line begins with; a name keeps its own first letter.
_OURS = (
    "unassigned", "reserved", "assigned", "a dynamic", "dynamic", "the ", "any free", "no known",
    "nothing", "as registered",
)  # fmt: skip


def _raised(line: str) -> str:
    return line[:1].upper() + line[1:] if line.startswith(_OURS) else line
