"""What findings rest on, a line each; and what a service answered and a note says, in words.

Facts are raw text, as a process or a file made them: whoever prints a line escapes it.
"""

from __future__ import annotations

from portbook.model import EvidenceCode, SpokenState, SubjectKind
from portbook.present.phrases import filter_words
from portbook.present.words import period

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portbook.model import Finding, Note, Spoken, Subject

    Words = Mapping[str, object]

_SPOKEN: dict[str, str] = {
    SpokenState.UNRECOGNISED: "an unknown protocol",
    SpokenState.SILENT: "silence",
    SpokenState.REFUSED: "no connection",
    SpokenState.UNASKED: "not asked",
}


def evidence_lines(finding: Finding) -> list[str]:
    """What *finding* rests on; raw, as the facts are.

    >>> from portbook.model import Evidence, Finding, Level, Subject
    >>> rests_on = (Evidence(EvidenceCode.SOCKET, (("state", "listen"),)),)
    >>> socket = Subject(SubjectKind.SOCKET, "tcp [::1]:5432")
    >>> evidence_lines(Finding("loopback-only", Level.OK, socket, (), rests_on))
    ['tcp [::1]:5432 listen']
    """
    return [_LINES[one.code](dict(one.facts), finding.subject) for one in finding.evidence]


def place_of(subject: Subject | None) -> tuple[str, str, str]:
    """The port, the transport and the address that *subject* names; empty what it doesn't.

    >>> from portbook.model import Subject
    >>> place_of(Subject(SubjectKind.SOCKET, "tcp [::1]:5432"))
    ('5432', 'tcp', '::1')
    """
    if subject is None:
        return "", "", ""
    if subject.kind is SubjectKind.PORT:
        port, _, transport = subject.name.partition("/")
        return port, transport, ""
    transport, _, socket = subject.name.partition(" ")
    address, _, port = socket.rpartition(":")
    return port, transport, address[1:-1] if address.startswith("[") else address


def _socket(facts: Words, subject: Subject | None) -> str:
    return f"{subject.name if subject else 'the socket'} {facts.get('state')}"


def _registry(facts: Words, subject: Subject | None) -> str:
    text = facts.get("text") if facts.get("listed", True) else "no row"
    port, transport, _ = place_of(subject)
    line = f"registry: {port}/{transport} {facts.get('state')}"
    return f"{line}, {text}" if text else line


def _executable(facts: Words, _: Subject | None) -> str:
    line = f"pid {facts.get('pid')} runs {facts.get('path')}"
    if "uid" in facts:
        line += f", owned by uid {facts['uid']}"
    mode = facts.get("mode")
    if isinstance(mode, int):
        line += f", mode {mode:04o}"
    return line + (f", place: {facts['place']}" if "place" in facts else "")


def _executable_unseen(facts: Words, _: Subject | None) -> str:
    who = f"pid {facts['pid']}" if "pid" in facts else facts.get("program", "the container")
    return f"{who}: its executable could not be seen"


def _read(facts: Words) -> str:
    return f"({facts.get('source')}, read {facts.get('read')})"


def _program(facts: Words, _: Subject | None) -> str:
    services = _listed(facts, "services", ", ") or "no registered service"
    return f"program: {facts.get('product')}, {services} {_read(facts)}"


def _tool(facts: Words, _: Subject | None) -> str:
    services = _listed(facts, "services", ", ") or "no registered service"
    return f"arguments: {facts.get('name')} is {facts.get('product')}, {services} {_read(facts)}"


def _report(facts: Words, _: Subject | None) -> str:
    return f"report: {facts.get('subject')}, {period(str(facts.get('period')))} {_read(facts)}"


_FIREWALLS = {"none": "no rules are in force", "unread": "its rules could not be read"}
_LINES: dict[EvidenceCode, Callable[[Words, Subject | None], str]] = {
    EvidenceCode.SOCKET: _socket,
    EvidenceCode.REGISTRY: _registry,
    EvidenceCode.SERVICE: lambda facts, _: f"service: {facts.get('name')} {_read(facts)}",
    EvidenceCode.FIREWALL: lambda facts, _: (
        f"firewall: {facts['text']} in {facts.get('where')}"
        if "text" in facts
        else f"not evaluated: {filter_words(str(facts['not_evaluated']), str(facts.get('name')))}"
        if "not_evaluated" in facts
        else f"firewall: {_FIREWALLS.get(str(facts.get('state')), facts.get('state'))}"
    ),
    EvidenceCode.REACHED: lambda facts, _: (
        f"{facts.get('address')} reaches {facts.get('program') or 'a process'} "
        f"(pid {facts.get('pid')})"
    ),
    EvidenceCode.ASKED: lambda facts, _: f"asked: {spoken_words(facts)}",
    EvidenceCode.EXECUTABLE: _executable,
    EvidenceCode.EXECUTABLE_UNSEEN: _executable_unseen,
    EvidenceCode.NOTE: lambda facts, _: (
        f"note: {_ports(facts)} {_gist(facts)} ({facts.get('file')})"
    ),
    EvidenceCode.PROGRAM: _program,
    EvidenceCode.TOOL: _tool,
    EvidenceCode.BROWSERS: lambda facts, _: (
        f"browsers: the fetch standard's bad ports {_read(facts)}"
    ),
    EvidenceCode.USE: lambda facts, _: (
        f"use: {facts.get('product')}, {facts.get('summary')} {_read(facts)}"
    ),
    EvidenceCode.REPORT: _report,
    EvidenceCode.TEXT: lambda facts, _: str(facts.get("text")),
}


def heard(spoken: Spoken) -> str:
    """What a service answered, in a few words.

    >>> from portbook.model import Spoken
    >>> heard(Spoken(SpokenState.IDENTIFIED, "http", "HTTP/1.1 200 OK; nginx", True))
    'http in TLS (HTTP/1.1 200 OK; nginx)'
    """
    return spoken_words(spoken._asdict())


def spoken_words(facts: Words, prefix: str = "") -> str:
    """As :func:`heard`, of facts whose names begin with *prefix*."""
    state, detail = facts.get(f"{prefix}state"), facts.get(f"{prefix}detail")
    if state == SpokenState.IDENTIFIED:
        words = str(facts.get(f"{prefix}protocol") or "an unknown protocol")
        if facts.get(f"{prefix}tls"):
            words += " in TLS"
    else:
        words = _SPOKEN.get(str(state), str(state))
    return f"{words} ({detail})" if detail else words


def expected(note: Note) -> str:
    """What *note* expects, in words; empty where it expects nothing.

    >>> from portbook.model import Note
    >>> expected(Note(1, 1, None, "f", executables=("/a", "/b"), units=("c.service",)))
    '/a or /b in c.service'
    """
    return expected_words(note._asdict())


def expected_words(facts: Words, prefix: str = "") -> str:
    """As :func:`expected`, of facts whose names begin with *prefix*."""
    executables, units, containers, users = (
        _listed(facts, prefix + kind, " or ")
        for kind in ("executables", "units", "containers", "users")
    )
    parts = [executables] if executables else []
    if units:
        parts.append(f"in {units}" if parts else units)
    if containers:
        parts.append(f"in the container {containers}" if parts else f"the container {containers}")
    if users:
        parts.append(f"run by {users}")
    return " ".join(parts)


def _listed(facts: Words, name: str, between: str) -> str:
    names = facts.get(name)
    return between.join(map(str, names)) if isinstance(names, tuple) else ""


def ports(note: Note) -> str:
    """The ports that *note* is for, as ``8000–8009/tcp``."""
    return _ports(note._asdict())


def _ports(facts: Words) -> str:
    first, last, transport = facts.get("first"), facts.get("last"), facts.get("transport")
    span = str(first) if first == last else f"{first}–{last}"
    return span if transport is None else f"{span}/{transport}"


def gist(note: Note) -> str:
    """What *note* says of its ports, in a line."""
    return _gist(note._asdict())


def _gist(facts: Words) -> str:
    expects = any(facts.get(kind) for kind in ("executables", "units", "containers"))
    expectation = f"expects {expected_words(facts)}" if expects else None
    parts = [facts.get("label") or facts.get("text"), expectation]
    return ", ".join([str(part) for part in parts if part])
