"""Which format explains the first lines of a capture best: the readers of all of them are compared,
with the lines as they are and without what may be around them.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from portbook.errors import MalformedInput
from portbook.formats.common_lead import leads_of
from portbook.formats.decoration import (
    CELLS,
    DECORATIONS,
    ON_SEVERAL,
    PAIRS,
    SURE,
    WORN_BY_ALL,
    WORN_BY_SOME,
    undecorated,
)
from portbook.formats.fields import HEADING, NOT_UNDERSTOOD, Line
from portbook.formats.parts import steps_of
from portbook.formats.sockets.readers import reader
from portbook.formats.sockets.rewrapped import Cut, joined, width_of, without_indent
from portbook.formats.sockets.worth import (
    MOST_EVENTS,
    NOTHING,
    SAMPLE_LINES,
    Worth,
    begun,
    nothing_known,
    weigh,
)
from portbook.formats.surroundings import is_around

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from portbook.formats.base import SocketFormat
    from portbook.formats.fields import Names
    from portbook.formats.pasted_line import Decoration

    Formats = Collection[SocketFormat]
    More = Callable[[], Mapping[str, SocketFormat]]

# What a page writes a quotation mark as, without which the owners of ss' rows aren't read.
_ENTITY = re.compile(r"\(\(&(?:quot|#34|#x22);")
_MOST_TOGETHER = 5  # tools whose output stands in one ticket
_TRIED_LINES, _TRIED_WIDTH = 40, 2000


def compared(
    formats: Formats, sample: list[tuple[int, str]], names: Names, more: More
) -> tuple[list[SocketFormat], tuple[Decoration, ...]]:
    """The formats of a capture, of *formats*, and what has to be taken off each of its lines.

    :raises NothingKnown: none explains any of them.
    :raises MalformedInput: two packages' formats explain them equally well.
    """
    best, worth = best_of(formats, sample, names)
    forms, apart, worn = _taken_apart(formats, sample, names)
    # Of a diff fewer are right: what it takes away may look like a row as well.
    if forms and apart.sockets and apart.unread <= worth.unread:
        best, worth = forms, apart
    elif not worth.plain or any(map(_ENTITY.search, [line for _, line in sample])):
        best, worth, worn = _undressed(formats, sample, names, best, worth)
    if not worn and worth.sockets and (worn := _worn_by_all(formats, sample, names)):
        best, worth = best_of(formats, list(undecorated(sample, worn)), names)
    if not best:
        # Of what nobody reads whole, the beginning may be known.
        best = begun(formats, sample)[:1]
    if not best:
        brought = tuple(more().values())
        best, worth = best_of(brought, sample, names)
        best = best or begun(brought, sample)
        if len(best) > 1:
            titles = " or ".join(form.name for form in best)
            raise MalformedInput(f"the input can be {titles}: name its format")
    if not best:
        raise nothing_known(sample, _lacking(formats, sample, names))
    forms = best[:1]
    bare = list(undecorated(sample, worn)) if worn else sample
    while worth.unread and len(forms) < _MOST_TOGETHER:
        bare = _unread(forms[-1], bare, names)
        others, worth = best_of(
            [form for form in formats if form.name not in {each.name for each in forms}],
            bare,
            names,
        )
        if not others or not worth.sockets:
            break
        forms.append(others[0])
    return forms, worn


def _lacking(formats: Formats, sample: list[tuple[int, str]], names: Names) -> str | None:
    """The format whose header *sample* has, and what each row below it lacks; None of others."""
    for form in formats:
        try:
            events = list(islice(reader(form)(sample, names), MOST_EVENTS))
        except MalformedInput:
            continue
        lines = [event for event in events if isinstance(event, Line)]
        reasons = {line.why for line in lines if line.what == NOT_UNDERSTOOD}
        if lines and lines[0].what == HEADING and len(reasons) == 1 and (why := reasons.pop()):
            return f"{form.name}: {why}"
    return None


def _taken_apart(
    formats: Formats, sample: list[tuple[int, str]], names: Names
) -> tuple[list[SocketFormat], Worth, tuple[Decoration, ...]]:
    """As :func:`best_of`, of the parts of *sample*, and the step that finds them, if any."""
    worn = steps_of([line[:_TRIED_WIDTH] for _, line in sample])
    if not worn:
        return [], NOTHING, ()
    return *best_of(formats, list(undecorated(sample, worn)), names), worn


def _worn_by_all(
    formats: Formats, sample: list[tuple[int, str]], names: Names
) -> tuple[Decoration, ...]:
    """What each line of *sample* wears, where it is read as well without."""
    some = [
        (at, line[:_TRIED_WIDTH])
        for at, line in sample
        if line.strip() and not is_around(line.strip())
    ][:_TRIED_LINES]
    if not some:
        return ()
    before = best_of(formats, some, names)[1]
    if not before.sockets:  # a long line of JSON, cut: nothing can be compared
        return ()
    lines = [line for _, line in some]
    partly = (*WORN_BY_SOME, *leads_of(lines)) if before.unread else ()
    best = before
    found: tuple[Decoration, ...] = ()
    for worn in (*WORN_BY_ALL, *partly):
        if worn in ON_SEVERAL and len(some) == 1:
            continue
        bare = list(undecorated(some, (worn,)))
        by_all = _all_differ(some, bare)
        if not (by_all or before.unread) or bare == some:
            continue
        now = best_of(formats, bare, names)[1]
        # Who holds a socket may have been no more than such a number or a time.
        sure = worn in SURE and by_all and now.sockets >= best.sockets
        good = now.is_as_good_as(best) or (sure and now.unread <= best.unread)
        # What not all of them wear is taken off where that leaves less unread.
        less = now.unread < best.unread
        less = less and (by_all or not _blanked(some, bare, worn))
        if good and (less or (by_all and not found and worn not in partly)):
            best, found = now, (worn,)
            if not now.unread:
                break
    return found


def _all_differ(some: list[tuple[int, str]], bare: list[tuple[int, str]]) -> bool:
    """Whether a step that left *bare* of *some* lines changed each of them."""
    return all(line != whole for (_, line), (_, whole) in zip(bare, some, strict=False))


def _blanked(some: list[tuple[int, str]], bare: list[tuple[int, str]], worn: Decoration) -> bool:
    """Whether *worn* left nothing of a line of *some* that may be anybody's words."""
    return any(
        line.strip() == ""
        and not (len(whole.strip()) >= _SHORTEST_RULE if worn is CELLS else _FRAME.match(whole))
        for (_, line), (_, whole) in zip(bare, some, strict=False)
    )


_SHORTEST_RULE = 3  # characters between a table's rows
_FRAME = re.compile(
    r"\s*(?:</?(?:table|t?head|t?body|t[rhd]|div|pre|code|p|br|[ou]l|li|span|html)\b[^<>]{0,200}>\s*)"
    r"{1,8}$",
    re.IGNORECASE,
)


def _undressed(
    formats: Formats,
    sample: list[tuple[int, str]],
    names: Names,
    best: list[SocketFormat],
    worth: Worth,
) -> tuple[list[SocketFormat], Worth, tuple[Decoration, ...]]:
    """As :func:`best_of`, with what has to be taken off each line; nothing where that doesn't help.

    Output that nobody decorated isn't looked at here, and of any other so many lines are enough.
    """
    some = [(number, line[:_TRIED_WIDTH]) for number, line in sample if line.strip()]
    # One that is cut is nothing, but where it holds many: that shows in its beginning.
    some = some[:_TRIED_LINES]
    worn: tuple[Decoration, ...] = ()
    least = best_of(formats, some, names)[1] if best else NOTHING
    most, owned, unread = least.sockets, least.owned, worth.unread
    cut = _cut(formats, some, names)
    # One at a time; two together where neither alone leads to a socket.
    leads = leads_of([line for _, line in some])
    for tried in (*((each,) for each in (*SURE, *DECORATIONS, *leads)), *PAIRS, *cut):
        if (len(tried) > 1 and worn) or (tried[0] in ON_SEVERAL and len(some) == 1):
            continue
        bare = list(undecorated(some, tried))
        if bare == some:
            continue
        forms, weighed = best_of(formats, bare, names)
        # What reads no more sockets than there were is no decoration, but somebody's text. Of rows
        # that were cut, the sockets may be in the first part, and their owners in the rest.
        fewer = weighed.unread < min(unread, weighed.sockets)
        kept = weighed.owned >= owned  # or a line that isn't the rest hides the owner
        whole = tried in cut and weighed.sockets == most and fewer and kept
        # Markup may have hidden no more than who holds them, or a table's rules and its header.
        more = (weighed.sockets, weighed.owned) > (most, owned) and weighed.sockets
        # A table's rules alone may be of an output below that has no cells.
        celled = tried == (CELLS,) and any(
            line.strip() and line != before
            for (_, line), (_, before) in zip(bare, some, strict=True)
        )
        as_many = kept and weighed.sockets == most > 0
        rest = celled and as_many and weighed.unread < unread
        # A number before each line may be read as well where all that is before it isn't.
        lead = tried[0] in leads and as_many and weighed.unread < unread
        rest = rest or (lead and not _blanked(some, bare, tried[0]))
        if forms and (more or whole or rest):
            worn, most, owned, unread = tried, weighed.sockets, weighed.owned, weighed.unread
            if tried[0] in SURE and not unread and _all_differ(some, bare):
                break
    if worn not in cut:
        worn = _cut_below(formats, some, names, worn)
    if not worn:
        return best, worth, ()
    best, worth = best_of(formats, list(undecorated(sample, worn)), names)
    return best, worth, worn


def _cut_below(
    formats: Formats, some: list[tuple[int, str]], names: Names, worn: tuple[Decoration, ...]
) -> tuple[Decoration, ...]:
    """*worn*, and the step that puts together what was cut before, where that helps.

    Of what is nothing before it is put together, each line must wear the same.
    """
    for base in [worn] if worn else [(each,) for each in WORN_BY_ALL]:
        bare = list(undecorated(some, base))
        if not worn and not {*bare}.isdisjoint(some):
            continue
        before = best_of(formats, bare, names)[1]
        for steps in _cut(formats, bare, names) if before.unread or not before.known else ():
            now = best_of(formats, list(undecorated(bare, steps)), names)[1]
            if now.sockets and now.is_as_good_as(before) and now != before:
                return (*base, *steps)
    return worn


def _cut(
    formats: Formats, some: list[tuple[int, str]], names: Names
) -> tuple[tuple[Decoration, ...], ...]:
    """The steps that put *some* lines together, where a narrow terminal cut them."""
    steps: tuple[Decoration, ...] = ()
    if all(line.startswith(" ") for _, line in some):
        steps = (without_indent,)
        some = list(undecorated(some, steps))
    width = width_of(line for _, line in some)
    if width is None:
        return ()
    whole = joined(some, width)
    forms = best_of(formats, whole, names)[0]
    if not forms:
        return ()
    try:
        found = Cut(reader(forms[0]), names, some, whole, width)
        return ((*steps, found.step),) if found.is_likely(some) else ()
    except MalformedInput:  # the reader refuses it, and says why when the whole is read
        return ()


def _unread(
    form: SocketFormat, sample: list[tuple[int, str]], names: Names
) -> list[tuple[int, str]]:
    """The lines of *sample* that *form* doesn't understand."""
    text = dict(sample)
    return [
        (event.number, text[event.number])
        for event in islice(reader(form)(sample, names), MOST_EVENTS)
        if isinstance(event, Line) and event.what == NOT_UNDERSTOOD and event.number in text
    ]


def best_of(
    formats: Iterable[SocketFormat], sample: list[tuple[int, str]], names: Names
) -> tuple[list[SocketFormat], Worth]:
    """The formats that explain *sample* best, all equally well, and how well that is."""
    best: list[SocketFormat] = []
    most = NOTHING
    whole = len(sample) < SAMPLE_LINES
    for form in formats:
        worth = weigh(partial(reader(form), sample, names), sample, whole=whole)
        if not worth.known:
            continue
        if not best or worth.points > most.points:
            best, most = [form], worth
        elif worth.points == most.points:
            best.append(form)
    return best, most
