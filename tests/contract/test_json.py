"""The JSON of the contract: every key it names is there, of its type, in each kind of object.

The names of the keys restate the contract by hand; their kinds are those of the tables of fields.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portbook import schema
from portbook.app.list_lookup import answer_blocks
from portbook.app.lookup import answer
from portbook.app.pick.criteria import CRITERIA, Check, Criterion, Wanted, pick
from portbook.app.port_lookup import PortAnswer
from portbook.app.search import answer_search
from portbook.app.stop.executor import OUTCOMES, Done, DoneCode, Outcome
from portbook.app.stop.model import REFUSALS, Scene
from portbook.app.stop.planner import plan
from portbook.app.stop.restarts import Restarted
from portbook.catalog.registry.stats import count
from portbook.catalog.registry.summary import shelf
from portbook.formats.errors.query import (
    Query,
    QueryKind,
    parse_query,
)
from portbook.host.linux.connections import Connection
from portbook.host.linux.process_tree import CurrentProcess
from portbook.host.process_control import Identity
from portbook.model import (
    ConnectionState,
    Family,
    Host,
    Ownership,
    OwnersSeen,
    Socket,
    SocketState,
    State,
    Transport,
    Visibility,
)
from portbook.present.phrases.stops import DONE
from portbook.present.render import port_json, sockets_json
from portbook.present.render.report_json import of_pick, of_stop
from portbook.schema.tables import Table
from tests.cases import for_each
from tests.counts import PROOF
from tests.strategies import any_port, listeners, nasty, notes, reports, transports, uses
from tests.values import CATALOG, changed, gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import Draft202012Validator

# The contract's names of keys, by hand: a key may be added, never taken away.
KEYS = {
    "assignment": (
        "service_name aliases description references assignee registered modified "
        "unauthorized_use notes service_code first last transport_stated as_of"
    ),
    "standing": "state listed text notes assignments",
    "block": "state first last size rank of",
    "side": "state service_names description",
    "change": "kind first last transports before after since until",
    "neighbour": "port service_names description",
    "use": "product kind transport first last summary source read",
    "report": "subject kind transport first last period summary source read",
    "program": "name product executables ports source read",
    "page": ("place states systems implementing ties same_service same_document swapped questions"),
    "own_note": (
        "first last transport label note executables units containers users file whose trusted"
    ),
    "finding": "code level message facts evidence socket",
    "owner": "pid program command executable started parent unit container package",
    "listener": (
        "transport family address port state interface inode uid user owners own_notes "
        "owners_seen findings level reach service_names uptime_s cwd arguments"
    ),
    "source": "id as_of what",
    "port": (
        "schema port range state transports block neighbours uses programs abuse host own_notes "
        "findings history compared page sources"
    ),
    "gap": "code subject needs message",
    "connection": (
        "transport family address port peer_address peer_port state seconds_left inode "
        "uid user owners owners_seen"
    ),
    "host": "listeners visibility missing redirects connections",
    "pick": (
        "schema for first last count good ports choices left_out left_out_ports "
        "experiments notes sources"
    ),
    "stop": (
        "schema port transport address dry_run listeners steps refused lost done free "
        "busy notes missing"
    ),
    "audit": (
        "schema engine inputs first last total states findings services unanswered undecidable "
        "portless no_data faults missing since pseudonymised sources"
    ),
    "audit_service": (
        "transport port reach state service_names uses findings flows bytes packets first last "
        "hosts"
    ),
    "explain": "schema format sockets not_understood left_out changes sources",
    "service": (
        "schema service_name ports assignments without_port programs history compared sources"
    ),
    "search": "schema text found total matches own_notes uses sources",
    "match": "score why service_name ports",
    "range": "schema first last states blocks assignments host own_notes findings sources",
    "blocks": "schema state range count ports blocks sources",
    "stats": "schema ranges registrations assignees sources",
    "map": "schema first last states runs sources",
}

# Where a table is also a row of its own, the one without the key "schema" comes first.
TABLES: dict[str, Table] = {}
for module in ("records", "findings", "sockets", "port", "answers", "reports", "captures"):
    for value in vars(import_module(f"{schema.__name__}.{module}")).values():
        if isinstance(value, Table):
            TABLES.setdefault(value.name, value)
COMPONENTS = {
    "components": {"schemas": {name: table.json_schema() for name, table in TABLES.items()}}
}


@cache
def _validator(name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**TABLES[name].json_schema(), **COMPONENTS})


def check(value: Any, name: str) -> None:
    """Fails where *value* isn't as the table called *name* has it, and says where."""
    _validator(name).validate(value)


@for_each("name", KEYS)
def test_no_key_is_taken_away(name: str) -> None:
    assert set(KEYS[name].split()) <= set(TABLES[name].json_schema()["required"])


def _through_json(value: object) -> Any:
    """*value* as a reader gets it; what is written is ASCII, and nothing but JSON."""
    text = json.dumps(value, allow_nan=False)
    assert text.isascii()
    assert "\n" not in text
    return json.loads(text)


def _of(text: str) -> Any:
    return _through_json(port_json.of(answer(parse_query(text), CATALOG)))


def _port(port: int) -> PortAnswer:
    found = answer(parse_query(str(port)), CATALOG)
    assert isinstance(found, PortAnswer)
    return found


def test_the_checker_itself() -> None:
    from jsonschema import ValidationError

    source = {"id": "iana", "as_of": None, "what": "names", "url": None}
    check(source, "source")
    wrongs: list[Any] = [{}, {**source, "id": 7}, {"id": "iana", "as_of": None, "url": None}, []]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            check(wrong, "source")


# -- a port -----------------------------------------------------------------------------------


def test_305_is_as_the_contract_has_it() -> None:
    found = _of("305")
    standing = {"state": "unassigned", "listed": True, "text": "Unassigned", "assignments": []}
    for transport in ("tcp", "udp", "sctp", "dccp"):
        assert standing.items() <= found["transports"][transport].items()
    wanted = {
        "schema": "portbook/port/1",
        "port": 305,
        "range": "system",
        "state": "unassigned",
        "block": {
            "state": "unassigned", "first": 301, "last": 307, "size": 7, "rank": 15, "of": 48,
        },
        "findings": [],
        "host": None,
        "own_notes": None,
    }  # fmt: skip
    assert {key: found[key] for key in wanted} == wanted
    before, after = found["neighbours"]["before"], found["neighbours"]["after"]
    assert [near["port"] for near in before] == [300, 287, 286]
    assert (before[0]["service_names"], len(after)) == (["tacacss"], 3)
    assert after[0] == {
        "port": 308, "service_names": ["novastorbakcup"], "description": "Novastor Backup",
    }  # fmt: skip
    iana = next(source for source in found["sources"] if source["id"] == "iana")
    assert iana["as_of"] == "2026-09-12"
    assert "names" in iana["what"]
    assert "source package" in iana["what"]


@given(any_port)
def test_every_key_of_a_port_is_there(port: int) -> None:
    found = _of(str(port))
    check(found, "port")
    assert list(found["transports"]) == ["tcp", "udp", "sctp", "dccp"]
    for standing in found["transports"].values():
        check(standing, "standing")
        assert bool(standing["assignments"]) == (standing["state"] == "assigned")
        assert (standing["text"] is None) == (not standing["listed"]) or standing["assignments"]
    assert found["block"]["first"] <= port <= found["block"]["last"]
    for side in ("before", "after"):
        near = [each["port"] for each in found["neighbours"][side]]
        assert near == sorted(near, key=lambda other: abs(other - port))
        assert len(near) <= 3


@given(any_port, transports)
def test_one_transport_holds_only_itself(port: int, transport: Transport) -> None:
    narrow, wide = _of(f"{port}/{transport}"), _of(str(port))
    assert list(narrow["transports"]) == [str(transport)]
    assert narrow["transports"][transport] == wide["transports"][transport]
    assert narrow["state"] == wide["state"]


def test_443_udp_holds_only_udp() -> None:
    assert list(_of("443/udp")["transports"]) == ["udp"]


def test_several_names_are_several_assignments() -> None:
    rows = _of("80/tcp")["transports"]["tcp"]["assignments"]
    assert [row["service_name"] for row in rows] == ["http", "www", "www-http"]
    assert all(row["transport_stated"] for row in rows)
    (row,) = _of("4200")["transports"]["tcp"]["assignments"]
    assert (row["first"], row["last"], row["transport_stated"]) == (4200, 4299, False)
    (row,) = _of("6010")["transports"]["udp"]["assignments"]
    assert (row["service_name"], row["first"], row["last"]) == ("x11", 6000, 6063)


def test_what_no_source_holds_is_null_and_not_none_or_empty() -> None:
    (row,) = _of("300/tcp")["transports"]["tcp"]["assignments"]
    assert row["assignee"] is None
    assert row["registered"] is None
    assert row["as_of"]["registration"] is None
    assert _of("300/sctp")["transports"]["sctp"]["text"] is None
    (row,) = _of("24/tcp")["transports"]["tcp"]["assignments"]
    assert row["service_name"] is None


def test_facts_of_2015_are_dated_so() -> None:
    (row,) = _of("36412")["transports"]["sctp"]["assignments"]
    assert (row["registered"], row["as_of"]["registration"]) == ("2009-09-01", "2015-07-30")
    assert "2026-09-12" in row["as_of"].values()


def test_no_mail_address_is_kept() -> None:
    rows = list(CATALOG.registry.store.all())
    assert len(rows) > 14_000
    for row in rows:
        for text in (row.assignee, row.notes, row.unauthorized_use, row.description):
            assert "@" not in (text or "") or "." not in (text or "").partition("@")[2][:30], text


# -- this machine -----------------------------------------------------------------------------


@given(st.lists(listeners(), max_size=3), st.sampled_from(tuple(Visibility)))
def test_every_key_of_a_listener_is_there(some: list[Any], visibility: Visibility) -> None:
    found = _port(305)._replace(host=Host(tuple(some), visibility, (gap("sctp"),)))
    made = _through_json(port_json.of(found))
    check(made, "port")
    check(made["host"], "host")
    assert [each["message"] for each in made["host"]["missing"]] == ["sctp"]
    for listener, shown in zip(some, made["host"]["listeners"], strict=True):
        assert len(shown["owners"]) == len(listener.ownership.owners)
        assert (shown["port"], shown["transport"]) == (
            listener.socket.port,
            listener.socket.transport,
        )


def test_every_key_of_a_connection_is_there() -> None:
    some = (
        Connection(
            Transport.TCP,
            Family.IPV4,
            "192.0.2.7",
            305,
            "198.51.100.1",
            443,
            ConnectionState.ESTABLISHED,
        ),
        Connection(
            Transport.TCP,
            Family.IPV4,
            "192.0.2.7",
            305,
            "198.51.100.1",
            80,
            ConnectionState.TIME_WAIT,
            12.34,
        ),
    )
    host = Host((), Visibility.FULL)
    found = _port(305)._replace(host=host, connections=some)
    shown = _through_json(port_json.of(found))["host"]["connections"]
    for each in shown:
        check(each, "connection")
    assert [each["seconds_left"] for each in shown] == [None, 12.3]
    # What wasn't looked for is not an empty list.
    assert (
        _through_json(port_json.of(_port(305)._replace(host=host)))["host"]["connections"] is None
    )


@given(st.lists(notes(), max_size=3), listeners())
def test_every_key_of_an_own_note_is_there(some: list[Any], listener: Any) -> None:
    own = tuple(some)
    found = _port(305)._replace(host=Host((), Visibility.FULL, notes=own))
    made = _through_json(port_json.of(found))["own_notes"]
    for each in made:
        check(each, "own_note")
    assert [each["first"] for each in made] == [note.first for note in own]
    held = _through_json(sockets_json.of_listener(changed(listener, note=own[0] if own else None)))
    assert held["own_notes"] == made[:1]


def test_a_stray_byte_in_a_name_survives_as_an_escape() -> None:
    from portbook.model import Listener, Process

    process = Process(7, "ssh\udcff\ud800", ("x\udce9",), "/tmp/\udcff")
    listener = Listener(
        Socket(Transport.TCP, Family.IPV4, "0.0.0.0", 305, SocketState.LISTEN),
        Ownership((process,)),
    )
    (owner,) = _through_json(sockets_json.of_listener(listener))["owners"]
    assert owner["program"] == "ssh\\udcff\\ud800"
    assert owner["command"] == ["x\\xe9"]
    assert owner["executable"] == "/tmp/\\xff"


def test_owners_seen_and_visibility_are_the_contracts_words() -> None:
    words = {"all", "first", "inferred", "hidden", "kernel", "none", "unasked"}
    assert set(map(str, OwnersSeen)) == words
    assert set(map(str, Visibility)) == {"full", "partial"}


@given(st.lists(uses(), max_size=3))
def test_every_key_of_a_use_is_there(some: list[Any]) -> None:
    found = _port(305)._replace(uses=tuple(some))
    made = _through_json(port_json.of(found))
    check(made, "port")
    assert len(made["uses"]) == len(some)


@given(st.lists(reports(), max_size=3))
def test_every_key_of_a_report_is_there(some: list[Any]) -> None:
    found = _port(305)._replace(abuse=tuple(some))
    made = _through_json(port_json.of(found))
    check(made, "port")
    assert len(made["abuse"]) == len(some)


# -- a capture --------------------------------------------------------------------------------


def test_a_capture() -> None:
    from portbook.app.explain import explain
    from portbook.app.socket_filter import Filter
    from portbook.formats.fields import LEFT_OUT

    new = b"LISTEN 0 5 0.0.0.0:22 0.0.0.0:*\nESTAB 0 0 192.0.2.5:22 192.0.2.6:9\nwhat\n"
    old = b"LISTEN 0 5 0.0.0.0:23 0.0.0.0:*\n"
    for told in (explain([new], Filter(), CATALOG), explain([new], Filter(), CATALOG, old=[old])):
        found = _through_json(sockets_json.of_explain(told))
        check(found, "explain")
        assert found["format"] == "ss"
        assert found["left_out"] == {"connection": 1}
        assert set(found["left_out"]) <= set(LEFT_OUT)
    assert set(found["changes"]) >= {"opened", "closed", "changed", "same", "untold"}


# -- the other kinds --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ssh", "http", "x11", "vrml-multi-use", "xrpl"])
def test_a_service(name: str) -> None:
    found = _of(name)
    check(found, "service")
    assert found["service_name"] == name
    assert found["ports"] == sorted({row["first"] for row in found["assignments"]})
    assert all(row["first"] is None for row in found["without_port"])
    assert bool(found["history"]) is (name == "xrpl")


@pytest.mark.parametrize("text", ["postgress", "qqqqzzzz", "novastor backup", "mail"])
def test_a_search(text: str) -> None:
    found = _through_json(port_json.of(answer_search(Query(QueryKind.TEXT, text), CATALOG, 3)))
    check(found, "search")
    assert found["text"] == text
    assert len(found["matches"]) == min(3, found["total"])


@pytest.mark.parametrize(("text", "ports"), [("airplay", {5000, 7000}), ("home assistant", {8123})])
def test_a_search_finds_products_with_their_source(text: str, ports: set[int]) -> None:
    found = _through_json(port_json.of(answer_search(Query(QueryKind.TEXT, text), CATALOG, 20)))
    assert found["found"]
    assert ports <= {use["first"] for use in found["uses"]}
    assert all(use["source"].startswith("https://") for use in found["uses"])
    assert found["total_uses"] >= len(found["uses"])
    assert "lore-uses" in {source["id"] for source in found["sources"]}


@given(any_port, any_port, st.sampled_from((*Transport, None)))
def test_a_range(first: int, last: int, transport: Transport | None) -> None:
    first, last = sorted((first, last))
    last = min(last, first + (3000 if PROOF else 300))
    found = _of(f"{first}-{last}" + (f"/{transport}" if transport else ""))
    check(found, "range")
    assert (found["first"], found["last"]) == (first, last)
    assert found["host"] is found["own_notes"] is None
    assert sum(found["states"].values()) == last - first + 1
    # The blocks are whole: the first and the last may reach beyond the range.
    blocks = found["blocks"]
    assert blocks[0]["first"] <= first
    assert blocks[-1]["last"] >= last
    assert all(a["last"] + 1 == b["first"] for a, b in pairwise(blocks))
    assert all(block["last"] >= first and block["first"] <= last for block in blocks)


@given(any_port, transports)
def test_a_range_lists_what_is_assigned_for_the_transport_asked(
    first: int, transport: Transport
) -> None:
    last = min(65535, first + 300)
    found = _of(f"{first}-{last}/{transport}")
    book = CATALOG.registry
    wanted = {
        (row.first, row.service_name, row.description)
        for port in range(first, last + 1)
        for row in book.lookup(port, transport)
    }
    assert {
        (row["first"], row["service_name"], row["description"]) for row in found["assignments"]
    } == wanted


@pytest.mark.parametrize("transport", ["sctp", "dccp"])
def test_a_row_without_a_transport_holds_for_tcp_and_udp_alone(transport: str) -> None:
    found = _of(f"27000-27009/{transport}")
    assert found["assignments"] == []
    assert found["states"]["assigned"] == 0
    assert _of("27000-27009/udp")["assignments"]


def test_blocks() -> None:
    blocks = answer_blocks(CATALOG, State.UNASSIGNED, "system")
    found = _through_json(port_json.of_blocks(blocks))
    check(found, "blocks")
    assert (found["state"], found["range"]) == ("unassigned", "system")
    assert (found["count"], found["ports"]) == (48, 282)


def test_stats() -> None:
    book = CATALOG.registry
    found = _through_json(port_json.of_stats(count(book), book.sources()))
    check(found, "stats")
    system = found["ranges"]["system"]
    assert system["headline"] == {"assigned": 694, "reserved": 48, "unassigned": 282, "dynamic": 0}
    assert list(found["ranges"]) == ["system", "user", "dynamic"]
    for name in found["ranges"].values():
        for transport in (*Transport, "headline"):
            assert sum(name[transport].values()) == name["size"]


@pytest.mark.parametrize(("first", "last"), [(0, 65535), (301, 307), (0, 1023), (48000, 50000)])
def test_a_map(first: int, last: int) -> None:
    book = CATALOG.registry
    found = _through_json(port_json.of_map(shelf(book), first, last, book.sources()))
    check(found, "map")
    runs = found["runs"]
    assert (runs[0]["first"], runs[-1]["last"]) == (first, last)
    for run, after in pairwise(runs):
        assert (after["first"], after["state"] != run["state"]) == (run["last"] + 1, True)
    sizes = dict.fromkeys(found["states"], 0)
    for run in runs:
        sizes[run["state"]] += run["last"] - run["first"] + 1
    assert sizes == found["states"]
    assert runs[0]["state"] == book.state(first)


# -- a pick -----------------------------------------------------------------------------------


@given(st.none() | nasty.filter(str.strip), st.integers(1, 3), st.booleans())
def test_every_key_of_a_pick_is_there(name: str | None, many: int, free: bool) -> None:
    class Machine:
        def checks(self, port: int) -> Iterator[Check]:
            facts = (("why", "fails"), ("transport", "tcp"), ("error", "\x1b\udcff"))
            yield Check(Criterion.FREE_HERE, free, facts)

    wanted = Wanted(8000, 8200, many, name)
    found = _through_json(of_pick(pick(wanted, Machine(), CATALOG, 0)))
    check(found, "pick")
    codes = {each["code"] for choice in found["choices"] for each in choice["checks"]}
    assert codes <= set(CRITERIA)
    assert found["ports"] == [choice["port"] for choice in found["choices"]]
    assert found["good"] is free


# -- a stop -----------------------------------------------------------------------------------


@given(st.lists(listeners(), max_size=3), st.sampled_from(tuple(DONE)), nasty, st.booleans())
def test_every_key_of_a_stop_is_there(seen: Any, key: str, said: str, dry: bool) -> None:
    pids = {owner.pid for each in seen for owner in each.ownership.owners}
    scene = Scene(
        80, None, None, tuple(seen), CurrentProcess((1,), None, None, ()),
        {pid: Identity(pid, 1.5, None) for pid in pids}, missing=(gap(said),),
    )  # fmt: skip
    code, _, why = key.partition(" ")
    facts = (("why", why),) if why else ()
    more = (("target", 7), ("seconds", 0.5), ("error", said), ("status", 4), ("output", said))
    done = (Done(DoneCode(code), 7, ("systemctl", said), (*facts, *more)),)
    restarted = tuple([Restarted(each, ((8, said),)) for each in seen])
    outcome = None if dry else Outcome(done, (), restarted)
    found = _through_json(of_stop(plan(scene), outcome))
    check(found, "stop")
    assert {each["code"] for each in found["refused"]} <= set(REFUSALS)
    assert {each["code"] for each in found["done"]} <= set(OUTCOMES)
    assert found["dry_run"] is dry
    assert (found["free"] is None) is dry
