"""What of a command line a page may show: the program, and the script that it runs.

>>> without_arguments(("node", "/srv/shop/server.js", "--token", "x"))
('node', 'server.js')
>>> without_arguments(("java", "-jar", "/opt/app.jar")), without_arguments(("nginx", "-g", "x"))
(('java', '-jar', 'app.jar'), None)
>>> without_arguments(("/srv/.venv/bin/python3", "/srv/.venv/bin/gunicorn", "shop:app"))
('python3', 'bin/gunicorn')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.model.command_line import RunKind, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
