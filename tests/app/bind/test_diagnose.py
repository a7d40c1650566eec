"""Every cause of the contract, on evidence made here; and what holds for any evidence."""

from __future__ import annotations

import errno
import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.bind.causes import CODES, Cause, CauseCode, part_of_system
from portbook.app.bind.diagnose import Why, weigh
from portbook.app.bind.observations import Elsewhere, Evidence, Redirected
from portbook.catalog.practice.lookup import Practice
from portbook.host.bind_probe import PLACES, BindTry
from portbook.host.linux.connections import Connection
from portbook.model import (
    ConnectionState,
    Family,
    Gap,
    GapCode,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Transport,
)
from portbook.present.owners import Viewer
from portbook.present.phrases.causes import MENDS, MESSAGES, cause_mend, cause_message
from portbook.present.phrases.holders import holder, how_to_stop
from portbook.present.render.report_json import of_why
from portbook.present.render.text import Style
from portbook.present.views.why import render_why
from tests.cases import for_each
from tests.strategies import any_port, listeners, nasty, port_rules, transports
from tests.values import changed, gap, sentences

TCP = Transport.TCP
LINUX = PortRules("linux", 1024, (32768, 60999))
WEB = Process(7, "nginx", user="www-data", uid=33)
IN_USE, DENIED = errno.EADDRINUSE, errno.EACCES


def tried(
    plain: dict[str, int] | int = 0, reuse: dict[str, int] | int | None = None
) -> tuple[BindTry, ...]:
    """The kernel's answers by place; "::" is dual stack, "::6" IPv6 only. One number: for all."""
    found = []
    for family, address, v6only in PLACES:
        name = "::6" if (address, v6only) == ("::", True) else address
        for option, said in ((False, plain), (True, plain if reuse is None else reuse)):
            error = said if isinstance(said, int) else said.get(name, 0)
            found.append(BindTry(family, address, option, v6only, error))
    return tuple(found)


def socket(
    address: str = "0.0.0.0", state: SocketState = SocketState.LISTEN, **changes: Any
) -> Listener:
    made = Listener(
        Socket(
            TCP,
            Family.IPV6 if ":" in address else Family.IPV4,
            address,
            8080,
            state,
            inode=1,
            uid=33,
            user="www-data",
        ),
        Ownership((WEB,), OwnersSeen.FIRST),
    )
    return changed(made, **changes)


def connection(state: ConnectionState = ConnectionState.ESTABLISHED, **changes: Any) -> Connection:
    made = Connection(TCP, Family.IPV4, "192.0.2.7", 8080, "198.51.100.1", 443, state, None, 1, 33)
    return made._replace(**changes)


def waiting(seconds: float | None = 12.3, **changes: Any) -> Connection:
    made = connection(ConnectionState.TIME_WAIT, seconds_left=seconds, inode=None, uid=0)
    return made._replace(owners_seen=OwnersSeen.KERNEL, **changes)


def why(tries: tuple[BindTry, ...], **evidence: Any) -> Why:
    return weigh(Evidence(8080, TCP, tries, **{"rules": LINUX, **evidence}))


def test_sockets_that_share_a_port_are_one_cause() -> None:
    group = (socket(sharing=2), socket(sharing=2, inode=2))
    found = why(tried(IN_USE), listeners=group)
    (one,) = map(told, found.causes)
    assert one.code == "listener"
    assert "2 sockets share that address and port" in one.message
    assert "SO_REUSEPORT" in (one.mend or "")
    # Two programs with one port are two causes.
    other = socket(sharing=2, owners=(WEB._replace(pid=8),))
    assert len(why(tried(IN_USE), listeners=(socket(sharing=2), other)).causes) == 2


def test_which_addresses_are_taken_is_no_explanation() -> None:
    """As with a kernel that doesn't list what is bound and doesn't listen."""
    missing = (Gap(GapCode.BOUND_UNLISTED, "tcp"),)
    found = why(tried({"0.0.0.0": IN_USE, "127.0.0.1": IN_USE, "::": IN_USE}), missing=missing)
    assert codes(found) == ["unknown", "address-overlap"]
    shown = of_why(found)["causes"][0]["message"]
    assert "Not seen: this kernel lists TCP only in /proc/net: sockets that are bound" in shown


def test_a_connection_of_somebody_else_names_the_user() -> None:
    hidden = connection(owners_seen=OwnersSeen.HIDDEN, user="www-data")
    found = why(tried(IN_USE), connections=(hidden,))
    assert "A process of www-data you can't see" in told(found.causes[0]).message


def codes(found: Why) -> list[str]:
    return [cause.code for cause in found.causes]


class ToldCause(NamedTuple):
    """A cause with what users read of it."""

    code: str
    message: str
    mend: str | None
    blocks: bool
    seconds_left: float | None


def told(cause: Cause) -> ToldCause:
    return ToldCause(
        cause.code, cause_message(cause), cause_mend(cause), cause.blocks, cause.seconds_left
    )


def cause(found: Why, code: str) -> ToldCause:
    (one,) = (each for each in found.causes if each.code == code)
    return told(one)


# -- nothing in the way ------------------------------------------------------------------------


def test_free() -> None:
    found = why(tried())
    assert (found.bindable, found.bindable_with_reuseaddr) == (True, True)
    assert codes(found) == ["free"]
    assert "every address, IPv4 and IPv6" in cause(found, "free").message
    assert not cause(found, "free").blocks


def test_free_where_the_machine_has_one_family() -> None:
    no_v6 = {"::": errno.EAFNOSUPPORT, "::6": errno.EAFNOSUPPORT, "::1": errno.EADDRNOTAVAIL}
    found = why(tried(no_v6))
    assert found.bindable
    assert "every address of IPv4, this machine's only family" in cause(found, "free").message


def test_free_on_the_address_that_was_asked_for() -> None:
    found = why(tried({"0.0.0.0": IN_USE, "::": IN_USE}), address="127.0.0.1")
    assert codes(found) == ["free"]
    assert "on 127.0.0.1 succeeded" in cause(found, "free").message


# -- listeners ---------------------------------------------------------------------------------


def test_localhost_is_two_addresses() -> None:
    taken = {"::": IN_USE, "::1": IN_USE}
    found = why(tried(taken), listeners=(socket("::1", v6only=True),), address="localhost")
    assert not found.bindable
    assert [each.code for each in found.causes] == ["listener", "address-overlap"]
    overlap = cause(found, "address-overlap")
    assert "still free: 127.0.0.1. Taken: [::1]" in overlap.message
    assert overlap.mend is None, "beside a program nobody should bind the other family"


def test_localhost_is_free_while_another_address_is_taken() -> None:
    own = socket("192.0.2.7")
    found = why(tried({"0.0.0.0": IN_USE, "::": IN_USE}), listeners=(own,), address="localhost")
    assert found.bindable
    assert "on 127.0.0.1 and [::1] succeeded" in cause(found, "free").message


def test_listener() -> None:
    found = why(tried(IN_USE), listeners=(socket(),))
    assert not found.bindable
    assert not found.bindable_with_reuseaddr
    assert codes(found) == ["listener"]
    assert cause(found, "listener").message == "nginx (pid 7) listens on tcp 0.0.0.0:8080."


def test_what_listens_can_be_stopped_by_name_of_the_command() -> None:
    mend = cause(why(tried(IN_USE), listeners=(socket(),)), "listener").mend
    assert mend == "Stop the program (portbook stop 8080), or choose another port."
    # stop leaves what doesn't listen alone.
    mend = cause(
        why(tried(IN_USE), listeners=(socket(state=SocketState.BOUND),)), "bound-not-listening"
    ).mend
    assert mend == "Stop the program (kill 7), or choose another port."


def test_what_a_listener_accepted_is_no_cause_of_its_own() -> None:
    accepted = connection(address="192.0.2.7")
    assert codes(why(tried(IN_USE), listeners=(socket(),), connections=(accepted,))) == ["listener"]


def test_a_connection_beside_a_listener_that_did_not_accept_it() -> None:
    local = socket("127.0.0.1")
    found = why(tried(IN_USE), listeners=(local,), connections=(connection(),))
    assert codes(found) == ["listener", "outbound-connection"]


def test_udp_doesnt_listen() -> None:
    bound = socket(transport=Transport.UDP)
    found = weigh(Evidence(8080, Transport.UDP, tried(IN_USE), None, (bound,)))
    assert "is bound to udp 0.0.0.0:8080" in cause(found, "listener").message


def test_bound_not_listening() -> None:
    found = why(tried(IN_USE, reuse=0), listeners=(socket(state=SocketState.BOUND),))
    assert codes(found) == ["bound-not-listening"]
    assert found.bindable_with_reuseaddr
    assert "lists of listeners don't show it" in cause(found, "bound-not-listening").message


def _held_on(system: str, port: int, *owners: Process) -> Evidence:
    """A bind of *port* on *system*, which a socket of *owners* is in the way of."""
    return Evidence(
        port,
        TCP,
        tried(IN_USE),
        listeners=(socket(port=port, owners=owners),),
        rules=PortRules(system),
        parts=Practice().system_listeners(),
    )


@for_each(
    "system, owners, port, said",
    [
        ("macos", (Process(1, "ControlCenter"),), 5000, "AirPlay"),
        ("macos", (), 7000, "AirPlay"),
        ("windows", (Process(4, "wslrelay.exe"),), 8080, "WSL"),
        ("macos", (Process(1, "ControlCe"),), 5000, "AirPlay"),
        ("windows", (Process(4, "com.docker.backend.exe"),), 8080, "Docker Desktop"),
        ("windows", (Process(4, "VPNKIT.EXE"),), 8080, "Docker Desktop (VPNKit)"),
    ],
)
def test_parts_of_other_systems_are_named(
    system: str, owners: tuple[Process, ...], port: int, said: str
) -> None:
    found = weigh(_held_on(system, port, *owners))
    assert said in cause(found, "listener").message
    assert cause(found, "listener").mend


@pytest.mark.parametrize(
    ("system", "port", "owners"),
    [
        ("macos", 5000, (Process(9, "flask"),)),
        ("windows", 5000, ()),
        ("windows", 8080, (Process(9, "nginx.exe"),)),
    ],
)
def test_what_another_program_has_is_no_part_of_the_system(
    system: str, port: int, owners: tuple[Process, ...]
) -> None:
    found = cause(weigh(_held_on(system, port, *owners)), "listener")
    assert not found.mend or "AirPlay" not in found.message
    named = [f"{each.program} (pid {each.pid})" for each in owners]
    assert [each for each in named if each in found.message] == named


def test_airplay_takes_tcp_alone() -> None:
    seen = _held_on("macos", 5000)
    (held,) = seen.listeners
    over_udp = changed(held, transport=Transport.UDP)
    assert part_of_system(held, "macos", seen.parts) is not None
    assert part_of_system(over_udp, "macos", seen.parts) is None


# -- connections -------------------------------------------------------------------------------


def test_outbound_connection() -> None:
    held = connection(owners=(Process(9, "curl"),), owners_seen=OwnersSeen.FIRST)
    found = why(tried(IN_USE), connections=(held,))
    assert codes(found) == ["outbound-connection"]
    message = cause(found, "outbound-connection").message
    assert message == (
        "curl (pid 9) holds it as the local port of a connection to 198.51.100.1:443 (established)."
    )


def test_outbound_connections_are_counted_and_one_with_a_process_is_shown() -> None:
    closing = connection(ConnectionState.FIN_WAIT_2, owners_seen=OwnersSeen.KERNEL)
    held = connection(
        peer_address="2001:db8::9", owners=(Process(9, "curl"),), owners_seen=OwnersSeen.FIRST
    )
    message = cause(
        why(tried(IN_USE), connections=(closing, held, closing)), "outbound-connection"
    ).message
    assert "curl (pid 9)" in message
    assert "[2001:db8::9]:443 (established), and 2 more" in message


def test_a_connection_that_nobody_holds_has_no_program_to_end() -> None:
    closing = connection(ConnectionState.FIN_WAIT_2, owners_seen=OwnersSeen.KERNEL)
    found = cause(why(tried(IN_USE), connections=(closing,)), "outbound-connection")
    assert found.message.startswith("The kernel itself holds it")
    assert found.mend == "Wait until the connection is closed."


def test_time_wait_that_reuseaddr_helps() -> None:
    found = why(tried(IN_USE, reuse=0), connections=(waiting(3), waiting(58.2)))
    assert codes(found) == ["time-wait"]
    assert (found.bindable, found.bindable_with_reuseaddr) == (False, True)
    one = cause(found, "time-wait")
    assert one.seconds_left == 58.2
    assert "2 closed connections" in one.message
    assert one.mend is not None
    assert "in 59 s. A server that sets SO_REUSEADDR can bind it now" in one.mend


def test_time_wait_that_reuseaddr_does_not_help() -> None:
    found = why(tried(IN_USE), connections=(waiting(),))
    assert not found.bindable_with_reuseaddr
    assert "SO_REUSEADDR won't help this time" in (cause(found, "time-wait").mend or "")


def test_time_wait_beside_a_listener_says_nothing_of_now() -> None:
    found = why(tried(IN_USE), listeners=(socket(),), connections=(waiting(),))
    assert codes(found) == ["listener", "time-wait"]
    mend = cause(found, "time-wait").mend or ""
    assert mend.startswith("Free again in 13 s, once nothing else is in the way")
    assert "doesn't help" not in mend


def test_time_wait_whose_end_is_not_known() -> None:
    found = why(tried(IN_USE), connections=(waiting(3), waiting(None)))
    assert cause(found, "time-wait").seconds_left is None
    assert "within a minute" in (cause(found, "time-wait").mend or "")
    assert "seconds_left" not in of_why(found)["causes"][0]


# -- addresses ---------------------------------------------------------------------------------


def test_a_specific_address_stands_in_the_way_of_the_wildcard() -> None:
    taken = {"0.0.0.0": IN_USE, "127.0.0.1": IN_USE, "::": IN_USE}
    found = why(tried(taken), listeners=(socket("127.0.0.1"),))
    assert codes(found) == ["listener", "address-overlap"]
    one = cause(found, "address-overlap")
    assert "still free: [::] (IPv6 only) and [::1]" in one.message
    assert "Taken: 0.0.0.0, 127.0.0.1 and [::] (IPv4 as well)" in one.message
    assert one.mend is None, "a listener has the port: nobody should bind beside it"


def test_the_wildcard_stands_in_the_way_of_a_specific_address() -> None:
    taken = {"0.0.0.0": IN_USE, "127.0.0.1": IN_USE, "::": IN_USE}
    found = why(tried(taken), listeners=(socket("0.0.0.0"),), address="127.0.0.1")
    assert codes(found) == ["listener", "address-overlap"]
    assert "0.0.0.0" in cause(found, "listener").message


def test_dual_stack() -> None:
    found = why(tried(IN_USE), listeners=(socket("::", v6only=False),))
    assert codes(found) == ["listener", "address-overlap"]
    assert "IPV6_V6ONLY is off" in cause(found, "address-overlap").message


def test_dual_stack_takes_an_address_of_ipv4() -> None:
    found = why(tried(IN_USE), listeners=(socket("::", v6only=False),), address="127.0.0.1")
    assert codes(found) == ["listener", "address-overlap"]


def test_v6_alone_leaves_ipv4_free() -> None:
    taken = {"::": IN_USE, "::6": IN_USE, "::1": IN_USE}
    found = why(tried(taken), listeners=(socket("::", v6only=True),))
    assert codes(found) == ["listener", "address-overlap"]
    assert "still free: 0.0.0.0 and 127.0.0.1" in cause(found, "address-overlap").message
    assert why(tried(taken), listeners=(socket("::", v6only=True),), address="0.0.0.0").bindable


def test_the_very_address_overlaps_nothing() -> None:
    taken = {"0.0.0.0": IN_USE, "127.0.0.1": IN_USE, "::": IN_USE}
    found = why(tried(taken), listeners=(socket("127.0.0.1"),), address="127.0.0.1")
    assert codes(found) == ["listener"]


def test_what_is_on_other_addresses_is_no_cause() -> None:
    others = (socket("::1", v6only=True), socket("192.0.2.7"))
    on_it = waiting(address="127.0.0.1")
    found = why(
        tried(IN_USE),
        listeners=others,
        connections=(connection(), on_it),
        address="127.0.0.1",
    )
    assert codes(found) == ["time-wait"]


def test_an_asked_wildcard_of_ipv6_is_dual() -> None:
    taken = {"0.0.0.0": IN_USE, "127.0.0.1": IN_USE, "::": IN_USE}
    found = why(tried(taken), listeners=(socket("127.0.0.1"),), address="::")
    assert not found.bindable
    assert codes(found) == ["listener", "address-overlap"]


def test_an_address_that_the_machine_has_not() -> None:
    own = tuple(
        BindTry(Family.IPV4, "192.0.2.99", option, None, errno.EADDRNOTAVAIL)
        for option in (False, True)
    )
    found = why(own + tried(), address="192.0.2.99")
    assert codes(found) == ["unknown"]
    assert "is not an address of this machine" in cause(found, "unknown").message


# -- privilege and ranges ----------------------------------------------------------------------


def test_no_privilege_by_the_rule() -> None:
    found = weigh(Evidence(305, TCP, tried(DENIED), rules=LINUX))
    assert codes(found) == ["no-privilege"]
    one = cause(found, "no-privilege")
    assert "Ports below 1024" in one.message
    assert "net.ipv4.ip_unprivileged_port_start" in one.message
    assert "CAP_NET_BIND_SERVICE" in (one.mend or "")


def test_without_privilege_what_else_is_there_is_told_too() -> None:
    found = weigh(
        Evidence(
            305,
            TCP,
            tried(DENIED),
            listeners=(socket(port=305),),
            connections=(waiting(),),
            rules=LINUX,
        )
    )
    assert codes(found) == ["no-privilege", "listener", "time-wait"]
    assert "doesn't help" not in (cause(found, "time-wait").mend or "")


@pytest.mark.parametrize(
    ("first", "said"), [(1024, "its rule for low ports allows it"), (None, "couldn't be read")]
)
def test_no_privilege_by_something_else(first: int | None, said: str) -> None:
    found = why(tried(errno.EPERM), rules=PortRules("linux", first))
    assert codes(found) == ["no-privilege"]
    assert said in cause(found, "no-privilege").message
    assert "SELinux" in cause(found, "no-privilege").message


def test_no_privilege_on_macos_where_one_address_is_asked_for() -> None:
    rules = PortRules("macos")
    found = weigh(Evidence(80, TCP, tried({"127.0.0.1": DENIED, "::1": DENIED}), rules=rules))
    assert codes(found) == ["no-privilege"]
    assert "macOS" in cause(found, "no-privilege").message
    assert weigh(
        Evidence(80, TCP, tried({"127.0.0.1": DENIED}), address="0.0.0.0", rules=rules)
    ).bindable


def test_excluded_range() -> None:
    ranges = ((8000, 8099, "a service such as Hyper-V"),)
    found = why(tried(DENIED), excluded=ranges, rules=PortRules("windows"))
    assert codes(found) == ["excluded-range"]
    assert "8000–8099" in cause(found, "excluded-range").message
    found = why(tried(DENIED), rules=PortRules("windows"))
    assert codes(found) == ["excluded-range"]
    assert "protocol=tcp" in (cause(found, "excluded-range").mend or "")


@for_each(
    "port, kept, warned",
    [
        (32767, (), False),
        (32768, (), True),
        (60999, (), True),
        (61000, (), False),
        (40000, ((40000, 40000),), False),
        (40001, ((39000, 40000), (40002, 41000)), True),
    ],
)
def test_dynamic_range(port: int, kept: tuple[tuple[int, int], ...], warned: bool) -> None:
    found = weigh(Evidence(port, TCP, tried(), rules=LINUX._replace(kept=kept)))
    assert codes(found) == ["free", *["dynamic-range"] * warned]
    assert found.bindable
    if warned:
        assert not cause(found, "dynamic-range").blocks
        assert f"add {port} to net.ipv4.ip_local_reserved_ports" in (
            cause(found, "dynamic-range").mend or ""
        )


# -- elsewhere ---------------------------------------------------------------------------------


def test_other_namespace() -> None:
    found = why(tried(), elsewhere=(Elsewhere("docker:0123456789ab", socket()),))
    assert codes(found) == ["free", "other-namespace"]
    one = cause(found, "other-namespace")
    assert "nginx (pid 7) has tcp 0.0.0.0:8080" in one.message
    assert "docker:0123456789ab" in one.message
    assert not one.blocks


def test_nat_redirect() -> None:
    rule = Redirected("172.17.0.2:80", "tcp dport 8080 dnat to 172.17.0.2:80", "nftables")
    found = why(tried(), redirects=(rule,))
    assert codes(found) == ["free", "nat-redirect"]
    one = cause(found, "nat-redirect")
    assert "172.17.0.2:80 (nftables: tcp dport 8080 dnat" in one.message
    assert not one.blocks


# -- unknown -----------------------------------------------------------------------------------


def test_unknown_says_what_was_not_seen() -> None:
    found = why(tried(IN_USE), missing=(Gap(GapCode.NAT_HIDDEN),))
    assert codes(found) == ["unknown"]
    one = cause(found, "unknown")
    assert "EADDRINUSE" in one.message
    assert of_why(found)["causes"][0]["message"].endswith(
        "explains it. Not seen: NAT rules are visible to root only."
    )
    assert "root" in (one.mend or "")
    assert cause(why(tried(IN_USE)), "unknown").mend is None


def test_a_transport_that_the_machine_has_not() -> None:
    found = weigh(Evidence(8080, Transport.SCTP, tried(errno.EPROTONOSUPPORT)))
    assert (found.bindable, codes(found)) == (False, ["unknown"])
    assert "no SCTP" in cause(found, "unknown").message
    found = why(tried(errno.EAFNOSUPPORT), address="::1")
    assert "no TCP over IPv6" in cause(found, "unknown").message


def test_a_bind_that_could_not_be_tried_is_not_called_busy() -> None:
    found = why(tried(errno.EMFILE))
    assert codes(found) == ["unknown"]
    assert "whether it can be bound is unknown" in cause(found, "unknown").message
    assert sentences(found.missing) == ("a bind could not be tried (EMFILE)",)


# -- whom to stop ------------------------------------------------------------------------------


@for_each(
    "owner, said",
    [
        (Process(7, "web", container="docker:0123456789ab"), "docker stop 0123456789ab;"),
        (Process(7, "web", container="kubernetes:0123456789ab"), "with what started it"),
        (Process(7, "docker-proxy", unit="docker.service"), "docker ps --filter publish=8080"),
        (Process(7, "nginx", unit="nginx.service"), "systemctl stop nginx.service;"),
        (Process(7, "web", unit="a b.service"), "systemctl stop 'a b.service';"),
        (Process(7, "web", unit="user@1000.service"), "Stop the program"),
        (Process(7, "web", unit="session-3.scope"), "Stop the program"),
        (
            Process(7, "web", unit="web.service", ancestors=((500, "systemd"), (1, "systemd"))),
            "systemctl --user stop web.service;",
        ),
        (
            Process(1, "systemd", unit="ssh.socket", activates="ssh.service"),
            "systemctl stop ssh.socket;",
        ),
        (Process(1, "systemd", unit="init.scope"), "systemctl list-sockets"),
        (Process(7, "web"), "Stop the program"),
    ],
)
def test_how_to_stop_it(owner: Process, said: str) -> None:
    mend = how_to_stop(socket(owners=(owner,)))
    assert said in mend
    assert mend.endswith("choose another port.")


def test_root_is_not_told_to_be_root() -> None:
    hidden = socket(owners=(), owners_seen=OwnersSeen.HIDDEN)
    assert how_to_stop(hidden, Viewer(0)).startswith("If this is a container, look from its host;")
    assert how_to_stop(hidden, Viewer(1000)).startswith("Run with sudo ")


@pytest.mark.parametrize(
    ("seen", "who", "mend"),
    [
        (OwnersSeen.KERNEL, "The kernel itself", "no program to stop"),
        (OwnersSeen.NONE, "A socket of www-data without a process", "no program to stop"),
        (OwnersSeen.HIDDEN, "A process of www-data you can't see", "choose another port"),
    ],
)
def test_nobody_to_stop(seen: OwnersSeen, who: str, mend: str) -> None:
    held = socket(owners=(), owners_seen=seen)
    assert holder((), seen, held.socket.user, held.socket.uid) == who
    assert mend in how_to_stop(held)


def test_who_is_only_inferred_is_probable() -> None:
    assert holder((WEB,), OwnersSeen.INFERRED, None, 33) == "Probably nginx (pid 7)"
    assert holder((Process(3, None),), OwnersSeen.ALL, None, None) == "A process (pid 3)"
    systemd = Process(1, "systemd", activates="ssh.service")
    assert holder((systemd,), OwnersSeen.ALL, None, 0) == "systemd (pid 1, for ssh.service)"


# -- whatever was seen -------------------------------------------------------------------------

errors = st.sampled_from(
    (
        0,
        0,
        0,
        IN_USE,
        IN_USE,
        DENIED,
        errno.EPERM,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EMFILE,
        errno.EINVAL,
        12345,
    )
)
connections = st.builds(
    Connection,
    transports,
    st.sampled_from(("ipv4", "ipv6")),
    st.sampled_from(("127.0.0.1", "::1", "192.0.2.7")),
    any_port,
    st.sampled_from(("198.51.100.1", "2001:db8::9")),
    any_port,
    st.sampled_from(("established", "time-wait", "fin-wait-2", "syn-sent")),
    st.none() | st.floats(0, 60),
    st.none() | st.integers(1, 99),
    st.none() | st.integers(0, 99),
    st.just(()),
    st.sampled_from(tuple(OwnersSeen)),
)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    asked = ("127.0.0.1", "::", "0.0.0.0", "::1", "192.0.2.7", "localhost")
    address = draw(st.none() | st.sampled_from(asked))
    places = list(PLACES)
    if address == "192.0.2.7":
        places.insert(0, (Family.IPV4, address, None))
    tries = tuple(
        BindTry(family, where, reuse, v6only, draw(errors))
        for family, where, v6only in places
        for reuse in (False, True)
    )
    return Evidence(
        port=draw(any_port),
        transport=draw(transports),
        tries=tries,
        address=address,
        listeners=tuple(draw(st.lists(listeners(), max_size=3))),
        connections=tuple(draw(st.lists(connections, max_size=3))),
        rules=draw(port_rules()),
        redirects=tuple(draw(st.lists(st.builds(Redirected, nasty, nasty, nasty), max_size=1))),
        elsewhere=tuple(draw(st.lists(st.builds(Elsewhere, nasty, listeners()), max_size=1))),
        excluded=draw(st.sampled_from(((), ((0, 65535, "x"),)))),
        parts=draw(st.sampled_from(((), Practice().system_listeners()))),
        missing=tuple(draw(st.lists(nasty.map(gap), max_size=2))),
    )


@given(evidence())
def test_bindable_is_free_and_nothing_else_is(seen: Evidence) -> None:
    found = weigh(seen)
    assert found.bindable is ("free" in codes(found))
    blocking = [each for each in found.causes if each.blocks]
    assert bool(blocking) is not found.bindable
    assert set(codes(found)) <= set(CODES)
    # What blocks comes first.
    assert [each.blocks for each in found.causes] == sorted(
        (each.blocks for each in found.causes), reverse=True
    )


@given(evidence())
def test_the_json_has_the_keys_of_the_contract_and_nothing_raw(seen: Evidence) -> None:
    found = json.loads(json.dumps(of_why(weigh(seen))))
    assert found["schema"] == "portbook/why/1"
    assert (found["port"], found["transport"]) == (seen.port, seen.transport)
    assert {type(found[key]) for key in ("bindable", "bindable_with_reuseaddr")} == {bool}
    assert found["causes"]
    for each in found["causes"]:
        assert each["code"] in CODES
        assert each["message"]
        assert set(each) - {"seconds_left"} == {
            "code", "message", "mend", "blocks", "facts", "listener", "connections",
        }  # fmt: skip
        assert ("why" in each["facts"]) is (each["code"] not in MESSAGES)
        assert 0 <= each.get("seconds_left", 0) <= 60
    json.dumps(found).encode("ascii")
    # No lone surrogate is left over: it would be no Unicode.
    json.dumps(found, ensure_ascii=False).encode()


@given(evidence(), st.booleans())
def test_the_page_shows_every_cause_and_nothing_raw(seen: Evidence, colour: bool) -> None:
    found = weigh(seen)
    page = render_why(found, Style(80, colour))
    assert found.causes
    for each in found.causes:
        assert each.code in page
    bare = page.replace("\x1b[1m", "").replace("\x1b[0m", "") if colour else page
    assert all(line.isprintable() for line in bare.split("\n"))


def test_each_cause_has_its_sentence() -> None:
    assert {key.partition(" ")[0] for key in MESSAGES} == set(CODES)
    none = {"free", "other-namespace", "address-overlap program"}
    assert set(MENDS) == set(MESSAGES) - none
    assert set(CODES) == set(CauseCode)


@given(evidence())
def test_every_cause_is_said_whole(seen: Evidence) -> None:
    causes = weigh(seen).causes
    assert causes
    for each in causes:
        why = dict(each.facts).get("why")
        assert (f"{each.code} {why}" if why else each.code) in MESSAGES
        assert cause_message(each)
