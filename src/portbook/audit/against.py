"""What is different from a previous run, from the JSON that it printed."""

from __future__ import annotations

import json

from portbook._lean import NamedTuple
from portbook.audit.result import Change
from portbook.errors import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.audit.result import AuditAnswer

    Key = tuple[str, int, str]


class Previous(NamedTuple):
    """The services of a previous run, and until when it saw them."""

    until: str
    keys: frozenset[Key]


def parse_previous(text: str) -> Previous:
    """The run that ``--json`` printed as *text*. Raises ValueError."""
    run = json.loads(text)
    if not isinstance(run, dict) or run.get("schema") != "portbook/audit/1":
        raise ValueError("it is no JSON of portbook audit")
    keys = frozenset(
        (str(each["transport"]), int(each["port"]), str(each.get("reach") or ""))
        for each in run["services"]
    )
    return Previous(str(run.get("last") or "an unknown time")[:20], keys)


def read_previous(path: str) -> Previous:
    """The run in the file at *path*. Raises UsageError."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse_previous(file.read())
    except OSError as error:
        raise UsageError(f"--against {shown(path)} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--against {shown(path)} is not what portbook audit --json prints"
        ) from error


def compare(answer: AuditAnswer, previous: Previous) -> AuditAnswer:
    """*answer* with what is new since *previous*, and what is gone; the unexpected first."""
    now = [each.key for each in answer.services]
    new = tuple(key for key in now if key not in previous.keys)
    gone = tuple(sorted(previous.keys - set(now)))
    return answer._replace(change=Change(previous.until, new, gone))
