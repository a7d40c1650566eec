"""Writes what the commands of ``docs/tour.md`` print below each of them.

``python -m tasks.build_tour`` runs them in a network of their own, where nothing listens, so it
needs root. A block below a comment that begins "written by hand" stays as it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "tour.md"
BY_HAND = "<!-- written by hand"
_BLOCK = re.compile(r"(^[^\n]*\n)^```console\n(.*?)^```\n", re.DOTALL | re.MULTILINE)


def rewritten(document: str) -> str:
    """*document* with the commands of its blocks run, each followed by what it prints."""

    def run_block(match: re.Match[str]) -> str:
        before, block = match.groups()
        if before.startswith(BY_HAND):
            return match[0]
        commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
        shown = "".join(f"$ {command}\n{output_of(command)}" for command in commands)
        return f"{before}```console\n{shown}```\n"

    return _BLOCK.sub(run_block, document)


def output_of(command: str) -> str:
    """What *command* prints in a shell, on a machine where nothing listens.

    :raises RuntimeError: it can't be run, or prints nothing.
    """
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "PORTBOOK_REGISTRY": "shipped",
        "PORTBOOK_NOTES": "",
    }
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["unshare", "--net", "bash", "-c", f"ip link set lo up; {command}"],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environ,
            check=False,
        )
    if not done.stdout:
        raise RuntimeError(f"{command!r} prints nothing: {done.stderr.strip()}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text()))
