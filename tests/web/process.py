"""A server as a user starts it: a process of its own, on any free port."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


class Running(NamedTuple):
    """A server that runs; *token* is the one it printed, None where it doesn't run as root."""

    process: subprocess.Popen[str]
    url: str
    port: int
    token: str | None
    folder: Path


def environ(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a server whose data is in *folder*."""
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    found = {**os.environ, "PYTHONPATH": paths, "XDG_DATA_HOME": str(folder), **more}
    found.pop("PORTBOOK_DATABASE_URL", None)
    return {**found, **more}


STAND_IN = (sys.executable, "-m", "tests.web.serving")
REAL = (sys.executable, "-m", "portbook")


@contextlib.contextmanager
def serving(
    folder: Path, *options: str, program: tuple[str, ...] = STAND_IN, **env: str
) -> Iterator[Running]:
    """A server with *options*; it is killed in the end, if it still runs.

    *program* is what serves: the stand-in's pages, unless told otherwise.
    """
    command = [*program, "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        env=environ(folder, **env),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        address = re.search(r"http://\S+:(\d+)/", first)
        assert address, (first, process.communicate(timeout=10))
        token = None
        if "--public" not in options:
            said = re.search(r"/here(?:\?token=(\S+))?$", process.stdout.readline())
            assert said
            token = said[1]
        yield Running(process, address[0].rstrip("/"), int(address[1]), token, folder)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
