"""A real PostgreSQL, from Debian's package, on any port of the loopback address."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.patience import PATIENCE
from tests.real.needs import need, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator


class Database:
    """One server; *url* leads to it."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self.folder = folder
        self._bin = os.path.dirname(need_program("/usr/lib/postgresql/*/bin/postgres"))
        self._running: subprocess.Popen[bytes] | None = None
        shutil.chown(folder, "postgres", "postgres")
        self._as_postgres(f"{self._bin}/initdb", "--auth=trust", "--no-sync", "-D", folder / "db")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _argv(self, *argv: object) -> list[str]:
        identity = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        return ["setpriv", *identity, "--", *map(str, argv)]

    def _as_postgres(self, *argv: object) -> None:
        subprocess.run(self._argv(*argv), check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Starts it on the port that it had, and returns once it answers."""
        if self.port:
            assert self._try(), "PostgreSQL has ended"
            return
        for _ in range(10):
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            if self._try():
                return
        raise AssertionError("PostgreSQL finds no port")

    def _try(self) -> bool:
        """Starts it; false where it ends, as it does where somebody else was given the port."""
        command = [f"{self._bin}/postgres", "-D", self.folder / "db", "-p", self.port]
        options = ["-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
        argv = self._argv(*command, *options)
        self._running = subprocess.Popen(argv, cwd="/", stderr=subprocess.DEVNULL)
        import psycopg

        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            if self._running.poll() is not None:
                return False
            try:
                psycopg.connect(self.url, connect_timeout=60).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        raise AssertionError("PostgreSQL doesn't answer")

    def stop(self) -> None:
        """Stops it as an administrator would who doesn't wait for clients."""
        if self._running is not None:
            self._running.send_signal(2)  # SIGINT: a fast shutdown
            self._running.wait(PATIENCE)
            self._running = None


@contextlib.contextmanager
def running() -> Iterator[Database]:
    """A server that runs, with data of its own.

    They aren't below the folder of a test: another user doesn't get through pytest's own.
    """
    need(os.geteuid() == 0, "this test runs PostgreSQL as its own user, which takes root")
    need_program("setpriv")
    with tempfile.TemporaryDirectory(prefix="portbook-test-") as folder:
        database = Database(Path(folder))
        try:
            database.start()
            yield database
        finally:
            database.stop()
