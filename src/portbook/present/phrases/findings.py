"""The sentences for findings, made of their facts.

Facts are raw text, as a process or a file made them: whoever prints a sentence escapes it.
"""

from __future__ import annotations

from portbook.model import ExecutablePlace, State
from portbook.present.phrases.evidence import expected_words, place_of, spoken_words
from portbook.present.phrases.note_words import how_it_fits, whose_notes, why_undecided
from portbook.present.phrases.reach import kept_out, let_in
from portbook.present.words import beside, period, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from portbook.model import Finding

    Facts = dict[str, Any]
    Form = tuple[str, list[Callable[[Facts], object]]]

_EVERY_ADDRESS = ("0.0.0.0", "::", "::ffff:0.0.0.0")
_ASK_IT, _ON_THAT_MACHINE = " Ask it: ", " Ask it on that machine: "
# A finding's facts, and what _WORDS makes of them, stand in braces.
TEMPLATES = {
    "risky-exposed": "{risk} {risk_advice} {risk_why}",
    "dangerous-port": "{danger}",
    "expected": "{Program} {belongs}.",
    "unexpected-program": "{Notes} expect {expected}{for_label}, but {differs}. Find out who "
    "started it, or change {note_file}.",
    "noted": "{Notes} cover this port{label} ({note_file}){undecided}.",
    "speaks-otherwise": "{speaker} speaks {spoken}, but this port is for {awaits}. Check what it "
    "is.",
    "registered-port": "{place} is registered for {service}. Which program answers is unknown: run "
    "portbook on that host.",
    "fits-by-name": "{named} {service}, the registered service. {only_named}",
    "loopback-only": "Bound to {bound_to}: only this machine can reach it.",
    "exposed": "Bound to {exposed_on}; {let_in}. If only this machine needs it, {enclose}.",
    "firewalled": "Bound to {bound_to}; {kept_out}.",
    "shadowed": "Two programs have this port: {reached}. Stop one, or name the address.",
    "known-use": "Commonly on {place}: {use}{beside}.",
    "service-elsewhere": "{Program} speaks {protocols}, usually on {home}, and is on {port}. If "
    "that isn't intended, check its configuration.",
    "foreign-service": "{place} is registered for {service}, {foreign}",
    "unregistered-port": "No service is registered for {place}. Check who started {program}, and "
    "why on this port{maybe}.",
    "reserved-port": "IANA reserves {place}{quoted}. {then}.",
    "dynamic-port": "{port} is an ephemeral port on this machine ({dynamic}): another program may "
    "get it after a restart.",
    "privileged-bind": "Binding {port} needs root or CAP_NET_BIND_SERVICE, as ports below "
    "{unprivileged_first} do on this machine.",
    "browser-blocked": "Browsers refuse to open port {port}.",
    "abuse-on-record": "Reported on this port: {abuse}. That doesn't mean {program} is malicious; "
    "check that you started it.",
    "deleted-executable": "{deleted_by} runs a deleted file, {deleted}{deleted_why}.",
    "unpackaged-executable": "No package owns {unpackaged}. Check where it came from.",
    "backlog-full": "{Program} has a full queue: {queue} to be accepted. It is slow or stuck, and "
    "new clients are turned away.",
    "owner-hidden": "You can't see which program this is{who_sees}.",
    "unknown": "{unknown}{maybe}.{ask}",
}
# What the registry has, where it is another thing than the common use.
_BESIDE: dict[str, str] = {
    State.RESERVED: ", though IANA reserves it",
    State.DYNAMIC: ", on a dynamic port",
    State.UNASSIGNED: ", though IANA hasn't assigned it",
}


def finding_message(finding: Finding) -> str:
    """What *finding* is and what to do next; raw, as its facts are.

    One that another run made keeps the sentence that it came with, but that its machine may be
    another. What this version has no sentence for is its code.

    >>> from portbook.model import Finding, Level, Subject, SubjectKind
    >>> socket = Subject(SubjectKind.SOCKET, "tcp [::1]:5432")
    >>> finding_message(Finding("loopback-only", Level.OK, socket))
    'Bound to ::1: only this machine can reach it.'
    """
    facts: dict[str, Any] = dict(finding.facts)
    if "message" in facts:
        return str(facts["message"]).replace(_ASK_IT, _ON_THAT_MACHINE)
    form = _forms.get(finding.code)
    if form is None:
        if finding.code not in TEMPLATES:
            return finding.code
        form = _forms[finding.code] = _form(TEMPLATES[finding.code])
    facts["subject"] = place_of(finding.subject)
    text, makers = form
    return text % tuple([make(facts) for make in makers])


_forms: dict[str, Form] = {}


def _form(template: str) -> Form:
    """*template* with %s for its words, and what makes each: it is filled in thousands of times."""
    text, *pieces = template.split("{")
    makers = []
    for piece in pieces:
        name, _, rest = piece.partition("}")
        makers.append(_WORDS[name])
        text += f"%s{rest}"
    return text, makers


def _texts(facts: Facts, name: str) -> list[str]:
    """The fact *name* as several words; none where there is none."""
    fact = facts.get(name)
    return [*map(str, fact)] if isinstance(fact, tuple) else []


def _bound_to(facts: Facts) -> str:
    """The bound address, and the interface where that is what limits who can reach it."""
    address = facts.get("address") or facts["subject"][2]
    interface = facts.get("interface")
    return str(address) if interface is None else f"{address} on the interface {interface}"


def _exposed_on(facts: Facts) -> str:
    place = _bound_to(facts)
    return f"every interface ({place})" if place in _EVERY_ADDRESS else place


def _enclose(facts: Facts) -> str:
    """How to keep others out; loopback itself lets them in by a setting of an interface alone."""
    if _bound_to(facts).startswith("127."):
        return "switch off route_localnet (net.ipv4.conf)"
    return "bind it to 127.0.0.1 or [::1]"


def _owners(facts: Facts) -> str:
    names = _texts(facts, "runs") or _texts(facts, "programs")
    if "containers" in facts:
        names += [f"the container {name}" for name in _texts(facts, "containers")]
    if "pids" in facts:
        names += map(_process, _texts(facts, "pids"))
    return ", ".join(names)


def _process(pid: str) -> str:
    return "a process" if pid == "0" else f"process {pid}"


def _program(facts: Facts) -> str:
    return _owners(facts) or ("the kernel" if "kernel" in facts else "the program that holds it")


def _subject(facts: Facts) -> str:
    """As :func:`_program` has it, at the beginning of a sentence; a name keeps its letters."""
    return _owners(facts) or _capital(_program(facts))


def _service(facts: Facts) -> str:
    return " or ".join(_texts(facts, "services")) or str(facts.get("text") or "a service")


def _belongs(facts: Facts) -> str:
    if "as_noted" not in facts:
        return f"implements {_service(facts)}, the registered service"
    label = facts.get("note_label")
    where = ", ".join([f'"{label}"'] * bool(label) + [str(facts.get("note_file", ""))])
    return f"is what {whose_notes(facts)} expect ({where})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _then(facts: Facts) -> str:
    if "as_noted" in facts:
        return f"{_capital(whose_notes(facts))} expect this: another port would be safer"
    return f"Find out who started {_owners(facts) or 'the program'}"


def _label(facts: Facts) -> str:
    label = facts.get("note_label")
    return f' as "{label}"' if label else ""


def _maybe(facts: Facts) -> str:
    """What is common on the port of a program that isn't known, an interpreter say; what can be
    there, where no program was seen.
    """
    products = _texts(facts, "practice")
    port = "{}/{}".format(*facts["subject"])
    if products and not _owners(facts):
        return f". It may be {_some(products)}"
    return f". Commonly on {port}: {_some(products)}" if products else ""


def _tool(facts: Facts) -> str:
    return " and ".join(_texts(facts, "tools"))


def _named(facts: Facts) -> str:
    if "tools" in facts:
        return f"{_program(facts)} is {_tool(facts)}, judging by its arguments, which fits"
    return f"A program named {_program(facts)} fits"


def _only_named(facts: Facts) -> str:
    if "tools" in facts:
        return f"Arguments are no proof.{_heard(facts)}"
    return "Only its name could be seen, and any program can have that name."


def _foreign(facts: Facts) -> str:
    if "tools" in facts:
        return f"but {_program(facts)} is {_tool(facts)}, judging by its arguments.{_heard(facts)}"
    return (
        f"which {_program(facts)} isn't known to speak. Move it if anything here expects "
        f"{_service(facts)}."
    )


def _ask(facts: Facts) -> str:
    """How to find out what it speaks, where it can be asked and wasn't yet."""
    port, transport, address = facts["subject"]
    if transport != "tcp" or not address or "programs" not in facts or "spoken_state" in facts:
        return ""
    where = _ON_THAT_MACHINE if "captured" in facts else _ASK_IT
    return f"{where}`portbook {port} --probe`."


def _spoken(facts: Facts) -> str:
    return f"{facts['spoken_protocol']}{' in TLS' if facts.get('spoken_tls') else ''}"


def _heard(facts: Facts) -> str:
    """What it answered to a probe, or how to find out."""
    return f" It speaks {_spoken(facts)}." if facts.get("spoken_protocol") else _ask(facts)


def _some(words: list[str], most: int = 3) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _beside(facts: Facts) -> str:
    if facts.get("state") == State.ASSIGNED:
        return f"; IANA: {_service(facts)}"
    return _BESIDE.get(str(facts.get("state")), "")


def _abuse(facts: Facts) -> str:
    reports = zip(_texts(facts, "reports"), _texts(facts, "periods"), strict=False)
    return _some([beside(report, period(moments)) for report, moments in reports])


def _deleted_by(facts: Facts) -> str:
    pids = map(_process, _texts(facts, "deleted_pids"))
    return ", ".join([*(_texts(facts, "deleted_runs") or _texts(facts, "deleted_programs")), *pids])


def _deleted_why(facts: Facts) -> str:
    places = _texts(facts, "deleted_places")
    if ExecutablePlace.MEMORY in places:
        return ". It ran from memory, which servers rarely do. Find out who started it"
    if ExecutablePlace.TEMPORARY in places:
        return ", from a temporary folder. Find out who started it"
    if "upgraded" in facts:
        return ", which an upgrade of its package replaced. Restart it to run the new version"
    if ExecutablePlace.WORLD_WRITABLE in places:
        return ", from a folder that anyone can write to. Find out who started it"
    return ". Restart it if you replaced it; otherwise find out who did"


def _reached(facts: Facts) -> str:
    """Which program each address leads to, program by program."""
    programs: dict[str, list[str]] = {}
    names = _texts(facts, "reached_runs") or _texts(facts, "reached_programs")
    pairs = zip(_texts(facts, "reached_addresses"), names, strict=False)
    for address, program in pairs:
        programs.setdefault(program, []).append(address)
    return "; ".join([f"{', '.join(places)} → {name}" for name, places in programs.items()])


def _unknown(facts: Facts) -> str:
    """What can't be told of a program: of an interpreter, what the script serves that it runs."""
    if facts.get("spoken_protocol"):
        return f"{_subject(facts)} speaks {_spoken(facts)}; portbook can't tell which server it is"
    if "runs" in facts:
        return f"Can't tell what {_owners(facts)} serves"
    return f"{_subject(facts)} isn't a server portbook recognises"


def _queue(facts: Facts) -> str:
    count = facts.get("queue")
    return plural(count, "connection") if isinstance(count, int) else "connections"


def _who_sees(facts: Facts) -> str:
    if facts.get("root"):
        return ", not even as root"
    uid = facts.get("uid")
    # Root's own, or nobody knows whose, takes root.
    user = facts.get("user") or f"user {uid}"
    return f". Run with sudo, or as {user}" if uid else ". Run with sudo"


def _dynamic(facts: Facts) -> str:
    return f"{facts.get('dynamic_first', 0)}–{facts.get('dynamic_last', 0)}"


def _risk(facts: Facts) -> str:
    name = facts.get("risk")
    if "risk_known" in facts:
        return f"{name} is exposed."
    return f"If this is {name}, it is exposed."


def _danger(facts: Facts) -> str:
    relays = _texts(facts, "relays")
    known = f" The port is known for {_abuse(facts)}." if "reports" in facts else ""
    if relays:
        named = " and ".join(relays)
        return (
            f"{named} can hand a shell to anyone who connects, from other machines too. Check who "
            f"started it.{known}"
        )
    return f"You can't see which program this is.{known} Check what it is."


_WORDS: dict[str, Callable[[Facts], object]] = {
    "risk": _risk,
    "risk_advice": lambda facts: facts.get("risk_advice", ""),
    "risk_why": lambda facts: facts.get("risk_why", ""),
    "danger": _danger,
    "port": lambda facts: facts["subject"][0],
    "place": lambda facts: "{}/{}".format(*facts["subject"]),
    "bound_to": _bound_to,
    "exposed_on": _exposed_on,
    "enclose": _enclose,
    "let_in": let_in,
    "kept_out": kept_out,
    "program": _program,
    "Program": _subject,
    "service": _service,
    "quoted": lambda facts: (
        f' ("{facts["text"]}")' if facts.get("text", "Reserved") != "Reserved" else ""
    ),
    "protocols": lambda facts: " and ".join(_texts(facts, "speaks")) or "a service",
    "home": lambda facts: ", ".join(_texts(facts, "own_ports")) or "another one",
    "use": lambda facts: _some(_texts(facts, "uses")) or "a use",
    "beside": _beside,
    "maybe": _maybe,
    "ask": _ask,
    "named": _named,
    "only_named": _only_named,
    "foreign": _foreign,
    "abuse": _abuse,
    "dynamic": _dynamic,
    "deleted_by": _deleted_by,
    "deleted": lambda facts: ", ".join(_texts(facts, "deleted_files")) or "a file",
    "deleted_why": _deleted_why,
    "unpackaged": lambda facts: ", ".join(_texts(facts, "unpackaged_files")) or "a file",
    "who_sees": _who_sees,
    "speaker": lambda facts: _owners(facts) or "What answers",
    "spoken": lambda facts: spoken_words(facts, "spoken_"),
    "awaits": lambda facts: " or ".join(_texts(facts, "awaited")) or "something else",
    "queue": _queue,
    "reached": _reached,
    "unknown": _unknown,
    "unprivileged_first": lambda facts: facts.get("unprivileged_first", 0),
    "note_file": lambda facts: facts.get("note_file", ""),
    "belongs": _belongs,
    "then": _then,
    "Notes": lambda facts: _capital(whose_notes(facts)),
    "expected": lambda facts: expected_words(facts, "note_"),
    "for_label": lambda facts: f' for "{facts["note_label"]}"' if "note_label" in facts else "",
    "label": _label,
    "differs": how_it_fits,
    "undecided": why_undecided,
}
