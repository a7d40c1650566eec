"""Where portbook keeps what isn't part of the program: the user's own data, and the system's."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def data_folder(env: Mapping[str, str]) -> str:
    """The folder for data of the user's own.

    ``XDG_DATA_HOME`` (XDG Base Directory Specification) goes before the system's own custom:
    ``~/Library/Application Support`` on macOS, ``%LOCALAPPDATA%`` on Windows.
    """
    base = env.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):  # the specification says to ignore a relative one
        home = os.path.expanduser("~")
        if os.name == "nt":
            base = env.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        elif sys.platform == "darwin":
            base = os.path.join(home, "Library", "Application Support")
        else:
            base = os.path.join(home, ".local", "share")
    return os.path.join(base, "portbook")


def system_folder(env: Mapping[str, str]) -> str:
    """The folder for data of all users, which the administrator alone writes.

    Elsewhere than on macOS and Windows it is that of the Filesystem Hierarchy Standard §5.8 for
    state that programs change.
    """
    if os.name == "nt":
        return os.path.join(env.get("PROGRAMDATA") or "C:\\ProgramData", "portbook")
    if sys.platform == "darwin":
        return "/Library/Application Support/portbook"
    return "/var/lib/portbook"


def registry_folders(env: Mapping[str, str]) -> tuple[str, str]:
    """The folders of the registries that an update kept: the user's own, then the system's."""
    return os.path.join(data_folder(env), "registry"), os.path.join(system_folder(env), "registry")
