"""What the page of this machine is given: its sockets in words, with everything hostile plain."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from portbook.model import Gap, GapCode, Level, Visibility
from portbook.model.command_line import RunKind, run_name, run_of
from portbook.model.text import moment
from portbook.present.escape import one_line
from portbook.present.phrases import gap_sentences
from portbook.present.phrases.findings import finding_message
from portbook.present.port.agreement import verdict_on
from portbook.present.port.noted import in_short, of_whom
from portbook.present.port.this_machine import holder, meaning, redirected
from portbook.present.views.column_words import NONE
from portbook.present.views.listen_fields import LEVELS, Cells
from portbook.present.words import in_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portbook.app.listen import HereAnswer
    from portbook.model import Facts, Listener, Process
    from portbook.present.owners import Viewer
    from portbook.present.views.listen_fields import Standings


def of_here(answer: HereAnswer, to: Viewer, own: int | None = None) -> dict[str, Any]:
    """What the page says of *answer*; *own* is the process that serves it."""
    rows = list(map(Rows(answer.standings, to, own).row, answer.listeners))
    rows.sort(key=lambda row: -row["level"].rank)
    counted = Counter(row["level"] for row in rows)
    levels = LEVELS[::-1]
    return {
        "count": len(answer.listeners),
        "partial": answer.visibility is Visibility.PARTIAL,
        "rows": rows,
        "levels": [(level, counted[level]) for level in levels if counted[level]],
        "all_levels": levels,
        "redirects": [one_line(redirected(each)) for each in answer.redirects],
        "missing": [one_line(reason) for reason in gap_sentences(answer.missing)],
    }


# What asks who started a program, which the reader of the site has started.
_OF_STRANGERS = frozenset({"unregistered-port", "reserved-port", "foreign-service", "unknown"})


class Rows:
    """What a table says of sockets, a line each, for the reader *to*.

    *own* is the process that serves the page: its sockets are recognised as the site's own.
    """

    def __init__(self, standings: Standings, to: Viewer, own: int | None = None) -> None:
        self._standings = standings
        self._to = to
        self._cells = Cells(standings, to)
        self._own = own

    def row(self, listener: Listener) -> dict[str, Any]:
        """What stands in the line of *listener*, and in what opens below its verdict."""
        socket, assessment = listener.socket, listener.assessment
        standing = self._standings[socket.port, socket.transport]
        names = [row.service_name for row in standing.assignments if row.service_name]
        where = f", {in_namespace(socket.namespace)}" if socket.namespace else ""
        bound = "" if socket.listens else "bound without listening; "
        owners = listener.ownership.owners
        own = self._own is not None and self._own in [one.pid for one in owners]
        if own:
            level, sentence = Level.OK, "this is portbook: it serves the page that you read"
        else:
            verdict = verdict_on([listener], names, here=self._to.now is not None)
            level, sentence = verdict.level or Level.OK, verdict.sentence or "nothing to say of it"
        unseen = "" if owners else holder(listener, as_root=self._to.is_root)
        held = self._cells.program(listener) if owners else unseen
        details = [line for owner in owners[:3] for line in _details(owner)]
        note = f"{of_whom(assessment.note)}: {in_short(assessment.note)}" if assessment.note else ""
        return {
            "port": socket.port,
            "key": one_line(f"{socket.name} {socket.state} {socket.inode} {socket.namespace}"),
            "level": level,
            "sentence": one_line(sentence),
            "socket": one_line(socket.name),
            "reach": one_line(f"{bound}{meaning(listener)}{where}"),
            "holder": one_line(held),
            "facts": self._facts(listener) if owners else "",
            "details": list(map(one_line, details)),
            "note": one_line(note),
            "practice": "",
            "state": standing.state,
            "book": ", ".join(dict.fromkeys(names)) or self._cells.field("service", listener),
            "findings": [
                {
                    "level": finding.level,
                    "code": finding.code,
                    "message": one_line(finding_message(finding)),
                }
                for finding in assessment.findings
                if not own or finding.code not in _OF_STRANGERS
            ],
        }

    def _facts(self, listener: Listener) -> str:
        """Process, user and age, as far as each is known."""
        said = {"pid": "pid {}", "user": "{}", "uptime": "up {}"}
        parts = ((form, self._cells.field(name, listener)) for name, form in said.items())
        return ", ".join(form.format(value) for form, value in parts if value != NONE)


def _details(owner: Process) -> Iterator[str]:
    if owner.command:
        yield " ".join(owner.command)
    elif owner.executable:
        yield owner.executable
    if owner.container or owner.unit:
        yield owner.container or owner.unit or ""
    if owner.started is not None:
        yield f"since {moment(owner.started).replace('T', ' ').replace('Z', ' UTC')}"


# Arguments stay out of pages unless they were asked for: passwords stand in them.
MASKED = Gap(GapCode.COMMANDS_MASKED)
_OF_COMMANDS = ("runs", "deleted_runs", "reached_runs")


def masked(listener: Listener, *, show: bool) -> Listener:
    """*listener* without its owners' arguments and directories, unless they are to be shown.

    A program and the script that it runs stay, as :func:`without_arguments` tells them apart.
    """
    if show or not listener.ownership.owners:
        return listener
    owners = tuple(
        [
            owner._replace(command=without_arguments(owner.command or ()), cwd=None)
            for owner in listener.ownership.owners
        ]
    )
    findings = tuple(
        [
            each._replace(facts=_without_runs(each.facts, owners))
            for each in listener.assessment.findings
        ]
    )
    return listener._replace(
        assessment=listener.assessment._replace(findings=findings),
        ownership=listener.ownership._replace(owners=owners),
    )


def _without_runs(facts: Facts, owners: tuple[Process, ...]) -> Facts:
    """*facts* that call *owners* by what is left of their command lines, and others by none."""
    names = tuple(dict.fromkeys([run_name(one.program, one.command) for one in owners]))
    bare = tuple(dict.fromkeys([one.program or "" for one in owners]))
    kept = names if all(names) and names != bare else ()
    return tuple(
        [
            (name, kept if name == "runs" else fact)
            for name, fact in facts
            if name not in _OF_COMMANDS or (name == "runs" and kept)
        ]
    )


def masked_all(
    listeners: Iterable[Listener], missing: tuple[Gap, ...], *, show: bool
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* without arguments, and what is *missing* with that said."""
    kept = tuple(masked(each, show=show) for each in listeners)
    return kept, missing if show or not any(each.ownership.owners for each in kept) else (
        *missing,
        MASKED,
    )


# -- what of a command line may be shown ---------------------------------------------------------

_FLAGS = {RunKind.MODULE: ("-m",), RunKind.ARCHIVE: ("-jar",)}
_WORDS = (RunKind.MODULE, RunKind.ARCHIVE, RunKind.CLASS)
_JOINTS = dict.fromkeys(map(ord, "._-/"))
_SCRIPT_ENDS = (
    *(".py", ".pyw", ".pyz", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx", ".rb", ".ru"),
    *(".php", ".pl", ".sh", ".bash", ".zsh", ".lua", ".dll", ".exe", ".r", ".tcl", ".scm"),
)


def without_arguments(command: Sequence[str]) -> tuple[str, ...] | None:
    """*command* as far as it says what runs: the interpreter and the script, module or archive.

    None where that can't be told from an argument: a script has a file's name, a module and a
    class consist of words. What a process wrote over its arguments may be anything.

    >>> without_arguments(("node", "/srv/shop/server.js", "--token", "x"))
    ('node', 'server.js')
    >>> without_arguments(("java", "-jar", "/opt/app.jar")), without_arguments(("nginx", "-g", "x"))
    (('java', '-jar', 'app.jar'), None)
    >>> without_arguments(("/srv/.venv/bin/python3", "/srv/.venv/bin/gunicorn", "shop:app"))
    ('python3', 'bin/gunicorn')
    """
    run = run_of(command)
    if run is None or run.interpreter is None:
        return None
    told: tuple[str, ...] = ()
    if run.kind is RunKind.COMMAND and not run.name.startswith(run.interpreter):
        told = _tool(run.name.partition(" ")[0], command)
    elif run.kind in _WORDS:
        told = (*_FLAGS.get(run.kind, ()), run.name) if _is_word(run.name) else ()
    elif run.kind is not RunKind.SCRIPT:
        return None
    elif run.name.startswith("-"):
        flag = run.name.partition(" ")[0]
        told = (flag,) if len(flag) == len("-c") else ()  # a longer one may hold its value
    elif _is_script(run.name):
        told = (run.name,)
    elif command[1] in ("run", "serve") and _is_script(run.name.removeprefix(f"{command[1]} ")):
        told = (command[1], run.name.removeprefix(f"{command[1]} "))
    return (run.interpreter, *told) if told else None


def _tool(name: str, command: Sequence[str]) -> tuple[str, ...]:
    """The tool *name* where :func:`run_of` finds it again; none where a wrapper runs it."""
    if not _is_word(name):
        return ()
    if any("node_modules" in word for word in command):
        return (f"node_modules/{name}",)
    if any(word.rpartition("/")[2] == name for word in command):
        return (name,) if "." in name else (f"bin/{name}",)
    return ()


def _is_word(name: str) -> bool:
    return name.isascii() and name.removeprefix("@").translate(_JOINTS).isalnum()


def _is_script(name: str) -> bool:
    """Whether *name* is a script's, by how it ends: an option's value could stand there too."""
    return name.lower().endswith(_SCRIPT_ENDS) and _is_word(name)
