r"""What other tools printed, read: one reader a tool, and the format detected.

>>> chosen, events = read([b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\\n"])
>>> chosen.name, [event.socket.name for event in events]
('ss', ['tcp 0.0.0.0:22'])
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from portbook.errors import MalformedInput, NothingKnown
from portbook.formats.base import FormatTable, find_format
from portbook.formats.decoration import (
    ADDED,
    CELLS,
    DECORATIONS,
    PAIRS,
    WORN_BY_ALL,
    Undecorated,
    undecorated,
)
from portbook.formats.fields import (
    NOT_UNDERSTOOD,
    Line,
    NumberedLines,
    no_names,
)
from portbook.formats.lines import (
    blocks_of,
    from_quoted_printable,
    is_quoted_printable,
)
from portbook.formats.parts import steps_of
from portbook.formats.sockets.readers import LONGEST, block_reader, reader, row_reader
from portbook.formats.sockets.rewrapped import Cut, joined, width_of, without_indent
from portbook.formats.sockets.together import Shared, together
from portbook.formats.sockets.worth import (
    MOST_EVENTS,
    NOTHING,
    Worth,
    beginning,
    begun,
    nothing_known,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.formats.base import SocketFormat
    from portbook.formats.decoration import Decoration
    from portbook.formats.fields import Event, Lines, Names, PlainRows

    More = Callable[[], Mapping[str, SocketFormat]]

AnyEvent = TypeVar("AnyEvent")

# In the order in which one is preferred, where several read a capture equally well.
FORMATS: Mapping[str, SocketFormat] = FormatTable(
    "portbook.formats.sockets",
    {
        "ss": "ss",
        "netstat": "netstat",
        "netstat-windows": "netstat_windows",
        "netstat-solaris": "netstat_solaris",
        "sockstat": "sockstat",
        "lsof": "lsof",
        "lsof-fields": "lsof",
        "nmap": "nmap",
        "nmap-grepable": "nmap",
        "nmap-xml": "nmap_xml",
        "masscan-list": "masscan",
        "masscan-json": "masscan",
        "open-ports": "short_lists",
        "rpcinfo": "short_lists",
        "systemctl-sockets": "short_lists",
        "fuser": "fuser",
        "docker": "docker",
        "proc-net": "proc_net",
        "portbook": "portbook_json",
        "osquery": "osquery",
        "osquery-table": "osquery",
        "powershell": "powershell",
        "zeek": "flow_logs",
        "flow-json": "flow_logs",
        "records": "records",
    },
)
# What a page writes a quotation mark as, without which the owners of ss' rows aren't read.
_ENTITY = re.compile(r"\(\(&(?:quot|#34|#x22);")
_MOST_TOGETHER = 5  # tools whose output stands in one ticket
_TRIED_LINES, _TRIED_WIDTH = 40, 2000
# The format is found by the first lines, in so much of them.
_SAMPLE_LINES, _SAMPLE_SIZE = 400, 1 << 17


def installed() -> Mapping[str, SocketFormat]:
    """The formats that installed packages bring; their code is imported."""
    from portbook.formats.plugins import socket_formats

    return socket_formats(FORMATS)


def read(
    chunks: Iterable[bytes],
    name: str | None = None,
    names: Names = no_names,
    more: More = dict,
) -> tuple[SocketFormat, Iterator[Event]]:
    """The format of a capture, and what its reader finds, as it comes.

    *name* is the format, or None to find it; *more* returns the formats to look at where no
    format of portbook's own is it: see :func:`installed`.

    :raises MalformedInput: there is nothing to read, or nothing in it is what any tool prints.
    :raises InvalidArgument: there is no format called *name*.
    """
    return _read(chunks, name, names, more, block_reader)


def read_rows(
    chunks: Iterable[bytes],
    name: str | None = None,
    names: Names = no_names,
    more: More = dict,
) -> tuple[SocketFormat, Iterator[Event | PlainRows]]:
    """As :func:`read`, with plain rows together where the format reads them so."""
    return _read(chunks, name, names, more, row_reader)


def _read(
    chunks: Iterable[bytes],
    name: str | None,
    names: Names,
    more: More,
    reader_of: Callable[[SocketFormat], Callable[[NumberedLines, Names], Iterator[AnyEvent]]],
) -> tuple[SocketFormat, Iterator[Event | AnyEvent]]:
    form = None if name is None else find_format(FORMATS, name, more)
    blocks = blocks_of(chunks)
    taken, sample = _begin(blocks, known=form is not None)
    if not any(line.strip() for _, line in sample):
        # Pages of blank lines before the first text are nobody's output.
        raise NothingKnown("there is nothing to read: the input is empty")
    every = NumberedLines(chain(taken, blocks))
    if form is not None:
        return form, reader_of(form)(every, names)
    if is_quoted_printable(line for _, line in sample):
        sample = list(from_quoted_printable(sample))
        every = NumberedLines(from_quoted_printable(every))
    forms, worn = _detect(sample, names, more)
    if worn:
        return together(forms), _read_undecorated(forms, Undecorated(every, worn), names)
    if len(forms) == 1:
        return forms[0], reader_of(forms[0])(every, names)
    return together(forms), _read_all(forms, every, names)


def _begin(blocks: Lines, *, known: bool) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The first of *blocks*, and of their lines so many as tell a format: where it is *known*, up
    to the first that isn't blank.
    """
    taken: list[tuple[int, str]] = []
    sample: list[tuple[int, str]] = []
    size = 0
    for block in blocks:
        taken.append(block)
        for each in NumberedLines([block]):
            sample.append(each)
            # What is too long to be anything in most formats doesn't hide what comes behind it.
            size += min(len(each[1]), LONGEST)
            enough = known and each[1].strip()
            if enough or len(sample) >= _SAMPLE_LINES or size > _SAMPLE_SIZE:
                return taken, sample
    return taken, sample


def _read_undecorated(
    forms: list[SocketFormat], lines: Undecorated, names: Names
) -> Iterator[Event]:
    """What *forms* find in *lines*, each socket with the host that its line named."""
    for host, run in lines.runs():
        for event in _read_all(forms, run, names):
            if isinstance(event, Line):
                yield lines.as_pasted(event)
            elif host is None:
                yield event
            else:
                yield event._replace(socket=event.socket._replace(host=host))
    yield from lines.removed()


def _read_all(forms: list[SocketFormat], lines: Lines, names: Names) -> Iterator[Event]:
    """What the first of *forms* finds; what it doesn't understand is given to the next one."""
    first, *others = forms
    if not others:
        return reader(first)(lines, names)
    shared = Shared(reader(first), lines, names)
    return shared.events(_read_all(others, shared.refused(), names))


def detect(
    sample: list[tuple[int, str]], names: Names = no_names, more: More = dict
) -> SocketFormat:
    """The format that explains the first lines of a capture best.

    Those that *more* returns are asked only where none of portbook's own explains anything, so that
    no package changes how a capture is read.

    :raises NothingKnown: none explains any of them.
    :raises MalformedInput: two packages' formats explain them equally well.
    """
    return together(_detect(sample, names, more)[0])


def _detect(
    sample: list[tuple[int, str]], names: Names, more: More
) -> tuple[list[SocketFormat], tuple[Decoration, ...]]:
    """The formats of a capture, and what has to be taken off each line before they read it."""
    sample = [(number, beginning(line, LONGEST)) for number, line in sample]
    form = _sure(sample, names)
    return _compared(sample, names, more) if form is None else ([form], ())


def _compared(
    sample: list[tuple[int, str]], names: Names, more: More
) -> tuple[list[SocketFormat], tuple[Decoration, ...]]:
    best, worth = _best(FORMATS.values(), sample, names)
    forms, apart, worn = _taken_apart(sample, names)
    # Of a diff fewer are right: what it takes away may look like a row as well.
    if forms and apart.sockets and apart.unread <= worth.unread:
        best, worth = forms, apart
    elif not worth.plain or any(map(_ENTITY.search, [line for _, line in sample])):
        best, worth, worn = _undressed(sample, names, best, worth)
    if not worn and worth.sockets and (worn := _worn_by_all(sample, names)):
        best, worth = _best(FORMATS.values(), list(undecorated(sample, worn)), names)
    if not best:
        # Of what nobody reads whole, the beginning may be known.
        best = begun(FORMATS.values(), sample)[:1]
    if not best:
        brought = tuple(more().values())
        best, worth = _best(brought, sample, names)
        best = best or begun(brought, sample)
        if len(best) > 1:
            titles = " or ".join(form.name for form in best)
            raise MalformedInput(f"the input can be {titles}: name its format")
    if not best:
        raise nothing_known(sample)
    forms = best[:1]
    bare = list(undecorated(sample, worn)) if worn else sample
    while worth.unread and len(forms) < _MOST_TOGETHER:
        bare = _unread(forms[-1], bare, names)
        others, worth = _best(
            [form for form in FORMATS.values() if form.name not in {each.name for each in forms}],
            bare,
            names,
        )
        if not others or not worth.sockets:
            break
        forms.append(others[0])
    return forms, worn


def _sure(sample: list[tuple[int, str]], names: Names) -> SocketFormat | None:
    """The format that is preferred to all others, where it alone can be meant by *sample*: the
    others, of which most are large, aren't looked at then.
    """
    form = next(iter(FORMATS.values()))
    some = [(number, line) for number, line in sample if line.strip()]
    if form.sure is None or not form.sure([line for _, line in some]):
        return None
    worth = weigh(partial(reader(form), sample, names), sample, whole=False)
    return form if worth.sockets and not worth.unread else None


def _taken_apart(
    sample: list[tuple[int, str]], names: Names
) -> tuple[list[SocketFormat], Worth, tuple[Decoration, ...]]:
    """As :func:`_best`, of the parts of *sample*, and the step that finds them where there are."""
    worn = steps_of([line[:_TRIED_WIDTH] for _, line in sample])
    if not worn:
        return [], NOTHING, ()
    return *_best(FORMATS.values(), list(undecorated(sample, worn)), names), worn


def _worn_by_all(sample: list[tuple[int, str]], names: Names) -> tuple[Decoration, ...]:
    """What each line of *sample* wears, where it is read as well without."""
    some = [(at, line[:_TRIED_WIDTH]) for at, line in sample if line.strip()][:_TRIED_LINES]
    for worn in WORN_BY_ALL:
        if worn is ADDED and len(some) == 1:
            continue
        bare = list(undecorated(some, (worn,)))
        if any(line == whole for (_, line), (_, whole) in zip(bare, some, strict=True)):
            continue
        (_, now), (_, before) = (_best(FORMATS.values(), lines, names) for lines in (bare, some))
        if now.is_as_good_as(before):
            return (worn,)
    return ()


def _undressed(
    sample: list[tuple[int, str]], names: Names, best: list[SocketFormat], worth: Worth
) -> tuple[list[SocketFormat], Worth, tuple[Decoration, ...]]:
    """As :func:`_best`, with what has to be taken off each line; nothing where that doesn't help.

    Output that nobody decorated isn't looked at here, and of any other so many lines are enough.
    """
    some = [(number, line[:_TRIED_WIDTH]) for number, line in sample if line.strip()]
    # One that is cut is nothing, but where it holds many: that shows in its beginning.
    some = some[:_TRIED_LINES]
    worn: tuple[Decoration, ...] = ()
    least = _best(FORMATS.values(), some, names)[1] if best else NOTHING
    most, owned, unread = least.sockets, least.owned, worth.unread
    cut = _cut(some, names)
    # One at a time; two together where neither alone leads to a socket.
    for tried in (*((each,) for each in DECORATIONS), *PAIRS, *cut):
        if len(tried) > 1 and worn:
            continue
        bare = list(undecorated(some, tried))
        if bare == some:
            continue
        forms, weighed = _best(FORMATS.values(), bare, names)
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
        rest = celled and kept and weighed.sockets == most > 0 and weighed.unread < unread
        if forms and (more or whole or rest):
            worn, most, owned, unread = tried, weighed.sockets, weighed.owned, weighed.unread
    if worn not in cut:
        worn = _cut_below(some, names, worn)
    if not worn:
        return best, worth, ()
    best, worth = _best(FORMATS.values(), list(undecorated(sample, worn)), names)
    return best, worth, worn


def _cut_below(
    some: list[tuple[int, str]], names: Names, worn: tuple[Decoration, ...]
) -> tuple[Decoration, ...]:
    """*worn*, and the step that puts together what was cut before, where that helps.

    Of what is nothing before it is put together, each line must wear the same.
    """
    for base in [worn] if worn else [(each,) for each in WORN_BY_ALL]:
        bare = list(undecorated(some, base))
        if not worn and not {*bare}.isdisjoint(some):
            continue
        before = _best(FORMATS.values(), bare, names)[1]
        for steps in _cut(bare, names) if before.unread or not before.known else ():
            now = _best(FORMATS.values(), list(undecorated(bare, steps)), names)[1]
            if now.sockets and now.is_as_good_as(before) and now != before:
                return (*base, *steps)
    return worn


def _cut(some: list[tuple[int, str]], names: Names) -> tuple[tuple[Decoration, ...], ...]:
    """The steps that put *some* lines together, where a narrow terminal cut them."""
    steps: tuple[Decoration, ...] = ()
    if all(line.startswith(" ") for _, line in some):
        steps = (without_indent,)
        some = list(undecorated(some, steps))
    width = width_of(line for _, line in some)
    if width is None:
        return ()
    whole = joined(some, width)
    forms = _best(FORMATS.values(), whole, names)[0]
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


def _best(
    formats: Iterable[SocketFormat], sample: list[tuple[int, str]], names: Names
) -> tuple[list[SocketFormat], Worth]:
    """The formats that explain *sample* best, all equally well, and how well that is."""
    best: list[SocketFormat] = []
    most = NOTHING
    whole = len(sample) < _SAMPLE_LINES
    for form in formats:
        worth = weigh(partial(reader(form), sample, names), sample, whole=whole)
        if not worth.known:
            continue
        if not best or worth.points > most.points:
            best, most = [form], worth
        elif worth.points == most.points:
            best.append(form)
    return best, most
