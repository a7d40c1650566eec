"""A fuzzer of every reader: mutates the samples, led by what of the readers' code they reach.

Run as ``python tests/capture/fuzzer.py SEEDS [libFuzzer's options]``; ``test_fuzz.py`` does. The
first byte of an input chooses the reader, the rest is what it reads. It ends at the first input
that breaks a reader, and leaves that in a file.
"""

from __future__ import annotations

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


def one_input(data: bytes) -> None:
    """Reads *data*; raises where a reader breaks its promises."""
    if not data:
        return
    name = READERS[data[0] % len(READERS)]
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


def seeds(samples: Path, folder: Path) -> None:
    """Writes each sample for the reader that it is for, and for the one that finds it."""
    for path in samples.iterdir():
        content = path.read_bytes()
        try:
            chosen, _ = read([content])
        except MalformedInput:
            continue
        for at in (READERS.index(chosen), len(READERS) - 1):
            (folder / f"{path.name}-{at}").write_bytes(bytes([at]) + content)


def main() -> None:
    """Fuzzes until the options say that it is enough."""
    folder = Path(sys.argv[1])
    seeds(Path(__file__).with_name("samples"), folder)
    atheris.Setup([sys.argv[0], str(folder), *sys.argv[2:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
