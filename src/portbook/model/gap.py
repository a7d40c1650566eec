"""What could not be seen of a machine, as a value: which thing, of what, and what it would take.

The sentence for each stands in :mod:`portbook.present.phrases`. Two looks at a machine are compared
by the kinds of their gaps: a count, or what the system said, differs from look to look.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class GapCode(StrEnum):
    """What could not be seen; each code says what the gap's other fields hold."""

    # Sockets
    SYSTEM_UNKNOWN = "system-unknown"  # subject: the system
    SOCKETS_UNREADABLE = "sockets-unreadable"  # detail: why
    SOCKETS_CHANGING = "sockets-changing"  # the tables changed while they were read
    MONITOR_REFUSED = "monitor-refused"  # detail: why; subject: tcp, if that was asked about
    BOUND_UNSEEN = "bound-unseen"  # subject: the kernel's release
    BOUND_UNLISTED = "bound-unlisted"  # subject: the transport
    BOUND_UNSUPPORTED = "bound-unsupported"  # subject: the system
    TRANSPORT_UNSEEN = "transport-unseen"  # subject: the transport
    TRANSPORT_ABSENT = "transport-absent"  # subject: the transport
    TRANSPORT_UNLISTED = "transport-unlisted"  # subject: the transport
    TRANSPORT_UNSUPPORTED = "transport-unsupported"  # subject: the transport; detail: the system
    LISTING_DENIED = "listing-denied"
    LISTING_FAILED = "listing-failed"  # detail: why
    PROCESSES_DENIED = "processes-denied"  # number: processes
    PSUTIL_MISSING = "psutil-missing"
    CONNECTIONS_UNSUPPORTED = "connections-unsupported"  # subject: the system
    EXCLUDED_UNREADABLE = "excluded-unreadable"  # detail: why
    BIND_UNTRIED = "bind-untried"  # subject: the error's name
    # Owners
    PROCESSES_UNREAD = "processes-unread"  # detail: why
    OWNERS_HIDDEN = "owners-hidden"  # number of total: sockets
    OWNERS_INFERRED = "owners-inferred"  # number of total: sockets
    OWNERS_PARTIAL = "owners-partial"
    OWNERS_UNSEEN = "owners-unseen"  # number of total: sockets
    PACKAGES_UNKNOWN = "packages-unknown"  # number: executables; subject: the first; detail: why
    NAMES_UNKNOWN = "names-unknown"  # number: containers; subject: the first; detail: why
    CONTAINERS_UNASKED = "containers-unasked"  # detail: which runtime, and why
    # Network namespaces
    NAMESPACES_UNSUPPORTED = "namespaces-unsupported"
    NAMESPACES_HIDDEN = "namespaces-hidden"  # number: processes
    NAMESPACE_UNREADABLE = "namespace-unreadable"  # detail: which, and why
    # Address translation
    NAT_UNSUPPORTED = "nat-unsupported"
    NAT_HIDDEN = "nat-hidden"
    NAT_NO_TOOL = "nat-no-tool"
    NAT_NO_NFT = "nat-no-nft"
    NAT_NO_LEGACY = "nat-no-legacy"  # subject: iptables or ip6tables
    NAT_UNREADABLE = "nat-unreadable"  # subject: whose rules; detail: why
    NAT_UNCLEAR = "nat-unclear"  # number: rules; detail: the first
    # Packet filters
    FIREWALL_UNSUPPORTED = "firewall-unsupported"
    FIREWALL_HIDDEN = "firewall-hidden"
    FIREWALL_NO_TOOL = "firewall-no-tool"  # subject: the tool that could print the rules in force
    FIREWALL_UNREADABLE = "firewall-unreadable"  # subject: whose rules; detail: why
    FIREWALL_CHANGING = "firewall-changing"  # the rules changed while they were read
    FIREWALL_SET_UNREAD = "firewall-set-unread"  # subject: the set; detail: why
    NOT_EVALUATED = "not-evaluated"  # subject: a FilterKind; detail: its name
    TOOL_UNSTARTED = "tool-unstarted"  # subject: the tool; detail: why
    TOOL_LATE = "tool-late"  # subject: the tool
    TOOL_FAILED = "tool-failed"  # subject: the tool; detail: what it said
    # Flows
    FILE_CHANGED = "file-changed"  # subject: the file
    NO_FLOWS = "no-flows"  # subject: the file, or the format of several
    NO_DATA = "no-data"  # number: records
    HOSTS_UNREAD = "hosts-unread"  # subject: the file; detail: why
    # What the user has to do with
    NOTES_LEFT_OUT = "notes-left-out"  # detail: which, and why
    COMMANDS_MASKED = "commands-masked"


class Need(StrEnum):
    """What it takes to see it; a gap without one can't be closed by whoever asks."""

    ROOT = "root"  # or the capability that stands for it
    LEAVE = "leave"  # of a security module or a user namespace, which keep even root out
    HOST = "host"  # to ask outside of this container
    PROCFS = "procfs"  # mounted where it is looked for, in the gap's subject
    KERNEL = "kernel"  # a newer kernel, or a module of it
    TOOL = "tool"  # something to install
    AGAIN = "again"  # to ask once more


class Gap(NamedTuple):
    """One thing that could not be seen.

    ``subject`` is what it concerns (a path, a transport, a tool), ``detail`` what the system or a
    tool said of it: both may be hostile. ``number`` are so many of ``total``. ``namespace`` names
    the network namespace in which it is, where that isn't the one that was asked in.
    """

    code: GapCode
    subject: str | None = None
    needs: Need | None = None
    detail: str | None = None
    number: int | None = None
    total: int | None = None
    namespace: str | None = None

    @property
    def kind(self) -> tuple[GapCode, str | None, str | None]:
        """What stays the same where the same thing can't be seen at another moment.

        >>> five, six = (Gap(GapCode.PROCESSES_DENIED, number=number) for number in (5, 6))
        >>> five == six, five.kind == six.kind
        (False, True)
        """
        return self.code, self.subject, self.namespace


# What owners and details lack hides no socket.
OF_OWNERS = frozenset({
    GapCode.OWNERS_HIDDEN, GapCode.OWNERS_INFERRED, GapCode.OWNERS_PARTIAL, GapCode.OWNERS_UNSEEN,
    GapCode.PROCESSES_UNREAD,
})  # fmt: skip
# What the line about from where a port can be reached says itself.
OF_REACH = frozenset({
    GapCode.FIREWALL_UNSUPPORTED, GapCode.FIREWALL_HIDDEN, GapCode.NOT_EVALUATED,
})  # fmt: skip
OF_FIREWALL = frozenset({
    *OF_REACH, GapCode.FIREWALL_NO_TOOL, GapCode.FIREWALL_UNREADABLE, GapCode.FIREWALL_CHANGING,
    GapCode.FIREWALL_SET_UNREAD,
})  # fmt: skip
_OF_DETAILS = frozenset({
    *OF_FIREWALL, GapCode.PACKAGES_UNKNOWN, GapCode.NAMES_UNKNOWN, GapCode.CONTAINERS_UNASKED,
    GapCode.NOTES_LEFT_OUT,
})  # fmt: skip


def hide_sockets(gaps: Iterable[Gap]) -> bool:
    """Whether *gaps* may hide a socket, and not only who holds one.

    >>> hide_sockets([Gap(GapCode.OWNERS_HIDDEN)]), hide_sockets([Gap(GapCode.MONITOR_REFUSED)])
    (False, True)
    """
    return any(gap.code not in OF_OWNERS and gap.code not in _OF_DETAILS for gap in gaps)
