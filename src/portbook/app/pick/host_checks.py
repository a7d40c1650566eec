"""What this machine has against a port: the part of a pick that asks it."""

from __future__ import annotations

import errno

from portbook.app.pick.criteria import Check, canonical, pick
from portbook.host.host_reader import THIS_HOST
from portbook.model import (
    OwnerSearch,
    Transport,
    Whose,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.app.pick.criteria import Pick, Wanted
    from portbook.catalog import Catalog
    from portbook.catalog.expectations.lookup import Notes
    from portbook.host.bind_probe import BindTry
    from portbook.host.host_reader import HostReader
    from portbook.host.port_reservation import Held
    from portbook.model import PortRules

_DENIED = frozenset((errno.EACCES, errno.EPERM))


_TRIES = 20  # how often another port is picked, where somebody was quicker


def pick_here(wanted: Wanted, catalog: Catalog, host: HostReader = THIS_HOST) -> Pick:
    """The ports for *wanted* that are good by the catalog and on *host*. Raises InvalidQuery."""
    return pick(wanted, ThisMachine(catalog, wanted.name, host), catalog)


def pick_and_hold(
    wanted: Wanted, transport: Transport, address: str | None, catalog: Catalog
) -> tuple[Pick, Held | None]:
    """The ports for *wanted*, bound on *address* or on every one; None where none was good.

    Where somebody is quicker, others are picked, unless a name leads to this one. Raises
    InvalidQuery, or NotReserved where what was picked can't be bound.
    """
    from portbook.errors import NotReserved
    from portbook.host.port_reservation import hold

    for left in reversed(range(_TRIES)):
        found = pick_here(wanted, catalog)
        if not found.good:
            break
        try:
            held = hold([choice.port for choice in found.choices], transport, address)
        except NotReserved as refused:
            if left and refused.taken and wanted.name is None:
                continue
            raise
        return found, held
    return found, None


class ThisMachine:
    """This machine, asked anew for each port; its rules and its files are read once.

    *name* is what the port is for: a note that has it for that is none against it.
    """

    def __init__(
        self, catalog: Catalog, name: str | None = None, host: HostReader = THIS_HOST
    ) -> None:
        self._catalog = catalog
        self._host = host
        self._name = None if name is None else canonical(name)
        self._notes: Notes | None = None
        self._rules: PortRules | None = None
        self._names: Mapping[int, tuple[str, ...]] | OSError | None = None

    def checks(self, port: int) -> Iterator[Check]:
        """The criteria that ask this machine."""
        yield self._dynamic(port)
        yield self._noted(port)
        yield self._local_name(port)
        yield from self._binds(port)

    def _dynamic(self, port: int) -> Check:
        if self._rules is None:
            self._rules = self._host.read_rules()
        code, dynamic = "not-dynamic-here", self._rules.dynamic
        if dynamic is None:
            return Check(code, None, "which ports this machine hands out could not be read")
        first, last = dynamic
        if not first <= port <= last:
            return Check(code, True, f"outside {first}–{last}, which this machine hands out")
        if not self._rules.hands_out(port):
            return Check(code, True, f"in {first}–{last}, but kept from being handed out here")
        return Check(code, False, f"in {first}–{last}, from which this machine hands out ports")

    def _noted(self, port: int) -> Check:
        if self._notes is None:
            self._notes = self._catalog.expectations()
        for transport in (Transport.TCP, Transport.UDP):
            note = self._notes.lookup(port, transport)
            if note is None:
                continue
            label = note.label or note.text or "something"
            whose = "the project's notes" if note.whose is Whose.PROJECT else "your notes"
            there = f"{whose} have {label} there ({note.file})"
            if not note.trusted:  # a folder that was fetched from somewhere decides nothing
                return Check("not-noted", True, f"{there}, which you haven't trusted")
            same = self._name is not None and canonical(label) == self._name
            return Check("not-noted", same, there)
        if self._notes.problems:
            return Check("not-noted", None, self._notes.problems[0])
        return Check("not-noted", True, "your notes have nothing there")

    def _local_name(self, port: int) -> Check:
        from portbook.host.etc_services import services_path

        path = services_path()
        if self._names is None:
            try:
                self._names = self._host.read_services()
            except OSError as error:
                self._names = error
        if isinstance(self._names, FileNotFoundError):
            return Check("no-local-name", True, f"{path} is not there")
        if isinstance(self._names, OSError):
            why = self._names.strerror or "unreadable"
            return Check("no-local-name", None, f"{path} could not be read ({why})")
        names = self._names.get(port, ())
        if names:
            return Check("no-local-name", False, f"{path} calls it {', '.join(names[:3])}")
        return Check("no-local-name", True, f"{path} has no name for it")

    def _binds(self, port: int) -> Iterator[Check]:
        tries = {
            each: [one for one in self._host.try_binds(port, each) if not one.unsupported]
            for each in (Transport.TCP, Transport.UDP)
        }
        plain = [one for each in tries.values() for one in each if not one.reuseaddr]
        if any(one.error in _DENIED for one in plain):
            yield Check("unprivileged", False, f"the system refuses it to this user{self._why()}")
            return
        yield Check("unprivileged", True, "binding it takes no privilege that is missing here")
        yield self._free(port, tries)

    def _why(self) -> str:
        first = None if self._rules is None else self._rules.unprivileged_first
        return "" if first is None else f": ports below {first} take a privilege"

    def _free(self, port: int, tries: Mapping[Transport, list[BindTry]]) -> Check:
        code = "free-here"
        for transport, binds in tries.items():
            plain = [one for one in binds if not one.reuseaddr]
            if not plain or any(one.untried for one in plain):
                if transport is Transport.TCP:
                    return Check(code, None, "no socket could be made to try a bind with")
                continue
            if all(one.ok for one in plain):
                continue
            if who := _holders(port, transport, self._host):
                return Check(code, False, who)
            if all(one.ok for one in binds if one.reuseaddr):
                return Check(
                    code,
                    False,
                    f"{transport}: a closed connection still holds it; free again within minutes",
                )
            return Check(code, False, f"{transport}: a bind fails ({plain[0].name})")
        return Check(code, True, "a bind for tcp and for udp succeeded just now")


def _holders(port: int, transport: Transport, host: HostReader) -> str | None:
    """Who has bound *port*, in a few words; None where no such socket is seen."""
    listeners = host.read_host((port, port), transport, OwnerSearch.FIRST).listeners
    if not listeners:
        return None
    from portbook.app.bind.owner_text import holder

    first = listeners[0]
    who = holder(first.ownership.owners, first.ownership.seen, first.socket.user, first.socket.uid)
    doing = "listens on" if first.socket.state == "listen" else "has bound"
    return f"{who} {doing} {first.socket.name}"
