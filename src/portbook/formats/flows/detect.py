r"""The formats that an audit reads: one module each, and how a file is recognised as one of them.

>>> recognise(Head("conn.log", ("#separator \\x09", "#fields\tid.resp_p\tproto"))).format
'Zeek conn.log'
"""

from __future__ import annotations

from portbook.formats.flows import generic_table, nfdump, osquery, scans, suricata, vpc, zeek
from portbook.formats.flows.layout import Head, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# In the order in which they are asked: what is told by most comes first.
FORMATS: Mapping[str, Callable[[Head], Layout | None]] = {
    "zeek": zeek.recognise,
    "suricata": suricata.recognise,
    "vpc": vpc.recognise,
    "nfdump": nfdump.recognise,
    "osquery": osquery.recognise,
    "scan": scans.recognise,
    "table": generic_table.recognise,
}


def recognise(
    head: Head, mapping: Mapping[str, str] | None = None, only: str | None = None
) -> Layout | None:
    """The layout of the file that begins with *head*, or None.

    With a *mapping* of ``--columns`` the file is a table whatever it looks like; *only* asks one of
    :data:`FORMATS`.
    """
    if mapping:
        return generic_table.build(head, mapping)
    for name, ask in FORMATS.items():
        if only in (None, name) and (found := ask(head)) is not None:
            return found
    return None


__all__ = ["FORMATS", "Head", "Layout", "recognise"]
