"""From where a port can be reached, in every form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portbook.app.origins import Origin
from portbook.app.reach import ReachRequest, SocketReach, reach_here
from portbook.app.reachable import reachable_of
from portbook.host.firewall.configured import Configured
from portbook.host.firewall.packet_filter import PacketFilter
from portbook.model import Family, FilterKind, Gap, GapCode, Need, NotEvaluated, Reachable, Scope
from portbook.model.reach import Barrier, Outcome, RuleText
from portbook.present.phrases.firewall_commands import firewall_command
from portbook.present.phrases.firewalld_commands import firewall_question
from portbook.present.phrases.reach import configured_words, reach_line
from portbook.present.render.report_json import of_reach
from portbook.present.render.text import Style
from portbook.present.views.reach import answer_words, compose_reach, next_steps, render_reach
from tests.app.test_reach import PORT, filtering
from tests.cases import for_each
from tests.machine import SERVER, TO, Machine, bound

if TYPE_CHECKING:
    from portbook.present.owners import Viewer

HIDDEN = PacketFilter(missing=[Gap(GapCode.FIREWALL_HIDDEN, needs=Need.ROOT)])


def shown(machine: Machine, name: str | None = None, to: Viewer = TO) -> str:
    return render_reach(reach_here(ReachRequest(8080, name=name), machine), Style(), to)


def test_no_rules_in_force() -> None:
    assert (
        shown(Machine([bound(8080, SERVER)]))
        == """\
8080/tcp · reachable from other machines: no firewall rules are in force

0.0.0.0:8080, python3 -m http.server (pid 17581, you, up 16 min, ~/shop)
  everywhere  yes

Notes
  Not checked: routers and cloud security groups.

More: portbook 8080/tcp --full
"""
    )


def test_a_rule_that_decides_is_quoted_and_the_step_is_its_tools() -> None:
    text = shown(Machine([bound(8080, SERVER)], filtering([PORT, {"drop": None}])))
    assert "no: dropped (tcp dport 8080 drop in inet filter input)" in text
    assert "router" not in text


def test_what_only_root_sees() -> None:
    text = shown(Machine([bound(8080, SERVER)], HIDDEN))
    assert "unless a firewall blocks it (sudo shows)" in " ".join(text.split())
    assert "everywhere  can't tell" in text
    assert "See the rules: sudo portbook reach 8080/tcp" in text


def test_what_is_not_known_of_this_machine_is_not_called_reachable_from_it() -> None:
    """No network leads to it, and the rules for this machine's own packets can't be read."""
    local = bound(8080, SERVER, address="127.0.0.1")
    text = shown(Machine([local], HIDDEN))
    assert text.startswith("8080/tcp · reachable from no other machine\n")
    assert "  this machine   can't tell\n" in text


def test_in_short_this_machine_is_called_let_in_where_no_rules_could_stop_it() -> None:
    blocked = Reachable(Scope.BLOCKED, (), ("policy drop",), ("inet t in",), firewall=True)
    words = "from no other machine: a firewall rule blocks them (policy drop)"
    assert reach_line(blocked) == words  # rules may stop this machine as well: nobody asked them
    assert reach_line(blocked, own=True).startswith("from this machine only: ")
    alone = Reachable(Scope.THIS_MACHINE, firewall=False)
    assert reach_line(alone) == "from this machine only"
    assert reach_line(alone._replace(firewall=True)) == "from no other machine"


@for_each(
    "interface, words",
    [(None, "no: this machine has no IPv6 address beyond loopback"),
     ("eth1", "no: eth1 has no IPv6 address")],
)  # fmt: skip
def test_a_missing_address_is_named_by_its_family(interface: str | None, words: str) -> None:
    origin = Origin("anywhere", Family.IPV6, Outcome.DROPPED, interface, barrier=Barrier.NO_ADDRESS)
    assert answer_words(origin) == words


def test_root_is_told_what_failed_and_not_to_become_root() -> None:
    late = PacketFilter(missing=[Gap(GapCode.TOOL_LATE, "nft", Need.AGAIN)])
    text = " ".join(shown(Machine([bound(8080, SERVER)], late), to=TO._replace(uid=0)).split())
    assert (
        "reachable from other machines, unless a firewall blocks it (its rules couldn't be" in text
    )
    assert "everywhere can't tell" in text
    assert "Not seen: firewall rules were not all read: nft did not answer in time" in text
    assert "sudo" not in text
    assert "only root can see" not in text


def test_who_answers_stands_first() -> None:
    node = bound(8080, SERVER._replace(pid=9, program="node", command=None), address="127.0.0.1")
    page = compose_reach(
        reach_here(ReachRequest(8080, name="localhost"), Machine([bound(8080, SERVER), node])), TO
    )
    assert page.sections[0].title == "Who answers on localhost"
    text = shown(Machine([bound(8080, SERVER), node]), "localhost")
    assert "::1        nothing listens: refused" in text
    assert "127.0.0.1  node (pid 9" in text


def test_no_line_is_wider_than_the_terminal() -> None:
    owner = SERVER._replace(cwd="/srv/a/long/way/to/the/folder")
    report = reach_here(ReachRequest(8080), Machine([bound(8080, owner)]))
    page = render_reach(report, Style(40), TO)
    assert max(map(len, page.splitlines())) <= 40


def test_json_has_the_contracts_keys() -> None:
    report = reach_here(ReachRequest(8080, name="localhost"), Machine([bound(8080, SERVER)]))
    item = json.loads(json.dumps(of_reach(report)))
    assert item["schema"] == "portbook/reach/1"
    (socket,) = item["sockets"]
    here, near, far = socket["from"]
    assert here["source"], here["delivered_to"] == ("this-machine", 8080)
    assert (near["source"], near["interface"], near["answer"]) == ("192.0.2.0/24", "eth0", "open")
    assert far["source"] == "anywhere"
    assert [each["address"] for each in item["answers"]] == ["::1", "127.0.0.1"]
    assert item["answers"][1]["pid"] == SERVER.pid
    (nothing,) = of_reach(reach_here(ReachRequest(9), Machine()))["sockets"]
    assert nothing["address"] is None


ZONED = "sudo firewall-cmd --zone={}"
OPENING = "rich-rule='rule priority=-32768 port port=8080 protocol=tcp accept'"
CLOSING = "rich-rule='rule priority=-32767 port port=8080 protocol=tcp drop'"


DIRECT = "sudo firewall-cmd --direct --add-rule ipv4 filter INPUT -32768 -p tcp --dport 8080 -j"


@for_each(
    "tool, where, close, open_",
    [
        (
            "ufw",
            "ip filter ufw-user-input",
            "sudo ufw prepend deny 8080/tcp && sudo ufw deny 8080/tcp",
            "sudo ufw prepend allow 8080/tcp && sudo ufw allow 8080/tcp",
        ),
        ("ufw", "ip filter INPUT", "sudo ufw deny 8080/tcp", "sudo ufw allow 8080/tcp"),
        (
            "firewalld",
            "inet firewalld filter_IN_home_allow",
            f"{ZONED.format('home')} --add-{CLOSING}",
            "sudo firewall-cmd --zone=home --add-port=8080/tcp",
        ),
        (
            "firewalld",
            "ip filter IN_my_zone_pre",
            f"{{0}} --remove-{OPENING} && {{0}} --add-{CLOSING}".format(ZONED.format("my_zone")),
            f"{ZONED.format('my_zone')} --add-{OPENING}",
        ),
        ("firewalld", "inet firewalld filter_INPUT", None, None),
        (
            "firewalld",
            "inet firewalld filter_IN_policy_some_allow",
            f"sudo firewall-cmd --policy=some --add-{CLOSING}",
            "sudo firewall-cmd --policy=some --add-port=8080/tcp",
        ),
        ("firewalld", "ip filter INPUT", f"{DIRECT} DROP", f"{DIRECT} ACCEPT"),
        (
            "nftables",
            "inet filter input",
            "sudo nft insert rule inet filter input tcp dport 8080 drop",
            "sudo nft insert rule inet filter input tcp dport 8080 accept",
        ),
        (
            "iptables",
            "ip filter INPUT",
            "sudo iptables -I INPUT -p tcp --dport 8080 -j DROP",
            "sudo iptables -I INPUT -p tcp --dport 8080 -j ACCEPT",
        ),
        ("docker", "inet filter input", None, None),
    ],
)
def test_the_firewall_in_charge_has_a_command(
    tool: str, where: str, close: str | None, open_: str | None
) -> None:
    rules = (RuleText("tcp dport 8080 accept", where),)
    origin = Origin("anywhere", Family.IPV4, Outcome.OPEN, rules=rules, delivered_to=8080)
    assert firewall_command([tool], 8080, "tcp", [origin], opens=False) == close
    shut = origin._replace(answer=Outcome.DROPPED, delivered_to=None)
    assert firewall_command([tool], 8080, "tcp", [shut], opens=True) == open_


LIMIT = RuleText("-A ufw-user-limit -j REJECT", "ip filter ufw-user-limit")


def test_what_ufw_limits_can_be_closed() -> None:
    """Its rule is for this port or for others too: what changes the one stands before the other."""
    limited = Origin("anywhere", Family.IPV4, Outcome.UNKNOWN, rules=(LIMIT,))
    command = "sudo ufw prepend deny 22/tcp && sudo ufw deny 22/tcp"
    assert firewall_command(["ufw"], 22, "tcp", [limited], opens=False) == command
    report = reach_here(ReachRequest(22), Machine())._replace(
        filters=("ufw",), sockets=(SocketReach(None, (limited,)),)
    )
    steps = {each.label: each.command for each in next_steps(report, TO)}
    assert steps["Close it"] == command
    beside = limited._replace(not_evaluated=(NotEvaluated(FilterKind.XDP, "eth0"),))
    report = report._replace(sockets=(SocketReach(None, (beside,)),))
    assert "Close it" not in {each.label for each in next_steps(report, TO)}


@for_each(
    "where, command",
    [
        ("inet firewalld filter_IN_policy_some_allow", "--info-policy=some"),
        ("inet firewalld filter_IN_policy_my_deny_pre", "--info-policy=my_deny"),
        ("inet firewalld filter_IN_policy_other", "--info-policy=other"),
        ("ip filter INPUT", "--direct --get-all-rules && sudo iptables -S INPUT"),
        ("ip6 filter INPUT", "--direct --get-all-rules && sudo ip6tables -S INPUT"),
        (
            "ip filter INPUT_direct",
            "--direct --get-all-rules && sudo iptables -S INPUT_direct",
        ),
        ("inet firewalld filter_IN_public_allow", None),
        ("inet firewalld filter_INPUT", None),
    ],
)
def test_where_no_zone_decides_in_firewalld_that_is_shown(where: str, command: str | None) -> None:
    origin = Origin("anywhere", Family.IPV4, Outcome.OPEN, rules=(RuleText("accept", where),))
    told = firewall_question(("firewalld",), [origin])
    assert told == (command and f"sudo firewall-cmd {command}")
    assert firewall_question(("nftables",), [origin]) is None


def test_both_families_get_a_command() -> None:
    """What iptables closes is IPv4's alone, and a port is open by the rules of several chains."""
    four = Origin("anywhere", Family.IPV4, Outcome.OPEN)
    six = four._replace(family=Family.IPV6)
    assert firewall_command(["iptables"], 8080, "udp", [four, six], opens=False) == (
        "sudo iptables -I INPUT -p udp --dport 8080 -j DROP && "
        "sudo ip6tables -I INPUT -p udp --dport 8080 -j DROP"
    )
    origins = [
        each._replace(rules=(RuleText("accept", f"{family} filter in"),))
        for each, family in ((four, "ip"), (six, "ip6"))
    ]
    shut = four._replace(answer=Outcome.DROPPED, rules=(RuleText("drop", "ip filter other"),))
    assert firewall_command(["nftables"], 8080, "udp", [*origins, shut], opens=False) == (
        "sudo nft insert rule ip filter in udp dport 8080 drop && "
        "sudo nft insert rule ip6 filter in udp dport 8080 drop"
    )


def test_what_opens_a_port_is_for_everyone_alone() -> None:
    """Banned networks and addresses that can't be from there have rules of their own."""
    banned, strange, others = (
        Origin(source, Family.IPV4, Outcome.DROPPED, rules=(RuleText("drop", where),))
        for source, where in (
            ("203.0.113.0/24", "inet firewalld filter_IN_drop"),
            ("192.0.2.0/24", "inet firewalld filter_PREROUTING"),
            ("anywhere", "inet firewalld filter_IN_public"),
        )
    )
    command = firewall_command(["firewalld"], 9, "tcp", [banned, strange, others], opens=True)
    assert command == "sudo firewall-cmd --zone=public --add-port=9/tcp"
    told = reachable_of([strange, banned, others], firewall=True)
    assert told.chains[-1] == "inet firewalld filter_IN_public"
    again = reachable_of([others._replace(source="10.0.0.0/8"), strange, others], firewall=True)
    assert again.chains == (strange.rules[0].where, others.rules[0].where)


def test_what_ufw_forwards_is_closed_among_its_routes() -> None:
    route = RuleText("iifname eth0 tcp dport 80 accept", "ip filter ufw-user-forward")
    sent = Origin(
        "anywhere",
        Family.IPV4,
        Outcome.OPEN,
        rules=(route,),
        delivered_to=80,
        delivered_address="172.30.0.2",
        forwarded=True,
    )
    closes = "sudo ufw route prepend deny proto tcp from any to 172.30.0.2 port 80"
    assert firewall_command(["ufw"], 8080, "tcp", [sent], opens=False) == closes
    here = Origin("anywhere", Family.IPV6, Outcome.OPEN)
    elsewhere = sent._replace(delivered_address="172.30.0.3")
    ahead = sent._replace(rules=(RuleText("accept", "ip filter FORWARD"),))
    both = firewall_command(["ufw"], 8080, "tcp", [sent, here], opens=False)
    assert both == f"{closes} && sudo ufw deny 8080/tcp"
    both = firewall_command(["ufw"], 8080, "tcp", [sent, elsewhere], opens=False)
    assert both == f"{closes} && {closes.replace('.0.2', '.0.3')}"
    assert firewall_command(["ufw"], 8080, "tcp", [ahead], opens=False) is None
    # A rule that UFW has for the very end it changes only without "prepend".
    own = sent._replace(rules=(route._replace(text="ip daddr 172.30.0.2 tcp dport 80 accept"),))
    again = f"{closes} && {closes.replace('prepend ', '')}"
    assert firewall_command(["ufw"], 8080, "tcp", [own], opens=False) == again
    shut = own._replace(answer=Outcome.DROPPED)
    opens = firewall_command(["ufw"], 8080, "tcp", [shut], opens=True)
    assert opens == again.replace("deny", "allow")
    # What stops it is behind the address that the client gave: no rule for that port opens it.
    stopped = sent._replace(answer=Outcome.DROPPED, delivered_to=None, delivered_address=None)
    assert firewall_command(["ufw"], 8080, "tcp", [stopped], opens=True) is None


@for_each(
    "filters, where, command",
    [
        (["ufw"], "ip filter FORWARD", "ufw route allow proto tcp from any to 172.30.0.2 port 80"),
        (["ufw"], "ip filter ufw-user-forward",
         "ufw route prepend allow proto tcp from any to 172.30.0.2 port 80"),
        (["nftables"], "inet t fwd",
         "nft insert rule inet t fwd ip daddr 172.30.0.2 tcp dport 80 accept"),
        (["iptables"], "ip filter FORWARD",
         "iptables -I FORWARD -d 172.30.0.2 -p tcp --dport 80 -j ACCEPT"),
        (["ufw", "docker"], "ip filter DOCKER-USER",
         ("iptables -I DOCKER-USER -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL "
         "-j RETURN")),
        (["firewalld"], "ip filter FORWARD",
         ("firewall-cmd --direct --add-rule ipv4 filter FORWARD -32768 -d 172.30.0.2 -p tcp "
         "--dport 80 -j ACCEPT")),
        (["firewalld"], "ip mangle FORWARD", None),
        (["iptables"], "ip mangle FORWARD", None),
        (["firewalld"], "inet firewalld filter_FORWARD", None),
        (["firewalld"], "inet firewalld filter_FORWARD_dnat",
         "firewall-cmd --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=172.30.0.2"),
        (["ufw"], "inet t fwd",
         "nft insert rule inet t fwd ip daddr 172.30.0.2 tcp dport 80 accept"),
    ],
)  # fmt: skip
def test_what_is_forwarded_is_opened_where_it_is_stopped(
    filters: list[str], where: str, command: str | None
) -> None:
    stopped = Origin(
        "anywhere", Family.IPV4, Outcome.DROPPED, rules=(RuleText("policy drop", where),),
        delivered_to=80, delivered_address="172.30.0.2", forwarded=True,
    )  # fmt: skip
    sudo = None if command is None else f"sudo {command}"
    assert firewall_command(filters, 8080, "tcp", [stopped], opens=True) == sudo
    shut = [RuleText("policy drop", "ip6 filter INPUT")]
    here = Origin("anywhere", Family.IPV6, Outcome.DROPPED, rules=(*shut,))
    both = firewall_command(filters, 8080, "tcp", [stopped, here], opens=True)
    alone = firewall_command(filters, 8080, "tcp", [here], opens=True)
    assert both == (f"{sudo} && {alone}" if sudo and alone else None)


@pytest.mark.parametrize(
    ("filters", "first", "then", "commands"),
    [
        (["nftables"], "tcp dport 8080 drop in inet a in", "policy drop in inet b in",
         ("nft insert rule inet a in tcp dport 8080 accept",
          "nft insert rule inet b in tcp dport 8080 accept")),
        (["ufw"], "policy drop in ip filter INPUT", "policy drop in inet t in",
         ("nft insert rule inet t in tcp dport 8080 accept", "ufw allow 8080/tcp")),
        (["iptables"], "-j DROP in ip raw PREROUTING", "policy drop in ip filter INPUT",
         ("iptables -t raw -I PREROUTING -p tcp --dport 8080 -j ACCEPT",
          "iptables -I INPUT -p tcp --dport 8080 -j ACCEPT")),
        (["firewalld"], "reject in inet firewalld filter_INPUT", "policy drop in inet t in", ()),
    ],
)  # fmt: skip
def test_what_stops_a_port_one_behind_the_other_is_opened_in_all_its_places(
    filters: list[str], first: str, then: str, commands: tuple[str, ...]
) -> None:
    steps = [
        Origin("anywhere", Family.IPV4, Outcome.DROPPED, rules=(RuleText(text, where),))
        for text, _, where in (each.partition(" in ") for each in (first, then))
    ]
    told = firewall_command(filters, 8080, "tcp", steps, opens=True)
    assert told == (" && ".join(f"sudo {each}" for each in commands) or None)


@pytest.mark.parametrize(
    ("filters", "rules", "command"),
    [
        (["nftables"], ["accept in inet t in", "policy drop in inet t out"],
         "nft insert rule inet t out tcp sport 8080 accept"),
        (["iptables"], ["-j ACCEPT in ip filter INPUT", "policy drop in ip filter OUTPUT"],
         "iptables -I OUTPUT -p tcp --sport 8080 -j ACCEPT"),
        (["ufw"], ["policy drop in ip filter OUTPUT"], None),
        (["firewalld"], ["-j DROP in ip filter OUTPUT_direct"], None),
    ],
)  # fmt: skip
def test_what_stops_answers_is_opened_on_their_way(
    filters: list[str], rules: list[str], command: str | None
) -> None:
    met = [RuleText(text, where) for text, _, where in (each.partition(" in ") for each in rules)]
    lost = Origin("anywhere", Family.IPV4, Outcome.DROPPED, rules=(*met,), unanswered=True)
    told = firewall_command(filters, 8080, "tcp", [lost], opens=True)
    assert told == (None if command is None else f"sudo {command}")
    assert answer_words(lost).startswith("no: its answers are dropped (")


@for_each(
    "filters, rule, command",
    [
        (["iptables"], "-p tcp -j DROP in ip raw PREROUTING",
         "iptables -t raw -I PREROUTING -p tcp --dport 8080 -j ACCEPT"),
        (["ufw"], "ip saddr @banned drop in inet crowdsec input",
         "nft insert rule inet crowdsec input tcp dport 8080 accept"),
        (["firewalld"], "policy drop in ip mine in",
         "nft insert rule ip mine in tcp dport 8080 accept"),
        (["firewalld"], "reject in inet firewalld filter_INPUT", None),
        (["iptables"], "policy drop in inet t in",
         "nft insert rule inet t in tcp dport 8080 accept"),
        (["nftables"], "policy drop in inet t in",
         "nft insert rule inet t in tcp dport 8080 accept"),
    ],
)  # fmt: skip
def test_a_port_is_opened_in_the_table_that_stops_it(
    filters: list[str], rule: str, command: str | None
) -> None:
    text, _, where = rule.partition(" in ")
    shut = Origin("anywhere", Family.IPV4, Outcome.DROPPED, rules=(RuleText(text, where),))
    told = firewall_command(filters, 8080, "tcp", [shut], opens=True)
    assert told == (None if command is None else f"sudo {command}")
    # A redirect before it: the rules ask for another port then.
    before = RuleText("tcp dport 8080 redirect to :9000", "inet t pre")
    sent = shut._replace(rules=(before, *shut.rules))
    assert firewall_command(filters, 8080, "tcp", [sent], opens=True) is None


def test_where_no_rule_asks_about_some_a_chain_of_its_own_closes_the_port() -> None:
    """A table for IPv4 closes nothing of IPv6; a chain that others are stopped in, nothing here."""
    let_in = RuleText("tcp dport 8080 accept", "ip t in")
    four = Origin("anywhere", Family.IPV4, Outcome.OPEN, rules=(let_in,))
    command = firewall_command(
        ["nftables"], 8080, "tcp", [four, four._replace(family=Family.IPV6, rules=())], opens=False
    )
    assert command is not None
    assert command.startswith("sudo nft 'add table inet ")
    assert command.endswith(" tcp dport 8080 drop'")


ASKED = "-p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP"


@for_each(
    "filters, rule, command",
    [
        (["nftables"], "ct status dnat accept in inet t fwd",
         "nft insert rule inet t fwd ip daddr 172.30.0.2 tcp dport 80 drop"),
        (["nftables"], "tcp dport 8080 dnat ip to 172.30.0.2:80 in inet t pre",
         "nft insert rule inet t pre tcp dport 8080 drop"),
        (["nftables", "docker"], "ip daddr 172.30.0.2 accept in ip docker-bridges in__cont0",
         "nft insert rule ip docker-bridges in__cont0 ip daddr 172.30.0.2 tcp dport 80 drop"),
        (["iptables"], "-j DNAT --to 172.30.0.2 in ip nat PREROUTING",
         f"iptables -I FORWARD {ASKED}"),
        (["firewalld"], "ct status dnat accept in inet firewalld filter_FORWARD",
         f"firewall-cmd --direct --add-rule ipv4 filter FORWARD -32767 {ASKED}"),
        (["iptables", "docker"], "-j ACCEPT in ip filter DOCKER",
         f"iptables -I DOCKER-USER {ASKED}"),
        (["ufw"], "accept in inet t fwd", None),
    ],
)  # fmt: skip
def test_what_is_forwarded_is_closed_on_its_way(
    filters: list[str], rule: str, command: str | None
) -> None:
    text, _, where = rule.partition(" in ")
    sent = Origin(
        "anywhere", Family.IPV4, Outcome.OPEN, rules=(RuleText(text, where),),
        delivered_to=80, delivered_address="172.30.0.2", forwarded=True,
    )  # fmt: skip
    closes = None if command is None else f"sudo {command}"
    assert firewall_command(filters, 8080, "tcp", [sent], opens=False) == closes
    # A proxy beside it may take IPv6's own connections: its rules are those of this machine.
    let_in = RuleText("accept", "ip6 filter INPUT")
    here = Origin("anywhere", Family.IPV6, Outcome.OPEN, rules=(let_in,))
    alone = firewall_command(filters, 8080, "tcp", [here], opens=False)
    both = firewall_command(filters, 8080, "tcp", [sent, here], opens=False)
    assert both == (closes and f"{closes} && {alone}")
    kept_out = here._replace(answer=Outcome.DROPPED)
    assert firewall_command(filters, 8080, "tcp", [sent, kept_out], opens=False) == closes
    stopped = sent._replace(answer=Outcome.DROPPED)
    assert firewall_command(filters, 8080, "tcp", [stopped, here], opens=False) == alone


@for_each(
    "tool, rules, command",
    [
        ("firewalld", ["ct status dnat accept in inet firewalld filter_INPUT"],
         f"firewall-cmd --direct --add-rule ipv4 filter INPUT -32767 {ASKED}"),
        ("iptables", ["-j REDIRECT --to-ports 9000 in ip nat PREROUTING"],
         f"iptables -I INPUT {ASKED}"),
        ("nftables", ["tcp dport 8080 redirect to :9000 in inet t pre", "accept in inet t in"],
         "nft insert rule inet t pre tcp dport 8080 drop"),
        ("nftables", ["dnat to 172.30.0.2:80 in ip k a", "dnat to 172.30.0.3:80 in ip k b"],
         ("nft insert rule ip k a tcp dport 8080 drop && "
          "sudo nft insert rule ip k b tcp dport 8080 drop")),
        ("nftables", ["tcp dport vmap @ports in inet t pre"], None),
        ("ufw", ["-j REDIRECT --to-ports 9000 in ip nat PREROUTING"], None),
    ],
)  # fmt: skip
def test_what_is_redirected_is_closed_by_the_port_it_was_made_to(
    tool: str, rules: list[str], command: str | None
) -> None:
    met = [RuleText(text, where) for text, _, where in (each.partition(" in ") for each in rules)]
    sent = Origin("anywhere", Family.IPV4, Outcome.OPEN, rules=(*met,), delivered_to=9000)
    told = firewall_command([tool], 8080, "tcp", [sent], opens=False)
    assert told == (None if command is None else f"sudo {command}")


def test_what_is_redirected_goes_to_another_port() -> None:
    """What answers there may not be known, and "yes" alone would say too much."""
    rules = (RuleText("tcp dport 8080 redirect to :7777", "inet t pre"),)
    sent = Origin(
        "anywhere", Family.IPV4, Outcome.OPEN, rules=rules, delivered_to=7777,
        delivered_address="192.0.2.7",
    )  # fmt: skip
    told = "yes, but to port 7777 (tcp dport 8080 redirect to :7777 in inet t pre)"
    assert answer_words(sent, port=8080) == told
    assert (
        answer_words(sent._replace(delivered_to=8080, delivered_address=None, rules=()), port=8080)
        == "yes"
    )
    shut = sent._replace(answer=Outcome.REJECTED)
    assert "to port" not in answer_words(shut, port=8080).replace("redirect to", "")


def test_panic_is_ended() -> None:
    rules = (RuleText("policy drop", "inet firewalld_policy_drop raw_prerouting"),)
    origin = Origin("anywhere", Family.IPV4, Outcome.DROPPED, rules=rules)
    command = firewall_command(["firewalld"], 8080, "tcp", [origin], opens=True)
    assert command == "sudo firewall-cmd --panic-off"


def test_a_zone_of_newer_firewalld_is_known_by_its_chain() -> None:
    """Since 2.5 what a zone doesn't let in ends in a chain for the zone and this machine."""
    rules = (RuleText("reject", "inet firewalld filter_IN_public_to_HOST"),)
    origin = Origin("anywhere", Family.IPV4, Outcome.REJECTED, rules=rules)
    command = firewall_command(["firewalld"], 8080, "tcp", [origin], opens=True)
    assert command == "sudo firewall-cmd --zone=public --add-port=8080/tcp"


def test_a_rich_rule_for_a_port_needs_no_port_of_its_zone() -> None:
    refused, target = (
        Origin("anywhere", family, Outcome.REJECTED, rules=(RuleText("reject", where),))
        for family, where in (
            (Family.IPV4, "inet firewalld filter_IN_public_deny"),
            (Family.IPV6, "inet firewalld filter_IN_public"),
        )
    )
    rich = "rule priority=-32768 port port=9 protocol=tcp accept"
    opens = f"sudo firewall-cmd --zone=public --add-rich-rule='{rich}'"
    for origins in ([refused, target], [target, refused]):
        assert firewall_command(["firewalld"], 9, "tcp", origins, opens=True) == opens
    work = target._replace(rules=(RuleText("reject", "inet firewalld filter_IN_work"),))
    assert firewall_command(["firewalld"], 9, "tcp", [refused, work], opens=True) == (
        f"{opens} && sudo firewall-cmd --zone=work --add-port=9/tcp"
    )


def test_what_passes_the_firewall_by_is_not_closed_by_its_command() -> None:
    """A published port is Docker's to close; the port of a redirect is another one there."""
    sent = Origin("anywhere", Family.IPV4, Outcome.OPEN, delivered_to=80, forwarded=True)
    command = firewall_command(["ufw", "docker"], 8080, "tcp", [sent], opens=False)
    match = "-p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL"
    assert command == f"sudo iptables -I DOCKER-USER {match} -j DROP"
    assert firewall_command(["ufw"], 8080, "tcp", [sent], opens=False) is None
    redirected = sent._replace(forwarded=False)
    assert firewall_command(["ufw"], 8080, "tcp", [redirected], opens=False) is None
    drop = RuleText("-A DOCKER-USER -j DROP", "ip filter DOCKER-USER")
    blocked = Origin("anywhere", Family.IPV4, Outcome.DROPPED, rules=(drop,))
    assert firewall_command(["ufw", "docker"], 8080, "tcp", [blocked], opens=True) is None


def test_files_are_told_from_rules_in_force() -> None:
    off = Configured("ufw", False, ("allow tcp 8080",), "drop", "/etc/ufw/ufw.conf")
    assert configured_words(off, as_root=True) == (
        "UFW is disabled in its files (/etc/ufw/ufw.conf; whether it is loaded isn't known)."
    )
    told = configured_words(
        Configured("ufw", True, ("allow tcp 8080",), "drop", "/etc/ufw/ufw.conf")
    )
    assert told == (
        "UFW is enabled in its files: allow tcp 8080; everything else: drop "
        "(/etc/ufw/ufw.conf; only root can see whether it is loaded)."
    )
