"""Notes of one's own in the verdict: what they make expected, what not, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook.model import (
    Assessment,
    ExecutablePlace,
    Family,
    Level,
    Listener,
    Note,
    Ownership,
    OwnersSeen,
    PortRules,
    Process,
    Program,
    Report,
    ReportKind,
    Socket,
    SocketState,
    Source,
    Threat,
    Transport,
    Use,
    UseKind,
    Whose,
)
from portbook.present.phrases.evidence import expected, gist, ports
from portbook.verdict.engine import find_facts, judge
from portbook.verdict.expectation_match import compare
from portbook.verdict.facts import Case
from tests.cases import for_each
from tests.strategies import listeners, nasty, notes, port_rules, standings
from tests.values import CATALOG, Told, changed, told

TCP = Transport.TCP
FILE = "/srv/shop/portbook.toml"
ME = 1000
TRUSTED = frozenset({0, ME})
LINUX = PortRules("linux", 1024, (32768, 60999))
API = Process(
    7, "api", executable="/srv/shop/api", executable_uid=ME, executable_mode=0o755, uid=ME,
    user="me", unit="shop.service", cgroup_uid=0, executable_deleted=False,
)  # fmt: skip
SSHD = Program(
    "openssh", "OpenSSH", ("/usr/sbin/sshd",), ("ssh",), ((22, TCP),), "https://www.openssh.com/",
    "2026-09-12",
)  # fmt: skip


def note(**changes: Any) -> Note:
    return Note(8306, 8306, None, FILE, "shop API")._replace(**changes)


BY_PATH = note(executables=("/srv/shop/api",))


def judged(
    own: Note | None,
    *owners: Process,
    port: int = 8306,
    address: str = "0.0.0.0",
    kept: bool | None = True,
    known: tuple[Program, ...] = (),
    seen: OwnersSeen = OwnersSeen.ALL,
    **more: Any,
) -> dict[str, Told]:
    listener = Listener(
        Socket(TCP, Family.IPV4, address, port, SocketState.LISTEN),
        Ownership(owners, seen),
        Assessment(note=own),
    )
    case = Case(
        listener,
        CATALOG.registry.standing(port, TCP),
        tuple(known for _ in owners),
        rules=LINUX,
        kept=tuple(kept for _ in owners),
        trusted=TRUSTED,
    )._replace(**more)
    return told(judge(case))


# -- expected ---------------------------------------------------------------------------------


def test_a_teams_own_service_is_expected() -> None:
    assert judged(None, API)["unregistered-port"].level is Level.CHECK
    found = judged(BY_PATH, API)
    assert list(found) == ["exposed", "expected"]
    assert found["expected"].level is Level.OK
    assert "api is what your notes expect" in found["expected"].message
    assert FILE in found["expected"].message
    assert any(
        "note: 8306 shop API, expects /srv/shop/api" in e for e in found["expected"].evidence
    )


def test_every_owner_has_to_be_the_one() -> None:
    other = API._replace(pid=8, program="x", executable="/usr/bin/x")
    assert "unexpected-program" in judged(BY_PATH, API, other)
    assert "expected" not in judged(BY_PATH, API, other)
    assert "expected" in judged(BY_PATH, API, API._replace(pid=8))


@for_each(
    "owner, kept, why",
    [
        (API._replace(executable="/usr/bin/x"), True, "api runs /usr/bin/x"),
        (API, False, "api runs /srv/shop/api, which other users could have replaced"),
        (API._replace(place=ExecutablePlace.MOUNTED), True, "other users could have replaced"),
        (API._replace(place=ExecutablePlace.MEMORY), True, "other users could have replaced"),
        (
            API._replace(place=ExecutablePlace.TEMPORARY, uid=1001),
            True,
            "other users could have replaced",
        ),
        (API._replace(program=None, executable="/x"), True, "process 7 runs /x"),
    ],
)
def test_another_program_is_something_to_check(owner: Process, kept: bool | None, why: str) -> None:
    found = judged(BY_PATH, owner, kept=kept)
    assert found["unexpected-program"].level is Level.CHECK
    assert why in found["unexpected-program"].message
    assert FILE in found["unexpected-program"].message
    assert "expected" not in found
    # What the registry has to say of the port still holds.
    assert found["unregistered-port"].level is Level.CHECK


@pytest.mark.parametrize(
    ("owner", "kept", "why"),
    [
        (API, None, "other users may have replaced /srv/shop/api"),
        (API._replace(executable=None), None, "the file that api runs isn't visible"),
        (API._replace(executable_deleted=True), True, "has been deleted"),
    ],
)
def test_what_cant_be_told_is_neither(owner: Process, kept: bool | None, why: str) -> None:
    found = judged(BY_PATH, owner, kept=kept)
    assert found["noted"].level is Level.NOTE
    assert why in found["noted"].message
    assert not set(found) & {"expected", "unexpected-program"}
    assert found["unregistered-port"].level is Level.CHECK


def test_a_hidden_owner_is_neither() -> None:
    found = judged(BY_PATH, seen=OwnersSeen.HIDDEN)
    assert "its owner isn't visible" in found["noted"].message
    assert "owner-hidden" in found
    assert found["unregistered-port"].level is Level.CHECK


def test_what_else_is_wrong_stays_judged() -> None:
    deleted = API._replace(executable_deleted=True, place=ExecutablePlace.TEMPORARY)
    assert judged(BY_PATH, deleted)["deleted-executable"].level is Level.ALERT
    full = Listener(
        Socket(TCP, Family.IPV4, "0.0.0.0", 8306, SocketState.LISTEN, queue=9, queue_limit=5),
        Ownership((API,)),
        Assessment(note=BY_PATH),
    )
    found = judged(BY_PATH, API, listener=full)
    assert {"expected", "exposed", "backlog-full"} <= set(found)
    worm = Report(
        "A worm",
        ReportKind.ADVISORY,
        Threat.BACKDOOR,
        TCP,
        8306,
        8306,
        "2001",
        "Said.",
        "https://example.org/",
        "2026-11-21",
    )
    assert judged(None, API, abuse=(worm,))["abuse-on-record"].level is Level.CHECK
    assert judged(BY_PATH, API, abuse=(worm,))["abuse-on-record"].level is Level.NOTE
    unpackaged = API._replace(packaged=False)
    assert "unpackaged-executable" in judged(BY_PATH, unpackaged)
    assert "dynamic-port" in judged(note(executables=("/srv/shop/api",)), API, port=40000)


def test_a_reserved_port_is_told_even_where_a_note_expects_its_program() -> None:
    found = judged(BY_PATH, API, port=1023)
    assert found["reserved-port"].level is Level.NOTE
    assert "Find out" not in found["reserved-port"].message
    assert judged(None, API, port=1023)["reserved-port"].level is Level.CHECK


def test_a_known_server_moved_on_purpose_is_expected() -> None:
    sshd = API._replace(
        program="sshd", executable="/usr/sbin/sshd", executable_uid=0, uid=0, user="root"
    )
    alone = judged(None, sshd, port=2222, known=(SSHD,))
    assert {"service-elsewhere", "foreign-service"} <= set(alone)
    found = judged(note(executables=("/usr/sbin/sshd",)), sshd, port=2222, known=(SSHD,))
    assert list(found) == ["exposed", "expected"]


def test_a_note_beats_the_registry_where_they_differ() -> None:
    sshd = API._replace(
        program="sshd", executable="/usr/sbin/sshd", executable_uid=0, uid=0, user="root"
    )
    assert "expected" in judged(None, sshd, port=22, known=(SSHD,))
    found = judged(note(executables=("/usr/sbin/dropbear",)), sshd, port=22, known=(SSHD,))
    assert "unexpected-program" in found
    assert "expected" not in found
    labelled = judged(note(), sshd, port=22, known=(SSHD,))
    assert "expected" in labelled
    assert "implements ssh" in labelled["expected"].message
    assert "noted" not in labelled


# -- a label alone ----------------------------------------------------------------------------


def test_a_label_asks_for_less_and_settles_nothing_else() -> None:
    found = judged(note(), API)
    assert found["noted"].level is Level.NOTE
    assert 'Your notes cover this port as "shop API"' in found["noted"].message
    assert found["unregistered-port"].level is Level.NOTE
    assert "unknown" not in judged(note(), API, port=3000)
    assert "unknown" in judged(None, API, port=3000)


# -- what is on record, with its source ---------------------------------------------------------


def test_evidence_names_the_sources() -> None:
    browsers = (Source("lore-browsers", "2026-11-21", "bad ports", "https://fetch.example/#bad"),)
    nginx = Program(
        "nginx", "nginx", ("/usr/sbin/nginx",), ("http",), ((80, TCP),), "https://nginx.org/",
        "2026-11-21",
    )  # fmt: skip
    web = API._replace(program="nginx", executable="/usr/sbin/nginx", executable_uid=0)
    found = judged(None, web, port=6667, known=(nginx,), browser_blocked=True, browsers=browsers)
    (line,) = [e for e in found["browser-blocked"].evidence if e.startswith("browsers: ")]
    assert line.endswith("(https://fetch.example/#bad, read 2026-11-21)")
    program = "program: nginx, http (https://nginx.org/, read 2026-11-21)"
    assert program in found["foreign-service"].evidence
    assert program in judged(None, web, port=80, known=(nginx,))["expected"].evidence


def test_a_script_that_nothing_is_known_of_may_be_what_the_port_is_used_for() -> None:
    where = ("2026", "https://example.org/", "2026-11-21")
    flask = Use("Flask", UseKind.DEVELOPMENT, TCP, 5000, 5000, *where[:2], where[2])
    mlflow = flask._replace(product="MLflow")
    script = API._replace(executable="/usr/bin/python3.11", command=("python3", "shop.py"))
    said = judged(None, script, port=5000, uses=(flask, mlflow))["unknown"].message
    assert ". Commonly on 5000/tcp: Flask, MLflow." in said
    assert said.endswith(" Ask it: `portbook 5000 --probe`.")
    said = judged(None, script, port=305, uses=(flask,))["unregistered-port"].message
    assert said.endswith(". Commonly on 305/tcp: Flask.")
    # The registered product is as common there as the others.
    redis = flask._replace(product="Redis", first=6379, last=6379, services=("redis",))
    ray = redis._replace(product="Ray", services=())
    said = judged(None, script, port=6379, uses=(redis, ray))["unknown"].message
    assert ". Commonly on 6379/tcp: Redis, Ray." in said
    # A program of its own is not one of these, nor is one that an interpreter's arguments name.
    for other in (API, script._replace(command=("python3", "-m", "celery"))):
        for port, code in ((5000, "unknown"), (305, "unregistered-port")):
            assert "Commonly" not in judged(None, other, port=port, uses=(flask,))[code].message
    assert "in practice" not in judged(None, API, port=305)["unregistered-port"].message
    # Where no owner could be seen, the use is a finding of its own.
    unseen = judged(None, port=305, uses=(flask,), seen=OwnersSeen.HIDDEN)
    assert "known-use" in unseen
    assert "in practice" not in unseen["unregistered-port"].message


# -- units, containers, users -----------------------------------------------------------------

IN_CONTAINER = API._replace(
    container="docker:0123456789ab", container_name="shop-db", unit="docker-0.scope"
)


@for_each(
    "own, owner, fits, why",
    [
        (note(units=("shop.service",)), API, True, ""),
        (note(units=("sh*.service",)), API, True, ""),
        (note(units=("other.service", "shop.service")), API, True, ""),
        (note(units=("other.service",)), API, False, "api runs in shop.service"),
        (note(units=("shop.service",)), API._replace(unit=None), False, "api runs in no unit"),
        (note(units=("shop.service",)), API._replace(cgroup_uid=ME), True, ""),
        (note(units=("shop.service",)), API._replace(cgroup_uid=1001), False, "neither the system"),
        (note(units=("shop.service",)), API._replace(cgroup_uid=None), False, "neither the system"),
        (
            note(units=("shop.service",)),
            API._replace(unit="shop.socket", activates="shop.service"),
            True,
            "",
        ),
        (note(containers=("shop-db",)), IN_CONTAINER, True, ""),
        (note(containers=("shop-*",)), IN_CONTAINER, True, ""),
        (note(containers=("0123456789ab",)), IN_CONTAINER, True, ""),
        (note(containers=("docker:0123456789ab",)), IN_CONTAINER, True, ""),
        (note(containers=("0123456789abcdef0123",)), IN_CONTAINER, True, ""),
        (note(containers=("0123",)), IN_CONTAINER, False, "container shop-db"),
        (note(containers=("other",)), IN_CONTAINER, False, "runs in container shop-db"),
        (note(containers=("shop-db",)), API, False, "runs in no container"),
        (
            note(containers=("shop-db",)),
            IN_CONTAINER._replace(container_name=None),
            None,
            "the name of container docker:0123456789ab is unknown",
        ),
        (note(containers=("shop-db",)), IN_CONTAINER._replace(cgroup_uid=1001), False, "neither"),
        (BY_PATH._replace(users=("me",)), API, True, ""),
        (BY_PATH._replace(users=("1000",)), API, True, ""),
        (BY_PATH._replace(users=("root",)), API, False, "api runs for me"),
        (
            BY_PATH._replace(users=("me",)),
            API._replace(uid=None, user=None),
            None,
            "the user of api",
        ),
        (BY_PATH._replace(units=("other.service",)), API, False, "runs in shop.service"),
        (BY_PATH._replace(units=("shop.service",)), API, True, ""),
    ],
)
def test_what_fits_a_note(own: Note, owner: Process, fits: bool | None, why: str) -> None:
    found = compare(own, owner, True, TRUSTED)
    assert found.fits is fits
    codes = judged(own, owner)
    wanted = {True: "expected", False: "unexpected-program", None: "noted"}[fits]
    assert set(codes) & {"expected", "unexpected-program", "noted"} == {wanted}
    assert why in codes[wanted].message
    assert dict(codes[wanted].facts).get("fit") == (None if fits else found.code)


def test_systems_without_units_cant_tell() -> None:
    own = note(units=("shop.service",))
    found = compare(own, API._replace(unit=None), None, TRUSTED, "macos")
    assert found.fits is None


def test_a_service_behind_systemds_socket_is_what_counts() -> None:
    systemd = Process(
        1, "systemd", executable="/usr/lib/systemd/systemd", uid=0, unit="shop.socket",
        activates="shop.service", activates_executable="/srv/shop/api", cgroup_uid=0,
    )  # fmt: skip
    assert "expected" in judged(BY_PATH, systemd, kept=None)


def test_what_a_note_says_in_words() -> None:
    own = BY_PATH._replace(containers=("db",), users=("a", "b"), transport=TCP, last=8310)
    assert expected(own) == "/srv/shop/api in the container db run by a or b"
    assert ports(own) == "8306–8310/tcp"
    assert gist(own).startswith("shop API, expects /srv/shop/api")
    assert (ports(note()), gist(note(label=None, text="later"))) == ("8306", "later")


# -- anything ---------------------------------------------------------------------------------


@given(listeners(), notes(), standings(), port_rules(), st.lists(st.none() | st.booleans()))
def test_any_note_can_be_judged(
    listener: Listener, own: Note, stands: Any, rules: PortRules, kept: list[bool | None]
) -> None:
    own = own._replace(trusted=True)
    case = Case(
        changed(listener, note=own),
        stands,
        rules=rules,
        kept=tuple(kept),
        trusted=TRUSTED,
    )
    facts = find_facts(case)
    assert "noted" in facts
    assert not {"as-noted", "not-as-noted"} <= facts
    assert ("labelled" in facts) is not own.expects
    codes = [finding.code for finding in judge(case)]
    assert [finding.code for finding in judge(case, said=False)] == codes
    assert not {"expected", "unexpected-program"} <= set(codes)
    if "as-noted" in facts:
        assert listener.ownership.owners
        assert not facts & {"unknown-program"}
        assert all(
            owner.executable_deleted is not True for owner in listener.ownership.owners
        ) or not (own.executables)


@given(listeners(), notes(), standings(), port_rules(), st.lists(st.none() | st.booleans()))
def test_a_note_that_nobody_trusted_changes_nothing(
    listener: Listener, own: Note, stands: Any, rules: PortRules, kept: list[bool | None]
) -> None:
    """No finding, no level, no word and no evidence."""
    own = own._replace(trusted=False, whose=Whose.PROJECT)
    without = Case(
        changed(listener, note=None),
        stands,
        rules=rules,
        kept=tuple(kept),
        trusted=TRUSTED,
    )
    noted = without._replace(listener=changed(listener, note=own))
    assert judge(noted) == judge(without)
    assert judge(noted, said=False) == judge(without, said=False)


def test_findings_say_whose_note_they_rest_on() -> None:
    theirs = BY_PATH._replace(whose=Whose.PROJECT)
    assert "what the project's notes expect" in judged(theirs, API)["expected"].message
    other = judged(theirs, API._replace(executable="/tmp/api"))["unexpected-program"]
    assert other.message.startswith("The project's notes expect /srv/shop/api for")


@given(listeners(), nasty)
def test_a_note_never_silences_an_alert(listener: Listener, path: str) -> None:
    """Whatever a note expects, a socket whose program ran from memory stays an alert."""
    owners = tuple(
        each._replace(executable="/memfd:x", executable_deleted=True, place=ExecutablePlace.MEMORY)
        for each in listener.ownership.owners
    )
    if not owners:
        return
    own = note(executables=("/memfd:x", path))
    case = Case(
        changed(listener, owners=owners, note=own),
        CATALOG.registry.standing(listener.socket.port, listener.socket.transport),
        kept=tuple(True for _ in owners),
        trusted=TRUSTED,
    )
    assert max(finding.level.rank for finding in judge(case)) == Level.ALERT.rank
