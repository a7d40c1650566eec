"""What findings rest on, by code. Pure.

:data:`portbook.verdict.rules.RULES` names the codes of each rule. Nothing here is a sentence: that
is made where it is shown.
"""

from __future__ import annotations

from portbook.model import Evidence, EvidenceCode, SubjectKind
from portbook.verdict.facts import malware, note_that_counts, tools_of, unofficial
from portbook.verdict.finding_facts import known_programs
from portbook.verdict.risk import evidence_of_firewall, evidence_of_risk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.model import Fact, Process, Program, Report, Source, Subject, Use
    from portbook.verdict.facts import Case


class RestsOn(dict[EvidenceCode, tuple[Evidence, ...]]):
    """The evidence of *case* by its code, each made when it is first asked for.

    A socket is none where *subject* isn't one: nobody has seen it then.
    """

    __slots__ = ("_case",)

    def __init__(self, case: Case, subject: Subject) -> None:
        self._case = case
        if subject.kind is not SubjectKind.SOCKET:
            self[EvidenceCode.SOCKET] = ()

    def __missing__(self, code: EvidenceCode) -> tuple[Evidence, ...]:
        evidence = self[code] = _EVIDENCE[code](self._case)
        return evidence

    def of(self, codes: tuple[EvidenceCode, ...]) -> tuple[Evidence, ...]:
        """What there is of *codes*."""
        evidence: tuple[Evidence, ...] = ()
        for code in codes:
            evidence += self[code]
        return evidence


def _made(code: EvidenceCode, value: object, *names: str) -> Evidence:
    """Evidence with those fields of *value* that aren't null or empty."""
    facts = [(name, fact) for name in names if (fact := getattr(value, name)) not in (None, ())]
    return Evidence(code, tuple(facts))


def _registry(case: Case) -> tuple[Evidence]:
    facts: list[tuple[str, Fact]] = [("state", case.standing.state)]
    if not case.standing.listed:
        facts.append(("listed", False))
    elif case.standing.text is not None:
        facts.append(("text", case.standing.text))
    return (Evidence(EvidenceCode.REGISTRY, tuple(facts)),)


def _executable(owner: Process) -> Evidence:
    if not owner.executable:
        who = ("pid", owner.pid) if owner.pid else ("program", owner.program)
        return Evidence(EvidenceCode.EXECUTABLE_UNSEEN, (who,) if who[1] else ())
    facts: list[tuple[str, Fact]] = [("pid", owner.pid), ("path", owner.executable)]
    if owner.executable_uid is not None:
        facts.append(("uid", owner.executable_uid))
    if owner.executable_mode is not None:
        facts.append(("mode", owner.executable_mode))
    if owner.place is not None:
        facts.append(("place", owner.place))
    return Evidence(EvidenceCode.EXECUTABLE, tuple(facts))


def _asked(case: Case) -> tuple[Evidence, ...]:
    spoken = case.listener.assessment.speaks
    if spoken is None:
        return ()
    return (_made(EvidenceCode.ASKED, spoken, "state", "protocol", "tls", "detail"),)


def _own_note(case: Case) -> tuple[Evidence, ...]:
    note = note_that_counts(case.listener)
    if note is None:
        return ()
    spoken = ("label", "text", "executables", "units", "containers", "users", "file")
    return (_made(EvidenceCode.NOTE, note, "first", "last", "transport", *spoken),)


def _program(program: Program) -> Evidence:
    return _made(EvidenceCode.PROGRAM, program, "product", "services", "source", "read")


def _browsers(source: Source) -> Evidence:
    facts: list[tuple[str, Fact]] = [("source", source.url)] if source.url else []
    return Evidence(EvidenceCode.BROWSERS, (*facts, ("read", source.as_of)))


def _use(use: Use) -> Evidence:
    return _made(EvidenceCode.USE, use, "product", "summary", "source", "read")


def _report(report: Report) -> Evidence:
    return _made(EvidenceCode.REPORT, report, "subject", "period", "source", "read")


_EVIDENCE: dict[EvidenceCode, Callable[[Case], tuple[Evidence, ...]]] = {
    EvidenceCode.SOCKET: lambda case: (
        Evidence(EvidenceCode.SOCKET, (("state", case.listener.socket.state),)),
    ),
    EvidenceCode.REGISTRY: _registry,
    EvidenceCode.SERVICE: evidence_of_risk,
    EvidenceCode.FIREWALL: evidence_of_firewall,
    EvidenceCode.REACHED: lambda case: tuple([one.evidence for one in case.reached]),
    EvidenceCode.ASKED: _asked,
    EvidenceCode.EXECUTABLE: lambda case: tuple(map(_executable, case.listener.ownership.owners)),
    EvidenceCode.NOTE: _own_note,
    EvidenceCode.PROGRAM: lambda case: tuple(map(_program, dict.fromkeys(known_programs(case)))),
    EvidenceCode.TOOL: lambda case: tuple(
        [
            _made(EvidenceCode.TOOL, tool, "name", "product", "services", "source", "read")
            for tool in dict.fromkeys(tools_of(case))
        ]
    ),
    EvidenceCode.BROWSERS: lambda case: tuple(map(_browsers, case.browsers)),
    EvidenceCode.USE: lambda case: tuple(map(_use, unofficial(case))),
    EvidenceCode.REPORT: lambda case: tuple(map(_report, malware(case.abuse))),
}
