"""``portbook completion``: scripts that let bash, zsh and fish complete what is typed.

A script holds all that it completes: commands, options with their values, topics, and the names of
services. So a TAB runs the shell alone, and no Python. Where a command begins with the first word,
names that begin with it too aren't offered: ``li`` is ``listen``.
"""

from __future__ import annotations

import argparse
import sys
from shlex import quote

from portbook._fast_types import NamedTuple
from portbook.app.topics import Topic
from portbook.cli import COMMANDS
from portbook.cli.help import Parser, parser_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from portbook.catalog import Catalog

SHELLS = ("bash", "zsh", "fish")
FILES, NAMES = "files", "names"

# What stands for a file or for a service in the help, and words where neither does.
_FILE_WORDS = frozenset(("FILE", "SOURCE", "DIR", "OLD"))
_NAME_WORDS = frozenset(("PORT", "QUERY", "TEXT", "PORT|NAME"))
_WORDS = {"topic": tuple(map(str, Topic)), "notes": ("trust", "distrust"), "completion": SHELLS}
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_+./-")  # that mean nothing to a shell
_LONGEST = 60  # characters of a description


class Option(NamedTuple):
    """An option of a command: how it is written, what it takes (None: nothing), what it does."""

    flags: tuple[str, ...]
    metavar: str | None
    choices: tuple[str, ...]
    about: str


class Shape(NamedTuple):
    """What the command line of a command may hold; ``operands`` are written as in its help.

    ``operand_abouts`` has the name of each, and what it is.
    """

    name: str
    about: str
    operands: tuple[str, ...]
    options: tuple[Option, ...]
    operand_abouts: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str | tuple[str, ...]:
        """What its operands are: files, names of services, or one of some words."""
        if self.name in _WORDS:
            return _WORDS[self.name]
        words = {word.strip("[]. ") for word in self.operands}
        return FILES if words & _FILE_WORDS else NAMES if words & _NAME_WORDS else ()


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Prints the script for one shell."""
    parser = Parser(
        "completion",
        "Print the script that lets a shell complete commands, options, topics and the names of "
        "services. Print it anew after an update.",
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    options = parser.parse_args(list(argv))
    sys.stdout.write(_SCRIPTS[options.shell](shapes(catalog), names_by_letter(catalog)))
    return 0


def shapes(catalog: Catalog) -> tuple[Shape, ...]:
    """All commands, in the order of the help."""
    return tuple(
        shape_of(parser_of(module, catalog), name, about)
        for name, (module, about) in COMMANDS.items()
    )


def shape_of(parser: Parser, name: str, about: str) -> Shape:
    """What *parser* takes: argparse has no public way to ask it."""
    operands, operand_abouts, options = [], [], []
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help is argparse.SUPPRESS:
            continue
        words = tuple(map(str, action.choices or ()))
        told = " ".join(formatter._expand_help(action).split()) if action.help else ""
        if not action.option_strings:
            name_of = str(action.metavar or action.dest.upper())
            many = {"*": f"[{name_of} ...]", "+": f"{name_of} ...", "?": f"[{name_of}]"}
            operands.append(many.get(str(action.nargs), name_of))
            operand_abouts.append((name_of, told))
            continue
        takes: str | None = None
        if action.nargs != 0:
            metavar = action.metavar or ("|".join(words) if words else action.dest.upper())
            takes = " ".join(metavar) if isinstance(metavar, tuple) else metavar
        options.append(Option(tuple(action.option_strings), takes, words, told))
    return Shape(
        name=name,
        about=about,
        operands=tuple(operands),
        options=tuple(options),
        operand_abouts=tuple(operand_abouts),
    )


def names_by_letter(catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """The services' names by their first letter, without any that a shell could take otherwise.

    A name that an update brought may hold anything, and the script is run.
    """
    letters: dict[str, set[str]] = {}
    for row in catalog.registry.rows():
        for name in (row.service_name, *row.aliases):
            if name and name[0].isalnum() and set(name.lower()) <= _LETTERS:
                letters.setdefault(name[0].lower(), set()).add(name.lower())
    return {letter: tuple(sorted(names)) for letter, names in sorted(letters.items())}


def _short(about: str) -> str:
    head = about.partition(";")[0].partition(" (")[0]
    return head if len(head) <= _LONGEST else head[: _LONGEST - 1] + "…"


def _taken(option: Option) -> str | tuple[str, ...]:
    """What the value of *option* is: some words, files, or anything."""
    if option.choices:
        return option.choices
    return FILES if option.metavar in _FILE_WORDS else ""


def _cases(
    every: Sequence[Shape], complete: Callable[[str | tuple[str, ...]], str]
) -> Iterator[str]:
    """A line of a ``case`` for each option with a value, which *complete* is the code for."""
    for shape in every:
        for option in shape.options:
            if option.metavar is not None:
                pattern = "|".join(f"{shape.name}{flag}" for flag in option.flags)
                yield f"        {pattern}) {complete(_taken(option))} return ;;"


def _filled(script: str, **parts: Iterable[str]) -> str:
    """*script* with the lines of each of *parts* where its name stands between at signs."""
    for name, lines in parts.items():
        script = script.replace(f"@{name}@", "\n".join(lines))
    return script


# -- bash -------------------------------------------------------------------------------------

_BASH = r"""# Completion of portbook for bash: source <(portbook completion bash)
_portbook_fit() {
    local word
    for word in $2; do [[ $word == "$1"* ]] && COMPREPLY+=("$word"); done
    return 0
}
_portbook_files() {
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
    compopt -o filenames 2>/dev/null
}
_portbook_names() {
    local cur=${1,,}
    case $cur in
@names@
    esac
}
_portbook() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i
    COMPREPLY=()
    if [[ $cur == = ]]; then cur=
    elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --color) ((i++)) ;;
            -*) ;;
            *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    if [[ -z $command && $cur != -* && $prev != --color ]]; then
        _portbook_fit "$cur" '@commands@'
        [[ -n $cur && ${#COMPREPLY[@]} == 0 ]] && _portbook_names "$cur"
        return
    fi
    case " @commands@ " in *" $command "*) ;; *) command=show ;; esac
    case $command$prev in
@values@
    esac
    case $command in
@operands@
    esac
}
complete -F _portbook portbook
"""


def _bash(every: Sequence[Shape], letters: Mapping[str, tuple[str, ...]]) -> str:
    names = [
        f"        {letter}*) _portbook_fit \"$cur\" '{' '.join(some)}' ;;"
        for letter, some in letters.items()
    ]
    operands = []
    for shape in every:
        flags_of = " ".join(flag for option in shape.options for flag in option.flags)
        operands.append(
            f'        {shape.name}) if [[ $cur == -* ]]; then _portbook_fit "$cur" '
            f"'{flags_of}'; else {_bash_of(shape.kind) or ':;'} fi ;;"
        )
    commands = " ".join((*(shape.name for shape in every), "help"))
    operands.append(f"        help) {_bash_of(tuple(commands.split()))} ;;")
    return _filled(
        _BASH, names=names, commands=[commands], values=_cases(every, _bash_of), operands=operands
    )


def _bash_of(kind: str | tuple[str, ...]) -> str:
    if kind == FILES:
        return '_portbook_files "$cur";'
    if kind == NAMES:
        return '_portbook_names "$cur";'
    return f"_portbook_fit \"$cur\" '{' '.join(kind)}';" if kind else ""


# -- zsh --------------------------------------------------------------------------------------

_ZSH = r"""#compdef portbook
# Completion of portbook for zsh: source <(portbook completion zsh), after compinit
_portbook_names() {
    case ${(L)PREFIX} in
@names@
    esac
}
_portbook() {
    local command= prev=${words[CURRENT-1]} i
    local -a commands options
    commands=(
@commands@
    )
    for ((i = 2; i < CURRENT; i++)); do
        case ${words[i]} in
            --color) ((i++)) ;;
            -*) ;;
            *) command=${words[i]}; break ;;
        esac
    done
    if [[ -z $command && $PREFIX != -* && $prev != --color ]]; then
        _describe -t commands command commands || { [[ -n $PREFIX ]] && _portbook_names; }
        return
    fi
    (( ${commands[(I)$command:*]} )) || command=show
    if [[ $PREFIX == --*=* ]]; then
        prev=${PREFIX%%=*}
        compset -P 1 '*='
    fi
    case $command$prev in
@values@
    esac
    case $command in
@operands@
    esac
    if [[ $PREFIX == -* ]]; then _describe -o -t options option options; fi
}
if [[ ${funcstack[1]} == _portbook ]]; then _portbook "$@"; else compdef _portbook portbook; fi
"""


def _zsh(every: Sequence[Shape], letters: Mapping[str, tuple[str, ...]]) -> str:
    names = [
        f"        {letter}*) compadd -M 'm:{{A-Z}}={{a-z}}' -- {' '.join(some)} ;;"
        for letter, some in letters.items()
    ]
    operands = []
    for shape in every:
        described = " ".join(
            quote(f"{flag}:{_short(option.about)}")
            for option in shape.options
            for flag in option.flags
        )
        operands.append(
            f"        {shape.name}) options=({described})\n"
            f"            [[ $PREFIX == -* ]] || {{ {_zsh_of(shape.kind) or ':;'} }} ;;"
        )
    about = [f"        {quote(f'{shape.name}:{shape.about}')}" for shape in every]
    about.append(f"        {quote('help:show the help of a command')}")
    operands.append("        help) _describe -t commands command commands ;;")
    return _filled(
        _ZSH, names=names, commands=about, values=_cases(every, _zsh_of), operands=operands
    )


def _zsh_of(kind: str | tuple[str, ...]) -> str:
    if kind == FILES:
        return "_files;"
    if kind == NAMES:
        return "_portbook_names;"
    return f"compadd -- {' '.join(kind)};" if kind else ""


# -- fish -------------------------------------------------------------------------------------

_FISH = r"""# Completion of portbook for fish: portbook completion fish | source
function __portbook_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --color
                set -e words[1]
            case '-*'
            case @commands@
                echo $words[1]
                return
            case '*'
                echo show
                return
        end
        set -e words[1]
    end
end
function __portbook_is
    test "$(__portbook_command)" = "$argv[1]"
end
function __portbook_names
    switch (string lower -- (commandline -ct))
@names@
    end
end
function __portbook_first
    string match -qr -- '^'(string escape --style=regex -- (commandline -ct)) @commands@
    or __portbook_names
end
complete -c portbook -f
complete -c portbook -n '__portbook_is ""' -a '(__portbook_first)'
@commands_about@
@rest@
"""


def _fish(every: Sequence[Shape], letters: Mapping[str, tuple[str, ...]]) -> str:
    names = [
        f"        case '{letter}*'\n            printf '%s\\n' {' '.join(some)}"
        for letter, some in letters.items()
    ]
    commands = [*((shape.name, shape.about) for shape in every), ("help", "show help")]
    first = [
        f"complete -c portbook -n '__portbook_is \"\"' -a {name} -d {_fish_quoted(about)}"
        for name, about in commands
    ]
    rest = []
    for shape in every:
        # Options before any command are those of show.
        which = "show; or __portbook_is ''" if shape.name == "show" else shape.name
        head = f'complete -c portbook -n "__portbook_is {which}"'
        for option in shape.options:
            flags = " ".join(
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                for flag in option.flags
            )
            value = "" if option.metavar is None else _fish_of(_taken(option), "-x", "-r -F")
            rest.append(f"{head} {flags}{value} -d {_fish_quoted(_short(option.about))}")
        if shape.kind:
            rest.append(f"{head}{_fish_of(shape.kind, '', '-F')}")
    listed = " ".join(name for name, _ in commands)
    rest.append(f"complete -c portbook -n '__portbook_is help' -a '{listed}'")
    return _filled(_FISH, names=names, commands_about=first, commands=[listed], rest=rest)


def _fish_of(kind: str | tuple[str, ...], words: str, files: str) -> str:
    if kind == FILES:
        return f" {files}"
    if kind == NAMES:
        return " -a '(__portbook_names)'"
    return f" {words} -a '{' '.join(kind)}'" if kind else f" {words}"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
