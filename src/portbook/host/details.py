"""What is worth its cost only where it is asked for: packages, and the names of containers."""

from __future__ import annotations

import time

from portbook.model import Gap, GapCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portbook.host.containers import ContainerName
    from portbook.host.linux.packages import Ownership
    from portbook.model import Listener, Process

_EACH, _TOGETHER = 0.3, 1.0  # seconds that runtimes have for one name, and for all


class Databases:
    """The package databases and the container runtimes: the seam where tests put their own."""

    def owning_package(self, path: str, root: str) -> Ownership:
        """As :func:`portbook.host.linux.packages.owning_package`."""
        from portbook.host.linux.packages import owning_package

        return owning_package(path, root)

    def container_name(
        self, runtime: str, identity: str, timeout: float, uid: int | None
    ) -> ContainerName:
        """As :func:`portbook.host.containers.container_name`."""
        from portbook.host.containers import container_name

        return container_name(runtime, identity, timeout, uid=uid)

    def now(self) -> float:
        """A moment in seconds, to compare with others."""
        return time.monotonic()


_THESE = Databases()


def add_details(
    listeners: tuple[Listener, ...], databases: Databases = _THESE
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* with the packages and container names of their owners, and what wasn't told.

    Each executable and each container is asked for once. Runtimes have a second for all names
    together: one that doesn't answer costs names, nothing more.
    """
    packages = _Packages(databases)
    found = _each_owner(listeners, packages.add)
    named, unnamed = add_names(found, databases)
    return named, (*packages.missing(), *unnamed)


def add_names(
    listeners: tuple[Listener, ...], databases: Databases = _THESE
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* with their owners' container names alone, and what wasn't told."""
    names = _Names(databases)
    return _each_owner(listeners, names.add), tuple(names.missing())


def _each_owner(
    listeners: tuple[Listener, ...], add: Callable[[Process], Process]
) -> tuple[Listener, ...]:
    known: dict[int, Process] = {}
    for listener in listeners:
        for owner in listener.ownership.owners:
            if owner.pid not in known:
                known[owner.pid] = add(owner)
    return tuple(
        each._replace(
            ownership=each.ownership._replace(
                owners=tuple(known[owner.pid] for owner in each.ownership.owners)
            )
        )
        for each in listeners
    )


def add_upgrades(
    listeners: tuple[Listener, ...], databases: Databases = _THESE
) -> tuple[Listener, ...]:
    """*listeners* with whether a package upgrade explains each deleted executable."""
    packages = _Packages(databases)
    return tuple(
        each._replace(
            ownership=each.ownership._replace(
                owners=tuple(map(packages.add_upgrade, each.ownership.owners))
            )
        )
        if any(owner.executable_deleted for owner in each.ownership.owners)
        else each
        for each in listeners
    )


class _Packages:
    """The package databases, asked once for each executable."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._asked: dict[tuple[str, str], Ownership] = {}
        self._unknown: dict[str, dict[str, None]] = {}

    def add(self, owner: Process) -> Process:
        if owner.executable is None:
            return owner
        found = self._ask(owner, owner.executable)
        if found.reason is not None:
            self._unknown.setdefault(found.reason, {})[owner.executable] = None
            return owner
        if found.package is None:
            return owner._replace(packaged=False)
        name = " ".join(filter(None, (found.package.name, found.package.version)))
        return owner._replace(packaged=True, package=name)

    def add_upgrade(self, owner: Process) -> Process:
        if not owner.executable_deleted or owner.executable is None or owner.started is None:
            return owner
        package = self._ask(owner, owner.executable).package
        if package is None:
            return owner
        return owner._replace(upgraded=package.newer_than(owner.started))

    def missing(self) -> Iterable[Gap]:
        for reason, executables in self._unknown.items():
            first, count = next(iter(executables)), len(executables)
            yield Gap(GapCode.PACKAGES_UNKNOWN, first, detail=reason, number=count)

    def _ask(self, owner: Process, executable: str) -> Ownership:
        # The file system that the process sees: its own, where it is in a container.
        root = f"/proc/{owner.pid}/root" if owner.container else "/"
        place = (owner.container or "", executable)
        if place not in self._asked:
            self._asked[place] = self._databases.owning_package(executable, root)
        return self._asked[place]


class _Names:
    """The container runtimes, asked once for each container, within a time for all."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._end: float | None = None
        self._asked: dict[str, str | None] = {}
        self._unknown: dict[str, dict[str, None]] = {}

    def add(self, owner: Process) -> Process:
        if not owner.container:
            return owner
        if owner.container not in self._asked:
            self._asked[owner.container] = self._ask(owner.container, owner.uid)
        return owner._replace(container_name=self._asked[owner.container])

    def missing(self) -> Iterable[Gap]:
        for reason, containers in self._unknown.items():
            first, count = next(iter(containers)), len(containers)
            yield Gap(GapCode.NAMES_UNKNOWN, first, detail=reason, number=count)

    def _ask(self, container: str, uid: int | None) -> str | None:
        now = self._databases.now()
        self._end = self._end or now + _TOGETHER
        runtime, _, identity = container.partition(":")
        left = min(_EACH, max(0.0, self._end - now))
        found = self._databases.container_name(runtime, identity, left, uid)
        if found.name is None and found.reason is not None:
            self._unknown.setdefault(found.reason, {})[container] = None
        return found.name
