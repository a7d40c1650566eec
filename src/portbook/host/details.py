"""What is worth its cost only where it is asked for: packages, and the names of containers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.model import Listener, Process


def add_details(listeners: tuple[Listener, ...]) -> tuple[tuple[Listener, ...], tuple[str, ...]]:
    """*listeners* with the packages and container names of their owners, and what wasn't told.

    Each process is looked at once. A runtime that doesn't answer within its time costs its name,
    nothing more.
    """
    known: dict[int, Process] = {}
    missing: dict[str, None] = {}
    for listener in listeners:
        for owner in listener.owners:
            if owner.pid not in known:
                known[owner.pid] = _named(_packaged(owner, missing), missing)
    found = tuple(
        each._replace(owners=tuple(known[owner.pid] for owner in each.owners)) for each in listeners
    )
    return found, tuple(missing)


def add_upgrades(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    """*listeners* with whether a package upgrade explains each deleted executable."""
    return tuple(
        each._replace(owners=tuple(map(_upgraded, each.owners)))
        if any(owner.executable_deleted for owner in each.owners)
        else each
        for each in listeners
    )


def _packaged(owner: Process, missing: dict[str, None]) -> Process:
    if owner.executable is None:
        return owner
    from portbook.host.packages import owning_package

    found = owning_package(owner.executable, _root(owner))
    if found.reason is not None:
        missing[f"the package of {owner.program or 'a process'} is not known: {found.reason}"] = (
            None
        )
        return owner
    if found.package is None:
        return owner._replace(packaged=False)
    name = " ".join(filter(None, (found.package.name, found.package.version)))
    return owner._replace(packaged=True, package=name)


def _upgraded(owner: Process) -> Process:
    if not owner.executable_deleted or owner.executable is None or owner.started is None:
        return owner
    from portbook.host.packages import owning_package

    package = owning_package(owner.executable, _root(owner)).package
    return owner if package is None else owner._replace(upgraded=package.newer_than(owner.started))


def _root(owner: Process) -> str:
    """The file system that the process sees: its own, where it is in a container."""
    return f"/proc/{owner.pid}/root" if owner.container else "/"


def _named(owner: Process, missing: dict[str, None]) -> Process:
    if not owner.container:
        return owner
    from portbook.host.containers import container_name

    runtime, _, identity = owner.container.partition(":")
    found = container_name(runtime, identity, uid=owner.uid)
    if found.name is None and found.reason is not None:
        missing[f"the name of the container {owner.container} is not known: {found.reason}"] = None
    return owner._replace(container_name=found.name)
