"""The server: the sockets that it listens on, and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import os
import secrets
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from portbook.catalog.registry.stats import count
from portbook.catalog.registry.summary import shelf
from portbook.catalog.search import index
from portbook.errors import InvalidArgument, PortbookError, shown
from portbook.model import (
    SITE_PORT,
    OwnerSearch,
    Transport,
)
from portbook.web.app import create_app
from portbook.web.feedback.store import open_store
from portbook.web.http.connections import (
    SECONDS,
    Connections,
    Phase,
    raise_descriptor_limit,
    shares,
)
from portbook.web.http.protocol import PatientProtocol
from portbook.web.local.access import is_loopback
from portbook.web.state import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portbook.catalog import Catalog
    from portbook.web.http.cache import Keeping

# What portbook itself calls a good choice: a User Port that IANA lists as "Unassigned" for all
# four transports, no other use of which is on record, that no browser blocks, and that lies outside
# of what Linux, FreeBSD, macOS, illumos and Windows hand out automatically. (OpenBSD hands out
# 1024 to 49151: no User Port is outside of that.)
DEFAULT_PORT = SITE_PORT

_GRACE = 10  # seconds for answers that have begun when the server is told to stop
_WARM_AFTER = 0.7  # seconds in which nobody asks, before what later pages need is read
_WARM_AT_LAST = 40  # such times after which it is read in any case


def check_host(host: str, *, public: bool) -> None:
    """Raises InvalidArgument where *host* is no loopback address and the site isn't public."""
    if not public and not is_loopback(host):
        raise InvalidArgument(
            "host",
            f"{shown(host)} can be reached by other machines, which must not see this one: take "
            "127.0.0.1",
        ).helped_by("public")


def open_sockets(catalog: Catalog, host: str, port: int) -> list[socket.socket]:
    """Listening sockets on *port* at *host*: both loopback addresses for ``localhost``.

    Raises InvalidArgument where the address is taken, and says by whom.
    """
    hosts = ("127.0.0.1", "::1") if host.lower() == "localhost" else (host,)
    opened: list[socket.socket] = []
    try:
        for each in hosts:
            try:
                found = _open(each, opened[0].getsockname()[1] if opened else port)
            except OSError as error:
                # A machine without IPv6 still has a localhost.
                if opened and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue
                raise
            opened.append(found)
    except OSError as error:
        for each_socket in opened:
            each_socket.close()
        failed = InvalidArgument("", _why(catalog, host, port, error))
        raise failed.helped_by("port") if error.errno == errno.EADDRINUSE else failed from error
    return opened


def _open(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        address: Any = (host, port)
    except ValueError:
        (family, _, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows the option lets two servers share one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _why(catalog: Catalog, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        who = _holder(catalog, port)
        return f"port {port} is taken{f' by {who}' if who else ''}: portbook why {port} shows why"
    if error.errno == errno.EACCES:
        return f"port {port} needs a privilege: take one above, or see portbook why {port}"
    said = error.strerror or str(error)
    return f"{shown(host)} port {port} can't be listened on ({said}): give another address or port"


def _holder(catalog: Catalog, port: int) -> str | None:
    """Who has *port*, in a few words; None where that isn't visible."""
    from portbook.app.listen import ScanOptions, look

    listeners = look((port, port), Transport.TCP, ScanOptions(OwnerSearch.FIRST), catalog).listeners
    for owner in (owner for each in listeners for owner in each.ownership.owners):
        return f"{owner.program or 'a process'} (pid {owner.pid})"
    users = {
        each.socket.user or str(each.socket.uid)
        for each in listeners
        if each.socket.uid is not None
    }
    return f"a process of user {', '.join(sorted(users))}" if users else None


def address_of(listener: socket.socket) -> str:
    """The address of the site that *listener* serves, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's; it says *greeting* once it answers, and that it is to end before it waits."""

    def __init__(
        self, config: uvicorn.Config, app: Keeping, most: int, greeting: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.server_state = self._connections = Connections(most)
        self._keeping = app
        self._greeting = greeting
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to answer. Whoever reads the greeting can ask, and can send signals."""
        await super().startup(sockets)
        self._tasks = (
            asyncio.create_task(self._connections.patrol()),
            asyncio.create_task(self._warm()),
        )
        gc.freeze()  # modules stay: the collector would look through them whenever pages come
        self._greeting()

    async def _warm(self) -> None:
        """Lets what later pages need be read while nobody asks: no page must wait for that.

        A thread that computes takes the interpreter from all who ask, five milliseconds at a time.
        """
        quiet = Quiet(lambda: self.server_state.total_requests)
        arguments = (self._keeping.context.catalog, quiet.wait)
        threading.Thread(target=_warm_up, args=arguments, daemon=True).start()
        await quiet.look()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the event streams, which never end on their own, then the rest."""
        for task in self._tasks:
            task.cancel()
        panel = self._keeping.context.panel
        if panel is not None:
            panel.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does; but being asked to stop, and stopping, is no failure.

        uvicorn kills itself with SIGTERM again once all is done. Here that is status 0, and
        only Ctrl-C is passed on.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        asked = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGBREAK")]
        before = {each: signal.signal(each, self.handle_exit) for each in asked if each}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
        if signal.SIGINT in self._captured_signals:
            raise KeyboardInterrupt


def serve(
    catalog: Catalog,
    host: str,
    port: int,
    *,
    public: bool = False,
    show_commands: bool = False,
    browser: bool = False,
    base_url: str | None = None,
) -> int:
    """Serves the site until it is told to stop, and returns the exit status.

    Raises InvalidArgument where *host* and *port* can't be bound.
    """
    check_host(host, public=public)
    store = open_store()
    sockets = open_sockets(catalog, host, port)
    # Other users of the machine must not see what only root sees.
    as_root = not public and hasattr(os, "geteuid") and os.geteuid() == 0
    token = secrets.token_urlsafe(24) if as_root else None
    known = (base_url or "").rstrip("/")
    settings = Settings(
        host=host,
        public=public,
        show_commands=show_commands,
        token=token,
        store=store,
        address=known,
    )
    app = create_app(catalog, settings)
    most, backlog = shares(raise_descriptor_limit())
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="uvloop" if _has_uvloop() else "asyncio",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(SECONDS[Phase.IDLE]),
        backlog=backlog,
        timeout_graceful_shutdown=_GRACE,
    )
    address = address_of(sockets[0])

    def greet() -> None:
        print(f"portbook is at {address}/ (Ctrl-C ends it)")
        if token is not None:
            print(f"This machine, as root sees it: {address}/here?token={token}")
        elif not public:
            print(f"This machine: {address}/here")
        sys.stdout.flush()
        if browser:
            import webbrowser

            first = f"{address}/" if token is None else f"{address}/here?token={token}"
            threading.Thread(target=webbrowser.open, args=(first,), daemon=True).start()

    _Server(config, app, most, greet).run(sockets)
    return 0


class Quiet:
    """Whether nobody asks, for a thread that would be in the way of answers.

    *requests* counts those that were answered. After *looks*, each *interval* seconds long, it is
    quiet whatever comes.
    """

    def __init__(
        self, requests: Callable[[], int], interval: float = _WARM_AFTER, looks: int = _WARM_AT_LAST
    ) -> None:
        self._requests = requests
        self._interval = interval
        self._looks = looks
        self._count: int | None = -1  # when it was quiet last; None once it always is

    async def look(self) -> None:
        """Looks until it has looked often enough.

        The event loop does: while it makes an answer, it can't find that there is none to make.
        """
        for _ in range(self._looks):
            before = self._requests()
            await asyncio.sleep(self._interval)
            if self._requests() == before:
                self._count = before
        self._count = None

    def wait(self) -> None:
        """Returns once it is quiet, and nothing was answered since."""
        while self._count is not None and self._count != self._requests():
            time.sleep(self._interval)


def _warm_up(catalog: Catalog, wait: Callable[[], object]) -> None:
    """Reads what the first who search or ask for many ports would wait for; *wait* comes before
    each piece.

    All of it stays for good, so the collector needn't look through it ever again: a look at the
    whole registry is a pause that readers notice.
    """
    with contextlib.suppress(PortbookError):  # a page that needs it says what is wrong
        book = catalog.registry
        for read in (
            book.store.hold,
            lambda: book.named("ssh"),
            lambda: shelf(book),
            lambda: index(catalog),
            lambda: index(catalog).prepare(),
            lambda: count(book),
        ):
            wait()
            read()
    wait()
    gc.collect()
    gc.freeze()


def _has_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None
