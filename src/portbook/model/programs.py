"""Programs that serve, and what systems do with ports by themselves."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model.record import (  # noqa: TC001 - for typing.get_type_hints
    StatementSource,
    Transport,
)


class Program(NamedTuple):
    """A server program: where its executable lives and which services it implements.

    ``executables`` are absolute paths in which ``*`` stands for any one path component or part
    of one. ``services`` are IANA service names; ``ports`` its default ports. ``macos`` and
    ``windows`` are the names that it goes by there, without a path: a weaker sign. ``further``
    are sources beyond the first. ``also_called`` are other names of the product.
    """

    name: str
    product: str
    executables: tuple[str, ...]
    services: tuple[str, ...]
    ports: tuple[tuple[int, Transport], ...]
    source: str
    read: str
    units: tuple[str, ...] = ()
    package: str | None = None
    macos: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    also_called: tuple[str, ...] = ()
    sources: tuple[StatementSource, ...] = ()


class Tool(NamedTuple):
    """A server that an interpreter runs: a module, a tool, an archive or a class.

    ``name`` is what stands for it in the interpreter's arguments, ``services`` what it speaks.
    """

    name: str
    product: str
    services: tuple[str, ...]
    source: str
    read: str


class SystemListener(NamedTuple):
    """A part of a system, or an engine on it, that listens for something else.

    ``programs`` are the names of its processes, in lower case and without ``.exe``; ``ports``
    those it always takes, none where it takes the ports of what it stands in for. ``mend`` says
    how to have the port back.
    """

    system: str
    name: str
    programs: tuple[str, ...]
    ports: tuple[tuple[int, Transport], ...]
    summary: str
    mend: str
    source: str
    read: str


class SystemRule(NamedTuple):
    """What one operating system, from one version on, does with ports by default."""

    system: str
    since: str | None
    dynamic_first: int | None
    dynamic_last: int | None
    privileged: str
    source: str
    read: str
    further: tuple[str, ...] = ()

    def hands_out(self, first: int, last: int | None = None) -> bool:
        """Whether *first*, or a port from it to *last*, is an ephemeral port by default."""
        low, high = self.dynamic_first, self.dynamic_last
        if low is None or high is None:
            return False
        return first <= high and low <= (first if last is None else last)
