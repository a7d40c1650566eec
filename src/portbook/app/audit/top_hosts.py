"""The hosts behind the unexpected services."""

from __future__ import annotations

from itertools import islice

from portbook.app.audit.group_join import groups_of, join_groups
from portbook.app.audit.result import Share
from portbook.app.audit.row_errors import left_out
from portbook.model import Gap, GapCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import ibis.expr.types as ir

    from portbook.app.audit.group_join import Read, Sources
    from portbook.app.audit.result import AuditAnswer
    from portbook.formats.base import Fault

# The services whose hosts are looked for: the most serious, and of these the busiest.
MOST = 200


def add_hosts(
    audit: Sources,
    answer: AuditAnswer,
    count: int,
    meanwhile: Callable[[], None] | None = None,
) -> AuditAnswer:
    """*answer*, whose unexpected services have *count* hosts each; *meanwhile* as the engine does
    it.
    """
    # The most serious come first: no more are looked at than are wanted.
    unexpected = (each for each in answer.services if each.is_unexpected)
    wanted = tuple(islice(unexpected, MOST))
    shares: dict[tuple[str, int, str, str], dict[str, Share]] = {each.key: {} for each in wanted}
    faults: list[Fault] = []
    if wanted:
        keys = audit.engine.lookup(
            "portbook_wanted",
            {
                "wanted": "int32",
                "service_transport": "string",
                "service_port": "int32",
                "service_spoken": "string",
            },
            [(at, each.transport, each.port, each.spoken) for at, each in enumerate(wanted)],
        )
        for read in audit.reads:
            rows, wrong = _tried(audit, read, keys, count, meanwhile=meanwhile)
            meanwhile = None
            faults += wrong
            for at, name, octets, flows in rows:
                held, host = shares[wanted[at].key], str(name)
                _, before, total = held.get(host, Share(host, 0, None))
                if octets is not None:
                    total = (total or 0) + int(octets)
                held[host] = Share(host, before + int(flows), total)
    services = list(answer.services)
    for each in wanted:
        hosts = tuple(sorted(shares[each.key].values(), key=_weight)[:count])
        services[services.index(each)] = each._replace(hosts=hosts)
    missing = [Gap(GapCode.HOSTS_UNREAD, each.file, detail=each.reason) for each in faults]
    return answer._replace(services=tuple(services), missing=(*answer.missing, *missing))


def _tried(
    audit: Sources,
    read: Read,
    keys: ir.Table,
    count: int,
    *,
    meanwhile: Callable[[], None] | None = None,
) -> tuple[Sequence[tuple[Any, ...]], list[Fault]]:
    """As :func:`_of`; where that fails, of each file by itself, and why it failed.

    The addresses are read here for the first time: that they are damaged wasn't noticed before.
    """
    try:
        return _of(audit, read, keys, count, meanwhile=meanwhile), []
    except Exception as error:  # noqa: BLE001 - left_out() raises what is no file's fault
        files = read.batch.files
        if len(files) < 2:
            name = audit.given(files[0]) if files else read.batch.table
            return [], [left_out(name, error)]
    found: list[tuple[Any, ...]] = []
    faults: list[Fault] = []
    for path in files:
        single = read._replace(batch=read.batch._replace(files=(path,)))
        rows, wrong = _tried(audit, single, keys, count)
        found += rows
        faults += wrong
    return found, faults


def _weight(share: Share) -> tuple[int, int, str]:
    return (-(share.bytes or 0), -share.flows, share.host)


def _of(
    audit: Sources,
    read: Read,
    keys: ir.Table,
    count: int,
    *,
    meanwhile: Callable[[], None] | None,
) -> Sequence[tuple[Any, ...]]:
    """For each service of *keys*, the hosts of one batch with the most traffic: the place of the
    service, the host, its bytes and its flows.

    *keys* has the places of the services that are wanted, and what tells them from others.
    """
    import ibis

    flows = audit.flows(read.batch, read.limits, faulty=read.faulty)
    if "host" not in flows.columns and "dst" not in flows.columns:
        return []
    if "answered" in flows.columns:
        flows = flows.filter(flows["answered"].fill_null(True))
    # What an engine joins with a table of a few hundred rows, it skips by as it reads.
    groups = groups_of(read, reach=False)
    on = [
        groups["portbook_match_transport"] == keys["service_transport"],
        groups["portbook_match_service"] == keys["service_port"],
    ]
    spoken = "portbook_match_heard" in groups.columns
    if spoken:
        on.append(groups["portbook_match_heard"] == keys["service_spoken"])
    else:
        keys = keys.filter(keys["service_spoken"] == "")
    sought = groups.join(keys, on).drop(
        *("service_transport", "service_port", "service_spoken"),
        *("portbook_match_transport", "portbook_match_service"),
        *(["portbook_match_heard"] if spoken else []),
    )
    joined = join_groups(flows, sought, "inner")
    if "host" not in flows.columns:
        joined = joined.mutate(
            host=ibis.ifelse(
                ibis.coalesce(joined["side"], joined["portbook_match_side"]) == "src",
                joined["src"],
                joined["dst"],
            )
        )
    many = joined["bytes"].sum() if "bytes" in joined.columns else ibis.null("int64")
    flows_of = joined["flows"].sum() if "flows" in joined.columns else joined.count()
    by_host = joined.group_by(["wanted", "host"]).aggregate(bytes=many, flows=flows_of)
    order = [ibis.desc(by_host["bytes"].fill_null(0)), ibis.desc(by_host["flows"])]
    ranked = by_host.filter(by_host["host"].notnull()).mutate(
        place=ibis.row_number().over(group_by="wanted", order_by=[*order, "host"])
    )
    return audit.engine.fetch(
        ranked.filter(ranked["place"] < count).select("wanted", "host", "bytes", "flows"), meanwhile
    )
