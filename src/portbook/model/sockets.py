"""What is seen of a machine, or told of one: sockets, who holds them, and what is found on them."""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum
from portbook.model.finding import OF_EXPOSURE, RANKS, Finding, Reachable
from portbook.model.gap import Gap  # noqa: TC001 - for typing.get_type_hints
from portbook.model.record import Note, Transport  # noqa: TC001 - for typing.get_type_hints


class Family(StrEnum):
    """The address families of sockets."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class SocketState(StrEnum):
    """Whether a socket listens."""

    LISTEN = "listen"  # also for unconnected UDP
    BOUND = "bound"  # and doesn't listen: it blocks a bind


class ConnectionState(StrEnum):
    """The state of a connection, as RFC 9293 §3.3.2 names it."""

    ESTABLISHED = "established"
    SYN_SENT = "syn-sent"
    SYN_RECEIVED = "syn-received"
    FIN_WAIT_1 = "fin-wait-1"
    FIN_WAIT_2 = "fin-wait-2"
    TIME_WAIT = "time-wait"
    CLOSED = "closed"
    CLOSE_WAIT = "close-wait"
    LAST_ACK = "last-ack"
    LISTEN = "listen"
    CLOSING = "closing"


class OwnerSearch(StrEnum):
    """How far to search for the processes that hold a socket."""

    NONE = "none"  # not at all: every owner is then given as hidden
    FIRST = "first"  # up to the first that holds it
    ALL = "all"  # through every process: forks and passed descriptors too


class OwnersSeen(StrEnum):
    """How far the search for a socket's owners went. HIDDEN is not NONE."""

    ALL = "all"  # every process was looked at, and these hold the socket
    FIRST = "first"  # the search stopped at one program; there may be more
    INFERRED = "inferred"  # the descriptor could not be read; cgroup and uid point here
    HIDDEN = "hidden"  # this user may not see who holds it
    KERNEL = "kernel"  # the kernel itself holds it; there is no process
    NONE = "none"  # every process was visible and none holds it
    UNASKED = "unasked"  # a scan or a flow log: what was read says nothing of owners


class Visibility(StrEnum):
    """Whether everything that was asked about this machine could be seen."""

    FULL = "full"
    PARTIAL = "partial"


class Reach(StrEnum):
    """From where a socket can be reached, as far as its address says."""

    EVERYWHERE = "everywhere"
    ADDRESS = "address"
    LINK = "link"
    INTERFACE = "interface"
    LOOPBACK = "loopback"


class ExecutablePlace(StrEnum):
    """Where an executable lies, if that is no place for a server's."""

    MEMORY = "memory"
    TEMPORARY = "temporary"
    WORLD_WRITABLE = "world-writable"
    MOUNTED = "mounted"  # the process's user may have arranged what the path leads to


class SpokenState(StrEnum):
    """What came of asking a service what it speaks."""

    IDENTIFIED = "identified"
    UNRECOGNISED = "unrecognised"  # it said something that is no protocol known here
    SILENT = "silent"  # it said nothing in the time there was
    REFUSED = "refused"  # no connection came about
    UNASKED = "unasked"


class Process(NamedTuple):
    """One process that holds a socket. All text is as the process made it: hostile.

    ``pid`` is 0 where a capture names a process without its number, or a container alone.
    ``executable`` is the path of the file it runs, ``executable_uid`` and ``executable_mode``
    that file's owner and permission bits; ``started`` is seconds since the epoch. ``place`` says
    where the file lies if that is no place for a server's. ``packaged`` says whether a package
    owns it and ``upgraded`` whether that package is newer than the process; both are None where no
    package database was asked.
    ``cgroup_uid`` is the user in whose part of the control groups it is, 0 for the system's own;
    None where something other than systemd may have named them.
    ``activates`` is the service for which systemd holds the socket, ``activates_executable`` the
    file that this service runs, if only root can have put it there.
    Secrets in ``command`` are masked (:mod:`portbook.model.secrets`). ``cwd`` is the working
    directory as the process has it, with `` (deleted)`` behind it where it is gone (proc(5)).
    """

    pid: int
    program: str | None
    command: tuple[str, ...] | None = None
    executable: str | None = None
    executable_uid: int | None = None
    executable_mode: int | None = None
    executable_deleted: bool | None = None
    uid: int | None = None
    user: str | None = None
    started: float | None = None
    parent: int | None = None
    ancestors: tuple[tuple[int, str], ...] = ()
    unit: str | None = None
    container: str | None = None
    package: str | None = None
    container_name: str | None = None
    place: ExecutablePlace | None = None
    packaged: bool | None = None
    upgraded: bool | None = None
    activates: str | None = None
    activates_executable: str | None = None
    cgroup_uid: int | None = None
    cwd: str | None = None


class Spoken(NamedTuple):
    """What a service answered when it was asked (``--probe``); all text is as it sent it: hostile.

    ``protocol`` is a word such as ``ssh`` or ``http``, None where it isn't known, as may be inside
    of TLS. ``detail`` is what it said of itself, or why it was not asked, ``alpn`` the protocol
    agreed on (RFC 7301), ``names`` those of its certificate.
    """

    state: SpokenState
    protocol: str | None = None
    detail: str | None = None
    tls: bool = False
    alpn: str | None = None
    names: tuple[str, ...] = ()


def is_v4(text: str) -> bool:
    """Whether *text* has the form of an IPv4 address; its numbers may be too high."""
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts)


def is_v6(text: str) -> bool:
    """Whether *text* is an IPv6 address in one of the forms of RFC 4291 §2.2, with a zone or not.

    >>> [is_v6(text) for text in ("::1", "fe80::1%eth0", "::ffff:10.0.0.1", "2001:db8:", ":::1")]
    [True, True, True, False, False]
    """
    text, _, zone = text.partition("%")
    hexadecimal = set("0123456789abcdefABCDEF")
    halves = [half.split(":") if half else [] for half in text.split("::")]
    groups = [group for half in halves for group in half]
    size = len(groups) + (bool(groups) and is_v4(groups[-1]))
    return (
        ":" in text
        and ":" not in zone
        and (size == 8 if len(halves) == 1 else len(halves) == 2 and size < 8)
        and all(
            (0 < len(group) <= 4 and set(group) <= hexadecimal)
            or (at == len(groups) - 1 and is_v4(group))
            for at, group in enumerate(groups)
        )
    )


def bracketed(address: str) -> str:
    """*address* as it stands in front of a port (RFC 3986 §3.2.2).

    >>> bracketed("::1"), bracketed("127.0.0.1")
    ('[::1]', '127.0.0.1')
    """
    return f"[{address}]" if ":" in address else address


def host_port(address: str, port: int) -> str:
    """*address* and *port* in one word.

    >>> host_port("::1", 53)
    '[::1]:53'
    """
    return f"{bracketed(address)}:{port}"


UNKNOWN_ADDRESS = "?"  # of a socket whose address a capture doesn't tell


class Socket(NamedTuple):
    """What the kernel or a tool said of one socket that listens, or is bound and blocks a bind.

    ``address`` is the bound address as text (``0.0.0.0`` and ``::`` for every address).
    ``queue`` and ``queue_limit`` count connections waiting to be accepted. ``namespace`` names
    the network namespace it is in, where that isn't the one that was asked in. ``sharing`` counts
    the sockets bound to the same address and port, which takes SO_REUSEPORT or, for UDP,
    SO_REUSEADDR (socket(7)). Where it was ``scanned``, ``address`` is where it answered, and what
    it is bound to isn't known. Where a capture doesn't tell the address, it is
    :data:`UNKNOWN_ADDRESS` and the family None. ``host`` is the machine that a capture's line
    named, ``first`` and ``last`` the range of ports of which the line made this one.
    """

    transport: Transport
    family: Family | None
    address: str
    port: int
    state: SocketState
    interface: str | None = None
    inode: int | None = None
    uid: int | None = None
    user: str | None = None
    v6only: bool | None = None
    queue: int | None = None
    queue_limit: int | None = None
    udplite: bool = False
    namespace: str | None = None
    sharing: int = 1
    scanned: bool = False
    host: str | None = None
    first: int | None = None
    last: int | None = None

    @property
    def name(self) -> str:
        """The socket's name in one word.

        >>> from portbook.model import Transport
        >>> Socket(Transport.TCP, Family.IPV6, "::1", 5432, SocketState.LISTEN).name
        'tcp [::1]:5432'
        """
        place = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport} {place}:{self.port}"

    @property
    def listens(self) -> bool:
        """Whether it takes connections or packets, and isn't merely bound."""
        return self.state == SocketState.LISTEN

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).

        A socket that is bound to the loopback interface alone (SO_BINDTODEVICE, socket(7)) takes
        nothing that comes from another, whatever its address.
        """
        if self.scanned:
            return False
        if self.interface in LOOPBACK_INTERFACES:
            return True
        return self.address == "::1" or self.address.startswith(("127.", "::ffff:127."))

    @property
    def wildcard(self) -> bool:
        """Whether it is bound to every address of its family, and to no one interface."""
        every = self.address in ("0.0.0.0", "::", "::ffff:0.0.0.0")
        return every and self.interface is None and not self.scanned

    @property
    def reach(self) -> Reach | None:
        """From where it can be reached, as far as its address says; None: that isn't known.

        Firewalls may narrow it. Link-local addresses are those of RFC 4291 §2.5.6 and RFC 3927.
        """
        if self.address == UNKNOWN_ADDRESS:
            return None
        if self.scanned:
            return Reach.ADDRESS
        if self.loopback:
            return Reach.LOOPBACK
        if self.interface is not None:
            return Reach.INTERFACE
        if self.wildcard:
            return Reach.EVERYWHERE
        link = self.address.lower().startswith(("fe8", "fe9", "fea", "feb", "169.254."))
        return Reach.LINK if link else Reach.ADDRESS

    @property
    def backlog_full(self) -> bool:
        """Whether as many connections wait to be accepted as may (listen(2))."""
        # The kernel counts to the limit and one more (sk_acceptq_is_full, include/net/sock.h).
        if self.queue is None or self.queue_limit is None:
            return False
        return self.queue > self.queue_limit


class Ownership(NamedTuple):
    """Who holds a socket, how far the search went, and how long the first of them had run then."""

    owners: tuple[Process, ...] = ()
    seen: OwnersSeen = OwnersSeen.HIDDEN
    uptime_s: int | None = None


class Assessment(NamedTuple):
    """What was made of a socket: the findings on it, the user's own note that names its port, and
    what its service answered when it was probed. ``service_names`` are those that the registry has
    for its port and transport. ``reachable`` is from where it can be reached, where that was asked.
    """

    findings: tuple[Finding, ...] = ()
    note: Note | None = None
    speaks: Spoken | None = None
    service_names: tuple[str, ...] = ()
    reachable: Reachable | None = None

    @property
    def gravity(self) -> int:
        """The rank of the most serious finding (``Level.rank``); -1 where there is none."""
        return max([RANKS[each.level] for each in self.findings], default=-1)

    @property
    def urgency(self) -> tuple[int, bool]:
        """By what sockets are sorted: the gravity, then whether a risk of exposure leads."""
        leads = bool(self.findings) and self.findings[0].code in OF_EXPOSURE
        return self.gravity, leads


UNJUDGED = Assessment()


class Listener(NamedTuple):
    """One socket that listens or is bound, who holds it, and what was made of it."""

    socket: Socket
    ownership: Ownership = Ownership()
    assessment: Assessment = UNJUDGED


# The name on Linux, and that on macOS and the BSDs.
LOOPBACK_INTERFACES = ("lo", "lo0")


class PortRules(NamedTuple):
    """The rules about ports that are in force on this machine; None where one can't be read.

    ``unprivileged_first`` is the lowest port that needs no privilege. ``dynamic`` is the range from
    which the system picks ports, both ends included, but for ``kept``. ``root`` says who read them.
    """

    system: str
    unprivileged_first: int | None = None
    dynamic: tuple[int, int] | None = None
    kept: tuple[tuple[int, int], ...] = ()
    root: bool = False  # what is hidden from root, sudo doesn't show

    def hands_out(self, port: int) -> bool:
        """Whether the system may give *port* to who asks for any; False if ``dynamic`` is None.

        >>> rules = PortRules("linux", 1024, (32768, 60999), ((50000, 50001),))
        >>> rules.hands_out(40000), rules.hands_out(50000), rules.hands_out(8080)
        (True, False, False)
        """
        if self.dynamic is None or not self.dynamic[0] <= port <= self.dynamic[1]:
            return False
        return not any(first <= port <= last for first, last in self.kept)


class Host(NamedTuple):
    """What was seen on this machine, and in ``missing`` what was not.

    ``notes`` are the user's own on the ports that were asked about.
    """

    listeners: tuple[Listener, ...]
    visibility: Visibility
    missing: tuple[Gap, ...] = ()
    rules: PortRules | None = None
    notes: tuple[Note, ...] = ()
