"""What this machine has against a port: the part of a pick that asks it."""

from __future__ import annotations

import errno

from portbook.app.pick.criteria import Check, Criterion, canonical, pick
from portbook.host.host_reader import THIS_HOST
from portbook.model import OwnerSearch, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portbook.app.pick.criteria import Pick, Wanted
    from portbook.catalog import Catalog
    from portbook.catalog.expectations.lookup import Notes
    from portbook.host.bind_probe import BindTry
    from portbook.host.host_reader import HostReader
    from portbook.host.port_reservation import Reservation
    from portbook.model import Facts, Listener, PortRules

_DENIED = frozenset((errno.EACCES, errno.EPERM))


_TRIES = 20  # how often another port is picked, where somebody was quicker


def pick_here(wanted: Wanted, catalog: Catalog, host: HostReader = THIS_HOST) -> Pick:
    """The ports for *wanted* that are good by the catalog and on *host*. Raises InvalidQuery."""
    return pick(wanted, ThisMachine(catalog, wanted.name, host), catalog)


def pick_and_hold(
    wanted: Wanted,
    transport: Transport,
    address: str | None,
    catalog: Catalog,
    host: HostReader = THIS_HOST,
) -> tuple[Pick, Reservation | None]:
    """The ports for *wanted*, bound on *address* or on every one; None where none was good.

    Where somebody is quicker, others are picked, unless a name leads to this one. Raises
    InvalidQuery, or NotReserved where what was picked can't be bound.
    """
    from portbook.errors import NotReserved
    from portbook.host.port_reservation import hold

    for left in reversed(range(_TRIES)):
        found = pick_here(wanted, catalog, host)
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
        code, dynamic = Criterion.NOT_DYNAMIC_HERE, self._rules.dynamic
        if dynamic is None:
            return Check(code, None, (("why", "unread"),))
        between = (("first", dynamic[0]), ("last", dynamic[1]))
        if not dynamic[0] <= port <= dynamic[1]:
            return Check(code, True, (("why", "outside"), *between))
        handed_out = self._rules.hands_out(port)
        return Check(code, not handed_out, (("why", "inside" if handed_out else "kept"), *between))

    def _noted(self, port: int) -> Check:
        code = Criterion.NOT_NOTED
        if self._notes is None:
            self._notes = self._catalog.expectations()
        for transport in (Transport.TCP, Transport.UDP):
            note = self._notes.lookup(port, transport)
            if note is None:
                continue
            label = note.label or note.text
            there = (("label", label), ("whose", note.whose), ("file", note.file))
            if not note.trusted:  # a folder that was fetched from somewhere decides nothing
                return Check(code, True, (("why", "untrusted"), *there))
            same = self._name is not None and canonical(label or "") == self._name
            return Check(code, same, (("why", "noted"), *there))
        if self._notes.problems:
            return Check(code, None, (("why", "unread"), ("problem", self._notes.problems[0])))
        return Check(code, True, (("why", "nothing"),))

    def _local_name(self, port: int) -> Check:
        from portbook.host.etc_services import services_path

        code, path = Criterion.NO_LOCAL_NAME, ("path", services_path())
        if self._names is None:
            try:
                self._names = self._host.read_services()
            except OSError as error:
                self._names = error
        if isinstance(self._names, FileNotFoundError):
            return Check(code, True, (("why", "absent"), path))
        if isinstance(self._names, OSError):
            because = ("error", self._names.strerror or "unreadable")
            return Check(code, None, (("why", "unread"), path, because))
        if names := self._names.get(port, ()):
            return Check(code, False, (("why", "named"), path, ("names", tuple(names))))
        return Check(code, True, (("why", "unnamed"), path))

    def _binds(self, port: int) -> Iterator[Check]:
        tries = {
            each: [one for one in self._host.try_binds(port, each) if not one.unsupported]
            for each in (Transport.TCP, Transport.UDP)
        }
        plain = [one for each in tries.values() for one in each if not one.reuseaddr]
        if any(one.error in _DENIED for one in plain):
            first = None if self._rules is None else self._rules.unprivileged_first
            refused = (("why", "refused"), ("unprivileged_first", first))
            yield Check(Criterion.UNPRIVILEGED, False, refused)
            return
        yield Check(Criterion.UNPRIVILEGED, True, (("why", "given"),))
        yield self._free(port, tries)

    def _free(self, port: int, tries: Mapping[Transport, list[BindTry]]) -> Check:
        code = Criterion.FREE_HERE
        for transport, binds in tries.items():
            plain = [one for one in binds if not one.reuseaddr]
            if not plain or any(one.untried for one in plain):
                if transport is Transport.TCP:
                    return Check(code, None, (("why", "untried"),))
                continue
            if all(one.ok for one in plain):
                continue
            if listener := self._listener(port, transport):
                facts: Facts = (("why", "held"), ("transport", transport))
                return Check(code, False, facts, listener)
            if all(one.ok for one in binds if one.reuseaddr):
                return Check(code, False, (("why", "closing"), ("transport", transport)))
            error = ("error", plain[0].name)
            return Check(code, False, (("why", "fails"), ("transport", transport), error))
        return Check(code, True, (("why", "free"),))

    def _listener(self, port: int, transport: Transport) -> Listener | None:
        """What has bound *port*; None where no such socket is seen."""
        seen = self._host.read_host((port, port), transport, OwnerSearch.FIRST)
        return seen.listeners[0] if seen.listeners else None
