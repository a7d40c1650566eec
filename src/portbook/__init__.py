"""The truth about every port number: what the registry says, what listens, and the verdict.

>>> import portbook
>>> [row.service_name for row in portbook.lookup(853, portbook.Transport.UDP)]
['domain-s']
>>> portbook.PortRange.of(853).title
'System Ports'

Names are loaded where they are first used: the import itself costs nothing.
"""

__version__ = "0.1.0"

# Where each public name is at home. The stub beside this file tells type checkers the same.
_HOMES = {
    "Assessment": "model",
    "Assignment": "model",
    "Block": "model",
    "ExecutablePlace": "model",
    "Finding": "model",
    "Gap": "model",
    "GapCode": "model",
    "Host": "model",
    "Level": "model",
    "Listener": "model",
    "Need": "model",
    "OwnerSearch": "model",
    "OwnersSeen": "model",
    "Ownership": "model",
    "PortRange": "model",
    "PortbookError": "errors",
    "Process": "model",
    "Reach": "model",
    "Socket": "model",
    "Spoken": "model",
    "SpokenState": "model",
    "State": "model",
    "Subject": "model",
    "SubjectKind": "model",
    "Transport": "model",
    "Use": "model",
    "Visibility": "model",
    "lookup": "catalog.registry.lookup",
    "parse_query": "formats.errors.query",
    "read_host": "host.reader",
    "standing": "catalog.registry.lookup",
    "why_bind": "app.bind.explain_bind",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(f"{__name__}.{home}", fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
