"""A first word that is no command and nothing on record, but nearly one: did you mean?"""

from __future__ import annotations

from portbook.errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portbook.catalog import Catalog

# What people type for a command, by the habit of other tools.
_VERBS = {
    "kill": ("stop",),
    "free": ("why", "stop"),
    "ls": ("listen",),
    "list": ("listen",),
    "ps": ("listen",),
    "version": ("--version",),
}
_WITHOUT_PORT = {"free": ("pick",)}
# Before a port these are verbs; alone they are text to search.
_BEFORE_PORT = {
    "check": ("show",),
    "info": ("show",),
    "lookup": ("show",),
    "status": ("show",),
    "test": ("show",),
    "verdict": ("show",),
    "query": ("show",),
    "close": ("stop",),
    "terminate": ("stop",),
}
# Options of other tools, and the command that does it; of none where that is the port alone.
_FOREIGN_OPTIONS = {"-p": "", "--port": "", "-k": "stop ", "--kill": "stop ", "--stop": "stop "}
_ALONE = ("--version", "listen", "pick")  # what is proposed for a verb without what follows it
_LONG = 7  # letters of a command from which on two edits still make it
_MOST_SHOWN = 80  # characters of the other arguments in the proposal


def did_you_mean(argv: Sequence[str], commands: Iterable[str], catalog: Catalog) -> str | None:
    """The message for *argv*, whose first word is no command; None where it is a query.

    It is one where any store knows the word exactly (a service, a product, a program, a note of
    the user's own), and where *argv* is a question. A word is taken for a command that is one edit
    away, or two from seven letters on, and for the verbs that people try.
    """
    word = argv[0].lower()
    verb = word in _VERBS or (word in _BEFORE_PORT and _has_port(argv[1:]))
    # A verb's options are another tool's: kill -9, ls -la.
    rest = [each for each in argv[1:] if not (verb and each.startswith("-"))]
    names = tuple(commands)
    proposals = _of_verb(word, rest) or nearest(word, names)
    # A command in capitals is one, whatever product has the word in its name.
    whole = verb or word in names
    if not proposals or _is_question(argv) or _known(argv[0], catalog, verb=whole):
        return None
    tail = _tail(rest)
    lines = [f"portbook {name}{'' if verb and name in _ALONE else tail}" for name in proposals]
    return f"no command {shown(argv[0])}; did you mean: {' or '.join(lines)}?"


def command_hint(argv: Sequence[str], commands: Iterable[str], catalog: Catalog) -> str | None:
    """What to say below the answer to *argv*: the command that was meant, perhaps.

    None but where a name that has no port, and that is nothing else, is nearly a command and stands
    before a port: whoever types ``stp 3000`` seldom asks for the Stream Protocol.
    """
    proposals = nearest(argv[0].lower(), commands) if _has_port(argv[1:]) else ()
    if not proposals or any(row.first is not None for row in catalog.registry.named(argv[0])):
        return None
    if _in_practice(argv[0], catalog, verb=False):
        return None
    lines = [f"portbook {name}{_tail(argv[1:])}" for name in proposals]
    return f"did you mean: {' or '.join(lines)}?"


def edits(one: str, other: str) -> int:
    """How many letters to insert, delete, replace or swap with the next make *one* of *other*.

    >>> edits("lsten", "listen"), edits("hisotry", "history"), edits("kill", "stop")
    (1, 1, 4)
    """
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for at, letter in enumerate(one, 1):
        previous, row = row, [at]
        for place, against in enumerate(other, 1):
            cost = min(
                previous[place] + 1,
                row[place - 1] + 1,
                previous[place - 1] + (letter != against),
            )
            if at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == against:
                cost = min(cost, before[place - 2] + 1)
            row.append(cost)
        before = previous
    return row[-1]


def foreign_option(argv: Sequence[str]) -> str | None:
    """The message for an option of other tools beside a port; None where there is none.

    >>> foreign_option(["3000", "--kill"])
    "no option '--kill'; did you mean: portbook stop 3000?"
    """
    option = next((word for word in argv if word in _FOREIGN_OPTIONS), None)
    ports = [word for word in argv if word[:1].isdigit()]
    if option is None or not ports:
        return None
    proposal = f"{_FOREIGN_OPTIONS[option]}{_tail(ports).lstrip()}"
    return f"no option {shown(option)}; did you mean: portbook {proposal}?"


def _of_verb(word: str, rest: Sequence[str]) -> tuple[str, ...]:
    ports = _has_port(rest)
    if word in _WITHOUT_PORT and not ports:
        return _WITHOUT_PORT[word]
    return _VERBS.get(word, _BEFORE_PORT.get(word, ()) if ports else ())


def _has_port(words: Iterable[str]) -> bool:
    return any(word[:1].isdigit() for word in words)


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of *names* that *word* is for by a slip: one edit away, or two from seven letters on.

    >>> nearest("--jsno", ["--json", "--jsonl", "--yes"]), nearest("--yaml", ["--json"])
    (('--json',), ())
    """
    near: dict[int, list[str]] = {}
    for name in names:
        most = 2 if len(name) >= _LONG else 1
        if abs(len(name) - len(word)) <= most:
            distance = edits(word, name)
            if distance <= most:
                near.setdefault(distance, []).append(name)
    return tuple(near[min(near)]) if near else ()


def _is_question(argv: Sequence[str]) -> bool:
    from portbook.formats.errors.questions import is_question

    return is_question([word for word in argv if not word.startswith("-")])


def _known(word: str, catalog: Catalog, *, verb: bool) -> bool:
    """Whether any store has something that is called *word*; for a *verb*, by that whole name."""
    return bool(catalog.registry.named(word)) or _in_practice(word, catalog, verb=verb)


def _in_practice(word: str, catalog: Catalog, *, verb: bool) -> bool:
    """As :func:`_known`, the names of the registry left out."""
    practice = catalog.practice
    if practice.programs_named(word):
        return True
    from portbook.catalog.text_index import words_of

    name = word.lower()
    if name in catalog.derived(_other_names):
        return True
    notes = catalog.expectations().notes
    titles = [
        *(use.product for use in practice.uses()),
        *(name for each in practice.programs() for name in (each.name, each.product)),
        *(report.subject for report in practice.abuse()),
        *(note.label or "" for note in notes),
    ]
    return any(
        name == title.lower() or (not verb and name in words_of(title))
        for title in titles
        if name in title.lower()
    )


def _other_names(catalog: Catalog) -> frozenset[str]:
    """What services are called beside their names in the registry, in lower case."""
    called = [
        name for known in catalog.practice.services() for name in (known.name, *known.also_called)
    ]
    given_up = [name for *_, names in catalog.registry.store.assigned() for name in names]
    return frozenset([name.lower() for name in (*called, *given_up)])


def _tail(rest: Sequence[str]) -> str:
    from shlex import quote

    from portbook.present.escape import plain

    words = "".join(f" {plain(quote(word))}" for word in rest)
    return words if len(words) <= _MOST_SHOWN else " …"
