"""What portbook can see on this machine, and what its answers rest on."""

from __future__ import annotations

import sys
import time

from portbook._fast_types import NamedTuple
from portbook.host.host_reader import THIS_HOST
from portbook.model import OwnerSearch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from portbook.catalog import Catalog
    from portbook.catalog.expectations.lookup import NotesFile
    from portbook.host.host_reader import HostReader
    from portbook.model import Gap, PortRules

OLD_DAYS = 180  # from which on an update of the registry is proposed

# What each extra needs, by the names of the modules; pyproject.toml has the packages.
EXTRAS = {
    "web": ("anyio", "jinja2", "starlette", "uvicorn"),
    "audit": ("duckdb", "ibis", "jinja2"),
    "postgres": ("psycopg",),
    "spark": ("pyspark",),
}


class Extra(NamedTuple):
    """An optional part, and the modules that it lacks here; installed where that is none."""

    name: str
    lacking: tuple[str, ...]


class RegistryInUse(NamedTuple):
    """The registry that answers: its day, its age, and whether ``portbook update`` kept it.

    ``days`` is None where its day can't be read; ``notes`` say what was wrong with a newer one.
    """

    as_of: str
    days: int | None
    kept: bool
    notes: tuple[str, ...]


class Checkup(NamedTuple):
    """What was found out: of sockets and their owners, and of what is on record.

    ``sockets`` are those that listen or are bound, ``owned`` of them have an owner that was seen.
    ``missing`` is what could not be seen, with what it takes to see it.
    """

    system: str
    python: str
    uid: int | None
    rules: PortRules
    sockets: int
    owned: int
    missing: tuple[Gap, ...]
    registry: RegistryInUse
    extras: tuple[Extra, ...]
    notes: tuple[NotesFile, ...]
    notes_problem: str | None


def check_up(
    catalog: Catalog,
    host: HostReader = THIS_HOST,
    now: float | None = None,
    has_module: Callable[[str], bool] | None = None,
) -> Checkup:
    """Looks as hard as portbook can, and tells what it could not see.

    Raises HostUnreadable, DataMissing or DataCorrupt.
    """
    import os

    from portbook.catalog.expectations.lookup import read_files

    seen = host.read_host(None, None, OwnerSearch.ALL)
    _, namespaces = host.read_elsewhere(None, None, OwnerSearch.NONE)
    _, redirects = host.read_redirects(None, None)
    _, names = host.add_names(seen.listeners)
    files, problem = read_files()
    missing = dict.fromkeys((*seen.missing, *namespaces, *redirects, *names))
    return Checkup(
        system=sys.platform,
        python=".".join(map(str, sys.version_info[:3])),
        uid=os.geteuid() if hasattr(os, "geteuid") else None,
        rules=host.read_rules(),
        sockets=len(seen.listeners),
        owned=sum(bool(each.ownership.owners) for each in seen.listeners),
        missing=tuple(missing),
        registry=_registry(catalog, time.time() if now is None else now),
        extras=tuple(_extras(has_module or _has_module)),
        notes=files,
        notes_problem=problem,
    )


def _registry(catalog: Catalog, now: float) -> RegistryInUse:
    from portbook.catalog.registry.tsv_reader import SHIPPED

    store = catalog.registry.store
    try:
        day = time.strptime(store.as_of, "%Y-%m-%d")
        days: int | None = max(0, int(now // 86_400) - _day_number(day))
    except ValueError:
        days = None
    notes = tuple(catalog.notes)
    catalog.notes.clear()  # they are part of this answer
    return RegistryInUse(store.as_of, days, store.folder != SHIPPED, notes)


def _day_number(day: time.struct_time) -> int:
    import calendar

    return calendar.timegm(day) // 86_400


def _extras(has_module: Callable[[str], bool]) -> list[Extra]:
    return [
        Extra(name, tuple(module for module in modules if not has_module(module)))
        for name, modules in EXTRAS.items()
    ]


def _has_module(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
