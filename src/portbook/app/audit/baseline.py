"""What is different from a previous run, from the JSON that it printed."""

from __future__ import annotations

import json
import re

from portbook._fast_types import NamedTuple
from portbook.app.audit.result import Change
from portbook.errors import InvalidArgument, shown
from portbook.model import LAST_PORT, Transport
from portbook.model.protocols import SERVICES, TLS
from portbook.schema.captures import AUDIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.audit.result import AuditAnswer

    Key = tuple[str, int, str, str]


_PIECE = 1 << 16
_MOST = 1 << 27  # bytes: some 200,000 services, written out with their hosts


class Previous(NamedTuple):
    """The services of a previous run, and until when it saw them."""

    until: str
    keys: frozenset[Key]


def parse_previous(text: str) -> Previous:
    """The run that ``--json`` printed as *text*. Raises ValueError."""
    try:
        run = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(run, dict) or run.get("schema") != AUDIT.kind:
        raise ValueError("it is no JSON of portbook audit")
    services = run.get("services")
    if not isinstance(services, list):
        raise ValueError("it has no services")
    last = run.get("last")
    until = last if isinstance(last, str) and _MOMENT.fullmatch(last) else "an unknown time"
    return Previous(until, frozenset(map(_key_of, services)))


_MOMENT = re.compile(r"\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_REACHES = (None, "", "loopback", "everywhere")
_SPOKEN = (None, *SERVICES, TLS)


def _key_of(service: object) -> Key:
    """What *service* is told by from others. Raises ValueError where it is none that we print."""
    if not isinstance(service, dict):
        raise ValueError("it has a service that is none")
    transport, port, reach = (service.get(name) for name in ("transport", "port", "reach"))
    spoken = service.get("spoken")  # a run of before it was read has none
    # True is an int for Python, but no port.
    if transport not in tuple(Transport) or type(port) is not int:
        raise ValueError("it has a service without transport and port")
    if not 0 <= port <= LAST_PORT or reach not in _REACHES or spoken not in _SPOKEN:
        raise ValueError("it has a service that can't be")
    return str(transport), port, reach or "", spoken or ""


def read_previous(path: str, most: int = _MOST) -> Previous:
    """The run in the file at *path*, of *most* bytes. Raises InvalidArgument."""
    try:
        return parse_previous(_text_of(path, most))
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidArgument("against", f"{shown(path)} can't be read: {why}") from error
    except ValueError as error:
        raise InvalidArgument(
            "against", f"{shown(path)} is no audit of portbook's as JSON: {error}"
        ) from error


def _text_of(path: str, most: int) -> str:
    """What the file, or the pipe, at *path* holds, up to *most* bytes: no run has more.

    Raises OSError, or ValueError where it can be none.
    """
    with open(path, "rb") as file:
        held = file.read(_PIECE)
        if not held.lstrip().startswith(b"{"):
            raise ValueError("it doesn't begin with an object")
        held += file.read(most - len(held) + 1)
    if len(held) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return held.decode()


def compare(answer: AuditAnswer, previous: Previous) -> AuditAnswer:
    """*answer* with what is new since *previous*, and what is gone; the unexpected first."""
    now = [each.key for each in answer.services]
    new = tuple(key for key in now if key not in previous.keys)
    gone = tuple(sorted(previous.keys - set(now)))
    return answer._replace(change=Change(previous.until, new, gone))
