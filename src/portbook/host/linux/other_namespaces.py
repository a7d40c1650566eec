"""The sockets of this machine's other network namespaces, each under a name that says whose."""

from __future__ import annotations

import sys

from portbook.errors import HostUnreadable, MalformedInput
from portbook.host.linux import procfs
from portbook.model import Gap, GapCode, Host, Need, OwnerSearch, Visibility

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.host.linux.namespaces import Namespace
    from portbook.model import Listener, Transport


class Kernel:
    """What tells of this machine's namespaces: the seam where tests put some of their own."""

    def read_namespaces(self) -> tuple[tuple[Namespace, ...], tuple[Gap, ...]]:
        """As :func:`portbook.host.linux.namespaces.read_namespaces`."""
        from portbook.host.linux.namespaces import read_namespaces

        return read_namespaces()

    def read_host_in(
        self,
        namespace: Namespace,
        ports: tuple[int, int] | None,
        transport: Transport | None,
        owners: OwnerSearch | str,
    ) -> Host:
        """What listens in *namespace*. Raises HostUnreadable where it can't be entered."""
        from portbook.host.linux.namespaces import in_namespace
        from portbook.host.reader import read_host

        return in_namespace(namespace, lambda: read_host(ports, transport, owners))

    def has_address(self, namespace: Namespace, address: str) -> bool:
        """Whether packets to *address* are its own. Raises HostUnreadable as above."""
        from portbook.host.linux.namespaces import in_namespace
        from portbook.host.linux.network import read_network

        return in_namespace(namespace, lambda: read_network().has(address))


def read_elsewhere(
    ports: tuple[int, int] | None = None,
    transport: Transport | None = None,
    owners: OwnerSearch | str = OwnerSearch.FIRST,
    kernel: Kernel | None = None,
    system: str = sys.platform,
) -> tuple[tuple[tuple[str, Host], ...], tuple[Gap, ...]]:
    """(name, host) of every other network namespace, and what could not be seen.

    Each host has the rules of its own namespace, because low ports and the dynamic range are
    set for each apart. To look into one takes CAP_SYS_ADMIN.
    """
    if kernel is None and not system.startswith("linux"):
        return (), (Gap(GapCode.NAMESPACES_UNSUPPORTED),)
    kernel = kernel or Kernel()
    try:
        namespaces, missing = kernel.read_namespaces()
    except HostUnreadable as error:
        return (), (_unreadable(error),)
    found: list[tuple[str, Host]] = []
    unseen = list(missing)

    def look(namespace: Namespace) -> None:
        host = kernel.read_host_in(namespace, ports, transport, owners)
        name = namespace_name(namespace)
        found.append((name, host))
        if host.visibility is Visibility.PARTIAL:
            unseen.extend([gap._replace(namespace=name) for gap in host.missing])

    others = [namespace for namespace in namespaces if not namespace.own]
    unseen += _look_into(others, look, kernel)
    # Without privilege each namespace has the same reason.
    return tuple(found), tuple(dict.fromkeys(unseen))


def read_listeners_at(
    address: str, port: int, transport: Transport, kernel: Kernel | None = None
) -> tuple[Listener, ...]:
    """What listens on *port* in those other network namespaces that have *address*.

    Where rules send a published port to a container, that is what answers there. Namespaces that
    can't be entered have nothing to say.
    """
    kernel = kernel or Kernel()
    listeners: list[Listener] = []
    try:
        for namespace in kernel.read_namespaces()[0]:
            if namespace.own or not kernel.has_address(namespace, address):
                continue
            host = kernel.read_host_in(namespace, (port, port), transport, OwnerSearch.FIRST)
            listeners += [each for each in host.listeners if each.socket.listens]
    except HostUnreadable:  # it was left meanwhile, or takes CAP_SYS_ADMIN
        pass
    return tuple(listeners)


def _look_into(
    namespaces: list[Namespace], look: Callable[[Namespace], None], kernel: Kernel
) -> list[Gap]:
    """Calls *look* for each of *namespaces*, and returns what could not be seen.

    The process by which one was to be entered may have ended. What is gone since then has nothing
    that could be seen, and what is still there has another way in.
    """
    failed: list[tuple[Namespace, Gap]] = []
    for namespace in namespaces:
        try:
            look(namespace)
        except HostUnreadable as error:
            failed.append((namespace, _unreadable(error)))
    now = {each.inode: each for each in kernel.read_namespaces()[0]} if failed else {}
    unseen = []
    for namespace, gap in failed:
        again = now.get(namespace.inode)
        if again is not None and again.path == namespace.path:
            unseen.append(gap)
        elif again is not None:
            try:
                look(again)
            except HostUnreadable as error:
                unseen.append(_unreadable(error))
    return unseen


def _unreadable(error: HostUnreadable) -> Gap:
    needs = Need.ROOT if isinstance(error.__cause__, PermissionError) else None
    return Gap(GapCode.NAMESPACE_UNREADABLE, needs=needs, detail=str(error))


def namespace_name(namespace: Namespace) -> str:
    """What to call *namespace*: its own name, else its container, its unit, or a process in it."""
    if namespace.name is not None:
        return namespace.name
    try:
        cgroups = procfs.parse_cgroups(namespace.cgroups or b"")
    except MalformedInput:
        cgroups = ()
    inside = procfs.container(cgroups) or procfs.systemd_unit(cgroups)
    if inside is not None:
        return inside
    if namespace.pid is not None:
        program = f" ({namespace.program})" if namespace.program else ""
        return f"pid {namespace.pid}{program}"
    return f"net:[{namespace.inode}]"  # as the kernel calls it: namespaces(7)
