"""What a test needs of a machine, and what happens where it isn't there.

What may be absent is looked for here and nowhere else: :func:`find_program` finds programs,
:func:`need_module` optional packages of Python, :func:`need_file` what is fetched apart, and
:func:`need_kernel` is for what only some kernels do or permit. A test that lacks something is
skipped. Two variables change that:

``PORTBOOK_REQUIRE_REAL=1``
    Whatever can be installed must be there: its absence is a failure. What the kernel lacks still
    skips, for nothing that is installed would help.
``PORTBOOK_TEST_BARE=1``
    Nothing is found: what is left has to pass, as it has to on a machine with Python alone.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def is_bare() -> bool:
    """Whether nothing is to be found."""
    return os.environ.get("PORTBOOK_TEST_BARE") == "1"


def is_required() -> bool:
    """Whether what can be installed must be there."""
    return os.environ.get("PORTBOOK_REQUIRE_REAL") == "1" and not is_bare()


def need(there: bool, what: str) -> None:
    """Skips the test, or fails it where real components are required, unless *there*."""
    if there:
        return
    if is_required():
        pytest.fail(f"{what}, and PORTBOOK_REQUIRE_REAL=1 asks for it")
    pytest.skip(what)


def need_kernel(there: bool, what: str) -> None:
    """Skips the test unless *there*: a feature or a permission of the kernel, or of a container."""
    if is_bare() or not there:
        pytest.skip(what if not there else f"{what} (PORTBOOK_TEST_BARE=1)")


def need_linux() -> None:
    """Needs Linux."""
    need(sys.platform == "linux", "this test asks Linux")


def need_root(why: str = "this test changes the machine") -> None:
    """Needs root on Linux, and says *why*: "this test mounts"."""
    need_linux()
    need(os.geteuid() == 0, f"{why}, which takes root")


def need_namespaces() -> None:
    """Needs Linux and root: to make namespaces and to run servers as their own users."""
    need_root("this test makes network namespaces")
    need_program("unshare", "nsenter", "setpriv", "ip")


def need_bound_shown() -> None:
    """Needs a kernel that lists sockets that are bound but don't listen."""
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    shown = [int(number) for number in numbers] >= [6, 8]
    need_kernel(shown, "only Linux 6.8 and later list sockets that are bound but don't listen")


def extend_path() -> None:
    """Puts the folders of root's programs behind the others in PATH, as tests call them by name.

    A PATH of the basics lacks them, and what was found there couldn't be started.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if sys.platform != "win32" and not is_bare():
        folders += [each for each in ("/usr/sbin", "/sbin") if each not in folders]
    os.environ["PATH"] = os.pathsep.join(folders)


def find_program(name: str) -> str | None:
    """The path of a program: *name* in PATH, or a path that may hold ``*``."""
    if is_bare():
        return None
    if "/" in name:
        return max(glob.glob(name), default=None)
    return shutil.which(name)


def need_program(*names: str) -> str:
    """Needs every program of *names*, each as :func:`find_program` takes it.

    Returns the path of the last.
    """
    path = None
    for name in names:
        path = find_program(name)
        need(path is not None, f"{name} is not installed")
    assert path is not None, "no program was named"
    return path


def need_any_program(*names: str) -> str:
    """Needs one program of *names*, and returns the path of the first that is there."""
    path = next(filter(None, map(find_program, names)), None)
    need(path is not None, f"{' or '.join(names)} is not installed")
    assert path is not None, "no program was named"
    return path


def need_module(*names: str) -> None:
    """Needs every package of Python of *names*: those that ``make test`` alone doesn't install."""
    for name in names:
        need(
            not is_bare() and find_spec(name) is not None,
            f"the Python package {name} isn't installed",
        )


def need_file(path: Path, what: str) -> Path:
    """Needs a file that is fetched apart, and returns its *path*; *what* says where it is from."""
    need(not is_bare() and path.is_file(), what)
    return path


def need_downloads(what: str) -> Path:
    """Needs the folder of the packages that the data is built from; *what* names them."""
    folder = os.environ.get("PORTBOOK_DOWNLOADS")
    need(bool(folder) and not is_bare(), f"PORTBOOK_DOWNLOADS doesn't name the folder of {what}")
    return Path(str(folder))
