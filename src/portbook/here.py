"""This machine with the verdict: every socket together with what is on record about its port."""

from __future__ import annotations

import time

from portbook import lore
from portbook._lean import NamedTuple
from portbook.model import PORTS, PortRules, Source
from portbook.registry import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from portbook.model import (
        Finding,
        Host,
        Level,
        Listener,
        Standing,
        Transport,
        Visibility,
    )
    from portbook.registry import Registry
    from portbook.watch import Watch

    Owners = Literal["none", "first", "all"]


class HereAnswer(NamedTuple):
    """What listens or is bound on this machine, each socket with its findings.

    ``listeners`` are sorted by their gravest finding, then by port; ``standings`` says how each
    (port, transport) stands in the registry.
    """

    listeners: tuple[Listener, ...]
    visibility: Visibility
    missing: tuple[str, ...]
    standings: Mapping[tuple[int, Transport], Standing]
    sources: tuple[Source, ...]


class Filter(NamedTuple):
    """Which of this machine's sockets are asked for; None lets everything through.

    ``program`` and ``user`` are whole names, ``reach`` is one of :data:`REACHES`, and
    ``level`` the lowest level of a socket's gravest finding.
    """

    transport: Transport | None = None
    ports: tuple[int, int] | None = None
    program: str | None = None
    user: str | None = None
    reach: str | None = None
    level: Level | None = None

    def keeps(self, listener: Listener) -> bool:
        """Whether *listener*, with its owners and findings, is asked for."""
        users = {listener.user, str(listener.uid), *(owner.user for owner in listener.owners)}
        return (
            self.transport in (None, listener.transport)
            and (self.ports is None or self.ports[0] <= listener.port <= self.ports[1])
            and (
                self.program is None
                or any(owner.program == self.program for owner in listener.owners)
            )
            and (self.user is None or self.user in users)
            and self.reach in (None, listener.reach)
            and (self.level is None or listener.gravity >= self.level.rank)
        )


def look(
    first: int, last: int, transport: Transport | None, owners: Owners, book: Registry
) -> Host:
    """This machine's sockets from *first* to *last*, each with its findings."""
    from portbook.host import read_host

    ports = None if last - first + 1 == PORTS else (first, last)
    seen = read_host(ports, transport, owners)
    rules = seen.rules or PortRules("")
    return seen._replace(
        listeners=tuple(
            each._replace(findings=judge_listener(each, rules, book)) for each in seen.listeners
        )
    )


def judge_listener(listener: Listener, rules: PortRules, book: Registry) -> tuple[Finding, ...]:
    """The findings on *listener*, weighed with all that is on record about its port."""
    from portbook.verdict.judge import Case, judge

    programs = tuple(
        lore.lookup_programs(owner.executable) if owner.executable else ()
        for owner in listener.owners
    )
    return judge(
        Case(
            listener,
            book.standing(listener.port, listener.transport),
            programs,
            lore.lookup_uses(listener.port, listener.transport),
            rules,
            lore.browser_blocked(listener.port),
        )
    )


def here_source() -> Source:
    """This machine as a source of facts, with the moment at which it was asked."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Source("host", moment, "this machine's sockets and processes, as it was asked")


def answer_here(wanted: Filter, *, owners: Owners = "all") -> HereAnswer:
    """What *wanted* keeps of this machine's sockets, the gravest first."""
    book = registry()
    seen = look(*(wanted.ports or (0, PORTS - 1)), wanted.transport, owners, book)
    kept = sort_by_gravity(filter(wanted.keeps, seen.listeners))
    return HereAnswer(
        kept,
        seen.visibility,
        seen.missing,
        {(each.port, each.transport): book.standing(each.port, each.transport) for each in kept},
        (*book.sources(), *lore.sources(), here_source()),
    )


def watch_here(wanted: Filter) -> Watch:
    """A watch over what *wanted* keeps: its steps cost a look at the sockets, not at processes."""
    from portbook.host import read_host, read_rules
    from portbook.watch import Watch

    book, rules = registry(), read_rules()

    def look_once() -> tuple[Listener, ...]:
        return read_host(wanted.ports, wanted.transport, "none").listeners

    def explain(fresh: tuple[Listener, ...]) -> tuple[Listener, ...]:
        # One walk through the processes serves any number of sockets.
        ports = (min(each.port for each in fresh), max(each.port for each in fresh))
        sockets = {each.inode for each in fresh}
        seen = read_host(ports, wanted.transport, "all").listeners
        found = (
            each._replace(findings=judge_listener(each, rules, book))
            for each in seen
            if each.inode in sockets
        )
        return tuple(filter(wanted.keeps, found))

    return Watch(look_once, explain)


def sort_by_gravity(listeners: Iterable[Listener]) -> tuple[Listener, ...]:
    """*listeners*, the gravest first, then by port."""
    return tuple(
        sorted(listeners, key=lambda each: (-each.gravity, each.port, each.transport, each.family))
    )
