"""What the real tests need of a machine, and what happens where it isn't there.

Such a test is skipped, unless ``PORTBOOK_REQUIRE_REAL=1`` says that everything must be there.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys

import pytest


def need(there: bool, what: str) -> None:
    """Skips the test, or fails it where real components are required, unless *there*."""
    if there:
        return
    if os.environ.get("PORTBOOK_REQUIRE_REAL") == "1":
        pytest.fail(f"{what}, and PORTBOOK_REQUIRE_REAL=1 asks for it")
    pytest.skip(what)


def need_root() -> None:
    """Needs Linux and root: to make namespaces and to run servers as their own users."""
    need(sys.platform == "linux", "this test asks Linux")
    need(os.geteuid() == 0, "this test makes network namespaces, which takes root")
    need_program("unshare", "nsenter", "setpriv")
    need_program("ip")


def shows_bound() -> bool:
    """Whether the kernel lists sockets that are bound but don't listen: Linux 6.8 and later."""
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    return [int(number) for number in numbers] >= [6, 8]


def need_program(*names: str) -> str:
    """Needs every program of *names*: a name in PATH, or a path that may hold ``*``.

    Returns the path of the last.
    """
    path = ""
    for name in names:
        if "/" in name:
            path = max(glob.glob(name), default="")
        else:
            path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""
        need(bool(path), f"{name} is not installed")
    return path
