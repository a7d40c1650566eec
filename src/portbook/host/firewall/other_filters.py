"""What may decide over packets beside the rules that are followed: found, named, not evaluated.

XDP and tc programs stand before all rules, cgroup filters (systemd's ``IPAddressDeny``) behind
them; IPVS takes packets to other machines; rules and sockets see a VRF in the place of its
interfaces. The kernel is asked itself, for a fraction of a millisecond: rtnetlink(7), tc(8),
bpf(2), and ip_vs and vrf of its documentation.
"""

from __future__ import annotations

import _socket
import _struct
import os

from portbook._fast_types import NamedTuple
from portbook.errors import HostUnreadable
from portbook.host.firewall import legacy_tables
from portbook.host.firewall.ipvs import VirtualServer, virtual_servers
from portbook.host.linux.netlink import attributes_of, dump, int_of, name_of
from portbook.model.finding import FilterKind, NotEvaluated
from portbook.model.reach import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from portbook.host.firewall.ipsec import Policy
    from portbook.model import Listener, Transport
    from portbook.model.reach import Decision

# linux/rtnetlink.h, linux/if_link.h, linux/pkt_sched.h
_GET_LINK, _NEW_LINK, _GET_QDISC, _NEW_QDISC, _GET_FILTER, _NEW_FILTER = 18, 16, 38, 36, 46, 44
_IFNAME, _LINK, _MASTER, _LINKINFO, _LINK_NETNSID, _XDP = 3, 5, 10, 18, 37, 43
_INFO_KIND, _XDP_ATTACHED, _TCA_KIND = 1, 2, 1
_PARENTS = {"clsact": (0xFFFFFFF2, 0xFFFFFFF3), "ingress": (0xFFFF0000,)}
# linux/bpf.h
_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280}
_PROGRAM_QUERY, _EFFECTIVE = 16, 1
_ATTRIBUTES = 64  # bytes of the union
_CGROUP, _SOCKET_LOOKUP = (0, 1), 36  # in and out
_OF_INTERFACES = (46, 47, 54, 55)  # tcx and netkit, in and out
_EPERM = 1
_IPSEC = 6  # NETLINK_XFRM, linux/netlink.h


class OtherFilters(NamedTuple):
    """All that is found. ``interfaces`` has what handles the packets of each, by its name.

    A bridge's own also have what stands on its ports, and a VLAN's what is on the interface below.
    """

    interfaces: Mapping[str, tuple[NotEvaluated, ...]] = {}
    bridges: frozenset[str] = frozenset()
    servers: tuple[VirtualServer, ...] = ()
    everywhere: tuple[NotEvaluated, ...] = ()
    unseen: bool = False  # there may be more, and the kernel doesn't tell
    policies: tuple[Policy, ...] = ()  # of IPsec
    of_arp: tuple[NotEvaluated, ...] = ()  # without ARP no neighbour finds an IPv4 address

    @property
    def all(self) -> tuple[NotEvaluated, ...]:
        """Each once."""
        several = [one for each in self.interfaces.values() for one in each]
        servers = [NotEvaluated(FilterKind.IPVS, each.text) for each in self.servers]
        servers += [NotEvaluated(FilterKind.IPSEC, each.text) for each in self.policies]
        unseen = [NotEvaluated(FilterKind.UNSEEN, "")] if self.unseen else []
        return tuple(dict.fromkeys([*several, *servers, *self.everywhere, *self.of_arp, *unseen]))

    def deciding(
        self,
        decision: Decision,
        transport: Transport,
        address: str,
        port: int,
        interface: str,
        chains: Iterable[NotEvaluated] = (),
    ) -> tuple[NotEvaluated, ...]:
        """What may make another outcome of *decision*, on connections through *interface*.

        *chains* are those of the rules that weren't followed. What stands behind the rules can
        only stop what they let through.
        """
        concerned = [*self.everywhere, *self.interfaces.get(interface, ())]
        # It leaves through another interface.
        if decision.forwarded and decision.outcome is Outcome.OPEN:
            concerned += [one for each in self.interfaces.values() for one in each]
        bridged = interface in self.bridges
        concerned += [each for each in chains if each.kind == "bridge" and bridged]
        if decision.outcome is Outcome.OPEN:
            concerned += [
                NotEvaluated(FilterKind.IPVS, each.text)
                for each in self.servers
                if each.takes(transport, address, port)
            ]
            kinds = ("netdev", "arp", "arptables") if "." in address else ("netdev",)
            behind = [*chains, *self.of_arp]
            concerned += [each for each in behind if each.kind in kinds and interface != "lo"]
        return tuple(dict.fromkeys(concerned))


def read_other_filters(proc: str = "/proc") -> OtherFilters:
    """All that stands in this network namespace, but for the filters of control groups."""
    lookups = _socket_programs(proc)
    policies = _policies(proc)
    unseen = lookups < 0 or policies is None
    links, filtered = {}, set()
    try:
        netlink = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, 0)
        try:
            netlink.settimeout(1)
            links, filtered = _read_links(netlink), _filtered_interfaces(netlink)
        finally:
            netlink.close()
    except (OSError, ValueError):
        unseen = True
    filtered |= {one for one in links if any(_programs(one, kind) > 0 for kind in _OF_INTERFACES)}
    return OtherFilters(
        handlers(links, filtered),
        frozenset([each.name for each in links.values() if each.kind == "bridge"]),
        virtual_servers(proc),
        (NotEvaluated(FilterKind.SK_LOOKUP, "this network namespace"),) if lookups > 0 else (),
        unseen,
        policies or (),
        tuple([NotEvaluated(FilterKind.ARPTABLES, each) for each in legacy_tables("arp", proc)]),
    )


class Link(NamedTuple):
    """An interface, by its number known to others."""

    name: str
    kind: str
    xdp: bool
    below: int  # of a VLAN and the like
    above: int  # the bridge, bond or VRF that it is a part of


def _read_links(netlink: _socket.socket) -> dict[int, Link]:
    links = {}
    for body, attributes in dump(netlink, _GET_LINK, _NEW_LINK, bytes(16)):
        (index,) = _struct.unpack_from("=4xi", body)
        xdp = attributes_of(attributes.get(_XDP, b"")).get(_XDP_ATTACHED, b"\0")
        elsewhere = _LINK_NETNSID in attributes  # then that is an index there
        links[index] = Link(
            name_of(attributes.get(_IFNAME, b"")),
            name_of(attributes_of(attributes.get(_LINKINFO, b"")).get(_INFO_KIND, b"")),
            any(xdp),
            0 if elsewhere else int_of(attributes.get(_LINK, b"")),
            int_of(attributes.get(_MASTER, b"")),
        )
    return links


def _filtered_interfaces(netlink: _socket.socket) -> set[int]:
    """The interfaces with filters of tc on what comes in or goes out."""
    parents: list[tuple[int, int]] = []
    try:
        for body, attributes in dump(netlink, _GET_QDISC, _NEW_QDISC, bytes(20)):
            (index,) = _struct.unpack_from("=4xi", body)
            kind = name_of(attributes.get(_TCA_KIND, b""))
            parents += [(index, parent) for parent in _PARENTS.get(kind, ())]
    except ValueError:  # a kernel without packet scheduling
        return set()
    filtered = set()
    for index, parent in parents:
        question = _struct.pack("=4xiIII", index, 0, parent, 0)
        if any(True for _ in dump(netlink, _GET_FILTER, _NEW_FILTER, question)):
            filtered.add(index)
    return filtered


def handlers(
    links: Mapping[int, Link], filtered: Iterable[int]
) -> dict[str, tuple[NotEvaluated, ...]]:
    """By its name, what handles the packets of each interface; *filtered* have something of tc."""
    own: dict[int, tuple[NotEvaluated, ...]] = {}
    for index, link in links.items():
        kinds = [FilterKind.XDP] * link.xdp + [FilterKind.TC] * (index in filtered)
        own[index] = tuple([NotEvaluated(kind, link.name) for kind in kinds])
    found = {}
    for index, link in links.items():
        programs = _with_those_below(index, links, own) if any(own.values()) else ()
        for each in (link, links.get(link.above)):
            if each is not None and each.kind == "vrf":
                programs = (*programs, NotEvaluated(FilterKind.VRF, each.name))
        if programs:
            found[link.name] = programs
    return found


def _with_those_below(
    index: int, links: Mapping[int, Link], own: Mapping[int, tuple[NotEvaluated, ...]]
) -> tuple[NotEvaluated, ...]:
    """What handles the packets of an interface, and of those that it is made of."""
    concerned, waiting = {index}, [index]
    while waiting:
        one = waiting.pop()
        parts = [place for place, link in links.items() if link.above == one]
        for each in (links[one].below if one in links else 0, *parts):
            if each and each not in concerned:
                concerned.add(each)
                waiting.append(each)
    return tuple([one for each in sorted(concerned) for one in own.get(each, ())])


def _policies(proc: str) -> tuple[Policy, ...] | None:
    """Those of IPsec; None where there may be some, which the kernel doesn't tell to everybody."""
    if not _takes_policies(proc):
        return ()
    from portbook.host.firewall.ipsec import read_policies

    try:
        return read_policies()
    except (OSError, ValueError):
        return None


def _takes_policies(proc: str) -> bool:
    """Whether the kernel has loaded what takes policies of IPsec: to ask them would load it."""
    try:
        with open(f"{proc}/thread-self/net/netlink", "rb") as file:
            next(file, None)
            return any(line.split()[1:2] == [b"%d" % _IPSEC] for line in file)
    except OSError:
        return False


def _socket_programs(proc: str) -> int:
    try:
        descriptor = os.open(f"{proc}/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return _programs(descriptor, _SOCKET_LOOKUP)
    finally:
        os.close(descriptor)


def _programs(target: int, kind: int, flags: int = 0) -> int:
    """How many programs of a *kind* are attached to *target*, a descriptor or an interface.

    0 where the kernel doesn't know the kind; -1 where it doesn't tell (CAP_NET_ADMIN).
    """
    number = _BPF_SYSCALL.get(os.uname().machine)
    if number is None:
        return 0
    # union bpf_attr, its part "query"; without room for programs the kernel counts them
    question = _struct.pack("=IIIIQI", target, kind, flags, 0, 0, 0).ljust(_ATTRIBUTES, b"\0")
    try:
        error, answer = _bpf(number, question)
    except (ImportError, AttributeError, OSError):  # a Python without ctypes
        return -1
    if error:
        return -1 if error == _EPERM else 0
    (count,) = _struct.unpack_from("=I", answer, 24)
    return int(count)


def _bpf(number: int, question: bytes) -> tuple[int, bytes]:
    """bpf(2): the number of an error, or 0, and what the kernel made of *question*."""
    syscall, buffer, errno = _kernel or _load_kernel()
    attributes = buffer()
    attributes.raw = question
    failed = syscall(number, _PROGRAM_QUERY, attributes, _ATTRIBUTES) < 0
    return errno() if failed else 0, attributes.raw


_kernel: list[Any] = []


def _load_kernel() -> list[Any]:
    """syscall(2), a buffer for its argument, and errno, out of the core of ctypes.

    All of ctypes would take four times as long to load.
    """
    import _ctypes

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO

    char: Any = type("c_char", (_ctypes._SimpleCData,), {"_type_": "c"})
    whole_process: Any = None
    syscall = Function(_ctypes.dlsym(_ctypes.dlopen(whole_process, 0), "syscall"))
    _kernel[:] = [syscall, char * _ATTRIBUTES, _ctypes.get_errno]
    return _kernel


def filtering_cgroups(
    listeners: Iterable[Listener], proc: str = "/proc", mount: str | None = None
) -> dict[int, tuple[NotEvaluated, ...]]:
    """By the inode of each socket: the control groups with a filter for its packets.

    A socket's filters are those of the group in which it was made (which the kernel's monitor
    tells); where that isn't known, those of its owners' groups stand for it.
    """
    from portbook.host.linux.cgroups import find_cgroups, find_mount

    mount = mount or find_mount(proc)
    known = [each for each in listeners if each.socket.inode is not None]
    if mount is None or not known:
        return {}
    made_in = _cgroups_of_sockets(known, proc)
    paths: dict[int, str] = {}
    try:
        paths[os.stat(mount).st_ino] = mount
    except OSError:
        return {}
    groups: dict[int, set[str]] = {}
    for each in known:
        inode = each.socket.inode or 0
        for owner in each.ownership.owners:
            path = _cgroup_of_process(owner.pid, mount, proc, paths)
            if path is not None:
                groups.setdefault(inode, set()).add(path)
    unseen = {made_in[one] for one in made_in if made_in[one] not in paths}
    paths.update(find_cgroups(mount, unseen))
    for inode, cgroup in made_in.items():
        if cgroup in paths:
            groups[inode] = {paths[cgroup]}
    filtered: dict[str, NotEvaluated | None] = {}
    for path in {path for several in groups.values() for path in several}:
        filtered[path] = _filter_of(path, path[len(mount) :] or "/")
    return {
        inode: tuple([one for path in sorted(several) if (one := filtered[path]) is not None])
        for inode, several in groups.items()
        if any(filtered[path] for path in several)
    }


def _cgroups_of_sockets(listeners: list[Listener], proc: str) -> dict[int, int]:
    from portbook.host.linux.sock_diag import TAKING_STATES
    from portbook.host.linux.sockets import read_sockets

    ports = [each.socket.port for each in listeners]
    wanted = {each.socket.inode for each in listeners}
    found: dict[int, int] = {}
    for transport in dict.fromkeys([each.socket.transport for each in listeners]):
        # Sockets that are only bound would take the kernel fifty times as long to look for.
        states = TAKING_STATES[transport]
        try:
            sockets = read_sockets(min(ports), max(ports), transport, states=states, root=proc)
        except HostUnreadable:
            return {}
        for each in sockets.sockets:
            if each.inode in wanted and each.cgroup:
                found[each.inode] = each.cgroup
    return found


def _cgroup_of_process(pid: int, mount: str, proc: str, paths: dict[int, str]) -> str | None:
    """The folder of a process's control group; *paths* keeps it by the group's number."""
    try:
        with open(f"{proc}/{pid}/cgroup", "rb") as file:
            lines = file.read().split(b"\n")
        (line,) = [each for each in lines if each.startswith(b"0::/")]
        path = mount + os.fsdecode(line[3:]).rstrip("/")
        paths.setdefault(os.stat(path).st_ino, path)
    except (OSError, ValueError):
        return None
    return path


def _filter_of(path: str, name: str) -> NotEvaluated | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        counts = [_programs(descriptor, kind, _EFFECTIVE) for kind in _CGROUP]
    finally:
        os.close(descriptor)
    return NotEvaluated(FilterKind.CGROUP, name) if any(count > 0 for count in counts) else None
