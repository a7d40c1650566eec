r"""What a format is, and what its reader may count on.

A format is one value: a :class:`SocketFormat` for lists of sockets, which ``explain`` reads, or a
:class:`FlowFormat` for logs of flows, which ``audit`` reads. It stands in the file of its reader,
and whatever others need to know of the format is one of its fields: nothing asks for a format by
its name. Portbook's own are rows of one table (:class:`FormatTable`); installed packages
bring more (:mod:`portbook.formats.plugins`).

A reader of sockets is a function that is given

- ``lines``, an iterable of ``(number, text)``: the lines of the output from 1 on, as they come,
  without their ends, without a terminal's colours, and decoded. Bytes that are no UTF-8 are lone
  surrogates. A line of more than 64K characters is cut and begins with ``"\0"``, unless the format
  isn't ``by_line``.
- ``names``, a function from a service's name and a transport to a port: None where it has none.

It yields, as it reads,

- a :class:`~portbook.model.Listener` for each socket that listens or is bound, with its owners as
  they were printed (:func:`portbook.formats.fields.owned`; ``UNTOLD`` where none was), unjudged;
- a :class:`~portbook.formats.fields.Line` for each other line that isn't blank: no line is
  dropped. One that it can't read is :func:`~portbook.formats.fields.not_understood`.

It raises :class:`~portbook.errors.MalformedInput`, with a reason, only where the output is of its
format and must not be read. It does no I/O, keeps nothing from one output to the next, and takes
time and memory linear in its input: the text is whoever's, and may be made to do harm. Patterns
have bounds, numbers are checked before they are taken, and nothing is evaluated.

The format of an output is found by its readers: each reads the first lines, and the one that
explains them best has it. A reader that takes other tools' lines for its own takes their outputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from portbook._fast_types import NamedTuple
from portbook.errors import InvalidArgument, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portbook.formats.fields import Reader, RowReader
    from portbook.formats.flows.layout import Head, Layout

    Begins = Callable[[Sequence[str]], bool]


class Fault(NamedTuple):
    """Something in a source that couldn't be taken: where, why, and how many rows it was.

    ``row`` counts from 1; None where the whole file, or no single row, is meant. ``more`` is how
    many rows beyond this one have the same fault; None where that wasn't counted.
    """

    file: str
    row: int | None
    reason: str
    more: int | None = 0


class Scan(NamedTuple):
    """What an audit needs to know of a format that is a scan's.

    ``title`` is what its reports call it. ``begins`` says, without reading them, whether first
    lines can be of such a scan.
    """

    title: str
    begins: Begins


class SocketFormat(NamedTuple):
    """A form of output that lists sockets: its name, a title for people, and its reader.

    ``by_line`` says that each line stands on its own, so that no line is long and memory stays
    small. ``per_process`` says that a row is one process's view of a socket, of which several may
    be listed. ``begins`` recognises first lines of which nothing can be read yet, where an output
    is one value that may end far behind them. ``scan`` is set where it is a scan.
    ``also`` names other formats that stand in the same input. ``read_rows`` reads the same as
    ``read``, by the block and as soon, plain rows together: a caller may need no value for each.
    ``sure`` says of first lines that no other format reads more in them, and that nothing is around
    them; what is preferred to all others isn't compared with them then.
    """

    name: str
    title: str
    read: Reader
    by_line: bool = True
    per_process: bool = False
    begins: Begins | None = None
    scan: Scan | None = None
    also: tuple[str, ...] = ()
    read_rows: RowReader | None = None
    sure: Begins | None = None


class FlowFormat(NamedTuple):
    """A form of flow log: its name, a title for people, and what recognises it.

    ``recognise`` is given the beginning of a file, and returns how the engine is to read it, or
    None where the file is of another format. ``explain_refusal`` says why a file that is plainly of
    this family isn't taken; None where it isn't plain. ``recognise_bare`` takes a file whose header
    was cut off, where the format is named. ``marks`` are of a log whose lines may stand among those
    of others, anywhere in a file: one of them is in each line by which it is told.
    """

    name: str
    title: str
    recognise: Callable[[Head], Layout | None]
    explain_refusal: Callable[[Head], str | None] | None = None
    recognise_bare: Callable[[Head], Layout | None] | None = None
    marks: tuple[bytes, ...] = ()


F = TypeVar("F", SocketFormat, FlowFormat)


class FormatTable(Mapping[str, F], Generic[F]):
    """Formats in the order in which they are preferred.

    Each stands in the tuple ``FORMATS`` of its module in *package*, which *modules* names.
    """

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        self._package = package
        self._modules = modules

    def __getitem__(self, name: str) -> F:
        module = importlib.import_module(f"{self._package}.{self._modules[name]}")
        formats: tuple[F, ...] = module.FORMATS
        return next(form for form in formats if form.name == name)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def find_format(
    formats: Mapping[str, F], name: str, more: Callable[[], Mapping[str, F]] = dict
) -> F:
    """The format called *name* of *formats*, or of those that *more* returns.

    :raises InvalidArgument: no format has that name.
    """
    if name in formats:
        return formats[name]
    others: Mapping[str, F] = more()
    if name not in others:
        raise InvalidArgument(
            "format", f"{shown(name)} is not one of {', '.join((*formats, *others))}"
        )
    return others[name]
