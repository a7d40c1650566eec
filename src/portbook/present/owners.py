"""Who holds a socket, in words: one place for every form.

>>> from portbook.model import Process
>>> process = Process(17580, "node", ("node", "server.js"), uid=1000, user="ada",
...                   started=100.0, cwd="/home/ada/shop")
>>> owner_phrase(process, Viewer(1000, "/home/ada", 7300.0))
'node server.js (pid 17580, you, up 2 h, ~/shop)'
"""

from __future__ import annotations

from portbook._fast_types import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from portbook.model import Host, Listener, Process

_LONGEST_FOLDER = 32
_LONGEST_LINE = 1000  # characters of arguments; JSON has them all
_DELETED = " (deleted)"


class Viewer(NamedTuple):
    """Whom an answer is for: effective user, home folder, and the moment (seconds since 1970).

    ``uid`` is None on systems without user numbers.
    """

    uid: int | None = None
    home: str | None = None
    now: float | None = None

    @property
    def is_root(self) -> bool:
        """Whether more rights can't show more."""
        return self.uid == 0


def viewer() -> Viewer:
    """Whoever runs this process, now."""
    import os
    import time

    uid = os.geteuid() if hasattr(os, "geteuid") else None
    home = os.environ.get("HOME") or None
    return Viewer(uid, home if home and home.startswith("/") and home != "/" else None, time.time())


def owner_name(owner: Process) -> str:
    """*owner* by what it runs: interpreter and script, module, jar or class; else its program.

    The arguments say so, and a process may write there what it likes: a name, no proof.

    >>> from portbook.model import Process
    >>> owner_name(Process(7, "MainThread", ("/usr/bin/node", "/srv/shop/server.js")))
    'node server.js'
    >>> owner_name(Process(7, "nginx", ("nginx: master process /usr/sbin/nginx",)))
    'nginx'
    """
    from portbook.model.command_line import run_name

    if name := run_name(owner.program, owner.command):
        return name
    if owner.container_name or owner.container:
        return f"container {owner.container_name or owner.container}"
    return f"process {owner.pid}" if owner.pid else "a process"


def owner_line(owner: Process) -> str:
    """*owner* as it was started: its name, and the arguments behind it.

    >>> from portbook.model import Process
    >>> owner_line(Process(7, "node", ("/usr/bin/node", "/srv/shop/server.js", "--port", "3000")))
    'node server.js --port 3000'
    """
    from portbook.model.command_line import RunKind, run_of

    run = run_of(owner.command) if owner.command else None
    if run is None or run.kind is RunKind.TITLE or not run.arguments:
        return owner_name(owner)
    return command_line((owner_name(owner), *run.arguments))


def runs_unnamed_code(owner: Process) -> bool:
    """Whether the arguments of *owner* name nothing that tells it from others: ``python3 -c …``.

    The code itself isn't shown: a secret in it could not be told from the rest.
    """
    from portbook.model.command_line import RunKind, run_of

    run = run_of(owner.command) if owner.command else None
    return run is not None and (
        (run.kind is RunKind.SCRIPT and run.name.endswith(" …")) or run.arguments == ("-",)
    )


def command_line(words: Iterable[str]) -> str:
    """*words* in a row, cut where they are very long.

    >>> command_line(["node", "server.js"]), len(command_line(["sh", "x" * 1_000_000]))
    ('node server.js', 1024)
    """
    line = " ".join(words)
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[:_LONGEST_LINE]}… ({len(line):,} characters)"


def owner_phrase(owner: Process, to: Viewer, *, whole: bool = False) -> str:
    """*owner* by name, and in brackets what tells it from others of that name.

    The *whole* of it has the arguments as well.
    """
    facts = owner_facts(owner, to)
    name = owner_line(owner) if whole else owner_name(owner)
    return f"{name} ({', '.join(facts)})" if facts else name


def owner_facts(owner: Process, to: Viewer) -> list[str]:
    """Pid, user, age, and where it belongs: its container, its service or its directory."""
    facts = [f"pid {owner.pid}"] if owner.pid else []
    if owner.uid is not None and owner.uid == to.uid:
        facts.append("you" if owner.uid else "root")
    elif owner.user or owner.uid is not None:
        facts.append(owner.user or f"user {owner.uid}")
    if owner.started is not None and to.now is not None and to.now >= owner.started:
        facts.append(f"up {age(to.now - owner.started)}")
    if owner.container_name or owner.container:
        facts.append(f"container {owner.container_name or owner.container}")
    elif owner.unit and owner.unit.endswith(".service"):
        facts.append(owner.unit)
    elif owner.cwd and (folder := short_folder(owner.cwd, to.home)):
        facts.append(folder)
    return facts


def short_folder(path: str, home: str | None) -> str | None:
    """*path* as one calls it: from the home folder on, and its end where it is long.

    None for the root folder, where daemons stand that stand nowhere.

    >>> short_folder("/home/ada/shop", "/home/ada"), short_folder("/", None)
    ('~/shop', None)
    >>> short_folder("/srv/very/long/path/that/goes/on/and/on/shop", None)
    '…/on/and/on/shop'
    """
    gone = _DELETED if path.endswith(_DELETED) else ""
    path = path.removesuffix(_DELETED)
    if path == "/":
        return None
    if home and (path == home or path.startswith(home + "/")):
        path = "~" + path[len(home) :]
    if len(path) > _LONGEST_FOLDER:
        parts = path.split("/")
        path = parts.pop()
        while parts and len(parts[-1]) + len(path) + 3 <= _LONGEST_FOLDER // 2 + 2:
            path = f"{parts.pop()}/{path}"
        path = f"…/{path[-_LONGEST_FOLDER:]}"
    return path + gone


def age(seconds: float) -> str:
    """A span of time as one says it.

    >>> [age(each) for each in (5, 540, 7200, 200_000)]
    ['5 s', '9 min', '2 h', '2 d']
    """
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400):,} d"


def unseen_owner(
    listener: Listener, to: Viewer, *, hint: bool = True, several: bool = False
) -> str:
    """What holds *listener* where no process could be named, and how to see more.

    That takes sudo, which is the *hint*: an answer whose next step says so can do without. Of
    *several* sockets of one user nobody can tell whether one process holds them.
    """
    socket = listener.socket
    user = socket.user or (f"user {socket.uid}" if socket.uid is not None else None)
    seen = listener.ownership.seen
    from portbook.model import OwnersSeen

    if seen is OwnersSeen.KERNEL:
        return "the kernel itself"
    if seen is OwnersSeen.NONE:
        return "no process: the kernel, or a socket being passed on"
    if seen is OwnersSeen.UNASKED:
        return "an unknown program"
    many = "es" if several else ""
    whose = f"{'one or more' if several else 'a'} {'root ' if socket.uid == 0 else ''}process{many}"
    if socket.uid and user and socket.uid != to.uid:
        whose = f"{whose} of {user}"
    if to.is_root:
        return f"{whose} you can't see (not even as root)"
    return f"{whose} you can't see{' (try sudo)' if hint else ''}"


def unseen_sentences(host: Host | None) -> tuple[str, ...]:
    """What could not be seen of *host*, a sentence each, but for what has lines of its own."""
    if host is None or not host.missing:
        return ()
    from portbook.model.gap import OF_OWNERS, OF_REACH
    from portbook.present.phrases import gap_sentences

    others = [gap for gap in host.missing if gap.code not in OF_OWNERS | OF_REACH]
    return tuple(gap_sentences(others))
