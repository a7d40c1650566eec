"""The firewalls people use, set up as their manuals say: the prediction, and packets."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.filtered import Connection, FilteredMachine, connections
from tests.real.needs import need_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
RICH_RULE = "rule family=ipv4 source address=203.0.113.0/24 port port=5000 protocol=udp reject"
# Rules as dockerd makes them for one published port, with the container's address and bridge of
# here: written by hand, not recorded from a dockerd.
DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.30.0.0/24 ! -o cont0 -j MASQUERADE
-A POSTROUTING -s 172.30.0.2/32 -d 172.30.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i cont0 -j RETURN
-A DOCKER ! -i cont0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80
COMMIT
*filter
:INPUT {policy} [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o cont0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o cont0 -j DOCKER
-A FORWARD -i cont0 ! -o cont0 -j ACCEPT
-A FORWARD -i cont0 -o cont0 -j ACCEPT
-A DOCKER -d 172.30.0.2/32 ! -i cont0 -o cont0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i cont0 ! -o cont0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o cont0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
{user}-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.fixture
def machine() -> Iterator[FilteredMachine]:
    with FilteredMachine() as made:
        yield made


def judged(machine: FilteredMachine) -> dict[Connection, str]:
    """What portbook says of every connection, once packets have agreed."""
    tries = connections()
    comparison = machine.compare(tries)
    assert not comparison.mistakes, comparison.mistakes[:5]
    assert not machine.gaps
    return {each: told["outcome"] for each, told in machine.predict(tries).items()}


def from_near(outcomes: dict[Connection, str], port: int, transport: str = "tcp") -> str:
    return outcomes[Connection(transport, "198.18.0.77", "198.18.0.1", port)]


def from_far(outcomes: dict[Connection, str], port: int, transport: str = "tcp") -> str:
    return outcomes[Connection(transport, "203.0.113.130", "198.18.0.1", port)]


def start_ufw(machine: FilteredMachine, lines: str, nat: str = "") -> Callable[[str], None]:
    """Switches it on with what *lines* tell it, beside rules of *nat*; runs what it is given."""
    need_program("ufw")
    folder = machine.machine.folder
    shutil.copytree("/etc/ufw", folder / "ufw")
    shutil.copy("/etc/default/ufw", folder / "default")
    if nat:
        before = folder / "ufw" / "before.rules"
        table = f"*nat\n:PREROUTING ACCEPT [0:0]\n{nat}\nCOMMIT\n"
        before.write_text(table + before.read_text())

    def run(script: str) -> None:
        machine.shell(
            machine.machine,
            f"""
            unshare --mount sh -e -c '
                mount --bind {folder}/ufw /etc/ufw
                mount --bind {folder}/default /etc/default/ufw
                {script}
            ' >&2
            """,
        )

    run(f"ufw default deny incoming\n{lines}\nufw --force enable")
    return run


def printed_command(machine: FilteredMachine, label: str, port: int) -> str:
    """The command behind *label* on the page of *port*, without sudo."""
    shown = machine.machine.portbook("reach", port).stdout
    line = re.search(rf"^{label} it:\s+sudo (.*?)(?:   More: .*)?$", shown, re.MULTILINE)
    assert line is not None, shown
    return line[1].replace("&& sudo ", "&& ")


def test_ufw(machine: FilteredMachine) -> None:
    start_ufw(
        machine,
        """
            ufw allow 22/tcp
            ufw allow from 198.18.0.0/24 to any port 8080 proto tcp
            ufw deny from 198.18.0.77 to any port 443
            ufw allow 443
            ufw limit 1000/tcp
            ufw reject 5000/udp
        """,
    )
    outcomes = judged(machine)
    assert (from_near(outcomes, 22), from_far(outcomes, 22)) == ("open", "open")
    assert (from_near(outcomes, 8080), from_far(outcomes, 8080)) == ("open", "dropped")
    assert (from_near(outcomes, 443), from_far(outcomes, 443)) == ("dropped", "open")
    assert from_far(outcomes, 1000) == "unknown"  # its rate limit
    assert from_far(outcomes, 5000, "udp") == "rejected"
    assert from_far(outcomes, 9000) == "dropped"
    assert machine.told_plainly  # by the kernel itself, as nft and iptables-save say


def test_the_command_that_is_printed_closes_a_route_that_ufw_allows(
    machine: FilteredMachine,
) -> None:
    """Its rule for that very end, which it wouldn't change for one that is to stand before it."""
    nat = "-A PREROUTING -d 198.18.0.1 -p tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80"
    allow = "ufw route allow proto tcp from any to 172.30.0.2 port 80"
    run = start_ufw(machine, allow, nat)
    assert from_far(judged(machine), 8080) == "open"
    run(printed_command(machine, "Close", 8080))
    assert from_far(judged(machine), 8080) == "dropped"
    run(printed_command(machine, "Open", 8080))
    assert from_far(judged(machine), 8080) == "open"


def start_firewalld(machine: FilteredMachine) -> Callable[..., int]:
    """Starts it with a bus of its own; runs what firewall-cmd is given."""
    firewalld = need_program("dbus-daemon", "firewall-cmd", "firewalld")
    folder = machine.machine.folder
    (folder / "bus.xml").write_text(BUS.format(folder=folder))
    (folder / "firewalld").mkdir()
    machine.machine.start(["dbus-daemon", f"--config-file={folder}/bus.xml", "--nofork"])
    machine.machine.wait_until((folder / "bus").exists, "the bus doesn't start")
    bus = f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={folder}/bus"
    running = machine.machine.start(
        ["env", bus, firewalld, "--nofork", "--nopid", "--system-config", folder / "firewalld"]
    )

    def command(*arguments: str) -> int:
        return machine.machine.run(["env", bus, "firewall-cmd", *arguments]).returncode

    machine.machine.wait_until(
        lambda: not command("--state"), f"firewalld doesn't start: {running.log.read_text()}"
    )
    return command


def test_firewalld(machine: FilteredMachine) -> None:
    command = start_firewalld(machine)
    for arguments in (
        ("--zone=public", "--add-interface=eth0"),
        ("--zone=public", "--add-port=8080/tcp"),
        ("--zone=public", "--remove-service=ssh"),
        ("--zone=public", "--add-service=http"),
        ("--zone=public", "--add-forward-port=port=1000:proto=tcp:toport=9000"),
        ("--zone=drop", "--add-source=192.0.2.0/24"),
        ("--zone=trusted", "--add-source=198.18.0.77"),
        ("--zone=public", f"--add-rich-rule={RICH_RULE}"),
    ):  # fmt: skip
        assert command(*arguments) == 0, arguments
    outcomes = judged(machine)
    assert (from_near(outcomes, 22), from_far(outcomes, 22)) == ("open", "rejected")
    assert (from_near(outcomes, 80), from_far(outcomes, 80)) == ("open", "open")
    assert from_far(outcomes, 1000) == "open"
    assert outcomes[Connection("tcp", "192.0.2.5", "198.18.0.1", 80)] == "dropped"
    assert from_far(outcomes, 5000, "udp") == "rejected"


@pytest.mark.parametrize(
    "action", ["nftables-multiport", "iptables-multiport", "iptables-allports"]
)
def test_fail2ban(machine: FilteredMachine, action: str) -> None:
    server = need_program("fail2ban-client", "fail2ban-server")
    folder = machine.machine.folder
    shutil.copytree("/etc/fail2ban", folder / "fail2ban")
    Path(folder / "log").touch()
    Path(folder / "fail2ban" / "jail.d" / "defaults-debian.conf").unlink(missing_ok=True)
    Path(folder / "fail2ban" / "jail.local").write_text(
        f"[DEFAULT]\nbackend = polling\nbanaction = {action}\nbanaction_allports = {action}\n"
        f"[sshd]\nenabled = true\nport = 22,8080\nlogpath = {folder}/log\nmode = normal\n"
    )
    options = f"-c {folder}/fail2ban -s {folder}/socket -p {folder}/pid --logtarget STDERR"
    (folder / "fail2ban" / "fail2ban.local").write_text("[Definition]\ndbfile = None\n")
    machine.machine.start([server, *options.split(), "-f", "start"])
    client = ["fail2ban-client", *options.split()]
    machine.machine.wait_until(
        lambda: not machine.machine.run([*client, "status", "sshd"]).returncode, "no fail2ban"
    )
    banned = machine.machine.run([*client, "set", "sshd", "banip", "198.18.0.77"])
    assert banned.returncode == 0, banned.stderr
    # It bans in a thread of its own.
    machine.machine.wait_until(
        lambda: "198.18.0.77" in machine.machine.run(["nft", "list", "ruleset"]).stdout, "no ban"
    )
    outcomes = judged(machine)
    assert (from_near(outcomes, 22), from_far(outcomes, 22)) == ("rejected", "open")
    everything = action.endswith("allports")
    assert from_near(outcomes, 9000) == ("rejected" if everything else "open")


# A published port that is stopped on its way, both families: by Docker's chain for one's own rules,
# and by plain rules of a router.
FORWARDED = """table inet t {
chain sent {
type nat hook prerouting priority -100;
ip daddr 198.18.0.1 tcp dport 8080 dnat ip to 172.30.0.2:80
}
chain beyond {
type filter hook forward priority 0; policy drop;
ct state established,related accept
}
chain own {
type filter hook input priority 0; policy drop;
ct state established,related accept
}
}
"""


@pytest.mark.parametrize("how", ["nft", "iptables-nft", "iptables-legacy"])
def test_the_command_that_is_printed_opens_what_is_forwarded(
    machine: FilteredMachine, how: str
) -> None:
    need_program("nft", "iptables", "ip6tables")
    if how == "nft":
        assert not machine.load(["nft", "-f", "-"], FORWARDED)
    else:
        variant = how.removeprefix("iptables-")
        restore = need_program(f"iptables-{variant}-restore")
        user = "-A DOCKER-USER -i eth0 -j DROP\n"
        assert not machine.load([restore], DOCKER.format(policy="DROP", user=user))
        six = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p ipv6-icmp -j ACCEPT\nCOMMIT\n"
        assert not machine.load([need_program(f"ip6tables-{variant}-restore")], six)
    assert from_far(judged(machine), 8080) == "dropped"
    command = printed_command(machine, "Open", 8080)
    if how != "nft":
        command = command.replace("tables -I", f"tables-{variant} -I")
    machine.shell(machine.machine, command)
    outcomes = judged(machine)
    assert from_far(outcomes, 8080) == "open"
    assert from_far(outcomes, 80) == "dropped"


def test_the_command_that_is_printed_opens_what_firewalld_forwards(
    machine: FilteredMachine,
) -> None:
    command = start_firewalld(machine)
    for arguments in (
        "--zone=public --add-interface=eth0",
        "--zone=public --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=172.30.0.2",
        "--direct --add-rule ipv4 filter FORWARD -5 -p tcp --dport 80 -j DROP",
    ):
        assert command(*arguments.split()) == 0, arguments
    assert from_far(judged(machine), 8080) == "dropped"
    shown = machine.machine.portbook("reach", 8080).stdout
    printed = re.search(r"sudo firewall-cmd (--direct --add-rule .*? ACCEPT)", shown)
    assert printed is not None, shown
    assert command(*printed[1].split()) == 0
    outcomes = judged(machine)
    assert from_far(outcomes, 8080) == "open"
    assert from_far(outcomes, 80) == "rejected"


def test_the_commands_that_are_printed_end_panic_and_close_what_firewalld_redirects(
    machine: FilteredMachine,
) -> None:
    command = start_firewalld(machine)
    for arguments in (
        "--zone=public --add-interface=eth0",
        "--zone=public --add-forward-port=port=8080:proto=tcp:toport=9000",
        "--panic-on",
    ):
        assert command(*arguments.split()) == 0, arguments
    assert from_far(judged(machine), 22) == "dropped"
    assert command(*printed_command(machine, "Open", 22).split()[1:]) == 0
    outcomes = judged(machine)
    assert (from_far(outcomes, 22), from_far(outcomes, 8080)) == ("open", "open")
    for each in printed_command(machine, "Close", 8080).split(" && "):
        assert command(*each.split()[1:]) == 0, each
    assert from_far(judged(machine), 8080) == "dropped"


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_docker_publishes_past_the_input_chain(machine: FilteredMachine, variant: str) -> None:
    restore = need_program(f"iptables-{variant}-restore")
    assert not machine.load([restore], DOCKER.format(policy="DROP", user=""))
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), from_far(outcomes, 80)) == ("open", "dropped")
    user = "-A DOCKER-USER ! -s 198.18.0.0/24 -i eth0 -j DROP\n"
    assert not machine.load([restore], DOCKER.format(policy="DROP", user=user))
    outcomes = judged(machine)
    assert (from_near(outcomes, 8080), from_far(outcomes, 8080)) == ("open", "dropped")
    report = machine.machine.ask("reach", 8080)
    (socket,) = [each for each in report["sockets"] if each["address"] == "198.18.0.1"]
    answers = {each["source"]: each["answer"] for each in socket["from"]}
    assert (answers["198.18.0.0/24"], answers["anywhere"]) == ("open", "dropped")
    (end,) = report["ends"]
    assert (end["address"], end["port"]) == ("172.30.0.2", 80)
    assert machine.contained.pid in [
        owner["pid"] for each in end["listeners"] for owner in each["owners"]
    ]


@pytest.mark.parametrize(
    ("masquerade", "setting", "outcome", "answer"),
    [
        ("-A POSTROUTING -o cont0 -m addrtype --src-type LOCAL -j MASQUERADE\n", 1, "open", "open"),
        ("-A POSTROUTING -o cont0 -m addrtype --src-type LOCAL -j MASQUERADE\n", 0, "dropped", ""),
        ("", 1, "unknown", ""),
        ("", 0, "dropped", ""),
    ],
)
def test_localhost_leads_to_a_container_where_its_address_may_leave(
    machine: FilteredMachine, masquerade: str, setting: int, outcome: str, answer: str
) -> None:
    """Docker without its proxy: what 127.0.0.1 sends is translated as well."""
    rules = DOCKER.format(policy="DROP", user="").replace("OUTPUT ! -d 127.0.0.0/8", "OUTPUT")
    rules = rules.replace("-A POSTROUTING", f"{masquerade}-A POSTROUTING", 1)
    assert not machine.load([need_program("iptables-nft-restore")], rules)
    machine.shell(machine.machine, f"sysctl -qw net.ipv4.conf.cont0.route_localnet={setting}")
    here = Connection("tcp", "127.0.0.1", "127.0.0.1", 8080, "lo")
    assert not machine.compare([here]).mistakes
    assert machine.predict([here])[here]["outcome"] == outcome
    assert machine.observe([here])[here].startswith(answer or "dropped")
    report = machine.machine.ask("reach", "127.0.0.1:8080")
    (told,) = report["answers"]
    assert told["answer"] == outcome
    if outcome != "unknown":
        assert told["pid"] == (machine.contained.pid if answer else None)
    shown = " ".join(machine.machine.portbook("reach", "127.0.0.1:8080").stdout.split())
    words = {
        "open": "127.0.0.1 redirected to 172.30.0.2:80: python",
        "dropped": "127.0.0.1 dropped by the firewall: -A DOCKER ! -i cont0",
        "unknown": "; it depends on a firewall rule (-A DOCKER ! -i cont0",
    }
    assert words[outcome] in shown


@pytest.mark.parametrize("listens", [False, True])
def test_what_differs_by_family_is_told_for_each(machine: FilteredMachine, listens: bool) -> None:
    restore = need_program("iptables-nft-restore")
    rules = DOCKER.format(policy="DROP", user="").replace("8080", "8081")
    assert not machine.load([restore], rules)
    if listens:
        machine.machine.open(
            {"transport": "tcp", "family": "ipv6", "address": "::", "port": 8081, "v6only": False}
        )
    shown = " ".join(machine.machine.portbook("reach", 8081).stdout.split())
    assert "anywhere else (eth0, IPv4) yes, by python" in shown
    assert "anywhere else (eth0, IPv6) yes " in shown
    assert ("A server on 0.0.0.0 and [::] (none listens now)" in shown) is not listens


OWN_SERVER = Connection("tcp", "2001:db8:2::9", "2001:db8:99::1", 8080)  # by IPv6, as its proxy is


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_the_command_that_is_printed_closes_what_docker_publishes(
    machine: FilteredMachine, variant: str
) -> None:
    restore = need_program(f"iptables-{variant}-restore")
    need_program("iptables", "ip6tables")
    assert not machine.load([restore], DOCKER.format(policy="DROP", user=""))
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("open", "open")
    command = printed_command(machine, "Close", 8080)
    machine.shell(machine.machine, command.replace("tables -I", f"tables-{variant} -I"))
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("dropped", "dropped")


# What firewalld 2.3 and later makes with StrictForwardPorts, as far as a forwarded port meets it.
STRICT = """table inet firewalld {
chain filter_FORWARD {
type filter hook forward priority filter + 10; policy accept;
ct state { established, related } accept
ct status dnat jump filter_FORWARD_dnat
reject with icmpx admin-prohibited
}
chain filter_FORWARD_dnat {
reject with icmpx admin-prohibited
}
}
"""


def test_a_published_port_that_a_strict_firewalld_stops_has_its_command(
    machine: FilteredMachine,
) -> None:
    restore = need_program("iptables-nft-restore")
    assert not machine.load([restore], DOCKER.format(policy="DROP", user=""))
    assert not machine.load(["nft", "-f", "-"], STRICT)
    six = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p ipv6-icmp -j ACCEPT\nCOMMIT\n"
    assert not machine.load([need_program("ip6tables-nft-restore")], six)
    assert from_far(judged(machine), 8080) == "rejected"
    command = printed_command(machine, "Open", 8080)
    assert command.startswith(
        "firewall-cmd --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=172.30.0.2"
    )
    # The rule that firewalld adds for it, beside its own translation, which comes after Docker's.
    added = "ct original proto-dst 8080 accept"
    machine.shell(
        machine.machine,
        f"nft insert rule inet firewalld filter_FORWARD_dnat meta l4proto tcp {added}",
    )
    assert from_far(judged(machine), 8080) == "open"


# IPv4 has a table, IPv6 none; answers from 9000 are stopped.
ONE_FAMILY = """table ip t {
chain in {
type filter hook input priority 0; policy drop;
ct state established,related accept
iif lo accept
tcp dport { 8080, 9000 } accept
}
}
table inet o {
chain out {
type filter hook output priority 0;
tcp sport 9000 drop
}
}
"""


def test_the_commands_that_are_printed_for_nft_alone_close_and_open(
    machine: FilteredMachine,
) -> None:
    need_program("nft")
    assert not machine.load(["nft", "-f", "-"], ONE_FAMILY)
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("open", "open")
    assert from_far(outcomes, 9000) == "dropped"
    machine.shell(machine.machine, printed_command(machine, "Open", 9000))
    assert from_far(judged(machine), 9000) == "open"
    machine.shell(machine.machine, printed_command(machine, "Close", 8080))
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("dropped", "dropped")


# Sent on by a map, from some sources or for one of two families; the rest comes in.
SENT_BY_MAPS = {
    "by source": "tcp dport 8080 dnat to ip saddr map { 198.18.0.2 : 172.30.0.2 }",
    "by address": "dnat ip to ip daddr . tcp dport map { 198.18.0.1 . 8080 : 172.30.0.2 . 80 }",
}


@pytest.mark.parametrize("kind", SENT_BY_MAPS)
def test_one_command_closes_what_a_map_sends_on_and_the_rest(
    machine: FilteredMachine, kind: str
) -> None:
    need_program("nft")
    chain = f"type nat hook prerouting priority -100\n{SENT_BY_MAPS[kind]}"
    assert not machine.load(["nft", "-f", "-"], f"table ip t {{\nchain pre {{\n{chain}\n}}\n}}\n")
    assert from_far(judged(machine), 8080) == "open"
    command = printed_command(machine, "Close", 8080)
    assert command.count("nft ") == 1
    machine.shell(machine.machine, command)
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("dropped", "dropped")
    assert from_far(outcomes, 9000) == "open"


# One behind the other: before the hook of input, in two chains there, and on the answers' way.
STOPS = {
    "two chains": """table inet a {
chain in {
type filter hook input priority -10;
tcp dport 8080 drop
}
}
table inet b {
chain in {
type filter hook input priority 0; policy drop;
ct state established,related accept
iif lo accept
}
}
""",
    "both ways": """table inet a {
chain before {
type filter hook prerouting priority -300;
iifname "eth0" tcp dport 8080 drop
}
chain in {
type filter hook input priority 0;
tcp dport 8080 reject
}
chain out {
type filter hook output priority 0;
tcp sport 8080 drop
}
}
""",
    "seven chains": "".join(
        f"table inet t{at} {{\nchain in {{\ntype filter hook input priority {at};\n"
        "tcp dport 8080 drop\n}\n}\n"
        for at in range(7)
    ),
    "on the way to a container": """table ip n {
chain before {
type nat hook prerouting priority -100;
tcp dport 8080 dnat to 172.30.0.2:80
}
}
table inet six {
chain before {
type filter hook prerouting priority 0;
meta nfproto ipv6 tcp dport 8080 drop
}
}
table inet a {
chain beyond {
type filter hook forward priority 0; policy drop;
ct state established,related accept
}
}
table inet b {
chain beyond {
type filter hook forward priority 10;
tcp dport 80 reject
}
}
""",
}


@pytest.mark.parametrize("stops", STOPS)
def test_what_stops_a_port_in_several_places_is_opened_in_all(
    machine: FilteredMachine, stops: str
) -> None:
    need_program("nft")
    assert not machine.load(["nft", "-f", "-"], STOPS[stops])
    outcomes = judged(machine)
    assert from_far(outcomes, 8080) != "open" != outcomes[OWN_SERVER]
    machine.shell(machine.machine, printed_command(machine, "Open", 8080))
    outcomes = judged(machine)
    assert (from_far(outcomes, 8080), outcomes[OWN_SERVER]) == ("open", "open")


def test_what_stops_a_port_before_and_behind_ufw_is_opened_in_both(
    machine: FilteredMachine,
) -> None:
    own = "table inet own {\nchain in {\ntype filter hook input priority -5; policy drop;\n"
    run = start_ufw(machine, "ufw allow 22/tcp")
    accepted = "ct state established,related accept\niif lo accept\ntcp dport 22 accept\n"
    assert not machine.load(["nft", "-f", "-"], f"{own}{accepted}}}\n}}\n")
    outcomes = judged(machine)
    assert (from_far(outcomes, 22), from_far(outcomes, 8080)) == ("open", "dropped")
    run(printed_command(machine, "Open", 8080))
    assert from_far(judged(machine), 8080) == "open"


def test_the_brief_counts_the_networks_of_every_socket(machine: FilteredMachine) -> None:
    need_program("nft")
    rule = 'iifname "eth*" drop'
    chain = f"type filter hook input priority 0;\n{rule}"
    assert not machine.load(["nft", "-f", "-"], f"table inet t {{\nchain in {{\n{chain}\n}}\n}}\n")
    for family, address in (("ipv4", "0.0.0.0"), ("ipv6", "::")):
        machine.machine.open(
            {
                "transport": "tcp",
                "family": family,
                "address": address,
                "port": 7070,
                **({"v6only": True} if family == "ipv6" else {}),
            }
        )
    brief = machine.machine.ask(7070)["brief"]
    assert brief["reach"] == "from 172.30.0.0/24 and 2 more only"
    shown = machine.machine.portbook("reach", 7070).stdout
    assert f"reachable {brief['reach']}" in " ".join(shown.split())


# Both kinds of iptables' tables beside one of nft's own: each is changed by its own tool.
LEGACY = """*nat
-A PREROUTING -d 198.18.0.1 -p tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80
COMMIT
*filter
:FORWARD DROP [0:0]
-A INPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""
SIX = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""
OWN = """table inet own {
chain in {
type filter hook input priority 0; policy drop;
iif lo accept
ct state established,related accept
meta l4proto ipv6-icmp accept
tcp dport 443 accept
}
}
"""


@pytest.mark.parametrize("port", [443, 8080])
def test_what_iptables_legacy_stops_beside_nft_is_opened_and_closed(
    machine: FilteredMachine, port: int
) -> None:
    need_program("iptables-legacy", "ip6tables-legacy")
    assert not machine.load([need_program("iptables-legacy-restore")], LEGACY)
    assert not machine.load([need_program("ip6tables-legacy-restore")], SIX)
    assert not machine.load(["nft", "-f", "-"], OWN)
    six = OWN_SERVER._replace(port=port)
    outcomes = judged(machine)
    assert from_far(outcomes, port) != "open" != outcomes[six]
    machine.shell(machine.machine, printed_command(machine, "Open", port))
    outcomes = judged(machine)
    assert (from_far(outcomes, port), outcomes[six]) == ("open", "open")
    machine.shell(machine.machine, printed_command(machine, "Close", port))
    outcomes = judged(machine)
    assert (from_far(outcomes, port), outcomes[six]) == ("dropped", "dropped")
