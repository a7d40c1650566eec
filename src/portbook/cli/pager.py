"""A long text on a terminal goes through a pager, as git and man have it.

``PORTBOOK_PAGER`` names it, else ``PAGER``, else it is less, if that is installed; empty or ``cat``
is none. For root, whose environment may be another user's (su, sudo -E), a pager is taken from
folders that root alone writes to, gets an environment made anew, and runs no other programs
(``LESSSECURE``, less(1)).
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

from portbook.host.run_tool import (
    SYSTEM_FOLDERS,
    acts_as_root,
    find_tool,
    tool_environment,
    trusted_path,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT = "less"
# F: a text that fits ends at once; R: colours; X: the text stays on the screen.
_LESS = "FRX"


def page(text: str, environ: Mapping[str, str] | None = None) -> bool:
    """Shows *text* in the pager until it is closed; False where there is none that runs.

    Raises KeyboardInterrupt where Ctrl-C ended the pager itself (less stays: it is a key there).
    """
    env = os.environ if environ is None else environ
    command = pager_of(env)
    if command is None:
        return False
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment(env))  # noqa: S603
    except OSError:
        return False
    # The terminal sends Ctrl-C to both. What it means here is the pager's to say: less goes on.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        encoding = sys.stdout.encoding or "utf-8"
        # It may be closed before it has read all: communicate() doesn't mind.
        pager.communicate(text.encode(encoding, "backslashreplace"))
    finally:
        signal.signal(signal.SIGINT, before)
    if pager.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    return True


def pager_of(environ: Mapping[str, str]) -> list[str] | None:
    """The command line of the pager that *environ* asks for; None where there is none."""
    asked = environ.get("PORTBOOK_PAGER", environ.get("PAGER", _DEFAULT))
    try:
        words = shlex.split(asked)
    except ValueError:  # a quotation that doesn't end
        return None
    if not words or words == ["cat"]:
        return None
    if not acts_as_root() and "/" in words[0]:
        return words
    folder, name = os.path.split(words[0])
    path = find_tool(name, folder or trusted_path(environ.get("PATH", SYSTEM_FOLDERS)))
    return None if path is None else [path, *words[1:]]


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    if not acts_as_root():
        return {"LESS": _LESS, "LV": "-c", **environ}
    return {**tool_environment(environ), "LESS": _LESS, "LV": "-c", "LESSSECURE": "1"}
