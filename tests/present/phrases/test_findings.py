"""What is said of each finding, and of what it rests on."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from portbook.model import Evidence, EvidenceCode, Facts, Finding, Level, Subject, SubjectKind
from portbook.present.phrases.evidence import evidence_lines
from portbook.present.phrases.findings import TEMPLATES, finding_message
from portbook.present.phrases.note_words import FITS
from portbook.verdict.expectation_match import FitCode
from portbook.verdict.rules import RULES
from tests.cases import for_each
from tests.strategies import facts, nasty

SOCKET = Subject(SubjectKind.SOCKET, "tcp [::1]:3000")
SAID: dict[tuple[str, Facts], str] = {
    (
        "expected",
        (("programs", ("web",)), ("services", ("http", "www"))),
    ): "web implements http or www, the registered service.",
    (
        "expected",
        (
            ("programs", ("web",)),
            ("as_noted", True),
            ("note_file", "p.toml"),
            ("note_whose", "project"),
            ("note_label", "shop"),
        ),
    ): 'web is what the project\'s notes expect ("shop", p.toml).',
    (
        "risky-exposed",
        (
            ("risk", "Redis"),
            ("risk_known", True),
            ("risk_advice", "Keep it in."),
            ("risk_why", "It asks nobody."),
        ),
    ): "Redis is exposed. Keep it in. It asks nobody.",
    (
        "risky-exposed",
        (("risk", "Redis"), ("risk_advice", "Keep it in."), ("risk_why", "It asks nobody.")),
    ): "If this is Redis, it is exposed. Keep it in. It asks nobody.",
    (
        "dangerous-port",
        (("relays", ("nc",)), ("reports", ("A worm",)), ("periods", ("2001",))),
    ): "nc can hand a shell to anyone who connects, from other machines too. Check who started it. "
    "The port is known for A worm (2001).",
    (
        "dangerous-port",
        (("reports", ("A worm",)), ("periods", ("2001",))),
    ): "You can't see which program this is. The port is known for A worm (2001). Check "
    "what it is.",
    (
        "unexpected-program",
        (
            ("note_file", "p.toml"),
            ("note_whose", "project"),
            ("note_executables", ("/srv/shop",)),
            ("fit", "executable-other"),
            ("fit_owner", "x"),
            ("fit_path", "/x"),
        ),
    ): "The project's notes expect /srv/shop, but x runs /x. Find out who started "
    "it, or change p.toml.",
    (
        "noted",
        (("note_file", "p.toml"), ("note_whose", "project"), ("note_label", "shop")),
    ): 'The project\'s notes cover this port as "shop" (p.toml), but name no program.',
    (
        "noted",
        (("note_file", "p.toml"), ("note_whose", "project"), ("note_executables", ("/srv/shop",))),
    ): "The project's notes cover this port (p.toml), and expect /srv/shop. Not "
    "confirmed: its owner isn't visible.",
    (
        "noted",
        (("note_file", "p.toml"), ("note_users", ("me",))),
    ): "Your notes cover this port (p.toml), but name no program.",
    (
        "speaks-otherwise",
        (
            ("programs", ("web",)),
            ("spoken_state", "identified"),
            ("spoken_protocol", "ssh"),
            ("spoken_tls", True),
            ("spoken_detail", "SSH-2.0-x"),
            ("awaited", ("http",)),
        ),
    ): "web speaks ssh in TLS (SSH-2.0-x), but this port is for http. Check what it is.",
    (
        "registered-port",
        (("text", "Ruby"),),
    ): "3000/tcp is registered for Ruby. Which program answers is unknown: run "
    "portbook on that host.",
    (
        "fits-by-name",
        (("programs", ("web",)), ("services", ("http",))),
    ): "A program named web fits http, the registered service. Only its name could "
    "be seen, and any program can have that name.",
    ("loopback-only", ()): "Bound to ::1: only this machine can reach it.",
    (
        "loopback-only",
        (("address", "127.0.0.1"), ("interface", "lo")),
    ): "Bound to 127.0.0.1 on the interface lo: only this machine can reach it.",
    ("exposed", ()): "Bound to ::1; the firewall wasn't checked. If only this "
    "machine needs it, bind it to 127.0.0.1 or [::1].",
    (
        "shadowed",
        (
            ("reached_addresses", ("localhost", "127.0.0.1", "::1")),
            ("reached_programs", ("node (7)", "web (8)", "node (7)")),
        ),
    ): "Two programs have this port: localhost, ::1 → node (7); 127.0.0.1 → web (8). Stop one, or "
    "name the address.",
    (
        "known-use",
        (("uses", ("a", "b", "c", "d")), ("state", "reserved")),
    ): "Commonly on 3000/tcp: a, b, c and 1 more, though IANA reserves it.",
    (
        "service-elsewhere",
        (
            ("programs", ("web",)),
            ("speaks", ("http", "https")),
            ("own_ports", ("80/tcp", "443/tcp")),
        ),
    ): "web speaks http and https, usually on 80/tcp, 443/tcp, and is on 3000. If "
    "that isn't intended, check its configuration.",
    (
        "foreign-service",
        (("programs", ("web",)), ("services", ("hbci",))),
    ): "3000/tcp is registered for hbci, which web isn't known to speak. Move it "
    "if anything here expects hbci.",
    (
        "unregistered-port",
        (("containers", ("db",)), ("pids", (0, 7))),
    ): "No service is registered for 3000/tcp. Check who started the container db, "
    "a process, process 7, and why on this port.",
    (
        "unregistered-port",
        (("programs", ("web",)), ("practice", ("Rails",))),
    ): "No service is registered for 3000/tcp. Check who started web, and why on "
    "this port. Commonly on 3000/tcp: Rails.",
    (
        "reserved-port",
        (("programs", ("web",)), ("text", "Reserved")),
    ): "IANA reserves 3000/tcp. Find out who started web.",
    (
        "reserved-port",
        (
            ("as_noted", True),
            ("note_file", "p.toml"),
            ("note_whose", "project"),
            ("note_label", "shop"),
        ),
    ): "IANA reserves 3000/tcp. The project's notes expect this: another port would be safer.",
    (
        "dynamic-port",
        (("dynamic_first", 32768), ("dynamic_last", 60999)),
    ): "3000 is an ephemeral port on this machine (32768–60999): another program "
    "may get it after a restart.",
    (
        "privileged-bind",
        (("unprivileged_first", 1024),),
    ): "Binding 3000 needs root or CAP_NET_BIND_SERVICE, as ports below 1024 do on this machine.",
    (
        "browser-blocked",
        (),
    ): "Browsers refuse to open port 3000.",
    (
        "abuse-on-record",
        (
            ("programs", ("web",)),
            ("reports", ("A worm", "A bot")),
            ("periods", ("2001", "2003/2004")),
        ),
    ): "Reported on this port: A worm (2001), A bot (2003 to 2004). That "
    "doesn't mean web is malicious; check that you started it.",
    (
        "deleted-executable",
        (("deleted_programs", ("web",)), ("deleted_files", ("/w",)), ("upgraded", True)),
    ): "web runs a deleted file, /w, which an upgrade of its package replaced. Restart "
    "it to run the new version.",
    (
        "unpackaged-executable",
        (("unpackaged_files", ("/w",)),),
    ): "No package owns /w. Check where it came from.",
    (
        "exposed",
        (("address", "0.0.0.0"), ("reach_scope", "anywhere"), ("firewall", False)),
    ): "Bound to every interface (0.0.0.0); no firewall rules are in force. If only this "
    "machine needs it, bind it to 127.0.0.1 or [::1].",
    (
        "exposed",
        (
            ("address", "0.0.0.0"),
            ("reach_scope", "networks"),
            ("reach_networks", ("10.0.0.0/24",)),
            ("reach_rules", ("tcp dport 80 accept",)),
            ("firewall", True),
        ),
    ): "Bound to every interface (0.0.0.0); it can be reached from 10.0.0.0/24 (tcp dport 80 "
    "accept). If only this machine needs it, bind it to 127.0.0.1 or [::1].",
    (
        "exposed",
        (("address", "0.0.0.0"), ("reach_scope", "unknown")),
    ): "Bound to every interface (0.0.0.0); the firewall's rules couldn't be read. If "
    "only this machine needs it, bind it to 127.0.0.1 or [::1].",
    (
        "firewalled",
        (("address", "0.0.0.0"), ("reach_rules", ("tcp dport 80 drop",)), ("firewall", True)),
    ): "Bound to 0.0.0.0; the firewall lets nothing in from other machines (tcp dport 80 drop).",
    (
        "backlog-full",
        (("programs", ("web",)), ("queue", 6)),
    ): "web has a full queue: 6 connections to be accepted. It is slow or stuck, "
    "and new clients are turned away.",
    (
        "owner-hidden",
        (("uid", 33), ("user", "www")),
    ): "You can't see which program this is. Run with sudo, or as www.",
    (
        "owner-hidden",
        (),
    ): "You can't see which program this is. Run with sudo.",
    (
        "owner-hidden",
        (("uid", 33), ("user", "www"), ("root", True)),
    ): "You can't see which program this is, not even as root.",
    (
        "unknown",
        (("kernel", True), ("state", "assigned"), ("services", ("nfs",))),
    ): "The kernel isn't a server portbook recognises.",
    (
        "unknown",
        (("state", "dynamic"),),
    ): "The program that holds it isn't a server portbook recognises.",
    (
        "fits-by-name",
        (
            ("programs", ("python3",)),
            ("services", ("http-alt",)),
            ("tools", ("http.server",)),
            ("spoken_state", "identified"),
            ("spoken_protocol", "http"),
        ),
    ): "python3 is http.server, judging by its arguments, which fits http-alt, the registered "
    "service. Arguments are no proof. It speaks http.",
    (
        "unknown",
        (("programs", ("python3",)), ("runs", ("python3 app.py",)), ("state", "assigned")),
    ): "Can't tell what python3 app.py serves. Ask it: `portbook 3000 --probe`.",
    (
        "unknown",
        (("programs", ("node",)), ("state", "assigned"), ("captured", True)),
    ): "node isn't a server portbook recognises. Ask it on that machine: `portbook 3000 --probe`.",
    (
        "unknown",
        (("message", "Can't tell what it serves. Ask it: `portbook 3000 --probe`."),),
    ): "Can't tell what it serves. Ask it on that machine: `portbook 3000 --probe`.",
    (
        "unknown",
        (
            ("programs", ("web",)),
            ("spoken_state", "identified"),
            ("spoken_protocol", "http"),
            ("spoken_tls", True),
        ),
    ): "web speaks http in TLS; portbook can't tell which server it is.",
}


@for_each("code, known", SAID)
def test_what_is_said_of_a_finding(code: str, known: Facts) -> None:
    assert finding_message(Finding(code, Level.NOTE, SOCKET, known)) == SAID[code, known]


def test_each_rule_has_its_sentence() -> None:
    assert {rule.code for rule in RULES} == set(TEMPLATES) == {code for code, _ in SAID}


@for_each("code", [code for code in FitCode if code is not FitCode.FITS])
def test_each_comparison_with_a_note_has_its_words(code: FitCode) -> None:
    known = (("fit", code), ("fit_owner", "x"), ("fit_path", "/x"), ("fit_unit", "x.service"),
             ("fit_container", "x"), ("fit_user", "x"))  # fmt: skip
    message = finding_message(Finding("unexpected-program", Level.CHECK, SOCKET, known))
    assert ", but . Find" not in message
    assert "{" not in message
    assert set(FITS) == set(FitCode) - {FitCode.FITS}


def test_a_finding_of_another_run_says_what_it_came_with() -> None:
    words = (("message", "{place} 100%s"),)
    assert finding_message(Finding("exposed", Level.NOTE, SOCKET, words)) == "{place} 100%s"
    assert finding_message(Finding("later", Level.NOTE, None, (("a", 1),))) == "later"


@given(
    st.sampled_from(sorted(TEMPLATES)),
    facts(),
    st.none() | st.builds(Subject, st.sampled_from(tuple(SubjectKind)), nasty),
)
@example("backlog-full", (("queue", ""),), None)
@example("backlog-full", (("queue", None),), None)
def test_no_fact_breaks_a_sentence(code: str, known: Facts, subject: Subject | None) -> None:
    finding = Finding(code, Level.NOTE, subject, known)
    assert finding_message(finding)
    rests_on = tuple([Evidence(each, known) for each in EvidenceCode])
    assert len(evidence_lines(finding._replace(evidence=rests_on))) == len(EvidenceCode)


READ = (("source", "https://example.org/"), ("read", "2026-11-21"))
LINES: list[tuple[EvidenceCode, Facts, str]] = [
    (EvidenceCode.SOCKET, (("state", "listen"),), "tcp [::1]:3000 listen"),
    (EvidenceCode.REGISTRY, (("state", "assigned"), ("text", "HBCI")),
     "registry: 3000/tcp assigned, HBCI"),
    (EvidenceCode.REGISTRY, (("state", "unassigned"), ("listed", False)),
     "registry: 3000/tcp unassigned, no row"),
    (EvidenceCode.REACHED, (("address", "localhost"), ("program", "node"), ("pid", 7)),
     "localhost reaches node (pid 7)"),
    (EvidenceCode.ASKED, (("state", "silent"),), "asked: silence"),
    (EvidenceCode.FIREWALL, (("text", "tcp dport 80 drop"), ("where", "inet filter input")),
     "firewall: tcp dport 80 drop in inet filter input"),
    (EvidenceCode.FIREWALL, (("state", "none"),), "firewall: no rules are in force"),
    (EvidenceCode.FIREWALL, (("state", "unread"),), "firewall: its rules could not be read"),
    (EvidenceCode.EXECUTABLE, (("pid", 7), ("path", "/x"), ("uid", 0), ("mode", 0o755),
     ("place", "temporary")), "pid 7 runs /x, owned by uid 0, mode 0755, place: temporary"),
    (EvidenceCode.EXECUTABLE_UNSEEN, (("pid", 7),), "pid 7: its executable could not be seen"),
    (EvidenceCode.EXECUTABLE_UNSEEN, (("program", "x"),), "x: its executable could not be seen"),
    (EvidenceCode.EXECUTABLE_UNSEEN, (), "the container: its executable could not be seen"),
    (EvidenceCode.NOTE, (("first", 1), ("last", 2), ("transport", "tcp"), ("label", "shop"),
     ("units", ("a.service",)), ("file", "p.toml")),
     "note: 1–2/tcp shop, expects a.service (p.toml)"),
    (EvidenceCode.PROGRAM, (("product", "nginx"), ("services", ("http", "https")), *READ),
     "program: nginx, http, https (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.TOOL, (("name", "next"), ("product", "Next.js"), ("services", ("http",)), *READ),
     "arguments: next is Next.js, http (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.BROWSERS, READ,
     "browsers: the fetch standard's bad ports (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.USE, (("product", "Rails"), ("summary", "its server"), *READ),
     "use: Rails, its server (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.REPORT, (("subject", "A worm"), ("period", "2001-07-13"), *READ),
     "report: A worm, 13 July 2001 (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.SERVICE, (("name", "Redis"), *READ),
     "service: Redis (https://example.org/, read 2026-11-21)"),
    (EvidenceCode.TEXT, (("text", "as it came"),), "as it came"),
]  # fmt: skip


@for_each("code, known, line", LINES)
def test_what_a_finding_rests_on(code: EvidenceCode, known: Facts, line: str) -> None:
    finding = Finding("unknown", Level.NOTE, SOCKET, (), (Evidence(code, known),))
    assert evidence_lines(finding) == [line]
    assert {each for each, _, _ in LINES} == set(EvidenceCode)
