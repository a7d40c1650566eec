r"""The package that owns a file, from dpkg's or RPM's own database.

dpkg keeps one list of paths a package in /var/lib/dpkg/info; searching 700 of them takes 5 ms.
RPM is asked through ``rpm -qf``. Other package managers' databases are not read, and that is
said: "not asked" is not "not packaged".

>>> version_in(b"Package: dash\nStatus: install ok installed\nVersion: 0.5.12-2\n", "dash")
'0.5.12-2'
"""

from __future__ import annotations

import errno
import os
import stat

from portbook._fast_types import NamedTuple
from portbook.errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_INFO = "var/lib/dpkg/info"
_STATUS = "var/lib/dpkg/status"
_DIVERSIONS = "var/lib/dpkg/diversions"
_RPM_DATABASES = ("usr/lib/sysimage/rpm", "var/lib/rpm", "usr/share/rpm")
_RPM_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
# On a merged /usr these are links into it, and packages may list either name of a file
# (Debian's usrmerge; the file hierarchy of systemd, file-hierarchy(7)).
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# One read suits nearly every list, and one buffer all of them: with a new one for each list
# the memory costs three times as much as the reading.
_READ = 1 << 18
_LARGEST = 1 << 26  # bytes of the status of all packages: 100,000 of them have 64 MB
# The root may be a container's: no link is followed there, and no pipe waited for.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_FLAGS |= getattr(os, "O_CLOEXEC", 0)
_SECONDS = 2.0


class Package(NamedTuple):
    """An installed package. ``manager`` is dpkg or rpm.

    ``unpacked`` is when its files were last put in place, in seconds since the epoch: by its
    installation or its newest upgrade. None: not known.
    """

    name: str
    version: str | None
    manager: str
    architecture: str | None = None
    unpacked: float | None = None

    def newer_than(self, started: float) -> bool | None:
        """Whether it was installed or upgraded after *started*, seconds since the epoch.

        A process that started before runs the old file, which the upgrade deleted: no reason
        for alarm. None where it is not known when the package came.

        >>> Package("nginx", "1.22.1-9", "dpkg", unpacked=2000.5).newer_than(1000.0)
        True
        """
        return None if self.unpacked is None else self.unpacked > started


class Ownership(NamedTuple):
    """The answer of the package database.

    ``package`` None and ``reason`` None: it was asked, and no package owns the file. With a
    ``reason`` it could not be asked, and nothing follows.
    """

    package: Package | None
    reason: str | None = None


def owning_package(path: str, root: str = "/") -> Ownership:
    """The package that owns *path*, an absolute path inside *root*.

    For a process in a container *root* is its /proc/PID/root. A path that ends in " (deleted)",
    as the kernel prints it, is to be given without that.
    """
    if not path.startswith("/"):
        return Ownership(None, f"{shown(path)} is not an absolute path")
    if "\n" in path or "\0" in path:
        return Ownership(None)  # no package database can hold such a name
    if os.path.isdir(os.path.join(root, _INFO)):
        return _dpkg(path, root)
    for folder in _RPM_DATABASES:
        if any(os.path.isfile(os.path.join(root, folder, name)) for name in _RPM_FILES):
            return _rpm(path, root, folder)
    return Ownership(None, "this system has neither dpkg's nor RPM's database of packages")


# -- dpkg -------------------------------------------------------------------------------------


def aliases(path: str, merged: tuple[str, ...] = _MERGED) -> tuple[str, ...]:
    """The names under which packages may list the file at *path* where /usr is merged.

    >>> aliases("/usr/bin/bash"), aliases("/sbin/ip"), aliases("/opt/x/bin/y")
    (('/usr/bin/bash', '/bin/bash'), ('/sbin/ip', '/usr/sbin/ip'), ('/opt/x/bin/y',))
    """
    parts = path.split("/")
    if len(parts) > 2 and parts[1] in merged:
        return path, "/usr" + path
    if len(parts) > 3 and parts[1] == "usr" and parts[2] in merged:
        return path, path.removeprefix("/usr")
    return (path,)


def _dpkg(path: str, root: str) -> Ownership:
    merged = tuple(name for name in _MERGED if os.path.islink(os.path.join(root, name)))
    names = aliases(os.path.normpath(path), merged)
    diverted, others = _diversions(names, root)
    wanted = {os.fsencode(name) for name in diverted or names}
    folder = os.path.join(root, _INFO)
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return Ownership(None, f"dpkg's database can't be read: {error.strerror}")
    try:
        lists = [name for name in os.listdir(directory) if name.endswith(".list")]
        for name in _searched(lists, directory, wanted):
            if name[:-5].split(":")[0] not in others:
                unpacked = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime
                return Ownership(_package(name[:-5], unpacked, root))
    except OSError as error:
        return Ownership(None, f"dpkg's database can't be read: {error.strerror}")
    finally:
        os.close(directory)
    return Ownership(None)


def _searched(lists: list[str], directory: int, wanted: set[bytes]) -> Iterator[str]:
    """The lists that hold a line of *wanted*, all of which end in the same file name."""
    tail = next(iter(wanted)).rsplit(b"/", 1)[1] + b"\n"
    buffer = bytearray(_READ)
    for name in lists:
        try:
            descriptor = os.open(name, _FLAGS, dir_fd=directory)
        except FileNotFoundError:  # dpkg is at work
            continue
        try:
            size = os.readv(descriptor, [buffer])
            rest = b"".join(_rest(descriptor)) if size == _READ else b""
        finally:
            os.close(descriptor)
        # Most lists are done with here, without a copy of anything.
        if buffer.find(tail, 0, size) < 0 and not rest:
            continue
        data = bytes(buffer[:size]) + rest
        if tail in data and not wanted.isdisjoint(data.split(b"\n")):
            yield name


def _rest(descriptor: int) -> Iterator[bytes]:
    for _ in range(256):
        part = os.read(descriptor, _READ)
        if not part:
            return
        yield part


def _content(path: str) -> bytes:
    """What is in the regular file at *path*, up to :data:`_LARGEST`. Raises OSError."""
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return file.read(_LARGEST)


def _diversions(names: tuple[str, ...], root: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What dpkg-divert(1) moved: the names to look for instead, and packages that don't count.

    The file of a diverted package lies under another name, and its own list doesn't say so.
    """
    try:
        lines = os.fsdecode(_content(os.path.join(root, _DIVERSIONS))).split("\n")
    except OSError:
        return (), ()
    for place in range(0, len(lines) - 2, 3):
        original, moved, package = lines[place : place + 3]
        if moved in names:
            return aliases(original), (package,)
    return (), ()


def _package(listed: str, unpacked: float, root: str) -> Package:
    name, _, architecture = listed.partition(":")
    try:
        version = version_in(_content(os.path.join(root, _STATUS)), name, architecture)
    except OSError:
        version = None
    return Package(
        name=name,
        version=version,
        manager="dpkg",
        architecture=architecture or None,
        unpacked=unpacked,
    )


def version_in(status: bytes, name: str, architecture: str = "") -> str | None:
    """The version of package *name* in dpkg's status file (deb-control(5)); None if it isn't."""
    mark = b"Package: " + os.fsencode(name) + b"\n"
    place = 0 if status.startswith(mark) else status.find(b"\n" + mark) + 1
    while place or status.startswith(mark):
        end = status.find(b"\n\n", place)
        stanza = status[place : end if end >= 0 else len(status)]
        fields = dict(line.split(b": ", 1) for line in stanza.split(b"\n") if b": " in line)
        if not architecture or fields.get(b"Architecture") == os.fsencode(architecture):
            version = fields.get(b"Version")
            return None if version is None else version.decode("utf-8", "replace")
        if end < 0:
            break
        place = status.find(b"\n" + mark, end) + 1
        if not place:
            break
    return None


# -- RPM --------------------------------------------------------------------------------------

_RPM_NOT_OWNED = (b"is not owned by any package", b"No such file or directory")
_FORMAT = r"%{NAME}\t%{EVR}\t%{ARCH}\t%{INSTALLTIME}\n"


def parse_rpm(text: str) -> Package | None:
    r"""What ``rpm -qf`` printed in our format; the newest, where several packages own a file.

    >>> parse_rpm("bash\t5.2.26-4.el10\tx86_64\t1700000000\n").version
    '5.2.26-4.el10'
    """
    found = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if len(cells) == 4 and cells[3].isascii() and cells[3].isdecimal():
            found.append(
                Package(
                    name=cells[0],
                    version=cells[1],
                    manager="rpm",
                    architecture=cells[2],
                    unpacked=float(cells[3][:12]),
                )
            )
    return max(found, key=lambda each: each.unpacked or 0.0, default=None)


def _rpm(path: str, root: str, folder: str) -> Ownership:
    from portbook.host.run_tool import SYSTEM_FOLDERS, find_tool, run_tool

    rpm = find_tool("rpm", SYSTEM_FOLDERS)
    if rpm is None:
        return Ownership(None, "rpm is not installed, so its database could not be asked")
    # The database is named, because a container's need not be where this system's rpm has its.
    where = ["--dbpath", f"/{folder}", *(["--root", root] if root != "/" else [])]
    command = [rpm, *where, "-qf", "--qf", _FORMAT, "--", path]
    try:
        done = run_tool(command, SYSTEM_FOLDERS, _SECONDS)
    except OSError as error:
        return Ownership(None, f"rpm could not be asked: {error.strerror}")
    if done.status is None:
        return Ownership(None, "rpm could not be asked: it did not answer in time")
    package = parse_rpm(done.output.decode("utf-8", "replace"))
    # In the C locale rpm's words are fixed (rpm's lib/query.c): it looks into the database first,
    # and at the file only to explain why it found nothing.
    words = done.output + done.errors
    if package is None and not any(each in words for each in _RPM_NOT_OWNED):
        return Ownership(None, "rpm could not say which package owns the file")
    return Ownership(package)
