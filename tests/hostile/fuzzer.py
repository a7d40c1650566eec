"""A fuzzer of every reader: changes its samples, led by what of the product's code they reach.

Run as ``python tests/hostile/fuzzer.py SEEDS [READER] [libFuzzer's options]``; ``test_fuzz.py``
does. The first byte of an input chooses the reader, the rest is what it reads; with READER, a name
of :data:`tests.hostile.readers.READERS`, it is that one alone. It ends at the first input that
breaks a reader, and leaves that in a file.
"""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")
with atheris.instrument_imports(include=["portbook"]):  # what is loaded later isn't watched
    from portbook.formats.sockets.detect import FORMATS
    from portbook.formats.sockets.readers import reader
    from tests.hostile.readers import READERS

    for form in FORMATS.values():
        reader(form)

NAMES = tuple(READERS)
assert len(NAMES) <= 256


def one_input(data: bytes, only: int | None = None) -> None:
    """Reads *data*; raises where a reader breaks its promises. *only* is a place in NAMES."""
    if data:
        READERS[NAMES[data[0] % len(NAMES) if only is None else only]].read(data[1:])


def write_seeds(folder: Path, only: int | None = None) -> None:
    """Writes what each reader is made for, and a little of each kind that is made for it."""
    for at, name in enumerate(NAMES):
        if only not in (None, at):
            continue
        texts = [*READERS[name].samples, *(kind.make(200) for kind in READERS[name].inputs)]
        for number, text in enumerate(texts):
            (folder / f"{at}-{number}").write_bytes(bytes([at]) + text)


def main() -> None:
    """Fuzzes until the options say that it is enough."""
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    only: int | None = None
    if options and not options[0].startswith("-"):
        only = NAMES.index(options.pop(0))
    write_seeds(folder, only)
    atheris.Setup([sys.argv[0], str(folder), *options], functools.partial(one_input, only=only))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
