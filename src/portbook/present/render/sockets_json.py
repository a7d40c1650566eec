"""Sockets as JSON objects: this machine's or a capture's, with their owners and findings."""

from __future__ import annotations

from portbook._fast_types import NamedTuple
from portbook.model import Listener
from portbook.schema.findings import FINDING
from portbook.schema.sockets import EVENT, LISTEN_ANSWER, LISTENER, LISTENER_ROW, REDIRECT_ROW
from portbook.schema.tables import Computing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from portbook.app.explain import ExplainAnswer
    from portbook.app.listen import HereAnswer
    from portbook.catalog import Catalog
    from portbook.formats.fields import Line
    from portbook.host.firewall.redirects import Redirect
    from portbook.model.scanned import ScannedPort
    from portbook.present.render.capture_texts import CaptureTexts


def _sentences(table: str) -> Mapping[str, Callable[[Any], Any]]:
    """The functions for the keys of *table* that are sentences; nothing else is loaded."""
    if table == "cause":
        from portbook.present.phrases.causes import cause_mend, cause_message

        return {"mend": cause_mend, "message": cause_message}
    if table in ("pick", "check", "left_out"):
        from portbook.present.phrases import picks

        return picks.KEYS[table]
    if table in ("step", "refused", "lost", "done"):
        from portbook.present.phrases import stops

        return stops.KEYS[table]
    if table == "gap":
        from portbook.present.phrases import gap_sentence

        return {"message": gap_sentence}
    from portbook.present.phrases.evidence import evidence_lines
    from portbook.present.phrases.findings import finding_message

    return {"evidence": evidence_lines, "message": finding_message}


# The tables of :mod:`portbook.schema` with the sentences that they leave to whoever shows them.
phrased = Computing(_sentences)
# One socket; text of its processes is escaped where it isn't text.
of_listener = phrased(LISTENER).encode
# ``portbook/watch/1``: what happened to one socket, and as what it was known before.
of_event = phrased(EVENT).encode


def of_row(row: Listener | Redirect) -> dict[str, Any]:
    """``portbook/listener/1`` or ``portbook/redirect/1``: one row of ``listen`` on its own."""
    return (_LISTENER_ROW if isinstance(row, Listener) else REDIRECT_ROW).encode(row)


_LISTENER_ROW = phrased(LISTENER_ROW)


def listener_texts(
    listeners: Iterable[Listener], *, rows: bool = False, named: bool = True
) -> Iterator[str]:
    """*listeners* as JSON text, one line each; as *rows* that stand alone where that is true.

    Where *named* is false, they share findings, whose subject is the socket that they stand with.
    """
    from portbook.present.render.table_text import FindingTexts, ListenerTexts, row_writer

    findings = FindingTexts(phrased(FINDING).encode)
    table = _LISTENER_ROW if rows else phrased(LISTENER)
    write = row_writer(table, {"findings": findings})
    return write(listeners) if named else ListenerTexts(write)(listeners)


def capture_texts(catalog: Catalog, *, rows: bool = False) -> CaptureTexts:
    """What writes a capture's sockets that were judged without a word, or not at all, as
    :func:`listener_texts` writes others.
    """
    from portbook.present.render.capture_texts import CaptureTexts

    table = _LISTENER_ROW if rows else phrased(LISTENER)
    return CaptureTexts(table, phrased(FINDING).encode, catalog)


def of_here(answer: HereAnswer) -> dict[str, Any]:
    """``portbook/listen/1``."""
    return phrased(LISTEN_ANSWER).encode(answer)


def here_pieces(answer: HereAnswer, *, named: bool = True) -> Iterator[str]:
    """As :func:`of_here`, as text on one line, a piece for each listener.

    *named* as :func:`listener_texts` has it.
    """
    from portbook.present.render.json_text import json_line

    # The listeners are the first key of the object.
    lists = '"listeners":['
    begin, _, end = json_line(of_here(answer._replace(listeners=()))).partition(lists)
    yield begin + lists
    comma = ""
    for text in listener_texts(answer.listeners, named=named):
        yield comma + text
        comma = ","
    yield end


def of_explain(answer: ExplainAnswer) -> dict[str, Any]:
    """``portbook/explain/1``. What a list of this machine's sockets doesn't take, it doesn't load:
    that holds for all that is a capture's.
    """
    from portbook.schema.captures import EXPLAIN

    return phrased(EXPLAIN).encode(answer)


def explain_pieces(answer: ExplainAnswer, catalog: Catalog) -> Iterator[str]:
    """As :func:`of_explain`, of an answer without a word, as text on one line: a piece for many
    sockets.
    """
    from portbook.present.render.json_text import json_line

    # No key before the sockets holds any text of the capture.
    lists = '"sockets":['
    begin, _, end = json_line(of_explain(answer._replace(sockets=()))).partition(lists)
    yield begin + lists
    held = ""
    for texts in capture_texts(catalog)(answer.sockets, ","):
        yield held
        held = texts
    yield held.removesuffix(",")
    yield end


def of_unread(lines: Line) -> dict[str, Any]:
    """``portbook/not-understood/1``: a line, or lines, of a capture that no reader understood."""
    from portbook.schema.captures import UNREAD_ROW

    return UNREAD_ROW.encode(lines)


def of_not_open(port: ScannedPort) -> dict[str, Any]:
    """``portbook/not-open/1``: a port that a scan lists, and that isn't open."""
    from portbook.schema.captures import NOT_OPEN_ROW

    return NOT_OPEN_ROW.encode(port)


class _Counts(NamedTuple):
    format: str
    sockets: int
    not_understood: int
    left_out: Mapping[str, int]


def of_explained(
    format_name: str, sockets: int, unread: int, left_out: Mapping[str, int]
) -> dict[str, Any]:
    """``portbook/explained/1``: the end of a stream of rows, with their counts."""
    from portbook.schema.captures import EXPLAINED

    return EXPLAINED.encode(_Counts(format_name, sockets, unread, left_out))
