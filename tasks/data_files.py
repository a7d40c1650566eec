"""Data files that a task builds from packages: written, or compared with what is there."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tasks.registry_sources import Package

DATA = Path(__file__).parent.parent / "src" / "portbook" / "catalog" / "registry" / "data"

_REGISTRIES = {"pip": "PyPI", "npm": "npm"}


def run(
    name: str,
    about: str | None,
    build: Callable[[Path], Mapping[str, bytes]],
    arguments: Sequence[str] | None,
) -> int:
    """The task *name*: builds the files into the data folder, or compares them; the exit status.

    *build* makes the files by name, out of packages that it keeps in the folder it is given.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tasks.{name}", description=about)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--downloads", type=Path, metavar="DIR", help="keep the packages here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        files = build(options.downloads or Path(scratch))
    different = []
    for file, content in files.items():
        path = DATA / file
        if not path.exists() or path.read_bytes() != content:
            different.append(file)
            if not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        print(f"{file}: {len(content):,} bytes, {'different' if file in different else 'same'}")
    return 1 if options.check and different else 0


def hash_lines(files: Mapping[str, bytes]) -> Iterator[str]:
    """The hashes of *files* as a table of TOML."""
    yield "[files]"
    for name, content in files.items():
        yield f'"{name}" = "{hashlib.sha256(content).hexdigest()}"'


def package_lines(packages: Sequence[Package], fields: Sequence[str]) -> Iterator[str]:
    """The *packages* that something was built from as tables of TOML, with these *fields*."""
    for package in packages:
        yield from ("", "[[package]]", f'registry = "{_REGISTRIES[package.client]}"')
        for field in fields:
            yield f'{field} = "{getattr(package, field)}"'
