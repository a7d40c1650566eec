"""What is to be said of something, as a value: a code, a level, a subject and named facts.

The sentence for each stands in :mod:`portbook.present.finding_phrases`.
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum

# Words are names or raw text (hostile, where a process or a file made it), numbers are plain.
Fact = str | int | float | bool | None | tuple[str | int, ...]
Facts = tuple[tuple[str, Fact], ...]


class Level(StrEnum):
    """How much a finding asks of the reader, in rising order; compare ``rank``, not the word."""

    OK = "ok"
    NOTE = "note"
    CHECK = "check"
    ALERT = "alert"

    @property
    def rank(self) -> int:
        """0 for ``ok`` to 3 for ``alert``."""
        return RANKS[self]


RANKS = {level: rank for rank, level in enumerate(Level)}


# The findings that come first among those of one level: whoever reads them acts on them first.
OF_EXPOSURE = frozenset({"risky-exposed", "dangerous-port"})


class SubjectKind(StrEnum):
    """What findings can concern."""

    SOCKET = "socket"
    PORT = "port"  # also one on which nothing is
    EXPECTATION = "expectation"  # of the user's own or of a project
    LINE = "line"  # of a file


class Subject(NamedTuple):
    """What a finding concerns, with the name that its kind goes by.

    That is :attr:`portbook.model.Socket.name`, a port as ``8080/tcp``, an expectation as its file
    and its ports (``portbook.toml 8000-8009/tcp``), a line as its file and number
    (``compose.yaml:7``).
    """

    kind: SubjectKind
    name: str


class EvidenceCode(StrEnum):
    """What a finding can rest on; each code says which facts it has."""

    SOCKET = "socket"  # state
    REGISTRY = "registry"  # state, text; or that it isn't listed
    ASKED = "asked"  # state, protocol, tls, detail: what a service answered
    EXECUTABLE = "executable"  # pid, path, uid, mode, place
    EXECUTABLE_UNSEEN = "executable-unseen"  # pid or program
    TOOL = "tool"  # name, product, services, source, read: what an interpreter's arguments name
    NOTE = "note"  # as :class:`portbook.model.Note`
    PROGRAM = "program"  # product, services, source, read
    BROWSERS = "browsers"  # source, read
    SERVICE = "service"  # name, advice, source, read: what is said against exposing it
    USE = "use"  # product, summary, source, read
    REPORT = "report"  # subject, period, source, read
    FIREWALL = "firewall"  # text, where: a rule; or state; or not_evaluated, name
    REACHED = "reached"  # address, program, pid: what a name of this machine leads to
    TEXT = "text"  # text: words that another run of portbook found for its evidence


class Evidence(NamedTuple):
    """One thing that a finding rests on, by the facts that its code names; those that are null or
    empty are left out.
    """

    code: EvidenceCode
    facts: Facts = ()


class Finding(NamedTuple):
    """One thing to say of *subject*: a stable code, a level, the facts and what they rest on.

    ``facts`` has what its rule (:data:`portbook.verdict.rules.RULES`) names and *subject* doesn't
    say; what is null or empty is left out. One that another run of portbook made has its sentence
    as the fact ``message``.
    """

    code: str
    level: Level
    subject: Subject | None = None
    facts: Facts = ()
    evidence: tuple[Evidence, ...] = ()


class Scope(StrEnum):
    """From where a port can be reached, by the networks and the firewall of this machine."""

    THIS_MACHINE = "this-machine"
    NETWORKS = "networks"
    ANYWHERE = "anywhere"
    BLOCKED = "blocked"  # by the firewall, from everywhere else
    NOWHERE = "nowhere"  # no interface has its address
    UNKNOWN = "unknown"


class FilterKind(StrEnum):
    """What else handles packets, beside the rules that are followed."""

    XDP = "xdp"  # a program on an interface
    TC = "tc"  # a filter or program on an interface
    BRIDGE = "bridge"  # a chain of nftables for what a bridge passes on
    SK_LOOKUP = "sk-lookup"  # programs that choose the socket
    CGROUP = "cgroup"  # a filter of a control group
    IPVS = "ipvs"  # a virtual server
    IPSEC = "ipsec"  # a policy that asks for encryption, or blocks
    FLOWTABLE = "flowtable"
    TPROXY = "tproxy"
    NETDEV = "netdev"  # a chain at egress
    ARP = "arp"  # a chain for ARP, without which no neighbour finds an IPv4 address
    ARPTABLES = "arptables"  # a table of arptables outside of nftables
    VRF = "vrf"  # its interfaces have routes, sockets and rules of their own
    UNKNOWN = "unknown"  # an object that nft prints
    UNSEEN = "unseen"  # there may be more, and the kernel doesn't tell


class NotEvaluated(NamedTuple):
    """What may decide over packets and isn't followed; ``name`` says which one of its kind."""

    kind: FilterKind
    name: str


class Reachable(NamedTuple):
    """From where a socket can be reached: ``networks`` are those that are let in, as CIDR text.

    ``rules`` decide it, by their text, each from the one of ``chains`` beside it. ``firewall`` says
    whether any rules are in force, None where they could not be read. ``not_evaluated`` is what
    else may decide, so that it can't be told. ``sent_to`` is another port of this machine to which
    rules send all of them: where it is blocked, nothing listens there.
    """

    scope: Scope
    networks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    firewall: bool | None = None
    not_evaluated: tuple[NotEvaluated, ...] = ()
    sent_to: int | None = None
