"""What a command line says of the program that runs.

Arguments are what a program says it is: they name it, and prove nothing.

>>> run_of(("/usr/bin/python3.11", "-u", "-m", "http.server", "5432")).title
'python3.11 -m http.server'
>>> run_of(("node", "/srv/shop/node_modules/.bin/next", "dev")).title
'next dev'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple, StrEnum, lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class RunKind(StrEnum):
    """What a command line names as the thing that runs."""

    PROGRAM = "program"  # the executable itself
    SCRIPT = "script"  # a file that an interpreter runs
    MODULE = "module"  # a module that an interpreter runs
    ARCHIVE = "archive"  # a .jar
    CLASS = "class"  # a main class
    COMMAND = "command"  # a tool of a framework, with what it was told to do
    TITLE = "title"  # what the process wrote over its arguments


class Run(NamedTuple):
    """What a process runs, as its arguments say.

    ``interpreter`` is the program that runs ``name``, None where the program runs itself.
    ``arguments`` are those behind the name.
    """

    kind: RunKind
    name: str
    interpreter: str | None = None
    arguments: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name as one types it, such as ``node server.js`` or ``java -jar app.jar``."""
        if self.interpreter is None or self.kind is RunKind.COMMAND:
            return self.name
        return f"{self.interpreter} {_FLAGS.get(self.kind, '')}{self.name}"

    @property
    def tools(self) -> tuple[str, ...]:
        """The names that a known tool may go by, the most telling first; none of a script's.

        >>> run_of(("node", "/srv/node_modules/.bin/next", "dev")).tools
        ('next dev', 'next')
        >>> run_of(("php", "-S", "localhost:8000")).tools, run_of(("node", "server.js")).tools
        (('php -S',), ())
        """
        if self.interpreter is None:
            return ()
        if self.kind is RunKind.SCRIPT:
            return ("php -S",) if self.name.startswith("-S") else ()
        return tuple(dict.fromkeys((self.name, self.name.partition(" ")[0])))

    @property
    def line(self) -> str:
        """The title with the arguments behind it."""
        return " ".join((self.title, *self.arguments))


_FLAGS = {RunKind.MODULE: "-m ", RunKind.ARCHIVE: "-jar "}


def run_of(command: Sequence[str]) -> Run | None:
    """What *command* runs; None where there is no argument to tell it by."""
    return _run_of(tuple(command)) if command and command[0] else None


# Programs with many sockets are asked about for each of them.
@lru_cache(maxsize=16)
def _run_of(command: tuple[str, ...]) -> Run:
    first, rest = command[0], command[1:]
    if not rest and " " in first.strip() and not first.startswith("/"):
        return Run(RunKind.TITLE, first.strip())  # setproctitle(3)
    program = base_name(first).removeprefix("-")  # login shells have a dash there
    kind = interpreter_of(program)
    if kind is None:
        return Run(RunKind.PROGRAM, program, None, rest)
    found = _READERS[kind](program, rest)
    return found or Run(RunKind.PROGRAM, program, None, rest)


_LONGEST_NAME = 48  # columns; a class of Java or a title can be far longer


def run_name(program: str | None, command: Sequence[str] | None) -> str:
    """What *program*, started by *command*, is called: by what it runs; empty where nothing says.

    >>> run_name("python3", ("python3", "-m", "http.server", "8000")), run_name("sshd", None)
    ('python3 -m http.server', 'sshd')
    """
    run = run_of(command) if command else None
    name = program or ""
    if run is not None and run.kind is RunKind.PROGRAM:
        name = name or run.title
    elif run is not None and not (run.kind is RunKind.TITLE and name and run.name.startswith(name)):
        name = run.title
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def tool_names(program: str, command: Sequence[str]) -> tuple[str, ...]:
    """The names that a known tool may go by which the interpreter *program* runs by *command*.

    None where *program*, a path or a name, is no interpreter, or runs a script.

    >>> tool_names("/usr/bin/python3.11", ("python3", "-m", "http.server")), tool_names("nginx", ())
    (('http.server',), ())
    """
    if not command or interpreter_of(base_name(program)) is None:
        return ()
    run = run_of(command)
    return run.tools if run is not None else ()


def base_name(path: str) -> str:
    r"""The last part of *path*, as Unix and Windows write it.

    >>> base_name("/usr/sbin/nginx"), base_name("C:\\Python\\python.exe")
    ('nginx', 'python')
    """
    name = path.rstrip("/").rpartition("/")[2].rpartition("\\")[2]
    return name[:-4] if name.lower().endswith(".exe") else name


_PLAIN = {
    "node": "node", "nodejs": "node", "deno": "deno", "bun": "deno", "ruby": "script",
    "jruby": "script", "perl": "script", "php": "php", "java": "java", "javaw": "java",
    "dotnet": "script", "bash": "shell", "sh": "shell", "dash": "shell", "zsh": "shell",
    "ksh": "shell", "ash": "shell", "fish": "shell", "lua": "script", "luajit": "script",
    "rscript": "script", "tclsh": "script", "guile": "script", "python": "python",
    "pypy": "python", "pypy3": "python", "uv": "wrapper", "npx": "wrapper", "pipx": "wrapper",
}  # fmt: skip


def interpreter_of(program: str) -> str | None:
    """How *program*'s arguments name what it runs; None where it is no interpreter.

    >>> interpreter_of("python3.12"), interpreter_of("node"), interpreter_of("nginx")
    ('python', 'node', None)
    """
    name = program.lower()
    return _PLAIN.get(name) or _PLAIN.get(name.rstrip("0123456789.-").removesuffix("w"))


# -- interpreters, each with the options that take a value of their own -------------------------

_PYTHON_VALUES = ("-X", "-W", "--check-hash-based-pycs")
_NODE_VALUES = (
    "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions",
    "--env-file", "--max-old-space-size", "--title", "--icu-data-dir", "--openssl-config",
)  # fmt: skip
_NODE_TEXT = ("-e", "--eval", "-p", "--print", "-pe")
_JAVA_VALUES = (
    "-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens",
    "--add-exports", "--add-reads", "--upgrade-module-path", "-d", "--describe-module",
)  # fmt: skip
_SCRIPT_VALUES = ("-I", "-r", "-C", "-E", "-W", "-M", "-K", "-F")
_SHELL_TEXT = ("-c", "-lc", "-ic", "-ec", "-xc", "-euc", "-exc")
_PHP_VALUES = ("-c", "-d", "-z", "-t")
_PHP_TEXT = ("-r", "-B", "-R", "-E")
_TOOL_FOLDERS = ("node_modules", "site-packages", ".bin", "bin", "dist", "lib", "cli", "build")


def _operands(words: tuple[str, ...], values: Iterable[str]) -> int:
    """Where the first word stands that is no option and no option's value."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1
        if not word.startswith("-") or word == "-":
            return at
        at += 2 if word in values else 1
    return at


def _python(program: str, words: tuple[str, ...]) -> Run | None:
    at = 0
    while at < len(words):
        word = words[at]
        letters = word[1:] if word[:1] == "-" and word[:2] != "--" else ""
        for end in ("m", "c"):  # also behind flags without a value: -um
            if end in letters and letters.rstrip(end)[:1] not in ("X", "W"):
                before, _, glued = letters.partition(end)
                if before.strip("bBdEhiIOPqsSuvVx?"):
                    continue
                value = (glued, *words[at + 1 :]) if glued else words[at + 1 :]
                if end == "c" or not value:
                    return Run(RunKind.SCRIPT, "-c …", program)
                return _tool(value[0], value[1:], program) or Run(
                    RunKind.MODULE, value[0], program, value[1:]
                )
        if word in _PYTHON_VALUES:
            at += 2
        elif word.startswith("-") and word != "-":
            at += 1
        else:
            return _script(program, words[at:])
    return None


def _node(program: str, words: tuple[str, ...]) -> Run | None:
    if words[:1] in (("inspect",), ("run",)):
        words = words[1:]
    at = _operands(words, _NODE_VALUES)
    if any(word in _NODE_TEXT for word in words[:at]):
        return Run(RunKind.SCRIPT, "-e …", program)
    return _script(program, words[at:])


def _deno(program: str, words: tuple[str, ...]) -> Run | None:
    if words[:1] in (("run",), ("serve",)):
        rest = words[1:]
        at = _operands(rest, ())
        if rest[at:]:
            return Run(RunKind.SCRIPT, f"{words[0]} {_short(rest[at])}", program, rest[at + 1 :])
    return _node(program, words)


def _java(program: str, words: tuple[str, ...]) -> Run | None:
    at = 0
    while at < len(words):
        word = words[at]
        if word == "-jar" and words[at + 1 :]:
            return Run(RunKind.ARCHIVE, base_name(words[at + 1]), program, words[at + 2 :])
        if word in ("-m", "--module") and words[at + 1 :]:
            name = words[at + 1].rpartition("/")[2]
            return Run(RunKind.CLASS, name, program, words[at + 2 :])
        if word in _JAVA_VALUES:
            at += 2
        elif word.startswith(("-", "@")):
            at += 1
        else:
            return Run(RunKind.CLASS, word, program, words[at + 1 :])
    return None


def _php(program: str, words: tuple[str, ...]) -> Run | None:
    for at, word in enumerate(words):
        if word.startswith("-S"):
            address = word[2:] or next(iter(words[at + 1 :]), "")
            return Run(RunKind.SCRIPT, f"-S {address}".rstrip(), program)
    at = _operands(words, _PHP_VALUES)
    if any(word[:2] in _PHP_TEXT for word in words[:at]):
        return Run(RunKind.SCRIPT, "-r …", program)
    return _script(program, words[at:])


def _shell(program: str, words: tuple[str, ...]) -> Run | None:
    at = _operands(words, ("-o", "+o", "--rcfile", "--init-file"))
    if any(word in _SHELL_TEXT for word in words[:at]):
        return Run(RunKind.SCRIPT, "-c …", program)
    return _script(program, words[at:])


def _plain(program: str, words: tuple[str, ...]) -> Run | None:
    at = _operands(words, _SCRIPT_VALUES)
    if any(map(_takes_code, words[:at])):
        return Run(RunKind.SCRIPT, "-e …", program)
    return _script(program, words[at:])


def _takes_code(word: str) -> bool:
    """Whether *word* is ``-e``, alone or behind flags, as in ``perl -ne CODE``."""
    flags = word[1:-1]
    return word[:1] == "-" and word[-1:] in ("e", "E") and flags.strip("nplawsS") == ""


def _wrapper(program: str, words: tuple[str, ...]) -> Run | None:
    """``uv run``, ``npx`` and the like: what they run has a process of its own, or is in it."""
    rest = words[1:] if words[:1] in (("run",), ("exec",), ("tool",)) else words
    at = _operands(rest, ("--with", "-p", "--package", "--python", "--project", "--directory"))
    name = f"{program} run" if rest is not words else program
    if not rest[at:]:
        return None
    return Run(RunKind.COMMAND, f"{name} {_short(rest[at])}", program, rest[at + 1 :])


_READERS = {
    "python": _python, "node": _node, "deno": _deno, "java": _java, "php": _php,
    "shell": _shell, "script": _plain, "wrapper": _wrapper,
}  # fmt: skip


def _script(program: str, words: tuple[str, ...]) -> Run | None:
    if not words or words[0] in ("", "-"):
        return None
    return _tool(words[0], words[1:], program) or Run(
        RunKind.SCRIPT, _short(words[0]), program, words[1:]
    )


def _tool(path: str, words: tuple[str, ...], program: str) -> Run | None:
    """A tool that was installed for an interpreter, and what it was told to do: ``next dev``."""
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    if "node_modules" in parts:
        inside = parts[len(parts) - parts[::-1].index("node_modules") :]
        scoped = inside[:1] and inside[0].startswith("@")
        name = "/".join(inside[: 2 if scoped else 1]) if inside[0] != ".bin" else inside[-1]
    elif len(parts) > 1 and parts[-2] in ("bin", "Scripts") and "." not in parts[-1]:
        name = parts[-1]  # an entry point: /srv/shop/.venv/bin/gunicorn
    elif parts and parts[-1] in _MANAGERS:
        name = parts[-1]
    else:
        return None
    told = words[0] if words and words[0].isidentifier() else None
    if told is None:
        return Run(RunKind.COMMAND, name, program, words)
    return Run(RunKind.COMMAND, f"{name} {told}", program, words[1:])


# Scripts of a project that say by what they are told what they do.
_MANAGERS = ("manage.py", "artisan", "rails", "rake", "mix")


def _short(path: str) -> str:
    """A script as one calls it in its own folder: the working directory tells which that is."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path
