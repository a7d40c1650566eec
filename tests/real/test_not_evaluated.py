"""What handles packets beside the rules: real programs and filters, named and not guessed about."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.real.namespace import SOURCE, UNPRIVILEGED, Namespace, Running, interpreter
from tests.real.needs import need_kernel, need_namespaces, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

PROGRAM = Path(__file__).with_name("program.py")
NETWORK = "192.0.2.0/24"
SERVER = {"transport": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 8080}
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


@pytest.fixture
def machine() -> Iterator[Namespace]:
    """A server on 8080, an interface with a neighbour, and one without."""
    need_namespaces()
    with Namespace() as made:
        for command in (
            "ip link add veth0 type veth peer name veth1",
            "ip link add other0 type veth peer name other1",
            "ip addr add 192.0.2.1/24 dev veth0",
            "ip link set veth0 up",
            "ip link set veth1 up",
        ):
            assert made.run(command.split()).returncode == 0, command
        yield made


def attach(machine: Namespace, kind: str, target: str | Path) -> Running:
    running = machine.start([interpreter(), "-P", PROGRAM, kind, target])
    line = running.read_line().strip()
    need_kernel(line == "ready", f"this kernel attaches no {kind} program: {line}")
    return running


def told(machine: Namespace, port: int = 8080) -> tuple[dict[str, str], Any]:
    report = machine.ask("reach", port)
    (socket,) = report["sockets"]
    return {each["source"]: each["answer"] for each in socket["from"]}, report


def gaps(report: Any) -> list[str]:
    return [each["message"] for each in report["missing"] if each["code"] == "not-evaluated"]


def has_gap(report: Any, name: str) -> bool:
    (message,) = gaps(report)
    return f" {name}" in message


@pytest.mark.parametrize(("kind", "named"), [("xdp", "xdp"), ("tcx", "tc")])
def test_a_program_on_an_interface(machine: Namespace, kind: str, named: str) -> None:
    machine.open(SERVER)
    other = attach(machine, kind, "other0")
    answers, report = told(machine)
    assert answers[NETWORK] == "open"
    assert (report["visibility"], gaps(report)) == ("full", [])
    assert report["not_evaluated"] == [{"kind": named, "name": "other0"}]
    other.stop()
    attach(machine, kind, "veth0")
    answers, report = told(machine)
    assert (answers["this-machine"], answers[NETWORK]) == ("open", "unknown")
    assert has_gap(report, "veth0")
    listed = machine.ask("listen", "8080")
    (listener,) = listed["listeners"]
    assert listener["reachable"]["scope"] == "unknown"
    assert has_gap(listed, "veth0")
    (exposed,) = [each for each in listener["findings"] if each["code"] == "exposed"]
    assert "on veth0" in exposed["message"]
    assert any("not evaluated" in line for line in exposed["evidence"])
    assert "on veth0 may decide" in machine.ask("8080")["brief"]["reach"]


def test_programs_are_found_though_policies_are_not_told(machine: Namespace) -> None:
    """The kernel tells IPsec policies to the administrator alone, and programs to everybody."""
    attach(machine, "xdp", "veth0")
    done = machine.run(["ip", "xfrm", "policy", "add", "dir", "fwd", "action", "block"])
    need_kernel(not done.returncode, f"this kernel takes no such policy: {done.stderr}")
    code = (
        "from portbook.host.firewall.other_filters import read_other_filters\n"
        "print(*[each.kind for each in read_other_filters().all])"
    )
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
    for before, kinds in (((), "xdp ipsec"), (UNPRIVILEGED, "xdp unseen")):
        argv = [*before, interpreter(bool(before)), "-P", "-c", code]
        assert machine.run(argv, env=environ).stdout.split() == kinds.split()


def test_a_filter_of_tc(machine: Namespace) -> None:
    need_program("tc")
    machine.open(SERVER)
    assert machine.run(["tc", "qdisc", "add", "dev", "veth0", "clsact"]).returncode == 0
    assert told(machine)[0][NETWORK] == "open"  # nothing hangs from it yet
    words = ["tc", "filter", "add", "dev", "veth0", "ingress", "bpf", "flowid", "1:1"]
    done = machine.run([*words, "bytecode", "1,6 0 0 0"])
    need_kernel(not done.returncode, f"this kernel has no such filter: {done.stderr}")
    answers, report = told(machine)
    assert answers[NETWORK] == "unknown"
    assert has_gap(report, "tc filter on veth0")


def test_a_program_that_chooses_sockets(machine: Namespace) -> None:
    machine.open(SERVER)
    attach(machine, "sk-lookup", "/proc/self/ns/net")
    answers, report = told(machine)
    assert (answers["this-machine"], answers[NETWORK]) == ("unknown", "unknown")
    assert has_gap(report, "sk_lookup program of this network namespace")


def test_a_filter_of_a_control_group(machine: Namespace) -> None:
    mounts = [Path(each) for each in CGROUPS if Path(each, "cgroup.controllers").exists()]
    need_kernel(bool(mounts), "cgroup2 isn't mounted")
    group = mounts[0] / f"portbook-test-{machine.holder}"
    try:
        group.mkdir()
    except OSError as error:
        need_kernel(False, f"no control group can be made: {error}")
    try:
        script = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        machine.open(SERVER, before=("sh", "-c", script, "sh"))
        machine.open({**SERVER, "port": 8081})
        attach(machine, "cgroup", group)
        answers, report = told(machine)
        assert (answers["this-machine"], answers[NETWORK]) == ("unknown", "unknown")
        assert has_gap(report, f"control group /{group.name}")
        answers, report = told(machine, 8081)
        assert (answers["this-machine"], answers[NETWORK]) == ("open", "open")
        assert report["visibility"] == "full"
    finally:
        for pid in [int(each) for each in (group / "cgroup.procs").read_text().split()]:
            os.kill(pid, signal.SIGKILL)
        machine.wait_until(lambda: _is_removed(group), "a control group outlives its test")


def _is_removed(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


@pytest.mark.parametrize(
    ("rules", "kind", "answer"),
    [
        (
            "table inet f { flowtable ft { hook ingress priority 0; devices = { veth0 }; }; }",
            "flowtable",
            "open",
        ),
        (
            "table ip f { chain p { type filter hook prerouting priority -150; RULE; }; }",
            "tproxy",
            "unknown",
        ),
        (
            "table bridge f { chain in { type filter hook input priority 0; policy drop; }; }",
            "bridge",
            "open",
        ),
    ],
)
def test_what_nftables_has_beside_rules(
    machine: Namespace, rules: str, kind: str, answer: str
) -> None:
    need_program("nft")
    machine.open(SERVER)
    path = machine.folder / "rules"
    path.write_text(rules.replace("RULE", "tcp dport 8080 tproxy to :9000") + "\n")
    done = machine.run(["nft", "-f", path])
    need_kernel(not done.returncode, f"this kernel has no {kind}: {done.stderr}")
    answers, report = told(machine)
    assert answers[NETWORK] == answer
    assert [each["kind"] for each in report["not_evaluated"]] == [kind]


def test_a_chain_of_a_bridge(machine: Namespace) -> None:
    need_program("nft")
    machine.open(SERVER)
    for command in (
        "ip link add br0 type bridge",
        "ip link set veth0 master br0",
        "ip addr del 192.0.2.1/24 dev veth0",
        "ip addr add 192.0.2.1/24 dev br0",
        "ip link set br0 up",
    ):
        done = machine.run(command.split())
        need_kernel(not done.returncode, f"no bridge can be made: {done.stderr}")
    assert told(machine)[0][NETWORK] == "open"
    path = machine.folder / "rules"
    path.write_text("table bridge f { chain in { type filter hook input priority 0; }; }\n")
    done = machine.run(["nft", "-f", path])
    need_kernel(not done.returncode, f"this kernel filters no bridges: {done.stderr}")
    answers, report = told(machine)
    assert answers[NETWORK] == "unknown"
    assert has_gap(report, "bridge's chain bridge f in")


@pytest.mark.parametrize(
    ("policy", "tried"),
    [
        ("dir in src 192.0.2.2/32 dst 192.0.2.1/32 proto tcp dport 8080 action block", "dropped"),
        ("dir in src 192.0.2.2/32 dst 0.0.0.0/0 tmpl proto esp mode transport", "dropped"),
        ("dir out src 192.0.2.1/32 dst 192.0.2.2/32 action block", "dropped"),
        ("dir in src 192.0.2.2/32 dst 192.0.2.1/32 proto tcp dport 8081 action block", "open"),
        ("dir in src 192.0.2.2/32 dst 192.0.2.1/32 proto udp action block", "open"),
        ("dir fwd src 192.0.2.2/32 dst 192.0.2.1/32 action block", "open"),
        ("dir in src 192.0.2.2/32 dst 192.0.2.1/32 action allow", "open"),
        ("setdefault in block", "dropped"),
    ],
)
def test_policies_of_ipsec(policy: str, tried: str) -> None:
    """They concern those whom they name, and nobody else; packets tell."""
    need_namespaces()
    with Namespace() as machine, Namespace() as peer:
        for one, command in (
            (machine, f"ip link add veth0 type veth peer name veth1 netns {peer.holder}"),
            (machine, "ip addr add 192.0.2.1/24 dev veth0"),
            (machine, "ip link set veth0 up"),
            (peer, "ip addr add 192.0.2.2/24 dev veth1"),
            (peer, "ip addr add 192.0.2.3/24 dev veth1"),
            (peer, "ip link set veth1 up"),
        ):
            assert one.run(command.split()).returncode == 0, command
        machine.open(SERVER)
        verb = "" if policy.startswith("setdefault") else "add "
        done = machine.run(f"ip xfrm policy {verb}{policy}".split())
        need_kernel(not done.returncode, f"this kernel takes no such policy: {done.stderr}")
        answers, report = told(machine)
        near = answers.get("192.0.2.2/32", answers[NETWORK])
        assert near == ("open" if tried == "open" else "unknown")
        everybody = policy.startswith("setdefault")
        assert answers[NETWORK] == ("unknown" if everybody else "open")
        assert len(gaps(report)) == (tried != "open")
        assert all("IPsec policy dir " in gap for gap in gaps(report))
        assert answers["this-machine"] == "open"
        for source, expected in (("192.0.2.2", tried), ("192.0.2.3", "open")):
            code = (
                "import socket\nmade = socket.socket()\nmade.settimeout(0.5)\n"
                f"made.bind(('{source}', 0))\nmade.connect(('192.0.2.1', 8080))"
            )
            failed = peer.run([interpreter(), "-I", "-c", code]).returncode
            assert bool(failed) is (expected != "open" or everybody), source
        shown = machine.portbook("reach", 8080).stdout
        assert ("IPsec policy dir" in shown) is (tried != "open" or "allow" not in policy)
