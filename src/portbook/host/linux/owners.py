"""Which processes hold a socket, on Linux.

A process holds a socket when one of its descriptors in /proc/PID/fd points to it; there is no
index from socket to process, so the question is only in which order to look:

1. the processes of the control group in which the socket was made (the kernel tells its id),
2. the processes of the user who made it,
3. the others, the newest first.

A search for the first owner stops there, and asks those above it and its children alone: a server
has workers. A search for all looks at everything. A descriptor is
always seen before a process is called an owner. Where it can't be read for lack of privilege,
the first two steps still point somewhere; such an owner is marked as inferred.
"""

from __future__ import annotations

import os

from portbook._fast_types import NamedTuple
from portbook.host.linux import procfs
from portbook.host.linux.cgroups import read_members
from portbook.model import Gap, GapCode, Need, OwnersSeen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from portbook.host.linux.processes import Walk
    from portbook.model import Process

_ENOENT, _EPERM, _ESRCH, _EACCES = 2, 1, 3, 13
_LIKELY = 8  # more candidates than this, and a guess says nothing
_TRIES = 4
_HIGHEST = (1 << 22) - 1  # PID_MAX_LIMIT, linux/threads.h
_WORTH_A_CHILD = 400  # processes: with fewer it takes as long to fork as it saves
_NAMES = tuple([b"%d" % at for at in range(256)])  # of most descriptors
# Numbers that may be missing among a process's descriptors, at most one of so many, before to list
# them all takes less than to look for each.
_MOST_GAPS, _GAPS_ARE_OF = 8, 16


class Owners(NamedTuple):
    """What was found for each inode, and what could not be seen."""

    owners: Mapping[int, tuple[OwnersSeen, tuple[Process, ...]]]
    missing: tuple[Gap, ...] = ()


def read_owners(
    sockets: Mapping[int, tuple[int, int | None]],
    *,
    every: bool,
    root: str = "/proc",
    cgroups: str | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Owners:
    """The owners of *sockets*, inode -> (uid, cgroup id); all of them where *every* is true.

    *root* is where procfs is mounted and *cgroups* where cgroup2 is (None: found out). With
    *meanwhile* a child looks for all of them too, where there are many processes, and that is done
    before this process takes part.
    """
    search = _Search(sockets, every, root)
    search.meanwhile = meanwhile if every else None
    members = read_members(sockets, root, cgroups)
    search.run(members)
    if not every:
        search.ask_relatives()
    details = _Details(root)
    # What was seen to hold a socket may end before more is read of it, and others may go on.
    for _ in range(_TRIES):
        lost = {inode: pids for inode, pids in search.holders.items() if not details.read(pids)}
        if not lost:
            break
        search.ended.update(pid for pids in lost.values() for pid in pids)
        again = _Search({inode: sockets[inode] for inode in lost}, every, root, search.ended)
        again.run(members)
        if not every:
            again.ask_relatives()
        for inode in lost:
            del search.holders[inode]
        search.holders.update(again.holders)
    return search.result(members, details)


class _Search:
    def __init__(
        self,
        sockets: Mapping[int, tuple[int, int | None]],
        every: bool,
        root: str,
        ended: Iterable[int] = (),
    ) -> None:
        self.sockets = sockets
        self.every = every
        self.root = root
        self.ended = set(ended)
        # As bytes: a link is looked up as the kernel writes it, and never becomes text.
        self.wanted = {procfs.socket_link(inode).encode(): inode for inode in sockets}
        self.holders: dict[int, list[int]] = {}
        self.denied: dict[int, None] = {}
        self.failed: str | None = None
        self.bare: list[int] = []
        self.meanwhile: Callable[[], None] | None = None
        self.counted = procfs.counts_descriptors(root)

    def _read_pids(self) -> Iterator[int]:
        # Read as they are needed: to list a process takes the kernel a microsecond.
        try:
            with os.scandir(self.root) as entries:
                for entry in entries:
                    name = entry.name
                    if name.isdecimal():
                        yield int(name)
        except OSError as error:
            self.failed = error.strerror or str(error)

    def run(self, members: Mapping[int, tuple[int, ...]]) -> None:
        pids = self._read_pids() if self.every else self._order(members)
        shared = self.meanwhile and self._scan_shared(pids, self.meanwhile)
        self._scan_all(shared or pids)
        if not self.wanted:
            return
        # A main thread that has ended leaves /proc/PID/fd empty while its other threads go on;
        # rare, and looked at only if something is still unexplained.
        if len(self.holders) < len(self.sockets):
            for pid in tuple(self.bare):  # threads that end meanwhile are added to them
                self._scan_threads(pid)

    def ask_relatives(self) -> None:
        """Adds the parent of each first owner and its children, where they hold the socket too."""
        from portbook.host.linux.processes import family_of

        for inode, (first, *_) in tuple(self.holders.items()):
            self.holders[inode] = family_of(first, self.root, self._holding(inode))

    def _holding(self, inode: int) -> Callable[[int], bool]:
        def holds(pid: int) -> bool:
            self.wanted = {procfs.socket_link(inode).encode(): inode}
            self._scan(pid, b"%s/%d/fd/" % (self.root.encode(), pid))
            held, self.wanted = not self.wanted, {}
            return held

        return holds

    def _scan_all(self, pids: Iterable[int]) -> None:
        root = self.root.encode()
        for pid in pids:
            if pid not in self.ended:
                self._scan(pid, b"%s/%d/fd/" % (root, pid))
                if not self.wanted:
                    return

    def _scan_shared(self, pids: Iterator[int], meanwhile: Callable[[], None]) -> Iterator[int]:
        """Looks at *pids* together with a child where they are many; those that are left to do."""
        known = list(pids)
        if len(known) < _WORTH_A_CHILD:
            yield from known
            return
        from portbook.host.linux.two_processes import MOST_PARTS, work_in_two

        step = -(-len(known) // MOST_PARTS)
        parts = [known[at : at + step] for at in range(0, len(known), step)]

        def scan(part: int) -> tuple[dict[int, list[int]], list[int], list[int], str | None]:
            self.holders, self.denied, self.bare, self.failed = {}, {}, [], None
            self._scan_all(parts[part])
            return self.holders, list(self.denied), self.bare, self.failed

        unlisted = self.failed
        found = work_in_two(len(parts), scan, meanwhile)
        self.holders, self.denied, self.bare, self.failed = {}, {}, [], unlisted
        for holders, denied, bare, failed in found:
            for inode, those in holders.items():
                self.holders.setdefault(inode, []).extend(those)
            self.denied.update(dict.fromkeys(denied))
            self.bare += bare
            self.failed = failed or self.failed
        # A process that has begun meanwhile may hold what one that has ended held.
        before = set(known)
        yield from (pid for pid in self._read_pids() if pid not in before)

    def _order(self, members: Mapping[int, tuple[int, ...]]) -> Iterator[int]:
        done = set()
        for group in members.values():
            for pid in group:
                if pid not in done:
                    done.add(pid)
                    yield pid
        # The newest first, as what is asked about mostly is: numbers begin anew after the highest.
        # Before them the very first, which may hold a socket for another (systemd.socket(5)).
        own = os.getpid()
        pids = sorted(self._read_pids(), key=lambda pid: (pid != 1, (own - pid) & _HIGHEST))
        uids = {uid for uid, _ in self.sockets.values()}
        if 0 in uids:  # most processes are root's: asking each for its uid would gain nothing
            yield from (pid for pid in pids if pid not in done)
            return
        others = []
        for pid in pids:
            if pid in done:
                continue
            # The folder is owned by the effective uid, whether or not the process may be
            # dumped (task_dump_owner, fs/proc/base.c).
            if read_uid(pid, self.root) in uids:
                yield pid
            else:
                others.append(pid)
        yield from others

    def _scan(self, pid: int, folder: bytes) -> None:
        if not self._scan_numbers(pid, folder):
            self._scan_listed(pid, folder)

    def _scan_numbers(self, pid: int, folder: bytes) -> bool:
        """Looks at the descriptors in *folder* without listing them, and says whether it could.

        To list the descriptors takes the kernel as long as to read them all. Where the folder
        tells how many there are, they are mostly the numbers below that, and for each that isn't
        there one is just above: where as many can be read as there are, these are all.
        """
        if not self.counted:
            return False
        try:
            opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            count = os.fstat(opened).st_size
            if not count:  # a thread of the kernel, or a main thread that has ended
                self.bare.append(pid)
                return True
            names = _NAMES if count <= len(_NAMES) else [b"%d" % at for at in range(count)]
            most = min(_MOST_GAPS, count // _GAPS_ARE_OF)
            gaps = self._read_links(pid, opened, reversed(names[:count]), most)
            if not gaps or not self.wanted:
                return True
            above = [b"%d" % at for at in range(count, count + gaps + most)]
            return self._read_links(pid, opened, above, most) == most
        except OSError:
            return False  # too many gaps, or something that is to be told
        finally:
            os.close(opened)

    def _read_links(self, pid: int, folder: int, names: Iterable[bytes], most: int) -> int:
        """Reads the descriptors *names* in *folder*, and returns how many of them aren't there.

        Raises OSError where that is more than *most*, or where one can't be read.
        """
        wanted, readlink, left, gaps = self.wanted, os.readlink, iter(names), 0
        while True:
            try:
                for name in left:
                    link = readlink(name, dir_fd=folder)
                    if link in wanted:
                        self._note(pid, link)
                        if not wanted:
                            break
                return gaps
            except FileNotFoundError:
                gaps += 1
                if gaps > most:
                    raise

    # Listing: listdir and readlink by full path; scandir, and openat with the folder's descriptor,
    # were measured, and neither was faster.
    def _scan_listed(self, pid: int, folder: bytes) -> None:
        wanted, readlink = self.wanted, os.readlink
        try:
            names = os.listdir(folder)
        except OSError as error:
            self._excuse(pid, error)
            return
        if not names:
            self.bare.append(pid)
        for name in names:
            try:
                link = readlink(folder + name)
            except OSError as error:
                self._excuse(pid, error)
                if pid in self.denied:
                    return  # one descriptor refused is all of them refused
                continue
            if link in wanted:
                self._note(pid, link)
                if not wanted:
                    return

    def _note(self, pid: int, link: bytes) -> None:
        holders = self.holders.setdefault(self.wanted[link], [])
        if pid not in holders:
            holders.append(pid)
        if not self.every:
            del self.wanted[link]

    def _scan_threads(self, pid: int) -> None:
        folder = f"{self.root}/{pid}/task/"
        try:
            threads = os.listdir(folder)
        except OSError as error:
            self._excuse(pid, error)
            return
        for thread in threads:
            if thread != str(pid):
                self._scan(pid, f"{folder}{thread}/fd/".encode())

    def _excuse(self, pid: int, error: OSError) -> None:
        if error.errno in (_EACCES, _EPERM):
            self.denied[pid] = None
        elif error.errno not in (_ENOENT, _ESRCH):  # those have just ended, or closed it
            self.failed = error.strerror or str(error)

    def result(self, members: Mapping[int, tuple[int, ...]], details: _Details) -> Owners:
        veiled = not os.path.exists(f"{self.root}/1")  # hidepid, proc(5)
        blind = bool(self.denied or self.failed or veiled)
        # In a pid namespace of its own, a socket shared with the host's network may be held
        # by a process that has no number here.
        inside = not blind and procfs.inside_pid_namespace(self.root)
        found: dict[int, tuple[OwnersSeen, tuple[Process, ...]]] = {}
        inferred = hidden = 0
        for inode, (uid, cgroup) in self.sockets.items():
            processes = details.read(self.holders.get(inode, ()))
            if processes:
                seen = OwnersSeen.ALL if self.every and not blind else OwnersSeen.FIRST
            elif not blind and not inside:
                seen = OwnersSeen.NONE
            elif processes := details.read(self._guess(uid, members.get(cgroup or 0, ()))):
                seen = OwnersSeen.INFERRED
                inferred += 1
            else:
                seen = OwnersSeen.HIDDEN
                hidden += 1
            found[inode] = (seen, processes)
        return Owners(found, tuple(self._missing(inferred, hidden, inside, veiled)))

    def _guess(self, uid: int, members: tuple[int, ...]) -> list[int]:
        """The processes that could not be looked into and that cgroup or uid point to."""
        near = [pid for pid in members if pid in self.denied]
        own = [pid for pid in near if read_uid(pid, self.root) == uid]
        if not near and uid:  # what root runs is too much to guess from
            own = [pid for pid in self.denied if read_uid(pid, self.root) == uid]
        guess = own or near
        return guess if len(guess) <= _LIKELY else []

    def _missing(self, inferred: int, hidden: int, inside: bool, veiled: bool) -> Iterator[Gap]:
        needs, place, total = Need.ROOT if os.geteuid() else Need.LEAVE, None, len(self.sockets)
        if veiled and not procfs.lists_processes(self.root):
            needs, place = Need.PROCFS, self.root
        if self.failed:
            yield Gap(GapCode.PROCESSES_UNREAD, detail=self.failed)
        if hidden and inside:
            yield Gap(GapCode.OWNERS_HIDDEN, None, Need.HOST, number=hidden, total=total)
        elif hidden:
            yield Gap(GapCode.OWNERS_HIDDEN, place, needs, number=hidden, total=total)
        if inferred:
            yield Gap(GapCode.OWNERS_INFERRED, place, needs, number=inferred, total=total)
        if self.every and (self.denied or veiled) and not hidden and not inferred:
            yield Gap(GapCode.OWNERS_PARTIAL, place, needs)


def read_uid(pid: int, root: str = "/proc") -> int | None:
    """The effective uid of a process; None where it has ended."""
    try:
        return os.stat(f"{root}/{pid}").st_uid
    except OSError:
        return None


# -- one process ------------------------------------------------------------------------------


class _Details:
    """Processes read once each, however many sockets they hold."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: dict[int, Process | None] = {}
        self._sets: dict[tuple[int, ...], tuple[Process, ...]] = {}
        self._walk: Walk | None = None

    def read(self, pids: Iterable[int]) -> tuple[Process, ...]:
        """The processes *pids*; for the same ones the same tuple."""
        key = tuple(pids)
        found = self._sets.get(key)
        if found is None:
            found = self._sets[key] = self._read(key)
        return found

    def _read(self, pids: tuple[int, ...]) -> tuple[Process, ...]:
        processes = []
        for pid in pids:
            if pid not in self._seen:
                from portbook.host.linux.processes import Walk, read_process

                self._walk = self._walk or Walk()
                self._seen[pid] = read_process(pid, self._root, self._walk)
            process = self._seen[pid]
            if process is not None:
                processes.append(process)
        return tuple(processes)
