"""The registries kept on this machine, each use of them as one call; the package offers these.

A catalog that is open keeps its registry, whichever is put in use: open another to read that one.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portbook.app.history import Chronicle
    from portbook.app.update import Outcome, Request
    from portbook.catalog import Catalog
    from portbook.catalog.update.install import Version


def update(request: Request | None = None) -> Outcome:
    """Puts a newer registry in use for this user, or says what that would change.

    :raises InvalidArgument: a source of which no kind is known.
    :raises NotFetched: it can't be downloaded or read.
    :raises MalformedInput: it is no registry.
    :raises Implausible: it is older, or doesn't look like the registry; ``force`` takes it.
    :raises NotKept: it can't be written.
    """
    from portbook.app import update as updates

    return updates.update(request or updates.Request())


def roll_back(*, system: bool = False) -> Outcome:
    """Puts the version before the one in use in use again: in the end, the shipped registry.

    *system* does it for all users of this machine.

    :raises NotKept: it can't be written.
    """
    from portbook.app import update as updates

    return updates.roll_back(updates.Request(system=system).home)


def registries(*, system: bool = False) -> tuple[Version, ...]:
    """The versions that updates kept for this user, the oldest first; with *system* for all."""
    from portbook.catalog.update import install, versions

    return install.versions(versions.folder(os.environ, system=system))


def compare_registries(old: str, new: str, *, catalog: Catalog | None = None) -> Chronicle:
    """What changed between two of them.

    Each is ``shipped``, ``current``, or the number or the date of one that was kept.

    :raises InvalidArgument: there is no such one.
    """
    from portbook.app.history import compare_kept
    from portbook.catalog import Catalog

    return compare_kept(old, new, catalog or Catalog())
