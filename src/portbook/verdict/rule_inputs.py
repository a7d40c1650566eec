"""What of a case each rule's finding is made of, so that findings alike are worded once. Pure.

A list of a hundred thousand sockets has few different findings: "nothing on record fits" says the
same on every port of a kind, whatever people use the port for, and "exposed" the same of every
program. A test changes each part of a case and holds this table to what is said then.
"""

from __future__ import annotations

from portbook._fast_types import StrEnum, lru_cache
from portbook.model import EvidenceCode
from portbook.verdict.rules import RULES


class Part(StrEnum):
    """A part of a :class:`portbook.verdict.facts.Case`.

    Each socket's own port, address and pid aren't meant: every finding may name these. Nor is what
    the most have not, an interface, a note, an answer: a socket that has is looked at alone.
    """

    OWNERS = "owners"  # who holds it, with what is on record about their programs
    NAMES = "names"  # what the owners are called, and no more of them
    TOOLS = "tools"  # what an interpreter's arguments or an owner's name say that it is
    ADDRESS = "address"  # more than that the address is one of its family
    STANDING = "standing"  # what the registry has
    PRACTICE = "practice"  # the uses and programs of the port, and whether browsers refuse it
    REPORTS = "reports"  # the reports of abuse on the port
    SERVICES = "services"  # those of the port that somebody advises not to expose


_OWNERS, _STANDING, _PRACTICE = Part.OWNERS, Part.STANDING, Part.PRACTICE
_NAMES, _TOOLS = Part.NAMES, Part.TOOLS
_REPORTS, _SERVICES = Part.REPORTS, Part.SERVICES

# By the groups of facts (portbook.verdict.finding_facts.GROUPS).
OF_GROUPS: dict[str, tuple[Part, ...]] = {
    "risk": (_OWNERS, _SERVICES),
    "reach": (),
    "relays": (_OWNERS,),
    "owners": (_NAMES,),
    "user": (_OWNERS,),
    "address": (Part.ADDRESS,),
    "interface": (),
    "reached": (),
    "queue": (),
    "state": (_STANDING,),
    "service": (_STANDING,),
    "text": (_STANDING,),
    "elsewhere": (_OWNERS,),
    "uses": (_OWNERS, _STANDING, _PRACTICE, _SERVICES),
    "practice": (_OWNERS, _STANDING, _PRACTICE, _SERVICES),
    "tool": (_TOOLS,),
    "captured": (),
    "reports": (_REPORTS,),
    "dynamic": (),
    "unprivileged": (),
    "deleted": (_OWNERS,),
    "unpackaged": (_OWNERS,),
    "spoken": (),
    "awaited": (_OWNERS, _STANDING),
    "note": (_OWNERS,),
    "expects": (_OWNERS,),
}
OF_EVIDENCE: dict[EvidenceCode, tuple[Part, ...]] = {
    EvidenceCode.SOCKET: (),
    EvidenceCode.REGISTRY: (_STANDING,),
    EvidenceCode.SERVICE: (_OWNERS, _SERVICES),
    EvidenceCode.FIREWALL: (),
    EvidenceCode.REACHED: (),
    EvidenceCode.ASKED: (),
    EvidenceCode.EXECUTABLE: (_NAMES,),
    EvidenceCode.NOTE: (),
    EvidenceCode.PROGRAM: (_OWNERS,),
    EvidenceCode.TOOL: (_TOOLS,),
    EvidenceCode.BROWSERS: (_PRACTICE,),
    EvidenceCode.USE: (_STANDING, _PRACTICE),
    EvidenceCode.REPORT: (_REPORTS,),
}
# Of an owner who is known by a name alone, nothing that the port is used for is said by this group:
# it is for interpreters whose file was seen, and for ports of which no owner was.
_NOT_OF_NAMES = "practice"
_RULES = {rule.code: rule for rule in RULES}


@lru_cache(maxsize=256)
def parts_of(code: str, named: bool) -> frozenset[Part]:
    """What the finding *code* is made of; *named* says that each owner is known by a name alone."""
    rule = _RULES[code]
    parts = {part for evidence in rule.rests_on for part in OF_EVIDENCE[evidence]}
    for group in rule.carries:
        if not (named and group == _NOT_OF_NAMES):
            parts.update(OF_GROUPS[group])
    return frozenset(parts)
