"""The examples of docs/reach.md, run on a machine with those firewalls.

A command that the document shows is run as it stands, without ``sudo``; where its output follows,
that is compared with what is printed, an ellipsis standing for anything. What a test can't have is
in its place: another server than node, and a container without Docker.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.real.namespace import Namespace
from tests.real.needs import need_namespaces, need_program
from tests.real.test_firewalls import BUS, DOCKER
from tests.test_docs import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.real

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reach.md"
SERVER = {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080}
FILTER = """
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority 0; policy {policy};
        iifname "lo" accept
        {rule}
    }}
}}
"""
OWN_NETWORK = "ip saddr 192.0.2.0/24 tcp dport 8080 accept"
if TYPE_CHECKING:
    Run = Callable[[str], None]


@pytest.fixture
def machine() -> Iterator[Namespace]:
    """A machine in 192.0.2.0/24, with a way out and a server on 8080."""
    need_namespaces()
    with Namespace() as made:
        for command in (
            "ip link add eth0 type veth peer name peer0",
            "ip addr add 192.0.2.1/24 dev eth0",
            "ip link set eth0 up",
            "ip link set peer0 up",
            "ip route add default via 192.0.2.2",
        ):
            done = made.run(command.split())
            assert not done.returncode, done.stderr
        made.open(SERVER)
        yield made


def examples(heading: str) -> list[tuple[str, str]]:
    """The commands under *heading*, and what the document shows after each.

    What is shown without a command belongs to the one before it.
    """
    section = f"\n{DOCUMENT.read_text()}".split(f"\n{heading}\n")[1].split("\n## ")[0]
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```text\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        before, *parts = re.split(r"^\$ (?:sudo )?", block, flags=re.MULTILINE)
        if before:
            command, output = found[-1]
            found[-1] = command, f"{output}…{before}"
        for part in parts:
            command, _, output = part.partition("\n")
            found.append((command, output))
    assert found, heading
    return found


def check(heading: str, machine: Namespace, run: Run) -> int:
    """Runs the examples under *heading*; how many outputs were compared."""
    compared = 0
    for command, expected in examples(heading):
        if command.startswith("portbook "):
            shown = printed(machine, *command.split()[1:])
            # The first line wraps where its rule ends, which an ellipsis leaves out.
            assert matches(_alike(f"{expected.rstrip()}…"), _alike(shown)), f"{command}\n{shown}"
            compared += 1
        else:
            run(command)
    return compared


def printed(machine: Namespace, *arguments: str) -> str:
    done = machine.portbook(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _alike(text: str) -> str:
    """*text* with its owner and the places of its line breaks left out."""
    text = re.sub(
        r"(0\.0\.0\.0:8080), .*?(\n  this machine)", r"\1, OWNER\2", text, flags=re.DOTALL
    )
    return " ".join(text.split())


def load(machine: Namespace, argv: list[str], text: str) -> None:
    rules = machine.folder / "rules"
    rules.write_text(text)
    done = machine.run(["sh", "-c", f"exec {' '.join(argv)} < {rules}"])
    assert not done.returncode, done.stderr


def shell(machine: Namespace, script: str) -> None:
    done = machine.run(["sh", "-e", "-c", script])
    assert not done.returncode, (script, done.stdout, done.stderr)


def closes(machine: Namespace, run: Run) -> None:
    """The command that ``reach`` prints to close the port closes it."""
    shown = printed(machine, "reach", "8080")
    line = re.search(r"^Close it:\s+sudo (.*?)(?:   More: .*)?$", shown, re.MULTILINE)
    assert line is not None, shown
    run(line[1].replace("&& sudo ", "&& "))
    shown = printed(machine, "reach", "8080")
    # A rule of nftables may stand before the one that lets this machine in.
    nobody = (
        r"8080/tcp · reachable from (this machine only|no other machine): a firewall rule blocks"
    )
    assert re.search(nobody, _alike(shown)), shown


def opens(machine: Namespace, run: Run) -> None:
    """The command that ``reach`` prints to open the port opens it."""
    shown = printed(machine, "reach", "8080")
    line = re.search(r"^Open it:\s+sudo (.*?)(?:   More: .*)?$", shown, re.MULTILINE)
    assert line is not None, shown
    run(line[1].replace("&& sudo ", "&& "))
    shown = printed(machine, "reach", "8080")
    assert "8080/tcp · reachable from other machines" in _alike(shown), shown


def test_the_first_example(machine: Namespace) -> None:
    need_program("nft")
    load(machine, ["nft", "-f", "-"], FILTER.format(policy="drop", rule=OWN_NETWORK))
    title = DOCUMENT.read_text().partition("\n")[0]
    assert check(title, machine, lambda command: shell(machine, command)) == 1
    closes(machine, lambda command: shell(machine, command))


def test_nftables_alone(machine: Namespace) -> None:
    need_program("nft")
    load(machine, ["nft", "-f", "-"], FILTER.format(policy="accept", rule=""))
    run = lambda command: shell(machine, command)  # noqa: E731
    assert check("## With nftables alone", machine, run) == 1
    closes(machine, run)


def ufw(machine: Namespace) -> Run:
    """ufw switched on, with files of its own; what runs its commands."""
    need_program("ufw")
    folder = machine.folder
    shutil.copytree("/etc/ufw", folder / "ufw")
    shutil.copy("/etc/default/ufw", folder / "default")
    mounts = f"mount --bind {folder}/ufw /etc/ufw; mount --bind {folder}/default /etc/default/ufw"

    def run(command: str) -> None:
        shell(machine, f"unshare --mount sh -e -c '{mounts}; {command} >&2'")

    run("ufw default deny incoming; ufw --force enable")
    return run


def test_ufw(machine: Namespace) -> None:
    run = ufw(machine)
    assert check("## With ufw", machine, run) == 1
    closes(machine, run)
    assert "`sudo ufw prepend deny 8080/tcp`" in DOCUMENT.read_text()
    run("ufw delete deny 8080/tcp")
    closing = re.search(r"To close it again: `sudo (ufw .*?)`", DOCUMENT.read_text())
    assert closing is not None
    run(closing[1])
    assert "a firewall rule blocks the rest" in _alike(printed(machine, "reach", "8080"))


@pytest.mark.parametrize(
    "allowed",
    [
        "allow 8080/tcp",
        "allow 8080",
        "allow in on eth0 to any port 8080",
        "allow from 192.0.2.0/24 to any port 8080 proto tcp",
        "allow from 192.0.2.0/24",
        "allow 8000:8099/tcp",
        "allow proto tcp to any port 80,8080",
        "route allow 8080/tcp; ufw allow Portal",
        "default allow incoming",
    ],
)
def test_the_command_for_ufw_closes_what_it_opened(machine: Namespace, allowed: str) -> None:
    run = ufw(machine)
    profile = machine.folder / "ufw" / "applications.d" / "portal"
    profile.write_text("[Portal]\ntitle=Portal\ndescription=Portal\nports=80,8080/tcp|8080/udp\n")
    run(f"ufw {allowed}")
    closes(machine, run)


@pytest.mark.parametrize(
    "denied",
    [
        "deny 8080/tcp",
        "deny 8080",
        "reject 8080",
        "deny from any to any port 8080 proto tcp",
        "deny in on eth0 to any port 8080",
        "deny from 0.0.0.0/1; ufw deny from 128.0.0.0/1",
        "deny 8000:8099/tcp",
        "status verbose",
    ],
)
def test_the_command_for_ufw_opens_what_it_closed(machine: Namespace, denied: str) -> None:
    run = ufw(machine)
    run(f"ufw {denied}")
    opens(machine, run)


def firewalld(machine: Namespace) -> Run:
    """firewalld with files of its own, on a bus of its own; what runs its commands."""
    program = need_program("dbus-daemon", "firewall-cmd", "firewalld")
    folder = machine.folder
    (folder / "bus.xml").write_text(BUS.format(folder=folder))
    (folder / "firewalld").mkdir()
    machine.start(["dbus-daemon", f"--config-file={folder}/bus.xml", "--nofork"])
    machine.wait_until((folder / "bus").exists, "the bus doesn't start")
    bus = f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={folder}/bus"
    running = machine.start(
        ["env", bus, program, "--nofork", "--nopid", "--system-config", folder / "firewalld"]
    )
    state = ["env", bus, "firewall-cmd", "--state"]
    machine.wait_until(
        lambda: not machine.run(state).returncode,
        f"firewalld doesn't start: {running.log.read_text()}",
    )

    def run(command: str) -> None:
        shell(machine, f"export {bus}; {command}")

    return run


def test_firewalld(machine: Namespace) -> None:
    run = firewalld(machine)
    assert check("## With firewalld", machine, run) == 1
    closes(machine, run)


@pytest.mark.parametrize(
    "opened",
    [
        "--add-port=8080/tcp",
        "--add-port=8000-8099/tcp",
        "--zone=internal --add-interface=eth0 --add-port=8080/tcp",
        "--zone=work --add-source=192.0.2.0/24 --add-port=8080/tcp",
        "--add-service=portal",
        "--add-rich-rule='rule port port=8080 protocol=tcp accept'",
        "--add-rich-rule='rule priority=-5 port port=8080 protocol=tcp accept'",
        "--add-rich-rule='rule priority=5 port port=8080 protocol=tcp accept'",
        "--add-rich-rule='rule family=ipv4 source address=192.0.2.0/24 accept'",
        "--add-source-port=1-65535/tcp",
        "--add-protocol=tcp",
        "--zone=trusted --add-interface=eth0",
        "--policy=gate --add-port=8080/tcp",
        "--policy=gate --set-target=ACCEPT",
    ],
)
def test_the_command_for_firewalld_closes_what_it_opened(machine: Namespace, opened: str) -> None:
    run = firewalld(machine)
    if "portal" in opened:
        run("firewall-cmd --permanent --new-service=portal")
        run("firewall-cmd --permanent --service=portal --add-port=8080/tcp")
        run("firewall-cmd --reload")
    if "gate" in opened:
        policy(run, opened)
    else:
        for one in _one_by_one(opened):
            run(f"firewall-cmd {one}")
    closes(machine, run)


def policy(run: Run, change: str) -> None:
    """A policy for what comes in, changed by *change*; a target is changed for good alone."""
    for one in (
        "--new-policy=gate",
        "--policy=gate --add-ingress-zone=ANY",
        "--policy=gate --add-egress-zone=HOST",
        change,
    ):
        run(f"firewall-cmd --permanent {one}")
    run("firewall-cmd --reload")


@pytest.mark.parametrize(
    "closed",
    [
        "--state",
        "--zone=internal --add-interface=eth0",
        "--zone=drop --add-source=192.0.2.0/24",
        "--zone=block --add-interface=eth0",
        "--add-rich-rule='rule port port=8080 protocol=tcp reject'",
        "--add-rich-rule='rule priority=-5 port port=8080 protocol=tcp drop'",
        "--policy=gate --set-target=DROP",
        "--direct --add-rule ipv4 filter INPUT -5 -p tcp --dport 8000:8099 -j REJECT",
    ],
)
def test_the_command_for_firewalld_opens_what_it_closed(machine: Namespace, closed: str) -> None:
    run = firewalld(machine)
    if "gate" in closed:
        policy(run, closed)
    elif "direct" in closed:  # one that lets it in doesn't spare the zone
        run("firewall-cmd --add-port=8080/tcp")
        run(f"firewall-cmd {closed}")
    else:
        for one in _one_by_one(closed):
            run(f"firewall-cmd {one}")
    opens(machine, run)


def _one_by_one(options: str) -> list[str]:
    """Each option that changes something, with the zone that the first may name."""
    zone, *others = options.split(" --") if options.startswith("--zone") else ("", options)
    return [f"{zone} --{each.removeprefix('--')}" for each in others]


def test_docker(machine: Namespace) -> None:
    need_program("iptables-nft-restore")

    def run(command: str) -> None:
        if not command.startswith("docker "):
            shell(machine, command)
            return
        # What dockerd does for it, and the container with its server left out.
        shell(
            machine,
            "ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; "
            "ip link set docker0 up; sysctl -qw net.ipv4.ip_forward=1",
        )
        rules = DOCKER.format(policy="ACCEPT", user="").replace("172.30.0.0/24", "172.17.0.0/16")
        rules = rules.replace("172.30.0.2", "172.17.0.2").replace("cont0", "docker0")
        load(machine, ["iptables-nft-restore"], rules)

    assert check("## With Docker", machine, run) == 1
