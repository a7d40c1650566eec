"""``portbook notes``."""

from __future__ import annotations

from portbook.app.notes import adopt, distrust_project, project_file, trust_project
from portbook.catalog.expectations.lookup import PROJECT_FILE, NotesFile, check_named, read_files
from portbook.cli.help import Parser
from portbook.cli.terminal import print_json, show, style
from portbook.errors import UsageError, shown
from portbook.model import Whose
from portbook.present.views import notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from portbook.catalog import Catalog


def run(argv: Sequence[str], catalog: Catalog) -> int:
    """Lists the notes, or changes which project's are trusted."""
    options = _parse(argv)
    if options.adopt:
        show(notes.render_written(adopt(catalog), style()))
        return 0
    if options.action is not None:
        return _ACTIONS[options.action](options)
    check_named(catalog.expectations)
    files, unseen = read_files()
    missing = () if unseen is None else (unseen,)
    if options.json:
        from portbook.present.render.report_json import of_notes

        print_json(of_notes(files, missing))
    else:
        show(notes.render(files, missing, style()))
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        "notes",
        "List the notes on ports that are read in this folder, and whose they are. A project's "
        "notes only label ports until you trust its file; a change makes it untrusted again.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        metavar="ACTION",
        help="list: as without it; trust FILE: let a project's notes count, as they are now; "
        "distrust FILE: let them only label again",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help=f"a project's {PROJECT_FILE}")
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="write what listens now into your own file: a label and the program for each port "
        "without a note",
    )
    parser.add_argument("-j", "--json", action="store_true", help="one JSON object")
    options = parser.parse_args(list(argv))
    if options.adopt and (options.action is not None or options.json):
        raise UsageError("--adopt writes notes and goes with nothing else: give it alone")
    if options.action == "list" and options.file is None:  # as the hand types it
        options.action = None
    if options.action is not None and options.action not in _ACTIONS:
        raise UsageError(
            f"notes can't {shown(options.action)}: give list, trust FILE or distrust FILE"
        )
    if options.action is not None and options.file is None:
        raise UsageError(
            f"there is no file to {options.action}: portbook notes {options.action} {PROJECT_FILE}"
        )
    return options


def _trust(options: argparse.Namespace) -> int:
    _show(options, trust_project(options.file), notes.render_trusted)
    return 0


def _distrust(options: argparse.Namespace) -> int:
    path = project_file(options.file)
    before = distrust_project(path)
    file = NotesFile(path, Whose.PROJECT, trusted=False)
    _show(options, file, lambda *_: notes.render_distrusted(path, before=before))
    return 0


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "trust": _trust,
    "distrust": _distrust,
}


def _show(options: argparse.Namespace, file: NotesFile, render: Callable[..., str]) -> None:
    if options.json:
        from portbook.present.render.report_json import of_notes

        print_json(of_notes((file,), ()))
    else:
        show(render(file, style()))
