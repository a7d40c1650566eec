"""What a log saw spoken on a port, where that isn't what belongs there.

A log that looks into packets (Zeek, Suricata, ``nmap -sV``) names the protocol of each flow, and
its rows are grouped by that word too. Few of the words contradict what is registered for their
port: these make services of their own, and all others are one, whatever they spoke.
"""

from __future__ import annotations

from portbook.app.audit.flow_schema import WORDS as TRANSPORTS
from portbook.model import PORTS, Spoken, SpokenState
from portbook.model.protocols import WORDS
from portbook.verdict.expectation_match import speaks_otherwise
from portbook.verdict.facts import service_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import ibis.expr.types as ir

    from portbook.app.audit.engines.base import Engine
    from portbook.catalog import Catalog

_COLUMNS = {"said_protocol": "string", "said_port": "int32", "said": "string", "heard": "string"}


def mark(grouped: ir.Table, engine: Engine, catalog: Catalog) -> ir.Table:
    """*grouped* with ``heard``: the protocol that was ``spoken`` where another one belongs."""
    port = grouped["service" if "service" in grouped.columns else "port"]
    keyed = grouped.mutate(
        key_protocol=grouped["protocol"].cast("string"),
        key_port=port.cast("int32"),
        key_spoken=grouped["spoken"].lower(),
    )
    known = keyed.filter(keyed["key_spoken"].isin(list(WORDS)))
    met = engine.fetch(known.select("key_protocol", "key_port", "key_spoken").distinct())
    said = engine.lookup("portbook_spoken", _COLUMNS, _otherwise(met, catalog))
    joined = keyed.left_join(
        said,
        [
            keyed["key_protocol"] == said["said_protocol"],
            keyed["key_port"] == said["said_port"],
            keyed["key_spoken"] == said["said"],
        ],
    )
    return joined.select(*grouped.columns, "heard")


def _otherwise(
    met: Iterable[tuple[str | None, int | None, str]], catalog: Catalog
) -> list[tuple[str, int, str, str]]:
    """Those of *met*, each a protocol, a port and what was spoken there, that contradict what is
    registered; with the protocol's own name.
    """
    rows = []
    for protocol, port, word in met:
        transport = TRANSPORTS.get((protocol or "").lower())
        if transport is None or protocol is None or port is None or not 0 <= port < PORTS:
            continue
        heard = WORDS[word]
        names = service_names(catalog.registry.standing(port, transport))
        if speaks_otherwise(Spoken(SpokenState.IDENTIFIED, heard), names, set()):
            rows.append((protocol, port, word, heard))
    return rows
