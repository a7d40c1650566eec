"""The truth about every port number: what the registry says, what listens, and the verdict.

>>> import portbook
>>> answer = portbook.lookup("853/udp")
>>> [row.service_name for row in answer.standings[portbook.Transport.UDP].assignments]
['domain-s']
>>> portbook.PortRange.of(853).title
'System Ports'

Names are loaded where they are first used: the import itself costs nothing.
"""

__version__ = "0.1.0"

# Where each public name is at home, after a colon by another name. The stub beside this file tells
# type checkers the same.
_HOMES = {
    "Assessment": "model",
    "Assignment": "model",
    "AuditAnswer": "app.audit.result",
    "Block": "model",
    "Catalog": "catalog",
    "Checkup": "app.doctor",
    "Chronicle": "app.history",
    "Event": "app.watch",
    "Evidence": "model",
    "EvidenceCode": "model",
    "ExecutablePlace": "model",
    "ExplainAnswer": "app.explain",
    "Filter": "app.socket_filter",
    "FilterKind": "model",
    "Finding": "model",
    "Gap": "model",
    "GapCode": "model",
    "HereAnswer": "app.listen",
    "Host": "model",
    "Level": "model",
    "Listener": "model",
    "Named": "app.stop.model",
    "Need": "model",
    "NotEvaluated": "model",
    "Note": "model",
    "NotesFile": "catalog.expectations.lookup",
    "NotesInForce": "app.notes",
    "OwnerSearch": "model",
    "OwnersSeen": "model",
    "Ownership": "model",
    "Pick": "app.pick.criteria",
    "Plan": "app.stop.model",
    "PortAnswer": "app.port_lookup",
    "PortRange": "model",
    "PortRules": "model",
    "PortbookError": "errors",
    "Process": "model",
    "Query": "formats.errors.query",
    "RangeAnswer": "app.list_lookup",
    "Reach": "model",
    "ReachReport": "app.reach",
    "ReachRequest": "app.reach",
    "Reachable": "model",
    "RegistryVersion": "catalog.update.install:Version",
    "Report": "model",
    "Reservation": "host.port_reservation",
    "ScanOptions": "app.listen",
    "Scope": "model",
    "SearchAnswer": "app.search",
    "ServiceAnswer": "app.list_lookup",
    "Socket": "model",
    "Source": "model",
    "Spoken": "model",
    "SpokenState": "model",
    "Standing": "model",
    "State": "model",
    "Stats": "catalog.registry.stats",
    "StopOutcome": "app.stop.executor:Outcome",
    "Subject": "model",
    "SubjectKind": "model",
    "Topic": "app.topics",
    "TopicAnswer": "app.topics",
    "Transport": "model",
    "UpdateOutcome": "app.update:Outcome",
    "UpdateRequest": "app.update:Request",
    "Use": "model",
    "Visibility": "model",
    "WaitRequest": "app.wait",
    "Waited": "app.wait",
    "Wanted": "app.pick.criteria",
    "Watch": "app.watch",
    "Way": "app.stop.executor",
    "Why": "app.bind.diagnose",
    "Written": "app.notes",
    "adopt": "app.library",
    "audit": "app.audit.call",
    "blocks": "app.library",
    "compare_registries": "app.kept_registries",
    "distrust": "app.library",
    "doctor": "app.library",
    "explain": "app.library",
    "finding_message": "present.phrases.findings",
    "history": "app.library",
    "listen": "app.library",
    "lookup": "app.library",
    "note": "app.library",
    "notes": "app.library",
    "parse_query": "formats.errors.query",
    "pick": "app.library",
    "plan_stop": "app.library",
    "reach": "app.library",
    "read_host": "host.reader",
    "registries": "app.kept_registries",
    "reserve": "app.library",
    "roll_back": "app.kept_registries",
    "search": "app.library",
    "stats": "app.library",
    "stop": "app.library",
    "topic": "app.library",
    "trust": "app.library",
    "update": "app.kept_registries",
    "wait": "app.library",
    "watch": "app.library",
    "why": "app.library",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = home.partition(":")
    there = there or name
    found: object = getattr(__import__(f"{__name__}.{module}", fromlist=[there]), there)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
