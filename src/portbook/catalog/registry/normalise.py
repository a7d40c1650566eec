"""What the registry's own words mean: the one place that reads a description for its state.

>>> state_of_row("ssh", "The Secure Shell (SSH) Protocol").value
'assigned'
>>> state_of_row(None, "Unassigned [was netstat]").value
'unassigned'
"""

from __future__ import annotations

import re
from typing import NamedTuple

from portbook.model import State

# A name the registry keeps on a row that it has taken back (14001/udp) doesn't make it an
# assignment. Only the bare words say so: "Deprecated by ..." after a name is still a description.
_TAKEN_BACK = r"(?:de-?registered|removed|deprecated|de-?comm?iss?ioned)"


class _Wording(NamedTuple):
    named: bool
    opening: re.Pattern[str]
    state: State


_WORDINGS = (
    _Wording(True, re.compile(f"(?is){_TAKEN_BACK}(?: *\\(.*\\))?\\.?\\Z"), State.RESERVED),
    _Wording(False, re.compile(f"(?i){_TAKEN_BACK}\\b"), State.RESERVED),
    # 2825: "(unassigned) Possibly assigned". RFC 6335 §6: what isn't known to be assigned isn't.
    _Wording(False, re.compile(r"(?i)\(?unassigned\b"), State.UNASSIGNED),
    _Wording(False, re.compile(r"(?i)reserved\b"), State.RESERVED),
)

_REPLACEMENT = re.compile(r"well-formed service name as a replacement for \"([^\"]+)\"")
_REPLACEMENT_SENTENCE = re.compile(r"\s+(?=IANA assigned this well-formed service name\b)")

# The registry writes <user&host> for an address, or <user at host>. Nothing is matched twice: a
# file may be made of what nearly is an address.
_ADDRESS = re.compile(
    r" ?<[^<>\s@&]++(?:[@&]| at )(?=[^<>\s.]++\.[^<>\s])[^<>\s]++>"
    r"| ?(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++"
)

# RFC 6335 §5.1: 1 to 15 letters, digits and hyphens, at least one letter, no hyphen at either
# end and no two in a row.
_WELL_FORMED = re.compile(r"(?=.{1,15}\Z)(?=.*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\Z")


def state_of_row(service_name: str | None, description: str | None) -> State:
    """The state that one row of the registry gives to what it covers (RFC 6335 §6).

    A row that names a service assigns, whatever its description begins with: port 5349 has a
    named row "Reserved for a future enhancement of STUN-BEHAVIOR". The exception is a row that
    only says that it was taken back. A row without a name assigns if its description is none
    of the registry's words for the opposite. A row with neither assigns nothing.

    >>> state_of_row("stun-behaviors", "Reserved for a future enhancement").value
    'assigned'
    >>> state_of_row(None, "any private mail system").value
    'assigned'
    >>> state_of_row(None, "Decomissioned Port 04/14/00, ms").value
    'reserved'
    >>> state_of_row("sua", "De-Registered").value
    'reserved'
    """
    words = (description or "").strip()
    for named, opening, state in _WORDINGS:
        if named == bool(service_name) and opening.match(words):
            return state
    return State.ASSIGNED if service_name or words else State.UNASSIGNED


def replaced_name(description: str | None) -> str | None:
    """The ill-formed name that a row's own description says it replaces.

    >>> replaced_name('whois++ IANA assigned this well-formed service name as a replacement '
    ...               'for "whois++".')
    'whois++'
    """
    found = _REPLACEMENT.search(description or "")
    return found[1] if found else None


def is_well_formed(service_name: str) -> bool:
    """Whether a service name keeps to the syntax of RFC 6335 §5.1.

    >>> [is_well_formed(name) for name in ("http-alt", "whois++", "-x", "7775")]
    [True, False, False, False]
    """
    return _WELL_FORMED.match(service_name) is not None


def tidy_lines(text: str) -> str:
    r"""A note with its own line breaks, without the blanks around them and people's addresses.

    >>> tidy_lines("Assigned before to\n   unitary\n <someone&host.example>\n above")
    'Assigned before to\nunitary\nabove'
    """
    lines = [(line, _ADDRESS.sub("", line).strip()) for line in text.strip().splitlines()]
    return "\n".join(kept for line, kept in lines if kept or not line.strip())


def names_person(reference: str) -> bool:
    """Whether a reference is a person with their address, as that of port 9105 is.

    >>> [names_person(each) for each in ("A Name <user&host.example> 2009", "RFC9110", "R&D.x")]
    [True, False, False]
    """
    return _ADDRESS.search(reference) is not None


def tidy_description(text: str) -> str:
    r"""A description with its line breaks undone; the sentence about a replacement keeps its line.

    >>> tidy_description('a  b\n c\n\nIANA assigned this well-formed service name as a ...')
    'a b c\nIANA assigned this well-formed service name as a ...'
    """
    return _REPLACEMENT_SENTENCE.sub("\n", " ".join(text.split()))
