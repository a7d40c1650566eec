"""Sockets as JSON objects: this machine's or a capture's, with their owners and findings."""

from __future__ import annotations

from portbook.model import Listener
from portbook.present.escape import unbyte
from portbook.present.phrases import gap_sentences
from portbook.present.port.spoken import of_spoken
from portbook.present.port.this_machine import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from portbook.app.watch import Event
    from portbook.host.firewall.rules import Redirect
    from portbook.host.linux.connections import Connection
    from portbook.model import Finding, Host, Note, Process

    Object = dict[str, Any]


def of_row(row: Listener | Redirect) -> Object:
    """``portbook/listener/1`` or ``portbook/redirect/1``: one row of ``listen`` on its own."""
    if isinstance(row, Listener):
        return {"schema": "portbook/listener/1", **of_listener(row)}
    return {"schema": "portbook/redirect/1", **of_redirect(row)}


def of_event(event: Event) -> Object:
    """``portbook/watch/1``: what happened to one socket, and as what it was known before."""
    return {
        "schema": "portbook/watch/1",
        "event": event.change,
        "at": moment(event.at),
        "listener": of_listener(event.listener),
        "before": None if event.before is None else of_listener(event.before),
    }


def of_host(
    host: Host, redirects: Iterable[Redirect], connections: Iterable[Connection] | None = None
) -> Object:
    """What was seen of this machine; *connections* are None where they weren't looked for."""
    return {
        "listeners": [of_listener(listener) for listener in host.listeners],
        "visibility": host.visibility,
        "missing": [unbyte(reason) for reason in gap_sentences(host.missing)],
        "redirects": [of_redirect(redirect) for redirect in redirects],
        "connections": None if connections is None else [*map(_connection, connections)],
    }


def _connection(connection: Connection) -> Object:
    left = connection.seconds_left
    return {
        "transport": connection.transport,
        "family": connection.family,
        "address": connection.address,
        "port": connection.port,
        "peer_address": connection.peer_address,
        "peer_port": connection.peer_port,
        "state": connection.state,
        "seconds_left": None if left is None else round(left, 1),
        "inode": connection.inode,
        "uid": connection.uid,
        "user": _text(connection.user),
        "owners": [_process(owner) for owner in connection.owners],
        "owners_seen": connection.owners_seen,
    }


def of_listener(listener: Listener) -> Object:
    """One socket of this machine; text of its processes is escaped where it isn't text."""
    return {
        "transport": listener.socket.transport,
        "family": listener.socket.family,
        "address": listener.socket.address,
        "port": listener.socket.port,
        "state": listener.socket.state,
        "interface": _text(listener.socket.interface),
        "inode": listener.socket.inode,
        "uid": listener.socket.uid,
        "user": _text(listener.socket.user),
        "owners": [_process(owner) for owner in listener.ownership.owners],
        "owners_seen": listener.ownership.seen,
        "v6only": listener.socket.v6only,
        "queue": listener.socket.queue,
        "queue_limit": listener.socket.queue_limit,
        "udplite": listener.socket.udplite,
        "namespace": _text(listener.socket.namespace),
        "sharing": listener.socket.sharing,
        "scanned": listener.socket.scanned,
        "own_notes": of_own_notes(
            () if listener.assessment.note is None else (listener.assessment.note,)
        ),
        "findings": of_findings(listener.assessment.findings),
        "speaks": of_spoken(listener.assessment.speaks),
    }


def of_redirect(redirect: Redirect) -> Object:
    return {
        "transport": redirect.transport,
        "family": redirect.family,
        "first": redirect.first,
        "last": redirect.last,
        "to": unbyte(redirect.to),
        "source": redirect.source,
        "rule": unbyte(redirect.text),
    }


def of_own_notes(notes: tuple[Note, ...]) -> list[Object]:
    if not notes:
        return []
    from portbook.present.port.noted import of_notes

    return of_notes(notes)


def of_findings(findings: Iterable[Finding]) -> list[Object]:
    return [
        {
            "code": finding.code,
            "level": finding.level,
            "message": unbyte(finding.message),
            "evidence": [unbyte(line) for line in finding.evidence],
            "socket": finding.socket,
        }
        for finding in findings
    ]


def _process(process: Process) -> Object:
    return {
        "pid": process.pid or None,
        "program": _text(process.program),
        "command": None if process.command is None else [unbyte(word) for word in process.command],
        "executable": _text(process.executable),
        "executable_deleted": process.executable_deleted,
        "executable_place": process.place,
        "uid": process.uid,
        "user": _text(process.user),
        "started": None if process.started is None else moment(process.started),
        "parent": process.parent,
        "ancestors": [
            {"pid": pid, "program": unbyte(program)} for pid, program in process.ancestors
        ],
        "unit": _text(process.unit),
        "activates": _text(process.activates),
        "container": _text(process.container),
        "container_name": _text(process.container_name),
        "package": _text(process.package),
        "packaged": process.packaged,
    }


def _text(text: str | None) -> str | None:
    return None if text is None else unbyte(text)
