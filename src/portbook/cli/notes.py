"""``portbook notes``."""

from __future__ import annotations

import os

from portbook.app.notes import adopt
from portbook.catalog.expectations.lookup import (
    PROJECT_FILE,
    NotesFile,
    Place,
    check_named,
    places,
    read_file,
    read_files,
    trusted_users,
)
from portbook.catalog.expectations.trust import distrust, trust
from portbook.cli.help import Parser
from portbook.cli.terminal import print_json, show, style
from portbook.errors import BadNotes, UsageError, shown
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
    path = _path_of(options.file)
    own = next((each for each in places(os.environ) if each.path == path), None)
    if own is not None and own.whose is not Whose.PROJECT:
        raise UsageError(f"{shown(path, 200)} is your own file: its notes count already")
    if os.path.basename(path) != PROJECT_FILE:
        raise UsageError(
            f"{shown(path, 200)} is never read: a project's notes stand in {PROJECT_FILE}"
        )
    file = read_file(Place(path, Whose.PROJECT), trusted_users())
    if file.problem is not None:
        raise BadNotes(f"{file.problem}: it can't be trusted")
    trust(os.environ, path, file.sha256)
    _show(options, file, notes.render_trusted)
    return 0


def _distrust(options: argparse.Namespace) -> int:
    path = _path_of(options.file)
    before = distrust(os.environ, path)
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


def _path_of(word: str) -> str:
    """The file that *word* names, by the path that is found when the user stands in its folder."""
    path = os.path.abspath(word)
    if os.path.isdir(path):
        path = os.path.join(path, PROJECT_FILE)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
