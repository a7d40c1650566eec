"""Command lines stay out of pages unless they were asked for: passwords stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portbook.model import Gap, GapCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Listener

MASKED = Gap(GapCode.COMMANDS_MASKED)


def masked(listener: Listener, *, show: bool) -> Listener:
    """*listener* without its owners' command lines and directories, unless they are to be shown.

    The whole line goes: a process can write anything into its first word too.
    """
    if show or not listener.ownership.owners:
        return listener
    return listener._replace(
        ownership=listener.ownership._replace(
            owners=tuple(
                owner._replace(command=None, cwd=None) for owner in listener.ownership.owners
            )
        )
    )


def masked_all(
    listeners: Iterable[Listener], missing: tuple[Gap, ...], *, show: bool
) -> tuple[tuple[Listener, ...], tuple[Gap, ...]]:
    """*listeners* without command lines, and what is *missing* with that said."""
    kept = tuple(masked(each, show=show) for each in listeners)
    return kept, missing if show or not any(each.ownership.owners for each in kept) else (
        *missing,
        MASKED,
    )
