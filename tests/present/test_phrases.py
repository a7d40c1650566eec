"""What is said of each thing that could not be seen."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from portbook.model import Gap, GapCode, Need
from portbook.present.phrases import TEMPLATES, gap_sentence
from portbook.present.words import in_namespace
from tests.strategies import nasty

MEND = "run as root, or with the capability CAP_SYS_PTRACE"
KEPT = "a security module or another namespace may be in the way"
BOUND = "sockets that are bound but not listening can't be"
SAID = {
    Gap(GapCode.SYSTEM_UNKNOWN, "plan9"): "portbook can't look at this machine: it does not know "
    "the system plan9",
    Gap(GapCode.SOCKETS_UNREADABLE, detail="no"): "no",
    Gap(GapCode.SOCKETS_CHANGING): "sockets came and went while the kernel listed them: some may "
    "be missing; ask again",
    Gap(GapCode.MONITOR_REFUSED, detail="x"): "the kernel's socket monitor can't be asked (x): "
    "/proc/net was read",
    Gap(GapCode.MONITOR_REFUSED, "tcp", detail="x"): "the kernel's socket monitor can't be asked "
    f"(x): /proc/net was read, and {BOUND} seen there",
    Gap(GapCode.BOUND_UNSEEN, "5.10.0"): "this kernel (5.10.0) can't show sockets that are bound "
    "but not listening: Linux 6.8 and later do",
    Gap(GapCode.BOUND_UNLISTED, "tcp"): f"this kernel lists TCP only in /proc/net: {BOUND} seen "
    "there",
    Gap(GapCode.BOUND_UNSUPPORTED, "macos"): f"{BOUND} listed on macOS",
    Gap(GapCode.BOUND_UNSUPPORTED, "freebsd14"): f"{BOUND} listed on freebsd14",
    Gap(GapCode.TRANSPORT_UNSEEN, "sctp"): "SCTP sockets can't be seen without the socket monitor",
    Gap(GapCode.TRANSPORT_ABSENT, "sctp"): "this kernel has no SCTP: only a stack in user space "
    "could use it",
    Gap(GapCode.TRANSPORT_UNLISTED, "sctp"): "this kernel has SCTP but can't list its sockets: "
    "load sctp_diag",
    Gap(GapCode.TRANSPORT_UNLISTED, "udp-lite"): "this kernel has UDP-Lite but can't list its "
    "sockets: load udp-lite_diag",
    Gap(GapCode.TRANSPORT_UNSUPPORTED, "dccp", detail="windows"): "DCCP sockets can't be listed on "
    "Windows",
    Gap(GapCode.LISTING_DENIED): "this user may not list sockets: run as an administrator",
    Gap(GapCode.LISTING_FAILED, detail="x"): "sockets can't be listed (x)",
    Gap(GapCode.PROCESSES_DENIED, number=1): "1 process of other users couldn't be read, so "
    "what they listen on is missing: run as root",
    Gap(
        GapCode.PROCESSES_DENIED, number=1200
    ): "1200 processes of other users couldn't be read, so "
    "what they listen on is missing: run as root",
    Gap(GapCode.PSUTIL_MISSING): "portbook needs psutil to see this machine: pip install psutil",
    Gap(GapCode.CONNECTIONS_UNSUPPORTED, "darwin"): "connections that hold a port can't be looked "
    "up on darwin",
    Gap(GapCode.EXCLUDED_UNREADABLE, detail="x"): "the excluded ports could not be read from "
    "netsh: x",
    Gap(GapCode.BIND_UNTRIED, "EMFILE"): "a bind could not be tried (EMFILE)",
    Gap(GapCode.PROCESSES_UNREAD, detail="x"): "not every process could be read (x)",
    Gap(GapCode.OWNERS_HIDDEN, None, Need.HOST, number=2, total=3): "2 of 3 sockets are owned by a "
    "process that can't be seen from inside this container: ask on the host",
    Gap(GapCode.OWNERS_HIDDEN, None, Need.ROOT, number=1, total=3): "1 of 3 sockets is owned by a "
    f"process that this user can't see: {MEND}",
    Gap(GapCode.OWNERS_HIDDEN, None, Need.LEAVE, number=1, total=1): "the socket is owned by a "
    f"process that even root can't see here: {KEPT}",
    Gap(GapCode.OWNERS_INFERRED, "/proc", Need.PROCFS, number=1, total=1): "the socket is owned by "
    "a process that only its control group and user suggest: no process is listed in "
    "/proc: procfs isn't mounted there",
    Gap(GapCode.OWNERS_PARTIAL, None, Need.ROOT): f"whether sockets have other owners too ({MEND})",
    Gap(GapCode.OWNERS_UNSEEN, number=2, total=4): "2 of 4 sockets have an owner that can't be "
    "seen",
    Gap(GapCode.PACKAGES_UNKNOWN, "/a", number=1, detail="x"): "the package of /a is not known: x",
    Gap(GapCode.PACKAGES_UNKNOWN, "/a", number=2, detail="x"): "the packages of 2 executables are "
    "not known: x",
    Gap(GapCode.NAMES_UNKNOWN, "docker:1", number=1, detail="x"): "the name of docker:1 is not "
    "known: x",
    Gap(GapCode.NAMES_UNKNOWN, "docker:1", number=2, detail="x"): "the names of 2 containers are "
    "not known: x",
    Gap(GapCode.CONTAINERS_UNASKED, detail="x"): "x",
    Gap(GapCode.NAMESPACES_UNSUPPORTED): "other network namespaces can be read on Linux only",
    Gap(GapCode.NAMESPACES_HIDDEN, None, Need.ROOT, number=1): "the network namespaces of 1 "
    "process are visible to root only",
    Gap(GapCode.NAMESPACES_HIDDEN, None, Need.LEAVE, number=1200): "the network namespaces of "
    "1,200 processes are hidden even from root",
    Gap(GapCode.NAMESPACE_UNREADABLE, detail="x"): "x",
    Gap(
        GapCode.NAT_UNSUPPORTED
    ): "portbook doesn't read this system's packet filter, so redirects are unknown",
    Gap(GapCode.NAT_HIDDEN): "NAT rules are visible to root only",
    Gap(GapCode.FIREWALL_UNSUPPORTED): "portbook doesn't read this system's packet filter",
    Gap(GapCode.FIREWALL_HIDDEN): "firewall rules are visible to root only",
    Gap(GapCode.FIREWALL_NO_TOOL, "nft"): "firewall rules are in force, but nft is not installed",
    Gap(GapCode.FIREWALL_UNREADABLE, "nftables", detail="it is cut short"): "firewall rules of "
    "nftables could not be read: it is cut short",
    Gap(GapCode.NOT_EVALUATED, "xdp", detail="eth0"): "portbook can't evaluate the XDP program on "
    "eth0, so it can't tell what gets through",
    Gap(GapCode.FIREWALL_CHANGING): "the firewall rules changed while they were read",
    Gap(GapCode.FIREWALL_SET_UNREAD, "inet t blocked", detail="it is gone"): "the firewall's set "
    "inet t blocked could not be read: it is gone",
    Gap(GapCode.NAT_NO_TOOL): "neither nft nor iptables is installed, so NAT rules were not read",
    Gap(GapCode.NAT_NO_NFT): "nft is not installed, so nftables' own NAT rules were not read",
    Gap(GapCode.NAT_NO_LEGACY, "ip6tables"): "NAT rules of the older ip6tables are in force, but "
    "ip6tables-legacy-save, which reads them, is not installed",
    Gap(GapCode.NAT_UNREADABLE, "nftables", detail="x"): "NAT rules of nftables could not be read: "
    "x",
    Gap(GapCode.NAT_UNCLEAR, detail="x", number=1): "1 NAT rule was not understood, first x",
    Gap(GapCode.NAT_UNCLEAR, detail="x", number=2): "2 NAT rules were not understood, first x",
    Gap(GapCode.TOOL_UNSTARTED, "nft", detail="x"): "firewall rules were not all read: nft (x)",
    Gap(GapCode.TOOL_LATE, "nft"): "firewall rules were not all read: nft did not answer in time",
    Gap(GapCode.TOOL_FAILED, "nft", detail="x"): "firewall rules were not all read: nft says x",
    Gap(GapCode.TOOL_FAILED, "nft", number=-9): "firewall rules were not all read: nft failed "
    "with signal 9",
    Gap(GapCode.FILE_CHANGED, "a.log"): "a.log changed while it was read: what came later is not "
    "in the answer",
    Gap(GapCode.NO_FLOWS, "a.log"): "a.log has no flows to read",
    Gap(GapCode.NO_DATA, number=1): "1 record is marked as having no data, or as skipped",
    Gap(GapCode.NO_DATA, number=1200): "1,200 records are marked as having no data, or as skipped",
    Gap(GapCode.HOSTS_UNREAD, "a.parquet", detail="can't be read"): "the hosts of a.parquet, which "
    "can't be read",
    Gap(GapCode.NOTES_LEFT_OUT, detail="x"): "x",
    Gap(GapCode.COMMANDS_MASKED): "the arguments of processes: start portbook serve with "
    "--show-commands to see them",
    Gap(GapCode.NAT_HIDDEN, namespace="blue"): "in the network namespace blue, NAT rules are "
    "visible to root only",
}


def test_each_gap_has_its_sentence() -> None:
    assert {gap: gap_sentence(gap) for gap in SAID} == SAID
    assert {gap.code for gap in SAID} == set(GapCode) == set(TEMPLATES)


words = st.none() | nasty
counts = st.none() | st.integers(0, 1 << 40)


@example(GapCode.OWNERS_UNSEEN, None, (None, None, None), (0, None))
@given(
    st.sampled_from(tuple(GapCode)),
    st.none() | st.sampled_from(tuple(Need)),
    st.tuples(words, words, words),
    st.tuples(st.integers(0, 1 << 40), counts),
)
def test_no_fact_breaks_a_sentence(
    code: GapCode,
    needs: Need | None,
    texts: tuple[str | None, str | None, str | None],
    numbers: tuple[int, int | None],
) -> None:
    subject, detail, namespace = texts
    gap = Gap(code, subject, needs, detail, *numbers, namespace)
    sentence = gap_sentence(gap)
    assert namespace is None or sentence.startswith(f"{in_namespace(namespace)}, ")
    if "{subject}" in TEMPLATES[code]:
        assert str(subject) in sentence
