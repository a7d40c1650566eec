"""The sentences for what is a value elsewhere: what could not be seen; how others are filled."""

from __future__ import annotations

from portbook.model import GapCode, Need
from portbook.model.gap import OF_OWNERS
from portbook.present.words import in_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from portbook.model import Gap

    Words = Callable[[Any, dict[str, Any]], str]  # of a value and its facts

_BOUND = "sockets that are bound but not listening can't be seen there"
_RULES = "firewall rules were not all read: {subject}"

# A gap's fields, and what `_words` makes of them, stand in braces.
TEMPLATES = {
    GapCode.SYSTEM_UNKNOWN: "portbook can't look at this machine: it does not know the system "
    "{subject}",
    GapCode.SOCKETS_UNREADABLE: "{detail}",
    GapCode.SOCKETS_CHANGING: "sockets came and went while the kernel listed them: some may be "
    "missing; ask again",
    GapCode.MONITOR_REFUSED: "the kernel's socket monitor can't be asked ({detail}): /proc/net was "
    "read{and_bound}",
    GapCode.BOUND_UNSEEN: "this kernel ({subject}) can't show sockets that are bound but not "
    "listening: Linux 6.8 and later do",
    GapCode.BOUND_UNLISTED: f"this kernel lists {{transport}} only in /proc/net: {_BOUND}",
    GapCode.BOUND_UNSUPPORTED: "sockets that are bound but not listening can't be listed on "
    "{subject_system}",
    GapCode.TRANSPORT_UNSEEN: "{transport} sockets can't be seen without the socket monitor",
    GapCode.TRANSPORT_ABSENT: "this kernel has no {transport}: only a stack in user space could "
    "use it",
    GapCode.TRANSPORT_UNLISTED: "this kernel has {transport} but can't list its sockets: load "
    "{subject}_diag",
    GapCode.TRANSPORT_UNSUPPORTED: "{transport} sockets can't be listed on {detail_system}",
    GapCode.LISTING_DENIED: "this user may not list sockets: run as an administrator",
    GapCode.LISTING_FAILED: "sockets can't be listed ({detail})",
    GapCode.PROCESSES_DENIED: "{number} {process} of other users couldn't be read, so what they "
    "listen on is missing: run as root",
    GapCode.PSUTIL_MISSING: "portbook needs psutil to see this machine: pip install psutil",
    GapCode.CONNECTIONS_UNSUPPORTED: "connections that hold a port can't be looked up on {subject}",
    GapCode.EXCLUDED_UNREADABLE: "the excluded ports could not be read from netsh: {detail}",
    GapCode.BIND_UNTRIED: "a bind could not be tried ({subject})",
    GapCode.PROCESSES_UNREAD: "not every process could be read ({detail})",
    GapCode.OWNERS_HIDDEN: "{sockets} owned by a process that {hidden_by}",
    GapCode.OWNERS_INFERRED: "{sockets} owned by a process that only its control group and "
    "user suggest: {fix}",
    GapCode.OWNERS_PARTIAL: "whether sockets have other owners too ({fix})",
    GapCode.OWNERS_UNSEEN: "{counted} sockets have an owner that can't be seen",
    GapCode.PACKAGES_UNKNOWN: "{packages} not known: {detail}",
    GapCode.NAMES_UNKNOWN: "{names} not known: {detail}",
    GapCode.CONTAINERS_UNASKED: "{detail}",
    GapCode.NAMESPACES_UNSUPPORTED: "other network namespaces can be read on Linux only",
    GapCode.NAMESPACES_HIDDEN: "the network namespaces of {number:,} {process} are {kept_by}",
    GapCode.NAMESPACE_UNREADABLE: "{detail}",
    GapCode.NAT_UNSUPPORTED: "portbook doesn't read this system's packet filter, so redirects "
    "are unknown",
    GapCode.NAT_HIDDEN: "NAT rules are visible to root only",
    GapCode.NAT_NO_TOOL: "neither nft nor iptables is installed, so NAT rules were not read",
    GapCode.NAT_NO_NFT: "nft is not installed, so nftables' own NAT rules were not read",
    GapCode.NAT_NO_LEGACY: "NAT rules of the older {subject} are in force, but "
    "{subject}-legacy-save, which reads them, is not installed",
    GapCode.NAT_UNREADABLE: "NAT rules of {subject} could not be read: {detail}",
    GapCode.NAT_UNCLEAR: "{rules} not understood, first {detail}",
    GapCode.FIREWALL_UNSUPPORTED: "portbook doesn't read this system's packet filter",
    GapCode.FIREWALL_HIDDEN: "firewall rules are visible to root only",
    GapCode.FIREWALL_NO_TOOL: "firewall rules are in force, but {subject} is not installed",
    GapCode.FIREWALL_UNREADABLE: "firewall rules of {subject} could not be read: {detail}",
    GapCode.FIREWALL_CHANGING: "the firewall rules changed while they were read",
    GapCode.FIREWALL_SET_UNREAD: "the firewall's set {subject} could not be read: {detail}",
    GapCode.NOT_EVALUATED: "portbook can't evaluate {filter}, so it can't tell what gets through",
    GapCode.TOOL_UNSTARTED: f"{_RULES} ({{detail}})",
    GapCode.TOOL_LATE: f"{_RULES} did not answer in time",
    GapCode.TOOL_FAILED: f"{_RULES} {{said}}",
    GapCode.FILE_CHANGED: "{subject} changed while it was read: what came later is not in the "
    "answer",
    GapCode.NO_FLOWS: "{subject} has no flows to read",
    GapCode.NO_DATA: "{number:,} {records} no data, or as skipped",
    GapCode.HOSTS_UNREAD: "the hosts of {subject}, which {detail}",
    GapCode.NOTES_LEFT_OUT: "{detail}",
    GapCode.COMMANDS_MASKED: "the arguments of processes: start portbook serve with "
    "--show-commands to see them",
}
_FILTERS = {
    "xdp": "the XDP program on {name}",
    "tc": "the tc filter on {name}",
    "bridge": "the bridge's chain {name}",
    "netdev": "the egress chain {name}",
    "arp": "the ARP chain {name}",
    "arptables": "the table {name} of arptables-legacy",
    "vrf": "the VRF {name}",
    "sk-lookup": "the sk_lookup program of {name}",
    "cgroup": "the filter of the control group {name} (systemd's IPAddressDeny is one)",
    "ipvs": "the IPVS service {name}",
    "ipsec": "the IPsec policy {name}",
    "flowtable": "the flowtable {name}",
    "tproxy": "tproxy in {name}",
    "unknown": "nftables' object of the kind {name}",
    "unseen": "programs on interfaces and sockets, which the kernel doesn't show",
}
# What a pasted text says failed, held against this machine; portbook.present.failed chooses.
FAILURES = {
    "in-use": "The text says that {name} is in use.",
    "in-use-held": "{name} is in use: {who} on {where}.",
    "in-use-hidden": "{name} is in use on {where}, by {who}.",
    "in-use-bound": "{name} is bound on {where}, but nothing listens: {who}.",
    "in-use-connection": "A connection holds {name}; nothing listens on it.",
    "in-use-free": "{name} is free on this machine now. If it still fails, the error is from "
    "another machine or a container.",
    "permission": "The system refused {name} to that user.",
    "permission-needed": "Binding {name} needs root or CAP_NET_BIND_SERVICE: it is below {first}.",
    "permission-given": "You can bind {name} on this machine; the user in the text couldn't.",
    "permission-fix": "Run the server as root, or on Linux: setcap cap_net_bind_service=+ep "
    "PROGRAM.",
    "permission-unneeded": "{name} needs no privilege on this machine.",
    "permission-forbidden": "Where the text is from, SELinux, AppArmor or a sandbox may have "
    "refused it.",
    "permission-windows": "Windows refused {name}: it lies in an excluded range, or another "
    "program holds it exclusively.",
    "permission-windows-why": "Hyper-V, WSL and Docker exclude ranges: a port in one is refused "
    "with nothing listening on it. Administrator rights don't help.",
    "unavailable": "The address in the text isn't one of that machine's.",
    "unavailable-here": "{address} is an address of this machine now, so {place} can be bound.",
    "unavailable-elsewhere": "{address} is not an address of this machine, so it can't be bound.",
    "unavailable-fix": "Bind 0.0.0.0 or the machine's own address; a cloud's public address is "
    "translated before it arrives.",
    "unavailable-v6": "IPv6 is off on this machine: bind 127.0.0.1, or switch IPv6 on.",
    "no-local-port": "A connection to {place} got no local port or address of its own.",
    "no-local-address": "A connection to {place} couldn't start: IPv6 is off there, or it got no "
    "local port or address of its own.",
    "no-local-port-used": "If the command below counts thousands, the local ports ran out. The "
    "side that closes first keeps its port in TIME_WAIT: reuse connections.",
    "no-local-port-bound": "Or the client is set to connect from an address or port that it can't "
    "have: compare its source address with `{addresses}`.",
    "no-local-port-v6": "Where IPv6 is off, [::1] fails so: connect to 127.0.0.1.",
    "refused": "The text says that {place} refused a connection: nothing listened there.",
    "in-use-free-there": "{place} is free on this machine now.",
    "in-use-beside": "But {others} has the port on {elsewhere}: a server on every address can "
    "clash with that.",
    "socket-file": "The text is about PostgreSQL's socket file, not about TCP: nothing listened on "
    "that file.",
    "socket-file-beside": "The text is about PostgreSQL's socket file, not about TCP: nothing "
    "listened on that file.",
    "socket-file-fix": "Start the server, or name the folder that it makes the file in: psql -h "
    "FOLDER.",
    "socket-file-tcp": "{who} listens on {name}, on {where}. If that is the server: psql -h "
    "localhost.",
    "in-use-free-unseen": "Nothing we can see holds {name} on this machine now.",
    "refused-here-unseen": "Nothing we can see listens on {place} on this machine.",
    "dropped-silent-unseen": "A firewall dropped a packet to {name}; nothing we can see listens "
    "on it.",
    "refused-here": "Nothing listens on {place} on this machine.",
    "refused-fix": "Start the server, or check which port it is configured for.",
    "refused-family": "But {others} listens on {elsewhere}: connect to {instead}, or bind "
    "{lacking}.",
    "refused-beside": "But {others} listens on {elsewhere}: connect there, or bind {address} too.",
    "answers": "{who} listens on {name} now, on {where}: try again.",
    "answers-otherwise": "{who} listens on {name} now, on {where}, but may not be the server that "
    "you meant.",
    "another-machine": "{address} is another machine; portbook looks only at this one.",
    "another-name": "{address} is a host's name, and portbook doesn't look names up: it may be "
    "another machine.",
    "refused-far": "Refused: the host is up, and nothing listens on {port} there, or its firewall "
    "rejects you.",
    "timeout-far": "Timed out: the host is down, or a firewall drops packets to {port} silently.",
    "unreachable-far": "Unreachable: no route leads there, or a router rejects you. The port "
    "doesn't matter yet.",
    "timeout": "The connection to {place} timed out: packets were dropped, not refused.",
    "unreachable": "No route leads to {place}: the port doesn't matter yet.",
    "excluded-range": "{port} is in a range that Windows keeps for itself; nothing listens there.",
    "browser-blocked": "Browsers refuse to open port {port}, whatever listens there.",
    "dropped": "A firewall dropped a packet to {name}.",
    "dropped-listening": "A firewall dropped a packet to {name}, on which {who} listens.",
    "dropped-silent": "A firewall dropped a packet to {name}; nothing listens on it here now.",
    "dropped-elsewhere": "A firewall dropped a packet to {name} on {address}, another machine.",
    "other": "The text says that something failed on {name}, but not what.",
    "invalid-address": "{address} is not an address; this is about {port} on every address.",
    "name": "{address} is a name, not an address: this is about {port} on every address.",
}
_SYSTEMS = {"macos": "macOS", "windows": "Windows"}
_FIXES = {
    Need.ROOT: "run as root, or with the capability CAP_SYS_PTRACE",
    Need.LEAVE: "a security module or another namespace may be in the way",
    Need.PROCFS: "no process is listed in {subject}: procfs isn't mounted there",
}


def gap_sentence(gap: Gap) -> str:
    """What *gap* says, as the rest of a sentence that begins "Not seen:"; raw, as its facts are.

    >>> from portbook.model import Gap
    >>> gap_sentence(Gap(GapCode.OWNERS_UNSEEN, number=2, total=9))
    "2 of 9 sockets have an owner that can't be seen"
    """
    facts = gap._asdict()
    sentence = TEMPLATES[gap.code].format(**facts, **_words(gap, facts))
    return sentence if gap.namespace is None else f"{in_namespace(gap.namespace)}, {sentence}"


def filter_words(kind: str, name: str) -> str:
    """What else handles packets, by its *kind* (:class:`portbook.model.finding.FilterKind`)."""
    return _FILTERS.get(kind, "{name}").replace("{name}", name)


def gap_sentences(gaps: Iterable[Gap]) -> list[str]:
    """A sentence for each of *gaps*."""
    return [gap_sentence(gap) for gap in gaps]


def unseen_beside_owners(gaps: Iterable[Gap]) -> list[str]:
    """A sentence for each of *gaps* but that sockets may have owners beside those that are named.

    That holds wherever some process can't be read: JSON, ``-v`` and ``--strict`` tell it.
    """
    return gap_sentences(gap for gap in gaps if gap.code is not GapCode.OWNERS_PARTIAL)


def unseen_of_socket(gaps: Iterable[Gap]) -> list[str]:
    """:func:`unseen_beside_owners` where each socket stands with its owner, or with what shows it.

    "a root process you can't see (try sudo)" says which owner is hidden, and from whom.
    """
    return unseen_beside_owners(
        gap for gap in gaps if gap.code not in OF_OWNERS or gap.needs is not Need.ROOT
    )


def filled(templates: Mapping[str, str], value: Any, words: Mapping[str, Words]) -> str:
    """The sentence in *templates* for *value*, by its ``code``, and by the fact ``why`` if it has
    one; empty where there is none. What stands in braces is made by *words*, or is a fact.
    """
    facts = dict(value.facts)
    key = f"{value.code} {facts['why']}" if "why" in facts else value.code
    text, *pieces = templates.get(key, "").split("{")
    for piece in pieces:
        name, _, rest = piece.partition("}")
        make = words.get(name)
        text += f"{facts.get(name, '') if make is None else make(value, facts)}{rest}"
    return text


def _words(gap: Gap, facts: dict[str, object]) -> dict[str, str]:
    """What templates say of a gap's facts, beyond the facts themselves."""
    subject, number = gap.subject or "", gap.number or 0
    fix = _FIXES.get(gap.needs, "").format(**facts) if gap.needs else ""
    counted = f"{number:,}" if gap.total is None else f"{number:,} of {gap.total:,}"
    return {
        "transport": "UDP-Lite" if subject == "udp-lite" else subject.upper(),
        "subject_system": _SYSTEMS.get(subject, subject),
        "detail_system": _SYSTEMS.get(gap.detail or "", gap.detail or ""),
        "and_bound": f", and {_BOUND}" if subject else "",
        "process": "process" if number == 1 else "processes",
        "sockets": "the socket is"
        if gap.total == 1
        else f"{counted} sockets {'is' if number == 1 else 'are'}",
        "counted": counted,
        "hidden_by": "can't be seen from inside this container: ask on the host"
        if gap.needs is Need.HOST
        else f"even root can't see here: {fix}"
        if gap.needs is Need.LEAVE
        else f"this user can't see: {fix}",
        "kept_by": "visible to root only" if gap.needs is Need.ROOT else "hidden even from root",
        "fix": fix,
        "packages": f"the package of {subject} is"
        if number == 1
        else f"the packages of {number:,} executables are",
        "names": f"the name of {subject} is"
        if number == 1
        else f"the names of {number:,} containers are",
        "records": "record is marked as having" if number == 1 else "records are marked as having",
        "filter": filter_words(subject, gap.detail or ""),
        "said": f"says {gap.detail}"
        if gap.detail
        else f"failed with {'signal' if number < 0 else 'status'} {abs(number)}",
        "rules": "1 NAT rule was" if number == 1 else f"{number:,} NAT rules were",
    }
