"""The short answer: this machine first, one verdict, twelve lines, nothing raw."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.app.failed import weigh
from portbook.app.judge import judge_listener
from portbook.app.lookup import answer
from portbook.app.port_lookup import PortAnswer, answer_port
from portbook.formats.errors.query import parse_query
from portbook.model import (
    Assessment,
    Authentication,
    Encryption,
    Exposure,
    Family,
    Finding,
    Gap,
    GapCode,
    Host,
    KnownService,
    Level,
    Listener,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Socket,
    SocketState,
    Spoken,
    SpokenState,
    Transport,
    Use,
    UseKind,
    Visibility,
)
from portbook.present.brief import Brief, compose_brief
from portbook.present.owners import (
    Viewer,
    age,
    owner_name,
    owner_phrase,
    short_folder,
    unseen_owner,
)
from portbook.present.port.agreement import Agreement
from portbook.present.port.on_record import abuse_line, in_practice, met, untold_uses
from portbook.present.render.brief_text import render_brief, shortened
from portbook.present.render.text import Style, clipped, columns_of
from portbook.present.words import fitted, listed
from tests.cases import for_each
from tests.strategies import any_port, listeners, nasty, processes
from tests.values import CATALOG, changed

TO = Viewer(1000, "/home/ada", 20_000.0)
RULES = PortRules("linux", 1024, (32768, 60999))
NODE = Process(
    17580, "node", ("node", "server.js"), uid=1000, user="ada", started=12_800.0,
    cwd="/home/ada/shop",
)  # fmt: skip


def _answer(text: str, *bound: Listener, **seen: Any) -> PortAnswer:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, PortAnswer)
    host = Host(bound, Visibility.FULL, (), RULES)._replace(**seen)
    findings = tuple(finding for each in bound for finding in each.assessment.findings)
    return found._replace(host=host, findings=findings)


def _many(text: str) -> str:
    """*text* without a count of dozens, which grows as uses are recorded."""
    return re.sub(r"\b\d{2,3} more", "MANY more", text)


def _brief(text: str, *bound: Listener, **more: Any) -> Brief:
    return compose_brief(_answer(text, *bound)._replace(**more), TO)


def _listener(port: int, address: str = "127.0.0.1", *owners: Process, **facts: Any) -> Listener:
    family = Family.IPV6 if ":" in address else Family.IPV4
    seen = OwnersSeen.ALL if owners else OwnersSeen.HIDDEN
    plain = Listener(
        Socket(Transport.TCP, family, address, port, SocketState.LISTEN), Ownership(owners, seen)
    )
    return changed(plain, **facts)


def _judged(code: str, level: Level) -> Assessment:
    return Assessment((Finding(code, level),))


@pytest.mark.parametrize(
    ("count", "seen", "said"),
    [
        (3, OwnersSeen.FIRST, " and 2 more processes on "),
        (65, OwnersSeen.FIRST, " and at least 64 more processes on "),
        (200, OwnersSeen.ALL, " and 199 more processes on "),
    ],
)
def test_workers_are_counted_as_far_as_they_were_looked_at(
    count: int, seen: OwnersSeen, said: str
) -> None:
    workers = [NODE._replace(pid=NODE.pid + more) for more in range(count)]
    bound = _listener(3000, "127.0.0.1", *workers)
    bound = bound._replace(ownership=bound.ownership._replace(seen=seen))
    assert said in _brief("3000", bound).headline


def test_a_port_in_use_is_told_with_who_where_and_what_to_do() -> None:
    bound = _listener(3000, "127.0.0.1", NODE)._replace(assessment=_judged("unknown", Level.NOTE))
    brief = _brief("3000", bound, free_port=3001)
    assert brief.headline == (
        "3000/tcp is in use: node server.js (pid 17580, you, up 2 h, ~/shop) on 127.0.0.1"
    )
    assert brief.machine == brief.headline
    assert brief.practice is not None
    assert "Next.js" in brief.practice
    assert brief.verdict is not None
    assert brief.verdict.agreement is Agreement.UNKNOWN
    assert brief.verdict.level is Level.NOTE
    assert brief.reach == "from this machine only"
    assert [step[:2] for step in brief.next] == [
        ("Stop it", "portbook stop 3000"),
        ("Ask it", "portbook 3000 --probe"),
        ("Or use 3001 (free)", "portbook 3001"),
        ("More", "portbook 3000 --full"),
    ]


@pytest.mark.parametrize(
    ("bound", "offered"), [(_listener(3000, "::", NODE), True), (_listener(3000, "::"), False)]
)
def test_after_an_error_only_what_can_be_stopped_is_offered(bound: Listener, offered: bool) -> None:
    found = _answer("Error: listen EADDRINUSE: address already in use :::3000", bound)
    failed = weigh(found.query, found.host)
    assert failed.again
    brief = compose_brief(found._replace(failed=failed), TO)
    assert ("portbook stop 3000" in [step.command for step in brief.next]) is offered
    assert "portbook why [::]:3000" in [step.command for step in brief.next]


def test_what_runs_in_another_network_namespace_is_not_offered_to_be_stopped() -> None:
    bound = changed(_listener(3000, "127.0.0.1", NODE), namespace="pid 17580 (node)")
    brief = _brief("3000", bound)
    assert brief.headline.endswith("on 127.0.0.1 in the network namespace of pid 17580 (node)")
    assert ("Find out why", "portbook why 3000") in [step[:2] for step in brief.next]
    assert "portbook stop 3000" not in [step.command for step in brief.next]


def test_a_server_that_arguments_name_can_be_asked() -> None:
    http_server = NODE._replace(
        command=("python3", "-m", "http.server", "5432"),
        program="python3",
        executable="/usr/bin/python3.11",
    )
    bound = _listener(5432, "0.0.0.0", http_server)
    findings = judge_listener(bound, RULES, CATALOG)
    brief = _brief("5432", changed(bound, findings=findings))
    assert brief.verdict is not None
    assert brief.verdict.sentence == "Python's http.server, not postgresql; --probe asks it"
    assert brief.verdict.level is Level.CHECK
    assert ("Ask it", "portbook 5432 --probe") in [step[:2] for step in brief.next]


def test_a_server_that_arguments_name_and_a_probe_heard_says_both() -> None:
    module = ("python3", "-m", "http.server", "8080")
    http_server = NODE._replace(program="python3", command=module, executable="/usr/bin/python3.11")
    bound = _listener(8080, "0.0.0.0", http_server)
    asked = changed(bound, speaks=Spoken(SpokenState.IDENTIFIED, "http"))
    judged = changed(asked, findings=judge_listener(asked, RULES, CATALOG))
    verdict = _brief("8080", judged).verdict
    assert verdict is not None
    assert verdict.sentence == "Python's http.server, by its arguments; it speaks http"


def test_a_free_port_is_told_in_five_lines() -> None:
    lines = render_brief(_brief("305"), Style()).splitlines()
    assert lines == [
        "305 is unassigned, and free on this machine",
        "",
        "  In practice  no known use, no reported abuse",
        "  IANA         unassigned on every transport; in the gap 301–307",
        "  Binding it   needs root or CAP_NET_BIND_SERVICE",
        "",
        "Pick a free port: portbook pick   More: portbook 305 --full",
    ]


@for_each(
    "facts, line",
    [
        ({}, None),
        ({"encryption": Encryption.ALWAYS}, "always encrypted"),
        (
            {"encryption": Encryption.ALWAYS, "authentication": Authentication.REQUIRED},
            "always encrypted, auth required",
        ),
        ({"encryption": Encryption.NONE, "twin": "9443/tcp"}, "not encrypted; encrypted: 9443/tcp"),
        (
            {
                "encryption": Encryption.NONE,
                "exposure": Exposure("Keep it in.", "It asks nobody."),
                "successor": "SSH, 22/tcp",
            },
            "not encrypted; don't expose it; use SSH, 22/tcp",
        ),
        ({"exposure": Exposure("Keep it in.", "It asks nobody.")}, "don't expose it"),
        (
            {
                "encryption": Encryption.OPTIONAL,
                "authentication": Authentication.NONE,
                "exposure": Exposure("Keep it in.", "It asks nobody."),
                "successor": "a very long name of something else, 22/tcp",
            },
            "encryption optional, no auth by default; don't expose it",
        ),
    ],
)
def test_the_brief_says_whether_a_service_may_face_a_network(
    facts: dict[str, Any], line: str | None
) -> None:
    found = answer(parse_query("9100"), CATALOG)
    assert isinstance(found, PortAnswer)
    known = KnownService(
        "Example", Transport.TCP, 9100, 9100, "an example", "Serves.", "https://example.org/",
        "2026-11-27",
    )._replace(**facts)  # fmt: skip
    exposed = found._replace(services=(known,))
    brief = compose_brief(exposed, TO)
    assert brief.security == line
    shown = render_brief(brief, Style()).splitlines()
    assert (f"  Security     {line}" in shown) == (line is not None)
    assert len(shown) <= 12
    assert max(map(len, shown)) <= 80


def test_of_several_services_the_most_exposed_is_told_by_name() -> None:
    found = answer(parse_query("9100"), CATALOG)
    assert isinstance(found, PortAnswer)
    plain = KnownService(
        "Plain", Transport.TCP, 9100, 9100, "plain text", "Serves.", "https://example.org/",
        "2026-11-27", encryption=Encryption.NONE,
    )  # fmt: skip
    exposed = plain._replace(name="Open", exposure=Exposure("Keep it in.", "It asks nobody."))
    brief = compose_brief(found._replace(services=(plain, exposed)), TO)
    assert brief.security == "Open: not encrypted; don't expose it"
    assert brief.headline == "9100 · Plain, plain text"


def test_a_service_that_does_not_lead_is_named_though_its_line_is_cut_for_it() -> None:
    brief = _brief("514")
    assert brief.headline.startswith("514 · Syslog, log messages")
    assert brief.security is not None
    assert brief.security.startswith("Remote shell: not encrypted")
    assert len(brief.security) <= 64


@pytest.mark.parametrize(
    ("port", "line"),
    [
        # The line is of what the headline says, and is of another service by its name alone.
        ("2049", "encryption optional, auth optional"),
        ("512", "auth required; use SSH, 22/tcp"),
        ("6006", "X11: not encrypted, auth required; don't expose it"),
    ],
)
def test_the_headlines_own_security_needs_no_name(port: str, line: str) -> None:
    assert _brief(port).security == line


def test_without_this_machine_the_headline_is_what_people_meet() -> None:
    found = answer(parse_query("443"), CATALOG)
    assert isinstance(found, PortAnswer)
    brief = compose_brief(found, TO)
    assert brief.headline == "443 · HTTPS, the encrypted web"
    assert (brief.machine, brief.verdict, brief.reach) == (None, None, None)
    assert [step[:2] for step in brief.next] == [("More", "portbook 443 --full")]


@for_each(
    "port, headline",
    [
        ("3000", "3000 · Grafana, Gitea, Next.js and MANY more"),
        ("5432", "5432 · PostgreSQL, SQL databases"),
        ("50000", "50000 · IBM Db2, Jenkins and MANY more"),
        # AFS, GNUnet and xtel have these, but nobody is known to meet them; for UDP, AFS leads.
        ("7000", "7000 · AirPlay Receiver (macOS) and MANY more"),
        ("7000/udp", "7000/udp · AFS file server, network file sharing"),
        ("2086", "2086 · WHM (cPanel) and Cloudflare's proxy"),
        ("1313", "1313 · Hugo"),
        ("2083", "2083 · RADIUS over TLS, network logins over TLS"),
        ("4905", "4905 · portbook's own site (portbook serve)"),
        ("4905/udp", "4905/udp is unassigned"),
        # Those that nobody is known to use stand behind those that people use.
        ("512", "512 · rexec, remote command execution"),
        ("513", "513 · rlogin, unencrypted remote login"),
        # X11's displays go up to 6063; only the first is no one else's.
        ("6000", "6000 · X11, remote windows"),
        ("6002", "6002 · X11, remote windows"),
        ("6006", "6006 · Storybook, TensorBoard and 6 more"),
        ("6033", "6033 · ProxySQL and 3 more"),
        # A bare name of the registry says less than the product that has the port for it.
        ("6432", "6432 · PgBouncer"),
        # A service that the registry names, and the products that meet on a protocol's port.
        ("11434", "11434 · Ollama, local AI models"),
        ("7687", "7687 · Bolt, graph database queries"),
        ("593", "593 · Windows RPC over HTTPS"),
        # A service whose name says what it is isn't named twice.
        ("371", "371 · ClearCase"),
        ("346", "346 · Zebra server"),
        ("49152", "49152 is the first Dynamic Port, ephemeral"),
        ("1023", "1023 is the last System Port, reserved"),
        ("0", "0 means any free port: bind(0) lets the system choose, and nothing listens on 0"),
        ("31337", "31337 · eldim (a secure file upload proxy); reported: Back Orifice"),
    ],
)
def test_the_headline_names_what_people_meet(port: str, headline: str) -> None:
    found = answer(parse_query(port), CATALOG)
    assert isinstance(found, PortAnswer)
    assert _many(compose_brief(found, TO).headline) == headline


def test_of_wide_spans_the_narrower_one_says_more() -> None:
    found = answer(parse_query("31337"), CATALOG)
    assert isinstance(found, PortAnswer)
    nodes = next(use for use in found.uses if use.product == "Kubernetes NodePort services")
    wider = nodes._replace(product="A conference", first=16384, last=32768)
    assert sorted([wider, nodes], key=lambda use: use.rank) == [nodes, wider]
    assert not nodes.leads


def test_a_wide_use_never_leads() -> None:
    found = answer(parse_query("31337"), CATALOG)
    assert isinstance(found, PortAnswer)
    assert any(use.last - use.first > 16 for use in found.uses)
    assert compose_brief(found, TO).headline.startswith("31337 · eldim")
    reported = compose_brief(found, TO).abuse
    assert reported == "Back Orifice (September 1998) and Sliver (listed August 2026)"
    assert in_practice(found).leading == ()
    assert in_practice(found).wide[0] == "Kubernetes NodePort services"
    practice = compose_brief(found, TO).practice
    assert practice is not None
    assert practice.startswith("Kubernetes NodePort services (30000–32767)")


@pytest.mark.parametrize(("port", "told"), [("4905", False), ("3000", True), ("22", True)])
def test_what_the_headline_says_of_the_use_is_not_said_again(port: str, told: bool) -> None:
    found = answer(parse_query(port), CATALOG)
    assert isinstance(found, PortAnswer)
    brief = compose_brief(found, TO)
    assert brief.practice
    assert ("In practice" in dict(brief.rows)) is told


@pytest.mark.parametrize(
    ("port", "line"),
    [
        ("22", "as registered: OpenSSH, Dropbear SSH server and 2 more"),
        ("443", "nginx, Caddy, SoftEther VPN, Apache HTTP Server and MANY more"),
        ("3000", "Grafana, Gitea, Next.js, Redmine, Ruby on Rails and MANY more"),
        ("4905", "portbook's own site (portbook serve)"),
        ("4905/udp", "no known use, no reported abuse"),
    ],
)
def test_the_registered_services_own_programs_come_first(port: str, line: str) -> None:
    found = answer(parse_query(port), CATALOG)
    assert isinstance(found, PortAnswer)
    assert _many(compose_brief(found, TO).practice or "") == line


def test_products_come_by_weight_then_one_port_then_sources_then_name() -> None:
    use = Use(
        "Zebra", UseKind.DEFAULT, Transport.TCP, 305, 305, "A use.", "https://example.org/", ""
    )
    uses = (
        use._replace(product="Wide", first=300, last=316, weight=3),
        use,
        use._replace(product="Ape"),
        use._replace(product="Span", first=300, last=315, weight=2),
        use._replace(product="Heavy", weight=2),
        use._replace(product="Once", kind=UseKind.LEGACY, weight=2),
        use._replace(product="Chosen", kind=UseKind.ALTERNATIVE, weight=2, shown_by=2),
        use._replace(product="Shown", weight=3, shown_by=6),
        use._replace(product="Less", weight=3, shown_by=3),
    )
    ranked = [each.product for each in sorted(uses, key=lambda each: each.rank)]
    assert ranked == [
        "Shown", "Less", "Heavy", "Span", "Once", "Chosen", "Ape", "Zebra", "Wide",
    ]  # fmt: skip


def test_two_programs_on_one_port_are_told_apart() -> None:
    other = NODE._replace(pid=17581, command=("python3", "-m", "http.server"), program="python3")
    brief = _brief("3000", _listener(3000, "127.0.0.1", NODE), _listener(3000, "::1", other))
    assert brief.headline == "3000 is in use by 2 programs"
    assert [line.partition(" (")[0] for line in brief.programs] == [
        "tcp on 127.0.0.1: node server.js",
        "tcp on [::1]: python3 -m http.server",
    ]


def test_one_program_on_two_addresses_is_told_once() -> None:
    nginx = Process(812, "nginx", ("nginx: master process nginx",), uid=0, user="root")
    bound = (_listener(80, "0.0.0.0", nginx), _listener(80, "::", nginx))
    brief = _brief("80", *bound)
    assert brief.headline == "80/tcp is in use: nginx (pid 812, root) on every interface"
    assert brief.programs == ()
    assert brief.reach == "from other machines, unless a firewall blocks it (not checked)"


def test_a_check_leads_a_note_and_no_note_hides_who_it_is() -> None:
    bound = _listener(3000, "0.0.0.0", NODE)
    findings = (
        Finding("deleted-executable", Level.ALERT),
        Finding("unknown", Level.NOTE),
        Finding("exposed", Level.NOTE),
    )
    verdict = _brief("3000", changed(bound, findings=findings)).verdict
    assert verdict is not None
    assert verdict.level is Level.ALERT
    assert "deleted" in (verdict.sentence or "")
    verdict = _brief("3000", changed(bound, findings=findings[1:])).verdict
    assert verdict is not None
    assert verdict.sentence == "can't tell what node server.js serves; --probe asks it"


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        (Spoken(SpokenState.IDENTIFIED, "http"), "; it speaks http"),
        (Spoken(SpokenState.UNRECOGNISED), "; unknown answer"),
        (Spoken(SpokenState.SILENT), "; no answer"),
        (Spoken(SpokenState.REFUSED), "; it refuses"),
        (Spoken(SpokenState.UNASKED), "; not asked: not at this machine's address"),
    ],
)
def test_what_a_probe_heard_of_an_unknown_program_is_told(spoken: Spoken, said: str) -> None:
    bound = changed(_listener(3000, "0.0.0.0", NODE), findings=(Finding("unknown", Level.NOTE),))
    verdict = _brief("3000", changed(bound, speaks=spoken)).verdict
    assert verdict is not None
    assert verdict.sentence == f"can't tell what node server.js serves{said}"


@pytest.mark.parametrize(
    ("queue", "limit", "why"), [(3, 128, "clients wait"), (0, 0, "it takes one client")]
)
def test_why_a_probe_left_a_program_alone_is_told(queue: int, limit: int, why: str) -> None:
    bound = changed(
        _listener(3000, "0.0.0.0", NODE),
        findings=(Finding("unknown", Level.NOTE),),
        speaks=Spoken(SpokenState.UNASKED, detail="x"),
        queue=queue,
        queue_limit=limit,
    )
    verdict = _brief("3000", bound).verdict
    assert verdict is not None
    assert verdict.sentence == f"can't tell what node server.js serves; not asked: {why}"


def test_several_sockets_of_hidden_owners_may_be_one_process_or_more() -> None:
    bound = (
        _listener(2024, "127.0.0.1", uid=0, user="root"),
        _listener(2024, "192.0.2.7", uid=0, user="root"),
    )
    assert _brief("2024", *bound).headline.endswith(", by one or more root processes you can't see")
    bound = (
        _listener(2024, "127.0.0.1", uid=7, user="web"),
        _listener(2024, "192.0.2.7", uid=7, user="web"),
    )
    assert "by one or more processes of web you can't see" in _brief("2024", *bound).headline


def test_what_is_bound_alone_serves_nothing_and_is_not_asked() -> None:
    bound = changed(
        _listener(3000, "127.0.0.1", NODE),
        findings=(Finding("unknown", Level.NOTE),),
        state=SocketState.BOUND,
    )
    brief = _brief("3000", bound)
    assert brief.verdict is not None
    assert brief.verdict.sentence == "node server.js holds the port, and serves nothing on it"
    assert not any("--probe" in step.command for step in brief.next)


def test_who_answers_at_the_address_asked_for_comes_first() -> None:
    other = Process(812, "python3", ("python3", "app.py"), uid=1000, user="ada")
    bound = (_listener(3000, "127.0.0.1", NODE), _listener(3000, "::1", other))
    assert _brief("[::1]:3000", *bound).headline == (
        "[::1]:3000 is python3 app.py (pid 812); 3000 is in use by 2 programs"
    )
    assert _brief("[::2]:3000", *bound).headline == (
        "Nothing listens on [::2]:3000, but 3000 is in use by 2 programs"
    )
    assert _brief("localhost:3000", *bound).headline == "3000 is in use by 2 programs"


def test_which_of_two_programs_localhost_reaches_is_told() -> None:
    other = Process(812, "python3", ("python3", "app.py"), uid=1000, user="ada")
    bound = (_listener(3000, "127.0.0.1", NODE), _listener(3000, "::1", other))
    facts = (
        ("reached_addresses", ("localhost", "127.0.0.1", "::1")),
        ("reached_programs", ("python3 (pid 812)", "node (pid 17580)", "python3 (pid 812)")),
        ("reached_runs", ("python3 app.py (pid 812)", "node server.js (pid 17580)", "")),
    )
    finding = Finding("shadowed", Level.NOTE, facts=facts)
    brief = _brief("3000", *[changed(each, findings=(finding,)) for each in bound])
    assert brief.localhost == "reaches python3 app.py (pid 812)"
    assert ("localhost", brief.localhost) in list(brief.rows)
    assert _brief("3000", bound[0]).localhost is None
    # The site leaves out what programs run, which may hold a password.
    masked = finding._replace(facts=facts[:2])
    brief = _brief("3000", *[changed(each, findings=(masked,)) for each in bound])
    assert brief.localhost == "reaches python3 (pid 812)"


def test_an_owner_that_is_hidden_is_said_to_be_so() -> None:
    bound = _listener(22, "0.0.0.0", uid=0, user="root")
    brief = _brief("22", bound)
    assert "on every interface (IPv4), by a root process you can't see" in brief.headline
    assert brief.next[0][:2] == ("See who", "sudo portbook 22")
    assert "sudo" not in unseen_owner(bound, TO._replace(uid=0))


@pytest.mark.parametrize(("uid", "command"), [(1000, "sudo portbook 2024"), (0, "portbook doctor")])
def test_that_an_owner_is_hidden_is_said_once(uid: int, command: str) -> None:
    bound = _listener(2024, "0.0.0.0", uid=0, user="root")
    rules = RULES._replace(root=uid == 0)
    judged = changed(bound, findings=judge_listener(bound, rules, CATALOG))
    brief = compose_brief(_answer("2024", judged), TO._replace(uid=uid))
    shown = render_brief(brief, Style())
    assert shown.count("you can't see") == 1
    assert command in shown
    assert brief.verdict is not None
    assert brief.verdict.sentence == "you can't see which program this is"


def test_what_could_not_be_seen_is_never_free() -> None:
    unseen = (Gap(GapCode.MONITOR_REFUSED, detail="EPERM"),)
    found = _answer("305", visibility=Visibility.PARTIAL, missing=unseen)
    headline = compose_brief(found, TO).headline
    assert "free" not in headline
    assert "nothing we can see" in headline


def test_why_rules_could_not_be_read_is_said() -> None:
    """The line about reach has no room for it; that root sees more, it says itself."""
    for gap, words in (
        (Gap(GapCode.FIREWALL_NO_TOOL, "nft"), "rules are in force, but nft is not installed"),
        (Gap(GapCode.FIREWALL_CHANGING), "rules changed while they were read"),
        (Gap(GapCode.FIREWALL_UNREADABLE, "ip", detail="no JSON"), "could not be read: no JSON"),
        (Gap(GapCode.FIREWALL_HIDDEN), None),
    ):
        found = _answer("305", missing=(gap,))
        unseen = compose_brief(found, TO).unseen
        assert not unseen if words is None else unseen[0].endswith(words)


def test_a_hidden_owner_elsewhere_leaves_a_port_free() -> None:
    unseen = (Gap(GapCode.OWNERS_HIDDEN, number=1, total=1),)
    found = _answer("305", visibility=Visibility.PARTIAL, missing=unseen)
    assert compose_brief(found, TO).headline.endswith("and free on this machine")


def test_bound_without_listening_is_told() -> None:
    brief = _brief("9100", _listener(9100, "0.0.0.0", NODE, state="bound"))
    assert "is bound on every interface (IPv4), but nothing listens" in brief.headline
    assert brief.reach is None
    assert brief.next[0].command == "portbook why 9100"


@for_each(
    "owner, name",
    [
        (NODE, "node server.js"),
        (NODE._replace(program="MainThread"), "node server.js"),
        (Process(7, "nginx", ("nginx: master process nginx",)), "nginx"),
        (Process(7, "next-server", ("next-server (v15.1)",)), "next-server"),
        (Process(7, "sshd", ("/usr/sbin/sshd", "-D")), "sshd"),
        (Process(7, None), "process 7"),
        (Process(0, None, container_name="shop-db"), "container shop-db"),
        (Process(7, "java", ("java", "a." * 60 + "Main")), "java " + ("a." * 60)[:42] + "…"),
    ],
)
def test_owners_are_named_by_what_they_run(owner: Process, name: str) -> None:
    assert owner_name(owner) == name


def test_an_owner_is_told_by_its_service_or_container_before_its_directory() -> None:
    service = NODE._replace(unit="shop.service", uid=33, user="www-data")
    assert owner_phrase(service, TO) == (
        "node server.js (pid 17580, www-data, up 2 h, shop.service)"
    )
    inside = NODE._replace(container="docker:0123456789ab", container_name="shop")
    assert "container shop" in owner_phrase(inside, TO)
    assert "/home" not in owner_phrase(inside, TO)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/ada", "~"),
        ("/home/adam/x", "/home/adam/x"),
        ("/home/ada/shop (deleted)", "~/shop (deleted)"),
        ("/", None),
        ("/" + "x" * 100, "…/" + "x" * 32),
    ],
)
def test_directories_are_short(path: str, shown: str | None) -> None:
    assert short_folder(path, "/home/ada") == shown


def test_ages_are_as_one_says_them() -> None:
    spans = {0.2: "0 s", 89: "89 s", 90: "1 min", 5399: "89 min", 5400: "1 h", 172_800: "2 d"}
    assert {seconds: age(seconds) for seconds in spans} == spans


@given(any_port, st.lists(listeners(), max_size=5), st.sampled_from([20, 40, 80, 100]))
def test_any_answer_is_short_and_nothing_is_raw(
    port: int, bound: list[Listener], width: int
) -> None:
    placed = [changed(each, port=port) for each in bound]
    found = _answer(str(port), *placed)
    brief = compose_brief(found._replace(free_port=3001), TO)
    text = render_brief(brief, Style(width))
    assert text
    assert all(char.isprintable() or char == "\n" for char in text)
    lines = render_brief(brief, Style(80)).splitlines()
    assert len(lines) <= 12 or columns_of(brief.headline) > 80 * 3
    assert brief.headline
    assert brief.next[-1].command.endswith("--full")


@pytest.mark.parametrize("width", [20, 24, 30, 39, 40, 43])
@pytest.mark.parametrize("query", ["305", "443", "3000", "50000", "0", "853/tcp"])
def test_nothing_is_wider_than_the_terminal(query: str, width: int) -> None:
    brief = _brief(query)
    wide = [
        line
        for line in render_brief(brief, Style(width)).splitlines()
        # A command stands whole, and so does a word.
        if columns_of(line) > width and line not in [each.command for each in brief.next]
    ]
    assert [line for line in wide if " " in line.strip()] == []
    if width < 40:
        said = " ".join(render_brief(brief, Style(width)).split())
        rows = list(brief.rows)
        assert rows
        for label, row in rows:
            assert f"{label} {row}" in said


@given(processes(), nasty)
def test_any_process_has_a_name(owner: Process, home: str) -> None:
    assert owner_name(owner)
    assert owner_phrase(owner, Viewer(1000, home, 1e9))


@given(st.lists(st.text(min_size=1, max_size=20), max_size=30), st.integers(5, 80))
def test_names_fit_or_the_first_stands_alone(names: list[str], columns: int) -> None:
    line = fitted(names, columns)
    assert (line == "") == (not names)
    assert len(line) <= columns or line.startswith(names[0])


@given(st.lists(st.text("ab", max_size=9), min_size=1, max_size=30), st.integers(0, 60))
def test_as_many_names_are_shown_as_have_room(names: list[str], columns: int) -> None:
    lines = [f"{', '.join(names[:many])} and {len(names) - many} more" for many in range(1, 30)]
    lines = [*lines[: len(names) - 1], listed(names)]
    fitting = [line for line in lines if len(line) <= columns]
    assert fitted(names, columns) == (fitting[-1] if fitting else lines[0])


@given(nasty, st.integers(2, 80))
def test_clipped_text_fits(text: str, columns: int) -> None:
    assert columns_of(clipped(text, columns)) <= columns


@given(any_port, st.sampled_from(["", "/tcp", "/udp", "/sctp"]))
def test_the_short_answer_needs_no_more_than_it_is_given(port: int, transport: str) -> None:
    query = parse_query(f"{port}{transport}")
    briefs = [
        compose_brief(answer_port(query, CATALOG, short=short)._replace(host=host), TO)
        for short in (True, False)
        for host in (None, Host((), Visibility.FULL, (), RULES))
    ]
    assert briefs[:2] == briefs[2:]


@pytest.mark.parametrize(
    ("port", "note"),
    [
        ("44323", "udp: \"'pcp' assignment withdrawn, moved to port 5351 per RFC6887\""),
        ("585", '"Use of 585 is not recommended, use 993 instead"'),
    ],
)
def test_a_note_of_the_registry_on_a_row_without_a_service_stands_whole(
    port: str, note: str
) -> None:
    assert note in " ".join(render_brief(_brief(port), Style()).split())


@pytest.mark.parametrize(
    ("text", "first"),
    [("8081", "Metro (React Native)"), ("783", "spamd, "), ("60179", "FidoNet")],
)
def test_what_a_list_of_ports_alone_names_stands_last_and_is_never_denied(
    text: str, first: str
) -> None:
    found = answer(parse_query(text), CATALOG)
    assert isinstance(found, PortAnswer)
    assert (met(found) or "").startswith(first)
    assert not untold_uses(found)


def test_a_report_on_another_transport_of_the_number_is_told() -> None:
    for text, line in (
        ("27444", "trinoo (February 2000)"),
        ("27444/udp", "trinoo (February 2000)"),
        ("27444/tcp", "trinoo (udp, February 2000)"),
    ):
        found = answer(parse_query(text), CATALOG)
        assert isinstance(found, PortAnswer)
        assert abuse_line(found, 80) == line
    other = answer(parse_query("20034/udp"), CATALOG)
    assert isinstance(other, PortAnswer)
    assert "NetBus" in (abuse_line(other, 80) or "")
    assert "NetBus" not in (met(other) or "")


@given(
    st.lists(
        st.sampled_from(["node", "(pid 7,", "root,", "up 2 h)", "(IPv4):", "~/shop)", "x" * 9])
    ),
    st.integers(12, 60),
)
def test_what_is_too_long_is_cut_between_words_with_no_bracket_left_open(
    words: list[str], columns: int
) -> None:
    text = " ".join(words)
    short = shortened(text, columns)
    assert columns_of(short) <= columns
    assert short == text or text.startswith(short.rstrip("…")) or "(pid " in text
    # What stands before the bracket is kept alone where it is half of what there is room for.
    before = 2 * len(text[: max(text.find("("), 0)].rstrip(" ,;:")) >= columns
    if short.endswith("…") and before and text.count("(") == text.count(")"):
        assert short.count("(") <= short.count(")")


@pytest.mark.parametrize(("port", "clash"), [(62155, "no clash"), (50023, "may clash")])
def test_a_dynamic_port_says_whether_this_machine_hands_it_out(port: int, clash: str) -> None:
    brief = compose_brief(_answer(str(port), rules=RULES), TO)
    assert brief.headline.startswith(f"{port} is a dynamic port, and free")
    assert brief.registry == "never assigned; 49152–65535 are dynamic (ephemeral) ports"
    assert brief.binding == f"{clash}: your system hands out 32768–60999 as ephemeral ports"


@pytest.mark.parametrize(
    ("query", "begins"),
    [
        ("3000/udp", "3000/udp · "),
        ("305/udp", "305/udp is unassigned, and "),
        ("22/tcp", "22/tcp · SSH"),
        ("31337", "31337 · eldim (a secure file upload proxy); reported: Back Orifice; free "),
    ],
)
def test_a_port_of_one_transport_is_named_with_it(query: str, begins: str) -> None:
    assert _brief(query).headline.startswith(begins)
    assert _brief(query).headline.endswith("free on this machine")


def test_an_error_about_a_port_that_is_only_bound_offers_what_frees_it() -> None:
    bound = changed(_listener(9100, "127.0.0.1", NODE), state=SocketState.BOUND)
    found = _answer("bind 0.0.0.0:9100: address already in use", bound)
    failed = weigh(found.query, found.host)
    brief = compose_brief(found._replace(failed=failed), TO)
    assert brief.headline.startswith("9100 is bound on 127.0.0.1, but nothing listens: node ")
    assert brief.next[0].command == "kill 17580"


def test_an_error_about_a_port_of_a_hidden_owner_says_where_it_is() -> None:
    found = _answer("bind :::9100: address already in use", _listener(9100, "::", uid=0))
    failed = weigh(found.query, found.host)
    brief = compose_brief(found._replace(failed=failed), TO)
    assert brief.headline == (
        "9100 is in use on every interface ([::]), by a root process you can't see (try sudo)."
    )
