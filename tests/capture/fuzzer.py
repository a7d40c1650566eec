"""A fuzzer of every reader: mutates the samples, led by what of the readers' code they reach.

Run as ``python tests/capture/fuzzer.py SEEDS [READER] [libFuzzer's options]``; ``test_fuzz.py``
does. The first byte of an input chooses the reader, the rest is what it reads; with READER, the
name of a format or ``found`` for one that is to be found, it is that reader alone. It ends at the
first input that breaks a reader, and leaves that in a file.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")
with atheris.instrument_imports(include=["portbook.capture"]):
    from portbook.capture import FORMATS, read, reader
    from portbook.errors import MalformedInput
    from portbook.model import LAST_PORT, Listener
    from portbook.pages.sockets import of_row

    for each in FORMATS:  # what is loaded later isn't watched
        reader(each)

# The last stands for a format that is to be found.
READERS: tuple[str | None, ...] = (*FORMATS, None)


def one_input(data: bytes, only: int | None = None) -> None:
    """Reads *data*, and raises where a reader breaks its promises. *only* is a place in READERS.

    Nothing is raised where the reader finds or refuses what it likes.
    """
    if not data:
        return
    name = READERS[data[0] % len(READERS) if only is None else only]
    try:
        events = list(read([data[1:]], name)[1])
    except MalformedInput:
        return
    for event in events:
        if isinstance(event, Listener):
            assert 0 <= event.port <= LAST_PORT
            assert event.address.isascii()
            assert event.address.isprintable()
            json.dumps(of_row(event)).encode()
        else:
            assert event.number >= 1
            assert len(event.text) <= 200


def seeds(samples: Path, folder: Path, only: int | None = None) -> None:
    """Writes each sample for the reader that it is for, and for the one that finds it.

    With *only* those of that reader alone are written.
    """
    for path in samples.iterdir():
        content = path.read_bytes()
        try:
            chosen, _ = read([content])
        except MalformedInput:
            continue
        for at in (READERS.index(chosen), len(READERS) - 1):
            if only in (None, at):
                (folder / f"{path.name}-{at}").write_bytes(bytes([at]) + content)


def main() -> None:
    """Fuzzes until the options say that it is enough."""
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    only: int | None = None
    if options and not options[0].startswith("-"):
        name = options.pop(0)
        only = READERS.index(None if name == "found" else name)
    seeds(Path(__file__).with_name("samples"), folder, only)
    atheris.Setup([sys.argv[0], str(folder), *options], functools.partial(one_input, only=only))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
