"""The pages on what people ask: an answer in a line, what else to know, and what to do.

The rules are those of the systems' own documentation: bind(2), connect(2), ip(7), tcp(7) and
capabilities(7) for Linux, winsock2.h and netsh for Windows, RFC 6335 and 7605 for IANA, and the
Fetch standard's list of bad ports for browsers.
"""

# A sentence stands whole, whatever its length.
# ruff: noqa: E501, ISC004

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.topics import Topic
from portbook.model import Failure
from portbook.present.owners import owner_name
from portbook.present.words import NextStep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.topics import TopicAnswer
    from portbook.model import Listener
    from portbook.present.render.text import Style


class TopicPage(NamedTuple):
    """One topic: the answer, what else to know, and what to do next."""

    title: str
    sentences: tuple[str, ...]
    next: tuple[NextStep, ...]


_NETSH = "netsh interface ipv4 show excludedportrange protocol=tcp"
PAGES: dict[Topic, TopicPage] = {
    Topic.REFUSED: TopicPage(
        "Connection refused: the host answered, and nothing listens on that port and address.",
        (
            "The server isn't running, listens on another port, or is bound to another address.",
            "A server on 127.0.0.1 refuses [::1] and every other machine.",
            "In a container, localhost is the container itself: use the service's name, or "
            "host.docker.internal.",
            "A firewall that rejects looks the same; one that drops makes you wait instead.",
        ),
        (NextStep("What listens", "portbook listen"),),
    ),
    Topic.LOCALHOST: TopicPage(
        "localhost is two addresses, 127.0.0.1 and [::1], and many programs try [::1] first.",
        (
            "A server that binds one of them refuses clients that come to the other.",
            "Connect to 127.0.0.1 by number, or have the server bind both.",
            "Two servers can share a port number, one on each family; localhost then reaches the "
            "one on [::1].",
        ),
        (NextStep("What listens", "portbook listen"),),
    ),
    Topic.EPHEMERAL: TopicPage(
        "An ephemeral port is the one the system gives to a client for one connection.",
        (
            "Linux takes them from 32768–60999, macOS and Windows from 49152–65535.",
            "EADDRNOTAVAIL on connect means that none is left for that destination: too many "
            "connections are open or in TIME_WAIT.",
            "Reuse connections first. On Linux, net.ipv4.ip_local_port_range widens the range.",
            "Keep a server's port out of the range, or a client may hold it when the server starts.",
        ),
        (
            NextStep("A port outside it", "portbook pick"),
            NextStep("On Linux", "sysctl net.ipv4.ip_local_port_range"),
        ),
    ),
    Topic.EXCLUDED: TopicPage(
        "Windows refuses (10013, WSAEACCES): the port is in an excluded range, or held exclusively.",
        (
            "An excluded port is refused with nothing listening on it; Hyper-V, WSL and Docker "
            "exclude whole ranges at start.",
            "Administered port exclusions, marked *, are set by an administrator or an installer.",
            "Restarting winnat often frees the range: net stop winnat, then net start winnat.",
            "Or choose a port outside every range. Administrator rights don't help.",
        ),
        (NextStep("List the ranges", _NETSH), NextStep("Choose another", "portbook pick")),
    ),
    Topic.REGISTER: TopicPage(
        "Ask IANA with its form, Application for Service Names and User Port Numbers.",
        (
            "A service name alone is given first come, first served, and often is enough (RFC 6335 "
            "§8.1).",
            "A User Port (1024–49151) takes Expert Review; a System Port, IETF Review or IESG Approval.",
            "Say why a dynamic port with DNS-SD won't do, and ask for one port, not several "
            "(RFC 7605 §6).",
            "The form asks for assignee, contact, transports, service name, description and reference.",
        ),
        (
            NextStep("Form", "https://www.iana.org/form/ports-services"),
            NextStep("Until then", "portbook pick"),
        ),
    ),
    Topic.TIME_WAIT: TopicPage(
        "TIME_WAIT is normal: the side that closes first keeps the connection for late packets.",
        (
            "On Linux it lasts 60 s and costs little memory.",
            "It stops a server from binding its port again unless the server sets SO_REUSEADDR.",
            "Thousands towards one destination use up ephemeral ports: keep connections open instead.",
        ),
        (
            NextStep("Seconds left for a port", "portbook why 8080"),
            NextStep("Count them", "ss -tan state time-wait"),
        ),
    ),
    Topic.IN_USE: TopicPage(
        "Address already in use: another socket has that address and port.",
        (
            "Find the port the program was told to use, in its settings or command line.",
            "Its holder may be a second copy of the program, one stopped with Ctrl-Z, or a connection "
            "in TIME_WAIT.",
            "A server on 0.0.0.0 usually clashes with one on a single address.",
        ),
        (
            NextStep("What listens", "portbook listen"),
            NextStep("Who has a port", "portbook why 8080"),
        ),
    ),
    Topic.PRIVILEGED: TopicPage(
        "Permission denied: ports below 1024 need root or CAP_NET_BIND_SERVICE on most systems.",
        (
            "Linux decides by net.ipv4.ip_unprivileged_port_start; macOS only for single addresses; "
            "Windows not at all.",
            "Give the program the capability: setcap cap_net_bind_service=+ep PROGRAM.",
            "systemd can open the socket for it, or grant AmbientCapabilities=CAP_NET_BIND_SERVICE.",
            "Or bind a port from 1024 on, with a reverse proxy or a redirect in front.",
            "Rootless containers need net.ipv4.ip_unprivileged_port_start=80 on the host.",
        ),
        (
            NextStep("Try a port", "portbook why 80"),
            NextStep("The limit here", "sysctl net.ipv4.ip_unprivileged_port_start"),
        ),
    ),
    Topic.UNAVAILABLE: TopicPage(
        "Cannot assign requested address (99, 49, 10049): the address isn't this machine's.",
        (
            "On a bind: the server asks for an address that no interface has. Bind 0.0.0.0, [::] or "
            "an address of this machine.",
            "A cloud's public address is translated before it arrives: bind the private one.",
            "For [::1] it means that IPv6 is off: bind 127.0.0.1.",
            "On a connect: no ephemeral port is left for that destination.",
        ),
        (
            NextStep("Own addresses", "ip address"),
            NextStep("Ports that ran out", "portbook topic ephemeral"),
        ),
    ),
    Topic.TIMEOUT: TopicPage(
        "Timed out: packets were lost on the way, most often dropped by a firewall.",
        (
            "A closed port refuses at once; silence means a firewall, a wrong address or a host that "
            "is down.",
            "Look at the firewall of the server, of its provider, and of your own network.",
            "SSH that times out on 22 often works on 443 where the provider offers that.",
        ),
        (NextStep("From outside", "nc -zv HOST PORT"),),
    ),
    Topic.UNREACHABLE: TopicPage(
        "No route to host: the network doesn't lead there, so no port was tried.",
        (
            "The address is wrong, the interface or VPN is down, or a firewall sends that answer.",
            "For an IPv6 address, this machine may have no IPv6 beyond its own link.",
        ),
        (NextStep("The route", "ip route get ADDRESS"),),
    ),
    Topic.BROWSER: TopicPage(
        "Browsers refuse some ports (ERR_UNSAFE_PORT), so that web pages can't talk to other servers.",
        (
            "The list is the Fetch standard's: 22, 25, 6000, 6665–6669, 10080 and dozens more.",
            "Nothing is wrong with the server: curl opens it. Move it to a port that isn't listed.",
        ),
        (NextStep("A port that browsers open", "portbook pick"),),
    ),
    Topic.DROPPED: TopicPage(
        "The firewall's log shows a packet that it dropped; DPT is its destination port.",
        (
            "SPT is the sender's port and says little; a reply has SPT 443 or the like.",
            "If nothing listens on the port, it is most often a scan.",
        ),
        (NextStep("What listens", "portbook listen"),),
    ),
    Topic.CHOOSE: TopicPage(
        "Take a User Port that is free, unassigned and not ephemeral: portbook pick finds one.",
        (
            "A server for development can take any free port from 1024 to 32767.",
            "For a test, port 0 asks the system for any free one.",
            "For a product that others install, ask IANA for a name, and a port if it needs one.",
        ),
        (
            NextStep("Choose one", "portbook pick"),
            NextStep("For others' use", "portbook topic register"),
        ),
    ),
    Topic.STOP: TopicPage(
        "Find what holds the port, then stop it: portbook stop PORT shows its plan and asks first.",
        (
            "It stops a unit or a container through its manager, so that nothing starts it again.",
            "Other programs get SIGTERM and 10 s to end.",
        ),
        (
            NextStep("Stop it", "portbook stop 3000"),
            NextStep("What listens", "portbook listen"),
        ),
    ),
    Topic.LISTEN: TopicPage(
        "Every port that is open on this machine, with its program and verdict: portbook listen.",
        (
            "A port on 127.0.0.1 or [::1] is open to this machine only.",
            "What others reach also depends on the firewalls of this machine and on the way.",
        ),
        (NextStep("Show them", "portbook listen"),),
    ),
    Topic.CLIENT: TopicPage(
        "The port behind a client's address is the client's own: it isn't open on your machine.",
        (
            'In a log, "from ADDRESS port N" names the other end; the service is the one that logged it.',
            "For sshd that is 22, unless its settings say otherwise.",
        ),
        (NextStep("What listens", "portbook listen"),),
    ),
}
_FILE = TopicPage(
    "The text is about a socket file, not about a port.",
    (),
    (NextStep("What listens on files", "ss -xlp"),),
)
_OF_FILE = {
    Failure.IN_USE: "The file exists: its server still runs, or ended without deleting it.",
    Failure.REFUSED: "No server listens on the file. Start it, or check where it makes its own.",
    Failure.PERMISSION: "The user may not use the file or its folder: look at ls -l and the groups.",
}
_MOST = 6  # of this machine's servers that a line names


def compose_topic(answer: TopicAnswer) -> TopicPage:
    """The page of *answer*'s topic, with what this machine adds."""
    pasted = answer.query.pasted
    if pasted is not None and pasted.file and pasted.failure is not None:
        told = _OF_FILE.get(pasted.failure)
        return _FILE._replace(sentences=(told,) if told else ())
    page = PAGES[answer.topic]
    more = tuple(_local(answer))
    title = page.title
    if answer.topic is Topic.CLIENT and pasted is not None and pasted.peers:
        title = (
            f"{pasted.peers[0]} is a client's own port, given by its system; it isn't open here."
        )
    return page._replace(title=title, sentences=more + page.sentences)


def _local(answer: TopicAnswer) -> Iterator[str]:
    address = answer.query.address
    if answer.tells_failure and address is not None:
        yield f"The text names {address}, and no port."
    if answer.listeners:
        yield f"In use on this machine: {_ports(answer.listeners)}."
    rules = answer.rules
    if rules is None:
        return
    if answer.topic is Topic.EPHEMERAL and rules.dynamic is not None:
        first, last = rules.dynamic
        yield f"This machine takes them from {first}–{last}: {last - first + 1:,} ports."
    if answer.topic is Topic.PRIVILEGED and rules.unprivileged_first is not None:
        yield f"On this machine, ports from {rules.unprivileged_first} on need no privilege."


def _ports(listeners: tuple[Listener, ...]) -> str:
    names: dict[int, str] = {}
    for each in listeners:
        owners = each.ownership.owners
        names.setdefault(each.socket.port, owner_name(owners[0]) if owners else "")
    shown = [
        f"{port} ({name})" if name else str(port) for port, name in sorted(names.items())[:_MOST]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def render_topic(answer: TopicAnswer, style: Style) -> str:
    """The page as text: the answer first, then what to do."""
    from portbook.present.render.text import render_lead

    page = compose_topic(answer)
    return render_lead(page.title, page.sentences, page.next, style)
