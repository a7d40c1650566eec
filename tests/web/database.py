"""A real PostgreSQL, from Debian's package, on any port of the loopback address."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from tests.real.needs import need, need_program
from tests.real.readable import let_through

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Database:
    """One server; *url* leads to it."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.folder = folder
        self._bin = os.path.dirname(need_program("/usr/lib/postgresql/*/bin/postgres"))
        self._running: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        shutil.chown(folder, "postgres", "postgres")
        let_through(folder)
        self._as_postgres(f"{self._bin}/initdb", "--auth=trust", "--no-sync", "-D", folder / "db")

    def _argv(self, *argv: object) -> list[str]:
        identity = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        return ["setpriv", *identity, "--", *map(str, argv)]

    def _as_postgres(self, *argv: object) -> None:
        subprocess.run(self._argv(*argv), check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        command = [f"{self._bin}/postgres", "-D", self.folder / "db", "-p", self.port]
        options = ["-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
        argv = self._argv(*command, *options)
        self._running = subprocess.Popen(argv, cwd="/", stderr=subprocess.DEVNULL)
        import psycopg

        for _ in range(600):
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._running.poll() is None, "PostgreSQL has ended"
                time.sleep(0.05)
            else:
                return
        raise AssertionError("PostgreSQL doesn't answer")

    def stop(self) -> None:
        """Stops it as an administrator would who doesn't wait for clients."""
        if self._running is not None:
            self._running.send_signal(2)  # SIGINT: a fast shutdown
            self._running.wait(60)
            self._running = None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Database]:
    """A server that runs, with data of its own in *folder*."""
    need(os.geteuid() == 0, "this test runs PostgreSQL as its own user, which takes root")
    need_program("setpriv")
    database = Database(folder)
    try:
        database.start()
        yield database
    finally:
        database.stop()
