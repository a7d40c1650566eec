r"""The formats that an audit reads: one module each, and how a file is recognised as one of them.

>>> recognise(Head("conn.log", ("#separator \\x09", "#fields\tid.resp_p\tproto"))).format
'Zeek conn.log'
"""

from __future__ import annotations

from portbook.formats.base import FormatTable, find_format
from portbook.formats.flows import generic_table
from portbook.formats.flows.layout import Head, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portbook.formats.base import FlowFormat

    More = Callable[[], Mapping[str, FlowFormat]]

# In the order in which they are asked: what is told by most comes first.
FORMATS: Mapping[str, FlowFormat] = FormatTable(
    "portbook.formats.flows",
    {
        "zeek": "zeek",
        "suricata": "suricata",
        "vpc": "vpc",
        "nfdump": "nfdump",
        "osquery": "osquery",
        "netfilter": "netfilter",
        "filterlog": "filterlog",
        "cisco": "cisco",
        "pan-os": "pan_os",
        "key-value": "key_value",
        "scan": "scans",
        "table": "generic_table",
    },
)


def installed() -> Mapping[str, FlowFormat]:
    """The formats that installed packages bring; their code is imported."""
    from portbook.formats.plugins import flow_formats

    return flow_formats(FORMATS)


def recognise(
    head: Head,
    mapping: Mapping[str, str] | None = None,
    only: str | None = None,
    more: More = dict,
) -> Layout | None:
    """The layout of the file that begins with *head*, or None.

    With a *mapping* of ``--columns`` the file is a table whatever it looks like; *only* asks one
    format. *more* returns the formats to ask where none of portbook's own takes the file.

    :raises InvalidArgument: there is no format called *only*.
    """
    if mapping:
        return generic_table.build(head, mapping)
    if only is not None:
        return find_format(FORMATS, only, more).recognise(head)
    for form in FORMATS.values():
        if (layout := form.recognise(head)) is not None:
            return layout
    for form in more().values():
        if (layout := form.recognise(head)) is not None:
            return layout
    return None


def explain_refusal(head: Head) -> str | None:
    """Why the file that begins with *head* is no flow log, where its format is plain; else None."""
    for form in FORMATS.values():
        if form.explain_refusal is not None and (why := form.explain_refusal(head)) is not None:
            return why
    return None


__all__ = ["FORMATS", "Head", "Layout", "explain_refusal", "find_format", "installed", "recognise"]
