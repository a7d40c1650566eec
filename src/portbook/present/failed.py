"""What a pasted text said failed, and what this machine says to it: the first lines of an answer.

>>> from portbook.app.lookup import answer
>>> from portbook.catalog import Catalog
>>> from portbook.formats.errors.query import parse_query
>>> query = parse_query("http://localhost:6000/ ERR_UNSAFE_PORT")
>>> compose_failed(answer(query, Catalog())).headline
'Browsers refuse to open port 6000, whatever listens there.'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.app.bind.addresses import LOCALHOST
from portbook.app.failed import CONNECTING, Place
from portbook.model import Failure, Level, bracketed
from portbook.model.gap import hide_sockets
from portbook.present.owners import owner_phrase, unseen_owner
from portbook.present.phrases import FAILURES
from portbook.present.words import NextStep, bound_to, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from portbook.app.failed import Failed
    from portbook.app.port_lookup import PortAnswer
    from portbook.model import Listener
    from portbook.present.owners import Viewer

_OTHER_SERVERS = ("foreign-service", "speaks-otherwise", "unexpected-program")
_MOST = 3  # programs, and further ports, that a line names


class Lead(NamedTuple):
    """What stands before everything else: the answer in a line, why, and what to do."""

    headline: str
    sentences: tuple[str, ...]
    next: tuple[NextStep, ...]


def compose_failed(answer: PortAnswer, to: Viewer | None = None) -> Lead:
    """The answer to the failure that *answer* was asked with, for *to*."""
    from portbook.present.owners import Viewer

    failed = answer.failed
    assert failed is not None
    facts = _facts(answer, failed, to or Viewer())
    keys = list(_keys_of_connection(failed) if failed.outgoing else _keys(failed))
    headline, *more = [_capital(FAILURES[key].format(**facts), facts) for key in keys]
    pasted = answer.query.pasted
    if pasted is not None and (pasted.ports[1:] or pasted.others):
        told = [
            _other(port, listeners, to or Viewer(), hidden=failed.hidden)
            for port, listeners in failed.more
        ]
        rest = pasted.ports[1 + len(told) :]
        more.extend(filter(None, (*told, _ports(rest, pasted.others))))
    if pasted is not None and pasted.process and not (failed.listening or failed.beside):
        more.append(f"The text names {pasted.process} as its holder.")
    return Lead(headline, tuple(more), tuple(_next(failed, facts)))


def _capital(sentence: str, facts: dict[str, str]) -> str:
    """*sentence* with a capital where it begins with words of ours; a program keeps its name."""
    who = facts["who"]
    ours = who.startswith(("a ", "an ", "the ", "no ")) and sentence.startswith(who)
    return sentence[:1].upper() + sentence[1:] if ours else sentence


def compose_request(answer: PortAnswer, to: Viewer) -> Lead:
    """The answer to "stop what is on 3000" and "bind 80 without root"."""
    port = answer.port
    listeners = answer.host.listeners if answer.host else ()
    more: list[str] = []
    if answer.query.topic == "privileged":
        from portbook.app.topics import Topic
        from portbook.present.topics import PAGES

        page = PAGES[Topic.PRIVILEGED]
        return Lead(page.title, page.sentences, page.next)
    if listeners:
        headline = f"{port} is in use: {_who(listeners, to)}."
        more.append("portbook stop shows its plan and asks before it stops anything.")
    elif answer.host is not None:
        nothing = "Nothing we can see" if hide_sockets(answer.host.missing) else "Nothing"
        headline = f"{nothing} listens on {port}, so there is nothing to stop."
    else:
        headline = f"portbook stop {port} shows what holds the port, and stops it."
    return Lead(headline, tuple(more), (NextStep("Stop it", f"portbook stop {port}"),))


def _facts(answer: PortAnswer, failed: Failed, to: Viewer) -> dict[str, str]:
    transport = answer.query.transport
    name = f"{answer.port}/{transport}" if transport else str(answer.port)
    address = failed.address or ""
    place = f"{bracketed(address)}:{answer.port}" if address else name
    return {
        "port": str(answer.port),
        "name": name,
        "address": address,
        "place": place,
        "who": _who(failed.listening, to),
        "others": _who(failed.beside, to),
        "where": _where(failed.listening),
        "elsewhere": _where(failed.beside),
        "instead": _instead(failed.beside, address),
        "lacking": f"{bracketed(address)} too"
        if ":" in address or "." in address
        else "both 127.0.0.1 and [::1]",
        "first": str(failed.privileged or 1024),
        "addresses": "ipconfig" if failed.windows else "ip address",
    }


def _who(listeners: tuple[Listener, ...], to: Viewer) -> str:
    names = dict.fromkeys(
        owner_phrase(each.ownership.owners[0], to)
        if each.ownership.owners
        else unseen_owner(each, to)
        for each in listeners
    )
    shown = list(names)[:_MOST]
    return listed(shown) if shown else ""


def _where(listeners: tuple[Listener, ...]) -> str:
    return bound_to(each.socket for each in listeners) if listeners else ""


def _instead(beside: tuple[Listener, ...], address: str) -> str:
    """The loopback address of the other family, where one of *beside* takes it."""
    from portbook.app.bind.addresses import takes

    other = "127.0.0.1" if address == "::1" else "::1"
    return bracketed(other) if any(takes(each, other) for each in beside) else "that address"


def _keys(failed: Failed) -> Iterator[str]:
    """The sentences, by name: the headline first."""
    failure, place = failed.failure, failed.place
    headline = _headline(failed)
    if failed.file:
        headline = "socket-file-beside" if failed.listening else "socket-file"
    far = failure in CONNECTING and place in (Place.ELSEWHERE, Place.NAME)
    if far:
        yield f"{failure}-far"
    unseen = failed.hidden and headline in ("in-use-free", "refused-here", "dropped-silent")
    yield f"{headline}-unseen" if unseen else headline
    if failure is Failure.PERMISSION and failed.windows:
        yield "permission-windows-why"
    if failure is Failure.REFUSED and failed.again and failed.beside:
        yield "refused-family" if failed.address in _LOOPBACKS else "refused-beside"
    if headline == "refused-here" and not failed.beside:
        yield "refused-fix"
    if failure is Failure.UNAVAILABLE and place is Place.ELSEWHERE:
        yield "unavailable-v6" if failed.address == "::1" else "unavailable-fix"
    if headline in _BELOW:
        yield _BELOW[headline]
    if place is Place.INVALID:
        yield "invalid-address"
    if place is Place.NAME and failure not in CONNECTING:
        yield "name"


def _keys_of_connection(failed: Failed) -> Iterator[str]:
    """As :func:`_keys`, of a connection that got no local port."""
    yield "no-local-address" if failed.address == "::1" else "no-local-port"
    if failed.address in ("::1", LOCALHOST):
        yield "no-local-port-v6"
    yield "no-local-port-used"
    yield "no-local-port-bound"


_BELOW = {
    "permission-given": "permission-fix",
    "permission-unneeded": "permission-forbidden",
    "in-use-free-there": "in-use-beside",
    "socket-file": "socket-file-fix",
    "socket-file-beside": "socket-file-tcp",
}
_LOOPBACKS = ("::1", "127.0.0.1", "localhost")


def _headline(failed: Failed) -> str:
    failure, place = failed.failure, failed.place
    if place is Place.UNKNOWN or failure in (
        Failure.EXCLUDED_RANGE, Failure.BROWSER_BLOCKED, Failure.OTHER,
    ):  # fmt: skip
        return str(failure)
    if failure is Failure.IN_USE:
        return _in_use(failed)
    if failure is Failure.PERMISSION:
        if failed.windows:
            return "permission-windows"
        if failed.again is None or place is Place.ELSEWHERE:
            return "permission"
        given = "permission-unneeded" if failed.unprivileged else "permission-given"
        return "permission-needed" if failed.again else given
    if failure is Failure.UNAVAILABLE:
        return {Place.HERE: "unavailable-here", Place.ELSEWHERE: "unavailable-elsewhere"}.get(
            place, "unavailable"
        )
    if failure in CONNECTING:
        if place in (Place.ELSEWHERE, Place.NAME):
            return "another-machine" if place is Place.ELSEWHERE else "another-name"
        return _connecting(failed)
    return _dropped(failed)


def _connecting(failed: Failed) -> str:
    if failed.listening:
        return "answers-otherwise" if all(map(_is_another, failed.listening)) else "answers"
    return "refused-here" if failed.failure is Failure.REFUSED else str(failed.failure)


def _is_another(listener: Listener) -> bool:
    """Whether *listener* is plainly another server than the one that belongs on its port."""
    return any(
        each.code in _OTHER_SERVERS and each.level in (Level.CHECK, Level.ALERT)
        for each in listener.assessment.findings
    )


def _in_use(failed: Failed) -> str:
    if failed.again and failed.listening:
        if not any(each.socket.listens for each in failed.listening):
            return "in-use-bound"
        seen = any(each.ownership.owners for each in failed.listening)
        return "in-use-held" if seen else "in-use-hidden"
    if failed.again:
        return "in-use-connection"
    beside = failed.beside and failed.place is Place.HERE
    return "in-use-free-there" if beside else "in-use-free"


def _dropped(failed: Failed) -> str:
    if failed.place is Place.ELSEWHERE:
        return "dropped-elsewhere"
    return "dropped-listening" if failed.listening else "dropped-silent"


def _other(port: int, listeners: tuple[Listener, ...], to: Viewer, *, hidden: bool) -> str:
    if listeners:
        return f"{port} is in use: {_who(listeners, to)}."
    return f"Nothing we can see holds {port}." if hidden else f"{port} is free."


def _ports(more: tuple[int, ...], others: tuple[int, ...]) -> str:
    parts = []
    if more:
        parts.append(f"The text is also about {listed([str(port) for port in more[:12]])}.")
    if others:
        parts.append(f"It names {listed([str(port) for port in others[:12]])} besides.")
    return " ".join(parts)


def _next(failed: Failed, facts: dict[str, str]) -> Iterator[NextStep]:
    name = facts["name"]
    where = facts["place"] if failed.place in (Place.HERE, Place.ELSEWHERE) else name
    if failed.outgoing:
        count = "netstat -ano" if failed.windows else f"ss -tan dport = :{facts['port']}"
        yield NextStep("Count them", count)
    elif failed.failure is Failure.IN_USE and failed.again:
        owned = [each for each in failed.listening if each.ownership.owners]
        pids = dict.fromkeys([owner.pid for each in owned for owner in each.ownership.owners])
        if any(each.socket.listens for each in owned):
            yield NextStep("Stop it", f"portbook stop {name}")
        elif pids:  # portbook stop leaves alone what only bound the port
            yield NextStep("Stop it", f"kill {' '.join(map(str, pids))}")
        yield NextStep("All causes", f"portbook why {where}")
    elif failed.failure is Failure.BROWSER_BLOCKED:
        yield NextStep("A port that browsers open", "portbook pick")
    elif failed.windows and failed.failure is Failure.PERMISSION:
        yield NextStep("On Windows", "netsh interface ipv4 show excludedportrange protocol=tcp")
    elif failed.failure in CONNECTING and failed.place not in (Place.ELSEWHERE, Place.NAME):
        yield NextStep("On other ports", "portbook listen")
    elif failed.failure in CONNECTING:
        yield NextStep("On that machine", f"portbook {name}")
    elif failed.failure is Failure.DROPPED:
        label = "On that machine" if failed.place is Place.ELSEWHERE else "Which rule drops it"
        yield NextStep(label, f"portbook reach {name}")
    else:
        free = failed.failure is Failure.IN_USE
        yield NextStep("Try to bind it" if free else "All causes", f"portbook why {where}")
    yield NextStep("About it", f"portbook topic {_topic(failed)}")


def _topic(failed: Failed) -> str:
    if failed.outgoing:
        return "ephemeral"
    from portbook.app.topics import topic_of_failure

    return str(topic_of_failure(failed.failure, failed.windows) or "in-use")
