"""The project's dependencies, as make installs them.

``python -m tasks.dependencies newest`` prints every requirement of ``pyproject.toml`` without its
upper bound: what ``make newest`` tests with. ``python -m tasks.dependencies pins`` prints the
version of everything that is installed beside portbook: what ``make constraints`` writes into
``constraints.txt``. Only the standard library is needed.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
# Never pinned: portbook itself, and what puts packages into an environment.
_NOT_PINNED = {"pip", "portbook", "setuptools", "wheel"}
_HEAD = """\
# The versions that "make" installs for development: versions alone, without an index, so that they
# hold wherever packages come from. "make constraints" writes this file anew.
"""
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*([^;]*?)\s*(;.*)?", re.ASCII)


def canonical(name: str) -> str:
    """The one spelling of a package's name.

    https://packaging.python.org/en/latest/specifications/name-normalization/

    >>> canonical("Jinja2"), canonical("ibis_framework")
    ('jinja2', 'ibis-framework')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def runtime() -> list[str]:
    """The requirements of portbook and of its extras; those on portbook itself are left out."""
    table = _pyproject()["project"]
    lists = [table["dependencies"], *table["optional-dependencies"].values()]
    return [line for lines in lists for line in lines if not line.startswith("portbook[")]


def groups() -> dict[str, list[str]]:
    """The requirements of each dependency group, with those of the groups that it includes."""
    table = _pyproject()["dependency-groups"]

    def flat(name: str) -> list[str]:
        lines: list[str] = []
        for entry in table[name]:
            lines += [entry] if isinstance(entry, str) else flat(entry["include-group"])
        return lines

    return {name: flat(name) for name in table}


def without_upper_bounds(requirement: str) -> str:
    """*requirement* with its lower bounds alone.

    >>> without_upper_bounds("rich>=13,<16")
    'rich>=13'
    >>> without_upper_bounds("uvloop >=0.21, <1, !=0.22; sys_platform != 'win32'")
    "uvloop>=0.21; sys_platform != 'win32'"

    :raises ValueError: where it is no requirement by name.
    """
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise ValueError(f"no requirement by name: {requirement!r}")
    name, bounds, marker = match[1], match[2], match[3] or ""
    kept = [bound.strip() for bound in bounds.split(",") if bound.strip().startswith(">")]
    return f"{name}{','.join(kept)}{marker}"


def newest() -> list[str]:
    """Every requirement, of users and of development, without upper bounds."""
    lines = [*runtime(), *(line for lines in groups().values() for line in lines)]
    return sorted({without_upper_bounds(line) for line in lines})


def pins() -> list[str]:
    """``name==version`` of everything that is installed here, what installs it left out."""
    versions = {
        canonical(installed.name): installed.version
        for installed in importlib.metadata.distributions()
    }
    return [f"{name}=={versions[name]}" for name in sorted(versions.keys() - _NOT_PINNED)]


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def main() -> None:
    """Prints one of the lists."""
    what = sys.argv[1:]
    if what == ["newest"]:
        print("\n".join(newest()))
    elif what == ["pins"]:
        print(_HEAD + "\n".join(pins()))
    else:
        sys.exit("usage: python -m tasks.dependencies newest|pins")


if __name__ == "__main__":
    main()
