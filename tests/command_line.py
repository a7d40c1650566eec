"""The command line, run in the process of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook import cli
from tests.values import CATALOG

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str]) -> int:
    """Runs *argv* on the catalog that the tests of a process share; the exit status.

    A process of portbook opens one of its own, which takes longer than most commands.
    """
    return cli.run(argv, CATALOG)
